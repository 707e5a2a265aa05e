"""Magnetic moments that a spin-polarised calculation starts from.

Chromium, manganese, iron, cobalt and nickel start high, so that the moment can only fall to its own value: a start
from zero stays at zero, 0.5 eV per atom too high in iron. Everything else starts at zero, and a structure without
these elements needs no spin at all.

Chromium orders antiferromagnetically: the two sublattices of bcc point up and down. They are found from the
positions as the two colours of the graph of nearest chromium neighbours, periodic images included. A cell that is
too small to hold the order (the primitive cell of bcc; a (110) slab with one atom per plane) or a lattice without
two sublattices (hcp, fcc, most compounds) starts ferromagnetic; :func:`magnetic_order` says which it was, since
energies of the two orders do not belong together: in PBE they differ by about 15 meV per chromium atom.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from liface.documents.geometry import Geometry

START_MOMENTS = {"Cr": 2.0, "Mn": 4.0, "Fe": 5.0, "Co": 3.0, "Ni": 1.5}
"""μB per atom, above what the metals end with in PBE: Cr ±1.0, α-Mn up to 2.8, Fe 2.2, Co 1.6, Ni 0.6."""

ALTERNATING = ("Cr",)
"""Elements whose neighbours point the other way; α-Mn does so too, but not on two sublattices."""

NEIGHBOUR_RATIO = 1.075
"""Nearest neighbours are closer than this times the median nearest distance: halfway to the second shell of bcc."""

REACH_A = 4.0
"""Atoms further from each other than this are no neighbours, Å."""

Order = Literal["none", "ferromagnetic", "antiferromagnetic"]


def initial_moments(geometry: Geometry) -> tuple[float, ...]:
    """Return the moment each atom starts with, μB, in the order of the geometry; zeros where none is magnetic.

    Atom by atom the result depends on the crystal only, not on the order its atoms are listed in: of two equal
    sublattices, the one of the first atom in canonical order points up.
    """
    moments = np.array([START_MOMENTS.get(species, 0.0) for species in geometry.species])
    signs = _signs(geometry)
    return tuple(float(moment) for moment in (moments if signs is None else moments * signs))


def magnetic_order(geometry: Geometry) -> Order:
    """Say how :func:`initial_moments` orders the moments of a geometry.

    ``antiferromagnetic`` where the alternating element alternates, whatever else the cell holds.
    """
    if not is_magnetic(geometry):
        return "none"
    return "ferromagnetic" if _signs(geometry) is None else "antiferromagnetic"


def is_magnetic(geometry: Geometry) -> bool:
    """Tell whether a geometry holds Cr, Mn, Fe, Co or Ni."""
    return any(species in START_MOMENTS for species in geometry.species)


def _signs(geometry: Geometry) -> np.ndarray | None:
    """Return +1 or −1 for each atom, None where the alternating atoms are not two sublattices."""
    order = geometry.canonical_order()
    chosen = np.array([i for i in order if geometry.species[i] in ALTERNATING], dtype=int)
    if len(chosen) == 0:
        return None
    signs = np.ones(geometry.n_atoms)
    colours = _two_colours(len(chosen), _neighbours(geometry, chosen))
    if colours is None:
        return None
    signs[chosen] = colours
    return signs


def _neighbours(geometry: Geometry, chosen: np.ndarray) -> np.ndarray:
    """Return the pairs of nearest neighbours among the chosen atoms, shape (npairs, 2).

    An atom whose nearest neighbour is its own periodic image is paired with itself.
    """
    from ase import Atoms
    from ase.neighborlist import neighbor_list

    atoms = Atoms(["Cr"] * len(chosen), geometry.position_array[chosen], cell=geometry.cell_array, pbc=True)
    first, second, distance = neighbor_list("ijd", atoms, REACH_A)
    if len(first) == 0:
        return np.empty((0, 2), dtype=int)
    nearest = np.full(len(chosen), np.inf)
    np.minimum.at(nearest, first, distance)
    near = distance < NEIGHBOUR_RATIO * float(np.median(nearest[np.isfinite(nearest)]))
    return np.column_stack([first[near], second[near]])


def _two_colours(n: int, pairs: np.ndarray) -> np.ndarray | None:
    """Colour a graph with +1 and −1 so that neighbours differ, None where that cannot be.

    Of each connected part the atom with the lowest number is +1. Atoms without a neighbour are +1; a graph without
    any pair is no antiferromagnet.
    """
    if len(pairs) == 0:
        return None
    neighbours: list[list[int]] = [[] for _ in range(n)]
    for i, j in pairs.tolist():
        neighbours[i].append(j)
    colours = np.zeros(n)
    for start in range(n):
        if colours[start]:
            continue
        colours[start], todo = 1.0, [start]
        while todo:
            i = todo.pop()
            for j in neighbours[i]:
                if colours[j] == colours[i]:
                    return None
                if not colours[j]:
                    colours[j] = -colours[i]
                    todo.append(j)
    return colours
