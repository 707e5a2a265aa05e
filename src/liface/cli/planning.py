"""What a campaign has done, has to do, and will cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from liface.cli.output import plural
from liface.errors import LifaceError

if TYPE_CHECKING:
    from liface.database import Database
    from liface.documents import CaseDocument, EngineInfo
    from liface.workflows.campaign import PlannedCase
    from liface.workflows.plan import Estimate

DONE, TO_DO, FAILED = "in database", "to do", "failed before"

RECENT = 300
"""Calculations that the speed of an engine is learned from."""

FEWEST_CALLS = 3
"""Shorter calculations tell more about start-up than about speed."""


@dataclass(frozen=True)
class Speed:
    """Seconds of one core per atom and force call of an engine."""

    engine: str
    seconds: float
    n_calculations: int

    def __str__(self) -> str:
        """Say how fast, and how that is known."""
        how = f"median of {self.n_calculations} calculations in the database" if self.n_calculations else "assumed"
        return f"{self.engine}: {1000 * self.seconds:.3g} ms per atom and force call, {how}"


@dataclass(frozen=True)
class PlanRow:
    """One case with its state; without an estimate where its cells cannot be built or nobody asked."""

    planned: PlannedCase
    state: str
    stored: CaseDocument | None
    estimate: Estimate | None = None
    core_seconds: float = 0.0
    problem: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the row of a table."""
        return {
            "case": self.planned.spec.name,
            "engine": self.planned.case.engine.label,
            "structures": self.estimate.structures if self.estimate else None,
            "atoms": self.estimate.atoms if self.estimate else None,
            "state": self.state,
            "core_seconds": self.core_seconds if self.estimate else None,
            "note": self.problem or _note(self.stored),
        }


def state_of(stored: CaseDocument | None) -> str:
    """Say what became of a case."""
    if stored is None:
        return TO_DO
    return DONE if stored.status == "finished" else FAILED


def plan_rows(
    cases: Sequence[PlannedCase], database: Database | None, speeds: dict[str, Speed], everything: bool
) -> list[PlanRow]:
    """Look every case up and estimate it; without ``everything`` only those that are not finished."""
    rows = []
    known = database.cases_of(planned.case_id for planned in cases) if database is not None else {}
    for planned in cases:
        stored = known.get(planned.case_id)
        row = PlanRow(planned, state_of(stored), stored)
        rows.append(_estimated(row, speeds) if everything or row.state != DONE else row)
    return rows


def speeds_of(cases: Iterable[PlannedCase], database: Database | None) -> dict[str, Speed]:
    """Return the speed of every engine of a campaign, by fingerprint."""
    engines = {planned.case.engine.fingerprint: planned.case.engine for planned in cases}
    return {fingerprint: _speed(engine, database) for fingerprint, engine in engines.items()}


def wall_seconds(rows: Iterable[PlanRow], workers: int) -> float:
    """Return the time the unfinished cases take on a number of workers."""
    return sum(row.core_seconds for row in rows if row.state != DONE) / max(workers, 1)


def _estimated(row: PlanRow, speeds: dict[str, Speed]) -> PlanRow:
    from liface.workflows.plan import estimate

    speed = speeds[row.planned.case.engine.fingerprint]
    try:
        found = estimate(row.planned)
    except LifaceError as error:  # the run will record the same reason with the case
        return PlanRow(row.planned, row.state, row.stored, problem=f"cannot be built: {error}")
    return PlanRow(row.planned, row.state, row.stored, found, found.core_seconds(speed.seconds))


def _speed(engine: EngineInfo, database: Database | None) -> Speed:
    from liface.workflows.plan import assumed_speed

    where = f'engine_fingerprint="{engine.fingerprint}" AND n_force_calls >= {FEWEST_CALLS} AND wall_s > 0'
    rows = database.query("calculations", where, "-created_at", RECENT) if database is not None else []
    if not rows:
        return Speed(engine.label, assumed_speed(engine.name), 0)
    known = median(row["wall_s"] / (row["n_force_calls"] * row["n_atoms"]) for row in rows)
    return Speed(engine.label, known, len(rows))


def _note(stored: CaseDocument | None) -> str:
    if stored is None:
        return ""
    if stored.status == "failed":
        return stored.reason
    return f"{plural(len(stored.failures), 'calculation')} failed on the way" if stored.failures else ""
