"""Constant, linear and threshold models of a censored response, and what they predict."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liface.analysis.correlation_report import ModelFit, ModelName, Prediction
from liface.analysis.tobit import TobitFit, fit_tobit

Array = NDArray[np.float64]

LEVEL = 0.95
"""Coverage of every interval."""

SCATTER_FLOOR = 0.05
"""Scatter assumed where the data do not determine it, as a share of the span of the response."""

MIN_EXACT_FOR_COVERAGE = 3
"""Simulated intervals of six points cover 94 % with four uncensored values, 91 % with three, 61 % with two."""

_NUMERICAL_FLOOR = 1e-3  # share of the span below which the scatter counts as undetermined
_N_THRESHOLDS = 41
_N_THRESHOLDS_RESAMPLED = 15
_N_RESAMPLES_THRESHOLD = 400  # each costs a whole profile


@dataclass(frozen=True)
class CensoredData:
    """Descriptor and response of n points; ``censoring`` is 0, 1 (lower bound) or -1 (upper bound)."""

    x: Array
    stderr: Array
    y: Array
    censoring: Array

    @property
    def n(self) -> int:
        """Number of points."""
        return len(self.x)

    @property
    def span(self) -> float:
        """Range of the response, the yardstick of its scatter."""
        return float(np.ptp(self.y)) or float(np.abs(self.y).max()) or 1.0

    def without(self, index: int) -> CensoredData:
        """Leave one point out."""
        keep = np.arange(self.n) != index
        return CensoredData(self.x[keep], self.stderr[keep], self.y[keep], self.censoring[keep])


def fit_models(data: CensoredData) -> tuple[ModelFit, ...]:
    """Fit what the points allow: nothing if all are bounds, no threshold below four points or three descriptors."""
    if not np.any(data.censoring == 0):
        return ()
    fits = [_fit(data, "constant")]
    distinct = np.unique(data.x).size
    if distinct > 1:
        fits.append(_fit(data, "linear"))
    if distinct > 2 and data.n >= 4:
        fits.append(_fit(data, "threshold"))
    return tuple(fits)


def fit_linear(data: CensoredData) -> ModelFit | None:
    """Fit the linear model alone; None where all points are bounds or share one descriptor."""
    if not np.any(data.censoring == 0) or np.unique(data.x).size < 2:
        return None
    return _fit(data, "linear")


def predict(
    data: CensoredData, fit: ModelFit, material: str, x: float, stderr: float | None, n_resamples: int, seed: int
) -> Prediction:
    """Predict one new measurement with a studentised parametric bootstrap.

    Data sets are drawn from the fitted model, bounds act on them as they did on the measured ones, descriptors are
    redrawn within their errors, and the model is fitted again. How many of its own scatters a new value lies off
    each refit gives the interval. For the linear model without bounds this is Student's prediction interval.
    """
    rng = np.random.default_rng([seed, *material.encode()])
    size = min(n_resamples, _N_RESAMPLES_THRESHOLD) if fit.model == "threshold" else n_resamples
    drawn = _simulate(data, fit, size, rng)
    mean, sigma = _refit(*drawn, x, fit.model, data.span)
    true_x = x + rng.standard_normal(size) * (stderr or 0.0)
    new = np.array([fit.mean(each) for each in true_x]) + fit.sigma * rng.standard_normal(size)
    lower, upper = fit.sigma * np.quantile((new - mean) / sigma, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    value = fit.mean(x)
    return Prediction(
        material=material,
        descriptor=x,
        descriptor_stderr=stderr,
        model=fit.model,
        value=value,
        lower=value + min(float(lower), 0.0),
        upper=value + max(float(upper), 0.0),
        level=LEVEL,
        n=data.n,
        calibrated=int(np.sum(data.censoring == 0)) >= MIN_EXACT_FOR_COVERAGE,
        extrapolated=not data.x.min() <= x <= data.x.max(),
    )


def _fit(data: CensoredData, model: ModelName) -> ModelFit:
    fit, threshold = _fit_above(data, model, _NUMERICAL_FLOOR * data.span)
    at_floor = bool(fit.at_floor[0])
    if at_floor:
        fit, threshold = _fit_above(data, model, SCATTER_FLOOR * data.span)
    k = {"constant": 2, "linear": 3, "threshold": 4}[model]
    beta, log_likelihood = fit.beta[0], float(fit.log_likelihood[0])
    aic = 2 * k - 2 * log_likelihood
    return ModelFit(
        model=model,
        intercept=float(beta[0]),
        slope=float(beta[1]) if model != "constant" else 0.0,
        threshold=threshold,
        sigma=float(fit.sigma[0]),
        sigma_at_floor=at_floor,
        identified=np.unique(data.x[data.censoring == 0]).size >= k - 1,
        log_likelihood=log_likelihood,
        n_parameters=k,
        aic=aic,
        aicc=aic + 2 * k * (k + 1) / (data.n - k - 1) if data.n > k + 1 else None,
    )


def _fit_above(data: CensoredData, model: ModelName, floor: float) -> tuple[TobitFit, float | None]:
    """Fit one model with the scatter kept above ``floor``; a threshold is profiled on two grids."""
    if model != "threshold":
        return fit_tobit(_design(data.x[None], model), data.y[None], data.censoring[None], floor), None
    grid = _thresholds(data.x, _N_THRESHOLDS)
    for _ in range(2):
        fits = fit_tobit(_hinge(data.x, grid), *_repeat(data, grid.size), floor)
        best = int(np.argmax(fits.log_likelihood))
        result, threshold = _pick(fits, best), float(grid[best])
        grid = np.linspace(grid[max(0, best - 1)], grid[min(grid.size - 1, best + 1)], _N_THRESHOLDS)
    return result, threshold


def _refit(x: Array, y: Array, censoring: Array, at: float, model: ModelName, span: float) -> tuple[Array, Array]:
    """Fit simulated data sets as the measured one was; return the mean at ``at`` and the scatter of each."""
    if model != "threshold":
        fit = _fit_batch(_design(x, model), y, censoring, span)
        return _design(np.array([at]), model)[0] @ fit.beta.T, fit.sigma
    grid = np.stack([_thresholds(row, _N_THRESHOLDS_RESAMPLED) for row in x])
    size, count = grid.shape
    hinge = np.maximum(0.0, x[:, None, :] - grid[:, :, None])
    design = np.stack([np.ones_like(hinge), hinge], axis=-1)
    wide = [np.repeat(a, count, axis=0) for a in (y, censoring)]
    profile = fit_tobit(design.reshape(size * count, -1, 2), wide[0], wide[1], _NUMERICAL_FLOOR * span)
    best = profile.log_likelihood.reshape(size, count).argmax(axis=1)
    rows = np.arange(size)
    fit = _fit_batch(design[rows, best], y, censoring, span)
    return fit.beta[:, 0] + fit.beta[:, 1] * np.maximum(0.0, at - grid[rows, best]), fit.sigma


def _fit_batch(design: Array, y: Array, censoring: Array, span: float) -> TobitFit:
    """Fit, and fit again with the assumed scatter where the data do not determine it."""
    fit = fit_tobit(design, y, censoring, _NUMERICAL_FLOOR * span)
    low = np.flatnonzero(fit.at_floor)
    if low.size:
        again = fit_tobit(design[low], y[low], censoring[low], SCATTER_FLOOR * span)
        fit.beta[low], fit.sigma[low], fit.log_likelihood[low] = again.beta, again.sigma, again.log_likelihood
    return fit


def _simulate(data: CensoredData, fit: ModelFit, size: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    mean = np.array([fit.mean(x) for x in data.x])
    y = mean + fit.sigma * rng.standard_normal((size, data.n))
    beyond = data.censoring * (y - data.y) >= 0
    censoring = np.where(beyond, data.censoring, 0.0) * np.abs(data.censoring)
    x = data.x + data.stderr * rng.standard_normal((size, data.n))
    return x, np.where(censoring != 0, data.y, y), censoring


def _design(x: Array, model: ModelName) -> Array:
    ones = np.ones_like(x)
    return np.stack([ones], axis=-1) if model == "constant" else np.stack([ones, x], axis=-1)


def _hinge(x: Array, thresholds: Array) -> Array:
    hinge = np.maximum(0.0, x[None, :] - thresholds[:, None])
    return np.stack([np.ones_like(hinge), hinge], axis=-1)


def _thresholds(x: Array, count: int) -> Array:
    """Hinges from the lowest descriptor (a straight line) to the second highest (one point rises)."""
    distinct = np.unique(x)
    return np.linspace(distinct[0], distinct[max(0, distinct.size - 2)], count)


def _repeat(data: CensoredData, times: int) -> tuple[Array, Array]:
    return np.tile(data.y, (times, 1)), np.tile(data.censoring, (times, 1))


def _pick(fits: TobitFit, index: int) -> TobitFit:
    one = slice(index, index + 1)
    return TobitFit(fits.beta[one], fits.sigma[one], fits.log_likelihood[one], fits.at_floor[one])
