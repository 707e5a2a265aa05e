"""Censored linear regression (Tobit) by maximum likelihood, for many data sets at once.

In Olsen's parameters δ = β/σ, θ = 1/σ the log-likelihood is concave (10.2307/1913623), so damped Newton steps find its
one maximum. The scatter is kept above a floor: where a line meets all uncensored points and all bounds, the
likelihood grows without limit as σ falls, and the scatter is not determined by the data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_LOG_SQRT_2PI = 0.5 * np.log(2 * np.pi)
_RIDGE = 1e-9  # keeps the Hessian regular where only bounds hold a parameter
_MAX_STEPS = 200
_GAIN_TOLERANCE = 1e-13  # of the log-likelihood, predicted by the last step


@dataclass(frozen=True)
class TobitFit:
    """Fits of a batch of b data sets: ``beta`` (b, p), ``sigma``, ``log_likelihood`` and ``at_floor`` (b,)."""

    beta: Array
    sigma: Array
    log_likelihood: Array
    at_floor: NDArray[np.bool_]


def fit_tobit(design: Array, y: Array, censoring: Array, sigma_floor: float) -> TobitFit:
    """Fit y = X β + σ ε with bounds in y.

    Parameters
    ----------
    design
        X, shape (b, n, p).
    y
        Values or bounds, shape (b, n).
    censoring
        0 for a value, 1 for a lower bound (right-censored), -1 for an upper bound; shape (b, n).
    sigma_floor
        Smallest scatter allowed, in the unit of ``y``.
    """
    scale = np.maximum(np.abs(design).max(axis=1, keepdims=True), 1e-300)
    everything = _Problem(design / scale, y, censoring)
    limit = 1.0 / sigma_floor
    parameters = everything.start(limit)
    value = everything.log_likelihood(parameters)
    climbing = np.arange(len(y))
    for _ in range(_MAX_STEPS):
        problem = everything.part(climbing)
        step, gain = problem.newton_step(parameters[climbing], limit)
        better, better_value = _line_search(problem, parameters[climbing], value[climbing], step, limit)
        moved = better_value > value[climbing]
        parameters[climbing], value[climbing] = better, better_value
        climbing = climbing[moved & (gain > _GAIN_TOLERANCE)]
        if not climbing.size:
            break
    theta = parameters[:, -1]
    return TobitFit(
        beta=parameters[:, :-1] / theta[:, None] / scale[:, 0, :],
        sigma=1.0 / theta,
        log_likelihood=value,
        at_floor=theta >= limit * (1 - 1e-6),
    )


@dataclass(frozen=True)
class _Problem:
    """Log-likelihood and derivatives in (δ, θ); arrays as in :func:`fit_tobit`."""

    design: Array
    y: Array
    censoring: Array

    def part(self, index: NDArray[np.int_]) -> _Problem:
        """Return some of the data sets."""
        return _Problem(self.design[index], self.y[index], self.censoring[index])

    def start(self, limit: float) -> Array:
        """Least squares through values and bounds alike."""
        beta = np.einsum("bpn,bn->bp", np.linalg.pinv(self.design), self.y)
        residual = self.y - np.einsum("bnp,bp->bn", self.design, beta)
        spread = np.sqrt(np.mean(residual**2, axis=1))
        theta = np.minimum(1.0 / np.maximum(spread, 2.0 / limit), limit)
        return np.concatenate([beta * theta[:, None], theta[:, None]], axis=1)

    def log_likelihood(self, parameters: Array) -> Array:
        """Sum over points, shape (b,); minus infinity where θ is not positive."""
        theta = parameters[:, -1:]
        z = self._z(parameters)
        with np.errstate(divide="ignore", invalid="ignore"):
            exact = np.log(theta) - 0.5 * z**2 - _LOG_SQRT_2PI
        terms = np.where(self.censoring == 0, exact, self._log_tail(-self.censoring * z))
        return np.where(theta[:, 0] > 0, terms.sum(axis=1), -np.inf)

    def newton_step(self, parameters: Array, limit: float) -> tuple[Array, Array]:
        """Return the ascent step of every data set and the gain it predicts."""
        gradient, hessian = self._derivatives(parameters)
        held = (parameters[:, -1] >= limit * (1 - 1e-12)) & (gradient[:, -1] > 0)
        gradient[held, -1] = 0.0
        hessian[held, -1, :] = 0.0
        hessian[held, :, -1] = 0.0
        hessian[held, -1, -1] = -1.0
        diagonal = np.arange(hessian.shape[1])
        hessian[:, diagonal, diagonal] -= _RIDGE * (1 + np.abs(hessian[:, diagonal, diagonal]))
        step = np.asarray(-np.linalg.solve(hessian, gradient[..., None])[..., 0], np.float64)
        gain: Array = np.einsum("bk,bk->b", step, gradient)
        return step, gain

    def _z(self, parameters: Array) -> Array:
        return parameters[:, -1:] * self.y - np.einsum("bnp,bp->bn", self.design, parameters[:, :-1])

    def _log_tail(self, z: Array) -> Array:
        """Return the logarithm of the normal distribution at z; zeros where no point is a bound and none is used."""
        if not self.censoring.any():
            return np.zeros_like(z)
        from scipy.special import log_ndtr  # brings much of SciPy

        tail: Array = log_ndtr(z)
        return tail

    def _derivatives(self, parameters: Array) -> tuple[Array, Array]:
        z, sign = self._z(parameters), self.censoring
        # inverse Mills ratio of the bound's tail, and d/dz and d²/dz² of each term
        tail = -sign * z
        mills = np.exp(-0.5 * z**2 - _LOG_SQRT_2PI - self._log_tail(tail))
        first = np.where(sign == 0, -z, -sign * mills)
        second = np.where(sign == 0, -1.0, -mills * (mills + tail))
        # z = θ y - X δ: its derivatives by (δ, θ) are (-X, y)
        direction = np.concatenate([-self.design, self.y[..., None]], axis=2)
        gradient = np.einsum("bn,bnk->bk", first, direction)
        hessian = np.einsum("bn,bnk,bnl->bkl", second, direction, direction)
        exact = (sign == 0).sum(axis=1)
        theta = parameters[:, -1]
        gradient[:, -1] += exact / theta
        hessian[:, -1, -1] -= exact / theta**2
        return gradient, hessian


def _line_search(problem: _Problem, parameters: Array, value: Array, step: Array, limit: float) -> tuple[Array, Array]:
    """Halve each data set's step until its likelihood does not fall; θ is cut at its limit."""
    length = np.ones(len(parameters))
    best, best_value = parameters.copy(), value.copy()
    waiting = np.ones(len(parameters), bool)
    for _ in range(40):
        trial = parameters + length[:, None] * step
        trial[:, -1] = np.minimum(trial[:, -1], limit)
        trial_value = problem.log_likelihood(trial)
        better = waiting & (trial_value >= value)
        best[better], best_value[better] = trial[better], trial_value[better]
        waiting &= ~better
        if not waiting.any():
            break
        length[waiting] *= 0.5
    return best, best_value
