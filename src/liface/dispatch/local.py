"""A database of finished calculations and a pool of one-thread workers behind every calculation job."""

from __future__ import annotations

import multiprocessing
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from liface.database import Database
from liface.dispatch import worker
from liface.documents import CalculationDocument, CalculationRequest, FailedCalculation
from liface.engines.base import EngineSpec
from liface.errors import RunStoppedError
from liface.workflows.executor import adopt

Observer = Callable[[str, CalculationDocument], None]
"""Told ``"computed"`` or ``"reused"`` with every outcome."""


class LocalExecutor:
    """Compute what the database does not hold, each identity once, on ``workers`` processes.

    Every outcome is in the database before a job sees it, so a run that is killed loses at most the structures
    being relaxed at that moment. A worker that dies takes only its own structure with it: the structures that
    were running are tried again one by one, and the one that kills its worker again is recorded as failed.

    Parameters
    ----------
    database
        Holds finished calculations; workers open it themselves.
    workers
        Number of processes; 0 computes in this process.
    retry
        Failed and unconverged outcomes whose reason matches are computed again; unconverged relaxations
        carry on from their last geometry.
    force
        Compute everything again, once per run.
    """

    def __init__(
        self,
        database: Database,
        workers: int = 1,
        retry: re.Pattern[str] | None = None,
        force: bool = False,
        observer: Observer | None = None,
    ):
        self.database = database
        self.workers = workers
        self._retry, self._force = retry, force
        self._observer = observer
        self._lock = threading.Lock()
        self._running: dict[str, Future[CalculationDocument]] = {}
        self._done_again: set[str] = set()
        self._slots = _Slots(max(workers, 1))
        self._pool: ProcessPoolExecutor | None = None
        self._closed = False
        self._threads = ThreadPoolExecutor(max_workers=64, thread_name_prefix="liface-wait")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(kill=error is not None)

    def close(self, kill: bool = False) -> None:
        """Stop the workers; ``kill`` does not wait for what they are computing."""
        self._threads.shutdown(wait=not kill, cancel_futures=True)
        with self._lock:
            self._closed = True
            pool, self._pool = self._pool, None
        self._slots.close()
        if pool is not None:
            if kill:
                for process in list((pool._processes or {}).values()):
                    process.terminate()
            pool.shutdown(wait=not kill, cancel_futures=True)

    def run(self, requests: Sequence[CalculationRequest], engine: EngineSpec) -> list[CalculationDocument]:
        """Return the outcomes in the order of the requests."""
        stored = self.database.calculations([request.calc_id for request in requests])
        futures = {request.calc_id: self._future(request, engine, stored) for request in requests}
        return [adopt(futures[request.calc_id].result(), request) for request in requests]

    def _future(
        self, request: CalculationRequest, engine: EngineSpec, stored: dict[str, CalculationDocument]
    ) -> Future[CalculationDocument]:
        calc_id = request.calc_id
        previous = stored.get(calc_id)
        with self._lock:
            if calc_id in self._running:
                return self._running[calc_id]
            if previous is not None and not self._again(previous):
                future: Future[CalculationDocument] = Future()
                future.set_result(previous)
                self._tell("reused", previous)
            else:
                self._done_again.add(calc_id)
                future = self._threads.submit(self._compute, request, engine, previous)
                self._running[calc_id] = future
            return future

    def _again(self, previous: CalculationDocument) -> bool:
        if previous.calc_id in self._done_again:
            return False
        if self._force:
            return True
        reason = getattr(previous, "reason", None)
        return reason is not None and self._retry is not None and bool(self._retry.search(reason))

    def _compute(
        self, request: CalculationRequest, engine: EngineSpec, previous: CalculationDocument | None
    ) -> CalculationDocument:
        outcome = self._in_worker(request, engine, previous)
        self._tell("computed", outcome)
        return outcome

    def _in_worker(
        self, request: CalculationRequest, engine: EngineSpec, previous: CalculationDocument | None
    ) -> CalculationDocument:
        if self.workers == 0:
            with self._slots.one():
                outcome = worker.compute_request(request, engine, previous)
                self.database.add_calculation(outcome, replace=previous is not None)
                return outcome
        for take in (self._slots.one, self._slots.all):
            with take():
                pool = self._workers()
                try:
                    outcome = pool.submit(worker.compute, request, engine, previous).result()
                except BrokenProcessPool:
                    self._drop(pool)
                    continue
                if self.database.in_memory:  # a worker cannot reach it
                    self.database.add_calculation(outcome, replace=previous is not None)
                return outcome
        outcome = FailedCalculation(
            calc_id=request.calc_id,
            label=request.label,
            engine=request.engine,
            settings=request.settings,
            initial=request.geometry,
            n_force_calls=0,
            wall_s=0.0,
            reason="WorkerDied: the worker process ended twice on this structure, killed or out of memory",
        )
        self.database.add_calculation(outcome, replace=previous is not None)
        return outcome

    def _workers(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._closed:
                raise RunStoppedError("the run was stopped")
            if self._pool is None:
                url = None if self.database.in_memory else self.database.url
                self._pool = ProcessPoolExecutor(
                    max_workers=self.workers,
                    mp_context=multiprocessing.get_context("spawn"),
                    initializer=worker.start_worker,
                    initargs=(url, os.getpid()),
                )
            return self._pool

    def _drop(self, pool: ProcessPoolExecutor) -> None:
        with self._lock:
            if self._pool is pool:
                self._pool = None
        pool.shutdown(wait=False, cancel_futures=True)

    def _tell(self, what: str, outcome: CalculationDocument) -> None:
        if self._observer is not None:
            self._observer(what, outcome)


class _Slots:
    """As many permits as workers; one can be taken, or all of them for a run alone."""

    def __init__(self, n: int):
        self._n = n
        self._free = n
        self._alone = False
        self._closed = False
        self._condition = threading.Condition()

    def close(self) -> None:
        """Send everybody who waits home."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    @contextmanager
    def one(self) -> Iterator[None]:
        with self._condition:
            self._wait(lambda: self._free > 0 and not self._alone)
            self._free -= 1
        try:
            yield
        finally:
            with self._condition:
                self._free += 1
                self._condition.notify_all()

    @contextmanager
    def all(self) -> Iterator[None]:
        with self._condition:
            self._wait(lambda: not self._alone)
            self._alone = True
            try:
                self._wait(lambda: self._free == self._n)
            except RunStoppedError:
                self._alone = False
                raise
        try:
            yield
        finally:
            with self._condition:
                self._alone = False
                self._condition.notify_all()

    def _wait(self, ready: Callable[[], bool]) -> None:
        self._condition.wait_for(lambda: self._closed or ready())
        if self._closed:
            raise RunStoppedError("the run was stopped")
