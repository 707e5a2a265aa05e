"""Textbook crystals for the geometry tests, independent of the materials library."""

from functools import cache

import numpy as np
import spglib
from pymatgen.core import Lattice, Structure

HALL = {"Im-3m": 529, "Fm-3m": 523, "F-43m": 512, "P6_3/mmc": 488, "P3_121": 441}
"""Numbers of space groups in the table of spglib; pymatgen takes seconds to make their operations."""


def cubic(group, a, species, coords):
    return crystal(group, Lattice.cubic(a), species, coords)


def crystal(group, lattice, species, coords):
    """A crystal from one atom of each kind of place."""
    filled = _cell(group, tuple(map(tuple, coords)))
    symbols = [symbol for symbol, places in zip(species, filled, strict=True) for _ in places]
    return Structure(lattice, symbols, np.concatenate(filled))


@cache
def _cell(group, coords):
    """All places in the cell, by kind."""
    operations = spglib.get_symmetry_from_database(HALL[group])
    filled = []
    for place in coords:
        images = (operations["rotations"] @ np.array(place) + operations["translations"]).round(10) % 1.0
        apart = images[:, None] - images[None]
        same = np.abs(apart - np.rint(apart)).max(axis=2) < 1e-6
        filled.append(images[same.argmax(axis=1) == np.arange(len(images))])
    return filled


def bcc(symbol="Li", a=3.44):
    return cubic("Im-3m", a, [symbol], [[0, 0, 0]])


def fcc(symbol="Cu", a=3.61):
    return cubic("Fm-3m", a, [symbol], [[0, 0, 0]])


def hcp(symbol="Ti", a=2.95, c=4.68):
    return crystal("P6_3/mmc", Lattice.hexagonal(a, c), [symbol], [[1 / 3, 2 / 3, 0.25]])


def rocksalt(a=4.03):
    return cubic("Fm-3m", a, ["Li", "F"], [[0, 0, 0], [0.5, 0.5, 0.5]])


def antifluorite(a=5.71):
    return cubic("Fm-3m", a, ["Li", "S"], [[0.25, 0.25, 0.25], [0, 0, 0]])


def lpscl(a=10.0):
    """Ordered Li6PS5Cl, F-43m: PS4 around 4b, S on 4d, Cl on 4a, Li on 24g."""
    return cubic(
        "F-43m",
        a,
        ["Li", "P", "S", "S", "Cl"],
        [[0.018, 0.25, 0.25], [0, 0, 0.5], [0.1195, -0.1195, 0.6195], [0.75, 0.75, 0.75], [0, 0, 0]],
    )


PS4 = (("P", "S", 2.5),)


def quartz():
    """Left-handed alpha quartz, P3_121 (152)."""
    return crystal(
        "P3_121",
        Lattice.hexagonal(4.913, 5.405),
        ["Si", "O"],
        [[0.4697, 0.0, 1 / 3], [0.4135, 0.2669, 0.2142]],
    )


def triclinic(seed=0):
    """A crystal without any symmetry: an oblique cell with three kinds of atoms at generic places."""
    rng = np.random.default_rng(seed)
    lattice = Lattice.from_parameters(4.1, 5.3, 6.2, 77.0, 98.0, 112.0)
    grid = np.array([[0.1, 0.1, 0.1], [0.6, 0.1, 0.5], [0.1, 0.6, 0.6], [0.6, 0.6, 0.1]])
    return Structure(lattice, ["Na", "Cl", "K", "Br"], grid + rng.uniform(-0.08, 0.08, (4, 3)))


def rotation(seed):
    """A proper random rotation matrix."""
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return q if np.linalg.det(q) > 0 else -q


def rotated(structure, seed=1):
    return Structure(Lattice(structure.lattice.matrix @ rotation(seed).T), structure.species, structure.frac_coords)


def noisy(structure, size, seed=2):
    """Move every atom and every lattice vector by normal noise of the given size in Å."""
    rng = np.random.default_rng(seed)
    matrix = structure.lattice.matrix + rng.normal(size=(3, 3)) * size
    shift = rng.normal(size=(len(structure), 3)) * size @ np.linalg.inv(matrix)
    return Structure(Lattice(matrix), structure.species, structure.frac_coords + shift)


def same_environments(first, second, cutoff=5.0, tolerance=2e-3):
    """Compare the neighbour shells of two crystals atom kind by atom kind, independent of cell choice."""

    def table(structure):
        rows = {}
        for site, near in zip(structure, structure.get_all_neighbors(cutoff), strict=True):
            shell = sorted((n.specie.symbol, n.nn_distance) for n in near)
            rows.setdefault(site.specie.symbol, []).append(shell)
        return {s: sorted(shells, key=str) for s, shells in rows.items()}

    def equal(p, q):
        return (
            len(p) == len(q)
            and all(a[0] == b[0] for a, b in zip(p, q, strict=True))
            and all(abs(a[1] - b[1]) < tolerance for a, b in zip(p, q, strict=True))
        )

    left, right = table(first), table(second)
    return set(left) == set(right) and all(
        all(any(equal(p, q) for q in right[s]) for p in left[s])
        and all(any(equal(p, q) for p in left[s]) for q in right[s])
        for s in left
    )
