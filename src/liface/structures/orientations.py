"""The distinct ways to set a cluster down: on a face, an edge or a vertex of its convex hull."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np

from liface.errors import StructureError
from liface.structures.clusters import Cluster

CONTACT_A = 0.05
"""Å; atoms this close to the lowest one stand on the surface."""

_SAME_A = 0.02


class _Pose(NamedTuple):
    kind: str
    positions: np.ndarray
    contacts: int
    centre: float
    """Height of the centre above the lowest atom, Å."""


def orientations(cluster: Cluster, *, per_kind: int | None = 3) -> tuple[tuple[str, Cluster], ...]:
    """Return the distinct orientations of a cluster.

    Three-dimensional clusters stand on a ``face``, an ``edge`` or a ``vertex`` of their convex hull, planar
    ones lie ``flat`` or are ``standing`` on an edge of their outline, linear ones lie ``flat`` or stand
    ``upright``. Where a kind has several distinct orientations they are numbered, the most stable (more atoms
    standing, lower centre) first. Orientations that differ by a turn about z or a mirror are one.

    Parameters
    ----------
    cluster
        The free cluster.
    per_kind
        Keep at most this many of a kind; None keeps all.

    Returns
    -------
    tuple
        Name and rotated cluster, centred on the origin, surface below (−z).
    """
    downs = {"1d": _linear_downs, "2d": _planar_downs, "3d": _hull_downs}[cluster.dimension]
    named: list[tuple[str, Cluster]] = []
    for kind, directions in downs(cluster.positions).items():
        distinct = _distinct([_pose(kind, cluster.positions, d) for d in _in_fixed_order(directions)])
        distinct.sort(key=lambda pose: (-pose.contacts, round(pose.centre, 2)))
        for number, pose in enumerate(distinct[:per_kind], start=1):
            name = kind if len(distinct) == 1 else f"{kind}-{number}"
            named.append((name, cluster.moved(pose.positions)))
    return tuple(named)


def oriented(cluster: Cluster, orientation: str) -> Cluster:
    """Return a cluster in one of its orientations.

    Raises
    ------
    StructureError
        If it has no orientation of that name; the message lists the names.
    """
    known = dict(orientations(cluster, per_kind=None))
    if orientation not in known:
        raise StructureError(
            f"a {cluster.name} of {cluster.n} atoms has no orientation {orientation!r}; choose {', '.join(known)}"
        )
    return known[orientation]


def contact_atoms(positions: np.ndarray) -> np.ndarray:
    """Return the indices of the lowest atoms."""
    return np.flatnonzero(positions[:, 2] < positions[:, 2].min() + CONTACT_A)


def _linear_downs(positions: np.ndarray) -> dict[str, list[np.ndarray]]:
    axis = np.linalg.svd(positions)[2]
    return {"flat": [axis[2]], "upright": [axis[0]]}


def _planar_downs(positions: np.ndarray) -> dict[str, list[np.ndarray]]:
    """Return the plane normal, and the outward normals of the outline."""
    from scipy.spatial import ConvexHull

    frame = np.linalg.svd(positions)[2]
    outline = ConvexHull(positions @ frame[:2].T)
    return {"flat": [frame[2]], "standing": [normal @ frame[:2] for normal in outline.equations[:, :2]]}


def _hull_downs(positions: np.ndarray) -> dict[str, list[np.ndarray]]:
    """Return the directions that put a face, an edge or a vertex of the convex hull lowest.

    The sum of the normals of the faces that meet in an edge or vertex lies inside its normal cone, so that
    nothing else of the cluster is lower.
    """
    faces = _faces(positions)
    normals = [normal for normal, _ in faces]
    edges = [
        first + second for (first, corners), (second, others) in combinations(faces, 2) if len(corners & others) >= 2
    ]
    vertices = []
    for atom in range(len(positions)):
        meeting = [normal for normal, corners in faces if atom in corners]
        if len(meeting) >= 3:
            vertices.append(np.sum(meeting, axis=0))
    return {"face": normals, "edge": edges, "vertex": vertices}


def _faces(positions: np.ndarray) -> list[tuple[np.ndarray, frozenset[int]]]:
    """Return outward normal and atoms of each face of the convex hull, coplanar triangles merged."""
    from scipy.spatial import ConvexHull

    faces: list[tuple[np.ndarray, frozenset[int]]] = []
    for equation in ConvexHull(positions).equations:
        normal = equation[:3]
        if any(normal @ known > 1 - 1e-6 for known, _ in faces):
            continue
        level = positions @ normal
        faces.append((normal, frozenset(np.flatnonzero(level > level.max() - CONTACT_A / 2).tolist())))
    return faces


def _in_fixed_order(directions: list[np.ndarray]) -> list[np.ndarray]:
    """Sort directions, so that the result does not hang on the order in which the hull lists them."""
    units = [d / np.linalg.norm(d) for d in directions]
    return sorted(units, key=lambda d: [round(float(x), 3) + 0.0 for x in d], reverse=True)


def _pose(kind: str, positions: np.ndarray, down: np.ndarray) -> _Pose:
    """Turn a direction to −z, and the shortest bond that then lies on the surface to x."""
    up = -down / np.linalg.norm(down)
    heights = positions @ up
    standing = np.flatnonzero(heights < heights.min() + CONTACT_A)
    level = positions - np.outer(heights, up)
    if len(standing) > 1:
        pairs = [level[j] - level[i] for i, j in combinations(standing, 2)]
        along = min(pairs, key=lambda v: round(float(np.linalg.norm(v)), 3))
    else:
        offsets = level - level[standing[0]]
        along = max(offsets, key=lambda v: round(float(np.linalg.norm(v)), 3))
    if np.linalg.norm(along) < 1e-3:  # a line standing on end
        along = np.cross(up, np.eye(3)[np.argmin(np.abs(up))])
    x = along / np.linalg.norm(along)
    x -= (x @ up) * up
    x /= np.linalg.norm(x)
    turned = positions @ np.array([x, np.cross(up, x), up]).T
    return _Pose(kind, turned, len(standing), float(-turned[:, 2].min()))


def _distinct(poses: list[_Pose]) -> list[_Pose]:
    kept: list[tuple[_Pose, np.ndarray]] = []
    for pose in poses:
        mark = _fingerprint(pose.positions)
        if not any(np.allclose(mark, other, atol=_SAME_A, rtol=1e-4) for _, other in kept):
            kept.append((pose, mark))
    return [pose for pose, _ in kept]


def _fingerprint(positions: np.ndarray) -> np.ndarray:
    """Return numbers that do not change with order, turns about z and vertical mirrors."""
    heights = positions[:, 2] - positions[:, 2].min()
    pairs = list(combinations(range(len(positions)), 2))
    across = np.array([np.linalg.norm(positions[i, :2] - positions[j, :2]) for i, j in pairs])
    sums = np.array([heights[i] + heights[j] for i, j in pairs])
    return np.concatenate([np.sort(heights), np.sort(across), np.sort(across * (1 + sums))])
