"""Vibrations of Li on a slab through the flow: against ASE's own, and energies at a temperature that follow."""

from pathlib import Path

import numpy as np
import pytest
from jobflow import JobStore, run_locally
from maggma.stores import MemoryStore

from liface.analysis.vibrations import thermal
from liface.database.identities import derived_problems
from liface.documents import (
    CalculationDocument,
    CalculationRequest,
    CalculationSettings,
    FailedCalculation,
    Geometry,
    VibrationResult,
)
from liface.engines.registry import engine_info, resolve
from liface.engines.relaxation import run as compute
from liface.errors import StructureError
from liface.structures.library import MaterialsLibrary
from liface.workflows.campaign import binding_spec, interface_spec, vibration_spec
from liface.workflows.executor import InProcessExecutor, KnownExecutor, use_executor
from liface.workflows.flows import VibrationMaker
from liface.workflows.specs import Protocol, VibrationSpec
from liface.workflows.steps import vibration
from liface.workflows.steps.common import Case, CaseOutput

PROTOCOL = Protocol(
    film_planes_100=(4, 5, 6),
    gaps_a=(1.7,),
    registry_grid=1,
    registry_grid_commensurate=2,
    registry_candidates=1,
    release=False,
    binding_edge_a=6,
    site_candidates=1,
    cluster_candidates=2,
    fmax_ev_per_a=0.005,
    bulk_fmax_ev_per_a=0.001,
)


@pytest.fixture(scope="module")
def library():
    return MaterialsLibrary({}, Path.cwd())


def computed(spec: VibrationSpec, protocol: Protocol = PROTOCOL) -> tuple[VibrationResult, ...]:
    flow = VibrationMaker(engine="morse", campaign="alone", protocol=protocol).make(spec)
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    run_locally(flow, store=store, log=False, ensure_success=True)
    return CaseOutput.model_validate(flow.output.resolve(store)).results


def small(spec: VibrationSpec) -> VibrationSpec:
    """Phonons of bulk Li in smaller cells: the identities tested here hold for any."""
    return spec.model_copy(update={"lithium": spec.lithium.model_copy(update={"edges_a": (6.5, 6.5)})})


class Keeping(InProcessExecutor):
    """Computes, and keeps what it has computed."""

    def __init__(self):
        super().__init__()
        self.outcomes: dict[str, CalculationDocument] = {}

    def run(self, requests, engine, prerelax=None):
        outcomes = super().run(requests, engine, prerelax)
        self.outcomes.update({outcome.calc_id: outcome for outcome in outcomes})
        return outcomes


KEPT = Keeping()


@pytest.fixture(scope="module")
def adsorbed(library):
    spec = vibration_spec(library, binding_spec(library, "Cu", "111", PROTOCOL, n_li=(1, 2)))
    with use_executor(KEPT):
        return computed(small(spec))


def test_one_atom_vibrates_as_ase_says(adsorbed, tmp_path):
    from ase.vibrations import Vibrations

    from liface.engines.morse import Morse

    single = next(r for r in adsorbed if r.n_li == 1)
    atoms = single.structure.to_ase()
    atoms.calc = Morse()
    moved = [i for i, role in enumerate(single.structure.roles) if role == "adsorbate"]
    vibrations = Vibrations(atoms, indices=moved, delta=0.02, name=str(tmp_path / "vib"))
    vibrations.run()
    terahertz = np.sort(vibrations.get_frequencies().real) * 0.0299792458  # from 1/cm
    assert np.allclose(single.frequencies_thz, terahertz, rtol=2e-3)
    assert single.zpe_ev_per_li == pytest.approx(vibrations.get_zero_point_energy().real, rel=2e-3)


def test_energies_at_a_temperature_follow_from_the_frequencies(adsorbed):
    assert {(r.n_li, r.arrangement) for r in adsorbed} == {(1, "dispersed"), (2, "dispersed"), (2, "cluster")}
    for result in adsorbed:
        assert len(result.frequencies_thz) == 3 * result.n_li
        assert result.n_displacements == 6 * result.n_li
        real = np.array([f for f in result.frequencies_thz if f > 0])
        for point in result.points:
            expected = thermal(real, point.temperature_k).free_energy_ev / result.n_li
            assert point.f_vib_ev_per_li == pytest.approx(expected, rel=1e-5)
        correction = {point.temperature_k: point.correction_ev_per_li for point in result.points}
        assert result.e_bind_298_ev_per_li == pytest.approx(result.e_bind_ev_per_li + correction[298.15])
        assert result.e_bind_333_ev_per_li == pytest.approx(result.e_bind_ev_per_li + correction[333.15])
        assert result.e_bind_0_ev_per_li == pytest.approx(result.e_bind_ev_per_li + correction[0.0])
        assert result.gamma_mev_per_a2 is None


