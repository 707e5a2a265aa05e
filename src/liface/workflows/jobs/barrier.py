"""Jobs of the migration barriers."""

from __future__ import annotations

from liface.workflows.decorators import Outcomes, Requests, analysis_job, structure_job
from liface.workflows.specs import BarrierSpec
from liface.workflows.steps import barrier, barrier_minima, barrier_result
from liface.workflows.steps.barrier import Hops
from liface.workflows.steps.barrier_minima import Minima, Pushed, Settled
from liface.workflows.steps.binding import BindingSetup
from liface.workflows.steps.common import Case, CaseOutput


@structure_job
def ask_sites(case: Case, setup: BindingSetup) -> Requests:
    """Build one Li on every site."""
    return Requests(requests=barrier_minima.relaxation_requests(case, setup))


@analysis_job(Settled)
def settle(setup: BindingSetup, relaxed: Outcomes) -> Settled:
    """Keep the distinct places where Li came to rest."""
    return barrier_minima.settled(setup, relaxed.calculations)


@analysis_job(Pushed)
def settle_again(setup: BindingSetup, found: Settled, pushed: Outcomes) -> Pushed:
    """Tell which places were left, and which are new."""
    return barrier_minima.after_push(setup, found, pushed.calculations)


@structure_job
def ask_curvatures(case: Case, found: Settled | Pushed) -> Requests:
    """Build the displaced adatoms."""
    return Requests(requests=barrier_minima.curvature_requests(case, found.points))


@structure_job
def ask_pushed(case: Case, found: Settled, curvatures: Outcomes) -> Requests:
    """Push the adatom off every place."""
    return Requests(requests=barrier_minima.push_requests(case, found, curvatures.calculations))


@analysis_job(Minima)
def choose_minima(found: Settled, curvatures: Outcomes, later: Pushed, later_curvatures: Outcomes) -> Minima:
    """Keep the minima."""
    return barrier_minima.minima(found, curvatures.calculations, later, later_curvatures.calculations)


@analysis_job(Hops)
def plan_hops(spec: BarrierSpec, setup: BindingSetup, minima: Minima) -> Hops:
    """List the hops between them."""
    return barrier.planned_hops(spec, setup, minima)


@structure_job
def ask_ends(case: Case, hops: Hops) -> Requests:
    """Build the ends of the hops."""
    return Requests(requests=barrier.end_requests(case, hops))


@structure_job
def ask_paths(case: Case, spec: BarrierSpec, minima: Minima, hops: Hops, ends: Outcomes) -> Requests:
    """Ask for the paths."""
    return Requests(requests=barrier.path_requests(case, spec, minima, hops, ends.calculations))


@structure_job
def ask_saddle(case: Case, minima: Minima, hops: Hops, ends: Outcomes, paths: Outcomes) -> Requests:
    """Build the displaced adatoms at the limiting saddle point."""
    return Requests(requests=barrier.saddle_requests(case, minima, hops, ends.calculations, paths.calculations))


@analysis_job(CaseOutput)
def describe_barrier(
    case: Case,
    spec: BarrierSpec,
    setup: BindingSetup,
    minima: Minima,
    hops: Hops,
    ends: Outcomes,
    paths: Outcomes,
    saddle: Outcomes,
) -> CaseOutput:
    """Return the migration barrier."""
    result = barrier_result.barrier_result(
        case, spec, setup, minima, hops, ends.calculations, paths.calculations, saddle.calculations
    )
    return CaseOutput(results=(result,))
