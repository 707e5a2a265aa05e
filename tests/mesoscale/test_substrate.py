"""From stored energies to growth rates: the published order of substrates, and the energy of a layer by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from liface.errors import AnalysisError
from liface.mesoscale import GrowthSpec
from liface.mesoscale.rates import configuration_energy
from liface.mesoscale.stack import AREA_PER_LI_A2
from liface.mesoscale.substrate import ClusterEnergies, Known, SubstrateEnergies, substrate_growth

KT_298_EV = 8.617333262e-5 * 298.15

PUBLISHED = {  # four dispersed atoms and Li4, eV per Li: 10.1002/adma.202206762, Table 1
    "Cu(111)": (-0.570, -0.560),
    "Li(110)": (0.168, 0.121),
    "Li2Te(110)": (0.535, 0.630),
}


def known(value):
    return Known(value, "test")


def clusters(dispersed, cluster, solid="as the lowest", n_li=4, flat=None):
    third = cluster if solid == "as the lowest" else solid
    solid, flat = (None if value is None else known(value) for value in (third, flat))
    return ClusterEnergies(n_li, known(dispersed), known(cluster), solid, flat)


def energies(surface="Cu(111)", **changes):
    values = {
        "by_layers": {0: clusters(*PUBLISHED[surface])}, "on_li": clusters(*PUBLISHED["Li(110)"]),
        "barrier": known(0.3), "barrier_li": known(0.3),
    }  # fmt: skip
    return SubstrateEnergies(**{**values, **changes})


@pytest.mark.parametrize(("surface", "ratio"), [("Li(110)", 0.1605), ("Cu(111)", 1.476), ("Li2Te(110)", 40.35)])
def test_published_energies_give_the_order_that_experiment_shows(surface, ratio):
    assert substrate_growth(energies(surface), GrowthSpec()).ratio == pytest.approx(ratio, rel=2e-3)


def test_the_hardest_layer_decides():
    layers = {0: clusters(-0.5, -0.2), 1: clusters(0.1, 0.15), 2: clusters(0.1, 0.4)}
    found = substrate_growth(energies(by_layers=layers), GrowthSpec())
    assert found.ratio == pytest.approx(math.exp(0.05 / KT_298_EV), rel=1e-6)
    assert {i.name for i in found.inputs} >= {"E_b of 4 Li on 1 ML, dispersed", "E_b of 4 Li, bare, dispersed"}


def test_a_layer_that_holds_no_cluster_does_not_hinder():
    flat = {0: clusters(-0.5, -0.52, solid=None)}
    found = substrate_growth(energies(by_layers=flat), GrowthSpec())
    assert found.ratio == pytest.approx(1000) and "ratio_cut: no cluster stays three-dimensional on 0 ML" in found.flags
    both = {**flat, 1: clusters(0.1, 0.12)}
    assert substrate_growth(energies(by_layers=both), GrowthSpec()).ratio == pytest.approx(math.exp(0.02 / KT_298_EV))


@pytest.mark.parametrize("spreading", [-30.0, 0.0, 25.0])
def test_covering_the_substrate_gains_the_spreading_coefficient(spreading):
    """Independent of the formula: take a layer of Li off a crystal of Li and lay it on the substrate."""
    growth = substrate_growth(energies(spreading=known(spreading)), GrowthSpec(size=6))
    n = growth.spec.size**2
    bare, layer = np.zeros((6, 6), int), np.ones((6, 6), int)
    on_substrate = configuration_energy(growth.spec, layer) - configuration_energy(growth.spec, bare)
    on_crystal = configuration_energy(growth.spec, layer + 3) - configuration_energy(growth.spec, layer + 2)
    assert on_crystal - on_substrate == pytest.approx(n * spreading * AREA_PER_LI_A2 / 1000)


def test_bonds_are_those_of_flat_islands():
    growth = substrate_growth(energies(by_layers={0: clusters(0.10, 0.02, flat=0.05)}), GrowthSpec())
    assert growth.spec.bond_substrate_ev == pytest.approx(0.05)  # four bonds in a square of four
    assert growth.spec.bond_li_ev == pytest.approx(0.047)
    assert "bonds_assumed: on the substrate as on Li" not in growth.flags


def test_without_a_flat_island_bonds_are_those_on_li():
    growth = substrate_growth(energies("Li2Te(110)"), GrowthSpec())
    assert growth.spec.bond_substrate_ev == growth.spec.bond_li_ev == pytest.approx(0.047)
    assert "bonds_assumed: on the substrate as on Li" in growth.flags


def test_repulsion_never_makes_a_barrier_negative():
    repelling = {0: clusters(*PUBLISHED["Li2Te(110)"], flat=0.630)}
    growth = substrate_growth(energies(by_layers=repelling, barrier=known(0.2)), GrowthSpec())
    assert growth.spec.bond_substrate_ev == pytest.approx(-0.05)
    assert any(flag.startswith("repulsion_cut: bond_substrate_ev -0.095 to -0.050") for flag in growth.flags)


def test_fast_hops_are_slowed_and_say_so():
    growth = substrate_growth(energies(barrier=known(0.05)), GrowthSpec(), most_hops=100)
    fastest = growth.spec.attempt_hz * math.exp(-0.05 / KT_298_EV)
    assert fastest == pytest.approx(100) and any(flag.startswith("hops_slowed: by ") for flag in growth.flags)
    slow = substrate_growth(energies(barrier=known(0.9), barrier_li=known(0.9)), GrowthSpec())
    assert slow.spec.attempt_hz == 1e13 and not any(flag.startswith("hops_slowed") for flag in slow.flags)


def test_what_is_given_by_hand_is_said():
    growth = substrate_growth(energies(), GrowthSpec())
    changed = substrate_growth(energies(), GrowthSpec(), given={"bond_li_ev": 0.2}).at_ratio(5)
    assert (changed.ratio, changed.rule, changed.spec.bond_li_ev) == (5, "by hand", 0.2)
    assert [i.name for i in changed.inputs if i.source == "by hand"] == ["bond_li_ev", "ratio of arrival rates"]
    assert "preference_assumed" in growth.flags


def test_what_follows_from_numbers_by_hand_follows_them():
    given = {"bond_substrate_ev": 0.3, "bond_li_ev": 0.1}
    growth = substrate_growth(energies(spreading=known(20.0)), GrowthSpec(), given=given)
    gain = growth.spec.substrate_preference_ev + 2 * 0.3 - 2 * 0.1
    assert gain == pytest.approx(20.0 * AREA_PER_LI_A2 / 1000)
    assert not any(flag.startswith("bonds_assumed") for flag in growth.flags)
    fast = substrate_growth(energies(barrier=known(0.05)), GrowthSpec(), most_hops=100, given={"attempt_hz": 1e12})
    assert fast.spec.attempt_hz * math.exp(-0.05 / KT_298_EV) == pytest.approx(100)  # slowed all the same


def test_the_bare_substrate_is_needed():
    with pytest.raises(AnalysisError, match="bare substrate"):
        substrate_growth(energies(by_layers={1: clusters(0, 0)}), GrowthSpec())
