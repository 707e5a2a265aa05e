"""Projects of jobflow-remote: reading one, naming what is wrong in its file, and connecting to its databases."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from liface.errors import MissingExtraError, QueueUnreachableError, SiteError, SubmissionError
from liface.workflows.decorators import LARGE_DATA

if TYPE_CHECKING:
    from jobflow import JobStore
    from jobflow_remote import JobController
    from jobflow_remote.config.base import Project

TEMPLATE = "fireworks_config/jobflow_remote_project.yaml"
PATIENCE = {"serverSelectionTimeoutMS": 5_000, "connectTimeoutMS": 5_000, "socketTimeoutMS": 120_000}
"""How long a server may take, in ms; a person waits for the answer."""

FORGETFUL = ("MemoryStore", "JSONStore")
"""Stores that one process keeps to itself, or that lose documents where several write."""

MARK = re.compile(r"<[A-Z][A-Z0-9_]*>")
"""What a person still has to fill in."""

SECRET = ("password", "passphrase", "uri")


def read_project(name: str = "") -> Project:
    """Return a project of jobflow-remote: the one named, or else the one it takes by default.

    Raises
    ------
    MissingExtraError
        jobflow-remote is not installed.
    SiteError
        There is no such project, or its file cannot be used; the file and the keys are named.
    """
    try:
        from jobflow_remote import SETTINGS, ConfigManager
        from jobflow_remote.config.base import ConfigError
    except ModuleNotFoundError as error:
        raise MissingExtraError("jobflow_remote", "hpc") from error
    except ValidationError as error:  # it reads its own settings when it is imported
        raise SiteError(f"settings of jobflow-remote (~/.jfremote.yaml): {_lines(error)}") from error
    try:
        manager = ConfigManager()
        data = manager.get_project_data(name or None)
    except ConfigError as error:
        raise SiteError(_why(Path(SETTINGS.projects_folder), name or SETTINGS.project, str(error))) from error
    if left := _left(_content(Path(data.filepath))):
        raise SiteError(f"{data.filepath}: {left}")
    return data.project


def place_of(project: Project) -> str:
    """Return where the queue of a project is, without user and password."""
    return f"project {project.name} ({_address(project.get_queue_store())})"


def connect(project: Project) -> JobController:
    """Return what acts on the queue of a project; no server is waited for longer than a few seconds."""
    from jobflow_remote import JobController

    store = project.get_queue_store()
    _hurry(store)
    return JobController(
        queue_store=store,
        jobstore=_job_store(project),
        flows_collection=project.queue.flows_collection,
        auxiliary_collection=project.queue.auxiliary_collection,
        batches_collection=project.queue.batches_collection,
        project=project,
    )


def job_store(project: Project) -> JobStore:
    """Return the store of the outputs, connected.

    Raises
    ------
    QueueUnreachableError
        Its server does not answer.
    """
    store = _job_store(project)
    with answering(_results(project, store)):
        store.connect()
        store.docs_store.query_one({}, properties=["uuid"])
    return store


def check_queue(controller: JobController, place: str) -> None:
    """Do to the queue what a submission does.

    Raises
    ------
    QueueUnreachableError, SubmissionError
        It does not answer, refuses, or was never initialised.
    """
    with answering(place):
        if controller.auxiliary.find_one({"next_id": {"$exists": True}}) is None:
            name = controller.project.name if controller.project else "NAME"
            raise SubmissionError(f"{place} has not been initialised; run once: jf -p {name} admin reset")
        probe = controller.auxiliary.insert_one({"liface_probe": _probe()})
        controller.auxiliary.delete_one({"_id": probe.inserted_id})


def check_job_store(project: Project) -> None:
    """Write, read and delete an output like those of calculation jobs.

    Raises
    ------
    QueueUnreachableError, SubmissionError
        Outcomes could not be stored, or not be read again.
    """
    store = _job_store(project)
    where = _results(project, store)
    if type(store.docs_store).__name__ in FORGETFUL:
        raise SubmissionError(
            f"{where}: a {type(store.docs_store).__name__} keeps no results for others; describe a MongoStore under "
            f"jobstore.docs_store, as in {TEMPLATE}"
        )
    if LARGE_DATA not in store.additional_stores:
        raise SubmissionError(
            f"{where}: there is no additional store {LARGE_DATA!r}, into which calculations go; describe one under "
            f"jobstore.additional_stores.{LARGE_DATA}, as in {TEMPLATE}"
        )
    uuid, output = _probe(), {"probe": [1.0, "two"]}
    with answering(where):
        store.connect()
        try:
            store.update({"uuid": uuid, "index": 1, "output": output, "metadata": {}}, save={LARGE_DATA: "probe"})
            kept = store.query_one({"uuid": uuid})
            found = store.query_one({"uuid": uuid}, load=True)
        finally:
            store.remove_docs({"uuid": uuid})
        store.close()
    if kept is None or found is None or found["output"] != output:
        raise SubmissionError(f"{where}: an output was written but reads differently: {str(found)[:200]}")


@contextmanager
def answering(place: str) -> Iterator[None]:
    """Tell of a server that does not answer or refuses in our words, without its password.

    Raises
    ------
    QueueUnreachableError
    """
    from pymongo import errors

    try:
        yield
    except errors.OperationFailure as error:
        if error.code in (8000, 18):
            what = "refuses the user or the password; check username, password and auth_source"
        elif error.code == 13:
            what = "grants this user too little; the role readWrite is needed"
        else:
            what = f"refuses: {_short(str(error))}"
        raise QueueUnreachableError(f"{place} {what}") from error
    except errors.PyMongoError as error:
        raise QueueUnreachableError(f"{place} does not answer: {_short(str(error))}") from error


def _job_store(project: Project) -> Any:
    store: Any = project.get_jobstore()
    if store is None:
        raise SubmissionError(f"project {project.name} has no jobstore; describe one as in {TEMPLATE}")
    for each in (store.docs_store, *store.additional_stores.values()):
        _hurry(each)
    return store


def _hurry(store: Any) -> None:
    """Let a store of MongoDB wait a few seconds for its server, unless its description says how long."""
    options = getattr(store, "mongoclient_kwargs", None)
    if options is not None:
        store.mongoclient_kwargs = {**PATIENCE, **options}


def _probe() -> str:
    from uuid import uuid4

    return f"liface-probe-{uuid4().hex}"


def _results(project: Project, store: Any) -> str:
    return f"jobstore of project {project.name} ({_address(store.docs_store)})"


def _address(store: Any) -> str:
    """Return host, port and database of a store."""
    if getattr(store, "uri", None):
        hosts = re.sub(r"^mongodb(\+srv)?://", "", store.uri).split("?")[0].split("/")[0].rpartition("@")[2]
        return f"{hosts}/{store.database}"
    if hasattr(store, "host"):
        return f"{store.host}:{store.port}/{store.database}"
    return type(store).__name__


def _why(folder: Path, name: str | None, said: str) -> str:
    """Tell why a project cannot be read, by looking at the files themselves."""
    files = sorted(path for path in folder.glob("*") if path.suffix in (".json", ".yaml", ".toml"))
    problems = {path: problem for path in files if (problem := _problem(path))}
    if name:
        own = [path for path in problems if path.stem == name or _content(path).get("name") == name]
        if own:
            return f"{own[0]}: {problems[own[0]]}"
    good = sorted(str(_content(path).get("name")) for path in files if path not in problems)
    known = f"known in {folder}: {', '.join(good) or 'none'}"
    if name and name not in good:
        broken = "".join(f"\n  {path}: {problem}" for path, problem in problems.items())
        return f"there is no project {name} of jobflow-remote; {known}; write one from {TEMPLATE}{broken}"
    if not name:
        broken = "".join(f"\n  {path}: {problem}" for path, problem in problems.items())
        return f"no project of jobflow-remote is chosen ({known}); name one under project: in the site file{broken}"
    return said


def _problem(path: Path) -> str:
    from jobflow_remote.config.base import Project

    try:
        content = _read(path)
        if left := _left(content):
            return left
        Project.model_validate(content)
    except ValidationError as error:
        return _without_secrets(_lines(error), _content(path))
    except (OSError, ValueError) as error:
        return f"cannot be read: {_short(str(error))}"
    return ""


def _read(path: Path) -> dict:
    import yaml

    text = path.read_text(encoding="utf-8")
    try:
        parse: Callable[[str], Any] = {".json": json.loads, ".toml": tomllib.loads}.get(path.suffix, yaml.safe_load)
        content = parse(text)
    except yaml.YAMLError as error:  # its message may quote a line with a password
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise ValueError(f"no YAML: {getattr(error, 'problem', None) or 'error'}{where}") from error
    if not isinstance(content, dict):
        raise ValueError(f"keys such as name, workers, queue were expected, not {type(content).__name__}")
    return content


def _content(path: Path) -> dict:
    try:
        return _read(path)
    except (OSError, ValueError):
        return {}


def _lines(error: ValidationError) -> str:
    """Return key and message of every problem; never the value, which may be a password."""
    found = [f"{'.'.join(map(str, problem['loc']))}: {_ends(problem['msg'])}" for problem in error.errors()]
    return f"{len(found)} problem(s)\n  " + "\n  ".join(found)


def _ends(message: str) -> str:
    """Leave a traceback out of a message."""
    lines = [line for line in message.splitlines() if line.strip()]
    return message if len(lines) < 2 else f"{lines[0].split(' Error: Traceback')[0]}: {lines[-1]}"


def _left(content: dict) -> str:
    """Tell which marks are left in a file."""
    left = [f"{key}: {mark}" for key, text in _texts(content) for mark in MARK.findall(text)]
    return "\n  ".join(["still to be filled in:", *left]) if left else ""


def _texts(content: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text in a file with its key."""
    if isinstance(content, str):
        yield key, content
    elif isinstance(content, dict):
        for name, value in content.items():
            yield from _texts(value, f"{key}.{name}" if key else str(name))
    elif isinstance(content, list):
        for i, value in enumerate(content):
            yield from _texts(value, f"{key}.{i}")


def _without_secrets(text: str, content: dict) -> str:
    for key, value in _texts(content):
        if key.rpartition(".")[2] in SECRET and value:
            text = text.replace(value, "***")
    return text


def _short(text: str) -> str:
    """Return the first sentence of what a driver says; the rest repeats the topology."""
    return " ".join(text.split(", Timeout:")[0].split("full error:")[0].split())[:300].rstrip(", ")
