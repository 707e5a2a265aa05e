"""Many structures at once: the same outcomes as one by one, each failing alone, within the memory of the device."""

from importlib.util import find_spec

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc100, fcc111
from ase.calculators.calculator import all_changes
from ase.calculators.emt import EMT

from gpaw_cases import geometry
from liface.documents import CalculationRequest, CalculationSettings
from liface.engines import engine_info, resolve, run, run_batch
from liface.engines import together as calls
from liface.engines.base import EnergyForces, EngineSpec, Graph
from liface.engines.batch import may_compute_together
from liface.engines.calculators import BatchedCalculatorEngine, CalculatorEngine
from liface.engines.in_flight import can_fly, in_flight
from liface.errors import EngineSetupError, MixedEnginesError, UnknownEngineError

MODELS = [
    pytest.param(name, marks=[pytest.mark.mlip, pytest.mark.skipif(find_spec(package) is None, reason=package)])
    for name, package in (("sevennet", "sevenn"), ("chgnet", "chgnet"))
]


def ask(atoms, engine="emt", frozen=None, label="", **settings):
    return CalculationRequest(
        geometry=geometry(atoms, frozen),
        engine=engine_info(engine),
        settings=CalculationSettings(**settings),
        label=label,
    )


def crystal(symbol, a, seed, lattice="fcc"):
    atoms = bulk(symbol, lattice, a=a, cubic=True)
    atoms.rattle(0.06, seed=seed)
    return atoms


def slab(symbol="Cu", a=3.6, seed=0, size=(1, 1, 3), build=fcc111):
    atoms = build(symbol, size, vacuum=5, a=a)
    atoms.pbc = True
    atoms.rattle(0.08, seed=seed)
    return atoms


class Fake:
    """EMT as a model for many structures, which remembers its calls."""

    device = "cpu"

    def __init__(self, holds=None):
        self.holds, self.calls = holds, []

    def graph(self, atoms):
        return Graph(len(atoms), 10 * len(atoms), atoms.copy())

    def predict(self, graphs):
        self.calls.append([graph.n_atoms for graph in graphs])
        if self.holds is not None and sum(graph.n_atoms for graph in graphs) > self.holds:
            import torch

            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return [self.one(graph.data) for graph in graphs]

    def one(self, atoms):
        atoms.calc = EMT()
        return EnergyForces(float(atoms.get_potential_energy()), atoms.get_forces())


class Forgetful(EMT):
    """EMT whose neighbour list does not depend on where the atoms were before, so that sums have one order."""

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, all_changes)


def lone(request):
    emt = resolve("emt")
    return run(request, CalculatorEngine(emt.info, emt.packages, build=lambda needs_stress: Forgetful()))


def fly(requests, model, at_once=None):
    emt = resolve("emt")
    found = dict(in_flight(requests, emt, model, at_once))
    assert sorted(found) == list(range(len(requests)))
    return [found[i] for i in range(len(requests))]


def same(one, other):
    """Require the same outcome but for time, to the last bit."""
    leave = {"wall_s", "created_at"}
    assert one.model_dump(exclude=leave) == other.model_dump(exclude=leave)


@pytest.fixture(scope="module")
def copper():
    """Structures that take different numbers of steps, one with frozen atoms, one single point."""
    return [
        ask(slab(seed=1), frozen=[True, False, False], label="frozen"),
        ask(crystal("Cu", 3.6, 2), label="crystal"),
        ask(crystal("Cu", 3.6, 3), task="static", label="point"),
        ask(slab("Ag", 4.0, 4, (1, 1, 4), fcc100), label="silver"),
        ask(slab(seed=5), move="normal", label="normal"),
        ask(crystal("Au", 4.0, 6), label="limit", max_force_calls=3),
        ask(slab("Pd", 3.9, 7), label="palladium"),
    ]


@pytest.fixture(scope="module")
def alone(copper):
    return [lone(request) for request in copper]


@pytest.mark.parametrize("at_once", [1, 2, 3, None])
def test_together_is_one_by_one_to_the_last_bit(copper, alone, at_once):
    for one, other in zip(fly(copper, Fake(), at_once), alone, strict=True):
        same(one, other)


