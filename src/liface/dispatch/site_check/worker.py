"""Whether the environment of a worker is fit to run jobs: in a shell of its own here, or in an allocation.

The lines that run before the jobs (``pre_rocket`` of FireWorks, ``pre_run`` of jobflow-remote) are run in a fresh login
shell that inherits nothing, liface is looked for there, and if it is the same version, it looks around itself
(:mod:`liface.dispatch.site_check.on_worker`).
"""

from __future__ import annotations

import base64
import os
import shlex
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

from liface import __version__
from liface.dispatch.site_check.finding import Finding, failed, ok
from liface.dispatch.site_check.on_worker import RESULT, Question, read_answers

MARK = "@@liface"
PATIENCE_S = 180
INHERITED = ("HOME", "USER", "LOGNAME", "LANG", "TERM", "SLURM_CONF", "TMPDIR")
"""What a fresh login shell needs of this one."""


class Said(NamedTuple):
    """What a shell said, and how it ended."""

    code: int
    out: str
    err: str


Shell = Callable[[str], Said]
"""Runs a script somewhere."""


def login_shell(script: str) -> Said:
    """Run a script in a fresh login shell on this machine."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    try:
        done = subprocess.run(
            ["bash", "-l"], input=script, capture_output=True, text=True, env=kept, timeout=PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired:
        return Said(124, "", f"nothing was said for {PATIENCE_S} s")
    return Said(done.returncode, done.stdout, done.stderr)


def worker_script(lines: str, program: str, question: Question) -> str:
    """Return shell that runs the lines of a worker and then looks around.

    Parameters
    ----------
    lines
        What runs before the jobs.
    program
        The program that starts the jobs, which must be on the PATH.
    question
        What to look at.
    """
    return f"{lines.rstrip()}\n{look_around(program, question)}"


def look_around(program: str, question: Question) -> str:
    """Return shell that says which Python, launcher and liface there are, and lets that liface look further."""
    asked = base64.b64encode(question.model_dump_json().encode()).decode()
    return "\n".join(
        [
            f'echo "{MARK} python $(command -v python)"',
            f'echo "{MARK} program $(command -v {shlex.quote(program)})"',
            f"python -c 'import liface; print(\"{MARK} version\", liface.__version__, liface.__file__)' || exit 3",
            f"python -c 'import liface, sys; sys.exit(liface.__version__ != \"{__version__}\")' || exit 4",
            f"python -m liface.dispatch.site_check.on_worker {asked}",
        ]
    )


def findings_of(said: Said, worker: str, program: str, where: str) -> Iterator[Finding]:
    """Yield what the script of a worker found.

    Parameters
    ----------
    where
        File and key of the lines, for advice.
    """
    facts = {}
    for line in said.out.splitlines():
        if line.startswith(f"{MARK} "):
            key, _, value = line.removeprefix(f"{MARK} ").partition(" ")
            facts[key] = value.strip()
    environment = _environment(said, facts, program, where)
    yield replace(environment, check=worker)
    if environment.state == "ok":
        answers = [line for line in said.out.splitlines() if line.startswith(RESULT)]
        if not answers:
            reason = _last(said.err)
            yield replace(failed(f"liface ended there with {said.code}: {reason}", f"look at {where}"), check=worker)
            return
        for finding in read_answers(answers[-1]):
            yield replace(finding, check=f"{worker}: {finding.check}")


def _environment(said: Said, facts: dict[str, str], program: str, where: str) -> Finding:
    lines = f"put the lines that activate liface {__version__} into {where}"
    if "python" not in facts:
        return failed(f"its lines end the shell with {said.code}: {_last(said.err)}", f"correct {where}")
    if not facts["python"]:
        return failed(f"there is no python after its lines: {_last(said.err)}", lines)
    if "version" not in facts:
        return failed(f"{facts['python']} has no liface: {_last(said.err)}", lines)
    version, _, file = facts["version"].partition(" ")
    if version != __version__:
        return failed(
            f"liface {version} there ({file}), {__version__} here",
            f"install the same version in both places; {where} chooses the one that runs jobs",
        )
    if not facts.get("program"):
        return failed(f"{program} is not on the PATH of {facts['python']}", "install there: pip install 'liface[hpc]'")
    return ok(f"liface {version}, {facts['python']}")


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it says nothing"
