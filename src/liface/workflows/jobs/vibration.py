"""Jobs of the vibrations of adsorbed Li and of films."""

from __future__ import annotations

from liface.documents import PhononResult
from liface.workflows.decorators import Outcomes, Requests, analysis_job, structure_job
from liface.workflows.specs import VibrationSpec
from liface.workflows.steps import interface, vibration, vibration_result
from liface.workflows.steps.binding import BindingSetup, Starts
from liface.workflows.steps.common import BulkReference, Case, CaseOutput
from liface.workflows.steps.interface import InterfaceSetup


@structure_job
def ask_adsorbate(case: Case, spec: VibrationSpec, starts: Starts, relaxed: Outcomes) -> Requests:
    """Build the displaced cells of adsorbed Li."""
    return Requests(requests=vibration.adsorbate_requests(case, spec, starts, relaxed.calculations))


@structure_job
def ask_film(case: Case, spec: VibrationSpec, start: interface.Start) -> Requests:
    """Build the displaced cells of the film."""
    return Requests(requests=vibration.film_requests(case, spec, start))


@analysis_job(BulkReference)
def take_strained_bulk(setup: InterfaceSetup, strained: Outcomes) -> BulkReference:
    """Take bulk Li strained like the film."""
    return vibration.strained_bulk(setup, strained.calculations[0])


@analysis_job(CaseOutput)
def describe_adsorbate(
    case: Case,
    spec: VibrationSpec,
    setup: BindingSetup,
    starts: Starts,
    relaxed: Outcomes,
    removed: Outcomes,
    lithium: PhononResult,
    displaced: Outcomes,
) -> CaseOutput:
    """Return binding energies at a temperature."""
    return vibration_result.adsorbate_results(
        case,
        spec,
        setup,
        starts,
        relaxed.calculations,
        removed.calculations,
        lithium,
        displaced.calculations,
    )


@analysis_job(CaseOutput)
def describe_film(
    case: Case,
    spec: VibrationSpec,
    setup: InterfaceSetup,
    start: interface.Start,
    series: Outcomes,
    released: Outcomes,
    lithium: PhononResult,
    displaced: Outcomes,
) -> CaseOutput:
    """Return the interfacial energy at a temperature."""
    result = vibration_result.film_result(
        case, spec, setup, start, series.calculations, released.calculations, lithium, displaced.calculations
    )
    return CaseOutput(results=(result,))
