"""FireWorks and jobflow-remote, with jobflow's flows, on the MongoDB stand-in and the one-machine Slurm."""

from __future__ import annotations

import signal
import time
from collections import Counter
from pathlib import Path
from statistics import median

from fireworks import FWAction, FWorker
from fireworks_site import FireworksSite
from hpc_toy_jobs import fail, mark, marks_in, toy_flow
from jobflow.managers.fireworks import flow_to_workflow
from waiting import PATIENCE_S, wait_until

TOTAL = sum(range(1000))


def outputs(site) -> list[dict]:
    """Give the outputs of the last jobs of all toy flows, with what lies in the additional store."""
    store = site.job_store()
    try:
        return [found["output"] for found in store.query({"name": "total"}, load=True)]
    finally:
        store.close()


def once_each(folder: Path, marks: int) -> Counter:
    return Counter(f"{what} mark {i}" for what in ("start", "end") for i in range(marks))


# FireWorks


def test_two_launchers_run_every_job_once(fireworks_site, tmp_path):
    pad = fireworks_site.launchpad()
    pad.add_wf(flow_to_workflow(toy_flow(tmp_path, marks=6, seconds=0.2)))
    launchers = [fireworks_site.start("rlaunch", "rapidfire") for _ in range(2)]
    assert [launcher.wait(timeout=PATIENCE_S) for launcher in launchers] == [0, 0]
    assert Counter(marks_in(tmp_path)) == once_each(tmp_path, 6)
    assert Counter(pad.get_wf_by_fw_id(1).fw_states.values()) == {"COMPLETED": 8}
    assert outputs(fireworks_site) == [{"total": TOTAL, "names": [f"mark {i}" for i in range(6)]}]
    store = fireworks_site.job_store()
    assert len(store.query_one({"name": "numbers"}, load=True)["output"]["numbers"]) == 1000
    assert "blob_uuid" in store.query_one({"name": "numbers"}, load=False)["output"]["numbers"]
    store.close()


def test_job_of_a_killed_launcher_is_found_and_run_again(fireworks_site, tmp_path):
    pad = fireworks_site.launchpad()
    pad.add_wf(flow_to_workflow(toy_flow(tmp_path, marks=1, seconds=2)))
    launcher = fireworks_site.start("rlaunch", "rapidfire")
    wait_until(lambda: marks_in(tmp_path))
    launcher.send_signal(signal.SIGKILL)
    launcher.wait(timeout=PATIENCE_S)
    assert "RUNNING" in pad.get_wf_by_fw_id(1).fw_states.values()
    said = fireworks_site.run("lpad", "detect_lostruns", "--time", "0", "--rerun").stdout
    assert "Detected 1 lost" in said
    fireworks_site.run("rlaunch", "rapidfire")
    assert marks_in(tmp_path) == ["start mark 0", "start mark 0", "end mark 0"]
    assert set(pad.get_wf_by_fw_id(1).fw_states.values()) == {"COMPLETED"}
    assert outputs(fireworks_site)[0]["total"] == TOTAL


def test_failed_job_fizzles_and_its_children_wait(fireworks_site):
    pad = fireworks_site.launchpad()
    pad.add_wf(flow_to_workflow([fail("no luck")]))
    fireworks_site.run("rlaunch", "rapidfire")
    [found] = pad.get_fw_ids({"state": "FIZZLED"})
    assert "no luck" in str(pad.get_fw_dict_by_id(found)["launches"])


def test_reservations_go_through_slurm(fireworks_site, slurm, tmp_path):
    pad = fireworks_site.launchpad()
    pad.add_wf(flow_to_workflow(toy_flow(tmp_path, marks=1)))
    queue = fireworks_site.start("qlaunch", "-r", "rapidfire", "-m", "2", "--nlaunches", "3", **slurm.env)
    try:
        wait_until(lambda: set(pad.get_wf_by_fw_id(1).fw_states.values()) == {"COMPLETED"})
    finally:
        queue.terminate()
        queue.wait(timeout=PATIENCE_S)
    assert outputs(fireworks_site)[0]["total"] == TOTAL
    history = pad.launches.find_one({"fw_id": 1})["state_history"]
    assert [entry["state"] for entry in history] == ["RESERVED", "RUNNING", "COMPLETED"]
    assert slurm.wait_for(str(history[0]["reservation_id"])) == "COMPLETED"


