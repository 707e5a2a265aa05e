"""Phonons of bulks through the flow: against ASE's own phonons, and against what holds for every crystal."""

from pathlib import Path

import numpy as np
import pytest
from jobflow import JobStore, run_locally
from maggma.stores import MemoryStore
from pydantic import ValidationError

from liface.analysis.lattice_dynamics import (
    LatticeDynamics,
    Modes,
    displaced_supercells,
    multiples_for,
    standardised,
    widths,
)
from liface.analysis.vibrations import hessian_frequencies, zero_point_energy
from liface.documents import Geometry, PhononResult
from liface.errors import AnalysisError, StructureError
from liface.structures.library import MaterialsLibrary
from liface.units import BOLTZMANN_EV_PER_K, PLANCK_EV_PER_THZ
from liface.workflows.campaign import material_spec, phonon_spec
from liface.workflows.flows import PhononMaker
from liface.workflows.specs import MaterialSpec, PhononSpec
from liface.workflows.steps import phonon
from liface.workflows.steps.common import BulkReference, Case, CaseOutput


@pytest.fixture(scope="module")
def library():
    return MaterialsLibrary({}, Path.cwd())


def computed(spec: PhononSpec, engine: str) -> PhononResult:
    flow = PhononMaker(engine=engine, campaign="alone").make(spec)
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    run_locally(flow, store=store, log=False, ensure_success=True)
    (result,) = CaseOutput.model_validate(flow.output.resolve(store)).results
    return result


@pytest.fixture(scope="module")
def copper(library):
    return computed(phonon_spec(library, "Cu", temperatures_k=(0.0, 298.15, 5000.0)), "emt")


def test_what_holds_for_every_stable_crystal(copper):
    cold, room, hot = copper.points
    assert copper.converged and copper.flags == ("outside_domain: test engine",)
    assert copper.n_imaginary == 0 and copper.lowest_thz > 0
    assert copper.acoustic_gamma_thz < 0.01
    assert hot.heat_capacity_ev_per_k_per_atom == pytest.approx(3 * BOLTZMANN_EV_PER_K, rel=2e-3)
    assert cold.f_vib_ev_per_atom == copper.zpe_ev_per_atom
    for point in copper.points:
        assert point.f_vib_ev_per_atom == pytest.approx(
            point.u_vib_ev_per_atom - point.temperature_k * point.entropy_ev_per_k_per_atom
        )
    assert room.f_vib_ev_per_atom == copper.f_vib_298_ev_per_atom > copper.f_vib_333_ev_per_atom


def test_zero_point_energy_follows_from_the_density_of_states(copper):
    frequency, density = np.array(copper.dos).T
    assert len(frequency) in (200, 201)
    assert np.trapezoid(density, frequency) == pytest.approx(3, rel=5e-3)
    half = 0.5 * PLANCK_EV_PER_THZ * np.trapezoid(frequency * density, frequency)
    assert copper.zpe_ev_per_atom == pytest.approx(half, rel=5e-3)


def test_supercells_and_mesh_are_large_enough(copper):
    assert (copper.smaller_supercell, copper.supercell) == ((3, 3, 3), (4, 4, 4))
    assert 0 < abs(copper.supercell_change_mev_per_atom) < 1
    assert abs(copper.mesh_change_mev_per_atom) < 0.1


def test_phonons_are_those_of_ase(copper, tmp_path):
    """The same potential and lattice in an implementation with nothing in common but the harmonic approximation."""
    from ase import Atoms
    from ase.calculators.emt import EMT
    from ase.dft.kpoints import monkhorst_pack
    from ase.phonons import Phonons

    a = copper.structure.cell[0][0]
    primitive = Atoms("Cu", cell=a / 2 * (np.ones((3, 3)) - np.eye(3)), pbc=True)
    phonons = Phonons(primitive, EMT(), supercell=(6, 6, 6), delta=0.02, name=str(tmp_path / "phonons"))
    phonons.run()
    phonons.read(acoustic=True)
    energies = phonons.band_structure(monkhorst_pack((12, 12, 12)))  # eV; an even mesh has no Γ
    at_x = phonons.band_structure([[0.5, 0.5, 0.0]])
    assert copper.highest_thz == pytest.approx(at_x.max() / PLANCK_EV_PER_THZ, rel=0.01)
    assert copper.zpe_ev_per_atom == pytest.approx(0.5 * energies.sum(axis=1).mean(), rel=0.01)
    kt = BOLTZMANN_EV_PER_K * 298.15
    free = (energies / 2 + kt * np.log1p(-np.exp(-energies / kt))).sum(axis=1).mean()
    assert copper.f_vib_298_ev_per_atom == pytest.approx(free, abs=1e-3)


