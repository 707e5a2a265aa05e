from __future__ import annotations

import pytest

from liface.database.filters import _tree
from liface.database.literals import taken_out


def test_filters_that_differ_in_values_are_parsed_once(db):
    db.query("interfaces", 'substrate="W" OR n_points > 3')
    before = _tree.cache_info().misses
    db.query("interfaces", 'substrate="Mo \\" x" OR n_points > -4')
    assert _tree.cache_info().misses == before


@pytest.mark.parametrize(
    ("where", "values"),
    [
        ('a="1" AND b>-2.5e3', ('"1"', "-2.5e3")), ("a=TRUE AND e_bind_298<1", ("TRUE", "1")),
        ('a="TRUE \\" 5"', ('"TRUE \\" 5"',)), ("5<a", ("5",)), ("a>.5 OR a<5.", (".5", "5.")),
    ],
)  # fmt: skip
def test_values_are_taken_out_as_they_were_written(where, values):
    assert taken_out(where).values == values and taken_out(where).with_numbers


@pytest.mark.parametrize("where", ["n_points=5AND n_atoms=3", "n_points > --5", "a=1.2.3", "a=5-3"])
def test_numbers_in_unusual_places_stay(where):
    assert not taken_out(where).with_numbers and taken_out(where).values == ()


def test_an_unusual_number_means_what_it_says(db):
    from database_factories import interface

    db.add_result(interface(n_points=5))
    assert db.count("interfaces", "n_points=5AND n_atoms=2") == 1
    assert db.count("interfaces", "n_points=0AND n_atoms=2") == 0
