"""Phonons of one bulk on this machine: what the database does not hold is computed."""

from __future__ import annotations

from liface.database import Database
from liface.dispatch.run import Progress, RunState, run_campaign
from liface.documents import FailedCase, FinishedCase, PhononResult
from liface.engines.base import EngineSpec
from liface.engines.registry import engine_info
from liface.errors import CalculationError
from liface.workflows.campaign import PlannedCase
from liface.workflows.specs import PhononSpec
from liface.workflows.steps.common import Case

CAMPAIGN = "phonon"
"""Name under which results of the command are stored."""


def planned_phonons(spec: PhononSpec, engine: EngineSpec) -> PlannedCase:
    """Return the phonons of a bulk as a case of their own, with the protocol of the shipped campaigns."""
    case = Case(campaign=CAMPAIGN, name=spec.name, engine=engine_info(engine))
    return PlannedCase(case, spec, engine)


def bulk_phonons(
    planned: PlannedCase,
    database: Database,
    *,
    workers: int = 1,
    retry: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> tuple[PhononResult, RunState]:
    """Run the case and return its result, with what the run has done.

    Raises
    ------
    CalculationError
        It cannot be done; the message says why.
    """
    state = run_campaign([planned], database, workers=workers, retry=retry, force=force, progress=progress)
    (document,) = (*state.done, *state.skipped)
    if isinstance(document, FailedCase):
        raise CalculationError(f"{document.case} [{document.engine.label}]: {document.reason}")
    assert isinstance(document, FinishedCase)
    (record_id,) = document.record_ids
    result = database.result(record_id)
    assert isinstance(result, PhononResult)
    return result, state
