"""How jobs of FireWorks look from outside: our states, with reasons."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from liface.dispatch.queues.base import JobState, QueuedJob
from liface.dispatch.queues.fireworks_batch import Allocation, allocations
from liface.workflows.decorators import ORIGIN

if TYPE_CHECKING:
    from fireworks import LaunchPad

SUBMISSION = f"spec.{ORIGIN}.submission"
FIREWORK_FIELDS = (
    "fw_id", "name", "state", "launches", "updated_on", "spec._category", "spec._fworker",
    "spec._exception_details._stacktrace", "spec._tasks.job.uuid", f"spec.{ORIGIN}",
)  # fmt: skip
LAUNCH_FIELDS = (
    "launch_id", "state", "state_history", "launch_dir", "host", "fworker.name",
    "action.stored_data._exception._stacktrace", "action.exit", "action.gridfs_id",
)  # fmt: skip
"""What is read; arguments and outputs of jobs can be large."""

TAKING_S = 600
"""A worker takes a job within seconds; one that was half taken for so long was left behind."""

REMEMBERED = 200
"""So many of the newest launches tell which workers have been there."""

LONGEST = 400
CANCELLED = ("DEFUSED", "ARCHIVED", "PAUSED")

_FRAME = re.compile(r"^  File ")


@dataclass
class Snapshot:
    """Jobs, their newest launches and what they wait for, read with a few queries."""

    fireworks: dict[int, dict[str, Any]]
    launches: dict[int, dict[str, Any]]
    parents: dict[int, list[int]]
    recent: Sequence[dict[str, Any]]
    allocations: Mapping[str, Allocation] | None
    lost_after_s: float
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def jobs(self) -> list[QueuedJob]:
        """Return all jobs in the order in which they were made."""
        return [self._job(fw_id) for fw_id in sorted(self.fireworks)]

    def due(self) -> list[int]:
        """Return jobs that wait although all that they need is done: a worker ended before it could wake them."""
        return [
            fw_id
            for fw_id, fw in self.fireworks.items()
            if fw["state"] == "WAITING" and self.parents.get(fw_id) and not self._open_parents(fw_id)
        ]

    def launch(self, fw_id: int) -> dict[str, Any] | None:
        """Return the newest launch of a job that counts."""
        ids = self.fireworks[fw_id].get("launches") or []
        return self.launches.get(ids[-1]) if ids else None

    def state(self, fw_id: int) -> tuple[JobState, str]:
        """Return the state of a job, and why."""
        if fw_id not in self._states:
            self._states[fw_id] = self._state(fw_id)
        return self._states[fw_id]

    @cached_property
    def _states(self) -> dict[int, tuple[JobState, str]]:
        return {}

    def _job(self, fw_id: int) -> QueuedJob:
        fw, launch = self.fireworks[fw_id], self.launch(fw_id)
        state, reason = self.state(fw_id)
        origin = fw["spec"][ORIGIN]
        return QueuedJob(
            job_id=str(fw_id),
            uuid=fw["spec"]["_tasks"][0]["job"]["uuid"],
            submission=origin["submission"],
            case=origin["case"],
            step=step_of(fw),
            state=state,
            reason=reason[:LONGEST],
            folder=launch["launch_dir"] if launch else "",
            worker=worker_of(launch),
        )

    def _state(self, fw_id: int) -> tuple[JobState, str]:
        fw, launch = self.fireworks[fw_id], self.launch(fw_id)
        match fw["state"]:
            case "COMPLETED":
                return "done", ""
            case "FIZZLED":
                return self._fizzled(fw, launch)
            case "READY":
                return "ready", self._ready(fw)
            case "RESERVED":
                return self._reserved(fw, launch)
            case "RUNNING":
                return self._running(launch)
            case "WAITING":
                return self._waiting(fw_id)
        return "cancelled", "paused; lpad resume_fws -i " + str(fw_id) if fw["state"] == "PAUSED" else ""

    def _fizzled(self, fw: dict[str, Any], launch: dict[str, Any] | None) -> tuple[JobState, str]:
        if launch is None:  # it could not even be read
            details = fw["spec"].get("_exception_details") or {}
            return "failed", _explained(last_line(details.get("_stacktrace", "")), _any_worker(fw))
        if not launch.get("action"):
            seen = heartbeat(launch)
            since = f" since {seen:%Y-%m-%d %H:%M} UTC" if seen else ""
            return "lost", f"nothing was heard of worker {worker_of(launch)}{since}"
        stored = (launch["action"].get("stored_data") or {}).get("_exception") or {}
        return "failed", _explained(last_line(stored.get("_stacktrace", "")), f"worker {worker_of(launch)}")

    def _ready(self, fw: dict[str, Any]) -> str:
        kind, named = fw["spec"].get("_category"), fw["spec"].get("_fworker")
        whom = f"for a worker of category {kind}" + (f" named {named}" if named else "")
        seen = [launch for launch in self.recent if _accepts(launch["fworker"], kind, named)]
        if not seen:
            return f"{whom}; none has taken a job here yet"
        newest = seen[0]
        when = heartbeat(newest)
        return f"{whom}; {worker_of(newest)} took one {_ago(self.now - when)} ago" if when else whom

    def _reserved(self, fw: dict[str, Any], launch: dict[str, Any] | None) -> tuple[JobState, str]:
        allocation_id = reservation(launch)
        if allocation_id is None:
            taken = moment(fw.get("updated_on"))
            if taken and self.now - taken > timedelta(seconds=TAKING_S):
                return "lost", f"a worker took it at {taken:%Y-%m-%d %H:%M} UTC and ended before it could start it"
            return "queued", "a worker is taking it"
        known = (self.allocations or {}).get(allocation_id)
        if known is None:
            if self.allocations is not None and self._can_tell(launch):
                return "lost", f"allocation {allocation_id} is gone and never started it"
            return "queued", f"in allocation {allocation_id}"
        if known.has_ended:
            return "lost", f"allocation {allocation_id} ended ({known.state.lower()}) and never started it"
        return "queued", f"allocation {allocation_id} is {known.state.lower()}: {known.reason}"

    def _can_tell(self, launch: dict[str, Any] | None) -> bool:
        """Tell whether an allocation that the batch system does not know here is known nowhere.

        On the machine it was submitted from it is; on another one only after a while, since that may ask another
        batch system.
        """
        seen = heartbeat(launch)
        is_old = seen is not None and self.now - seen > timedelta(seconds=self.lost_after_s)
        return is_old or (launch is not None and launch.get("host") == socket.gethostname())

    def _running(self, launch: dict[str, Any] | None) -> tuple[JobState, str]:
        allocation_id = reservation(launch)
        known = (self.allocations or {}).get(allocation_id or "")
        if known is not None and known.has_ended and launch is not None and launch["state"] == "RUNNING":
            return "lost", f"allocation {allocation_id} ended: {known.state.lower()}"
        seen = heartbeat(launch)
        if seen and self.now - seen > timedelta(seconds=self.lost_after_s):
            return "lost", f"nothing was heard of worker {worker_of(launch)} since {seen:%Y-%m-%d %H:%M} UTC"
        return "running", ""

    def _waiting(self, fw_id: int) -> tuple[JobState, str]:
        """Tell what a job waits for, and whether that can come without anybody's help."""
        if not self.parents.get(fw_id):
            return "blocked", "its submission was interrupted; cancel the campaign and submit it again"
        open_ = self._open_parents(fw_id)
        if not open_:
            return "waiting", "all it needs is done; looking for lost jobs wakes it"
        moving = []
        for ancestor in self._ancestors(open_):
            state = self.fireworks[ancestor]["state"]
            if state in CANCELLED or (state == "FIZZLED" and self.state(ancestor)[0] == "failed"):
                return "blocked", f"waits for {self._named(ancestor, fw_id)}"
            if state != "WAITING":
                moving.append(ancestor)
        first = min(moving, default=open_[0])
        more = f" and {len(moving) - 1} more" if len(moving) > 1 else ""
        return "waiting", f"waits for {self._named(first, fw_id)}{more}"

    def _ancestors(self, fw_ids: Iterable[int]) -> Iterator[int]:
        """Yield unfinished jobs and everything unfinished that they need, nearest first, each once."""
        todo, seen = list(fw_ids), set()
        while todo:
            fw_id = todo.pop(0)
            if fw_id not in seen:
                seen.add(fw_id)
                yield fw_id
                todo += self._open_parents(fw_id)

    def _open_parents(self, fw_id: int) -> list[int]:
        own = sorted(self.parents.get(fw_id, []))
        return [each for each in own if each in self.fireworks and self.fireworks[each]["state"] != "COMPLETED"]

    def _named(self, fw_id: int, beside: int) -> str:
        """Name a job, with its case unless the job beside it is of the same."""
        fw = self.fireworks[fw_id]
        case = fw["spec"][ORIGIN]["case"]
        of_case = "" if case == self.fireworks[beside]["spec"][ORIGIN]["case"] else f" of {case}"
        return f"{step_of(fw)}{of_case} ({self.state(fw_id)[0]})"


