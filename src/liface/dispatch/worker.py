"""What a worker process does: load a model once, compute a request, store the outcome at once."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

from liface.documents import CalculationDocument, CalculationRequest, UnconvergedCalculation
from liface.engines.base import EngineSpec

if TYPE_CHECKING:
    from liface.database import Database

PARENT_CHECK_S = 1.0

_database: Database | None = None


def start_worker(database_url: str | None, parent: int) -> None:
    """Prepare a worker: one thread, its own database connection, and an end when its parent dies."""
    from liface.engines.batch import pin_threads

    pin_threads()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threading.Thread(target=_end_with_parent, args=(parent,), daemon=True).start()
    if database_url is not None:
        from liface.database import Database

        global _database
        _database = Database(database_url)


def compute(
    request: CalculationRequest, engine: EngineSpec, previous: CalculationDocument | None = None
) -> CalculationDocument:
    """Compute one request and store its outcome before it is reported."""
    outcome = compute_request(request, engine, previous)
    if _database is not None:
        _database.add_calculation(outcome, replace=previous is not None)
    return outcome


def compute_request(
    request: CalculationRequest, engine: EngineSpec, previous: CalculationDocument | None = None
) -> CalculationDocument:
    """Compute one request; an unconverged ``previous`` outcome is carried on from where it ended."""
    from liface.engines.batch import run_batch

    if not isinstance(previous, UnconvergedCalculation):
        return run_batch([request], engine)[0]
    start = request.geometry.with_positions(previous.final.position_array, previous.final.cell_array)
    outcome = run_batch([request.model_copy(update={"geometry": start})], engine)[0]
    update: dict = {
        "calc_id": request.calc_id,
        "initial": request.geometry,
        "n_force_calls": previous.n_force_calls + outcome.n_force_calls,
        "wall_s": previous.wall_s + outcome.wall_s,
    }
    if outcome.status != "failed":
        update["energies_ev"] = previous.energies_ev + outcome.energies_ev
    return outcome.model_copy(update=update)


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_S)
    os._exit(1)
