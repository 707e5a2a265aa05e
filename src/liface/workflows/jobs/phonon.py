"""Jobs of the phonons."""

from __future__ import annotations

from liface.documents import PhononResult
from liface.workflows.decorators import Outcomes, Requests, analysis_job, structure_job
from liface.workflows.specs import PhononSpec
from liface.workflows.steps import phonon
from liface.workflows.steps.common import BulkReference, Case, CaseOutput


@structure_job
def ask_displaced(case: Case, spec: PhononSpec, bulk: BulkReference) -> Requests:
    """Build the displaced supercells."""
    return Requests(requests=phonon.phonon_requests(case, spec, bulk))


@analysis_job(PhononResult)
def measure_phonons(case: Case, spec: PhononSpec, bulk: BulkReference, outcomes: Outcomes) -> PhononResult:
    """Return the phonons for others to use."""
    return phonon.phonon_result(case, spec, bulk, outcomes.calculations)


@analysis_job(CaseOutput)
def describe_phonons(case: Case, spec: PhononSpec, bulk: BulkReference, outcomes: Outcomes) -> CaseOutput:
    """Describe the phonons."""
    return CaseOutput(results=(phonon.phonon_result(case, spec, bulk, outcomes.calculations),))
