"""Lateral shifts between film and substrate that are worth trying."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from liface.errors import InputError
from liface.structures.content import read_only
from liface.structures.integers import IntMatrix2, gauss_reduce, row_hermite
from liface.structures.matching import Match
from liface.structures.surface_symmetry import upright_operations
from liface.structures.touching import Surface

if TYPE_CHECKING:
    from liface.structures.coherent import Body, Parts

SAME_SHIFT_A = 0.02
"""How far atoms may lie from their symmetric places, and equal shifts from each other, Å."""


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
    (a, b), (c, d) = _registry_cell(match).tolist()
    share = abs(a * d - b * c)
    return float(np.sqrt(share * match.area_a2))


def equal_shifts(parts: Parts, shifts: Sequence[tuple[float, float]]) -> tuple[int, ...]:
    """Return for every shift the index of the first that gives the same interface, turned or mirrored.

    A rotation or mirror that both slabs have maps one shift on another: with {R, t} of the substrate and {R, u} of the
    film, the film at the place a becomes the film at R a + t - u. Stacks of equal shifts have equal energies, in vacuum
    and, as whole slabs are looked at, as sandwiches.

    Parameters
    ----------
    parts
        Substrate and strained film in their common cell.
    shifts
        As in ``InterfaceCell.shift``.
    """
    anchor = (parts.substrate.top_anchor - parts.film.bottom_anchor) @ np.linalg.inv(parts.cell)
    rotations, moves = _common_operations(parts)
    first: list[int] = []
    for i, shift in enumerate(shifts):
        known = sorted(set(first))
        images = rotations @ (anchor + shift) + moves - anchor
        apart = images[:, None] - np.array([shifts[k] for k in known]).reshape(1, -1, 2)
        near = (np.linalg.norm((apart - np.rint(apart)) @ parts.cell, axis=-1) < SAME_SHIFT_A).any(axis=0)
        first.append(known[int(near.argmax())] if near.any() else i)
    return tuple(first)


def _common_operations(parts: Parts) -> tuple[np.ndarray, np.ndarray]:
    """Return the rotations of both slabs, and how far each moves the film, both in fractions of the cell."""
    below = _operations(parts.substrate, parts.cell)
    above = _operations(parts.film, parts.cell)
    found = {
        (rotation, tuple(np.round((t - u) % 1.0, 6) % 1.0))
        for rotation in below.keys() & above.keys()
        for t in below[rotation]
        for u in above[rotation]
    }
    listed = sorted(found)
    return np.array([r for r, _ in listed]).reshape(-1, 2, 2), np.array([move for _, move in listed])


def _operations(body: Body, cell: np.ndarray) -> dict[tuple[float, ...], list[np.ndarray]]:
    surface = Surface(cell, np.zeros(2), body.thickness_a, tuple(body.species), body.positions)
    found: dict[tuple[float, ...], list[np.ndarray]] = {}
    for rotation, move in zip(*upright_operations(surface, SAME_SHIFT_A), strict=True):
        found.setdefault(tuple(rotation.ravel().tolist()), []).append(move)
    return found


def _registry_cell(match: Match) -> np.ndarray:
    """Smallest cell of relative shifts, rows as fractions of the interface cell."""
    return _common_cell(match.substrate_supercell, match.film_supercell)


@lru_cache(maxsize=64)
def _common_cell(substrate: IntMatrix2, film: IntMatrix2) -> np.ndarray:
    (a, b), (c, d), (e, f), (g, h) = *substrate, *film
    common = abs(a * d - b * c) * abs(e * h - f * g)
    rows = np.vstack([np.linalg.inv(np.array(substrate)), np.linalg.inv(np.array(film))])
    basis = row_hermite(np.rint(rows * common).astype(int)) / common
    return read_only(gauss_reduce(basis @ basis.T) @ basis)
