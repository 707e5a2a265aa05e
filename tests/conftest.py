"""What all tests share; that this file is here also puts `tests/` on the import path for the helpers beside it."""

from __future__ import annotations

from typing import Any

import pytest

CLUSTER = "tests/hpc/"
"""The tests that start the daemons of Slurm and stand-ins for MongoDB: one worker does them all, one after another."""


def group_of(nodeid: str) -> str:
    """Name what one worker of pytest-xdist does in order: a file, whose tests share dear fixtures, or the cluster."""
    return CLUSTER if nodeid.startswith(CLUSTER) else nodeid.partition("::")[0]


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
    """Let a worker of pytest-xdist begin with the cluster, the longest group; the others have enough to do beside."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: not item.nodeid.startswith(CLUSTER))
