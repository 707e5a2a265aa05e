"""Verdicts beside published statements."""

from __future__ import annotations

import pytest

from liface.analysis.known_stability import KNOWN, agreement, class_of
from liface.analysis.stability import VERDICTS, PhaseEntry, lithium_stability
from liface.structures.library import MaterialsLibrary


def entry(name, composition, energy):
    return PhaseEntry(name=name, composition=composition, energy_ev_per_atom=energy, level="made up", source="here")


LI = entry("Li", {"Li": 1}, -1.9)
TUNGSTEN = entry("W", {"W": 1}, -12.9)
LI_W = entry("LiW", {"Li": 1, "W": 1}, -7.0)  # above the tie-line, so that W stays at rest
ALLOY = entry("LiW", {"Li": 1, "W": 1}, -8.0)


@pytest.mark.parametrize(
    ("others", "expected"), [((), "untested"), ((LI_W,), "yes"), ((ALLOY,), "no")], ids=["alone", "at rest", "alloys"]
)
def test_agreement_needs_a_phase_that_competes(others, expected):
    found = lithium_stability(TUNGSTEN, [LI, TUNGSTEN, *others], category="metal")
    assert agreement(found) == expected


def test_decomposition_agrees_only_with_its_products():
    salts = [entry("Li2S", {"Li": 2, "S": 1}, -4.0), entry("Li3P", {"Li": 3, "P": 1}, -3.5),
             entry("LiCl", {"Li": 1, "Cl": 1}, -3.7)]  # fmt: skip
    argyrodite = entry("Li6PS5Cl", {"Li": 6, "P": 1, "S": 5, "Cl": 1}, -3.4)
    assert agreement(lithium_stability(argyrodite, [LI, argyrodite, *salts])) == "yes"
    stuffed = entry("Li5PS5Cl", {"Li": 5, "P": 1, "S": 5, "Cl": 1}, -9.0)
    assert agreement(lithium_stability(argyrodite, [LI, argyrodite, *salts, stuffed])) == "no"


def test_every_verdict_has_a_class_and_every_statement_a_material():
    assert all(class_of(verdict) for verdict in VERDICTS)
    library = MaterialsLibrary()
    assert all(library.get(name).name == name for name in KNOWN)
    assert agreement(lithium_stability(entry("Cu", {"Cu": 1}, -3.7), [LI])) == "nothing known"
