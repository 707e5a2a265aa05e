from __future__ import annotations

import numpy as np
import pytest

from liface.errors import AnalysisError
from liface.mesoscale import morphology
from liface.mesoscale.morphology import label_islands


def test_numbers_of_a_small_deposit():
    heights = np.array([[3, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    shape = morphology(heights)
    assert (shape.atoms, shape.tip_height, shape.n_nuclei, shape.n_lone_atoms) == (5, 3, 1, 1)
    assert shape.island_sizes == (2,) and shape.mean_island_size == 2.0
    assert shape.coverage == pytest.approx(3 / 16) and shape.mean_height == pytest.approx(5 / 16)
    assert shape.roughness == pytest.approx(np.sqrt(11 / 16 - (5 / 16) ** 2))
    assert shape.layer_occupation == pytest.approx((3 / 16, 1 / 16, 1 / 16))


def test_bare_substrate():
    shape = morphology(np.zeros((3, 3), int))
    assert (shape.atoms, shape.tip_height, shape.n_nuclei, shape.coverage) == (0, 0, 0, 0.0)
    assert shape.island_sizes == () and shape.mean_island_size == 0.0 and shape.layer_occupation == ()


def test_one_tall_column_is_a_nucleus():
    assert morphology(np.array([[2, 0], [0, 0]])).n_nuclei == 1


def test_islands_join_over_the_edges():
    covered = np.zeros((6, 6), bool)
    covered[0, 2] = covered[5, 2] = covered[3, 0] = covered[3, 5] = covered[0, 0] = covered[5, 5] = True
    labels, n = label_islands(covered)
    assert n == 4  # corners meet only diagonally
    assert labels[0, 2] == labels[5, 2] and labels[3, 0] == labels[3, 5] and labels[0, 0] != labels[5, 5]


def flood(covered):
    """Count areas the slow way."""
    left, n = {tuple(c) for c in np.argwhere(covered)}, 0
    rows, columns = covered.shape
    while left:
        todo, n = [left.pop()], n + 1
        while todo:
            x, y = todo.pop()
            for other in ((x + 1) % rows, y), ((x - 1) % rows, y), (x, (y + 1) % columns), (x, (y - 1) % columns):
                if other in left:
                    left.remove(other)
                    todo.append(other)
    return n


@pytest.mark.parametrize("density", [0.1, 0.4, 0.6, 0.95, 1.0])
def test_areas_are_those_of_a_flood(density):
    for seed in range(5):
        covered = np.random.default_rng(seed).random((17, 12)) < density
        labels, n = label_islands(covered)
        assert n == flood(covered) and set(np.unique(labels[covered])) == set(range(1, n + 1))
        assert not labels[~covered].any()


@pytest.mark.parametrize("heights", [np.zeros(4, int), np.array([[-1]]), np.array([[0.5]]), np.zeros((0, 3), int)])
def test_what_is_no_deposit_is_refused(heights):
    with pytest.raises(AnalysisError, match="two-dimensional"):
        morphology(heights)
