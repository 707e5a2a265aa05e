"""Campaigns through FireWorks: a LaunchPad in MongoDB, from which workers take jobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from liface.dispatch.queues import fireworks_actions as actions
from liface.dispatch.queues.base import IsWanted, QueuedJob, configure_by_kind, outcomes_in
from liface.dispatch.queues.fireworks_adapter import allocation, batch_system, category
from liface.dispatch.queues.fireworks_files import BLOB_KEY, FireWorksFiles, quiet, read
from liface.dispatch.queues.fireworks_states import SUBMISSION, snapshot
from liface.dispatch.queues.fireworks_submit import add_flows, make_indexes
from liface.dispatch.site import Site
from liface.documents import CalculationDocument, JobKind
from liface.errors import SubmissionError
from liface.workflows.decorators import LARGE_DATA, ORIGIN

if TYPE_CHECKING:
    from fireworks import LaunchPad
    from jobflow import Flow, JobStore

    from liface.workflows.campaign_jobs import CaseJob
    from liface.workflows.resources import Resources, ResourcesByKind

KINDS: tuple[JobKind, ...] = ("light", "potential", "dft")


class FireWorksQueue:
    """The LaunchPad of a site.

    A job goes to workers by its kind, which is its category of FireWorks, and by the name of its worker where the
    site names one. It runs in a folder named after campaign, case, engine and step.

    Raises
    ------
    MissingExtraError
        FireWorks is not installed.
    SiteError
        Its files cannot be used; file and key are named.
    """

    def __init__(self, site: Site):
        self._site = site
        self._files = FireWorksFiles(site)
        self._configs: dict[tuple[JobKind, Resources], dict[str, Any]] = {}

    @property
    def name(self) -> Literal["fireworks", "remote"]:
        """Name of the queue, as in ``--on``."""
        return "fireworks"

    @property
    def place(self) -> str:
        """Server and database."""
        return self._files.address

    @property
    def files(self) -> FireWorksFiles:
        """The files of the site."""
        return self._files

    @cached_property
    def launchpad(self) -> LaunchPad:
        """The LaunchPad; its own methods raise what the driver raises."""
        return self._files.launchpad()

    def check(self) -> None:
        """Do everything a submission needs but submitting.

        Raises
        ------
        QueueUnreachableError, SubmissionError, SiteError
            Jobs could not be handed over, or their outcomes not be read.
        """
        for kind in KINDS:
            category(kind, getattr(self._site.kinds, kind), self._files)
        with self._files.server.answering():
            if self.launchpad.fw_id_assigner.find_one({"next_fw_id": {"$exists": True}}) is None:
                raise SubmissionError(
                    f"the LaunchPad {self.place} has never been initialised; run once: "
                    f"lpad -l {self._files.launchpad_file} reset"
                )
            make_indexes(self.launchpad)
        self._check_job_store()

    def configure(self, case_job: CaseJob, resources: ResourcesByKind, folder: str) -> None:
        """Give a job, and those it makes later, worker, allocation and run folder.

        Raises
        ------
        SiteError
            The worker of a kind has no file, or takes no such jobs.
        """
        launch_dir = {"_launch_dir": str(Path(self._site.runs).expanduser() / folder)}
        configs = {kind: self._config(kind, getattr(resources, kind)) | launch_dir for kind in KINDS}
        configure_by_kind(case_job, configs)

    def submit(self, flows: Sequence[Flow], submission: str) -> None:
        """Hand over all flows, or none.

        Raises
        ------
        SubmissionError
            A job is too large, or the server refuses it; what it had taken already is taken back.
        """
        with self._files.server.answering():
            make_indexes(self.launchpad)
            add_flows(self.launchpad, flows, submission)

    def jobs(self, submissions: Sequence[str]) -> list[QueuedJob]:
        """Return every job of these submissions, also those that jobs made."""
        return self._jobs({SUBMISSION: {"$in": list(submissions)}}) if submissions else []

    def store(self) -> JobStore:
        """Return the JobStore that takes the outputs, connected."""
        store, server = self._files.job_store()
        with server.answering():
            store.connect()
            store.query_one({"uuid": ""}, properties=["uuid"])
            store.ensure_index(f"metadata.{ORIGIN}.submission")
            store.ensure_index("uuid")  # every job looks its inputs up by it, and nothing else makes it
        return store

    def outcomes(self, submissions: Sequence[str], is_wanted: IsWanted) -> Iterator[CalculationDocument]:
        """Yield the calculations in the outputs of these submissions; only outputs with a wanted one are loaded."""
        _, server = self._files.job_store()
        store = self.store()
        with server.answering():
            yield from outcomes_in(store, submissions, is_wanted)

    def reconfigure(self, jobs: Sequence[QueuedJob], resources: ResourcesByKind) -> None:
        """Give jobs that are not running, and those they make later, other workers and allocations by kind.

        Raises
        ------
        SiteError
            The worker of a kind has no file, or takes no such jobs; nothing was changed.
        """
        configs = {kind: self._config(kind, getattr(resources, kind)) for kind in KINDS}
        with self._files.server.answering(), quiet():
            actions.reconfigure(self.launchpad, jobs, configs)

    def rerun(self, jobs: Sequence[QueuedJob]) -> None:
        """Run failed or lost jobs again; those that need them wait for them as before.

        What a lost job had finished is not computed again, where workers share a folder of finished calculations.
        """
        with self._files.server.answering(), quiet():
            actions.run_again(self.launchpad, jobs, self._batch_system)

    def cancel(self, submissions: Sequence[str]) -> int:
        """Stop what runs, take back what waits; return how many jobs that were.

        A job that runs in an allocation with others comes to its end, but nothing follows from it on the queue.
        """
        with self._files.server.answering(), quiet():
            return actions.cancel(self.launchpad, submissions, self._batch_system)

    def find_lost(self, submissions: Sequence[str], after_s: float) -> list[QueuedJob]:
        """Mark running jobs of these submissions of which nothing was heard for so long as lost, and return them.

        A worker reports every ``PING_TIME_SECS`` of its ``FW_config.yaml``; less than that tells nothing.
        """
        if not submissions:
            return []
        with self._files.server.answering(), quiet():
            lost = actions.mark_lost(self.launchpad, submissions, after_s, self._batch_system)
        return self._jobs({"fw_id": {"$in": lost}}, after_s) if lost else []

    def _jobs(self, criteria: Mapping[str, Any], lost_after_s: float | None = None) -> list[QueuedJob]:
        after_s = self._site.lost_after_s if lost_after_s is None else lost_after_s
        with self._files.server.answering():
            return snapshot(self.launchpad, criteria, after_s, self._batch_system).jobs()

    def _config(self, kind: JobKind, resources: Resources) -> dict[str, Any]:
        found = self._configs.get((kind, resources))
        if found is None:
            path = self._files.adapter_file(resources)
            asked = allocation(read(path) if path else None, resources)
            found = category(kind, resources, self._files) | ({"_queueadapter": asked} if asked else {})
            self._configs[kind, resources] = found
        return found

    @property
    def _batch_system(self) -> str:
        path = self._files.adapter_file(self._site.kinds.dft)
        return batch_system(read(path) if path else None)

    def _check_job_store(self) -> None:
        """Write, read and delete an output like those of calculation jobs."""
        uuid, output = f"liface-probe-{uuid4().hex}", {"probe": [1.0, "two"]}
        described, server = self._files.job_store()
        store: Any = described  # maggma has no types
        with server.answering():
            store.connect()
            try:
                store.update({"uuid": uuid, "index": 1, "output": output, "metadata": {}}, save={LARGE_DATA: "probe"})
                kept = store.query_one({"uuid": uuid}) or {"output": {"probe": None}}
                found = store.query_one({"uuid": uuid}, load=True)
                blob = kept["output"]["probe"]
            finally:
                store.docs_store.remove_docs({"uuid": uuid})
            if isinstance(blob, dict):  # GridFS finds it by its own identity only
                store.additional_stores[LARGE_DATA].remove_docs({BLOB_KEY: blob[BLOB_KEY]})
            store.close()
        if found is None or found["output"] != output:
            raise SubmissionError(f"{server.what} {server.address}: an output was written but reads as {found}"[:300])