def test_refused_submission_leaves_the_job_ready(fireworks_site, slurm, tmp_path):
    file = fireworks_site.folder / "my_qadapter.yaml"
    file.write_text(file.read_text().replace("queue: debug", "queue: drained"))
    pad = fireworks_site.launchpad()
    pad.add_wf(flow_to_workflow([mark(str(tmp_path), "never")]))
    done = fireworks_site.run("qlaunch", "-r", "singleshot", check=False, **slurm.env)
    assert "Required partition not available" in done.stdout + done.stderr
    assert list(pad.get_wf_by_fw_id(1).fw_states.values()) == ["READY"] and marks_in(tmp_path) == []


def test_fireworks_with_user_and_password(mongo_with_password, tmp_path):
    site = FireworksSite(mongo_with_password, tmp_path)
    site.launchpad().reset("", require_password=False)
    site.launchpad().add_wf(flow_to_workflow([mark(str(tmp_path), "one")]))
    site.run("rlaunch", "singleshot")
    assert marks_in(tmp_path) == ["start one", "end one"]
    file = site.folder / "my_launchpad.yaml"
    file.write_text(file.read_text().replace("username:", "username: not"))
    done = site.run("lpad", "get_fws", check=False)
    assert done.returncode != 0 and "not able to connect to MongoDB" in done.stderr


def test_large_workflows_stay_quick(fireworks_site, tmp_path):
    """The stand-in is no database, but a campaign of some hundred jobs is to be tested on it."""
    pad = fireworks_site.launchpad()
    pad.strm_lvl = "CRITICAL"
    additions, ends = [], []
    for _ in range(2):
        started = time.perf_counter()
        pad.add_wf(flow_to_workflow(toy_flow(tmp_path, marks=98)))
        additions.append(time.perf_counter() - started)
    for _ in range(20):
        started = time.perf_counter()
        taken, launch = pad.checkout_fw(FWorker("tests", query={"name": "mark"}), str(tmp_path))
        pad.complete_launch(launch, FWAction())
        ends.append(time.perf_counter() - started)
        assert taken is not None
    added, taken_and_ended = min(additions) / 100, median(ends)  # others that use the machine delay some
    assert added < 0.1 and taken_and_ended < 0.5, f"{added * 1e3:.1f} ms, {taken_and_ended * 1e3:.1f} ms per job"


# jobflow-remote


def test_remote_project_runs_a_flow_through_slurm(remote_project, tmp_path):
    from jobflow_remote import submit_flow

    assert "The database was reset" in remote_project.run("jf", "admin", "reset", "-y").stdout
    ids = submit_flow(toy_flow(tmp_path, marks=1), worker=remote_project.worker, project=remote_project.name)
    assert len(ids) == 3
    runner = remote_project.start("jf", "runner", "run")
    controller = remote_project.controller()
    try:
        wait_until(lambda: {info.state.value for info in controller.get_jobs_info()} == {"COMPLETED"})
    finally:
        runner.terminate()
        runner.wait(timeout=PATIENCE_S)
        infos = controller.get_jobs_info()
        controller.close()
    assert marks_in(tmp_path) == ["start mark 0", "end mark 0"]
    assert outputs(remote_project) == [{"total": TOTAL, "names": ["mark 0"]}]
    assert {remote_project.slurm.wait_for(info.remote.process_id) for info in infos} == {"COMPLETED"}


def test_remote_job_that_fails_is_failed(remote_project):
    from jobflow_remote import submit_flow

    submit_flow(fail("no luck"), worker=remote_project.worker)
    remote_project.run_jobs()
    controller = remote_project.controller()
    [info] = controller.get_jobs_info()
    controller.close()
    assert info.state.value == "FAILED" and "no luck" in info.error


def test_remote_submission_to_a_drained_partition_is_refused(remote_project, tmp_path):
    from jobflow_remote import submit_flow

    resources = {"nodes": 1, "ntasks": 1, "partition": "drained"}
    submit_flow(mark(str(tmp_path), "never"), worker=remote_project.worker, resources=resources)
    remote_project.run_jobs()
    controller = remote_project.controller()
    [info] = controller.get_jobs_info()
    controller.close()
    assert info.state.value == "REMOTE_ERROR" and "Required partition not available" in info.remote.error
    assert marks_in(tmp_path) == []


def test_project_check_passes(remote_project):
    said = remote_project.run("jf", "project", "check", "-e").stdout
    assert "slurm" in said
