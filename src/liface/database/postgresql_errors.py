"""What the errors of PostgreSQL mean to a person."""

from __future__ import annotations

from liface.database.connection import TOO_DEEP
from liface.errors import (
    CorruptDatabaseError,
    DatabaseError,
    DatabaseOpenError,
    DatabaseWriteError,
    FilterError,
    LifaceError,
    MissingExtraError,
)

_AT_OPENING: tuple[tuple[str, str], ...] = (
    ("password authentication failed", "check user and password, e.g. in ~/.pgpass or PGPASSWORD"),
    ("no password supplied", "give the password in ~/.pgpass, in PGPASSWORD or in the address"),
    ("no pg_hba.conf entry", "the server does not admit this user from here; ask who looks after it"),
    ("authentication failed", "check user and password; ask who looks after the server"),
    ("permission denied for database", "ask for the right to it: GRANT CONNECT ON DATABASE ... TO ..."),
    ("invalid connection option", "check what follows the question mark of the address"),
    ("invalid uri query parameter", "check what follows the question mark of the address"),
    ("invalid integer value", "check port and options of the address"),
    ("too many clients", "all connections of the server are taken; run again later or with fewer workers"),
    ("remaining connection slots", "all connections of the server are taken; run again later or with fewer workers"),
    ("starting up", "wait a moment and run again"),
    ("shutting down", "wait until the server is back and run again"),
    ("timeout expired", "the server does not answer; check host and port, the network and its firewall"),
    ("connection timeout", "the server does not answer; check host and port, the network and its firewall"),
    ("resolve host", "no machine of that name; check the host of the address"),
    ("translate host", "no machine of that name; check the host of the address"),
    ("ssl", "check sslmode and the certificates of the address with who looks after the server"),
    ("connection refused", "no server listens there; check host and port, or start it"),
    ("no such file or directory", "no server listens there; check host and port, or start it"),
    ("connection failed", "check host, port, user and database of the address"),
)
"""Part of what libpq says where no connection comes about, which has no code, and what to do."""

_NOT_THERE = "does not exist"
_LOST = ("server closed the connection", "connection is lost", "connection is closed", "consuming input failed",
         "terminating connection", "could not receive data", "could not send data")  # fmt: skip

_WRITES: dict[str, str] = {
    "53100": "the disk of the server is full; nothing was changed. Free some space there and run again",
    "53200": "the server is out of memory; nothing was changed. Run again later",
    "55P03": "was held by another process for too long; nothing was changed. Run again later",
    "25006": "is read-only; nothing was changed. Give a database that may be written with --db or LIFACE_DB",
    "40001": "was changed by another process at the same time; nothing was changed here. Run again",
    "40P01": "and another process waited for each other; nothing was changed here. Run again",
    "57014": "took longer than the server allows (statement_timeout); nothing was changed. Run again later",
}
_READS: dict[str, str] = {
    "53200": "could not be read: the server is out of memory. Run again later",
    "40001": "could not be read: the server had to end the view (a standby that catches up). Run again",
    "55P03": "could not be read: another process holds its tables. Run again later",
    "57014": "could not be read in the time that the server allows (statement_timeout). Ask for fewer rows",
}


def meaning(error: BaseException, name: str, doing: str, *, lost: bool = False) -> LifaceError:
    """Tell what an error of PostgreSQL means and what to do."""
    code = getattr(error, "sqlstate", None) or ""
    text = _first_line(error)
    low = str(error).lower()
    if lost or code in ("57P01", "57P02") or code.startswith("08") or (not code and any(s in low for s in _LOST)):
        return _lost(name, text, doing)
    if not code:
        return _unreached(name, text, low, doing)
    if code == "54001":
        return FilterError(TOO_DEEP)
    if code in ("3D000", "28000", "28P01", "57P03", "53300"):
        return _unreached(name, text, low, "open")
    if code in ("42P01", "42703"):
        return CorruptDatabaseError(f"{name} lacks part of its tables ({text}); restore it from a copy")
    if code.startswith("XX00"):
        return CorruptDatabaseError(f"{name} is damaged ({text}); restore it from a copy")
    if code == "42501":
        return _forbidden(name, text, doing)
    writes = doing in ("write", "commit")
    known = (_WRITES if writes else _READS).get(code)
    if known is not None:
        return DatabaseWriteError(f"{name} {known}") if writes else DatabaseError(f"{name} {known}")
    if writes:
        return DatabaseWriteError(f"{name} refused the write ({text}); nothing was changed")
    return DatabaseError(f"{name} could not be read ({text})")


def no_driver(error: ImportError) -> MissingExtraError:
    """Tell which package is missing to talk with a server."""
    what = "psycopg" if getattr(error, "name", None) == "psycopg" else "the library libpq that psycopg needs"
    return MissingExtraError(what, "postgresql")


def _lost(name: str, text: str, doing: str) -> DatabaseError:
    if doing == "commit":
        return DatabaseWriteError(
            f"{name}: the connection was lost while it was told to keep the changes ({text}); it has kept all of them "
            "or none. Run again: what is stored is not computed or stored twice"
        )
    if doing == "write":
        return DatabaseWriteError(f"{name}: the connection was lost ({text}); nothing was changed. Run again")
    return DatabaseOpenError(f"{name}: the connection was lost ({text}); check that the server runs, and run again")


def _unreached(name: str, text: str, low: str, doing: str) -> DatabaseError:
    if _NOT_THERE in low and "database" in low:
        return DatabaseOpenError(f"{name}: no such database ({text}); make it with createdb, or check the address")
    if _NOT_THERE in low and "role" in low:
        return DatabaseOpenError(f"{name}: no such user ({text}); make it with createuser, or check the address")
    for part, advice in _AT_OPENING:
        if part in low:
            return DatabaseOpenError(f"{name} cannot be opened ({text}); {advice}")
    if doing in ("write", "commit"):
        return DatabaseWriteError(f"{name} refused the write ({text}); nothing was changed")
    return DatabaseOpenError(f"{name} cannot be opened ({text}); check the address and that the server runs")


def _forbidden(name: str, text: str, doing: str) -> DatabaseError:
    if doing in ("write", "commit"):
        return DatabaseWriteError(
            f"{name}: this user has no right to write there ({text}); nothing was changed. Ask for it with GRANT, or "
            "give another database with --db or LIFACE_DB"
        )
    return DatabaseOpenError(
        f"{name}: this user has no right to read there ({text}); ask for GRANT SELECT ON ALL TABLES IN SCHEMA ..."
    )


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].strip()
