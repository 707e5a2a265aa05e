"""Porous hosts of Li: capacity, driving pressure, the paths that Li takes, and the current that it can pass.

A host is a layer of straight pores of one diameter, from the electrolyte to the collector, with a share of the volume
(``porosity``) inside the pores; thicknesses in µm, currents in mA/cm² of the layer. Formulas:
10.1016/j.chempr.2020.09.005 (eqs 4.1 to 4.4) and 10.1039/d2ta06466a.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from pydantic import Field

from liface.documents import Document, quantity
from liface.documents.mesoscale import CurrentLimit
from liface.errors import InputError
from liface.mesoscale.creep import (
    DRAWS,
    LEVEL,
    Array,
    band,
    coble_rate,
    nabarro_herring_rate,
    surface_diffusivity,
    volume_diffusivity,
)
from liface.mesoscale.creep_parameters import DEFAULT, WANG2020, CreepParameters, Sample
from liface.mesoscale.lithium import (
    ATOMIC_VOLUME_A3,
    CAPACITY_MAH_PER_CM3,
    FARADAY_C_PER_MOL,
    MOLAR_VOLUME_CM3,
    MPA_A3_IN_EV,
    MPA_PER_VOLT,
    require_finite,
    require_fraction,
    require_positive,
    require_solid,
)
from liface.units import BOLTZMANN_EV_PER_K, EV_IN_J

CM_PER_UM = 1e-4
CM_PER_NM = 1e-7
CM_PER_A = 1e-8
MA_PER_A = 1e3


class HostCapacity(Document):
    """Li that fits into the pores of a layer."""

    porosity: float = quantity("1", "Share of the volume that is pore.")
    thickness_um: float = quantity("µm", "Thickness of the layer.")
    capacity_mah_per_cm2: float = quantity("mAh/cm²", "Charge of the Li that fills every pore.")


class HostCurrent(Document):
    """Largest current density that a host passes at one driving pressure."""

    pore_nm: float = quantity("nm", "Pore diameter.")
    porosity: float = quantity("1", "Share of the volume that is pore.")
    thickness_um: float = quantity("µm", "Length of the pores.")
    temperature_k: float = quantity("K", "Temperature.")
    stress_mpa: float = quantity("MPa", "Driving pressure.")
    overpotential_mv: float = quantity("mV", "Overpotential that sets up this pressure.")
    limits: tuple[CurrentLimit, ...]
    bottleneck: CurrentLimit = Field(description="The lower of the limits: the answer.")
    doi: tuple[str, ...] = ("10.1039/d2ta06466a", WANG2020)


class TransportPath(Document):
    """One of the parallel paths that Li takes along a tubule."""

    path: str
    width_nm: float = quantity("nm", "Thickness of the path: wall, interface, or diameter of the Li.")
    li_density: float = quantity("1/Å³", "Mobile Li per volume.")
    diffusivity: float = quantity("cm²/s", "Diffusivity of Li along it.")
    conductance_s_cm: float = quantity("S·cm", "Nernst-Einstein conductance times length.")
    share: float = quantity("1", "Share of the Li current through this path.")


def capacity_mah_per_cm2(porosity: float, thickness_um: float) -> float:
    """Return porosity × thickness × 2062 mAh/cm³ (10.1038/s41467-024-48021-w).

    Raises
    ------
    InputError
        For a porosity outside 0 to 1 or a thickness that is not positive.
    """
    require_fraction(porosity=porosity)
    require_positive(thickness_um=thickness_um)
    return porosity * thickness_um * CM_PER_UM * CAPACITY_MAH_PER_CM3


def porosity_for(capacity: float, thickness_um: float) -> float:
    """Return the porosity that a capacity in mAh/cm² asks of a layer.

    Raises
    ------
    InputError
        Where even an empty layer of that thickness holds less.
    """
    require_positive(capacity=capacity, thickness_um=thickness_um)
    full = capacity_mah_per_cm2(1.0, thickness_um)
    if capacity > full:
        raise InputError(
            f"capacity {capacity:g} mAh/cm² does not fit into {thickness_um:g} µm: Li without any host takes "
            f"{full:.4g} mAh/cm²; give a thicker layer, {capacity / full * thickness_um:.4g} µm at least"
        )
    return capacity / full


def thickness_for(capacity: float, porosity: float) -> float:
    """Return the thickness in µm that a capacity in mAh/cm² asks of a layer."""
    require_positive(capacity=capacity)
    return capacity / capacity_mah_per_cm2(porosity, 1.0)


def pressure_mpa(overpotential_mv: float) -> float:
    """Return the pressure that an overpotential sets up in Li, P = e η / Ω: 7.4 MPa for 1 mV."""
    require_finite(overpotential_mv=overpotential_mv)
    return overpotential_mv * 1e-3 * MPA_PER_VOLT


def overpotential_mv(pressure_mpa: float) -> float:
    """Return the overpotential that balances a pressure in Li, η = Ω P / e."""
    require_finite(pressure_mpa=pressure_mpa)
    return pressure_mpa / MPA_PER_VOLT * 1e3


def chemical_potential_ev(
    temperature_k: float, pressure_mpa: float, activity_coefficient: float = 1.0, li_fraction: float = 1.0
) -> float:
    """Return μ - μ0 = kT ln(γ X) + Ω P of Li, eV; zero for pure Li without pressure (10.1016/j.chempr.2020.09.005)."""
    require_finite(pressure_mpa=pressure_mpa)
    require_positive(temperature_k=temperature_k, activity_coefficient=activity_coefficient)
    require_fraction(li_fraction=li_fraction)
    mixing = BOLTZMANN_EV_PER_K * temperature_k * math.log(activity_coefficient * li_fraction)
    return mixing + ATOMIC_VOLUME_A3 * MPA_A3_IN_EV * pressure_mpa


def flux_per_cm2_s(
    diffusivity_cm2_per_s: float, li_per_a3: float, gradient_ev_per_cm: float, temperature_k: float
) -> float:
    """Return J = -(D/kT) C ∇μ, atoms per cm² and second; Li flows down its chemical potential."""
    require_positive(diffusivity_cm2_per_s=diffusivity_cm2_per_s, li_per_a3=li_per_a3, temperature_k=temperature_k)
    require_finite(gradient_ev_per_cm=gradient_ev_per_cm)
    density = li_per_a3 * 1e24
    return -diffusivity_cm2_per_s / (BOLTZMANN_EV_PER_K * temperature_k) * density * gradient_ev_per_cm


def conductance_s_cm(diffusivity_cm2_per_s: float, li_per_a3: float, area_nm2: float, temperature_k: float) -> float:
    """Return the Nernst-Einstein conductance e² C D A / kT of a path, times its length, S·cm."""
    require_positive(area_nm2=area_nm2)
    per_ev = -flux_per_cm2_s(diffusivity_cm2_per_s, li_per_a3, 1.0, temperature_k)
    return per_ev * EV_IN_J * area_nm2 * CM_PER_NM**2


def transport_paths(
    wall: str,
    wall_li_per_a3: float,
    wall_diffusivity_cm2_per_s: float,
    temperature_k: float,
    pore_nm: float = 100.0,
    wall_nm: float = 10.0,
    parameters: CreepParameters = DEFAULT,
) -> tuple[TransportPath, ...]:
    """Return the parallel paths along a tubule: its wall, the Li/wall interface, and the Li inside.

    Areas are those of a round tubule: π (D + w) w for the wall, π D δ for the interface, π D²/4 for the Li. The
    interface holds Li as densely as the metal and conducts with the diffusivity of Coble creep.
    """
    require_positive(pore_nm=pore_nm, wall_nm=wall_nm)
    best = parameters.best()
    metal = 1 / ATOMIC_VOLUME_A3
    width_nm = parameters.path_width.value * 0.1
    interface_d = float((best.path_ratio * surface_diffusivity(temperature_k, best))[0])
    rows = (
        (
            f"wall of {wall}",
            wall_nm,
            wall_li_per_a3,
            wall_diffusivity_cm2_per_s,
            math.pi * (pore_nm + wall_nm) * wall_nm,
        ),
        (f"Li/{wall} interface", width_nm, metal, interface_d, math.pi * pore_nm * width_nm),
        ("Li metal", pore_nm, metal, float(volume_diffusivity(temperature_k, best)[0]), math.pi * pore_nm**2 / 4),
    )
    values = [conductance_s_cm(d, c, area, temperature_k) for _, _, c, d, area in rows]
    return tuple(
        TransportPath(path=name, width_nm=width, li_density=c, diffusivity=d, conductance_s_cm=g, share=g / sum(values))
        for (name, width, c, d, _), g in zip(rows, values, strict=True)
    )


def wall_diffusivity_that_wins(paths: tuple[TransportPath, ...]) -> float:
    """Return the diffusivity, cm²/s, above which the wall carries more Li than the interface."""
    wall, interface, _ = paths
    return wall.diffusivity * interface.conductance_s_cm / wall.conductance_s_cm


def current_of_strain_rate(strain_rate: Array | float, porosity: float, deforming_nm: float) -> Array:
    """Return the current of Li that leaves a creeping column, mA/cm² of the layer.

    A column that shortens at ``strain_rate`` (1/s) over the length ``deforming_nm`` moves its end with the product of
    both; each cm³ of Li carries F/V_m.
    """
    require_fraction(porosity=porosity)
    require_positive(deforming_nm=deforming_nm)
    speed_cm_per_s = np.asarray(strain_rate, float) * deforming_nm * CM_PER_NM
    return porosity * speed_cm_per_s * FARADAY_C_PER_MOL / MOLAR_VOLUME_CM3 * MA_PER_A


def creep_current(pore_nm: float, temperature_k: float, stress_mpa: float, porosity: float, sample: Sample) -> Array:
    """Return the current of diffusional creep where the Li deforms over one pore diameter, mA/cm².

    One diameter is the shortest length over which a plug can change its shape, and gives the lowest current. Bulk
    dislocation creep is left out: it was not measured in columns this thin, where Li is much stronger.
    """
    rate = coble_rate(pore_nm, temperature_k, stress_mpa, sample)
    rate = rate + nabarro_herring_rate(pore_nm, temperature_k, stress_mpa, sample)
    return current_of_strain_rate(rate, porosity, pore_nm)


def path_current(
    pore_nm: float, temperature_k: float, stress_mpa: float, porosity: float, thickness_um: float, sample: Sample
) -> Array:
    """Return the current along the walls of all pores, from one end to the other, mA/cm².

    The driving pressure falls to zero over the thickness, ∇μ = Ω P / L; the paths fill 4 δ φ / D of the layer.
    """
    require_fraction(porosity=porosity)
    require_positive(pore_nm=pore_nm, thickness_um=thickness_um, stress_mpa=stress_mpa)
    require_solid(temperature_k)
    share = 4 * porosity * sample.path_width * CM_PER_A / (pore_nm * CM_PER_NM)
    mobility = sample.path_ratio * surface_diffusivity(temperature_k, sample) / (BOLTZMANN_EV_PER_K * temperature_k)
    gradient = ATOMIC_VOLUME_A3 * MPA_A3_IN_EV * stress_mpa / (thickness_um * CM_PER_UM)
    atoms = share * mobility * (1e24 / ATOMIC_VOLUME_A3) * gradient
    return atoms * EV_IN_J * MA_PER_A


def host_current(
    pore_nm: float,
    temperature_k: float,
    stress_mpa: float,
    porosity: float,
    thickness_um: float,
    parameters: CreepParameters = DEFAULT,
    draws: int = DRAWS,
    seed: int = 0,
) -> HostCurrent:
    """Return the largest current density that creep passes through a host, and what limits it.

    Li must change its shape in the pore, and must travel its length; the slower of the two is the limit.

    Raises
    ------
    InputError
        For sizes, stresses, temperatures or porosities out of range.
    """
    place = (pore_nm, temperature_k, stress_mpa, porosity)
    best, sample = parameters.best(), parameters.draw(draws, seed)
    limits = (
        _limit(
            "creep in the pore",
            creep_current(*place, best),
            creep_current(*place, sample),
            f"Coble and Nabarro-Herring creep of a plug over one pore diameter, {pore_nm:g} nm, porosity {porosity:g}",
        ),
        _limit(
            "transport along the pores",
            path_current(*place, thickness_um, best),
            path_current(*place, thickness_um, sample),
            f"diffusion along the walls of straight pores, {thickness_um:g} µm long, porosity {porosity:g}",
        ),
    )
    return HostCurrent(
        pore_nm=pore_nm,
        porosity=porosity,
        thickness_um=thickness_um,
        temperature_k=temperature_k,
        stress_mpa=stress_mpa,
        overpotential_mv=overpotential_mv(stress_mpa),
        limits=limits,
        bottleneck=min(limits, key=lambda limit: limit.current_ma_per_cm2),
    )


def host_capacity(porosity: float, thickness_um: float) -> HostCapacity:
    """Return the capacity of a layer with what it follows from."""
    return HostCapacity(
        porosity=porosity,
        thickness_um=thickness_um,
        capacity_mah_per_cm2=capacity_mah_per_cm2(porosity, thickness_um),
    )


def _limit(
    limit: Literal["creep in the pore", "transport along the pores"], best: Array, drawn: Array, geometry: str
) -> CurrentLimit:
    lower, upper = band(drawn)
    return CurrentLimit(
        limit=limit, current_ma_per_cm2=float(best[0]), lower=lower, upper=upper, level=LEVEL, geometry=geometry
    )
