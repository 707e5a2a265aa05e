"""The engine run for real up to the binary: atomate2 writes, custodian watches, a stand-in computes, atomate2 parses.

The stand-in has the energies of liface's Morse potential, so results are held against the ``morse`` engine.
"""

import errno
import json
import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bcc100, bulk, fcc100
from vasp_machine import environment, geometry, request, runs, set_up

from liface.engines import resolve, run
from liface.engines.optimizer import QUASI_NEWTON
from liface.engines.vasp.folder import MARKER, read_marker
from liface.errors import EngineSetupError, RunStoppedError

pytestmark = pytest.mark.filterwarnings("ignore:POTCAR data with symbol")


@pytest.fixture
def machine(monkeypatch, tmp_path):
    set_up(monkeypatch, tmp_path)
    return tmp_path


def copper() -> Atoms:
    atoms = bulk("Cu", "fcc", a=3.7, cubic=True)
    atoms.rattle(0.05, seed=1)
    return atoms


def compute(asked, folder, spec="vasp"):
    return run(asked, resolve(spec), folder)


def reference(asked):
    """The same request with the Morse potential, to a tenth of the force limit."""
    settings = asked.settings.model_copy(update={"fmax_ev_per_a": asked.settings.fmax_ev_per_a / 10})
    engine = resolve("morse")
    return run(asked.model_copy(update={"engine": engine.info, "settings": settings}), engine)


def test_a_single_point_gives_the_energy_without_smearing_and_all_forces(machine):
    asked = request(copper(), task="static")
    document = compute(asked, machine / "run")
    expected = reference(asked)
    assert document.status == "converged"
    assert document.energy_ev == pytest.approx(expected.energy_ev, abs=1e-7)  # energy(sigma->0), not TOTEN
    assert np.allclose(document.forces_ev_per_a, expected.forces_ev_per_a, atol=1e-7)
    assert document.final == asked.geometry
    assert (document.n_force_calls, document.optimizer) == (1, "none")
    assert document.calc_id == asked.calc_id
    assert document.versions["vasp"] == "6.5.1"
    assert document.versions["atomate2"] == "0.1.5"
    assert document.versions["POTCAR Cu"].startswith("PAW_PBE Cu 01Jan2000, sha256 ")
    assert document.wall_s > 0


def test_a_slab_with_an_adsorbate_comes_back_in_the_order_of_the_caller(machine):
    slab = fcc100("Cu", (2, 2, 3), a=3.6, vacuum=7.0)
    slab += Atoms("Li", positions=[slab.positions[-1] + [1.2, 1.3, 1.7]])
    slab = slab[np.random.default_rng(3).permutation(len(slab))]
    slab.positions[::3] -= slab.cell[0]
    slab.pbc = True
    low = slab.positions[:, 2] < 8.0
    roles = ["adsorbate" if s == "Li" else "substrate" for s in slab.symbols]
    asked = request(geometry(slab, frozen=low, roles=roles), fmax_ev_per_a=0.005)
    document = compute(asked, machine / "run")
    expected = reference(asked)
    assert document.status == "converged"
    final = document.final
    assert (final.species, final.roles, final.frozen) == (tuple(slab.symbols), tuple(roles), tuple(low.tolist()))
    assert np.array_equal(final.position_array[low], slab.positions[low])
    assert np.abs(final.position_array - expected.final.position_array).max() < 0.02
    assert document.energy_ev == pytest.approx(expected.energy_ev, abs=2e-3)
    assert document.fmax_ev_per_a < 0.005
    assert document.energies_ev[-1] == document.energy_ev < document.energies_ev[0]
    assert document.n_force_calls == len(document.energies_ev)
    assert document.optimizer == "vasp IBRION=2"
    (read,) = runs(machine / "run")
    assert read["symbols"] == ["Cu", "Li"]
    assert sum(not any(flags) for flags in read["flags"]) == low.sum()


