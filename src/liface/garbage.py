"""Python's collector of rings, paused while many objects are made that all stay."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep Python from looking for rings of objects that nobody holds any more.

    It looks each time some hundreds more objects were made than freed. Where all of them are still wanted, as when
    modules are imported or ten thousand rows read, that is time spent for nothing. Not for work that lets go of large
    arrays, such as a relaxation: rings that hold them would stay.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def made_to_stay() -> Iterator[None]:
    """Keep Python from looking for rings while modules are imported, and from looking through what is there now again.

    For a command that is about to begin its work: what was made until then lives until the process ends.
    """
    with collector_paused():
        yield
        gc.freeze()
