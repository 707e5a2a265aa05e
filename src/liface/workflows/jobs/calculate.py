"""The one job that computes."""

from __future__ import annotations

from liface.engines.base import EngineSpec
from liface.workflows.decorators import Outcomes, Requests, calculation_job
from liface.workflows.executor import current_executor


@calculation_job
def calculate(asked: Requests, engine: EngineSpec) -> Outcomes:
    """Compute every request; a structure that fails is an outcome."""
    return Outcomes(calculations=tuple(current_executor().run(asked.requests, engine)))
