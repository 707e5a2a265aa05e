"""Jobs of the bulk references."""

from __future__ import annotations

from liface.workflows.decorators import Outcomes, Requests, analysis_job, structure_job
from liface.workflows.specs import MaterialSpec
from liface.workflows.steps import bulk
from liface.workflows.steps.common import BulkReference, Case, CaseOutput


@structure_job
def ask_bulk(case: Case, material: MaterialSpec) -> Requests:
    """Build the cells of a bulk reference."""
    return Requests(requests=bulk.bulk_requests(case, material))


@analysis_job(BulkReference)
def choose_bulk(material: MaterialSpec, outcomes: Outcomes) -> BulkReference:
    """Choose the reference among the relaxed cells."""
    return bulk.bulk_reference(material, outcomes.calculations)


@analysis_job(CaseOutput)
def describe_bulk(case: Case, material: MaterialSpec, outcomes: Outcomes) -> CaseOutput:
    """Describe the reference."""
    return CaseOutput(results=(bulk.bulk_result(case, material, outcomes.calculations),))
