"""Statements that go past SQLAlchemy give what it gives."""

from __future__ import annotations

import pytest
from database_factories import all_results, calculation, failed_case, interface, literature_value, run
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from liface.database import Database
from liface.database.asking import question
from liface.database.cells import plain
from liface.database.columns import NOUNS
from liface.errors import CorruptDatabaseError, DatabaseError

WHERE = {
    "interfaces": (
        'created_at <= "2026-03-01T13:00:00+01:00" AND converged=TRUE',
        'substrate = "W" OR substrate = "50%_é"',
        "gamma_mev_per_a2 > 5e1 AND n_points >= 1",
        'flags HAS ANY "reactive","nonlinear"',
        "release_gain_mev_per_a2 IS UNKNOWN",
    ),
    "calculations": ('created_at > "1970-01-01T00:00:00Z" AND status="converged"',),
}


@pytest.fixture(scope="module")
def filled(shared):
    for document in all_results():
        shared.add_result(document)
    shared.add_result(interface("50%_é", flags=("reactive: γ < 0", "nonlinear")))
    shared.add_result(interface("Cr", converged=False, gamma=-0.1))
    for k in range(3):
        shared.add_calculation(calculation(k, ("converged", "failed", "unconverged")[k]))
    shared.add_case(failed_case())
    shared.add_run(run())
    shared.add_literature([literature_value()])
    return shared


def by_sqlalchemy(database: Database, noun: str, where: str | None, limit: int | None, offset: int):
    asked = question(NOUNS[noun], where, None, list(NOUNS[noun].columns), limit, offset)
    with database._store.reading() as connection:
        rows = connection.execute(asked.statement, {"limit_": limit, "offset_": offset}).all()
    lists = set(asked.lists)
    return [
        {name: plain(cell) for name, cell in zip(asked.names, row, strict=True) if name not in lists} for row in rows
    ]


@pytest.mark.parametrize("noun", NOUNS)
@pytest.mark.parametrize(("limit", "offset"), [(None, 0), (50, 0), (2, 1), (None, 1)])
def test_rows_are_those_of_sqlalchemy(filled, noun, limit, offset):
    for where in (None, *WHERE.get(noun, ())):
        whole = filled.query(noun, where, limit=limit, offset=offset)
        found = filled.query(noun, where, limit=limit, offset=offset, columns=list(NOUNS[noun].columns))
        assert [list(row) for row in whole] == [list(row) for row in found]  # by name, in the same order
        assert whole == found and types(whole) == types(found)
        expected = by_sqlalchemy(filled, noun, where, limit, offset)
        without_flags = [{name: value for name, value in row.items() if name != "flags"} for row in found]
        assert without_flags == expected and types(without_flags) == types(expected)


def types(rows):
    return [{name: type(value) for name, value in row.items()} for row in rows]


def test_every_question_of_these_finds_something(filled):
    assert all(filled.count(noun) for noun in NOUNS if noun != "submissions")
    assert all(filled.count(noun, where) for noun, filters in WHERE.items() for where in filters)


def test_what_the_driver_refuses_is_told_as_before(target):
    with Database(target) as database:
        database.query("cases", limit=1)
        with database._store.writing() as connection:
            connection.execute(text("ALTER TABLE cases RENAME TO hidden"))
        with pytest.raises(DatabaseError, match="cases"):
            database.query("cases", limit=1)
        assert database.query("interfaces") == []


def test_a_cell_that_holds_something_else_is_told_as_damage(tmp_path):
    file = tmp_path / "damaged.db"
    with Database(file) as database:
        for substrate in ("W", "Cr"):
            database.add_result(interface(substrate))
        first, second = (row["record_id"] for row in database.query("interfaces"))
        with database._store.writing() as connection:
            connection.execute(
                text("UPDATE interfaces SET created_at = 'rubbish' WHERE record_id = :second"), {"second": second}
            )
        assert database.table("interfaces", f'record_id = "{first}"').shape[0] == 1
        for ask in (database.query, database.table):
            with pytest.raises(CorruptDatabaseError, match="created_at is stored as 'rubbish', which is no timestamp"):
                ask("interfaces", columns=["substrate", "created_at"])
        assert {row["substrate"] for row in database.query("interfaces", columns=["substrate"])} == {"W", "Cr"}
        problems = [problem for problem in database.verify() if problem.noun == "interfaces"]
        assert [problem.check for problem in problems] == ["column"] and "rubbish" in problems[0].message


def test_a_view_stays_as_it_was_when_it_began(place):
    counted = "SELECT count(*) FROM interfaces"
    with Database(place) as reader, Database(place) as writer:
        writer.add_result(interface("W"))
        with reader._store.viewing() as view:
            assert view.fetch(counted, ()) == [(1,)]
            writer.add_result(interface("Cr"))
            assert view.fetch(counted, ()) == [(1,)]
        with reader._store.viewing() as view:
            assert view.fetch(counted, ()) == [(2,)]


def test_a_view_that_fails_leaves_its_connection_fit_for_use(db):
    db.add_result(interface("W"))
    for _ in range(3):
        with pytest.raises(DatabaseError), db._store.viewing() as view:
            view.fetch("SELECT nothing_like_it FROM interfaces", ())
        assert len(db.query("interfaces")) == 1
    db.add_result(interface("Cr"))
    assert db.count("interfaces") == 2


def test_a_view_cannot_write_what_others_would_see(place):
    with Database(place) as one, Database(place) as other:
        one.add_result(interface("W"))
        with one._store.viewing() as view:
            if view.dialect.name == "sqlite":
                view.fetch("DELETE FROM interface_flags", ())
                view.fetch("DELETE FROM interfaces", ())
            else:
                with pytest.raises(DBAPIError, match="read-only"):
                    view.fetch("DELETE FROM interfaces", ())
        assert one.count("interfaces") == other.count("interfaces") == 1
