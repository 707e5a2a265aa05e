"""The same look around as in :mod:`~liface.dispatch.site_check.worker`, on a compute node."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from liface.dispatch.site_check.batch import last_line, run, script_of
from liface.dispatch.site_check.finding import Finding, failed
from liface.dispatch.site_check.folders import here
from liface.dispatch.site_check.on_worker import Question
from liface.dispatch.site_check.worker import Said, findings_of, look_around

WALLTIME = "00:10:00"
POLL_S = 1.0
SCRIPT, ANSWER, DONE, PROBLEMS = "check.sh", "answer", "done", "problems"

Tell = Callable[[str], None]


def through_queue(
    worker: str, adapter: dict[str, Any], file: Path, question: Question, wait_s: float, tell: Tell
) -> Iterator[Finding]:
    """Submit a job of seconds with the adapter of a worker, and yield what it finds on the compute node."""
    from liface.dispatch.queues.fireworks_batch import cancel

    name = f"node of {worker}"
    runs = here(question.site.runs)
    if runs is None:
        yield replace(
            failed(f"runs: {question.site.runs} is not known here", "set its variable before liface hpc check"),
            check=name,
        )
        return
    folder = runs / f".check-{uuid.uuid4().hex}"
    folder.mkdir(parents=True)
    allocation = ""
    try:
        script = _script(adapter, folder, question)
        (folder / SCRIPT).write_text(script, encoding="utf-8")
        allocation, problem = _submit(adapter, folder)
        if problem:
            yield replace(failed(problem, f"look at {file}"), check=name)
            return
        tell(f"{name}: allocation {allocation} submitted, waiting for at most {wait_s:.0f} s")
        ended = _wait(adapter["_fw_q_type"], allocation, folder, wait_s)
        if ended:
            yield replace(failed(ended, f"squeue -j {allocation}, or a longer --wait; {file}"), check=name)
            return
        allocation = ""
        yield from findings_of(_said(folder), name, "rlaunch", f"pre_rocket in {file}")
    finally:
        if allocation:
            cancel([allocation], adapter["_fw_q_type"])
        shutil.rmtree(folder, ignore_errors=True)


def _script(adapter: dict[str, Any], folder: Path, question: Question) -> str:
    commands = "\n".join(
        [
            "(",
            look_around("rlaunch", question),
            f") > {ANSWER} 2> {PROBLEMS}",
            f"echo $? > {DONE}.new; mv {DONE}.new {DONE}",
        ]
    )
    return script_of(adapter | {"walltime": WALLTIME}, folder, commands)


def _submit(adapter: dict[str, Any], folder: Path) -> tuple[str, str]:
    """Return the identity of the allocation, or what went wrong."""
    from fireworks.user_objects.queue_adapters.common_adapter import CommonAdapter

    system = CommonAdapter.from_dict(adapter)
    command = system.q_commands[system.q_type]["submit_cmd"]
    said = run([command, SCRIPT], folder)
    if said.returncode:
        return "", f"{command}: {last_line(said.stderr)}"
    try:
        return system._parse_jobid(said.stdout), ""
    except RuntimeError:
        return "", f"{command} gives no identity: {said.stdout.strip()}"


def _wait(system: str, allocation: str, folder: Path, wait_s: float) -> str:
    """Wait for the answer; return what happened instead, or nothing."""
    from liface.dispatch.queues.fireworks_batch import allocations

    end = time.monotonic() + wait_s
    missing_since: float | None = None
    while not (folder / DONE).exists():
        known = allocations([allocation]) if system == "SLURM" else None
        state = (known or {}).get(allocation)
        gone = known is not None and (state is None or state.has_ended)
        missing_since = (missing_since or time.monotonic()) if gone else None
        if missing_since and time.monotonic() - missing_since > 10 * POLL_S:  # network file systems take a while
            return (
                f"allocation {allocation} ended without an answer ({state.state if state else 'unknown'}): "
                f"{_output(folder)}"
            )
        if time.monotonic() > end:
            what = f"{state.state}, {state.reason}" if state else "its state is not known"
            return f"allocation {allocation} gave no answer within {wait_s:.0f} s: {what}"
        time.sleep(POLL_S)
    return ""


def _said(folder: Path) -> Said:
    code = (folder / DONE).read_text(encoding="utf-8").strip()
    problems = (folder / PROBLEMS).read_text(encoding="utf-8", errors="replace")
    return Said(int(code), (folder / ANSWER).read_text(encoding="utf-8", errors="replace"), problems or _output(folder))


def _output(folder: Path) -> str:
    """Return the end of what the batch system caught."""
    files = [path for path in sorted(folder.iterdir()) if path.suffix in (".error", ".out") and path.stat().st_size]
    texts = [path.read_text(encoding="utf-8", errors="replace").strip() for path in files]
    return texts[0].splitlines()[-1] if texts else "it wrote nothing"