def test_order_does_not_matter(copper, alone):
    order = [4, 2, 6, 0, 5, 3, 1]
    for one, i in zip(fly([copper[i] for i in order], Fake(), 3), order, strict=True):
        same(one, alone[i])


def test_a_finished_structure_makes_room_for_the_next(copper, alone):
    model = Fake()
    fly(copper, model, 2)
    calls_alone = [document.n_force_calls for document in alone]
    assert sum(map(len, model.calls)) == sum(calls_alone)
    full = [len(call) == 2 for call in model.calls]
    assert full == sorted(full, reverse=True)  # two in every round until the queue is empty
    assert max(calls_alone) <= len(model.calls) < sum(calls_alone)


def test_frozen_atoms_do_not_move_a_bit(copper):
    before, after = copper[0].geometry.positions, fly(copper, Fake())[0].final.positions
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_requests_are_taken_only_as_places_become_free(copper):
    taken = []

    def queue():
        for request in copper:
            taken.append(request.label)
            yield request

    finished = in_flight(queue(), resolve("emt"), Fake(), 2)
    next(finished)
    assert len(taken) == 2


class _Nan(Fake):
    def one(self, atoms):
        answer = super().one(atoms)
        return EnergyForces(np.nan, answer.forces_ev_per_a) if "Ag" in atoms.symbols else answer


class _Explodes(Fake):
    def one(self, atoms):
        answer = super().one(atoms)
        return EnergyForces(answer.energy_ev, answer.forces_ev_per_a * (1e6 if "Ag" in atoms.symbols else 1))


class _Raises(Fake):
    def one(self, atoms):
        if "Ag" in atoms.symbols:
            raise IndexError("no such element")
        return super().one(atoms)


class _NoGraph(Fake):
    def graph(self, atoms):
        if "Ag" in atoms.symbols:
            raise ValueError("isolated atom")
        return super().graph(atoms)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (_Nan, "CalculationError: energy is nan"),
        (_Explodes, "exploded: force"),
        (_Raises, "CalculationError: the engine raised IndexError: no such element"),
        (_NoGraph, "CalculationError: the engine raised ValueError: isolated atom"),
    ],
)
def test_a_structure_fails_alone(copper, alone, model, reason):
    documents = fly(copper, model())
    assert [document.label for document in documents if document.status == "failed"] == ["silver"]
    assert reason in documents[3].reason
    assert documents[3].n_force_calls >= 1
    for i in (0, 1, 2, 4, 5, 6):
        same(documents[i], alone[i])


def test_structures_that_cannot_begin_fail_as_they_do_alone():
    on_top = ask(Atoms("Cu2", positions=[[0, 0, 0], [0, 0, 0.1]], cell=np.eye(3) * 4, pbc=True))
    documents = fly([on_top, ask(crystal("Cu", 3.6, 2), task="static")], Fake())
    same(documents[0], lone(on_top))
    assert documents[0].reason.startswith("CalculationError: collapsed")
    assert documents[1].status == "converged"


def test_a_call_that_runs_out_of_memory_is_halved(copper, alone):
    model = Fake(holds=8)
    for one, other in zip(fly(copper, model), alone, strict=True):
        same(one, other)
    too_large = [call for call in model.calls if sum(call) > 8]
    assert 0 < len(too_large) <= 3  # it is learned from, not run into every round


def test_a_structure_too_large_for_the_device_fails_and_says_so(copper, alone):
    documents = fly(copper, Fake(holds=3))
    for request, one, other in zip(copper, documents, alone, strict=True):
        if request.geometry.n_atoms <= 3:
            same(one, other)
        else:
            assert one.status == "failed"
            assert "out of device memory: 4 atoms with 40 edges alone" in one.reason
            assert "device=cpu" in one.reason


def test_the_number_in_flight_follows_the_free_memory(monkeypatch, copper, alone):
    model = Fake()
    monkeypatch.setattr(calls.device, "free_bytes", lambda device: 1000)
    monkeypatch.setattr(
        calls.device, "with_peak", lambda device, call: (call(), 6 * sum(model.calls[-1]))
    )  # 0.6 bytes per unit of weight: 70 % of the memory hold 116 atoms
    many = copper * 5
    for i, one in enumerate(fly(many, model)):
        same(one, alone[i % len(copper)])
    atoms = [sum(call) for call in model.calls]
    assert len(model.calls[0]) == 1  # measured on the first alone
    assert 100 < max(atoms) <= 116