# --- crystals that are no minimum ------------------------------------------------------------------------------


def bcc_copper() -> MaterialSpec:
    a = 2.87
    reference = Geometry(
        cell=((a, 0, 0), (0, a, 0), (0, 0, a)),
        species=("Cu", "Cu"),
        positions=((0, 0, 0), (a / 2, a / 2, a / 2)),
        frozen=(False,) * 2,
        roles=("bulk",) * 2,
    )
    return MaterialSpec(name="bcc-Cu", reference=reference, measured_lengths=(a, a, a))


def test_an_unstable_crystal_says_so():
    found = computed(PhononSpec(material=bcc_copper(), edges_a=(5.0, 8.0)), "emt")
    assert found.n_imaginary > found.n_imaginary_near_gamma
    assert found.lowest_thz < -0.3 and found.lowest_commensurate_thz < -0.3
    assert any(flag.startswith("imaginary_modes:") for flag in found.flags)


def modes_with(frequencies) -> Modes:
    """One wave vector far from Γ with these frequencies."""
    row = np.array([frequencies])
    nothing = np.zeros(row.shape, dtype=bool)
    return Modes((1, 1, 1), row, np.array([1]), nothing, nothing, 1, np.array([[0.5, 0.0, 0.0]]))


def test_imaginary_modes_between_wave_vectors_that_fit_are_not_called_an_instability():
    """As 7net-0 gives for bcc Li in 4x4x4 cells: -0.76 THz, and none in 5x5x5."""
    modes = modes_with([-0.76, 2.0, 4.0])
    (between,) = phonon.imaginary_flags(modes, 0.8)
    assert between.startswith("imaginary_interpolated: 1 of 3") and "0.800 THz" in between
    assert modes.lowest_q == (0.5, 0.0, 0.0)
    (real,) = phonon.imaginary_flags(modes, -0.5)
    assert real.startswith("imaginary_modes: 1 of 3")


