"""A campaign as jobs for a queue: shared references once, known calculations left out, the rest in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from jobflow import Job, OutputReference

from liface.documents import JobKind
from liface.errors import NotComputedError
from liface.workflows.campaign import PlannedCase
from liface.workflows.executor import KnownExecutor, use_executor
from liface.workflows.flows.base import References
from liface.workflows.jobs.calculate import Terms, calculate, calculate_structure
from liface.workflows.run_folders import slug

if TYPE_CHECKING:
    from jobflow import Flow


@dataclass(frozen=True)
class CaseJob:
    """A job and the case it was made for; other cases may use its output."""

    job: Job
    planned: PlannedCase

    @property
    def kind(self) -> JobKind:
        """What the job needs."""
        return kind_of(self.job)


def kind_of(job: Job) -> JobKind:
    """Return what a job needs: a calculation with a DFT engine only makes one job per structure."""
    if plain_function(job.function) is plain_function(calculate_structure):
        return "dft"
    return "potential" if _is_calculation(job) and not makes_dft_jobs(job) else "light"


def makes_dft_jobs(job: Job) -> bool:
    """Tell whether a job makes one job per structure in its place."""
    if not _is_calculation(job):
        return False
    engine = job.function_args[1] if len(job.function_args) > 1 else job.function_kwargs["engine"]
    return bool(engine.is_dft)


def _is_calculation(job: Job) -> bool:
    return plain_function(job.function) is plain_function(calculate)


def campaign_jobs(cases: Sequence[PlannedCase]) -> list[CaseJob]:
    """Return the jobs of all cases, reference bulks once, in an order in which they can run."""
    references = References()
    found: list[CaseJob] = []
    for planned in cases:
        jobs = planned.maker().jobs(planned.spec, references)
        found += [CaseJob(job, planned) for job in (*jobs.before, jobs.last)]
    return found


def jobs_to_do(
    jobs: Sequence[CaseJob], known: KnownExecutor, retry: str | None = None, since: datetime | None = None
) -> list[CaseJob]:
    """Leave out every job whose outcome follows from known calculations, and hand its output to those that need it.

    A calculation job of which some structures are known keeps the others only.
    """
    outputs: dict[str, Any] = {}
    waiting: set[str] = set()
    todo: list[CaseJob] = []
    for case_job in jobs:
        job = case_job.job
        job.function_args = tuple(_filled(arg, outputs) for arg in job.function_args)
        job.function_kwargs = {name: _filled(arg, outputs) for name, arg in job.function_kwargs.items()}
        prerelax = job.function_kwargs.get("terms", Terms()).prerelax  # set by the Maker
        terms = Terms(retry=retry, since=since, prerelax=prerelax)
        if not waiting.intersection(job.input_uuids):
            try:
                with use_executor(known):
                    outputs[job.uuid] = plain_function(job.function)(*job.function_args, **job.function_kwargs)
                continue
            except NotComputedError:
                terms = terms.model_copy(update={"known": known.known})
        if plain_function(job.function) is plain_function(calculate):
            job.function_kwargs["terms"] = terms
        waiting.add(job.uuid)
        todo.append(case_job)
    return todo


def independent_flows(jobs: Sequence[CaseJob], name: str) -> Iterator[tuple[Flow, list[CaseJob]]]:
    """Yield one flow for each set of jobs that hang together; cases with nothing in common run on their own."""
    from jobflow import Flow

    group: dict[str, str] = {case_job.job.uuid: case_job.job.uuid for case_job in jobs}

    def root(uuid: str) -> str:
        while group[uuid] != uuid:
            group[uuid] = group[group[uuid]]
            uuid = group[uuid]
        return uuid

    for case_job in jobs:
        for parent in case_job.job.input_uuids:
            group[root(case_job.job.uuid)] = root(parent)
    together: dict[str, list[CaseJob]] = {}
    for case_job in jobs:
        together.setdefault(root(case_job.job.uuid), []).append(case_job)
    for members in together.values():
        cases = {case_job.planned.name for case_job in members}
        title = f"{name}/{cases.pop()}" if len(cases) == 1 else f"{name} ({len(cases)} cases)"
        yield Flow([case_job.job for case_job in members], name=title), members


def folder_of(case_job: CaseJob) -> str:
    """Return the readable run folder of a job: campaign, case and engine, step."""
    case = case_job.planned.case
    label = case_job.planned.engine_label
    return "/".join(slug(part) for part in (case.campaign, case.name, label, case_job.job.name))


def _filled(arg: Any, outputs: dict[str, Any]) -> Any:
    """Put a known output in the place of a reference; arguments are whole outputs, lists of them, or plain values."""
    if isinstance(arg, list):
        return [_filled(each, outputs) for each in arg]
    if not isinstance(arg, OutputReference) or arg.uuid not in outputs:
        return arg
    value = outputs[arg.uuid]
    for _, name in arg.attributes:
        value = getattr(value, name)
    return value


def plain_function(function: Callable) -> Callable:
    """Return what a job runs, without the decorator that makes a job of it."""
    return getattr(function, "original", function)
