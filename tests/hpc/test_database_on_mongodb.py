"""Results databases and outputs of jobs on a MongoDB, over its wire protocol."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from jobflow import JobStore

from liface.database import Database
from liface.testing.cli import run_cli
from liface.workflows.decorators import Outcomes
from liface.workflows.steps.common import CaseOutput

sys.path.insert(0, str(Path(__file__).parent.parent / "database"))
from database_factories import all_results, calculation, finished_case, surface


@pytest.fixture
def filled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Database("source.db") as database:
        for number, status in enumerate(("converged", "unconverged", "failed")):
            database.add_calculation(calculation(number, status))
        database.commit_case(finished_case(all_results()), all_results())
        database.add_result(surface(gamma=20.0))
    return "source.db"


def address(site, collection=""):
    name = site.new_database_name()
    who = f"{quote_plus(site.username)}:{quote_plus(site.password)}@" if site.username else ""
    options = f"?authSource={site.auth_source}" if site.username else ""
    return f"mongodb://{who}{site.host}:{site.port}/{name}{collection}{options}"


def test_there_and_back_with_a_password(filled, mongo_with_password):
    url = address(mongo_with_password, "/results")
    report = run_cli(["database", "copy", filled, url, "--json"], err="holds everything").json
    assert report["complete"] and all(row["copied"] == row["verified"] for row in report["nouns"])
    assert mongo_with_password.password not in json.dumps(report)
    again = run_cli(["database", "copy", filled, url, "--json"]).json
    assert all(row["copied"] == 0 and row["there"] == row["in_source"] for row in again["nouns"])
    run_cli(["database", "copy", url, "back.db"], err="holds everything")
    run_cli(["database", "copy", filled, "back.db", "--check-only"])
    with Database("back.db") as back, Database(filled) as source:
        assert back.info()["counts"] == source.info()["counts"]
        assert back.info()["superseded"] == source.info()["superseded"]


def test_identities_are_unique_and_indexed_on_the_server(filled, mongo):
    url = address(mongo)
    run_cli(["database", "copy", filled, url])
    with mongo.client() as client:
        collection = client[url.rpartition("/")[2]]["liface"]
        indices = {tuple(each["key"]): each.get("unique", False) for each in collection.list_indexes()}
        assert indices["liface_id",] is True
        assert {("noun",), ("key",), ("slot_id",)} <= set(indices)


def test_a_wrong_password_is_told_without_it(filled, mongo_with_password):
    url = address(mongo_with_password).replace(quote_plus(mongo_with_password.password), "hush")
    result = run_cli(["database", "copy", filled, url], code=3, err="check user, password")
    assert "hush" not in result.err


def test_outputs_of_jobs_are_gathered_through_a_jobflow_file(mongo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = mongo.new_database_name()
    described = {
        "docs_store": mongo.store(name, "outputs"),
        "additional_stores": {"data": mongo.store(name, "outputs_blobs", "GridFSStore", key="blob_uuid")},
    }
    Path("jobflow.yaml").write_text(json.dumps({"JOB_STORE": described}))
    store = JobStore.from_dict_spec(described)
    store.connect()
    for number, (output, save) in enumerate(
        (
            (Outcomes.of([calculation(1), calculation(2)]), {"data": "calculations"}),
            (CaseOutput(results=(surface(),)), None),
        )
    ):
        store.update({"uuid": f"j{number}", "index": 1, "name": "a job", "output": output, "metadata": {}}, save=save)
    store.close()
    report = run_cli(["database", "gather", "jobflow.yaml", "--db", "found.db", "--json"]).json
    assert {row["noun"]: row["stored"] for row in report["nouns"]} == {"surfaces": 1, "calculations": 2}
    with Database("found.db") as found:
        assert found.results("surface") == [surface()]
        assert found.calculation(calculation(1).calc_id) == calculation(1)
    bare = f"mongodb://{mongo.host}:{mongo.port}/{name}/outputs"
    if mongo.username is None:
        run_cli(["database", "gather", bare, "--db", "part.db"], code=2, err="additional_stores")
