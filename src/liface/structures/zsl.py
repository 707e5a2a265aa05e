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
from liface.structures.integers import IntMatrix2, hermite_forms, int_matrix, runs

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
    rows = _rows(film), _rows(substrate)
    allowed, areas = _allowed_pairs(*rows, max_area, max_area_ratio_tol)
    both = _Sublattices.of(rows, areas, allowed)
    test = _Test(max_length_tol, max_angle_tol, bidirectional)
    found = [_same_shapes(both, upper, allowed, test) for upper in both.chunks()]
    shapes = found[0] if len(found) == 1 else [np.concatenate(parts, axis=1) for parts in zip(*found, strict=True)]
    certain, doubtful = (_expanded(both, *pairs) for pairs in shapes)
    if doubtful.size:
        kept = [k for k, (p, q) in enumerate(doubtful.T.tolist()) if test.by_reference(both, p, q)]
        certain = np.concatenate([certain, doubtful[:, kept]], axis=1)
    p, q = certain
    n_film = both.index[p]
    order = np.lexsort((q, p, n_film, n_film * both.index[q]))
    return ZslMatches(both.transformations[p[order]], both.transformations[q[order]], *areas)


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
    """Sublattices of the film, and after them those of the substrate, by the shapes of their reduced bases.

    A column of ``shapes`` is a shape, (shorter length, longer length, angle), sorted by the shorter length; those
    numbered ``upper`` are of the film, ``lower`` of the substrate. ``members`` lists the sublattices shape after shape,
    from ``first`` on, ``size`` of each. Film and substrate go through all this together: the arrays are short,
    and every operation costs as much as a hundred numbers.
    """

    rows: tuple[np.ndarray, np.ndarray]
    transformations: np.ndarray
    index: np.ndarray
    side: np.ndarray
    shapes: np.ndarray
    shape_index: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    members: np.ndarray
    first: np.ndarray
    size: np.ndarray

    @classmethod
    def of(cls, rows: tuple[np.ndarray, np.ndarray], areas: tuple[float, float], allowed: np.ndarray) -> _Sublattices:
        """Take the numbers of cells of the film, rows of ``allowed``, and of the substrate that have a partner."""
        film, substrate = (_of_cells(np.logical_or.reduce(allowed, axis=k)) for k in (1, 0))
        transformations = np.concatenate([film[0], substrate[0]])
        index = np.concatenate([film[1], substrate[1]])
        counts = [len(film[1]), len(substrate[1])]
        side = np.repeat([0, 1], counts)
        metrics = np.array([[*(r @ r.T).ravel(), area] for r, area in zip(rows, areas, strict=True)])
        g_aa, g_ab, _, g_bb, unit = np.take(metrics.T, side, axis=1)
        aa, bb, ab = _reduced(transformations, g_aa, g_ab, g_bb)
        keys = np.rint(np.stack([bb, aa]) * (1e10 / unit))
        members = np.lexsort(keys)  # keeps film before substrate, and both in order of their cells
        keys = np.concatenate([keys, [side], [index]])[:, members]
        is_new = np.ones(len(members), dtype=bool)
        is_new[1:] = (keys[:, 1:] != keys[:, :-1]).any(axis=0)
        first = np.flatnonzero(is_new)
        chosen = members[first]
        shape_index, of_substrate = index[chosen], side[chosen]
        angle = np.arctan2(shape_index * unit[chosen], ab[chosen])
        return cls(
            rows=rows,
            transformations=transformations,
            index=index,
            side=side,
            shapes=np.stack([np.sqrt(aa[chosen]), np.sqrt(bb[chosen]), angle]),
            shape_index=shape_index,
            upper=np.flatnonzero(of_substrate == 0),
            lower=np.flatnonzero(of_substrate),
            members=members,
            first=first,
            size=np.append(first[1:], len(members)) - first,
        )

    def chunks(self) -> Iterator[np.ndarray]:
        """Yield parts of ``upper``; at least one."""
        step = max(1, MOST_PAIRS // max(len(self.lower), 1))
        for start in range(0, max(len(self.upper), 1), step):
            yield self.upper[start : start + step]


def _of_cells(wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sublattices of the wanted numbers of cells, counted from 1, and the number of each."""
    forms, index = hermite_forms(len(wanted))
    if wanted.all():
        return forms, index
    kept = wanted[index - 1]
    return forms[kept], index[kept]


def _reduced(
    transformations: np.ndarray, g_aa: np.ndarray, g_ab: np.ndarray, g_bb: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a·a, b·b and a·b >= 0 of the reduced bases: a is shortest, b the next shortest.

    The metric of each sublattice's own lattice is given by its three entries. What is returned does not depend on which
    of several shortest vectors a reduction takes.
    """
    i, j, _, n = transformations.reshape(-1, 4).T.astype(float, order="C")
    across = i * g_ab + j * g_bb
    aa, bb, ab = i * (i * g_aa + j * g_ab) + j * across, n * n * g_bb, n * across
    for _ in range(1000):
        aa, bb = np.minimum(aa, bb), np.maximum(aa, bb)
        # ties, where both vectors are equally short, count as reduced
        factor = np.rint(ab / aa * (1 - EDGE))
        if not factor.any():
            return aa, bb, np.abs(ab)
        step = factor * aa
        bb += factor * (step - 2 * ab)
        ab -= step
    raise InputError("no reduced basis found; give a less skewed cell")


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

    def by_reference(self, both: _Sublattices, p: int, q: int) -> bool:
        """Compare a sublattice of the film and one of the substrate with pymatgen's own functions, to its last bit."""
        from pymatgen.analysis.interfaces.zsl import is_same_vectors, reduce_vectors

        reduced = []
        for rows, k in zip(both.rows, (p, q), strict=True):
            same = np.flatnonzero((both.index == both.index[k]) & (both.side == both.side[k]))
            products = np.dot(both.transformations[same].astype(float), rows)
            reduced.append(np.array(reduce_vectors(*products[k - int(same[0])]), dtype=float))
        return bool(is_same_vectors(reduced[0], reduced[1], self.bidirectional, self.length, self.angle))


def _same_shapes(
    both: _Sublattices, upper: np.ndarray, allowed: np.ndarray, test: _Test
) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of shapes, shape (2, m): those that match, and those that rounding decides."""
    partners = both.shapes[0, both.lower]
    low, high = test.reach(both.shapes[0, upper])
    start = np.searchsorted(partners, low * (1 - EDGE))
    count = np.maximum(np.searchsorted(partners, high * (1 + EDGE), side="right") - start, 0)
    pairs = np.stack([np.repeat(upper, count), both.lower[runs(start, count)]])
    i, j = both.shape_index[pairs] - 1
    g, h = pairs = pairs[:, allowed[i, j]]
    margin = test.margin(both.shapes[:, g], both.shapes[:, h])
    return pairs[:, margin < -EDGE], pairs[:, np.abs(margin) <= EDGE]


def _expanded(both: _Sublattices, g: np.ndarray, h: np.ndarray) -> np.ndarray:
    """Replace pairs of shapes by all pairs of the sublattices that have them."""
    if not len(g):
        return np.zeros((2, 0), dtype=int)
    m = both.size[h]
    count = both.size[g] * m
    inner = runs(np.zeros_like(count), count)
    p, q = np.divmod(inner, np.repeat(m, count))
    p += np.repeat(both.first[g], count)
    q += np.repeat(both.first[h], count)
    return both.members[np.stack([p, q])]
