"""Harmonic sums against their limits, and frequencies against springs that can be solved by hand."""

import math

import numpy as np
import pytest

from liface.analysis.vibrations import (
    THZ_PER_ROOT_EV_PER_A2_PER_U,
    hessian_frequencies,
    partial_hessian,
    repeated_hessian,
    thermal,
    zero_point_energy,
)
from liface.errors import AnalysisError
from liface.units import BOLTZMANN_EV_PER_K, PLANCK_EV_PER_THZ

FREQUENCIES = np.array([1.3, 4.0, 8.8])


def test_the_units_are_those_of_spectroscopy():
    # 1 THz is 33.35641 1/cm (exact by c) and 4.135667696 meV (CODATA)
    assert pytest.approx(4.135667696e-3) == PLANCK_EV_PER_THZ
    assert pytest.approx(15.633302, rel=1e-6) == THZ_PER_ROOT_EV_PER_A2_PER_U


def test_zero_point_energy_is_half_the_sum_of_quanta():
    half = 0.5 * PLANCK_EV_PER_THZ * FREQUENCIES.sum()
    assert zero_point_energy(FREQUENCIES) == pytest.approx(half)
    assert thermal(FREQUENCIES, 0.0).free_energy_ev == pytest.approx(half)
    assert thermal(FREQUENCIES, 0.5).free_energy_ev == pytest.approx(half)


def test_heat_capacity_is_classical_when_hot_and_nothing_when_cold():
    assert thermal(FREQUENCIES, 2e4).heat_capacity_ev_per_k == pytest.approx(3 * BOLTZMANN_EV_PER_K, rel=1e-4)
    assert thermal(FREQUENCIES, 1.0).heat_capacity_ev_per_k < 1e-20


@pytest.mark.parametrize("temperature", [5.0, 298.15, 2000.0])
def test_thermodynamic_relations_hold(temperature):
    now = thermal(FREQUENCIES, temperature)
    assert now.free_energy_ev == pytest.approx(now.energy_ev - temperature * now.entropy_ev_per_k)
    step = 1e-3 * temperature
    above, below = (thermal(FREQUENCIES, temperature + s) for s in (step, -step))
    entropy = -(above.free_energy_ev - below.free_energy_ev) / (2 * step)
    capacity = (above.energy_ev - below.energy_ev) / (2 * step)
    assert now.entropy_ev_per_k == pytest.approx(entropy, rel=1e-4, abs=1e-12)
    assert now.heat_capacity_ev_per_k == pytest.approx(capacity, rel=1e-3, abs=1e-12)


def test_weights_count_modes():
    once = thermal(np.array([2.0, 3.0, 3.0]), 300.0)
    assert thermal(np.array([2.0, 3.0]), 300.0, np.array([1.0, 2.0])).free_energy_ev == pytest.approx(
        once.free_energy_ev
    )


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan])
def test_imaginary_modes_are_no_summands(bad):
    with pytest.raises(AnalysisError, match="imaginary"):
        thermal(np.array([1.0, bad]), 300.0)


def test_a_negative_temperature_is_refused():
    with pytest.raises(AnalysisError, match="-1"):
        thermal(FREQUENCIES, -1.0)


def test_two_masses_on_a_spring():
    """k on the bond of masses m and M: sqrt(k (1/m + 1/M)) / 2π once, and five free motions."""
    stiffness, masses = 3.0, np.array([7.0, 64.0])
    along = np.zeros((6, 6))
    along[np.ix_([0, 3], [0, 3])] = [[stiffness, -stiffness], [-stiffness, stiffness]]
    frequencies = hessian_frequencies(along, masses)
    expected = THZ_PER_ROOT_EV_PER_A2_PER_U * math.sqrt(stiffness * (1 / 7 + 1 / 64))
    assert frequencies[-1] == pytest.approx(expected)
    assert np.abs(frequencies[:5]).max() < 1e-6


def test_a_saddle_has_a_negative_frequency():
    frequencies = hessian_frequencies(np.diag([1.0, 2.0, -0.5]), np.array([7.0]))
    expected = -THZ_PER_ROOT_EV_PER_A2_PER_U * math.sqrt(0.5 / 7)
    assert frequencies[0] == pytest.approx(expected)


def test_central_differences_cancel_what_is_even_in_the_displacement():
    hessian = np.array([[2.0, 0.3, 0.0], [0.3, 1.0, 0.1], [0.0, 0.1, 4.0]])

    def forces(sign):
        moved = sign * 0.02 * np.eye(3)
        return (0.01 - moved @ hessian + 5.0 * moved**2).reshape(3, 1, 3)

    assert np.allclose(partial_hessian(forces(1), forces(-1), 0.02), hessian)


def test_a_chain_repeated_from_one_atom_has_the_dispersion_of_its_springs():
    """Springs k between neighbours, k0 to the ground: m w² = k0 + 2 k (1 - cos q) at every q that fits the ring."""
    stiffness, ground, mass, n = 2.0, 0.3, 7.0, 6
    row = np.zeros(n)
    row[0], row[1], row[-1] = ground + 2 * stiffness, -stiffness, -stiffness
    across = np.zeros((3, n, 3))
    for axis in range(3):
        across[axis, :, axis] = row
    for multiples in ((n, 1), (1, n)):
        found = hessian_frequencies(repeated_hessian(across, multiples), np.full(n, mass))
        q = 2 * np.pi * np.arange(n) / n
        squares = (ground + 2 * stiffness * (1 - np.cos(q))) / mass
        expected = THZ_PER_ROOT_EV_PER_A2_PER_U * np.sort(np.repeat(np.sqrt(squares), 3))
        assert np.allclose(found, expected)


def test_copies_that_do_not_fit_are_refused():
    with pytest.raises(AnalysisError, match="rows of 6 copies for 2 x 2"):
        repeated_hessian(np.zeros((3, 6, 3)), (2, 2))
