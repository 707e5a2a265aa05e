"""Campaigns with a screening: the cheap engine first, then the cases it chose, begun by it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from liface.database import Database
from liface.database.filters import quoted
from liface.dispatch.run import Progress, RunState, run_campaign
from liface.documents import FailedCase, FinishedCase
from liface.workflows.campaign import Campaign, PlannedCase
from liface.workflows.screening import Score, Verdict, verdicts
from liface.workflows.specs import InterfaceStart

Costs = Callable[[Sequence[PlannedCase]], Sequence[float]]
"""Estimates cases, in seconds of one core."""


@dataclass(frozen=True)
class Phase:
    """The cases that can be worked on now."""

    name: Literal["all", "screening", "chosen"]
    """all: the campaign has no screening; screening: the cheap engine is not through; chosen: it is."""
    cases: tuple[PlannedCase, ...]
    note: str = ""
    """What a person should know of the other phase; empty where there is none."""
    verdicts: tuple[Verdict, ...] = ()
    """Who goes on and why, once that is known."""


def phase(campaign: Campaign, database: Database | None) -> Phase:
    """Return what can be worked on now, as far as the database tells.

    A case that the cheap engine failed at counts as done: it is left out of the ranking, with its reason.

    Raises
    ------
    CampaignError
        A case cannot be built.
    """
    screening = campaign.file.screening
    if screening is None:
        return Phase("all", campaign.cases())
    cheap = campaign.screening_cases()
    known = database.cases_of(planned.case_id for planned in cheap) if database is not None else {}
    waiting = [planned for planned in cheap if planned.case_id not in known]
    if database is None or waiting:
        then = f"up to {screening.top} of each kind go" if screening.top else "they go"
        note = (
            f"{len(waiting)} of {len(cheap)} cases are still to be screened with {screening.engine}; then {then} on "
            f"to {', '.join(map(str, campaign.engines))}"
        )
        return Phase("screening", cheap, note)
    found = verdicts(campaign.specs(), _scores(campaign, cheap, database), screening, campaign.file.bulks)
    chosen = {verdict.spec.spec_id: verdict for verdict in found if verdict.goes_on}
    cases = tuple(
        _linked(planned, chosen[planned.spec.spec_id], database)
        for planned in campaign.cases()
        if planned.spec.spec_id in chosen
    )
    note = f"{len(chosen)} of {len(found)} cases go on after the screening with {screening.engine}"
    return Phase("chosen", cases, note, found)


def cases_now(campaign: Campaign, database: Database | None) -> tuple[PlannedCase, ...]:
    """Return every case that is or was worked on so far: those screened, and those chosen once that is known."""
    current = phase(campaign, database)
    return current.cases if current.name != "chosen" else (*campaign.screening_cases(), *current.cases)


def run_phases(
    campaign: Campaign,
    database: Database,
    *,
    workers: int = 1,
    retry: str | None = None,
    force: bool = False,
    costs: Costs | None = None,
    progress: Progress | None = None,
    announce: Callable[[Phase], None] | None = None,
) -> RunState:
    """Run a campaign on this machine: what is to be screened, then what goes on. Returns the progress of both.

    Raises
    ------
    InputError, DatabaseError
        As :func:`~liface.dispatch.run.run_campaign`.
    """

    def run(cases: Sequence[PlannedCase], name: str) -> None:
        state.phase = name
        estimated = costs(cases) if costs else None
        run_campaign(
            cases, database, workers=workers, retry=retry, force=force, costs=estimated, progress=progress, state=state
        )

    state = RunState(n_cases=0)
    if campaign.file.screening is not None:
        cheap = campaign.screening_cases()
        costly = campaign.cases()
        later = most_that_go_on(campaign, costly, costs(costly) if costs else [1.0] * len(costly))
        state.total_cost += later
        run(cheap, f"screening with {campaign.file.screening.engine}")
        state.total_cost -= later
    current = phase(campaign, database)
    if announce and current.name == "chosen":
        announce(current)
    run(current.cases, "chosen cases" if current.name == "chosen" else "")
    return state


def most_that_go_on(campaign: Campaign, cases: Sequence[PlannedCase], costs: Sequence[float]) -> float:
    """Return the largest cost a screening may leave of ``cases``: per ranked kind and engine the ``top`` largest."""
    screening = campaign.file.screening
    groups: dict[tuple[str, str], list[float]] = {}
    for planned, cost in zip(cases, costs, strict=True):
        groups.setdefault((planned.spec.kind, planned.case.engine.fingerprint), []).append(cost)
    total = 0.0
    for (kind, _), values in groups.items():
        limit = screening.top if screening is not None and kind in screening.kinds else None
        total += sum(sorted(values, reverse=True)[:limit])
    return total


def _linked(planned: PlannedCase, verdict: Verdict, database: Database) -> PlannedCase:
    """Return a chosen case with the record that chose it and the start that record gives.

    Where the costly engine has done the case with a scan of its own, that stays the answer.
    """
    if verdict.score is None or verdict.score.record_id is None:
        return planned
    linked = replace(planned, case=planned.case.model_copy(update={"screened_by": verdict.score.record_id}))
    if verdict.score.start is None or isinstance(database.case(planned.case_id), FinishedCase):
        return linked
    return replace(linked, start=verdict.score.start)


def _scores(campaign: Campaign, cheap: Sequence[PlannedCase], database: Database) -> dict[str, Score]:
    """Return what the cheap engine found for every case of a ranked kind, by ``spec_id``."""
    screening = campaign.file.screening
    if screening is None or not cheap:
        return {}
    found: dict[str, Score] = {}
    for kind in screening.kinds:
        # The pattern of names in a campaign file has no quotes.
        where = f'campaign={quoted(campaign.name)} AND engine_fingerprint="{cheap[0].case.engine.fingerprint}"'
        if screening.where:
            where += f" AND ({screening.where})"
        rows = {row["record_id"]: row for row in database.query(kind, where)}
        for planned in cheap:
            if planned.spec.kind == kind:
                found[planned.spec.spec_id] = _score(planned, rows, campaign, database)
    return found


def _score(planned: PlannedCase, rows: dict[str, dict[str, Any]], campaign: Campaign, database: Database) -> Score:
    screening, case = campaign.file.screening, database.case(planned.case_id)
    assert screening is not None and case is not None
    engine = planned.case.engine.label
    if isinstance(case, FailedCase):
        return Score(problem=f"failed with {engine}: {case.reason}")
    passed = [rows[record_id] for record_id in case.record_ids if record_id in rows]
    if not passed:
        return Score(problem=f"no result of {engine} passes the filter {screening.where}")
    valued = [row for row in passed if row[screening.by] is not None]
    if not valued:
        return Score(passed[0]["record_id"], problem=f"{engine} gave no {screening.by}")
    choose = min if screening.order == "ascending" else max
    best = choose(valued, key=lambda row: row[screening.by])
    return Score(best["record_id"], float(best[screening.by]), start=_start(planned, best["record_id"], database))


def _start(planned: PlannedCase, record_id: str, database: Database) -> InterfaceStart | None:
    if planned.spec.kind != "interface":
        return None
    result: Any = database.result(record_id)
    return InterfaceStart(gap_a=result.gap_a, shift=result.shift)