def test_where_nothing_is_interpolated_the_lowest_mode_is_that_of_the_whole_hessian():
    """All modes of a small supercell, from its full Hessian, hold those at the wave vectors that fit it."""
    from ase.calculators.emt import EMT

    cell = standardised(bcc_copper().reference)
    forces = []
    for geometry in displaced_supercells(cell, (2, 2, 2), 0.02):
        atoms = geometry.to_ase()
        atoms.calc = EMT()
        forces.append(atoms.get_forces())
    found = LatticeDynamics(cell, (2, 2, 2), 0.02, np.array(forces)).lowest_commensurate_thz
    whole = cell.to_ase() * (2, 2, 2)
    whole.calc = EMT()
    rows = []
    for i in range(3 * len(whole)):
        sides = []
        for sign in (1, -1):
            moved = whole.copy()
            moved.positions[i // 3, i % 3] += sign * 0.02
            moved.calc = EMT()
            sides.append(moved.get_forces())
        rows.append(-(sides[0] - sides[1]).ravel() / 0.04)
    frequencies = hessian_frequencies(np.array(rows), np.full(len(whole), whole.get_masses()[0]))
    kept = np.delete(frequencies, np.argsort(np.abs(frequencies))[:3])
    assert found == pytest.approx(kept.min(), rel=0.02)


# --- what is asked ---------------------------------------------------------------------------------------------


def as_it_is(material: MaterialSpec) -> tuple[Case, BulkReference]:
    from liface.engines.registry import engine_info

    engine = engine_info("emt")
    bulk = BulkReference(
        material=material.name,
        geometry=material.reference,
        energy_ev_per_atom=0.0,
        engine=engine,
        converged=True,
        broken_symmetry=False,
        calc_ids=(),
    )
    return Case(name="phonon", engine=engine), bulk


def test_supercells_are_wide_enough_in_every_direction(library):
    hexagonal = material_spec(library, "Mg").reference
    multiples = multiples_for(hexagonal, 11.0)
    large = widths(np.array(multiples)[:, None] * hexagonal.cell_array)
    assert (large >= 11.0 - 1e-6).all()
    assert (widths((np.array(multiples) - 1)[:, None] * hexagonal.cell_array) < 11.0).all()


def test_too_many_displacements_and_too_many_atoms_are_refused(library):
    case, bulk = as_it_is(material_spec(library, "Li2Te"))
    spec = phonon_spec(library, "Li2Te", max_displacements=1)
    with pytest.raises(StructureError, match=r"2 displaced supercells of 96 atoms, limit 1; raise max_displacements"):
        phonon.phonon_requests(case, spec, bulk)
    spec = phonon_spec(library, "Li2Te", max_atoms=50)
    with pytest.raises(StructureError, match="raise max_atoms"):
        phonon.phonon_requests(case, spec, bulk)


def test_one_supercell_for_both_edges_is_flagged(library):
    found = computed(phonon_spec(library, "Cu", edges_a=(7.5, 8.0)), "emt")
    assert found.supercell_change_mev_per_atom is None and found.smaller_supercell is None
    assert any(flag.startswith("one_supercell: 3x3x3") for flag in found.flags)


def test_a_supercell_that_is_too_small_is_flagged(library):
    found = computed(phonon_spec(library, "Cu", edges_a=(3.5, 7.0)), "emt")
    assert abs(found.supercell_change_mev_per_atom) > 1
    assert any(flag.startswith("supercell_size:") for flag in found.flags)


@pytest.mark.parametrize("wrong", [{"edges_a": (11.0, 8.0)}, {"temperatures_k": (-1.0,)}, {"temperatures_k": ()}])
def test_senseless_specs_are_refused(library, wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        phonon_spec(library, "Cu", **wrong)


def test_forces_of_a_residual_cancel():
    """A low crystal that is not quite relaxed: constant forces on top change no frequency."""
    from liface.engines.morse import Morse

    rng = np.random.default_rng(1)
    cell = standardised(bcc_copper().reference)
    cell = cell.with_positions(cell.position_array + rng.normal(0, 0.05, (2, 3)))

    def frequencies(extra):
        cells = displaced_supercells(cell, (2, 2, 2), 0.02)
        forces = []
        for geometry in cells:
            atoms = geometry.to_ase()
            atoms.calc = Morse()
            forces.append(atoms.get_forces() + extra * np.where(np.arange(len(atoms)) % 2, 1, -1)[:, None])
        return LatticeDynamics(cell, (2, 2, 2), 0.02, np.array(forces)).modes(20.0).frequencies_thz

    assert np.allclose(frequencies(0.0), frequencies(0.05), atol=1e-3)


def test_a_wrong_number_of_forces_is_refused():
    cell = bcc_copper().reference
    with pytest.raises(AnalysisError, match="0 sets of forces for 1"):
        LatticeDynamics(cell, (2, 2, 2), 0.02, np.zeros((0, 16, 3)))


def test_zero_point_of_the_modes_is_that_of_the_frequencies(copper):
    from ase.calculators.emt import EMT

    forces = []
    for geometry in displaced_supercells(copper.structure, (2, 2, 2), 0.02):
        atoms = geometry.to_ase()
        atoms.calc = EMT()
        forces.append(atoms.get_forces())
    modes = LatticeDynamics(copper.structure, (2, 2, 2), 0.02, np.array(forces)).modes(40.0)
    frequencies, share = modes.real()
    assert modes.thermal(0).free_energy_ev == pytest.approx(zero_point_energy(frequencies, share))
    assert share.sum() == pytest.approx(3, rel=1e-3)
