"""Campaigns handed to a queue and collected again; the queue runs the same jobs with jobflow's own manager."""

from __future__ import annotations

import json
import shutil
from collections import Counter

import pytest
from monty.json import MontyDecoder, jsanitize
from plain_queue import PlainQueue

from liface import __version__
from liface.database import Database
from liface.dispatch import submission
from liface.dispatch.derive import derive
from liface.dispatch.overview import overview
from liface.dispatch.run import run_campaign
from liface.errors import (
    HalfSubmittedError,
    InputError,
    QueueUnreachableError,
    SubmissionError,
    WorkerVersionError,
)
from liface.workflows.campaign import Campaign
from liface.workflows.campaign_jobs import campaign_jobs, independent_flows, jobs_to_do, kind_of
from liface.workflows.decorators import LARGE_DATA
from liface.workflows.executor import KnownExecutor
from liface.workflows.jobs.calculate import calculate
from liface.workflows.resources import ResourcesByKind

TEXT = """
name: small
engines: ["{engine}"]
protocol:
  film_planes_100: [4, 5, 6]
  gaps_a: [2.3]
  registry_grid: 1
  registry_grid_commensurate: 2
  registry_candidates: 1
  release: false
  surface_thickness_a: 5
  substrate_thickness_a: 3
  binding_thickness_a: 3
  binding_edge_a: 5
  max_force_calls: {calls}
  fmax_ev_per_a: 0.05
surfaces:
  - {{material: Cu, planes: ["111"]}}
  - {{material: Li, planes: ["110"]}}
interfaces:
  - {{substrate: Cu, planes: ["111"], film_planes: ["110"]}}
bindings:
  - {{substrate: Cu, plane: "111", n_li: [1]}}
"""
SURFACES = TEXT[: TEXT.index("interfaces:")]
"""The surfaces alone, where what is told holds for any kind of case."""
KINDS = ResourcesByKind()
NOT_COMPARED = {"created_at", "wall_s", "versions"}


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    return load(tmp_path_factory.mktemp("campaign"))


@pytest.fixture(scope="module")
def surfaces(tmp_path_factory):
    return load(tmp_path_factory.mktemp("surfaces"), text=SURFACES)


def load(tmp_path, engine="morse", calls=40, text=TEXT):
    path = tmp_path / "small.yaml"
    path.write_text(text.format(engine=engine, calls=calls))
    return Campaign.load(path)


@pytest.fixture
def database(tmp_path):
    with Database(tmp_path / "r.db") as database:
        yield database


@pytest.fixture
def queue(tmp_path):
    return PlainQueue(tmp_path)


@pytest.fixture(scope="module")
def local(campaign, tmp_path_factory):
    """The file of the same campaign, run on this machine."""
    file = tmp_path_factory.mktemp("local") / "local.db"
    with Database(file) as database:
        run_campaign(campaign.cases(), database, workers=0)
        derive(campaign, database)
    return file


def contents(database):
    """Everything a database holds, without when and how fast."""
    found = {}
    for noun in ("bulks", "surfaces", "interfaces", "bindings", "growth", "wetting", "calculations", "cases"):
        rows = database.query(noun)
        found[noun] = sorted(
            (json.dumps({k: v for k, v in row.items() if k not in NOT_COMPARED}, sort_keys=True) for row in rows),
        )
    return found


def test_an_output_that_is_being_stored_is_collected_the_next_time(surfaces, database, queue):
    submission.submit(surfaces, database, queue, KINDS)
    queue.run()
    large = queue.store().additional_stores[LARGE_DATA]
    (late,) = large.query({}, limit=1)
    large.remove_docs({"blob_uuid": late["blob_uuid"]})
    partly = submission.collect(surfaces, database, queue)
    assert partly.pending and partly.new_calculations
    large.update(late, key="blob_uuid")
    rest = submission.collect(surfaces, database, queue)
    assert rest.new_calculations and not rest.pending and database.verify() == []


def test_a_campaign_comes_back_as_if_it_had_run_here(campaign, database, queue, local):
    done = submission.submit(campaign, database, queue, KINDS)
    assert done.document.n_cases == len(campaign.cases()) and done.n_flows == 1
    assert submission.collect(campaign, database, queue).new_calculations == 0
    queue.run()
    collected = submission.collect(campaign, database, queue)
    assert not collected.pending and {case.status for case in collected.finished} == {"finished"}
    with Database(local, read_only=True) as here:
        expected = contents(here)
    assert contents(database) == expected
    again = submission.collect(campaign, database, queue)
    assert (again.new_calculations, again.replaced_calculations, again.finished) == (0, 0, [])
    assert contents(database) == expected and database.verify() == []
    assert submission.submit(campaign, database, queue, KINDS).document is None


