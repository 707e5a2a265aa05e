"""Interpolation over lateral shifts, and when it is good enough to leave shifts out."""

from __future__ import annotations

import numpy as np
import pytest

from liface.analysis.registry_scan import coarse_shifts, left_out, may_be_lower, next_shifts, predicted

NO_SYMMETRY = tuple(range(36))


def energies(n, second=0.0, third=0.0):
    """A film over a square lattice, meV/Å²: waves of the lattice, and shorter ones."""
    x, y = np.meshgrid(np.arange(n) / n, np.arange(n) / n, indexing="ij")
    turn = 2 * np.pi

    def wave(k):
        return np.cos(turn * k * (x - 0.13)) + np.cos(turn * k * (y + 0.29))

    return 10 * wave(1) + second * wave(2) + third * wave(3)


def known_of(grid, places):
    return {k: float(grid.ravel()[k]) for k in places}


@pytest.mark.parametrize("m", [3, 4, 5])
def test_long_waves_are_met_between_the_points(m):
    fine = energies(2 * m)
    np.testing.assert_allclose(predicted(fine[::2, ::2]), fine, atol=1e-12)


def test_the_points_themselves_are_met_whatever_they_are():
    for m in (3, 4, 5):
        coarse = np.random.default_rng(m).normal(size=(m, m))
        np.testing.assert_allclose(predicted(coarse)[::2, ::2], coarse, atol=1e-12)


def test_every_second_shift_comes_first_where_that_leaves_a_wave():
    assert coarse_shifts(36) == (0, 2, 4, 12, 14, 16, 24, 26, 28)
    for n in (1, 2, 3, 4, 5, 7):
        assert coarse_shifts(n * n) == tuple(range(n * n))


@pytest.mark.parametrize(("second", "stops"), [(0.0, True), (0.2, True), (6.0, False)])
def test_a_scan_stops_where_waves_are_long_and_goes_on_where_they_are_short(second, stops):
    grid = energies(6, second)
    known = known_of(grid, coarse_shifts(36))
    looked = next_shifts(NO_SYMMETRY, known)
    known |= known_of(grid, looked)
    left = left_out(NO_SYMMETRY, known, 0.5)
    assert len(looked) == 5 and (left is not None) is stops
    if left is not None:
        assert set(left.shifts) == set(NO_SYMMETRY) - set(known) and len(left.shifts) == 22
        assert min(known.values()) == pytest.approx(grid.min(), abs=0.5)
        predictions = predicted(grid[::2, ::2]).ravel()
        assert left.error_mev_per_a2 == max(abs(predictions[k] - known[k]) for k in looked)


@pytest.mark.parametrize("decay", [1.2, 1.6, 2.2])
def test_no_minimum_is_lost_whatever_the_surface(decay):
    """Random waves that fall off with their length, more slowly than a film's do; the minimum is anywhere."""
    random, lost, computed = np.random.default_rng(5), 0, []
    waves, places = np.arange(-3, 4), np.exp(2j * np.pi / 6 * np.outer(np.arange(6), np.arange(-3, 4)))
    sizes = 100 * np.exp(-decay * np.hypot(*np.meshgrid(waves, waves)))
    for _ in range(300):
        parts = sizes * random.normal(size=sizes.shape) * np.exp(2j * np.pi * random.uniform(size=sizes.shape))
        fine = (places @ parts @ places.T).real
        known = known_of(fine, coarse_shifts(36))
        known |= known_of(fine, next_shifts(NO_SYMMETRY, known))
        known |= known_of(fine, may_be_lower(NO_SYMMETRY, known, 0.0))
        if may_be_lower(NO_SYMMETRY, known, 0.0):
            known = known_of(fine, range(36))
        lost += min(known.values()) > fine.min()
        computed.append(len(known))
    assert lost == 0
    assert np.mean(computed) < 36, "and something is saved"


def test_equal_shifts_are_neither_asked_for_nor_counted():
    grid = np.abs(np.fft.ifft2(np.ones((6, 6)))).real + energies(6).round(9)
    same_as = tuple(min(6 * i + j, 6 * j + i) for i in range(6) for j in range(6))
    grid = (grid + grid.T) / 2
    known = known_of(grid, {same_as[k] for k in coarse_shifts(36)})
    assert len(known) == 6
    looked = next_shifts(same_as, known)
    assert all(same_as[k] == k for k in looked)
    known |= known_of(grid, looked)
    left = left_out(same_as, known, 0.5)
    assert left is not None and len(left.shifts) + len(known) == 21


def test_a_failed_shift_is_never_guessed():
    known = known_of(energies(6), coarse_shifts(36)) | {14: float("nan")}
    assert next_shifts(NO_SYMMETRY, known) == tuple(k for k in range(36) if k not in coarse_shifts(36))
    known = known_of(energies(6), coarse_shifts(36))
    known |= known_of(energies(6), next_shifts(NO_SYMMETRY, known))
    assert left_out(NO_SYMMETRY, known, 0.5) is not None
    nothing_is_left_out = known | {1: float("nan")}
    assert left_out(NO_SYMMETRY, nothing_is_left_out, 0.5) is None
    assert len(may_be_lower(NO_SYMMETRY, nothing_is_left_out, 0.5)) == 36 - len(nothing_is_left_out)
