"""The configuration files of a site, made from a few answers.

What is not answered stays in the files as a mark such as ``<MONGO_HOST>``, to be filled in by hand; the folder
``fireworks_config`` at the top of the repository holds the files without any answer.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from liface.errors import InputError
from liface.workflows.resources import Walltime

MARK = re.compile(r"<[A-Z][A-Z0-9_]*>")
"""What a person still has to fill in."""

LAUNCH_UNTIL = 0.8
"""Share of the wall time after which a worker starts no further job."""

PROJECT_FILE = "jobflow_remote_project.yaml"

SECRET_FILES = ("my_launchpad.yaml", "jobflow.yaml", PROJECT_FILE)
"""Files with the password of the server: for their owner alone."""

_PATH = re.compile(r"[\w ./+@,=~%${}-]+")


def _path(text: str) -> str:
    if MARK.fullmatch(text):
        return text
    if not text.startswith(("/", "$")):
        raise ValueError("a path must be absolute, or begin with a variable such as $SCRATCH")
    if not _PATH.fullmatch(text):
        raise ValueError("a path may hold letters, digits, spaces and ./+@,=~%${}- only")
    return text.rstrip("/") or "/"


def _plain(pattern: str, what: str) -> Any:
    def check(text: str) -> str:
        if MARK.fullmatch(text) or re.fullmatch(pattern, text):
            return text
        raise ValueError(what)

    return AfterValidator(check)


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


SharedPath = Annotated[str, AfterValidator(_path)]
Name = Annotated[str, _plain(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", "letters, digits and _.- only, at most 64")]
Host = Annotated[
    str, _plain(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", "a host name or address, without port or scheme")
]
Partition = Annotated[str, _plain(r"[A-Za-z0-9][A-Za-z0-9_.,@-]*", "the name of a partition or queue")]
Line = Annotated[str, _plain(r"\S[^\n\r\t]*", "one line of shell that begins with a command")]
Optional_ = BeforeValidator(_none_if_empty)


class SiteAnswers(BaseModel):
    """What is known of a site; the defaults are marks, or what suits most sites."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Name = "<SITE_NAME>"
    folder: SharedPath = Field(default="<CONFIG_FOLDER>", description="Where the files will lie.")
    queue: Literal["fireworks", "remote"] = "fireworks"
    scheduler: Literal["slurm", "pbs"] = "slurm"
    mongo_host: Host = "<MONGO_HOST>"
    mongo_port: int = Field(default=27017, ge=1, le=65535)
    database: Annotated[str, _plain(r"[A-Za-z0-9_-]{1,60}", "letters, digits, _ and - only, at most 60")] = "liface"
    user: Annotated[str | None, Optional_] = Field(
        default="<MONGO_USER>", description="None: a server without passwords."
    )
    password: Annotated[str | None, Optional_] = Field(default="<MONGO_PASSWORD>", repr=False)
    auth_database: Annotated[str | None, Optional_] = "<MONGO_AUTH_DATABASE>"
    runs: SharedPath = "<RUNS_FOLDER>"
    calculations: SharedPath = "<CALCULATIONS_FOLDER>"
    environment: tuple[Line, ...] = Field(default=("source <VIRTUAL_ENVIRONMENT>/bin/activate",), min_length=1)
    partition: Partition = "<PARTITION>"
    gpu_partition: Annotated[Partition | None, Optional_] = "<GPU_PARTITION>"
    account: Annotated[Name | None, Optional_] = "<ACCOUNT>"
    walltime_light: Walltime = "01:00:00"
    walltime_potential: Walltime = "24:00:00"
    walltime_dft: Walltime = "24:00:00"
    cores_dft: int = Field(default=16, ge=1)

    @property
    def has_gpus(self) -> bool:
        """Whether a partition with GPUs is named."""
        return self.gpu_partition is not None and not MARK.search(self.gpu_partition)


def site_answers(given: Mapping[str, Any]) -> SiteAnswers:
    """Check answers.

    Raises
    ------
    InputError
        Some cannot be used; all of them are named as the options of the command line, passwords without their value.
    """
    try:
        answers = SiteAnswers.model_validate(dict(given))
    except ValidationError as error:
        raise InputError("\n".join(["the site cannot be set up like this:", *_problems(error, given)])) from error
    if answers.has_gpus and answers.scheduler != "slurm":
        raise InputError(
            "--gpu-partition goes with --scheduler slurm; for PBS leave it out and write my_qadapter_gpu.yaml and "
            "my_fworker_gpu.yaml after those of cpu"
        )
    if answers.queue == "remote":
        _refuse_for_remote(answers)
    if answers.scheduler == "pbs" and " " in answers.runs:
        raise InputError(f"--runs {answers.runs!r}: scripts for PBS quote no paths; give a folder without spaces")
    return answers


