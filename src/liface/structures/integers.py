"""Whole-number lattice algebra: Hermite forms, reduced bases, points of a supercell."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm

import numpy as np

IntMatrix2 = tuple[tuple[int, int], tuple[int, int]]
IDENTITY_2: IntMatrix2 = ((1, 0), (0, 1))

MOST_CELLS_KEPT = 64
"""Tables of forms of larger determinants than this are made again: one of 64 takes 0.1 MB."""


def int_matrix(matrix: np.ndarray) -> IntMatrix2:
    """Return a 2x2 array of whole numbers as nested tuples."""
    (a, b), (c, d) = np.rint(matrix).astype(int).tolist()
    return (a, b), (c, d)


def row_hermite(rows: np.ndarray) -> np.ndarray:
    """Return a basis (upper triangular, positive diagonal) of the lattice the integer rows span."""
    work = [list(map(int, row)) for row in rows]
    width, basis = len(work[0]), []
    for column in range(width):
        while True:
            live = sorted((r for r in work if r[column]), key=lambda r: abs(r[column]))
            if len(live) <= 1:
                break
            for row in live[1:]:
                factor = row[column] // live[0][column]
                row[:] = [x - factor * y for x, y in zip(row, live[0], strict=True)]
        if live:
            pivot = live[0]
            work = [r for r in work if r is not pivot]
            basis.append([-x for x in pivot] if pivot[column] < 0 else pivot)
    for i, pivot in enumerate(basis):
        column = next(c for c in range(width) if pivot[c])
        for row in basis[:i]:
            factor = row[column] // pivot[column]
            row[:] = [x - factor * y for x, y in zip(row, pivot, strict=True)]
    return np.array(basis, dtype=int)


def smallest_integers(values: np.ndarray, max_denominator: int = 200) -> tuple[int, ...]:
    """Scale rational numbers to coprime integers of the same signs."""
    fractions = [Fraction(float(v)).limit_denominator(max_denominator) for v in values]
    factor = lcm(*(f.denominator for f in fractions))
    integers = [int(f * factor) for f in fractions]
    divisor = gcd(*integers)
    return tuple(i // divisor for i in integers)


def plane_basis(hkl: tuple[int, ...]) -> np.ndarray:
    """Return a unimodular matrix: rows 0 and 1 lie in the plane ``hkl``, row 2 has n.hkl = 1."""
    matrix = np.eye(3, dtype=object)
    target = [int(i) for i in hkl]
    while sum(bool(x) for x in target) > 1:
        pivot = min((i for i in range(3) if target[i]), key=lambda i: abs(target[i]))
        for i in range(3):
            if i != pivot and target[i]:
                factor = target[i] // target[pivot]
                target[i] -= factor * target[pivot]
                matrix[i] = matrix[i] - factor * matrix[pivot]
    last = next(i for i in range(3) if target[i])
    if target[last] < 0:
        matrix[last] = -matrix[last]
    others = [i for i in range(3) if i != last]
    return np.array(matrix[[*others, last]], dtype=int)


def gauss_reduce(metric: np.ndarray, tolerance: float = 1e-6) -> np.ndarray:
    """Return the unimodular 2x2 matrix whose rows are a shortest basis for the Gram matrix ``metric``.

    ``tolerance`` is relative: vectors whose squared lengths differ by less count as equal, so that noise
    does not decide between them.
    """
    rows = np.eye(2, dtype=int)
    slack = tolerance * float(np.trace(metric))
    for _ in range(1000):
        gram = rows @ metric @ rows.T
        factor = round(float(gram[0, 1] / gram[0, 0]))
        candidate = rows[1] - factor * rows[0]
        if candidate @ metric @ candidate < gram[1, 1] - slack:
            rows[1] = candidate
        elif gram[1, 1] < gram[0, 0] - slack:
            rows = rows[::-1].copy()
        else:
            return rows
    return rows


def sublattices(index: int) -> np.ndarray:
    """Return all 2D Hermite normal forms of a determinant, shape (k, 2, 2): every sublattice once."""
    return sublattices_of(np.array([index]))


def sublattices_of(indices: np.ndarray) -> np.ndarray:
    """Return the Hermite normal forms [[a, b], [0, n / a]] of several determinants n, in order, shape (k, 2, 2)."""
    divisors = np.arange(1, int(max(indices, default=0)) + 1)
    rest = np.asarray(indices, dtype=int)[:, None] % divisors[None]
    which, column = np.nonzero((rest == 0) & (divisors[None] <= np.asarray(indices)[:, None]))
    a = divisors[column]
    d = np.asarray(indices, dtype=int)[which] // a
    forms = np.zeros((int(d.sum()), 2, 2), dtype=int)
    forms[:, 0, 0], forms[:, 1, 1] = np.repeat(a, d), np.repeat(d, d)
    forms[:, 0, 1] = runs(np.zeros_like(d), d)
    return forms


def hermite_forms(most: int) -> tuple[np.ndarray, np.ndarray]:
    """Return all Hermite normal forms of determinants 1 to ``most``, in order, and the determinants; read only."""
    return _forms(most) if most <= MOST_CELLS_KEPT else _forms.__wrapped__(most)


@lru_cache(maxsize=64)
def _forms(most: int) -> tuple[np.ndarray, np.ndarray]:
    forms = sublattices_of(np.arange(1, most + 1))
    index = forms[:, 0, 0] * forms[:, 1, 1]
    forms.flags.writeable = index.flags.writeable = False
    return forms, index


def runs(start: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Return start[0], start[0] + 1, ..., count[0] numbers in all, then those of start[1] and so on."""
    before = np.cumsum(count) - count
    return np.arange(int(count.sum())) + np.repeat(start - before, count)


def lattice_points(supercell: np.ndarray) -> np.ndarray:
    """Return the integer points inside a 2D supercell (rows), shape (|det|, 2), in a fixed order; read only."""
    (a, b), (c, d) = np.asarray(supercell, dtype=int).tolist()
    return _points(a, b, c, d)


@lru_cache(maxsize=64)
def _points(a: int, b: int, c: int, d: int) -> np.ndarray:
    determinant = a * d - b * c
    x, y = (sorted((0, p, q, p + q)) for p, q in ((a, c), (b, d)))
    grid = np.stack(
        np.meshgrid(np.arange(x[0], x[-1] + 1), np.arange(y[0], y[-1] + 1), indexing="ij"), axis=-1
    ).reshape(-1, 2)
    sign = 1 if determinant > 0 else -1
    scaled = sign * (grid @ np.array([[d, -b], [-c, a]]))  # fractional coordinates times |det|: no rounding
    points = grid[((scaled >= 0) & (scaled < abs(determinant))).all(axis=1)]
    points.flags.writeable = False
    return points
