"""Allocations for jobs that are ready: as many as make sense, of the right kind, and none where Slurm refuses."""

from __future__ import annotations

import os

import pytest
import yaml
from clean_environment import clean_environment
from hpc_toy_jobs import mark, marks_in
from jobflow import Flow
from waiting import wait_until

from liface.dispatch.launching import launch
from liface.dispatch.queues import open_queue
from liface.dispatch.queues.fireworks_batch import allocations, open_allocations
from liface.dispatch.site import Site
from liface.errors import InputError, SiteError, SubmissionError
from liface.workflows.decorators import ORIGIN
from liface.workflows.resources import Resources, ResourcesByKind

RUNNING = {"partition": "debug"}
NEVER = {"partition": "down"}
REFUSED = {"partition": "drained"}


@pytest.fixture
def here(fireworks_site, slurm, tmp_path, monkeypatch):
    """A function that gives a site whose jobs of all kinds have these resources; this process can talk to Slurm."""
    environment = clean_environment(**slurm.env)
    for name in set(os.environ) - set(environment) - {"PYTEST_CURRENT_TEST"}:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def site(**resources):
        kind = Resources(**resources)
        return Site(
            name="here",
            runs=str(tmp_path / "runs"),
            calculations=str(tmp_path / "calculations"),
            fireworks_config=str(fireworks_site.folder / "FW_config.yaml"),
            jobflow_config=str(fireworks_site.folder / "jobflow.yaml"),
            kinds=ResourcesByKind(light=kind, potential=kind, dft=kind),
        )

    return site


def hand_over(site, folder, kinds, submission="s1", resources=None):
    """Submit one job of each of these kinds that leaves a mark."""
    queue = open_queue("fireworks", site)
    flows = []
    for i, kind in enumerate(kinds):
        job = mark(str(folder), f"{kind} {i}")
        origin = {"submission": submission, "campaign": "c", "case": "x [m]", "step": job.name, "version": "0"}
        job.update_metadata({ORIGIN: origin})
        config = {"_category": kind, "_launch_dir": f"{site.runs}/{kind}-{i}"}
        job.update_config({"manager_config": config | ({"_queueadapter": resources} if resources else {})})
        flows.append(Flow([job], name=f"flow {i}"))
    queue.submit(flows, submission)
    return queue


def states(queue, submission="s1"):
    return [job.state for job in queue.jobs([submission])]


def script(site, kind):
    (found,) = (path for path in (site_folder(site) / kind).glob("launcher_*/FW_submit.script"))
    return found.read_text()


def site_folder(site):
    from pathlib import Path

    return Path(site.runs) / "allocations"


def test_one_allocation_takes_all_jobs_of_its_kind_and_light_ones(here, slurm, tmp_path):
    site = here(**RUNNING, walltime="00:10:00")
    queue = hand_over(site, tmp_path, ["potential", "potential", "light", "dft"])
    done = launch(site, "potential", 1)
    assert (done.ready, done.queued, len(done.allocations)) == (2, 0, 1)
    text = script(site, "potential")
    assert "rapidfire --timeout 480" in text and "#SBATCH --time=00:10:00" in text
    assert "#SBATCH --job-name=liface-potential" in text and "LIFACE_CALCULATIONS" in text
    assert slurm.wait_for(done.allocations[0]) == "COMPLETED"
    assert states(queue) == ["done", "done", "done", "ready"], "a packed allocation must not take what needs its own"
    assert {line.split()[1] for line in marks_in(tmp_path)} == {"potential", "light"}


def test_as_many_allocations_as_jobs_and_those_that_wait_count(here, slurm, tmp_path):
    site = here(**NEVER)
    hand_over(site, tmp_path, ["light", "light", "light"])
    assert len(launch(site, "light", 2).allocations) == 2
    second = launch(site, "light", 5)
    assert (second.ready, second.queued, len(second.allocations)) == (3, 2, 1)
    assert launch(site, "light", 5).allocations == ()
    assert launch(site, "light", 2).allocations == launch(site, "light", 1).allocations == (), "as cron repeats it"
    assert launch(site, "potential", 1).ready == 0
    assert len(slurm.job_ids()) == 3