def test_a_bulk_relaxes_its_cell_twice_with_the_basis_of_each(machine):
    asked = request(copper(), cell="full", fmax_ev_per_a=0.02)
    document = compute(asked, machine / "run")
    expected = reference(asked)
    assert document.status == "converged"
    assert np.allclose(document.final.cell, expected.final.cell, atol=2e-3)
    assert document.energy_ev == pytest.approx(expected.energy_ev, abs=1e-3)
    first, second = runs(machine / "run")
    assert "ISTART" not in first["incar"]
    assert second["incar"]["ISTART"] == "1"
    assert second["incar"]["EDIFFG"] == first["incar"]["EDIFFG"]
    assert not np.allclose(first["cell"], second["cell"], atol=1e-3)
    assert document.n_force_calls == len(document.energies_ev)


def sandwich(tilt: float = 0.0) -> Atoms:
    lower, upper = bcc100("W", (1, 1, 3), a=3.17), bcc100("Li", (1, 1, 3), a=3.17)
    lower.positions[:, 2] -= lower.positions[0, 2]
    upper.positions[:, 2] += lower.positions[-1, 2] + 2.3 - upper.positions[0, 2]
    both = lower + upper
    both.set_cell([[3.17, 0, 0], [0, 3.17, 0], [tilt, 0.4 * tilt, both.positions[-1, 2] + 2.3]])
    both.pbc = True
    return both


def test_the_height_of_a_cell_relaxes_alone(machine):
    asked = request(sandwich(), cell="c_axis", move="normal", fmax_ev_per_a=0.03)
    document = compute(asked, machine / "run", "vasp?relaxer=vasp")
    expected = reference(asked)
    assert document.status == "converged"
    assert document.final.cell[:2] == asked.geometry.cell[:2]
    assert document.final.cell[2][:2] == (0.0, 0.0)
    assert document.final.cell[2][2] == pytest.approx(expected.final.cell[2][2], abs=0.03)
    assert document.energy_ev == pytest.approx(expected.energy_ev, abs=2e-3)


def test_a_version_that_relaxes_the_whole_cell_all_the_same_is_found_out(machine, monkeypatch):
    monkeypatch.setenv("FAKE_VASP", "old")
    asked = request(sandwich(), cell="c_axis", move="normal", fmax_ev_per_a=0.03)
    document = compute(asked, machine / "run", "vasp?relaxer=vasp")
    assert document.status == "failed"
    assert "LATTICE_CONSTRAINTS" in document.reason
    assert "VASP 6.3.2" in document.reason
    assert "6.5 or newer" in document.reason
    assert "leave out relaxer=vasp" in document.reason


def test_the_height_of_a_strained_film_relaxes_with_any_version(machine, monkeypatch):
    monkeypatch.setenv("FAKE_VASP", "old")
    film = bulk("Li", "bcc", a=3.44, cubic=True)
    film.set_cell([3.30, 3.30, 3.44], scale_atoms=True)
    asked = request(film, cell="c_axis", fmax_ev_per_a=0.05)
    document = compute(asked, machine / "run")
    assert document.status == "converged"
    assert document.final.cell[:2] == asked.geometry.cell[:2]
    assert document.final.cell[2][2] == pytest.approx(reference(asked).final.cell[2][2], abs=0.02)


