"""From the barrier of one hop to how fast a lone adatom spreads.

A random walk without memory on a net of equal minima: each of ``z`` neighbours at the distance ``l`` is reached at the
rate ``Γ = ν exp(-E/kT)``, and in a plane ``<r²> = 4 D t`` (Antczak and Ehrlich, Surface Diffusion, Cambridge 2010, DOI
10.1017/CBO9780511730320):

    D = z Γ l² / 4

A migration barrier stands for all hops here: ``E`` is that of the easiest direction and ``l`` the length of the hop
that limits it, so that D is that along this direction, good to a factor of order one. The adatom is alone: no islands,
steps or other adatoms. The diffusivity of matter along a surface, as in
:func:`liface.mesoscale.creep.surface_diffusivity`, counts the share of sites that hold an adatom besides; the two are
different quantities.
"""

from __future__ import annotations

import math

from liface.mesoscale.lithium import require_finite, require_positive
from liface.units import BOLTZMANN_EV_PER_K

USUAL_ATTEMPT_HZ = 1e13
"""Where no attempt frequency is computed; those of adatoms on metals are 1e12 to 1e13 per second."""

CM2_PER_A2 = 1e-16


def hop_rate(barrier_ev: float, temperature_k: float, attempt_hz: float = USUAL_ATTEMPT_HZ) -> float:
    """Return the rate of one hop to one neighbour, ν exp(-E/kT), 1/s.

    Raises
    ------
    InputError
        If the temperature or the attempt frequency is not positive.
    """
    require_positive(temperature_k=temperature_k, attempt_hz=attempt_hz)
    return attempt_hz * math.exp(-barrier_ev / (BOLTZMANN_EV_PER_K * temperature_k))


def adatom_diffusivity(
    barrier_ev: float,
    temperature_k: float,
    hop_a: float,
    n_neighbours: int,
    attempt_hz: float = USUAL_ATTEMPT_HZ,
) -> float:
    """Return the diffusivity of a lone adatom in the plane, z ν l² exp(-E/kT) / 4, cm²/s.

    Parameters
    ----------
    barrier_ev
        Migration barrier, eV.
    temperature_k
        Temperature, K.
    hop_a
        Distance between neighbouring minima, Å.
    n_neighbours
        How many of them a minimum has: 4 on fcc(100) and bcc(110), 6 between like hollows of fcc(111).
    attempt_hz
        Of one hop to one neighbour, 1/s.

    Raises
    ------
    InputError
        If anything but the barrier is not positive.
    """
    require_positive(hop_a=hop_a, n_neighbours=n_neighbours)
    return n_neighbours * hop_rate(barrier_ev, temperature_k, attempt_hz) * hop_a**2 / 4 * CM2_PER_A2


def mass_diffusivity(adatom_cm2_per_s: float, e_bind_ev: float, temperature_k: float) -> float:
    """Return how fast matter moves along a surface in balance with Li metal, cm²/s.

    The diffusivity of adatoms times the share of sites that hold one, 1/(1 + exp(E_b/kT)) (Langmuir): with a positive
    binding energy against bulk Li adatoms are few, with a negative one the sites are full and this is an upper bound.

    Parameters
    ----------
    adatom_cm2_per_s
        Diffusivity of a lone adatom, cm²/s.
    e_bind_ev
        Binding energy of one Li against bulk Li, eV.
    temperature_k
        Temperature, K.

    Raises
    ------
    InputError
        If the diffusivity or the temperature is not positive, or the energy is no number.
    """
    require_positive(adatom_cm2_per_s=adatom_cm2_per_s, temperature_k=temperature_k)
    require_finite(e_bind_ev=e_bind_ev)
    exponent = min(e_bind_ev / (BOLTZMANN_EV_PER_K * temperature_k), 700.0)
    return adatom_cm2_per_s / (1 + math.exp(exponent))
