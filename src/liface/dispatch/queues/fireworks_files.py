"""The files of FireWorks and jobflow at a site: reading them, naming what is wrong in them, and connecting."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from liface.dispatch.site import Site
from liface.dispatch.site_files import unfilled
from liface.errors import MissingExtraError, QueueUnreachableError, SiteError
from liface.workflows.decorators import LARGE_DATA
from liface.workflows.resources import Resources

if TYPE_CHECKING:
    from fireworks import LaunchPad
    from jobflow import JobStore

CONFIG, JOBFLOW_CONFIG = "FW_CONFIG_FILE", "JOBFLOW_CONFIG_FILE"
"""Environment variables by which FireWorks and jobflow find their files."""

PATIENCE = {"serverSelectionTimeoutMS": 5_000, "connectTimeoutMS": 5_000, "socketTimeoutMS": 120_000}
"""How long a server may take, in ms, unless its file says it; a person waits for the answer."""

FORGETFUL = ("MemoryStore", "JSONStore")
"""Stores that one process keeps to itself, or that lose documents where several write."""

BLOB_KEY = "blob_uuid"
LAUNCHPAD_KEYS = ("host", "port", "name", "username", "password", "authsource", "uri_mode", "mongoclient_kwargs")
SECRET = ("password", "uri")


@dataclass(frozen=True)
class Server:
    """A database as people know it; its password is nowhere in here."""

    what: str
    address: str
    user: str
    file: Path

    @contextlib.contextmanager
    def answering(self) -> Iterator[None]:
        """Tell of a server that does not answer, or refuses, in our words.

        Raises
        ------
        QueueUnreachableError
        """
        from pymongo import errors

        who = f"user {self.user!r}" if self.user else "nobody (no user is given)"
        try:
            yield
        except errors.OperationFailure as error:
            if error.code in (18, 8000):
                what = f"refuses {who}: user, password or the database that knows the user is wrong in {self.file}"
            elif error.code == 13:
                what = f"grants {who} too little; the role readWrite on {self.address} is needed (see {self.file})"
            else:
                what = f"refuses: {_short(str(error))}"
            raise QueueUnreachableError(f"{self.what} {self.address} {what}") from error
        except errors.PyMongoError as error:
            raise QueueUnreachableError(
                f"{self.what} {self.address} does not answer: {_short(str(error))}; is host right in {self.file}, does "
                "the server run, and may this machine reach it?"
            ) from error


class FireWorksFiles:
    """What the files of a site say.

    Raises
    ------
    MissingExtraError
        FireWorks is not installed.
    SiteError
        A file is missing, or it does not hold together; file and key are named.
    """

    def __init__(self, site: Site):
        self.config_file = _named("fireworks_config", site.fireworks_config, CONFIG)
        self._config = read(self.config_file)
        self._fireworks = import_fireworks(self.config_file)
        self._check_config()
        self.launchpad_file = self._file("LAUNCHPAD_LOC", "my_launchpad.yaml")
        self._launchpad = self._read_launchpad()
        self._jobflow_file = site.jobflow_config

    @property
    def address(self) -> str:
        """Server and database of the queue."""
        name = self._launchpad.get("name") or "fireworks"
        if self._launchpad.get("uri_mode"):
            return f"{_hosts(str(self._launchpad['host']))}/{name}"
        return f"{self._launchpad.get('host') or 'localhost'}:{self._launchpad.get('port') or 27017}/{name}"

    @cached_property
    def server(self) -> Server:
        """The server of the queue."""
        user = str(self._launchpad.get("username") or "")
        if self._launchpad.get("uri_mode"):
            user = _user(str(self._launchpad["host"]))
        return Server("the LaunchPad", self.address, user, self.launchpad_file)

    def launchpad(self) -> LaunchPad:
        """Return the LaunchPad, which keeps quiet and waits a few seconds for its server."""
        from pymongo import errors

        said = {key: self._launchpad[key] for key in LAUNCHPAD_KEYS if self._launchpad.get(key) not in (None, "")}
        said["mongoclient_kwargs"] = PATIENCE | (said.get("mongoclient_kwargs") or {})
        try:
            with quiet():
                return self._fireworks.LaunchPad(**said, strm_lvl="CRITICAL")
        except (errors.PyMongoError, TypeError, ValueError) as error:
            raise SiteError(self._without_secrets(f"{self.launchpad_file}: {error}")) from error

    def worker_file(self, resources: Resources) -> Path | None:
        """Return the FWorker file of a kind of job: that of its worker, or the only one there is.

        Raises
        ------
        SiteError
            The worker has none.
        """
        return self._pair("my_fworker", "FWORKER_LOC", resources)

    def adapter_file(self, resources: Resources) -> Path | None:
        """Return the file of the batch system for a kind of job, alike."""
        return self._pair("my_qadapter", "QUEUEADAPTER_LOC", resources)

    def job_store(self) -> tuple[JobStore, Server]:
        """Return the store of the outputs, not connected yet, and where it is.

        Raises
        ------
        SiteError
            It is not described, or could not be shared with workers.
        """
        file = _named("jobflow_config", self._jobflow_file, JOBFLOW_CONFIG)
        store: Any = _described_store(file, read(file))
        if type(store.docs_store).__name__ in FORGETFUL:
            raise SiteError(
                f"{file}: JOB_STORE.docs_store is a {type(store.docs_store).__name__}, which keeps no results for "
                "others; describe a MongoStore"
            )
        if LARGE_DATA not in store.additional_stores:
            raise SiteError(
                f"{file}: JOB_STORE.additional_stores.{LARGE_DATA} is missing; calculations go into it, e.g. "
                f"{{type: GridFSStore, key: {BLOB_KEY}, host: ..., database: ..., collection_name: outputs_blobs}}"
            )
        for each in (store.docs_store, *store.additional_stores.values()):
            if getattr(each, "mongoclient_kwargs", None) is not None:
                each.mongoclient_kwargs = PATIENCE | each.mongoclient_kwargs
        docs = store.docs_store
        address, user = type(docs).__name__, ""
        if getattr(docs, "uri", None):
            address, user = f"{_hosts(docs.uri)}/{docs.database}", _user(docs.uri)
        elif hasattr(docs, "host"):
            address, user = f"{docs.host}:{docs.port}/{docs.database}", docs.username or ""
        return store, Server("the JobStore", address, user, file)

    def _check_config(self) -> None:
        known = vars(self._fireworks.fw_config)
        for key in self._config:
            if key not in known and key not in ("ADD_USER_PACKAGES", "ECHO_TEST"):
                raise SiteError(f"{self.config_file}: FireWorks has no setting {key}; every worker would fail over it")
        if self._config.get("MONGOMOCK_SERVERSTORE_FILE"):
            raise SiteError(
                f"{self.config_file}: with MONGOMOCK_SERVERSTORE_FILE only one process at a time may use the queue, "
                "and jobs run twice otherwise; remove it and name a MongoDB server"
            )

    def _read_launchpad(self) -> dict[str, Any]:
        said = read(self.launchpad_file)
        if not said.get("host"):
            raise SiteError(f"{self.launchpad_file}: host is missing")
        if said.get("uri_mode") and not said.get("name"):
            raise SiteError(f"{self.launchpad_file}: name is missing, the database of the queue")
        return said

    def _file(self, key: str, name: str) -> Path:
        """Return a file that FW_config.yaml names, looked for as FireWorks does."""
        value = self._config.get(key) or Path(self._config.get("CONFIG_FILE_DIR") or ".", name)
        path = Path(str(value))
        if not path.is_file():
            raise SiteError(
                f"{self.config_file}: {key}: there is no file {path}; name it with its whole path, FireWorks fills in "
                "neither ~ nor variables"
            )
        return path

    def _pair(self, stem: str, key: str, resources: Resources) -> Path | None:
        if resources.worker is None:
            return self._file(key, f"{stem}.yaml") if self._config.get(key) else None
        path = self.config_file.parent / f"{stem}_{resources.worker}.yaml"
        if not path.is_file():
            known = sorted(
                each.stem.removeprefix(f"{stem}_") for each in self.config_file.parent.glob(f"{stem}_*.yaml")
            )
            raise SiteError(
                f"worker {resources.worker} of the site has no file {path}; workers here: {', '.join(known) or 'none'}"
            )
        return path

    def _without_secrets(self, text: str) -> str:
        return without_secrets(text, self._launchpad)


def import_fireworks(config: Path) -> ModuleType:
    """Import FireWorks, which reads its settings from ``config`` if this is the first time.

    Raises
    ------
    MissingExtraError, SiteError
        It is not installed; it does not like its settings.
    """
    before = os.environ.get(CONFIG)
    os.environ[CONFIG] = str(config)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # it tells which file it has chosen
            import fireworks
            import fireworks.fw_config
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "fireworks":
            raise
        raise MissingExtraError("fireworks", "hpc") from error
    except Exception as error:  # it reads its settings while it is imported, and its class of error cannot be had then
        raise SiteError(f"FireWorks does not take {config}, or the FW_config.yaml it prefers: {error}") from error
    finally:
        if before is None:
            del os.environ[CONFIG]
        else:
            os.environ[CONFIG] = before
    return fireworks


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what FireWorks logs or prints off stdout, which belongs to tables and JSON."""
    with contextlib.redirect_stdout(sys.stderr):
        yield


