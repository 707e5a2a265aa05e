"""A path between two geometries of one cell: what is asked of it, and its images."""

from __future__ import annotations

from itertools import product

import numpy as np

from liface.documents.base import Document, quantity
from liface.documents.geometry import IDENTITY_DECIMALS, TIE_OFFSET, Geometry, Vector

AS_GIVEN_A = 0.1
"""A displacement as given stands if no other image is nearer by more than this: half a cell goes where it points."""


class PathSettings(Document):
    """How a minimum-energy path is searched; part of the identity of the calculation."""

    images: int = quantity("1", "Images between the two ends.", default=5, ge=1, le=51)
    spring_constant: float = quantity("eV/Å²", "Spring between neighbouring images.", default=1.0, gt=0)
    climb_from_ev_per_a: float = quantity(
        "eV/Å", "Force on the band below which its highest image climbs.", default=0.2, gt=0
    )


class PathImage(Document):
    """One geometry along a path."""

    energy_ev: float = quantity("eV", "Potential energy of the cell, as the engine gives it.")
    positions: tuple[Vector, ...] = quantity("Å", "Cartesian positions, shape (natoms, 3).")


def path_displacements(start: Geometry, end: Geometry) -> np.ndarray:
    """Return how far each atom goes from start to end, Å, shape (natoms, 3), to the nearest periodic image.

    Of two images that are equally near, to 0.1 Å, the one that ``end`` gives is taken: an atom may hop half a cell.

    Raises
    ------
    ValueError
        The ends are not the same atoms in the same cell, or a frozen atom moves.
    """
    if start.species != end.species or start.frozen != end.frozen:
        raise ValueError("the two ends of a path list different atoms; give both in one order, frozen alike")
    if np.abs(start.cell_array - end.cell_array).max() > 10.0**-IDENTITY_DECIMALS:
        raise ValueError("the two ends of a path have different cells; a path keeps its cell")
    given = end.position_array - start.position_array
    steps = np.array(list(product((-1, 0, 1), repeat=3)), dtype=float)
    fractional = np.linalg.solve(start.cell_array.T, given.T).T
    candidates = ((fractional - np.rint(fractional))[:, None, :] + steps[None]) @ start.cell_array
    lengths = np.linalg.norm(candidates, axis=2)
    nearest = candidates[np.arange(len(given)), lengths.argmin(axis=1)]
    stands = np.linalg.norm(given, axis=1) <= lengths.min(axis=1) + AS_GIVEN_A
    moved = np.where(stands[:, None], given, nearest)
    frozen = np.array(start.frozen, dtype=bool)
    if frozen.any() and np.abs(moved[frozen]).max() > 10.0**-IDENTITY_DECIMALS:
        raise ValueError(
            f"a frozen atom moves {np.linalg.norm(moved[frozen], axis=1).max():.3f} Å between the ends of a path; free "
            "it, or give both ends the same place for it"
        )
    return moved


def path_identity(start: Geometry, end: Geometry) -> list[list[int]]:
    """Return the displacements in steps of 0.1 mÅ and canonical order; order and images of the atoms do not count."""
    moved = path_displacements(start, end)[start.canonical_order()]
    return np.floor(moved * 10**IDENTITY_DECIMALS + 0.5 + TIE_OFFSET).astype(int).tolist()
