"""The queue of jobflow-remote: what it refuses and why, what it makes of resources, states, and stopping."""

from __future__ import annotations

import copy
import json
import socket
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace

import jobflow_remote
import pytest
import yaml
from hpc_toy_jobs import fail, mark, marks_in
from jobflow import Flow
from jobflow_remote.jobs.data import JobDoc
from monty.json import MontyDecoder
from remote_project import RemoteProject
from shipped_project import FILE, shipped_project
from waiting import PATIENCE_S, wait_until

from liface import __version__
from liface.database import Database
from liface.dispatch import submission
from liface.dispatch.queues import open_queue
from liface.dispatch.queues.remote_project import read_project
from liface.dispatch.queues.remote_resources import manager_config
from liface.dispatch.site import Site
from liface.errors import MissingExtraError, QueueUnreachableError, SiteError, SubmissionError
from liface.workflows.campaign import Campaign
from liface.workflows.decorators import ORIGIN
from liface.workflows.resources import Resources, ResourcesByKind

SITE = Site(name="here", queue="remote", runs="$SCRATCH/runs", calculations="~/done")
LATER = timedelta(days=2)
ONE_BULK = """
name: tiny
engines: [morse]
protocol: {max_force_calls: 40, fmax_ev_per_a: 0.05}
bulks: [Cu]
"""


@pytest.fixture
def queue(remote_project):
    return open_queue("remote", SITE)


@pytest.fixture
def projects(tmp_path, monkeypatch):
    """An empty folder of projects."""
    folder = tmp_path / "projects"
    folder.mkdir()
    monkeypatch.setattr(jobflow_remote.SETTINGS, "projects_folder", str(folder))
    monkeypatch.setattr(jobflow_remote.SETTINGS, "project", None)
    return folder


def submitted(queue, *jobs, submission="s1", worker="slurm", resources=None):
    """Hand over jobs as a submission does."""
    for job in jobs:
        origin = {"submission": submission, "campaign": "c", "case": "k [e]", "step": job.name, "version": __version__}
        job.update_metadata({ORIGIN: origin})
        job.config.manager_config = {"worker": worker, "resources": resources or {}}
    queue.submit([Flow(list(jobs), name=submission)], submission)
    return list(jobs)


def chain(folder, names="ab"):
    """Jobs of which each waits for the one before."""
    jobs = []
    for name in names:
        jobs.append(mark(str(folder), jobs[-1].output if jobs else name))
        jobs[-1].name = name
    return jobs


def states(queue, submission="s1"):
    return {job.step: (job.state, job.reason) for job in queue.jobs([submission])}


@pytest.fixture
def change(remote_project):
    """Write into the documents of jobs, as runners do."""
    controller = remote_project.controller()

    def write(job, **values):
        fields = {key.replace("__", "."): value for key, value in values.items()}
        assert controller.jobs.update_one({"uuid": job.uuid}, {"$set": fields}).matched_count == 1

    yield write
    controller.close()


# The project


def minimal(name="one", host="localhost", **changes):
    store = {"type": "MongoStore", "host": host, "database": "d", "password": "geheim", "collection_name": "jobs"}
    worker = {"type": "local", "scheduler_type": "slurm", "work_dir": "/w"}
    return {"name": name, "queue": {"store": store}, "workers": {"w": worker}} | changes


def write(folder, content, name="one"):
    (folder / f"{name}.yaml").write_text(content if isinstance(content, str) else yaml.safe_dump(content))


def test_the_only_project_is_taken(projects):
    write(projects, minimal())
    assert open_queue("remote", SITE).place == "project one (localhost:27017/d)"


def test_place_tells_no_password(projects):
    store = {
        "type": "MongoStore",
        "uri": "mongodb://me:geheim@a:1,b:2/d?authSource=admin",
        "database": None,
        "collection_name": "j",
    }
    write(projects, minimal(queue={"store": store}))
    assert open_queue("remote", SITE).place == "project one (a:1,b:2/d)"