def test_a_cluster_is_held_against_as_many_atoms(adsorbed):
    cluster = next(r for r in adsorbed if r.arrangement == "cluster")
    atoms = next(r for r in adsorbed if r.arrangement == "dispersed" and r.n_li == 2)
    assert cluster.delta_e_298_ev_per_li == pytest.approx(cluster.e_bind_298_ev_per_li - atoms.e_bind_298_ev_per_li)
    assert cluster.delta_e_ev_per_li == pytest.approx(cluster.e_bind_ev_per_li - atoms.e_bind_ev_per_li)
    assert atoms.delta_e_298_ev_per_li is None


def test_the_same_numbers_as_the_binding_alone(adsorbed, library):
    from liface.workflows.flows import BindingMaker

    flow = BindingMaker(engine="morse", campaign="alone", protocol=PROTOCOL).make(
        binding_spec(library, "Cu", "111", PROTOCOL, n_li=(1, 2))
    )
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    with use_executor(KnownExecutor(lambda ids: {i: KEPT.outcomes[i] for i in ids if i in KEPT.outcomes})):
        run_locally(flow, store=store, log=False, ensure_success=True)  # nothing of it is new
    alone = CaseOutput.model_validate(flow.output.resolve(store)).results
    assert [r.e_bind_ev_per_li for r in alone] == [r.e_bind_ev_per_li for r in adsorbed]
    assert set(alone[0].provenance.calc_ids) < set(adsorbed[0].provenance.calc_ids)


# --- films -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def film(library):
    of = interface_spec(library, "Li", "100", "100", PROTOCOL)
    (found,) = computed(small(vibration_spec(library, of, film_edge_a=6.0)))
    return found


def test_a_film_gives_an_interfacial_energy_at_a_temperature(film):
    assert (film.arrangement, film.substrate, film.e_bind_ev_per_li) == ("film", "Li", None)
    assert (film.multiples, film.n_interfaces) == ((2, 2), 2)
    assert len(film.frequencies_thz) == 4 * 3 * film.n_li and film.n_displacements == 6 * film.n_li
    per_li = 1e3 * film.n_li / (2 * film.area_a2)
    expected = film.gamma_mev_per_a2 + per_li * film.correction_298_ev_per_li
    assert film.gamma_298_mev_per_a2 == pytest.approx(expected)


def test_a_film_moved_in_one_copy_vibrates_like_one_moved_in_all(film, tmp_path):
    from ase.vibrations import Vibrations

    from liface.engines.morse import Morse

    cell = vibration.repeated(film.structure, film.multiples)
    atoms = cell.to_ase()
    atoms.calc = Morse()
    moved = [i for i, role in enumerate(cell.roles) if role == "film"]
    vibrations = Vibrations(atoms, indices=moved, delta=0.02, name=str(tmp_path / "film"))
    vibrations.run()
    terahertz = np.sort(vibrations.get_frequencies().real) * 0.0299792458
    assert np.allclose(film.frequencies_thz, terahertz, rtol=2e-3)


def test_li_in_li_is_stiffened_by_the_atoms_that_are_held_and_by_nothing_else(film):
    """The film is bulk Li between held planes of bulk Li: nearly its free energy, from above."""
    assert film.gamma_mev_per_a2 == pytest.approx(0, abs=1)
    assert 0 < film.correction_298_ev_per_li < 0.03
    assert film.n_imaginary == 0


def test_wrong_relations_are_found(film, adsorbed):
    for result in (film, *adsorbed):
        assert list(derived_problems(result)) == []
    wrong = film.model_copy(update={"gamma_298_mev_per_a2": film.gamma_mev_per_a2})
    assert "gamma_298_mev_per_a2 is" in next(derived_problems(wrong))
    off = adsorbed[0].model_copy(update={"e_bind_333_ev_per_li": 0.0})
    assert "e_bind_333_ev_per_li is 0" in next(derived_problems(off))


