"""Plans of campaigns with a screening: both phases, and who goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from liface.cli.planning import DONE, PlanRow, Speed, plan_rows, speeds_of, state_of, wall_seconds

if TYPE_CHECKING:
    from liface.database import Database
    from liface.dispatch.phases import Phase
    from liface.workflows.campaign import Campaign, PlannedCase


@dataclass
class PhasedPlan:
    """Rows of what is screened and of what may go on or does; without a screening only the latter."""

    phase: Phase
    screened: list[PlanRow] = field(default_factory=list)
    costly: list[PlanRow] = field(default_factory=list)
    speeds: dict[str, Speed] = field(default_factory=dict)
    most_seconds: float = 0.0
    """What the costly cases take on one core; as long as nothing is chosen, at most."""

    @property
    def rows(self) -> list[PlanRow]:
        """All rows."""
        return [*self.screened, *self.costly]

    def seconds(self, workers: int) -> float:
        """Return the time of all that is not done on a number of workers."""
        return wall_seconds(self.screened, workers) + self.most_seconds / max(workers, 1)

    def costs(self, cases: Sequence[PlannedCase]) -> list[float]:
        """Return the cost of cases on one core; one that cannot be estimated still takes its place in the queue."""
        known = {row.planned.case_id: row.core_seconds for row in self.rows}
        new = [planned for planned in cases if planned.case_id not in known]
        rows = plan_rows(new, None, self.speeds, everything=True)
        known |= {row.planned.case_id: row.core_seconds for row in rows}
        return [max(known[planned.case_id], 1e-3) for planned in cases]

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return the rows of a table, with their phase where there are two."""
        if not self.screened:
            return [row.as_dict() for row in self.costly]
        later = "chosen" if self.phase.name == "chosen" else "if chosen"
        return [{"phase": "screening", **row.as_dict()} for row in self.screened] + [
            {"phase": later, **row.as_dict()} for row in self.costly
        ]

    def left_out(self) -> list[dict[str, Any]]:
        """Return the cases that do not go on, with their reasons."""
        return [
            {key: value for key, value in verdict.as_dict().items() if key not in ("goes_on", "record_id")}
            for verdict in self.phase.verdicts
            if not verdict.goes_on
        ]


def phased_plan(campaign: Campaign, database: Database | None, everything: bool = True) -> PhasedPlan:
    """Look up and estimate the cases of a campaign; without ``everything`` only those that are not finished.

    Raises
    ------
    CampaignError
        A case cannot be built.
    """
    from liface.dispatch.phases import most_that_go_on, phase

    current = phase(campaign, database)
    cheap = campaign.screening_cases()
    costly = campaign.cases() if current.name == "screening" else current.cases
    asked = (*cheap, *costly)
    if not everything and database is not None:  # the speed matters to what is left
        known = database.cases_of(planned.case_id for planned in asked)
        asked = tuple(planned for planned in asked if state_of(known.get(planned.case_id)) != DONE)
    plan = PhasedPlan(current, speeds=speeds_of(asked, database))
    plan.screened = plan_rows(cheap, database, plan.speeds, everything)
    plan.costly = plan_rows(costly, database, plan.speeds, everything)
    left = [row.core_seconds if row.state != DONE else 0.0 for row in plan.costly]
    plan.most_seconds = most_that_go_on(campaign, costly, left) if current.name == "screening" else sum(left)
    return plan
