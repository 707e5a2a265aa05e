from __future__ import annotations

import pytest
from database_factories import calculation, interface, surface
from hypothesis import given, settings
from hypothesis import strategies as st

from liface.database import Database
from liface.database.columns import NOUNS
from liface.database.paging import _beyond, _keys
from liface.errors import FilterError

SORTS = (
    None, "gamma_mev_per_a2", "-gamma_mev_per_a2", "-n_planes,gamma_mev_per_a2", "gamma_unrelaxed_mev_per_a2",
    "-gamma_unrelaxed_mev_per_a2", "gamma_unrelaxed_mev_per_a2,-plane", "-screened_by,-gamma_unrelaxed_mev_per_a2",
    "created_at", "-converged",
)  # fmt: skip


@pytest.fixture(scope="module")
def many():
    with Database(":memory:") as database:
        for number in range(23):
            unrelaxed = None if number % 3 == 0 else float(number % 5)
            database.add_result(
                surface(plane=f"{number:02d}", gamma=float(number % 4), n_planes=number % 2,
                        gamma_unrelaxed_mev_per_a2=unrelaxed, flags=("polar",) * (number % 2))
            )  # fmt: skip
        for number, status in enumerate(("converged", "unconverged", "failed", "failed", "converged")):
            database.add_calculation(calculation(number, status))
        yield database


@settings(max_examples=60, deadline=None)
@given(sort=st.sampled_from(SORTS), size=st.integers(1, 25), where=st.sampled_from([None, "gamma_mev_per_a2 > 0"]))
def test_pages_together_are_the_whole_answer(many, sort, size, where):
    pages = list(many.pages("surfaces", where, sort, size))
    assert [row for page in pages for row in page] == many.query("surfaces", where, sort)
    assert all(len(page) == size for page in pages[:-1])


@pytest.mark.parametrize("sort", [None, "energy_ev", "-energy_ev", "status,-energy_ev", "-created_at"])
def test_calculations_come_in_pages_too(many, sort):
    columns = ["calc_id", "created_at"]
    pages = list(many.pages("calculations", sort=sort, size=2, columns=columns))
    assert [row for page in pages for row in page] == many.query("calculations", sort=sort, columns=columns)


def test_a_column_may_be_asked_for_and_ordered_by_or_twice(many):
    rows = [row for page in many.pages("surfaces", sort="plane", size=4, columns=["plane", "flags"]) for row in page]
    assert rows[1] == {"plane": "01", "flags": ["polar"]} and len(rows) == 23


def test_no_rows_give_no_page(many):
    assert list(many.pages("interfaces")) == [] and list(many.iterate("interface")) == []


def test_what_is_stored_meanwhile_is_met_further_down_and_nothing_twice(db):
    for gamma in (1.0, 2.0, 3.0, 4.0):
        db.add_result(interface(substrate=f"A{gamma}", gamma=gamma))
    seen = []
    for page in db.pages("interfaces", sort="gamma_mev_per_a2", size=2):
        seen += [row["gamma_mev_per_a2"] for row in page]
        if len(seen) == 2:
            db.add_result(interface(substrate="early", gamma=0.5))
            db.add_result(interface(substrate="late", gamma=3.5))
    assert seen == [1.0, 2.0, 3.0, 3.5, 4.0]


def test_a_wrong_question_is_refused_before_the_first_page(db):
    for arguments in ({"sort": "gama"}, {"where": "gama=1"}, {"columns": ["gama"]}, {"size": 0}):
        with pytest.raises(FilterError):
            db.pages("interfaces", **arguments)
    with pytest.raises(FilterError, match="no kind of result"):
        db.iterate("case")


def test_an_index_finds_the_place_of_a_page():
    noun = NOUNS["interfaces"]
    condition = str(_beyond(_keys(noun, "-gamma_mev_per_a2"), (1.0, "x")))
    assert condition.startswith("(interfaces.gamma_mev_per_a2, interfaces.entry_id) < (")
