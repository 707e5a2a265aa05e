"""What was handed to a queue: the campaign, its cases, and the jobs that compute them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from liface.documents.base import Document, Moment, now, quantity

JobKind = Literal["light", "potential", "dft"]
"""What a job needs: builds and analyses are light; potentials take many structures, DFT one."""


class SubmittedCase(Document):
    """A case whose calculations were not all there when the campaign was submitted."""

    case_id: str
    case: str
    kind: str
    engine: str = Field(description="engine:model, for people.")


class SubmittedJob(Document):
    """One job of a flow; jobs that it makes later name their submission themselves."""

    uuid: str
    case: str
    step: str
    kind: JobKind
    after: tuple[str, ...] = Field(default=(), description="Jobs whose outputs it needs.")


class SubmissionDocument(Document):
    """One handing-over of a campaign to a queue."""

    submission_id: str
    campaign: str
    queue: Literal["fireworks", "remote"]
    place: str = Field(description="The server and database, or the project, that took it.")
    liface_version: str
    n_cases: int = quantity("1", "Cases handed over.")
    n_jobs: int = quantity("1", "Jobs handed over.")
    cancelled: bool = False
    retry: str | None = Field(default=None, description="Reasons of calculations that were asked for again.")
    created_at: Moment = Field(default_factory=now)
    cases: tuple[SubmittedCase, ...]
    jobs: tuple[SubmittedJob, ...]
