"""The GPAW engine in this process: what it is, what it refuses, and how it ends."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from gpaw_cases import QUICK, compute, geometry, need_gpaw, polar_slab, request, shaken_lithium
from liface.documents import ConvergedCalculation, FailedCalculation, UnconvergedCalculation
from liface.engines import engine_info, resolve
from liface.engines.gpaw import availability
from liface.engines.gpaw.frame import frame_of
from liface.engines.gpaw.session import Session, SessionError
from liface.errors import MissingExtraError, UnknownEngineError


@pytest.fixture(autouse=True)
def no_command(monkeypatch):
    monkeypatch.delenv("LIFACE_GPAW_COMMAND", raising=False)


@pytest.fixture
def gpaw():
    need_gpaw()


# What it is


def test_every_setting_is_in_the_description():
    info = engine_info("gpaw")
    assert (info.name, info.model, info.code) == ("gpaw", "PBE", "gpaw")
    assert info.options == {
        "ecut_ev": 400.0,
        "kspacing_per_a": 0.2,
        "smearing": "fermi-dirac",
        "smearing_ev": 0.1,
        "scf_energy_ev_per_electron": 1e-5,
        "scf_density_per_electron": 1e-5,
        "setups": "paw",
        "datasets": "gpaw-data 1",
        "spin": "auto",
        "dipole": "auto",
        "energy": "extrapolated to zero smearing",
    }


def test_identity_is_stable():
    """These are stored with calculations: a change here disowns them."""
    assert engine_info("gpaw:PBE").fingerprint == "5ddd4188152176f8"
    assert engine_info("gpaw:PBE?ecut=340&kspacing=0.4&density=1e-4").fingerprint == "93db6c20911e46ac"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("gpaw", "gpaw:pbe?ecut=400.0&kspacing=0.2"),
        ("gpaw", "gpaw?maxiter=500"),
        ("gpaw?kpts=4x4x4", "gpaw?kpts=4X4×4"),
    ],
)
def test_what_changes_no_number_is_no_other_engine(one, other):
    assert engine_info(one).fingerprint == engine_info(other).fingerprint


@pytest.mark.parametrize(
    "option",
    ["ecut=500", "kspacing=0.3", "kpts=4x4x4", "smearing=0.2", "energy=1e-6", "density=1e-6", "setups=Ag:11",
     "spin=on", "dipole=off"],
)  # fmt: skip
def test_what_changes_numbers_is_another_engine(option):
    assert engine_info(f"gpaw?{option}").fingerprint != engine_info("gpaw").fingerprint


def test_description_needs_no_gpaw():
    code = (
        "import sys; sys.modules['gpaw'] = None; sys.modules['ase'] = None\n"
        "from liface.engines import engine_info; print(engine_info('gpaw').fingerprint)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == engine_info("gpaw").fingerprint


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("gpaw:B3LYP", "unknown functional 'B3LYP'.*known: PBE"),
        ("gpaw?cutoff=400", "no option cutoff; known: ecut"),
        ("gpaw?ecut=-1", "ecut=-1 must be a positive number"),
        ("gpaw?ecut=high", "ecut=high must be a positive number"),
        ("gpaw?smearing=true", "smearing=True must be a positive number"),
        ("gpaw?kpts=4x4", "kpts=4x4.*4x4x4"),
        ("gpaw?kpts=4x4x4&kspacing=0.2", "not both"),
        ("gpaw?spin=up", "spin=up; known: auto, on, off"),
        ("gpaw?maxiter=0", "maxiter=0"),
        ("gpaw?setups=sg15", "setups=sg15; write paw"),
        ("gpaw:weights.pt", "no weights file"),
    ],
)
def test_refused(spec, said):
    with pytest.raises(UnknownEngineError, match=said):
        engine_info(spec)


def test_without_gpaw_the_way_to_get_it_is_told(monkeypatch):
    monkeypatch.setattr("liface.engines.gpaw.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="gpaw is not installed; `make gpaw` builds it; or set LIFACE_GPAW_COM"):
        resolve("gpaw?ecut=401")
    assert availability()["installed"] is False


def test_without_datasets_the_way_to_get_them_is_told(gpaw, monkeypatch):
    monkeypatch.setattr("gpaw.setup_paths", [])
    with pytest.raises(UnknownEngineError, match="without PAW datasets; run: pip install gpaw-data"):
        resolve("gpaw?ecut=402")


# The frame of slabs


def test_without_a_dipole_layer_nothing_is_turned():
    slab = geometry(polar_slab())
    positions, cell = frame_of(slab, dipole_layer=False).inward(slab.position_array, slab.cell_array)
    assert (positions == slab.position_array).all()
    assert (cell == slab.cell_array).all()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_vacuum_ends_up_along_z_around_centred_atoms(axis):
    atoms = polar_slab()
    atoms.set_cell(np.roll(atoms.cell.array, axis + 1, axis=0))
    atoms.rotate(40, (1, 2, 3), rotate_cell=True)
    atoms.positions += 4.0 * atoms.cell.array[axis] / np.linalg.norm(atoms.cell.array[axis])
    atoms.wrap()
    g = geometry(atoms)
    frame = frame_of(g, dipole_layer=True)
    positions, cell = frame.inward(g.position_array, g.cell_array)
    assert frame.order[2] == axis
    np.testing.assert_allclose(cell[2], [0, 0, 11.6], atol=1e-9)
    assert (cell[:2, 2] == 0).all()
    assert np.linalg.det(cell) == pytest.approx(abs(np.linalg.det(g.cell_array)))
    np.testing.assert_allclose(np.sort(positions[:, 2]), [5.0, 6.6], atol=1e-9)


def test_forces_come_back_along_the_axes_of_the_structure():
    atoms = polar_slab()
    atoms.rotate(40, (1, 2, 3), rotate_cell=True)
    g = geometry(atoms)
    frame = frame_of(g, dipole_layer=True)
    step = np.array([[0.1, -0.2, 0.3], [0.0, 0.05, -0.1]])
    before, _ = frame.inward(g.position_array, g.cell_array)
    after, _ = frame.inward(g.position_array + step, g.cell_array)
    np.testing.assert_allclose(frame.outward(after - before), step, atol=1e-12)


# How it ends


def test_result_log_versions_and_silence(gpaw, tmp_path, capfd):
    document = compute(shaken_lithium(), tmp_path / "new" / "folder", task="static")
    assert isinstance(document, ConvergedCalculation)
    assert "Free energy" in (tmp_path / "new" / "folder" / "gpaw.txt").read_text()
    assert document.versions["gpaw"].startswith("2")
    assert capfd.readouterr().out == ""


def test_frozen_atoms_stay_and_the_result_is_that_of_a_single_point(gpaw, tmp_path):
    """The mesh is held and the wave functions are kept, and still each energy is that of its own structure."""
    atoms = shaken_lithium()
    relaxed = compute(atoms, tmp_path, frozen=[True, False])
    assert isinstance(relaxed, ConvergedCalculation)
    assert relaxed.n_force_calls > 2
    assert relaxed.final.positions[0] == relaxed.initial.positions[0]
    assert relaxed.final.positions[1] != relaxed.initial.positions[1]
    again = compute(relaxed.final, tmp_path, task="static")
    assert again.energy_ev == pytest.approx(relaxed.energy_ev, abs=2e-5)
    np.testing.assert_allclose(again.forces_ev_per_a, relaxed.forces_ev_per_a, atol=2e-3)


def test_scf_that_does_not_converge_has_no_energy(gpaw, tmp_path):
    document = compute(shaken_lithium(), tmp_path, f"{QUICK}&maxiter=2")
    assert isinstance(document, FailedCalculation)
    assert "SCF did not converge in 2 iterations" in document.reason


def test_scf_that_fails_on_the_way_ends_at_the_last_good_point(gpaw, tmp_path, monkeypatch):
    points = []

    def fails_at_the_third(session, positions, cell, stress):
        if len(points) == 2:
            raise SessionError("scf", "the density of GPAW did not converge")
        points.append(positions)
        return whole(session, positions, cell, stress)

    whole = Session.point
    monkeypatch.setattr(Session, "point", fails_at_the_third)
    document = compute(shaken_lithium(), tmp_path)
    assert isinstance(document, UnconvergedCalculation)
    assert document.reason.startswith("SCF did not converge in 333 iterations")
    assert len(document.energies_ev) == 2
    assert document.energy_ev == document.energies_ev[-1]
    canonical = document.final.canonical().position_array
    np.testing.assert_allclose(canonical, np.mod(points[1], 3.43), atol=1e-9)


def test_element_without_dataset_is_named(gpaw, tmp_path):
    atoms = shaken_lithium()
    atoms.symbols = "LiPo"
    document = compute(atoms, tmp_path, task="static")
    assert isinstance(document, FailedCalculation)
    assert "no PAW dataset Po.PBE" in document.reason


def test_a_cutoff_too_low_for_a_lattice_constant_is_told(gpaw, tmp_path):
    from ase.build import bulk

    document = compute(bulk("LiF", "rocksalt", a=4.06), tmp_path, "gpaw?ecut=300&kspacing=1.5", cell="full")
    assert isinstance(document, FailedCalculation)
    assert "300 eV is too low" in document.reason


def test_a_slab_under_a_dipole_layer_keeps_its_cell(gpaw, tmp_path):
    document = compute(polar_slab(), tmp_path, cell="full")
    assert isinstance(document, FailedCalculation)
    assert "dipole=off" in document.reason


@pytest.mark.parametrize("positions", [(), ((float("nan"), 0.0, 0.0),)])
def test_structures_that_are_none_fail_as_data(gpaw, tmp_path, positions):
    n = len(positions)
    good = geometry(shaken_lithium())
    update = {"positions": positions, "species": ("Li",) * n, "frozen": (False,) * n, "roles": ("bulk",) * n}
    assert isinstance(compute(good.model_copy(update=update), tmp_path), FailedCalculation)


def test_moments_start_where_an_element_is_magnetic(gpaw, tmp_path):
    from ase.build import bulk

    def started(atoms, options=""):
        calculator = resolve(f"{QUICK}{options}").calculator(needs_stress=False)
        calculator.prepare(request(atoms, f"{QUICK}{options}"), tmp_path)
        start = calculator.session.start
        calculator.release()
        return start["moments"], start["parameters"].get("spinpol", False)

    chromium = bulk("Cr", cubic=True)
    assert started(shaken_lithium()) == (None, False)
    assert started(shaken_lithium(), "&spin=on") == ([1.0, 1.0], True)
    moments, polarised = started(chromium)
    assert polarised
    assert sum(moments) == 0 and all(moments)
    assert started(chromium, "&spin=off") == (None, False)
