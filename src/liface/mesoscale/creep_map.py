"""Which creep mechanism carries Li, over pore size, temperature and stress, and where one gives way to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liface.documents import Document, quantity
from liface.errors import InputError
from liface.mesoscale.creep import (
    LEVEL,
    MECHANISMS,
    Array,
    Mechanism,
    band,
    coble_rate,
    dislocation_rate,
    nabarro_herring_rate,
    rates_of,
)
from liface.mesoscale.creep_parameters import DEFAULT, CreepParameters, Sample
from liface.mesoscale.lithium import require_some

DRAWS = 1000


class CriticalSize(Document):
    """Pore size at which two mechanisms are equally fast; the first is the faster in smaller pores."""

    smaller: Mechanism
    larger: Mechanism
    temperature_k: float = quantity("K", "Temperature.")
    stress_mpa: float = quantity("MPa", "Driving stress.")
    size_nm: float = quantity("nm", "With the best value of every parameter.")
    lower_nm: float = quantity("nm", "Lower end of the band.")
    upper_nm: float = quantity("nm", "Upper end of the band.")
    level: float = quantity("1", "Share of draws inside the band.")
    on_the_map: bool


def critical_sizes(
    temperature_k: float, stress_mpa: float, parameters: CreepParameters = DEFAULT, draws: int = 4000, seed: int = 0
) -> tuple[CriticalSize, ...]:
    """Return where each pair of mechanisms is equally fast, from the closed forms.

    ``on_the_map`` is true where no third mechanism is faster at that size: the boundaries that a map shows.

    Raises
    ------
    InputError
        For a stress or temperature that is not positive, and at or above the melting point.
    """
    best, sample = parameters.best(), parameters.draw(draws, seed)
    found = []
    for smaller, larger in ((0, 1), (0, 2), (1, 2)):
        pair = (MECHANISMS[smaller], MECHANISMS[larger])
        size = float(crossing_nm(*pair, temperature_k, stress_mpa, best)[0])
        rates = rates_of(size, temperature_k, stress_mpa, best)[:, 0]
        third = 3 - smaller - larger
        lower, upper = band(crossing_nm(*pair, temperature_k, stress_mpa, sample))
        found.append(
            CriticalSize(
                smaller=pair[0],
                larger=pair[1],
                temperature_k=temperature_k,
                stress_mpa=stress_mpa,
                size_nm=size,
                lower_nm=lower,
                upper_nm=upper,
                level=LEVEL,
                on_the_map=bool(rates[third] <= rates[smaller]),
            )
        )
    return tuple(found)


def crossing_nm(
    smaller: Mechanism, larger: Mechanism, temperature_k: float, stress_mpa: float, sample: Sample
) -> Array:
    """Return the pore size at which two mechanisms are equally fast, nm, one per draw.

    Coble falls with D³, Nabarro-Herring with D², dislocation creep not at all: the ratio at 1 nm is the size, its
    square or its cube.
    """
    rate = {
        "Coble": coble_rate(1.0, temperature_k, stress_mpa, sample),
        "Nabarro-Herring": nabarro_herring_rate(1.0, temperature_k, stress_mpa, sample),
        "dislocation": dislocation_rate(temperature_k, stress_mpa, sample),
    }
    power = {"Coble": 3, "Nabarro-Herring": 2, "dislocation": 0}
    return (rate[smaller] / rate[larger]) ** (1 / (power[smaller] - power[larger]))


def stress_for_size(
    size_nm: float, smaller: Mechanism, temperature_k: float, parameters: CreepParameters = DEFAULT
) -> float:
    """Return the stress at which dislocation creep overtakes a diffusional mechanism at a size, MPa.

    Both diffusional rates grow with σ and dislocation creep with σ^n, so that one stress solves it.
    """
    best = parameters.best()
    diffusional = (coble_rate if smaller == "Coble" else nabarro_herring_rate)(size_nm, temperature_k, 1.0, best)
    ratio = diffusional / dislocation_rate(temperature_k, 1.0, best)
    return float((ratio ** (1 / (best.dislocation_n - 1)))[0])


def path_ratio_for_size(size_nm: float, temperature_k: float, parameters: CreepParameters = DEFAULT) -> float:
    """Return the factor on D_s that puts the step from Coble to Nabarro-Herring creep at a size."""
    now = crossing_nm("Coble", "Nabarro-Herring", temperature_k, 1.0, parameters.best())
    return parameters.path_ratio.value * size_nm / float(now[0])


@dataclass(frozen=True)
class CreepMap:
    """Mechanism and rate on a grid of two axes; arrays of shape (len(y), len(x)), x the pore size in nm.

    ``y`` is the temperature in K or the stress in MPa, as ``y_name`` says; the other one is ``fixed``.
    ``fastest`` indexes :data:`MECHANISMS`, ``share`` is that of the draws in which it is the fastest, ``rate`` the sum
    of all mechanisms in 1/s.
    """

    pores_nm: NDArray[np.float64]
    y: NDArray[np.float64]
    y_name: str
    fixed: float
    fastest: NDArray[np.int_]
    share: NDArray[np.float64]
    rate: NDArray[np.float64]


def creep_map(
    pores_nm: Sequence[float],
    temperatures_k: Sequence[float],
    stresses_mpa: Sequence[float],
    parameters: CreepParameters = DEFAULT,
    draws: int = DRAWS,
    seed: int = 0,
) -> CreepMap:
    """Return the map over pore size and the longer one of the other two axes; the other must hold one value.

    Raises
    ------
    InputError
        For an empty axis, two long axes, or values out of range.
    """
    for name, axis in (("pore sizes", pores_nm), ("temperatures", temperatures_k), ("stresses", stresses_mpa)):
        require_some(name, axis)
    over_stress = len(stresses_mpa) >= len(temperatures_k)
    y, other = (stresses_mpa, temperatures_k) if over_stress else (temperatures_k, stresses_mpa)
    if len(other) != 1:
        raise InputError(
            f"{len(temperatures_k)} temperatures and {len(stresses_mpa)} stresses; a map has one of them as an axis "
            "and one value of the other"
        )
    best, sample = parameters.best(), parameters.draw(draws, seed)
    shape = (len(y), len(pores_nm))
    fastest, share, rate = np.zeros(shape, int), np.zeros(shape), np.zeros(shape)
    for i, value in enumerate(y):
        point = (other[0], value) if over_stress else (value, other[0])
        for j, pore in enumerate(pores_nm):
            middle = rates_of(pore, *point, best)[:, 0]
            fastest[i, j], rate[i, j] = int(np.argmax(middle)), middle.sum()
            share[i, j] = np.mean(np.argmax(rates_of(pore, *point, sample), axis=0) == fastest[i, j])
    return CreepMap(
        np.asarray(pores_nm, float),
        np.asarray(y, float),
        "stress_mpa" if over_stress else "temperature_k",
        float(other[0]),
        fastest,
        share,
        rate,
    )