def test_a_tilted_sandwich_is_relaxed_by_liface_over_single_points(machine, monkeypatch):
    monkeypatch.setenv("FAKE_VASP", "old")  # no feature of the version is needed
    asked = request(sandwich(0.8), cell="c_axis", move="normal", fmax_ev_per_a=0.6)
    document = compute(asked, machine / "run")
    engine = resolve("morse")
    expected = run(asked.model_copy(update={"engine": engine.info}), engine)
    assert (document.status, document.optimizer) == ("converged", f"liface {QUASI_NEWTON}, VASP single points")
    assert np.allclose(document.final.cell, expected.final.cell, atol=1e-6)
    assert np.allclose(document.final.position_array, expected.final.position_array, atol=1e-6)
    assert document.energy_ev == pytest.approx(expected.energy_ev, abs=1e-6)
    made = runs(machine / "run")
    assert document.n_force_calls == len(made) == expected.n_force_calls + 1  # again, with the basis of the last cell
    assert [read["incar"]["ISTART"] for read in made] == ["0", *["2"] * (len(made) - 2), "0"]
    assert {read["incar"]["NSW"] for read in made} == {"0"}
    assert not list((machine / "run").glob("WAVECAR*"))


def test_a_relaxation_that_meets_its_limit_of_steps_is_unconverged(machine, monkeypatch):
    monkeypatch.setenv("FAKE_VASP", "ionic")
    asked = request(copper(), fmax_ev_per_a=0.001, max_force_calls=3)
    document = compute(asked, machine / "run")
    assert document.status == "unconverged"
    assert "limit 0.001, after 3 ionic steps" in document.reason
    assert document.n_force_calls == 3
    assert len(runs(machine / "run")) == 1  # custodian does not add steps that nobody asked for


def test_a_single_point_whose_electronic_loop_never_ends_has_no_energy(machine, monkeypatch):
    """Unconverged outcomes have energies that are compared: this one may be anything."""
    monkeypatch.setenv("FAKE_VASP", "electronic")
    document = compute(request(copper(), task="static"), machine / "run")
    assert document.status == "failed"
    assert "electronic loop of the last ionic step did not converge to 1e-06 eV within NELM=200" in document.reason
    made = runs(machine / "run")
    assert len({json.dumps(read["incar"]) for read in made}) == len(made) > 1
    assert document.n_force_calls == len(made)


def test_a_relaxation_whose_last_electronic_loop_never_ends_is_unconverged(machine, monkeypatch):
    monkeypatch.setenv("FAKE_VASP", "electronic")
    document = compute(request(copper(), fmax_ev_per_a=0.02), machine / "run")
    assert document.status == "unconverged"
    assert "electronic loop of the last ionic step did not converge" in document.reason


@pytest.mark.parametrize(("mode", "steps"), [("loop", 2), ("electronic", 0)])
def test_a_relaxation_by_liface_ends_before_the_point_that_has_no_energy(machine, monkeypatch, mode, steps):
    monkeypatch.setenv("FAKE_VASP", mode)
    document = compute(request(sandwich(0.8), move="normal", fmax_ev_per_a=0.05), machine / "run")
    assert document.status == ("unconverged" if steps else "failed")
    assert "electronic loop of the last ionic step did not converge to 1e-06 eV" in document.reason
    made = runs(machine / "run")
    assert document.n_force_calls == len(made) > steps  # custodian tried other algorithms
    if steps:
        assert "largest force" in document.reason
        assert document.energy_ev == min(document.energies_ev)
        assert len(document.energies_ev) <= steps


def test_the_optimizer_follows_the_energy_that_the_forces_belong_to(machine):
    from liface.engines.base import EngineSpec
    from liface.engines.vasp.driven import SinglePoints
    from liface.engines.vasp.folder import enter
    from liface.engines.vasp.inputs import plan
    from liface.engines.vasp.presets import level_of
    from liface.engines.vasp.run import Calculation

    asked = request(copper(), move="normal")
    level = level_of(EngineSpec.parse("vasp?relaxer=liface"))
    planned = plan(asked, level)
    start = enter(machine / "run", asked, planned)
    points = SinglePoints(Calculation(asked, level, (), machine / "run"), planned, start)
    points.calculation.check = lambda *_: None
    points.calculate(planned.geometry.to_ase())
    assert points.results["energy"] - points.results["free_energy"] == pytest.approx(0.002)  # of the stand-in


