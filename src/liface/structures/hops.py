"""Hops of an adatom between the minima of a slab: every symmetry-distinct one, with its place in the periodic network.

A node is a minimum in the primitive cell of the surface; a step leads from a node to a node, so many primitive cells
away. All steps that the plane group of the clean slab maps on each other, there or back, are one hop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from liface.errors import StructureError
from liface.structures.surface_symmetry import SurfaceSymmetry, surface_symmetry
from liface.structures.touching import lattice_points, minimum_image, surface_of

if TYPE_CHECKING:
    from pymatgen.core import Structure

SAME_A = 0.35
"""Å in the plane; relaxed adatoms closer than this to an equivalent place of another are in the same minimum."""

PASSING_A = 0.6
"""Å; a hop whose straight way passes another minimum this closely is two hops."""

Step = tuple[int, int, int, int]
"""From node, to node, and how many primitive vectors further."""


@dataclass(frozen=True, eq=False)
class Hop:
    """One symmetry-distinct hop.

    Attributes
    ----------
    start, end
        Which minima it joins; it starts from the position given for ``start``.
    vector
        In-plane displacement, Å, shape (2,).
    steps
        All its images in the network of the primitive cell.
    """

    start: int
    end: int
    vector: np.ndarray
    steps: tuple[Step, ...]

    @property
    def length_a(self) -> float:
        """In-plane length, Å."""
        return float(np.linalg.norm(self.vector))


@dataclass(frozen=True, eq=False)
class HopLattice:
    """Minima of a surface in its primitive cell, and the hops between them, shortest first.

    Attributes
    ----------
    primitive
        In-plane vectors as rows, Å, shape (2, 2).
    nodes
        Which minimum each node is.
    positions
        Of the nodes, Å, shape (n, 2).
    """

    primitive: np.ndarray
    nodes: tuple[int, ...]
    positions: np.ndarray
    hops: tuple[Hop, ...]


def nearest_place(slab: Structure, point: np.ndarray, places: Sequence[np.ndarray]) -> tuple[int, float]:
    """Return which of some places or their equivalents on the clean slab is nearest in the plane, and how far (Å)."""
    symmetry = surface_symmetry(surface_of(slab))
    orbit = symmetry.rotations @ np.asarray(point[:2], dtype=float) + symmetry.shifts
    lattice = symmetry.primitive_surface.in_plane
    far = [np.linalg.norm(minimum_image(orbit - place[:2], lattice), axis=1).min() for place in places]
    return int(np.argmin(far)), float(min(far))


def distinct_places(slab: Structure, points: Sequence[np.ndarray]) -> tuple[int, ...]:
    """Return for each point (Å, in-plane) the index of the first one that is equivalent to it on the clean slab."""
    symmetry = surface_symmetry(surface_of(slab))
    lattice = symmetry.primitive_surface.in_plane
    first: list[int] = []
    for i, point in enumerate(points):
        orbit = symmetry.rotations @ np.asarray(point[:2], dtype=float) + symmetry.shifts
        twins = (
            k
            for k in range(i)
            if first[k] == k and np.linalg.norm(minimum_image(orbit - points[k][:2], lattice), axis=1).min() < SAME_A
        )
        first.append(next(twins, i))
    return tuple(first)


def moved_to(slab: Structure, relaxed: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return a relaxed adatom with the slab around it at an equivalent place.

    The displacements of the slab go along: each atom takes that of the atom which stands to the old place as it stands
    to the new one, in the nearest periodic image. So it works in cells that have not all symmetries of the surface.

    Parameters
    ----------
    slab
        The clean slab.
    relaxed
        Positions of its atoms, in its order, and of the adatom as the last, Å, shape (n + 1, 3).
    target
        In-plane position to move the adatom to, Å.

    Raises
    ------
    StructureError
        If the place is not equivalent to that of the adatom.
    """
    surface = surface_of(slab)
    symmetry = surface_symmetry(surface)
    primitive = symmetry.primitive_surface.in_plane
    home, clean = relaxed[-1], slab.cart_coords
    images = symmetry.rotations @ home[:2] + symmetry.shifts
    off = np.linalg.norm(minimum_image(images - target[:2], primitive), axis=1)
    if off.min() > 2 * SAME_A:
        raise StructureError(f"no symmetry of the slab moves the adatom there, the nearest is {off.min():.2f} Å away")
    turn = np.eye(3)
    turn[:2, :2] = symmetry.rotations[int(off.argmin())]
    to_atoms = clean - np.append(target[:2], home[2])
    to_atoms[:, :2] = _nearest_image(to_atoms[:, :2], surface.in_plane)
    wanted = home + to_atoms @ turn
    apart = wanted[:, None, :] - clean[None]
    apart[..., :2] = minimum_image(apart[..., :2], surface.in_plane)
    alike = np.array(surface.species)[:, None] == np.array(surface.species)[None]
    distance = np.where(alike, np.linalg.norm(apart, axis=2), np.inf)
    displacements = (relaxed[:-1] - clean)[distance.argmin(axis=1)] @ turn.T
    return np.vstack([clean + displacements, np.append(target[:2], home[2])])


def _nearest_image(vectors: np.ndarray, in_plane: np.ndarray) -> np.ndarray:
    """Return the shortest images of in-plane vectors, Å, shape (n, 2)."""
    near = minimum_image(vectors, in_plane)
    steps = np.array([(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)], dtype=float) @ in_plane
    candidates = near[:, None, :] + steps[None]
    return candidates[np.arange(len(near)), np.linalg.norm(candidates, axis=2).argmin(axis=1)]


