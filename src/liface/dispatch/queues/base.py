"""What every queue offers, and how jobs look from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from liface.dispatch.queues.stored_classes import JOBS, check_classes
from liface.documents import CalculationDocument, JobKind
from liface.workflows.decorators import ORIGIN, Outcomes

if TYPE_CHECKING:
    from jobflow import Flow, JobStore

    from liface.workflows.campaign_jobs import CaseJob
    from liface.workflows.resources import ResourcesByKind

JobState = Literal["waiting", "ready", "queued", "running", "done", "failed", "blocked", "lost", "cancelled"]
"""waiting: for other jobs; ready: for an allocation; queued: in one that has not started; lost: its worker is gone;
blocked: waiting for a job that failed or was cancelled."""

STATES: tuple[JobState, ...] = get_args(JobState)
OPEN: tuple[JobState, ...] = ("waiting", "ready", "queued", "running", "lost")
"""States of jobs that may still give an outcome by themselves, or once they are found."""

IDLE: tuple[JobState, ...] = ("waiting", "ready", "blocked")
"""States of jobs that no worker has begun."""

STUCK: tuple[JobState, ...] = ("failed", "blocked")
"""States that last until somebody retries or cancels."""


@dataclass(frozen=True)
class QueuedJob:
    """One job as its queue knows it."""

    job_id: str
    """What the commands of the queue call it."""
    uuid: str
    submission: str
    case: str
    step: str
    state: JobState
    reason: str = ""
    """Why it failed, or what it waits for."""
    folder: str = ""
    worker: str = ""


class Queue(Protocol):
    """A queue of a site. Every method raises QueueUnreachableError where its server does not answer."""

    @property
    def name(self) -> Literal["fireworks", "remote"]:
        """Name of the queue, as in ``--on``."""

    @property
    def place(self) -> str:
        """Server and database, or project; tells two queues apart."""

    def check(self) -> None:
        """Do everything a submission needs but submitting.

        Raises
        ------
        QueueUnreachableError, SubmissionError, SiteError
            Jobs could not be handed over, or their outcomes not be read.
        """

    def configure(self, case_job: CaseJob, resources: ResourcesByKind, folder: str) -> None:
        """Give a job, and those it makes later, resources by kind and a run folder."""

    def submit(self, flows: Sequence[Flow], submission: str) -> None:
        """Hand over all flows, or none.

        Raises
        ------
        SubmissionError
            The queue refused; what it had taken already is taken back.
        """

    def jobs(self, submissions: Sequence[str]) -> list[QueuedJob]:
        """Return every job of these submissions, also those that jobs made."""

    def store(self) -> JobStore:
        """Return the JobStore that takes the outputs, connected."""

    def outcomes(self, submissions: Sequence[str], is_wanted: IsWanted) -> Iterator[CalculationDocument]:
        """Yield the calculations in the outputs of these submissions; only outputs with a wanted one are loaded."""

    def reconfigure(self, jobs: Sequence[QueuedJob], resources: ResourcesByKind) -> None:
        """Give jobs that are not running, and those they make later, other resources by kind; run folders stay.

        One that is started meanwhile keeps what it has.
        """

    def rerun(self, jobs: Sequence[QueuedJob]) -> None:
        """Run failed or lost jobs again."""

    def cancel(self, submissions: Sequence[str]) -> int:
        """Stop what runs, take back what waits; return how many jobs that were."""

    def find_lost(self, submissions: Sequence[str], after_s: float) -> list[QueuedJob]:
        """Mark running jobs of these submissions of which nothing was heard for so long as lost, and return them."""


def configure_by_kind(case_job: CaseJob, configs: dict[JobKind, dict]) -> None:
    """Set the manager configuration of a job by its kind, and of the jobs that it may make later by theirs."""
    from liface.workflows.jobs.calculate import calculate_structure

    job = case_job.job
    job.config.pass_manager_config = False
    job.config.manager_config = configs[case_job.kind]
    job.config_updates.append(_later(configs["light"]))
    job.config_updates.append(_later(configs["dft"]) | {"function_filter": calculate_structure})


def reconfigured(stored: Mapping[str, Any], config_of: Callable[[JobKind], dict]) -> dict[str, dict]:
    """Return what :func:`configure_by_kind` would give a job that jobflow has made a dictionary of, by paths in it."""
    from jobflow import Job

    from liface.workflows.campaign_jobs import kind_of, makes_dft_jobs

    check_classes(stored, JOBS, "a job in the queue")
    job = Job.from_dict(dict(stored))
    assert isinstance(job, Job)
    changes = {"config.manager_config": config_of(kind_of(job))}
    if makes_dft_jobs(job):
        for i, update in enumerate(stored["config_updates"]):
            later = config_of("dft" if update["function_filter"] else "light")
            changes[f"config_updates.{i}.config.manager_config"] = later
    return changes


def _later(config: dict) -> dict:
    """Return a change that jobflow applies to jobs made later, and not to this one."""
    change = {"manager_config": config, "pass_manager_config": False}
    return {"config": change, "name_filter": None, "function_filter": None, "attributes": None, "dict_mod": False}


def outcomes_in(store: JobStore, submissions: Sequence[str], is_wanted: IsWanted) -> Iterator[CalculationDocument]:
    """Yield the calculations in the outputs of these submissions; only outputs with a wanted one are loaded.

    An output of which a part is not there yet is left for the next time.
    """
    criteria = {f"metadata.{ORIGIN}.submission": {"$in": list(submissions)}, "output.@class": Outcomes.__name__}
    rows = store.query(criteria, properties=["uuid", "index", "output.calc_ids", "completed_at"])
    for row in list(rows):
        if not is_wanted(row["output"]["calc_ids"], row.get("completed_at")):
            continue
        try:
            whole = store.query_one({"uuid": row["uuid"], "index": row["index"]}, properties=["output"], load=True)
        except KeyError:  # jobflow stores an output first and its large parts after it: a worker is at it just now
            continue
        if whole is not None:
            outcomes = Outcomes.model_validate(_plain(whole["output"]))
            yield from (*outcomes.prerelaxed, *outcomes.calculations)


class IsWanted(Protocol):
    """Decides by identities, and by when their job ended, whether an output is worth reading."""

    def __call__(self, calc_ids: Sequence[str], completed_at: str | None) -> bool:
        """Tell whether any of them is new."""


def _plain(output: dict) -> dict:
    return {key: value for key, value in output.items() if not key.startswith("@")}