def test_custodian_treats_an_error_and_the_run_goes_on(machine, monkeypatch):
    monkeypatch.setenv("FAKE_VASP", "zbrent")
    asked = request(copper(), fmax_ev_per_a=0.02)
    document = compute(asked, machine / "run")
    assert document.status == "converged"
    first, second = runs(machine / "run")
    assert (float(first["incar"]["EDIFF"]), float(second["incar"]["EDIFF"])) == (1e-6, 1e-7)  # tighter: the same level
    assert second["frac"] != first["frac"]  # from CONTCAR
    assert document.n_force_calls == 2 + len(document.energies_ev)
    assert np.allclose(document.final.position_array, reference(asked).final.position_array, atol=0.02)


def test_a_correction_that_changes_the_level_of_theory_fails_the_calculation(machine, monkeypatch):
    monkeypatch.setenv("FAKE_VASP", "smearing")
    document = compute(request(copper(), task="static"), machine / "run")
    assert document.status == "failed"
    assert "custodian changed the level of theory" in document.reason
    assert "ISMEAR 1 became 0, SIGMA 0.2 became 0.05" in document.reason
    assert document.n_force_calls == len(runs(machine / "run")) == 2


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("crash", "ValidationError"),
        ("garbage", "ValidationError"),
        ("edddav", "MaxCorrectionsPerJobError"),
    ],
)
def test_what_custodian_gives_up_on_has_failed(machine, monkeypatch, mode, said):
    monkeypatch.setenv("FAKE_VASP", mode)
    monkeypatch.setenv("ATOMATE2_VASP_CUSTODIAN_MAX_ERRORS", "2")
    document = compute(request(copper()), machine / "run")
    assert document.status == "failed"
    assert said in document.reason
    assert str(machine / "run") in document.reason
    assert document.n_force_calls >= 2
    if mode == "edddav":
        assert "custodian had met edddav" in document.reason
        assert "Error EDDDAV" in document.reason


def script(machine, monkeypatch, lines):
    """Put a shell script in the place of VASP; $VASP in it is the stand-in."""
    path = machine / "vasp"
    path.write_text(f'#!/bin/sh\nVASP="{os.environ["ATOMATE2_VASP_CMD"]}"\n{lines}\n')
    path.chmod(0o755)
    monkeypatch.setenv("ATOMATE2_VASP_CMD", str(path))
    monkeypatch.setenv("ATOMATE2_VASP_GAMMA_CMD", str(path))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("echo 'error while loading shared libraries: libmkl.so.2' >&2; exit 127", "loading shared libraries: libmkl"),
        ("echo 'srun: error: Unable to create step for job 1: More processors' >&2; exit 1", "Unable to create step"),
        (": > OUTCAR; : > vasprun.xml; : > CONTCAR; : > OSZICAR", "cannot be started"),
        ("echo start > OUTCAR; echo 'forrtl: severe (168): illegal instruction' >&2; exit 168", "illegal instruction"),
    ],
)
def test_a_vasp_that_never_began_blames_no_structure(machine, monkeypatch, lines, said):
    script(machine, monkeypatch, lines)
    (machine / "run").mkdir()
    with pytest.raises(EngineSetupError, match=said):
        compute(request(copper(), task="static"), machine / "run")


def test_the_second_point_of_a_relaxation_by_liface_must_begin_too(machine, monkeypatch):
    """What the first one left is not its own."""
    script(machine, monkeypatch, "[ -e fake_vasp.jsonl ] && exit 1; exec $VASP")
    with pytest.raises(EngineSetupError, match="cannot be started"):
        compute(request(sandwich(0.8), move="normal", fmax_ev_per_a=0.4), machine / "run")


CRASH = "(FAKE_VASP=crash $VASP; true) 2> /dev/null"
"""Two steps and no more, without a word."""

