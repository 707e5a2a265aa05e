"""Run a campaign on this machine: cases side by side, each finished one stored at once."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from liface.database import Database
from liface.dispatch.local import LocalExecutor
from liface.documents import (
    CalculationDocument,
    CalculationRequest,
    CaseDocument,
    FailedCase,
    FinishedCase,
    ResultDocument,
)
from liface.engines.base import EngineSpec
from liface.engines.batch import may_compute_together
from liface.engines.slow_kernel import slow_kernel
from liface.errors import DatabaseError, EngineSetupError, InputError, NotComputedError, RunStoppedError
from liface.workflows.carry_on import is_asked_again
from liface.workflows.executor import Executor, use_executor

if TYPE_CHECKING:
    from liface.workflows.campaign import PlannedCase

CASES_PER_WORKER = 2
"""Cases in flight per worker, so that none waits while another case builds its next structures."""

CASES_TOGETHER = 24
"""The same where structures are computed together: what many cases ask for at a time fills a GPU."""


@dataclass
class RunState:
    """Progress of a run; counters only grow."""

    n_cases: int
    total_cost: float = 0.0
    done: list[CaseDocument] = field(default_factory=list)
    skipped: list[CaseDocument] = field(default_factory=list)
    computed: int = 0
    reused: int = 0
    failed: int = 0
    force_calls: int = 0
    done_cost: float = 0.0
    started: float = field(default_factory=time.monotonic)
    phase: str = ""
    """What is being worked on, where a campaign has several phases."""
    notices: list[str] = field(default_factory=list)
    """What a person should know while it runs, each text once, whichever process found it out."""

    @property
    def seconds(self) -> float:
        """Wall time since the start."""
        return time.monotonic() - self.started

    @property
    def seconds_left(self) -> float | None:
        """Estimate from the work done so far; None before there is anything to go by."""
        if self.done_cost <= 0 or self.computed == 0:
            return None
        return self.seconds * max(self.total_cost - self.done_cost, 0.0) / self.done_cost


Progress = Callable[[RunState], None]


def run_campaign(
    cases: Sequence[PlannedCase],
    database: Database,
    *,
    workers: int = 1,
    retry: str | None = None,
    force: bool = False,
    costs: Sequence[float] | None = None,
    progress: Progress | None = None,
    state: RunState | None = None,
) -> RunState:
    """Run what the database does not hold and derive wetting and growth from it.

    A finished case is skipped unless ``retry`` matches the reason of one of its failed or unconverged
    calculations, or ``force`` is set. Failed cases are always tried again; their calculations are not, unless
    ``retry`` says so. Progress is added to ``state`` where that is given: that of an earlier phase.

    Raises
    ------
    InputError
        ``retry`` is no regular expression.
    DatabaseError
        Results cannot be stored.
    """
    pattern = retry_pattern(retry)
    costs = costs or [1.0] * len(cases)
    state = state or RunState(n_cases=0)
    state.n_cases += len(cases)
    todo: list[tuple[PlannedCase, float]] = []
    known = database.cases_of(planned.case_id for planned in cases)
    for planned, cost in zip(cases, costs, strict=True):
        stored = known.get(planned.case_id)
        if isinstance(stored, FinishedCase) and not force and not asks_again(database, stored, pattern):
            state.skipped.append(stored)
        else:
            todo.append((planned, cost))
            state.total_cost += cost
    todo.sort(key=lambda row: -row[1])
    lock = threading.Lock()

    def observe(what: str, outcome: CalculationDocument) -> None:
        with lock:
            if what == "computed":
                state.computed += 1
                state.force_calls += outcome.n_force_calls
                notice = slow_kernel(outcome)
                if notice is not None and notice not in state.notices:
                    state.notices.append(notice)
            else:
                state.reused += 1
            state.failed += outcome.status == "failed"
        if progress:
            progress(state)

    executor = LocalExecutor(database, workers=workers, retry=pattern, force=force, observer=observe)
    with executor:
        together = any(may_compute_together(planned.engine) for planned, _ in todo)
        side_by_side = max(1, workers) * (CASES_TOGETHER if together else CASES_PER_WORKER)
        _run_all(todo, database, executor, state, lock, progress, side_by_side)
    return state


def _run_all(
    todo: Sequence[tuple[PlannedCase, float]],
    database: Database,
    executor: LocalExecutor,
    state: RunState,
    lock: threading.Lock,
    progress: Progress | None,
    side_by_side: int,
) -> None:
    pool = ThreadPoolExecutor(max_workers=side_by_side, thread_name_prefix="liface-case")
    try:
        futures: dict[Future[CaseDocument], float] = {
            pool.submit(run_case, planned, database, executor): cost for planned, cost in todo
        }
        for future in as_completed(futures):  # wait() would look at every future again for each that ends
            document = future.result()
            with lock:
                state.done.append(document)
                state.done_cost += futures[future]
            if progress:
                progress(state)
    except BaseException:
        executor.close(kill=True)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class _Recorder:
    """Remembers what one case computed, for its document."""

    def __init__(self, executor: Executor):
        self._executor = executor
        self.outcomes: dict[str, CalculationDocument] = {}

    @property
    def prerelaxed(self) -> Sequence[CalculationDocument]:
        return self._executor.prerelaxed

    def run(
        self, requests: Sequence[CalculationRequest], engine: EngineSpec, prerelax: EngineSpec | None = None
    ) -> list[CalculationDocument]:
        outcomes = self._executor.run(requests, engine, prerelax)
        self.outcomes.update({outcome.calc_id: outcome for outcome in outcomes})
        return outcomes

    @property
    def failures(self) -> tuple[str, ...]:
        return tuple(
            f"{outcome.label}: {outcome.reason}" for outcome in self.outcomes.values() if outcome.status == "failed"
        )


def run_case(planned: PlannedCase, database: Database, executor: Executor) -> CaseDocument:
    """Run one case and store its results and its document in one transaction.

    A case that cannot be done is stored with its reason; only a database that refuses to store, a program that is
    not set up on this machine, or a stopped run raises.
    """
    recorder = _Recorder(executor)
    try:
        results = _results(planned, recorder)
    except (RunStoppedError, CancelledError, DatabaseError, NotComputedError, EngineSetupError):
        raise
    except Exception as error:  # whatever it was, it is this case's reason and no other's
        if isinstance(executor, LocalExecutor) and executor.closed:
            raise RunStoppedError("the run was stopped") from error
        failed = FailedCase(
            case_id=planned.case_id,
            campaign=planned.case.campaign,
            case=planned.spec.name,
            kind=planned.spec.kind,
            engine=planned.case.engine,
            reason=f"{type(error).__name__}: {error}",
            calc_ids=tuple(recorder.outcomes),
        )
        database.add_case(failed)
        return failed
    finished = FinishedCase(
        case_id=planned.case_id,
        campaign=planned.case.campaign,
        case=planned.spec.name,
        kind=planned.spec.kind,
        engine=planned.case.engine,
        record_ids=tuple(result.record_id for result in results),
        calc_ids=tuple(recorder.outcomes),
        failures=recorder.failures,
    )
    database.commit_case(finished, results)
    return finished


def _results(planned: PlannedCase, recorder: _Recorder) -> tuple[ResultDocument, ...]:
    from jobflow import JobStore, run_locally
    from maggma.stores import MemoryStore

    from liface.workflows.decorators import LARGE_DATA
    from liface.workflows.steps.common import CaseOutput

    store = JobStore(MemoryStore(), additional_stores={LARGE_DATA: MemoryStore()})
    flow = planned.flow()
    last = flow.output.uuid
    with use_executor(recorder):
        responses = run_locally(flow, log=False, store=store, raise_immediately=True)
    output = responses[last][1].output
    return CaseOutput.model_validate(output).results


def asks_again(database: Database, stored: CaseDocument, pattern: re.Pattern[str] | None) -> bool:
    """Tell whether a calculation of a case is no result and its reason matches."""
    if pattern is None:
        return False
    unfinished = [i for i, status in database.status_of(stored.calc_ids).items() if status != "converged"]
    return any(is_asked_again(outcome, pattern) for outcome in database.calculations(unfinished).values())


def retry_pattern(retry: str | None) -> re.Pattern[str] | None:
    """Read the reasons to compute again.

    Raises
    ------
    InputError
        They are no regular expression.
    """
    if retry is None:
        return None
    try:
        return re.compile(retry)
    except re.error as error:
        raise InputError(f"--retry {retry!r} is no regular expression: {error}") from error


__all__ = ["Progress", "RunState", "asks_again", "retry_pattern", "run_campaign", "run_case"]
