from __future__ import annotations

from dataclasses import replace

import pytest

from liface.database import Database
from liface.dispatch.missing import missing
from liface.dispatch.run import run_campaign
from liface.documents import FinishedCase, SubmissionDocument
from liface.workflows.campaign import Campaign

BULKS = "name: bulks\nengines: [emt, morse]\nbulks: [Cu, W]\n"


@pytest.fixture
def campaign(tmp_path):
    """Two metals by two engines; EMT knows copper and no tungsten."""
    (tmp_path / "bulks.yaml").write_text(BULKS)
    return Campaign.load(tmp_path / "bulks.yaml")


@pytest.fixture
def db():
    with Database(":memory:") as database:
        yield database


def states(campaign, database):
    return {(each.planned.spec.name, each.planned.case.engine.name): each.state for each in missing(campaign, database)}


def test_without_a_database_nothing_was_ever_run(campaign):
    found = missing(campaign, None)
    assert [each.state for each in found] == ["never run"] * 4
    assert found[0].as_dict()["since"] is None and found[0].as_dict()["engine"] == "emt:ase"


def test_what_ran_and_what_failed_with_its_reason(campaign, db):
    run_campaign([case for case in campaign.cases() if case.case.engine.name == "emt"], db, workers=0)
    assert states(campaign, db) == {
        ("bulk/W", "emt"): "failed", ("bulk/Cu", "morse"): "never run", ("bulk/W", "morse"): "never run",
    }  # fmt: skip
    failed = next(each for each in missing(campaign, db) if each.state == "failed")
    assert failed.reason == failed.stored.reason and failed.as_dict()["since"].endswith("Z")


def test_a_protocol_that_changed_is_another_definition(campaign, db):
    (case, *_) = campaign.cases()
    run_campaign([case], db, workers=0)
    looser = campaign.file.protocol.model_copy(update={"fmax_ev_per_a": 0.3})
    changed = replace(campaign, file=campaign.file.model_copy(update={"protocol": looser}))
    assert (case.spec.name, "emt") not in states(campaign, db)
    found = {(each.planned.spec.name, each.planned.case.engine.name): each for each in missing(changed, db)}
    other = found[case.spec.name, "emt"]
    assert other.state == "another definition" and other.stored.case_id == case.case_id


def test_unconverged_and_superseded_results_are_nothing_to_rest_on(campaign, db):
    cases = {case.case.engine.name: case for case in campaign.cases() if case.spec.name == "bulk/Cu"}
    run_campaign([cases["emt"]], db, workers=0)
    (result,) = db.results("bulk")
    stored = db.case(cases["emt"].case_id)
    rough = result.model_copy(update={"converged": False})
    db.commit_case(stored.model_copy(update={"record_ids": (rough.record_id,)}), [rough])
    found = {each.state: each for each in missing(campaign, db)}
    assert "1 of its 1 results" in found["unconverged"].reason and isinstance(found["unconverged"].stored, FinishedCase)
    db.add_result(result)  # the same quantity, by somebody else
    assert "superseded" in {each.state for each in missing(campaign, db)}


def test_a_case_on_a_queue_is_submitted_unless_it_was_taken_back(campaign, db):
    (case, *_) = campaign.cases()
    document = SubmissionDocument(
        submission_id="s1", campaign="bulks", queue="remote", place="project", liface_version="0", n_cases=1, n_jobs=1,
        jobs=(), cases=({"case_id": case.case_id, "case": case.spec.name, "kind": "bulk", "engine": "emt:emt"},),
    )  # fmt: skip
    db.put_submission(document)
    submitted = next(each for each in missing(campaign, db) if each.planned.case_id == case.case_id)
    assert submitted.state == "submitted" and "remote at project" in submitted.reason
    db.put_submission(document.model_copy(update={"cancelled": True}))
    assert "submitted" not in {each.state for each in missing(campaign, db)}


def test_costly_cases_wait_for_the_screening(tmp_path):
    (tmp_path / "screened.yaml").write_text(
        "name: screened\nengines: [morse]\nscreening: {engine: emt, kinds: [surface], by: gamma_mev_per_a2, top: 1}\n"
        'surfaces:\n  - {material: Cu, planes: ["111", "100"]}\n'
    )
    found = missing(Campaign.load(tmp_path / "screened.yaml"), None)
    assert {(each.planned.case.engine.name, each.state) for each in found} == {
        ("emt", "never run"), ("morse", "to be screened"),
    }  # fmt: skip
