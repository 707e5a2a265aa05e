"""Coherent cells of two planes: supercells of film and substrate that coincide under a small film strain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from liface.errors import InputError, LatticeMismatchError
from liface.structures.content import read_only
from liface.structures.crystal import repeat_of
from liface.structures.integers import IntMatrix2, gauss_reduce, runs, sublattices_of

if TYPE_CHECKING:
    from pymatgen.core import Structure

PREFERRED_STRAIN_PERCENT = 4.0
"""Matches up to this strain come before all others, %."""

ROUND_A = 1e-4
"""Input vectors are rounded to this, Å: finer noise changes nothing."""

EDGE_PERCENT = 1e-4
"""Strains closer than this to the preferred one are compared with all others, %."""

SEARCHED_PARTS = (0.5, 1.0)
"""Parts of the largest area among which the best match is looked for, one after the other."""

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

_GRAM_CHANGES = np.array(
    [
        [[a * a, 2 * a * b, b * b] for (a, b), _ in _BASIS_CHANGES.tolist()],
        [[c * c, 2 * c * d, d * d] for _, (c, d) in _BASIS_CHANGES.tolist()],
        [[a * c, a * d + b * c, b * d] for (a, b), (c, d) in _BASIS_CHANGES.tolist()],
    ],
    dtype=float,
)
"""What they make of a Gram matrix: coefficients of its three entries in the three of the other basis, (3, k, 3)."""

SLACK = 1e-9
"""What is allowed beyond a limit of the strain, so that equal strains are treated alike."""

COARSE_SLACK = 1e-6
"""The same where a cheaper formula goes before."""

_UNIMODULAR = np.array(
    [
        [[a, b], [c, d]]
        for a in (-1, 0, 1)
        for b in (-1, 0, 1)
        for c in (-1, 0, 1)
        for d in (-1, 0, 1)
        if abs(a * d - b * c) == 1
    ]
)
"""Every operation that a reduced basis may have."""

LATTICES_KEPT = 64
"""Plane lattices whose symmetry is remembered, and tables of their sublattices, the latest."""

MOST_CELLS_KEPT = 64
"""Larger tables, of sublattices of more cells than this, are made again: 64 cells take about 0.3 MB."""

MOST_PAIRS = 100_000
"""Pairs of sublattices compared at once: bounds the memory of large areas."""


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
    return float(_von_mises(np.asarray(strain)[None])[0])


def _von_mises(strains: np.ndarray) -> np.ndarray:
    """Return the same of tensors (k, 3, 3)."""
    deviators = strains - (np.trace(strains, axis1=1, axis2=2) / 3.0)[:, None, None] * np.eye(3)
    return np.sqrt(2.0 / 3.0 * (deviators**2).reshape(-1, 9).sum(axis=1))


def describe_match(
    substrate_supercell: IntMatrix2,
    film_supercell: IntMatrix2,
    substrate_vectors: np.ndarray,
    film_vectors: np.ndarray,
) -> Match:
    """Return the match of two given supercells for given in-plane vectors (rows, Å).

    Use it to evaluate a stored choice of integers on another engine's lattice.
    """
    pair = np.array([substrate_supercell]), np.array([film_supercell])
    return _described(*pair, np.asarray(substrate_vectors, dtype=float), np.asarray(film_vectors, dtype=float))[0]


def _described(lower: np.ndarray, upper: np.ndarray, base: np.ndarray, over: np.ndarray) -> list[Match]:
    """Return the matches of pairs of supercells (k, 2, 2)."""
    targets = lower @ base
    deformation = np.linalg.solve(upper @ over, targets).transpose(0, 2, 1)
    green = np.zeros((len(targets), 3, 3))
    green[:, :2, :2] = 0.5 * (deformation.transpose(0, 2, 1) @ deformation - np.eye(2))
    left, singular, right = np.linalg.svd(deformation)
    rotation = left @ right
    columns = (
        [((a, b), (c, d)) for (a, b), (c, d) in lower.tolist()],
        [((a, b), (c, d)) for (a, b), (c, d) in upper.tolist()],
        np.abs(np.linalg.det(targets)).tolist(),
        np.sort(100.0 * (singular - 1.0), axis=1).tolist(),
        green[:, :2, :2].tolist(),
        (100.0 * _von_mises(green)).tolist(),
        np.degrees(np.arctan2(rotation[:, 1, 0], rotation[:, 0, 0])).tolist(),
        _determinants(lower).tolist(),
        _determinants(upper).tolist(),
    )
    return [
        Match(
            substrate_supercell=substrate,
            film_supercell=film,
            area_a2=area,
            strain_percent=max(abs(p) for p in principal),
            principal_percent=(principal[0], principal[1]),
            strain_tensor=((strain[0][0], strain[0][1]), (strain[1][0], strain[1][1])),
            von_mises_percent=von_mises,
            rotation_deg=turned,
            n_substrate_cells=abs(n_substrate),
            n_film_cells=abs(n_film),
        )
        for substrate, film, area, principal, strain, von_mises, turned, n_substrate, n_film in zip(
            *columns, strict=True
        )
    ]


def _determinants(matrices: np.ndarray) -> np.ndarray:
    return matrices[:, 0, 0] * matrices[:, 1, 1] - matrices[:, 0, 1] * matrices[:, 1, 0]


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
    base, over = _lattice(substrate), _lattice(film)
    lower, upper, _ = _coherent_pairs(base, over, max_area_a2, max_strain_percent / 100.0)
    return _ranked(base, over, lower, upper)


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
    _require_limits(max_area_a2, max_strain_percent)
    base, over = _lattice(substrate), _lattice(film)
    # Preferred strains come first, then small areas: most often neither the full area nor the full strain is needed.
    narrow = min(max_strain_percent, PREFERRED_STRAIN_PERCENT + 2 * EDGE_PERCENT)
    searches = [(max_area_a2 * part, narrow) for part in SEARCHED_PARTS] + [(max_area_a2, max_strain_percent)]
    for area, strain_percent in searches:
        lower, upper, strain = _coherent_pairs(base, over, area, strain_percent / 100.0)
        areas = np.abs(_determinants(lower)) * base.area_a2
        is_last = (area, strain_percent) == searches[-1]
        kept = _may_be_first(areas, 100.0 * strain, area, is_last)
        if len(kept):
            return _ranked(base, over, lower[kept], upper[kept])[0]
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
        sum(abs(x) for cell in (match.substrate_supercell, match.film_supercell) for row in cell for x in row),
        match.substrate_supercell,
        match.film_supercell,
    )


def _ranked(base: _Lattice, over: _Lattice, lower: np.ndarray, upper: np.ndarray) -> tuple[Match, ...]:
    """Return the distinct matches among pairs, best first."""
    kept = _distinct(base, over, lower, upper)
    return tuple(sorted(_described(lower[kept], upper[kept], base.vectors, over.vectors), key=_rank))


def _may_be_first(areas: np.ndarray, strains: np.ndarray, searched: float, is_last: bool) -> np.ndarray:
    """Return the indices of the pairs that may rank first (strains in %), with all of the same film and cell size.

    None, unless this was the last search, where pairs beyond the area or strain searched so far may come before.
    """
    distance = strains - PREFERRED_STRAIN_PERCENT
    if (np.abs(distance) < EDGE_PERCENT).any():  # rounding decides who is preferred
        return np.arange(len(areas) if is_last else 0)
    preferred = distance < 0
    pool = np.flatnonzero(preferred if preferred.any() or not is_last else ~preferred)
    if not len(pool):
        return pool
    largest = areas[pool].min() + 0.2  # areas are compared as rounded to 0.1 Å²
    return pool[areas[pool] <= largest] if is_last or largest < searched else pool[:0]


@dataclass(frozen=True, eq=False)
class _Lattice:
    """A canonical plane lattice with its symmetry; shared by all that meets it."""

    vectors: np.ndarray
    group: np.ndarray

    @cached_property
    def area_a2(self) -> float:
        return abs(float(np.linalg.det(self.vectors)))


def _lattice(vectors: np.ndarray) -> _Lattice:
    rounded = np.round(np.asarray(vectors, dtype=float) / ROUND_A) * ROUND_A
    if rounded.shape != (2, 2) or not np.linalg.det(rounded) > 1e-3:
        raise InputError(f"in-plane vectors {rounded.tolist()} must be two right-handed rows in Å")
    return _lattice_of(rounded.tobytes())


@lru_cache(maxsize=LATTICES_KEPT)
def _lattice_of(rounded: bytes) -> _Lattice:
    vectors = _canonical_lattice(np.frombuffer(rounded).reshape(2, 2))
    return _Lattice(read_only(vectors), read_only(_cartesian_group(vectors)))


def _canonical_lattice(rounded: np.ndarray) -> np.ndarray:
    """Give nearly symmetric lattices their full symmetry, so that ties are exact ties."""
    gram = rounded @ rounded.T
    group = _holohedry(gram)
    mean = np.mean(group @ gram @ group.transpose(0, 2, 1), axis=0)
    ax = np.sqrt(mean[0, 0])
    bx = mean[0, 1] / ax
    angle = np.arctan2(rounded[0, 1], rounded[0, 0])
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return np.array([[ax, 0.0], [bx, np.sqrt(mean[1, 1] - bx**2)]]) @ turn


def _holohedry(gram: np.ndarray) -> np.ndarray:
    """Return the integer matrices (k, 2, 2; rows act on the basis) that keep the metric, improper ones included."""
    change = gauss_reduce(gram)
    inverse = np.rint(np.linalg.inv(change)).astype(int)
    reduced = change @ gram @ change.T
    scale = np.sqrt(np.outer(np.diag(reduced), np.diag(reduced)))
    images = _UNIMODULAR @ reduced @ _UNIMODULAR.transpose(0, 2, 1)
    keeps = (np.abs(images - reduced) < 2 * SYMMETRIC * scale).all(axis=(1, 2))
    return inverse @ _UNIMODULAR[keeps] @ change


@dataclass(frozen=True, eq=False)
class _Sublattices:
    """Sublattices with reduced bases, their Gram matrices, and the lengths of their basis vectors, shorter first."""

    bases: np.ndarray
    gram: np.ndarray
    minima: np.ndarray

    @cached_property
    def order(self) -> np.ndarray:
        """Indices by the shortest vector."""
        return np.argsort(self.minima[:, 0], kind="stable")

    @cached_property
    def shortest(self) -> np.ndarray:
        """Shortest vectors in this order, Å."""
        return self.minima[self.order, 0]


def _sublattices(lattice: _Lattice, max_area: float) -> _Sublattices:
    """Return all sublattices up to an area."""
    most = int(max_area / lattice.area_a2 + 1e-6)
    return _small_sublattices(lattice, most) if most <= MOST_CELLS_KEPT else _all_sublattices(lattice, most)


def _all_sublattices(lattice: _Lattice, most: int) -> _Sublattices:
    vectors = lattice.vectors
    bases = _reduce_all(sublattices_of(np.arange(1, most + 1)), vectors @ vectors.T)
    rows = bases @ vectors
    gram = rows @ rows.transpose(0, 2, 1)
    return _Sublattices(bases, gram, np.sqrt(np.einsum("kii->ki", gram)))


_small_sublattices = lru_cache(maxsize=LATTICES_KEPT)(_all_sublattices)


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


def _coherent_pairs(
    base: _Lattice, over: _Lattice, max_area: float, limit: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs (substrate bases, film bases) of shape (k, 2, 2) whose film strain is within the limit; their strains."""
    lower, upper = _sublattices(base, max_area), _sublattices(over, max_area / (1.0 - limit) ** 2)
    minima_lower, minima_upper = lower.minima, upper.minima
    order, sorted_minima, reach = upper.order, upper.shortest, limit + SLACK
    start = np.searchsorted(sorted_minima, minima_lower[:, 0] / (1.0 + reach), side="left")
    end = np.searchsorted(sorted_minima, minima_lower[:, 0] / (1.0 - reach), side="right")
    found = [(np.zeros((0, 2, 2), dtype=int), np.zeros((0, 2, 2), dtype=int), np.zeros(0))]
    for part in _parts(end - start):
        i = np.repeat(np.arange(len(minima_lower))[part], (end - start)[part])
        j = order[runs(start[part], (end - start)[part])]
        # Successive minima change by at most the strain, whatever basis is chosen: an exact first filter.
        near = (np.abs(minima_lower[i] / minima_upper[j] - 1.0) <= limit + SLACK).all(axis=1)
        i, j = i[near], j[near]
        which, change = _within(lower.gram[i], upper.gram[j], limit)
        bases, films = _BASIS_CHANGES[change] @ lower.bases[i[which]], upper.bases[j[which]]
        singular = _singular_values(np.linalg.solve(films @ over.vectors, bases @ base.vectors))
        strain = np.abs(singular - 1.0).max(axis=1, initial=0.0)
        ok = strain <= limit + SLACK
        found.append((bases[ok], films[ok], strain[ok]))
    bases, films, strain = (np.concatenate(column) for column in zip(*found, strict=True))
    return bases, films, strain


