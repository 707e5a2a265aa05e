"""Coherent cells of two planes: supercells of film and substrate that coincide under a small film strain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from liface.errors import InputError, LatticeMismatchError
from liface.structures.crystal import repeat_of
from liface.structures.integers import IntMatrix2, gauss_reduce, int_matrix, sublattices

if TYPE_CHECKING:
    from pymatgen.core import Structure

PREFERRED_STRAIN_PERCENT = 4.0
"""Matches up to this strain come before all others, %."""

ROUND_A = 1e-4
"""Input vectors are rounded to this, Å: finer noise changes nothing."""

SYMMETRIC = 1e-3
"""Relative deviation up to which a plane lattice counts as square, hexagonal or rectangular."""

_BASIS_CHANGES = np.array(
    [
        [[a, b], [c, d]]
        for a in (-1, 0, 1)
        for b in (-1, 0, 1)
        for c in (-1, 0, 1)
        for d in (-1, 0, 1)
        if a * d - b * c == 1 and (a, b) > (0, 0)
    ]
)
"""Bases that a reduced basis can become under a small strain, up to a half turn of the plane."""


@dataclass(frozen=True)
class Match:
    """A coherent cell; the film takes the strain.

    Attributes
    ----------
    substrate_supercell, film_supercell
        Rows: the cell vectors in the in-plane basis of each slab; determinant > 0.
    area_a2
        Area of the substrate cell, Å².
    strain_percent
        Largest principal engineering strain of the film by absolute value, %.
    principal_percent
        Both principal engineering strains, ascending; positive: the film is stretched, %.
    strain_tensor
        Green-Lagrange strain (FᵀF - 1)/2 of the film in its own in-plane axes (x along its first vector).
    von_mises_percent
        Von Mises strain of the 3x3 Green-Lagrange tensor, film height unstrained, %.
    rotation_deg
        Rotation of the film with respect to the substrate axes, anticlockwise.
    n_substrate_cells, n_film_cells
        In-plane cells of each crystal in the coherent cell.
    """

    substrate_supercell: IntMatrix2
    film_supercell: IntMatrix2
    area_a2: float
    strain_percent: float
    principal_percent: tuple[float, float]
    strain_tensor: tuple[tuple[float, float], tuple[float, float]]
    von_mises_percent: float
    rotation_deg: float
    n_substrate_cells: int
    n_film_cells: int


def in_plane_vectors(
    bulk: Structure, plane: str, reference: Structure | None = None, keep_cell: bool = False
) -> np.ndarray:
    """Return the in-plane basis of every slab of this plane: rows, Å, a along x, right-handed."""
    return repeat_of(bulk, plane, reference, keep_cell).in_plane.copy()


def film_deformation(match: Match, substrate_vectors: np.ndarray, film_vectors: np.ndarray) -> np.ndarray:
    """Return F, shape (2, 2), with r_strained = F r_film for in-plane column vectors; includes the rotation."""
    target = np.array(match.substrate_supercell) @ np.asarray(substrate_vectors, dtype=float)
    source = np.array(match.film_supercell) @ np.asarray(film_vectors, dtype=float)
    return np.linalg.solve(source, target).T


def von_mises_strain(strain: np.ndarray) -> float:
    """Return the von Mises strain sqrt(2/3 e:e) of the deviator e of a 3x3 strain tensor."""
    deviator = strain - np.trace(strain) / 3.0 * np.eye(3)
    return float(np.sqrt(2.0 / 3.0 * (deviator**2).sum()))


def describe_match(
    substrate_supercell: IntMatrix2,
    film_supercell: IntMatrix2,
    substrate_vectors: np.ndarray,
    film_vectors: np.ndarray,
) -> Match:
    """Return the match of two given supercells for given in-plane vectors (rows, Å).

    Use it to evaluate a stored choice of integers on another engine's lattice.
    """
    target = np.array(substrate_supercell) @ np.asarray(substrate_vectors, dtype=float)
    source = np.array(film_supercell) @ np.asarray(film_vectors, dtype=float)
    deformation = np.linalg.solve(source, target).T
    green = np.zeros((3, 3))
    green[:2, :2] = 0.5 * (deformation.T @ deformation - np.eye(2))
    left, singular, right = np.linalg.svd(deformation)
    rotation = left @ right
    principal = sorted(100.0 * (float(s) - 1.0) for s in singular)
    return Match(
        substrate_supercell=int_matrix(np.array(substrate_supercell)),
        film_supercell=int_matrix(np.array(film_supercell)),
        area_a2=float(abs(np.linalg.det(target))),
        strain_percent=max(abs(p) for p in principal),
        principal_percent=(principal[0], principal[1]),
        strain_tensor=(
            (float(green[0, 0]), float(green[0, 1])),
            (float(green[1, 0]), float(green[1, 1])),
        ),
        von_mises_percent=100.0 * von_mises_strain(green),
        rotation_deg=float(np.degrees(np.arctan2(rotation[1, 0], rotation[0, 0]))),
        n_substrate_cells=round(float(abs(np.linalg.det(np.array(substrate_supercell))))),
        n_film_cells=round(float(abs(np.linalg.det(np.array(film_supercell))))),
    )


def find_matches(
    substrate: np.ndarray,
    film: np.ndarray,
    *,
    max_area_a2: float = 120.0,
    max_strain_percent: float = 6.0,
) -> tuple[Match, ...]:
    """Return all coherent cells within the limits, best first.

    Every sublattice of the substrate up to ``max_area_a2`` is compared with every sublattice of the film, in
    every basis a strained reduced basis can take. One match is kept per distinct strained film (up to the
    symmetry of the two plane lattices), the one with the smallest cell. Order: strain up to 4 % first, then
    area, then strain. Orientation is kept: a film is never turned upside down.

    Parameters
    ----------
    substrate, film
        In-plane vectors as rows, Å, shape (2, 2).
    """
    _require_limits(max_area_a2, max_strain_percent)
    base, over = _canonical_lattice(substrate), _canonical_lattice(film)
    pairs = _coherent_pairs(base, over, max_area_a2, max_strain_percent / 100.0)
    if not len(pairs[0]):
        return ()
    kept = _distinct(base, over, *pairs)
    matches = [describe_match(int_matrix(s), int_matrix(f), base, over) for s, f in kept]
    return tuple(sorted(matches, key=_rank))


def best_match(
    substrate: np.ndarray,
    film: np.ndarray,
    *,
    max_area_a2: float = 120.0,
    max_strain_percent: float = 6.0,
    label: str = "film on substrate",
) -> Match:
    """Return the first of ``find_matches``.

    Raises
    ------
    LatticeMismatchError
        If no coherent cell lies within the limits; the message gives the smallest strain there is.
    """
    matches = find_matches(substrate, film, max_area_a2=max_area_a2, max_strain_percent=max_strain_percent)
    if matches:
        return matches[0]
    wider = find_matches(substrate, film, max_area_a2=max_area_a2, max_strain_percent=30.0)
    advice = "raise max_area_a2 or max_strain_percent"
    if not wider:
        raise LatticeMismatchError(
            f"{label}: no coherent cell of at most {max_area_a2:g} Å² (smallest substrate cell "
            f"{abs(np.linalg.det(substrate)):.1f} Å², film {abs(np.linalg.det(film)):.1f} Å²); {advice}"
        )
    nearest = min(wider, key=lambda m: m.strain_percent)
    raise LatticeMismatchError(
        f"{label}: smallest strain {nearest.strain_percent:.1f} % (area {nearest.area_a2:.0f} Å²) is over the "
        f"limit {max_strain_percent:g} % within {max_area_a2:g} Å²; {advice}"
    )


def _require_limits(max_area_a2: float, max_strain_percent: float) -> None:
    if not (0 < max_area_a2 <= 2000 and 0 < max_strain_percent <= 50):
        raise InputError(
            f"max_area_a2 = {max_area_a2} must lie in (0, 2000] Å² and "
            f"max_strain_percent = {max_strain_percent} in (0, 50]"
        )


def _rank(match: Match) -> tuple:
    return (
        match.strain_percent > PREFERRED_STRAIN_PERCENT,
        round(match.area_a2, 1),
        round(match.strain_percent, 3),
        np.abs([match.substrate_supercell, match.film_supercell]).sum(),
        match.substrate_supercell,
        match.film_supercell,
    )


def _canonical_lattice(vectors: np.ndarray) -> np.ndarray:
    """Round, and give nearly symmetric lattices their full symmetry, so that ties are exact ties."""
    rounded = np.round(np.asarray(vectors, dtype=float) / ROUND_A) * ROUND_A
    if rounded.shape != (2, 2) or not np.linalg.det(rounded) > 1e-3:
        raise InputError(f"in-plane vectors {rounded.tolist()} must be two right-handed rows in Å")
    gram = rounded @ rounded.T
    group = _holohedry(gram)
    mean = np.mean([w @ gram @ w.T for w in group], axis=0)
    ax = np.sqrt(mean[0, 0])
    bx = mean[0, 1] / ax
    angle = np.arctan2(rounded[0, 1], rounded[0, 0])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.array([[ax, 0.0], [bx, np.sqrt(mean[1, 1] - bx**2)]]) @ turn


def _holohedry(gram: np.ndarray) -> list[np.ndarray]:
    """Return the integer matrices (rows act on the basis) that keep the metric, improper ones included."""
    change = gauss_reduce(gram)
    inverse = np.rint(np.linalg.inv(change)).astype(int)
    reduced = change @ gram @ change.T
    scale = np.sqrt(np.outer(np.diag(reduced), np.diag(reduced)))
    found = []
    for flat in np.ndindex(3, 3, 3, 3):
        w = np.array(flat).reshape(2, 2) - 1
        if abs(round(float(np.linalg.det(w)))) == 1 and np.all(
            np.abs(w @ reduced @ w.T - reduced) < 2 * SYMMETRIC * scale
        ):
            found.append(inverse @ w @ change)
    return found


def _supercells(vectors: np.ndarray, max_area: float) -> tuple[np.ndarray, np.ndarray]:
    """All sublattices up to an area, as reduced integer bases, with their Gram matrices."""
    area = abs(float(np.linalg.det(vectors)))
    forms = [sublattices(n) for n in range(1, int(max_area / area + 1e-6) + 1)]
    if not forms:
        return np.zeros((0, 2, 2), dtype=int), np.zeros((0, 2, 2))
    bases = _reduce_all(np.concatenate(forms), vectors @ vectors.T)
    rows = bases @ vectors
    return bases, rows @ rows.transpose(0, 2, 1)


def _reduce_all(bases: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """Gauss-reduce integer bases (k, 2, 2) at once, keeping the determinant positive."""
    work = bases.copy()
    slack = 1e-9 * float(np.trace(gram))
    for _ in range(1000):
        inner = work @ gram @ work.transpose(0, 2, 1)
        factor = np.rint(inner[:, 0, 1] / inner[:, 0, 0] * (1 - 1e-9)).astype(int)
        work[:, 1] -= factor[:, None] * work[:, 0]
        lengths = np.einsum("kij,jl,kil->ki", work, gram, work)
        swap = lengths[:, 1] < lengths[:, 0] - slack
        if not swap.any():
            return work
        work[swap] = np.stack([work[swap, 1], -work[swap, 0]], axis=1)
    return work


def _coherent_pairs(base: np.ndarray, over: np.ndarray, max_area: float, limit: float) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (substrate bases, film bases) of shape (k, 2, 2) whose film strain is within the limit."""
    lower, gram_lower = _supercells(base, max_area)
    upper, gram_upper = _supercells(over, max_area / (1.0 - limit) ** 2)
    # Successive minima change by at most the strain, whatever basis is chosen: an exact first filter.
    first, second = [], []
    minima_lower = np.sqrt(np.einsum("kii->ki", gram_lower))
    minima_upper = np.sqrt(np.einsum("kii->ki", gram_upper))
    slack = 1e-9
    for row, minima in enumerate(minima_lower):
        ratio = minima / minima_upper
        near = np.flatnonzero((np.abs(ratio - 1.0) <= limit + slack).all(axis=1))
        first.append(np.full(len(near), row))
        second.append(near)
    if not first:
        return np.zeros((0, 2, 2), dtype=int), np.zeros((0, 2, 2), dtype=int)
    i, j = np.concatenate(first), np.concatenate(second)
    bases = (_BASIS_CHANGES[None] @ lower[i][:, None]).reshape(-1, 2, 2)
    films = np.repeat(upper[j], len(_BASIS_CHANGES), axis=0)
    deformation = np.linalg.solve(films @ over, bases @ base)
    singular = _singular_values(deformation)
    ok = (np.abs(singular - 1.0) <= limit + slack).all(axis=1)
    return bases[ok], films[ok]


