"""What a slab must satisfy, checked after building: builders that round heights are known to tear planes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files
from math import gcd
from typing import TYPE_CHECKING

import numpy as np

from liface.errors import BrokenAnionError, NonStoichiometricSlabError, OverlapError, SplitPlaneError
from liface.structures.layers import AnionBonds, bonded_pairs

if TYPE_CHECKING:
    from pymatgen.core import Composition, Structure

LAYER_SYMPREC_A = 0.05
"""Tolerance in Å for the symmetry of slabs; looser than for bulk, slabs inherit relaxed coordinates."""

POLAR_DIPOLE_A = 0.05
"""Dipole of one repeat over its total absolute charge, Å, from which a termination counts as polar."""


_SHIFTS = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
"""In-plane images that are looked at, in lattice vectors."""


def formula_units(species: Sequence[str]) -> int:
    """Return the number of reduced formula units."""
    return gcd(*Counter(species).values())


def check_stoichiometry(species: Sequence[str], bulk_species: Sequence[str]) -> float:
    """Return the number of formula units; raise NonStoichiometricSlabError where it is not whole."""
    slab, bulk = Counter(species), Counter(bulk_species)
    units = formula_units(bulk_species)
    ratios = {s: slab.get(s, 0) * units / bulk[s] for s in bulk}
    number = next(iter(ratios.values()))
    if set(slab) - set(bulk) or any(abs(r - number) > 1e-9 for r in ratios.values()) or number % 1:
        raise NonStoichiometricSlabError(
            f"slab {dict(sorted(slab.items()))} is no whole number of bulk formula units "
            f"{ {s: n // units for s, n in sorted(bulk.items())} }; cut whole repeats"
        )
    return number


def check_planes(
    heights_a: np.ndarray, planes: np.ndarray, period: int, repeat_height_a: float, tolerance_a: float = 0.3
) -> None:
    """Raise SplitPlaneError unless equal planes lie whole repeats apart and hold equally many units.

    Parameters
    ----------
    heights_a
        Height of each unit (atom or anion centre), Å.
    planes
        Plane of each unit, 0 at the bottom.
    period
        Planes in one repeat.
    repeat_height_a
        Thickness of one repeat, Å.
    tolerance_a
        Largest deviation, Å.
    """
    count = int(planes.max()) + 1
    sizes = np.bincount(planes, minlength=count)
    means = np.bincount(planes, weights=heights_a, minlength=count) / np.maximum(sizes, 1)
    for p in range(period, count):
        step = means[p] - means[p - period]
        if sizes[p] != sizes[p - period] or abs(step - repeat_height_a) > tolerance_a:
            raise SplitPlaneError(
                f"plane {p} has {sizes[p]} units {step:.3f} Å above plane {p - period} with "
                f"{sizes[p - period]}; equal planes must be {repeat_height_a:.3f} Å apart"
            )


def minimum_distance(positions: np.ndarray, in_plane: np.ndarray, others: np.ndarray | None = None) -> float:
    """Return the shortest distance in Å between atoms of a slab periodic in plane only.

    Parameters
    ----------
    positions
        Cartesian, Å, shape (n, 3).
    in_plane
        In-plane vectors as rows, Å, shape (2, 2).
    others
        If given, only distances between the two sets count.
    """
    second = positions if others is None else others
    delta = (second[None, :, :] - positions[:, None, :]).reshape(-1, 3)
    shortest = np.inf
    if others is None:
        delta = delta[~np.eye(len(positions), dtype=bool).reshape(-1)]
        shortest = min(float(shift @ shift) for shift in _SHIFTS @ in_plane if shift.any())
    planar = np.linalg.solve(in_plane.T, delta[:, :2].T).T
    x, y = ((planar - np.rint(planar)) @ in_plane).T
    z = delta[:, 2] ** 2
    shortest = float((x**2 + y**2 + z).min(initial=shortest))
    near = z <= shortest  # no image of the others comes closer
    x, y, z = x[near], y[near], z[near]
    for dx, dy in _SHIFTS @ in_plane:
        shortest = float(((x + dx) ** 2 + (y + dy) ** 2 + z).min(initial=shortest))
    return float(np.sqrt(shortest))


def check_overlap(distance_a: float, smallest_a: float, what: str) -> None:
    """Raise OverlapError where atoms are closer than ``smallest_a`` (Å)."""
    if distance_a < smallest_a:
        raise OverlapError(
            f"{what}: two atoms are {distance_a:.2f} Å apart, at least {smallest_a:.2f} Å expected; "
            "raise the gap or look at the bulk structure"
        )


def anion_bond_count(structure: Structure, anion_bonds: AnionBonds) -> int:
    """Count the bonds inside molecular anions, periodic images included."""
    symbols = tuple(str(site.specie.symbol) for site in structure)
    return len(bonded_pairs(structure.frac_coords, structure.lattice.matrix, symbols, anion_bonds))


def check_anions(found: int, expected: int, anion_bonds: AnionBonds) -> None:
    """Raise BrokenAnionError where bonds inside molecular anions are missing."""
    if found != expected:
        pairs = ", ".join(f"{centre}-{ligand}" for centre, ligand, _ in anion_bonds)
        raise BrokenAnionError(
            f"{found} of {expected} bonds inside molecular anions ({pairs}) are left; "
            "choose a termination that keeps them whole"
        )


def layer_operations(
    positions: np.ndarray, in_plane: np.ndarray, species: Sequence[str], symprec: float = LAYER_SYMPREC_A
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rotations and translations (fractional) of the layer group of a free slab.

    The slab is put in a cell with c along z and enough vacuum that only layer operations survive.
    """
    import spglib

    heights = positions[:, 2]
    height = float(np.ptp(heights)) + 20.0
    cell = np.zeros((3, 3))
    cell[:2, :2], cell[2, 2] = in_plane, height
    centred = positions - [0.0, 0.0, 0.5 * (heights.max() + heights.min()) - 0.5 * height]
    numbers = {s: i for i, s in enumerate(sorted(set(species)))}
    fractional = np.linalg.solve(cell.T, centred.T).T
    found = spglib.get_symmetry((cell.tolist(), fractional.tolist(), [numbers[s] for s in species]), symprec=symprec)
    if found is None:
        return np.eye(3, dtype=int)[None], np.zeros((1, 3))
    return found["rotations"], found["translations"]


