"""A cell and its atoms as arrays, which become a pymatgen structure or a geometry only where one is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from liface.documents.geometry import Geometry, one_species_sites

if TYPE_CHECKING:
    from pymatgen.core import Structure


@dataclass(frozen=True, eq=False)
class CellAtoms:
    """A periodic cell with its atoms.

    Attributes
    ----------
    vectors
        Rows, Å; a along x, b in the xy plane.
    positions
        Cartesian, Å, shape (n, 3), in whatever image they were built.
    roles
        Part of the cell that each atom belongs to, see :class:`liface.documents.Geometry`.
    frozen
        Atoms that stay where they are, shape (n,).
    """

    vectors: np.ndarray
    species: tuple[str, ...]
    positions: np.ndarray
    roles: tuple[str, ...]
    frozen: np.ndarray

    def __len__(self) -> int:
        """Return the number of atoms."""
        return len(self.species)

    @cached_property
    def fractional(self) -> np.ndarray:
        """Fractional coordinates, in plane in [0, 1), shape (n, 3)."""
        fractional = np.linalg.solve(self.vectors.T, self.positions.T).T
        fractional[:, :2] = np.round(fractional[:, :2], 10) % 1.0
        return fractional

    @cached_property
    def structure(self) -> Structure:
        """The cell as a pymatgen structure with site properties ``role`` and ``selective_dynamics``."""
        from pymatgen.core import Lattice, Structure

        return Structure(
            Lattice(self.vectors),
            one_species_sites(self.species),
            self.fractional,
            site_properties={
                "role": list(self.roles),
                "selective_dynamics": [[not f] * 3 for f in self.frozen.tolist()],
            },
        )

    def geometry(self) -> Geometry:
        """Return the cell as it is stored and hashed; the atoms lie where those of ``structure`` do."""
        return Geometry(
            cell=self.vectors.tolist(),
            species=self.species,
            positions=(self.fractional @ self.vectors).tolist(),
            frozen=self.frozen.tolist(),
            roles=self.roles,
        )
