"""Minimum-energy paths: saddle points known by symmetry, identity, periodic images, failures and going on."""

import re

import numpy as np
import pytest
from ase.build import add_adsorbate, fcc100, fcc111
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT
from pydantic import ValidationError

from liface.documents import (
    CALCULATION_ADAPTER,
    CalculationRequest,
    CalculationSettings,
    EngineInfo,
    Geometry,
    PathSettings,
    path_displacements,
)
from liface.engines import engine_info, resolve, run, run_batch
from liface.engines.base import EngineSpec
from liface.engines.calculators import CalculatorEngine
from liface.engines.path import set_up_geometry
from liface.errors import EngineTaskError
from liface.workflows.calculation_folder import CalculationFolder
from liface.workflows.executor import FolderExecutor, adopt

EMT_ENGINE = EngineSpec.parse("emt")
LIMIT = 0.01


def on_slab(slab, site, offset=(0, 0)):
    """Put a Cu adatom on a slab whose lowest plane is held."""
    atoms = slab.copy()
    atoms.pbc = True
    bottom = atoms.positions[:, 2].min() + 0.5
    add_adsorbate(atoms, "Cu", 1.8, site, offset=offset)
    return Geometry(
        cell=atoms.cell.array.tolist(),
        species=tuple(atoms.symbols),
        positions=atoms.positions.tolist(),
        frozen=tuple(bool(z < bottom) for z in atoms.positions[:, 2]),
        roles=("substrate",) * len(slab) + ("adsorbate",),
    )


def ask(geometry, end=None, images=3, calls=600, **changes):
    settings = CalculationSettings(fmax_ev_per_a=LIMIT)
    if end is not None:
        settings = CalculationSettings.neb(LIMIT, calls, PathSettings(images=images))
    return CalculationRequest(geometry=geometry, engine=engine_info("emt"), settings=settings, end=end, **changes)


def relaxed(geometry):
    (outcome,) = run_batch([ask(geometry)], "emt")
    assert outcome.status == "converged"
    return outcome


@pytest.fixture(scope="module")
def cu111():
    return fcc111("Cu", (3, 3, 3), vacuum=7)


@pytest.fixture(scope="module")
def hop(cu111):
    """The two hollows of Cu(111), the bridge between them, and the path."""
    fcc, hcp, bridge = (relaxed(on_slab(cu111, site)) for site in ("fcc", "hcp", "bridge"))
    return fcc, hcp, bridge, run(ask(fcc.final, hcp.final), resolve("emt"))


def test_saddle_of_hop_between_hollows_is_the_bridge(hop):
    fcc, hcp, bridge, path = hop
    assert path.status == "converged" and path.fmax_ev_per_a <= LIMIT
    assert path.energy_ev == pytest.approx(bridge.energy_ev, abs=2e-4)
    assert bridge.energy_ev - fcc.energy_ev > 0.03
    ends = np.array([fcc.final.positions[-1], hcp.final.positions[-1]])
    assert np.allclose(path.final.positions[-1][:2], ends.mean(axis=0)[:2], atol=0.05)
    assert path.final.positions[-1][2] == pytest.approx(bridge.final.positions[-1][2], abs=0.01)
    assert path.images[0].energy_ev == pytest.approx(fcc.energy_ev, abs=1e-9)
    assert path.images[-1].energy_ev == pytest.approx(hcp.energy_ev, abs=1e-9)
    assert path.energy_ev == max(image.energy_ev for image in path.images)
    assert path.n_force_calls < 80


def test_way_back_has_the_same_saddle_and_the_difference_of_the_minima(hop):
    fcc, hcp, _, there = hop
    back = run(ask(hcp.final, fcc.final), resolve("emt"))
    forward, reverse = there.energy_ev - there.images[0].energy_ev, back.energy_ev - back.images[0].energy_ev
    assert forward - reverse == pytest.approx(hcp.energy_ev - fcc.energy_ev, abs=3e-4)


def test_path_crosses_the_boundary_and_keeps_frozen_atoms():
    slab = fcc100("Cu", (3, 3, 3), vacuum=7)
    start, end = relaxed(on_slab(slab, "hollow", (2, 0))), relaxed(on_slab(slab, "hollow", (0, 0)))
    bridge = relaxed(on_slab(slab, "bridge", (2, 0)))
    edge = slab.cell.array[0]
    assert np.allclose(path_displacements(start.final, end.final)[-1], edge / 3, atol=0.01)
    path = run(ask(start.final, end.final), resolve("emt"))
    assert path.status == "converged"
    assert path.images[0].energy_ev == pytest.approx(path.images[-1].energy_ev, abs=1e-4)
    assert path.energy_ev == pytest.approx(bridge.energy_ev, abs=3e-4)
    steps = np.diff([image.positions[-1] for image in path.images], axis=0)
    assert np.linalg.norm(steps, axis=1).max() < 1.0
    frozen = np.array(start.final.frozen)
    for image in path.images:
        assert np.array_equal(np.array(image.positions)[frozen], start.final.position_array[frozen])


