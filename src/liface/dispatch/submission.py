"""Campaigns on a queue: hand over, collect, follow, retry, cancel."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from liface import __version__
from liface.database import Database
from liface.dispatch.known import Known, finish_known
from liface.dispatch.phases import cases_now, phase
from liface.dispatch.queues.base import IDLE, OPEN, STUCK, Queue, QueuedJob
from liface.dispatch.run import asks_again, retry_pattern
from liface.documents import CaseDocument, SubmissionDocument, SubmittedCase, SubmittedJob
from liface.errors import HalfSubmittedError, InputError, SubmissionError
from liface.workflows.campaign import Campaign, PlannedCase
from liface.workflows.decorators import ORIGIN, Origin

if TYPE_CHECKING:
    from jobflow import Flow

    from liface.workflows.campaign_jobs import CaseJob
    from liface.workflows.resources import ResourcesByKind


BEING_SUBMITTED_S = 600.0
"""A submission of which no job is on the queue for so long has come to nothing."""


@dataclass
class Submitted:
    """What a submission did."""

    document: SubmissionDocument | None
    """None where nothing was left to hand over."""
    known: Known
    on_queue: list[PlannedCase] = field(default_factory=list)
    """Cases that are on the queue already."""
    n_flows: int = 0
    note: str = ""
    """What a person should know of the screening; empty where there is none."""


@dataclass
class Collected:
    """What a collection brought."""

    new_calculations: int = 0
    replaced_calculations: int = 0
    finished: list[CaseDocument] = field(default_factory=list)
    pending: list[PlannedCase] = field(default_factory=list)
    submissions: int = 0
    problems: tuple[str, ...] = ()
    """What could not be derived from the results that are there."""


def submit(
    campaign: Campaign,
    database: Database,
    queue: Queue,
    resources: ResourcesByKind,
    retry: str | None = None,
) -> Submitted:
    """Hand over what the database does not hold, and what is not on the queue already.

    A case whose jobs failed there counts as on the queue: ``retry_on_queue`` runs them again. A campaign with a
    screening is handed over in two phases: what the cheap engine ranks, and, once that is collected, what it chose.

    The submission is stored before the queue is asked and taken back if it refuses, so that nothing runs that the
    database does not know of.

    Raises
    ------
    QueueUnreachableError, SubmissionError, SiteError
        The queue cannot be used, or somebody else submits at this moment; nothing was handed over.
    HalfSubmittedError
        The queue went away in between; the submission is kept and can be cancelled.
    """
    queue.check()
    pattern = retry_pattern(retry)
    collect(campaign, database, queue)
    now = phase(campaign, database)
    known = finish_known(now.cases, database, retry=pattern)
    if now.name == "screening" and not known.pending:  # the last of it followed from calculations that were there
        now = phase(campaign, database)
        known = finish_known(now.cases, database, retry=pattern)
    seen = [document.submission_id for document in database.submissions(campaign.name)]
    busy, stuck = _busy_cases(campaign, database, queue)
    if pattern is not None:
        stuck -= {planned.case_id for planned in known.pending if _is_asked_for(planned, database, pattern)}
    waiting = [planned for planned in known.pending if planned.case_id in busy | stuck]
    todo = [planned for planned in known.pending if planned.case_id not in busy | stuck]
    if not todo:
        return Submitted(None, known, waiting, note=now.note)
    document, flows = _prepare(campaign, todo, database, queue, resources, retry)
    if not database.put_submission(document, after=seen):
        raise SubmissionError(
            f"somebody else submitted {campaign.name} at the same moment; nothing was submitted here. Look at it with "
            f"liface campaign status {campaign.name}, and submit again what is missing"
        )
    try:
        queue.submit(flows, document.submission_id)
    except HalfSubmittedError:  # some of its jobs may be there: it is kept, so that it can be cancelled
        raise
    except BaseException:
        database.forget_submission(document.submission_id)
        raise
    return Submitted(document, known, waiting, len(flows), now.note)


def collect(campaign: Campaign, database: Database, queue: Queue) -> Collected:
    """Take every outcome that is there into the database, and derive the cases that are complete.

    It can be repeated at any time, also while jobs run: what is stored already is not read again.
    """
    from liface.dispatch.derive import derive

    submissions = [document.submission_id for document in on_this_queue(campaign, database, queue)]
    collected = Collected(submissions=len(submissions))
    if not submissions:
        return collected
    changed: list[str] = []
    wanted = _Wanted(database)
    for outcome in queue.outcomes(submissions, wanted):
        stored = database.calculation(outcome.calc_id)
        if stored is None:
            collected.new_calculations += database.add_calculation(outcome)
        elif stored.status != "converged" and outcome.created_at > stored.created_at:
            database.add_calculation(outcome, replace=True)
            changed.append(outcome.calc_id)
    collected.replaced_calculations = len(changed)
    known = finish_known(cases_now(campaign, database), database, changed=changed)
    collected.finished, collected.pending = known.now, known.pending
    if known.now:
        collected.problems = derive(campaign, database).problems
    return collected


class _Wanted:
    """Wants outputs with an unknown calculation, or with a new attempt at one that is no result."""

    def __init__(self, database: Database):
        self._database = database

    def __call__(self, calc_ids: Sequence[str], completed_at: str | None) -> bool:
        status = self._database.status_of(calc_ids)
        return any(status.get(calc_id) != "converged" for calc_id in calc_ids)


def on_this_queue(campaign: Campaign, database: Database, queue: Queue) -> list[SubmissionDocument]:
    """Return the submissions of a campaign that this queue took, also cancelled ones.

    Where the engines of the campaign were chosen by hand, only those with cases of these engines.
    """
    chosen = campaign.chosen_engines
    return [
        document
        for document in database.submissions(campaign.name)
        if document.queue == queue.name
        and document.place == queue.place
        and (chosen is None or any(case.engine in chosen for case in document.cases))
    ]


def retry_on_queue(
    campaign: Campaign, database: Database, queue: Queue, resources: ResourcesByKind, reason: str
) -> tuple[list[QueuedJob], Submitted]:
    """Run failed and lost jobs again whose reason matches, and hand over structures whose outcome's reason does.

    These jobs, and those that have not begun, get ``resources``, so that a wall time that was too short can be mended.

    Raises
    ------
    InputError
        ``reason`` is no regular expression.
    """
    pattern = retry_pattern(reason)
    if pattern is None:
        raise InputError("say what to repeat: --reason PATTERN; '.' is everything")
    queue.check()
    open_ = [doc.submission_id for doc in on_this_queue(campaign, database, queue) if not doc.cancelled]
    jobs = queue.jobs(open_)
    again = [job for job in jobs if job.state in ("failed", "lost") and pattern.search(job.reason)]
    failed = {job.job_id for job in again if job.state == "failed"}
    queue.reconfigure([job for job in jobs if job.state in IDLE or job.job_id in failed], resources)
    if again:
        queue.rerun(again)
        queue.reconfigure([job for job in again if job.state == "lost"], resources)  # once nothing of it runs any more
    return again, submit(campaign, database, queue, resources, retry=reason)


def find_lost(campaign: Campaign, database: Database, queue: Queue, after_s: float) -> list[QueuedJob]:
    """Mark the running jobs of a campaign of which nothing was heard for so long as lost, and return them."""
    own = [doc.submission_id for doc in on_this_queue(campaign, database, queue) if not doc.cancelled]
    return queue.find_lost(own, after_s) if own else []


def cancel(campaign: Campaign, database: Database, queue: Queue) -> int:
    """Stop and take back every job of a campaign; finished calculations are kept. Returns how many jobs that were.

    Raises
    ------
    InputError
        Engines were chosen by hand, and a submission holds cases of others too.
    """
    open_ = [doc for doc in on_this_queue(campaign, database, queue) if not doc.cancelled]
    if (chosen := campaign.chosen_engines) is not None:
        others = {case.engine for doc in open_ for case in doc.cases} - chosen
        if others:
            raise InputError(
                f"cases of {', '.join(sorted(others))} were submitted together with those of "
                f"{', '.join(sorted(chosen))} and would be cancelled too; cancel without --engine"
            )
    stopped = queue.cancel([doc.submission_id for doc in open_]) if open_ else 0
    for document in open_:
        database.put_submission(document.model_copy(update={"cancelled": True}))
    return stopped


def _busy_cases(campaign: Campaign, database: Database, queue: Queue) -> tuple[set[str], set[str]]:
    """Return the cases with jobs on the queue that may still give an outcome, and those with jobs that are stuck.

    The jobs of a submission that is being made are not there yet; for some minutes its cases count as busy.
    """
    busy: set[str] = set()
    stuck: set[str] = set()
    documents = [doc for doc in on_this_queue(campaign, database, queue) if not doc.cancelled]
    jobs = queue.jobs([doc.submission_id for doc in documents]) if documents else []
    of: dict[str, list[QueuedJob]] = {}
    for job in jobs:
        of.setdefault(job.submission, []).append(job)
    for document in documents:
        own = of.get(document.submission_id, [])
        is_new = not own and (datetime.now(UTC) - document.created_at).total_seconds() < BEING_SUBMITTED_S
        for cases, states in ((busy, OPEN), (stuck, STUCK)):
            names = {job.case for job in own if job.state in states}
            cases.update(case.case_id for case in document.cases if f"{case.case} [{case.engine}]" in names)
        busy.update(case.case_id for case in document.cases if is_new)
    return busy, stuck


def _is_asked_for(planned: PlannedCase, database: Database, pattern: re.Pattern[str]) -> bool:
    """Tell whether structures of a case are to be computed again, whatever became of its jobs."""
    stored = database.case(planned.case_id)
    return stored is not None and asks_again(database, stored, pattern)


def _prepare(
    campaign: Campaign,
    cases: Sequence[PlannedCase],
    database: Database,
    queue: Queue,
    resources: ResourcesByKind,
    retry: str | None,
) -> tuple[SubmissionDocument, list[Flow]]:
    from liface.workflows.campaign_jobs import campaign_jobs, folder_of, independent_flows, jobs_to_do
    from liface.workflows.executor import KnownExecutor

    since = datetime.now(UTC)
    known = KnownExecutor(database.calculations, retry_pattern(retry))
    todo = jobs_to_do(campaign_jobs(cases), known, retry, since if retry else None)
    submission = uuid.uuid4().hex[:12]
    for case_job in todo:
        origin = Origin(
            submission=submission,
            campaign=campaign.name,
            case=case_job.planned.name,
            step=case_job.job.name,
            version=__version__,
        )
        case_job.job.update_metadata({ORIGIN: origin.model_dump()}, dynamic=True)
        queue.configure(case_job, resources, folder_of(case_job))
    flows = [flow for flow, _ in independent_flows(todo, campaign.name)]
    document = SubmissionDocument(
        submission_id=submission,
        campaign=campaign.name,
        queue=queue.name,
        place=queue.place,
        liface_version=__version__,
        n_cases=len(cases),
        n_jobs=len(todo),
        retry=retry,
        created_at=since.replace(microsecond=0),
        cases=tuple(_submitted_cases(cases)),
        jobs=tuple(_submitted_jobs(todo)),
    )
    return document, flows


def _submitted_cases(cases: Sequence[PlannedCase]) -> Iterator[SubmittedCase]:
    for planned in cases:
        yield SubmittedCase(
            case_id=planned.case_id, case=planned.spec.name, kind=planned.spec.kind, engine=planned.engine_label
        )


def _submitted_jobs(jobs: Sequence[CaseJob]) -> Iterator[SubmittedJob]:
    for case_job in jobs:
        job = case_job.job
        yield SubmittedJob(
            uuid=job.uuid,
            case=case_job.planned.name,
            step=job.name,
            kind=case_job.kind,
            after=tuple(job.input_uuids),
        )
