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


def allocations(ids: Collection[str]) -> dict[str, Allocation] | None:
    """Return what Slurm knows of these allocations; None where it cannot be asked here.

    Slurm forgets an allocation some minutes after its end.
    """
    if not ids:
        return {}
    said = _squeue("--states=all", f"--jobs={','.join(sorted(ids))}", "--format=%i|%T|%r")
    if said is None or (said.returncode and "Invalid job id" not in said.stderr):
        return None
    rows = (line.split("|", 2) for line in said.stdout.splitlines() if line.count("|") >= 2)
    return {row[0].strip(): Allocation(row[1], row[2].strip("()")) for row in rows}


def pending(name: str) -> int | str:
    """Count allocations of this user and this name that have not started; a message where Slurm does not tell."""
    said = _squeue(f"--user={getpass.getuser()}", f"--name={name}", "--states=PENDING", "--format=%i")
    if said is None:
        return "squeue is not found or does not answer"
    return " ".join(said.stderr.split()) if said.returncode else len(said.stdout.split())


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
