"""Connections and transactions: what every server that holds a results database must offer."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DisconnectionError

from liface.database.addresses import is_server
from liface.database.driver import View, view_of
from liface.errors import DatabaseWriteError

BUSY_TIMEOUT_S = 60.0
"""How long a writer waits for the one before it."""

TOO_DEEP = "filter: it is nested too deeply for the database; split it into several"

Doing = Literal["open", "read", "write", "commit"]

_LEFT_BEHIND: list[Any] = []


class Store(ABC):
    """Connections to one database, for several threads; several processes may open the same one.

    Writers take turns and wait for each other; readers see the last commit as it was when they began, and wait for
    nobody.
    """

    name: str
    """The database, for messages; never with a password."""
    url: str
    """Address, absolute, as it may be shown."""
    address: str
    """What opens the same database from another process; may hold a password, so it is never shown."""
    path: Path | None = None
    in_memory: bool = False
    engine: Engine
    read_only_because: str = ""
    must_exist: bool = False
    how_to_write: str

    @property
    def read_only(self) -> bool:
        """Whether writes are refused."""
        return bool(self.read_only_because)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Hold one consistent view of the database."""
        with self._held(), self._translated("read"), self.engine.connect() as connection:
            prepared = self._to_read(connection)
            with prepared.begin():
                yield prepared

    @contextmanager
    def viewing(self) -> Iterator[View]:
        """Hold one consistent view that is only asked in the SQL of the driver."""
        with self.reading() as connection:
            yield view_of(connection)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Hold one transaction: all of it is stored, or nothing.

        Raises
        ------
        DatabaseWriteError
            If the database is read-only, the disk is full or the write is refused; nothing was changed.
        """
        self.check_writable("nothing was changed")
        with self._held(), self._translated("write"), self.engine.connect() as connection:
            prepared = self._to_write(connection)
            with prepared.begin() as transaction:
                self._take_turn(prepared)
                yield prepared
                with self._translated("commit"):
                    transaction.commit()

    def check_writable(self, consequence: str) -> None:
        """Refuse a database that is only read.

        Raises
        ------
        DatabaseWriteError
            It says why, what follows from it (``consequence``), and what to do.
        """
        if self.read_only:
            raise DatabaseWriteError(
                f"{self.name} cannot be written: {self.read_only_because}; {consequence}. {self.how_to_write}"
            )

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def get_ready(self) -> None:  # noqa: B027 - most have nothing to do
        """Do what must be done once before the first write."""

    def can_read_otherwise(self) -> bool:
        """Change the way of reading after it failed at opening; return whether there is another way."""
        return False

    @abstractmethod
    def size_bytes(self, connection: Connection) -> int:
        """Return the size of the database on its disk, in bytes."""

    @abstractmethod
    def _to_read(self, connection: Connection) -> Connection:
        """Return the connection with the options of a transaction that reads."""

    @abstractmethod
    def _to_write(self, connection: Connection) -> Connection:
        """Return the connection with the options of a transaction that writes."""

    def _take_turn(self, connection: Connection) -> None:  # noqa: B027 - SQLite takes its turn as it begins
        """Wait for the writer before, inside the transaction."""

    def _held(self) -> AbstractContextManager[None]:
        """Return what keeps transactions of several threads apart, where they share a connection."""
        return nullcontext()

    @abstractmethod
    def _translated(self, doing: Doing) -> AbstractContextManager[None]:
        """Turn errors of the server into those of this package."""


def open_store(target: str | os.PathLike[str], *, read_only: bool = False, must_exist: bool = False) -> Store:
    """Open a file, ``sqlite:///FILE``, ``:memory:`` or ``postgresql://user@host/database``.

    Raises
    ------
    DatabaseOpenError
        If there is no such file or server, or it cannot be used.
    MissingExtraError
        If the driver of the server is not installed.
    """
    if is_server(target):
        from liface.database.postgresql import PostgresqlStore

        return PostgresqlStore(target, read_only=read_only, must_exist=must_exist)
    from liface.database.sqlite import SqliteStore

    return SqliteStore(target, read_only=read_only, must_exist=must_exist)


def remember_process(record: Any) -> None:
    """Note which process made a connection."""
    record.info["pid"] = os.getpid()


def refuse_forked(connection: Any, record: Any, proxy: Any) -> None:
    """Open a new connection in a forked process; neither a file nor a socket may be shared across a fork."""
    if record.info["pid"] != os.getpid():
        _LEFT_BEHIND.append(connection)  # closing it here would end the locks, or the session, of the parent
        record.dbapi_connection = proxy.dbapi_connection = None
        raise DisconnectionError("connection of another process")
