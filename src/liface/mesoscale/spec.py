"""What a growth run is asked to do: lattice, arrival rates, energies of the lattice gas."""

from __future__ import annotations

import math
from typing import Self

from pydantic import model_validator

from liface.documents import Document, quantity
from liface.errors import AnalysisError
from liface.units import BOLTZMANN_EV_PER_K

SMALLEST_SIZE, LARGEST_SIZE = 2, 2048
"""Edge of the lattice in columns; the lists of the largest take 690 MB."""


class GrowthSpec(Document):
    r"""Li on a periodic square lattice of columns without overhangs, and how fast it arrives and hops.

    The energy of a configuration of column heights h is

        H = - Σ_i [h_i ≥ 1] Δ - Σ_<ij> ( ε_s [h_i ≥ 1][h_j ≥ 1] + ε_Li max(min(h_i, h_j) - 1, 0) )

    with Δ ``substrate_preference_ev``, ε_s ``bond_substrate_ev`` (bonds of the first layer) and ε_Li
    ``bond_li_ev`` (bonds of all others). The topmost atom of a column hops to a neighbouring one over a saddle
    whose height above the configuration *without* that atom does not depend on the direction, so that hops obey
    detailed balance with H: the barrier is the diffusion barrier of where the atom sits, plus its lateral bonds,
    plus the step-edge barrier where it changes its level, up or down alike. Between bare substrate and Li the
    higher of the two saddles counts: max(D_s, D_Li + Δ) from the substrate, max(D_s - Δ, D_Li) onto it.

    Two arrival rates of zero make a closed system, as at open circuit.

    Raises
    ------
    AnalysisError
        A value is out of range, or a barrier would be negative.
    """

    size: int = quantity("1", "Columns along each edge of the periodic lattice.", default=64)
    temperature_k: float = quantity("K", "Temperature of every rate.", default=298.15)
    arrival_substrate_hz: float = quantity("1/s", "Li arriving per bare column, k_Li-substrate.", default=1.0)
    arrival_li_hz: float = quantity("1/s", "Li arriving per covered column, k_Li-Li.", default=1.0)
    attempt_hz: float = quantity("1/s", "Prefactor ν of hops and desorption; 0 leaves arrivals only.", default=1e13)
    diffusion_substrate_ev: float = quantity("eV", "Barrier D_s of a lone atom on the substrate.", default=0.62)
    diffusion_li_ev: float = quantity("eV", "Barrier D_Li of a lone atom on Li.", default=0.62)
    bond_substrate_ev: float = quantity("eV", "Energy ε_s gained per lateral bond in the first layer.", default=0.1)
    bond_li_ev: float = quantity("eV", "Energy ε_Li gained per lateral bond in other layers.", default=0.1)
    substrate_preference_ev: float = quantity(
        "eV", "Energy Δ by which an atom is bound more strongly to the substrate than to Li.", default=0.0
    )
    step_edge_ev: float = quantity("eV", "Barrier added to every hop that changes the level.", default=0.1)
    desorption_li_ev: float | None = quantity(
        "eV", "Barrier of a lone atom on Li to leave; None: Li stays.", default=None
    )

    @property
    def kt_ev(self) -> float:
        """Thermal energy, eV."""
        return BOLTZMANN_EV_PER_K * self.temperature_k

    @property
    def ratio(self) -> float:
        """k_Li-substrate / k_Li-Li.

        Raises
        ------
        AnalysisError
            Nothing arrives.
        """
        if not self.arrival_li_hz:
            raise AnalysisError("a closed system has no ratio of arrival rates; give two positive rates")
        return self.arrival_substrate_hz / self.arrival_li_hz

    def at_ratio(self, ratio: float) -> GrowthSpec:
        """Return this with k_Li-substrate = ``ratio`` k_Li-Li; k_Li-Li stays.

        Raises
        ------
        AnalysisError
            The ratio is not positive and finite.
        """
        require_ratio(ratio)
        return type(self)(**(self.model_dump() | {"arrival_substrate_hz": ratio * self.arrival_li_hz}))

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not SMALLEST_SIZE <= self.size <= LARGEST_SIZE:
            raise AnalysisError(
                f"size is {self.size} columns; give {SMALLEST_SIZE} to {LARGEST_SIZE} along each edge of the lattice"
            )
        if not (math.isfinite(self.temperature_k) and self.temperature_k > 0):
            raise AnalysisError(f"temperature_k is {self.temperature_k}; give a positive temperature in K")
        for name in ("arrival_substrate_hz", "arrival_li_hz", "attempt_hz", "step_edge_ev"):
            if not (math.isfinite(value := getattr(self, name)) and value >= 0):
                raise AnalysisError(f"{name} is {value}; give a finite number, 0 or more")
        if (self.arrival_substrate_hz == 0) != (self.arrival_li_hz == 0):
            raise AnalysisError(
                f"arrival rates are {self.arrival_substrate_hz} and {self.arrival_li_hz} 1/s; one of two rates cannot "
                "be zero: give two positive ones, or two zeros for a closed system"
            )
        self._check_barriers()
        return self

    def _check_barriers(self) -> None:
        if not math.isfinite(self.substrate_preference_ev):
            raise AnalysisError(f"substrate_preference_ev is {self.substrate_preference_ev}; give a finite energy")
        barriers = {
            "diffusion_substrate_ev": (self.diffusion_substrate_ev, self.bond_substrate_ev),
            "diffusion_li_ev": (self.diffusion_li_ev, self.bond_li_ev),
        }
        if self.desorption_li_ev is not None:
            barriers["desorption_li_ev"] = (self.desorption_li_ev, self.bond_li_ev)
        for name, (barrier, bond) in barriers.items():
            if not (math.isfinite(barrier) and math.isfinite(bond)):
                raise AnalysisError(f"{name} is {barrier} with bonds of {bond} eV; barriers and bonds must be finite")
            if min(barrier, barrier + 4 * bond) < 0:
                raise AnalysisError(
                    f"{name} is {barrier} eV and {barrier + 4 * bond:g} eV with four bonds of {bond} eV; a barrier "
                    "below zero has no rate, and cutting it off would break detailed balance: raise the barrier or "
                    "weaken the repulsion"
                )


def require_ratio(ratio: float) -> None:
    """Refuse a ratio of rates that is not positive and finite (AnalysisError)."""
    if not (math.isfinite(ratio) and ratio > 0):
        raise AnalysisError(f"the ratio k_Li-substrate / k_Li-Li is {ratio}; give a positive finite number")
