"""Lateral shifts between film and substrate that are worth trying."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from liface.errors import InputError
from liface.structures.content import read_only
from liface.structures.integers import IntMatrix2, gauss_reduce, row_hermite
from liface.structures.matching import Match


def registry_shifts(match: Match | None = None, n: int = 3) -> tuple[tuple[float, float], ...]:
    """Return n x n lateral shifts as fractions of the interface cell; the first is (0, 0).

    With a match, the shifts fill the smallest cell after which the registry repeats: a shift by a lattice vector
    of either crystal gives the same interface, so a grid over the whole supercell would repeat itself (thirds
    of a 3 x 3 film are no shift at all). Without one, they fill the interface cell.
    """
    if n < 1:
        raise InputError(f"a registry grid needs n >= 1, not {n}")
    basis = np.eye(2) if match is None else _registry_cell(match)
    grid = [(i / n, j / n) for i in range(n) for j in range(n)]
    fractions = np.round(np.array(grid) @ basis, 12) % 1.0
    return tuple((float(x), float(y)) for x, y in fractions)


def registry_cell_edge(match: Match) -> float:
    """Return the edge (Å) of a square as large as the smallest cell after which the registry repeats.

    Small (below an ångström) for nearly incommensurate interfaces, where a shift hardly matters; as large as a
    surface cell where film and substrate share a lattice, and only the right shift finds the hollows.
    """
    share = abs(float(np.linalg.det(_registry_cell(match))))
    return float(np.sqrt(share * match.area_a2))


def _registry_cell(match: Match) -> np.ndarray:
    """Smallest cell of relative shifts, rows as fractions of the interface cell."""
    return _common_cell(match.substrate_supercell, match.film_supercell)


@lru_cache(maxsize=64)
def _common_cell(substrate: IntMatrix2, film: IntMatrix2) -> np.ndarray:
    common = abs(round(float(np.linalg.det(substrate)))) * abs(round(float(np.linalg.det(film))))
    rows = np.vstack([np.linalg.inv(np.array(substrate)), np.linalg.inv(np.array(film))])
    basis = row_hermite(np.rint(rows * common).astype(int)) / common
    return read_only(gauss_reduce(basis @ basis.T) @ basis)
