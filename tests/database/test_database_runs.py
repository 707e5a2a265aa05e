"""Runs of campaigns: kept for good, asked for by campaign and by the beginning of their identity."""

from __future__ import annotations

from datetime import timedelta

import pytest
from database_factories import CREATED, run
from sqlalchemy import update

from liface.database.codec import encode
from liface.database.schema import TABLES
from liface.documents import RunDocument


def test_runs_are_kept_beside_each_other(db):
    first, second = run(), run(gamma=81.0, created_at=CREATED + timedelta(hours=1))
    assert db.add_run(second) and db.add_run(first) and not db.add_run(first)
    assert db.runs("quickstart") == [first, second] and db.runs("another") == []
    assert db.runs(run_id=first.run_id[:8]) == [first]
    assert db.runs(run_id="%") == [], "a prefix is no pattern"
    assert db.verify() == []


def test_rows_tell_what_a_table_shows(db):
    db.add_run(run())
    (row,) = db.query("runs", 'campaign="quickstart" AND n_failed_cases=0')
    assert (row["engines"], row["n_calculations"], row["n_force_calls"], row["cpu"]) == ("emt:emt", 1, 7, None)


def test_identities_follow_from_the_content():
    first, later = run(), run(created_at=CREATED + timedelta(hours=1), wall_s=3.0, packages={"ase": "4"})
    assert first.lock_id == later.lock_id and first.run_id != later.run_id
    assert run(gamma=80.0 + 1e-14).lock_id != first.lock_id
    again = RunDocument.from_json(first.model_dump_json())
    assert (again, again.lock_identity, again.run_identity) == (first, first.lock_id, first.run_id)


@pytest.mark.parametrize("change", [{"n_computed": 3}, {"content": {"name": "other"}}])
def test_a_run_that_was_changed_is_found(db, change):
    document = run()
    db.add_run(document)
    blob, sha256 = encode(document.model_copy(update=change))
    with db._store.writing() as connection:
        connection.execute(update(TABLES["runs"]).values(document=blob, document_sha256=sha256))
    assert "identity" in {problem.check for problem in db.verify()}
