from __future__ import annotations

import math

import pytest

from liface.errors import AnalysisError
from liface.mesoscale import GrowthSpec, bond_energy, rates_from_binding
from liface.mesoscale.binding import diffusion_barrier, with_hops_slowed
from liface.units import BOLTZMANN_EV_PER_K

BONDS = {"temperature_k": 300.0, "bond_substrate_ev": 0.1, "bond_li_ev": 0.05}


def test_ratio_is_the_boltzmann_factor():
    rates = rates_from_binding(-0.05, 0.03, **BONDS)
    assert rates.ratio == pytest.approx(math.exp(0.08 / (BOLTZMANN_EV_PER_K * 300)))
    assert rates.substrate_preference_ev == pytest.approx(0.08) and not rates.cut and len(rates.notes) == 1


def test_published_copper_and_telluride_are_on_opposite_sides_of_one():
    """One Li of wang2023 Table 2 (10.1002/adma.202206762): bare against one monolayer of Li."""
    copper = rates_from_binding(-0.570, 0.088, **BONDS)
    telluride = rates_from_binding(0.537, 0.077, **BONDS)
    assert (copper.ratio, telluride.ratio) == (pytest.approx(1e3), pytest.approx(1e-3))
    assert copper.cut and telluride.cut and copper.log_ratio > 25
    assert "cut to 1000" in copper.notes[1]


def test_rates_become_a_spec():
    spec = rates_from_binding(-0.05, 0.03, **BONDS).applied_to(GrowthSpec(arrival_li_hz=2.0))
    assert spec.arrival_li_hz == 2.0 and spec.ratio == pytest.approx(22.1, rel=0.01)
    assert (spec.bond_substrate_ev, spec.bond_li_ev, spec.temperature_k) == (0.1, 0.05, 300.0)


def test_bond_energy_of_published_clusters():
    """Li4 and Li5 on Li(110): clusters win; on Cu(111) dispersed atoms do, and bonds are negative."""
    assert bond_energy(0.121, 0.168, 4) == pytest.approx(0.047)
    assert bond_energy(0.111, 0.188, 5) == pytest.approx(0.077)
    assert bond_energy(-0.320, -0.531, 5) == pytest.approx(-0.211)
    assert bond_energy(0.121, 0.168, 4, n_bonds=6) == pytest.approx(4 * 0.047 / 6)


@pytest.mark.parametrize(("n_li", "bonds"), [(2, 1), (3, 2), (4, 4), (5, 5), (6, 7), (7, 8), (8, 10), (9, 12)])
def test_bonds_of_compact_islands(n_li, bonds):
    assert bond_energy(0.0, 1.0, n_li) == pytest.approx(n_li / bonds)


def test_slowing_keeps_ratios_of_hops():
    spec = GrowthSpec(diffusion_substrate_ev=0.1, diffusion_li_ev=0.14)
    slow = with_hops_slowed(spec, 1e4)
    assert slow.attempt_hz * math.exp(-0.1 / slow.kt_ev) == pytest.approx(1e4)
    assert slow.model_copy(update={"attempt_hz": spec.attempt_hz}) == spec
    assert with_hops_slowed(spec, 1e30) == spec


def test_barrier_from_depth():
    assert diffusion_barrier(-0.5, 1.6, 0.1) == pytest.approx(0.21)


def test_bad_numbers_say_what_to_do():
    nan = float("nan")
    for call in (
        lambda: rates_from_binding(nan, 0.0, **BONDS),
        lambda: rates_from_binding(0.0, 0.0, **(BONDS | {"temperature_k": -1.0})),
        lambda: rates_from_binding(0.0, 0.0, **BONDS, largest_ratio=0.5),
        lambda: bond_energy(nan, 0.0, 4),
        lambda: bond_energy(0.0, 0.0, 1),
        lambda: bond_energy(0.0, 0.0, 4, n_bonds=0),
        lambda: diffusion_barrier(2.0, 1.6, 0.1),
        lambda: diffusion_barrier(0.0, 1.6, 1.5),
        lambda: with_hops_slowed(GrowthSpec(), 0.0),
        lambda: with_hops_slowed(GrowthSpec(arrival_li_hz=0.0, arrival_substrate_hz=0.0), 1.0),
        lambda: rates_from_binding(0.0, 0.0, **(BONDS | {"bond_li_ev": -1.0})).applied_to(GrowthSpec()),
    ):
        with pytest.raises(AnalysisError, match=r"give|check|needed|raise the barrier"):
            call()
