"""From computed binding energies to the rates of a growth run.

Every number comes as an argument and every choice is stated in the result; nothing is looked up.
"""

from __future__ import annotations

import math

from pydantic import Field

from liface.documents import Document, quantity
from liface.errors import AnalysisError
from liface.mesoscale.spec import GrowthSpec
from liface.units import BOLTZMANN_EV_PER_K

LARGEST_RATIO = 1e3
"""Ratios outside 1/1000 to 1000 are cut to that: a deposit of some thousand atoms no longer tells them apart, and
differences of binding energies of 0.5 eV would give e²⁰ at room temperature, which says no more than "always"."""


class BindingRates(Document):
    """The ratio of arrival rates and the energies of the lattice gas that binding energies imply."""

    ratio: float = quantity("1", "k_Li-substrate / k_Li-Li to use.")
    log_ratio: float = quantity("1", "Natural logarithm of the ratio before it was cut.")
    cut: bool = Field(description="The ratio lay outside the limits and was cut to them.")
    substrate_preference_ev: float = quantity("eV", "E_b on Li minus E_b on the substrate.")
    bond_substrate_ev: float = quantity("eV", "Energy per lateral bond in the first layer.")
    bond_li_ev: float = quantity("eV", "Energy per lateral bond in other layers.")
    temperature_k: float = quantity("K", "Temperature of the ratio.")
    notes: tuple[str, ...] = Field(description="What was assumed or cut, with the numbers.")

    def applied_to(self, spec: GrowthSpec) -> GrowthSpec:
        """Return the spec with these rates and energies; its barriers and k_Li-Li stay.

        Raises
        ------
        AnalysisError
            The barriers of the spec are too low for the bonds.
        """
        fields = ("substrate_preference_ev", "bond_substrate_ev", "bond_li_ev", "temperature_k")
        changed = spec.model_dump() | {name: getattr(self, name) for name in fields}
        return GrowthSpec(**changed).at_ratio(self.ratio)


def rates_from_binding(
    e_bind_substrate_ev: float,
    e_bind_li_ev: float,
    *,
    temperature_k: float,
    bond_substrate_ev: float,
    bond_li_ev: float,
    largest_ratio: float = LARGEST_RATIO,
) -> BindingRates:
    """Return k_Li-substrate / k_Li-Li = exp(-(E_b on substrate - E_b on Li) / kT), and the energies that go with it.

    Binding energies are those of one Li atom, eV relative to bulk Li, negative where it is bound more strongly
    (10.1002/adma.202206762); they must come from one engine and one set of settings. That the whole difference
    enters the rate of arrival is the largest effect it can have: a transition state resembling the adsorbed atom.

    Raises
    ------
    AnalysisError
        An energy is not finite, or the temperature or the limit is out of range.
    """
    energies = {"e_bind_substrate_ev": e_bind_substrate_ev, "e_bind_li_ev": e_bind_li_ev,
                "bond_substrate_ev": bond_substrate_ev, "bond_li_ev": bond_li_ev}  # fmt: skip
    _require_finite(energies)
    if not (math.isfinite(temperature_k) and temperature_k > 0):
        raise AnalysisError(f"temperature_k is {temperature_k}; give a positive temperature in K")
    if not (math.isfinite(largest_ratio) and largest_ratio > 1):
        raise AnalysisError(f"largest_ratio is {largest_ratio}; give a finite number over 1")
    preference = e_bind_li_ev - e_bind_substrate_ev
    log_ratio = preference / (BOLTZMANN_EV_PER_K * temperature_k)
    limit = math.log(largest_ratio)
    used = min(max(log_ratio, -limit), limit)
    notes = [f"ratio of arrival rates from ΔE_b = {-preference:+.3f} eV, all of it in the rate of arrival"]
    if used != log_ratio:
        notes.append(
            f"ratio exp({log_ratio:.1f}) cut to {math.exp(used):g}: a deposit does not tell larger ones apart, and the "
            "approximation behind it does not reach that far"
        )
    return BindingRates(
        ratio=math.exp(used), log_ratio=log_ratio, cut=used != log_ratio, substrate_preference_ev=preference,
        bond_substrate_ev=bond_substrate_ev, bond_li_ev=bond_li_ev, temperature_k=temperature_k, notes=tuple(notes),
    )  # fmt: skip


