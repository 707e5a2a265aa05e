"""Why VASP ended without a result, where no structure is to blame.

Custodian finds output files missing or cut off, whatever the reason. A VASP that never began (a library that is
missing, a launcher that refuses) lacks something on this machine; one that was killed from outside (by the batch
system, a person, or for want of memory) can be run again. Everything else is the outcome of the structure.
"""

from __future__ import annotations

import re
import signal
import subprocess
import traceback
from pathlib import Path

from liface.engines.vasp.folder import output_file, tail
from liface.errors import EngineSetupError, RunStoppedError

WORDS = 600
"""Letters of the last lines of std_err.txt that go into a message."""

OUT_OF_MEMORY = re.compile(r"oom[-_ ]kill|out of memory", re.IGNORECASE)
STOPPED = re.compile(r"due to (preemption|time limit|node failure)|\*\*\* JOB .*CANCELLED", re.IGNORECASE)
CANCELLED = re.compile(r"CANCELLED|PREEMPT")
CRASHED = re.compile(
    r"segmentation fault|sigsegv|sigabrt|sigfpe|floating point exception|bus error|core dumped|"
    r"exited with exit code (?!0\b|137\b|143\b)\d+",
    re.IGNORECASE,
)
"""A rank that crashes by itself: srun and mpirun then cancel, or kill, all the others."""

OTHER_PROCESSOR = re.compile("illegal instruction", re.IGNORECASE)

KILLED = {code: name for name in ("SIGTERM", "SIGKILL") for code in (-signal.Signals[name], 128 + signal.Signals[name])}
"""Exit statuses of a process that was killed, and those by which launchers and shells tell of it."""


def not_of_the_structure(error: Exception, folder: Path) -> RunStoppedError | EngineSetupError | None:
    """Return the error to raise in place of one of custodian, None where it tells about the structure.

    Where custodian has given up correcting, VASP was killed by custodian itself: that says nothing.
    """
    from custodian.custodian import ReturnCodeError, ValidationError

    if not isinstance(error, ReturnCodeError | ValidationError):
        return None
    said = tail(folder, "std_err.txt", lines=12)
    words, place = f"std_err.txt ends with {said[-WORDS:]!r}", folder.resolve()
    if OUT_OF_MEMORY.search(said):
        return RunStoppedError(
            f"VASP ran out of memory in {place} and was killed; give it more memory or more nodes, and run it again; "
            f"{words}"
        )
    if how := _killed(said, exit_status(error)):
        return RunStoppedError(f"VASP was {how} in {place}; the next run goes on from its last geometry; {words}")
    if _never_began(folder) or OTHER_PROCESSOR.search(said):
        return EngineSetupError(f"VASP cannot be started on this machine: in {place}, {words}")
    return None


def exit_status(error: Exception) -> int | None:
    """Return the exit status of the process that custodian waited for, None where it cannot be seen.

    Custodian looks at files before it looks at the status, and keeps the process to itself: it is found in the
    frame that raised the error.
    """
    for frame, _ in traceback.walk_tb(error.__traceback__):
        process = frame.f_locals.get("p") if frame.f_code.co_name == "_run_job" else None
        if isinstance(process, subprocess.Popen):
            return process.returncode
    return None


def _killed(said: str, status: int | None) -> str:
    """Say how a run was killed from outside; empty where it was not."""
    if STOPPED.search(said):
        return "stopped by the batch system"
    if CRASHED.search(said):
        return ""
    if CANCELLED.search(said):
        return "cancelled"
    return f"killed from outside ({KILLED[status]})" if status in KILLED else ""


def _never_began(folder: Path) -> bool:
    """Tell whether VASP wrote nothing at all: it opens OUTCAR before it reads any input."""
    path = output_file(folder, "OUTCAR")
    return path is None or path.stat().st_size == 0