def test_each_dft_job_gets_its_own_allocation(here, slurm, tmp_path):
    site = here(**RUNNING)
    queue = hand_over(site, tmp_path, ["dft", "dft", "light"], resources={"ntasks": 1, "walltime": "00:03:00"})
    first = launch(site, "dft", 1)
    assert len(first.allocations) == 1 and first.ready == 2
    assert slurm.wait_for(first.allocations[0]) == "COMPLETED"
    assert slurm.show(first.allocations[0])["TimeLimit"] == "00:03:00", "the resources of the job itself"
    assert sorted(states(queue)) == ["done", "ready", "ready"]
    assert len(launch(site, "dft", 5).allocations) == 1
    wait_until(lambda: sorted(states(queue)) == ["done", "done", "ready"])
    (finished, _) = [job for job in queue.jobs(["s1"]) if job.state == "done"]
    assert "/runs/dft-" in finished.folder


def test_reserved_jobs_say_where_they_are_and_can_be_cancelled(here, slurm, tmp_path):
    site = here(**NEVER)
    queue = hand_over(site, tmp_path, ["dft", "dft"], resources={"queue": "down"})
    allocations = launch(site, "dft", 2).allocations
    jobs = queue.jobs(["s1"])
    assert [job.state for job in jobs] == ["queued", "queued"]
    assert {job.reason for job in jobs} == {f"allocation {each} is pending: PartitionDown" for each in allocations}
    slurm.run("scancel", allocations[0])
    wait_until(lambda: slurm.state(allocations[0]) == "CANCELLED")
    lost = [job for job in queue.jobs(["s1"]) if job.state == "lost"]
    assert len(lost) == 1 and lost[0].reason == f"allocation {allocations[0]} ended (cancelled) and never started it"
    assert [job.job_id for job in queue.find_lost(["s1"], 3600)] == [lost[0].job_id]
    queue.rerun(lost)
    assert sorted(states(queue)) == ["queued", "ready"]
    assert queue.cancel(["s1"]) == 2 and set(states(queue)) == {"cancelled"}
    assert slurm.wait_for(allocations[1]) == "CANCELLED"


def test_a_running_allocation_of_a_job_is_ended_with_it(here, slurm, tmp_path):
    site = here(**RUNNING)
    queue = open_queue("fireworks", site)
    job = mark(str(tmp_path), "long", 300)
    job.update_metadata({ORIGIN: {"submission": "s1", "campaign": "c", "case": "x", "step": "mark", "version": "0"}})
    job.update_config({"manager_config": {"_category": "dft"}})
    queue.submit([Flow([job])], "s1")
    (allocation,) = launch(site, "dft", 1).allocations
    wait_until(lambda: marks_in(tmp_path))
    assert states(queue) == ["running"]
    slurm.run("scancel", allocation)
    wait_until(lambda: states(queue) == ["lost"])
    assert queue.jobs(["s1"])[0].reason == f"allocation {allocation} ended: cancelled"
    queue.rerun(queue.jobs(["s1"]))
    assert states(queue) == ["ready"]
    (allocation,) = launch(site, "dft", 1).allocations
    wait_until(lambda: len(marks_in(tmp_path)) == 2)
    assert queue.cancel(["s1"]) == 1
    assert slurm.wait_for(allocation) == "CANCELLED"


@pytest.mark.parametrize("kind", ["light", "dft"])
def test_a_refusal_of_slurm_is_told_and_leaves_jobs_ready(here, tmp_path, kind, capsys):
    site = here(**REFUSED)
    queue = hand_over(site, tmp_path, [kind, kind], resources={"queue": "drained"})
    with pytest.raises(
        SubmissionError, match=r"0 of 2 allocations submitted; then: .*Required partition not available"
    ):
        launch(site, kind, 2)
    assert states(queue) == ["ready", "ready"]
    assert capsys.readouterr().out == ""


def test_without_sbatch_nothing_is_reserved(here, tmp_path, monkeypatch):
    site = here(**RUNNING)
    queue = hand_over(site, tmp_path, ["dft"])
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SubmissionError, match="sbatch"):
        launch(site, "dft", 1)
    assert states(queue) == ["ready"]


