"""The LaunchPad as a queue: its files, checks, submissions of all or nothing, states with reasons, mending."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pymongo.monitoring
import pytest
import yaml
from bson import encode
from fireworks import FWAction, FWorker
from fireworks_site import FireworksSite
from hpc_toy_jobs import mark, total
from jobflow import Flow

from liface.database import Database
from liface.dispatch import submission
from liface.dispatch.queues import fireworks_actions, fireworks_submit, open_queue
from liface.dispatch.queues.fireworks_adapter import allocation, read_adapter
from liface.dispatch.queues.fireworks_states import SUBMISSION, last_line
from liface.dispatch.site import Site
from liface.errors import MissingExtraError, QueueUnreachableError, SiteError, SubmissionError
from liface.workflows.campaign import Campaign
from liface.workflows.campaign_jobs import campaign_jobs, folder_of
from liface.workflows.decorators import ORIGIN
from liface.workflows.resources import Resources, ResourcesByKind

PBS = {"_fw_q_type": "PBS"}
TINY = """
name: tiny
engines: [morse]
surfaces:
  - {material: Cu, planes: ["111"]}
"""


def site_of(fireworks, **changes):
    folder = fireworks.folder
    said = {
        "name": "here",
        "runs": str(folder / "runs"),
        "calculations": str(folder / "calculations"),
        "fireworks_config": str(folder / "FW_config.yaml"),
        "jobflow_config": str(folder / "jobflow.yaml"),
        "lost_after_s": 3600.0,
    }
    return Site(**(said | changes))


@pytest.fixture
def queue(fireworks_site):
    return open_queue("fireworks", site_of(fireworks_site))


def change(path, **changes):
    """Change keys of a YAML file; None removes one."""
    said = yaml.safe_load(path.read_text()) | changes
    path.write_text(yaml.safe_dump({key: value for key, value in said.items() if value is not None}))


def own(job, name="", submission="s1", case="bulk/W [m]", kind="light"):
    job.name = name or job.name
    job.update_metadata(
        {ORIGIN: {"submission": submission, "campaign": "c", "case": case, "step": job.name, "version": "0"}}
    )
    job.update_config({"manager_config": {"_category": kind}})
    return job


def chain(submission="s1"):
    """A first job, a second that needs it, and a third, of another case, that needs the second."""
    first = own(mark("/", "a"), "first", submission, kind="potential")
    second = own(mark("/", first.output), "second", submission)
    third = own(mark("/", second.output), "third", submission, case="surface/W-110 [m]")
    return Flow([first, second, third], name="chain")


def take(queue, category="potential", name="w1"):
    """Take a job as a worker does."""
    return queue.launchpad.checkout_fw(FWorker(name, category), "/folder/of/job", host="node7")


def end(queue, launch, stacktrace=None):
    """End a job, badly if there is a stack trace."""
    stored = {"_exception": {"_stacktrace": stacktrace}}
    action = FWAction(stored_data=stored, exit=True) if stacktrace else FWAction()
    queue.launchpad.complete_launch(launch, action, "FIZZLED" if stacktrace else "COMPLETED")


def age(queue, launch, hours):
    """Let the last heartbeat of a launch be so long ago."""
    when = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()
    queue.launchpad.launches.update_one({"launch_id": launch}, {"$set": {"state_history.0.updated_on": when}})


def seen(queue, submission="s1"):
    return {job.step: (job.state, job.reason) for job in queue.jobs([submission])}


# files


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("FW_config.yaml", {"LAUNCHPAD_LOC": "~/launchpad.yaml"}, r"FW_config.yaml: LAUNCHPAD_LOC: there is no file ~"),
        ("FW_config.yaml", {"LAUNCHPAD": "x"}, r"FW_config.yaml: FireWorks has no setting LAUNCHPAD;"),
        ("FW_config.yaml", {"MONGOMOCK_SERVERSTORE_FILE": "x.json"}, r"only one process at a time"),
        ("my_launchpad.yaml", {"host": None}, r"my_launchpad.yaml: host is missing"),
        ("my_launchpad.yaml", {"host": "<MONGO_HOST>"}, r"still to be filled in: <MONGO_HOST> \(line \d+\)"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_with_its_key(fireworks_site, file, changes, message):
    change(fireworks_site.folder / file, **changes)
    with pytest.raises(SiteError, match=message):
        open_queue("fireworks", site_of(fireworks_site))


def test_files_can_be_named_by_the_environment(fireworks_site, monkeypatch):
    nameless = site_of(fireworks_site, fireworks_config="", jobflow_config="")
    for name in fireworks_site.env:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SiteError, match=r"names no fireworks_config, and \$FW_CONFIG_FILE is not set"):
        open_queue("fireworks", nameless)
    monkeypatch.setenv("FW_CONFIG_FILE", "/no/FW_config.yaml")
    with pytest.raises(SiteError, match=r"\$FW_CONFIG_FILE: there is no file /no/FW_config.yaml"):
        open_queue("fireworks", nameless)
    for name, value in fireworks_site.env.items():
        monkeypatch.setenv(name, value)
    queue = open_queue("fireworks", nameless)
    queue.check()
    mongo = fireworks_site.mongo
    assert queue.place == f"{mongo.host}:{mongo.port}/{fireworks_site.database}"


def test_without_fireworks_the_extra_is_named(fireworks_site, monkeypatch):
    monkeypatch.setitem(sys.modules, "fireworks", None)
    with pytest.raises(MissingExtraError, match=r"fireworks is not installed; run: pip install 'liface\[hpc\]'"):
        open_queue("fireworks", site_of(fireworks_site))


def test_a_file_that_is_no_yaml_is_told_without_its_password(fireworks_site):
    (fireworks_site.folder / "my_launchpad.yaml").write_text('host: here\npassword: "se\tcret\n  x: [}\n')
    with pytest.raises(SiteError, match=r"my_launchpad.yaml is no YAML: .* in line \d") as caught:
        open_queue("fireworks", site_of(fireworks_site))
    assert "cret" not in str(caught.value)


def test_a_server_given_as_uri_is_named_without_its_password(fireworks_site):
    uri = "mongodb://me:s3cret@one.example:27018,two.example/?authSource=admin&serverSelectionTimeoutMS=50"
    change(fireworks_site.folder / "my_launchpad.yaml", host=uri, uri_mode=True, name="fw", port=None)
    queue = open_queue("fireworks", site_of(fireworks_site))
    assert queue.place == "one.example:27018,two.example/fw"
    assert queue.files.server.user == "me" and "s3cret" not in repr(queue.files.server)
    change(fireworks_site.folder / "my_launchpad.yaml", name=None)
    with pytest.raises(SiteError, match="name is missing"):
        open_queue("fireworks", site_of(fireworks_site))


@pytest.mark.parametrize(
    ("store", "message"),
    [
        (None, "JOB_STORE is missing"),
        ({"docs_store": {"type": "MemoryStore"}}, "docs_store is a MemoryStore, which keeps no results for others"),
        ({"docs_store": {"type": "NoStore"}}, "JOB_STORE cannot be used: KeyError: 'NoStore'"),
        ({"docs_store": {"type": "MongoStore", "database": "d", "collection_name": "c"}}, "additional_stores.data is"),
        ({"docs_store": {"type": "MongoStore", "colour": 1}}, "JOB_STORE cannot be used: TypeError"),
    ],
)
def test_what_is_wrong_with_the_job_store_is_told(fireworks_site, queue, store, message):
    (fireworks_site.folder / "jobflow.yaml").write_text(yaml.safe_dump({"JOB_STORE": store} if store else {"A": 1}))
    with pytest.raises(SiteError, match=f"jobflow.yaml: .*{message}|jobflow.yaml: {message}"):
        queue.check()


# check


def test_a_check_leaves_nothing_behind(fireworks_site, queue):
    queue.check()
    queue.check()
    with fireworks_site.mongo.client() as client:
        database = client[fireworks_site.database]
        for name in database.list_collection_names():
            assert name == "fw_id_assigner" or database[name].count_documents({}) == 0, name
    assert "spec.liface.submission_1" in queue.launchpad.fireworks.index_information()


def test_a_launchpad_that_was_never_initialised_is_told(fireworks_site, queue):
    queue.launchpad.fw_id_assigner.delete_many({})
    with pytest.raises(SubmissionError, match=r"run once: lpad -l \S+/my_launchpad.yaml reset"):
        queue.check()


def test_a_server_that_does_not_answer_is_told_soon(fireworks_site):
    change(fireworks_site.folder / "my_launchpad.yaml", port=9, mongoclient_kwargs={"serverSelectionTimeoutMS": 300})
    queue = open_queue("fireworks", site_of(fireworks_site))
    started = time.monotonic()
    for ask in (queue.check, lambda: queue.jobs(["s1"]), lambda: queue.submit([chain()], "s1"),
                lambda: queue.cancel(["s1"]), lambda: queue.find_lost(["s1"], 1)):  # fmt: skip
        with pytest.raises(QueueUnreachableError, match=r"the LaunchPad .*:9/.* does not answer: .*my_launchpad.yaml"):
            ask()
    assert time.monotonic() - started < 25  # one question with pymongo's patience takes 30 s


def test_a_job_store_that_does_not_answer_is_told(fireworks_site, queue):
    said = yaml.safe_load((fireworks_site.folder / "jobflow.yaml").read_text())
    said["JOB_STORE"]["docs_store"] |= {"port": 9, "mongoclient_kwargs": {"serverSelectionTimeoutMS": 300}}
    (fireworks_site.folder / "jobflow.yaml").write_text(yaml.safe_dump(said))
    for ask in (queue.check, queue.store):
        with pytest.raises(QueueUnreachableError, match=r"the JobStore .*:9/.* does not answer: .*jobflow.yaml"):
            ask()


def test_wrong_credentials_are_told_with_user_and_file(mongo_with_password, tmp_path):
    site = FireworksSite(mongo_with_password, tmp_path)
    site.launchpad().reset("", require_password=False)
    queue = open_queue("fireworks", site_of(site))
    queue.check()
    change(tmp_path / "my_launchpad.yaml", password="wr0ng")
    with pytest.raises(QueueUnreachableError, match=r"refuses user 'liface tester': .*my_launchpad.yaml") as caught:
        open_queue("fireworks", site_of(site)).check()
    assert "wr0ng" not in str(caught.value)
    change(tmp_path / "my_launchpad.yaml", password=None, username=None)
    with pytest.raises(QueueUnreachableError, match=r"grants nobody \(no user is given\) too little"):
        open_queue("fireworks", site_of(site)).check()


# resources


def test_a_job_gets_category_folder_and_resources_of_its_kind(fireworks_site, tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    queue = open_queue("fireworks", site_of(fireworks_site, runs="$SCRATCH/runs"))
    resources = ResourcesByKind(potential=Resources(cores=4, walltime="02:00:00", partition="big"))
    jobs = campaign_jobs(Campaign.load(path).cases())
    for case_job in jobs:
        queue.configure(case_job, resources, folder_of(case_job))
    configs = {case_job.job.name: case_job.job.config.manager_config for case_job in jobs}
    assert configs["slabs run"] == {
        "_category": "potential",
        "_launch_dir": "$SCRATCH/runs/tiny/surface-Cu-111/morse-liface/slabs-run",
        "_queueadapter": {"ntasks": 4, "ntasks_per_node": None, "walltime": "02:00:00", "queue": "big"},
    }
    assert configs["slabs"].keys() == {"_category", "_launch_dir"} and configs["slabs"]["_category"] == "light"
    later = [update["config"]["manager_config"] for update in jobs[0].job.config_updates]
    assert [config["_category"] for config in later] == ["light", "dft"]
    assert {config["_launch_dir"] for config in later} == {jobs[0].job.config.manager_config["_launch_dir"]}


@pytest.mark.parametrize(
    ("adapter", "resources", "expected"),
    [
        (None, {}, {}),
        ({"_fw_q_type": "SLURM"}, {"nodes": 2, "memory_gb": 100}, {"nodes": 2, "mem": "51200M", "mem_per_cpu": None}),
        ({"nodes": 4}, {"memory_gb": 10}, {"mem": "2560M", "mem_per_cpu": None}),
        ({"gres": "gpu:a100:1"}, {"gpus": 4, "nodes": 2}, {"nodes": 2, "gres": "gpu:a100:2"}),
        ({"gres": "gpu:1"}, {"gpus": 0}, {"gres": None}),
        (None, {"threads": 8, "qos": "q", "account": "a"}, {"cpus_per_task": 8, "qos": "q", "account": "a"}),
        (
            {"_fw_q_type": "PBS"},
            {"nodes": 2, "cores": 8, "threads": 2, "memory_gb": 16, "walltime": "1:00:00", "partition": "q"},
            {"nnodes": 2, "ppnode": 8, "pmem": "2048mb", "walltime": "1:00:00", "queue": "q"},
        ),
        ({"_fw_q_type": "PBS"}, {"account": "a"}, {"account": "a"}),
        ({"gres": "gpu:1,nvme:100"}, {"gpus": 2}, {"gres": "gpu:2,nvme:100"}),
        ({"gres": "gpu:a100:1,nvme:100"}, {"gpus": 0}, {"gres": "nvme:100"}),
        ({**PBS, "ppnode": 32}, {"nodes": 2}, {"nnodes": 2, "ppnode": 32}),
        ({**PBS, "ppnode": 32}, {"threads": 4}, {"nnodes": 1, "ppnode": 32}),
        ({**PBS, "ppnode": 32}, {"memory_gb": 64}, {"pmem": "2048mb"}),
        (PBS, {"walltime": "2-00:00:00"}, {"walltime": "48:00:00"}),
        ({"_fw_q_type": "SGE"}, {"partition": "q", "account": "a"}, {"queue": "q", "account": "a"}),
    ],
)
def test_resources_become_keys_of_the_adapter(adapter, resources, expected):
    said = allocation(adapter, Resources(**resources))
    gpu_keys = {"gpus", "gpus_per_node", "gpus_per_task"}
    assert {key: value for key, value in said.items() if key not in gpu_keys} == expected
    assert all(said[key] is None for key in gpu_keys & said.keys())


def test_every_key_of_resources_is_in_the_templates_of_fireworks():
    from fireworks.user_objects.queue_adapters.common_adapter import CommonAdapter

    everything = Resources(
        nodes=1, cores=1, threads=1, gpus=1, memory_gb=1, walltime="1:00:00", partition="p", account="a", qos="q"
    )
    without = everything.model_copy(update={"gpus": None, "qos": None})
    for system, asked in (("SLURM", everything), ("PBS", without)):
        with open(CommonAdapter._get_default_template_file(system)) as file:  # noqa: PTH123
            template = file.read()
        for key in allocation({"_fw_q_type": system}, asked):
            assert f"$${{{key}}}" in template, (system, key)
    with pytest.raises(SiteError, match="FireWorks' template for PBS has no place for gpus, qos; take it out"):
        allocation(PBS, everything)
    with pytest.raises(SiteError, match="template for SGE has no place for walltime"):
        allocation({"_fw_q_type": "SGE"}, Resources(walltime="1:00:00"))


def test_a_wall_time_without_quotes_is_refused(fireworks_site):
    """YAML makes seconds of it, and Slurm takes them for minutes."""
    change(fireworks_site.folder / "my_qadapter.yaml", walltime=86400)
    with pytest.raises(SiteError, match=r"my_qadapter.yaml: walltime 86400 is a number; write it in quotes"):
        read_adapter(fireworks_site.folder / "my_qadapter.yaml")


def test_a_worker_that_is_named_must_be_there_and_take_the_kind(fireworks_site):
    site = site_of(fireworks_site, kinds=ResourcesByKind(dft=Resources(worker="big")))
    with pytest.raises(
        SiteError, match=r"worker big of the site has no file \S+my_fworker_big.yaml; workers here: none"
    ):
        open_queue("fireworks", site).check()
    file = fireworks_site.folder / "my_fworker_big.yaml"
    file.write_text(yaml.safe_dump({"name": "here-big", "category": ["light"], "query": "{}"}))
    with pytest.raises(SiteError, match=r"my_fworker_big.yaml: category \['light'\] leaves out 'dft'"):
        open_queue("fireworks", site).check()
    change(file, category=["dft", "light"])
    open_queue("fireworks", site).check()


# submitting


def test_a_submission_keeps_names_order_and_says_whose_it_is(queue):
    queue.submit([chain(), Flow([own(mark("/", "alone"), "alone")], name="other")], "s1")
    pad = queue.launchpad
    (workflow, other) = pad.workflows.find().sort("nodes", 1)
    assert (workflow["name"], workflow["metadata"]) == ("chain", {"campaign": "c", "submission": "s1"})
    assert (workflow["state"], workflow["fw_states"]) == ("READY", {"1": "READY", "2": "WAITING", "3": "WAITING"})
    assert (other["nodes"], other["links"]) == ([4], {"4": []})
    jobs = queue.jobs(["s1"])
    assert [(job.job_id, job.step, job.state) for job in jobs] == [
        ("1", "first", "ready"), ("2", "second", "waiting"), ("3", "third", "waiting"), ("4", "alone", "ready")
    ]  # fmt: skip
    assert {(job.submission, job.case) for job in jobs} == {("s1", "bulk/W [m]"), ("s1", "surface/W-110 [m]")}
    assert pad.fireworks.find_one({"fw_id": 1})["spec"]["_tasks"][0]["store"] is None
    assert queue.jobs([]) == [] and queue.jobs(["other"]) == []


def test_nothing_remains_of_a_submission_that_the_server_refuses(queue):
    queue.launchpad.fireworks.insert_one({"fw_id": 3, "state": "COMPLETED", "spec": {}})
    with pytest.raises(SubmissionError, match=r"the LaunchPad refuses: .*duplicate key.*; nothing was submitted"):
        queue.submit([chain()], "s1")
    assert queue.launchpad.fireworks.count_documents({}) == 1 and queue.launchpad.workflows.count_documents({}) == 0
    queue.submit([chain("s2")], "s2")
    assert [job.job_id for job in queue.jobs(["s2"])] == ["4", "5", "6"]


def test_no_worker_can_take_a_job_before_all_are_there(queue, monkeypatch):
    taken = []
    insert = type(queue.launchpad.fireworks).insert_many

    def insert_and_try(collection, documents):
        insert(collection, documents)
        taken.append(queue.launchpad._get_a_fw_to_run())
        raise KeyboardInterrupt

    monkeypatch.setattr(fireworks_submit, "AT_ONCE", 2)
    monkeypatch.setattr(type(queue.launchpad.fireworks), "insert_many", insert_and_try)
    with pytest.raises(KeyboardInterrupt):
        queue.submit([chain()], "s1")
    assert taken == [None] and queue.launchpad.fireworks.count_documents({}) == 0


def test_a_job_that_is_too_large_is_named_with_its_size(queue):
    large = own(mark("/", "x" * 17 * 2**20), "huge")
    with pytest.raises(SubmissionError, match=r"job huge \[bulk/W \[m\]\] needs 17.0 MB in the queue, .* 15.9 MB"):
        queue.submit([chain(), Flow([large])], "s1")
    assert queue.jobs(["s1"]) == []


def test_many_jobs_are_submitted_and_looked_at_quickly(queue):
    first = own(mark("/", "x"), "first")
    jobs = [own(mark("/", first.output), f"job {i}") for i in range(300)]
    last = own(total({"numbers": []}, [job.output for job in jobs]), "last")
    started = time.process_time()  # of this side; what the server is asked is counted
    queue.submit([Flow([first, *jobs, last])], "s1")
    added = (time.process_time() - started) / 302
    counted = Counted()
    pymongo.monitoring.register(counted)
    queue = open_queue("fireworks", queue._site)
    started = time.process_time()
    found = queue.jobs(["s1"])
    looked = time.process_time() - started
    counted.on = False
    assert len(found) == 302 and found[-1].reason == "waits for first (ready)"
    assert added < 0.05 and looked < 2, f"{added * 1e3:.1f} ms per job, {looked:.2f} s for all"
    assert counted.finds <= 4 and counted.more <= 8, "queries must not grow with the number of jobs"
    assert len(encode(queue.launchpad.fireworks.find_one({"name": "job 7"}))) < 4096


class Counted(pymongo.monitoring.CommandListener):
    """Counts queries."""

    def __init__(self):
        self.on, self.finds, self.more = True, 0, 0

    def started(self, event):
        if self.on:
            self.finds += event.command_name == "find"
            self.more += event.command_name == "getMore"

    def succeeded(self, event):
        pass

    def failed(self, event):
        pass


# states


def test_states_from_ready_to_done(queue):
    queue.submit([chain()], "s1")
    assert seen(queue)["first"] == ("ready", "for a worker of category potential; none has taken a job here yet")
    assert seen(queue)["third"] == ("waiting", "waits for first of bulk/W [m] (ready)")
    assert take(queue, "light") == (None, None)
    _, launch = take(queue)
    jobs = {job.step: job for job in queue.jobs(["s1"])}
    assert (jobs["first"].state, jobs["first"].worker) == ("running", "w1@node7")
    assert (jobs["first"].folder, jobs["second"].folder) == ("/folder/of/job", "")
    assert seen(queue)["second"] == ("waiting", "waits for first (running)")
    end(queue, launch)
    assert seen(queue)["first"] == ("done", "")
    assert seen(queue)["second"] == ("ready", "for a worker of category light; none has taken a job here yet")
    _, launch = take(queue, ["light", "dft"], "w2")
    end(queue, launch)
    assert seen(queue)["third"] == ("ready", "for a worker of category light; w2@node7 took one 0 min ago")


def test_a_job_that_failed_says_why_and_blocks_others(queue):
    queue.submit([chain()], "s1")
    _, launch = take(queue)
    trace = (
        'Traceback (most recent call last):\n  File "x.py", line 3, in f\n    g()\nliface.errors.OverlapError: 0 Å\n'
    )
    end(queue, launch, trace)
    assert seen(queue)["first"] == ("failed", "OverlapError: 0 Å")
    assert seen(queue)["second"] == ("blocked", "waits for first (failed)")
    assert seen(queue)["third"] == ("blocked", "waits for first of bulk/W [m] (failed)")
    queue.rerun(queue.jobs(["s1"]))
    assert [state for state, _ in seen(queue).values()] == ["ready", "waiting", "waiting"]
    _, launch = take(queue)
    end(queue, launch)
    assert seen(queue)["first"] == ("done", "") and seen(queue)["second"][0] == "ready"


@pytest.mark.parametrize("lose", [False, True])
def test_retried_and_waiting_jobs_are_as_if_submitted_with_the_resources_of_now(queue, tmp_path, monkeypatch, lose):
    monkeypatch.setattr("liface.engines.base.DFT_ENGINES", ("morse",))  # its jobs make jobs
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    campaign = Campaign.load(path)
    short = ResourcesByKind(dft=Resources(cores=4, walltime="00:10:00"), light=Resources(partition="quick"))
    long = ResourcesByKind(dft=Resources(cores=4, walltime="10:00:00"))
    with Database(tmp_path / "r.db") as database, Database(tmp_path / "fresh.db") as other:
        done = submission.submit(campaign, database, queue, short)
        _, launch = take(queue, ["light"])
        if lose:
            age(queue, launch, 9)
        else:
            end(queue, launch, "Traceback\nRuntimeError: out of time\n")
        before = configured(queue, done.document.submission_id)
        again, _ = submission.retry_on_queue(campaign, database, queue, long, "out of time|nothing was heard")
        assert [job.state for job in again] == ["lost" if lose else "failed"]
        fresh = submission.submit(campaign, other, queue, long)
    after = configured(queue, done.document.submission_id)
    assert after == configured(queue, fresh.document.submission_id) != before
    assert any("10:00:00" in text for text in after.values()) and not any("quick" in text for text in after.values())


def configured(queue, submission):
    """Who takes the jobs, where and how they run, by step; with what those that make jobs hand on to them."""
    found = {}
    for fw in queue.launchpad.fireworks.find({SUBMISSION: submission}):
        spec = {key: value for key, value in fw["spec"].items() if key not in ("_tasks", ORIGIN)}
        job = fw["spec"]["_tasks"][0]["job"]
        handed_on = job["config_updates"] if job["function"]["@callable"] == "calculate" else None
        found[fw["name"]] = json.dumps([spec, job["config"], handed_on], sort_keys=True)
    return found


@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        ("", ""),
        ("a.b.SomeError: x\n  y\n", "SomeError: x y"),
        (
            'Traceback (most recent call last):\n  File "a.py", line 1, in f\n    g(x)\n    ^^^^\nKeyError: 1\n\n'
            'During another:\n\nTraceback (most recent call last):\n  File "b.py", line 2, in h\n    raise E\n'
            "liface.errors.SiteError: two\n lines\n",
            "SiteError: two lines",
        ),
        ("  File \"a.py\", line 1, in f\n    g()\nKeyboardInterrupt\n", "KeyboardInterrupt"),
    ],
)  # fmt: skip
def test_the_exception_is_found_at_the_end_of_a_stack_trace(trace, expected):
    assert last_line(trace) == expected


def test_a_silent_run_is_lost_and_its_end_is_not_overwritten(queue):
    queue.submit([chain(), chain()], "s1")
    _, launch = take(queue)
    _, other = take(queue)
    age(queue, launch, 2)
    first, *_, fourth = [job for job in queue.jobs(["s1"]) if job.step == "first"]
    assert (first.state, fourth.state) == ("lost", "running")
    assert first.reason.startswith("nothing was heard of worker w1@node7 since 20")
    assert [job.state for job in queue.jobs(["s1"]) if job.step == "second"] == ["waiting", "waiting"]
    (lost,) = queue.find_lost(["s1"], 1800)
    assert (lost.job_id, lost.state) == (first.job_id, "lost")
    assert queue.find_lost(["s1"], 1800) == []
    assert next(job for job in queue.jobs(["s1"])).reason == lost.reason
    age(queue, other, 0.5)
    end(queue, other)
    queue.rerun([lost, fourth])
    states = [job.state for job in queue.jobs(["s1"]) if job.step == "first"]
    assert states == ["ready", "done"], "what came to its end meanwhile is left alone"
    end(queue, launch)
    assert next(job for job in queue.jobs(["s1"])).state == "ready", "a run that was given up changes nothing"


def test_a_lost_run_can_be_run_again_without_being_marked(queue):
    queue.submit([chain()], "s1")
    _, launch = take(queue)
    age(queue, launch, 2)
    queue.rerun(queue.jobs(["s1"]))
    assert seen(queue)["first"][0] == "ready"
    assert queue.launchpad.launches.find_one({"launch_id": launch})["state"] == "FIZZLED"
    assert queue.find_lost(["s1"], 1) == []


def test_a_job_that_was_half_taken_is_found(queue):
    queue.submit([chain()], "s1")
    long_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    half = {"$set": {"state": "RESERVED", "updated_on": datetime.now(UTC)}}
    queue.launchpad.fireworks.update_one({"fw_id": 1}, half)
    assert seen(queue)["first"] == ("queued", "a worker is taking it")
    queue.launchpad.fireworks.update_one({"fw_id": 1}, {"$set": {"updated_on": long_ago}})
    assert seen(queue)["first"][0] == "lost"
    (lost,) = queue.find_lost(["s1"], 3600)
    queue.rerun([lost])
    assert seen(queue)["first"][0] == "ready"


def test_a_job_that_nobody_woke_is_woken(queue):
    queue.submit([chain()], "s1")
    _, launch = take(queue)
    end(queue, launch)
    pad = queue.launchpad  # a worker that ended between two of its steps
    pad.fireworks.update_one({"fw_id": 2}, {"$set": {"state": "WAITING"}})
    pad.workflows.update_one({}, {"$set": {"fw_states.1": "RUNNING", "fw_states.2": "WAITING"}})
    assert seen(queue)["second"] == ("waiting", "all it needs is done; looking for lost jobs wakes it")
    assert queue.find_lost(["s1"], 3600) == []
    assert seen(queue)["second"][0] == "ready"


def test_a_lock_that_was_left_behind_is_opened(queue, monkeypatch):
    monkeypatch.setattr(fireworks_actions, "STALE_LOCK_S", 0.4)
    queue.submit([chain()], "s1")
    _, launch = take(queue)
    end(queue, launch, "E: x")
    queue.launchpad.workflows.update_one({}, {"$set": {"locked": True}})
    started = time.monotonic()
    queue.rerun(queue.jobs(["s1"]))
    assert time.monotonic() - started < 18 and seen(queue)["first"][0] == "ready"


def test_an_interrupted_submission_is_told(queue):
    queue.submit([chain()], "s1")
    queue.launchpad.fireworks.update_one({"fw_id": 1}, {"$set": {"state": "WAITING"}})
    assert seen(queue)["first"] == (
        "blocked",
        "its submission was interrupted; cancel the campaign and submit it again",
    )
    assert queue.cancel(["s1"]) == 3


def test_cancelled_jobs_stay_cancelled_whatever_their_workers_do(queue):
    queue.submit([chain()], "s1")
    queue.submit([chain("s2")], "s2")
    _, launch = take(queue)
    assert queue.cancel(["s1"]) == 3 and queue.cancel(["s1"]) == 0
    end(queue, launch)
    assert {state for state, _ in seen(queue).values()} == {"cancelled"}
    assert take(queue, "light") == (None, None)
    assert [state for state, _ in seen(queue, "s2").values()] == ["ready", "waiting", "waiting"]
    workflow = queue.launchpad.workflows.find_one({"metadata.submission": "s1"})
    assert set(workflow["fw_states"].values()) == {"DEFUSED"} and workflow["state"] == "DEFUSED"
    queue.rerun(queue.jobs(["s1"]))
    assert {state for state, _ in seen(queue).values()} == {"cancelled"}


def test_a_job_that_is_being_taken_is_cancelled_once_it_runs(queue, monkeypatch):
    queue.submit([chain()], "s1")
    pad = queue.launchpad
    pad.fireworks.update_one({"fw_id": 1}, {"$set": {"state": "RESERVED"}})
    rounds = []

    def taken_meanwhile(seconds):
        rounds.append(seconds)
        pad.fireworks.update_one({"fw_id": 1}, {"$set": {"state": "RUNNING"}})

    only_there = SimpleNamespace(sleep=taken_meanwhile, monotonic=time.monotonic)  # the threads of pymongo sleep too
    monkeypatch.setattr(fireworks_actions, "time", only_there)
    assert queue.cancel(["s1"]) == 3 and len(rounds) == 1


def test_paused_jobs_count_as_cancelled_and_say_how_they_go_on(queue):
    queue.submit([chain()], "s1")
    queue.launchpad.pause_fw(1)
    assert seen(queue)["first"] == ("cancelled", "paused; lpad resume_fws -i 1")
    assert seen(queue)["second"][0] == "blocked"


def test_nothing_is_written_to_stdout(fireworks_site, capfd):
    queue = open_queue("fireworks", site_of(fireworks_site))
    capfd.readouterr()
    queue.check()
    queue.submit([chain()], "s1")
    queue.find_lost(["s1"], 1)
    queue.rerun(queue.jobs(["s1"]))
    queue.cancel(["s1"])
    assert capfd.readouterr().out == ""


def test_outputs_are_where_workers_put_them(fireworks_site, queue):
    with fireworks_site.mongo.client() as client:
        store = queue.store()
        store.update({"uuid": "u", "index": 1, "output": {"calculations": [1]}}, save={"data": "calculations"})
        kept = client[fireworks_site.database]["outputs"].find_one({"uuid": "u"})
        assert "blob_uuid" in json.dumps(kept["output"])
        indexes = client[fireworks_site.database]["outputs"].index_information()
        assert {"uuid_1", "metadata.liface.submission_1"} <= indexes.keys()
        store.close()
