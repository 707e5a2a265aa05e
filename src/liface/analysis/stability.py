"""What becomes of a material against Li metal, from the energies of the phases that are known.

A material X is at rest beside Li metal if no mixture of known phases, with as much Li as it likes, is lower: the
tie-line from X to Li then crosses no other phase (10.1016/j.chempr.2020.09.005). Both that and the voltage window are
linear programmes over the chemical potentials μ of the elements: every known phase i asks that Σ_j n_ij μ_j <= E_i, and
a phase that is to be present that both sides are equal. So no reference is needed of elements that take no part; where
phases are missing, the answer holds among those that are known, and says so.

Energies in eV, voltages in V against Li metal, V = -(μ_Li - E_Li). A negative reaction energy means that X reacts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from liface.documents import Document, quantity
from liface.documents.mesoscale import Product
from liface.errors import AnalysisError, MixedEnginesError

LITHIUM = "Li"
DOI = "10.1016/j.chempr.2020.09.005"
TOLERANCE_EV = 1e-6
"""Energies per atom closer than this are equal."""

WIDE_GAP_EV = 4.0
"""An insulator with a wider gap that is stable against Li keeps electrons and Li apart (ELI of wang2020)."""

Verdict = Literal[
    "end member",
    "immiscible",
    "nothing competes",
    "alloys with Li",
    "insulator",
    "stable",
    "reacts with Li",
    "not stable",
]
VERDICTS: dict[str, str] = {
    "end member": "a compound with Li, at rest beside Li metal: the Li-rich end of its system",
    "immiscible": "holds no Li, conducts or has a narrow gap, at rest beside Li metal",
    "nothing competes": "the same, but of some of its elements no other phase is known, so nothing could be found",
    "alloys with Li": "an element that forms compounds with Li",
    "insulator": f"at rest beside Li metal, with a gap above {WIDE_GAP_EV:g} eV",
    "stable": "a compound with Li, at rest beside Li metal, of a gap that is narrow or not known",
    "reacts with Li": "decomposes against Li metal",
    "not stable": "decomposes by itself into other known phases",
}
METALLIC = ("metal", "alloy", "carbon", "nitride")
"""Categories of materials that conduct electrons."""

ALLOYING = ("metal", "semiconductor", "carbon")
"""Categories of elements whose compounds with Li are called alloys."""


class PhaseEntry(Document):
    """Energy of one crystalline phase."""

    name: str
    composition: dict[str, float] = quantity("1", "Atoms of each element per formula unit.")
    energy_ev_per_atom: float = quantity("eV", "Energy per atom, all of one level of theory.")
    level: str = Field(description="Engine and settings; entries of different levels are never put together.")
    source: str = Field(description="Record of the database, or the file the entry was supplied in.")

    @property
    def n_atoms(self) -> float:
        """Atoms per formula unit."""
        return sum(self.composition.values())

    @property
    def energy_ev(self) -> float:
        """Energy per formula unit."""
        return self.energy_ev_per_atom * self.n_atoms


class LithiumStability(Document):
    """A material against Li metal, among the phases that are known."""

    material: str
    level: str
    verdict: Verdict
    energy_above_hull_ev_per_atom: float = quantity("eV", "Above the best mixture of known phases of its composition.")
    reaction_energy_ev: float = quantity("eV", "Per formula unit with Li metal in excess; negative: it reacts.")
    li_taken_up: float = quantity("1", "Li atoms that the reaction consumes per formula unit; negative: gives up.")
    products: tuple[Product, ...] = Field(description="What it becomes against Li; the material itself where at rest.")
    window_low_v: float | None = quantity(
        "V", "Below this voltage it is reduced; 0 where it is at rest beside Li; None if not stable."
    )
    window_high_v: float | None = quantity("V", "Above this voltage it is oxidised; None where no known phase does it.")
    compounds_with_li: tuple[str, ...] = Field(description="Stable phases of Li with its elements, itself not counted.")
    band_gap_ev: float | None = quantity("eV", "From the literature; None where it conducts or no gap is known.")
    untested: tuple[str, ...] = Field(description="Elements of which no other phase is known: nothing competes there.")
    doi: tuple[str, ...] = (DOI,)

    @property
    def reaction(self) -> str:
        """The reaction as chemists write it."""
        right = " + ".join(f"{_count(p.amount)}{p.name}" for p in self.products)
        if not self.products or (len(self.products) == 1 and self.products[0].name == self.material):
            return "none"
        if self.li_taken_up >= 0:
            return f"{self.material} + {_count(self.li_taken_up)}Li -> {right}"
        return f"{self.material} -> {right} + {_count(-self.li_taken_up)}Li"


def lithium_stability(
    material: PhaseEntry,
    entries: Sequence[PhaseEntry],
    *,
    category: str = "",
    band_gap_ev: float | None = None,
) -> LithiumStability:
    """Judge one material against Li metal.

    Parameters
    ----------
    material
        The phase that is judged; it may be among ``entries`` too.
    entries
        Every phase that may form, bcc Li among them.
    category, band_gap_ev
        Family of the material and its gap in eV from the literature, which decide between conductors and insulators.

    Raises
    ------
    AnalysisError
        No entry of Li metal, or numbers that are none.
    MixedEnginesError
        Entries of several levels of theory.
    """
    if set(material.composition) == {LITHIUM}:
        raise AnalysisError(f"{material.name} is Li itself; ask for another material")
    known = _phases(material, entries)
    mu_li = _lithium(known)
    others = [entry for entry in known if entry.name != material.name]
    taken_up, reaction_ev, products = _against_lithium(material, others, mu_li)
    above = _above_hull(material, others)
    is_stable, is_at_rest = above < TOLERANCE_EV, reaction_ev > -TOLERANCE_EV * material.n_atoms
    low, high = _window(material, others, mu_li) if is_stable else (None, None)
    compounds = tuple(sorted(_compounds(material, known)))
    untested = _untested(material, others)
    verdict = _verdict(material, is_stable, is_at_rest, compounds, category, band_gap_ev)
    if verdict == "immiscible" and untested:
        verdict = "nothing competes"
    return LithiumStability(
        material=material.name,
        level=material.level,
        verdict=verdict,
        energy_above_hull_ev_per_atom=max(above, 0.0),
        reaction_energy_ev=min(reaction_ev, 0.0) if not is_at_rest else 0.0,
        li_taken_up=0.0 if is_at_rest else taken_up,
        products=(Product(name=material.name, amount=1.0),) if is_at_rest else products,
        window_low_v=low,
        window_high_v=high,
        compounds_with_li=compounds,
        band_gap_ev=band_gap_ev,
        untested=untested,
    )


def _phases(material: PhaseEntry, entries: Sequence[PhaseEntry]) -> list[PhaseEntry]:
    """Return the lowest entry of each name, the material among them, and check that they belong together."""
    found: dict[str, PhaseEntry] = {}
    for entry in (material, *entries):
        if entry.level != material.level:
            raise MixedEnginesError(
                f"{entry.name} is of level {entry.level!r}, {material.name} of {material.level!r}; "
                "take entries of one engine and its settings only"
            )
        amounts = [*entry.composition.values(), entry.energy_ev_per_atom]
        if not entry.composition or not all(map(math.isfinite, amounts)) or min(entry.composition.values()) <= 0:
            raise AnalysisError(
                f"{entry.name}: composition {entry.composition} and energy {entry.energy_ev_per_atom} eV per atom; "
                "amounts must be positive, the energy a number"
            )
        if entry.name != material.name and (
            entry.name not in found or entry.energy_ev_per_atom < found[entry.name].energy_ev_per_atom
        ):
            found[entry.name] = entry
    return [material, *found.values()]


def _lithium(known: Sequence[PhaseEntry]) -> float:
    energies = [entry.energy_ev_per_atom for entry in known if set(entry.composition) == {LITHIUM}]
    if not energies:
        raise AnalysisError(
            "no entry of Li metal; compute it with the same engine ('bulks: [Li]' in a campaign), or supply it"
        )
    return min(energies)


# --- linear programmes -----------------------------------------------------------------------------------------


def _matrix(elements: Sequence[str], entries: Sequence[PhaseEntry]) -> np.ndarray:
    """Return atoms per formula unit, shape (elements, entries)."""
    return np.array([[entry.composition.get(element, 0.0) for entry in entries] for element in elements])


def _usable(material: PhaseEntry, entries: Sequence[PhaseEntry], free: Sequence[str] = ()) -> list[PhaseEntry]:
    """Return the entries made of elements of the material, and of those that are free to come and go."""
    allowed = {*material.composition, *free}
    return [entry for entry in entries if set(entry.composition) <= allowed]


def _mixture(
    material: PhaseEntry, entries: Sequence[PhaseEntry], costs: np.ndarray, elements: Sequence[str]
) -> tuple[float, np.ndarray] | None:
    """Return the lowest cost of entries that hold the elements of the material, and the amounts; None if none do."""
    from scipy.optimize import linprog

    if not entries:
        return None
    asked = [material.composition[element] for element in elements]
    found = linprog(costs, A_eq=_matrix(elements, entries), b_eq=asked, bounds=(0, None), method="highs")
    if found.status == 2:
        return None
    if not found.success:
        raise AnalysisError(f"{material.name}: the phases that it may become are undetermined: {found.message}")
    return float(found.fun), found.x


def _above_hull(material: PhaseEntry, others: Sequence[PhaseEntry]) -> float:
    """Return the energy per atom above the best mixture of other phases; below zero where it is a phase of its own."""
    usable = _usable(material, others)
    costs = np.array([entry.energy_ev for entry in usable])
    best = _mixture(material, usable, costs, sorted(material.composition))
    return -math.inf if best is None else (material.energy_ev - best[0]) / material.n_atoms


def _against_lithium(
    material: PhaseEntry, others: Sequence[PhaseEntry], mu_li: float
) -> tuple[float, float, tuple[Product, ...]]:
    """Return Li taken up, energy in eV and products of the best reaction with Li metal, per formula unit."""
    usable = [entry for entry in _usable(material, others, (LITHIUM,)) if set(entry.composition) != {LITHIUM}]
    elements = sorted(set(material.composition) - {LITHIUM})
    costs = np.array([entry.energy_ev - entry.composition.get(LITHIUM, 0.0) * mu_li for entry in usable])
    best = _mixture(material, usable, costs, elements)
    if best is None:
        return 0.0, 0.0, ()
    own = material.energy_ev - material.composition.get(LITHIUM, 0.0) * mu_li
    products = tuple(
        Product(name=entry.name, amount=float(amount))
        for entry, amount in zip(usable, best[1], strict=True)
        if amount > 1e-9
    )
    held = sum(amount * entry.composition.get(LITHIUM, 0.0) for entry, amount in zip(usable, best[1], strict=True))
    return float(held) - material.composition.get(LITHIUM, 0.0), best[0] - own, products


def _window(material: PhaseEntry, others: Sequence[PhaseEntry], mu_li: float) -> tuple[float | None, float | None]:
    """Return the voltages between which the material is at rest; 0 V, where Li plates, is the lowest.

    The upper one is None where no known phase oxidises it.
    """
    from scipy.optimize import linprog

    usable = [e for e in _usable(material, others, (LITHIUM,)) if set(e.composition) != {LITHIUM}]
    elements = sorted({*material.composition, LITHIUM})
    mine = _matrix(elements, [material]).T
    bounds_by_phases = {"A_ub": _matrix(elements, usable).T, "b_ub": [e.energy_ev for e in usable]} if usable else {}
    limits: list[float | None] = []
    for sign in (-1.0, 1.0):  # the highest μ_Li is the lowest voltage
        cost = np.array([sign if element == LITHIUM else 0.0 for element in elements])
        found = linprog(
            cost, A_eq=mine, b_eq=[material.energy_ev], bounds=(None, None), method="highs", **bounds_by_phases
        )
        limits.append(mu_li - sign * found.fun if found.success else None)
    low, high = limits
    return max(low or 0.0, 0.0), high


# --- words -------------------------------------------------------------------------------------------------------


def _compounds(material: PhaseEntry, known: Sequence[PhaseEntry]) -> list[str]:
    """Return the names of phases on the hull that hold Li and an element of the material, and no others."""
    elements = set(material.composition) - {LITHIUM}
    found = []
    for entry in known:
        own = set(entry.composition)
        if entry.name == material.name or LITHIUM not in own or not own & elements or not own <= {*elements, LITHIUM}:
            continue
        if _above_hull(entry, [other for other in known if other.name != entry.name]) < TOLERANCE_EV:
            found.append(entry.name)
    return found


def _untested(material: PhaseEntry, others: Sequence[PhaseEntry]) -> tuple[str, ...]:
    """Return the elements, Li aside, of which no phase among the others is made of this system's elements."""
    usable = _usable(material, others, (LITHIUM,))
    elements = set(material.composition) - {LITHIUM}
    return tuple(sorted(e for e in elements if not any(e in other.composition for other in usable)))


def _verdict(
    material: PhaseEntry,
    is_stable: bool,
    is_at_rest: bool,
    compounds: Sequence[str],
    category: str,
    band_gap_ev: float | None,
) -> Verdict:
    if not is_stable:
        return "not stable"
    if not is_at_rest:
        return "alloys with Li" if category in ALLOYING and compounds else "reacts with Li"
    if band_gap_ev is not None and band_gap_ev > WIDE_GAP_EV:
        return "insulator"
    if LITHIUM in material.composition and len(material.composition) > 1:
        return "end member" if category in METALLIC else "stable"
    return "immiscible"


def _count(amount: float) -> str:
    """Return an amount as chemists write it, nothing for one."""
    rounded = round(amount, 3)
    return "" if rounded == 1 else f"{rounded:g} "
