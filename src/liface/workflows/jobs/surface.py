"""Jobs of the surface energies."""

from __future__ import annotations

from liface.workflows.decorators import Outcomes, Requests, analysis_job, structure_job
from liface.workflows.specs import SurfaceSpec
from liface.workflows.steps import surface
from liface.workflows.steps.common import BulkReference, Case, CaseOutput


@structure_job
def ask_slabs(case: Case, spec: SurfaceSpec, bulk: BulkReference) -> Requests:
    """Build the slabs."""
    return Requests(requests=surface.surface_requests(case, spec, bulk))


@analysis_job(CaseOutput)
def describe_surface(case: Case, spec: SurfaceSpec, bulk: BulkReference, outcomes: Outcomes) -> CaseOutput:
    """Return the surface energy."""
    return CaseOutput(results=(surface.surface_result(case, spec, bulk, outcomes.calculations),))
