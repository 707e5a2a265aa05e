"""What adsorbed atoms look like: scattered adatoms, a flat raft or a three-dimensional cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from liface.errors import StructureError
from liface.structures.deposition import ADSORBATE, remove_adsorbates
from liface.structures.touching import Surface, pair_distances, surface_of

if TYPE_CHECKING:
    from pymatgen.core import Structure

Kind = Literal["adatoms", "raft", "3d"]

BOND_A = 3.6
"""Å; Li atoms nearer than this are neighbours: halfway between first and third shell of bcc Li."""

LIFTED_A = 1.2
"""Å; an atom this far above touching the surface stands on others; in a tetrahedron it is 2 Å."""

TYPICAL_HEIGHT_A = 2.2
"""Å; height of Li in touch with a close-packed metal, used where the surface is given as a height only."""

_LOCAL_A = 3.0


@dataclass(frozen=True)
class Shape:
    """Shape of the adsorbed atoms, in their order.

    Attributes
    ----------
    kind
        ``adatoms`` if no two are neighbours, ``raft`` if all touch the surface, ``3d`` otherwise.
    heights
        Heights above the nearby top of the surface, Å.
    coordination
        Number of neighbours among the adsorbates, periodic images included.
    n_fragments
        Number of groups connected by neighbours.
    """

    kind: Kind
    heights: tuple[float, ...]
    coordination: tuple[int, ...]
    n_fragments: int

    @property
    def top_height(self) -> float:
        """Height of the highest atom, Å."""
        return max(self.heights)

    @property
    def mean_coordination(self) -> float:
        """Mean number of neighbours."""
        return float(np.mean(self.coordination))


def classify(
    adsorbate_positions: np.ndarray, surface: float | Structure, cell: np.ndarray, *, species: str = "Li"
) -> Shape:
    """Classify adsorbed atoms.

    Parameters
    ----------
    adsorbate_positions
        Cartesian, Å, shape (n, 3).
    surface
        The slab, for a rumpled surface, or the height of a flat one, Å. Adsorbates in the slab are left out.
    cell
        Lattice vectors as rows, Å, shape (3, 3).
    species
        Element of the adsorbates.

    Raises
    ------
    StructureError
        If there are no adsorbates.
    """
    positions = np.asarray(adsorbate_positions, dtype=float).reshape(-1, 3)
    if not len(positions):
        raise StructureError(f"no atom of role {ADSORBATE!r}; only a structure with adsorbates has a shape")
    in_plane = np.asarray(cell, dtype=float)[:2, :2]
    if isinstance(surface, (int, float)):
        heights = positions[:, 2] - float(surface)
        lifted = heights - TYPICAL_HEIGHT_A
    else:
        slab = surface_of(surface, without_role=ADSORBATE)
        positions = _above(slab, positions)
        heights = positions[:, 2] - _local_top(slab, positions)
        touching = slab.touching_height(positions[:, :2], species)
        lifted = np.where(np.isfinite(touching), positions[:, 2] - touching, 0.0)
    coordination, fragments = _bonds(positions, in_plane)
    bonded = coordination > 0
    kind: Kind = "raft" if bonded.any() else "adatoms"
    if (bonded & (lifted > LIFTED_A)).any():
        kind = "3d"
    return Shape(
        kind=kind,
        heights=tuple(float(h) for h in heights),
        coordination=tuple(int(c) for c in coordination),
        n_fragments=fragments,
    )


def describe(structure: Structure) -> Shape:
    """Classify the atoms of role ``adsorbate`` above the other atoms of a structure.

    Raises
    ------
    StructureError
        If there are no adsorbates.
    """
    roles = structure.site_properties.get("role") or [None] * len(structure)
    atoms = [i for i, role in enumerate(roles) if role == ADSORBATE]
    species = structure[atoms[0]].specie.symbol if atoms else "Li"
    slab = remove_adsorbates(structure)
    return classify(structure.cart_coords[atoms], slab, np.array(structure.lattice.matrix), species=species)


def _above(slab: Surface, positions: np.ndarray) -> np.ndarray:
    """Move atoms by whole third lattice vectors to lie between the slab's bottom and its next image."""
    cells = np.floor((positions[:, 2] - slab.bottom + 0.5) / slab.height)
    return positions - cells[:, None] * np.append(slab.c_xy, slab.height)


def _local_top(slab: Surface, positions: np.ndarray) -> np.ndarray:
    """Return the height of the highest slab atom near each point, Å; of all if none is near."""
    near = (slab.horizontal(positions[:, :2], _LOCAL_A) <= _LOCAL_A).any(axis=2)
    local = np.where(near, slab.positions[None, :, 2], -np.inf).max(axis=1)
    return np.where(np.isfinite(local), local, slab.top)


def _bonds(positions: np.ndarray, in_plane: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the number of neighbours of each atom, periodic in-plane, and the number of connected groups."""
    from scipy.sparse.csgraph import connected_components

    bonds = (pair_distances(positions, in_plane, BOND_A) < BOND_A).sum(axis=2)
    return bonds.sum(axis=1), int(connected_components(bonds > 0, directed=False)[0])
