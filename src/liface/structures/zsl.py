"""The lattice matching criterion of Zur and McGill, on arrays.

The standard of the field: two sublattices match if the lengths and the angle of their reduced bases agree within
tolerances. It says nothing of principal strains, and lists every transformation of one and the same strained film;
:func:`liface.structures.matching.find_matches`, which campaigns use, does neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from liface.errors import InputError
from liface.structures.integers import IntMatrix2, int_matrix, runs, sublattices_of

EDGE = 1e-9
"""Comparisons closer to a tolerance than this are rounding, and are left to pymatgen's own functions."""

MOST_PAIRS = 1_000_000
"""Pairs of shapes compared at once: bounds the memory of large areas."""


@dataclass(frozen=True, eq=False)
class ZslMatches:
    """Pairs of transformations whose sublattices match, the smallest first.

    Attributes
    ----------
    film_transformations, substrate_transformations
        Hermite normal forms [[i, j], [0, n / i]] that act on the given rows, whole numbers, shape (k, 2, 2).
    film_area_a2, substrate_area_a2
        Areas of the given cells, Å².
    """

    film_transformations: np.ndarray
    substrate_transformations: np.ndarray
    film_area_a2: float
    substrate_area_a2: float

    def __len__(self) -> int:
        """Return the number of matches."""
        return len(self.film_transformations)

    def __iter__(self) -> Iterator[tuple[IntMatrix2, IntMatrix2]]:
        """Yield (film, substrate) transformations as nested tuples."""
        for film, substrate in zip(self.film_transformations, self.substrate_transformations, strict=True):
            yield int_matrix(film), int_matrix(substrate)

    @property
    def areas_a2(self) -> np.ndarray:
        """Areas of the film sublattices, unstrained, Å², shape (k,)."""
        return _determinants(self.film_transformations) * self.film_area_a2


def zsl_matches(
    film: np.ndarray,
    substrate: np.ndarray,
    *,
    max_area: float = 400.0,
    max_area_ratio_tol: float = 0.09,
    max_length_tol: float = 0.03,
    max_angle_tol: float = 0.01,
    bidirectional: bool = False,
) -> ZslMatches:
    """Return all pairs of sublattices that match by the criterion of Zur and McGill.

    The set is that of ``pymatgen.analysis.interfaces.zsl.ZSLGenerator``, which is not imported unless a comparison
    is so close to a tolerance that rounding decides it (within 1e-9); its own functions then do.

    Parameters
    ----------
    film, substrate
        In-plane vectors as rows, Å, shape (2, 2) or (2, 3).
    max_area
        Sublattices are smaller than this, Å².
    max_area_ratio_tol
        Ratios of cell areas and of numbers of cells, either way up, differ by less than this.
    max_length_tol, max_angle_tol
        Largest deviations of the lengths and of the angle of the reduced bases, relative to the film.
    bidirectional
        Accept also deviations that are small enough relative to the substrate.

    Raises
    ------
    InputError
        The vectors span no plane, or a limit is not positive.

    References
    ----------
    Zur and McGill, J. Appl. Phys. 55, 378 (1984), https://doi.org/10.1063/1.333084.
    """
    tolerances = (max_area_ratio_tol, max_length_tol, max_angle_tol)
    if not (0 < max_area < np.inf and all(0 <= value < np.inf for value in tolerances)):
        raise InputError(f"max_area = {max_area} must be positive and the tolerances {tolerances} not negative")
    over, base = _rows(film), _rows(substrate)
    allowed, areas = _allowed_pairs(over, base, max_area, max_area_ratio_tol)
    upper = _Sublattices.of(over, np.flatnonzero(allowed.any(axis=1)) + 1)
    lower = _Sublattices.of(base, np.flatnonzero(allowed.any(axis=0)) + 1)
    test = _Test(max_length_tol, max_angle_tol, bidirectional)
    found = [_expanded(upper, lower, *_same_shapes(upper, lower, chunk, allowed, test)) for chunk in upper.chunks()]
    certain, doubtful = (np.concatenate([pairs[k] for pairs in found], axis=1) for k in (0, 1))
    kept = [k for k, (p, q) in enumerate(doubtful.T) if test.by_reference(upper, p, lower, q)]
    p, q = np.concatenate([certain, doubtful[:, kept]], axis=1)
    order = np.lexsort((q, p, upper.index[p], upper.index[p] * lower.index[q]))
    return ZslMatches(upper.transformations[p[order]], lower.transformations[q[order]], *areas)


