"""Structures that wait for a GPU are computed together, of whatever case; nothing twice, nothing lost."""

import threading
from concurrent.futures import CancelledError, Future
from concurrent.futures.process import BrokenProcessPool
from importlib.util import find_spec

import numpy as np
import pytest

from liface.database import Database
from liface.dispatch import flights
from liface.dispatch.flights import Asked, Flight, WaitingRoom
from liface.dispatch.local import LocalExecutor
from liface.documents import CalculationRequest, CalculationSettings, Geometry
from liface.engines import resolve, run
from liface.engines import run_batch as batch
from liface.engines.base import EngineSpec
from liface.engines.registry import engine_info
from liface.errors import RunStoppedError
from liface.workflows.calculation_folder import CalculationFolder
from liface.workflows.executor import FolderExecutor, InProcessExecutor

pytestmark = [pytest.mark.mlip, pytest.mark.skipif(find_spec("chgnet") is None, reason="chgnet is not installed")]

ENGINE = EngineSpec.parse("chgnet?batch=4")


def ask(seed, label="", task="static", calls=4):
    a = 3.6
    positions = np.array([[0, 0, 0], [0, a / 2, a / 2], [a / 2, 0, a / 2], [a / 2, a / 2, 0]])
    positions += np.random.default_rng(seed).normal(0, 0.05, (4, 3))
    geometry = Geometry(
        cell=((a, 0, 0), (0, a, 0), (0, 0, a)),
        species=("Cu",) * 4,
        positions=tuple(map(tuple, positions.tolist())),
        frozen=(False,) * 4,
        roles=("bulk",) * 4,
    )
    settings = CalculationSettings.static() if task == "static" else CalculationSettings(max_force_calls=calls)
    return CalculationRequest(geometry=geometry, engine=engine_info(ENGINE), settings=settings, label=label)


@pytest.fixture
def batches(monkeypatch):
    """The labels of each batch that is computed in this process."""
    seen = []

    def watched(requests, *arguments, **keywords):
        seen.append([request.label for request in requests])
        return batch(requests, *arguments, **keywords)

    monkeypatch.setattr("liface.engines.batch.run_batch", watched)
    monkeypatch.setattr("liface.workflows.executor.run_batch", watched)
    return seen


def test_one_call_asks_for_one_batch_and_every_outcome_is_stored(batches):
    database, seen = Database(":memory:"), []
    asked = [ask(1, "a"), ask(2, "b", "relax"), ask(1, "again"), ask(3, "c")]
    with LocalExecutor(database, workers=0, observer=lambda what, doc: seen.append((what, doc.label))) as executor:
        outcomes = executor.run(asked, ENGINE)
    assert batches == [["a", "b", "c"]]
    assert sorted(seen) == [("computed", "a"), ("computed", "b"), ("computed", "c")]
    assert [outcome.label for outcome in outcomes] == ["a", "b", "again", "c"]
    for request, outcome in zip(asked, outcomes, strict=True):
        alone = run(request, resolve("chgnet"))
        assert (outcome.calc_id, outcome.status) == (request.calc_id, alone.status)
        assert abs(outcome.energy_ev - alone.energy_ev) < 4e-6
        assert database.calculation(request.calc_id).energy_ev == outcome.energy_ev
    seen.clear()
    with LocalExecutor(database, workers=0, observer=lambda what, doc: seen.append(what)) as executor:
        executor.run(asked, ENGINE)
    assert set(seen) == {"reused"} and len(batches) == 1


def test_what_cases_ask_for_while_the_worker_is_busy_is_one_batch(batches):
    outcomes = {}
    with LocalExecutor(Database(":memory:"), workers=0) as executor:

        def case(name, seeds):
            outcomes[name] = executor.run([ask(seed, f"{name}{seed}") for seed in seeds], ENGINE)

        with executor._slots.one():  # the worker is busy
            cases = [
                threading.Thread(target=case, args=("a", (1, 2))),
                threading.Thread(target=case, args=("b", (3, 4))),
            ]
            for thread in cases:
                thread.start()
            while len(executor._running) < 4:
                pass
        for thread in cases:
            thread.join()
    assert [sorted(group) for group in batches] == [["a1", "a2", "b3", "b4"]]
    assert [outcome.label for outcome in outcomes["b"]] == ["b3", "b4"]


