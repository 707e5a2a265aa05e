"""Ordered cells for crystals with partly occupied or shared sites, chosen reproducibly.

Every way to fill the sites of the smallest cell that holds whole atoms is ranked by its Ewald energy; equal
energies are decided by the number of symmetry operations and then by the listing of the occupants. Where there are
too many ways, a seeded exchange descent takes the place of the enumeration. The text returned with the cell
tells which was done, so that anyone can repeat it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from liface.errors import MaterialFileError
from liface.structures.library.ewald import charges_of, unit_ewald_matrix
from liface.structures.library.filling import VACANCY, Filling, best_filling

if TYPE_CHECKING:
    from pymatgen.core import Structure

MAX_CELLS = 4
"""Largest supercell that is tried, in primitive cells."""

MAX_CANDIDATES = 20_000
"""Most fillings that are enumerated; beyond, they are searched."""

ATOM_TOLERANCE = 0.05
"""How far occupancy times sites may be from a whole number of atoms: rounding in published occupancies."""

SAME_ENERGY_EV = 1e-4
"""Ewald energies closer than this are equal by symmetry."""

MERGE_A = 0.05
"""Sites closer than this in Å are one site with shared occupancy."""


@dataclass(frozen=True)
class _Candidate:
    energy: float
    structure: Structure
    filling: Filling
    n_cells: int
    shape: tuple[tuple[int, ...], ...]


def order(
    structure: Structure, max_cells: int = MAX_CELLS, max_candidates: int = MAX_CANDIDATES
) -> tuple[Structure, str]:
    """Return an ordered cell of a disordered crystal, and how it was chosen.

    An ordered crystal comes back as it is, with an empty text. The cell is the smallest supercell of the primitive
    cell, of at most ``max_cells``, in which all occupancies give whole atoms; all shapes of that size are compared
    as long as at most ``max_candidates`` fillings are to be ranked.

    Raises
    ------
    MaterialFileError
        If no cell of that size holds whole atoms.
    """
    if structure.is_ordered:
        return structure, ""
    primitive = _primitive(structure)
    n_cells = _cells_needed(primitive, max_cells)
    charges, charge_text = charges_of(primitive.composition)
    shapes = _shapes(primitive, n_cells)
    first = _candidate(primitive, shapes[0], n_cells, charges, max_candidates)
    candidates = [first]
    if first.filling.enumerated and first.filling.n_fillings * len(shapes) <= max_candidates:
        candidates += [_candidate(primitive, shape, n_cells, charges, max_candidates) for shape in shapes[1:]]
    best = _choose(candidates)
    return best.structure, _record(structure, best, candidates, charge_text)


def _choose(candidates: list[_Candidate]) -> _Candidate:
    """Take the lowest energy; among equal ones the most symmetric, then the most compact cell."""
    lowest = min(candidate.energy for candidate in candidates)
    equal = [c for c in candidates if c.energy < lowest + SAME_ENERGY_EV * len(c.structure)]
    return max(equal, key=lambda c: _n_operations(c.structure))


def _n_operations(structure: Structure) -> int:
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    return len(SpacegroupAnalyzer(structure, symprec=0.01).get_symmetry_operations())


def _primitive(structure: Structure) -> Structure:
    plain = structure.copy()
    plain.remove_oxidation_states()
    return plain.get_primitive_structure(tolerance=MERGE_A).get_reduced_structure()


def _cells_needed(primitive: Structure, max_cells: int) -> int:
    occupancies = _group_totals(primitive)
    for n in range(1, max_cells + 1):
        totals = [n * total for totals in occupancies.values() for total in totals.values()]
        if all(abs(total - round(total)) <= ATOM_TOLERANCE for total in totals):
            return n
    shown = "; ".join(
        f"{' '.join(f'{s} {total:.3g}' for s, total in totals.items())} atoms on {_n_sites(primitive, key)} sites"
        for key, totals in occupancies.items()
    )
    raise MaterialFileError(
        f"{structure_label(primitive)}: the occupancies give no whole atoms in up to {max_cells} primitive cells "
        f"({shown}); round the occupancies in the CIF to simple fractions such as 1/2 or 1/4, or give an ordered cell"
    )


def structure_label(structure: Structure) -> str:
    """Return a short name for messages."""
    return "".join(f"{element}{amount:.4g}" for element, amount in structure.composition.items())


def _group_key(site: object) -> tuple[tuple[str, float], ...]:
    species = getattr(site, "species")  # noqa: B009 - PeriodicSite, kept untyped to spare the import
    return tuple(sorted((element.symbol, round(float(amount), 4)) for element, amount in species.items()))


def _group_totals(primitive: Structure) -> dict[tuple, dict[str, float]]:
    """Return, for each kind of shared site, the atoms of each element on all sites of that kind."""
    totals: dict[tuple, dict[str, float]] = {}
    for site in primitive:
        key = _group_key(site)
        if len(key) == 1 and abs(key[0][1] - 1) < 1e-3:
            continue
        group = totals.setdefault(key, {symbol: 0.0 for symbol, _ in key})
        for symbol, amount in key:
            group[symbol] += amount
    return totals


def _n_sites(primitive: Structure, key: tuple) -> int:
    return sum(_group_key(site) == key for site in primitive)


def _shapes(primitive: Structure, n: int) -> list[np.ndarray]:
    """Return the integer matrices of all supercells of ``n`` cells, the most compact first."""
    shapes = []
    for a in (d for d in range(1, n + 1) if n % d == 0):
        for c in (d for d in range(1, n // a + 1) if (n // a) % d == 0):
            f = n // a // c
            for b, d, e in product(range(c), range(f), range(f)):
                shapes.append(np.array([[a, b, d], [0, c, e], [0, 0, f]]))

    def spread(shape: np.ndarray) -> tuple:
        from pymatgen.core import Lattice

        lattice = Lattice(shape @ primitive.lattice.matrix).get_niggli_reduced_lattice()
        return round(sum(length**2 for length in lattice.abc), 3), tuple(shape.ravel().tolist())

    return sorted(shapes, key=spread)


def _candidate(
    primitive: Structure, shape: np.ndarray, n_cells: int, charges: dict[str, float], max_candidates: int
) -> _Candidate:
    supercell = primitive.copy()
    supercell.make_supercell(shape, to_unit_cell=True)
    keys = [_group_key(site) for site in supercell]
    groups = []
    for key in sorted({key for key in keys if len(key) > 1 or key[0][1] < 1 - 1e-3}):
        members = [i for i, other in enumerate(keys) if other == key]
        counts = {symbol: round(amount * len(members)) for symbol, amount in key}
        counts[VACANCY] = len(members) - sum(counts.values())
        groups.append((members, {symbol: n for symbol, n in sorted(counts.items()) if n > 0}))
    fixed = [key[0][0] for key in keys]
    matrix = unit_ewald_matrix(supercell)
    filling = best_filling(fixed, groups, charges, matrix, max_candidates)
    return _Candidate(
        energy=filling.energy,
        structure=_fill(supercell, filling.occupants),
        filling=filling,
        n_cells=n_cells,
        shape=tuple(map(tuple, shape.tolist())),
    )


def _fill(supercell: Structure, occupants: tuple[str, ...]) -> Structure:
    from pymatgen.core import Structure

    kept = [i for i, symbol in enumerate(occupants) if symbol != VACANCY]
    return Structure(
        supercell.lattice, [occupants[i] for i in kept], supercell.frac_coords[kept]
    ).get_sorted_structure()


def _record(disordered: Structure, best: _Candidate, candidates: list[_Candidate], charge_text: str) -> str:
    filling = best.filling
    if filling.enumerated:
        how = f"all {filling.n_fillings} fillings of each of {len(candidates)} cell shape(s) ranked"
    else:
        how = f"{filling.n_fillings:.2e} fillings searched by {filling.n_starts} seeded exchange descents"
    return (
        f"Ordered from {structure_label(disordered)} in {best.n_cells} primitive cell(s), {len(best.structure)} "
        f"atoms, supercell {list(map(list, best.shape))}: {how} by Ewald energy ({charge_text}), lowest "
        f"{best.energy / len(best.structure):.4f} eV/atom; ties by symmetry, then by listing."
    )
