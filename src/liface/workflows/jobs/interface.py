"""Jobs of the Li interfacial energy."""

from __future__ import annotations

from liface.workflows.decorators import Outcomes, Requests, analysis_job, structure_job
from liface.workflows.specs import InterfaceSpec, InterfaceStart
from liface.workflows.steps import interface, interface_result
from liface.workflows.steps.common import BulkReference, Case, CaseOutput
from liface.workflows.steps.interface import InterfaceSetup, Scan, Start


@structure_job
def ask_strained_film(case: Case, spec: InterfaceSpec, substrate: BulkReference, film: BulkReference) -> Requests:
    """Build bulk Li strained like the film."""
    return Requests(requests=(interface.strained_film_request(case, spec, substrate, film),))


@analysis_job(InterfaceSetup)
def set_up(spec: InterfaceSpec, substrate: BulkReference, film: BulkReference, outcomes: Outcomes) -> InterfaceSetup:
    """Gather what all stacks share."""
    return interface.interface_setup(spec, substrate, film, outcomes.calculations[0])


@structure_job
def ask_gaps(case: Case, setup: InterfaceSetup) -> Requests:
    """Build the gap scan."""
    return Requests(requests=interface.gap_requests(case, setup))


@structure_job
def ask_registries(case: Case, setup: InterfaceSetup, gaps: Outcomes, *done: Outcomes) -> Requests:
    """Build the registry scan at the best gap, or its next batch."""
    batches = [outcomes.calculations for outcomes in done]
    return Requests(requests=interface.registry_requests(case, setup, gaps.calculations, batches))


@analysis_job(Scan)
def gather_scan(case: Case, setup: InterfaceSetup, gaps: Outcomes, *shifts: Outcomes) -> Scan:
    """Keep the whole scan, of one or more batches of shifts."""
    return interface.scanned(case, setup, gaps.calculations, [outcomes.calculations for outcomes in shifts])


@structure_job
def ask_starts(case: Case, setup: InterfaceSetup, scan: Scan) -> Requests:
    """Build the best starts at the thinnest film."""
    return Requests(requests=interface.start_requests(case, setup, scan.points))


@analysis_job(Start)
def choose_start(case: Case, setup: InterfaceSetup, scan: Scan, starts: Outcomes) -> Start:
    """Choose gap and registry."""
    return interface.chosen_start(case, setup, scan, starts.calculations)


@structure_job
def ask_given_start(case: Case, setup: InterfaceSetup, given: InterfaceStart) -> Requests:
    """Build the start that another engine chose."""
    return Requests(requests=(interface.given_start_request(case, setup, given),))


@analysis_job(Start)
def take_given_start(given: InterfaceStart, starts: Outcomes) -> Start:
    """Go on from the start that another engine chose."""
    return interface.given_start(given, starts.calculations[0])


@structure_job
def ask_series(case: Case, setup: InterfaceSetup, start: Start) -> Requests:
    """Build the thicker films."""
    return Requests(requests=interface.series_requests(case, setup, start))


@structure_job
def ask_release(case: Case, setup: InterfaceSetup, start: Start) -> Requests:
    """Free the thinnest coherent film in the plane."""
    return Requests(requests=interface.release_request(case, setup, start))


@analysis_job(CaseOutput)
def describe_interface(
    case: Case, setup: InterfaceSetup, start: Start, series: Outcomes, released: Outcomes
) -> CaseOutput:
    """Fit the series."""
    result = interface_result.interface_result(case, setup, start, series.calculations, released.calculations)
    return CaseOutput(results=(result,))
