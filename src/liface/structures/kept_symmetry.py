"""The symmetry of a structure kept while its atoms are displaced.

A potential displaces equivalent atoms equally, but for rounding: 1e-6 Å in single precision. That is more than DFT
codes allow symmetric atoms to be off by (1e-7 Å in GPAW, 1e-5 Å in VASP), so that they lose the symmetry, and with it
most of their k-points' degeneracy, or fail over the ambiguity.
"""

from __future__ import annotations

import numpy as np

from liface.documents import Geometry

SYMPREC_A = 1e-4
"""Tolerance in which the symmetry of the undisplaced structure is found, Å."""

BROKEN_A = 0.05
"""Displacements that differ more than this from those the symmetry allows have broken it, Å."""


def keeping_symmetry(built: Geometry, displaced: Geometry) -> Geometry:
    """Return the displaced geometry with the symmetry of the built one: the mean over all its operations.

    Displacements are compared as fractional coordinates, so the cells may differ, e.g. in height. Frozen atoms are
    told from others. A geometry that has really left the symmetry comes back as it is.

    Parameters
    ----------
    built, displaced
        The same atoms in the same order and periodic images.
    """
    before = _fractional(built)
    moves = _fractional(displaced) - before
    rotations, images = _operations(built, before, displaced.cell_array)
    # Row vectors: an operation takes the move u of atom i to u Rᵀ of the atom it is mapped on.
    mean = np.zeros_like(moves)
    for rotation, image in zip(rotations, images, strict=True):
        mean[image] += moves @ rotation.T
    mean /= len(rotations)
    cell = displaced.cell_array
    if np.linalg.norm((mean - moves) @ cell, axis=1).max(initial=0.0) > BROKEN_A:
        return displaced
    return displaced.with_positions((before + mean) @ cell)


def _operations(built: Geometry, frac: np.ndarray, cell: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return rotations (fractional) that also the other cell has, and for each the atoms that all atoms map on."""
    import spglib

    kinds = list(zip(built.species, built.frozen, strict=True))
    numbers = [sorted(set(kinds)).index(kind) + 1 for kind in kinds]
    identity = [np.eye(3)], [np.arange(len(frac))]
    try:
        found = spglib.get_symmetry((built.cell_array.tolist(), frac.tolist(), numbers), symprec=SYMPREC_A)
    except spglib.SpglibError:
        return identity
    if found is None:  # atoms too close for the tolerance: no symmetry is known
        return identity
    metric = cell @ cell.T
    rotations, images = [], []
    for rotation, shift in zip(found["rotations"], found["translations"], strict=True):
        if np.abs(rotation.T @ metric @ rotation - metric).max() > SYMPREC_A * np.sqrt(metric.max()):
            continue
        image = _images(frac @ rotation.T + shift, frac, numbers, built.cell_array)
        if image is not None:
            rotations.append(rotation.astype(float))
            images.append(image)
    return (rotations, images) if rotations else identity


def _images(mapped: np.ndarray, frac: np.ndarray, numbers: list[int], cell: np.ndarray) -> np.ndarray | None:
    """Return the atom that each mapped position belongs to; None where one belongs to none."""
    offset = mapped[:, None] - frac[None]
    distance = np.linalg.norm((offset - np.rint(offset)) @ cell, axis=2)
    distance[np.array(numbers)[:, None] != np.array(numbers)[None]] = np.inf
    image = distance.argmin(axis=1)
    is_good = distance[np.arange(len(image)), image].max() < 10 * SYMPREC_A and len(set(image)) == len(image)
    return image if is_good else None


def _fractional(geometry: Geometry) -> np.ndarray:
    return np.linalg.solve(geometry.cell_array.T, geometry.position_array.T).T