def _rows(vectors: np.ndarray) -> np.ndarray:
    rows = np.zeros((2, 3))
    given = np.asarray(vectors, dtype=float)
    if given.shape not in ((2, 2), (2, 3)) or not np.isfinite(given).all():
        raise InputError(f"in-plane vectors {given.tolist()} must be two rows of two or three numbers, Å")
    rows[:, : given.shape[1]] = given
    if not _area(rows) > 1e-6:
        raise InputError(f"in-plane vectors {given.tolist()} span no plane")
    return rows


def _area(rows: np.ndarray) -> float:
    (a, b, c), (d, e, f) = rows.tolist()
    return float(np.sqrt((b * f - c * e) ** 2 + (c * d - a * f) ** 2 + (a * e - b * d) ** 2))


def _determinants(matrices: np.ndarray) -> np.ndarray:
    return matrices[:, 0, 0] * matrices[:, 1, 1] - matrices[:, 0, 1] * matrices[:, 1, 0]


def _allowed_pairs(
    film: np.ndarray, substrate: np.ndarray, max_area: float, tolerance: float
) -> tuple[np.ndarray, tuple[float, float]]:
    """Tell for every number of film cells (rows, from 1) and substrate cells (columns) whether the areas fit."""
    areas = _area(film), _area(substrate)
    allowed, is_clear = _compared_areas(*areas, max_area, tolerance)
    if not is_clear:
        from pymatgen.analysis.interfaces.zsl import vec_area

        areas = float(vec_area(*film)), float(vec_area(*substrate))
        allowed, _ = _compared_areas(*areas, max_area, tolerance)
    return allowed, areas


def _compared_areas(film: float, substrate: float, max_area: float, tolerance: float) -> tuple[np.ndarray, bool]:
    """Return the table of pairs, and whether no entry hangs on rounding."""
    counts = [max_area / film, max_area / substrate]
    i = np.arange(1, int(np.ceil(counts[0])))[:, None]
    j = np.arange(1, int(np.ceil(counts[1])))[None]
    ratio, inverse = np.abs(film / substrate - j / i), np.abs(substrate / film - i / j)
    is_clear = all(abs(count - round(count)) > EDGE * count for count in counts) and not any(
        (np.abs(difference - tolerance) < EDGE).any() for difference in (ratio, inverse)
    )
    return (ratio < tolerance) | (inverse < tolerance), is_clear


