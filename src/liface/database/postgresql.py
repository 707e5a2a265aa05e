"""A results database on a PostgreSQL server, in one schema of one of its databases."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from liface.database.addresses import server_url, shown
from liface.database.connection import BUSY_TIMEOUT_S, Doing, Store, refuse_forked, remember_process
from liface.database.postgresql_errors import meaning, no_driver
from liface.database.schema import VERSIONS
from liface.errors import DatabaseError, DatabaseOpenError

CONNECT_TIMEOUT_S = 10
MOST_CONNECTIONS = 16
"""Per process; a server admits about 100 in all."""

TRUSTED_S = 1.0
"""A connection that was used so recently is used again unasked."""

TURN = 0x6C696661
"""First half of the advisory lock that writers take in turn; the second is the schema."""

_SESSION = f"""
SET timezone = 'UTC';
SET extra_float_digits = 1;
SET lock_timeout = {int(BUSY_TIMEOUT_S * 1000)};
SET tcp_keepalives_idle = 60;
SET tcp_keepalives_interval = 10;
SET tcp_keepalives_count = 6
"""
"""Floats are read bit for bit, and a writer whose machine is gone gives up its turn within two minutes."""

_LOOK = """
SELECT current_schema(), current_setting('server_encoding'), pg_is_in_recovery(),
       current_setting('default_transaction_read_only') = 'on',
       CASE WHEN to_regclass(%(table)s) IS NULL THEN has_schema_privilege(current_schema(), 'CREATE')
            ELSE has_table_privilege(to_regclass(%(table)s)::oid, 'INSERT') END
"""


class PostgresqlStore(Store):
    """One schema of a database on a server: the first one of the search path, as a rule ``public``.

    Reads hold one snapshot (``REPEATABLE READ READ ONLY``). Writes take an advisory lock of the schema at their
    start and wait for each other, as the writers of a file do.
    """

    how_to_write = "Ask who looks after the server for the right to write, or give another database with --db"

    def __init__(self, target: str | os.PathLike[str], *, read_only: bool = False, must_exist: bool = False):
        url = server_url(target)
        self.must_exist = must_exist
        self.name = self.url = shown(url)
        self.address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self.read_only_because = "it was opened read-only" if read_only else ""
        try:
            self.engine = _engine(url)
        except ImportError as error:
            raise no_driver(error) from error
        try:
            self._look()
        except BaseException:
            self.close()
            raise

    def size_bytes(self, connection: Connection) -> int:
        """Bytes of the tables of liface on the server, with their indices and long values."""
        return connection.exec_driver_sql(
            "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class "
            "WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
        ).scalar_one()

    def _to_read(self, connection: Connection) -> Connection:
        return connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    def _to_write(self, connection: Connection) -> Connection:
        # a snapshot taken while waiting for the turn would not hold what the writer before stored
        return connection.execution_options(isolation_level="READ COMMITTED")

    def _take_turn(self, connection: Connection) -> None:
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%(key)s, hashtext(current_schema()))", {"key": TURN})

    @contextmanager
    def _translated(self, doing: Doing) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise meaning(error.orig or error, self.name, doing, lost=error.connection_invalidated) from error
        except PoolTimeoutError as error:
            raise DatabaseError(
                f"{self.name}: all {MOST_CONNECTIONS} connections of this process were in use for "
                f"{BUSY_TIMEOUT_S:.0f} s; nothing was changed. Run again with fewer workers"
            ) from error

    def _look(self) -> None:
        """Refuse a database that cannot hold results, and see whether it may be written."""
        with self._translated("open"), self.engine.connect() as connection:
            found = connection.exec_driver_sql(_LOOK, {"table": VERSIONS.name}).one()
        schema, encoding, standby, only_read, may_write = found
        if schema is None:
            raise DatabaseOpenError(
                f"{self.name}: none of the schemas of its search_path exists, or this user may not use them; make one "
                "with CREATE SCHEMA, or ask for the right to it with GRANT USAGE"
            )
        if encoding != "UTF8":
            raise DatabaseOpenError(
                f"{self.name} keeps text as {encoding}, which lacks characters of units and names; "
                "make one with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
            )
        reasons = (
            (standby, "the server is a standby, which is only read"),
            (only_read, "default_transaction_read_only is on"),
            (not may_write, f"this user has no right to write into its schema {schema}"),
        )
        if not self.read_only:
            self.read_only_because = next((reason for holds, reason in reasons if holds), "")


def _engine(url: Any) -> Engine:
    arguments = {"connect_timeout": CONNECT_TIMEOUT_S, "fallback_application_name": "liface", "client_encoding": "utf8"}
    engine = create_engine(
        url,
        connect_args={key: value for key, value in arguments.items() if key not in url.query},
        pool_size=4,
        max_overflow=MOST_CONNECTIONS - 4,
        pool_timeout=BUSY_TIMEOUT_S,
    )
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "checkout", refuse_forked)
    event.listen(engine, "checkout", lambda connection, record, proxy: _refuse_lost(engine, connection, record))
    event.listen(engine, "checkin", lambda connection, record: record.info.update(used=time.monotonic()))
    return engine


def _prepare(connection: Any, record: Any) -> None:
    remember_process(record)
    connection.autocommit = True
    connection.execute(_SESSION)
    connection.autocommit = False


def _refuse_lost(engine: Engine, connection: Any, record: Any) -> None:
    """Open a new connection where the server, or something on the way, has ended this one since its last use."""
    # not pool_pre_ping, which would talk on the connection of a parent before it is known whose it is
    if time.monotonic() - record.info.get("used", time.monotonic()) < TRUSTED_S:
        return
    try:
        engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error as error:
        raise DisconnectionError("connection lost") from error
