"""Campaigns through FireWorks: real workers on a MongoDB, collected, and equal to a run on this machine."""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from waiting import PATIENCE_S, wait_until

from liface.database import Database
from liface.dispatch import submission
from liface.dispatch.derive import derive
from liface.dispatch.overview import overview
from liface.dispatch.queues import open_queue
from liface.dispatch.run import run_campaign
from liface.dispatch.site import Site
from liface.errors import QueueUnreachableError
from liface.workflows.campaign import Campaign
from liface.workflows.executor import CALCULATIONS
from liface.workflows.resources import Resources, ResourcesByKind

SMALL = """
name: small
engines: ["ase:hpc_calculators.Watched"]
protocol:
  surface_thickness_a: 5
  max_force_calls: 40
  fmax_ev_per_a: 0.05
surfaces:
  - {material: Cu, planes: ["111", "100"]}
  - {material: Li, planes: ["110"]}
"""
TINY = """
name: tiny
engines: ["ase:hpc_calculators.Watched"]
protocol: {surface_thickness_a: 5, max_force_calls: 40, fmax_ev_per_a: 0.05}
surfaces:
  - {material: Cu, planes: ["111"]}
"""
KINDS = ResourcesByKind()
NOT_COMPARED = {"created_at", "wall_s", "versions"}


