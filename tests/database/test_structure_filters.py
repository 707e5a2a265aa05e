"""Filters of OPTIMADE on structures select what plain Python selects."""

from __future__ import annotations

import operator
from collections import Counter

import pytest
from database_factories import calculation, interface, surface
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from liface.documents import Geometry
from liface.errors import FilterError, UnsupportedFilterError

COMPOSITIONS = ("Li", "LiLi", "CuLi", "CuLiLi", "WLiLiLi", "CuWLi", "LiFF", "COLi", "CuCuO")
SYMBOLS = ("Li", "Cu", "W", "F", "O", "C")
SIGNS = {"=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def split(text):
    symbols, rest = [], text
    while rest:
        size = 2 if rest[1:2].islower() else 1
        symbols.append(rest[:size])
        rest = rest[size:]
    return symbols


def cell(text, height):
    symbols = split(text)
    n = len(symbols)
    return Geometry(
        cell=((4.0, 0.0, 0.0), (0.0, 4.0, 0.0), (0.0, 0.0, height)), species=tuple(symbols),
        positions=tuple((0.0, 0.0, 1.5 * i) for i in range(n)), frozen=(False,) * n, roles=("bulk",) * n,
    )  # fmt: skip


@pytest.fixture(scope="module")
def filled(shared):
    for number, text in enumerate(COMPOSITIONS):
        made = calculation(number)
        final = cell(text, 5.0 if number % 2 else 30.0)
        shared.add_calculation(made.model_copy(update={"final": final, "energy_ev": -float(number)}))
    flags = ("few_points", "reactive: 4 of 16 bonds")
    shared.add_result(interface("W", structure=cell("WLi", 30.0), flags=flags))
    shared.add_result(surface("Cu", structure=cell("Cu", 30.0)))
    return shared


def shares(entry):
    counts = Counter(entry["species_at_sites"])
    return {symbol: counts[symbol] / len(entry["species_at_sites"]) for symbol in sorted(counts)}


def matching(database, where):
    return sorted(entry["id"] for entry in database.structures.page(where, limit=100).entries)


def chosen(database, keep):
    return sorted(entry["id"] for entry in database.structures.every() if keep(entry))


CASES = {
    'elements HAS "Li"': lambda e: "Li" in shares(e),
    'elements HAS ""': lambda e: False,
    'elements HAS "Cu||Li"': lambda e: False,
    'elements HAS ANY "|","W"': lambda e: "W" in shares(e),
    'elements HAS ALL "Li","|"': lambda e: False,
    'elements HAS ONLY "Li","","C|","F"': lambda e: set(shares(e)) <= {"Li", "F"},
    'elements HAS "L"': lambda e: False,
    'elements HAS < "F"': lambda e: min(shares(e)) < "F",
    'elements HAS ONLY >= "Li"': lambda e: min(shares(e)) >= "Li",
    'species_at_sites HAS ALL "Cu","Li"': lambda e: {"Cu", "Li"} <= set(shares(e)),
    "species_at_sites LENGTH 3": lambda e: e["nsites"] == 3,
    "elements LENGTH > 1": lambda e: e["nelements"] > 1,
    "elements_ratios LENGTH 1": lambda e: e["nelements"] == 1,
    "cartesian_site_positions LENGTH >= 3": lambda e: e["nsites"] >= 3,
    "lattice_vectors LENGTH 3": lambda e: True,
    "species LENGTH 2": lambda e: e["nelements"] == 2,
    "elements_ratios HAS 0.5": lambda e: 0.5 in shares(e).values(),
    "elements_ratios HAS ONLY <= 0.5": lambda e: max(shares(e).values()) <= 0.5,
    "elements_ratios HAS ALL > 0.6, < 0.4": lambda e: (
        max(shares(e).values()) > 0.6 and min(shares(e).values()) < 0.4
    ),
    'elements:elements_ratios HAS "Li":>0.5': lambda e: shares(e).get("Li", 0) > 0.5,
    'elements:elements_ratios HAS ANY "Li":1,"W":0.25': lambda e: (
        shares(e).get("Li") == 1 or shares(e).get("W") == 0.25
    ),
    'elements:elements_ratios HAS ALL "Li":>0.5,"W":<0.5': lambda e: shares(e).get("Li", 0) > 0.5 and "W" in shares(e),
    'elements:elements_ratios HAS ONLY "Li":>0.1,"Cu":<0.6': lambda e: all(
        (s == "Li" and r > 0.1) or (s == "Cu" and r < 0.6) for s, r in shares(e).items()
    ),
    "dimension_types HAS 0": lambda e: 0 in e["dimension_types"],
    "dimension_types HAS ONLY 1": lambda e: 0 not in e["dimension_types"],
    "dimension_types LENGTH 3": lambda e: True,
    "nperiodic_dimensions=3": lambda e: sum(e["dimension_types"]) == 3,
    'structure_features HAS "disorder"': lambda e: False,
    'structure_features HAS ONLY "disorder"': lambda e: True,
    "structure_features LENGTH 0": lambda e: True,
    'type="structures" AND "structures"=type': lambda e: True,
    'type!="structures"': lambda e: False,
    'chemical_formula_anonymous="A2B" OR chemical_formula_reduced="CuLi"': lambda e: (
        (sorted(Counter(e["species_at_sites"]).values()) == [1, 2])
        or e["chemical_formula_reduced"] == "CuLi"
    ),
    'chemical_formula_hill STARTS WITH "C" AND elements HAS "O"': lambda e: {"C", "O"} <= set(shares(e)) or (
        {"Cu", "O"} <= set(shares(e))
    ),
    "_liface_energy_ev IS UNKNOWN": lambda e: e["_liface_energy_ev"] is None,
    "NOT _liface_energy_ev<-3": lambda e: e["_liface_energy_ev"] is not None and e["_liface_energy_ev"] >= -3,
    "-3 > _liface_energy_ev": lambda e: e["_liface_energy_ev"] is not None and e["_liface_energy_ev"] < -3,
    '_liface_flags HAS "reactive"': lambda e: bool(e["_liface_flags"]),
    "_liface_flags LENGTH 0": lambda e: not e["_liface_flags"],
    'references.id HAS "10.1039/d4ee03130j"': lambda e: bool(e["references"]),
    "references.id LENGTH 0": lambda e: not e["references"],
    "_other_x=3 OR _other_y IS UNKNOWN": lambda e: True,
    "NOT _other_x=3": lambda e: False,
    '_other_x HAS ANY "a","b" OR _other_x LENGTH 3 OR _other_x CONTAINS "a"': lambda e: False,
    "nsites=_other_x OR nsites!=_other_x": lambda e: False,
    "assemblies IS UNKNOWN AND NOT space_group_it_number IS KNOWN": lambda e: True,
    "space_group_it_number>1": lambda e: False,
}  # fmt: skip


@pytest.mark.parametrize("where", CASES)
def test_filter_selects_what_plain_python_selects(filled, where):
    assert matching(filled, where) == chosen(filled, CASES[where])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    how=st.sampled_from(["ALL", "ANY", "ONLY"]),
    values=st.lists(st.sampled_from([*SYMBOLS, "", "|", "Li|"]), min_size=1, max_size=4),
    negated=st.booleans(),
    sign=st.sampled_from(list(SIGNS)),
)
def test_sets_of_elements(filled, how, values, negated, sign):
    def quoted(prefix=""):
        return ",".join(f'{prefix}"{value}"' for value in values)

    def keep(fits):
        def kept(entry):
            own = set(shares(entry))
            found = {
                "ALL": all(any(fits(o, v) for o in own) for v in values),
                "ANY": any(fits(o, v) for o in own for v in values),
                "ONLY": all(any(fits(o, v) for v in values) for o in own),
            }[how]
            return found != negated

        return kept

    start = "NOT " if negated else ""
    assert matching(filled, f"{start}elements HAS {how} {quoted()}") == chosen(filled, keep(operator.eq))
    assert matching(filled, f"{start}elements HAS {how} {quoted(sign)}") == chosen(filled, keep(SIGNS[sign]))


