"""Campaigns on a queue: hand over, collect, follow, retry, cancel."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from liface import __version__
from liface.database import Database
from liface.dispatch.known import Known, finish_known
from liface.dispatch.phases import cases_now, phase
from liface.dispatch.queues.base import IDLE, OPEN, STUCK, JobState, Queue, QueuedJob, outcomes_in
from liface.dispatch.run import retry_pattern
from liface.documents import CaseDocument, SubmissionDocument, SubmittedCase, SubmittedJob
from liface.errors import InputError
from liface.workflows.campaign import Campaign, PlannedCase
from liface.workflows.decorators import ORIGIN, Origin

if TYPE_CHECKING:
    from jobflow import Flow

    from liface.workflows.campaign_jobs import CaseJob
    from liface.workflows.resources import ResourcesByKind


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
        The queue cannot be used; nothing was handed over.
    """
    queue.check()
    pattern = retry_pattern(retry)
    collect(campaign, database, queue)
    now = phase(campaign, database)
    known = finish_known(now.cases, database, retry=pattern)
    if now.name == "screening" and not known.pending:  # the last of it followed from calculations that were there
        now = phase(campaign, database)
        known = finish_known(now.cases, database, retry=pattern)
    busy = _busy_cases(campaign, database, queue, OPEN if retry else OPEN + STUCK)
    waiting = [planned for planned in known.pending if planned.case_id in busy]
    todo = [planned for planned in known.pending if planned.case_id not in busy]
    if not todo:
        return Submitted(None, known, waiting, note=now.note)
    document, flows = _prepare(campaign, todo, database, queue, resources, retry)
    database.put_submission(document)
    try:
        queue.submit(flows, document.submission_id)
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
    for outcome in outcomes_in(queue.store(), submissions, wanted):
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
        derive(campaign, database)
    return collected


class _Wanted:
    """Wants outputs with an unknown calculation, or with a new attempt at one that is no result."""

    def __init__(self, database: Database):
        self._database = database

    def __call__(self, calc_ids: Sequence[str], completed_at: str | None) -> bool:
        status = self._database.status_of(calc_ids)
        return any(status.get(calc_id) != "converged" for calc_id in calc_ids)


def on_this_queue(campaign: Campaign, database: Database, queue: Queue) -> list[SubmissionDocument]:
    """Return the submissions of a campaign that this queue took, also cancelled ones."""
    return [
        document
        for document in database.submissions(campaign.name)
        if document.queue == queue.name and document.place == queue.place
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
    queue.reconfigure([job for job in jobs if job.state in IDLE or (job in again and job.state == "failed")], resources)
    if again:
        queue.rerun(again)
        queue.reconfigure([job for job in again if job.state == "lost"], resources)  # once nothing of it runs any more
    return again, submit(campaign, database, queue, resources, retry=reason)


def find_lost(campaign: Campaign, database: Database, queue: Queue, after_s: float) -> list[QueuedJob]:
    """Mark the running jobs of a campaign of which nothing was heard for so long as lost, and return them."""
    own = {doc.submission_id for doc in on_this_queue(campaign, database, queue)}
    return [job for job in queue.find_lost(after_s) if job.submission in own] if own else []


def cancel(campaign: Campaign, database: Database, queue: Queue) -> int:
    """Stop and take back every job of a campaign; finished calculations are kept. Returns how many jobs that were."""
    open_ = [doc for doc in on_this_queue(campaign, database, queue) if not doc.cancelled]
    stopped = queue.cancel([doc.submission_id for doc in open_]) if open_ else 0
    for document in open_:
        database.put_submission(document.model_copy(update={"cancelled": True}))
    return stopped


def _busy_cases(campaign: Campaign, database: Database, queue: Queue, states: Sequence[JobState]) -> set[str]:
    """Return the cases that have jobs in these states on the queue."""
    busy: set[str] = set()
    documents = [doc for doc in on_this_queue(campaign, database, queue) if not doc.cancelled]
    if not documents:
        return busy
    jobs = queue.jobs([doc.submission_id for doc in documents])
    for document in documents:
        own = [job for job in jobs if job.submission == document.submission_id]
        open_ = {job.case for job in own if job.state in states}
        busy.update(case.case_id for case in document.cases if f"{case.case} [{case.engine}]" in open_)
    return busy


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
            case_id=planned.case_id, case=planned.spec.name, kind=planned.spec.kind, engine=planned.case.engine.label
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