def test_no_project_and_several(projects):
    with pytest.raises(SiteError, match=r"no project.*known in .*: none.*under project: in the site file"):
        read_project()
    write(projects, minimal())
    write(projects, minimal("two"), "two")
    with pytest.raises(SiteError, match=r"known in .*: one, two"):
        read_project()
    with pytest.raises(SiteError, match=r"there is no project three .*one, two.*jobflow_remote_project\.yaml"):
        read_project("three")
    write(projects, minimal("two"), "three")
    with pytest.raises(SiteError, match="Two projects with the same name 'two'"):
        read_project("two")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"workers": {"w": {"type": "local", "scheduler_type": "slrm", "work_dir": "/w"}}},
         r"workers\.w\.local\.scheduler_type: Value error, Unknown scheduler type slrm"),
        ({"workers": {"w": {"type": "local", "scheduler_type": "slurm", "work_dir": "w"}}}, "must be an absolute path"),
        ({"wokers": {}}, "wokers: Extra inputs are not permitted"),
        ({"queue": {"store": {"type": "MongoStor", "password": "geheim"}}},
         r"queue\.store: Value error, error while converting queue to a maggma store\.: KeyError: 'MongoStor'"),
        ({"queue": {"store": {"type": "MongoStore", "database": "d", "collection_name": "c", "geheim": 1, "port": "x",
                              "password": "geheim"}}}, r"keyword argument '\*\*\*'"),
    ],
)  # fmt: skip
def test_a_wrong_project_names_file_and_key_without_secrets(projects, change, message):
    write(projects, minimal(**change))
    with pytest.raises(SiteError, match=message) as caught:
        read_project("one")
    assert str(projects / "one.yaml") in str(caught.value) and "geheim" not in str(caught.value)


def test_a_yaml_error_beside_a_password_does_not_show_it(projects):
    write(projects, "name: one\nqueue:\n  store:\n    password: hunter2: secret\n")
    with pytest.raises(SiteError, match="no YAML: mapping values are not allowed here in line 4") as caught:
        read_project("one")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("text", ["name: one\nqueue: [", "- just\n- a list", "name: one\nqueue: \x00"])
def test_a_file_that_is_no_yaml_is_named(projects, text):
    write(projects, text)
    with pytest.raises(SiteError, match=r"one\.yaml: cannot be read"):
        read_project("one")


def test_the_shipped_project_says_what_is_left_to_fill_in(projects):
    (projects / "new.yaml").write_text(FILE.read_text())
    with pytest.raises(SiteError, match="still to be filled in") as caught:
        read_project()
    assert "queue.store.password: <MONGO_PASSWORD>" in str(caught.value)
    assert "exec_config.liface.pre_run: <CALCULATIONS_FOLDER>" in str(caught.value)


def test_the_shipped_project_suits_jobflow_remote(remote_project, tmp_path):
    remote_project.write(shipped_project(remote_project, tmp_path / "runs", tmp_path / "calculations"))
    said = remote_project.run("jf", "project", "check", "--errors").stdout
    assert "✓" in said and "cpu" in said and "x" not in [line.strip() for line in said.splitlines()]
    open_queue("remote", SITE).check()


def test_without_jobflow_remote(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "jobflow_remote", None)
    with pytest.raises(MissingExtraError, match=r"jobflow_remote is not installed; run: pip install 'liface\[hpc\]'"):
        open_queue("remote", SITE)


# Checks before a submission


def documents(project):
    """Count what is in the database, by collection; a check leaves nothing."""
    with project.mongo.client() as client:
        database = client[project.database]
        return {name: database[name].count_documents({}) for name in database.list_collection_names()}


def test_a_check_leaves_nothing_behind(remote_project, queue):
    before = documents(remote_project)
    queue.check()
    assert {name: n for name, n in documents(remote_project).items() if n} == {n: c for n, c in before.items() if c}


