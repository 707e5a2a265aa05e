"""What a worker process does: load a model once, compute a request, store the outcome at once."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

from liface.documents import CalculationDocument, CalculationRequest, UnconvergedCalculation
from liface.engines.base import EngineSpec
from liface.workflows.executor import adopt

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


def ready() -> bool:
    """Answer that this worker has started."""
    return True


def compute(
    request: CalculationRequest,
    engine: EngineSpec,
    replace: bool = False,
    carry_on: CalculationDocument | None = None,
) -> CalculationDocument:
    """Compute one request and store its outcome before it is reported.

    Where another process stored the same identity meanwhile, what is stored is returned.
    """
    outcome = compute_request(request, engine, carry_on)
    if _database is None:
        return outcome
    return store(_database, request, outcome, replace)


def store(
    database: Database, request: CalculationRequest, outcome: CalculationDocument, replace: bool
) -> CalculationDocument:
    """Store an outcome; return what the database then holds as the answer to ``request``."""
    if database.add_calculation(outcome, replace=replace) or replace:
        return outcome
    stored = database.calculation(request.calc_id)
    return outcome if stored is None else adopt(stored, request)


def compute_request(
    request: CalculationRequest, engine: EngineSpec, carry_on: CalculationDocument | None = None
) -> CalculationDocument:
    """Compute one request; an unconverged outcome to ``carry_on`` from is continued where it ended."""
    from liface.engines.batch import run_batch

    if not isinstance(carry_on, UnconvergedCalculation):
        return run_batch([request], engine)[0]
    previous = adopt(carry_on, request)
    if not isinstance(previous, UnconvergedCalculation):  # adoption keeps the kind
        raise TypeError(f"{previous.calc_id} changed from unconverged to {previous.status}")
    start = request.geometry.with_positions(previous.final.position_array, previous.final.cell_array)
    outcome = run_batch([request.model_copy(update={"geometry": start})], engine)[0]
    if outcome.status == "failed":
        return keep_energy(previous, outcome.reason)
    return outcome.model_copy(
        update={
            "calc_id": request.calc_id,
            "initial": request.geometry,
            "n_force_calls": previous.n_force_calls + outcome.n_force_calls,
            "wall_s": previous.wall_s + outcome.wall_s,
            "energies_ev": previous.energies_ev + outcome.energies_ev,
        }
    )


def keep_energy(previous: UnconvergedCalculation, reason: str) -> UnconvergedCalculation:
    """Return an unconverged outcome whose continuation failed: its energy stays, the reason grows."""
    return previous.model_copy(update={"reason": f"{previous.reason}; carried on, it failed: {reason}"})


def _end_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_CHECK_S)
    os._exit(1)