def hop_lattice(slab: Structure, minima: Sequence[np.ndarray], longest_a: float) -> HopLattice:
    """Find the distinct hops between minima.

    Parameters
    ----------
    slab
        The clean slab.
    minima
        One in-plane position per distinct minimum, Å; those that come first are where hops start.
    longest_a
        Longest hop, Å.

    Raises
    ------
    StructureError
        If there is no minimum.
    """
    if not minima:
        raise StructureError("no minimum of the adatom is known, so there is nothing to hop between")
    symmetry = surface_symmetry(surface_of(slab))
    lattice = symmetry.primitive_surface.in_plane
    nodes: list[int] = []
    places: list[np.ndarray] = []
    for number, xy in enumerate(minima):
        orbit = symmetry.orbit(np.asarray(xy[:2], dtype=float), SAME_A)
        nodes += [number] * len(orbit)
        places += list(orbit)
    positions = np.array(places)
    steps = _steps(positions, lattice, longest_a)
    groups = _groups(steps, positions, lattice, symmetry)
    hops = [_hop(group, nodes, positions, lattice) for group in groups]
    hops.sort(key=lambda hop: (round(hop.length_a, 2), hop.start, hop.end, hop.steps[0]))
    return HopLattice(lattice, tuple(nodes), positions, tuple(hops))


def _vector(step: Step, positions: np.ndarray, lattice: np.ndarray) -> np.ndarray:
    a, b, i, j = step
    return positions[b] + np.array([i, j], dtype=float) @ lattice - positions[a]


def _steps(positions: np.ndarray, lattice: np.ndarray, longest_a: float) -> list[Step]:
    """Return all directed steps up to a length that pass no other node on their way."""
    reach = longest_a + float(np.linalg.norm(np.ptp(positions, axis=0)))
    cells = np.rint(lattice_points(lattice, reach) @ np.linalg.inv(lattice)).astype(int)
    found: list[Step] = []
    everywhere = (positions[:, None, :] + (cells @ lattice)[None]).reshape(-1, 2)
    for a in range(len(positions)):
        around = everywhere - positions[a]
        for b in range(len(positions)):
            for i, j in cells.tolist():
                vector = _vector((a, b, i, j), positions, lattice)
                length = float(np.linalg.norm(vector))
                if 1e-3 < length <= longest_a and not _passes(vector, length, around):
                    found.append((a, b, i, j))
    return found


def _passes(vector: np.ndarray, length: float, others: np.ndarray) -> bool:
    """Tell whether a point lies near the segment from the origin, away from both its ends."""
    along = others @ vector / length
    across = np.abs(others[:, 0] * vector[1] - others[:, 1] * vector[0]) / length
    inside = (along > 0.25 * length) & (along < 0.75 * length)
    return bool((inside & (across < min(PASSING_A, 0.25 * length))).any())


def _groups(
    steps: Sequence[Step], positions: np.ndarray, lattice: np.ndarray, symmetry: SurfaceSymmetry
) -> list[list[Step]]:
    """Join steps that an operation of the surface maps on each other, there or back."""
    parent = {step: step for step in steps}

    def root(step: Step) -> Step:
        while parent[step] != step:
            parent[step] = parent[parent[step]]
            step = parent[step]
        return step

    operations = zip(symmetry.rotations, symmetry.shifts, strict=True)
    images = [_image_of_nodes(positions, lattice, rotation, shift) for rotation, shift in operations]
    for step in steps:
        a, b, i, j = step
        twins = [(b, a, -i, -j)]
        for rotation, found in zip(symmetry.rotations, images, strict=True):
            if found is None:
                continue
            node, cell = found
            turned = np.rint(rotation @ (np.array([i, j]) @ lattice) @ np.linalg.inv(lattice)).astype(int)
            di, dj = (turned + cell[b] - cell[a]).tolist()
            twins.append((int(node[a]), int(node[b]), di, dj))
        for twin in twins:
            if twin in parent:
                parent[root(twin)] = root(step)
    groups: dict[Step, list[Step]] = {}
    for step in steps:
        groups.setdefault(root(step), []).append(step)
    return list(groups.values())


def _image_of_nodes(
    positions: np.ndarray, lattice: np.ndarray, rotation: np.ndarray, shift: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return which node each node is mapped on, and the cell it then lies in; None if one is mapped on none."""
    moved = positions @ rotation.T + shift
    delta = moved[:, None, :] - positions[None, :, :]
    near = minimum_image(delta, lattice)
    distance = np.linalg.norm(near, axis=2)
    node = distance.argmin(axis=1)
    rows = np.arange(len(positions))
    if distance[rows, node].max() > 2 * SAME_A:
        return None
    cell = np.rint((delta - near)[rows, node] @ np.linalg.inv(lattice)).astype(int)
    return node, cell


def _hop(group: Sequence[Step], nodes: Sequence[int], positions: np.ndarray, lattice: np.ndarray) -> Hop:
    """Return a group of steps as a hop from the given position of its first minimum."""
    first = {number: nodes.index(number) for number in set(nodes)}
    home = [step for step in group if step[0] == first[nodes[step[0]]]]
    ordered = sorted(
        home or group,
        key=lambda s: (nodes[s[0]], *np.round(-_vector(s, positions, lattice), 1).tolist(), s),
    )
    step = ordered[0]
    return Hop(nodes[step[0]], nodes[step[1]], _vector(step, positions, lattice), tuple(sorted(group)))
