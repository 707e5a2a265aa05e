"""The spring model is the curvature it says it is."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.data import covalent_radii

from liface.engines.coordinates import Coordinates
from liface.engines.springs import ALKALI, ANCHOR, STRENGTH_EV_PER_A2, SpringModel, SpringModes


def model(atoms, free, mode="fixed"):
    return SpringModel(atoms.numbers, Coordinates(atoms.positions, atoms.cell.array, np.array(free), mode))


def test_two_atoms_by_hand():
    atoms = bulk("Cu", cubic=True) * (4, 4, 4)
    atoms = atoms[[0, 1]]
    distance = np.linalg.norm(atoms.positions[1] - atoms.positions[0])
    w = np.exp(-3 * (distance / (2 * covalent_radii[29]) - 1))
    k = STRENGTH_EV_PER_A2 * np.array([[w + ANCHOR, -w], [-w, w + ANCHOR]])
    gradient = np.arange(6.0)
    expected = np.linalg.inv(k) @ gradient.reshape(2, 3)
    assert np.allclose(model(atoms, [True, True])(gradient), expected.ravel())


@pytest.mark.parametrize(("number", "soft"), [(3, ALKALI), (11, ALKALI), (55, ALKALI), (12, 1.0), (79, 1.0)])
def test_bonds_of_alkali_metals_by_hand(number, soft):
    atoms = Atoms([29, number], positions=[(0, 0, 0), (2.6, 0, 0)], cell=[20, 20, 20], pbc=True)
    bond = covalent_radii[29] + covalent_radii[number]
    coordinates = Coordinates(atoms.positions, atoms.cell.array, np.array([True, True]))

    def stiffness(factor):
        w = np.sqrt(factor) * min(np.exp(-3 * (2.6 / bond - 1)), 2.0)
        return STRENGTH_EV_PER_A2 * np.array([[w + ANCHOR, -w], [-w, w + factor * ANCHOR]])

    of_relaxations = SpringModes(atoms.numbers, coordinates).curvatures
    assert np.allclose(of_relaxations, np.repeat(np.linalg.eigvalsh(stiffness(soft)), 3))
    gradient = np.arange(6.0)
    of_paths = np.linalg.inv(stiffness(1.0)) @ gradient.reshape(2, 3)
    assert np.allclose(model(atoms, [True, True])(gradient), of_paths.ravel())


def test_a_frozen_neighbour_is_a_wall():
    atoms = (bulk("Cu", cubic=True) * (4, 4, 4))[[0, 1]]
    both = model(atoms, [True, True])(np.tile([1.0, 0, 0], 2))
    alone = model(atoms, [True, False])(np.array([1.0, 0, 0]))
    assert 0 < alone[0] < both[0]


def test_atoms_moving_together_are_soft():
    atoms = bulk("Cu", cubic=True) * (2, 2, 2)
    n = len(atoms)
    m = model(atoms, [True] * n, "full")
    together = np.zeros(3 * n + 6)
    together[: 3 * n] = np.tile([1.0, 0, 0], n)
    assert np.allclose(m(together)[0], 1 / (STRENGTH_EV_PER_A2 * ANCHOR))
    one = np.zeros(3 * n + 6)
    one[0] = 1.0
    assert m(one)[0] < 0.2 * m(together)[0]


def test_positive_even_when_atoms_start_too_close():
    atoms = bulk("Cu", cubic=True) * (2, 2, 2)
    atoms.rattle(0.6, seed=1)
    m = model(atoms, [True] * len(atoms))
    for seed in range(5):
        g = np.random.default_rng(seed).normal(size=3 * len(atoms))
        assert g @ m(g) > 0


def test_nothing_free():
    atoms = bulk("Cu", cubic=True)
    assert model(atoms, [False] * 4)(np.zeros(0)).shape == (0,)