def _parts(counts: np.ndarray) -> Iterator[slice]:
    """Yield slices of rows that together have about ``MOST_PAIRS`` entries, one row at least."""
    begin, total = 0, np.cumsum(counts)
    while begin < len(counts):
        done = total[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(total, done + MOST_PAIRS, side="right")))
        yield slice(begin, end)
        begin = end


def _within(lower: np.ndarray, upper: np.ndarray, limit: float) -> tuple[np.ndarray, np.ndarray]:
    """Return (pair, basis change) of the Gram matrices whose strain may be within the limit, by invariants alone."""
    size = _determinants(upper)
    product = np.sqrt(np.abs(_determinants(lower) / size))  # of both singular values, in every basis
    aa, bb, ab = _GRAM_CHANGES @ np.stack([lower[:, 0, 0], lower[:, 0, 1], lower[:, 1, 1]])
    trace = (upper[:, 1, 1] * aa + upper[:, 0, 0] * bb - 2 * upper[:, 0, 1] * ab) / size
    total = np.sqrt(trace + 2 * product)
    gap = np.sqrt(np.maximum(trace - 2 * product, 0.0))
    change, pair = np.nonzero(0.5 * (np.abs(total - 2.0) + gap) <= limit + COARSE_SLACK)
    return pair, change


