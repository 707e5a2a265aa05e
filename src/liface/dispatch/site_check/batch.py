"""Whether the batch system takes the jobs: its commands, the partition, an allocation of each kind."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from liface.dispatch.site_check.finding import Finding, failed, ok, skipped

COMMANDS = {"SLURM": ("sbatch", "squeue", "sinfo"), "PBS": ("qsub", "qstat")}
PATIENCE_S = 30


def check_commands(system: str) -> Finding:
    """Find the commands of a batch system, and have its controller answer."""
    commands = COMMANDS.get(system)
    if commands is None:
        return skipped(f"{system} is not known here; FireWorks submits to it, liface does not look at it")
    missing = [command for command in commands if shutil.which(command) is None]
    if missing:
        return failed(
            f"{', '.join(missing)} not found on the PATH",
            "work on a login node of the cluster, or load the module of its batch system",
        )
    asked = ["sinfo", "--noheader", "--format=%P"] if system == "SLURM" else ["qstat", "-Q"]
    said = run(asked)
    if said.returncode:
        return failed(f"{asked[0]}: {last_line(said.stderr)}", "ask whether the batch system is up")
    return ok(f"{', '.join(commands)} answer")


def check_partition(system: str, name: str | None, file: Path) -> Finding:
    """Find a partition of Slurm, or a queue of PBS, that takes jobs."""
    if name is None:
        return ok("none is named: the default one")
    if system != "SLURM":
        said = run(["qstat", "-Q", name])
        if said.returncode:
            return failed(f"{name}: {last_line(said.stderr)}", f"name a queue of this cluster under queue: in {file}")
        return ok(f"{name} is there")
    rows = [line.split("|") for line in run(["sinfo", "--noheader", "--format=%R|%a|%l"]).stdout.splitlines()]
    known = {row[0]: row for row in rows}
    if name not in known:
        return failed(
            f"there is no partition {name}; known: {', '.join(sorted(known)) or 'none'}",
            f"name one of them under queue: in {file}, or in the site file",
        )
    _, state, limit = known[name]
    if state != "up":
        return failed(f"partition {name} is {state}", f"wait until it is up, or name another under queue: in {file}")
    return ok(f"{name} is up, jobs of at most {limit}")


def check_allocation(system: str, script: str, what: str) -> Finding:
    """Ask Slurm whether it would take an allocation, without submitting it."""
    if system != "SLURM":
        return skipped(f"{what}: {system} cannot be asked without submitting; --through-queue submits")
    with tempfile.NamedTemporaryFile("w", prefix="liface-", suffix=".sh", encoding="utf-8") as file:
        file.write(script)
        file.flush()
        said = run(["sbatch", "--test-only", file.name])
    if said.returncode:
        return failed(f"{what}: {last_line(said.stderr)}", "ask for what the partition gives, in the site file")
    return ok(f"{what}: Slurm would take it")


def script_of(adapter: dict[str, Any], folder: Path, commands: str | None = None) -> str:
    """Return the batch script of an adapter, with other commands in place of its own if given."""
    from fireworks.user_objects.queue_adapters.common_adapter import CommonAdapter

    said = dict(adapter)
    if commands is not None:
        said |= {"rocket_launch": commands, "post_rocket": None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about keys that the template does not have
        return CommonAdapter.from_dict(said).get_script_str(str(folder))


def run(command: Sequence[str], folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command of the batch system; one that does not answer in time has failed."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, cwd=folder, check=False)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"no answer for {PATIENCE_S} s")
    except OSError as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))


def last_line(text: str) -> str:
    """Return the last thing a program said, without its name."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = [line for line in lines if "error" in line.lower() or "failure" in line.lower()] or lines or ["no answer"]
    return said[-1].removeprefix("sbatch: ").removeprefix("error: ").removeprefix("allocation failure: ")