def test_an_unconverged_relaxation_is_carried_on_alone(batches):
    import re

    database, asked = Database(":memory:"), [ask(1, "a", "relax", 2), ask(2, "b", "relax", 2)]
    with LocalExecutor(database, workers=0) as executor:
        first = executor.run(asked, ENGINE)
    assert {outcome.status for outcome in first} == {"unconverged"}
    batches.clear()
    with LocalExecutor(database, workers=0, retry=re.compile("limit")) as executor:
        second = executor.run(asked, ENGINE)
    assert sorted(batches) == [["a"], ["b"]]
    assert [outcome.n_force_calls for outcome in second] == [4, 4]


def test_a_stopped_run_leaves_nobody_waiting():
    executor = LocalExecutor(Database(":memory:"), workers=0)
    raised = []

    def case():
        try:
            executor.run([ask(1)], ENGINE)
        except (RunStoppedError, CancelledError) as error:
            raised.append(error)

    with executor._slots.one():
        thread = threading.Thread(target=case)
        thread.start()
        while not executor._running:
            pass
        executor.close(kill=True)
        thread.join(timeout=10)
    assert not thread.is_alive() and len(raised) == 1


def test_waiting_ends_with_the_room():
    room, asked = WaitingRoom(), Asked(ask(1), False)
    room.add(ENGINE, asked)
    room.close()
    assert isinstance(asked.future.exception(), CancelledError)
    assert room.take(ENGINE) == []


def test_a_worker_computes_a_batch_and_stores_it(tmp_path):
    database, asked = Database(tmp_path / "w.db"), [ask(seed, str(seed)) for seed in (1, 2, 3)]
    with LocalExecutor(database, workers=1) as executor:
        outcomes = executor.run(asked, ENGINE)
    here = batch(asked, ENGINE)
    assert [outcome.energy_ev for outcome in outcomes] == [outcome.energy_ev for outcome in here]
    assert set(database.status_of([request.calc_id for request in asked]).values()) == {"converged"}


class _Dies:
    """A pool whose worker stores the first outcome and dies."""

    def __init__(self, database, outcome):
        self.database, self.outcome = database, outcome

    def submit(self, function, *arguments):
        self.database.add_calculation(self.outcome)
        task = Future()
        threading.Timer(0.05, lambda: task.set_exception(BrokenProcessPool())).start()
        return task


def test_of_a_worker_that_dies_the_stored_outcomes_stay(monkeypatch, tmp_path):
    monkeypatch.setattr(flights, "LOOK_S", 0.01)
    database, asked = Database(tmp_path / "d.db"), [ask(1, "a"), ask(2, "b")]
    (stored,) = batch(asked[:1], ENGINE)
    flight = Flight([Asked(request, False) for request in asked], ENGINE, database)
    with pytest.raises(BrokenProcessPool):
        flight.through(_Dies(database, stored))
    assert [waiting.request.label for waiting in flight.left] == ["b"]
    assert flight.asked[asked[0].calc_id].future.result() == stored


def test_structures_left_behind_by_a_dying_worker_are_computed_alone(monkeypatch, tmp_path):
    monkeypatch.setattr(Flight, "through", lambda flight, pool: (_ for _ in ()).throw(BrokenProcessPool()))
    database = Database(tmp_path / "d.db")
    alone = []
    with LocalExecutor(database, workers=1) as executor:
        monkeypatch.setattr(executor, "_workers", lambda: None)
        monkeypatch.setattr(executor, "_drop", lambda pool: None)

        def in_worker(request, engine, replace, carry_on, first):
            alone.append(request.label)
            return batch([request], engine)[0]

        monkeypatch.setattr(executor, "_in_worker", in_worker)
        outcomes = executor.run([ask(1, "a"), ask(2, "b")], ENGINE)
    assert sorted(alone) == ["a", "b"] and {outcome.status for outcome in outcomes} == {"converged"}


def test_a_queue_worker_computes_a_job_in_one_batch_and_shares_it(batches, tmp_path):
    asked = [ask(1, "a"), ask(2, "b"), ask(1, "again")]
    folder = CalculationFolder(tmp_path)
    first = FolderExecutor(folder).run(asked, ENGINE)
    assert batches == [["again", "b"]]  # the last of equal ones
    assert {outcome.calc_id for outcome in folder} == {request.calc_id for request in asked}
    assert not list(tmp_path.rglob("*.claim"))
    batches.clear()
    assert [o.energy_ev for o in FolderExecutor(folder).run(asked, ENGINE)] == [o.energy_ev for o in first]
    assert [group for group in batches if group] == []


def test_without_a_dispatcher_a_job_is_one_batch(batches):
    outcomes = InProcessExecutor().run([ask(1, "a"), ask(2, "b")], ENGINE)
    assert batches == [["a", "b"]] and [outcome.label for outcome in outcomes] == ["a", "b"]