def test_nearest_image_is_taken_unless_two_are_equally_near():
    cell = ((4.0, 0.0, 0.0), (1.0, 4.0, 0.0), (0.0, 0.0, 9.0))

    def at(x, y):
        return Geometry(cell=cell, species=("Li",), positions=((x, y, 1.0),), frozen=(False,), roles=("bulk",))

    assert np.allclose(path_displacements(at(3.9, 0), at(0.2, 0))[0], [0.3, 0, 0])
    assert np.allclose(path_displacements(at(0.2, 0), at(3.9, 8.0))[0], [1.7, 0, 0])
    for way in (2.0, -2.0):
        assert np.allclose(path_displacements(at(1, 0), at(1 + way, 0))[0], [way, 0, 0])


# --- identity -----------------------------------------------------------------------------------------------------

SMALL = Geometry(
    cell=((4.0, 0, 0), (0, 4.0, 0), (0, 0, 12.0)),
    species=("Cu", "Li"),
    positions=((0, 0, 0), (2.0, 2.0, 2.0)),
    frozen=(True, False),
    roles=("substrate", "film"),
)
INFO = EngineInfo(
    name="emt", model="ase", code="ase", code_version="3.29.0", weights_sha256="0" * 64, trained_on="nothing"
)


@pytest.mark.parametrize(
    ("settings", "identity"),
    [
        (CalculationSettings(), "b59b0c7985e017dc3e6df4367214a0ce"),
        (CalculationSettings.static(), "d8a180ab270ba0291b07cc99e0e9e75a"),
        (
            CalculationSettings(cell="c_axis", move="normal", fmax_ev_per_a=0.01, max_force_calls=60),
            "4b7e9728ea5a2843f678fa95c4e4c241",
        ),
    ],
)
def test_identities_of_other_tasks_are_those_of_databases_without_paths(settings, identity):
    assert CalculationRequest(geometry=SMALL, engine=INFO, settings=settings).calc_id == identity


def test_identity_of_a_path_knows_its_end_and_settings_but_no_order_and_no_images():
    end = SMALL.with_positions(np.array([[0, 0, 0], [3.0, 2.0, 2.0]]))
    settings = CalculationSettings.neb(0.03, 100)

    def identity(start=SMALL, end=end, settings=settings, **changes):
        return CalculationRequest(geometry=start, engine=INFO, settings=settings, end=end, **changes).calc_id

    def swapped(g):
        fields = ("species", "positions", "frozen", "roles")
        return g.model_copy(update={name: getattr(g, name)[::-1] for name in fields})

    shifted = end.with_positions(end.position_array - [[0, 0, 0], [4.0, 0, 12.0]])
    band = (SMALL.positions,) * 5
    assert identity() == identity(end=shifted) == identity(swapped(SMALL), swapped(end)) == identity(band=band)
    other = end.with_positions(np.array([[0, 0, 0], [2.0, 3.0, 2.0]]))
    changed = (identity(end=other), identity(settings=CalculationSettings.neb(0.03, 100, PathSettings(images=7))))
    assert len({identity(), *changed}) == 3


def test_stored_path_answers_in_another_order_of_atoms(hop):
    fcc, hcp, _, path = hop
    order = np.random.default_rng(0).permutation(fcc.final.n_atoms)
    fields = ("species", "positions", "frozen", "roles")

    def permuted(g):
        return g.model_copy(update={name: tuple(getattr(g, name)[i] for i in order) for name in fields})

    asked = ask(permuted(fcc.final), permuted(hcp.final))
    assert asked.calc_id == path.calc_id
    answer = adopt(path, asked)
    for mine, theirs in zip(answer.images, path.images, strict=True):
        assert np.allclose(mine.positions, np.array(theirs.positions)[order])
    assert answer.end == asked.end and np.allclose(answer.final.positions, np.array(path.final.positions)[order])
    assert CALCULATION_ADAPTER.validate_json(CALCULATION_ADAPTER.dump_json(answer)) == answer


# --- going on, and going wrong ------------------------------------------------------------------------------------


def test_unconverged_path_goes_on_from_its_images_and_a_finished_one_is_not_computed_again(hop, tmp_path):
    fcc, hcp, bridge, whole = hop
    request = ask(fcc.final, hcp.final, calls=12)
    executor = FolderExecutor(CalculationFolder(tmp_path), re.compile("force call limit"))
    (cut,) = FolderExecutor(CalculationFolder(tmp_path)).run([request], EMT_ENGINE)
    assert cut.status == "unconverged" and "force call limit 12" in cut.reason and cut.n_force_calls <= 12
    spent = cut.n_force_calls
    for _ in range(8):
        (path,) = executor.run([request], EMT_ENGINE)
        assert path.n_force_calls > spent or path.status == "converged"
        spent = path.n_force_calls
        if path.status == "converged":
            break
    assert path.status == "converged"
    assert path.energy_ev == pytest.approx(bridge.energy_ev, abs=2e-4)
    assert path.images[0].energy_ev == whole.images[0].energy_ev
    assert executor.run([request], EMT_ENGINE) == [path]


