"""The queues that take campaigns: FireWorks and jobflow-remote, behind one protocol."""

from __future__ import annotations

from typing import Literal

from liface.dispatch.queues.base import JobState, Queue, QueuedJob
from liface.dispatch.site import Site

QUEUES = ("fireworks", "remote")


def open_queue(name: Literal["fireworks", "remote"], site: Site) -> Queue:
    """Return the queue of a site; nothing is asked of its server yet.

    Raises
    ------
    MissingExtraError
        The package of the queue is not installed.
    SiteError
        Its configuration cannot be read.
    """
    if name == "fireworks":
        from liface.dispatch.queues.fireworks import FireWorksQueue

        return FireWorksQueue(site)
    from liface.dispatch.queues.remote import RemoteQueue

    return RemoteQueue(site)


__all__ = ["QUEUES", "JobState", "Queue", "QueuedJob", "open_queue"]