def inversion_centre(operations: tuple[np.ndarray, np.ndarray], in_plane: np.ndarray) -> np.ndarray | None:
    """Return the in-plane position (Å, shape (2,)) of an inversion centre of a free slab, or None.

    ``operations`` are those of its layer group, from :func:`layer_operations`.
    """
    rotations, translations = operations
    inverting = (rotations == -np.eye(3, dtype=int)).all(axis=(1, 2))
    if not inverting.any():
        return None
    planar = np.round(translations[inverting][:, :2] % 1.0, 6) % 1.0
    first = min(planar.tolist())
    return 0.5 * np.array(first) @ in_plane


def reverses_normal(rotations: np.ndarray) -> bool:
    """Tell whether one of the layer operations exchanges the two faces."""
    flips = (rotations[:, 2, 2] == -1) & (rotations[:, 2, :2] == 0).all(axis=1)
    return bool(flips.any())


def faces_equivalent(structure: Structure, symprec: float = LAYER_SYMPREC_A) -> bool:
    """Tell whether a layer-group operation maps one face of a free slab on the other."""
    cell = structure.lattice.matrix
    symbols = [str(site.specie.symbol) for site in structure]
    rotations, _ = layer_operations(structure.cart_coords, cell[:2, :2], symbols, symprec)
    return reverses_normal(rotations)


@lru_cache(maxsize=256)
def formal_charges(formula: str) -> dict[str, float]:
    """Return the likeliest formal charge of each element; zeros for metals and where none is found."""
    from pymatgen.core import Composition

    composition = Composition(formula).reduced_composition
    zero = {e.symbol: 0.0 for e in composition.elements}
    if all(e.is_metal or e.is_metalloid for e in composition.elements) or len(zero) == 1:
        return zero
    guesses = guessed_charges(composition)
    return {**zero, **guesses[0]} if guesses else zero


def guessed_charges(composition: Composition, max_sites: int | None = None) -> tuple[dict[str, float], ...]:
    """Return what pymatgen takes for the charges of the elements, the likeliest first.

    Its table of how often oxidation states occur is read here, as its own reader of YAML, written in Python, takes a
    second for it, and that of PyYAML some hundredths.
    """
    import yaml
    from pymatgen.core import Composition, Species

    if Composition.oxi_prob is None:
        table = files("pymatgen.core") / "icsd_bv.yaml"
        if table.is_file():  # elsewhere in another version, which then reads it as it always does
            loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
            read = loader(table.read_bytes()).get_single_data()
            Composition.oxi_prob = {Species.from_str(name): count for name, count in read["occurrence"].items()}
    return tuple(composition.oxi_state_guesses(max_sites=max_sites))


def repeat_dipole(heights_a: np.ndarray, species: Sequence[str]) -> float:
    """Return the dipole of one repeat along the normal over its total absolute charge, Å."""
    counts = Counter(species)
    formula = "".join(f"{s}{n}" for s, n in sorted(counts.items()))
    table = formal_charges(formula)
    charges = np.array([table[s] for s in species])
    total = float(np.abs(charges).sum())
    return float(charges @ heights_a) / total if total else 0.0
