"""How often an adatom tries: the prefactor of harmonic transition-state theory."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi, prod, sqrt

from liface.errors import AnalysisError
from liface.units import EV_PER_A2_U_IN_HZ2


def attempt_frequency(minimum: Sequence[float], across: Sequence[float], mass_u: float) -> float:
    """Return the product of the frequencies at a minimum over that of those across the path at the saddle point, 1/s.

    ``ν* = ∏ν(minimum) / ∏ν(across)`` (Vineyard, J. Phys. Chem. Solids 3, 121 (1957), DOI
    10.1016/0022-3697(57)90059-8), here of one atom of ``mass_u`` (u) in fixed surroundings. The direction of the path
    is left out of the saddle point, as the one in which it is a maximum.

    Parameters
    ----------
    minimum, across
        Eigenvalues of the Hessian, eV/Å²: of all directions, and of all but that of the path.

    Raises
    ------
    AnalysisError
        One of them is not positive: no minimum, or a saddle point of higher order.
    """
    if len(across) != len(minimum) - 1 or min((*minimum, *across)) <= 0:
        raise AnalysisError(
            f"curvatures {_row(minimum)} at the minimum and {_row(across)} eV/Å² across the path; the formula needs "
            "one less of the latter, and all of them positive"
        )
    ratio = prod(sqrt(value) for value in minimum) / prod(sqrt(value) for value in across)
    return ratio * sqrt(EV_PER_A2_U_IN_HZ2 / mass_u) / (2 * pi)


def _row(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.3f}" for value in values) or "none"
