"""Crystals whose bonds reach only in two directions: sheets that dispersion holds together."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pymatgen.core import Structure

BOND = 1.3
"""Longest bond over the sum of covalent radii; bonds of salts and metals are long for their radii."""


def is_layered(structure: Structure) -> bool:
    """Tell whether bonds connect the crystal in two directions at most: sheets, chains or molecules.

    Two atoms are bonded up to 1.3 times the sum of their covalent radii (10.1039/b801115j). Forces between such parts
    are those of dispersion, which PBE and potentials trained on it leave out.
    """
    return max(_periodic_directions(*part) for part in _parts(structure)) < 3


def _parts(structure: Structure) -> list[tuple[dict[int, np.ndarray], list[tuple[int, int, np.ndarray]]]]:
    """Return, for every connected part, the image of each atom in a walk from the first, and all bonds."""
    bonds = _bonds(structure)
    neighbours: dict[int, list[tuple[int, np.ndarray]]] = defaultdict(list)
    for i, j, image in bonds:
        neighbours[i].append((j, image))
    images: dict[int, np.ndarray] = {}
    parts = []
    for start in range(len(structure)):
        if start in images:
            continue
        part, todo = {start: np.zeros(3, dtype=int)}, [start]
        while todo:
            i = todo.pop()
            for j, image in neighbours[i]:
                if j not in part:
                    part[j] = part[i] + image
                    todo.append(j)
        images |= part
        parts.append((part, [bond for bond in bonds if bond[0] in part]))
    return parts


def _bonds(structure: Structure) -> list[tuple[int, int, np.ndarray]]:
    from ase.data import atomic_numbers, covalent_radii

    radii = np.array([covalent_radii[atomic_numbers[site.specie.symbol]] for site in structure])
    first, second, images, distances = structure.get_neighbor_list(2 * BOND * float(radii.max()))
    bonded = distances <= BOND * (radii[first] + radii[second])
    return [
        (int(i), int(j), image.astype(int))
        for i, j, image in zip(first[bonded], second[bonded], images[bonded], strict=True)
    ]


def _periodic_directions(part: dict[int, np.ndarray], bonds: list[tuple[int, int, np.ndarray]]) -> int:
    """Return the number of directions in which a part meets its own images."""
    loops = [part[i] + image - part[j] for i, j, image in bonds]
    return int(np.linalg.matrix_rank(np.array(loops))) if loops else 0
