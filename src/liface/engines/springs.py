"""A guess of the curvature before anything is known: atoms on springs to their neighbours.

The springs weaken with distance and act alike in all directions, so one small matrix serves x, y and z. A quasi-Newton
search that starts from it moves a whole Li film or cluster along at once instead of atom by atom; on the benchmark it
saves a fifth of the force calls against a uniform stiffness. In relaxations, bonds of alkali metals are softer than
others of the same relative length; on minimum-energy paths, which that does not shorten, they are not.

Reference: Packwood et al., J. Chem. Phys. 144, 164109 (2016), DOI 10.1063/1.4947024.
"""

from __future__ import annotations

import numpy as np

from liface.engines.coordinates import Coordinates

DECAY = 3.0
"""A spring at twice the bond length is weaker by a factor of e³."""
STRENGTH_EV_PER_A2 = 4.0
"""Spring constant at the bond length."""
ANCHOR = 0.3
"""Spring of every atom to its place, in units of the strength: keeps the matrix positive where nothing is near."""
STIFFEST = 2.0
"""Limit on a single spring, in units of the strength, for atoms that start too close."""
ALKALI_METALS = (3, 11, 19, 37, 55, 87)
ALKALI = 0.4
"""Spring between two alkali atoms, of other atoms 1; of two kinds, the geometric mean. Their metals yield over ten
times as far under pressure as copper (bulk moduli: Kittel, Introduction to Solid State Physics, 8th ed., chapter 3,
table 3); the value was chosen on the systems of ``benchmarks/optimizer_calls.py`` as they are built."""
REACH_A = 6.0
CELL_STIFFNESS_EV_PER_A2 = 20.0


class SpringModel:
    """Inverse of the curvature of the spring model, Å²/eV.

    Parameters
    ----------
    numbers
        Atomic numbers; the bond length of a pair is the sum of its covalent radii.
    coordinates
        What moves.
    """

    def __init__(self, numbers: np.ndarray, coordinates: Coordinates):
        from scipy.linalg import cho_factor

        matrix = _stiffness(numbers, coordinates)
        self.n_moving = coordinates.n_moving
        self.factor = cho_factor(matrix) if len(matrix) else None

    def __call__(self, gradient: np.ndarray) -> np.ndarray:
        """Return the inverse curvature times a gradient."""
        from scipy.linalg import cho_solve

        out = gradient / CELL_STIFFNESS_EV_PER_A2
        if self.factor is not None:
            out[: self.n_moving] = cho_solve(self.factor, gradient[: self.n_moving].reshape(-1, 3)).ravel()
        return out


class SpringModes:
    """The modes of the spring model: vectors in them, and the curvature of each, eV/Å².

    Parameters
    ----------
    numbers
        Atomic numbers.
    coordinates
        What moves.
    """

    def __init__(self, numbers: np.ndarray, coordinates: Coordinates):
        matrix = _stiffness(numbers, coordinates, ALKALI)
        self.n_moving = coordinates.n_moving
        stiffness, self.rotation = np.linalg.eigh(matrix)
        cell = np.full(coordinates.n - self.n_moving, CELL_STIFFNESS_EV_PER_A2)
        self.curvatures = np.concatenate([np.repeat(stiffness, 3), cell])

    def modes(self, vector: np.ndarray) -> np.ndarray:
        """Return a vector of the coordinates in modes."""
        return self._rotated(self.rotation.T, vector)

    def vector(self, modes: np.ndarray) -> np.ndarray:
        """Return what :meth:`modes` was made of."""
        return self._rotated(self.rotation, modes)

    def _rotated(self, rotation: np.ndarray, vector: np.ndarray) -> np.ndarray:
        out = vector.copy()
        out[: self.n_moving] = (rotation @ vector[: self.n_moving].reshape(-1, 3)).ravel()
        return out


def _stiffness(numbers: np.ndarray, coordinates: Coordinates, alkali: float = 1.0) -> np.ndarray:
    """Return the curvature of the springs of the atoms that move, eV/Å²."""
    free = coordinates.free
    return STRENGTH_EV_PER_A2 * _springs(numbers, coordinates, alkali)[np.ix_(free, free)]


def _springs(numbers: np.ndarray, coordinates: Coordinates, alkali: float) -> np.ndarray:
    """Return the graph Laplacian of the springs, shape (natoms, natoms), in units of the strength."""
    from ase.data import covalent_radii
    from ase.neighborlist import primitive_neighbor_list

    i, j, distance = primitive_neighbor_list("ijd", (True, True, True), coordinates.cell, coordinates.start, REACH_A)
    others = i != j  # an atom and its own image move together
    i, j, distance = i[others], j[others], distance[others]
    bond = covalent_radii[numbers[i]] + covalent_radii[numbers[j]]
    soft = np.where(np.isin(numbers, ALKALI_METALS), alkali, 1.0)
    weight = np.minimum(np.exp(-DECAY * (distance / bond - 1)), STIFFEST) * np.sqrt(soft[i] * soft[j])
    n = len(numbers)
    laplacian = np.diag(np.bincount(i, weight, n) + ANCHOR * soft)
    np.add.at(laplacian, (i, j), -weight)
    return laplacian
