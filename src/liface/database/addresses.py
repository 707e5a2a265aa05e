"""Addresses of databases: files, memory, and servers with the passwords that no message may show."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import unquote

from liface.errors import DatabaseOpenError

if TYPE_CHECKING:
    from sqlalchemy import URL

MEMORY = ":memory:"
SCHEME = "sqlite:///"
SERVERS = ("postgresql://", "postgresql+psycopg://", "postgres://")
EXAMPLE = "postgresql://user@host/database"
_SECRETS = ("password", "sslpassword")
_IN_FRONT = re.compile(r"(://[^:/@?#]*):.*@", re.DOTALL)
_IN_QUERY = re.compile(rf"([?&](?:{'|'.join(_SECRETS)})=)[^&]*", re.IGNORECASE)


def is_server(target: str | os.PathLike[str]) -> bool:
    """Tell whether an address leads to a PostgreSQL server."""
    return os.fspath(target).startswith(SERVERS)


def without_password(target: str | os.PathLike[str]) -> str:
    """Return an address as it may be shown; one that cannot be read loses rather too much than too little."""
    text = os.fspath(target)
    return _IN_QUERY.sub(r"\1***", _IN_FRONT.sub(r"\1@", text)) if "://" in text else text


def path_of(target: str | os.PathLike[str]) -> Path | None:
    """Return the absolute file behind a path or ``sqlite:///`` address; None for a database in memory.

    Raises
    ------
    DatabaseOpenError
        If the address is no file.
    """
    text = os.fspath(target)
    if text in (MEMORY, "sqlite://", SCHEME, SCHEME + MEMORY):
        return None
    if text.startswith(SCHEME):
        text = text[len(SCHEME) :]
    elif "://" in text:
        raise DatabaseOpenError(
            f"{without_password(text)!r} is no database that liface knows; give a file, {SCHEME}FILE or {EXAMPLE} "
            "with --db or LIFACE_DB"
        )
    if not text or "\x00" in text:
        raise DatabaseOpenError(f"{text!r} names no file; give one with --db or LIFACE_DB, e.g. liface.db")
    return Path(text).expanduser().absolute()


def server_url(target: str | os.PathLike[str]) -> URL:
    """Read the address of a database on a server.

    Raises
    ------
    DatabaseOpenError
        If it cannot be read, or names no database.
    """
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    text = os.fspath(target)
    try:
        text.encode()
        url = make_url(text).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):  # a port that is no number, or characters that are no text
        _refuse(text, "cannot be read")
    if "\x00" in unquote(text):
        _refuse(text, "holds a NUL character")
    if "@" in (url.host or ""):  # a part of the password is taken for the host, and would be shown
        _refuse(text, "has more than one @")
    named_elsewhere = {"dbname", "service"} & set(url.query) or {"PGDATABASE", "PGSERVICE"} & set(os.environ)
    if not url.database and not named_elsewhere:
        _refuse(text, "names no database")
    return url


def shown(url: URL) -> str:
    """Return an address without any password in it."""
    from sqlalchemy import URL

    query = {key: value for key, value in url.query.items() if key not in _SECRETS}
    plain = URL.create("postgresql", url.username, None, url.host, url.port, url.database, query)
    return plain.render_as_string(hide_password=False)


def _refuse(text: str, why: str) -> NoReturn:
    raise DatabaseOpenError(
        f"the address {without_password(text)!r} {why}; give {EXAMPLE} with --db or LIFACE_DB "
        "(a password with special characters is written with %-escapes, or kept in ~/.pgpass)"
    ) from None