def bond_energy(e_cluster_ev_per_li: float, e_atoms_ev_per_li: float, n_li: int, n_bonds: int | None = None) -> float:
    """Return the energy gained per lateral bond, n (E_b of dispersed atoms - E_b of the cluster) / bonds, in eV.

    Negative where dispersed atoms win: lateral repulsion. ``n_bonds`` is by default that of the most compact flat
    island of n atoms on a square lattice, ⌊2n - 2√n⌋; a three-dimensional cluster has others, and then the number
    is the bond energy of the flat island that would be as stable.

    Raises
    ------
    AnalysisError
        Fewer than two atoms, no bonds, or an energy that is not finite.
    """
    _require_finite({"e_cluster_ev_per_li": e_cluster_ev_per_li, "e_atoms_ev_per_li": e_atoms_ev_per_li})
    if n_li < 2:
        raise AnalysisError(f"a cluster of {n_li} Li has no bonds; give one of two atoms or more")
    bonds = 2 * n_li - math.isqrt(4 * n_li - 1) - 1 if n_bonds is None else n_bonds
    if bonds < 1:
        raise AnalysisError(f"n_bonds is {bonds}; give at least one")
    return n_li * (e_atoms_ev_per_li - e_cluster_ev_per_li) / bonds


def diffusion_barrier(e_bind_ev: float, cohesive_ev: float, fraction: float) -> float:
    """Return a diffusion barrier as a fraction of the depth in which an atom is bound, eV.

    The depth is counted from the free atom, ``cohesive_ev`` - E_b, with the cohesive energy of bulk Li as a positive
    number. An estimate for want of a computed barrier; the fraction is the caller's.

    Raises
    ------
    AnalysisError
        The atom is not bound, or the fraction is not between 0 and 1.
    """
    _require_finite({"e_bind_ev": e_bind_ev, "cohesive_ev": cohesive_ev})
    if not 0 < fraction < 1:
        raise AnalysisError(f"fraction is {fraction}; give a number between 0 and 1")
    if cohesive_ev <= e_bind_ev:
        raise AnalysisError(
            f"E_b = {e_bind_ev} eV with a cohesive energy of {cohesive_ev} eV: the atom is not bound; check both"
        )
    return fraction * (cohesive_ev - e_bind_ev)


def with_hops_slowed(spec: GrowthSpec, most_hops_per_arrival: float) -> GrowthSpec:
    """Return the spec with a smaller prefactor: a lone atom hops at most so often in each direction per 1/k_Li-Li.

    Barriers of about 0.1 eV make 10⁹ hops and more per layer at the currents of a cell, out of reach event by
    event. One common factor keeps all ratios of hop rates and the equilibrium; islands come out denser and smaller
    than they would.

    Raises
    ------
    AnalysisError
        The limit is not positive, or nothing arrives.
    """
    if not (math.isfinite(most_hops_per_arrival) and most_hops_per_arrival > 0):
        raise AnalysisError(f"most_hops_per_arrival is {most_hops_per_arrival}; give a positive finite number")
    if not spec.arrival_li_hz:
        raise AnalysisError("a closed system has no arrivals to compare hops with; give two positive arrival rates")
    fastest = math.exp(-min(spec.diffusion_substrate_ev, spec.diffusion_li_ev) / spec.kt_ev)
    slower = most_hops_per_arrival * spec.arrival_li_hz / fastest if fastest else math.inf
    attempt_hz = min(spec.attempt_hz, slower)
    return GrowthSpec(**(spec.model_dump() | {"attempt_hz": attempt_hz}))


def _require_finite(energies: dict[str, float]) -> None:
    for name, value in energies.items():
        if not math.isfinite(value):
            raise AnalysisError(f"{name} is {value}; a finite energy is needed, check the calculation behind it")
