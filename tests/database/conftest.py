from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for database_factories, under every import mode


SERVERS = ("sqlite", "postgresql")


@pytest.fixture(params=SERVERS)
def db(request):
    """A results database with nothing in it."""
    from liface.database import Database

    target = ":memory:" if request.param == "sqlite" else request.getfixturevalue("server_database")
    with Database(target) as database:
        yield database


@pytest.fixture(scope="module", params=SERVERS)
def shared(request):
    """A results database that the tests of a file share: filled once, and only read from then on."""
    from liface.database import Database

    with ExitStack() as stack:
        target = ":memory:"
        if request.param == "postgresql":
            server = request.getfixturevalue("postgresql_server")
            target = server.address(stack.enter_context(server.database()))
        yield stack.enter_context(Database(target))


@pytest.fixture(params=SERVERS)
def place(request, tmp_path) -> str:
    """Where results can be stored and found again: a file, and a database on a server; the test keeps its tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'liface.db'}"
    return request.getfixturevalue("server_database")


@pytest.fixture(params=SERVERS)
def target(request, tmp_path) -> str:
    """Where a database can be made: a file that does not exist yet, and an empty database on a server."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'liface.db'}"
    return request.getfixturevalue("empty_server_database")


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "liface.db"