def test_an_arrangement_that_fails_leaves_the_others(library, adsorbed):
    """One displaced cell of the cluster fails; atoms keep their vibrations, and the cluster has none."""
    known = dict(KEPT.outcomes)
    done = next(outcome for outcome in known.values() if outcome.label.endswith("x+") and "cluster" in outcome.label)
    kept = done.model_dump(include={"calc_id", "label", "engine", "settings", "initial", "n_force_calls", "wall_s"})
    known[done.calc_id] = FailedCalculation(**kept, reason="exploded")
    spec = vibration_spec(library, binding_spec(library, "Cu", "111", PROTOCOL, n_li=(1, 2)))
    with use_executor(KnownExecutor(lambda ids: {i: known[i] for i in ids if i in known})):
        found = computed(small(spec))
    assert [(r.n_li, r.arrangement) for r in found] == [(1, "dispersed"), (2, "dispersed")]
    assert [r.record_id for r in found] == [r.record_id for r in adsorbed if r.arrangement == "dispersed"]


def test_forces_that_are_left_are_flagged(film, library):
    modes = vibration.LocalModes(film.structure, np.array([2.0, 3.0, 4.0]), 6, residual_ev_per_a=0.2)
    (flag,) = vibration.vibration_flags(modes, _lithium(library), 0.03)
    assert flag == "not_stationary: 0.200 eV/Å is left on a Li atom, limit 0.03"


def test_free_motions_are_left_out_and_flagged(film, library):
    modes = vibration.LocalModes(film.structure, np.array([1e-6, 3.0, 4.0]), 6)
    assert modes.free_energy(298.15) == pytest.approx(thermal(np.array([3.0, 4.0]), 298.15).free_energy_ev)
    (flag,) = vibration.vibration_flags(modes, _lithium(library), 0.03)
    assert flag.startswith("soft_modes: 1 below 0.05 THz are free motions")


def test_too_many_displacements_are_refused(library):
    spec = vibration_spec(library, binding_spec(library, "Cu", "111", PROTOCOL), max_displacements=5)
    with pytest.raises(StructureError, match=r"6 displaced cells of 2 atoms for film, limit 5; raise max_displ"):
        vibration._displaced(Case(name="x", engine=engine_info("morse")), spec, pair(), "film", "film")


# --- no minimum ------------------------------------------------------------------------------------------------


def pair() -> Geometry:
    return Geometry(
        cell=((9.0, 0, 0), (0, 9.0, 0), (0, 0, 14.0)),
        species=("Li", "Cu"),
        positions=((0.0, 0.0, 2.45), (0.0, 0.0, 0.0)),
        frozen=(False, True),
        roles=("film", "substrate"),
    )


def test_a_saddle_is_flagged_and_its_mode_is_left_out(library, adsorbed):
    """Li on top of one Cu whose neighbours pull it aside: two ways down."""
    top = pair()
    atoms = ((2.6, 0.0, 0.0), (-2.6, 0.0, 0.0), (0.0, 2.6, 0.0), (0.0, -2.6, 0.0))
    saddle = Geometry(
        cell=((14.0, 0, 0), (0, 14.0, 0), (0, 0, 14.0)),
        species=(*top.species, *("Cu",) * 4),
        positions=(*top.positions, *atoms),
        frozen=(False, *(True,) * 5),
        roles=("film", *("substrate",) * 5),
    )
    engine = resolve("morse")
    case = Case(name="saddle", engine=engine.info)
    spec = vibration_spec(library, binding_spec(library, "Cu", "111", PROTOCOL))
    request = CalculationRequest(geometry=saddle, engine=engine.info, settings=CalculationSettings.static())
    relaxed = compute(request, engine)
    outcomes = [compute(r, engine) for r in vibration._displaced(case, spec, saddle, "film", "film")]
    modes = vibration.local_modes(spec, relaxed, "film", outcomes)
    assert len(modes.imaginary) == 2
    lithium = _lithium(library)
    flags = vibration.vibration_flags(modes, lithium, 0.03)
    assert any(flag.startswith("imaginary_modes: 2 of 3, lowest -") for flag in flags)
    assert modes.free_energy(0) == thermal(modes.frequencies_thz[-1:], 0).free_energy_ev


def _lithium(library):
    from liface.workflows.campaign import phonon_spec
    from liface.workflows.flows import PhononMaker

    flow = PhononMaker(engine="morse").make(phonon_spec(library, "Li", edges_a=(6.5, 6.5)))
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    run_locally(flow, store=store, log=False, ensure_success=True)
    return CaseOutput.model_validate(flow.output.resolve(store)).results[0]