def test_a_server_that_is_not_there_is_told_within_seconds(remote_project):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    fields = remote_project.fields()
    fields["queue"]["store"] |= {"port": port, "mongoclient_kwargs": {"serverSelectionTimeoutMS": 300}}
    remote_project.write(fields)
    queue = open_queue("remote", SITE)
    started = time.monotonic()
    questions = [queue.check, *(partial(ask, ["s"]) for ask in (queue.jobs, queue.cancel))]
    for ask in [*questions, lambda: queue.find_lost(["s"], 1)]:
        with pytest.raises(QueueUnreachableError, match=rf"project liface_test \(127.0.0.1:{port}/.*does not answer"):
            ask()
    assert time.monotonic() - started < 25  # one question with pymongo's patience takes 30 s


def test_results_that_cannot_be_reached(remote_project):
    fields = remote_project.fields()
    fields["jobstore"]["docs_store"] |= {"port": 1, "mongoclient_kwargs": {"serverSelectionTimeoutMS": 300}}
    remote_project.write(fields)
    queue = open_queue("remote", SITE)
    for ask in (queue.check, queue.store):
        with pytest.raises(QueueUnreachableError, match=r"jobstore of project liface_test .*:1/.* does not answer"):
            ask()


def test_wrong_credentials(mongo_with_password, slurm, tmp_path, monkeypatch):
    project = RemoteProject(mongo_with_password, slurm, tmp_path)
    monkeypatch.setattr(jobflow_remote.SETTINGS, "projects_folder", str(tmp_path))
    fields = project.fields()
    project.run("jf", "admin", "reset", "-y")
    open_queue("remote", SITE).check()
    fields["queue"]["store"]["password"] = "not this one"
    project.write(fields)
    with pytest.raises(QueueUnreachableError, match="refuses the user or the password; check username") as caught:
        open_queue("remote", SITE).check()
    assert "not this one" not in str(caught.value) and mongo_with_password.password not in str(caught.value)


def test_a_queue_that_was_never_initialised(remote_project):
    fields = remote_project.fields()
    fields["queue"]["store"]["database"] = remote_project.mongo.new_database_name()
    remote_project.write(fields)
    with pytest.raises(SubmissionError, match="has not been initialised; run once: jf -p liface_test admin reset"):
        open_queue("remote", SITE).check()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda store: store.pop("additional_stores"), "no additional store 'data'.*jobstore.additional_stores.data"),
        (lambda store: store.update(docs_store={"type": "MemoryStore"}), "a MemoryStore keeps no results for others"),
    ],
)
def test_a_jobstore_that_would_lose_outcomes(remote_project, change, message):
    fields = remote_project.fields()
    change(fields["jobstore"])
    remote_project.write(fields)
    with pytest.raises(SubmissionError, match=message):
        open_queue("remote", SITE).check()


def test_workers_that_are_not_there(remote_project):
    kinds = ResourcesByKind(dft=Resources(worker="big"))
    queue = open_queue("remote", SITE.model_copy(update={"kinds": kinds}))
    with pytest.raises(SubmissionError, match=r"kind dft .*worker 'big', which project liface_test .*workers: slurm"):
        queue.check()


# Resources


def project_of(projects, **workers):
    fields = minimal(workers={name: {"type": "local", "work_dir": "/w"} | said for name, said in workers.items()})
    write(projects, fields | {"exec_config": {"liface": {"pre_run": "module load x"}, "dft": {"export": {"A": 1}}}})
    return read_project("one")


def test_slurm_gets_its_own_words_over_the_defaults_of_the_worker(projects):
    default = {"partition": "short", "account": "me", "ntasks_per_node": 8, "gres": "gpu:a100:4", "mem_per_cpu": "1G"}
    project = project_of(projects, w={"scheduler_type": "slurm", "resources": default})
    asked = Resources(
        nodes=2, cores=32, threads=2, gpus=4, memory_gb=100, walltime="1-12:00:00", partition="long", qos="q"
    )
    assert manager_config(project, SITE, "potential", asked)["resources"] == {
        "nodes": 2, "ntasks": 32, "cpus_per_task": 2, "gres": "gpu:a100:2", "mem": "51200M", "time": "1-12:00:00",
        "partition": "long", "account": "me", "qos": "q",
    }  # fmt: skip
    assert manager_config(project, SITE, "light", Resources(gpus=0))["resources"].get("gres") is None
    assert manager_config(project, SITE, "light", Resources())["resources"] == default
    assert manager_config(project, SITE, "light", Resources(worker="w"))["worker"] == "w"


