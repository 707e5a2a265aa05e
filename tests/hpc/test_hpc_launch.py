"""`liface hpc launch`: what it says; what it does is tested with the dispatcher."""

from __future__ import annotations

import json
import platform

import pytest
from fireworks import LaunchPad
from jobflow import Job
from jobflow.managers.fireworks import flow_to_workflow
from lab_site import LabSite


@pytest.fixture
def lab(mongo, slurm, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LIFACE_SITE", raising=False)
    return LabSite(mongo, slurm, tmp_path).initialise()


def add_jobs(lab: LabSite, number: int) -> LaunchPad:
    pad = LaunchPad.from_file(str(lab.folder / "my_launchpad.yaml"))
    for _ in range(number):
        job = Job(platform.node)
        job.update_config({"manager_config": {"_category": "light", "_fworker": "lab-cpu"}})
        pad.add_wf(flow_to_workflow(job))
    return pad


def test_allocations_are_told_and_run_the_jobs(lab, slurm):
    pad = add_jobs(lab, 3)
    done = lab.program("hpc", "launch", "--kind", "light")
    assert done.stderr == "3 light jobs ready, 0 allocations queued before, 0 running\n"
    [allocation] = done.stdout.split()
    assert slurm.wait_for(allocation) == "COMPLETED"
    assert len(pad.get_fw_ids({"state": "COMPLETED"})) == 3
    again = lab.program("hpc", "launch", "--kind", "light", "--json")
    assert json.loads(again.stdout) == {"kind": "light", "ready": 0, "queued": 0, "running": 0, "allocations": []}
    assert lab.program("hpc", "launch", "--kind", "dft").stdout == "nothing to launch\n"


def test_allocations_that_wait_count(lab):
    add_jobs(lab, 2)
    lab.change("my_qadapter_cpu.yaml", 'queue: "debug"', "queue: down")
    command = ("hpc", "launch", "--kind", "light", "-n", "5", "--json")
    assert len(json.loads(lab.program(*command).stdout)["allocations"]) == 2
    assert json.loads(lab.program(*command).stdout) == {
        "kind": "light",
        "ready": 2,
        "queued": 2,
        "running": 0,
        "allocations": [],
    }


def test_refusal_of_the_batch_system_is_told(lab):
    add_jobs(lab, 1)
    lab.change("my_qadapter_cpu.yaml", 'queue: "debug"', "queue: nowhere")
    done = lab.program("hpc", "launch", "--kind", "light", code=5)
    assert "the batch system refuses: " in done.stderr and "nvalid partition" in done.stderr


def test_jobflow_remote_launches_by_itself(lab, tmp_path):
    (tmp_path / "site.yaml").write_text("name: far\nqueue: remote\nruns: /r\ncalculations: /c\nproject: far\n")
    lab.liface("hpc", "launch", "--kind", "light", "--site", "site.yaml", code=2, err="jf -p far runner start")


def test_wrong_kind_and_number(lab):
    lab.liface("hpc", "launch", "--kind", "heavy", code=2, err="light")
    lab.liface("hpc", "launch", "--kind", "light", "-n", "0", code=2, err="greater than or equal to 1")


def test_launching_without_a_server_ends_with_the_code_of_the_queue(lab):
    lab.change("my_launchpad.yaml", "host: ", 'host: "127.0.0.2" # ')
    lab.change("my_launchpad.yaml", "serverSelectionTimeoutMS: 10000", "serverSelectionTimeoutMS: 300")
    lab.liface("hpc", "launch", "--kind", "light", code=5, err="does not answer")