class Trouble(Calculator):
    """EMT that gives no finite forces from its seventh call on."""

    implemented_properties = ["energy", "forces"]  # noqa: RUF012
    calls = 0

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        copy = self.atoms.copy()
        copy.calc = EMT()
        self.results = {"energy": copy.get_potential_energy(), "forces": copy.get_forces()}
        self.calls += 1
        if self.calls > 6:
            self.results["forces"] = np.full_like(self.results["forces"], np.nan)


def test_image_that_explodes_is_a_failed_calculation(hop):
    fcc, hcp, *_ = hop
    calculator = Trouble()
    engine = CalculatorEngine(info=engine_info("emt"), packages=(), build=lambda stress: calculator)
    outcome = run(ask(fcc.final, hcp.final), engine)
    assert outcome.status == "failed" and "not finite" in outcome.reason and outcome.n_force_calls == 7
    assert outcome.end == hcp.final


def test_code_that_uses_symmetry_is_set_up_between_the_ends_in_the_order_of_the_start(hop):
    fcc, hcp, *_ = hop
    path, relaxation = ask(fcc.final, hcp.final), ask(fcc.final)
    assert set_up_geometry(relaxation) == fcc.final.canonical()
    between = set_up_geometry(path)
    moved = between.position_array - fcc.final.canonical().position_array
    assert between.species == fcc.final.canonical().species
    furthest = np.linalg.norm(path_displacements(fcc.final, hcp.final), axis=1).max()
    assert 0.3 * furthest < np.linalg.norm(moved, axis=1).max() < 0.4 * furthest


def test_ends_that_are_the_same_fail_with_the_reason(hop):
    fcc = hop[0]
    outcome = run(ask(fcc.final, fcc.final), resolve("emt"))
    assert outcome.status == "failed" and "same geometry" in outcome.reason


def test_wrong_requests_are_refused(hop):
    fcc, hcp, *_ = hop
    with pytest.raises(ValidationError, match="has an end"):
        ask(fcc.final).model_validate({**ask(fcc.final).model_dump(), "end": hcp.final})
    with pytest.raises(ValidationError, match="different atoms"):
        ask(fcc.final, hcp.final.model_copy(update={"species": ("Al", *hcp.final.species[1:])}))
    with pytest.raises(ValidationError, match="different cells"):
        ask(fcc.final, hcp.final.with_positions(hcp.final.position_array, 1.01 * hcp.final.cell_array))
    pushed = hcp.final.position_array + np.array(hcp.final.frozen)[:, None] * [0.3, 0, 0]
    with pytest.raises(ValidationError, match=r"frozen atom moves 0\.300"):
        ask(fcc.final, hcp.final.with_positions(pushed))
    with pytest.raises(ValidationError, match="path settings"):
        CalculationSettings(task="neb")
    with pytest.raises(ValidationError, match="keeps its cell"):
        CalculationSettings(task="neb", path=PathSettings(), cell="full")


def test_program_that_moves_atoms_by_itself_refuses_a_path(hop, tmp_path):
    class Program:
        info = engine_info("emt").model_copy(update={"name": "vasp"})
        packages = ()

        def compute(self, request, folder):
            raise AssertionError("nothing may run")

    fcc, hcp, *_ = hop
    request = ask(fcc.final, hcp.final).model_copy(update={"engine": Program.info})
    with pytest.raises(EngineTaskError, match="ask for barriers with sevennet"):
        run(request, Program(), tmp_path)


def test_verify_tells_of_paths_that_lost_an_image_or_their_end():
    from liface.database import Database

    slab = fcc100("Cu", (2, 2, 2), vacuum=6)
    request = ask(on_slab(slab, "hollow"), on_slab(slab, "hollow", offset=(1, 0)), images=1, calls=20)
    (path,) = run_batch([request], "emt")
    other = on_slab(fcc100("Cu", (2, 2, 3), vacuum=6), "hollow")
    damage = {
        "its path has 2 images": {"images": path.images[:-1]},
        "its path has 0 images": {"images": ()},
        "belong to no request": {"end": other},
    }
    with Database(":memory:") as database:
        database.add_calculation(path)
        assert database.verify() == []
        for words, changes in damage.items():
            database.add_calculation(path.model_copy(update=changes), replace=True)
            (problem,) = database.verify()
            assert words in problem.message