def snapshot(
    launchpad: LaunchPad, criteria: Mapping[str, Any], lost_after_s: float, batch_system: str = "SLURM"
) -> Snapshot:
    """Read the jobs that meet ``criteria``; for the states of those that wait, all of their workflow must."""
    fireworks = {fw["fw_id"]: fw for fw in launchpad.fireworks.find(dict(criteria), FIREWORK_FIELDS)}
    states = {fw["state"] for fw in fireworks.values()}
    newest = [fw["launches"][-1] for fw in fireworks.values() if fw.get("launches")]
    launches = {
        launch["launch_id"]: launch for launch in launchpad.launches.find({"launch_id": {"$in": newest}}, LAUNCH_FIELDS)
    }
    recent: list[dict[str, Any]] = []
    if "READY" in states:
        newest_first = launchpad.launches.find({}, ["launch_id", "host", "fworker", "state_history"])
        recent = list(newest_first.sort("launch_id", -1).limit(REMEMBERED))
    return Snapshot(
        fireworks=fireworks,
        launches=launches,
        parents=_parents(launchpad, fireworks) if "WAITING" in states else {},
        recent=recent,
        allocations=allocations(_open_allocations(fireworks, launches), batch_system),
        lost_after_s=lost_after_s,
    )


def step_of(fw: Mapping[str, Any]) -> str:
    """Return the step of a job; one made by another job has a name of its own below that of its maker."""
    step, name = fw["spec"][ORIGIN]["step"], fw["name"]
    return step if name == step else f"{step}/{name}"


