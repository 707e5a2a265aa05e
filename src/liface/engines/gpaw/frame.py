"""The cell as GPAW wants it: for a dipole layer, open along z, with the atoms away from the boundary."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from liface.documents.geometry import Geometry
from liface.engines.kpoints import cell_heights, vacuum_directions


@dataclass(frozen=True)
class Frame:
    """How positions and cell go in and forces come out.

    Without a dipole layer nothing changes. With one, the vacuum is along z, perpendicular to the other two vectors,
    and the cell is not periodic along it: with at least 6 Å of vacuum the tilt of a third vector, which only says
    how the next image is shifted sideways, does not matter. All slabs are treated so, as a symmetric one has no
    dipole to correct. The density of both faces should have ended in the middle of the vacuum: 6 Å leave some meV to
    where exactly that is, 8 Å tenths of one, 10 Å nothing.
    """

    order: tuple[int, int, int] = (0, 1, 2)
    """Lattice vectors of the geometry, as the vectors of the frame."""
    pbc: tuple[bool, bool, bool] = (True, True, True)
    rotation: np.ndarray | None = None
    """Rows are the axes of the frame, shape (3, 3)."""
    height: float = 0.0
    shifts: np.ndarray | None = None
    """Added to z, Å, shape (natoms,): the atoms in the middle of the cell."""

    @property
    def has_dipole_layer(self) -> bool:
        """Whether the cell is open along z."""
        return self.rotation is not None

    def inward(self, positions: np.ndarray, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return positions and cell in the frame, Å."""
        if self.rotation is None or self.shifts is None:
            return positions, cell
        turned = positions @ self.rotation.T
        turned[:, 2] += self.shifts
        vectors = cell[list(self.order)] @ self.rotation.T
        vectors[:2, 2] = 0.0  # to the last digit, as GPAW asks
        vectors[2] = 0.0, 0.0, self.height
        return turned, vectors

    def outward(self, forces: np.ndarray) -> np.ndarray:
        """Return forces along the axes of the geometry."""
        return forces if self.rotation is None else forces @ self.rotation


def frame_of(geometry: Geometry, dipole_layer: bool) -> Frame:
    """Return the frame of a geometry; with a dipole layer, one of its directions must be vacuum."""
    if not dipole_layer:
        return Frame()
    axis = vacuum_directions(geometry).index(True)
    order = ((axis + 1) % 3, (axis + 2) % 3, axis)
    first, second, _ = geometry.cell_array[list(order)]
    normal = np.cross(first, second)
    normal /= np.linalg.norm(normal)
    rotation = _axes(first, normal)
    height = float(cell_heights(geometry)[axis])
    z = geometry.position_array @ normal
    wrapped = _centred(z, height)
    return Frame(order, (True, True, False), rotation, height, wrapped - z)


def _axes(first: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """Return axes with z along the normal; those of the geometry where they do already."""
    if np.allclose(normal, (0, 0, 1), atol=1e-10):
        return np.eye(3)
    x = first / np.linalg.norm(first)
    return np.array([x, np.cross(normal, x), normal])


def _centred(z: np.ndarray, height: float) -> np.ndarray:
    """Return heights with the largest gap halved between bottom and top of the cell."""
    wrapped = np.mod(z, height)
    ordered = np.sort(wrapped)
    gaps = np.diff(np.append(ordered, ordered[0] + height))
    widest = int(np.argmax(np.round(gaps, 6)))
    middle = ordered[widest] + gaps[widest] / 2
    return np.mod(wrapped - middle, height)