@pytest.mark.parametrize(
    ("where", "error", "message"),
    [
        ("crazy=1", FilterError, "structures have no property 'crazy'"),
        ("_liface_crazy=1", FilterError, "no property '_liface_crazy'"),
        ("_x=1", FilterError, "no property '_x'"),
        ('elements="Li"', UnsupportedFilterError, "is a list"),
        ('nsites="2"', UnsupportedFilterError, "whole number"),
        ('nsites HAS "2"', UnsupportedFilterError, "list column"),
        ('elements_ratios HAS "Li"', UnsupportedFilterError, "number without quotes"),
        ("elements HAS 3", UnsupportedFilterError, "double quotes"),
        ("lattice_vectors HAS 3", UnsupportedFilterError, "only LENGTH"),
        ('species.name HAS "Li"', UnsupportedFilterError, "whole property"),
        ('references.title HAS "x"', UnsupportedFilterError, "whole property"),
        ("_liface_frozen HAS 1", UnsupportedFilterError, "cannot be asked for"),
        ('elements:_liface_flags HAS "Li":"x"', UnsupportedFilterError, "side by side"),
        ('elements:dimension_types HAS "Li":1', UnsupportedFilterError, "side by side"),
        ('last_modified>"soon"', FilterError, "2026-03-01"),
    ],
)
def test_what_cannot_be_asked(filled, where, error, message):
    with pytest.raises(error, match=message) as caught:
        filled.structures.count(where)
    assert type(caught.value) is error


def test_order(filled):
    entries = filled.structures.page(sort="-_liface_energy_ev,_other_x,type,id", limit=100).entries
    energies = [entry["_liface_energy_ev"] for entry in entries]
    assert energies == [*sorted((e for e in energies if e is not None), reverse=True), None, None]
    sizes = [entry["nsites"] for entry in filled.structures.page(sort="-nsites", limit=4).entries]
    assert sizes == [4, 3, 3, 3]
    for wrong in ("crazy", "-elements", ",".join(["nsites"] * 21)):
        with pytest.raises(FilterError, match=r"sort|property"):
            filled.structures.page(sort=wrong)


def test_pages_above_an_id(filled):
    ids = [entry["id"] for entry in filled.structures.every()]
    page = filled.structures.page(limit=4, above=ids[2])
    assert [entry["id"] for entry in page.entries] == ids[3:7] and page.more and page.number == len(ids)
    assert not filled.structures.page(limit=100, above=ids[2]).more


def test_references(filled):
    page = filled.references.page('doi STARTS WITH "10.1039" AND title IS UNKNOWN AND type="references"')
    assert [entry["id"] for entry in page.entries] == ["10.1039/d4ee03130j"] and page.number == 1
    assert filled.references.count('year="2020"') == 0
    with pytest.raises(FilterError, match="references have no property"):
        filled.references.count("nsites=1")
