"""The quantities that papers give and this program knows: their units, and what they are held against."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from liface.units import EV_IN_J, MEV_PER_A2_IN_J_PER_M2, PLANCK_EV_PER_THZ

QuantityName = Literal[
    "interface_gamma",
    "interface_gamma_threshold",
    "surface",
    "work_of_adhesion",
    "contact_angle",
    "binding",
    "barrier",
    "lattice_a",
    "lattice_c",
    "highest_phonon",
    "host_capacity",
    "creep_size_limit",
    "ccd",
    "nucleation_overpotential",
    "time_to_short_circuit",
    "first_cycle_ce",
    "reservoir_ce",
]

AVOGADRO_PER_MOL = 6.02214076e23
"""Exact, SI 2019."""
LIGHT_CM_PER_PS = 0.0299792458
"""Speed of light, cm/ps (exact)."""

_IN_J_PER_M2 = {
    "J/m²": 1.0,
    "mJ/m²": 1e-3,
    "meV/Å²": MEV_PER_A2_IN_J_PER_M2,
    "eV/Å²": 1e3 * MEV_PER_A2_IN_J_PER_M2,
    "erg/cm²": 1e-3,
}
_IN_EV = {
    "eV": 1.0,
    "meV": 1e-3,
    "kJ/mol": 1e3 / (AVOGADRO_PER_MOL * EV_IN_J),
    "kcal/mol": 4184 / (AVOGADRO_PER_MOL * EV_IN_J),
}
_IN_DEG = {"deg": 1.0, "rad": 180 / math.pi}
_IN_A = {"Å": 1.0, "nm": 10.0, "pm": 0.01}
_IN_NM = {"nm": 1.0, "µm": 1e3, "Å": 0.1}
_IN_THZ = {"THz": 1.0, "cm⁻¹": LIGHT_CM_PER_PS, "meV": 1e-3 / PLANCK_EV_PER_THZ}
_IN_MA_PER_CM2 = {"mA/cm²": 1.0, "A/m²": 0.1, "A/cm²": 1e3, "µA/cm²": 1e-3}
_IN_MAH_PER_CM2 = {"mAh/cm²": 1.0, "Ah/m²": 0.1}
_IN_MV = {"mV": 1.0, "V": 1e3}
_IN_H = {"h": 1.0, "min": 1 / 60, "s": 1 / 3600}
_IN_PERCENT = {"%": 1.0}

_ALSO = {
    "²": ("2", "^2", "**2"), "Å": ("A", "Ang", "ang", "Angstrom", "angstrom"), "⁻¹": ("-1", "^-1", "**-1"),
    "µ": ("u", "μ"), "deg": ("°", "degree", "degrees"), "%": ("percent",),
}  # fmt: skip
"""Signs of a unit and how else they are typed."""


@dataclass(frozen=True)
class Quantity:
    """One quantity.

    ``units`` are factors into ``unit``, the one that the program reports; ``noun`` is the table of the database with
    computed values, empty where nothing is computed; values lie between ``low`` and ``high``.
    """

    description: str
    unit: str
    units: Mapping[str, float]
    noun: str = ""
    low: float = -math.inf
    high: float = math.inf

    def factor(self, unit: str) -> float:
        """Return what turns a value in ``unit`` into one in the unit that is reported.

        Raises
        ------
        ValueError
            The quantity is not given in that unit; the message lists those that it may be given in.
        """
        if unit not in self.units:
            raise ValueError(f"allowed: {', '.join(self.units)}")
        return self.units[unit] / self.units[self.unit]


QUANTITIES: dict[str, Quantity] = {
    "interface_gamma": Quantity("Li interfacial energy", "meV/Å²", _IN_J_PER_M2, "interfaces"),
    "interface_gamma_threshold": Quantity("interfacial energy where a response changes", "meV/Å²", _IN_J_PER_M2),
    "surface": Quantity("surface energy", "J/m²", _IN_J_PER_M2, "surfaces"),
    "work_of_adhesion": Quantity("work of adhesion, positive sticks", "J/m²", _IN_J_PER_M2, "adhesions"),
    "contact_angle": Quantity("contact angle of Li", "deg", _IN_DEG, "wetting", 0, 180),
    "binding": Quantity("binding energy per Li against bcc Li, negative binds", "eV", _IN_EV, "bindings"),
    "barrier": Quantity("migration barrier of Li on a surface", "eV", _IN_EV, "barriers", 0),
    "lattice_a": Quantity("lattice constant a", "Å", _IN_A, "bulks", 0),
    "lattice_c": Quantity("lattice constant c", "Å", _IN_A, "bulks", 0),
    "highest_phonon": Quantity("highest phonon frequency", "THz", _IN_THZ, "phonons", 0),
    "host_capacity": Quantity("Li that a porous host holds", "mAh/cm²", _IN_MAH_PER_CM2, "", 0),
    "creep_size_limit": Quantity("size below which one mechanism of creep leads", "nm", _IN_NM, "", 0),
    "ccd": Quantity("critical current density", "mA/cm²", _IN_MA_PER_CM2, "", 0),
    "nucleation_overpotential": Quantity("nucleation overpotential", "mV", _IN_MV, "", 0),
    "time_to_short_circuit": Quantity("time to short circuit", "h", _IN_H, "", 0),
    "first_cycle_ce": Quantity("Coulombic efficiency of the first cycle", "%", _IN_PERCENT, "", 0),
    "reservoir_ce": Quantity("Coulombic efficiency by the reservoir protocol", "%", _IN_PERCENT, "", 0),
}  # fmt: skip
"""Every quantity by its name."""


def _typed(unit: str) -> Iterator[str]:
    """Yield a unit as people type it."""
    found = {unit}
    for sign, others in _ALSO.items():
        found |= {text.replace(sign, other) for text in found if sign in text for other in others}
    yield from found


_SPELLED = {typed: unit for quantity in QUANTITIES.values() for unit in quantity.units for typed in _typed(unit)}


def spelled(unit: str) -> str:
    """Return a unit as it is spelled here: ``J/m^2``, ``J/m2`` and ``J/m²`` are the same; an unknown one as it is."""
    text = unit.strip()
    return _SPELLED.get(text.replace(" ", ""), text)
