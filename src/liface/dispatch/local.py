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
from liface.dispatch.flights import Asked, Flight, WaitingRoom, give_up
from liface.documents import CalculationDocument, CalculationRequest, FailedCalculation, UnconvergedCalculation
from liface.engines.base import EngineSpec
from liface.engines.batch import may_compute_together
from liface.errors import RunStoppedError, WorkerStartError
from liface.workflows.carry_on import compute_request, is_asked_again, keep_energy
from liface.workflows.executor import adopt
from liface.workflows.prerelaxation import can_be_prerelaxed, prerelaxation

Observer = Callable[[str, CalculationDocument], None]
"""Told ``"computed"`` or ``"reused"`` with every outcome."""


class LocalExecutor:
    """Compute what the database does not hold, each identity once, on ``workers`` processes.

    Every outcome is in the database before a job sees it, so a run that is killed loses at most the structures
    being relaxed at that moment. A worker that dies takes only its own structure with it: the structures that
    were running are tried again one by one, and the one that kills its worker again is recorded as failed.
    With an engine that computes many structures together (:func:`liface.engines.batch.may_compute_together`), a worker
    takes all that wait, of whatever case.

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
        self._waiting = WaitingRoom()
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
        if kill:
            self._closed = True  # before anything fails for it, so that no case is blamed
        self._threads.shutdown(wait=not kill, cancel_futures=True)
        with self._lock:
            self._closed = True
            pool, self._pool = self._pool, None
        self._slots.close()
        self._waiting.close()
        if pool is not None:
            if kill:
                for process in list((pool._processes or {}).values()):
                    process.terminate()
            pool.shutdown(wait=not kill, cancel_futures=True)

    @property
    def closed(self) -> bool:
        """Whether the run was stopped or is over."""
        return self._closed

    @property
    def prerelaxed(self) -> tuple[CalculationDocument, ...]:
        """None to hand on: the database holds them already."""
        return ()

    def run(
        self, requests: Sequence[CalculationRequest], engine: EngineSpec, prerelax: EngineSpec | None = None
    ) -> list[CalculationDocument]:
        """Return the outcomes in the order of the requests."""
        stored = self.database.calculations([request.calc_id for request in requests])
        first = self._prerelaxed(requests, stored, prerelax)
        futures = {
            request.calc_id: self._future(request, engine, stored, first.get(request.calc_id)) for request in requests
        }
        if may_compute_together(engine):
            with self._lock:
                if self._closed:
                    raise RunStoppedError("the run was stopped")
                self._threads.submit(self._compute_together, engine)  # now that all of them wait
        return [adopt(futures[request.calc_id].result(), request) for request in requests]

    def _prerelaxed(
        self,
        requests: Sequence[CalculationRequest],
        stored: dict[str, CalculationDocument],
        prerelax: EngineSpec | None,
    ) -> dict[str, CalculationDocument]:
        """Return what a cheaper engine made of the requests that are to be computed from their start."""
        if prerelax is None:
            return {}
        asked = {}
        for request in requests:
            previous = stored.get(request.calc_id)
            wanted = previous is None or self._forced(previous) or self._retried(previous)
            if wanted and can_be_prerelaxed(request, None if self._force else previous):
                asked[request.calc_id] = prerelaxation(request, prerelax)
        return dict(zip(asked, self.run(list(asked.values()), prerelax), strict=True)) if asked else {}

    def _future(
        self,
        request: CalculationRequest,
        engine: EngineSpec,
        stored: dict[str, CalculationDocument],
        first: CalculationDocument | None,
    ) -> Future[CalculationDocument]:
        calc_id = request.calc_id
        previous = stored.get(calc_id)
        with self._lock:
            if self._closed:
                raise RunStoppedError("the run was stopped")
            if calc_id in self._running:
                return self._running[calc_id]
            retried = previous is not None and self._retried(previous)
            if previous is not None and not retried and not self._forced(previous):
                future: Future[CalculationDocument] = Future()
                future.set_result(previous)
                self._tell("reused", previous)
            else:
                self._done_again.add(calc_id)
                carry_on = previous if retried and not self._force else None
                anew = first is None and not isinstance(carry_on, UnconvergedCalculation)
                if anew and may_compute_together(engine):
                    asked = Asked(request, previous is not None)
                    asked.future.add_done_callback(self._tell_computed)
                    self._waiting.add(engine, asked)
                    future = asked.future
                else:
                    how = (previous is not None, carry_on, first)
                    future = self._threads.submit(self._compute, request, engine, *how)
                self._running[calc_id] = future
            return future

    def _forced(self, previous: CalculationDocument) -> bool:
        return self._force and previous.calc_id not in self._done_again

    def _retried(self, previous: CalculationDocument) -> bool:
        return is_asked_again(previous, self._retry) and previous.calc_id not in self._done_again

    def _compute_together(self, engine: EngineSpec) -> None:
        """Take what waits for an engine once a worker is free; each that a dying worker left behind is tried alone."""
        group: list[Asked] = []
        try:
            with self._slots.one():
                group = self._waiting.take(engine)
                if not group:
                    return
                flight = Flight(group, engine, self.database)
                if self.workers == 0:
                    flight.here()
                    return
                pool = self._workers()
                try:
                    flight.through(pool)
                except BrokenProcessPool:
                    self._drop(pool)
            for asked in flight.left:
                asked.future.set_result(self._in_worker(asked.request, engine, asked.replace, None, None))
        except BaseException as error:
            for asked in (*group, *self._waiting.take(engine)):
                give_up(asked, error)
            raise

    def _tell_computed(self, future: Future[CalculationDocument]) -> None:
        if not future.cancelled() and future.exception() is None:
            self._tell("computed", future.result())

    def _compute(
        self,
        request: CalculationRequest,
        engine: EngineSpec,
        replace: bool,
        carry_on: CalculationDocument | None,
        first: CalculationDocument | None,
    ) -> CalculationDocument:
        outcome = self._in_worker(request, engine, replace, carry_on, first)
        self._tell("computed", outcome)
        return outcome

    def _in_worker(
        self,
        request: CalculationRequest,
        engine: EngineSpec,
        replace: bool,
        carry_on: CalculationDocument | None,
        first: CalculationDocument | None,
    ) -> CalculationDocument:
        if self.workers == 0:
            with self._slots.one():
                outcome = compute_request(request, engine, carry_on, prerelaxed=first)
                return worker.store(self.database, request, outcome, replace)
        for take in (self._slots.one, self._slots.all):
            with take():
                pool = self._workers()
                try:
                    outcome = pool.submit(worker.compute, request, engine, replace, carry_on, first).result()
                except BrokenProcessPool:
                    self._drop(pool)
                    continue
                if self.database.in_memory:  # a worker cannot reach it
                    return worker.store(self.database, request, outcome, replace)
                return outcome
        died = _died(request, carry_on)
        return worker.store(self.database, request, died, replace)

    def _workers(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._closed:
                raise RunStoppedError("the run was stopped")
            if self._pool is None:
                address = None if self.database.in_memory else self.database.address
                self._pool = _started(self.workers, address)
            return self._pool

    def _drop(self, pool: ProcessPoolExecutor) -> None:
        with self._lock:
            if self._pool is pool:
                self._pool = None
        pool.shutdown(wait=False, cancel_futures=True)

    def _tell(self, what: str, outcome: CalculationDocument) -> None:
        if self._observer is not None:
            self._observer(what, outcome)


def _started(workers: int, database_address: str | None) -> ProcessPoolExecutor:
    """Return a pool whose first worker has answered.

    Raises
    ------
    WorkerStartError
        It ended before it could.
    """
    pool = ProcessPoolExecutor(
        max_workers=workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=worker.start_worker,
        initargs=(database_address, os.getpid()),
    )
    try:
        pool.submit(worker.ready).result()
    except BrokenProcessPool as error:
        pool.shutdown(wait=False, cancel_futures=True)
        raise WorkerStartError(
            "worker processes end before they have started; what they print on stderr says why. A script that calls "
            "this needs an `if __name__ == '__main__':` guard; --workers 0 computes in this process"
        ) from error
    return pool


def _died(request: CalculationRequest, carry_on: CalculationDocument | None) -> CalculationDocument:
    """Return the outcome of a structure that ended its worker twice; an energy it had is kept."""
    reason = "WorkerDied: the worker process ended twice on this structure, killed or out of memory"
    if isinstance(carry_on, UnconvergedCalculation):
        return keep_energy(carry_on, reason)
    return FailedCalculation(
        calc_id=request.calc_id,
        label=request.label,
        engine=request.engine,
        settings=request.settings,
        initial=request.geometry,
        n_force_calls=0,
        wall_s=0.0,
        reason=reason,
    )


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