def test_shared_references_are_one_job_each(campaign):
    jobs = campaign_jobs(campaign.cases())
    names = Counter(case_job.job.name for case_job in jobs)
    assert names["Cu bulk run"] == names["Li bulk run"] == 1
    assert Counter(kind_of(case_job.job) for case_job in jobs).keys() == {"light", "potential"}
    (whole,) = independent_flows(jobs, "small")
    assert whole[0].name == f"small ({len(campaign.cases())} cases)"


def test_known_references_are_left_out_and_cases_fall_apart(campaign, database, queue):
    bulks = [planned for planned in campaign.cases() if planned.spec.kind == "bulk"]
    run_campaign(bulks, database, workers=0)
    n_calls = sum(row["n_force_calls"] for row in database.query("calculations"))
    done = submission.submit(campaign, database, queue, KINDS)
    assert done.n_flows == 4 and len(done.known.before) == 2
    steps = {job.step for job in done.document.jobs}
    assert not any("bulk" in step or "reference" in step for step in steps) and "slabs" not in steps
    queue.run()
    submission.collect(campaign, database, queue)
    assert sum(row["n_force_calls"] for row in database.query("calculations")) > n_calls
    assert {case.status for case in database.cases("small")} == {"finished"} and database.count("cases") == 6


def test_a_job_with_some_known_structures_computes_the_others(campaign, local, tmp_path):
    database = Database(shutil.copy(local, tmp_path))
    slabs = database.query("calculations", where='label CONTAINS "surface/Cu-111"')
    database.forget_calculations([slabs[0]["calc_id"]])
    known = KnownExecutor(database.calculations)
    surface = [planned for planned in campaign.cases() if planned.spec.name == "surface/Cu-111"]
    todo = jobs_to_do(campaign_jobs(surface), known)
    terms = todo[0].job.function_kwargs["terms"]
    assert len(terms.known) == len(todo[0].job.function_args[0].requests) - 1 == len(slabs) - 1
    read = MontyDecoder().process_decoded(json.loads(json.dumps(jsanitize(todo[0].job.as_dict()))))
    outcomes = read.function.original(*read.function_args, **read.function_kwargs)
    assert {outcome.calc_id for outcome in outcomes.calculations} == {row["calc_id"] for row in slabs}


def test_cases_on_the_queue_are_not_submitted_twice(campaign, database, queue):
    first = submission.submit(campaign, database, queue, KINDS)
    second = submission.submit(campaign, database, queue, KINDS)
    assert second.document is None and len(second.on_queue) == first.document.n_cases
    assert database.count("submissions") == 1


@pytest.mark.parametrize(("trouble", "error"), [("down", QueueUnreachableError), ("refuses", SubmissionError)])
def test_a_queue_that_refuses_leaves_the_database_as_it_was(campaign, database, queue, trouble, error):
    setattr(queue, trouble, True)
    before = contents(database)
    with pytest.raises(error):
        submission.submit(campaign, database, queue, KINDS)
    assert contents(database) == before and database.count("submissions") == 0 and not queue.flows


def test_cancelled_campaigns_can_be_submitted_again(campaign, database, queue):
    done = submission.submit(campaign, database, queue, KINDS)
    assert submission.cancel(campaign, database, queue) == done.document.n_jobs
    assert submission.cancel(campaign, database, queue) == 0
    assert submission.submit(campaign, database, queue, KINDS).document.n_jobs == done.document.n_jobs


def test_unconverged_structures_are_retried_from_where_they_ended(tmp_path, database, queue):
    campaign = load(tmp_path, calls=2, text=SURFACES)
    submission.submit(campaign, database, queue, KINDS)
    queue.run()
    submission.collect(campaign, database, queue)
    short = database.query("calculations", where='status="unconverged"')
    assert short
    with pytest.raises(InputError, match="no regular expression"):
        submission.retry_on_queue(campaign, database, queue, KINDS, "(")
    jobs, none = submission.retry_on_queue(campaign, database, queue, KINDS, "no such reason")
    assert jobs == [] and none.document is None
    _, done = submission.retry_on_queue(campaign, database, queue, KINDS, "force call limit")
    assert done.document.retry == "force call limit" and done.document.n_jobs > 0