@pytest.mark.parametrize("scheduler", ["slurm", "pbs"])
def test_the_defaults_of_a_worker_hold_where_a_kind_asks_for_nothing(projects, scheduler):
    """The queue makes empty resources of none, which then stand for what was asked."""
    words = {"slurm": ("time", "partition", "#SBATCH"), "pbs": ("walltime", "queue", "#PBS")}
    time_, queue_, mark_ = words[scheduler]
    default = {time_: "00:07:00", queue_: "short"}
    project = project_of(projects, w={"scheduler_type": scheduler, "resources": default})
    job = mark("/", "a")
    found = manager_config(project, SITE, "light", Resources())["resources"]
    doc = JobDoc(job=job, uuid=job.uuid, index=1, db_id="1", state="READY", worker="w", resources=found).as_db_dict()
    script = script_of(project.workers["w"], doc)
    assert script.count(mark_) == 2 and "00:07:00" in script and "short" in script


def script_of(worker, doc):
    """Return what a runner submits for a job."""
    resources = MontyDecoder().process_decoded(doc["resources"]) or worker.resources or {}
    return worker.get_scheduler_io().get_submission_script("true", resources)


def test_other_schedulers_get_what_qtoolkit_translates(projects):
    from qtoolkit.io import PBSIO

    project = project_of(
        projects, w={"scheduler_type": "pbs"}, x={"scheduler_type": "pbs", "resources": {"queue": "q"}}
    )
    asked = Resources(worker="w", nodes=2, cores=8, memory_gb=16, walltime="36:00:00", partition="long", account="me")
    found = MontyDecoder().process_decoded(manager_config(project, SITE, "dft", asked)["resources"])
    script = PBSIO().get_submission_script("true", found)
    assert "#PBS -q long" in script and "walltime=36:0:0" in script and "select=2:ncpus=4:mpiprocs=4" in script
    with pytest.raises(SubmissionError, match="in the words of its scheduler; write them as QResources"):
        manager_config(project, SITE, "dft", Resources(worker="x", cores=2))
    with pytest.raises(SubmissionError, match=r"worker w, jobs of kind dft: \{'qos': 'q'\} cannot be asked for"):
        manager_config(project, SITE, "dft", Resources(worker="w", qos="q"))


def test_processes_per_node_of_a_worker_hold_where_only_nodes_are_asked_for(projects):
    default = {"@module": "qtoolkit.core.data_objects", "@class": "QResources", "nodes": 1, "processes_per_node": 32}
    project = project_of(projects, w={"scheduler_type": "slurm", "resources": default})

    def asked(**resources):
        found = manager_config(project, SITE, "dft", Resources(**resources))["resources"]
        return found["nodes"], found["processes_per_node"], found["processes"]

    assert asked(nodes=2) == (2, 32, None) and asked(nodes=2, cores=40) == (2, 20, None)
    assert asked(cores=8) == (None, None, 8)


def test_workers_that_give_nothing_to_single_jobs(projects):
    batch = {"jobs_handle_dir": "/h", "work_dir": "/b"}
    project = project_of(
        projects,
        many={"scheduler_type": "slurm", "max_jobs": 2, "batch": batch},
        unlimited={"scheduler_type": "slurm", "batch": batch | {"jobs_handle_dir": "/other"}},
        plain={"scheduler_type": "shell"},
    )
    with pytest.raises(SubmissionError, match=r"a batch worker gives no resources to single jobs \(cores, walltime\)"):
        manager_config(project, SITE, "potential", Resources(worker="many", cores=2, walltime="1:00:00"))
    with pytest.raises(SubmissionError, match="a worker without a scheduler gives no resources"):
        manager_config(project, SITE, "potential", Resources(worker="plain", memory_gb=2))
    with pytest.raises(SubmissionError, match=r"batch worker unlimited .*set max_jobs"):
        manager_config(project, SITE, "potential", Resources(worker="unlimited"))
    with pytest.raises(SubmissionError, match="kind light have no worker; name one of many, plain, unlimited"):
        manager_config(project, SITE, "light", Resources())
    found = manager_config(project, SITE, "potential", Resources(worker="many", threads=4))
    assert found["resources"] == {} and found["exec_config"]["export"]["OMP_NUM_THREADS"] == 4


