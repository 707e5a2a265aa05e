"""What all tests share; that this file is here also puts `tests/` on the import path for the helpers beside it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from postgresql_server import SHARED, PostgresqlServer, running_server

gc.set_threshold(5_000, 10, 100)
"""The collector would look through all modules and tests of a process again and again, and find next to nothing."""

GROUPS = {
    "cluster": ("tests/hpc/",),
    "models": (
        "tests/science/", "tests/engines/test_calculators.py", "tests/engines/test_checkpoints.py",
        "tests/engines/test_contract.py", "tests/engines/test_in_flight.py", "tests/engines/test_sevennet_kernel.py",
    ),
    "report": ("tests/report/",),
}  # fmt: skip
"""What one worker does as a whole: daemons of Slurm, potentials or a campaign's report are started or made once."""

LONG = (
    *GROUPS["cluster"],
    *GROUPS["models"],
    "tests/repo/test_readme.py",
    "tests/engines/test_vasp_run.py",
    "tests/engines/test_gpaw_process.py",
    "tests/engines/test_gpaw.py",
    "tests/dispatch/test_submission.py",
    "tests/dispatch/test_run.py",
    "tests/serve/test_serve_page.py",
    *GROUPS["report"],
    "tests/database/test_database_processes.py",
    "tests/workflows/",
)
"""What takes long, in the order in which it is begun: none of it is left when the others have nothing more to do."""


def group_of(nodeid: str) -> str:
    """Name what one worker of pytest-xdist does in order: a file, whose tests share dear fixtures, or a group."""
    return next((name for name, starts in GROUPS.items() if nodeid.startswith(starts)), nodeid.partition("::")[0])


def place_of(nodeid: str) -> int:
    """Give the place of a test in the order of what takes long; all others come after it, as they were."""
    return next((place for place, start in enumerate(LONG) if nodeid.startswith(start)), len(LONG))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand out whole groups under `--dist loadfile`.

    `--dist loadgroup` would be the way, but pytest-xdist 3.8 writes its groups into an attribute of the tests that
    pytest 9.2 no longer has, and hands them out singly without a word.
    """
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class ByGroup(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group_of(nodeid)

    return ByGroup(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let the workers of pytest-xdist begin with what takes longest: first the cluster, most of which is waiting."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: place_of(item.nodeid))


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """A server of this worker's own; the test is skipped where PostgreSQL or its driver is missing."""
    with running_server() as server:
        yield server


@pytest.fixture
def empty_server_database(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """The address of a database on a server that holds nothing."""
    with postgresql_server.database() as name:
        yield postgresql_server.address(name)


@pytest.fixture
def server_database(postgresql_server: PostgresqlServer) -> Iterator[str]:
    """The address of a results database on a server, empty but for its tables, which the test leaves as they are."""
    yield postgresql_server.address(SHARED)
    postgresql_server.empty(SHARED)
