"""What a report shows: the stored documents of one campaign, sorted for reading."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from liface.database.filters import within_campaign
from liface.documents import (
    AdhesionResult,
    BarrierResult,
    BindingResult,
    BulkResult,
    ConvergenceResult,
    CreepResult,
    DepositionResult,
    EngineInfo,
    FailedCase,
    FinishedCase,
    GrowthResult,
    InterfaceResult,
    MorphologyResult,
    PhononResult,
    StabilityResult,
    SurfaceResult,
    VerdictResult,
    VibrationResult,
    WettingResult,
)
from liface.errors import InputError
from liface.report.effort import EngineEffort, survey
from liface.report.prerelaxed import Begun, begun_by_another

if TYPE_CHECKING:
    from liface.database import Database

Result = (
    SurfaceResult
    | InterfaceResult
    | BindingResult
    | GrowthResult
    | WettingResult
    | BulkResult
    | AdhesionResult
    | BarrierResult
    | PhononResult
    | VibrationResult
    | MorphologyResult
    | DepositionResult
    | CreepResult
    | StabilityResult
    | VerdictResult
    | ConvergenceResult
)

BY_HAND = "by hand"
"""Stands for the engine where every number was given by hand."""


@dataclass(frozen=True)
class CampaignRecords:
    """All documents of one campaign, each list in a fixed order."""

    campaign: str
    bulks: tuple[BulkResult, ...]
    surfaces: tuple[SurfaceResult, ...]
    interfaces: tuple[InterfaceResult, ...]
    bindings: tuple[BindingResult, ...]
    growths: tuple[GrowthResult, ...]
    wettings: tuple[WettingResult, ...]
    finished: tuple[FinishedCase, ...]
    failed: tuple[FailedCase, ...]
    efforts: tuple[EngineEffort, ...]
    reasons: dict[str, str]
    """Why calculations failed or did not converge, by their identity."""
    begun: tuple[Begun, ...] = ()
    """Relaxations that a cheaper engine began."""
    adhesions: tuple[AdhesionResult, ...] = ()
    barriers: tuple[BarrierResult, ...] = ()
    phonons: tuple[PhononResult, ...] = ()
    vibrations: tuple[VibrationResult, ...] = ()
    morphologies: tuple[MorphologyResult, ...] = ()
    depositions: tuple[DepositionResult, ...] = ()
    creeps: tuple[CreepResult, ...] = ()
    stabilities: tuple[StabilityResult, ...] = ()
    verdicts: tuple[VerdictResult, ...] = ()
    convergences: tuple[ConvergenceResult, ...] = ()

    @cached_property
    def results(self) -> tuple[Result, ...]:
        """Every result."""
        return (
            *self.bulks, *self.surfaces, *self.interfaces, *self.bindings, *self.growths, *self.wettings,
            *self.adhesions, *self.barriers, *self.phonons, *self.vibrations,
            *self.morphologies, *self.depositions, *self.creeps, *self.stabilities, *self.verdicts,
            *self.convergences,
        )  # fmt: skip

    @cached_property
    def engines(self) -> tuple[EngineInfo, ...]:
        """The engines that were used: the one with most results first."""
        documents = (*self.results, *self.finished, *self.failed)
        seen = {d.engine.fingerprint: d.engine for d in documents if d.engine is not None}
        counts = Counter(result.engine.fingerprint for result in self.results if result.engine is not None)
        return tuple(sorted(seen.values(), key=lambda e: (-counts[e.fingerprint], e.label, e.fingerprint)))

    @cached_property
    def labels(self) -> dict[str, str]:
        """Name of each engine by fingerprint, with a part of the fingerprint where two share a label."""
        labels = [engine.label for engine in self.engines]
        return {
            e.fingerprint: e.label if labels.count(e.label) == 1 else f"{e.label} [{e.fingerprint[:6]}]"
            for e in self.engines
        }

    def label(self, engine: EngineInfo | None) -> str:
        """Name of an engine in this report."""
        return BY_HAND if engine is None else self.labels[engine.fingerprint]

    @cached_property
    def flags(self) -> dict[str, int]:
        """How often each flag was raised, by slug."""
        counts: dict[str, int] = {}
        for result in self.results:
            for slug in {flag.partition(":")[0].strip() for flag in result.flags}:
                counts[slug] = counts.get(slug, 0) + 1
        return dict(sorted(counts.items()))

    @cached_property
    def span(self) -> tuple[datetime, datetime] | None:
        """First and last moment at which a document of the campaign was written."""
        moments = [r.provenance.created_at for r in self.results]
        moments += [case.created_at for case in self.finished] + [case.created_at for case in self.failed]
        return (min(moments), max(moments)) if moments else None

    @cached_property
    def versions(self) -> tuple[str, ...]:
        """Versions of liface that wrote the results."""
        return tuple(sorted({r.provenance.liface_version for r in self.results}))


def load(database: Database, campaign: str) -> CampaignRecords:
    """Read the documents of a campaign.

    A result belongs to the campaign if its provenance says so or if a finished case of the campaign lists it:
    results computed before by another campaign are shared, not copied.

    Raises
    ------
    InputError
        If nothing is stored under that name.
    """
    cases = list(database.cases(campaign))
    finished = tuple(sorted((c for c in cases if isinstance(c, FinishedCase)), key=_case_order))
    failed = tuple(sorted((c for c in cases if isinstance(c, FailedCase)), key=_case_order))
    found = _results(database, campaign, {record for case in finished for record in case.record_ids})
    if not cases and not any(found.values()):
        raise InputError(
            f"nothing is stored for campaign {campaign!r}; run it first, or check its name and the database file"
        )
    calc_ids = {i for results in found.values() for r in results for i in r.provenance.calc_ids}
    calc_ids.update(i for case in cases for i in case.calc_ids)
    begun = begun_by_another(database, calc_ids)
    efforts, reasons = survey(database, calc_ids | {one.cheap_id for one in begun})
    return CampaignRecords(
        campaign=campaign,
        **{_FIELDS[kind]: results for kind, results in found.items()},
        finished=finished,
        failed=failed,
        efforts=efforts,
        reasons=reasons,
        begun=begun,
    )


def _results(database: Database, campaign: str, listed: set[str]) -> dict[str, tuple[Any, ...]]:
    """Read the results of the campaign, and those that its cases list though another campaign wrote them."""
    ours: dict[str, Any] = {}
    for kind in _ORDER:
        for result in database.results(kind, where=within_campaign(None, campaign)):
            ours.setdefault(result.record_id, result)
    for record_id in sorted(listed - ours.keys()):
        result = database.result(record_id)
        if result is not None and result.kind in _ORDER:  # the page has no section for every kind
            ours[record_id] = result
    ordered = sorted(ours.values(), key=lambda r: (r.kind, _ORDER[r.kind](r), _label(r), r.record_id))
    return {kind: tuple(r for r in ordered if r.kind == kind) for kind in _ORDER}


def _label(result: Any) -> str:
    return "" if result.engine is None else str(result.engine.label)


_ORDER: dict[str, Any] = {
    "bulk": lambda r: (r.material,),
    "surface": lambda r: (r.material, r.plane, r.termination),
    "interface": lambda r: (r.substrate, r.substrate_plane, r.film_plane, r.substrate_termination, r.method),
    "binding": lambda r: (r.substrate, r.substrate_plane, r.monolayers, r.n_li, r.arrangement != "dispersed"),
    "growth": lambda r: (r.substrate, r.substrate_plane),
    "wetting": lambda r: (r.substrate, r.substrate_plane, r.film_plane),
    "adhesion": lambda r: (
        r.material_a,
        r.plane_a,
        r.termination_a,
        r.material_b,
        r.plane_b,
        r.termination_b,
        r.strained,
    ),
    "barrier": lambda r: (r.substrate, r.substrate_plane, r.monolayers),
    "phonon": lambda r: (r.material,),
    "vibration": lambda r: (
        r.substrate,
        r.substrate_plane,
        r.monolayers,
        r.arrangement == "film",
        r.film_plane,
        r.n_li,
        r.arrangement,
    ),
    "morphology": lambda r: (r.substrate, r.substrate_plane),
    "deposition": lambda r: (r.electrolyte, r.interlayer, r.collector, r.pressure_mpa, r.contact),
    "creep": lambda r: (r.host, r.pore_nm, r.temperature_k),
    "stability": lambda r: (r.material,),
    "verdict": lambda r: (r.substrate, r.substrate_plane),
    "convergence": lambda r: (r.subject, r.parameter),
}
_FIELDS = {
    "bulk": "bulks",
    "surface": "surfaces",
    "interface": "interfaces",
    "binding": "bindings",
    "growth": "growths",
    "wetting": "wettings",
    "adhesion": "adhesions",
    "barrier": "barriers",
    "phonon": "phonons",
    "vibration": "vibrations",
    "morphology": "morphologies",
    "deposition": "depositions",
    "creep": "creeps",
    "stability": "stabilities",
    "verdict": "verdicts",
    "convergence": "convergences",
}


def _case_order(case: FinishedCase | FailedCase) -> tuple[str, str, str]:
    return case.kind, case.case, case.engine.label