def test_execution_has_the_folders_of_the_site_unless_the_worker_says_otherwise(projects, tmp_path):
    import subprocess

    project = project_of(projects, w={"scheduler_type": "slurm"})
    common = manager_config(project, SITE, "light", Resources())["exec_config"]
    assert common["pre_run"] == "module load x"
    assert manager_config(project, SITE, "dft", Resources())["exec_config"]["export"]["A"] == 1
    lines = [f"export {name}={value}" for name, value in common["export"].items()]
    script = "\n".join([*lines, 'echo "$LIFACE_CALCULATIONS|$LIFACE_RUNS"'])
    for environment, said in (({}, "/me/done|/my scratch/runs"), ({"LIFACE_RUNS": "/r"}, "/me/done|/r")):
        environment = {"HOME": "/me", "SCRATCH": "/my scratch"} | environment
        done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == said


# Handing over


def test_all_flows_or_none(remote_project, queue, tmp_path):
    flows = [Flow(chain(tmp_path), name=name) for name in ("one", "two")]
    with pytest.raises(SubmissionError, match=r"refused after 2 workflow\(s\): A duplicate key error"):
        queue.submit([*flows, flows[0]], "s1")
    left = documents(remote_project)
    assert (left["flows"], left["jobs"]) == (0, 0)
    submitted(queue, *chain(tmp_path))
    assert documents(remote_project)["jobs"] == 2


# States


def test_waiting_jobs_say_for_what(queue, tmp_path, change):
    a, b, c = submitted(queue, *chain(tmp_path, "abc"))
    absent = "no runner has been seen ever; start one: jf -p liface_test runner start"
    assert states(queue) == {"a": ("ready", absent), "b": ("waiting", "waits for a"), "c": ("waiting", "waits for b")}
    change(a, state="PAUSED")
    assert states(queue)["a"] == ("waiting", "paused; jf -p liface_test job resume 1")
    for state, ours, why in (
        ("FAILED", "failed", "failed: ValueError: no"),
        ("REMOTE_ERROR", "failed", "failed: ValueError: no"),
        ("STOPPED", "cancelled", "was cancelled"),
        ("USER_STOPPED", "cancelled", "was cancelled"),
    ):
        change(a, state=state, error='Traceback\n  File "x"\nValueError: no\n')
        seen = states(queue)
        assert seen["a"][0] == ours
        assert seen["b"] == seen["c"] == ("blocked", f"waits for a, which {why}")
    change(a, state="COMPLETED")
    change(b, state="READY")
    seen = states(queue)
    assert (seen["a"], seen["b"][0], seen["c"]) == (("done", ""), "ready", ("waiting", "waits for b"))
    assert queue.jobs(["s2"]) == []
    assert {job.uuid for job in queue.jobs(["s1", "s2"])} == {a.uuid, b.uuid, c.uuid}


