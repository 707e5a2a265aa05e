"""The convergence series of a campaign on this machine, and what each of their points cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from liface.database import Database
from liface.dispatch.run import Progress, RunState, run_campaign
from liface.documents import ConvergenceResult
from liface.errors import InputError
from liface.workflows.campaign import Campaign, PlannedCase
from liface.workflows.convergence_specs import ConvergenceSpec


@dataclass(frozen=True)
class Cost:
    """What the calculations of one point took, those that it shares with others included."""

    force_calls: int
    seconds: float


def convergence_cases(campaign: Campaign) -> list[PlannedCase]:
    """Return the series of a campaign as cases.

    Raises
    ------
    InputError
        It has none.
    """
    found = [planned for planned in campaign.cases() if isinstance(planned.spec, ConvergenceSpec)]
    if not found:
        raise InputError(
            f'campaign {campaign.name} has no series; add for example \'convergence: [{{material: Cu, plane: "111", '
            "of: slab_thickness}]'"
        )
    return found


def converge(
    campaign: Campaign,
    database: Database,
    *,
    workers: int = 1,
    retry: str | None = None,
    progress: Progress | None = None,
) -> tuple[list[ConvergenceResult], RunState]:
    """Run the series of a campaign and nothing else; return their results, with what the run has done."""
    cases = convergence_cases(campaign)
    state = run_campaign(cases, database, workers=workers, retry=retry, progress=progress)
    listed = {record_id for case in (*state.done, *state.skipped) for record_id in getattr(case, "record_ids", ())}
    found = [
        result for record_id in sorted(listed) if isinstance(result := database.result(record_id), ConvergenceResult)
    ]
    return sorted(found, key=lambda result: (result.subject, result.parameter, result.engine.label)), state


def costs_of(database: Database, result: ConvergenceResult) -> list[Cost]:
    """Return what every point of a series took, in their order.

    It is read where it is asked for and not stored with the series: a time says something of a machine, and would make
    equal series different records.
    """
    outcomes = database.calculations(dict.fromkeys(i for point in result.points for i in point.calc_ids))
    return [_cost([outcomes[i] for i in point.calc_ids if i in outcomes]) for point in result.points]


def _cost(outcomes: Sequence[Any]) -> Cost:
    return Cost(sum(each.n_force_calls for each in outcomes), sum(each.wall_s for each in outcomes))
