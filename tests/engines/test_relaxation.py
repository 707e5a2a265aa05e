"""Relaxations and single points: order, images, frozen atoms, cells, failures, batches."""

import numpy as np
import pytest
from ase.build import bulk, fcc111
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS

from liface.documents import (
    CalculationRequest,
    CalculationSettings,
    ConvergedCalculation,
    FailedCalculation,
    Geometry,
    UnconvergedCalculation,
)
from liface.engines import engine_info, pin_threads, resolve, run, run_batch
from liface.engines.calculators import CalculatorEngine
from liface.engines.optimizer import QUASI_NEWTON
from liface.errors import MixedEnginesError


def geometry(atoms, frozen=None):
    n = len(atoms)
    return Geometry(
        cell=atoms.cell.array.tolist(),
        species=tuple(atoms.symbols),
        positions=atoms.positions.tolist(),
        frozen=tuple(bool(f) for f in frozen) if frozen is not None else (False,) * n,
        roles=("bulk",) * n,
    )


def request(atoms, engine="emt", frozen=None, **settings):
    return CalculationRequest(
        geometry=atoms if isinstance(atoms, Geometry) else geometry(atoms, frozen),
        engine=engine_info(engine),
        settings=CalculationSettings(**settings),
    )


def slab(rattle=0.1, seed=1):
    atoms = fcc111("Cu", (2, 2, 3), vacuum=6, a=3.6)
    atoms.pbc = True
    atoms.rattle(rattle, seed=seed)
    return atoms


def crystal(a=3.5, rattle=0.05):
    atoms = bulk("Cu", cubic=True, a=a) * (1, 1, 2)
    atoms.rattle(rattle, seed=2)
    return atoms


def permuted(g, order):
    fields = ("species", "positions", "frozen", "roles")
    return g.model_copy(update={f: tuple(getattr(g, f)[i] for i in order) for f in fields})


def test_single_point_is_the_calculators():
    atoms = slab()
    document = run(request(atoms, task="static"), resolve("emt"))
    atoms.calc = EMT()
    assert isinstance(document, ConvergedCalculation)
    assert document.n_force_calls == 1
    assert document.energy_ev == pytest.approx(atoms.get_potential_energy(), abs=1e-9)
    assert np.allclose(document.forces_ev_per_a, atoms.get_forces(), atol=1e-8)
    assert document.fmax_ev_per_a == pytest.approx(np.linalg.norm(atoms.get_forces(), axis=1).max())
    assert document.final == document.initial


def test_relaxed_slab_agrees_with_ase():
    document = run(request(slab(), fmax_ev_per_a=0.005), resolve("emt"))
    atoms = slab()
    atoms.calc = EMT()
    BFGS(atoms, logfile=None).run(fmax=0.005, steps=500)
    assert document.status == "converged"
    assert document.optimizer == QUASI_NEWTON
    assert document.energy_ev == pytest.approx(atoms.get_potential_energy(), abs=1e-4)
    final = document.final.to_ase()
    final.calc = EMT()
    assert final.get_potential_energy() == pytest.approx(document.energy_ev, abs=1e-9)
    assert np.linalg.norm(final.get_forces(), axis=1).max() <= 0.005
    assert document.energies_ev[-1] == document.energy_ev
    assert np.all(np.diff(document.energies_ev) < 1e-4)


def test_order_and_images_do_not_change_numbers_and_come_back():
    rng = np.random.default_rng(5)
    g = geometry(slab(), frozen=[i < 4 for i in range(12)])
    order = rng.permutation(12)
    # whole lattice vectors without rounding: the caller's images come back as they were given
    images = rng.integers(-2, 3, size=(12, 3)) @ g.cell_array
    other = permuted(g.with_positions(g.position_array + images), order)
    a, b = (run(request(x), resolve("emt")) for x in (g, other))
    assert a.calc_id == b.calc_id
    assert b.energy_ev == pytest.approx(a.energy_ev, abs=1e-9)
    assert np.allclose(b.final.position_array, (a.final.position_array + images)[order], atol=1e-6)
    assert np.allclose(np.array(b.forces_ev_per_a), np.array(a.forces_ev_per_a)[order], atol=1e-6)
    assert b.final.species == other.species


def test_renumbering_gives_the_same_bits():
    g = geometry(slab())
    order = np.random.default_rng(8).permutation(12)
    a, b = (run(request(x), resolve("emt")) for x in (g, permuted(g, order)))
    assert a.energies_ev == b.energies_ev


@pytest.mark.parametrize("engine", ["emt", "morse"])
def test_frozen_atoms_stay_to_the_last_bit(engine):
    frozen = [i < 8 for i in range(12)]
    atoms = slab()
    atoms.positions += [-7.0, 3.3, -20.0]  # outside the cell: wrapping there and back must not show
    document = run(request(atoms, engine, frozen), resolve(engine))
    assert document.status == "converged"
    before, after = atoms.positions, document.final.position_array
    assert np.array_equal(before[frozen], after[frozen])
    assert np.abs(before[8:] - after[8:]).max() > 1e-3
    forces = np.linalg.norm(document.forces_ev_per_a, axis=1)
    assert forces[:8].max() > document.fmax_ev_per_a >= forces[8:].max() - 1e-12


def test_all_frozen_needs_one_call():
    document = run(request(slab(), frozen=[True] * 12), resolve("emt"))
    assert (document.status, document.n_force_calls, document.fmax_ev_per_a) == ("converged", 1, 0.0)