@pytest.mark.parametrize(
    ("state", "ours", "reason"),
    [
        ("CHECKED_OUT", "ready", "on its way to worker slurm"),
        ("UPLOADED", "ready", "on its way to worker slurm"),
        ("SUBMITTED", "queued", "in the queue of worker slurm as 77"),
        ("BATCH_SUBMITTED", "queued", "in the queue of worker slurm as 77"),
        ("RUNNING", "running", ""),
        ("BATCH_RUNNING", "running", ""),
        ("RUN_FINISHED", "running", ""),
        ("DOWNLOADED", "running", ""),
    ],
)
def test_states_that_a_runner_moves_on_are_lost_without_one(
    remote_project, queue, tmp_path, change, state, ours, reason
):
    [job] = submitted(queue, mark(str(tmp_path), "a"))
    controller = remote_project.controller()
    controller.ping_running_runner()
    change(job, state=state, remote__process_id="77")
    assert states(queue) == {"mark": (ours, reason)}
    change(job, remote__step_attempts=2, remote__error="Remote error: no route")
    assert states(queue)["mark"] == (ours, "attempt 2 went wrong and is repeated: no route")
    # long silence of the job alone is no loss; that of the runner too is
    change(job, updated_on=datetime.now(UTC) - LATER)
    assert states(queue)["mark"][0] == ours and queue.find_lost(["s1"], 3600) == []
    seen = datetime.now(UTC) - LATER
    controller.auxiliary.update_one({"runner_pings": {"$exists": True}}, {"$set": {"runner_pings": [{"time": seen}]}})
    controller.close()
    lost = f"no runner has been seen since {seen:%Y-%m-%d %H:%M} UTC; start one: jf -p liface_test runner start"
    assert states(queue) == {"mark": ("lost", lost)}
    assert [(found.uuid, found.state) for found in queue.find_lost(["s1"], 3600)] == [(job.uuid, "lost")]
    assert queue.find_lost(["s1"], 3 * 86400) == [] and states(queue)["mark"][0] == ours


def test_a_job_that_a_dead_runner_holds_is_lost_and_runs_again(remote_project, queue, tmp_path, change):
    [job] = submitted(queue, mark(str(tmp_path), "a"))
    controller = remote_project.controller()
    controller.ping_running_runner()
    controller.close()
    change(job, state="UPLOADED", lock_id="x", lock_time=datetime.now(UTC) - LATER)
    [lost] = queue.find_lost(["s1"], 86400)
    assert lost.state == "lost" and lost.reason.startswith("held since") and "a runner that is gone" in lost.reason
    queue.rerun([lost])
    assert states(queue)["mark"] == ("ready", "")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"error": "Traceback:\n  File \"x\"\n    y\nliface.E: the\n  reason\n"}, "E: the reason"),
        ({"error": "likely killed", "remote__queue_err": "warning\nslurmstepd: error: TIME LIMIT ***\n  with cd():"},
         "likely killed; queue.err: slurmstepd: error: TIME LIMIT ***"),
        ({"remote__error": "Remote error: submission failed. Result(stdout='', stderr='sbatch: error: full\\n', x=1)"},
         "submission failed: sbatch: error: full"),
        ({"remote__error": 'Remote error: no file\ncaused by:\nTraceback\n  File "x"\nOSError: gone'},
         "no file (OSError: gone)"),
        ({"error": None}, "no reason is given"),
    ],
)  # fmt: skip
def test_reasons_are_one_line(queue, tmp_path, change, fields, reason):
    [job] = submitted(queue, mark(str(tmp_path), "a"))
    change(job, state="FAILED" if "error" in fields else "REMOTE_ERROR", **fields)
    assert states(queue) == {"mark": ("failed", reason)}


# Running again, stopping


def test_what_failed_runs_again_and_fetches_only_what_is_there(remote_project, queue, tmp_path, change):
    jobs = submitted(queue, *(mark(str(tmp_path), name) for name in "abcd"))
    for job, name in zip(jobs, "abcd", strict=True):
        change(job, job__name=name, run_dir=str(tmp_path))
    change(jobs[0], state="FAILED", error="e")
    change(jobs[1], state="REMOTE_ERROR", previous_state="UPLOADED", remote__error="refused")
    change(jobs[2], state="REMOTE_ERROR", previous_state="DOWNLOADED", remote__step_attempts=3, remote__error="busy")
    change(jobs[3], state="COMPLETED")
    found = queue.jobs(["s1"])
    queue.rerun(found[:3])
    assert [job.state for job in queue.jobs(["s1"])] == ["ready", "ready", "running", "done"]
    with pytest.raises(SubmissionError, match=r"0 of 1 jobs run again; job 4 .COMPLETED. cannot run again"):
        queue.rerun(found[3:])


