import itertools

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from liface.analysis.ranks import ResponseOrder, bootstrap, kendall, permutation_p, spearman

EXACT = ("=",) * 50


def order_of(y, qualifiers=EXACT):
    return ResponseOrder.of(np.array(y, float), tuple(qualifiers[: len(y)]))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("ties", [False, True])
def test_without_censoring_both_are_those_of_scipy(seed, ties):
    rng = np.random.default_rng(seed)
    x, y = (rng.integers(0, 4, (2, 12)) if ties else rng.standard_normal((2, 12))).astype(float)
    assert spearman(x, order_of(y)) == pytest.approx(spearmanr(x, y).statistic)
    assert kendall(x, order_of(y)) == pytest.approx(kendalltau(x, y).statistic)


@pytest.mark.parametrize("statistic", ["spearman", "kendall"])
def test_exact_p_for_five_points_against_enumeration(statistic):
    x, y = np.array([1.0, 2, 3, 4, 5]), np.array([2.0, 1, 3, 5, 4])
    function = {"spearman": spearmanr, "kendall": kendalltau}[statistic]
    observed = abs(function(x, y).statistic)
    every = [abs(function(p, y).statistic) for p in itertools.permutations(x)]
    expected = sum(value >= observed - 1e-12 for value in every) / 120
    assert permutation_p(x, order_of(y), statistic, 0) == (pytest.approx(expected), True)


def test_kendall_p_is_the_exact_one_of_scipy():
    rng = np.random.default_rng(3)
    x, y = rng.permutation(7).astype(float), rng.permutation(7).astype(float)
    expected = kendalltau(x, y, method="exact").pvalue
    assert permutation_p(x, order_of(y), "kendall", 0)[0] == pytest.approx(expected)


def test_random_permutations_come_near_the_exact_p():
    rng = np.random.default_rng(1)
    x = np.arange(12.0)
    y = x + 6 * rng.standard_normal(12)
    p, exact = permutation_p(x, order_of(y), "kendall", 0)
    assert not exact
    assert p == pytest.approx(kendalltau(x, y, method="exact").pvalue, abs=0.01)


def test_only_certain_pairs_are_compared():
    # Mg = 1.3, W >= 5, Cr = 4.8, Mo > 3.2, Ti > 3.2, Zr > 3.2: Mg below all five, Cr below W
    order = order_of([1.3, 5.0, 4.8, 3.2, 3.2, 3.2], ("=", ">=", "=", ">", ">", ">"))
    assert order.n_comparable_pairs == 6
    assert order.sign[0].tolist() == [0, -1, -1, -1, -1, -1]
    assert order.sign[1].tolist() == [1, 0, 1, 0, 0, 0]


def test_a_bound_at_a_value():
    assert order_of([5, 5], ("=", ">")).sign[1, 0] == 1
    assert order_of([5, 5], ("=", ">=")).n_comparable_pairs == 0
    assert order_of([5, 5], ("=", "<")).sign[1, 0] == -1
    assert order_of([5, 5], ("<", ">")).sign[1, 0] == 1
    assert order_of([5, 5], ("<=", ">=")).n_comparable_pairs == 0
    assert order_of([5, 5], ("=", "≈")).n_comparable_pairs == 1
    assert order_of([5, 6], ("<=", ">=")).sign[1, 0] == 1
    assert order_of([5, 6], (">=", "<=")).n_comparable_pairs == 0


def test_kendall_by_hand_with_a_bound():
    # pairs: (1,2) certain and concordant, (1,3) certain and concordant, (2,3) not comparable
    order = order_of([1, 4, 2], ("=", "=", ">"))
    assert kendall(np.array([1.0, 2, 3]), order) == pytest.approx(1.0)
    # turning x of the first two makes one of two comparable pairs discordant
    assert kendall(np.array([2.0, 1, 3]), order) == pytest.approx(0.0)


def test_the_direction_of_a_bound_matters():
    x, y = np.array([1.0, 2, 3, 4]), [1, 2, 3, 2.5]
    lower = spearman(x, order_of(y, ("=", "=", "=", ">")))
    upper = spearman(x, order_of(y, ("=", "=", "=", "<")))
    assert lower > upper


def test_without_variation_there_is_no_correlation():
    assert np.isnan(spearman(np.ones(4), order_of([1, 2, 3, 4])))
    assert np.isnan(kendall(np.arange(3.0), order_of([1, 2, 3], (">", ">", ">"))))


def test_bootstrap_covers_the_value_is_reproducible_and_widens_with_noise():
    rng = np.random.default_rng(0)
    x = np.arange(20.0)
    order = order_of(x + 5 * rng.standard_normal(20))
    rho, tau = bootstrap(x, np.zeros(20), order, 500, 7)
    again, _ = bootstrap(x, np.zeros(20), order, 500, 7)
    assert np.array_equal(rho, again)
    assert np.quantile(rho, 0.025) < spearman(x, order) < np.quantile(rho, 0.975)
    assert np.quantile(tau, 0.025) < kendall(x, order) < np.quantile(tau, 0.975)
    noisy, _ = bootstrap(x, np.full(20, 8.0), order, 500, 7)
    assert noisy.mean() < rho.mean()
    assert noisy.std() > rho.std()
