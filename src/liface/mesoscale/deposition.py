"""Where Li deposits in a stack of electrolyte, interlayer and collector (10.1039/d2ta06466a, eq 1).

Driving forces are free energies of one Li atom, eV; Li goes where they are lowest. In

    ΔG = ΔG_r - e Φ + W a + (P - σ_m) Ω

W is the adhesion that is lost less the adhesion that is won, in meV/Å², positive where opening the place costs energy;
``a`` is the area in Å² that one deposited Li opens. A film of thickness h opens Ω/h: the default is one close-packed
(110) plane of Li, 8.7 Å², which is the nucleus that decides; a thick film opens almost nothing per atom, and W then
decides nothing. P is the pressure on the place in MPa, positive in compression; σ_m is the mean stress in the Li,
positive in tension. Between the faces the stack presses on Li; in free pores nothing does until they are full.

The printed W leaves out the two faces of the Li itself: in full, opening a place costs γ_Li|A + γ_Li|B - γ_A|B, which
is W + 2 γ_Li. Both interfaces miss the same, so that their order stands; against pores the interfaces look
better by 2 γ_Li a, half an eV for a monolayer. ``li_surface_mev_per_a2`` adds it; zero is the formula as printed.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

from pydantic import Field

from liface.documents import Document, quantity
from liface.documents.mesoscale import Boundary, Place, PlaceEnergy, Variable
from liface.mesoscale.lithium import ATOMIC_VOLUME_A3, MPA_A3_IN_EV, require_finite
from liface.mesoscale.stack import LI, Adhesions, Stack
from liface.units import MEV, j_per_m2

UNITS: dict[Variable, str] = {"adhesion at full contact": "meV/Å²", "contact": "1", "external pressure": "MPa"}

DOI = ("10.1039/d2ta06466a",)


class AdhesionUsed(Document):
    """One work of adhesion behind the answer."""

    pair: str
    adhesion_mev_per_a2: float = quantity("meV/Å²", "Work of adhesion; positive sticks.")
    source: str
    record_id: str | None = Field(default=None, description="The record, where it is one of the database.")
    notes: tuple[str, ...] = Field(default=(), description="Doubts about that record: its flags.")


class Deposition(Document):
    """Places for Li in a stack, the best first, and where the order changes."""

    electrolyte: str
    interlayer: str
    collector: str
    places: tuple[PlaceEnergy, ...] = Field(description="Open ones first, then by driving force.")
    answer: Place
    margin_ev: float = quantity("eV", "Driving force of the next open place less that of the answer.")
    area_per_li_a2: float = quantity("Å²", "Interface opened by one Li.")
    pressure_mpa: float = quantity("MPa", "External pressure on the faces.")
    contact: float = quantity("1", "Share of the electrolyte face in contact with the interlayer.")
    adhesions: tuple[AdhesionUsed, ...]
    boundaries: tuple[Boundary, ...]
    doi: tuple[str, ...] = DOI


def overall_adhesion(lost: float, won_one: float, won_other: float) -> float:
    """Return W = W_ad(A|B) - W_ad(Li|A) - W_ad(Li|B), in the unit of the arguments; positive costs energy."""
    require_finite(lost=lost, won_one=won_one, won_other=won_other)
    return lost - won_one - won_other


def place_energy(place: Place, stack: Stack, adhesions: Adhesions) -> PlaceEnergy:
    """Return ΔG of one Li at a place with its terms.

    Raises
    ------
    MissingAdhesionError
        A work of adhesion that this place needs is neither stored nor given.
    """
    adhesion = _adhesion(place, stack, adhesions)
    reason = stack.pores.closed_because if place == "pores" and stack.pores else ""
    terms = {
        "reaction_ev": stack.reaction_ev.get(place, 0.0),
        "potential_ev": 0.0 - stack.potential_v.get(place, 0.0),  # no minus zero
        "adhesion_ev": adhesion * stack.area_per_li_a2 / MEV,
        "pressure_ev": (_pressure(place, stack) - stack.li_stress_mpa) * MPA_A3_IN_EV * ATOMIC_VOLUME_A3,
    }
    return PlaceEnergy(
        place=place,
        open=not reason,
        reason=reason,
        driving_force_ev=sum(terms.values()),
        adhesion_mev_per_a2=adhesion,
        adhesion_j_per_m2=j_per_m2(adhesion),
        **terms,
    )


def deposition(stack: Stack, adhesions: Adhesions) -> Deposition:
    """Rank the places of a stack and solve for where the ranking changes.

    Raises
    ------
    MissingAdhesionError
        A work of adhesion is neither stored nor given.
    """
    energies = [place_energy(place, stack, adhesions) for place in stack.places]
    ranked = sorted(energies, key=lambda e: (not e.open, e.driving_force_ev))
    return Deposition(
        electrolyte=stack.electrolyte,
        interlayer=stack.interlayer,
        collector=stack.collector,
        places=tuple(ranked),
        answer=ranked[0].place,
        margin_ev=ranked[1].driving_force_ev - ranked[0].driving_force_ev if ranked[1].open else float("inf"),
        area_per_li_a2=stack.area_per_li_a2,
        pressure_mpa=stack.pressure_mpa,
        contact=stack.contact,
        adhesions=_used(stack, adhesions),
        boundaries=boundaries(stack, adhesions),
    )


def boundaries(stack: Stack, adhesions: Adhesions) -> tuple[Boundary, ...]:
    """Return the adhesion of electrolyte and interlayer, their contact, and the pressure at which two places are equal.

    Each ΔG is linear in each of them, so that the crossing of two is one division. Contacts outside 0 to 1 and
    negative pressures are left out; a negative adhesion is kept: the two would have to repel.
    """
    lost = adhesions.between(stack.electrolyte, stack.interlayer)
    now: dict[Variable, float] = {
        "adhesion at full contact": lost, "contact": stack.contact, "external pressure": stack.pressure_mpa
    }  # fmt: skip
    energy = {place: place_energy(place, stack, adhesions).driving_force_ev for place in stack.places}
    found = []
    for first, second in combinations(stack.places, 2):
        for variable, value in now.items():
            slope = _slope(variable, first, stack, lost) - _slope(variable, second, stack, lost)
            if not slope:
                continue
            crossing = value - (energy[first] - energy[second]) / slope
            if _is_possible(variable, crossing):
                there = deposits_at(*_moved(variable, crossing, stack, adhesions))
                found.append(
                    Boundary(
                        first=first,
                        second=second,
                        variable=variable,
                        value=crossing,
                        unit=UNITS[variable],
                        wins_above=second if slope > 0 else first,
                        changes_the_answer={first, second} <= set(there),
                    )
                )
    return tuple(found)


def deposits_at(stack: Stack, adhesions: Adhesions) -> tuple[Place, ...]:
    """Return the open places of lowest ΔG: one, or those that share it to within 1e-9 eV."""
    energies = [e for place in stack.places if (e := place_energy(place, stack, adhesions)).open]
    lowest = min(e.driving_force_ev for e in energies)
    return tuple(e.place for e in energies if e.driving_force_ev - lowest < 1e-9)


def _moved(variable: Variable, value: float, stack: Stack, adhesions: Adhesions) -> tuple[Stack, Adhesions]:
    """Return the same stack with one thing changed."""
    if variable == "adhesion at full contact":
        return stack, adhesions.given(stack.electrolyte, stack.interlayer, value)
    name = "contact" if variable == "contact" else "pressure_mpa"
    return replace(stack, **{name: value}), adhesions  # type: ignore[arg-type]


def _is_possible(variable: Variable, value: float) -> bool:
    if variable == "contact":
        return 0 < value <= 1
    return variable == "adhesion at full contact" or value >= 0


def _adhesion(place: Place, stack: Stack, adhesions: Adhesions) -> float:
    if place == "pores":
        return 0.0
    side = stack.electrolyte if place == "electrolyte" else stack.collector
    # Li fills the gaps of a poor contact: only what touched is lost, and the whole face is won.
    contact = stack.contact if place == "electrolyte" else 1.0
    lost = contact * adhesions.between(side, stack.interlayer)
    won = adhesions.between(LI, side), adhesions.between(LI, stack.interlayer)
    return overall_adhesion(lost, *won) + 2 * stack.li_surface_mev_per_a2


def _pressure(place: Place, stack: Stack) -> float:
    return stack.pore_pressure_mpa if place == "pores" else stack.pressure_mpa


def _slope(variable: Variable, place: Place, stack: Stack, lost: float) -> float:
    """Change of ΔG at a place with a variable, eV per unit of it."""
    if variable == "external pressure":
        return 0.0 if place == "pores" else MPA_A3_IN_EV * ATOMIC_VOLUME_A3
    if place != "electrolyte":
        return 0.0
    return (stack.contact if variable == "adhesion at full contact" else lost) * stack.area_per_li_a2 / MEV


def _used(stack: Stack, adhesions: Adhesions) -> tuple[AdhesionUsed, ...]:
    pairs = (
        (stack.electrolyte, stack.interlayer),
        (LI, stack.electrolyte),
        (LI, stack.interlayer),
        (stack.interlayer, stack.collector),
        (LI, stack.collector),
    )
    return tuple(
        AdhesionUsed(
            pair=f"{a}|{b}",
            adhesion_mev_per_a2=adhesions.between(a, b),
            source=adhesions.sources[frozenset((a, b))],
            record_id=adhesions.record_ids.get(frozenset((a, b))),
            notes=adhesions.notes.get(frozenset((a, b)), ()),
        )
        for a, b in dict.fromkeys(pairs)
    )
