"""The local executor: nothing twice, nothing lost, one bad structure costs only itself."""

import re

import numpy as np
import pytest

from liface.database import Database
from liface.dispatch.local import LocalExecutor
from liface.documents import CalculationRequest, CalculationSettings, Geometry
from liface.engines.base import EngineSpec
from liface.engines.registry import engine_info

ENGINE = EngineSpec.parse("morse")


def crystal(a=4.05, rattle=0.05, seed=0, species=("Cu",) * 4):
    rng = np.random.default_rng(seed)
    positions = np.array([[0, 0, 0], [0, a / 2, a / 2], [a / 2, 0, a / 2], [a / 2, a / 2, 0]])
    return Geometry(
        cell=((a, 0, 0), (0, a, 0), (0, 0, a)),
        species=species,
        positions=tuple(map(tuple, positions + rng.normal(0, rattle, (4, 3)))),
        frozen=(False,) * 4,
        roles=("bulk",) * 4,
    )


def request(geometry, label="", calls=60, fmax=0.02):
    settings = CalculationSettings(task="relax", fmax_ev_per_a=fmax, max_force_calls=calls)
    return CalculationRequest(geometry=geometry, engine=engine_info(ENGINE), settings=settings, label=label)


@pytest.fixture
def seen():
    return []


def executor(database, seen, **options):
    return LocalExecutor(database, workers=0, observer=lambda what, doc: seen.append((what, doc)), **options)


def test_equal_requests_are_computed_once(seen):
    database = Database(":memory:")
    with executor(database, seen) as run:
        first, second = run.run([request(crystal(), "a"), request(crystal(), "b")], ENGINE)
    assert [what for what, _ in seen] == ["computed"]
    assert first.energy_ev == second.energy_ev and (first.label, second.label) == ("a", "b")


def test_a_second_run_computes_nothing(seen):
    database = Database(":memory:")
    asked = [request(crystal(seed=i)) for i in range(3)]
    with executor(database, seen) as run:
        first = run.run(asked, ENGINE)
    seen.clear()
    with executor(database, seen) as run:
        second = run.run(asked, ENGINE)
    assert {what for what, _ in seen} == {"reused"}
    assert [doc.energy_ev for doc in first] == [doc.energy_ev for doc in second]


def test_force_computes_again_once(seen):
    database = Database(":memory:")
    with executor(database, seen) as run:
        run.run([request(crystal())], ENGINE)
    seen.clear()
    with executor(database, seen, force=True) as run:
        run.run([request(crystal())], ENGINE)
        run.run([request(crystal())], ENGINE)
    assert [what for what, _ in seen].count("computed") == 1


def test_a_bad_structure_costs_only_itself(seen):
    database = Database(":memory:")
    collapsed = crystal(rattle=0.0)
    collapsed = collapsed.with_positions(collapsed.position_array * 0.05)
    with executor(database, seen) as run:
        good, bad, also_good = run.run([request(crystal()), request(collapsed), request(crystal(seed=2))], ENGINE)
    assert (good.status, bad.status, also_good.status) == ("converged", "failed", "converged")
    assert "Å" in bad.reason or "eV" in bad.reason
    assert database.calculation(bad.calc_id).reason == bad.reason


def test_retry_carries_an_unconverged_relaxation_on(seen):
    database = Database(":memory:")
    short = request(crystal(rattle=0.15), calls=3, fmax=1e-3)
    with executor(database, seen) as run:
        first = run.run([short], ENGINE)[0]
    assert first.status == "unconverged"
    with executor(database, seen, retry=re.compile("no such reason")) as run:
        assert run.run([short], ENGINE)[0].n_force_calls == first.n_force_calls
    last = first
    for _ in range(12):
        with executor(database, seen, retry=re.compile("limit")) as run:
            last = run.run([short], ENGINE)[0]
        if last.status == "converged":
            break
    assert last.status == "converged" and last.calc_id == short.calc_id
    assert last.n_force_calls > first.n_force_calls and last.energy_ev < first.energy_ev
    assert last.initial == short.geometry
    assert database.calculation(short.calc_id) == last


def test_workers_give_the_numbers_of_this_process(tmp_path, seen):
    asked = [request(crystal(seed=i), f"s{i}") for i in range(4)]
    with executor(Database(":memory:"), seen) as run:
        here = run.run(asked, ENGINE)
    database = Database(tmp_path / "w.db")
    with LocalExecutor(database, workers=2) as run:
        there = run.run(asked, ENGINE)
    assert [doc.energy_ev for doc in here] == [doc.energy_ev for doc in there]
    assert set(database.status_of([a.calc_id for a in asked]).values()) == {"converged"}


def test_a_worker_that_dies_takes_only_its_structure_with_it(tmp_path):
    """An engine that ends its process on one composition; the others are computed."""
    deadly = EngineSpec.parse("ase:deadly_calculator.Deadly")
    info = engine_info(deadly)
    settings = CalculationSettings.static()

    def ask(species, seed):
        geometry = crystal(seed=seed, species=species)
        return CalculationRequest(geometry=geometry, engine=info, settings=settings, label=species[0])

    database = Database(tmp_path / "d.db")
    asked = [ask(("Cu",) * 4, 1), ask(("Au",) * 4, 2), ask(("Cu",) * 4, 3)]
    with LocalExecutor(database, workers=2) as run:
        outcomes = run.run(asked, deadly)
    assert [o.status for o in outcomes] == ["converged", "failed", "converged"]
    assert "WorkerDied" in outcomes[1].reason
    assert database.calculation(asked[1].calc_id).status == "failed"
