"""What ``liface hpc init`` asks a person at a terminal."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from liface.cli.output import talk
from liface.errors import InputError


@dataclass(frozen=True)
class Question:
    """One question; an empty answer means the default."""

    field: str
    text: str
    default: Callable[[Mapping[str, Any]], str | None] = lambda _: None
    hidden: bool = False
    wanted: Callable[[Mapping[str, Any]], bool] = lambda _: True


def _scheduler(_: Mapping[str, Any]) -> str:
    return "pbs" if shutil.which("sbatch") is None and shutil.which("qsub") else "slurm"


def _activation(_: Mapping[str, Any]) -> str | None:
    script = Path(sys.prefix) / "bin" / "activate"
    return f"source {script}" if script.is_file() else None


def _has_user(answers: Mapping[str, Any]) -> bool:
    return bool(answers.get("user"))


QUESTIONS = (
    Question("name", "Name of this site", lambda _: platform.node().split(".")[0] or None),
    Question("scheduler", "Batch system (slurm, pbs)", _scheduler),
    Question("mongo_host", "Host of the MongoDB, as compute nodes know it"),
    Question("mongo_port", "Its port", lambda _: "27017"),
    Question("database", "Database for queue and outputs", lambda _: "liface"),
    Question("user", "User of the server; empty if it asks for none", lambda _: ""),
    Question("password", "Password; empty to fill it in later", lambda _: "", hidden=True, wanted=_has_user),
    Question("auth_database", "Database that knows the user", lambda _: "admin", wanted=_has_user),
    Question("runs", "Folder on the shared file system in which jobs run"),
    Question(
        "calculations", "Folder on it for finished calculations", lambda a: f"{Path(a['runs']).parent}/calculations"
    ),
    Question("environment", "Line of shell that activates liface", _activation),
    Question("partition", "Partition or queue"),
    Question("account", "Account that pays; empty for none", lambda _: ""),
    Question(
        "gpu_partition",
        "Partition with GPUs, for potentials; empty for none",
        lambda _: "",
        wanted=lambda answers: answers["scheduler"] == "slurm",
    ),
)


def ask_for_the_rest(given: Mapping[str, Any]) -> dict[str, Any]:
    """Ask for every answer that is not given; one that cannot be used is asked for again."""
    answers = dict(given)
    for question in QUESTIONS:
        if question.field not in answers and question.wanted(answers):
            answer = _ask(question, answers)
            if not (question.hidden and answer == ""):
                answers[question.field] = answer
    return answers


def _ask(question: Question, answers: Mapping[str, Any]) -> Any:
    from liface.dispatch.site_files import site_answers

    while True:
        text = typer.prompt(
            question.text,
            default=question.default(answers),
            hide_input=question.hidden,
            show_default=not question.hidden,
            err=True,
        ).strip()
        answer: Any = (text,) if question.field == "environment" else text
        try:
            site_answers({**answers, question.field: answer})
        except InputError as error:
            talk(str(error).splitlines()[-1].strip())
            continue
        return answer