@dataclass(frozen=True, eq=False)
class _Sublattices:
    """Sublattices of one lattice with their reduced bases; equal shapes share a number.

    ``lengths`` (m, 2) and ``angle`` (m,) describe the shapes, sorted by the shorter length; ``members`` lists the
    sublattices shape after shape, from ``first`` on, ``size`` of each.
    """

    rows: np.ndarray
    transformations: np.ndarray
    index: np.ndarray
    lengths: np.ndarray
    angle: np.ndarray
    shape_index: np.ndarray
    members: np.ndarray
    first: np.ndarray
    size: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray, indices: np.ndarray) -> _Sublattices:
        transformations = sublattices_of(indices)
        index = _determinants(transformations)
        aa, bb, ab = _reduced(transformations, rows @ rows.T)
        unit = _area(rows)
        keys = np.stack([index, np.rint(bb / (unit * 1e-10)), np.rint(aa / (unit * 1e-10))])
        members = np.lexsort(keys)
        keys = keys[:, members]
        is_new = np.ones(len(members), dtype=bool)
        is_new[1:] = (keys[:, 1:] != keys[:, :-1]).any(axis=0)
        first = np.flatnonzero(is_new)
        chosen = members[first]
        height = index[chosen] * unit
        return cls(
            rows=rows,
            transformations=transformations,
            index=index,
            lengths=np.sqrt(np.stack([aa[chosen], bb[chosen]], axis=1)),
            angle=np.arctan2(height, ab[chosen]),
            shape_index=index[chosen],
            members=members,
            first=first,
            size=np.diff(np.append(first, len(members))),
        )

    def chunks(self) -> Iterator[slice]:
        """Yield slices of the shapes; at least one."""
        step = max(1, MOST_PAIRS // max(len(self.angle), 1))
        for start in range(0, max(len(self.angle), 1), step):
            yield slice(start, start + step)


def _reduced(transformations: np.ndarray, gram: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a·a, b·b and a·b >= 0 of the reduced bases: a is shortest, b the next shortest.

    These do not depend on which of several shortest vectors a reduction takes.
    """
    i, j, n = transformations[:, 0, 0], transformations[:, 0, 1], transformations[:, 1, 1]
    along, across = i * gram[0, 0] + j * gram[0, 1], i * gram[0, 1] + j * gram[1, 1]
    aa, bb, ab = i * along + j * across, n * n * gram[1, 1], n * across
    for _ in range(1000):
        aa, bb = np.minimum(aa, bb), np.maximum(aa, bb)
        # ties, where both vectors are equally short, count as reduced
        factor = np.rint(ab / aa * (1 - EDGE))
        if not factor.any():
            return aa, bb, np.abs(ab)
        bb += factor * (factor * aa - 2 * ab)
        ab -= factor * aa
    raise InputError(f"no reduced basis found for the metric {gram.tolist()}; give a less skewed cell")


@dataclass(frozen=True)
class _Test:
    """The comparison of two shapes."""

    length: float
    angle: float
    bidirectional: bool

    def margin(self, film: np.ndarray, substrate: np.ndarray) -> np.ndarray:
        """Return how far beyond the tolerances shapes are, rows (a, b, angle) of any number of columns."""
        forth = self._one_way(film, substrate)
        return np.minimum(forth, self._one_way(substrate, film)) if self.bidirectional else forth

    def _one_way(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        deviation = np.abs(second / first - 1.0)
        return np.maximum(np.maximum(deviation[0], deviation[1]) - self.length, deviation[2] - self.angle)

    def reach(self, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the shortest and longest partner of lengths that may pass."""
        low, high = lengths * (1 - self.length - EDGE), lengths * (1 + self.length + EDGE)
        if self.bidirectional:
            high = lengths / (1 - self.length - EDGE) if self.length < 0.999 else np.full_like(lengths, np.inf)
            low = np.minimum(low, lengths / (1 + self.length + EDGE))
        return low, high

    def by_reference(self, upper: _Sublattices, p: int, lower: _Sublattices, q: int) -> bool:
        """Compare two sublattices with pymatgen's own functions, to its last bit."""
        from pymatgen.analysis.interfaces.zsl import is_same_vectors, reduce_vectors

        reduced = []
        for lattice, k in ((upper, p), (lower, q)):
            same = np.flatnonzero(lattice.index == lattice.index[k])
            products = np.dot(lattice.transformations[same].astype(float), lattice.rows)
            reduced.append(np.array(reduce_vectors(*products[int(k) - int(same[0])]), dtype=float))
        return bool(is_same_vectors(reduced[0], reduced[1], self.bidirectional, self.length, self.angle))


def _same_shapes(
    upper: _Sublattices, lower: _Sublattices, chunk: slice, allowed: np.ndarray, test: _Test
) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of shapes, shape (2, m): those that match, and those that rounding decides."""
    low, high = test.reach(upper.lengths[chunk, 0])
    start = np.searchsorted(lower.lengths[:, 0], low * (1 - EDGE))
    count = np.searchsorted(lower.lengths[:, 0], high * (1 + EDGE), side="right") - start
    count = np.maximum(count, 0)
    g = np.repeat(np.arange(len(count)), count) + (chunk.start or 0)
    h = runs(start, count)
    near = allowed[upper.shape_index[g] - 1, lower.shape_index[h] - 1] if len(g) else np.zeros(0, dtype=bool)
    g, h = g[near], h[near]
    margin = test.margin(
        np.stack([*upper.lengths[g].T, upper.angle[g]]), np.stack([*lower.lengths[h].T, lower.angle[h]])
    )
    certain, doubtful = margin < -EDGE, np.abs(margin) <= EDGE
    return np.stack([g[certain], h[certain]]), np.stack([g[doubtful], h[doubtful]])


def _expanded(upper: _Sublattices, lower: _Sublattices, *shape_pairs: np.ndarray) -> tuple[np.ndarray, ...]:
    """Replace pairs of shapes by all pairs of the sublattices that have them."""
    expanded = []
    for g, h in shape_pairs:
        n, m = upper.size[g], lower.size[h]
        inner = runs(np.zeros_like(n), n * m)
        width = np.repeat(m, n * m)
        p = np.repeat(upper.first[g], n * m) + inner // width
        q = np.repeat(lower.first[h], n * m) + inner % width
        expanded.append(np.stack([upper.members[p], lower.members[q]]))
    return tuple(expanded)
