"""Readable names for run folders: campaign, case, engine, step.

FireWorks runs jobs in such folders. jobflow-remote names its own by identities of jobs; there a link with the
readable name is put beside them, in the folder that the environment of the worker names.
"""

from __future__ import annotations

import os
import re
import uuid
from contextlib import suppress
from pathlib import Path

from jobflow import CURRENT_JOB

from liface.workflows.decorators import origin_of_current_job

RUNS = "LIFACE_RUNS"
"""Environment variable of a worker: the folder of readable run folders."""

REMOTE_INPUT = "jfremote_in.json"
"""File by which a run folder of jobflow-remote is known."""


def slug(text: str) -> str:
    """Return a text as the name of a folder."""
    return re.sub(r"[^A-Za-z0-9_.+-]+", "-", text).strip("-.") or "step"


def link_run_folder() -> Path | None:
    """Link ``$LIFACE_RUNS/campaign/case/engine/step`` to the folder of the running job; return the link.

    A job for one of the structures of a step has the name of the structure below that of the step. Nothing is done
    where jobs run in readable folders anyway, and a job never fails because of its link.
    """
    runs, origin = os.environ.get(RUNS), origin_of_current_job()
    if not runs or origin is None or not Path(REMOTE_INPUT).is_file():
        return None
    case, _, engine = origin.case.removesuffix("]").rpartition(" [")
    name = CURRENT_JOB.job.name
    parts = [origin.campaign, case, engine, origin.step, *([] if name == origin.step else [name])]
    link = Path(os.path.expandvars(runs)).expanduser().joinpath(*map(slug, parts))
    with suppress(OSError):
        link.parent.mkdir(parents=True, exist_ok=True)
        aside = link.with_name(f".{link.name}.{uuid.uuid4().hex}")
        aside.symlink_to(Path.cwd())
        try:
            aside.replace(link)  # a later run of the same step takes over the name
            return link
        finally:
            aside.unlink(missing_ok=True)
    return None
