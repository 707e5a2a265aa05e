"""How low an adsorbate can come: touching spheres above a slab.

Every atom carries a sphere. An adsorbate *touches* an atom at :data:`TOUCH` times the sum of their radii, and
*overlaps* it below :data:`OVERLAP` times that sum. The radius is the larger of the covalent and the metallic
radius, so that Li–Cu, Li–Li and Li–F touch at 2.70, 2.89 and 1.99 Å, within 0.15 Å of their bulk distances.

References
----------
Covalent radii: Cordero et al., Dalton Trans. 2832 (2008), DOI 10.1039/b801115j, as shipped with ASE.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from liface.errors import StructureError

if TYPE_CHECKING:
    from pymatgen.core import Structure

TOUCH = 0.95
"""Touching distance over the sum of radii."""

OVERLAP = 0.75
"""No starting geometry has two atoms closer than this times the sum of their radii."""

MIN_VACUUM_A = 5.0
"""Å; a slab needs at least this much empty space above it."""


@lru_cache(maxsize=128)
def radius(symbol: str) -> float:
    """Return the larger of the covalent and the metallic radius of an element, Å."""
    from ase.data import atomic_numbers, covalent_radii
    from pymatgen.core import Element

    return float(max(covalent_radii[atomic_numbers[symbol]], Element(symbol).data.get("Metallic radius") or 0.0))


def radii(symbols: tuple[str, ...] | list[str]) -> np.ndarray:
    """Return the radii of many elements, Å, shape (n,)."""
    return np.array([radius(symbol) for symbol in symbols], dtype=float)


@dataclass(frozen=True, eq=False)
class Surface:
    """A slab seen from above: the atoms, the two in-plane vectors and the height of the cell.

    Attributes
    ----------
    in_plane
        In-plane lattice vectors as rows, Å, shape (2, 2).
    c_xy
        In-plane part of the third lattice vector, Å, shape (2,); it does not matter to a slab in vacuum.
    height
        z component of the third lattice vector, Å.
    species
        Element symbols, length n.
    positions
        Cartesian positions, Å, shape (n, 3), unwrapped so that no slab is torn across the cell boundary.
    """

    in_plane: np.ndarray
    c_xy: np.ndarray
    height: float
    species: tuple[str, ...]
    positions: np.ndarray

    @property
    def top(self) -> float:
        """Height of the highest atom, Å."""
        return float(self.positions[:, 2].max())

    @property
    def bottom(self) -> float:
        """Height of the lowest atom, Å."""
        return float(self.positions[:, 2].min())

    def touching_distances(self, adsorbate: str) -> np.ndarray:
        """Return the distance at which an adsorbate touches each atom, Å, shape (n,)."""
        return TOUCH * (radii(self.species) + radius(adsorbate))

    def horizontal(self, xy: np.ndarray, cutoff: float) -> np.ndarray:
        """Return in-plane distances from points to every atom and its images up to a cutoff.

        Parameters
        ----------
        xy
            Points, Å, shape (m, 2).
        cutoff
            Å; images beyond it may be missing.

        Returns
        -------
        array
            Å, shape (m, n, images).
        """
        delta = np.asarray(xy, dtype=float).reshape(-1, 1, 2) - self.positions[None, :, :2]
        delta = minimum_image(delta, self.in_plane)
        return np.linalg.norm(delta[:, :, None, :] + lattice_points(self.in_plane, cutoff), axis=-1)

    def touching_height(self, xy: np.ndarray, adsorbate: str) -> np.ndarray:
        """Return the lowest z at which an adsorbate overlaps no atom when lowered from above, Å, shape (m,).

        It is minus infinity where the adsorbate would fall through the slab.
        """
        touch = self.touching_distances(adsorbate)
        across = self.horizontal(xy, float(touch.max()))
        rise = touch[None, :, None] ** 2 - across**2
        heights = self.positions[None, :, 2, None] + np.sqrt(np.maximum(rise, 0.0))
        return np.where(rise > 0, heights, -np.inf).max(axis=(1, 2))

    def relative_distances(self, points: np.ndarray, adsorbate: str, cutoff: float) -> np.ndarray:
        """Return distances from points to atoms over the sum of radii, shape (m, n, images)."""
        points = np.asarray(points, dtype=float).reshape(-1, 3)
        across = self.horizontal(points[:, :2], cutoff)
        up = points[:, None, 2] - self.positions[None, :, 2]
        distances = np.sqrt(across**2 + up[:, :, None] ** 2)
        return distances / (radii(self.species) + radius(adsorbate))[None, :, None]


def surface_of(slab: Structure, *, without_role: str | None = None) -> Surface:
    """Read a slab as a surface.

    Parameters
    ----------
    slab
        First two lattice vectors in the xy plane, vacuum along z.
    without_role
        Leave out atoms of this role.

    Raises
    ------
    StructureError
        If the first two vectors leave the xy plane, the cell has no vacuum, or no atom is left.
    """
    matrix = np.array(slab.lattice.matrix)
    if np.abs(matrix[:2, 2]).max() > 1e-4 or matrix[2, 2] <= 0:
        raise StructureError(
            "the first two lattice vectors must lie in the xy plane and the third point up; "
            f"their z components are {np.round(matrix[:, 2], 4).tolist()} Å; build the slab with "
            "its surface normal along z"
        )
    roles = slab.site_properties.get("role") or [None] * len(slab)
    kept = [i for i, role in enumerate(roles) if without_role is None or role != without_role]
    if not kept or not slab.is_ordered:
        raise StructureError(f"{slab.formula}: a surface needs at least one atom and no partial occupancies")
    height = float(matrix[2, 2])
    positions = _unwrapped(slab.cart_coords[kept], matrix)
    empty = height - float(np.ptp(positions[:, 2]))
    if empty < MIN_VACUUM_A:
        raise StructureError(
            f"{slab.formula}: {empty:.1f} Å of vacuum along z, at least {MIN_VACUUM_A:.0f} Å are "
            "needed to put adsorbates on a surface; build the slab with more vacuum"
        )
    species = tuple(slab[i].specie.symbol for i in kept)
    return Surface(matrix[:2, :2], matrix[2, :2], height, species, positions)


def minimum_image(delta: np.ndarray, in_plane: np.ndarray) -> np.ndarray:
    """Bring in-plane vectors (Å, shape (..., 2)) into the parallelogram around the origin."""
    fractional = delta @ np.linalg.inv(in_plane)
    return (fractional - np.round(fractional)) @ in_plane


def pair_distances(positions: np.ndarray, in_plane: np.ndarray, cutoff: float) -> np.ndarray:
    """Return distances between atoms and each other's in-plane images up to a cutoff.

    Returns
    -------
    array
        Å, shape (n, n, images); infinite for an atom with itself, but not with its own images.
    """
    delta = positions[:, None, :] - positions[None, :, :]
    across = minimum_image(delta[..., :2], in_plane)[:, :, None, :] + lattice_points(in_plane, cutoff)
    lengths = np.hypot(np.linalg.norm(across, axis=-1), delta[:, :, None, 2])
    atoms = np.arange(len(positions))
    lengths[atoms, atoms, 0] = np.inf
    return lengths


def wrap(xy: np.ndarray, in_plane: np.ndarray) -> np.ndarray:
    """Bring points (Å, shape (m, 2)) into the cell; points on its far edges go to the near ones."""
    fractional = xy @ np.linalg.inv(in_plane)
    return (fractional - np.floor(fractional + 1e-6)) @ in_plane


def lattice_points(in_plane: np.ndarray, cutoff: float) -> np.ndarray:
    """Return the in-plane lattice vectors that any two wrapped points need to see each other within a cutoff.

    Returns
    -------
    array
        Å, shape (k, 2); the zero vector comes first.
    """
    area = abs(float(np.linalg.det(in_plane)))
    spacings = area / np.linalg.norm(in_plane[::-1], axis=1)
    na, nb = (int(np.ceil(cutoff / s + 0.5)) for s in spacings)
    steps = np.array([(i, j) for i in range(-na, na + 1) for j in range(-nb, nb + 1)], dtype=float)
    steps = steps[np.argsort(np.abs(steps).sum(axis=1), kind="stable")]
    return steps @ in_plane


def _unwrapped(positions: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Move atoms by whole third lattice vectors so that the widest gap along z lies above them all."""
    z = positions[:, 2] / matrix[2, 2]
    levels = np.sort(z % 1.0)
    gaps = np.diff(np.append(levels, levels[0] + 1.0))
    # Noise must not decide between two equally wide gaps: the first one within a hair of the widest is taken
    # from the top, which leaves a slab that is whole in the cell where it is.
    widest = len(gaps) - 1 - int(np.argmax(gaps[::-1] > gaps.max() - 1e-6))
    ceiling = levels[widest] + 1e-6
    wrapped = z % 1.0
    wanted = np.where(wrapped > ceiling, wrapped - 1.0, wrapped)
    wanted = wanted + np.round(np.median(z - wanted))
    return positions + np.round(wanted - z)[:, None] * matrix[2]
