"""GPAW gives physics: lithium as PBE has it, derivatives that fit, slabs that do not feel their images."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from gpaw_cases import QUICK, compute, geometry, need_gpaw, polar_slab, request, shaken_lithium
from liface.documents import ConvergedCalculation
from liface.engines import resolve
from liface.testing import engine_contract
from liface.testing.engine_contract import assert_engine_contract


@pytest.fixture(autouse=True)
def gpaw(monkeypatch):
    need_gpaw()
    monkeypatch.delenv("LIFACE_GPAW_COMMAND", raising=False)


def single_point(atoms, folder, spec=QUICK):
    document = compute(atoms, folder, spec, task="static")
    assert isinstance(document, ConvergedCalculation), document
    return document.energy_ev, np.array(document.forces_ev_per_a)


@pytest.mark.slow
def test_lattice_constant_of_lithium(tmp_path):
    """3.44 Å, PBE at 0 K without zero-point motion, DOI 10.1103/PhysRevB.79.085104."""
    document = compute(bulk("Li", cubic=True, a=3.3), tmp_path, "gpaw?ecut=300&kspacing=0.45", cell="full")
    assert isinstance(document, ConvergedCalculation)
    assert document.final.cell[0][0] == pytest.approx(3.44, rel=0.015)


@pytest.mark.slow
def test_stress_is_that_of_a_fixed_cutoff():
    """GPAW's own stress, at fixed waves, is several GPa off in copper; most of that is taken out."""
    calculator = resolve("gpaw?ecut=400&kpts=2x2x2&smearing=0.2").calculator(needs_stress=True)

    def copper(length):
        atoms = bulk("Cu", a=length)
        atoms.calc = calculator
        return atoms

    atoms = copper(3.63)
    pressure = np.trace(atoms.get_stress(voigt=False)) / 3
    correction = calculator.session.point(atoms.positions.tolist(), atoms.cell.tolist(), True)["pulay"]
    large, small = (copper(3.63 * scale) for scale in (1.02, 0.98))
    change = large.get_potential_energy(force_consistent=True) - small.get_potential_energy(force_consistent=True)
    slope = change / (large.get_volume() - small.get_volume())
    assert abs(correction) > 3 / 160.2
    assert abs(pressure - slope) < 0.4 * abs(pressure - correction - slope)


@pytest.mark.slow
def test_engine_contract():
    assert_engine_contract(resolve("gpaw?ecut=250&kspacing=0.95&density=1e-6&smearing=0.05"), crystal())


def test_engine_contract_of_fixed_cells(monkeypatch):
    """Without the checks that need a stress; those are in the slow test."""
    with_stress = {"check_shapes", "check_stress", "check_units", "check_stress_is_optional", "check_extensivity"}
    quick = tuple(check for check in engine_contract.CHECKS if check.__name__ not in with_stress)
    assert len(quick) == len(engine_contract.CHECKS) - len(with_stress)
    monkeypatch.setattr(engine_contract, "CHECKS", quick)
    monkeypatch.setattr(engine_contract._Probe, "__call__", without_stress)
    assert_engine_contract(resolve("gpaw?ecut=250&kspacing=1.9&density=1e-6&smearing=0.05"), crystal())


def without_stress(probe, structure):
    return *probe.without_stress(structure), np.zeros((3, 3))


def crystal():
    atoms = shaken_lithium()
    atoms.cell[2] = 0.1, 0.05, 3.43
    return geometry(atoms)


def test_forces_under_a_dipole_layer_are_derivatives_of_the_free_energy(tmp_path):
    spec = "gpaw?ecut=300&kspacing=1.5&density=1e-7"
    calculator = resolve(spec).calculator(needs_stress=False)
    calculator.prepare(request(polar_slab(), spec), tmp_path)
    forces = calculator.get_forces(polar_slab())
    step = np.array([0.003, 0.0, 0.01])
    energies = []
    for sign in (1, -1):
        moved = polar_slab()
        moved.positions[1] += sign * step
        energies.append(calculator.get_potential_energy(moved, force_consistent=True))
    calculator.release()
    assert (energies[1] - energies[0]) / 2 == pytest.approx(forces[1] @ step, abs=0.01 * np.linalg.norm(step))


@pytest.mark.slow
def test_a_polar_slab_does_not_feel_its_images(tmp_path):
    """With a dipole layer 8 and 16 Å of vacuum give one energy; without, the field of the images is in it."""

    def change(options):
        energies = []
        for vacuum in (8.0, 16.0):
            slab = polar_slab()
            slab.cell[2, 2] = 1.6 + vacuum
            energies.append(single_point(slab, tmp_path, QUICK + options)[0])
        return energies[1] - energies[0]

    assert abs(change("")) < 0.2 * abs(change("&dipole=off"))


def test_a_slab_of_two_equal_faces_does_not_feel_the_dipole_layer(tmp_path):
    atoms = bulk("Li", cubic=True, a=3.44)
    atoms.cell[2, 2] += 8.0
    layered, off = (single_point(atoms, tmp_path, QUICK + options) for options in ("", "&dipole=off"))
    assert layered[0] == pytest.approx(off[0], abs=1e-3)
    np.testing.assert_allclose(layered[1], off[1], atol=5e-3)


@pytest.mark.slow
def test_axes_and_tilt_of_a_slab_do_not_matter(tmp_path):
    upright_energy, upright_forces = single_point(polar_slab(), tmp_path)
    tilted = polar_slab()
    tilted.cell[2, 0] += 1.0
    other = polar_slab()
    other.set_cell(other.cell.array[[2, 0, 1]])
    for atoms, rotation in ((tilted, np.eye(3)), (other, turn(other))):
        energy, forces = single_point(atoms, tmp_path)
        assert energy == pytest.approx(upright_energy, abs=1e-3)
        np.testing.assert_allclose(forces, upright_forces @ rotation.T, atol=5e-3)


def turn(atoms):
    """Turn atoms and cell in place; return the rotation."""
    before = atoms.cell.array.copy()
    atoms.rotate(40, (1, 2, 3), rotate_cell=True)
    return np.linalg.solve(before, atoms.cell.array).T


def test_result_is_the_energy_at_zero_smearing(tmp_path):
    """Between the energy and the free energy of the electrons; what is left depends little on the smearing."""
    energies = {width: single_point(shaken_lithium(), tmp_path, f"{QUICK}&smearing={width}")[0] for width in (0.1, 0.2)}
    calculator = resolve(f"{QUICK}&smearing=0.2").calculator(needs_stress=False)
    free = calculator.get_potential_energy(shaken_lithium(), force_consistent=True)
    assert free < energies[0.2] - 0.02
    assert abs(energies[0.2] - energies[0.1]) < 0.3 * abs(free - energies[0.1])


@pytest.mark.slow
def test_iron_has_its_moment(tmp_path):
    """2.2 μB per atom; a start from zero would stay at zero, 0.5 eV per atom higher."""
    spec = "gpaw?ecut=300&kspacing=0.9&smearing=0.2&density=1e-4"
    iron = bulk("Fe", a=2.83)
    polarised, plain = (single_point(iron, tmp_path, spec + options)[0] for options in ("", "&spin=off"))
    assert polarised < plain - 0.2
