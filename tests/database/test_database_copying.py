"""Copies hold everything, merges lose nothing, and a copy that is not right says so."""

from __future__ import annotations

from datetime import timedelta

import pytest
from database_factories import (
    CREATED,
    all_results,
    calculation,
    failed_case,
    finished_case,
    literature_value,
    run,
    surface,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from liface.database import Database
from liface.database.columns import NOUNS
from liface.database.moving import sql
from liface.database.schema import METADATA, TABLES, VERSIONS
from liface.documents import SubmissionDocument
from liface.errors import CopyCheckError, CopyConflictError, CorruptDatabaseError, DatabaseWriteError, InputError

LATER = CREATED + timedelta(days=1)


def made_at(document, moment, **changes):
    provenance = document.provenance.model_copy(update={"created_at": moment})
    return document.model_copy(update={"provenance": provenance, **changes})


def submission(number=1, **changes):
    values = {
        "submission_id": f"s{number}", "campaign": "quickstart", "queue": "fireworks", "place": "host/db",
        "liface_version": "0.1.0", "n_cases": 1, "n_jobs": 0, "created_at": CREATED, "cases": (), "jobs": (),
    }  # fmt: skip
    return SubmissionDocument(**{**values, **changes})


def fill(database):
    for document in all_results():
        database.add_result(document)
    database.add_result(surface(plane="100", flags=("polar", "thickness: 3 meV/Å², still falling")))
    database.add_result(made_at(surface(plane="100"), LATER, gamma_mev_per_a2=31.0))
    for number, status in enumerate(("converged", "unconverged", "failed")):
        database.add_calculation(calculation(number, status))
    database.commit_case(finished_case(all_results()), all_results())
    database.add_case(failed_case("c2", case="other"))
    database.put_submission(submission())
    database.add_run(run())
    database.add_literature([literature_value()])
    return database


def content(database):
    """Every row of every table but the times at which migrations ran."""
    tables = [table for table in METADATA.sorted_tables if table is not VERSIONS]
    with database._store.reading() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key.columns))]
            for table in tables
        }


@pytest.fixture
def full():
    with Database(":memory:") as database:
        yield fill(database)


def test_a_copy_is_equal_row_by_row(full, file):
    with Database(file) as target:
        report = full.copy_to(target)
        assert content(target) == content(full)
        assert target.verify() == full.verify()
    assert report.complete and not report.damaged
    rows = {row["noun"]: row for row in report.rows()}
    assert set(rows) == set(NOUNS)
    assert rows["surfaces"]["copied"] == rows["surfaces"]["verified"] == 3
    assert sum(row["shown_differs"] for row in rows.values()) == 0


def test_superseded_results_stay_superseded(full, db):
    full.copy_to(db)
    table = TABLES["surfaces"]
    with db._store.reading() as connection:
        shown = sorted(connection.scalars(select(table.c.is_current)))
    assert shown == [False, True, True]
    assert [row["gamma_mev_per_a2"] for row in db.query("surfaces", 'plane="100"')] == [31.0]


def test_a_second_copy_reads_no_documents_and_changes_nothing(full, db, monkeypatch):
    full.copy_to(db)
    before = content(db)
    monkeypatch.setattr(sql.SqlPlace, "apply", lambda *args: pytest.fail("wrote"))
    report = full.copy_to(db)
    assert content(db) == before
    assert all(row["copied"] == 0 and row["there"] == row["in_source"] for row in report.rows())


def test_an_interrupted_copy_goes_on_where_it_stopped(db, file, monkeypatch):
    monkeypatch.setattr(sql.SqlPlace, "batch", 7)
    for number in range(40):
        db.add_calculation(calculation(number))
    real, calls = sql.SqlPlace.apply, []

    def fails_at_the_third(self, noun, changes):
        real(self, noun, changes)
        calls.append(len(changes.add))
        if len(calls) == 3:
            raise RuntimeError("the machine went down")

    monkeypatch.setattr(sql.SqlPlace, "apply", fails_at_the_third)
    with Database(file) as target:
        with pytest.raises(RuntimeError):
            db.copy_to(target)
        assert target.count("calculations") == 14, "two batches are stored, the third is not there at all"
        report = db.copy_to(target)
        assert content(target) == content(db)
    (row,) = report.rows()
    assert (row["copied"], row["there"]) == (26, 14)


