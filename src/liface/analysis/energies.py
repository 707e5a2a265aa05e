"""Surface, interfacial, binding and adhesion energies from total energies.

Energies in eV, areas in Å², energies per area in meV/Å². A positive binding energy is less stable than bulk
bcc Li; a negative interfacial energy means that the interface forms by itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from liface.errors import AnalysisError, TooFewPointsError
from liface.units import MEV


def surface_energy(e_slab_ev: float, n_units: float, e_bulk_ev_per_unit: float, area_a2: float) -> float:
    """Surface energy of a symmetric stoichiometric slab, (E_slab - N E_bulk) / 2A in meV/Å².

    ``n_units`` counts the units of which ``e_bulk_ev_per_unit`` is the energy (atoms or formula units).
    """
    _require_finite(e_slab_ev=e_slab_ev, n_units=n_units, e_bulk_ev_per_unit=e_bulk_ev_per_unit)
    _require_positive(area_a2=area_a2)
    return MEV * (e_slab_ev - n_units * e_bulk_ev_per_unit) / (2 * area_a2)


def fiorentini_methfessel(
    n_units: Sequence[float], e_slab_ev: Sequence[float], area_a2: float
) -> tuple[float, float, float]:
    """Surface energy without a bulk calculation, from the line E_slab = 2Aγ + N E_bulk.

    Taking E_bulk from the slabs themselves removes the drift of γ with thickness that any mismatch between
    slab and bulk sampling causes (10.1088/0953-8984/8/36/005).

    Returns
    -------
    gamma, e_bulk, stderr
        γ in meV/Å², E_bulk in eV per unit, and the standard error of γ in meV/Å²; infinite for two slabs,
        which fix the line and leave nothing to judge it by.

    Raises
    ------
    TooFewPointsError
        With fewer than two different thicknesses.
    """
    n, energies = np.asarray(n_units, float), np.asarray(e_slab_ev, float)
    _require_positive(area_a2=area_a2)
    if n.shape != energies.shape or not np.all(np.isfinite([n, energies])):
        raise AnalysisError(
            f"{n.size} slab sizes against {energies.size} energies; one finite energy per slab is needed"
        )
    if np.unique(n).size < 2:
        raise TooFewPointsError(f"{np.unique(n).size} slab thickness; a line needs two, its error three")
    offset = n - n.mean()
    spread = float(offset @ offset)
    e_bulk = float(offset @ energies) / spread
    intercept = float(energies.mean() - e_bulk * n.mean())
    residuals = energies - intercept - e_bulk * n
    if n.size == 2:
        return MEV * intercept / (2 * area_a2), e_bulk, math.inf
    variance = float(residuals @ residuals) / (n.size - 2) * (1 / n.size + n.mean() ** 2 / spread)
    return MEV * intercept / (2 * area_a2), e_bulk, MEV * math.sqrt(variance) / (2 * area_a2)


def interfacial_gamma(
    e_cell_ev: float,
    e_substrate_reference_ev: float,
    n_li: int,
    mu_li_ev: float,
    area_a2: float,
    n_interfaces: int,
) -> float:
    """Excess energy γ(n) of substrate and Li film per interface area, meV/Å² (10.1103/PhysRevB.92.214201).

    It still holds the strain energy of the film, n s; the series over n removes it. In a periodic sandwich
    the substrate reference is the bulk and ``n_interfaces`` is 2.
    """
    _require_finite(e_cell_ev=e_cell_ev, e_substrate_reference_ev=e_substrate_reference_ev, mu_li_ev=mu_li_ev)
    _require_positive(area_a2=area_a2, n_interfaces=n_interfaces)
    return MEV * (e_cell_ev - e_substrate_reference_ev - n_li * mu_li_ev) / (n_interfaces * area_a2)


def interfacial_gamma_vacuum(
    e_cell_ev: float,
    n_substrate_units: float,
    e_substrate_unit_ev: float,
    n_li: int,
    mu_li_ev: float,
    area_a2: float,
    gamma_substrate_surface_mev_per_a2: float,
    gamma_film_surface_mev_per_a2: float,
) -> float:
    """Excess energy of one interface in a slab with vacuum, meV/Å².

    The two free surfaces are subtracted; their energies must come from slabs of the same in-plane cell,
    that of Li strained as the film is.
    """
    surfaces = gamma_substrate_surface_mev_per_a2 + gamma_film_surface_mev_per_a2
    _require_finite(surfaces=surfaces)
    reference = n_substrate_units * e_substrate_unit_ev
    return interfacial_gamma(e_cell_ev, reference, n_li, mu_li_ev, area_a2, 1) - surfaces


def binding_energy(e_total_ev: float, e_reference_ev: float, n_li: int, mu_li_ev: float) -> float:
    """Binding energy per Li, eV; positive is less stable than bcc Li (10.1002/adma.202206762)."""
    _require_finite(e_total_ev=e_total_ev, e_reference_ev=e_reference_ev, mu_li_ev=mu_li_ev)
    _require_positive(n_li=n_li)
    return (e_total_ev - e_reference_ev - n_li * mu_li_ev) / n_li


def work_of_adhesion(gamma_a: float, gamma_b: float, gamma_ab: float) -> float:
    """Dupré work to part A from B, γ_A + γ_B - γ_AB, in the unit of the arguments; positive sticks."""
    _require_finite(gamma_a=gamma_a, gamma_b=gamma_b, gamma_ab=gamma_ab)
    return gamma_a + gamma_b - gamma_ab


def work_of_adhesion_from_slabs(e_a_ev: float, e_b_ev: float, e_ab_ev: float, area_a2: float) -> float:
    """Work to part two slabs, (E_A + E_B - E_AB) / area in meV/Å²; positive sticks.

    All three in one in-plane cell and with equal numbers of atoms, so that bulk and strain energies cancel.
    """
    _require_finite(e_a_ev=e_a_ev, e_b_ev=e_b_ev, e_ab_ev=e_ab_ev)
    _require_positive(area_a2=area_a2)
    return MEV * (e_a_ev + e_b_ev - e_ab_ev) / area_a2


def contact_angle(gamma_a: float, gamma_ab: float, gamma_li: float) -> tuple[float, float]:
    """Young's contact angle of Li on A from the three energies per area in one unit.

    Returns
    -------
    cos_theta, angle_deg
        The cosine as it comes, so that the driving force of full wetting (> 1) is not lost, and the angle
        in degrees: 0 where the cosine is 1 or more, 180 where it is -1 or less.
    """
    _require_finite(gamma_a=gamma_a, gamma_ab=gamma_ab)
    _require_positive(gamma_li=gamma_li)
    cosine = (gamma_a - gamma_ab) / gamma_li
    return cosine, math.degrees(math.acos(min(1.0, max(-1.0, cosine))))


def _require_finite(**values: float) -> None:
    for name, value in values.items():
        if not math.isfinite(value):
            raise AnalysisError(f"{name} is {value}; a finite number is needed, check the calculation behind it")


def _require_positive(**values: float) -> None:
    for name, value in values.items():
        if not (math.isfinite(value) and value > 0):
            raise AnalysisError(f"{name} is {value}; it must be positive")
