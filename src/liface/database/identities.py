"""Relations that the numbers of a stored result must obey."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from liface.documents import BarrierResult, BindingResult, InterfaceResult, SurfaceResult, WettingResult
from liface.units import j_per_m2

RELATIVE = 1e-6
ABSOLUTE = 1e-6


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
    if isinstance(document, BarrierResult):
        yield from _barrier(document)
    if isinstance(document, BindingResult) and document.candidates:
        candidates = [candidate.e_bind_ev_per_li for candidate in document.candidates]
        nearest = min(candidates, key=lambda value: abs(value - document.e_bind_ev_per_li))
        yield "e_bind_ev_per_li", document.e_bind_ev_per_li, nearest


def _barrier(b: BarrierResult) -> Iterator[tuple[str, float, float]]:
    """Relate the barrier to its limiting hop, and both ways over a hop to its profile."""
    yield "barrier_ev", b.barrier_ev, b.hops[b.limiting_hop].saddle_ev
    for k, hop in enumerate(b.hops):
        yield f"hops.{k}.forward_ev", hop.forward_ev, max(hop.profile_ev) - hop.profile_ev[0]
        yield f"hops.{k}.reverse_ev", hop.reverse_ev, max(hop.profile_ev) - hop.profile_ev[-1]
        yield f"hops.{k}.saddle_ev", hop.saddle_ev, max(hop.profile_ev)


def _wetting(w: WettingResult) -> Iterator[tuple[str, float, float]]:
    """Dupré: W = γ_A + γ_Li − γ_A|Li; Young: cos θ = (γ_A − γ_A|Li)/γ_Li."""
    work = w.gamma_substrate_mev_per_a2 + w.gamma_li_mev_per_a2 - w.gamma_interface_mev_per_a2
    yield "work_of_adhesion_mev_per_a2", w.work_of_adhesion_mev_per_a2, work
    yield "work_of_adhesion_j_per_m2", w.work_of_adhesion_j_per_m2, j_per_m2(work)
    cosine = (w.gamma_substrate_mev_per_a2 - w.gamma_interface_mev_per_a2) / w.gamma_li_mev_per_a2
    yield "cos_theta", w.cos_theta, cosine
    angle = math.degrees(math.acos(min(1.0, max(-1.0, cosine))))
    yield "contact_angle_deg", w.contact_angle_deg, angle
