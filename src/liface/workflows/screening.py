"""Which cases go on to the costly engines, given what a cheap one found; a plain function of numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from liface.workflows.campaign_file import ScreeningEntry
from liface.workflows.convergence_specs import AnySpec
from liface.workflows.specs import InterfaceStart, VibrationSpec

OWN_PURPOSE = ("interface", "binding", "adhesion", "barrier", "phonon", "vibration", "convergence")
"""Kinds that are asked for their own sake, whatever becomes of others; bulks and surfaces follow what these need."""


@dataclass(frozen=True)
class Score:
    """What the cheap engine found for one case: a record with its value, or why there is none to rank."""

    record_id: str | None = None
    value: float | None = None
    problem: str = ""
    start: InterfaceStart | None = None
    """Gap and registry of an interface, for the costly engine to start from."""


@dataclass(frozen=True)
class Verdict:
    """Whether one case goes on, and why."""

    spec: AnySpec
    goes_on: bool
    reason: str
    rank: int | None = None
    score: Score | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the row of a table."""
        return {
            "case": self.spec.name,
            "goes_on": self.goes_on,
            "rank": self.rank,
            "value": self.score.value if self.score else None,
            "reason": self.reason,
            "record_id": self.score.record_id if self.score else None,
        }


def verdicts(
    specs: Sequence[AnySpec], scores: Mapping[str, Score], screening: ScreeningEntry, listed_bulks: Collection[str]
) -> tuple[Verdict, ...]:
    """Decide about every case, in the order of ``specs``.

    Of each ranked kind the first ``top`` go on; equal values are taken by name. Where nothing limits them (no ``top``,
    no ``where``) all go on, also those that the cheap engine could not do. Other interfaces, bindings and adhesions
    go on; bulks and surfaces do unless every ranked case of their material was left out, and bulks that the campaign
    lists by name always do.

    Parameters
    ----------
    scores
        What the cheap engine found, by ``spec_id``; every case of a ranked kind has one.
    """
    found: dict[str, Verdict] = {}
    for kind in screening.kinds:
        found |= _ranked([spec for spec in specs if spec.kind == kind], scores, screening)
    for spec in specs:
        if isinstance(spec, VibrationSpec) and spec.of.spec_id in found:  # it would compute its interface again
            parent = found[spec.of.spec_id]
            found[spec.spec_id] = Verdict(spec, parent.goes_on, f"as {spec.of.name}", None, parent.score)
        elif spec.kind in OWN_PURPOSE and spec.spec_id not in found:
            found[spec.spec_id] = Verdict(spec, True, "not ranked")
    dropped = _materials(v.spec for v in found.values()) - _materials(v.spec for v in found.values() if v.goes_on)
    for spec in specs:
        if spec.kind == "surface" and spec.spec_id not in found:
            found[spec.spec_id] = _needed(spec, spec.material.name not in dropped)
    used = _materials(v.spec for v in found.values() if v.goes_on)
    for spec in specs:
        if spec.kind == "bulk":
            found[spec.spec_id] = _needed(spec, spec.material.name in used or spec.material.name in listed_bulks)
    return tuple(found[spec.spec_id] for spec in specs)


def _ranked(specs: Sequence[AnySpec], scores: Mapping[str, Score], screening: ScreeningEntry) -> dict[str, Verdict]:
    """Decide about the cases of one kind."""
    sign = 1 if screening.order == "ascending" else -1
    ranking = sorted(
        (spec for spec in specs if scores[spec.spec_id].value is not None),
        key=lambda spec: (sign * (scores[spec.spec_id].value or 0.0), spec.name),
    )
    found = {}
    for rank, spec in enumerate(ranking, start=1):
        goes_on = screening.top is None or rank <= screening.top
        reason = f"rank {rank} of {len(ranking)} by {screening.by}, {screening.order}"
        if not goes_on:
            reason += f"; the first {screening.top} go on"
        found[spec.spec_id] = Verdict(spec, goes_on, reason, rank, scores[spec.spec_id])
    unlimited = screening.top is None and screening.where is None
    for spec in specs:
        if spec.spec_id not in found:
            score = scores[spec.spec_id]
            found[spec.spec_id] = Verdict(spec, unlimited, score.problem, None, score)
    return found


def _needed(spec: AnySpec, is_needed: bool) -> Verdict:
    names = ", ".join(sorted(_materials([spec])))
    return Verdict(spec, is_needed, "needed" if is_needed else f"no case of {names} goes on")


def _materials(specs: Collection[AnySpec] | Iterator[AnySpec]) -> set[str]:
    return {
        getattr(spec, name).name for spec in specs for name in ("material", "substrate", "film") if hasattr(spec, name)
    }
