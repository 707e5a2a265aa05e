"""How fast Li creeps in a pore: Coble, Nabarro-Herring and dislocation creep, as bands.

Sizes in nm, stresses in MPa (the driving stress, taken positive), temperatures in K, diffusivities in cm²/s, strain
rates in 1/s. Functions of one mechanism take a :class:`Sample` and return one rate per draw.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from liface.documents.mesoscale import CreepRate, Mechanism
from liface.mesoscale.creep_parameters import DEFAULT, REFERENCE_K, CreepParameters, Sample
from liface.mesoscale.lithium import (
    ATOMIC_VOLUME_A3,
    MELTING_POINT_K,
    MPA_A3_IN_EV,
    require_positive,
    require_solid,
    require_some,
)
from liface.units import BOLTZMANN_EV_PER_K

MECHANISMS: tuple[Mechanism, ...] = ("Coble", "Nabarro-Herring", "dislocation")

GAS_KJ_PER_MOL_K = 8.314462618e-3
NM2_PER_CM2 = 1e14
NM_PER_A = 0.1

DRAWS = 4000
"""Draws behind a band: its ends are then known to about 5 % of their distance from the middle."""

LEVEL = 0.90
"""Share of the draws inside a band."""

Array = NDArray[np.float64]


def surface_diffusivity(temperature_k: float, sample: Sample) -> Array:
    """Li diffusivity on its free surface, D0 exp(-c T_m/T), cm²/s (10.1039/d2ta06466a)."""
    require_solid(temperature_k)
    return sample.surface_d0 * np.exp(-sample.surface_slope * MELTING_POINT_K / temperature_k)


def volume_diffusivity(temperature_k: float, sample: Sample) -> Array:
    """Self-diffusivity of bulk Li, cm²/s; Arrhenius about 298.15 K."""
    require_solid(temperature_k)
    return sample.volume_d * np.exp(-sample.volume_ev / BOLTZMANN_EV_PER_K * (1 / temperature_k - 1 / REFERENCE_K))


def coble_rate(pore_nm: float, temperature_k: float, stress_mpa: float, sample: Sample) -> Array:
    """Coble creep along the pore wall, K δ D_path Ω σ / (D³ kT), 1/s (10.1039/d2ta06466a eq 2; 10.1063/1.1702656)."""
    require_positive(pore_nm=pore_nm, stress_mpa=stress_mpa)
    path = sample.path_width * NM_PER_A * sample.path_ratio * surface_diffusivity(temperature_k, sample) * NM2_PER_CM2
    return sample.coble_k * path * _drive(stress_mpa, temperature_k) / pore_nm**3


def nabarro_herring_rate(pore_nm: float, temperature_k: float, stress_mpa: float, sample: Sample) -> Array:
    """Nabarro-Herring creep through the Li, K D_v Ω σ / (D² kT), 1/s."""
    require_positive(pore_nm=pore_nm, stress_mpa=stress_mpa)
    volume = volume_diffusivity(temperature_k, sample) * NM2_PER_CM2
    return sample.nabarro_herring_k * volume * _drive(stress_mpa, temperature_k) / pore_nm**2


def dislocation_rate(temperature_k: float, stress_mpa: float, sample: Sample) -> Array:
    """Power-law creep of bulk Li, A (σ/MPa)^n exp(-Q/R (1/T - 1/T0)), 1/s (10.1149/2.0221902jes).

    Fitted to millimetres of Li below about 3 MPa and free of a length. Micrometre pillars of Li are up to a
    hundred times stronger, so that in small pores and at high stress this rate is an upper bound.
    """
    require_positive(stress_mpa=stress_mpa)
    require_solid(temperature_k)
    heat = -sample.dislocation_kj / GAS_KJ_PER_MOL_K * (1 / temperature_k - 1 / REFERENCE_K)
    return sample.dislocation_rate * stress_mpa**sample.dislocation_n * np.exp(heat)


def rates_of(pore_nm: float, temperature_k: float, stress_mpa: float, sample: Sample) -> Array:
    """Return the rates of all mechanisms, shape (3, n), in the order of :data:`MECHANISMS`."""
    return np.stack(
        [
            coble_rate(pore_nm, temperature_k, stress_mpa, sample),
            nabarro_herring_rate(pore_nm, temperature_k, stress_mpa, sample),
            dislocation_rate(temperature_k, stress_mpa, sample),
        ]
    )


def creep_rates(
    pores_nm: Sequence[float],
    temperature_k: float,
    stress_mpa: float,
    parameters: CreepParameters = DEFAULT,
    draws: int = DRAWS,
    seed: int = 0,
) -> tuple[CreepRate, ...]:
    """Return the rates of each mechanism and of their sum for every pore size, with their bands.

    The mechanisms act side by side, so that their rates add.

    Raises
    ------
    InputError
        For sizes, stresses or temperatures that are not positive, and at or above the melting point.
    """
    require_some("pore sizes", pores_nm)
    best, sample = parameters.best(), parameters.draw(draws, seed)
    found: list[CreepRate] = []
    for pore in pores_nm:
        middle = rates_of(pore, temperature_k, stress_mpa, best)[:, 0]
        drawn = rates_of(pore, temperature_k, stress_mpa, sample)
        fastest = np.argmax(drawn, axis=0)
        shares = [float(np.mean(fastest == i)) for i in range(len(MECHANISMS))]
        place = {"pore_nm": pore, "temperature_k": temperature_k, "stress_mpa": stress_mpa, "level": LEVEL}
        for name, value, spread, share in (
            *zip(MECHANISMS, middle, drawn, shares, strict=True),
            ("sum", middle.sum(), drawn.sum(axis=0), 1.0),
        ):
            lower, upper = band(spread)
            found.append(
                CreepRate.model_validate(
                    place
                    | {"mechanism": name, "strain_rate": float(value), "lower": lower, "upper": upper}
                    | {"share_fastest": share, "doi": _sources(name, parameters)}
                )
            )
    return tuple(found)


def band(values: Array) -> tuple[float, float]:
    """Return the ends between which :data:`LEVEL` of the draws lie."""
    lower, upper = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(lower), float(upper)


_PARTS = {
    "Coble": ("coble_k", "path_width", "surface_d0", "surface_slope", "path_ratio"),
    "Nabarro-Herring": ("nabarro_herring_k", "volume_d", "volume_ev"),
    "dislocation": ("dislocation_rate", "dislocation_n", "dislocation_kj"),
}


def _sources(mechanism: str, parameters: CreepParameters) -> tuple[str, ...]:
    names = _PARTS.get(mechanism) or [name for part in _PARTS.values() for name in part]
    return tuple(sorted({doi for name in names if (doi := getattr(parameters, name).doi)}))


def _drive(stress_mpa: float, temperature_k: float) -> float:
    """Ω σ / kT, a pure number."""
    return ATOMIC_VOLUME_A3 * MPA_A3_IN_EV * stress_mpa / (BOLTZMANN_EV_PER_K * temperature_k)