def _singular_values(matrices: np.ndarray) -> np.ndarray:
    """Singular values of (k, 2, 2) matrices of positive determinant in closed form."""
    a, b, c, d = matrices[:, 0, 0], matrices[:, 0, 1], matrices[:, 1, 0], matrices[:, 1, 1]
    plus = np.hypot(a + d, b - c)
    minus = np.hypot(a - d, b + c)
    return 0.5 * np.stack([plus + minus, plus - minus], axis=1)


def _distinct(
    base: np.ndarray, over: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Keep one pair per strained film up to lattice symmetry: smallest cell, then the plainest integers."""
    deformation = np.linalg.solve(upper @ over, lower @ base).transpose(0, 2, 1)
    left = _cartesian_group(base)
    right = _cartesian_group(over)
    images = [r @ deformation @ s for r in left for s in right if np.linalg.det(r) * np.linalg.det(s) > 0]
    flat = np.round(np.array(images).reshape(len(images), -1, 4) + 3.7e-7, 5)
    keys = _lexicographic_maximum(flat)
    areas = np.rint(np.abs(np.linalg.det(lower))).astype(int)
    angle = np.arctan2(deformation[:, 1, 0] - deformation[:, 0, 1], deformation[:, 0, 0] + deformation[:, 1, 1])
    size = np.abs(lower).sum(axis=(1, 2)) + np.abs(upper).sum(axis=(1, 2))
    turned = np.round(np.abs(angle), 4)
    order = np.lexsort(
        (
            *upper.reshape(-1, 4).T[::-1],
            *lower.reshape(-1, 4).T[::-1],
            size,
            turned,
            areas,
        )
    )
    chosen: dict[tuple, int] = {}
    for index in order:
        chosen.setdefault(tuple(keys[index].tolist()), int(index))
    return [(lower[k], upper[k]) for k in chosen.values()]


def _cartesian_group(vectors: np.ndarray) -> list[np.ndarray]:
    """Symmetry operations of a plane lattice as Cartesian matrices acting on column vectors."""
    return [np.linalg.solve(vectors, w @ vectors).T for w in _holohedry(vectors @ vectors.T)]


def _lexicographic_maximum(candidates: np.ndarray) -> np.ndarray:
    """Row-wise lexicographic maximum over the first axis of (m, k, 4)."""
    best = candidates[0].copy()
    for trial in candidates[1:]:
        difference = trial - best
        first = (np.abs(difference) > 1e-9).argmax(axis=1)
        better = np.take_along_axis(difference, first[:, None], axis=1)[:, 0] > 1e-9
        best[better] = trial[better]
    return best
