"""Slabs of any crystal along any plane, their terminations told apart by index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from liface.structures import checks
from liface.structures.cells import CellAtoms
from liface.structures.crystal import repeat_of
from liface.structures.cutting import cut_slab, cuts_of, planar_supercell
from liface.structures.integers import IDENTITY_2, IntMatrix2
from liface.structures.layers import AnionBonds

if TYPE_CHECKING:
    from pymatgen.core import Structure


@dataclass(frozen=True)
class Termination:
    """One way to end a crystal along a normal.

    Attributes
    ----------
    index
        Number along the normal; 0 is the most natural cut.
    composition
        Species of the top plane, e.g. ``Li`` or ``LiF``.
    shift_a
        Height of the cut in the repeat, measured from the cut of index 0, Å.
    broken_anions
        The cut runs through molecular anions.
    polar
        A repeat that ends so carries a dipole along the normal (Tasker type 3).
    """

    index: int
    composition: str
    shift_a: float
    broken_anions: bool
    polar: bool


@dataclass(frozen=True, eq=False)
class Slab:
    """A slab between two vacuum half-spaces.

    Attributes
    ----------
    structure
        a along x, b in the xy plane, c along z with the vacuum; the lowest atom at z = 0, the first atom of the
        bottom plane at the in-plane origin. Site properties ``role`` and ``selective_dynamics``.
    n_planes
        Atomic planes; a molecular anion counts at the height of its centre.
    thickness_a
        Distance between the lowest and the highest atom, Å.
    area_a2
        Area of one face, Å².
    repeats
        Crystal repeats along the normal.
    equal_faces
        A layer-group operation maps one face on the other.
    centrosymmetric
        The slab has an inversion centre.
    polar
        The termination carries a dipole along the normal, from formal charges.
    n_formula_units
        Reduced formula units in the cell.
    stacking
        In-plane offset at which the crystal goes on above the slab, Å, shape (2,).
    """

    structure: Structure
    plane: str
    termination: int
    n_planes: int
    thickness_a: float
    area_a2: float
    vacuum_a: float
    repeats: int
    equal_faces: bool
    centrosymmetric: bool
    polar: bool
    n_formula_units: float
    stacking: np.ndarray


def terminations(
    bulk: Structure,
    plane: str,
    *,
    anion_bonds: AnionBonds = (),
    include_broken: bool = False,
    reference: Structure | None = None,
    keep_cell: bool = False,
) -> tuple[Termination, ...]:
    """Return the terminations of a plane, ordered along the normal.

    Index 0 is the most natural one (non-polar, equal faces, widest gap). Terminations equal by a symmetry that
    keeps the normal are listed once. Cuts through molecular anions are left out unless ``include_broken``,
    and then come last.
    """
    repeat = repeat_of(bulk, plane, reference, keep_cell)
    cuts = cuts_of(repeat, anion_bonds, include_broken)
    return tuple(
        Termination(
            index=i,
            composition=cut.composition,
            shift_a=round((cut.height - cuts[0].height) % 1.0 * repeat.height_a, 6),
            broken_anions=cut.broken_anions,
            polar=cut.polar,
        )
        for i, cut in enumerate(cuts)
    )


def build_slab(
    bulk: Structure,
    plane: str,
    *,
    termination: int = 0,
    n_planes: int | None = None,
    min_thickness_a: float | None = None,
    vacuum_a: float = 15.0,
    frozen_planes: int = 0,
    supercell: IntMatrix2 = IDENTITY_2,
    anion_bonds: AnionBonds = (),
    role: str = "substrate",
    reference: Structure | None = None,
    include_broken: bool = False,
    keep_cell: bool = False,
) -> Slab:
    """Build a stoichiometric slab and check it.

    Parameters
    ----------
    bulk
        The crystal; its lattice and positions are used as they are.
    plane
        Miller indices on the conventional axes of ``reference``.
    termination
        Index from ``terminations``.
    n_planes
        Atomic planes, rounded up to whole repeats.
    min_thickness_a
        Smallest distance between the outermost atoms, Å. With ``n_planes`` the thicker of both; with neither,
        10 Å.
    vacuum_a
        Empty space above the slab, Å.
    frozen_planes
        Planes from the bottom whose atoms stay fixed.
    supercell
        Rows: in-plane vectors of the slab in the basis of ``in_plane_vectors``.
    anion_bonds
        (centre, ligand, largest distance in Å) of molecular anions, which are kept whole.
    reference
        The same cell before relaxation; decides all whole numbers. Default: the bulk.
    keep_cell
        Repeat the given cell whole, also where it holds a smaller one.
    include_broken
        Count also the terminations that cut molecular anions.

    Raises
    ------
    MillerIndexError, TerminationError
        If there is no such plane or termination.
    SplitPlaneError, NonStoichiometricSlabError, BrokenAnionError, OverlapError
        If the slab fails a check.
    """
    atoms = cut_slab(
        bulk,
        plane,
        termination=termination,
        n_planes=n_planes,
        min_thickness_a=min_thickness_a,
        anion_bonds=anion_bonds,
        include_broken=include_broken,
        reference=reference,
        keep_cell=keep_cell,
    )
    copies, vectors = planar_supercell(atoms, supercell)
    positions = tile(atoms.positions, copies)
    cell = np.zeros((3, 3))
    cell[:2, :2], cell[2, 2] = vectors, atoms.thickness_a + vacuum_a
    species = [s for s in atoms.species for _ in copies]
    return Slab(
        structure=make_structure(
            cell, species, positions, [role] * len(species), np.repeat(atoms.planes < frozen_planes, len(copies))
        ),
        plane=atoms.repeat.label,
        termination=termination,
        n_planes=atoms.n_planes,
        thickness_a=atoms.thickness_a,
        area_a2=float(abs(np.linalg.det(vectors))),
        vacuum_a=vacuum_a,
        repeats=atoms.repeats,
        equal_faces=atoms.equal_faces,
        centrosymmetric=atoms.inversion is not None,
        polar=atoms.cut.polar,
        n_formula_units=checks.check_stoichiometry(species, atoms.repeat.species),
        stacking=atoms.stacking,
    )


def tile(positions: np.ndarray, copies: np.ndarray) -> np.ndarray:
    """Repeat positions (n, 3) at the in-plane offsets (k, 2), Å; the copies of an atom stay together."""
    offsets = np.column_stack([copies, np.zeros(len(copies))])
    return (positions[:, None, :] + offsets[None]).reshape(-1, 3)


def make_structure(
    cell: np.ndarray,
    species: Sequence[str],
    positions: np.ndarray,
    roles: Sequence[str],
    frozen: np.ndarray | None = None,
) -> Structure:
    """Return a pymatgen structure with ``role`` and ``selective_dynamics``; in-plane coordinates in [0, 1)."""
    fixed = np.zeros(len(species), dtype=bool) if frozen is None else frozen
    return CellAtoms(cell, tuple(species), positions, tuple(roles), fixed).structure
