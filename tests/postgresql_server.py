"""A PostgreSQL server of the tests' own, and as many fresh databases on it as they want."""

from __future__ import annotations

import ctypes
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from requirements_helper import need

PR_SET_PDEATHSIG = 1
USERS = ("postgres", "nobody")
"""Whom a server is started as by root, which PostgreSQL refuses to run as."""

SETTINGS = {
    "listen_addresses": "", "fsync": "off", "full_page_writes": "off", "shared_buffers": "32MB", "autovacuum": "off",
    "max_wal_size": "256MB", "max_connections": "60", "unix_socket_permissions": "0777", "log_timezone": "UTC",
    "timezone": "Asia/Kolkata", "lc_messages": "C", "max_prepared_transactions": "0",
}  # fmt: skip
"""Fast rather than durable, and in a time zone that a test would notice."""

ADMIN = "admin"
CLOSED = "closed"
"""A user who needs a password, beside the admin who needs none."""

PASSWORD = "se cret/@:%"

SHARED = "shared"
"""A database with the tables of this version; making one for every test takes longer than many tests."""


class PostgresqlServer:
    """A running server that listens on a socket in a folder of its own."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._numbers = itertools.count()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin to serve, and wait until it answers."""
        options = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program("postgres"), "-D", self.folder / "data", "-k", self.folder, *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, preexec_fn=_end_with_parent,
                **_identity(),
            )  # fmt: skip
        deadline = time.monotonic() + 60.0
        ready = [program("pg_isready"), "-q", "-h", self.folder]
        while subprocess.run(ready, check=False, env=_environment()).returncode:
            assert self._process.poll() is None and time.monotonic() < deadline, self.log()
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End all sessions and the server; SIGQUIT ends it as a crash would."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60.0)
            self._process = None

    def log(self) -> str:
        """What the server said."""
        return (self.folder / "server.log").read_text(errors="replace")

    def address(self, database: str, user: str = ADMIN, password: str = "") -> str:
        """Return the address of a database."""
        who = f"{user}:{quote(password, safe='')}" if password else user
        return f"postgresql://{who}@/{database}?host={quote(str(self.folder), safe='')}"

    def run(self, *statements: str, database: str = "postgres") -> None:
        """Run statements as the admin, each on its own."""
        import psycopg

        with psycopg.connect(host=str(self.folder), user=ADMIN, dbname=database, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def rows(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Ask as the admin."""
        import psycopg

        with psycopg.connect(host=str(self.folder), user=ADMIN, dbname=database, autocommit=True) as connection:
            return connection.execute(statement.encode()).fetchall()

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """Make a database and remove it afterwards; yields its name."""
        name = f"test_{next(self._numbers)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield name
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def make_tables(self) -> None:
        """Make the database that tests share."""
        from liface.database import Database

        self.run(f"CREATE DATABASE {SHARED}")
        Database(self.address(SHARED)).close()

    def empty(self, database: str) -> None:
        """Delete all rows of a results database but its version."""
        tables = self.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database)
        doomed = [f"DELETE FROM {name};" for (name,) in tables if name != "liface_schema"]
        self.run(" ".join(doomed), database=database)


@contextmanager
def running_server() -> Iterator[PostgresqlServer]:
    """Run a server in a new folder; it ends with the tests, also when they are killed."""
    need("postgresql", program("postgres") is not None, "apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="liface-pg-"))
    server = PostgresqlServer(folder)
    try:
        identity = _identity()
        folder.chmod(0o755)
        if identity:
            shutil.chown(folder, identity["user"], identity["group"])
        initdb = [program("initdb"), "-D", folder / "data", "-U", ADMIN, "-E", "UTF8", "--locale=C", "--no-sync"]
        made = subprocess.run(
            [*initdb, "--auth=trust"], check=False, capture_output=True, cwd=folder, env=_environment(), **identity
        )
        assert made.returncode == 0, made.stderr.decode(errors="replace")
        rules = folder / "data" / "pg_hba.conf"
        rules.write_text(f"local all {CLOSED} scram-sha-256\nlocal all all trust\n")
        server.start()
        server.run(f"CREATE ROLE {CLOSED} LOGIN PASSWORD '{PASSWORD}'")
        server.make_tables()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def program(name: str) -> str | None:
    """Find a program of PostgreSQL, which Debian keeps off the path; the newest version."""
    here = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    return str(here[-1]) if here else shutil.which(name)


def _identity() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    for name in USERS:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise RuntimeError(f"root may not run a server, and there is none of the users {', '.join(USERS)}")


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