def test_merging_keeps_the_newer_of_one_quantity(db, file):
    old, new = surface(), made_at(surface(gamma=40.0), LATER)
    with Database(file) as target:
        for first, second in ((old, new), (new, old)):
            with Database(":memory:") as source, Database(":memory:") as into:
                source.add_result(first)
                into.add_result(second)
                report = source.copy_to(into)
                assert report.complete
                assert [row["record_id"] for row in into.query("surfaces")] == [new.record_id]
                assert into.result(old.record_id) is not None, "the older one is kept"
                assert into.verify() == []
        assert target.count("surfaces") == 0


def test_one_result_found_twice_is_one_result(db, file):
    db.add_result(made_at(surface(), LATER))
    with Database(file) as target:
        target.add_result(surface())
        before = content(target)
        (row,) = db.copy_to(target).rows()
        assert (row["equal"], row["copied"]) == (1, 0)
        assert content(target) == before


def test_the_newer_case_stays_with_its_results(db, file):
    earlier, later = surface(plane="100"), made_at(surface(plane="110"), LATER)
    old = finished_case([earlier], case_id="c1")
    new = finished_case([later], case_id="c2", created_at=LATER)
    for first, second in ((old, new), (new, old)):
        results = {"c1": earlier, "c2": later}
        with Database(":memory:") as source, Database(":memory:") as target:
            source.commit_case(first, [results[first.case_id]])
            target.commit_case(second, [results[second.case_id]])
            assert source.copy_to(target).complete
            assert [case.case_id for case in target.cases()] == ["c2"]
            assert [row["plane"] for row in target.query("surfaces")] == ["110"], "the case of now does not list 100"


def test_bookkeeping_makes_no_conflict(db, file):
    db.add_calculation(calculation(1, label="another name", wall_s=99.0, created_at=LATER))
    with Database(file) as target:
        target.add_calculation(calculation(1))
        (row,) = db.copy_to(target).rows()
        assert row["equal"] == 1
        assert target.calculation(calculation(1).calc_id).wall_s == 1.5


def test_contradictions_are_refused_and_nothing_of_the_batch_is_stored(db, file):
    db.add_calculation(calculation(1, energy_ev=-1.0, created_at=LATER))
    db.add_calculation(calculation(2))
    with Database(file) as target:
        target.add_calculation(calculation(1))
        with pytest.raises(CopyConflictError, match=calculation(1).calc_id):
            db.copy_to(target)
        assert target.count("calculations") == 1
        assert not db.copy_to(target, check_only=True).complete
        db.copy_to(target, conflicts="keep").raise_if_incomplete()
        assert target.calculation(calculation(1).calc_id) == calculation(1)
        db.copy_to(target, conflicts="newer").raise_if_incomplete()
        assert target.calculation(calculation(1).calc_id).energy_ev == -1.0
        assert content(target) == content(db)


def test_newer_keeps_the_newer_one_of_the_target(db, file):
    db.add_calculation(calculation(1, energy_ev=-1.0))
    with Database(file) as target:
        target.add_calculation(calculation(1, created_at=LATER))
        db.copy_to(target, conflicts="newer").raise_if_incomplete()
        assert target.calculation(calculation(1).calc_id).created_at == LATER


def damage(database, noun, key):
    with database._store.writing() as connection:
        statement = f"UPDATE {noun} SET document = :blob WHERE {NOUNS[noun].key} = :key"
        assert connection.execute(text(statement), {"blob": b"not zlib", "key": key}).rowcount


