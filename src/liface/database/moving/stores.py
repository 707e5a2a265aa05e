"""Which document store a person means: a MongoDB address, or a file that describes a maggma or jobflow store.

Stores are made from a closed list of classes; nothing else that a file names is imported or run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit

from liface.database.addresses import without_password
from liface.errors import DatabaseError, DatabaseOpenError, DatabaseWriteError, InputError

if TYPE_CHECKING:
    from jobflow import JobStore
    from maggma.core import Store

SCHEMES = ("mongodb://", "mongodb+srv://")
SUFFIXES = (".yaml", ".yml", ".json")
DOCUMENT_STORES = ("MongoStore", "MongoURIStore", "JSONStore", "MemoryStore")
LARGE_STORES = (*DOCUMENT_STORES, "GridFSStore", "S3Store", "AzureBlobStore")
"""Stores that may take the large data of a JobStore."""

COLLECTION = "liface"
"""Collection of an address that names none."""

PATIENCE = {"serverSelectionTimeoutMS": 5_000, "connectTimeoutMS": 5_000, "socketTimeoutMS": 120_000}
"""How long a server may take, in ms, unless its file says it; a person waits for the answer."""


def is_store(text: str) -> bool:
    """Tell whether a text means a document store, and no results database in SQL."""
    return text.startswith(SCHEMES) or (Path(text).suffix.lower() in SUFFIXES and "://" not in text)


def document_store(text: str) -> Store:
    """Return the maggma store of an address or a file, not connected yet.

    Raises
    ------
    InputError
        If the file cannot be read or describes no store of a class that is known here.
    """
    if text.startswith(SCHEMES):
        return _at_address(text)
    said = _read(Path(text))
    said = said.get("store", said) if isinstance(said.get("store", said), dict) else said
    if "docs_store" in said or "JOB_STORE" in said:
        raise InputError(f"{text} describes a JobStore, for outputs of jobs; use 'liface database gather' to read it")
    return _construct(said, DOCUMENT_STORES, text)


def job_store(text: str) -> JobStore:
    """Return the store of outputs of jobs of an address or a file (``jobflow.yaml``), not connected yet.

    An address leads to the outputs alone: large data, which calculations are, may be in another collection.

    Raises
    ------
    InputError
        If the file cannot be read or describes no store of a class that is known here.
    """
    from jobflow import JobStore

    if text.startswith(SCHEMES):
        return JobStore(_at_address(text))
    said = _read(Path(text))
    said = said.get("JOB_STORE", said)
    if isinstance(said, str):
        return job_store(said)
    if not isinstance(said, dict) or "docs_store" not in said:
        return JobStore(_construct(said, DOCUMENT_STORES, text))
    additional = said.get("additional_stores") or {}
    if not isinstance(additional, dict):
        raise InputError(f"{text}: additional_stores: a name for each store was expected")
    return JobStore(
        _construct(said["docs_store"], DOCUMENT_STORES, text),
        {name: _construct(each, LARGE_STORES, text) for name, each in additional.items()},
    )


@contextmanager
def answering(name: str) -> Iterator[None]:
    """Tell of a server that does not answer, or refuses, in our words.

    Raises
    ------
    DatabaseError
        Passwords are not in its message.
    """
    from maggma.core import StoreError
    from pymongo.errors import BulkWriteError, ConfigurationError, OperationFailure, PyMongoError

    try:
        yield
    except BulkWriteError as error:
        why = (error.details or {}).get("writeErrors") or [{}]
        raise DatabaseWriteError(
            f"{name} did not take {len(why)} document(s) of a batch: {_short(why[0].get('errmsg', error))}; run again, "
            "which copies what is missing"
        ) from error
    except OperationFailure as error:
        raise DatabaseError(f"{name} refuses: {_short(error)}; check user, password and their rights") from error
    except (ConfigurationError, StoreError, FileNotFoundError) as error:
        raise DatabaseOpenError(f"{name} cannot be opened: {_short(error)}") from error
    except PyMongoError as error:
        raise DatabaseError(
            f"{name} does not answer: {_short(error)}; does the server run, and may this machine reach it?"
        ) from error


def name_of(store: Any) -> str:
    """Return where a store is, for messages; without user and password."""
    paths = getattr(store, "paths", None)
    if paths:
        return ", ".join(str(path) for path in paths)
    if getattr(store, "uri", None):
        parts = urlsplit(store.uri)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/{store.database}/{store.collection_name}"
    if getattr(store, "host", None):
        return f"mongodb://{store.host}:{store.port}/{store.database}/{store.collection_name}"
    return f"{type(store).__name__} {getattr(store, 'collection_name', '')}".rstrip()


def _at_address(text: str) -> Store:
    """``mongodb://[USER:PASSWORD@]HOST[:PORT]/DATABASE[/COLLECTION][?OPTIONS]``."""
    from maggma.stores import MongoStore
    from pymongo.errors import InvalidURI
    from pymongo.uri_parser import parse_uri

    parts = urlsplit(text)
    database, _, collection = unquote(parts.path).strip("/").partition("/")
    shown = without_password(text)
    try:
        if "@" in text and "@" not in parts.netloc:
            raise ValueError("a / ? # in user or password")
        if parts.scheme == "mongodb":  # the other scheme asks a name server
            parse_uri(urlunsplit((parts.scheme, parts.netloc, "", "", "")))
    except (ValueError, InvalidURI) as error:
        raise InputError(
            f"{shown} is no address of a MongoDB; user and password with special characters are written with %-escapes"
        ) from error
    if not database or "/" in collection:
        raise InputError(f"{shown}: give {parts.scheme}://HOST[:PORT]/DATABASE[/COLLECTION]")
    uri = urlunsplit((parts.scheme, parts.netloc, f"/{database}", parts.query, ""))
    return MongoStore(database, collection or COLLECTION, uri=uri, mongoclient_kwargs=dict(PATIENCE))


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        said = json.loads(text) if path.suffix.lower() == ".json" else yaml.safe_load(text)
    except FileNotFoundError as error:
        raise InputError(f"no file {path} to describe a store; give one, or an address mongodb://HOST/DB") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    except (yaml.YAMLError, ValueError) as error:  # the message may quote a line with a password
        raise InputError(f"{path} is no {'JSON' if path.suffix.lower() == '.json' else 'YAML'}") from error
    if not isinstance(said, dict):
        raise InputError(
            f"{path} describes no store; expected are keys such as 'type: MongoStore', 'database: ...', "
            "'collection_name: ...'"
        )
    return said


