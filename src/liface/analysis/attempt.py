"""How often an adatom tries: the prefactor of harmonic transition-state theory."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi, sqrt

from liface.errors import AnalysisError
from liface.units import EV_PER_A2_U_IN_HZ2


def attempt_frequency(minimum: Sequence[float], saddle: Sequence[float], mass_u: float) -> float:
    """Return the product of the frequencies at a minimum over that of the real ones at a saddle point, 1/s.

    ``ν* = ∏ν(minimum) / ∏ν(saddle)`` (Vineyard, J. Phys. Chem. Solids 3, 121 (1957), DOI
    10.1016/0022-3697(57)90059-8), here of one atom of ``mass_u`` (u) in fixed surroundings.

    Parameters
    ----------
    minimum, saddle
        Eigenvalues of the Hessian, eV/Å²: all positive, and all but one positive.

    Raises
    ------
    AnalysisError
        They are no minimum and no saddle point of first order.
    """
    positive = sorted(value for value in saddle if value > 0)
    if min(minimum) <= 0 or len(positive) != len(saddle) - 1 or len(minimum) != len(saddle):
        raise AnalysisError(
            f"curvatures {_row(minimum)} and {_row(saddle)} eV/Å² are not those of a minimum and of a saddle point of "
            "first order; the formula needs one negative value at the saddle point and none at the minimum"
        )
    ratio = 1.0
    for value in minimum:
        ratio *= sqrt(value)
    for value in positive:
        ratio /= sqrt(value)
    return ratio * sqrt(EV_PER_A2_U_IN_HZ2 / mass_u) / (2 * pi)


def _row(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.3f}" for value in values)
