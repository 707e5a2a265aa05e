"""Published values in the database: stored once, all or none, found with their units, and checked."""

from __future__ import annotations

import pytest
from database_factories import literature_value

from liface.database import Database
from liface.errors import FilterError


def test_a_value_is_stored_once_whoever_enters_it(db):
    first = literature_value(entered_by="one", note="seen in a talk")
    again = literature_value(entered_by="another", bibtex_key="oh2024")
    assert first.literature_id == again.literature_id
    assert db.add_literature([first, again]) == 1
    assert db.add_literature([again]) == 0
    assert db.literature() == [first] and db.count("literature") == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"value": 82.0}, {"qualifier": ">"}, {"plane": "110"}, {"film_plane": "110"}, {"doi": "10.1000/other"},
        {"method": "r2SCAN"}, {"where": "Fig. 9"}, {"material": "W"}, {"unit": "J/m²", "value": 1.3096},
        {"uncertainty": 2.0, "uncertainty_kind": "stated"},
    ],
)  # fmt: skip
def test_what_makes_another_value(changes):
    assert literature_value(**changes).literature_id != literature_value().literature_id


def test_rows_hold_the_value_as_published_and_in_the_unit_that_is_reported(db):
    db.add_literature([literature_value(quantity="surface", value=200.0, unit="meV/A^2", plane="110")])
    (row,) = db.query("literature", where='material="Mo" AND house_value > 3.2')
    assert (row["value"], row["unit"]) == (200.0, "meV/Å²")
    assert (row["house_value"], row["house_unit"]) == (pytest.approx(3.204353268, rel=1e-12), "J/m²")
    assert row["published"] == "200 meV/Å²" and row["created_at"].endswith("Z")


def test_filters_know_the_quantities(db):
    with pytest.raises(FilterError):
        db.query("literature", where='qualifier="about"')
    assert db.query("literature", where='quantity="surface"') == []


def test_forgetting_takes_what_is_named(db):
    one, other = literature_value(), literature_value(material="Ti", value=66.799)
    db.add_literature([one, other])
    assert db.forget_literature([one.literature_id, "0" * 32]) == 1
    assert db.literature() == [other]


def test_a_stored_value_that_was_changed_is_found(file):
    from sqlalchemy import create_engine, text

    with Database(file) as database:
        database.add_literature([literature_value()])
        assert database.verify() == []
    with create_engine(f"sqlite:///{file}").begin() as connection:
        connection.execute(text("UPDATE literature SET house_value = 8.2"))
    with Database(file) as database:
        assert [problem.check for problem in database.verify()] == ["column"]
