"""What all tests share; that this file is here also puts `tests/` on the import path for the helpers beside it."""

from __future__ import annotations

import pytest

SLURM = "slurm"
"""Group, and name of the fixture, of the tests that need the daemons of Slurm: one worker starts them, once."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Say which tests one worker of pytest-xdist runs in their order: those of a file, and those that need Slurm.

    A file stays together because its tests share what it costs to make its fixtures; tests with a group of their own
    (`@pytest.mark.xdist_group`) are left alone. The tests with Slurm are the longest group and come first, so that the
    other workers have enough to do beside them.
    """
    if not getattr(config.option, "loadgroup", False):
        return
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(group_of(item)))
    items.sort(key=lambda item: SLURM not in fixtures_of(item))


def group_of(item: pytest.Item) -> str:
    """Name the group of a test."""
    return SLURM if SLURM in fixtures_of(item) else item.nodeid.partition("::")[0]


def fixtures_of(item: pytest.Item) -> list[str]:
    """Name the fixtures of a test, those that others ask for too."""
    return getattr(item, "fixturenames", [])
