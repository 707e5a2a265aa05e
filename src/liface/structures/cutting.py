"""Cutting a slab out of a crystal, as plain arrays."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from liface.errors import InputError, MillerIndexError, TerminationError
from liface.structures import checks
from liface.structures.content import read_only
from liface.structures.crystal import Repeat, repeat_of
from liface.structures.integers import IDENTITY_2, IntMatrix2, lattice_points
from liface.structures.layers import AnionBonds, Layering, bonded_pairs, layering

if TYPE_CHECKING:
    from pymatgen.core import Structure

SLABS_KEPT = 64
"""Slabs that are remembered, the latest: those of one pair of planes serve all its matches, gaps and shifts."""

DEFAULT_THICKNESS_A = 10.0
"""Thickness asked for where neither planes nor a thickness are given, Å."""


@dataclass(frozen=True, eq=False)
class Cut:
    """One way to end a slab: the layering it belongs to and its top plane."""

    layers: Layering
    top: int
    composition: str
    gap_a: float
    height: float
    broken_anions: bool
    polar: bool
    equal_faces: bool


@dataclass(frozen=True, eq=False)
class SlabAtoms:
    """A free slab without vacuum, one in-plane cell of the crystal; its arrays are shared and cannot be written to.

    The lowest atom lies at z = 0; the first atom of the bottom plane lies at the in-plane origin.
    """

    repeat: Repeat
    cut: Cut
    positions: np.ndarray
    species: tuple[str, ...]
    planes: np.ndarray
    n_planes: int
    repeats: int
    top_anchor: np.ndarray
    inversion: np.ndarray | None
    equal_faces: bool

    @property
    def in_plane(self) -> np.ndarray:
        """In-plane vectors as rows, Å."""
        return self.repeat.in_plane

    @property
    def thickness_a(self) -> float:
        """Distance from the lowest to the highest atom, Å."""
        return float(np.ptp(self.positions[:, 2]))

    @property
    def stacking(self) -> np.ndarray:
        """In-plane offset at which the crystal goes on above this slab, Å, shape (2,)."""
        offset = self.repeats * self.repeat.vectors[2, :2]
        return wrap_planar(offset, self.in_plane)


def wrap_planar(offset: np.ndarray, in_plane: np.ndarray) -> np.ndarray:
    """Return the shortest in-plane vector (Å) equal to ``offset`` up to lattice vectors."""
    fractional = np.linalg.solve(in_plane.T, offset)
    base = fractional - np.rint(fractional)
    steps = np.stack(np.meshgrid([0, -1, 1], [0, -1, 1], indexing="ij"), axis=-1).reshape(-1, 2)
    trials = (base + steps) @ in_plane
    lengths = np.linalg.norm(trials, axis=1)
    shortest = trials[lengths < lengths.min() + 1e-3]
    return max(shortest, key=lambda v: tuple(float(x) for x in v.round(3)))  # noise must not decide between equals


@lru_cache(maxsize=SLABS_KEPT)
def cuts_of(repeat: Repeat, anion_bonds: AnionBonds = (), include_broken: bool = False) -> tuple[Cut, ...]:
    """Return the distinct cuts of a repeat, in order along the normal.

    Counting starts at the most natural cut: non-polar before polar, equal faces before different ones,
    then the widest gap, then the top composition. Cuts that a translation, screw axis or glide plane of the
    crystal maps on each other are one; a cut and the same cut upside down remain two. Cuts through
    molecular anions follow after the others, on request only.
    """
    whole = layering(repeat, anion_bonds)
    cuts = _distinct(repeat, whole, [_cut(repeat, whole, k, broken=False) for k in range(whole.n_planes)])
    if not (include_broken and anion_bonds):
        return cuts
    single = layering(repeat)
    torn = [
        _cut(repeat, single, k, broken=True)
        for k in range(single.n_planes)
        if _bonds_in_window(repeat, single, k, anion_bonds) < _bonds_in_bulk(repeat, anion_bonds)
    ]
    return cuts + (_distinct(repeat, single, torn) if torn else ())


def _cut(repeat: Repeat, layers: Layering, top: int, broken: bool) -> Cut:
    image, plane = layers.window(top)
    heights = (repeat.frac_reference + image) @ repeat.vectors
    members = np.flatnonzero(plane == layers.n_planes - 1)
    middle = _middle(layers, top)
    dipole = checks.repeat_dipole(heights[:, 2], repeat.species)
    return Cut(
        layers=layers,
        top=top,
        composition=_formula([repeat.species[i] for i in members]),
        gap_a=float(layers.gaps_a[top]),
        height=middle,
        broken_anions=broken,
        polar=abs(dipole) > checks.POLAR_DIPOLE_A,
        equal_faces=any(
            sign < 0 and _near(-middle + shift, middle, repeat.height_a) for sign, shift in repeat.operations
        ),
    )


def _middle(layers: Layering, top: int) -> float:
    """Height of the middle of the gap above a plane, fraction of the repeat."""
    above = (top + 1) % layers.n_planes
    upper = layers.heights[above] + (1.0 if above <= top else 0.0)
    return float(0.5 * (layers.heights[top] + upper))


def _near(first: float, second: float, height_a: float) -> bool:
    difference = first - second
    return abs(difference - round(difference)) * height_a < 0.05


def _formula(species: list[str]) -> str:
    from pymatgen.core import Element

    counts = Counter(species)
    divisor = checks.formula_units(species)
    ordered = sorted(counts, key=lambda s: (Element(s).X, s))
    return "".join(f"{s}{counts[s] // divisor if counts[s] > divisor else ''}" for s in ordered)


def _distinct(repeat: Repeat, layers: Layering, cuts: list[Cut]) -> tuple[Cut, ...]:
    """Start at the most natural cut, go along the normal, drop what a symmetry repeats."""
    widest = max(c.gap_a for c in cuts)

    def natural(cut: Cut) -> tuple:
        narrower = round((widest - cut.gap_a) / 0.05)
        above = tuple(
            _formula([repeat.species[i] for i in np.flatnonzero(layers.atom_plane == p % layers.n_planes)])
            for p in range(cut.top, cut.top - layers.n_planes, -1)
        )
        return cut.polar, not cut.equal_faces, narrower, above, cut.top

    first = min(range(len(cuts)), key=lambda i: natural(cuts[i]))
    kept: list[Cut] = []
    for cut in cuts[first:] + cuts[:first]:
        images = [cut.height + shift for sign, shift in repeat.operations if sign > 0]
        if not any(_near(i, k.height, repeat.height_a) for k in kept for i in images):
            kept.append(cut)
    return tuple(kept)


def _bonds_in_bulk(repeat: Repeat, anion_bonds: AnionBonds) -> int:
    return len(bonded_pairs(repeat.frac_reference, repeat.vectors, repeat.species, anion_bonds))


def _bonds_in_window(repeat: Repeat, layers: Layering, top: int, anion_bonds: AnionBonds) -> int:
    image, _ = layers.window(top)
    frac = repeat.frac_reference + image
    pairs = bonded_pairs(frac, repeat.vectors, repeat.species, anion_bonds)
    return sum(offset[2] == 0 for _, _, offset in pairs)


def cut_slab(
    bulk: Structure,
    plane: str,
    *,
    termination: int = 0,
    n_planes: int | None = None,
    min_thickness_a: float | None = None,
    anion_bonds: AnionBonds = (),
    include_broken: bool = False,
    reference: Structure | None = None,
    keep_cell: bool = False,
) -> SlabAtoms:
    """Cut a slab of whole repeats; see ``build_slab`` for the arguments."""
    repeat = repeat_of(bulk, plane, reference, keep_cell)
    cuts = cuts_of(repeat, anion_bonds, include_broken)
    if not 0 <= termination < len(cuts):
        listing = ", ".join(f"{i} ({c.composition})" for i, c in enumerate(cuts))
        raise TerminationError(
            f"{bulk.composition.reduced_formula}({repeat.label}) has no termination {termination}; "
            f"choose from {listing}"
        )
    return _slab_of(repeat, cuts[termination], n_planes, min_thickness_a, anion_bonds)


@lru_cache(maxsize=SLABS_KEPT)
def _slab_of(
    repeat: Repeat, cut: Cut, n_planes: int | None, min_thickness_a: float | None, anion_bonds: AnionBonds
) -> SlabAtoms:
    image, window_planes = cut.layers.window(cut.top)
    cell = (repeat.frac + image) @ repeat.vectors
    count = _repeats(cut, float(np.ptp(cell[:, 2])), repeat.height_a, n_planes, min_thickness_a)
    order = np.lexsort((np.arange(len(cell)), window_planes))
    steps = np.arange(count)
    positions = (cell[order][None] + steps[:, None, None] * repeat.vectors[2]).reshape(-1, 3)
    planes = (window_planes[order][None] + steps[:, None] * cut.layers.n_planes).reshape(-1)
    species = tuple(repeat.species[i] for i in order) * count
    positions = positions - [*positions[0, :2], positions[:, 2].min()]
    operations = checks.layer_operations(positions, repeat.in_plane, species)
    slab = SlabAtoms(
        repeat=repeat,
        cut=cut,
        positions=read_only(positions),
        species=species,
        planes=read_only(planes),
        n_planes=count * cut.layers.n_planes,
        repeats=count,
        top_anchor=read_only(positions[int(np.flatnonzero(planes == planes.max())[0]), :2].copy()),
        inversion=checks.inversion_centre(operations, repeat.in_plane),
        equal_faces=checks.reverses_normal(operations[0]),
    )
    _check(slab, order, anion_bonds)
    return slab


def _repeats(cut: Cut, extent_a: float, height_a: float, n_planes: int | None, min_thickness_a: float | None) -> int:
    if n_planes is not None and n_planes < 1:
        raise InputError(f"a slab needs at least one atomic plane, not {n_planes}")
    if min_thickness_a is not None and not min_thickness_a >= 0:
        raise InputError(f"the thickness of a slab must be positive, not {min_thickness_a} Å")
    if n_planes is None and min_thickness_a is None:
        min_thickness_a = DEFAULT_THICKNESS_A
    count = 1
    if n_planes is not None:
        count = ceil(n_planes / cut.layers.n_planes)
    if min_thickness_a is not None:
        count = max(count, 1 + ceil((min_thickness_a - extent_a) / height_a - 1e-3))
    return count


def _check(slab: SlabAtoms, order: np.ndarray, anion_bonds: AnionBonds) -> None:
    repeat, layers = slab.repeat, slab.cut.layers
    checks.check_stoichiometry(slab.species, repeat.species)
    units = layers.unit_of_atom[order]
    n_units = int(units.max()) + 1
    labels = (units[None] + n_units * np.arange(slab.repeats)[:, None]).reshape(-1)
    members = np.bincount(labels)
    heights = np.bincount(labels, weights=slab.positions[:, 2]) / members
    planes = np.rint(np.bincount(labels, weights=slab.planes) / members).astype(int)
    checks.check_planes(heights, planes, layers.n_planes, repeat.height_a)
    shortest = checks.minimum_distance(slab.positions, repeat.in_plane)
    checks.check_overlap(shortest, 0.5, f"slab {repeat.label}")
    if anion_bonds and not slab.cut.broken_anions:
        expected = _bonds_in_bulk_actual(repeat, anion_bonds)
        image, _ = layers.window(slab.cut.top)
        pairs = bonded_pairs(repeat.frac + image, repeat.vectors, repeat.species, anion_bonds)
        checks.check_anions(sum(offset[2] == 0 for _, _, offset in pairs), expected, anion_bonds)


def _bonds_in_bulk_actual(repeat: Repeat, anion_bonds: AnionBonds) -> int:
    return len(bonded_pairs(repeat.frac, repeat.vectors, repeat.species, anion_bonds))


def planar_supercell(slab: SlabAtoms, supercell: IntMatrix2 = IDENTITY_2) -> tuple[np.ndarray, np.ndarray]:
    """Return (copies, vectors): the in-plane offset of each copy and the supercell rows, Å."""
    matrix = np.array(supercell, dtype=int)
    if matrix.shape != (2, 2) or round(float(np.linalg.det(matrix))) <= 0:
        raise MillerIndexError(f"in-plane supercell {supercell} must be 2x2 whole numbers, determinant > 0")
    return lattice_points(matrix) @ slab.in_plane, matrix @ slab.in_plane
