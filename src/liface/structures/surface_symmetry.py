"""Symmetry of a slab that keeps its top face up, found in its primitive in-plane cell."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from liface.structures.touching import Surface, minimum_image

SYMPREC_A = 0.1
"""Å; how far atoms may lie from their symmetric places. Relaxed slabs scatter by about 0.01 Å."""

_VACUUM_A = 20.0


@dataclass(frozen=True, eq=False)
class SurfaceSymmetry:
    """Plane-group operations of a slab.

    Attributes
    ----------
    primitive_surface
        The slab in its primitive in-plane cell.
    supercell
        Integer matrix that makes the in-plane cell from the primitive one, shape (2, 2).
    rotations
        Cartesian point operations, shape (k, 2, 2).
    shifts
        Their translations, Å, shape (k, 2).
    """

    primitive_surface: Surface
    supercell: np.ndarray
    rotations: np.ndarray
    shifts: np.ndarray

    @property
    def repeats(self) -> int:
        """Number of primitive cells in the cell."""
        return abs(round(float(np.linalg.det(self.supercell))))

    def orbit(self, xy: np.ndarray, tolerance: float) -> np.ndarray:
        """Return the distinct images of a point in the primitive cell, itself first, Å, shape (k, 2)."""
        images = self.rotations @ np.asarray(xy, dtype=float) + self.shifts
        return merge_points(np.vstack([xy, images]), self.primitive_surface.in_plane, tolerance)

    def translations(self) -> np.ndarray:
        """Return one translation for each primitive cell inside the cell, Å, shape (repeats, 2)."""
        n = self.repeats
        (a, b), (c, d) = np.rint(self.supercell).astype(int)
        adjugate = np.array([[d, -b], [-c, a]])
        steps = np.array([(i, j) for i in range(n) for j in range(n)])
        _, first = np.unique((steps @ adjugate) % n, axis=0, return_index=True)
        return steps[np.sort(first)] @ self.primitive_surface.in_plane


def merge_points(points: np.ndarray, in_plane: np.ndarray, tolerance: float) -> np.ndarray:
    """Drop points (Å, shape (m, 2)) that lie within a tolerance (Å) of an image of an earlier one."""
    kept: list[np.ndarray] = []
    for point in points:
        if all(np.linalg.norm(minimum_image(point - other, in_plane)) > tolerance for other in kept):
            kept.append(point)
    return np.array(kept)


def surface_symmetry(surface: Surface, symprec: float = SYMPREC_A) -> SurfaceSymmetry:
    """Find the symmetry of an isolated slab.

    The third vector is replaced by a vertical one: how slabs are stacked across the vacuum says nothing about
    one surface. The primitive cell is used because a supercell of low symmetry (2×3 of a hexagonal plane)
    hides rotations that the surface has.

    Parameters
    ----------
    surface
        The slab.
    symprec
        Tolerance on positions, Å.
    """
    primitive, supercell = _primitive(surface, symprec)
    lattice = primitive.in_plane
    rotations, shifts = upright_operations(primitive, symprec)
    to_cartesian = lattice.T
    back = np.linalg.inv(to_cartesian)
    return SurfaceSymmetry(primitive, supercell, to_cartesian @ rotations @ back, shifts @ lattice)


def upright_operations(surface: Surface, symprec: float) -> tuple[np.ndarray, np.ndarray]:
    """Return in-plane rotations and translations, fractional, of the operations that move nothing along z."""
    import spglib

    height = float(np.ptp(surface.positions[:, 2])) + _VACUUM_A
    lattice = np.zeros((3, 3))
    lattice[:2, :2], lattice[2, 2] = surface.in_plane, height
    centred = surface.positions - [0.0, 0.0, surface.bottom]
    numbers = np.unique(surface.species, return_inverse=True)[1] + 1
    cell = (lattice.tolist(), (centred @ np.linalg.inv(lattice)).tolist(), numbers.tolist())
    found = spglib.get_symmetry(cell, symprec=symprec)
    if found is None:  # atoms too close for the tolerance: only the lattice itself is left
        return np.eye(2)[None], np.zeros((1, 2))
    rotations, shifts = found["rotations"], found["translations"]
    vertical = shifts[:, 2] - np.rint(shifts[:, 2])
    upright = (
        (rotations[:, 2, 2] == 1)
        & (rotations[:, :2, 2] == 0).all(axis=1)
        & (rotations[:, 2, :2] == 0).all(axis=1)
        & (np.abs(vertical) * height < 4 * symprec)
    )
    return rotations[upright][:, :2, :2].astype(float), shifts[upright][:, :2]


def _primitive(surface: Surface, symprec: float) -> tuple[Surface, np.ndarray]:
    """Return the slab in its primitive in-plane cell and the integer matrix back to the given cell."""
    rotations, shifts = upright_operations(surface, symprec)
    pure = shifts[(rotations == np.eye(2)).all(axis=(1, 2))] @ surface.in_plane
    basis = _shortest_basis(np.vstack([pure, surface.in_plane]), surface.in_plane)
    supercell = np.rint(surface.in_plane @ np.linalg.inv(basis))
    # Noise in the translations must not enter the lattice: the primitive cell is an exact fraction of it.
    basis = np.linalg.inv(supercell) @ surface.in_plane
    kept: list[int] = []
    for i, (symbol, point) in enumerate(zip(surface.species, surface.positions, strict=True)):
        twins = (k for k in kept if surface.species[k] == symbol)
        if not any(_same(point, surface.positions[k], basis, 8 * symprec) for k in twins):
            kept.append(i)
    if len(kept) * abs(np.linalg.det(supercell)) - len(surface.species) > 0.5:
        return surface, np.eye(2)
    species = tuple(surface.species[i] for i in kept)
    return replace(surface, in_plane=basis, species=species, positions=surface.positions[kept]), supercell


def _shortest_basis(translations: np.ndarray, in_plane: np.ndarray) -> np.ndarray:
    """Return the two shortest independent vectors among translations modulo the lattice, right-handed."""
    reduced = _gauss_reduced(in_plane)
    steps = np.array([(i, j) for i in range(-2, 3) for j in range(-2, 3)], dtype=float)
    wrapped = minimum_image(translations, reduced)
    vectors = (wrapped[:, None, :] + (steps @ reduced)[None, :, :]).reshape(-1, 2)
    lengths = np.linalg.norm(vectors, axis=1)
    # Among equally long vectors the one nearest to +x is taken, so that the choice does not hang on rounding.
    order = np.lexsort((np.round(vectors[:, 1], 2), -np.round(vectors[:, 0], 2), np.round(lengths, 2)))
    vectors = vectors[order][np.round(lengths[order], 2) > 0.1]
    first = vectors[0]
    across = first[0] * vectors[:, 1] - first[1] * vectors[:, 0]
    second = vectors[np.argmax(across > 1e-2 * np.linalg.norm(first) ** 2)]
    return np.array([first, second])


def _gauss_reduced(in_plane: np.ndarray) -> np.ndarray:
    """Return the Lagrange–Gauss reduced basis of a plane lattice."""
    a, b = in_plane
    while True:
        if np.linalg.norm(a) > np.linalg.norm(b) + 1e-9:
            a, b = b, a
        steps = np.rint(a @ b / (a @ a))
        if steps == 0:
            return np.array([a, b])
        b = b - steps * a


def _same(a: np.ndarray, b: np.ndarray, in_plane: np.ndarray, tolerance: float) -> bool:
    across = np.linalg.norm(minimum_image((a - b)[:2], in_plane))
    return bool(across < tolerance and abs(a[2] - b[2]) < tolerance)