def worker_of(launch: Mapping[str, Any] | None) -> str:
    """Return the name of a worker and the machine it is on."""
    return f"{(launch.get('fworker') or {}).get('name')}@{launch.get('host')}" if launch else ""


def reservation(launch: Mapping[str, Any] | None) -> str | None:
    """Return the allocation that was made for a job alone."""
    history = (launch or {}).get("state_history") or []
    return next((str(entry["reservation_id"]) for entry in history if "reservation_id" in entry), None)


def heartbeat(launch: Mapping[str, Any] | None) -> datetime | None:
    """Return when a worker was last heard of while it ran a job, or when it had it reserved."""
    history = (launch or {}).get("state_history") or []
    times = [moment(entry.get("updated_on")) for entry in history if entry["state"] in ("RUNNING", "RESERVED")]
    return max(filter(None, times), default=None)


def moment(value: Any) -> datetime | None:
    """Return a time of FireWorks, which keeps some as text; all are in UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def last_line(stacktrace: str) -> str:
    """Return type and message of the exception at the end of a stack trace, in one line."""
    lines = stacktrace.rstrip().splitlines()
    frames = [i for i, line in enumerate(lines) if _FRAME.match(line)]
    rest = lines[frames[-1] :] if frames else lines
    start = next((i for i, line in enumerate(rest) if line and not line.startswith(" ")), 0)
    return re.sub(r"^[\w.]*\.(\w+)(?=:|$)", r"\1", " ".join(" ".join(rest[start:]).split()))


def _explained(reason: str, worker: str) -> str:
    if re.search(r"No module named '(liface|jobflow)", reason):
        return f"{reason}; {worker} has no liface installed: install it where the jobs run, and retry"
    return reason or f"{worker} said nothing"


def _any_worker(fw: Mapping[str, Any]) -> str:
    return f"a worker of category {fw['spec'].get('_category')}"


def _accepts(worker: Mapping[str, Any], kind: str | None, named: str | None) -> bool:
    own = worker.get("category")
    return named in (None, worker.get("name")) and (not own or kind in ([own] if isinstance(own, str) else own))


def _ago(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"


def _parents(launchpad: LaunchPad, fireworks: Iterable[int]) -> dict[int, list[int]]:
    """Return what each job needs, from the workflows."""
    found: dict[int, list[int]] = {}
    submissions = {"nodes": {"$in": list(fireworks)}}
    for workflow in launchpad.workflows.find(submissions, ["parent_links"]):
        found |= {int(child): list(parents) for child, parents in workflow["parent_links"].items()}
    return found


def _open_allocations(
    fireworks: Mapping[int, Mapping[str, Any]], launches: Mapping[int, Mapping[str, Any]]
) -> set[str]:
    """Return the allocations of jobs that are reserved or run."""
    open_ = [
        fw["launches"][-1] for fw in fireworks.values() if fw["state"] in ("RESERVED", "RUNNING") and fw["launches"]
    ]
    return {found for each in open_ if (found := reservation(launches.get(each)))}