def test_failures_are_seen_with_their_reason_and_retried(surfaces, database, queue, monkeypatch):
    monkeypatch.setattr("liface.workflows.decorators.__version__", "0.0.1")
    submission.submit(surfaces, database, queue, KINDS)
    queue.run()
    monkeypatch.undo()
    seen = overview(surfaces, database, queue)
    assert {view.state for view in seen.cases} <= {"failed", "blocked"}
    assert seen.failures()[0]["reason"] == "it broke" and seen.job_counts().keys() == {"failed", "blocked"}
    assert len(submission.submit(surfaces, database, queue, KINDS).on_queue) == len(surfaces.cases())
    jobs, _ = submission.retry_on_queue(surfaces, database, queue, KINDS, "broke")
    assert jobs and {job.state for job in jobs} == {"failed"}
    queue.run()
    assert not submission.collect(surfaces, database, queue).pending


def test_a_worker_of_another_version_refuses(campaign, database, queue, monkeypatch):
    from jobflow import CURRENT_JOB

    submission.submit(campaign, database, queue, KINDS)
    (flow,) = next(iter(queue.flows.values()))
    job = next(job for job in flow.jobs if kind_of(job) == "potential")
    monkeypatch.setattr("liface.workflows.decorators.__version__", "9.9")
    monkeypatch.setattr(CURRENT_JOB, "job", job)
    with pytest.raises(WorkerVersionError, match=rf"has liface 9\.9.*submitted by liface {__version__}"):
        calculate.original(*job.function_args)


def test_dft_gets_a_job_for_every_structure(tmp_path, database, queue, monkeypatch):
    monkeypatch.setattr("liface.engines.base.DFT_ENGINES", ("morse",))
    campaign = load(tmp_path)
    submission.submit(campaign, database, queue, KINDS)
    assert {kind for _, kind, _ in queue.configured} == {"light"}
    queue.run()
    collected = submission.collect(campaign, database, queue)
    assert not collected.pending and collected.new_calculations > 10
    singles = queue.store().query({"name": {"$in": ["symmetric", "rattled", "n5", "n6"]}}, ["output.calc_ids"])
    assert [len(row["output"]["calc_ids"]) for row in singles] == [1] * 4


def test_folders_say_campaign_case_and_step(campaign, database, queue):
    submission.submit(campaign, database, queue, KINDS)
    folders = {name: folder for name, _, folder in queue.configured}
    assert folders["gaps run"] == "small/interface-Cu-111_Li-110/morse-liface/gaps-run"
    assert len(set(folders.values())) == len(folders)


def test_a_screening_goes_before_what_it_chooses(tmp_path, database, queue):
    path = tmp_path / "screened.yaml"
    text = TEXT.format(engine="ase:screening_calculators.WideMorse", calls=40).replace('["110"]}}', '["110"]}')
    entry = "screening: {engine: morse, kinds: [surface], by: gamma_mev_per_a2, top: 1}\n"
    path.write_text(text[: text.index("interfaces:")] + entry)
    campaign = Campaign.load(path)
    first = submission.submit(campaign, database, queue, KINDS)
    assert "still to be screened" in first.note
    assert {case.engine for case in first.document.cases} == {"morse:liface"}
    queue.run()
    submission.collect(campaign, database, queue)
    second = submission.submit(campaign, database, queue, KINDS)
    chosen = {case.case for case in second.document.cases if case.kind == "surface"}
    lowest = database.query("surfaces", sort="gamma_mev_per_a2", limit=1)[0]
    assert chosen == {f"surface/{lowest['material']}-{lowest['plane']}"}
    queue.run(second.document.submission_id)
    assert not submission.collect(campaign, database, queue).pending
    (costly,) = database.query("surfaces", where='engine="ase"')
    assert costly["screened_by"] == lowest["record_id"]
    begun = database.query("calculations", where="started_from IS KNOWN")
    cheap = {row["calc_id"] for row in database.query("calculations", where='engine="morse"')}
    assert begun and {row["started_from"] for row in begun} <= cheap and database.verify() == []


# --- several people, several engines, servers that go away -----------------------------------------------------------


def test_of_two_that_submit_at_the_same_moment_one_does(campaign, tmp_path, queue):
    """The second looked before the first had stored anything, and stores later."""
    with Database(tmp_path / "r.db") as database, Database(tmp_path / "r.db") as other:

        class Slow:
            """The queue of the first, which is still preparing while the second goes through."""

            def __getattr__(self, name):
                return getattr(queue, name)

            def configure(self, *arguments):
                if not queue.flows:
                    submission.submit(campaign, other, queue, KINDS)
                queue.configure(*arguments)

        with pytest.raises(SubmissionError, match=r"somebody else submitted small at the same moment; nothing was"):
            submission.submit(campaign, database, Slow(), KINDS)
        assert len(queue.flows) == 1 and database.count("submissions") == 1