STEP = "slurmstepd: error: *** STEP 7.0 ON n1 CANCELLED AT 2026-01-01T00:00:00"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("kill -15 $$", "killed from outside .SIGTERM"),
        ("kill -9 $$", "killed from outside .SIGKILL"),
        ("exit 143", "killed from outside .SIGTERM"),
        ("echo 'slurmstepd: error: Detected 1 oom-kill event(s) in StepId=1.0' >&2; exit 137", "ran out of memory"),
        (f"echo '{STEP} ***' >&2; exit 1", "cancelled"),
        (f"echo '{STEP} DUE TO PREEMPTION ***' >&2; exit 1", "stopped by the batch system"),
    ],
)
def test_a_vasp_that_was_killed_can_be_run_again(machine, monkeypatch, lines, said):
    script(machine, monkeypatch, f"{CRASH}\n{lines}")
    asked = request(copper(), fmax_ev_per_a=0.02)
    with pytest.raises(RunStoppedError, match=said):
        compute(asked, machine / "run")
    assert read_marker(machine / "run")["state"] == "running"


def test_a_rank_that_crashes_takes_the_others_with_it_and_the_structure_has_failed(machine, monkeypatch):
    """Srun cancels the step then, in words that a cancelled job has too."""
    said = f"srun: error: n1: task 3: Segmentation fault (core dumped)\\n{STEP} ***"
    script(machine, monkeypatch, f"{CRASH}\nprintf '{said}' >&2; exit 143")
    document = compute(request(copper()), machine / "run")
    assert document.status == "failed"
    assert "Segmentation fault" in document.reason


def test_a_correction_cannot_put_a_single_point_where_the_one_before_was(machine, monkeypatch):
    """Custodian goes on from CONTCAR after some errors, which in these folders was that of the point before."""
    fails = "echo 'Error EDDDAV: Call to ZHEGV failed. Returncode = 7 2 16'; echo start > OUTCAR; exit 0"
    script(machine, monkeypatch, f"echo >> count; [ $(wc -l < count) = 3 ] && {{ {fails}; }}; exec $VASP")
    asked = request(sandwich(0.8), move="normal", fmax_ev_per_a=0.3)
    document = compute(asked, machine / "run")
    engine = resolve("morse")
    expected = run(asked.model_copy(update={"engine": engine.info}), engine)
    assert document.status == "converged"
    assert np.allclose(document.energies_ev, expected.energies_ev, atol=1e-6)


def test_a_single_point_somewhere_else_is_refused(machine, monkeypatch):
    moves = "awk 'NR == 9 {$3 += 0.001} {print}' POSCAR > new; mv new POSCAR"
    script(machine, monkeypatch, f"{moves}; exec $VASP")
    document = compute(request(copper(), task="static"), machine / "run")
    assert document.status == "failed"
    assert "VASP computed positions 0.004 Å from those" in document.reason


def test_a_structure_that_cannot_be_computed_fails_without_a_run(machine):
    atoms = Atoms("Cu2", positions=[[0, 0, 0], [0, 0, 0.3]], cell=[4, 4, 4], pbc=True)
    document = compute(request(atoms), machine / "run")
    assert document.status == "failed"
    assert "0.30 Å apart" in document.reason
    assert not (machine / "run").exists()


@pytest.mark.parametrize("missing", ["binary", "folder", "element"])
def test_what_a_machine_lacks_blames_no_structure_and_writes_nothing(machine, monkeypatch, missing):
    from pymatgen.core import SETTINGS

    if missing == "binary":
        monkeypatch.setenv("ATOMATE2_VASP_CMD", "no_such_vasp")
    elif missing == "folder":
        monkeypatch.delitem(SETTINGS, "PMG_VASP_PSP_DIR")
    atoms = bulk("Zr" if missing == "element" else "Cu", "fcc", a=4.5)
    said = {"binary": "ATOMATE2_VASP_CMD", "folder": "PMG_VASP_PSP_DIR", "element": "POTCAR Zr_sv of PBE_54"}[missing]
    with pytest.raises(EngineSetupError, match=said):
        compute(request(atoms, task="static"), machine / "run")
    assert not (machine / "run").exists()


