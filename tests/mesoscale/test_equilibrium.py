"""Hops are in detailed balance with the stated energy, in the tables and in what the compiled loop does."""

from __future__ import annotations

import math

import numpy as np
import pytest
from exact import boltzmann, hop_rates, states

from liface.mesoscale import Growth, GrowthSpec
from liface.mesoscale.rates import configuration_energy, rate_table

CLOSED = GrowthSpec(
    size=2, temperature_k=600.0, arrival_substrate_hz=0.0, arrival_li_hz=0.0, attempt_hz=100.0,
    diffusion_substrate_ev=0.12, diffusion_li_ev=0.07, bond_substrate_ev=0.03, bond_li_ev=-0.01,
    substrate_preference_ev=0.04, step_edge_ev=0.03,
)  # fmt: skip


@pytest.mark.parametrize("preference", [0.04, -0.09, 0.0])
@pytest.mark.parametrize("atoms", [2, 5])
def test_hops_balance_exactly(preference, atoms):
    spec = CLOSED.model_copy(update={"substrate_preference_ev": preference})
    occupation = boltzmann(spec, atoms)
    flows = [
        (occupation[a] * rate, occupation[b] * hop_rates(spec, b)[a])
        for a in occupation
        for b, rate in hop_rates(spec, a).items()
        if a != b
    ]
    assert len(flows) > 10
    np.testing.assert_allclose(*zip(*flows, strict=True), rtol=1e-10)


def test_total_rates_of_the_classes_are_those_of_the_hamiltonian():
    """On 3 x 3 random heights reach most classes; the total rate of all hops must be the sum written out."""
    spec = CLOSED.model_copy(update={"size": 3})
    random = np.random.default_rng(1)
    seen = set()
    for _ in range(300):
        heights = random.integers(0, 5, (3, 3))
        run = Growth(spec, 0, heights)
        seen |= set(np.flatnonzero(run._counts))
        expected = sum(hop_rates(spec, tuple(heights.ravel().tolist())).values())
        assert run._counts @ rate_table(spec).total == pytest.approx(expected, rel=1e-12)
    assert len(seen) > 35


@pytest.mark.parametrize("atoms", [2, 4])
def test_closed_lattice_reaches_the_boltzmann_distribution(atoms):
    """Looks at equal time intervals, as the clock decides; 5 standard errors of independent looks."""
    exact = boltzmann(CLOSED, atoms)
    run = Growth(CLOSED, 3, np.array([[atoms, 0], [0, 0]]))
    looks, between = 20_000, 1.5
    found = dict.fromkeys(exact, 0)
    for i in range(1, looks + 1):
        run.advance(until_s=i * between)
        found[tuple(run.heights.ravel().tolist())] += 1
    assert run.hops > 20 * looks  # looks are independent
    for state, p in exact.items():
        assert found[state] / looks == pytest.approx(p, abs=5 * math.sqrt(p * (1 - p) / looks))
    assert run.atoms == atoms


def test_open_lattice_has_one_chemical_potential_whatever_the_ratio():
    """Arrival and desorption alone, ratio 5: weights exp(-H/kT) z^N with z = k_Li-Li / k_desorption."""
    spec = CLOSED.model_copy(
        update={"arrival_substrate_hz": 5.0, "arrival_li_hz": 1.0, "attempt_hz": 100.0, "desorption_li_ev": 0.16}
    )
    z = 1.0 / (100.0 * math.exp(-0.16 / spec.kt_ev))
    weights = {}
    for atoms in range(9):
        for h in states(4, atoms):
            energy = configuration_energy(spec, np.reshape(h, (2, 2)))
            weights[h] = math.exp(-energy / spec.kt_ev) * z**atoms
    total = sum(weights.values())
    mean = sum(sum(h) * w for h, w in weights.items()) / total
    run, seen = Growth(spec, 5), []
    for i in range(1, 20_001):
        run.advance(until_s=2.0 * i)
        seen.append(run.atoms)
    spread = math.sqrt(sum(sum(h) ** 2 * w for h, w in weights.items()) / total - mean**2)
    assert np.mean(seen) == pytest.approx(mean, abs=5 * spread / math.sqrt(20_000))
    assert run.desorptions > 20_000 and run.atoms == run.arrivals - run.desorptions
