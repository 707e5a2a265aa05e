"""Runs the daemons of a one-machine Slurm and ends them, with every job, whatever happens to its parent.

A script of the standard library alone: `python slurm_guard.py PARENT_PID FOLDER`. Orphans of the daemons (Slurm's
job steps among them) become its children, so that all it has to end are its own descendants.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


def main() -> int:
    """Run until the parent ends, a signal asks to stop, or a daemon ends by itself (status 1, the logs are left)."""
    parent, folder = int(sys.argv[1]), Path(sys.argv[2])
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda received, _: stopped.append(received))
    started = [_start(folder, *command) for command in _commands(folder)]  # kept: a Popen that goes reaps its process
    daemons = {daemon.pid for daemon in started}
    ended: set[int] = set()
    while os.getppid() == parent and not stopped and not daemons & ended:
        time.sleep(0.1)
        ended |= _reap()
    end_descendants()
    if daemons & ended:
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def _commands(folder: Path) -> list[list[str]]:
    munged = ["munged", "--foreground", "--force", f"--key-file={folder}/munge.key", f"--socket={folder}/munge.socket"]
    munged += [f"--{name}-file={folder}/munged.{name}" for name in ("log", "pid", "seed")]
    return [munged, ["slurmctld", "-D", "-f", f"{folder}/slurm.conf"], ["slurmd", "-D", "-f", f"{folder}/slurm.conf"]]


def _start(folder: Path, *command: str) -> subprocess.Popen[bytes]:
    with (folder / f"{command[0]}.out").open("wb") as out:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder)


def _reap() -> set[int]:
    """Take leave of the children that have ended; give their ids."""
    ended = set()
    try:
        while pid := os.waitpid(-1, os.WNOHANG)[0]:
            ended.add(pid)
    except ChildProcessError:
        pass
    return ended


def end_descendants() -> None:
    """Kill all descendants of this process and wait until there are none."""
    while children := _children_of(os.getpid()):
        todo = list(children)
        while todo:
            pid = todo.pop()
            todo += _children_of(pid)
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        _reap()
        time.sleep(0.01)


def _children_of(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                status = (entry / "stat").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(status.rpartition(")")[2].split()[1]) == parent:
                found.append(int(entry.name))
    return found


if __name__ == "__main__":
    sys.exit(main())
