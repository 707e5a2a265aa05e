"""Handing workflows to FireWorks: all of them or none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from liface.dispatch.queues.fireworks_states import SUBMISSION, step_of
from liface.errors import HalfSubmittedError, SubmissionError
from liface.workflows.decorators import ORIGIN

if TYPE_CHECKING:
    from fireworks import LaunchPad, Workflow
    from jobflow import Flow
    from pymongo.errors import OperationFailure

OF_WORKFLOW = "metadata.submission"
"""Where a workflow says which submission it belongs to."""

ROOM = 64 * 1024
"""What FireWorks adds to a document later, in bytes."""

AT_ONCE = 500


def add_flows(launchpad: LaunchPad, flows: Sequence[Flow], submission: str) -> None:
    """Add all flows, or none.

    Every job waits until all of them are there, so that no worker takes a job of a submission that fails halfway.

    Raises
    ------
    SubmissionError
        A job is too large for the database; nothing was added.
    """
    from pymongo.errors import OperationFailure

    workflows = [_workflow(flow, submission) for flow in flows]
    roots = _number(launchpad, workflows)
    limit = launchpad.db.command("hello")["maxBsonObjectSize"] - ROOM
    jobs = [_checked(fw.to_db_dict(), limit) for workflow in workflows for fw in workflow]
    descriptions = [_checked(_described(workflow), limit) for workflow in workflows]
    try:
        for start in range(0, len(descriptions), AT_ONCE):
            launchpad.workflows.insert_many(descriptions[start : start + AT_ONCE])
        for start in range(0, len(jobs), AT_ONCE):
            launchpad.fireworks.insert_many(jobs[start : start + AT_ONCE])
        launchpad.fireworks.update_many({"fw_id": {"$in": roots}, "state": "WAITING"}, {"$set": {"state": "READY"}})
    except BaseException as error:
        _take_back(launchpad, submission)
        if isinstance(error, OperationFailure):
            raise SubmissionError(f"the LaunchPad refuses: {_refusal(error)}; nothing was submitted") from error
        raise


def make_indexes(launchpad: LaunchPad) -> None:
    """Let jobs and workflows be found by their submission."""
    launchpad.fireworks.create_index(SUBMISSION)
    launchpad.workflows.create_index(OF_WORKFLOW)


def _workflow(flow: Flow, submission: str) -> Workflow:
    from jobflow.managers.fireworks import flow_to_workflow

    origin = next(iter(flow.jobs)).metadata[ORIGIN]
    metadata = {"campaign": origin["campaign"], "submission": submission}
    return flow_to_workflow(flow, name=flow.name, metadata=metadata)  # without a store: workers have their own


def _number(launchpad: LaunchPad, workflows: Sequence[Workflow]) -> list[int]:
    """Give every job a number of the queue; return those that can start at once."""
    next_id = launchpad.get_new_fw_id(quantity=sum(len(workflow) for workflow in workflows))
    roots: list[int] = []
    for workflow in workflows:
        numbers = dict(zip(workflow.id_fw, range(next_id, next_id + len(workflow)), strict=True))
        for fw in workflow:
            fw.fw_id = numbers[fw.fw_id]
        workflow._reassign_ids(numbers)
        next_id += len(workflow)
        roots += workflow.root_fw_ids
    return roots


def _described(workflow: Workflow) -> dict[str, Any]:
    """Return the document of a workflow as it is once its first jobs are ready."""
    for fw_id in workflow.root_fw_ids:
        workflow.fw_states[fw_id] = "READY"
    return workflow.to_db_dict()


def _checked(document: dict[str, Any], limit: int) -> dict[str, Any]:
    from bson import encode

    size = len(encode(document))
    if size > limit:
        what = f"job {step_of(document)} [{document['spec'][ORIGIN]['case']}]" if "spec" in document else "a workflow"
        raise SubmissionError(
            f"{what} needs {size / 2**20:.1f} MB in the queue, which takes {limit / 2**20:.1f} MB for one; nothing was "
            "submitted. Split the case: fewer structures in one step, or fewer cases in one campaign"
        )
    return document


def _refusal(error: OperationFailure) -> str:
    """Return what a server says about a write, without the document."""
    details = error.details or {}
    problems = details.get("writeErrors") or [details]
    return str(problems[0].get("errmsg") or error.code)[:300]


def _take_back(launchpad: LaunchPad, submission: str) -> None:
    """Remove what was added.

    Raises
    ------
    HalfSubmittedError
        The server is gone, and what it had taken may start.
    """
    from pymongo.errors import PyMongoError

    try:
        launchpad.fireworks.delete_many({SUBMISSION: submission})
        launchpad.workflows.delete_many({OF_WORKFLOW: submission})
    except PyMongoError as error:
        raise HalfSubmittedError(
            f"the LaunchPad went away while it took submission {submission} ({' '.join(str(error).split())[:200]}); "
            "some of its jobs may be there. Once it answers, liface campaign status says which; cancel takes them back"
        ) from error
