"""Constants of Li metal, and the checks that every formula on this floor makes of its numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable

from liface.errors import InputError
from liface.units import EV_IN_J

MELTING_POINT_K = 453.65
"""Melting point of Li."""

MOLAR_VOLUME_CM3 = 12.97
"""Volume of one mole of Li metal, cm³."""

CAPACITY_MAH_PER_CM3 = 2062.0
"""Charge in one cm³ of Li metal, as the papers on hosts use it; F over the molar volume gives 2066, 0.2 % more."""

AVOGADRO = 6.02214076e23

FARADAY_C_PER_MOL = EV_IN_J * AVOGADRO

ATOMIC_VOLUME_A3 = MOLAR_VOLUME_CM3 * 1e24 / AVOGADRO
"""Volume of one Li atom in the metal, 21.54 Å³."""

MPA_A3_IN_EV = 1e6 * 1e-30 / EV_IN_J
"""1 MPa times 1 Å³, in eV."""

MPA_PER_VOLT = 1 / (ATOMIC_VOLUME_A3 * MPA_A3_IN_EV)
"""Pressure that one volt of overpotential sets up in Li, e/Ω: 7.4 MPa for each mV."""


def require_positive(**values: float) -> None:
    """Refuse a number that is not positive and finite; the message names it.

    Raises
    ------
    InputError
    """
    for name, value in values.items():
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"{name} is {value}; give a positive number")


def require_not_negative(**values: float) -> None:
    """Refuse a number below zero or not finite; the message names it.

    Raises
    ------
    InputError
    """
    for name, value in values.items():
        if not (math.isfinite(value) and value >= 0):
            raise InputError(f"{name} is {value}; give zero or a positive number")


def require_finite(**values: float) -> None:
    """Refuse infinity and NaN; the message names it.

    Raises
    ------
    InputError
    """
    for name, value in values.items():
        if not math.isfinite(value):
            raise InputError(f"{name} is {value}; give a finite number")


def require_fraction(**values: float) -> None:
    """Refuse a share outside 0 (excluded) to 1; the message names it.

    Raises
    ------
    InputError
    """
    for name, value in values.items():
        if not 0 < value <= 1:
            raise InputError(f"{name} is {value}; a share of the volume lies above 0 and is at most 1")


def require_solid(temperature_k: float) -> None:
    """Refuse temperatures at which Li does not creep as a solid.

    Raises
    ------
    InputError
    """
    require_positive(temperature_k=temperature_k)
    if temperature_k >= MELTING_POINT_K:
        raise InputError(
            f"temperature {temperature_k:g} K is at or above the melting point of Li, {MELTING_POINT_K} K; "
            "creep is that of the solid, give a lower temperature"
        )


def require_some(name: str, values: Iterable[object]) -> None:
    """Refuse an empty list.

    Raises
    ------
    InputError
    """
    if not list(values):
        raise InputError(f"no {name} given; give at least one")
