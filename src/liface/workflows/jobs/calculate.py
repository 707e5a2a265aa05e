"""The jobs that compute."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from jobflow import CURRENT_JOB, Flow, Job, Response
from pydantic import Field

from liface.documents import CalculationDocument, CalculationRequest, Document, Moment
from liface.engines.base import EngineSpec
from liface.workflows.decorators import Outcomes, Requests, calculation_job, origin_of_current_job
from liface.workflows.executor import adopt, current_executor, dispatched
from liface.workflows.run_folders import link_run_folder


class Terms(Document):
    """What a submitted calculation job is told besides its requests."""

    known: tuple[CalculationDocument, ...] = Field(default=(), description="Outcomes that need not be computed.")
    retry: str | None = Field(default=None, description="Outcomes whose reason matches are computed again.")
    since: Moment | None = Field(default=None, description="Those not made after this moment.")
    prerelax: EngineSpec | None = Field(default=None, description="Engine that relaxes structures as built first.")


@calculation_job
def calculate(asked: Requests, engine: EngineSpec, terms: Terms | None = None) -> Outcomes | Response:
    """Compute every request; a structure that fails is an outcome.

    On the worker of a queue, a DFT engine gets one job per structure in place of this one.
    """
    terms = terms or Terms()
    missing = [request for request in asked.requests if request.calc_id not in _known(terms)]
    if missing and engine.is_dft and origin_of_current_job() is not None:
        return _one_job_each(asked, missing, engine, terms)
    computed = _compute(missing, engine, terms)
    return _answers(asked.requests, terms, computed.calculations, computed.prerelaxed)


@calculation_job
def calculate_structure(request: CalculationRequest, engine: EngineSpec, terms: Terms) -> Outcomes:
    """Compute one structure in a job, and an allocation, of its own."""
    return _compute([request], engine, terms)


@calculation_job
def gather(asked: Requests, terms: Terms, parts: Sequence[Outcomes]) -> Outcomes:
    """Put outcomes of single jobs and known ones into the order of the requests."""
    return _answers(asked.requests, terms, [outcome for part in parts for outcome in part.calculations])


def _one_job_each(asked: Requests, missing: Sequence[CalculationRequest], engine: EngineSpec, terms: Terms) -> Response:
    distinct = {request.calc_id: request for request in missing}.values()
    bare = terms.model_copy(update={"known": ()})
    jobs: list[Job] = []
    for request in distinct:
        job = calculate_structure(request, engine, bare)
        job.name = request.label.rsplit("/", 1)[-1]
        jobs.append(job)
    together = gather(asked, terms, [job.output for job in jobs])
    # The last job takes the place of this one: what refers to this one's output gets its.
    together.name, together.metadata = CURRENT_JOB.job.name, CURRENT_JOB.job.metadata
    together.set_uuid(CURRENT_JOB.job.uuid)
    together.index = CURRENT_JOB.job.index + 1
    return Response(replace=Flow([*jobs, together]))


def _compute(requests: Sequence[CalculationRequest], engine: EngineSpec, terms: Terms) -> Outcomes:
    retry = re.compile(terms.retry) if terms.retry is not None else None
    runs = Path.cwd() if dispatched() is None else None
    if runs is not None and requests:
        link_run_folder()
    executor = current_executor(retry, terms.since, runs)
    return Outcomes.of(executor.run(requests, engine, terms.prerelax), executor.prerelaxed)


def _answers(
    requests: Sequence[CalculationRequest],
    terms: Terms,
    computed: Sequence[CalculationDocument],
    prerelaxed: Sequence[CalculationDocument] = (),
) -> Outcomes:
    found = _known(terms) | {outcome.calc_id: outcome for outcome in computed}
    return Outcomes.of((adopt(found[request.calc_id], request) for request in requests), prerelaxed)


def _known(terms: Terms) -> dict[str, CalculationDocument]:
    return {outcome.calc_id: outcome for outcome in terms.known}
