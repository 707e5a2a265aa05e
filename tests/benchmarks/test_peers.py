"""What the benchmarks rest on: answers through a pipe, a plain relaxation, the same rates on both sides."""

import sys
from pathlib import Path

import numpy as np
import pytest
from ase.build import fcc111

from liface.documents import CalculationRequest, CalculationSettings, Geometry
from liface.engines import engine_info, relaxation, resolve, run
from liface.mesoscale import Growth, GrowthSpec
from liface.mesoscale.rates import FLAT, rate_table

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

WORKER = """
import sys
sys.path.insert(0, {benchmarks!r})
from peer_process import serve

def answer(**question):
    print("a package says hello on standard output")
    if "stop" in question:
        raise SystemExit(3)
    return {{"twice": 2 * question["number"]}}

serve(answer)
"""


@pytest.fixture(autouse=True)
def benchmarks_on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def test_a_peer_answers_whatever_its_packages_print(tmp_path):
    from peer_process import PeerProcess

    script = tmp_path / "worker.py"
    script.write_text(WORKER.format(benchmarks=str(BENCHMARKS)))
    with PeerProcess(sys.executable, str(script)) as peer:
        assert [peer.ask(number=number)["twice"] for number in (2, 21)] == [4, 42]
        with pytest.raises(RuntimeError, match=r"worker\.py ended with 3"):
            peer.ask(stop=True)


@pytest.mark.parametrize("cell", ["fixed", "full"])
def test_the_plain_search_is_fire_and_ends_in_the_same_minimum(cell, monkeypatch):
    from campaign_beside_plain import plain_search

    atoms = fcc111("Cu", (2, 2, 3), vacuum=None if cell == "full" else 6, a=3.6, periodic=True)
    atoms.pbc = True
    atoms.rattle(0.05, seed=1)
    geometry = Geometry(
        cell=atoms.cell.array.tolist(), species=tuple(atoms.symbols), positions=atoms.positions.tolist(),
        frozen=(False,) * len(atoms), roles=("bulk",) * len(atoms),
    )  # fmt: skip
    settings = CalculationSettings(task="relax", cell=cell, fmax_ev_per_a=0.01, max_force_calls=400)
    request = CalculationRequest(geometry=geometry, engine=engine_info("emt"), settings=settings)
    own = run(request, resolve("emt"))
    monkeypatch.setattr(relaxation, "search_minimum", plain_search)
    plain = run(request, resolve("emt"))
    assert plain.status == own.status == "converged"
    assert plain.optimizer == "ASE FIRE" != own.optimizer
    assert plain.energy_ev == pytest.approx(own.energy_ev, abs=1e-3)
    assert plain.n_force_calls > own.n_force_calls


def test_kmcos_is_given_the_rates_of_liface():
    from growth_beside_kmcos import NO_SECOND_LAYER, hop_rates

    spec = GrowthSpec(size=16, **NO_SECOND_LAYER)
    own = rate_table(spec).hop[1:5, FLAT]
    assert hop_rates(spec) == pytest.approx(own.tolist(), rel=1e-6)
    run_ = Growth(spec, 1)
    run_.advance(atoms=150)
    assert run_.atoms == 150 and int(run_.heights.max()) == 1


def test_growths_that_differ_are_told_apart():
    from growth_beside_kmcos import compared

    rng = np.random.default_rng(0)

    def runs(hops):
        return [
            {"events_per_s": 1.0, "hops_per_atom": hops + 0.1 * rng.normal(), "islands_per_column": rng.normal(),
             "bonds_per_atom": rng.normal(), "time_s": rng.normal()} for _ in range(12)
        ]  # fmt: skip

    assert compared(64, {"liface": runs(15.0), "kmcos": runs(15.0)})["the_same"]
    assert not compared(64, {"liface": runs(15.0), "kmcos": runs(15.4)})["the_same"]
