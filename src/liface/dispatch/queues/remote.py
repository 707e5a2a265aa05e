"""Campaigns through jobflow-remote: a project with a queue in MongoDB, a runner, and workers near or far."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from liface.dispatch.queues.base import IsWanted, QueuedJob, configure_by_kind, outcomes_in
from liface.dispatch.queues.remote_actions import IDLE, reconfigure, run_again, stop
from liface.dispatch.queues.remote_project import (
    answering,
    check_job_store,
    check_queue,
    connect,
    job_store,
    place_of,
    read_project,
)
from liface.dispatch.queues.remote_resources import manager_config, worker_of
from liface.dispatch.queues.remote_states import FIELDS, MOVED_BY_RUNNER, Watch, in_utc, queued_jobs
from liface.dispatch.site import Site
from liface.documents import CalculationDocument, JobKind
from liface.errors import HalfSubmittedError, SubmissionError
from liface.workflows.decorators import ORIGIN

if TYPE_CHECKING:
    from jobflow import Flow, JobStore
    from jobflow_remote import JobController

    from liface.workflows.campaign_jobs import CaseJob
    from liface.workflows.resources import ResourcesByKind

SUBMISSION = f"job.metadata.{ORIGIN}.submission"


class RemoteQueue:
    """The queue of a project of jobflow-remote.

    Raises
    ------
    MissingExtraError
        jobflow-remote is not installed.
    SiteError
        The project of the site does not exist, or its file cannot be used.
    """

    def __init__(self, site: Site):
        self._site = site
        self._project = read_project(site.project)
        self._lost_after_s = site.lost_after_s
        self._configs: dict[tuple[ResourcesByKind, JobKind], dict[str, Any]] = {}

    @property
    def name(self) -> Literal["fireworks", "remote"]:
        """Name of the queue, as in ``--on``."""
        return "remote"

    @cached_property
    def place(self) -> str:
        """Project, server and database."""
        return place_of(self._project)

    @cached_property
    def _controller(self) -> JobController:
        with answering(self.place):
            return connect(self._project)

    def check(self) -> None:
        """Do everything a submission needs but submitting.

        Raises
        ------
        QueueUnreachableError, SubmissionError, SiteError
            Jobs could not be handed over, or their outcomes not be read.
        """
        check_queue(self._controller, self.place)
        check_job_store(self._project)
        kinds = self._site.kinds
        named: tuple[tuple[JobKind, Any], ...] = (
            ("light", kinds.light), ("potential", kinds.potential), ("dft", kinds.dft)
        )  # fmt: skip
        for kind, resources in named:
            if resources.worker is not None:
                worker_of(self._project, kind, resources)

    def configure(self, case_job: CaseJob, resources: ResourcesByKind, folder: str) -> None:
        """Give a job, and those it makes later, worker and resources by kind.

        jobflow-remote names run folders itself; ``folder`` becomes a link when the job runs.

        Raises
        ------
        SubmissionError
            The worker of a kind is not known, or cannot give the resources.
        """
        light = self._config("light", resources)
        own = self._config(case_job.kind, resources)
        dft = self._config("dft", resources) if case_job.planned.engine.is_dft else light
        configure_by_kind(case_job, {"light": light, case_job.kind: own, "dft": dft})

    def submit(self, flows: Sequence[Flow], submission: str) -> None:
        """Hand over all flows, or none.

        Raises
        ------
        SubmissionError
            The queue refused; what it had taken already is taken back.
        """
        from bson.errors import BSONError  # a job that is too large
        from pymongo.errors import PyMongoError

        controller, handed = self._controller, []
        worker = next(iter(self._project.workers))  # every job names its own
        try:
            controller.jobs.create_index(SUBMISSION)
            for flow in flows:
                handed.append(flow.uuid)
                controller.add_flow(flow, worker=worker)
        except BaseException as error:
            self._take_back(handed)
            if isinstance(error, PyMongoError | BSONError | ValueError):
                said = " ".join(str(error).split())[:300]
                raise SubmissionError(f"{self.place} refused after {len(handed) - 1} workflow(s): {said}") from error
            raise

    def jobs(self, submissions: Sequence[str]) -> list[QueuedJob]:
        """Return every job of these submissions, also those that jobs made."""
        return self._jobs({SUBMISSION: {"$in": list(submissions)}})

    def store(self) -> JobStore:
        """Return the JobStore that takes the outputs, connected."""
        return job_store(self._project)

    def outcomes(self, submissions: Sequence[str], is_wanted: IsWanted) -> Iterator[CalculationDocument]:
        """Yield the calculations in the outputs of these submissions; only outputs with a wanted one are loaded."""
        store = self.store()
        with answering(self.place):
            yield from outcomes_in(store, submissions, is_wanted)

    def reconfigure(self, jobs: Sequence[QueuedJob], resources: ResourcesByKind) -> None:
        """Give jobs that are not running, and those they make later, other workers and resources by kind.

        A job whose outcome has only to be fetched keeps its worker.

        Raises
        ------
        SubmissionError
            The worker of a kind is not known, or cannot give the resources; or a runner keeps a job in hand.
        """
        idle = {"db_id": {"$in": [job.job_id for job in jobs]}, "state": {"$in": list(IDLE)}}
        fields = ["db_id", "state", "previous_state", "remote", "job"]
        with answering(self.place):
            for doc in list(self._controller.jobs.find(idle, fields)):
                reconfigure(self._controller, doc, lambda kind: self._config(kind, resources))

    def rerun(self, jobs: Sequence[QueuedJob]) -> None:
        """Run failed or lost jobs again.

        Raises
        ------
        SubmissionError
            The queue refuses for some of them; the others run again.
        """
        lost = {job.job_id for job in jobs if job.state == "lost"}
        refused: list[str] = []
        with answering(self.place):
            fields = ["db_id", "state", "previous_state", "remote"]
            for doc in self._controller.jobs.find({"db_id": {"$in": [job.job_id for job in jobs]}}, fields):
                try:
                    run_again(self._controller, doc, lost=doc["db_id"] in lost)
                except SubmissionError as error:
                    refused.append(str(error))
        if refused:
            raise SubmissionError(f"{len(jobs) - len(refused)} of {len(jobs)} jobs run again; " + "; ".join(refused))

    def cancel(self, submissions: Sequence[str]) -> int:
        """Stop what runs, take back what waits; return how many jobs that were.

        Raises
        ------
        SubmissionError
            A runner keeps jobs in hand, or programs run on that could not be ended.
        """
        with answering(self.place):
            stale_after_s = self._watch().patience.total_seconds()
            return stop(self._controller, {SUBMISSION: {"$in": list(submissions)}}, stale_after_s)

    def find_lost(self, submissions: Sequence[str], after_s: float) -> list[QueuedJob]:
        """Count jobs of these submissions as lost from now on that nobody looked after for so long, and return them.

        What a live runner watches is not lost, however long it runs.
        """
        self._lost_after_s = after_s
        found = self._jobs({SUBMISSION: {"$in": list(submissions)}, "state": {"$in": list(MOVED_BY_RUNNER)}})
        return [job for job in found if job.state == "lost"]

    def _jobs(self, criteria: dict[str, Any]) -> list[QueuedJob]:
        with answering(self.place):
            return queued_jobs(self._controller.jobs.find(criteria, FIELDS), self._watch())

    def _watch(self) -> Watch:
        """Ask when a runner last reported to the queue."""
        pings = self._controller.get_runner_pings()
        running = self._controller.get_running_runner()
        times = [ping.get("time") for ping in pings[-1:]]
        times += [running.get("last_pinged")] if isinstance(running, dict) else []
        return Watch(
            project=self._project.name,
            now=datetime.now(UTC),
            runner_seen=max(filter(None, map(in_utc, times)), default=None),
            report_every_s=self._project.runner.delay_ping_db,
            lost_after_s=self._lost_after_s,
        )

    def _config(self, kind: JobKind, resources: ResourcesByKind) -> dict[str, Any]:
        if (resources, kind) not in self._configs:
            found = manager_config(self._project, self._site, kind, getattr(resources, kind))
            self._configs[resources, kind] = found
        return self._configs[resources, kind]

    def _take_back(self, flows: Sequence[str]) -> None:
        from jobflow_remote.utils.db import LockedDocumentError
        from pymongo.errors import PyMongoError

        try:
            self._controller.delete_flows(list(flows), max_limit=0, raise_on_error=True, wait=30)
        except (PyMongoError, LockedDocumentError, RuntimeError, ValueError) as error:
            raise HalfSubmittedError(
                f"{self.place} failed, and workflows that it had taken could not be taken back ({error}); "
                f"remove them: jf -p {self._project.name} flow delete {' '.join(f'-fid {uuid}' for uuid in flows)}"
            ) from error
