"""What is done to jobs of jobflow-remote: run again, stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from liface.dispatch.queues.base import reconfigured
from liface.dispatch.queues.remote_states import in_utc
from liface.documents import JobKind
from liface.errors import SubmissionError

if TYPE_CHECKING:
    from jobflow_remote import JobController
    from jobflow_remote.config.base import WorkerBase
    from jobflow_remote.remote.queue import QueueManager

LOCK_WAIT_S = 30
"""How long a runner may hold a job that is to be changed."""

BEFORE = ("WAITING", "READY", "PAUSED")
"""States in which stopping a job is only a word in the queue."""

IDLE = (*BEFORE, "FAILED", "REMOTE_ERROR")
"""States of jobs that neither a runner nor a worker has in hand."""


def run_again(controller: JobController, doc: dict[str, Any], lost: bool) -> None:
    """Run a failed or lost job again, or only its last step where its outcome is there.

    Raises
    ------
    SubmissionError
        The queue refuses.
    """
    from jobflow_remote.utils.db import LockedDocumentError

    db_id, state = doc["db_id"], doc["state"]
    try:
        if state == "REMOTE_ERROR" and _has_outcome(controller, doc):
            controller.retry_job(db_id=db_id, wait=LOCK_WAIT_S)
            return
        controller.rerun_job(
            db_id=db_id,
            wait=LOCK_WAIT_S,
            force=lost and state.startswith("BATCH_"),  # its batch is gone; claims keep it from running twice
            break_lock=lost,
        )
    except (ValueError, LockedDocumentError) as error:
        raise SubmissionError(f"job {db_id} ({state}) cannot run again: {error}") from error


def reconfigure(controller: JobController, doc: dict[str, Any], config_of: Callable[[JobKind], dict[str, Any]]) -> None:
    """Give a job that is not running the configuration of its kind; one that has moved on keeps what it has.

    So does one whose outcome has only to be fetched from its worker.

    Raises
    ------
    SubmissionError
        A runner keeps it in hand.
    """
    from jobflow_remote.jobs.state import JobState
    from jobflow_remote.utils.db import LockedDocumentError

    if doc["state"] == "REMOTE_ERROR" and _has_outcome(controller, doc):
        return
    changes = reconfigured(doc["job"], config_of)
    values = changes["config.manager_config"] | {f"job.{path}": config for path, config in changes.items()}
    now = [JobState(doc["state"])]
    try:
        with suppress(ValueError):  # it is in another state by now
            controller.set_job_doc_properties(values, db_id=doc["db_id"], wait=LOCK_WAIT_S, acceptable_states=now)
    except LockedDocumentError as error:
        raise SubmissionError(
            f"job {doc['db_id']} ({doc['state']}) cannot be given other resources: {error}"
        ) from error


def _has_outcome(controller: JobController, doc: dict[str, Any]) -> bool:
    """Tell whether a job has run and what failed was to fetch its outcome, in spite of several attempts.

    Errors that jobflow-remote did not try again are in the outcome itself.
    """
    attempts = controller.project.runner.max_step_attempts if controller.project else 0
    fetched = doc["previous_state"] in ("RUN_FINISHED", "DOWNLOADED")
    return fetched and doc["remote"]["step_attempts"] >= attempts


def stop(controller: JobController, criteria: dict[str, Any], stale_after_s: float) -> int:
    """Stop every job that matches and has not ended; return how many those were.

    A runner goes on meanwhile: what it has in hand is waited for, and what jobs make in their last moment is
    stopped too.

    Raises
    ------
    SubmissionError
        A runner keeps jobs in hand, or programs run on that could not be stopped.
    """
    from jobflow_remote.jobs.state import RUNNING_STATES_V

    open_states = [*BEFORE, *RUNNING_STATES_V]
    stopped: list[dict[str, Any]] = []
    end = time.monotonic() + LOCK_WAIT_S
    while True:
        _break_stale_locks(controller, criteria | {"state": {"$in": open_states}}, stale_after_s)
        fields = ["db_id", "state", "worker", "uuid", "index", "remote.process_id", "job.hosts"]
        docs = list(controller.jobs.find(criteria | {"state": {"$in": open_states}}, fields))
        if not docs:
            break
        # what waits is stopped first, so that nothing becomes ready by what ends
        docs.sort(key=lambda doc: open_states.index(doc["state"]))
        stopped += [doc for doc in docs if _mark_stopped(controller, doc)]
        if time.monotonic() > end:
            held = ", ".join(doc["db_id"] for doc in docs)
            raise SubmissionError(f"a runner has these jobs in hand: {held}; the others are stopped; cancel again")
        time.sleep(0.2)
    for flow in {doc["job"]["hosts"][-1] for doc in stopped if doc["job"]["hosts"]}:
        controller.update_flow_state(flow)
    _end_programs(controller, stopped)
    return len(stopped)


def _mark_stopped(controller: JobController, doc: dict[str, Any]) -> bool:
    """Mark a job as stopped if it is still in the state it was found in and no runner has it in hand."""
    update = {"state": "USER_STOPPED", "previous_state": doc["state"], "updated_on": datetime.now(UTC)}
    found = controller.jobs.update_one(
        {"db_id": doc["db_id"], "state": doc["state"], "lock_id": None}, {"$set": update}
    )
    return bool(found.modified_count)


def _break_stale_locks(controller: JobController, criteria: dict[str, Any], stale_after_s: float) -> None:
    for doc in controller.jobs.find(criteria | {"lock_id": {"$ne": None}}, ["db_id", "lock_id", "lock_time"]):
        locked = in_utc(doc.get("lock_time"))
        if locked is None or (datetime.now(UTC) - locked).total_seconds() > stale_after_s:
            controller.jobs.update_one(
                {"db_id": doc["db_id"], "lock_id": doc["lock_id"]}, {"$set": {"lock_id": None, "lock_time": None}}
            )


def _end_programs(controller: JobController, docs: Sequence[dict[str, Any]]) -> None:
    """Cancel the allocations of stopped jobs, and take those back that wait for a batch.

    A job that runs in a batch is left to end there: the batch runs jobs of others too.
    """
    from jobflow_remote.jobs.batch import SUBMITTED_DIR
    from jobflow_remote.remote.queue import QueueManager
    from jobflow_remote.utils.remote import SharedHosts
    from qtoolkit.core.data_objects import CancelStatus

    left: list[str] = []
    project = controller.project
    if project is None:
        return
    with SharedHosts(project) as hosts:
        for doc in docs:
            worker = project.workers.get(doc["worker"])
            if worker is None or doc["state"] in BEFORE:
                continue
            process = doc["remote"]["process_id"]
            try:
                host = hosts.get_host(doc["worker"])
                if doc["state"] == "BATCH_SUBMITTED" and worker.batch is not None:
                    with suppress(FileNotFoundError):  # a batch was quicker
                        host.remove(worker.batch.jobs_handle_dir / SUBMITTED_DIR / f"{doc['uuid']}_{doc['index']}")
                elif doc["state"] in ("SUBMITTED", "RUNNING") and process:
                    queue = QueueManager(worker.get_scheduler_io(), host)
                    done = queue.cancel(process)
                    if done.status == CancelStatus.FAILED and _is_queued(queue, process, worker):
                        left.append(f"{process} on {doc['worker']}: {' '.join(str(done.stderr).split())}")
            except Exception as error:  # whatever a host answers: the others are ended, and the person is told
                left.append(f"{process or doc['db_id']} on {doc['worker']}: {type(error).__name__}: {error}")
    if left:
        raise SubmissionError(
            f"the jobs are stopped in the queue, but {len(left)} program(s) could not be ended; end them there:\n  "
            + "\n  ".join(left)
        )


def _is_queued(queue: QueueManager, process: str, worker: WorkerBase) -> bool:
    """Tell whether a scheduler still knows an allocation; one that has ended cannot be cancelled."""
    found = queue.get_jobs_list(jobs=[process], user=worker.scheduler_username)
    return process in [job.job_id for job in found]
