import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import linregress, norm

from liface.analysis.tobit import fit_tobit


def line(x):
    return np.stack([np.ones_like(x), x], axis=-1)


def fit(x, y, censoring, floor=1e-4):
    result = fit_tobit(line(x)[None], y[None], np.asarray(censoring, float)[None], floor)
    return result.beta[0], result.sigma[0], result.log_likelihood[0], result.at_floor[0]


def simulated(n=12, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 100, n)
    return x, 1.0 + 0.04 * x + 0.5 * rng.standard_normal(n)


def test_without_censoring_it_is_least_squares_with_the_ml_scatter():
    x, y = simulated()
    (intercept, slope), sigma, log_likelihood, _ = fit(x, y, np.zeros(12))
    ols = linregress(x, y)
    residual = y - ols.intercept - ols.slope * x
    assert slope == pytest.approx(ols.slope, abs=1e-8)
    assert intercept == pytest.approx(ols.intercept, abs=1e-6)
    assert sigma == pytest.approx(np.sqrt(np.mean(residual**2)), rel=1e-7)
    assert log_likelihood == pytest.approx(norm.logpdf(residual, scale=sigma).sum())


@pytest.mark.parametrize("seed", range(4))
def test_censored_maximum_against_a_direct_search(seed):
    x, y = simulated(15, seed)
    censoring = np.where(y > 3.5, 1, np.where(y < 1.8, -1, 0))
    y = np.clip(y, 1.8, 3.5)

    def negative(p):
        mean, sigma = p[0] + p[1] * x, np.exp(p[2])
        z = (y - mean) / sigma
        return -np.where(censoring == 0, norm.logpdf(z) - p[2], norm.logcdf(-censoring * z)).sum()

    best = minimize(
        negative, [1.0, 0.03, 0.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-11, "maxiter": 5000}
    )
    beta, sigma, log_likelihood, _ = fit(x, y, censoring)
    assert log_likelihood == pytest.approx(-best.fun, abs=1e-6)
    assert [*beta, sigma] == pytest.approx([*best.x[:2], np.exp(best.x[2])], rel=1e-3)


def test_bounds_recover_the_truth_where_taking_them_as_values_does_not():
    rng = np.random.default_rng(5)
    x = rng.uniform(0, 100, 2000)
    y = 1.0 + 0.05 * x + rng.standard_normal(2000)
    censoring, cut = (y > 4).astype(float), np.minimum(y, 4.0)
    (intercept, slope), sigma, _, _ = fit(x, cut, censoring)
    assert (slope, sigma) == pytest.approx((0.05, 1.0), rel=0.05)
    assert intercept == pytest.approx(1.0, abs=0.15)  # three standard errors, 0.05 each
    assert linregress(x, cut).slope < 0.04


def test_the_direction_of_a_bound_matters():
    x, y = simulated()
    censoring = np.zeros(12)
    censoring[np.argmax(x)] = 1
    slope = fit(x, y, np.zeros(12))[0][1]
    assert fit(x, y - 0.2 * (censoring > 0), censoring)[0][1] > fit(x, y - 0.2 * (censoring > 0), -censoring)[0][1]
    assert slope > 0


def test_a_scatter_that_the_data_do_not_determine_ends_at_the_floor():
    x = np.array([0.0, 10, 20, 30])
    beta, sigma, _, at_floor = fit(x, 1 + 0.1 * x, np.zeros(4), floor=0.05)
    assert at_floor
    assert sigma == pytest.approx(0.05)
    assert beta == pytest.approx([1.0, 0.1], abs=1e-5)
    # two values, and bounds that their line satisfies
    assert fit(x, np.array([1.0, 2.0, 2.5, 3.0]), [0, 0, 1, 1], floor=0.05)[3]


def test_a_batch_gives_what_each_data_set_gives_alone():
    sets = [simulated(10, seed) for seed in range(6)]
    x, y = (np.stack(parts) for parts in zip(*sets, strict=True))
    censoring = (y > 3).astype(float)
    batch = fit_tobit(line(x), np.minimum(y, 3.0), censoring, 1e-4)
    for k in range(6):
        beta, sigma, _, _ = fit(x[k], np.minimum(y[k], 3.0), censoring[k])
        assert batch.beta[k] == pytest.approx(beta, rel=1e-5)
        assert batch.sigma[k] == pytest.approx(sigma, rel=1e-5)


def test_units_do_not_matter():
    x, y = simulated()
    censoring = (y > 3).astype(float)
    beta, sigma, _, _ = fit(x, y, censoring)
    scaled, scaled_sigma, _, _ = fit(1000 * x, 100 * y, censoring, floor=1e-2)
    assert scaled == pytest.approx([100 * beta[0], 0.1 * beta[1]], rel=1e-5)
    assert scaled_sigma == pytest.approx(100 * sigma, rel=1e-5)
