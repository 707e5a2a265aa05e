"""Campaigns through jobflow-remote: submitted, run in Slurm, collected, and equal to a run on this machine."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from shipped_project import shipped_project

from liface.database import Database
from liface.dispatch import submission
from liface.dispatch.derive import derive
from liface.dispatch.overview import overview
from liface.dispatch.queues import open_queue
from liface.dispatch.run import run_campaign
from liface.dispatch.site import Site
from liface.errors import QueueUnreachableError, SubmissionError
from liface.workflows.campaign import Campaign
from liface.workflows.resources import Resources, ResourcesByKind

TINY = """
name: tiny
engines: [morse]
protocol: {surface_thickness_a: 5, max_force_calls: 40, fmax_ev_per_a: 0.05}
surfaces:
  - {material: Cu, planes: ["111"]}
"""
ONE_BULK = """
name: tiny
engines: [morse]
protocol: {max_force_calls: 40, fmax_ev_per_a: 0.05}
bulks: [Cu]
"""
KINDS = ResourcesByKind()
NOT_COMPARED = {"created_at", "wall_s", "versions"}


@pytest.fixture
def campaign(tmp_path):
    return load(tmp_path, TINY)


@pytest.fixture
def database(tmp_path):
    with Database(tmp_path / "r.db") as database:
        yield database


@pytest.fixture
def site(remote_project, tmp_path):
    return Site(
        name="here", queue="remote", runs=str(tmp_path / "runs"), calculations=str(tmp_path / "calculations"),
        project=remote_project.name,
    )  # fmt: skip


def load(folder, text):
    path = folder / "campaign.yaml"
    path.write_text(text)
    return Campaign.load(path)


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


def test_a_campaign_through_slurm_equals_one_that_ran_here(campaign, database, site, remote_project, tmp_path):
    queue = open_queue("remote", site)
    done = submission.submit(campaign, database, queue, KINDS)
    assert {job.state for job in queue.jobs([done.document.submission_id])} == {"ready", "waiting"}
    remote_project.run_jobs()
    jobs = queue.jobs([done.document.submission_id])
    assert [(job.state, job.reason) for job in jobs] == [("done", "")] * done.document.n_jobs
    outputs = list(queue.store().query({"name": {"$in": ["Cu bulk run", "slabs run"]}}, load=False))
    assert len(outputs) == 2 and all("blob_uuid" in row["output"]["calculations"] for row in outputs)
    collected = submission.collect(campaign, database, queue)
    assert not collected.pending and {case.status for case in collected.finished} == {"finished"}
    assert contents(database) == run_here(campaign, tmp_path)
    again = submission.collect(campaign, database, queue)
    assert (again.new_calculations, again.replaced_calculations, again.finished) == (0, 0, [])
    links = {path.relative_to(site.runs).as_posix(): path.resolve() for path in (tmp_path / "runs").rglob("*-run")}
    folders = {job.step: job.folder for job in jobs}
    assert {name: str(path) for name, path in links.items()} == {
        "tiny/bulk-Cu/morse-liface/Cu-bulk-run": folders["Cu bulk run"],
        "tiny/surface-Cu-111/morse-liface/slabs-run": folders["slabs run"],
    }
    assert len(list((tmp_path / "calculations").glob("??/*.json"))) == len(database.query("calculations"))


def test_failures_have_reasons_and_run_again_once_the_worker_is_mended(database, site, remote_project, tmp_path):
    campaign = load(tmp_path, ONE_BULK)
    good = remote_project.fields()
    broken = copy.deepcopy(good)
    broken["workers"]["slurm"]["pre_run"] += f"\nexport LIFACE_CALCULATIONS={tmp_path}/r.db/in-a-file"
    remote_project.write(broken)
    queue = open_queue("remote", site)
    done = submission.submit(campaign, database, queue, KINDS)
    remote_project.run_jobs()
    seen = overview(campaign, database, queue)
    assert [view.state for view in seen.cases] == ["failed"]
    [failure] = seen.failures()
    assert "CalculationFolderError: calculations cannot be kept in" in failure["reason"] and failure["folders"]
    [failed, blocked] = queue.jobs([done.document.submission_id])
    assert blocked.state == "blocked"
    assert blocked.reason.startswith("waits for Cu bulk run, which failed: CalculationFolderError")
    assert submission.submit(campaign, database, queue, KINDS).document is None
    remote_project.write(good)
    queue.rerun([failed])
    remote_project.run_jobs()
    [finished] = submission.collect(campaign, database, queue).finished
    assert finished.status == "finished"


def test_dft_gets_a_job_and_an_allocation_for_every_structure(database, site, remote_project, tmp_path, monkeypatch):
    """The jobs that a job makes go to the worker of their kind, and are found under readable names."""
    campaign = load(tmp_path, ONE_BULK)
    fields = remote_project.fields()
    fields["workers"]["slurm"]["execution_cmd"] = (
        "python -c \"import liface.engines.base as b; b.DFT_ENGINES = ('morse',); "
        "from jobflow_remote.jobs.run import run_remote_job; run_remote_job('{}')\""
    )
    fields["workers"]["big"] = copy.deepcopy(fields["workers"]["slurm"])
    remote_project.write(fields)
    monkeypatch.setattr("liface.engines.base.DFT_ENGINES", ("morse",))
    small = Resources(worker="slurm", walltime="00:05:00")
    kinds = ResourcesByKind(light=small, potential=small, dft=Resources(worker="big", cores=2, walltime="00:10:00"))
    queue = open_queue("remote", site)
    done = submission.submit(campaign, database, queue, kinds)
    remote_project.run_jobs()
    jobs = queue.jobs([done.document.submission_id])
    made = [job for job in jobs if job.step.startswith("Cu bulk run/")]
    assert {job.state for job in jobs} == {"done"} and len(made) >= 1
    assert {job.worker for job in made} == {"big"} and {job.worker for job in jobs if job not in made} == {"slurm"}
    scripts = [(Path(job.folder) / "submit.sh").read_text() for job in made]
    assert all("#SBATCH --ntasks=2" in text and "#SBATCH --time=00:10:00" in text for text in scripts)
    others = [(Path(job.folder) / "submit.sh").read_text() for job in jobs if job not in made]
    assert all("#SBATCH --ntasks=1" in text and "#SBATCH --time=00:05:00" in text for text in others)
    runs = tmp_path / "runs" / "tiny" / "bulk-Cu" / "morse-liface" / "Cu-bulk-run"
    assert {str(path.resolve()) for path in runs.iterdir()} == {job.folder for job in made}
    assert submission.collect(campaign, database, queue).new_calculations == len(made)
    monkeypatch.undo()
    run_here(campaign, tmp_path)
    with Database(tmp_path / "here.db") as here:
        assert contents(database)["bulks"] == contents(here)["bulks"]


def test_a_cancelled_campaign_can_be_submitted_again(campaign, database, site):
    queue = open_queue("remote", site)
    done = submission.submit(campaign, database, queue, KINDS)
    assert submission.cancel(campaign, database, queue) == done.document.n_jobs
    assert {job.state for job in queue.jobs([done.document.submission_id])} == {"cancelled"}
    assert submission.submit(campaign, database, queue, KINDS).document.n_jobs == done.document.n_jobs


def test_a_queue_that_cannot_be_used_leaves_the_database_as_it_was(campaign, database, site, remote_project):
    fields = remote_project.fields()
    fields["queue"]["store"] |= {"port": 1, "mongoclient_kwargs": {"serverSelectionTimeoutMS": 300}}
    nowhere = ResourcesByKind(potential=Resources(worker="nowhere"))
    before = contents(database)
    with pytest.raises(SubmissionError, match=r"worker 'nowhere'.*its workers: slurm"):
        submission.submit(campaign, database, open_queue("remote", site), nowhere)
    remote_project.write(fields)
    with pytest.raises(QueueUnreachableError, match="does not answer"):
        submission.submit(campaign, database, open_queue("remote", site), KINDS)
    assert contents(database) == before and database.count("submissions") == 0


@pytest.mark.slow
def test_the_quickstart_through_the_shipped_project(database, site, remote_project, tmp_path):
    """136 jobs in batches that Slurm runs; the file for jobflow-remote is the one that people copy."""
    remote_project.write(shipped_project(remote_project, tmp_path / "runs", tmp_path / "calculations"))
    batch = Resources(worker="batch")
    kinds = ResourcesByKind(light=batch, potential=batch, dft=Resources(worker="cpu"))
    queue = open_queue("remote", site.model_copy(update={"kinds": kinds}))
    campaign = Campaign.load("quickstart", ("morse",))
    done = submission.submit(campaign, database, queue, kinds)
    remote_project.run_jobs(max_seconds=1200)
    jobs = queue.jobs([done.document.submission_id])
    assert {job.state for job in jobs} == {"done"}, [job for job in jobs if job.state != "done"]
    assert not submission.collect(campaign, database, queue).pending
    assert contents(database) == run_here(campaign, tmp_path)
    assert database.verify() == []
