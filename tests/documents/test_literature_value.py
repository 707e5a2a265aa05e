"""A published value: units by quantity, DOIs by pattern, bounds, identity."""

from __future__ import annotations

import math
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from liface.documents import QUANTITIES, LiteratureValue, QuantityName
from liface.documents.quantities import spelled
from liface.units import j_per_m2

VALUE = {"quantity": "surface", "material": "W", "plane": "110", "value": 3.23, "unit": "J/m²", "method": "PBE",
         "doi": "10.1038/sdata.2016.80"}  # fmt: skip


def value(**changes) -> LiteratureValue:
    return LiteratureValue.model_validate({**VALUE, **changes})


def test_every_quantity_has_its_name_and_its_own_unit():
    assert tuple(QUANTITIES) == get_args(QuantityName)
    assert all(quantity.factor(quantity.unit) == 1.0 for quantity in QUANTITIES.values())


@pytest.mark.parametrize(
    ("quantity", "given", "unit", "expected"),
    [
        ("surface", 1.0, "meV/Å²", 0.0160217663), ("surface", 3230.0, "mJ/m^2", 3.23),
        ("surface", 540, "erg/cm2", 0.54),
        ("interface_gamma", 1.0, "J/m2", 62.4150907), ("interface_gamma", 0.0817, "eV/A2", 81.7),
        ("binding", -570, "meV", -0.57), ("binding", -96.485332, "kJ/mol", -1.0),
        ("barrier", 1.0, "kcal/mol", 0.0433641),
        ("contact_angle", math.pi / 2, "rad", 90.0), ("contact_angle", 125, "°", 125),
        ("lattice_a", 0.351, "nm", 3.51), ("highest_phonon", 299.792458, "cm^-1", 8.98755179), ("ccd", 13, "A/m2", 1.3),
        ("highest_phonon", 36.4, "meV", 8.8014), ("nucleation_overpotential", 0.044, "V", 44),
        ("time_to_short_circuit", 90, "min", 1.5),
    ],
)  # fmt: skip
def test_units_are_converted(quantity, given, unit, expected):
    found = value(quantity=quantity, value=given, unit=unit, plane=None)
    assert found.value == given and found.house_unit == QUANTITIES[quantity].unit
    assert found.house_value == pytest.approx(expected, rel=1e-5)


def test_energies_per_area_agree_with_the_units_of_the_program():
    assert value(value=81.742, unit="meV/Å²").house_value == pytest.approx(j_per_m2(81.742), rel=1e-12)


@given(st.sampled_from(sorted(QUANTITIES)), st.data())
def test_a_value_in_its_own_unit_comes_back_digit_by_digit(quantity, data):
    kind = QUANTITIES[quantity]
    low, high = max(kind.low, -1e6), min(kind.high, 1e6)
    number = data.draw(st.floats(low, high, allow_nan=False))
    found = value(quantity=quantity, value=number, unit=kind.unit)
    assert found.house_value == number
    assert LiteratureValue.from_json(found.model_dump_json()).literature_id == found.literature_id


@pytest.mark.parametrize("typed", ["J/m2", "J/m^2", " J/m² ", "J/m**2"])
def test_units_have_one_spelling(typed):
    assert spelled(typed) == "J/m²"
    assert value(unit=typed).literature_id == value().literature_id


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"unit": "eV"}, "surface is given in J/m²"), ({"unit": "joule"}, "surface is given in"),
        ({"quantity": "contact_angle", "unit": "deg", "value": 181}, "between 0 and 180"),
        ({"quantity": "lattice_a", "unit": "Å", "value": -3}, "between 0"), ({"value": math.inf}, "finite"),
        ({"doi": "sdata.2016.80"}, "no DOI"), ({"doi": "10.1038/ sdata"}, "no DOI"), ({"doi": "11.1038/x"}, "no DOI"),
        ({"doi": ""}, "neither doi nor citation"), ({"plane": "11"}, "Miller"), ({"plane": "110 or so"}, "Miller"),
        ({"uncertainty": 0.1}, "go together"), ({"uncertainty": -1, "uncertainty_kind": "stated"}, "greater than 0"),
        ({"qualifier": "about"}, "Input should be"), ({"quantity": "gamma"}, "Input should be"),
        ({"method": " "}, "at least"),
        ({"colour": "red"}, "not permitted"),
    ],
)  # fmt: skip
def test_what_does_not_hold_together_is_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        value(**changes)


@pytest.mark.parametrize(
    "typed",
    ["https://doi.org/10.1038/SDATA.2016.80", "doi:10.1038/sdata.2016.80", "http://dx.doi.org/10.1038/sdata.2016.80"],
)
def test_a_doi_is_the_same_with_or_without_its_resolver(typed):
    assert value(doi=typed).literature_id == value().literature_id


def test_a_thesis_has_a_citation_and_no_doi():
    assert value(doi="", citation="A. Student, thesis, 2020").citation


@pytest.mark.parametrize(
    ("qualifier", "computed", "met"),
    [(">", 3.3, True), (">", 3.23, False), ("≥", 3.23, True), ("<", 3.3, False), ("<=", 3.23, True), ("<", 3.2, True),
     ("=", 9.9, True)],
)  # fmt: skip
def test_bounds_stay_bounds(qualifier, computed, met):
    found = value(qualifier=qualifier)
    assert found.is_bound is (qualifier != "=")
    assert found.allows(computed) is met


def test_planes_lose_their_brackets():
    assert (value(plane="(110)").plane, value(plane="(1 -1 0)").plane, value(plane="").plane) == ("110", "1-10", None)
