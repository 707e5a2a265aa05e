"""Where migration sets in, on nets whose answer can be told by eye; and the prefactor of a known well."""

from itertools import product

import numpy as np
import pytest

from liface.analysis.attempt import attempt_frequency
from liface.analysis.hop_network import Channel, migration
from liface.errors import AnalysisError


def test_square_net_is_open_in_the_plane_at_once():
    steps = ((0, 0, 1, 0), (0, 0, 0, 1))
    line, plane = migration(1, [Channel(0.2, steps)], [0])
    assert line.level_ev == plane.level_ev == 0.2
    assert abs(np.linalg.det([line.direction, plane.direction])) == 1


def test_rows_are_open_along_themselves_before_they_are_across():
    channels = [Channel(0.5, ((0, 0, 0, 1),)), Channel(0.1, ((0, 0, 1, 0),))]
    line, plane = migration(1, channels, [0])
    assert (line.level_ev, line.channel, line.direction) == (0.1, 1, (1, 0))
    assert (plane.level_ev, plane.channel) == (0.5, 0) and plane.direction[1] != 0


def test_pairs_of_minima_need_the_hop_that_leads_out_of_the_pair():
    inside, out = Channel(0.05, ((0, 1, 0, 0),)), Channel(0.30, ((1, 0, 1, 0),))
    line, plane = migration(2, [inside, out], [0])
    assert line.level_ev == 0.30 and line.direction == (1, 0) and plane is None
    assert migration(2, [inside], [0]) == (None, None)


def test_a_net_that_the_lowest_minimum_has_no_part_in_does_not_count():
    elsewhere = Channel(0.1, ((1, 1, 1, 0), (1, 1, 0, 1)))
    entry = Channel(0.4, ((0, 1, 0, 0),))
    assert migration(2, [elsewhere], [0]) == (None, None)
    line, plane = migration(2, [elsewhere, entry], [0])
    assert line.level_ev == plane.level_ev == 0.4


def test_two_ways_round_with_no_net_displacement_are_no_migration():
    ring = Channel(0.1, ((0, 1, 0, 0), (1, 2, 1, 0), (2, 0, -1, 0)))
    assert migration(3, [ring], [0]) == (None, None)


@pytest.mark.parametrize("seed", range(5))
def test_level_is_that_of_a_search_over_large_supercells(seed):
    """Against brute force: the lowest level at which a node of a 5 x 5 patch of cells reaches an image four away."""
    rng = np.random.default_rng(seed)
    channels = [
        Channel(float(rng.integers(1, 99)) / 100, tuple(
            (int(rng.integers(3)), int(rng.integers(3)), int(rng.integers(-1, 2)), int(rng.integers(-1, 2)))
            for _ in range(2)
        ))
        for _ in range(9)
    ]  # fmt: skip
    line, _ = migration(3, channels, [0])

    def reaches(level):
        size = 13
        seen, todo = {(0, 0, 0)}, [(0, 0, 0)]
        while todo:
            node, i, j = todo.pop()
            for channel in channels:
                for a, b, di, dj in channel.steps if channel.level_ev <= level else ():
                    for x, y, p, q in ((a, b, di, dj), (b, a, -di, -dj)):
                        new = (y, i + p, j + q)
                        if x == node and new not in seen and max(abs(new[1]), abs(new[2])) <= size:
                            seen.add(new)
                            todo.append(new)
        return any((0, i, j) in seen for i, j in product(range(-4, 5), repeat=2) if (i, j) != (0, 0))

    levels = sorted({channel.level_ev for channel in channels})
    assert line.level_ev == next(level for level in levels if reaches(level))


def test_prefactor_of_equal_wells_is_the_frequency_of_the_well():
    """1 eV/Å² and 1 u: omega = sqrt(9.64853e27) = 9.8227e13 per second."""
    assert attempt_frequency((1.0, 2.0, 3.0), (2.0, 3.0), 1.0) == pytest.approx(9.8227e13 / (2 * np.pi), rel=1e-4)
    assert attempt_frequency((4.0, 2.0, 3.0), (2.0, 3.0), 4.0) == pytest.approx(9.8227e13 / (2 * np.pi), rel=1e-4)


@pytest.mark.parametrize(("minimum", "across"), [((1, 1, -1), (1, 1)), ((1, 1, 1), (1, -1)), ((1, 1, 1), ())])
def test_prefactor_of_no_minimum_or_no_simple_saddle_is_refused(minimum, across):
    with pytest.raises(AnalysisError, match="all of them positive"):
        attempt_frequency(minimum, across, 7.0)
