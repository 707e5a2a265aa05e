"""How the jobs of jobflow-remote look from outside: our states, with reasons."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from liface.dispatch.queues.base import JobState, QueuedJob
from liface.dispatch.queues.fireworks_states import last_line
from liface.workflows.decorators import ORIGIN

FIELDS = (
    "db_id uuid index state previous_state worker run_dir parents error remote lock_id lock_time updated_on "
    f"job.name job.hosts job.metadata.{ORIGIN}"
).split()
"""What is read of a job; its arguments can be large."""

STATES: dict[str, JobState] = {
    "WAITING": "waiting",
    "READY": "ready",
    "CHECKED_OUT": "ready",
    "UPLOADED": "ready",
    "SUBMITTED": "queued",
    "BATCH_SUBMITTED": "queued",
    "RUNNING": "running",
    "BATCH_RUNNING": "running",
    "RUN_FINISHED": "running",
    "DOWNLOADED": "running",
    "COMPLETED": "done",
    "FAILED": "failed",
    "REMOTE_ERROR": "failed",
    "PAUSED": "waiting",
    "STOPPED": "cancelled",
    "USER_STOPPED": "cancelled",
}
MOVED_BY_RUNNER = (
    "CHECKED_OUT", "UPLOADED", "SUBMITTED", "RUNNING", "RUN_FINISHED", "DOWNLOADED", "BATCH_SUBMITTED", "BATCH_RUNNING"
)  # fmt: skip
"""States that nobody but a runner ends."""

TELLING = re.compile("error|killed|cancelled|limit|memory|denied|not found|no such file", re.IGNORECASE)
"""Lines by which a scheduler or a shell says why a job ended; the others are warnings."""

LONGEST = 300


@dataclass(frozen=True)
class Watch:
    """When somebody looked after the jobs of a project, and after how long a job that nobody watches is lost.

    Runners report to the queue now and then; as long as they do, a job that says nothing is just running.
    """

    project: str
    now: datetime
    runner_seen: datetime | None
    report_every_s: float
    lost_after_s: float

    @property
    def patience(self) -> timedelta:
        """Silence that means something: never less than what lies between two reports of a runner."""
        return timedelta(seconds=max(self.lost_after_s, 1.5 * self.report_every_s))

    @property
    def absence(self) -> str:
        """What to say where no runner has been seen lately; empty where one has."""
        if self.runner_seen and self.now - self.runner_seen < timedelta(seconds=1.5 * self.report_every_s):
            return ""
        seen = f"since {self.runner_seen:%Y-%m-%d %H:%M} UTC" if self.runner_seen else "ever"
        return f"no runner has been seen {seen}; start one: jf -p {self.project} runner start"

    def lost(self, doc: dict[str, Any]) -> str:
        """Return why a job is lost; empty where it is not."""
        if doc["state"] not in MOVED_BY_RUNNER:
            return ""
        locked = in_utc(doc.get("lock_time")) if doc.get("lock_id") else None
        if locked and self.now - locked > self.patience:
            return f"held since {locked:%Y-%m-%d %H:%M} UTC by a runner that is gone"
        news = max(filter(None, [in_utc(doc["updated_on"]), self.runner_seen]))
        return self.absence if self.now - news > self.patience else ""


def in_utc(moment: datetime | None) -> datetime | None:
    """Return a time of the queue with its time zone, which MongoDB does not keep."""
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def queued_jobs(docs: Iterable[dict[str, Any]], watch: Watch) -> list[QueuedJob]:
    """Return jobs as their documents in the queue describe them."""
    known = sorted(docs, key=lambda doc: doc["index"])
    newest = {doc["uuid"]: doc for doc in known}
    return [_queued_job(doc, newest, watch) for doc in sorted(known, key=lambda doc: _number(doc["db_id"]))]


def _queued_job(doc: dict[str, Any], newest: dict[str, dict[str, Any]], watch: Watch) -> QueuedJob:
    origin = doc["job"]["metadata"][ORIGIN]
    state, reason = _state(doc, newest, watch)
    return QueuedJob(
        job_id=doc["db_id"],
        uuid=doc["uuid"],
        submission=origin["submission"],
        case=origin["case"],
        step=step_of(doc),
        state=state,
        reason=reason[:LONGEST],
        folder=doc.get("run_dir") or "",
        worker=doc["worker"],
    )


def step_of(doc: dict[str, Any]) -> str:
    """Return the step of a job; one made by another job has a name of its own below that of its maker."""
    step, name = doc["job"]["metadata"][ORIGIN]["step"], doc["job"]["name"]
    return step if name == step else f"{step}/{name}"


def _state(doc: dict[str, Any], newest: dict[str, dict[str, Any]], watch: Watch) -> tuple[JobState, str]:
    state = STATES[doc["state"]]
    if doc["state"] == "PAUSED":
        return state, f"paused; jf -p {watch.project} job resume {doc['db_id']}"
    if state == "waiting":
        return _waiting(doc, newest)
    if state == "failed":
        return state, failure(doc)
    if lost := watch.lost(doc):
        return "lost", lost
    if state in ("done", "cancelled"):
        return state, ""
    if attempts := doc["remote"]["step_attempts"]:
        return state, f"attempt {attempts} went wrong and is repeated: {failure(doc)}"
    if state == "queued":
        process = doc["remote"]["process_id"]
        return state, f"in the queue of worker {doc['worker']}" + (f" as {process}" if process else ", in a batch")
    if state == "ready":
        return state, watch.absence or (f"on its way to worker {doc['worker']}" if doc["state"] != "READY" else "")
    return state, ""


def _waiting(doc: dict[str, Any], newest: dict[str, dict[str, Any]]) -> tuple[JobState, str]:
    """Tell what a job waits for, and whether that can come without anybody's help."""
    open_ = [parent for parent in _parents(doc, newest) if STATES[parent["state"]] != "done"]
    for ancestor in _ancestors(open_, newest):
        what = STATES[ancestor["state"]]
        if what in ("failed", "cancelled"):
            why = f"failed: {failure(ancestor)}" if what == "failed" else "was cancelled"
            return "blocked", f"waits for {step_of(ancestor)}, which {why}"
    names = list(dict.fromkeys(step_of(parent) for parent in open_))
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return "waiting", f"waits for {', '.join(names[:3])}{more}" if names else ""


