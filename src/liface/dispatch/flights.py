"""Structures that wait to be computed together: of all cases of a run, in one call of the model per round."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field

from liface.database import Database
from liface.dispatch import worker
from liface.documents import CalculationDocument, CalculationRequest
from liface.engines.base import EngineSpec
from liface.workflows.executor import adopt

LOOK_S = 1.0
"""Between looks at what a worker has stored meanwhile."""


@dataclass
class Asked:
    """A request with a promise of its outcome."""

    request: CalculationRequest
    replace: bool
    """Whether an older outcome of its identity is stored."""
    future: Future[CalculationDocument] = field(default_factory=Future)


class WaitingRoom:
    """What waits for a worker, by engine; the next worker that is free takes everything that came meanwhile."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[EngineSpec, list[Asked]] = {}

    def add(self, engine: EngineSpec, asked: Asked) -> None:
        """Let a request wait."""
        with self._lock:
            self._waiting.setdefault(engine, []).append(asked)

    def take(self, engine: EngineSpec) -> list[Asked]:
        """Return all that wait for an engine; nobody waits then."""
        with self._lock:
            return self._waiting.pop(engine, [])

    def close(self) -> None:
        """Send everybody who waits home."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for asked in (asked for group in waiting.values() for asked in group):
            give_up(asked, CancelledError())


def give_up(asked: Asked, error: BaseException) -> None:
    """Let an error be the answer, where there is none yet."""
    if not asked.future.done():
        asked.future.set_exception(error)


class Flight:
    """A group computed together; every outcome is handed on as soon as it is in the database."""

    def __init__(self, group: list[Asked], engine: EngineSpec, database: Database):
        self.engine, self.database = engine, database
        self.asked = {asked.request.calc_id: asked for asked in group}
        self.requests = [asked.request for asked in group]

    @property
    def left(self) -> list[Asked]:
        """Those without an outcome."""
        return [asked for asked in self.asked.values() if not asked.future.done()]

    def here(self) -> None:
        """Compute in this process."""
        from liface.engines.batch import run_batch

        run_batch(self.requests, self.engine, self._keep)

    def through(self, pool: ProcessPoolExecutor) -> None:
        """Compute in a worker.

        Raises
        ------
        BrokenProcessPool
            The worker died; what it had stored until then has its outcome.
        """
        replace = [asked.replace for asked in self.asked.values()]
        task = pool.submit(worker.compute_together, self.requests, self.engine, replace)
        while wait([task], timeout=LOOK_S).not_done:
            self._look()
        try:
            outcomes = task.result()
        except BrokenProcessPool:
            self._look()
            raise
        for outcome in outcomes:
            if self.database.in_memory:  # a worker cannot reach it
                self._keep(outcome)
            else:
                self._answer(outcome)

    def _keep(self, outcome: CalculationDocument) -> None:
        asked = self.asked[outcome.calc_id]
        self._answer(worker.store(self.database, asked.request, outcome, asked.replace))

    def _look(self) -> None:
        """Hand on what the worker has stored; not of those of which an older outcome was there."""
        new = {asked.request.calc_id for asked in self.left if not asked.replace}
        if new and not self.database.in_memory:
            for outcome in self.database.calculations(new).values():
                self._answer(outcome)

    def _answer(self, outcome: CalculationDocument) -> None:
        asked = self.asked[outcome.calc_id]
        if not asked.future.done():
            asked.future.set_result(adopt(outcome, asked.request))