def _singular_values(matrices: np.ndarray) -> np.ndarray:
    """Singular values of (k, 2, 2) matrices of positive determinant in closed form."""
    a, b, c, d = matrices[:, 0, 0], matrices[:, 0, 1], matrices[:, 1, 0], matrices[:, 1, 1]
    plus = np.hypot(a + d, b - c)
    minus = np.hypot(a - d, b + c)
    return 0.5 * np.stack([plus + minus, plus - minus], axis=1)


def _distinct(base: _Lattice, over: _Lattice, lower: np.ndarray, upper: np.ndarray) -> list[int]:
    """Keep one pair per strained film up to lattice symmetry: smallest cell, then the plainest integers."""
    deformation = np.linalg.solve(upper @ over.vectors, lower @ base.vectors).transpose(0, 2, 1)
    keys = _canonical_image(deformation, base.group, over.group)
    angle = np.arctan2(deformation[:, 1, 0] - deformation[:, 0, 1], deformation[:, 0, 0] + deformation[:, 1, 1])
    size = np.abs(lower).sum(axis=(1, 2)) + np.abs(upper).sum(axis=(1, 2))
    turned = np.round(np.abs(angle), 4)
    order = np.lexsort(
        (
            *upper.reshape(-1, 4).T[::-1],
            *lower.reshape(-1, 4).T[::-1],
            size,
            turned,
            np.abs(_determinants(lower)),
        )
    )
    chosen: dict[tuple, int] = {}
    for index, key in zip(order.tolist(), keys[order].tolist(), strict=True):
        chosen.setdefault(tuple(key), index)
    return list(chosen.values())


def _cartesian_group(vectors: np.ndarray) -> np.ndarray:
    """Symmetry operations of a plane lattice as Cartesian matrices (k, 2, 2) acting on column vectors."""
    images = _holohedry(vectors @ vectors.T) @ vectors
    return np.linalg.solve(np.broadcast_to(vectors, images.shape), images).transpose(0, 2, 1)


def _canonical_image(deformation: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the lexicographic maximum (k, 4) of the images of deformations under both groups, rounded."""
    first, second = np.nonzero(np.outer(_determinants(left), _determinants(right)) > 0)
    step = max(1, MOST_PAIRS // len(first))
    best = [np.zeros((0, 4))]
    for start in range(0, len(deformation), step):
        part = deformation[start : start + step]
        images = np.round((left[first, None] @ part @ right[second, None]).reshape(len(first), -1, 4) + 3.7e-7, 5)
        leads = np.ones(images.shape[:2], dtype=bool)
        for component in np.moveaxis(images, 2, 0):
            values = np.where(leads, component, -np.inf)
            leads &= values > values.max(axis=0) - 1e-9
        best.append(images[leads.argmax(axis=0), np.arange(images.shape[1])])
    return np.concatenate(best)