@pytest.mark.parametrize("lose", [False, True])
def test_retried_and_waiting_jobs_are_as_if_submitted_with_the_resources_of_now(
    remote_project, queue, tmp_path, monkeypatch, change, lose
):
    monkeypatch.setattr("liface.engines.base.DFT_ENGINES", ("morse",))  # its jobs make jobs
    remote_project.write(remote_project.fields() | {"workers": two_workers(remote_project)})
    path = tmp_path / "tiny.yaml"
    path.write_text(ONE_BULK)
    campaign = Campaign.load(path)
    small = Resources(worker="slurm")
    short = ResourcesByKind(light=small, potential=small, dft=Resources(worker="slurm", walltime="00:10:00"))
    long = ResourcesByKind(light=small, potential=small, dft=Resources(worker="big", walltime="10:00:00"))
    queue = open_queue("remote", SITE.model_copy(update={"kinds": short}))
    with Database(tmp_path / "r.db") as database, Database(tmp_path / "fresh.db") as other:
        done = submission.submit(campaign, database, queue, short)
        first = SimpleNamespace(uuid=done.document.jobs[0].uuid)
        if lose:
            change(first, state="CHECKED_OUT", updated_on=datetime.now(UTC) - LATER)
        else:
            change(first, state="FAILED", error="out of time")
        before = configured(remote_project, done.document.submission_id)
        again, _ = submission.retry_on_queue(campaign, database, queue, long, "out of time|no runner")
        assert [job.state for job in again] == ["lost" if lose else "failed"]
        fresh = submission.submit(campaign, other, queue, long)
    after = configured(remote_project, done.document.submission_id)
    assert after == configured(remote_project, fresh.document.submission_id) != before
    assert any("10:00:00" in text for text in after.values()) and not any("00:10" in text for text in after.values())


def two_workers(remote_project):
    workers = remote_project.fields()["workers"]
    return workers | {"big": copy.deepcopy(workers["slurm"])}


def configured(remote_project, submission):
    """Where and how jobs run, by step; with what those that make jobs hand on to them."""
    controller = remote_project.controller()
    workers = read_project(remote_project.name).workers
    found = {}
    for doc in controller.jobs.find({f"job.metadata.{ORIGIN}.submission": submission}):
        around = {key: value for key, value in doc["exec_config"].items() if value is not None}
        own = [doc["worker"], around, script_of(workers[doc["worker"]], doc)]
        handed_on = doc["job"]["config_updates"] if doc["job"]["function"]["@callable"] == "calculate" else None
        found[doc["job"]["name"]] = json.dumps([own, doc["job"]["config"], handed_on], sort_keys=True)
    controller.close()
    return found


def test_cancel_without_a_runner(remote_project, queue, tmp_path, change):
    jobs = submitted(queue, *chain(tmp_path, "abcde"))
    others = submitted(queue, mark(str(tmp_path), "x"), submission="s2")
    change(jobs[0], state="COMPLETED")
    change(jobs[1], state="PAUSED")
    change(jobs[2], state="CHECKED_OUT")
    change(jobs[3], state="FAILED")
    assert queue.cancel(["s1"]) == 3 and queue.cancel(["s1"]) == 0
    assert [job.state for job in queue.jobs(["s1"])] == ["done", "cancelled", "cancelled", "failed", "cancelled"]
    assert [job.state for job in queue.jobs(["s2"])] == ["ready"]
    assert others and remote_project.run("jf", "flow", "list").stdout


def test_cancel_waits_for_what_a_runner_has_in_hand(queue, tmp_path, change, monkeypatch):
    monkeypatch.setattr("liface.dispatch.queues.remote_actions.LOCK_WAIT_S", 1)
    a, b = submitted(queue, *chain(tmp_path))
    change(a, state="DOWNLOADED", lock_id="x", lock_time=datetime.now(UTC))
    with pytest.raises(SubmissionError, match="a runner has these jobs in hand: 1; the others are stopped"):
        queue.cancel(["s1"])
    assert [job.state for job in queue.jobs(["s1"])] == ["running", "cancelled"]
    change(a, lock_time=datetime.now(UTC) - LATER)
    assert queue.cancel(["s1"]) == 1 and b


