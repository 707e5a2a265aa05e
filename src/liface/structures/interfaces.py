"""Film on substrate: periodic sandwiches, single interfaces with vacuum, and their parts alone."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from liface.errors import InputError
from liface.structures import checks
from liface.structures.cells import CellAtoms
from liface.structures.checks import anion_bond_count
from liface.structures.coherent import Parts, cut_film, cut_substrate, parts_of
from liface.structures.crystal import repeat_of
from liface.structures.cutting import SlabAtoms, wrap_planar
from liface.structures.layers import AnionBonds, layering
from liface.structures.matching import Match, film_deformation
from liface.structures.registry import registry_shifts
from liface.structures.slabs import make_structure

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = [
    "InterfaceBuilder",
    "InterfaceCell",
    "anion_bond_count",
    "registry_shifts",
    "strained_film_bulk",
]

CLOSEST_A = 1.0
"""Shortest distance across an interface that is accepted as a start, Å."""

MOST_REPEATS = 6
"""Repeats tried to find a stacking vector along the normal."""


@dataclass(frozen=True, eq=False)
class InterfaceCell:
    """A periodic cell with a substrate and a strained film.

    Attributes
    ----------
    atoms
        The cell as arrays; ``role`` is ``substrate`` or ``film``.
    n_film_planes
        Atomic planes of the film.
    n_film
        Film atoms.
    n_substrate_planes
        Atomic planes of the substrate.
    n_substrate_formula_units
        Reduced formula units of the substrate.
    area_a2
        Area of the cell, Å².
    n_interfaces
        2 in a sandwich, 1 with vacuum, 0 for one part alone.
    equivalent_interfaces
        Inversion through the film centre maps one interface of the sandwich on the other.
    gap_a
        Distance between the facing outermost atoms, Å.
    shift
        Position of the first atom of the lowest film plane over the first atom of the highest substrate plane,
        fractions of the cell vectors.
    """

    atoms: CellAtoms
    n_film_planes: int
    n_film: int
    n_substrate_planes: int
    n_substrate_formula_units: float
    area_a2: float
    n_interfaces: int
    equivalent_interfaces: bool
    gap_a: float
    shift: tuple[float, float]
    match: Match

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.atoms)

    @property
    def structure(self) -> Structure:
        """The cell as a pymatgen structure, made when it is first asked for; site property ``role``."""
        return self.atoms.structure


def strained_film_bulk(
    film_bulk: Structure,
    film_plane: str,
    match: Match,
    substrate_vectors: np.ndarray,
    film_vectors: np.ndarray,
    *,
    film_reference: Structure | None = None,
) -> Structure:
    """Return the film crystal strained in plane as on the substrate, for its strain energy.

    The cell holds the fewest repeats (at most six) whose stacking vector lies along the normal, so that relaxing
    the length of c changes the plane spacing and nothing else; where no such number exists, one repeat with
    its tilted c. Compare energies per atom. In-plane orientation as in the interface.
    """
    repeat = repeat_of(film_bulk, film_plane, film_reference)
    deformation = film_deformation(match, substrate_vectors, film_vectors)
    offset, count = repeat.vectors[2, :2], 1
    for k in range(1, MOST_REPEATS + 1):
        rest = wrap_planar(k * offset, repeat.in_plane)
        if np.linalg.norm(rest) < 1e-3 * np.sqrt(abs(np.linalg.det(repeat.in_plane))):
            count = k
            break
    layers = layering(repeat)
    image, _ = layers.window(layers.n_planes - 1)
    once = (repeat.frac + image) @ repeat.vectors
    positions = (once[None] + np.arange(count)[:, None, None] * repeat.vectors[2]).reshape(-1, 3)
    positions = positions - positions[0]
    cell = np.zeros((3, 3))
    cell[:2, :2] = repeat.in_plane @ deformation.T
    cell[2, :2] = wrap_planar(count * offset, repeat.in_plane) @ deformation.T
    cell[2, 2] = count * repeat.height_a
    if np.linalg.norm(cell[2, :2]) < 1e-3 * cell[2, 2]:
        cell[2, :2] = 0.0
    positions[:, :2] = positions[:, :2] @ deformation.T
    species = list(repeat.species) * count
    return make_structure(cell, species, positions, ["bulk"] * len(species))


@dataclass(frozen=True, eq=False)
class InterfaceBuilder:
    """A film on a substrate, in a coherent cell; the slabs are cut once for every stack that is built of them.

    The substrate keeps its lattice; the film is strained onto it.

    Attributes
    ----------
    film_planes, film_min_thickness_a
        Thickness of the film, in planes rounded up to whole repeats; four planes where neither is given.
    substrate_planes, substrate_min_thickness_a
        Thickness of the substrate; four planes where neither is given.
    film_spacing_scale
        Factor on the plane spacing of the film: its relaxed height under the in-plane strain over the unstrained.
    anion_bonds, film_anion_bonds
        Molecular anions of each side, which no cut breaks.
    keep_cell, film_keep_cell
        Repeat the given cell of a side whole, also where it holds a smaller one.
    """

    substrate_bulk: Structure
    substrate_plane: str
    film_bulk: Structure
    film_plane: str
    match: Match
    _: KW_ONLY
    film_planes: int | None = None
    film_min_thickness_a: float | None = None
    termination: int = 0
    substrate_planes: int | None = None
    substrate_min_thickness_a: float | None = None
    film_spacing_scale: float = 1.0
    substrate_reference: Structure | None = None
    film_reference: Structure | None = None
    anion_bonds: AnionBonds = ()
    film_termination: int = 0
    film_anion_bonds: AnionBonds = ()
    keep_cell: bool = False
    film_keep_cell: bool = False

    @cached_property
    def substrate_slab(self) -> SlabAtoms:
        """The substrate in one in-plane cell of its own, before it is repeated."""
        return cut_substrate(self)

    @cached_property
    def film_slab(self) -> SlabAtoms:
        """The film in one in-plane cell of its own, before it is strained."""
        return cut_film(self)

    def count_atoms(self, gap_a: float) -> int:
        """Return the number of atoms of a stack without building it.

        Raises
        ------
        OverlapError
            If the gap is so narrow that atoms across the interface would be closer than 1 Å.
        """
        if _may_overlap(gap_a):
            return self.sandwich(gap_a).n_atoms
        sides = (self.substrate_slab, self.match.n_substrate_cells), (self.film_slab, self.match.n_film_cells)
        return sum(len(slab.species) * n_cells for slab, n_cells in sides)

    def with_film_planes(self, film_planes: int) -> InterfaceBuilder:
        """Return the builder of a film of another height on the same substrate slab."""
        other = replace(self, film_planes=film_planes)
        other.__dict__["substrate_slab"] = self.substrate_slab
        return other

    @cached_property
    def parts(self) -> Parts:
        """Both slabs in the coherent cell, not yet stacked."""
        return parts_of(self)

    def sandwich(self, gap_a: float, shift: tuple[float, float] = (0.0, 0.0)) -> InterfaceCell:
        """Stack substrate and film without vacuum: two interfaces per cell, both with the gap ``gap_a``.

        Where both slabs have inversion centres, the third lattice vector is tilted so that inversion through the film
        centre maps one interface on the other, for odd and even films alike; otherwise it is normal to the plane
        and the registry of the upper interface follows from the stacking.

        Parameters
        ----------
        gap_a
            Distance between the facing outermost atoms, Å.
        shift
            See ``InterfaceCell.shift``.

        Raises
        ------
        OverlapError
            If atoms across the interface are closer than 1 Å.
        """
        parts = self.parts
        sub, film = parts.substrate, parts.film
        planar = _placed(parts, shift)
        lower = sub.thickness_a + gap_a
        period = lower + film.thickness_a + gap_a
        cell = np.zeros((3, 3))
        cell[:2, :2], cell[2, 2] = parts.cell, period
        equivalent = sub.inversion is not None and film.inversion is not None
        if sub.inversion is not None and film.inversion is not None:
            cell[2, :2] = wrap_planar(2.0 * (film.inversion + planar - sub.inversion), parts.substrate_lattice)
        top = film.moved(planar, lower)
        _check_gap(gap_a, sub.positions, top, parts.cell)
        _check_gap(gap_a, top, sub.positions + cell[2], parts.cell)
        return _cell(parts, cell, sub.positions, top, gap_a, shift, interfaces=2, equivalent=equivalent)

    def with_vacuum(
        self, gap_a: float, shift: tuple[float, float] = (0.0, 0.0), *, vacuum_a: float = 15.0, frozen_planes: int = 0
    ) -> InterfaceCell:
        """Put the film on top of the substrate, with vacuum above: one interface and two free surfaces.

        Arguments as for ``sandwich``; ``frozen_planes`` substrate planes from below stay fixed.
        """
        parts = self.parts
        planar = _placed(parts, shift)
        lower = parts.substrate.thickness_a + gap_a
        top = parts.film.moved(planar, lower)
        _check_gap(gap_a, parts.substrate.positions, top, parts.cell)
        cell = np.zeros((3, 3))
        cell[:2, :2], cell[2, 2] = parts.cell, lower + parts.film.thickness_a + vacuum_a
        return _cell(
            parts, cell, parts.substrate.positions, top, gap_a, shift, interfaces=1, frozen_planes=frozen_planes
        )

    def slab(self, part: Literal["substrate", "film"], *, vacuum_a: float = 15.0, frozen_planes: int = 0) -> Structure:
        """Return the substrate slab, or the strained film, alone with vacuum in the in-plane cell of the interface.

        Their surface energies are what the vacuum route subtracts; arguments as for ``with_vacuum``.
        """
        if part not in ("substrate", "film"):
            raise InputError(f"part must be 'substrate' or 'film', not {part!r}")
        body = self.parts.substrate if part == "substrate" else self.parts.film
        cell = np.zeros((3, 3))
        cell[:2, :2], cell[2, 2] = self.parts.cell, body.thickness_a + vacuum_a
        frozen = body.planes < frozen_planes if part == "substrate" else np.zeros(len(body.species), dtype=bool)
        return make_structure(cell, body.species, body.positions, [part] * len(body.species), frozen)


def _placed(parts: Parts, shift: tuple[float, float]) -> np.ndarray:
    """In-plane move of the film that brings its lowest plane to ``shift`` over the highest substrate plane."""
    return parts.substrate.top_anchor - parts.film.bottom_anchor + np.asarray(shift, dtype=float) @ parts.cell


def _may_overlap(gap_a: float) -> bool:
    """Tell whether atoms across the gap may be too close: none is closer than the outermost planes."""
    return gap_a <= CLOSEST_A + 1e-6


def _check_gap(gap_a: float, lower: np.ndarray, upper: np.ndarray, in_plane: np.ndarray) -> None:
    if not _may_overlap(gap_a):
        return
    face_low = lower[lower[:, 2] > lower[:, 2].max() - 3.0]
    face_high = upper[upper[:, 2] < upper[:, 2].min() + 3.0]
    checks.check_overlap(checks.minimum_distance(face_low, in_plane, face_high), CLOSEST_A, "across the interface")


def _cell(
    parts: Parts,
    cell: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    gap_a: float,
    shift: tuple[float, float],
    *,
    interfaces: int,
    equivalent: bool = False,
    frozen_planes: int = 0,
) -> InterfaceCell:
    sub, film = parts.substrate, parts.film
    # half a gap up, so that no atom sits on the edge of the cell
    raised = np.vstack([lower, upper])
    if interfaces == 2:
        raised = raised + np.array([0.0, 0.0, 0.5 * gap_a])
    frozen = np.concatenate([sub.planes < frozen_planes, np.zeros(len(film.species), dtype=bool)])
    roles = ("substrate",) * len(sub.species) + ("film",) * len(film.species)
    return InterfaceCell(
        atoms=CellAtoms(cell, sub.species + film.species, raised, roles, frozen),
        n_film_planes=film.n_planes,
        n_film=len(film.species),
        n_substrate_planes=sub.n_planes,
        n_substrate_formula_units=sub.formula_units,
        area_a2=float(abs(np.linalg.det(parts.cell))),
        n_interfaces=interfaces,
        equivalent_interfaces=equivalent,
        gap_a=gap_a,
        shift=(float(shift[0]), float(shift[1])),
        match=parts.match,
    )
