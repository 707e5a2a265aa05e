"""What the batch system knows of the allocations in which jobs of FireWorks wait or run."""

from __future__ import annotations

import getpass
import re
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import dataclass

ENDED = (
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "REVOKED",
    "TIMEOUT",
)  # fmt: skip
PATIENCE_S = 20
CANCEL = {"SLURM": "scancel", "PBS": "qdel", "SGE": "qdel", "LoadSharingFacility": "bkill", "Cobalt": "qdel"}
"""Commands that end allocations."""

OVER = r"(?i)invalid job id|unknown job|already (completed|finished)|has finished"
"""What they say of an allocation that has ended, or is forgotten."""


@dataclass(frozen=True)
class Allocation:
    """One allocation as Slurm describes it, e.g. ``PENDING`` for ``Resources``."""

    state: str
    reason: str

    @property
    def has_ended(self) -> bool:
        """Whether nothing runs in it any more."""
        return self.state in ENDED


def allocations(ids: Collection[str], batch_system: str = "SLURM") -> dict[str, Allocation] | None:
    """Return what the batch system knows of these allocations; None where it cannot be asked here.

    Slurm forgets an allocation some minutes after its end; of PBS only those are known that have not ended. Others
    cannot be asked.
    """
    if not ids:
        return {}
    if batch_system == "PBS":
        known = _qselect()
        numbers = {each.partition(".")[0] for each in known or ()}
        found = (each for each in ids if each.partition(".")[0] in numbers)
        return None if known is None else {each: Allocation("QUEUED", "PBS") for each in found}
    if batch_system != "SLURM":
        return None
    said = _squeue("--states=all", f"--jobs={','.join(sorted(ids))}", "--format=%i|%T|%r")
    if said is None or (said.returncode and "Invalid job id" not in said.stderr):
        return None
    rows = (line.split("|", 2) for line in said.stdout.splitlines() if line.count("|") >= 2)
    return {row[0].strip(): Allocation(row[1], row[2].strip("()")) for row in rows}


def open_allocations(name: str, batch_system: str = "SLURM") -> tuple[int, int] | str:
    """Count allocations of this user and this name, those that have not started and those that run.

    A message comes back where the batch system does not tell; zeros where none but Slurm and PBS could.
    """
    if batch_system == "PBS":
        ids = [_qselect("-N", name, "-s", states) for states in ("QHW", "RE")]
        if None in ids:
            return "qselect is not found or does not answer"
        return len(ids[0] or ()), len(ids[1] or ())
    if batch_system != "SLURM":
        return 0, 0
    said = _squeue(f"--user={getpass.getuser()}", f"--name={name}", "--states=PENDING,RUNNING", "--format=%T")
    if said is None:
        return "squeue is not found or does not answer"
    states = said.stdout.split()
    return " ".join(said.stderr.split()) if said.returncode else (states.count("PENDING"), states.count("RUNNING"))


def cancel(ids: Sequence[str], batch_system: str) -> str:
    """End allocations; return what could not be done, in words, or nothing."""
    if not ids:
        return ""
    command = CANCEL.get(batch_system)
    if command is None:
        return f"FireWorks' {batch_system} has no command here that ends {' '.join(ids)}"
    try:
        said = subprocess.run([command, *ids], capture_output=True, text=True, timeout=PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired):
        return f"{command} cannot be run here; run it where it is: {command} {' '.join(ids)}"
    problems = [line for line in said.stderr.splitlines() if not re.search(OVER, line)]
    return f"{command} {' '.join(ids)}: {' '.join(problems)}" if said.returncode and problems else ""


def _squeue(*options: str) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(
            ["squeue", "--noheader", *options], capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


def _qselect(*options: str) -> list[str] | None:
    """Return the allocations of this user that PBS knows; None where it cannot be asked."""
    command = ["qselect", "-u", getpass.getuser(), *options]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if said.returncode else said.stdout.split()
