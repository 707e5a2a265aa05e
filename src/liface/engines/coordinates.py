"""What moves in a relaxation, as one vector for the optimizer.

The vector holds the positions of the free atoms in the undeformed cell (Å) and, where the cell relaxes, the
elements of a deformation F times a length. Cell and positions are then ``cell₀ Fᵀ`` and ``F x``, so atoms
ride along with the cell. Frozen atoms keep their fractional coordinates: in a fixed cell they do not move
at all.

- ``fixed``: F = 1.
- ``c_axis``: F = 1 + u n ⊗ n, with n the normal of the first two vectors: only the height of the cell changes,
  the in-plane part of a tilted third vector stays.
- ``full``: F = 1 + U with U symmetric: no rotation of the cell.

With ``move="normal"`` atoms move along n only: the in-plane components of all forces are dropped.

Generalised force of the cell: dE/dF = V σ F⁻ᵀ, with σ = (1/V) dE/dε (positive under tension). A cell is converged
when no component of the relaxed stress exceeds ``fmax / 100 Å²`` (0.05 GPa for 0.03 eV/Å). The criterion of
:class:`ase.filters.FrechetCellFilter`, V σ / natoms < fmax, lets through 0.3 GPa: soft lithium stays strained.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

STRESS_AREA_A2 = 100.0
"""Area by which a stress (eV/Å³) is compared with a force limit (eV/Å)."""

CELL_REACH_A = 10.0
"""A step of the cell counts as the displacement at this distance from the origin, Å."""


class Coordinates:
    """Map between the optimizer's vector and positions and cell.

    Parameters
    ----------
    positions
        Cartesian, Å, shape (natoms, 3).
    cell
        Lattice vectors as rows, Å, shape (3, 3).
    free
        Mask of the atoms that may move.
    mode
        Which part of the cell relaxes.
    move
        Along which directions the free atoms move.
    """

    def __init__(
        self,
        positions: np.ndarray,
        cell: np.ndarray,
        free: np.ndarray,
        mode: Literal["fixed", "c_axis", "full"] = "fixed",
        move: Literal["all", "normal"] = "all",
    ):
        self.start, self.cell, self.free, self.mode = positions.copy(), cell.copy(), free.copy(), mode
        normal = np.cross(cell[0], cell[1])
        normal = normal / np.linalg.norm(normal)
        self.allowed = np.eye(3) if move == "all" else np.outer(normal, normal)
        self.n_moving = 3 * int(free.sum())
        # One strain then weighs like a displacement of sqrt(natoms) Å: cell and atoms have similar curvature.
        self.length = float(np.sqrt(max(len(positions), 1)))
        self.height_dyad = np.outer(normal, normal)
        self.n = self.n_moving + {"fixed": 0, "c_axis": 1, "full": 6}[mode]

    def initial(self) -> np.ndarray:
        """Return the vector of the start."""
        x = np.zeros(self.n)
        x[: self.n_moving] = self.start[self.free].ravel()
        return x

    def deformation(self, x: np.ndarray) -> np.ndarray:
        """Return F, shape (3, 3)."""
        u = x[self.n_moving :] / self.length
        if self.mode == "c_axis":
            return np.eye(3) + u[0] * self.height_dyad
        if self.mode == "full":
            return np.eye(3) + _symmetric(u)
        return np.eye(3)

    def expand(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return positions and cell of a vector."""
        positions = self.start.copy()
        positions[self.free] = x[: self.n_moving].reshape(-1, 3)
        if self.mode == "fixed":
            return positions, self.cell
        deformation = self.deformation(x)
        return positions @ deformation.T, self.cell @ deformation.T

    def gradient(self, x: np.ndarray, forces: np.ndarray, stress: np.ndarray | None, volume: float) -> np.ndarray:
        """Return dE/dx from forces (eV/Å, shape (natoms, 3)) and stress (eV/Å³, shape (3, 3))."""
        g = np.zeros(self.n)
        deformation = self.deformation(x)
        g[: self.n_moving] = -(forces[self.free] @ self.allowed @ deformation).ravel()
        if stress is None or self.mode == "fixed":
            return g
        cell_gradient = volume * stress @ np.linalg.inv(deformation).T / self.length
        if self.mode == "c_axis":
            g[-1] = np.sum(cell_gradient * self.height_dyad)
        else:
            g[self.n_moving :] = _symmetric_adjoint(cell_gradient)
        return g

    def residual(self, forces: np.ndarray, stress: np.ndarray | None) -> float:
        """Return the largest force on a free atom or, if larger, 100 Å² times the relaxed stress, eV/Å."""
        largest = self.largest_force(forces)
        if stress is None or self.mode == "fixed":
            return largest
        return max(largest, STRESS_AREA_A2 * self.relaxed_stress(stress))

    def largest_force(self, forces: np.ndarray) -> float:
        """Return the largest force on a free atom along the ways it may move, eV/Å; 0 where none is free."""
        if not self.free.any():
            return 0.0
        return float(np.linalg.norm(forces[self.free] @ self.allowed, axis=1).max())

    def relaxed_stress(self, stress: np.ndarray) -> float:
        """Return the largest stress component that the cell is free to relax, eV/Å³."""
        if self.mode == "c_axis":
            return float(abs(np.sum(stress * self.height_dyad)))
        return float(np.abs(stress).max())

    def extent(self, step: np.ndarray) -> float:
        """Return the largest displacement of a step, Å."""
        atoms = step[: self.n_moving].reshape(-1, 3)
        largest = float(np.sqrt((atoms**2).sum(axis=1).max())) if len(atoms) else 0.0
        strain = step[self.n_moving :] / self.length
        return max(largest, CELL_REACH_A * float(np.abs(strain).max())) if len(strain) else largest


def _symmetric(u: np.ndarray) -> np.ndarray:
    """Return the symmetric matrix of six elements; off-diagonal elements count half."""
    xx, yy, zz, yz, xz, xy = u
    return np.array([[xx, xy / 2, xz / 2], [xy / 2, yy, yz / 2], [xz / 2, yz / 2, zz]])


def _symmetric_adjoint(m: np.ndarray) -> np.ndarray:
    """Return the gradient with respect to the six elements of :func:`_symmetric`."""
    return np.array(
        [m[0, 0], m[1, 1], m[2, 2], (m[1, 2] + m[2, 1]) / 2, (m[0, 2] + m[2, 0]) / 2, (m[0, 1] + m[1, 0]) / 2]
    )
