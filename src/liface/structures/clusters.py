"""Small Li clusters: isomers and the ways to set them down.

A relaxed cluster remembers its start (a tetrahedron on Cu(111) may survive or flatten), so each size comes
with compact, flat and random starts. Neighbours are one bond length apart.

References
----------
Isomers of small Li clusters: Hu et al., Chem. Phys. Lett. 644 (2016), DOI 10.1016/j.cplett.2015.11.049.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from math import pi, sin, sqrt
from random import Random
from typing import Literal

import numpy as np

from liface.errors import StructureError

Dimension = Literal["1d", "2d", "3d"]

SMALLEST, LARGEST = 2, 8

BOND_A = 3.0
"""Å; between the dimer (2.7 Å) and the bcc metal (2.97–3.04 Å)."""

_CLOSEST = 0.85
"""No two atoms of a start are closer than this times the bond length."""


@dataclass(frozen=True, eq=False)
class Cluster:
    """A free cluster.

    Attributes
    ----------
    name
        Name of the shape, e.g. ``square-pyramid``.
    positions
        Cartesian, Å, shape (n, 3), centred on the origin.
    dimension
        ``1d`` for a line, ``2d`` for a planar, ``3d`` for a compact cluster.
    """

    name: str
    positions: np.ndarray
    dimension: Dimension

    @property
    def n(self) -> int:
        """Number of atoms."""
        return len(self.positions)

    def moved(self, positions: np.ndarray) -> Cluster:
        """Return the same cluster at other positions (Å, shape (n, 3))."""
        return Cluster(self.name, np.asarray(positions, dtype=float), self.dimension)


def isomers(n: int, *, bond_a: float = BOND_A) -> tuple[Cluster, ...]:
    """Return starting shapes of a cluster: compact ones first, then planar, then a random compact one.

    Parameters
    ----------
    n
        Number of atoms, 2 to 8.
    bond_a
        Nearest-neighbour distance, Å.

    Raises
    ------
    StructureError
        For another number of atoms.
    """
    if not SMALLEST <= n <= LARGEST:
        raise StructureError(
            f"clusters have {SMALLEST} to {LARGEST} atoms, not {n}; a single atom is an adatom on a site"
        )
    if not bond_a > 0:
        raise StructureError(f"bond length {bond_a} Å; give a positive one, Li–Li is about {BOND_A} Å")
    shapes = {name: build() for name, build in _SHAPES[n].items()}
    if n >= 4:
        shapes["random"] = _random_compact(n)
    return tuple(_cluster(name, points * bond_a) for name, points in shapes.items())


def isomer(n: int, name: str, *, bond_a: float = BOND_A) -> Cluster:
    """Return one starting shape by its name.

    Raises
    ------
    StructureError
        If there is none; the message lists the names.
    """
    found = isomers(n, bond_a=bond_a)
    for cluster in found:
        if cluster.name == name:
            return cluster
    raise StructureError(f"no isomer {name!r} of {n} atoms; there are {', '.join(c.name for c in found)}")


def dimension_of(positions: np.ndarray) -> Dimension:
    """Return whether points (Å, shape (n, 3)) lie on a line, in a plane or in space."""
    centred = positions - positions.mean(axis=0)
    spans = np.linalg.svd(centred, compute_uv=False)
    rank = int((spans > 0.05 * spans[0]).sum())
    return ("1d", "2d", "3d")[rank - 1]


def _cluster(name: str, positions: np.ndarray) -> Cluster:
    centred = positions - positions.mean(axis=0)
    centred.setflags(write=False)
    return Cluster(name, centred, dimension_of(centred))


def _line(n: int) -> np.ndarray:
    return np.array([[float(i), 0.0, 0.0] for i in range(n)])


def _raft(*steps: tuple[int, int]) -> np.ndarray:
    """Return points of the triangular lattice, in steps along its two axes."""
    return np.array([[i + j / 2, j * sqrt(3) / 2, 0.0] for i, j in steps])


def _ring(k: int, turn: float = 0.0, height: float = 0.0) -> np.ndarray:
    """Return a regular polygon of unit edge."""
    reach = 1 / (2 * sin(pi / k))
    angles = 2 * pi * np.arange(k) / k + turn
    return np.column_stack([reach * np.cos(angles), reach * np.sin(angles), np.full(k, height)])


def _pyramid(k: int, *, apexes: int = 1) -> np.ndarray:
    """Return a ring of k atoms with one apex, or two on opposite sides."""
    height = sqrt(1 - 1 / (4 * sin(pi / k) ** 2))
    return np.vstack([_ring(k), [[0.0, 0.0, height], [0.0, 0.0, -height]][:apexes]])


def _capped(points: np.ndarray, *faces: tuple[int, int, int]) -> np.ndarray:
    """Add one atom over each triangular face of unit edge, on its outer side."""
    middle = points.mean(axis=0)
    caps = []
    for face in faces:
        corners = points[list(face)]
        normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
        normal /= np.linalg.norm(normal)
        outward = np.sign(normal @ (corners.mean(axis=0) - middle))
        caps.append(corners.mean(axis=0) + outward * normal * sqrt(2 / 3))
    return np.vstack([points, caps])


def _tetrahedron() -> np.ndarray:
    return _pyramid(3)


def _antiprism() -> np.ndarray:
    height = sqrt(1 - (2 * sin(pi / 8) / sqrt(2)) ** 2)
    return np.vstack([_ring(4), _ring(4, turn=pi / 4, height=height)])


_HEXAGON = ((0, 0), (1, 0), (0, 1), (-1, 1), (-1, 0), (0, -1), (1, -1))

_SHAPES: dict[int, dict[str, Callable[[], np.ndarray]]] = {
    2: {"dimer": lambda: _line(2)},
    3: {"triangle": lambda: _ring(3), "line": lambda: _line(3)},
    4: {
        "tetrahedron": _tetrahedron,
        "rhombus": lambda: _raft((0, 0), (1, 0), (0, 1), (1, 1)),
        "square": lambda: _ring(4),
    },
    5: {
        "trigonal-bipyramid": lambda: _pyramid(3, apexes=2),
        "square-pyramid": lambda: _pyramid(4),
        "trapezoid": lambda: _raft((0, 0), (1, 0), (2, 0), (0, 1), (1, 1)),
    },
    6: {
        "octahedron": lambda: _pyramid(4, apexes=2),
        "pentagonal-pyramid": lambda: _pyramid(5),
        "bicapped-tetrahedron": lambda: _capped(_tetrahedron(), (0, 1, 3), (1, 2, 3)),
        "triangle-raft": lambda: _raft((0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (0, 2)),
        "parallelogram-raft": lambda: _raft((0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)),
    },
    7: {
        "pentagonal-bipyramid": lambda: _pyramid(5, apexes=2),
        "capped-octahedron": lambda: _capped(_pyramid(4, apexes=2), (0, 1, 4)),
        "hexagon-raft": lambda: _raft(*_HEXAGON),
    },
    8: {
        "stella": lambda: _capped(_tetrahedron(), (0, 1, 2), (0, 1, 3), (1, 2, 3), (0, 2, 3)),
        "capped-pentagonal-bipyramid": lambda: _capped(_pyramid(5, apexes=2), (0, 1, 5)),
        "bicapped-octahedron": lambda: _capped(_pyramid(4, apexes=2), (0, 1, 4), (2, 3, 5)),
        "square-antiprism": _antiprism,
        "hexagon-raft": lambda: _raft(*_HEXAGON, (1, 1)),
    },
}


def _random_compact(n: int) -> np.ndarray:
    """Grow a cluster of unit bonds atom by atom, each time the most central of a few random places.

    :class:`random.Random` gives the same stream on every platform and Python version.
    """
    rng = Random(f"liface random cluster {n}")
    points = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    while len(points) < n or dimension_of(points) != "3d":
        if len(points) == n:
            points = points[:-1]
        places: list[np.ndarray] = []
        while len(places) < 4:
            step = np.array([rng.gauss(0, 1) for _ in range(3)])
            place = points[rng.randrange(len(points))] + step / np.linalg.norm(step)
            if np.linalg.norm(points - place, axis=1).min() > 1 - 1e-9:
                places.append(place)
        middle = points.mean(axis=0)
        points = np.vstack([points, min(places, key=lambda p: float(np.linalg.norm(p - middle)))])
    return points


def closest_pair(positions: np.ndarray) -> float:
    """Return the shortest distance between two atoms of a cluster, Å."""
    return min(float(np.linalg.norm(a - b)) for a, b in combinations(positions, 2))
