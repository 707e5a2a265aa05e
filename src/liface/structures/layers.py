"""Atomic planes of a crystal along a normal, and the cuts between them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import product

import numpy as np

from liface.errors import BrokenAnionError
from liface.structures.crystal import Repeat

PLANE_TOLERANCE_A = 0.2
"""Units closer than this along the normal belong to one atomic plane, Å."""

AnionBonds = tuple[tuple[str, str, float], ...]
"""(centre, ligand, largest distance in Å) of the bonds inside molecular anions."""


@dataclass(frozen=True)
class Layering:
    """The planes of one repeat, from some plane upward.

    Attributes
    ----------
    planes
        Indices of the units in each plane, upward.
    atom_plane
        Plane of each atom, shape (n,).
    atom_image
        Whole repeats to add to each atom so that anions are whole and plane 0 is the lowest, shape (n, 3).
    heights
        Mean height of each plane, fractions of the repeat, ascending.
    gaps_a
        Distance from the top of each plane to the bottom of the next, Å.
    """

    planes: tuple[tuple[int, ...], ...]
    atom_plane: np.ndarray
    atom_image: np.ndarray
    heights: np.ndarray
    gaps_a: np.ndarray
    unit_of_atom: np.ndarray

    @property
    def n_planes(self) -> int:
        """Planes in one repeat."""
        return len(self.planes)

    def window(self, top: int) -> tuple[np.ndarray, np.ndarray]:
        """Return (image, plane) of each atom for a repeat whose top plane is ``top``; plane 0 is the lowest."""
        m = self.n_planes
        lifted = self.atom_plane <= top
        image = self.atom_image.copy()
        image[:, 2] += lifted
        plane = np.where(lifted, self.atom_plane + m, self.atom_plane) - (top + 1)
        return image, plane


def bonded_pairs(
    frac: np.ndarray, vectors: np.ndarray, species: tuple[str, ...], anion_bonds: AnionBonds
) -> list[tuple[int, int, tuple[int, int, int]]]:
    """Return (centre, ligand, image of the ligand) for every bond inside a molecular anion."""
    names = np.array(species)
    found = []
    for centre, ligand, cutoff in anion_bonds:
        centres, ligands = np.flatnonzero(names == centre), np.flatnonzero(names == ligand)
        if not len(centres) or not len(ligands):
            continue
        # whole images within reach of the cutoff, whatever the skew of the cell
        reach = np.ceil(cutoff * np.linalg.norm(np.linalg.inv(vectors), axis=0)).astype(int)
        base = np.floor(frac).astype(int)
        inner = frac - base
        images = np.array(list(product(*(range(-r, r + 1) for r in reach))))
        delta = inner[ligands][None, :, None, :] + images[None, None] - inner[centres][:, None, None, :]
        distance = np.linalg.norm(delta @ vectors, axis=-1)
        for i, j, k in np.argwhere((distance <= cutoff) & (distance > 1e-3)):
            p, q = int(centres[i]), int(ligands[j])
            image = images[k] - base[q] + base[p]
            found.append((p, q, (int(image[0]), int(image[1]), int(image[2]))))
    return found


def layering(repeat: Repeat, anion_bonds: AnionBonds = ()) -> Layering:
    """Group the atoms of a repeat into units (whole anions or single atoms) and the units into planes.

    Decided on the reference coordinates. An anion sits at the mean height of its centres, so corrugated
    polyhedra form flat planes.

    Raises
    ------
    BrokenAnionError
        If the bonds join atoms into a network that every cut would break.
    """
    frac = repeat.frac_reference
    bonds = bonded_pairs(frac, repeat.vectors, repeat.species, anion_bonds)
    unit, image = _units(len(frac), bonds)
    whole = frac + image
    centres = {i for i, _, _ in bonds}
    heights = np.zeros(unit.max() + 1)
    for u in range(len(heights)):
        members = np.flatnonzero(unit == u)
        core = [i for i in members if i in centres] or list(members)
        heights[u] = whole[core, 2].mean()
    lift = -np.floor(heights).astype(int)
    heights = heights + lift
    planes, starts_over = _planes(heights, repeat.height_a)
    raised = np.array([heights[u] + starts_over[u] for u in range(len(heights))])
    atom_image = image.copy()
    atom_image[:, 2] += (lift + starts_over)[unit]
    plane_of_unit = np.zeros(len(heights), dtype=int)
    for p, together in enumerate(planes):
        plane_of_unit[list(together)] = p
    low = np.array([raised[list(m)].min() for m in planes])
    high = np.array([raised[list(m)].max() for m in planes])
    return Layering(
        planes=planes,
        atom_plane=plane_of_unit[unit],
        atom_image=atom_image,
        heights=np.array([raised[list(m)].mean() for m in planes]),
        gaps_a=(np.append(low[1:], low[0] + 1.0) - high) * repeat.height_a,
        unit_of_atom=unit,
    )


def _units(n: int, bonds: list[tuple[int, int, tuple[int, int, int]]]) -> tuple[np.ndarray, np.ndarray]:
    """Connect bonded atoms to units, with the image of each atom that makes its unit whole."""
    neighbours: dict[int, list[tuple[int, np.ndarray]]] = {i: [] for i in range(n)}
    for i, j, image in bonds:
        neighbours[i].append((j, np.array(image)))
        neighbours[j].append((i, -np.array(image)))
    unit, images, count = np.full(n, -1), np.zeros((n, 3), dtype=int), 0
    for start in range(n):
        if unit[start] >= 0:
            continue
        unit[start] = count
        queue = deque([start])
        while queue:
            i = queue.popleft()
            for j, step in neighbours[i]:
                if unit[j] < 0:
                    unit[j], images[j] = count, images[i] + step
                    queue.append(j)
                elif images[j][2] != images[i][2] + step[2]:
                    raise BrokenAnionError(
                        "the anion bonds join atoms into a network without end along the normal, "
                        "so every cut breaks it; lower the largest bond distances or drop the bonds"
                    )
        count += 1
    return unit, images


def _planes(heights: np.ndarray, period_a: float) -> tuple[tuple[tuple[int, ...], ...], np.ndarray]:
    """Cluster heights (fractions, modulo 1) into planes; also the repeats to add so that they ascend."""
    order = np.argsort(heights, kind="stable")
    ordered = heights[order]
    gaps = (np.append(ordered[1:], ordered[0] + 1.0) - ordered) * period_a
    ends = np.flatnonzero(gaps > PLANE_TOLERANCE_A)
    if not len(ends):  # a plane spacing below the tolerance: one plane, cut where it is widest
        ends = np.array([int(np.argmax(np.round(gaps, 3)))])
    first = (int(ends[0]) + 1) % len(order)
    turned = np.roll(np.arange(len(order)), -first)
    over = np.zeros(len(order), dtype=int)
    over[order[turned[len(order) - first :]]] = 1 if first else 0
    planes: list[tuple[int, ...]] = []
    current: list[int] = []
    stops = set(ends.tolist())
    for position in turned:
        current.append(int(order[position]))
        if int(position) in stops:
            planes.append(tuple(sorted(current)))
            current = []
    return tuple(planes), over
