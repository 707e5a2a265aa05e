"""Programs that tests need and that are not installed everywhere."""

from __future__ import annotations

import os

import pytest

REQUIRED = "LIFACE_REQUIRE"
"""Environment variable: the programs, separated by commas, whose tests may not be skipped."""


def need(tool: str, present: bool, how: str) -> None:
    """Skip the test where a program is missing, or fail it where the environment says that it must be there.

    Parameters
    ----------
    tool
        Name of the program, such as slurm or gpaw.
    present
        Whether it was found.
    how
        How to get it.
    """
    if present:
        return
    if tool in os.environ.get(REQUIRED, "").replace(" ", "").split(","):
        pytest.fail(f"{tool} is missing and {REQUIRED} asks for it: {how}")
    pytest.skip(f"{tool} is missing: {how}")
