"""When a registry scan may stop: the energy of a film over its lateral shifts is periodic and smooth.

In a gap of some ångström, Fourier components of the energy fall off exponentially with the length of their wave vector
(Steele, Surf. Sci. 36, 317 (1973), DOI 10.1016/0039-6028(73)90264-1), so a grid half as fine predicts the points
between its own. How well is measured, not assumed: at points of the fine grid that are computed next, the predicted
lowest among them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import isqrt
from typing import NamedTuple

import numpy as np

LEAST_GRID = 6
"""Shifts per direction of the smallest grid with a half that still holds a wave: three shifts."""

LOOKED_AT = 4
"""Predicted lowest shifts that are computed in any case; the predicted highest is as well, as a check far from them."""

SAFETY = 3.0
"""How many times the largest error that was seen a prediction is allowed to be wrong by.

On random periodic surfaces whose waves fall off as slowly as exp(-1.2 k), no minimum was lost with three; some were
with two.
"""


class Left(NamedTuple):
    """What a scan that stopped early left out."""

    shifts: tuple[int, ...]
    """Places in the grid, of shifts that are different by symmetry."""
    error_mev_per_a2: float
    """Largest difference between predicted and computed, where both are known."""


def coarse_shifts(n_shifts: int) -> tuple[int, ...]:
    """Return the places of every second shift per direction, or of all where the grid has no useful half.

    Shifts are those of :func:`liface.structures.registry.registry_shifts`: n times n of them, row by row.
    """
    n = isqrt(n_shifts)
    step = 2 if n >= LEAST_GRID and n % 2 == 0 else 1
    return tuple(i * n + j for i in range(0, n, step) for j in range(0, n, step))


def predicted(coarse: np.ndarray) -> np.ndarray:
    """Return the trigonometric interpolation of values on a grid of m times m on the one twice as fine.

    Of all periodic functions through the values it has the longest waves only; the highest one of an even grid is
    taken as a cosine.
    """
    m = len(coarse)
    waves = np.rint(np.fft.fftfreq(m) * m).astype(int)
    phases = np.exp(2j * np.pi * np.outer(np.arange(2 * m), waves) / (2 * m))
    phases[:, 2 * np.abs(waves) == m] = phases[:, 2 * np.abs(waves) == m].real
    return (phases @ (np.fft.fft2(coarse) / m**2) @ phases.T).real


def next_shifts(same_as: tuple[int, ...], known: Mapping[int, float]) -> tuple[int, ...]:
    """Return the places to compute after the coarse grid: the predicted lowest, and the highest as a check.

    Parameters
    ----------
    same_as
        For every shift the place of the first that is equal to it by symmetry.
    known
        Energies by place, meV/Å², NaN of those that failed; without one of the coarse grid nothing is predicted, and
        all others are to be computed.
    """
    values = _everywhere(same_as, known)
    still = _open(same_as, known)
    if values is None or len(still) <= LOOKED_AT + 1:
        return still
    ranked = sorted(still, key=lambda k: (round(float(values[k]), 6), k))
    return tuple(sorted({*ranked[:LOOKED_AT], ranked[-1]}))


def may_be_lower(same_as: tuple[int, ...], known: Mapping[int, float], tolerance_mev_per_a2: float) -> tuple[int, ...]:
    """Return the places not computed that may be lower than the lowest by over the tolerance; all if nothing is known.

    One may be if its predicted energy, less :data:`SAFETY` times the largest error seen, is.

    Parameters
    ----------
    same_as, known
        As for :func:`next_shifts`, after its shifts were computed.
    tolerance_mev_per_a2
        How much lower than the lowest shift computed one that is left out may be, meV/Å².
    """
    values, still = _everywhere(same_as, known), _open(same_as, known)
    error = largest_error(same_as, known)
    if values is None or error is None:
        return still
    lowest = min(known.values()) - tolerance_mev_per_a2
    return tuple(k for k in still if float(values[k]) - SAFETY * error < lowest)


def left_out(same_as: tuple[int, ...], known: Mapping[int, float], tolerance_mev_per_a2: float) -> Left | None:
    """Return what need not be computed; None if there is nothing left, or anything of it :func:`may_be_lower`."""
    still, error = _open(same_as, known), largest_error(same_as, known)
    if not still or error is None or may_be_lower(same_as, known, tolerance_mev_per_a2):
        return None
    return Left(still, error)


def largest_error(same_as: tuple[int, ...], known: Mapping[int, float]) -> float | None:
    """Return the largest difference between predicted and computed, meV/Å²; None where nothing can be compared."""
    values = _everywhere(same_as, known)
    checks = set(known) - {same_as[k] for k in coarse_shifts(len(same_as))}
    if values is None or not checks or not np.isfinite(list(known.values())).all():
        return None
    return max(abs(float(values[k]) - known[k]) for k in checks)


def _open(same_as: tuple[int, ...], known: Collection[int]) -> tuple[int, ...]:
    return tuple(k for k, first in enumerate(same_as) if k == first and k not in known)


def _everywhere(same_as: tuple[int, ...], known: Mapping[int, float]) -> np.ndarray | None:
    """Return the predicted energies of all shifts; None where the grid has no half or a value of it is missing."""
    places = coarse_shifts(len(same_as))
    coarse = np.array([known.get(same_as[k], np.nan) for k in places])
    if len(places) == len(same_as) or not np.isfinite(coarse).all():
        return None
    m = isqrt(len(places))
    return predicted(coarse.reshape(m, m)).ravel()
