"""Campaigns through jobflow-remote: submitted, run in Slurm, collected, and equal to a run on this machine."""

from __future__ import annotations

import json

import pytest
from shipped_project import shipped_project

from liface.database import Database
from liface.dispatch import submission
from liface.dispatch.derive import derive
from liface.dispatch.queues import open_queue
from liface.dispatch.run import run_campaign
from liface.dispatch.site import Site
from liface.workflows.campaign import Campaign
from liface.workflows.resources import Resources, ResourcesByKind

TINY = """
name: tiny
engines: [morse]
protocol: {surface_thickness_a: 5, max_force_calls: 40, fmax_ev_per_a: 0.05}
surfaces:
  - {material: Cu, planes: ["111"]}
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
