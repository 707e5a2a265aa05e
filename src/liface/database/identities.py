"""Relations that the numbers of a stored result must obey."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from liface.documents import (
    BindingResult,
    InterfaceResult,
    PhononResult,
    SurfaceResult,
    VibrationResult,
    WettingResult,
)
from liface.units import MEV, j_per_m2

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
    if isinstance(document, BindingResult) and document.candidates:
        candidates = [candidate.e_bind_ev_per_li for candidate in document.candidates]
        nearest = min(candidates, key=lambda value: abs(value - document.e_bind_ev_per_li))
        yield "e_bind_ev_per_li", document.e_bind_ev_per_li, nearest
    if isinstance(document, PhononResult):
        yield from _phonons(document)
    if isinstance(document, VibrationResult):
        yield from _vibrations(document)


def _phonons(p: PhononResult) -> Iterator[tuple[str, float, float]]:
    """F = U - T S at every temperature; F at 0 K is the zero-point energy."""
    for point in p.points:
        free = point.u_vib_ev_per_atom - point.temperature_k * point.entropy_ev_per_k_per_atom
        yield f"f_vib_ev_per_atom at {point.temperature_k:g} K", point.f_vib_ev_per_atom, free
        if point.temperature_k == 0:
            yield "zpe_ev_per_atom", p.zpe_ev_per_atom, point.f_vib_ev_per_atom


def _vibrations(v: VibrationResult) -> Iterator[tuple[str, float, float]]:
    """E_b(T) and γ(T) are those without vibrations plus the correction, per Li or per area of interface."""
    for name in ("0", "298", "333"):
        correction = getattr(v, f"correction_{name}_ev_per_li")
        if v.e_bind_ev_per_li is not None:
            field = f"e_bind_{name}_ev_per_li"
            yield field, getattr(v, field), v.e_bind_ev_per_li + correction
        if v.gamma_mev_per_a2 is not None:
            field = f"gamma_{name}_mev_per_a2"
            per_area = MEV * v.n_li * correction / (v.n_interfaces * v.area_a2)
            yield field, getattr(v, field), v.gamma_mev_per_a2 + per_area


def _wetting(w: WettingResult) -> Iterator[tuple[str, float, float]]:
    """Dupré: W = γ_A + γ_Li − γ_A|Li; Young: cos θ = (γ_A − γ_A|Li)/γ_Li."""
    work = w.gamma_substrate_mev_per_a2 + w.gamma_li_mev_per_a2 - w.gamma_interface_mev_per_a2
    yield "work_of_adhesion_mev_per_a2", w.work_of_adhesion_mev_per_a2, work
    yield "work_of_adhesion_j_per_m2", w.work_of_adhesion_j_per_m2, j_per_m2(work)
    cosine = (w.gamma_substrate_mev_per_a2 - w.gamma_interface_mev_per_a2) / w.gamma_li_mev_per_a2
    yield "cos_theta", w.cos_theta, cosine
    angle = math.degrees(math.acos(min(1.0, max(-1.0, cosine))))
    yield "contact_angle_deg", w.contact_angle_deg, angle