def test_a_device_that_fails_is_no_structures_fault(copper):
    class Lost(Fake):
        def predict(self, graphs):
            import torch

            raise torch.AcceleratorError("device-side assert")

    with pytest.raises(EngineSetupError, match="device-side assert"):
        fly(copper, Lost())


def test_what_is_finished_is_handed_on_before_the_rest(copper, alone):
    class KilledError(Exception):
        pass

    stored = {}

    def kill_after(n):
        def store(document):
            stored[document.calc_id] = document
            if len(stored) == n:
                raise KilledError

        return store

    def batch(requests, on_result):
        model = Fake()
        for _, document in in_flight(requests, resolve("emt"), model, 3):
            on_result(document)
        return model

    with pytest.raises(KilledError):
        batch(copper, kill_after(4))
    assert len(stored) == 4
    left = [request for request in copper if request.calc_id not in stored]
    model = batch(left, lambda document: stored.update({document.calc_id: document}))
    assert sum(map(len, model.calls)) == sum(d.n_force_calls for d in alone if d.calc_id in {r.calc_id for r in left})
    for request, other in zip(copper, alone, strict=True):
        same(stored[request.calc_id], other)


def test_wall_times_add_up_to_the_time_spent(copper):
    import time

    started = time.perf_counter()
    documents = fly(copper, Fake())
    spent = time.perf_counter() - started
    assert all(document.wall_s > 0 for document in documents)
    assert 0.3 * spent < sum(document.wall_s for document in documents) <= spent


def test_cells_and_paths_do_not_fly():
    atoms = crystal("Cu", 3.6, 1)
    assert can_fly(ask(atoms)) and can_fly(ask(atoms, task="static", cell="full"))
    assert not can_fly(ask(atoms, cell="full")) and not can_fly(ask(atoms, cell="c_axis"))
    path = CalculationRequest(
        geometry=geometry(atoms),
        end=geometry(atoms),
        engine=engine_info("emt"),
        settings=CalculationSettings.neb(0.05, 10),
    )
    assert not can_fly(path)


@pytest.mark.parametrize(
    ("spec", "together"),
    [
        ("sevennet", False),
        ("sevennet?batch=auto", False),
        ("sevennet?batch=1&device=cuda", False),
        ("sevennet?batch=4", True),
        ("chgnet?device=cuda", True),
        ("chgnet?device=cuda:1&batch=64", True),
        ("emt?batch=4", False),
        ("ase:package.Class?batch=many&device=cuda", False),
    ],
)
def test_nothing_is_computed_together_on_the_cpu_unasked(spec, together):
    assert may_compute_together(EngineSpec.parse(spec)) is together


@pytest.mark.parametrize("value", ["0", "-2", "1.5", "many", "true"])
def test_a_wrong_number_is_told_before_anything_is_computed(value):
    if find_spec("chgnet") is None:
        pytest.skip("chgnet is not installed")
    with pytest.raises(UnknownEngineError, match="neither auto nor a whole number"):
        engine_info(f"chgnet?batch={value}")


@pytest.mark.parametrize("name", MODELS)
def test_how_many_and_where_are_no_part_of_the_identity(name):
    plain = engine_info(name)
    assert engine_info(f"{name}?batch=8&device=cuda").fingerprint == plain.fingerprint
    assert isinstance(resolve(f"{name}?batch=8"), BatchedCalculatorEngine)
    atoms = crystal("Cu", 3.6, 1)
    assert ask(atoms, f"{name}?batch=8").calc_id == ask(atoms, name).calc_id


def test_to_other_calculators_an_option_of_that_name_is_theirs():
    one, other = (engine_info(f"ase:ase.calculators.emt.EMT?batch={n}").fingerprint for n in (1, 2))
    assert one != other


def small_cells(engine, **settings):
    """Return seven cells of 2 to 6 atoms: metals, salts, slabs, frozen atoms, single points."""
    lithium = slab("Li", 4.3, 3, (1, 1, 4), fcc100)
    return [
        ask(crystal("Cu", 3.6, 1), engine, label="copper", **settings),
        ask(lithium, engine, frozen=[True, True, False, False], label="frozen", **settings),
        ask(bulk("LiF", "rocksalt", a=4.05), engine, label="salt", **settings),
        ask(crystal("W", 3.17, 5, "bcc"), engine, label="tungsten", **settings),
        ask(slab("Ag", 4.1, 6, (1, 1, 3)), engine, label="silver", **settings),
        ask(crystal("Cu", 3.55, 7), engine, label="point", task="static"),
        ask(slab("Li", 6.5, 3, (1, 1, 2), fcc100), engine, label="sparse", **settings),  # without angles in CHGNet
    ]


