"""Computed values beside published ones: which belong together, differences, bounds, errors per model."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liface.analysis.comparison import Comparison, compared, summaries
from liface.analysis.computed import computed_values
from liface.analysis.literature import Literature
from liface.analysis.regression import ORDER, orders_of_metals, reading
from liface.units import j_per_m2

sys.path.insert(0, str(Path(__file__).parents[1] / "database"))
import database_factories as make

OWN = make.literature_value(
    quantity="surface", material="W", plane="110", film_plane=None, value=200.0, where="Table 2"
)


def surface(material, plane, gamma_j, engine=make.EMT):
    mev = gamma_j / j_per_m2(1.0)
    return make.surface(material, plane, mev, engine=engine)


def test_a_result_stands_beside_every_value_of_its_place():
    (row,) = compared([surface("W", "110", 3.33)], Literature())
    assert (row.published, row.qualifier, row.origin, row.unit) == (3.23, "≈", "shipped", "J/m²")
    assert row.difference == pytest.approx(0.10) and row.verdict == "outside" and row.z_score is None
    assert compared([surface("W", "100", 4.0)], Literature()) == ()


def test_own_values_come_first_and_take_the_place_of_none():
    rows = compared([surface("W", "110", 3.2)], Literature([OWN, OWN]))
    assert [row.origin for row in rows] == ["database", "shipped"]
    assert rows[0].published == pytest.approx(j_per_m2(200.0))


def test_the_shipped_values_in_the_database_are_not_shown_twice():
    literature = Literature(Literature().values)
    assert len(literature.values) == len(Literature().values)
    assert {literature.origin(value) for value in literature.values} == {"shipped"}


def test_bounds_are_met_or_violated():
    rows = compared([make.interface("W", "100", 60.0), make.interface("Zr", "100", 55.0)], Literature())
    assert [(r.system, r.qualifier, r.published, r.verdict) for r in rows] == [
        ("Li(100) on W(110)", ">", 81.742, "violated"), ("Li(100) on W(110)", ">", 44.054, "met"),
        ("Li(100) on Zr(110)", "<", 66.799, "met"),
    ]  # fmt: skip
    assert all(row.difference is None for row in rows)


def test_of_each_source_only_the_closest_is_shown_in_a_report():
    literature = Literature()
    (value,) = literature.closest("interface_gamma", "W", plane="110", film="Li", film_plane="100")
    assert value.value == 81.742
    (value,) = literature.closest("interface_gamma", "W", plane="110", film="Li", film_plane="110")
    assert value.value == 44.054


def test_an_adhesion_is_found_in_either_order_of_its_materials():
    result = make.adhesion("Cu", "Li2Te")
    value = make.literature_value(quantity="work_of_adhesion", material="Li2Te", film="Cu", film_plane=None, value=40.0)
    assert len(compared([result], Literature([value]))) == 1


def test_z_scores_need_an_error_with_a_distribution():
    value = OWN.model_copy(update={"uncertainty": 10.0, "uncertainty_kind": "standard error"})
    row = compared([surface("W", "110", j_per_m2(230.0))], Literature([value]))[0]
    assert row.z_score == pytest.approx(3.0) and row.verdict == "outside"


@pytest.mark.parametrize("factory", make.EVERY_KIND)
def test_every_kind_of_result_may_be_asked(factory):
    result = factory()
    for computed in computed_values(result):
        assert computed.unit and computed.system and computed.result is result


def test_errors_per_model():
    results = [surface("W", "110", 3.33), surface("Cr", "110", 2.55), surface("Mo", "110", 2.40),
               surface("W", "110", 2.31, make.OTHER)]  # fmt: skip
    mine = {s.engine: s for s in summaries(compared(results, Literature()))}
    emt = mine["emt"]
    assert (emt.n, emt.bounds, emt.n_pairs) == (3, 0, 3)
    assert emt.mean_absolute_error == pytest.approx((0.10 + 0.60 + 0.40) / 3)
    assert emt.mean_signed_error == pytest.approx((0.10 - 0.60 - 0.40) / 3)
    assert (emt.worst, emt.worst_system) == (pytest.approx(-0.60), "Cr(110)")
    assert emt.median_ratio == pytest.approx(2.40 / 2.80) and emt.kendall == 1.0
    assert mine["chgnet"].n == 1 and mine["chgnet"].kendall is None
    assert reading(emt) == "values 14% too low; order reproduced"
    assert reading(mine["chgnet"]) == "only 1 value; values 28% too low"


def test_unconverged_results_enter_no_average():
    loose = surface("Mo", "110", 9.0).model_copy(update={"converged": False})
    (found,) = summaries(compared([surface("W", "110", 3.33), loose], Literature()))
    assert (found.n, found.n_unconverged, found.worst_system) == (1, 1, "W(110)")


def test_a_record_of_two_campaigns_counts_once():
    rows = compared([surface("W", "110", 3.0)], Literature())
    again = [row.model_copy(update={"campaign": "another"}) for row in rows]
    assert summaries([*rows, *again])[0].n == 1


def with_values(values: dict[str, float]) -> list[Comparison]:
    return list(compared([make.interface(metal, "100", value) for metal, value in values.items()], Literature()))


def test_order_of_the_metals():
    (order,) = orders_of_metals(with_values({"W": 133.0, "Cr": 103.0, "Mo": 93.0, "Ti": 48.0, "Zr": 54.0}))
    assert order.computed == ("W", "Cr", "Mo", "Zr", "Ti") and order.published == ORDER
    assert (order.right, order.pairs) == (9, 10)


@given(st.permutations(ORDER))
def test_pairs_in_order_are_those_not_inverted(metals):
    (order,) = orders_of_metals(with_values({metal: 100.0 - i for i, metal in enumerate(metals)}))
    inversions = sum(ORDER.index(a) > ORDER.index(b) for i, a in enumerate(metals) for b in metals[i + 1 :])
    assert order.right == order.pairs - inversions
