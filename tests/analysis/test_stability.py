"""Stability against Li metal: by hand, against pymatgen's phase diagrams, and what cannot be judged."""

import math

import numpy as np
import pytest

from liface.analysis.stability import PhaseEntry, lithium_stability
from liface.errors import AnalysisError, MixedEnginesError

ELEMENTS_EV = {"Li": -1.9, "P": -5.4, "S": -4.1, "Cl": -1.8}
FORMATION_EV = {"Li2S": -1.5, "Li3P": -0.9, "LiCl": -2.1, "P2S5": -0.35, "Li3PS4": -1.02, "Li6PS5Cl": -1.24}


def entry(formula, formation_ev=0.0, elements=None, **changes):
    """An entry whose formation energy per atom is given."""
    from pymatgen.core import Composition

    composition = {str(el): float(n) for el, n in Composition(formula).items()}
    base = sum((elements or ELEMENTS_EV)[el] * n for el, n in composition.items()) / sum(composition.values())
    fields = {"name": formula, "composition": composition, "energy_ev_per_atom": base + formation_ev}
    return PhaseEntry(**(fields | {"level": "a", "source": "test"} | changes))


@pytest.fixture
def argyrodite():
    """The system of Li6PS5Cl with round numbers."""
    return [entry(el) for el in ELEMENTS_EV] + [entry(f, energy) for f, energy in FORMATION_EV.items()]


def named(entries, name):
    return next(e for e in entries if e.name == name)


def test_argyrodite_becomes_sulfide_phosphide_and_chloride(argyrodite):
    """By hand: 8 Li are taken up; 5 Li2S + Li3P + LiCl minus Li6PS5Cl, formation energies only."""
    result = lithium_stability(named(argyrodite, "Li6PS5Cl"), argyrodite)
    assert result.reaction == "Li6PS5Cl + 8 Li -> 5 Li2S + Li3P + LiCl"
    assert result.reaction_energy_ev == pytest.approx(5 * 3 * -1.5 + 4 * -0.9 + 2 * -2.1 - 13 * -1.24)
    assert result.verdict == "not stable" and result.window_low_v is None
    assert result.compounds_with_li == ("Li2S", "Li3P", "Li3PS4", "LiCl")
    above = (13 * -1.24 - 8 * -1.02 - 3 * -1.5 - 2 * -2.1) / 13  # Li3PS4 + Li2S + LiCl
    assert result.energy_above_hull_ev_per_atom == pytest.approx(above)


def test_voltages_of_a_binary_by_hand(argyrodite):
    """Li2S gives its Li up at minus its formation energy per Li, and nothing reduces it."""
    result = lithium_stability(named(argyrodite, "Li2S"), argyrodite)
    assert (result.verdict, result.window_low_v) == ("stable", 0.0)
    assert result.window_high_v == pytest.approx(3 * 1.5 / 2)
    sulfur = lithium_stability(named(argyrodite, "S"), argyrodite)
    assert sulfur.window_low_v == pytest.approx(3 * 1.5 / 2) and sulfur.window_high_v is None
    assert (sulfur.verdict, sulfur.reaction) == ("reacts with Li", "S + 2 Li -> Li2S")
    thio = lithium_stability(named(argyrodite, "Li3PS4"), argyrodite)
    assert 0 < thio.window_low_v < thio.window_high_v and thio.reaction == "Li3PS4 + 8 Li -> 4 Li2S + Li3P"


@pytest.mark.parametrize("seed", range(8))
def test_everything_agrees_with_pymatgen(seed):
    """Random energies in Li-P-S-Cl: hull distances, stability ranges, and reactions with Li in excess."""
    from pymatgen.analysis.phase_diagram import GrandPotentialPhaseDiagram, GrandPotPDEntry, PhaseDiagram
    from pymatgen.core import Composition, Element
    from pymatgen.entries.computed_entries import ComputedEntry

    rng = np.random.default_rng(seed)
    formulas = ["Li2S", "Li3P", "LiP", "LiCl", "P2S5", "PCl3", "Li3PS4", "Li4P2S6", "Li6PS5Cl", "SCl2"]
    ours = [entry(el) for el in ELEMENTS_EV] + [entry(f, -rng.uniform(0.1, 1.5)) for f in formulas]
    theirs = {e.name: ComputedEntry(Composition(e.composition), e.energy_ev) for e in ours}
    diagram = PhaseDiagram(list(theirs.values()))
    open_to_li = GrandPotentialPhaseDiagram(list(theirs.values()), {Element("Li"): ELEMENTS_EV["Li"]})
    for e in ours[1:]:
        result = lithium_stability(e, ours)
        above = diagram.get_e_above_hull(theirs[e.name])
        assert result.energy_above_hull_ev_per_atom == pytest.approx(above, abs=1e-8)
        grand = GrandPotPDEntry(theirs[e.name], {Element("Li"): ELEMENTS_EV["Li"]})
        per_atom = open_to_li.get_e_above_hull(grand)
        without_li = sum(n for el, n in e.composition.items() if el != "Li")
        assert result.reaction_energy_ev == pytest.approx(-per_atom * without_li, abs=1e-7)
        if above < 1e-8:
            low, high = voltages(diagram, e)
            assert result.window_low_v == pytest.approx(low, abs=1e-6)
            assert result.window_high_v == (None if high is None else pytest.approx(high, abs=1e-6))


