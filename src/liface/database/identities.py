"""Relations that the numbers of a stored result must obey."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from liface.documents import (
    AdhesionResult,
    BindingResult,
    CreepResult,
    DepositionResult,
    InterfaceResult,
    MorphologyResult,
    SurfaceResult,
    VerdictResult,
    WettingResult,
)
from liface.units import MEV, j_per_m2

RELATIVE = 1e-6
ABSOLUTE = 1e-6

CAPACITY_MAH_PER_CM2_AND_UM = 0.2062
"""2062 mAh in one cm³ of Li metal (10.1038/s41467-024-48021-w), per cm² and µm."""


def derived_problems(document: Any) -> Iterator[str]:
    """Say which relations between the numbers of a result do not hold."""
    for name, stored, expected in _relations(document):
        if not math.isclose(stored, expected, rel_tol=RELATIVE, abs_tol=ABSOLUTE):
            yield f"{name} is {stored:.9g}, the other numbers give {expected:.9g}"


def _relations(document: Any) -> Iterator[tuple[str, float, float]]:
    """Name, stored value, and value that follows from the other fields."""
    if isinstance(document, SurfaceResult | InterfaceResult):
        yield "gamma_j_per_m2", document.gamma_j_per_m2, j_per_m2(document.gamma_mev_per_a2)
    if isinstance(document, InterfaceResult):
        yield "gamma_free_mev_per_a2", document.gamma_free_mev_per_a2, document.free_fit.intercept_mev_per_a2
    if isinstance(document, WettingResult):
        yield from _wetting(document)
    if isinstance(document, AdhesionResult):
        yield from _adhesion(document)
    if isinstance(document, MorphologyResult):
        yield from _morphology(document)
    if isinstance(document, DepositionResult):
        yield from _deposition(document)
    if isinstance(document, CreepResult):
        held = document.porosity * document.thickness_um * CAPACITY_MAH_PER_CM2_AND_UM
        yield "capacity_mah_per_cm2", document.capacity_mah_per_cm2, held
    if isinstance(document, VerdictResult):
        for answer, stored in (("for", document.n_for), ("against", document.n_against), ("open", document.n_open)):
            yield f"n_{answer}", stored, sum(point.answer == answer for point in document.points)
    if isinstance(document, BindingResult) and document.candidates:
        candidates = [candidate.e_bind_ev_per_li for candidate in document.candidates]
        nearest = min(candidates, key=lambda value: abs(value - document.e_bind_ev_per_li))
        yield "e_bind_ev_per_li", document.e_bind_ev_per_li, nearest


def _morphology(m: MorphologyResult) -> Iterator[tuple[str, float, float]]:
    """Compare the headline with the point at the own ratio of the substrate."""
    own = min(m.points, key=lambda point: abs(point.ratio - m.ratio))
    yield "ratio", m.ratio, own.ratio
    for name in ("coverage", "tip_height", "roughness", "n_nuclei"):
        yield name, getattr(m, name), getattr(own, name).mean


def _deposition(d: DepositionResult) -> Iterator[tuple[str, float, float]]:
    """ΔG of a place is the sum of its terms, and the lowest open one is the answer."""
    for place in d.places:
        total = place.reaction_ev + place.potential_ev + place.adhesion_ev + place.pressure_ev
        yield f"driving_force_ev of the {place.place}", place.driving_force_ev, total
        yield f"adhesion_j_per_m2 of the {place.place}", place.adhesion_j_per_m2, j_per_m2(place.adhesion_mev_per_a2)
        area = d.area_per_li_a2 * place.adhesion_mev_per_a2 / MEV
        yield f"adhesion_ev of the {place.place}", place.adhesion_ev, area
    opened = [place for place in d.places if place.open]
    chosen = next((place for place in opened if place.place == d.answer), None)
    if chosen is not None:
        yield "driving_force_ev of the answer", chosen.driving_force_ev, min(p.driving_force_ev for p in opened)


def _wetting(w: WettingResult) -> Iterator[tuple[str, float, float]]:
    """Dupré: W = γ_A + γ_Li − γ_A|Li; Young: cos θ = (γ_A − γ_A|Li)/γ_Li."""
    work = w.gamma_substrate_mev_per_a2 + w.gamma_li_mev_per_a2 - w.gamma_interface_mev_per_a2
    yield "work_of_adhesion_mev_per_a2", w.work_of_adhesion_mev_per_a2, work
    yield "work_of_adhesion_j_per_m2", w.work_of_adhesion_j_per_m2, j_per_m2(work)
    cosine = (w.gamma_substrate_mev_per_a2 - w.gamma_interface_mev_per_a2) / w.gamma_li_mev_per_a2
    yield "cos_theta", w.cos_theta, cosine
    angle = math.degrees(math.acos(min(1.0, max(-1.0, cosine))))
    yield "contact_angle_deg", w.contact_angle_deg, angle


def _adhesion(w: AdhesionResult) -> Iterator[tuple[str, float, float]]:
    """W = (E_A + E_B - E_AB) / area."""
    work = MEV * (w.energy_a_ev + w.energy_b_ev - w.energy_ab_ev) / w.area_a2
    yield "work_of_adhesion_mev_per_a2", w.work_of_adhesion_mev_per_a2, work
    yield "work_of_adhesion_j_per_m2", w.work_of_adhesion_j_per_m2, j_per_m2(w.work_of_adhesion_mev_per_a2)
