"""Job of a convergence series."""

from __future__ import annotations

from collections.abc import Sequence

from liface.workflows.convergence_specs import ConvergenceSpec
from liface.workflows.decorators import analysis_job
from liface.workflows.steps import convergence
from liface.workflows.steps.common import Case, CaseOutput


@analysis_job(CaseOutput)
def describe_convergence(case: Case, spec: ConvergenceSpec, outputs: Sequence[CaseOutput]) -> CaseOutput:
    """Find where the series settles."""
    return CaseOutput(results=(convergence.convergence_result(case, spec, outputs),))