def _parents(doc: dict[str, Any], newest: dict[str, dict[str, Any]]) -> Sequence[dict[str, Any]]:
    return [newest[uuid] for uuid in doc.get("parents") or () if uuid in newest]


def _ancestors(docs: Iterable[dict[str, Any]], newest: dict[str, dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """Yield jobs and everything unfinished that they need, nearest first, each once."""
    todo, seen = list(docs), set()
    while todo:
        doc = todo.pop(0)
        if doc["uuid"] not in seen:
            seen.add(doc["uuid"])
            yield doc
            todo += [parent for parent in _parents(doc, newest) if STATES[parent["state"]] != "done"]


def failure(doc: dict[str, Any]) -> str:
    """Return in one line why a job failed: the end of its traceback, or what jobflow-remote or the scheduler said."""
    remote = doc["remote"]
    text = doc.get("error") or remote.get("error") or ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return "no reason is given"
    said = last_line(text)
    if lines[0].startswith("Remote error:"):
        said = lines[0].removeprefix("Remote error: ") + (f" ({said})" if len(lines) > 1 else "")
    if answer := re.search(r"stderr='([^']*)'|stderr=\"([^\"]*)\"", said):
        said = " ".join(f"{said.split('.')[0]}: {answer[1] or answer[2]}".replace("\\n", " ").split())
    told = [line.strip() for line in (remote.get("queue_err") or "").splitlines() if TELLING.search(line)]
    if "Traceback" not in text and told:
        said += f"; queue.err: {told[-1]}"
    return said[:LONGEST]


def _number(db_id: str) -> tuple[str, int]:
    """Sort job identities by their number, after the prefix of the project."""
    digits = re.search(r"\d+$", db_id)
    return (db_id[: digits.start()], int(digits[0])) if digits else (db_id, 0)
