"""Rank correlations with a censored response: Kendall's tau-b and Spearman's rho on what is certain.

A bound is compared with another value only where the order is certain: 4.8 is below ">= 5.0", but nothing is known
of 4.8 against "> 3.2".

- Kendall's tau-b (10.1093/biomet/33.3.239) runs over the comparable pairs only, as a concordance index does.
- Spearman: the rank of a response is replaced by Gehan's score (10.1093/biomet/52.1-2.203), the number of points
  certainly below minus the number certainly above; rho is the Pearson correlation of the scores with the mid-ranks
  of the descriptor.

Without censoring both are the ordinary coefficients. Permutation p values hold if, without an association, bounds
fall on any material alike.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

EXACT_UP_TO = 8
"""Largest n for which all permutations are counted (8! = 40320)."""

N_RANDOM_PERMUTATIONS = 20_000
_CHUNK = 2_000_000  # elements of an (batch, n, n) array held at once


@dataclass(frozen=True)
class ResponseOrder:
    """What is certain about the order of n responses, shape (n, n) each.

    ``sign`` is 1 where the row is certainly above the column, -1 where below; ``comparable`` is true where the order,
    or the equality of two uncensored values, is certain.
    """

    sign: Array
    comparable: NDArray[np.bool_]

    @property
    def n(self) -> int:
        """Number of responses."""
        return len(self.sign)

    @property
    def n_comparable_pairs(self) -> int:
        """Pairs of different points whose order is certain."""
        return int(np.triu(self.comparable, 1).sum())

    @classmethod
    def of(cls, values: Array, qualifiers: tuple[str, ...]) -> ResponseOrder:
        """Order values with qualifiers; two values where one is a strict bound at the other count as ordered."""
        lower = np.array(
            [v if q in ("=", "≈", ">=", ">") else -np.inf for v, q in zip(values, qualifiers, strict=True)]
        )
        upper = np.array([v if q in ("=", "≈", "<=", "<") else np.inf for v, q in zip(values, qualifiers, strict=True)])
        open_below = np.array([q == ">" for q in qualifiers])
        open_above = np.array([q == "<" for q in qualifiers])
        strict = open_below[:, None] | open_above[None, :]
        above = (lower[:, None] > upper[None, :]) | ((lower[:, None] == upper[None, :]) & strict)
        exact = lower == upper
        tied = exact[:, None] & exact[None, :] & (lower[:, None] == lower[None, :])
        return cls(sign=above.astype(float) - above.T, comparable=above | above.T | tied)


def kendall(x: Array, order: ResponseOrder) -> float:
    """Kendall's tau-b over comparable pairs; nan where no comparable pair differs in both."""
    return float(_kendall(x[None], order.sign[None], order.comparable[None])[0])


def spearman(x: Array, order: ResponseOrder) -> float:
    """Spearman's rho of mid-ranks with Gehan scores; nan where one of them does not vary."""
    return float(_spearman(x[None], order.sign[None])[0])


def permutation_p(x: Array, order: ResponseOrder, statistic: str, seed: int) -> tuple[float, bool]:
    """Two-sided p of a statistic ("kendall" or "spearman") under permutations of the descriptor.

    All permutations are counted up to n = 8; beyond that a random sample with the observed order included.
    """
    observed = abs(kendall(x, order) if statistic == "kendall" else spearman(x, order))
    exact = order.n <= EXACT_UP_TO
    count = total = 0 if exact else 1
    for batch in _permutations(order.n, seed, exact):
        shape = (len(batch), order.n, order.n)
        sign = np.broadcast_to(order.sign, shape)
        if statistic == "kendall":
            values = _kendall(x[batch], sign, np.broadcast_to(order.comparable, shape))
        else:
            values = _spearman(x[batch], sign)
        # a permutation that is undefined shows no correlation, hence no evidence against chance
        count += int(np.sum(np.nan_to_num(np.abs(values)) >= observed - 1e-9))
        total += len(batch)
    return count / total, exact


def bootstrap(x: Array, stderr: Array, order: ResponseOrder, n_resamples: int, seed: int) -> tuple[Array, Array]:
    """Resample points with replacement; return the defined values of Spearman and of Kendall.

    A descriptor with a standard error is redrawn from its normal distribution in every resample.
    """
    rng = np.random.default_rng(seed)
    rho, tau = [], []
    for size in _chunks(n_resamples, order.n):
        index = rng.integers(0, order.n, (size, order.n))
        noise = rng.standard_normal((size, order.n)) * stderr
        drawn = np.take_along_axis(x + noise, index, axis=1)
        sign = order.sign[index[:, :, None], index[:, None, :]]
        comparable = order.comparable[index[:, :, None], index[:, None, :]]
        rho.append(_spearman(drawn, sign))
        tau.append(_kendall(drawn, sign, comparable))
    return _defined(rho), _defined(tau)


def _kendall(x: Array, sign: Array, comparable: NDArray[np.bool_]) -> Array:
    """Tau-b of a batch: x (b, n), sign and comparable (b, n, n)."""
    sign_x = np.sign(x[:, :, None] - x[:, None, :]) * comparable
    both = np.sum(sign_x * sign, axis=(1, 2))
    norm = np.sqrt(np.sum(sign_x**2, axis=(1, 2)) * np.sum(sign**2, axis=(1, 2)))
    return np.divide(both, norm, out=np.full(len(x), np.nan), where=norm > 0)


def _spearman(x: Array, sign: Array) -> Array:
    """Pearson correlation of centred mid-ranks and Gehan scores of a batch."""
    rank = np.sign(x[:, :, None] - x[:, None, :]).sum(axis=2)
    score = sign.sum(axis=2)
    norm = np.sqrt(np.sum(rank**2, axis=1) * np.sum(score**2, axis=1))
    return np.divide(np.sum(rank * score, axis=1), norm, out=np.full(len(x), np.nan), where=norm > 0)


def _permutations(n: int, seed: int, exact: bool) -> Iterator[NDArray[np.int_]]:
    if exact:
        every = itertools.permutations(range(n))
        for size in _chunks(math.factorial(n), n):
            yield np.array(list(itertools.islice(every, size)))
        return
    rng = np.random.default_rng(seed)
    total = min(N_RANDOM_PERMUTATIONS, max(2_000, 50_000_000 // n**2))  # keeps hundreds of points quick
    for size in _chunks(total, n):
        yield rng.permuted(np.tile(np.arange(n), (size, 1)), axis=1)


def _chunks(total: int, n: int) -> Iterator[int]:
    size = max(1, _CHUNK // (n * n))
    for start in range(0, total, size):
        yield min(size, total - start)


def _defined(parts: list[Array]) -> Array:
    values = np.concatenate(parts)
    return values[np.isfinite(values)]