def test_damage_in_the_source_stops_the_batch_or_is_left_out(full, file):
    key = calculation(0).calc_id
    damage(full, "calculations", key)
    with Database(file) as target:
        with pytest.raises(CorruptDatabaseError, match=f"{key}.*--skip-damaged"):
            full.copy_to(target)
        assert target.count("calculations") == 0
        report = full.copy_to(target, skip_damaged=True)
        assert report.complete and report.damaged == [f"calculation {key}"]
        assert target.count("calculations") == 2
        assert not full.copy_to(target, check_only=True).complete, "damage that nobody asked to skip is told"


def test_a_document_under_another_identity_is_damage(full, file):
    with full._store.writing() as connection:
        connection.execute(text("UPDATE calculations SET calc_id = 'f' || substr(calc_id, 2)"))
    with Database(file) as target, pytest.raises(CorruptDatabaseError, match="has the identity"):
        full.copy_to(target)


def test_the_check_finds_damage_in_the_target(full, file):
    with Database(file) as target:
        full.copy_to(target)
        damage(target, "bulks", target.query("bulks")[0]["record_id"])
        report = full.copy_to(target, check_only=True)
        with pytest.raises(CopyCheckError, match="damaged in the target"):
            report.raise_if_incomplete()


def test_the_check_finds_what_is_missing_and_changes_nothing(full, file):
    with Database(file) as target:
        full.copy_to(target)
        target.forget_calculations([calculation(1, "unconverged").calc_id])
        before = content(target)
        report = full.copy_to(target, check_only=True)
        assert report.problems == [f"calculation {calculation(1).calc_id} (missing)"]
        assert content(target) == before


def test_the_source_is_not_changed_and_may_be_read_only(file, tmp_path):
    with Database(file) as database:
        fill(database)
    before = file.read_bytes()
    with Database(file, read_only=True) as source, Database(tmp_path / "copy.db") as target:
        source.copy_to(target).raise_if_incomplete()
    assert file.read_bytes() == before


def test_a_target_that_cannot_be_written(full, file):
    Database(file).close()
    with Database(file, read_only=True) as target, pytest.raises(DatabaseWriteError, match="read-only"):
        full.copy_to(target)


def test_onto_itself(full, file, tmp_path):
    (tmp_path / "link.db").symlink_to(file)
    with Database(file) as one, Database(tmp_path / "link.db") as same:
        for target in (one, same):
            with pytest.raises(InputError, match="onto itself"):
                one.copy_to(target)
    with pytest.raises(InputError, match="onto itself"):
        full.copy_to(full)
    with Database(":memory:") as other:
        assert full.copy_to(other).complete


@settings(max_examples=6, deadline=None)
@given(
    left=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=6),
    right=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=6),
)
def test_merging_shows_the_newest_whoever_has_it(left, right):
    """Whatever both databases hold: nothing is lost, the newest of each quantity is shown, and it is sound."""
    planes = ("100", "110", "111", "211")

    def result(plane, day):
        return made_at(surface(plane=planes[plane], gamma=50.0 + day), CREATED + timedelta(days=day))

    with Database(":memory:") as source, Database(":memory:") as target:
        for database, made in ((source, left), (target, right)):
            for plane, day in sorted(made, key=lambda pair: pair[1]):
                database.add_result(result(plane, day))
        source.copy_to(target).raise_if_incomplete()
        shown = {row["plane"]: row["record_id"] for row in target.query("surfaces")}
        every = {(plane, day) for plane, day in left + right}
        newest = {planes[plane]: max(day for p, day in every if p == plane) for plane, _ in every}
        assert shown == {plane: result(planes.index(plane), day).record_id for plane, day in newest.items()}
        assert all(target.result(result(*pair).record_id) for pair in every)
        assert [problem.check for problem in target.verify() if problem.check != "reference"] == []


def test_every_noun_has_the_columns_that_copies_need():
    for noun in NOUNS.values():
        assert noun.key in noun.columns and "created_at" in noun.columns
