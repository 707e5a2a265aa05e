"""Molecular anions such as PS4 and SO4, found by their short bonds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from liface.structures.library.material import AnionBond

BOND_LIMITS: tuple[AnionBond, ...] = (
    ("P", "S", 2.4),
    ("P", "O", 1.8),
    ("P", "Se", 2.55),
    ("P", "F", 1.8),
    ("S", "O", 1.75),
    ("Se", "O", 1.9),
    ("N", "O", 1.5),
    ("C", "O", 1.5),
    ("C", "N", 1.5),
    ("B", "O", 1.65),
    ("B", "F", 1.6),
    ("B", "H", 1.4),
    ("B", "S", 2.05),
    ("N", "H", 1.2),
    ("O", "H", 1.2),
    ("Cl", "O", 1.65),
    ("Si", "O", 1.85),
    ("Si", "S", 2.35),
    ("Ge", "S", 2.45),
    ("Ge", "O", 1.95),
    ("Sn", "S", 2.6),
    ("As", "S", 2.45),
    ("As", "O", 1.9),
    ("Sb", "S", 2.6),
)
"""(centre, ligand, Å): single covalent bond lengths plus about 0.3 Å, well below the next shell."""


def molecular_anions(structure: Structure) -> tuple[AnionBond, ...]:
    """Return the bonds of an ordered crystal that hold finite molecules together.

    Networks that run through the crystal (the Si–O bonds of quartz) are no molecules: any surface cuts them.
    """
    present = {site.specie.symbol for site in structure}
    candidates = [bond for bond in BOND_LIMITS if bond[0] in present and bond[1] in present]
    return tuple(bond for bond in candidates if _holds_molecules(structure, bond))


def _holds_molecules(structure: Structure, bond: AnionBond) -> bool:
    neighbours = _neighbours(structure, bond)
    seen: dict[int, tuple[int, int, int]] = {}
    for start in neighbours:
        if start in seen:
            continue
        seen[start] = (0, 0, 0)
        stack = [start]
        while stack:
            here = stack.pop()
            for there, offset in neighbours[here]:
                image = tuple(a + b for a, b in zip(seen[here], offset, strict=True))
                if there not in seen:
                    seen[there] = (image[0], image[1], image[2])
                    stack.append(there)
                elif seen[there] != image:  # reached again in another cell: the bonds never end
                    return False
    return bool(neighbours)


def _neighbours(structure: Structure, bond: AnionBond) -> dict[int, list[tuple[int, tuple[int, int, int]]]]:
    """Return for each bonded atom the atoms it is bonded to, with the cells they lie in."""
    centre, ligand, limit = bond
    pairs: dict[int, list[tuple[int, tuple[int, int, int]]]] = {}
    for i, j, offset, _ in zip(*structure.get_neighbor_list(limit), strict=True):
        if {structure[int(i)].specie.symbol, structure[int(j)].specie.symbol} == {centre, ligand}:
            x, y, z = (round(float(k)) for k in offset)
            pairs.setdefault(int(i), []).append((int(j), (x, y, z)))
    return pairs