@pytest.mark.parametrize("name", MODELS)
def test_energies_and_forces_are_the_stock_calculators(name):
    if name == "sevennet":
        from sevenn.calculator import SevenNetCalculator

        stock = resolve(name).calculator(needs_stress=False)
        assert type(stock) is SevenNetCalculator
    else:
        from chgnet.model.dynamics import CHGNetCalculator

        stock = CHGNetCalculator(use_device="cpu")
    model = resolve(name).batched_model()
    systems = [request.geometry.canonical().to_ase() for request in small_cells(name)]
    for atoms, answer in zip(systems, model.predict([model.graph(atoms) for atoms in systems]), strict=True):
        atoms.calc = stock
        assert answer.energy_ev / len(atoms) == pytest.approx(
            float(atoms.get_potential_energy()) / len(atoms), abs=1e-6
        )
        assert np.abs(answer.forces_ev_per_a - atoms.get_forces(apply_constraint=False)).max() < 1e-5


@pytest.mark.parametrize("name", MODELS)
def test_models_relax_together_as_they_do_alone(name):
    requests = small_cells(name, fmax_ev_per_a=0.05, max_force_calls=6)
    lonely = ask(Atoms("Cu", cell=np.eye(3) * 30, pbc=True), name, label="lonely")
    cell = ask(bulk("Cu", a=3.6), name, label="cell", cell="full", max_force_calls=3)
    everything = [*requests[:3], lonely, cell, *requests[3:]]
    finished = []
    documents = run_batch(everything, f"{name}?batch=4", on_result=finished.append)
    assert [document.label for document in documents] == [request.label for request in everything]
    assert len(finished) == len(everything) and finished[-1].label == "cell"  # the cell, alone, after the others
    by_label = {document.label: document for document in documents}
    assert by_label["lonely"].status == "failed"
    for request in requests:
        one, other = by_label[request.label], run(request, resolve(name))
        assert (one.status, one.optimizer, one.versions) == (other.status, other.optimizer, other.versions)
        assert abs(one.n_force_calls - other.n_force_calls) <= 1
        assert abs(one.energy_ev - other.energy_ev) < 1e-5 * request.geometry.n_atoms
        frozen = np.array(request.geometry.frozen)
        assert (one.final.position_array[frozen] == request.geometry.position_array[frozen]).all()


@pytest.mark.parametrize("name", MODELS[:1])
def test_an_element_that_the_model_does_not_know_fails_alone_and_together(name):
    unknown, known = ask(bulk("Po", "sc", a=3.4), name, task="static"), ask(bulk("Cu", a=3.6), name, task="static")
    together = run_batch([unknown, known], f"{name}?batch=2")
    alone = run(unknown, resolve(name))
    assert [document.status for document in together] == ["failed", "converged"]
    assert together[0].reason == alone.reason
    assert "Model do not know atomic number: 84" in alone.reason


@pytest.mark.parametrize("name", MODELS)
def test_the_calculator_is_as_before_after_a_batch(name):
    atoms = crystal("Cu", 3.6, 9)
    request = ask(atoms, name, task="static")
    before = run(request, resolve(name))
    run_batch([request, ask(crystal("Cu", 3.6, 8), name, task="static")], f"{name}?batch=2")
    model = resolve(name).batched_model()
    model.predict([model.graph(atoms), model.graph(atoms)])
    same(run(request, resolve(name)), before)


def test_requests_of_another_engine_are_refused_before_anything_is_computed():
    if find_spec("chgnet") is None:
        pytest.skip("chgnet is not installed")
    seen = []
    atoms = crystal("Cu", 3.6, 1)
    with pytest.raises(MixedEnginesError):
        run_batch([ask(atoms, "chgnet", task="static"), ask(atoms, "emt")], "chgnet?batch=2", seen.append)
    assert seen == []
