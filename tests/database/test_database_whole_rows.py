"""Rows that are stored whole say what their columns say, and damage to them is told and mended."""

from __future__ import annotations

import json

import pytest
from database_factories import all_results, calculation, interface
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from liface.database import Database
from liface.database.columns import NOUNS
from liface.database.names import short
from liface.errors import CorruptDatabaseError

COLUMNS = list(NOUNS["interfaces"].columns)


def set_rows(database: Database, value: str | None, where: str = "TRUE") -> None:
    with database._store.writing() as connection:
        connection.execute(text(f"UPDATE interfaces SET whole_row = :value WHERE {where}"), {"value": value})


RUBBISH = (None, "", "rubbish", "null", "7", "[]", "[1, 2]", "],[", '{"substrate": "W"}')
AS_LONG = (json.dumps(dict.fromkeys(COLUMNS)), json.dumps("x" * len(COLUMNS)))
"""As many pieces as a row has, but no list."""


@pytest.mark.parametrize("rubbish", [*RUBBISH, *AS_LONG])
def test_a_damaged_row_is_named_and_made_again(target, rubbish):
    with Database(target) as database:
        for substrate in ("W", "Cr", "Mo"):
            database.add_result(interface(substrate, flags=("nonlinear",)))
        sound = database.query("interfaces")
        set_rows(database, rubbish, "substrate = 'Mo'")
        for ask in (database.query, database.table, lambda noun: list(database.pages(noun))):
            with pytest.raises(CorruptDatabaseError, match=r"a row is stored whole as .*, which is no row") as error:
                ask("interfaces")
            assert short(str(rubbish)) in str(error.value)
        assert len(database.query("interfaces", 'substrate != "Mo"')) == 2
        assert database.query("interfaces", columns=COLUMNS) == sound
        assert [p.noun for p in database.verify() if p.check == "whole row"] == ["interfaces"]
        database.reindex()
        assert database.query("interfaces") == sound
        assert not [p for p in database.verify() if p.check == "whole row"]


def test_a_number_that_was_changed_is_found(target):
    with Database(target) as database:
        database.add_result(interface("W", gamma=41.25))
        (row,) = database.query("interfaces")
        with database._store.writing() as connection:
            connection.execute(text("UPDATE interfaces SET whole_row = replace(whole_row, '41.25', '14.25')"))
        assert database.query("interfaces")[0]["gamma_mev_per_a2"] == 14.25
        found = [str(problem) for problem in database.verify() if problem.check == "whole row"]
        assert "gamma_mev_per_a2 is 14.25, its document says 41.25" in found[0] and "reindex" in found[0]
        database.reindex()
        assert database.query("interfaces") == [row]


def test_a_value_of_another_type_is_found(target):
    with Database(target) as database:
        database.add_result(interface("W", gamma=41.0))
        with database._store.writing() as connection:
            connection.execute(text("UPDATE interfaces SET whole_row = replace(whole_row, ',41.0,', ',41,')"))
        (found,) = [str(problem) for problem in database.verify() if problem.check == "whole row"]
        assert "gamma_mev_per_a2 is 41, its document says 41.0" in found


def test_rows_made_again_from_columns_are_those_made_from_documents(target):
    with Database(target) as database:
        for document in all_results():
            database.add_result(document)
        for status in ("converged", "unconverged", "failed"):
            database.add_calculation(calculation(len(status), status))
        before = stored(database)
        database.reindex()
        assert stored(database) == before and len(before) > 15


def stored(database: Database) -> list[str]:
    with database._store.reading() as connection:
        return [
            row
            for noun in NOUNS
            for row in connection.scalars(text(f"SELECT whole_row FROM {noun} ORDER BY document_sha256"))
        ]


@settings(max_examples=60, deadline=None)
@given(
    gamma=st.floats(allow_nan=False, allow_infinity=False),
    case=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30),
    flags=st.lists(st.sampled_from(["nonlinear", 'reactive: γ < 0 "é"', "high_strain: 4.1 %, [\\]"]), unique=True),
)
def test_whatever_is_stored_comes_back_as_from_its_columns(gamma, case, flags):
    with Database(":memory:") as database:
        document = interface("W", gamma=gamma, flags=tuple(flags))
        provenance = document.provenance.model_copy(update={"case": case})
        database.add_result(document.model_copy(update={"provenance": provenance}))
        (row,) = database.query("interfaces")
        (other,) = database.query("interfaces", columns=COLUMNS)
        assert list(row) == COLUMNS and repr(row) == repr(other)
        assert (row["gamma_mev_per_a2"], row["case"], row["flags"]) == (gamma, case, flags)
        frame = database.interfaces()
        assert frame["gamma_mev_per_a2"][0] == gamma and frame["flags"][0] == flags and frame["case"][0] == case
        assert frame.equals(database.interfaces(columns=COLUMNS)) and list(frame.dtypes) == list(
            database.interfaces(columns=COLUMNS).dtypes
        )
