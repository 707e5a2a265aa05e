"""A campaign on a queue, followed to its end: collected again and again, and the next phase handed over when due."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from liface.database import Database
from liface.dispatch.phases import cases_now
from liface.dispatch.queues.base import STATES, JobState, Queue, QueuedJob
from liface.dispatch.submission import Submitted, collect, on_this_queue, submit
from liface.errors import QueueUnreachableError
from liface.workflows.campaign import Campaign
from liface.workflows.resources import ResourcesByKind

MOVING: tuple[JobState, ...] = ("ready", "queued", "running")
"""States of jobs that bring a campaign on; one that waits does so for one of these, or for nothing that will come."""


@dataclass(frozen=True)
class Standing:
    """How far a campaign is."""

    finished: int
    failed: int
    pending: int
    """Cases that wait for calculations."""
    jobs: dict[JobState, int] = field(default_factory=dict)
    """Jobs of submissions that were not cancelled, by state in the order of their lives."""

    @property
    def is_stuck(self) -> bool:
        """Tell whether cases are left that no job will bring on."""
        return self.pending > 0 and not any(state in self.jobs for state in MOVING)


def follow(
    campaign: Campaign,
    database: Database,
    queue: Queue,
    resources: ResourcesByKind,
    *,
    wait: Callable[[], None],
    tell: Callable[[Standing], None],
    handed_over: Callable[[Submitted], None],
    unreachable: Callable[[QueueUnreachableError], None],
) -> Standing:
    """Submit what is to be done, collect until nothing moves any more, and hand over what a screening chose.

    A queue that stops answering once the campaign was handed over is asked again after the next ``wait``. Where no job
    moves, it is looked at twice, since a job is woken a moment after the one it waited for.

    Parameters
    ----------
    wait
        Called between two looks at the queue.
    tell, handed_over, unreachable
        Called with how far the campaign is after each look, with each submission, and with each failure to look.

    Raises
    ------
    QueueUnreachableError, SubmissionError, SiteError
        As :func:`~liface.dispatch.submission.submit`; at the first submission the queue must answer.
    """
    handed_over(submit(campaign, database, queue, resources))
    before: Standing | None = None
    while True:
        try:
            standing = _look(campaign, database, queue)
            if not standing.pending:
                done = submit(campaign, database, queue, resources)  # the next phase, where there is one
                if done.document is not None:
                    handed_over(done)
                if done.document is not None or done.known.now:
                    continue
        except QueueUnreachableError as error:
            unreachable(error)
        else:
            tell(standing)
            if not standing.pending or (standing.is_stuck and standing == before):
                return standing
            before = standing
        wait()


def _look(campaign: Campaign, database: Database, queue: Queue) -> Standing:
    """Collect; the jobs are counted before, so that one that ends meanwhile is taken for running, not for lost."""
    jobs = _open_jobs(campaign, database, queue)
    pending = len(collect(campaign, database, queue).pending)
    stored = [database.case(planned.case_id) for planned in cases_now(campaign, database)]
    states = Counter(case.status for case in stored if case is not None)
    counts = Counter(job.state for job in jobs)
    by_state: dict[JobState, int] = {state: counts[state] for state in STATES if counts[state]}
    return Standing(states["finished"], states["failed"], pending, by_state)


def _open_jobs(campaign: Campaign, database: Database, queue: Queue) -> Sequence[QueuedJob]:
    open_ = [doc.submission_id for doc in on_this_queue(campaign, database, queue) if not doc.cancelled]
    return queue.jobs(open_) if open_ else []