def _refuse_for_remote(answers: SiteAnswers) -> None:
    if answers.scheduler != "slurm":
        raise InputError(
            "--queue remote writes workers for Slurm only; for another batch system fill in "
            f"fireworks_config/{PROJECT_FILE} by hand"
        )
    if "$" in answers.runs:
        raise InputError(f"--runs {answers.runs}: jobflow-remote fills in no variables; give the folder itself")
    if " " in answers.runs:
        raise InputError(f"--runs {answers.runs!r}: jobflow-remote quotes no paths; give a folder without spaces")


def _problems(error: ValidationError, given: Mapping[str, Any]) -> Iterable[str]:
    first = {str(problem["loc"][0]): problem["msg"] for problem in reversed(error.errors())}
    for field, message in sorted(first.items()):
        option = "DIR" if field == "folder" else f"--{field.replace('_', '-')}"
        value = "" if field == "password" else f" (got {given.get(field)!r})"
        yield f"  {option}: {message.removeprefix('Value error, ')}{value}"


def site_files(answers: SiteAnswers, everything: bool = False) -> dict[str, str]:
    """Return the text of each file by its name: what the site needs, or everything that there is."""
    values = _values(answers)
    files = {name: _filled(template, values) for name, template in _templates(answers, everything).items()}
    if everything or answers.queue == "remote":
        files[PROJECT_FILE] = remote_project(_template(PROJECT_FILE), answers, has_gpu=everything or answers.has_gpus)
    return files


def _templates(answers: SiteAnswers, everything: bool) -> dict[str, str]:
    """Return the template of each file."""
    if answers.queue == "remote" and not everything:
        return {"site.yaml": "site.yaml"}
    names = ["site.yaml", "FW_config.yaml", "my_launchpad.yaml", "my_fworker_cpu.yaml", "my_qadapter_cpu.yaml"]
    if everything or answers.has_gpus:
        names += ["my_fworker_gpu.yaml", "my_qadapter_gpu.yaml"]
    names += ["my_qadapter_pbs.yaml", "jobflow.yaml"] if everything else ["jobflow.yaml"]
    templates = {name: name for name in names}
    if answers.scheduler == "pbs" and not everything:
        templates["my_qadapter_cpu.yaml"] = "my_qadapter_pbs.yaml"
    return templates


def _template(name: str) -> str:
    return resources.files("liface.dispatch").joinpath("templates", name).read_text(encoding="utf-8")


def _filled(template: str, values: Mapping[str, str]) -> str:
    lines = []
    for line in _template(template).splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        filled = re.sub(r"@\{(\w+)\}", lambda found: values[found[1]], line)
        lines.append(filled.replace("\n", f"\n{indent}"))
    return "\n".join(lines) + "\n"


def _values(answers: SiteAnswers) -> dict[str, str]:
    """Return what stands for each name in the templates, as YAML that a shell reads alike."""
    files = {
        "fw_config_file": "FW_config.yaml",
        "launchpad_file": "my_launchpad.yaml",
        "fworker_cpu_file": "my_fworker_cpu.yaml",
        "qadapter_cpu_file": "my_qadapter_cpu.yaml",
        "jobflow_file": "jobflow.yaml",
    }
    values: dict[str, Any] = answers.model_dump(exclude={"folder", "environment"})
    values |= {key: f"{answers.folder}/{name}" for key, name in files.items()}
    values |= {f"{worker}_name": f"{answers.name}-{worker}" for worker in ("cpu", "gpu")}
    known = answers.user is not None
    values |= {
        "password": answers.password if known else None,
        "auth_database": answers.auth_database if known else None,
        "store_user": answers.user or "",
        "store_password": (answers.password or "") if known else "",
        "store_auth_database": answers.auth_database if known else None,
        "project": answers.name if answers.queue == "remote" else "",
        "site_fireworks": values["fw_config_file"] if answers.queue == "fireworks" else "",
        "site_jobflow": values["jobflow_file"] if answers.queue == "fireworks" else "",
    }
    quoted = {key: json.dumps(value, ensure_ascii=False) for key, value in values.items()}
    text = {
        "queue": answers.queue,
        "environment": _environment(answers, quoted),
        "rlaunch_cpu": _rlaunch(answers, "cpu", answers.walltime_dft),
        "rlaunch_gpu": _rlaunch(answers, "gpu", answers.walltime_potential),
    }
    return quoted | text | _kinds(answers)


def _kinds(answers: SiteAnswers) -> dict[str, str]:
    """Return worker and resources of each kind; batch workers of jobflow-remote give none to single jobs."""
    packed = "batch" if answers.queue == "remote" else "cpu"
    workers = {"light": packed, "potential": "gpu" if answers.has_gpus else packed, "dft": "cpu"}
    walltimes = {
        "light": answers.walltime_light,
        "potential": answers.walltime_potential,
        "dft": answers.walltime_dft,
    }
    cores = {"light": 1, "potential": 1, "dft": answers.cores_dft}
    return {
        kind: f"{{worker: {worker}}}"
        if worker == "batch"
        else f'{{worker: {worker}, nodes: 1, cores: {cores[kind]}, walltime: "{walltimes[kind]}"}}'
        for kind, worker in workers.items()
    }