def test_a_worker_has_files_of_its_own_and_runs_jobs_side_by_side(here, fireworks_site, slurm, tmp_path):
    folder = fireworks_site.folder
    adapter = yaml.safe_load((folder / "my_qadapter.yaml").read_text()) | {"ntasks_per_node": 1}
    (folder / "my_qadapter_many.yaml").write_text(yaml.safe_dump(adapter))
    fworker = {"name": "here-many", "category": ["light", "potential"], "query": "{}", "env": {}}
    (folder / "my_fworker_many.yaml").write_text(yaml.safe_dump(fworker))
    site = here(worker="many", cores=2, walltime="00:20:00")
    with pytest.raises(SiteError, match="leaves out 'dft'"):
        launch(site, "dft")
    queue = hand_over(site, tmp_path, ["light", "light", "light"])
    (allocation,) = launch(site, "light").allocations
    text = script(site, "light")
    assert "multi 2 --timeout 960" in text and "--ntasks-per-node" not in text and "#SBATCH --ntasks=2" in text
    copy = yaml.safe_load((site_folder(site) / "light" / "my_fworker_here_many.yaml").read_text())
    assert copy["name"] == "here-many" and copy["category"] == ["light"]
    assert slurm.show(allocation)["JobName"] == "liface-light-many"
    assert slurm.wait_for(allocation) == "COMPLETED"
    assert states(queue) == ["done"] * 3 and len(marks_in(tmp_path)) == 6
    assert {job.worker.partition("@")[0] for job in queue.jobs(["s1"])} == {"here-many"}


def test_what_cannot_be_launched_is_told(here, fireworks_site, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="0 allocations"):
        launch(here(), "light", 0)
    with pytest.raises(SiteError, match="variable in it is not set"):
        launch(here().model_copy(update={"runs": "$NOT_SET_HERE/runs"}), "light")
    hand_over(here(), tmp_path, ["light"])
    file = fireworks_site.folder / "my_qadapter.yaml"
    said = file.read_text()
    file.write_text(said.replace("walltime: 00:05:00", "").replace("walltime: '00:05:00'", ""))
    with pytest.raises(SiteError, match="walltime is missing"):
        launch(here(), "light")
    file.write_text(said.replace("rlaunch singleshot", "run_all"))
    with pytest.raises(SiteError, match="rocket_launch must be an rlaunch"):
        launch(here(), "light")


def test_allocations_that_run_count_too(here, slurm, tmp_path, monkeypatch):
    site = here(**NEVER)
    hand_over(site, tmp_path, ["light"] * 4)
    monkeypatch.setattr("liface.dispatch.launching.open_allocations", lambda name, system: (1, 2))
    done = launch(site, "light", 2)
    assert (done.queued, done.running, done.allocations) == (1, 2, ())
    assert len(launch(site, "light", 4).allocations) == 1


def test_what_a_campaign_asks_for_comes_on_top_of_the_site(here, slurm, tmp_path):
    site = here(**NEVER, walltime="00:10:00")
    hand_over(site, tmp_path, ["potential", "potential"])
    asked = ResourcesByKind(potential=Resources(walltime="00:20:00", threads=2)).over(site.kinds)
    assert len(launch(site, "potential", 1, asked).allocations) == 1
    text = script(site, "potential")
    assert "--time=00:20:00" in text and "--timeout 960" in text and "--cpus-per-task=2" in text
    assert 'export OMP_NUM_THREADS="${SLURM_CPUS_PER_TASK:-${OMP_NUM_THREADS:-1}}"' in text
    with pytest.raises(SiteError, match="share an allocation of one node, not 2"):
        launch(here(**NEVER, walltime="00:10:00", nodes=2), "potential", 2)


def test_pbs_is_asked_with_qselect(monkeypatch, tmp_path):
    """A program in its place: two allocations wait, one runs; of others nothing is known."""
    program = tmp_path / "qselect"
    program.write_text('#!/bin/sh\ncase "$*" in *-s?QHW*) echo 7.server; echo 8.server;; *) echo 9.server;; esac\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert open_allocations("liface-light", "PBS") == (2, 1)
    assert set(allocations(["9.server", "5.server"], "PBS")) == {"9.server"}
    monkeypatch.setenv("PATH", "/nowhere")
    assert allocations(["9"], "PBS") is None and "qselect is not found" in open_allocations("x", "PBS")
    assert allocations(["9"], "SGE") is None and open_allocations("x", "SGE") == (0, 0)