def test_trouble_with_the_disk_blames_no_structure(machine, monkeypatch):
    from liface.engines.vasp import run as module

    (machine / "file").write_text("in the way")
    with pytest.raises(EngineSetupError, match="cannot be used"):
        compute(request(copper(), task="static"), machine / "file")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "run_job", full)
    for atoms, settings in ((copper(), {}), (sandwich(0.8), {"cell": "c_axis", "move": "normal"})):
        with pytest.raises(EngineSetupError, match="No space left on device"):
            compute(request(atoms, **settings), machine / "run")
        assert read_marker(machine / "run")["state"] == "running"


def test_a_run_that_slurm_ends_is_no_failure_of_the_structure(machine, monkeypatch):
    monkeypatch.setenv("FAKE_VASP", "crash")
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(time.time()) + 30))
    asked = request(copper(), fmax_ev_per_a=0.02)
    with pytest.raises(RunStoppedError, match="the next run goes on"):
        compute(asked, machine / "run")
    monkeypatch.setenv("FAKE_VASP", "ok")
    document = compute(asked, machine / "run")
    assert document.status == "converged"
    assert document.n_force_calls == 2 + len(document.energies_ev)


def test_a_relaxation_by_liface_goes_on_too(machine, monkeypatch):
    monkeypatch.setenv("FAKE_VASP", "third")
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(time.time()) + 30))
    asked = request(sandwich(0.8), move="normal", fmax_ev_per_a=0.4)
    with pytest.raises(RunStoppedError):
        compute(asked, machine / "run")
    assert read_marker(machine / "run") == {"calc_id": asked.calc_id, "force_calls": 2, "state": "running"}
    monkeypatch.setenv("FAKE_VASP", "ok")
    document = compute(asked, machine / "run")
    made = runs(machine / "run")
    assert document.status == "converged"
    assert np.allclose(made[3]["frac"], made[2]["frac"], atol=1e-9)
    assert document.n_force_calls == len(made)
    assert np.allclose(document.final.position_array[:, :2], asked.geometry.position_array[:, :2], atol=1e-9)


def test_a_finished_calculation_starts_anew_and_earlier_files_are_kept(machine):
    asked = request(copper(), task="static")
    first = compute(asked, machine / "run")
    assert read_marker(machine / "run")["state"] == "ended"
    second = compute(asked, machine / "run")
    assert (second.energy_ev, second.n_force_calls) == (first.energy_ev, 1)
    compute(request(copper(), task="static", spec="vasp?encut=600"), machine / "run", "vasp?encut=600")
    assert {path.name for path in machine.glob("run*")} == {"run", "run.1", "run.2"}
    assert (machine / "run.1" / "vasprun.xml.gz").is_file()
    assert json.loads((machine / "run.2" / MARKER).read_text())["calc_id"] == asked.calc_id


def test_a_killed_run_goes_on_from_its_last_geometry_and_its_steps_count(machine, monkeypatch):
    asked = request(copper(), cell="full", fmax_ev_per_a=0.02, max_force_calls=50)
    for name, value in environment(machine, "killed").items():
        monkeypatch.setenv(name, value)
    killed = multiprocessing.get_context("fork").Process(target=compute, args=(asked, machine / "run"))
    killed.start()  # forked, so that it need not load all this once more
    killed.join()
    assert killed.exitcode == -9
    assert read_marker(machine / "run")["state"] == "running"
    monkeypatch.setenv("FAKE_VASP", "ok")
    document = compute(asked, machine / "run")
    before, first, second = runs(machine / "run")
    assert not np.allclose(before["cell"], first["cell"], atol=1e-4)
    assert first["mesh"] == before["mesh"] == second["mesh"]  # of the cell that was asked for
    assert first["incar"]["NSW"] == "47"
    assert document.status == "converged"
    assert document.n_force_calls == 3 + len(document.energies_ev)
    expected = reference(asked)
    assert np.allclose(document.final.cell, expected.final.cell, atol=2e-3)
    assert np.allclose(document.final.position_array, expected.final.position_array, atol=0.02)
    assert not list(machine.glob("run.*"))


