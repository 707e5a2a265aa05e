"""A results database in one SQLite file: connections, transactions, and what SQLite's errors mean to a person."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, QueuePool, StaticPool

from liface.database.addresses import MEMORY, SCHEME, path_of
from liface.database.connection import BUSY_TIMEOUT_S, TOO_DEEP, Doing, Store, refuse_forked, remember_process
from liface.database.driver import View
from liface.database.file_systems import is_on_network
from liface.errors import (
    CorruptDatabaseError,
    DatabaseError,
    DatabaseOpenError,
    DatabaseWriteError,
    FilterError,
    LifaceError,
)

MAGIC = b"SQLite format 3\x00"
WRITE = "liface_write"

CACHE_KIB = 64 * 1024
"""Pages that a connection keeps at most, where it has read so many."""


class SqliteStore(Store):
    """One file, or the memory of this process.

    Writes take the lock of the file at their start (``BEGIN IMMEDIATE``) and wait for each other; readers see
    the last commit and never wait (write-ahead log).
    """

    how_to_write = "Make the file and its folder writable, or give another file with --db or LIFACE_DB"

    def __init__(self, target: str | os.PathLike[str], *, read_only: bool = False, must_exist: bool = False):
        self.path = path_of(target)
        self.in_memory = self.path is None
        self.must_exist = must_exist
        self.name = MEMORY if self.path is None else str(self.path)
        self.url = self.address = f"{SCHEME}{self.name}"
        self._lock = threading.RLock()
        self.read_only_because = "it was opened read-only" if read_only else ""
        self.immutable = False
        if self.path is not None:
            self._look(self.path, must_exist)
        self.engine = self._engine()

    @contextmanager
    def viewing(self) -> Iterator[View]:
        """Hold one consistent view; a connection of SQLAlchemy takes longer to make than a few rows to read."""
        with self._held(), self._translated("read"):
            connection = self.engine.raw_connection()
            try:
                cursor = connection.cursor()
                cursor.execute("BEGIN")
                yield View(self.engine.dialect, lambda sql, values: cursor.execute(sql, values).fetchall())
            finally:
                connection.close()  # what was begun ends as the pool takes it back

    def get_ready(self) -> None:
        """Let readers and one writer work at the same time; the mode stays with the file.

        On a network file system, where that mode needs memory that machines do not share, they take turns.
        """
        if self.in_memory or self.read_only:
            return
        with self._translated("open"):
            deadline = time.monotonic() + BUSY_TIMEOUT_S
            while not self._try_write_ahead_log():
                if time.monotonic() > deadline:
                    raise DatabaseOpenError(
                        f"{self.name} is held by another process since {BUSY_TIMEOUT_S:.0f} s; "
                        "end that process or try again later"
                    )
                time.sleep(0.05)

    def can_read_otherwise(self) -> bool:
        """Read a file whose folder admits no write-ahead log, if none is waiting beside it.

        Raises
        ------
        DatabaseOpenError
            If finished results are still in the log and would not be seen.
        """
        if not self.read_only or self.in_memory or self.immutable:
            return False
        log = self._log()
        if log.exists() and log.stat().st_size:
            raise DatabaseOpenError(
                f"{self.name} has results waiting in {log.name}, which a read-only folder does not let in; "
                "copy both files to a writable folder and open them there"
            )
        self.immutable = True
        self.engine.dispose()
        self.engine = self._engine()
        return True

    def size_bytes(self, connection: Connection) -> int:
        """Bytes on disk, with the write-ahead log that is not merged yet."""
        files = (self.path, self._log()) if self.path is not None else ()
        return sum(file.stat().st_size for file in files if file.exists())

    def _to_read(self, connection: Connection) -> Connection:
        return connection

    def _to_write(self, connection: Connection) -> Connection:
        return connection.execution_options(**{WRITE: True})

    def _held(self) -> AbstractContextManager[Any]:
        # A database in memory is one connection, so its transactions must not overlap.
        return self._lock if self.in_memory else nullcontext()

    @contextmanager
    def _translated(self, doing: Doing) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise meaning(error.orig or error, self.name, doing) from error
        except sqlite3.Error as error:
            raise meaning(error, self.name, doing) from error
        except UnicodeDecodeError as error:  # SQLite quotes a damaged schema in its message, byte for byte
            raise CorruptDatabaseError(
                f"{self.name} is damaged (unreadable text); restore it from a copy, or move it away and run again"
            ) from error

    def _try_write_ahead_log(self) -> bool:
        # SQLite refuses a change of mode at once, without the busy timeout, while another process opens the file.
        connection = self.engine.raw_connection()
        try:
            mode = "DELETE" if is_on_network(Path(self.name)) else "WAL"
            connection.cursor().execute(f"PRAGMA journal_mode={mode}")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                return False
            raise
        finally:
            connection.close()
        return True

    def _look(self, path: Path, must_exist: bool) -> None:
        """Refuse what cannot be a results database before SQLite touches it."""
        if path.is_dir():
            raise DatabaseOpenError(f"{path} is a folder; give a file, e.g. {path / 'liface.db'}")
        if not path.exists():
            if must_exist or self.read_only:
                raise DatabaseOpenError(
                    f"no database at {path}; run a campaign first, or name the file with --db or LIFACE_DB"
                )
            if not path.parent.is_dir():
                raise DatabaseOpenError(f"no folder {path.parent} to hold {path.name}; create it first")
            return
        try:
            with path.open("rb") as file:
                head = file.read(len(MAGIC))
        except OSError as error:
            raise DatabaseOpenError(f"{path} cannot be read: {error.strerror}; check its permissions") from error
        if head and head != MAGIC:
            raise DatabaseOpenError(
                f"{path} is not a database (it starts with {head!r}); give another file with --db or LIFACE_DB"
            )
        if not self.read_only:
            self.read_only_because = _why_not_writable(path)

    def _engine(self) -> Engine:
        pool: dict[str, Any] = {"poolclass": QueuePool, "pool_size": 4, "max_overflow": -1}
        if self.in_memory:
            pool = {"poolclass": StaticPool}
        elif self.immutable:
            pool = {"poolclass": NullPool}  # whether somebody writes by now is looked at with every connection
        engine = create_engine("sqlite://", creator=self._connect, **pool)
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "checkout", refuse_forked)
        event.listen(engine, "begin", _begin)
        return engine

    def _connect(self) -> sqlite3.Connection:
        if self.path is None:
            return sqlite3.connect(MEMORY, check_same_thread=False, isolation_level=None)
        mode = "ro" if self.read_only else "rwc"
        # A log beside the file means that somebody is writing: then it is there to be read with.
        still = self.immutable and not self._log().exists()
        uri = f"{self.path.as_uri()}?mode={mode}" + ("&immutable=1" if still else "")
        return sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, check_same_thread=False, isolation_level=None)

    def _log(self) -> Path:
        return Path(self.name + "-wal")


def meaning(error: BaseException, name: str, doing: Doing) -> LifaceError:
    """Tell what an error of SQLite means and what to do."""
    text = str(error)
    low = text.lower()
    if "stack overflow" in low or "expression tree is too large" in low:
        return FilterError(TOO_DEEP)
    if "is full" in low:
        return DatabaseWriteError(f"{name}: the disk is full; nothing was changed. Free some space and run again")
    if ("readonly" in low or "read-only" in low) and doing == "read":
        return DatabaseOpenError(f"{name} cannot be read without writing beside it; copy it to a writable folder")
    if "readonly" in low or "read-only" in low:
        return DatabaseWriteError(
            f"{name} is read-only; nothing was changed. Make the file and its folder writable, or give another "
            "file with --db or LIFACE_DB"
        )
    if "not a database" in low or "malformed" in low:
        return CorruptDatabaseError(
            f"{name} is damaged ({text}); restore it from a copy, or move it away and run the campaign again"
        )
    if "unable to open" in low:
        return DatabaseOpenError(f"{name} cannot be opened ({text}); check that its folder exists and is writable")
    if "locked" in low or "busy" in low:
        return DatabaseWriteError(
            f"{name} was held by another process for {BUSY_TIMEOUT_S:.0f} s; nothing was changed. Run again later"
        )
    if "no such column" in low or "no such table" in low:
        return CorruptDatabaseError(f"{name} lacks part of its tables ({text}); restore it from a copy")
    if doing in ("write", "commit"):
        return DatabaseWriteError(f"{name} refused the write ({text}); nothing was changed")
    return DatabaseError(f"{name} could not be read ({text})")


def _why_not_writable(path: Path) -> str:
    if not os.access(path, os.W_OK):
        return "the file is read-only"
    if not os.access(path.parent, os.W_OK):
        return f"its folder {path.parent} is read-only"
    return ""


def _prepare(connection: sqlite3.Connection, record: Any) -> None:
    remember_process(record)
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={int(BUSY_TIMEOUT_S * 1000)}")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute(f"PRAGMA cache_size={-CACHE_KIB}")
    cursor.close()


def _begin(connection: Connection) -> None:
    write = connection.get_execution_options().get(WRITE, False)
    # to the driver itself: what SQLAlchemy does around a statement takes longer than to read a few rows
    connection.connection.cursor().execute("BEGIN IMMEDIATE" if write else "BEGIN")
