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

from liface.structures.library.ewald import charges_of, unit_ewald_matrix
from liface.structures.library.filling import VACANCY, Filling, best_filling
from liface.structures.library.occupancies import WholeAtoms, composition_of, kind_of, label, whole_atoms

if TYPE_CHECKING:
    from pymatgen.core import Structure

MAX_CELLS = 4
"""Largest supercell that is tried, in primitive cells."""

MAX_CANDIDATES = 20_000
"""Most fillings that are enumerated; beyond, they are searched."""

SAME_ENERGY_EV = 1e-4
"""Ewald energies closer than this are equal by symmetry."""

MERGE_A = 0.05
"""Sites closer than this in Å are one site with shared occupancy."""


@dataclass(frozen=True)
class _Candidate:
    energy: float
    structure: Structure
    filling: Filling
    whole: WholeAtoms
    shape: tuple[tuple[int, ...], ...]


def order(
    structure: Structure, max_cells: int = MAX_CELLS, max_candidates: int = MAX_CANDIDATES
) -> tuple[Structure, str]:
    """Return an ordered cell of a disordered crystal, and how it was chosen.

    An ordered crystal comes back as it is, with an empty text. The cell is the smallest supercell of the primitive
    cell, of at most ``max_cells``, that holds whole atoms (:func:`.occupancies.whole_atoms`); all shapes of that
    size are compared as long as at most ``max_candidates`` fillings are to be ranked.

    Raises
    ------
    MaterialFileError
        If no cell of that size holds whole atoms.
    """
    if structure.is_ordered:
        return structure, ""
    primitive = _primitive(structure)
    whole = whole_atoms(primitive, max_cells)
    charges, charge_text = charges_of(composition_of(primitive, whole))
    shapes = _shapes(primitive, whole.n_cells)
    first = _candidate(primitive, shapes[0], whole, charges, max_candidates)
    candidates = [first]
    if first.filling.enumerated and first.filling.n_fillings * len(shapes) <= max_candidates:
        candidates += [_candidate(primitive, shape, whole, charges, max_candidates) for shape in shapes[1:]]
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
    primitive: Structure, shape: np.ndarray, whole: WholeAtoms, charges: dict[str, float], max_candidates: int
) -> _Candidate:
    supercell = primitive.copy()
    supercell.make_supercell(shape, to_unit_cell=True)
    kinds = [kind_of(site) for site in supercell]
    groups = []
    for kind, counts in whole.counts.items():
        members = [i for i, other in enumerate(kinds) if other == kind]
        filled = {**counts, VACANCY: len(members) - sum(counts.values())}
        groups.append((members, {symbol: n for symbol, n in sorted(filled.items()) if n > 0}))
    fixed = [kind[0][0] for kind in kinds]
    filling = best_filling(fixed, groups, charges, unit_ewald_matrix(supercell), max_candidates)
    return _Candidate(
        energy=filling.energy,
        structure=_fill(supercell, filling.occupants),
        filling=filling,
        whole=whole,
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
    rounded = f"{best.whole.rounded}; " if best.whole.rounded else ""
    return (
        f"Ordered from {label(disordered)} in {best.whole.n_cells} primitive cell(s), {len(best.structure)} "
        f"atoms, supercell {list(map(list, best.shape))}: {rounded}{how} by Ewald energy ({charge_text}), lowest "
        f"{best.energy / len(best.structure):.4f} eV/atom; ties by symmetry, then by listing."
    )
