"""Results from the outputs of jobs that plain jobflow ran."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from database_factories import CREATED, binding, calculation, finished_case, growth, surface
from jobflow import Flow, JobStore, job, run_locally
from maggma.stores import MemoryStore

from liface.database import Database
from liface.database.moving.jobs import documents_in, gather
from liface.database.moving.sql import SqlPlace
from liface.structures.library import MaterialsLibrary
from liface.workflows.campaign import material_spec
from liface.workflows.decorators import Outcomes
from liface.workflows.flows import BulkMaker
from liface.workflows.specs import BulkSpec
from liface.workflows.steps.common import CaseOutput

LATER = CREATED + timedelta(days=1)


def new_store():
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    store.connect()
    return store


def put(store, *outputs, save=None):
    for number, output in enumerate(outputs):
        row = {"uuid": f"job-{number}", "index": 1, "name": f"job {number}", "output": output, "metadata": {}}
        store.update(row, save=save)
    return store


def gathered(store, database, **options):
    return gather(store, SqlPlace(database._store), **options)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    material = material_spec(MaterialsLibrary({}, Path.cwd()), "Li")
    flow = BulkMaker(engine="morse", campaign="alone").make(BulkSpec(material=material))
    store = new_store()
    run_locally(flow, store=store, log=False, ensure_success=True, root_dir=tmp_path_factory.mktemp("jobs"))
    return flow, store


def test_a_flow_of_a_maker_is_stored_as_it_was_found(ran, db):
    flow, store = ran
    report = gathered(store, db)
    expected = CaseOutput.model_validate(flow.output.resolve(store)).results
    (result,) = db.results("bulk")
    assert (result,) == expected and result.provenance.campaign == "alone"
    assert set(db.calculations(result.provenance.calc_ids)) == set(result.provenance.calc_ids)
    assert db.verify() == []
    assert report.outputs == 3 and not report.unusable and not report.not_loaded
    assert {row["noun"] for row in report.rows()} == {"bulks", "calculations"}
    again = {row["noun"]: row for row in gathered(store, db).rows()}
    assert {row["stored"] for row in again.values()} == {0}


def test_documents_are_found_in_outputs_of_own_jobs(db, tmp_path):
    @job
    def own():
        return {"deep": [{"case": surface()}, growth()], "done": finished_case()}

    store = new_store()
    run_locally(Flow([own()]), store=store, log=False, root_dir=tmp_path)
    assert gathered(store, db).outputs == 0
    report = gathered(store, db, every_output=True)
    assert {row["noun"]: row["stored"] for row in report.rows()} == {"surfaces": 1, "growth": 1, "cases": 1}
    assert db.results("surface") == [surface()]
    assert db.case("c1") == finished_case()


def test_the_newest_of_several_outputs_is_shown(db):
    old = surface(gamma=70.0)
    new = surface(gamma=75.0)
    new = new.model_copy(update={"provenance": new.provenance.model_copy(update={"created_at": LATER})})
    store = put(new_store(), CaseOutput(results=(new,)), CaseOutput(results=(old,)))
    gathered(store, db)
    assert [row["gamma_mev_per_a2"] for row in db.query("surfaces")] == [75.0]
    failed = calculation(1, "failed")
    done = calculation(1, created_at=LATER)
    store = put(new_store(), Outcomes.of([failed]), Outcomes.of([done], [calculation(2)]))
    gathered(store, db)
    assert db.calculation(done.calc_id) == done and db.count("calculations") == 2


def test_large_data_that_is_not_there_is_told(db):
    store = put(new_store(), Outcomes.of([calculation(1)]), save={"data": "calculations"})
    bare = JobStore(store.docs_store)
    report = gathered(bare, db)
    assert report.not_loaded == ["job 0 (job-0, 1)"] and db.count("calculations") == 0
    assert not gathered(store, db).not_loaded and db.count("calculations") == 1


def test_what_is_no_document_is_left_out_with_its_reason(db):
    wrong_type = {**binding().model_dump(mode="json"), "n_li": "many"}
    other_identity = {**calculation(1).model_dump(mode="json"), "calc_id": "f" * 32}
    infinite = {**calculation(2).model_dump(), "energy_ev": float("nan")}
    of_tomorrow = {**surface().model_dump(mode="json"), "kind": "dream"}
    found = [wrong_type, other_identity, infinite, of_tomorrow, surface().model_dump(mode="json")]
    report = gathered(put(new_store(), {"results": found}), db, every_output=True)
    assert len(report.unusable) == 4 and "unknown kind 'dream'" in report.unusable[3]
    assert "n_li" in report.unusable[0] and "hash to" in report.unusable[1] and "nan" in report.unusable[2]
    assert db.count("surfaces") == 1 and db.count("calculations") == 0


def test_nothing_that_an_output_names_is_imported(db, monkeypatch):
    import builtins

    evil = {**surface().model_dump(mode="json"), "@module": "antigravity", "@class": "Popen", "@version": "1"}
    real = builtins.__import__

    def guarded(name, *args, **kwargs):
        assert name != "antigravity"
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", guarded)
    store = put(new_store(), [evil])
    gathered(store, db, every_output=True)
    assert db.results("surface") == [surface()]


def test_parts_that_only_name_an_identity_are_no_documents():
    assert list(documents_in({"case_id": "c1", "calc_id": "x", "kind": "surface"})) == []
    assert list(documents_in([1, "text", None])) == []


def test_a_store_that_does_not_answer_leaves_no_database(tmp_path, monkeypatch):
    from liface.testing.cli import run_cli

    monkeypatch.chdir(tmp_path)
    described = "{type: MongoStore, host: 127.0.0.1, port: 9, database: d, collection_name: c, "
    described += "mongoclient_kwargs: {serverSelectionTimeoutMS: 200}}"
    (tmp_path / "jobflow.yaml").write_text(f"JOB_STORE: {{docs_store: {described}}}")
    run_cli(["database", "gather", "jobflow.yaml"], code=3, err="does not answer")
    assert [path.name for path in tmp_path.iterdir()] == ["jobflow.yaml"]


def test_a_refused_write_keeps_the_batches_before(ran, tmp_path):
    from liface.errors import DatabaseWriteError

    Database(tmp_path / "r.db").close()
    with Database(tmp_path / "r.db", read_only=True) as database, pytest.raises(DatabaseWriteError):
        gathered(ran[1], database)