def test_a_run_killed_before_its_first_step_goes_on_from_where_it_started(machine, monkeypatch):
    """VASP empties CONTCAR as it begins."""
    asked = request(copper(), fmax_ev_per_a=0.02, max_force_calls=50)
    monkeypatch.setenv("FAKE_VASP", "crash")
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(time.time()) + 30))
    with pytest.raises(RunStoppedError):
        compute(asked, machine / "run")
    good = os.environ["ATOMATE2_VASP_CMD"]
    script(machine, monkeypatch, ": > CONTCAR; : > OSZICAR; exit 1")
    with pytest.raises(RunStoppedError):
        compute(asked, machine / "run")
    monkeypatch.setenv("ATOMATE2_VASP_CMD", good)
    monkeypatch.setenv("FAKE_VASP", "ok")
    document = compute(asked, machine / "run")
    before, after = runs(machine / "run")
    assert not np.allclose(before["frac"], after["frac"], atol=1e-4)
    assert after["incar"]["NSW"] == "48"
    assert document.n_force_calls == 2 + len(document.energies_ev)


@pytest.mark.parametrize("lost", [["CONTCAR"], ["CONTCAR", "POSCAR"]])
def test_steps_whose_geometry_is_lost_do_not_count(machine, monkeypatch, lost):
    asked = request(copper(), fmax_ev_per_a=0.02, max_force_calls=50)
    monkeypatch.setenv("FAKE_VASP", "crash")
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(time.time()) + 30))
    for _ in range(2):
        with pytest.raises(RunStoppedError):
            compute(asked, machine / "run")
    for name in lost:
        (machine / "run" / name).write_text("")
    monkeypatch.setenv("FAKE_VASP", "ok")
    document = compute(asked, machine / "run")
    first, second, third = runs(machine / "run")
    counted, start = (0, first) if "POSCAR" in lost else (2, second)
    assert np.allclose(third["frac"], start["frac"], atol=1e-9)
    assert third["incar"]["NSW"] == str(50 - counted)
    assert document.n_force_calls == counted + len(document.energies_ev)


def test_a_run_inside_a_job_leaves_that_job_alone(machine):
    from jobflow import CURRENT_JOB, job, run_locally

    asked = request(copper(), task="static")

    @job
    def outer():
        before = CURRENT_JOB.job
        document = compute(asked, machine / "run")
        return document.status, before is not None and CURRENT_JOB.job is before, str(Path.cwd())

    here = str(Path.cwd())
    (response,) = run_locally(outer(), log=False).values()
    assert response[1].output == ("converged", True, here)


def test_an_antiferromagnet_says_how_it_started(machine):
    document = compute(request(bulk("Cr", "bcc", a=2.85, cubic=True), task="static"), machine / "run")
    assert document.status == "converged"
    assert document.versions["magnetic start"] == "antiferromagnetic"
    (read,) = runs(machine / "run")
    assert read["incar"]["MAGMOM"].split() == ["1*2.0", "1*-2.0"]


def test_without_spin_there_is_no_magnetic_start(machine):
    asked = request(bulk("Cr", "bcc", a=2.85, cubic=True), "vasp?spin=false", task="static")
    document = compute(asked, machine / "run", "vasp?spin=false")
    assert "magnetic start" not in document.versions


def test_a_mesh_that_cannot_be_is_an_outcome(machine):
    document = compute(request(copper(), "vasp?kspacing=0.01", task="static"), machine / "run", "vasp?kspacing=0.01")
    assert document.status == "failed"
    assert "is it in Å⁻¹" in document.reason
