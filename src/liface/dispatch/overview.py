"""One view over a campaign: what is in the database, what is on a queue, what waits and why, what failed where."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from liface.database import Database
from liface.dispatch.phases import cases_now
from liface.dispatch.queues.base import STATES, JobState, Queue, QueuedJob
from liface.dispatch.submission import on_this_queue
from liface.documents import CaseDocument, SubmissionDocument
from liface.workflows.campaign import Campaign, PlannedCase

CaseState = Literal["finished", "failed", "to do"] | JobState

BY_URGENCY: tuple[JobState, ...] = ("failed", "lost", "blocked", "running", "queued", "ready", "waiting", "done")
"""A case on a queue is in the first of these states that any of its jobs is in."""

_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?")


@dataclass(frozen=True)
class CaseView:
    """One case: in the database, else on a queue, else to do."""

    planned: PlannedCase
    state: CaseState
    where: str
    stored: CaseDocument | None = None
    jobs: tuple[QueuedJob, ...] = ()


@dataclass
class Overview:
    """All cases of a campaign, and the jobs of its newest submissions."""

    cases: list[CaseView] = field(default_factory=list)
    jobs: list[QueuedJob] = field(default_factory=list)
    place: str = ""

    def job_counts(self) -> dict[JobState, int]:
        """Count jobs by state, in the order of their lives."""
        counts = Counter(job.state for job in self.jobs)
        return {state: counts[state] for state in STATES if counts[state]}

    def waiting(self) -> list[dict[str, object]]:
        """Return what waits, grouped by why."""
        return _grouped((job for job in self.jobs if job.state in ("waiting", "ready", "queued")), "waits")

    def failures(self) -> list[dict[str, object]]:
        """Return what failed or was lost on the queue, grouped by reason, with the folder of each."""
        return _grouped((job for job in self.jobs if job.state in ("failed", "lost")), "fails")


def overview(campaign: Campaign, database: Database, queue: Queue | None) -> Overview:
    """Look at the database and, where there is one, at a queue; nothing is changed.

    Raises
    ------
    QueueUnreachableError
        The queue does not answer.
    """
    seen = Overview(place=queue.place if queue else "")
    newest: dict[str, SubmissionDocument] = {}
    if queue is not None:
        documents = [doc for doc in on_this_queue(campaign, database, queue) if not doc.cancelled]
        newest = {case.case_id: doc for doc in documents for case in doc.cases}
        jobs = queue.jobs(list({doc.submission_id for doc in newest.values()})) if newest else []
        of_case: dict[tuple[str, str], list[QueuedJob]] = {}
        for job in jobs:
            of_case.setdefault((job.submission, job.case), []).append(job)
    for planned in cases_now(campaign, database):
        document = newest.get(planned.case_id)
        own = of_case.get((document.submission_id, planned.name), []) if document else []
        seen.jobs += own
        seen.cases.append(_case_view(planned, database.case(planned.case_id), own, queue))
    return seen


def _case_view(
    planned: PlannedCase, stored: CaseDocument | None, jobs: Sequence[QueuedJob], queue: Queue | None
) -> CaseView:
    states = {job.state for job in jobs}
    on_queue = next((state for state in BY_URGENCY if state in states), None)
    if stored is not None and on_queue in (None, "done"):
        return CaseView(planned, stored.status, "database", stored, tuple(jobs))
    if on_queue is not None and queue is not None:
        return CaseView(planned, on_queue, queue.name, stored, tuple(jobs))
    return CaseView(planned, "to do", "")


def _grouped(jobs: Iterable[QueuedJob], what: str) -> list[dict[str, object]]:
    groups: dict[tuple[str, str], dict[str, object]] = {}
    folders: dict[tuple[str, str], list[str]] = {}
    for job in jobs:
        key: tuple[str, str] = (job.state, _NUMBER.sub("#", job.reason))
        row = groups.setdefault(
            key, {what: job.state, "count": 0, "reason": job.reason, "example": f"{job.case}: {job.step}"}
        )
        row["count"] = int(str(row["count"])) + 1
        if job.folder:
            folders.setdefault(key, []).append(job.folder)
    for group, row in groups.items():
        row["folders"] = sorted(set(folders.get(group, [])))
    return sorted(groups.values(), key=lambda row: (-int(str(row["count"])), str(row["reason"])))