def remote_project(text: str, answers: SiteAnswers, has_gpu: bool) -> str:
    """Fill in the project of jobflow-remote: its marks, and no line for what the site does not have."""
    if answers.user is None:
        text = re.sub(r"\n *(username|password|auth_source): <\w+>.*", "", text)
    if answers.account is None:
        text = text.replace(", account: <ACCOUNT>", "")
    if not has_gpu:
        text = re.sub(r"\n  gpu:\n(    .*\n)+", "", text)
    indent, line = " " * 6, "source <VIRTUAL_ENVIRONMENT>/bin/activate"
    text = text.replace(f"{indent}{line}", "\n".join(indent + line for line in answers.environment))
    values = {
        "<SITE_NAME>": answers.name,
        "<DATABASE>": answers.database,
        "<MONGO_HOST>": answers.mongo_host,
        "<MONGO_USER>": answers.user,
        "<MONGO_PASSWORD>": answers.password,
        "<MONGO_AUTH_DATABASE>": answers.auth_database,
        "<RUNS_FOLDER>": answers.runs,
        "<CALCULATIONS_FOLDER>": answers.calculations,
        "<PARTITION>": answers.partition,
        "<GPU_PARTITION>": answers.gpu_partition,
        "<ACCOUNT>": answers.account,
    }
    text = text.replace("port: 27017", f"port: {answers.mongo_port}")
    return "".join(_marks_filled(line, values) for line in text.splitlines(keepends=True))


def _marks_filled(line: str, values: Mapping[str, str | None]) -> str:
    """Fill in the marks of a line of YAML: quoted where a mark is the whole value, bare inside of text."""
    if line.lstrip().startswith("#"):
        return line

    def value_of(found: re.Match[str]) -> str:
        value = values.get(found[0])
        if value is None or value == found[0]:
            return found[0]
        alone = found.start() > 0 and line[found.start() - 1] == " " and line[found.end()] in " \n,}"
        return json.dumps(value, ensure_ascii=False) if alone else value

    return MARK.sub(value_of, line)


def _environment(answers: SiteAnswers, quoted: Mapping[str, str]) -> str:
    exports = {
        "FW_CONFIG_FILE": "fw_config_file",
        "JOBFLOW_CONFIG_FILE": "jobflow_file",
        "LIFACE_CALCULATIONS": "calculations",
        "LIFACE_RUNS": "runs",
    }
    lines = [*answers.environment, *(f"export {name}={quoted[key]}" for name, key in exports.items())]
    return "\n".join([*lines, "export OMP_NUM_THREADS=1"])


def _rlaunch(answers: SiteAnswers, worker: str, walltime: str) -> str:
    launchpad, fworker = f"{answers.folder}/my_launchpad.yaml", f"{answers.folder}/my_fworker_{worker}.yaml"
    return f'rlaunch -l "{launchpad}" -w "{fworker}" rapidfire --timeout {int(LAUNCH_UNTIL * seconds_of(walltime))}'


def seconds_of(walltime: str) -> int:
    """Return the seconds of ``[days-]hours:minutes:seconds``."""
    days, _, clock = walltime.rpartition("-")
    hours, minutes, seconds = map(int, clock.split(":"))
    return ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + seconds


def unfilled(text: str) -> list[tuple[int, str]]:
    """Return the marks that are left outside of comments, each with its line."""
    lines = enumerate(text.splitlines(), start=1)
    return [(number, mark) for number, line in lines for mark in MARK.findall(_without_comment(line))]


def _without_comment(line: str) -> str:
    return "" if line.lstrip().startswith("#") else line.partition(" # ")[0]


def write_site_files(folder: Path, files: Mapping[str, str], force: bool = False) -> list[Path]:
    """Write the files; those with passwords can be read by their owner alone.

    Raises
    ------
    InputError
        Files are there already and ``force`` is not set, or the folder cannot be written; nothing was changed then.
    """
    there = [name for name in files if (folder / name).exists()]
    if there and not force:
        raise InputError(
            f"{folder} holds {', '.join(there)} already, nothing was written; give another folder, or --force to "
            "write over them"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_written(folder / name, text) for name, text in files.items()]
    except OSError as error:
        raise InputError(
            f"{error.filename or folder} cannot be written: {error.strerror}; give another folder"
        ) from error


def _written(path: Path, text: str) -> Path:
    mode = 0o600 if path.name in SECRET_FILES else 0o644
    aside = path.with_name(f".{path.name}.new")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    aside.replace(path)
    return path
