"""Units and constants.

Inside the program: eV, Å, eV/Å², K, GPa. Reported: meV/Å² and J/m², mA/cm², mAh/cm², MPa, nm.
Constants are exact or CODATA 2018 values, taken from :mod:`scipy.constants` by definition.
"""

ZERO_CELSIUS_K = 273.15
"""0 °C in K (exact)."""

EV_IN_J = 1.602176634e-19
"""One electronvolt in joule (exact, SI 2019)."""

MEV_PER_A2_IN_J_PER_M2 = EV_IN_J * 1e-3 * 1e20
"""1 meV/Å² = 0.01602176634 J/m²."""

EV_PER_A3_IN_GPA = EV_IN_J * 1e30 * 1e-9
"""1 eV/Å³ = 160.2176634 GPa."""

BOLTZMANN_EV_PER_K = 8.617333262e-5
"""Boltzmann constant, eV/K."""

EV_PER_A2_U_IN_HZ2 = EV_IN_J * 1e20 / 1.66053906660e-27
"""1 eV/(Å² u) as the square of an angular frequency, 1/s² (unified atomic mass unit, CODATA 2018)."""
PLANCK_EV_PER_THZ = 6.62607015e-34 / EV_IN_J * 1e12
"""Energy of a quantum of 1 THz, 4.1357 meV (exact, SI 2019)."""

MEV = 1e3
"""Multiply eV by this to get meV."""


def j_per_m2(mev_per_a2: float) -> float:
    """Convert an energy per area from meV/Å² to J/m²."""
    return mev_per_a2 * MEV_PER_A2_IN_J_PER_M2


def mev_per_a2(j_per_m2: float) -> float:
    """Convert an energy per area from J/m² to meV/Å²."""
    return j_per_m2 / MEV_PER_A2_IN_J_PER_M2