def test_cancel_ends_what_slurm_runs_and_holds(remote_project, queue, slurm, tmp_path):
    runs = mark(str(tmp_path), "runs", 60)
    submitted(queue, runs)
    submitted(queue, mark(str(tmp_path), "held"), submission="s2", resources={"partition": "down"})
    runner = remote_project.start("jf", "runner", "run")
    try:
        wait_until(lambda: marks_in(tmp_path) == ["start runs"] and len(slurm.job_ids()) == 2)
        wait_until(lambda: [job.state for job in queue.jobs(["s1", "s2"])] == ["running", "queued"])
        [held] = queue.jobs(["s2"])
        assert held.reason.startswith("in the queue of worker slurm as ")
        assert queue.cancel(["s1", "s2"]) == 2
        wait_until(lambda: slurm.job_ids() == [])
        assert {job.state for job in queue.jobs(["s1", "s2"])} == {"cancelled"}
    finally:
        runner.terminate()
        runner.wait(timeout=PATIENCE_S)
    assert marks_in(tmp_path) == ["start runs"]


def test_programs_that_cannot_be_ended_are_told(remote_project, queue, slurm, tmp_path, change, monkeypatch):
    job = slurm.submit(tmp_path, "sleep 60")
    [mine] = submitted(queue, mark(str(tmp_path), "a"))
    change(mine, state="RUNNING", remote__process_id=job)
    monkeypatch.setattr("qtoolkit.io.slurm.SlurmIO.CANCEL_CMD", "false")
    with pytest.raises(SubmissionError, match=rf"1 program\(s\) could not be ended; end them there:\s+{job} on slurm"):
        queue.cancel(["s1"])
    assert states(queue)["mark"] == ("cancelled", "") and slurm.job_ids() == [job]


def test_failures_of_jobs_and_of_submissions_have_reasons(remote_project, queue, tmp_path):
    submitted(queue, fail("no luck"), mark(str(tmp_path), "a"))
    submitted(queue, mark(str(tmp_path), "b"), submission="s2", resources={"partition": "drained"})
    remote_project.run_jobs()
    assert states(queue) == {"fail": ("failed", "RuntimeError: no luck"), "mark": ("done", "")}
    [refused] = queue.jobs(["s2"])
    assert refused.state == "failed" and "sbatch: error" in refused.reason
    assert "Required partition not available" in refused.reason
    queue.rerun([refused])
    assert states(queue, "s2")["mark"][0] == "ready"


def test_a_job_killed_in_slurm_failed(remote_project, queue, slurm, tmp_path):
    submitted(queue, mark(str(tmp_path), "a", 60))
    runner = remote_project.start("jf", "runner", "run")
    try:
        wait_until(lambda: marks_in(tmp_path) == ["start a"])
        slurm.run("scancel", *slurm.job_ids())
        wait_until(lambda: states(queue)["mark"][0] == "failed")
    finally:
        runner.terminate()
        runner.wait(timeout=PATIENCE_S)
    reason = states(queue)["mark"][1]
    assert "likely killed" in reason and "CANCELLED" in reason


def test_another_runner_goes_on_where_one_was_killed(remote_project, queue, tmp_path):
    submitted(queue, *chain(tmp_path), mark(str(tmp_path), "c", 3))
    runner = remote_project.start("jf", "runner", "run")
    wait_until(lambda: "start c" in marks_in(tmp_path))
    runner.kill()
    runner.wait(timeout=PATIENCE_S)
    remote_project.run_jobs()
    assert {job.state for job in queue.jobs(["s1"])} == {"done"}
    assert sorted(marks_in(tmp_path)) == sorted(f"{what} {name}" for what in ("start", "end") for name in "aac")
