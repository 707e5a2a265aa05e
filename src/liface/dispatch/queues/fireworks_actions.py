"""Changing jobs of FireWorks: run again, cancel, find what was lost."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from liface.dispatch.queues import fireworks_batch
from liface.dispatch.queues.base import QueuedJob, reconfigured
from liface.dispatch.queues.fireworks_states import SUBMISSION, reservation, snapshot
from liface.dispatch.queues.fireworks_submit import OF_WORKFLOW
from liface.documents import JobKind
from liface.errors import SubmissionError

if TYPE_CHECKING:
    from fireworks import LaunchPad

STALE_LOCK_S = 20.0
"""A workflow is locked for the blink of an eye; a lock that nothing happens under for so long was left behind."""

TAKING_S = 60.0
"""A worker takes a job in several steps; between them it may import a lot."""

CANCELLABLE = ("WAITING", "READY", "RUNNING", "PAUSED", "FIZZLED")
IDLE = ("WAITING", "READY", "PAUSED", "FIZZLED")
"""States of jobs that no worker has."""

PLACING = ("_category", "_fworker", "_queueadapter")
"""Where a job says who takes it, and in what allocation."""

RERUNNABLE = ("FIZZLED", "RESERVED", "RUNNING")


def reconfigure(launchpad: LaunchPad, jobs: Sequence[QueuedJob], configs: Mapping[JobKind, dict[str, Any]]) -> None:
    """Give jobs that no worker has configurations by kind, each in its own run folder.

    Raises
    ------
    SubmissionError
        A workflow stays locked.
    """
    from fireworks.core.launchpad import LockedWorkflowError, WFLock

    ids = [int(job.job_id) for job in jobs]
    unlock(launchpad, {"nodes": {"$in": ids}})
    for workflow in list(launchpad.workflows.find({"nodes": {"$in": ids}}, ["nodes"])):
        own = {"fw_id": {"$in": sorted({*ids} & {*workflow["nodes"]})}, "state": {"$in": IDLE}}
        try:
            with WFLock(launchpad, workflow["nodes"][0]):  # what happens to a workflow writes whole jobs
                for fw in list(launchpad.fireworks.find(own, ["fw_id", "spec", "state"])):
                    same = {"fw_id": fw["fw_id"], "state": fw["state"]}
                    launchpad.fireworks.update_one(same, _changes(fw["spec"], configs))
        except LockedWorkflowError as error:
            raise _locked(workflow["nodes"][0]) from error


def _changes(spec: dict[str, Any], configs: Mapping[JobKind, dict[str, Any]]) -> dict[str, Any]:
    """Return an update that lets a job be as if it had been submitted with these configurations."""
    folder = {key: spec[key] for key in ("_launch_dir",) if key in spec}
    job = spec["_tasks"][0]["job"]
    changes = reconfigured(job, lambda kind: configs[kind] | folder)
    own = changes["config.manager_config"]
    new = {f"spec.{key}": own[key] for key in PLACING if key in own}
    new |= {f"spec._tasks.0.job.{path}": config for path, config in changes.items()}
    old = {f"spec.{key}": "" for key in PLACING if key not in own}
    return {"$set": new} | ({"$unset": old} if old else {})


def run_again(launchpad: LaunchPad, jobs: Sequence[QueuedJob], batch_system: str) -> None:
    """Run failed and lost jobs again; one that has come to its end meanwhile is left alone.

    Raises
    ------
    SubmissionError
        A workflow stays locked.
    """
    ids = [int(job.job_id) for job in jobs if job.state in ("failed", "lost")]
    unlock(launchpad, {"nodes": {"$in": ids}})
    found = list(launchpad.fireworks.find({"fw_id": {"$in": ids}, "state": {"$in": RERUNNABLE}}, ["fw_id", "launches"]))
    open_ = _open_launches(launchpad, found)
    # An allocation that hangs would come back to a job that somebody else has by then.
    fireworks_batch.cancel(sorted({each for launch in open_ if (each := reservation(launch))}), batch_system)
    for launch in open_:
        _end_launch(launchpad, launch)
    for fw in found:
        _rerun(launchpad, fw["fw_id"])


def cancel(launchpad: LaunchPad, submissions: Sequence[str], batch_system: str) -> int:
    """Take back what waits and end the allocations of single jobs; what runs in a shared one comes to its end unheard.

    Raises
    ------
    SubmissionError
        Allocations could not be ended; their jobs are cancelled nevertheless.
    """
    workflows = {OF_WORKFLOW: {"$in": list(submissions)}}
    unlock(launchpad, workflows)
    cancelled: set[int] = set()
    allocations: set[str] = set()
    end = time.monotonic() + TAKING_S
    while found := _cancellable(launchpad, submissions):
        reserved = {
            launch["fw_id"]: each for launch in _open_launches(launchpad, found) if (each := reservation(launch))
        }
        allocations |= set(reserved.values())
        for workflow in list(launchpad.workflows.find(workflows, ["nodes"])):
            nodes = workflow["nodes"]
            # What a worker is taking right now, it would write over; it is cancelled once it has been taken.
            settled = nodes if time.monotonic() > end else [fw_id for fw_id in nodes if fw_id in reserved]
            cancelled.update(_defuse(launchpad, nodes, settled))
        if _cancellable(launchpad, submissions):
            time.sleep(0.2)
    if problem := fireworks_batch.cancel(sorted(allocations), batch_system):
        raise SubmissionError(f"{len(cancelled)} jobs are cancelled, but allocations may run on: {problem}")
    return len(cancelled)


def mark_lost(launchpad: LaunchPad, submissions: Sequence[str], after_s: float, batch_system: str) -> list[int]:
    """Give up runs of which nothing was heard for so long, and finish what a worker left half written."""
    own = {SUBMISSION: {"$in": list(submissions)}}
    running = own | {"state": "RUNNING"}
    unlock(launchpad, {OF_WORKFLOW: {"$in": list(submissions)}, "state": {"$ne": "COMPLETED"}})
    _, lost, _ = launchpad.detect_lostruns(expiration_secs=after_s, fizzle=True, refresh=True, query=running)
    open_ = own | {"state": {"$in": ["WAITING", "RESERVED", "RUNNING"]}}
    members = _members(launchpad, {fw["fw_id"] for fw in launchpad.fireworks.find(open_, ["fw_id"])})
    seen = snapshot(launchpad, {"fw_id": {"$in": members}}, after_s, batch_system)
    for fw_id in seen.due():
        for each in (*seen.parents[fw_id], fw_id):
            launchpad._refresh_wf(each)
    taken = [fw_id for fw_id, fw in seen.fireworks.items() if fw["state"] in ("RESERVED", "RUNNING")]
    stuck = [fw_id for fw_id in taken if seen.state(fw_id)[0] == "lost"]
    return sorted({*lost, *stuck})


def unlock(launchpad: LaunchPad, criteria: dict[str, Any]) -> None:
    """Open workflows whose lock a killed worker has left behind; those where something happens are in use."""
    stamps = _locks(launchpad, criteria)
    end = time.monotonic() + STALE_LOCK_S
    while stamps and time.monotonic() < end:
        time.sleep(STALE_LOCK_S / 40)
        now = _locks(launchpad, {"_id": {"$in": list(stamps)}})
        stamps = {key: stamp for key, stamp in stamps.items() if now.get(key) == stamp}
    for key, stamp in stamps.items():
        launchpad.workflows.update_one({"_id": key, "updated_on": stamp}, {"$unset": {"locked": True}})


def _locks(launchpad: LaunchPad, criteria: dict[str, Any]) -> dict[Any, Any]:
    """Return the workflows that are locked, and when each was changed last."""
    found = launchpad.workflows.find(criteria | {"locked": True}, ["updated_on"])
    return {workflow["_id"]: workflow["updated_on"] for workflow in found}


def _cancellable(launchpad: LaunchPad, submissions: Sequence[str]) -> list[dict[str, Any]]:
    criteria = {SUBMISSION: {"$in": list(submissions)}, "state": {"$in": [*CANCELLABLE, "RESERVED"]}}
    return list(launchpad.fireworks.find(criteria, ["fw_id", "launches"]))


def _defuse(launchpad: LaunchPad, nodes: Sequence[int], reserved: Sequence[int]) -> list[int]:
    """Cancel what is not done of a workflow under its lock, so that a job that ends now wakes nothing.

    Of the jobs that are reserved, only those of ``reserved``. Returns what was cancelled.
    """
    from fireworks.core.launchpad import LockedWorkflowError, WFLock

    now = datetime.now(UTC).isoformat()
    defused = {"state": "DEFUSED", "updated_on": now}
    try:
        with WFLock(launchpad, nodes[0]):
            for ids, states in ((nodes, CANCELLABLE), (reserved, ["RESERVED"])):
                mine = {"fw_id": {"$in": list(ids)}, "state": {"$in": list(states)}}
                launchpad.fireworks.update_many(mine, {"$set": defused})
            done = [
                fw["fw_id"] for fw in launchpad.fireworks.find({"fw_id": {"$in": list(nodes)}} | defused, ["fw_id"])
            ]
            if done:
                states_of = {f"fw_states.{fw_id}": "DEFUSED" for fw_id in done}
                launchpad.workflows.update_one({"nodes": nodes[0]}, {"$set": states_of | defused})
            return done
    except LockedWorkflowError as error:
        raise _locked(nodes[0]) from error


def _open_launches(launchpad: LaunchPad, found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    ids = [launch_id for fw in found for launch_id in fw.get("launches") or ()]
    criteria = {"launch_id": {"$in": ids}, "state": {"$in": ["RESERVED", "RUNNING"]}}
    return list(launchpad.launches.find(criteria, ["launch_id", "fw_id", "state", "state_history"]))


def _end_launch(launchpad: LaunchPad, launch: dict[str, Any]) -> None:
    """Let a launch be over, as FireWorks does with a lost one, but leave its job alone."""
    now = datetime.now(UTC).isoformat()
    entry = {"state": "FIZZLED", "created_on": now}
    same = {"launch_id": launch["launch_id"], "state": launch["state"]}
    launchpad.launches.update_one(same, {"$set": {"state": "FIZZLED"}, "$push": {"state_history": entry}})


def _rerun(launchpad: LaunchPad, fw_id: int) -> None:
    from fireworks.core.launchpad import LockedWorkflowError

    try:
        launchpad.rerun_fw(fw_id)
    except LockedWorkflowError as error:
        raise _locked(fw_id) from error


def _locked(fw_id: int) -> SubmissionError:
    return SubmissionError(
        f"the workflow of job {fw_id} stays locked by a worker that is gone; run: lpad admin unlock -i {fw_id}"
    )


def _members(launchpad: LaunchPad, fw_ids: set[int]) -> list[int]:
    """Return all jobs of the workflows of these."""
    workflows = launchpad.workflows.find({"nodes": {"$in": list(fw_ids)}}, ["nodes"])
    return [fw_id for workflow in workflows for fw_id in workflow["nodes"]]
