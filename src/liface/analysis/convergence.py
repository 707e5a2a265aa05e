"""Where a series settles: the first value beyond which all finer ones agree with the finest."""

from __future__ import annotations

import math
from collections.abc import Sequence

from liface.errors import AnalysisError

CONFIRMING = 2
"""Finer values that must agree with one before it counts: two neighbours may agree by chance, as slabs with even and
odd numbers of planes do."""


def settled_at(results: Sequence[float], tolerance: float, repeats: Sequence[bool] = ()) -> int | None:
    """Return the index of the first result from which on all are within a tolerance of the last; None if there is none.

    Parameters
    ----------
    results
        Coarse to fine; the last is the reference.
    repeats
        Points that are the one before once more, and prove nothing: they are passed over.

    Raises
    ------
    AnalysisError
        No result, one that is not finite, or a tolerance that is not positive.

    Examples
    --------
    >>> settled_at([90.0, 84.0, 80.4, 80.1, 80.0], 0.5)
    2
    >>> settled_at([80.0, 84.0, 80.0], 0.5) is None
    True
    """
    if not results or not all(map(math.isfinite, results)) or not tolerance > 0:
        raise AnalysisError(
            f"series {list(results)} with tolerance {tolerance}: finite numbers and a positive one are needed"
        )
    told = repeats or [False] * len(results)
    distinct = [i for i, again in enumerate(told) if not again]
    reference = results[-1]
    for place, start in enumerate(distinct):
        finer = distinct[place + 1 :]
        if len(finer) < CONFIRMING:
            return None
        if all(abs(results[i] - reference) <= tolerance for i in (start, *finer)):
            return start
    return None