def read(path: Path) -> dict[str, Any]:
    """Return the content of a YAML file in which everything has been filled in.

    Raises
    ------
    SiteError
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        said = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise SiteError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    except yaml.YAMLError as error:  # its message may quote a line with a password
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise SiteError(f"{path} is no YAML: {getattr(error, 'problem', None) or 'error'}{where}") from error
    if not isinstance(said, dict):
        raise SiteError(f"{path}: keys and values were expected, not {type(said).__name__}")
    left = [f"{mark} (line {line})" for line, mark in unfilled(text)]
    if left:
        raise SiteError(f"{path}: still to be filled in: {', '.join(left)}")
    return said


def without_secrets(text: str, content: Any) -> str:
    """Return a message without the passwords that stand in a file."""
    if isinstance(content, dict):
        for key, value in content.items():
            if key in SECRET and value:
                text = text.replace(str(value), "***")
            text = without_secrets(text, value)
    return re.sub(r"//[^/@\s]*@", "//***@", text)


def _described_store(file: Path, content: dict[str, Any]) -> Any:
    from jobflow import JobStore
    from pymongo.errors import PyMongoError

    said = content.get("JOB_STORE")
    if said is None:
        raise SiteError(f"{file}: JOB_STORE is missing; it describes where the outputs of jobs go")
    try:
        if isinstance(said, str):
            return JobStore.from_file(said)
        return JobStore.from_dict(said) if said.get("@class") == "JobStore" else JobStore.from_dict_spec(said)
    except (KeyError, TypeError, ValueError, AttributeError, ImportError, OSError, PyMongoError) as error:
        why = without_secrets(f"{type(error).__name__}: {error}", said)
        raise SiteError(f"{file}: JOB_STORE cannot be used: {why}") from error


def _named(key: str, path: str, variable: str) -> Path:
    named = os.path.expandvars(path) if path else os.environ.get(variable, "")
    if not named:
        raise SiteError(f"the site file names no {key}, and ${variable} is not set; one of them must name the file")
    found = Path(named).expanduser()
    if not found.is_file():
        raise SiteError(f"{f'{key} of the site file' if path else f'${variable}'}: there is no file {found}")
    return found


def _hosts(uri: str) -> str:
    return re.sub(r"^mongodb(\+srv)?://", "", uri).split("?")[0].split("/")[0].rpartition("@")[2]


def _user(uri: str) -> str:
    return uri.partition("//")[2].rpartition("@")[0].partition(":")[0]


def _short(text: str) -> str:
    """Return the first sentence of what a driver says; the rest repeats the topology."""
    return " ".join(text.split(", Timeout:")[0].split("full error:")[0].split())[:300].rstrip(", ")
