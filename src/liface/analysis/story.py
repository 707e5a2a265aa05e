"""A substrate's whole story, point by point: what each step of the papers asks of it, and what the numbers answer.

The papers disagree on what is good: by one a high Li interfacial energy keeps Li apart and raises the critical current
(10.1039/d4ee03130j), by another Li should wet (10.1002/adma.202206762). Both are points of their own; nothing is
weighed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from liface.documents import (
    BarrierResult,
    CreepResult,
    DepositionResult,
    GrowthResult,
    InterfaceResult,
    MorphologyResult,
    StabilityResult,
    VerdictPoint,
    WettingResult,
)


def plain(ratio: float) -> str:
    """Return a ratio with three figures and without an exponent between 1/1000 and 1000."""
    return f"{ratio:.3g}" if ratio < 1000 else f"{ratio:.0f}"


OH2024_THRESHOLD_MEV_PER_A2 = 100.0
"""Li interfacial energy above which the critical current rises, apparent in six points (10.1039/d4ee03130j)."""

WETS_BELOW_DEG = 90.0

Answer = Literal["for", "against", "open"]

RESTS: tuple[str, ...] = ("MIEC", "ELI", "conductor at rest", "at rest")


@dataclass(frozen=True)
class Story:
    """What is known of a substrate; None where it is missing."""

    stability: StabilityResult | None = None
    interface: InterfaceResult | None = None
    wetting: WettingResult | None = None
    growth: GrowthResult | None = None
    barrier: BarrierResult | None = None
    barrier_on_li: BarrierResult | None = None
    morphology: MorphologyResult | None = None
    deposition: DepositionResult | None = None
    creep: CreepResult | None = None
    asks_for_deposition: bool = False
    asks_for_creep: bool = False


def points(story: Story) -> tuple[VerdictPoint, ...]:
    """Return one point per question, in the order of the steps."""
    return tuple(_points(story))


def verdict(found: tuple[VerdictPoint, ...]) -> str:
    """Sum the points up in words; they are counted, not weighed."""
    counts = {answer: [p.question for p in found if p.answer == answer] for answer in ("for", "against", "open")}
    if not counts["for"] and not counts["against"]:
        return "undecided: nothing is known"
    head = "mixed"
    if not counts["against"]:
        head = "favourable"
    elif not counts["for"]:
        head = "unfavourable"
    tail = f"; against: {', '.join(counts['against'])}" if counts["against"] else ""
    open_ = f"; open: {', '.join(counts['open'])}" if counts["open"] else ""
    return f"{head}: {len(counts['for'])} of {len(found)} points for it{tail}{open_}"


def _points(s: Story) -> Iterator[VerdictPoint]:
    yield _stability(s.stability)
    yield _interface(s.interface)
    yield _wetting(s.wetting)
    yield _growth(s.growth)
    yield _barrier(s.barrier, s.barrier_on_li)
    yield _morphology(s.morphology)
    if s.asks_for_deposition:
        yield _deposition(s.deposition)
    if s.asks_for_creep:
        yield _creep(s.creep)


def _point(question: str, is_for: bool | None, finding: str, record_id: str | None) -> VerdictPoint:
    answer: Answer = "open" if is_for is None else "for" if is_for else "against"
    return VerdictPoint(question=question, answer=answer, finding=finding, record_id=record_id)


def _missing(question: str, what: str) -> VerdictPoint:
    return VerdictPoint(question=question, answer="open", finding=f"no {what} is stored")


def _stability(found: StabilityResult | None) -> VerdictPoint:
    question = "at rest beside Li metal"
    if found is None:
        return _missing(question, "stability")
    is_at_rest = found.lithium_class in RESTS
    told = f"{found.verdict} ({found.lithium_class})"
    if found.reaction != "none":
        told += f": {found.reaction}, {found.reaction_energy_ev:+.2f} eV"
    tested = None if is_at_rest and found.untested else is_at_rest
    if is_at_rest and found.untested:
        told += f", but no other phase is known of {', '.join(found.untested)}"
    return _point(question, tested, told, found.record_id)


def _interface(found: InterfaceResult | None) -> VerdictPoint:
    question = f"Li interfacial energy above {OH2024_THRESHOLD_MEV_PER_A2:g} meV/Å²"
    if found is None:
        return _missing(question, "interface with Li(100)")
    error = 2 * found.gamma_stderr_mev_per_a2
    distance = found.gamma_mev_per_a2 - OH2024_THRESHOLD_MEV_PER_A2
    is_for = None if abs(distance) < error else distance > 0
    told = f"γ0 = {found.gamma_mev_per_a2:.1f} ± {found.gamma_stderr_mev_per_a2:.1f} meV/Å², Li({found.film_plane})"
    return _point(question, is_for, told, found.record_id)


def _wetting(found: WettingResult | None) -> VerdictPoint:
    question = "Li wets it"
    if found is None:
        return _missing(question, "wetting")
    told = f"contact angle {found.contact_angle_deg:.0f}°, adhesion {found.work_of_adhesion_j_per_m2:.2f} J/m²"
    return _point(question, found.contact_angle_deg < WETS_BELOW_DEG, told, found.record_id)


def _growth(found: GrowthResult | None) -> VerdictPoint:
    question = "atoms win over clusters on every layer"
    if found is None:
        return _missing(question, "growth mode")
    is_for = None if found.mode == "undecided" else found.mode == "Frank-van der Merwe"
    return _point(question, is_for, f"{found.mode}: {found.evidence}", found.record_id)


def _barrier(found: BarrierResult | None, on_li: BarrierResult | None) -> VerdictPoint:
    question = "Li moves on it more easily than on Li"
    if found is None or on_li is None:
        return _missing(question, "diffusion barrier" if found is None else "diffusion barrier on Li")
    told = f"barrier {found.barrier_ev:.3f} eV, on Li {on_li.barrier_ev:.3f} eV"
    is_itself = found.record_id == on_li.record_id
    return _point(question, None if is_itself else found.barrier_ev < on_li.barrier_ev, told, found.record_id)


def _morphology(found: MorphologyResult | None) -> VerdictPoint:
    question = "Li spreads over it rather than piling up"
    if found is None:
        return _missing(question, "growth run")
    most = min(1.0, found.atoms / found.size**2)
    told = (
        f"ratio of arrival rates {plain(found.ratio)}; {found.atoms} atoms cover {found.coverage:.2f} of at most "
        f"{most:.2f}, tip {found.tip_height:.1f} layers"
    )
    return _point(question, found.ratio > 1, told, found.record_id)


def _deposition(found: DepositionResult | None) -> VerdictPoint:
    question = "Li deposits away from the electrolyte"
    if found is None:
        return _missing(question, "deposition")
    told = f"{found.electrolyte} | {found.interlayer} | {found.collector} at {found.pressure_mpa:g} MPa: {found.answer}"
    if found.margin_ev is not None:
        told += f", by {found.margin_ev:.2f} eV per Li"
    return _point(question, found.answer != "electrolyte", told, found.record_id)


def _creep(found: CreepResult | None) -> VerdictPoint:
    question = "creep keeps up with the current"
    if found is None:
        return _missing(question, "creep of a host")
    told = (
        f"{found.host}, {found.pore_nm:g} nm pores: {found.current_ma_per_cm2:.3g} mA/cm² "
        f"({found.current_lower_ma_per_cm2:.2g} to {found.current_upper_ma_per_cm2:.2g})"
    )
    if found.asked_ma_per_cm2 is not None:
        told += f", asked {found.asked_ma_per_cm2:g}"
    return _point(question, {"yes": True, "no": False}.get(found.passes), told, found.record_id)