def _construct(said: Any, known: tuple[str, ...], file: str) -> Store:
    """Make a store of its description, in jobflow's form (``type``) or in maggma's own (``@module``, ``@class``)."""
    import maggma.stores
    from maggma.stores.ssh_tunnel import SSHTunnel

    if not isinstance(said, Mapping):
        raise InputError(f"{file}: {type(said).__name__} describes no store; 'type: MongoStore' and its keys do")
    module = str(said.get("@module", "maggma.stores"))
    kind = said.get("type", said.get("@class"))
    if kind not in known or not f"{module}.".startswith("maggma.stores."):
        raise InputError(f"{file}: no store of type {kind!r} can be used here; types: {', '.join(known)}")
    options = {name: value for name, value in said.items() if name != "type" and not name.startswith("@")}
    tunnel = options.get("ssh_tunnel")
    try:
        if isinstance(tunnel, Mapping):
            own = {name: value for name, value in tunnel.items() if name != "type" and not name.startswith("@")}
            options["ssh_tunnel"] = SSHTunnel(**own)
        if kind.startswith("Mongo"):
            options["mongoclient_kwargs"] = PATIENCE | (options.get("mongoclient_kwargs") or {})
        return getattr(maggma.stores, kind)(**options)
    except Exception as error:  # whatever a class of others says to options that do not fit; a value may be a password
        wrong = str(error) if isinstance(error, TypeError) else type(error).__name__
        raise InputError(f"{file}: {kind} does not take these keys ({', '.join(options)}): {wrong}") from error


def _short(error: BaseException | str) -> str:
    """Return the first sentence of what a driver says, without what may be a password."""
    text = " ".join(str(error).split(", Timeout:")[0].split("full error:")[0].split())
    return text[:300].rstrip(", ")
