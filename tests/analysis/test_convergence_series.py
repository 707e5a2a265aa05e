"""Where a series settles, against the definition and against series made up to mislead."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liface.analysis.convergence import CONFIRMING, settled_at
from liface.errors import AnalysisError

NUMBERS = st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("results", "tolerance", "expected"),
    [
        ([90.0, 84.0, 80.4, 80.1, 80.0], 0.5, 2),
        ([80.0, 80.0, 80.0], 0.5, 0),
        ([90.0, 80.0, 80.0], 0.5, None),  # one finer value that agrees is chance
        ([80.0, 84.0, 80.0], 0.5, None),
        ([80.1, 84.0, 80.1, 80.0, 80.0], 0.5, 2),  # agreed once, and left again
        ([80.0 + (-1) ** n for n in range(8)], 0.5, None),  # even and odd planes
        ([100.0 - 2.0 * n for n in range(10)], 1.0, None),  # a drift without end
        ([80.0 + math.exp(-n) for n in range(10)], 0.1, 3),
        ([80.0], 1.0, None),
        ([80.0, 80.0], 1.0, None),
    ],
)
def test_the_first_value_from_which_on_nothing_changes(results, tolerance, expected):
    assert settled_at(results, tolerance) == expected


def test_points_that_are_the_same_once_more_prove_nothing():
    results = [84.0, 80.1, 80.1, 80.0]
    assert settled_at(results, 0.5) == 1
    assert settled_at(results, 0.5, [False, False, True, False]) is None


@given(results=NUMBERS, tolerance=st.floats(1e-6, 1e3))
def test_it_is_the_definition(results, tolerance):
    def agrees(start):
        return all(abs(value - results[-1]) <= tolerance for value in results[start:])

    found = settled_at(results, tolerance)
    expected = next((i for i in range(len(results) - CONFIRMING) if agrees(i)), None)
    assert found == expected


@given(results=NUMBERS, tolerance=st.floats(1e-3, 1e3), factor=st.floats(1.0, 10.0))
def test_a_larger_tolerance_is_never_met_later(results, tolerance, factor):
    strict, loose = settled_at(results, tolerance), settled_at(results, factor * tolerance)
    assert strict is None or (loose is not None and loose <= strict)


@pytest.mark.parametrize(
    ("results", "tolerance"), [([], 1.0), ([1.0, math.nan], 1.0), ([1.0, math.inf], 1.0), ([1.0], 0.0), ([1.0], -1.0)]
)
def test_numbers_that_are_none_are_refused(results, tolerance):
    with pytest.raises(AnalysisError, match="finite numbers"):
        settled_at(results, tolerance)
