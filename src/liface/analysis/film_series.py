"""The Li interfacial energy from a series of film thicknesses.

A coherent film of n Li atoms adds n times its strain energy to the excess energy, γ(n) = γ0 + s n
(10.1103/PhysRevB.92.214201). Three readings of γ0 are given: the intercept of a free line (the published
method), the intercept with the slope fixed to the strain energy of bulk Li strained the same way (the
headline: with a good lattice match the free slope is relaxation noise), and the mean of the two thickest
films.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from liface.documents import FilmPoint, LineFit
from liface.errors import AnalysisError, TooFewPointsError
from liface.units import MEV

Array = NDArray[np.float64]

MAX_RESIDUAL_MEV_PER_A2 = 2.0
"""Largest residual of the headline fit that still counts as a straight line."""

MAX_INTERCEPT_GAP_MEV_PER_A2 = 5.0
"""Largest difference of the free and the fixed intercept."""

MIN_SLOPE_MEV_PER_A2_PER_LI = -0.05
"""A free slope below this would be a film that gains energy by being strained."""

LEAST_PLANES = {"100": 4, "110": 4, "111": 9}
"""Thinner Li films, by their plane, are not yet bulk-like; they are shown but do not enter the fit."""


@dataclass(frozen=True)
class SeriesFit:
    """Reading of γ0 from one film series; energies per area in meV/Å².

    ``strain_rise`` is what the strain energy adds between the thinnest and the thickest fitted film: R²
    says something only where it is well above the residuals (about 5 meV/Å²); it is no acceptance test.
    """

    headline: float
    stderr: float
    free: LineFit
    fixed: LineFit
    plateau: float
    max_residual: float
    n_points: int
    flags: tuple[str, ...]
    used: tuple[FilmPoint, ...]
    strain_rise: float


def fit_series(
    points: Sequence[FilmPoint],
    strain_energy_ev_per_li: float,
    area_a2: float,
    n_interfaces: int,
    *,
    min_planes: int = 4,
    min_points: int = 3,
) -> SeriesFit:
    """Fit γ(n) with the slope free and with the slope fixed to the strain energy of Li.

    Films thinner than ``min_planes`` stay out of the fit, where quantum-size and surface effects still act.
    Unconverged films enter and are flagged, so that one of them does not cost the whole series.
    With two films left, the free line passes through both and its error is taken from the scatter about the
    fixed line; fewer than ``min_points`` are flagged.

    Raises
    ------
    TooFewPointsError
        With fewer than two different thicknesses of at least ``min_planes`` planes.
    """
    _check_scale(strain_energy_ev_per_li, area_a2, n_interfaces)
    used = tuple(sorted((p for p in points if p.n_planes >= min_planes), key=lambda p: p.n_li))
    n = np.array([p.n_li for p in used], float)
    gamma = np.array([p.gamma_mev_per_a2 for p in used], float)
    if np.unique(n).size < 2:
        raise TooFewPointsError(
            f"{np.unique(n).size} film thickness of {len(points)} has {min_planes} Li planes or more; "
            "two are needed, four recommended: compute thicker films or lower min_planes"
        )
    if not np.all(np.isfinite(gamma)):
        raise AnalysisError(f"gamma(n) holds {gamma.tolist()}; finite numbers are needed")
    slope = MEV * strain_energy_ev_per_li / (n_interfaces * area_a2)
    fixed = _fixed_fit(n, gamma, slope)
    free = _free_fit(n, gamma, fixed)
    max_residual = max(abs(r) for r in fixed.residuals_mev_per_a2)
    return SeriesFit(
        headline=fixed.intercept_mev_per_a2,
        stderr=fixed.stderr_mev_per_a2,
        free=free,
        fixed=fixed,
        plateau=float(np.mean((gamma - slope * n)[-2:])),
        max_residual=max_residual,
        n_points=len(used),
        flags=_flags(used, free, fixed, max_residual, min_points),
        used=used,
        strain_rise=slope * float(n[-1] - n[0]),
    )


def fit_bulk_like(
    points: Sequence[FilmPoint],
    strain_energy_ev_per_li: float,
    area_a2: float,
    n_interfaces: int,
    *,
    min_planes: int = 4,
) -> SeriesFit:
    """Fit as :func:`fit_series` does, without the thinnest film where it alone is not yet bulk-like.

    Between two interfaces that bind strongly, a few Li planes may relax as a whole into what no thicker film does.
    If the series is not straight, at least three thicker films are there, and these are straight by themselves,
    the thinnest is left out and the fit flagged ``thin_film``. Nothing else is ever left out: a series that bends
    at another place stays flagged ``nonlinear``.

    Raises
    ------
    TooFewPointsError
        See :func:`fit_series`.
    """
    fit = fit_series(points, strain_energy_ev_per_li, area_a2, n_interfaces, min_planes=min_planes)
    planes = sorted({point.n_planes for point in fit.used})
    if fit.max_residual <= MAX_RESIDUAL_MEV_PER_A2 or len(planes) < 4:
        return fit
    thicker = fit_series(points, strain_energy_ev_per_li, area_a2, n_interfaces, min_planes=planes[1])
    if thicker.max_residual > MAX_RESIDUAL_MEV_PER_A2:
        return fit
    off = fit.used[0].gamma_mev_per_a2 - thicker.fixed.slope_mev_per_a2_per_li * fit.used[0].n_li - thicker.headline
    return replace(
        thicker,
        flags=(
            *thicker.flags,
            f"thin_film: {planes[0]} planes lie {off:+.1f} meV/Å² off the thicker films and are left out of the fit",
        ),
    )


def _fixed_fit(n: Array, gamma: Array, slope: float) -> LineFit:
    strain_free = gamma - slope * n
    intercept = float(strain_free.mean())
    return LineFit(
        intercept_mev_per_a2=intercept,
        stderr_mev_per_a2=float(strain_free.std(ddof=1)) / math.sqrt(n.size),
        slope_mev_per_a2_per_li=slope,
        r_squared=_r_squared(gamma, strain_free - intercept),
        residuals_mev_per_a2=tuple(float(r) for r in strain_free - intercept),
    )


def _free_fit(n: Array, gamma: Array, fixed: LineFit) -> LineFit:
    offset = n - n.mean()
    spread = float(offset @ offset)
    slope = float(offset @ gamma) / spread
    intercept = float(gamma.mean() - slope * n.mean())
    residuals = gamma - intercept - slope * n
    if n.size > 2:
        variance = float(residuals @ residuals) / (n.size - 2)
    else:  # the line leaves no residual: the scatter about the fixed line, with its one degree of freedom
        variance = sum(r * r for r in fixed.residuals_mev_per_a2) / (n.size - 1)
    return LineFit(
        intercept_mev_per_a2=intercept,
        stderr_mev_per_a2=math.sqrt(variance * (1 / n.size + n.mean() ** 2 / spread)),
        slope_mev_per_a2_per_li=slope,
        r_squared=_r_squared(gamma, residuals),
        residuals_mev_per_a2=tuple(float(r) for r in residuals),
    )


def _r_squared(gamma: Array, residuals: Array) -> float | None:
    total = float(np.sum((gamma - gamma.mean()) ** 2))
    noise = gamma.size * (1e-9 * max(1.0, float(np.abs(gamma).max()))) ** 2
    return None if total <= noise else 1.0 - float(residuals @ residuals) / total


def _flags(
    used: Sequence[FilmPoint], free: LineFit, fixed: LineFit, max_residual: float, min_points: int
) -> tuple[str, ...]:
    flags = []
    if open_planes := [p.n_planes for p in used if not p.converged]:
        flags.append(f"unconverged: film of {', '.join(map(str, open_planes))} planes")
    if max_residual > MAX_RESIDUAL_MEV_PER_A2:
        flags.append(f"nonlinear: residual {max_residual:.1f} meV/Å² is over {MAX_RESIDUAL_MEV_PER_A2:g}")
    gap = free.intercept_mev_per_a2 - fixed.intercept_mev_per_a2
    if abs(gap) > MAX_INTERCEPT_GAP_MEV_PER_A2:
        flags.append(f"slope_mismatch: free intercept {gap:+.1f} meV/Å² off the fixed one")
    elif free.slope_mev_per_a2_per_li < MIN_SLOPE_MEV_PER_A2_PER_LI:
        flags.append(f"slope_mismatch: fitted slope {free.slope_mev_per_a2_per_li:.3f} meV/Å² per Li is negative")
    if len(used) < min_points:
        flags.append(f"few_points: {len(used)} of {min_points} film thicknesses")
    if fixed.intercept_mev_per_a2 < 0:
        flags.append(f"reactive: gamma {fixed.intercept_mev_per_a2:.1f} meV/Å² is negative")
    return tuple(flags)


def _check_scale(strain_energy: float, area: float, n_interfaces: int) -> None:
    if not math.isfinite(strain_energy):
        raise AnalysisError(f"strain energy of Li is {strain_energy}; compute bulk Li on the same in-plane cell")
    if not (math.isfinite(area) and area > 0 and n_interfaces in (1, 2)):
        raise AnalysisError(f"area {area} Å² with {n_interfaces} interfaces; a positive area and 1 or 2 are needed")