def test_full_cell_finds_the_lattice_constant():
    document = run(request(crystal(), cell="full", fmax_ev_per_a=0.01), resolve("emt"))
    atoms = crystal()
    atoms.calc = EMT()
    BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=1e-4, steps=300)
    assert document.status == "converged"
    assert np.allclose(document.final.cell_array, atoms.cell.array, atol=0.02)
    assert document.energy_ev == pytest.approx(atoms.get_potential_energy(), abs=2e-4)
    relaxed = document.final.to_ase()
    relaxed.calc = EMT()
    assert np.abs(relaxed.get_stress()).max() <= 0.01 / 100


def test_c_axis_changes_only_the_height_of_the_cell():
    atoms = crystal()
    tilt = np.zeros((3, 3))
    tilt[2] = [0.4, 0.2, 0]
    atoms.set_cell(atoms.cell.array + tilt, scale_atoms=True)
    document = run(request(atoms, cell="c_axis", fmax_ev_per_a=0.01), resolve("emt"))
    before, after = atoms.cell.array, document.final.cell_array
    assert document.status == "converged"
    assert np.array_equal(before[:2], after[:2])
    assert np.allclose(before[2, :2], after[2, :2], atol=1e-12)
    assert after[2, 2] > before[2, 2] + 0.05
    for scale in (0.995, 1.005):  # a minimum along the height
        other = document.final.to_ase()
        cell = after.copy()
        cell[2, 2] *= scale
        other.set_cell(cell, scale_atoms=True)
        other.calc = EMT()
        assert other.get_potential_energy() > document.energy_ev


def test_frozen_atoms_of_a_relaxing_cell_keep_fractional_coordinates():
    atoms = crystal()
    document = run(request(atoms, frozen=[i < 2 for i in range(8)], cell="c_axis"), resolve("emt"))
    after = np.linalg.solve(document.final.cell_array.T, document.final.position_array.T).T
    assert np.allclose(after[:2], atoms.get_scaled_positions(wrap=False)[:2], atol=1e-12)


def test_force_call_limit_is_reported():
    document = run(request(slab(0.3), max_force_calls=4), resolve("emt"))
    assert isinstance(document, UnconvergedCalculation)
    assert document.n_force_calls == 4
    assert "force call limit 4" in document.reason
    assert document.fmax_ev_per_a > 0.03
    assert document.energy_ev == min(document.energies_ev)


def test_same_request_same_bits():
    documents = [run(request(slab(), "morse"), resolve("morse")) for _ in range(2)]
    assert documents[0].energies_ev == documents[1].energies_ev
    assert documents[0].final == documents[1].final


def test_versions_and_provenance():
    document = run(request(slab(), task="static"), resolve("emt"))
    assert {"liface", "ase", "numpy", "python"} <= set(document.versions)
    assert document.engine == engine_info("emt")
    assert document.wall_s > 0


class Scripted(Calculator):
    """An engine that does what the test says."""

    implemented_properties = ["energy", "forces", "stress"]  # noqa: RUF012

    def __init__(self, script):
        super().__init__()
        self.script, self.calls = script, 0

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.calls += 1
        energy, forces = self.script(self.calls, self.atoms)
        self.results = {"energy": energy, "forces": forces, "stress": np.zeros(6)}


def scripted(script):
    calculator = Scripted(script)
    return CalculatorEngine(info=engine_info("emt"), packages=(), build=lambda needs_stress: calculator)


def _raise(call, atoms):
    raise KeyError("no such element")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (lambda n, a: (np.nan, np.zeros((len(a), 3))), "energy is nan"),
        (lambda n, a: (-1.0, np.full((len(a), 3), np.inf)), "not finite"),
        (lambda n, a: (-51.0 * len(a) * (n > 1), np.ones((len(a), 3))), "unphysical energy"),
        (lambda n, a: (51.0 * len(a) * (n > 1), np.ones((len(a), 3))), "unphysical energy"),
        (lambda n, a: (-float(n), 2e3 * np.ones((len(a), 3))), "exploded: force"),
        (lambda n, a: (-float(n), np.tile([0.0, 0, 1], (len(a), 1))), "exploded: an atom moved"),
        (_raise, "KeyError"),
    ],
)
def test_a_bad_structure_is_a_document(script, words):
    document = run(request(slab(), max_force_calls=500), scripted(script))
    assert isinstance(document, FailedCalculation)
    assert document.reason.startswith("CalculationError: ")
    assert words in document.reason


def test_collapsed_atoms_are_not_computed():
    atoms = slab()
    atoms.positions[3] = atoms.positions[5] + [0.1, 0, 0] + atoms.cell.array[0]
    document = run(request(atoms), resolve("emt"))
    assert "Cu and Cu are 0.10 Å apart" in document.reason
    assert document.n_force_calls == 0


def test_unknown_element_fails_with_the_engines_words():
    document = run(request(bulk("W", cubic=True)), resolve("emt"))
    assert isinstance(document, FailedCalculation)
    assert "W" in document.reason


def test_batch_goes_on_after_a_failure_and_reports_each():
    broken = slab()
    broken.positions[1] = broken.positions[0]
    seen = []
    requests = [request(slab()), request(broken), request(crystal(), cell="full")]
    documents = run_batch(requests, "emt", on_result=seen.append)
    assert [d.status for d in documents] == ["converged", "failed", "converged"]
    assert seen == documents
    assert [d.calc_id for d in documents] == [r.calc_id for r in requests]
    assert run_batch([], "emt") == []


def test_batch_refuses_requests_of_another_engine():
    with pytest.raises(MixedEnginesError, match="morse:liface"):
        run_batch([request(slab(), "morse")], "emt")


def test_pin_threads(monkeypatch):
    import os

    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    pin_threads()
    assert os.environ["OMP_NUM_THREADS"] == "1"
