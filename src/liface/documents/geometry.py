"""A cell and its atoms as they are stored and hashed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
from pydantic import model_validator

from liface.documents.base import Document, content_hash, quantity

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.core import Composition, Structure

IDENTITY_DECIMALS = 4
"""Decimals in Å that belong to the identity of a geometry; finer noise does not make a new calculation."""

TIE_OFFSET = 1e-5

VACUUM_A = 6.0
"""A height without atoms of at least this, periodic images included, is vacuum: nothing repeats across it."""

ROLES = ("bulk", "substrate", "film", "adsorbate")

Vector = tuple[float, float, float]


class Geometry(Document):
    """A periodic cell with its atoms.

    Roles tell which part of a composed cell an atom belongs to (``substrate``, ``film``, ``adsorbate``, or
    ``bulk``). They are labels for people and analysis and do not enter the identity.
    """

    cell: tuple[Vector, Vector, Vector] = quantity("Å", "Lattice vectors as rows.")
    species: tuple[str, ...]
    positions: tuple[Vector, ...] = quantity("Å", "Cartesian positions, shape (natoms, 3).")
    frozen: tuple[bool, ...]
    roles: tuple[str, ...]

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        lengths = {len(self.species), len(self.positions), len(self.frozen), len(self.roles)}
        if len(lengths) != 1:
            raise ValueError(f"species, positions, frozen and roles differ in length: {sorted(lengths)}")
        return self

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.species)

    @property
    def cell_array(self) -> np.ndarray:
        """Lattice vectors as rows, Å, shape (3, 3)."""
        return np.array(self.cell, dtype=float)

    @property
    def position_array(self) -> np.ndarray:
        """Cartesian positions, Å, shape (natoms, 3)."""
        return np.array(self.positions, dtype=float).reshape(-1, 3)

    @property
    def in_plane_area(self) -> float:
        """Area spanned by the first two lattice vectors, Å²."""
        a, b, _ = self.cell_array
        return float(np.linalg.norm(np.cross(a, b)))

    @property
    def empty_heights(self) -> np.ndarray:
        """Largest height without atoms along each lattice vector, periodic images included, Å, shape (3,).

        Heights are measured across the two other vectors. The cell must have a volume.
        """
        heights = 1 / np.linalg.norm(np.linalg.inv(self.cell_array), axis=0)
        wrapped = np.sort(np.mod(np.linalg.solve(self.cell_array.T, self.position_array.T), 1.0), axis=1)
        if not self.n_atoms:
            return heights
        around = np.concatenate([wrapped, wrapped[:, :1] + 1.0], axis=1)
        return np.diff(around, axis=1).max(axis=1) * heights

    @property
    def vacuum_directions(self) -> tuple[bool, bool, bool]:
        """Along which lattice vectors there is vacuum; the cell must have a volume."""
        a, b, c = self.empty_heights > VACUUM_A - 1e-6
        return bool(a), bool(b), bool(c)

    @property
    def formula(self) -> str:
        """Composition in alphabetical order, e.g. ``Cu48Li4``."""
        counts = {s: self.species.count(s) for s in sorted(set(self.species))}
        return "".join(f"{s}{n}" if n > 1 else s for s, n in counts.items())

    def count(self, species: str | None = None, role: str | None = None) -> int:
        """Count the atoms of a species and/or a role."""
        return sum(
            (species is None or s == species) and (role is None or r == role)
            for s, r in zip(self.species, self.roles, strict=True)
        )

    def canonical_order(self) -> np.ndarray:
        """Return the permutation that sorts atoms by species and rounded fractional position.

        The order does not depend on how the atoms were listed or in which periodic image they lay.
        """
        return self._order(self._grid())

    def _order(self, grid: np.ndarray) -> np.ndarray:
        return np.lexsort((np.array(self.frozen, dtype=int), *grid.T, np.array(self.species, dtype=str)))

    def _grid(self) -> np.ndarray:
        """Return positions as whole numbers of steps of about 0.1 mÅ along each vector, inside the cell.

        Atoms on symmetric sites often lie halfway between two steps, where noise would decide; the small offset does.
        """
        frac = np.linalg.solve(self.cell_array.T, self.position_array.T).T
        steps = np.maximum(1, np.rint(np.linalg.norm(self.cell_array, axis=1) * 10**IDENTITY_DECIMALS))
        return np.mod(np.floor(frac * steps + 0.5 + TIE_OFFSET).astype(np.int64), steps.astype(np.int64))

    def canonical(self) -> Geometry:
        """Return the same crystal with atoms wrapped into the cell and in canonical order."""
        order = self.canonical_order()
        frac = np.linalg.solve(self.cell_array.T, self.position_array.T).T
        wrapped = (frac - np.floor(frac + 1e-9)) @ self.cell_array
        return self.model_copy(
            update={
                "species": tuple(self.species[i] for i in order),
                "positions": _rows(wrapped[order]),
                "frozen": tuple(self.frozen[i] for i in order),
                "roles": tuple(self.roles[i] for i in order),
            }
        )

    @property
    def identity(self) -> str:
        """Content hash of cell, species, positions (0.1 mÅ) and frozen atoms; order and images do not count."""
        grid = self._grid()
        order = self._order(grid)
        return content_hash(
            {
                "cell": np.rint(self.cell_array * 10**IDENTITY_DECIMALS).astype(int).tolist(),
                "species": [self.species[i] for i in order],
                "positions": grid[order].tolist(),
                "frozen": [bool(self.frozen[i]) for i in order],
            }
        )

    def with_positions(self, positions: np.ndarray, cell: np.ndarray | None = None) -> Geometry:
        """Return a copy with other positions (Å, shape (natoms, 3)) and, if given, another cell."""
        update: dict = {"positions": _rows(positions)}
        if cell is not None:
            update["cell"] = _rows(cell)
        return self.model_copy(update=update)

    @classmethod
    def from_structure(cls, structure: Structure) -> Geometry:
        """Take over a pymatgen structure; ``selective_dynamics`` all False means frozen, ``role`` is kept."""
        n = len(structure)
        dynamics = structure.site_properties.get("selective_dynamics") or [[True] * 3] * n
        roles = structure.site_properties.get("role") or ["bulk"] * n
        return cls(
            cell=_rows(structure.lattice.matrix),
            species=tuple(str(site.specie.symbol) for site in structure),
            positions=_rows(structure.cart_coords),
            frozen=tuple(not any(flags) if flags is not None else False for flags in dynamics),
            roles=tuple(role or "bulk" for role in roles),
        )

    def to_structure(self) -> Structure:
        """Return a pymatgen structure with ``selective_dynamics`` and ``role`` site properties."""
        from pymatgen.core import Lattice, Structure

        return Structure(
            Lattice(self.cell_array),
            one_species_sites(self.species),
            self.position_array,
            coords_are_cartesian=True,
            site_properties={
                "selective_dynamics": [[not f] * 3 for f in self.frozen],
                "role": list(self.roles),
            },
        )

    def to_ase(self) -> Atoms:
        """Return ASE atoms, periodic in all directions, frozen atoms under ``FixAtoms``."""
        from ase import Atoms
        from ase.constraints import FixAtoms

        atoms = Atoms(self.species, positions=self.position_array, cell=self.cell_array, pbc=True)
        if any(self.frozen):
            atoms.set_constraint(FixAtoms(mask=list(self.frozen)))
        return atoms


def one_species_sites(species: Sequence[str]) -> list[Composition]:
    """Return what pymatgen's sites hold, one object per species: to read a symbol again for every atom is slow."""
    from pymatgen.core import Composition

    known = {symbol: Composition({symbol: 1}) for symbol in set(species)}
    return [known[symbol] for symbol in species]


def _rows(array: np.ndarray) -> tuple[Vector, ...]:
    return tuple((float(x), float(y), float(z)) for x, y, z in np.asarray(array, dtype=float).reshape(-1, 3))
