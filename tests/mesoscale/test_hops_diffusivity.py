"""Diffusivity of a lone adatom against a walk, and against detailed arithmetic."""

import math

import numpy as np
import pytest

from liface.errors import InputError
from liface.mesoscale.hops import adatom_diffusivity, hop_rate
from liface.units import BOLTZMANN_EV_PER_K


def test_formula_is_that_of_a_random_walk():
    """Mean square displacement of 20 000 walkers after 200 hops each on a square net, in hops and in time."""
    rng = np.random.default_rng(1)
    ways = np.array([(1, 0), (-1, 0), (0, 1), (0, -1)])
    ends = ways[rng.integers(0, 4, (20_000, 200))].sum(axis=1)
    rate, hop_a = hop_rate(0.1, 300.0), 2.5
    time_s = 200 / (4 * rate)
    walked = (ends**2).sum(axis=1).mean() * hop_a**2 / (4 * time_s) * 1e-16
    assert adatom_diffusivity(0.1, 300.0, hop_a, 4) == pytest.approx(walked, rel=0.03)


def test_rate_is_arrhenius():
    assert hop_rate(0.0, 300.0, 2e12) == 2e12
    kt = BOLTZMANN_EV_PER_K * 300
    assert hop_rate(kt * math.log(10), 300.0, 1e13) == pytest.approx(1e12)
    # One Å, one neighbour, one hop per second: a quarter of an Å² per second.
    assert adatom_diffusivity(0.0, 300.0, 1.0, 1, 1.0) == pytest.approx(0.25e-16)


@pytest.mark.parametrize("change", [{"temperature_k": 0}, {"hop_a": -1}, {"n_neighbours": 0}, {"attempt_hz": 0}])
def test_what_is_not_positive_is_refused(change):
    values = {"barrier_ev": 0.1, "temperature_k": 300, "hop_a": 2.5, "n_neighbours": 4, **change}
    with pytest.raises(InputError, match=next(iter(change))):
        adatom_diffusivity(**values)
