"""Waiting for what another process does: for as long as a busy machine may need, and no longer than it takes."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_S = 300


def wait_until(done: Callable[[], object], what: str = "", every: float = 0.1) -> None:
    """Wait until `done()` is true; an AssertionError says that it was not within `PATIENCE_S` seconds."""
    end = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < end, f"waited {PATIENCE_S} s for {what or done}"
        time.sleep(every)