def voltages(diagram, e):
    """Voltages between which pymatgen finds a phase at rest; nothing oxidises one without Li."""
    from pymatgen.core import Composition, Element

    composition = Composition(e.composition)
    if "Li" not in e.composition:
        steps = diagram.get_element_profile(Element("Li"), composition)
        return max(ELEMENTS_EV["Li"] - step["chempot"] for step in steps), None
    spread = diagram.get_chempot_range_stability_phase(composition, Element("Li"))[Element("Li")]
    return tuple(sorted(ELEMENTS_EV["Li"] - value for value in spread))


def test_alloys_end_members_insulators_and_metals_that_do_not_mix():
    elements = {"Li": -1.9, "Al": -3.7, "W": -12.9, "Be": -3.7, "O": -4.9}
    made = {f: entry(f, energy, elements) for f, energy in (("Li9Al4", -0.15), ("LiAl", -0.2), ("Li2O", -2.0))}
    known = [*(entry(el, elements=elements) for el in elements), *made.values(), entry("BeO", -3.1, elements)]

    def verdict(name, **facts):
        return lithium_stability(named(known, name), known, **facts)

    aluminium = verdict("Al", category="metal")
    assert aluminium.verdict == "alloys with Li" and aluminium.compounds_with_li == ("Li9Al4", "LiAl")
    assert aluminium.reaction == "Al + 2.25 Li -> 0.25 Li9Al4"
    assert verdict("Li9Al4", category="alloy").verdict == "end member"
    assert verdict("LiAl", category="alloy").verdict == "reacts with Li"
    tungsten = verdict("W", category="metal")
    assert tungsten.verdict == "nothing competes" and tungsten.untested == ("W",) and tungsten.reaction == "none"
    with_compound = [*known, entry("Li3W", 0.05, elements)]  # not stable: W and Li do not mix
    tungsten = lithium_stability(named(known, "W"), with_compound, category="metal")
    assert (tungsten.verdict, tungsten.untested, tungsten.compounds_with_li) == ("immiscible", (), ())
    oxide = verdict("BeO", category="oxide", band_gap_ev=10.6)
    assert oxide.verdict == "insulator" and oxide.untested == ()
    assert verdict("Li2O", category="oxide", band_gap_ev=7.9).verdict == "insulator"


def test_no_reference_is_needed_of_elements_that_take_no_part():
    """Cu2Te against Li, without tellurium."""
    elements = {"Li": -1.9, "Cu": -3.7, "Te": -3.1}
    known = [entry("Li", elements=elements), entry("Cu", elements=elements), entry("Li2Te", -1.2, elements)]
    telluride = entry("Cu2Te", -0.15, elements)
    result = lithium_stability(telluride, known)
    assert result.reaction == "Cu2Te + 2 Li -> 2 Cu + Li2Te"
    assert result.reaction_energy_ev == pytest.approx(3 * -1.2 - 3 * -0.15)
    assert result.window_low_v == pytest.approx((3 * 1.2 - 3 * 0.15) / 2) and result.window_high_v is None


def test_of_several_entries_of_a_phase_the_lowest_counts(argyrodite):
    worse = [entry("Li2S", -0.2), entry("Li2S", -1.5), entry("Li2S", -0.9)]
    others = [e for e in argyrodite if e.name != "Li2S"]
    once = lithium_stability(named(argyrodite, "Li6PS5Cl"), argyrodite)
    again = lithium_stability(named(argyrodite, "Li6PS5Cl"), [*others, *worse])
    assert again.reaction_energy_ev == pytest.approx(once.reaction_energy_ev)
    assert again.energy_above_hull_ev_per_atom == pytest.approx(once.energy_above_hull_ev_per_atom)


def test_what_cannot_be_judged(argyrodite):
    sulfide = named(argyrodite, "Li2S")
    with pytest.raises(AnalysisError, match="no entry of Li metal; compute it"):
        lithium_stability(sulfide, [sulfide, named(argyrodite, "S")])
    with pytest.raises(MixedEnginesError, match="S is of level 'b', Li2S of 'a'"):
        lithium_stability(sulfide, [*argyrodite, entry("S", level="b")])
    with pytest.raises(AnalysisError, match="Li is Li itself"):
        lithium_stability(named(argyrodite, "Li"), argyrodite)
    for bad in ({"energy_ev_per_atom": math.nan}, {"composition": {"S": -1.0}}, {"composition": {}}):
        with pytest.raises(AnalysisError, match="X: composition"):
            lithium_stability(sulfide, [*argyrodite, entry("S", name="X", **bad)])
