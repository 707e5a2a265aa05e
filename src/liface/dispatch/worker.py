"""What a worker process does: load a model once, compute a request, store the outcome at once."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from liface.documents import CalculationDocument, CalculationRequest
from liface.engines.base import EngineSpec
from liface.workflows.carry_on import compute_request
from liface.workflows.executor import adopt

if TYPE_CHECKING:
    from liface.database import Database

PARENT_CHECK_S = 1.0

_database: Database | None = None


def start_worker(database_address: str | None, parent: int) -> None:
    """Prepare a worker: one thread, its own database connection, and an end when its parent dies."""
    from liface.engines.batch import pin_threads

    pin_threads()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threading.Thread(target=_end_with_parent, args=(parent,), daemon=True).start()
    if database_address is not None:
        from liface.database import Database

        global _database
        _database = Database(database_address)


def ready() -> bool:
    """Answer that this worker has started."""
    return True


def compute(
    request: CalculationRequest,
    engine: EngineSpec,
    replace: bool = False,
    carry_on: CalculationDocument | None = None,
    prerelaxed: CalculationDocument | None = None,
) -> CalculationDocument:
    """Compute one request and store its outcome before it is reported.

    Where another process stored the same identity meanwhile, what is stored is returned.
    """
    outcome = compute_request(request, engine, carry_on, prerelaxed=prerelaxed)
    if _database is None:
        return outcome
    return store(_database, request, outcome, replace)


def compute_together(
    requests: Sequence[CalculationRequest], engine: EngineSpec, replace: Sequence[bool]
) -> list[CalculationDocument]:
    """Compute requests of different identities in one batch; every outcome is stored as soon as it is there."""
    from liface.engines.batch import run_batch

    asked = {request.calc_id: (request, again) for request, again in zip(requests, replace, strict=True)}
    found: dict[str, CalculationDocument] = {}

    def keep(outcome: CalculationDocument) -> None:
        request, again = asked[outcome.calc_id]
        found[outcome.calc_id] = outcome if _database is None else store(_database, request, outcome, again)

    run_batch(requests, engine, keep)
    return [found[request.calc_id] for request in requests]


def store(
    database: Database, request: CalculationRequest, outcome: CalculationDocument, replace: bool
) -> CalculationDocument:
    """Store an outcome; return what the database then holds as the answer to ``request``."""
    if database.add_calculation(outcome, replace=replace) or replace:
        return outcome
    stored = database.calculation(request.calc_id)
    return outcome if stored is None else adopt(stored, request)


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_S)
    os._exit(1)