def test_cases_of_a_submission_that_is_being_made_are_busy(campaign, database, queue, monkeypatch):
    """Its document is stored before its jobs are on the queue; where they never come, somebody was killed."""
    done = submission.submit(campaign, database, queue, KINDS)
    flows = queue.flows.pop(done.document.submission_id)
    again = submission.submit(campaign, database, queue, KINDS)
    assert again.document is None and len(again.on_queue) == len(campaign.cases()) and flows
    monkeypatch.setattr(submission, "BEING_SUBMITTED_S", -1.0)
    assert submission.submit(campaign, database, queue, KINDS).document.n_cases == len(campaign.cases())


def test_a_retry_leaves_alone_what_failed_for_another_reason(surfaces, database, queue, monkeypatch):
    monkeypatch.setattr("liface.workflows.decorators.__version__", "0.0.1")
    submission.submit(surfaces, database, queue, KINDS)
    queue.run()
    jobs, done = submission.retry_on_queue(surfaces, database, queue, KINDS, "walltime exceeded")
    assert jobs == [] and done.document is None and len(done.on_queue) == len(surfaces.cases())


def test_what_a_queue_may_have_taken_is_remembered(campaign, database, queue, monkeypatch):
    def half(flows, submission_id):
        raise HalfSubmittedError("the server went away")

    monkeypatch.setattr(queue, "submit", half)
    with pytest.raises(HalfSubmittedError):
        submission.submit(campaign, database, queue, KINDS)
    assert database.count("submissions") == 1
    monkeypatch.setattr(queue, "submit", lambda *_: (_ for _ in ()).throw(SubmissionError("full")))
    monkeypatch.setattr(submission, "BEING_SUBMITTED_S", -1.0)
    with pytest.raises(SubmissionError, match="full"):
        submission.submit(campaign, database, queue, KINDS)
    assert database.count("submissions") == 1


def test_a_failed_case_is_collected_once(database, queue, tmp_path):
    broken = load(tmp_path, "ase:screening_calculators.BrokenMorse", text=SURFACES)
    submission.submit(broken, database, queue, KINDS)
    queue.run()
    assert {case.status for case in submission.collect(broken, database, queue).finished} == {"failed"}
    again = submission.collect(broken, database, queue)
    assert again.finished == [] and again.pending == [] and again.new_calculations == 0


def test_engines_chosen_by_hand_are_the_only_ones_cancelled(database, queue, tmp_path):
    path = tmp_path / "both.yaml"
    path.write_text("name: both\nengines: [morse, emt]\nbulks: [Cu]\n")
    both, morse, emt = Campaign.load(path), Campaign.load(path, ("morse",)), Campaign.load(path, ("emt",))
    assert both.chosen_engines is None and morse.chosen_engines == {"morse:liface"}
    submission.submit(morse, database, queue, KINDS)
    submission.submit(emt, database, queue, KINDS)
    n = sum(len(flow.jobs) for flows in queue.flows.values() for flow in flows)
    assert submission.cancel(morse, database, queue) == n // 2
    assert submission.cancel(both, database, queue) == n // 2
    submission.submit(both, database, queue, KINDS)
    with pytest.raises(InputError, match=r"cases of emt:\S+ were submitted together with those of morse:liface"):
        submission.cancel(morse, database, queue)


def test_engines_that_differ_in_options_have_names_and_folders_of_their_own(database, queue, tmp_path):
    path = tmp_path / "two.yaml"
    path.write_text('name: two\nengines: ["gpaw:PBE?ecut=300", "gpaw:PBE?ecut=400", morse]\nbulks: [Cu]\n')
    campaign = Campaign.load(path)
    names = [planned.name for planned in campaign.cases()]
    assert len(set(names)) == 3 and names[2] == "bulk/Cu [morse:liface]" and names[0].startswith("bulk/Cu [gpaw:PBE ")
    submission.submit(campaign, database, queue, KINDS)
    folders = [folder for _, _, folder in queue.configured]
    assert len(set(folders)) == len(folders)
    seen = overview(campaign, database, queue)
    assert len(seen.jobs) == len(folders) and [view.state for view in seen.cases] == ["waiting"] * 3