class Lab:
    """A site, a database, and workers whose force calls are written down."""

    def __init__(self, fireworks, folder: Path):
        self.fireworks, self.folder = fireworks, folder
        self.calculations = folder / "calculations"
        self.force_calls = folder / "force_calls"
        self.site = Site(
            name="here",
            runs=str(folder / "runs"),
            calculations=str(self.calculations),
            fireworks_config=str(fireworks.folder / "FW_config.yaml"),
            jobflow_config=str(fireworks.folder / "jobflow.yaml"),
        )
        self.queue = open_queue("fireworks", self.site)
        self.database = Database(folder / "r.db")
        self.workers = []

    def campaign(self, text: str) -> Campaign:
        path = self.folder / "campaign.yaml"
        path.write_text(text)
        return Campaign.load(path)

    def start(self, *command: str, **extra: str):
        environment = {CALCULATIONS: str(self.calculations), "HPC_FORCE_CALLS": str(self.force_calls)}
        worker = self.fireworks.start(*(command or ("rlaunch", "rapidfire")), **(environment | extra))
        self.workers.append(worker)
        return worker

    def run(self, *command: str, **extra: str) -> None:
        assert self.start(*command, **extra).wait(timeout=PATIENCE_S) == 0

    def files(self) -> dict[str, int]:
        """Give the finished calculations, and when each file was written."""
        return {path.stem: path.stat().st_mtime_ns for path in self.calculations.glob("??/*.json")}

    def jobs(self):
        return self.queue.jobs([document.submission_id for document in self.database.submissions("tiny")])

    def states(self) -> Counter:
        return Counter(job.state for job in self.jobs())

    def n_force_calls(self) -> int:
        return len(self.force_calls.read_text().splitlines()) if self.force_calls.exists() else 0

    def close(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait(timeout=PATIENCE_S)
        self.database.close()


@pytest.fixture
def lab(fireworks_site, tmp_path, monkeypatch):
    monkeypatch.setattr("liface.dispatch.queues.fireworks_actions.STALE_LOCK_S", 2.0)
    lab = Lab(fireworks_site, tmp_path)
    yield lab
    lab.close()


def contents(database):
    """Everything a database holds, without when and how fast."""
    found = {}
    for noun in ("bulks", "surfaces", "interfaces", "bindings", "growth", "wetting", "calculations", "cases"):
        rows = ({k: v for k, v in row.items() if k not in NOT_COMPARED} for row in database.query(noun))
        found[noun] = sorted(json.dumps(row, sort_keys=True) for row in rows)
    return found


def run_here(campaign, folder):
    with Database(folder / "here.db") as database:
        run_campaign(campaign.cases(), database, workers=0)
        derive(campaign, database)
        return contents(database)


def test_two_workers_share_a_campaign_and_compute_everything_once(lab, tmp_path):
    campaign, database = lab.campaign(SMALL), lab.database
    done = submission.submit(campaign, database, lab.queue, KINDS)
    workers = [lab.start(HPC_FORCE_CALL_S="0.1") for _ in range(2)]
    expected = run_here(campaign, tmp_path)
    while any(worker.poll() is None for worker in workers):
        partly = submission.collect(campaign, database, lab.queue)
        assert {case.status for case in partly.finished} <= {"finished"}
        time.sleep(1)
    assert [worker.wait() for worker in workers] == [0, 0]
    jobs = lab.queue.jobs([done.document.submission_id])
    assert [(job.state, job.reason) for job in jobs] == [("done", "")] * done.document.n_jobs
    assert all(Path(job.folder).is_dir() and job.worker.startswith("tests@") for job in jobs)
    pad = lab.queue.launchpad
    assert pad.launches.count_documents({}) == pad.fireworks.count_documents({}) == len(jobs)
    assert {fw["fw_id"] for fw in pad.launches.find()} == {int(job.job_id) for job in jobs}
    assert not submission.collect(campaign, database, lab.queue).pending
    assert contents(database) == expected
    assert set(lab.files()) == {row["calc_id"] for row in database.query("calculations")}
    assert lab.n_force_calls() == sum(row["n_force_calls"] for row in database.query("calculations"))
    assert len(set(lab.force_calls.read_text().split())) == 2, "one worker did everything"
    again = submission.collect(campaign, database, lab.queue)
    assert (again.new_calculations, again.replaced_calculations, again.finished) == (0, 0, [])
    assert contents(database) == expected and database.verify() == []
    assert submission.submit(campaign, database, lab.queue, KINDS).document is None


def test_a_killed_worker_loses_only_what_it_was_relaxing(lab, tmp_path):
    campaign = lab.campaign(TINY)
    submission.submit(campaign, lab.database, lab.queue, KINDS)
    worker = lab.start(HPC_FORCE_CALL_S="0.3")
    wait_until(
        lambda: len(lab.files()) == 2 and list(lab.calculations.glob("??/*.claim"))
    )  # bulk, and one of two slabs
    worker.send_signal(signal.SIGKILL)
    worker.wait(timeout=PATIENCE_S)
    finished, computed = lab.files(), lab.n_force_calls()
    assert lab.states()["running"] == 1
    assert lab.queue.find_lost([doc.submission_id for doc in lab.database.submissions("tiny")], 3600) == []
    (lost,) = submission.find_lost(campaign, lab.database, lab.queue, 0)
    assert (lost.state, lost.step) == ("lost", "slabs run") and "nothing was heard of worker tests@" in lost.reason
    seen = overview(campaign, lab.database, lab.queue)
    assert seen.failures()[0]["fails"] == "lost"
    assert lab.states().keys() == {"done", "lost", "waiting"}
    again, handed = submission.retry_on_queue(campaign, lab.database, lab.queue, KINDS, ".")
    assert [job.job_id for job in again] == [lost.job_id] and handed.document is None
    started = time.monotonic()
    lab.run()
    assert time.monotonic() - started < 60, "the claim of the dead worker was respected"
    assert lab.states().keys() == {"done"}
    assert {calc_id: lab.files()[calc_id] for calc_id in finished} == finished, "computed again"
    assert not submission.collect(campaign, lab.database, lab.queue).pending
    assert contents(lab.database) == run_here(campaign, tmp_path)
    needed = sum(row["n_force_calls"] for row in lab.database.query("calculations"))
    assert needed <= lab.n_force_calls() < needed + computed


def test_jobs_of_a_worker_of_another_version_fail_with_reason_and_run_again(lab, monkeypatch):
    campaign = lab.campaign(TINY)
    monkeypatch.setattr(submission, "__version__", "9.9")
    submission.submit(campaign, lab.database, lab.queue, KINDS)
    lab.run()
    failed = [job for job in lab.jobs() if job.state == "failed"]
    assert len(failed) == 1 and {job.state for job in lab.jobs()} == {"failed", "blocked"}
    assert failed[0].reason.startswith("WorkerVersionError: this worker has liface")
    assert "submitted by liface 9.9" in failed[0].reason
    assert Path(failed[0].folder, "FW.json").is_file() and failed[0].worker.startswith("tests@")
    blocked = next(job for job in lab.jobs() if job.state == "blocked")
    assert blocked.reason == "waits for Cu bulk run (failed)"
    old = {"$set": {"spec.liface.version": "9.9"}}
    assert lab.queue.launchpad.fireworks.count_documents({"spec.liface.version": "9.9"}) == len(lab.jobs())
    from liface import __version__

    old["$set"] = {"spec.liface.version": __version__, "spec._tasks.0.job.metadata.liface.version": __version__}
    lab.queue.launchpad.fireworks.update_many({}, old)
    again, _ = submission.retry_on_queue(campaign, lab.database, lab.queue, KINDS, "9.9")
    assert len(again) == 1
    lab.run()
    assert lab.states().keys() == {"done"}
    assert not submission.collect(campaign, lab.database, lab.queue).pending


def test_a_worker_without_liface_is_told(lab, tmp_path):
    campaign = lab.campaign(TINY)
    bare = tmp_path / "bare" / "liface"
    bare.mkdir(parents=True)
    (bare / "__init__.py").write_text("raise ModuleNotFoundError(\"No module named 'liface'\", name='liface')")
    submission.submit(campaign, lab.database, lab.queue, KINDS)
    lab.run(PYTHONPATH=str(bare.parent))
    (failed,) = [job for job in lab.jobs() if job.state == "failed"]
    assert failed.reason.startswith("ModuleNotFoundError: No module named 'liface'; ")
    assert "has no liface installed" in failed.reason
    again, _ = submission.retry_on_queue(campaign, lab.database, lab.queue, KINDS, "no liface installed")
    assert [job.job_id for job in again] == [failed.job_id]
    lab.run()
    assert lab.states().keys() == {"done"}


def test_a_cancelled_campaign_stops_and_keeps_what_is_finished(lab):
    campaign = lab.campaign(TINY)
    submission.submit(campaign, lab.database, lab.queue, KINDS)
    worker = lab.start(HPC_FORCE_CALL_S="0.1")
    wait_until(lambda: lab.files())
    stopped = submission.cancel(campaign, lab.database, lab.queue)
    assert stopped > 0 and lab.states()["cancelled"] == stopped
    assert worker.wait(timeout=PATIENCE_S) == 0, "a worker ends when nothing is left for it"
    assert lab.states()["cancelled"] == stopped, "a cancelled job woke another one"
    computed = lab.n_force_calls()
    left = submission.collect(campaign, lab.database, lab.queue).pending  # none if the last job had begun
    again = submission.submit(campaign, lab.database, lab.queue, KINDS)
    assert (again.document is not None) == bool(left)
    kept = lab.files()
    lab.run()
    assert {calc_id: lab.files()[calc_id] for calc_id in kept} == kept
    assert not submission.collect(campaign, lab.database, lab.queue).pending
    assert lab.n_force_calls() == sum(row["n_force_calls"] for row in lab.database.query("calculations")) >= computed


def test_a_server_that_is_gone_leaves_the_database_as_it_was(lab):
    campaign = lab.campaign(TINY)
    submission.submit(campaign, lab.database, lab.queue, KINDS)
    before = contents(lab.database), lab.database.submissions("tiny")
    file = lab.fireworks.folder / "my_launchpad.yaml"
    file.write_text(file.read_text().replace(f"port: {lab.fireworks.mongo.port}", "port: 9"))
    queue = open_queue("fireworks", lab.site)
    for ask in (submission.collect, submission.cancel):
        with pytest.raises(QueueUnreachableError, match="does not answer"):
            ask(campaign, lab.database, queue)
            raise QueueUnreachableError("does not answer: this queue took nothing")
    with pytest.raises(QueueUnreachableError, match=r"the LaunchPad .*:9/.* does not answer: .*host"):
        submission.submit(campaign, lab.database, queue, KINDS)
    assert (contents(lab.database), lab.database.submissions("tiny")) == before


def test_structures_of_a_dft_engine_become_jobs_of_their_own(lab, tmp_path, monkeypatch):
    """The Morse potential passes for a DFT code, here and in the worker."""
    pretend = tmp_path / "pretend"
    pretend.mkdir()
    (pretend / "sitecustomize.py").write_text("import liface.engines.base as base\nbase.DFT_ENGINES = ('morse',)\n")
    monkeypatch.setattr("liface.engines.base.DFT_ENGINES", ("morse",))
    campaign = lab.campaign(TINY.replace("ase:hpc_calculators.Watched", "morse"))
    kinds = ResourcesByKind(dft=Resources(cores=16, walltime="12:00:00"))
    submission.submit(campaign, lab.database, lab.queue, kinds)
    assert {fw["spec"]["_category"] for fw in lab.queue.launchpad.fireworks.find()} == {"light"}
    lab.run("rlaunch", "rapidfire", PYTHONPATH=str(pretend))
    assert lab.states().keys() == {"done"}
    slabs = [job for job in lab.jobs() if job.step.startswith("slabs run/")]
    assert [job.step for job in slabs] == ["slabs run/4-planes", "slabs run/2-planes"]
    assert {Path(job.folder).name for job in slabs} == {"slabs-run"}
    specs = [lab.queue.launchpad.fireworks.find_one({"fw_id": int(job.job_id)})["spec"] for job in slabs]
    assert [spec["_category"] for spec in specs] == ["dft", "dft"]
    assert [spec["_queueadapter"]["ntasks"] for spec in specs] == [16, 16]
    assert not submission.collect(campaign, lab.database, lab.queue).pending
    assert contents(lab.database) == run_here(campaign, tmp_path)
