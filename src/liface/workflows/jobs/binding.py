"""Jobs of the binding energies."""

from __future__ import annotations

from liface.workflows.decorators import Outcomes, Requests, analysis_job, structure_job
from liface.workflows.specs import BindingSpec
from liface.workflows.steps import binding, binding_result
from liface.workflows.steps.binding import BindingSetup, Starts
from liface.workflows.steps.common import BulkReference, Case, CaseOutput


@structure_job
def ask_monolayers(case: Case, spec: BindingSpec, substrate: BulkReference, film: BulkReference) -> Requests:
    """Build the registries of the monolayers; none on the bare substrate."""
    return Requests(requests=binding.registry_requests(case, spec, substrate, film))


@structure_job
def ask_clean(
    case: Case, spec: BindingSpec, substrate: BulkReference, film: BulkReference, registries: Outcomes
) -> Requests:
    """Build the clean slab."""
    return Requests(requests=(binding.clean_request(case, spec, substrate, film, registries.calculations),))


@analysis_job(BindingSetup)
def set_up(
    case: Case,
    spec: BindingSpec,
    substrate: BulkReference,
    film: BulkReference,
    registries: Outcomes,
    clean: Outcomes,
) -> BindingSetup:
    """Gather what all starts share."""
    return binding.binding_setup(case, spec, substrate, film, registries.calculations, clean.calculations[0])


@structure_job
def ask_sites(case: Case, setup: BindingSetup) -> Requests:
    """Build one Li on every site."""
    return Requests(requests=binding.site_requests(case, setup))


@analysis_job(Starts)
def list_starts(case: Case, setup: BindingSetup, sites: Outcomes) -> Starts:
    """List dispersed atoms and clusters on the best sites."""
    return binding.candidate_starts(case, setup, sites.calculations)


@structure_job
def ask_screening(case: Case, starts: Starts) -> Requests:
    """Build the single points of all clusters."""
    return Requests(requests=binding.screening_requests(case, starts))


@analysis_job(Starts)
def choose_starts(case: Case, starts: Starts, screened: Outcomes) -> Starts:
    """Keep the best starts of every dimension."""
    return binding.chosen_starts(case, starts, screened.calculations)


@structure_job
def ask_starts(case: Case, starts: Starts) -> Requests:
    """Build the relaxations."""
    return Requests(requests=binding.start_requests(case, starts))


@structure_job
def ask_removed(case: Case, starts: Starts, relaxed: Outcomes) -> Requests:
    """Build the slabs after removal."""
    return Requests(requests=binding.removal_requests(case, starts, relaxed.calculations))


@analysis_job(CaseOutput)
def describe_binding(
    case: Case, setup: BindingSetup, starts: Starts, relaxed: Outcomes, removed: Outcomes
) -> CaseOutput:
    """Return the binding energies."""
    return binding_result.binding_results(case, setup, starts, relaxed.calculations, removed.calculations)
