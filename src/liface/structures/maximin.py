"""Choosing points of a periodic plane so that the closest two are as far apart as they can be."""

from __future__ import annotations

from math import sqrt

import numpy as np

from liface.structures.touching import lattice_points, minimum_image

_BUDGET = 200_000
"""Search steps per choice (under a second); beyond it the best choice found so far is taken."""

_SAME_A = 1e-3


def farthest_subset(points: np.ndarray, in_plane: np.ndarray, n: int) -> tuple[int, ...]:
    """Return the indices of n points whose smallest periodic distance is largest.

    A farthest-point sweep gives a first choice. Then every larger distance, up to that of the densest packing
    of the plane, is asked for n points that keep it: a clique in the graph of pairs at least so far apart.

    Parameters
    ----------
    points
        Å, shape (k, 2), k ≥ n.
    in_plane
        In-plane lattice vectors as rows, Å, shape (2, 2).
    n
        How many points to take.

    Returns
    -------
    tuple
        Sorted indices; of equally good choices the same one every time.
    """
    if n == 1:
        return (0,)
    distances = periodic_distances(points, in_plane)
    best = _sweep(distances, n)
    reached = min(distances[i, j] for i in best for j in best if i < j)
    densest = sqrt(2 * abs(float(np.linalg.det(in_plane))) / (sqrt(3) * n)) + _SAME_A
    levels = sorted({round(d, 3) for d in distances[distances > reached + _SAME_A].tolist() if d <= densest})
    budget = [_BUDGET]
    for level in reversed(levels):
        found = _clique(distances >= level - _SAME_A, n, budget)
        if found is not None:
            best, reached = found, level
            break
    return _spread(best, distances, reached - 2 * _SAME_A)


def periodic_distances(points: np.ndarray, in_plane: np.ndarray) -> np.ndarray:
    """Return the shortest distances between points and each other's images, Å, shape (k, k)."""
    delta = minimum_image(points[:, None, :] - points[None, :, :], in_plane)
    longest = float(np.linalg.norm(in_plane, axis=1).max())
    near = delta[:, :, None, :] + lattice_points(in_plane, longest / 2)
    return np.linalg.norm(near, axis=-1).min(axis=-1)


def _sweep(distances: np.ndarray, n: int) -> tuple[int, ...]:
    """Take the first point, then again and again the one farthest from all taken."""
    taken = [0]
    while len(taken) < n:
        nearest = np.round(distances[taken].min(axis=0), 3)
        nearest[taken] = -1.0
        taken.append(int(np.argmax(nearest)))
    return tuple(sorted(taken))


def _spread(chosen: tuple[int, ...], distances: np.ndarray, level: float) -> tuple[int, ...]:
    """Move single points while that lowers the sum of d⁻⁶ over pairs and keeps all distances above a level.

    Many choices share the largest smallest distance; this takes one with few pairs so close.
    """
    repulsion = np.where(distances > _SAME_A, np.maximum(distances, _SAME_A), np.inf) ** -6.0
    repulsion[distances < level] = np.inf
    points = list(chosen)
    moved = True
    while moved:
        moved = False
        for place in range(len(points)):
            others = points[:place] + points[place + 1 :]
            cost = repulsion[others].sum(axis=0)
            cost[others] = np.inf
            better = int(np.argmin(np.round(cost, 12)))
            if cost[better] < cost[points[place]] * (1 - 1e-6):
                points[place] = better
                moved = True
    return tuple(sorted(points))


def _clique(allowed: np.ndarray, n: int, budget: list[int]) -> tuple[int, ...] | None:
    """Return the first n points that are pairwise allowed, or None; also when the budget is spent."""
    masks = [sum(1 << int(j) for j in np.flatnonzero(row) if j != i) for i, row in enumerate(allowed)]

    def grow(taken: tuple[int, ...], open_to: int) -> tuple[int, ...] | None:
        if len(taken) == n:
            return taken
        while open_to.bit_count() >= n - len(taken) and budget[0] > 0:
            budget[0] -= 1
            point = (open_to & -open_to).bit_length() - 1
            open_to &= open_to - 1
            found = grow((*taken, point), open_to & masks[point])
            if found is not None:
                return found
        return None

    return grow((), (1 << len(masks)) - 1)
