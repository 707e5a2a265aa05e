"""Jobs of the work of adhesion."""

from __future__ import annotations

from liface.workflows.decorators import Outcomes, Requests, analysis_job, structure_job
from liface.workflows.specs import AdhesionSpec
from liface.workflows.steps import adhesion, adhesion_result
from liface.workflows.steps.adhesion import AdhesionSetup, AdhesionStart
from liface.workflows.steps.common import BulkReference, Case, CaseOutput
from liface.workflows.steps.interface import Scan


@analysis_job(AdhesionSetup)
def set_up(spec: AdhesionSpec, held: BulkReference, taut: BulkReference) -> AdhesionSetup:
    """Gather what all cells share."""
    return AdhesionSetup(spec=spec, held=held, taut=taut)


@structure_job
def ask_gaps(case: Case, setup: AdhesionSetup) -> Requests:
    """Build the gap scan."""
    return Requests(requests=adhesion.gap_requests(case, setup))


@structure_job
def ask_registries(case: Case, setup: AdhesionSetup, gaps: Outcomes, *done: Outcomes) -> Requests:
    """Build the registry scan at the best gap, or its next batch."""
    batches = [outcomes.calculations for outcomes in done]
    return Requests(requests=adhesion.registry_requests(case, setup, gaps.calculations, batches))


@analysis_job(Scan)
def gather_scan(case: Case, setup: AdhesionSetup, gaps: Outcomes, *shifts: Outcomes) -> Scan:
    """Keep the whole scan, of one or more batches of shifts."""
    return adhesion.scanned(case, setup, gaps.calculations, [outcomes.calculations for outcomes in shifts])


@structure_job
def ask_starts(case: Case, setup: AdhesionSetup, scan: Scan) -> Requests:
    """Build the best starts."""
    return Requests(requests=adhesion.start_requests(case, setup, scan.points))


@analysis_job(AdhesionStart)
def choose_start(case: Case, setup: AdhesionSetup, scan: Scan, starts: Outcomes) -> AdhesionStart:
    """Choose the start that relaxed lowest."""
    return adhesion.chosen_start(case, setup, scan, starts.calculations)


@structure_job
def ask_slabs(case: Case, setup: AdhesionSetup) -> Requests:
    """Build both free slabs."""
    return Requests(requests=adhesion.slab_requests(case, setup))


@analysis_job(CaseOutput)
def describe_adhesion(case: Case, setup: AdhesionSetup, start: AdhesionStart, slabs: Outcomes) -> CaseOutput:
    """Return the work of adhesion."""
    return CaseOutput(results=(adhesion_result.adhesion_result(case, setup, start, slabs.calculations),))
