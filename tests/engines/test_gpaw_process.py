"""GPAW in a process of its own: the same numbers, and every way such a process can end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from gpaw_cases import QUICK, compute, need_gpaw, polar_slab, request, shaken_lithium
from liface.documents import ConvergedCalculation, FailedCalculation, UnconvergedCalculation
from liface.engines import engine_info, resolve
from liface.engines.gpaw.remote import RemoteSession
from liface.errors import RunStoppedError, UnknownEngineError

VARIABLE = "LIFACE_GPAW_COMMAND"

COARSE = "gpaw:PBE?ecut=250&kspacing=1.9"
"""Half as fine as :data:`QUICK` in every direction: for numbers that are only held against themselves."""


@pytest.fixture
def in_process(monkeypatch):
    need_gpaw()
    monkeypatch.setenv(VARIABLE, f"'{sys.executable}'")


def alive(pid):
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def gone_within(pid, seconds):
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not alive(pid)


@pytest.mark.parametrize(
    ("atoms", "settings"),
    [(shaken_lithium(), {"frozen": [True, False]}), (polar_slab(), {"task": "static"})],
    ids=["relaxation", "slab under a dipole layer"],
)
def test_numbers_are_those_of_this_process(in_process, tmp_path, monkeypatch, atoms, settings):
    remote = compute(atoms, tmp_path / "remote", COARSE, **settings)
    monkeypatch.delenv(VARIABLE)
    local = compute(atoms, tmp_path / "local", COARSE, **settings)
    assert isinstance(remote, ConvergedCalculation)
    assert remote.calc_id == local.calc_id
    np.testing.assert_allclose(remote.energies_ev, local.energies_ev, atol=1e-6)
    np.testing.assert_allclose(remote.forces_ev_per_a, local.forces_ev_per_a, atol=1e-6)
    assert remote.versions["mpi_ranks"] == "1"
    assert remote.versions["gpaw"] == local.versions["gpaw"]


def test_stress_comes_through(in_process, tmp_path, monkeypatch):
    def stress():
        atoms = shaken_lithium()
        atoms.calc = resolve(COARSE).calculator(needs_stress=True)
        atoms.calc.reset()
        found = atoms.get_stress()
        atoms.calc.reset()
        return found

    remote = stress()
    monkeypatch.delenv(VARIABLE)
    np.testing.assert_allclose(remote, stress(), atol=1e-8)


def test_process_ends_with_its_structure(in_process, tmp_path):
    calculator = resolve(QUICK).calculator(needs_stress=False)
    calculator.prepare(request(shaken_lithium()), tmp_path)
    pid = calculator.session.process.pid
    assert alive(pid)
    calculator.release()
    assert not alive(pid)


def test_scf_that_does_not_converge_is_told(in_process, tmp_path):
    document = compute(shaken_lithium(), tmp_path, f"{QUICK}&maxiter=2")
    assert isinstance(document, FailedCalculation)
    assert "SCF did not converge in 2 iterations" in document.reason


def test_element_without_dataset_is_named(in_process, tmp_path):
    atoms = shaken_lithium()
    atoms.symbols = "LiPo"
    document = compute(atoms, tmp_path, task="static")
    assert isinstance(document, FailedCalculation)
    assert "no PAW dataset Po.PBE" in document.reason


def test_process_that_dies_on_the_way_ends_at_the_last_good_point(in_process, tmp_path, monkeypatch):
    points = []

    def dies_at_the_third(session, *arguments):
        if len(points) == 2:
            os.kill(session.process.pid, signal.SIGKILL)
        points.append(arguments)
        return whole(session, *arguments)

    whole = RemoteSession.point
    monkeypatch.setattr(RemoteSession, "point", dies_at_the_third)
    document = compute(shaken_lithium(), tmp_path)
    assert isinstance(document, UnconvergedCalculation)
    assert "died, signal SIGKILL" in document.reason
    assert len(document.energies_ev) == 2


def test_process_that_ends_with_the_allocation_is_no_outcome(in_process, tmp_path, monkeypatch):
    points = []

    def ended_at_the_third(session, *arguments):
        if len(points) == 2:
            os.kill(session.process.pid, signal.SIGTERM)
        points.append(arguments)
        return whole(session, *arguments)

    whole = RemoteSession.point
    monkeypatch.setattr(RemoteSession, "point", ended_at_the_third)
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(time.time()) + 30))
    with pytest.raises(RunStoppedError, match=r"died, signal SIGTERM.*starts the structure over"):
        compute(shaken_lithium(), tmp_path)


def test_last_words_of_a_process_are_the_reason(in_process, tmp_path, monkeypatch):
    """A program that greets as GPAW would, and fails with the first structure."""
    program = tmp_path / "program"
    program.write_text(
        "import json, socket, sys\n"
        "line = socket.socket(socket.AF_UNIX); line.connect(sys.argv[2])\n"
        "line.sendall(json.dumps({'versions': {}, 'ranks': 1}).encode() + b'\\n'); line.recv(1 << 20)\n"
        "sys.exit('libxc is of another version')\n"
    )
    monkeypatch.setenv(VARIABLE, f"'{sys.executable}' '{program}'")
    document = compute(shaken_lithium(), tmp_path)
    assert isinstance(document, FailedCalculation)
    assert "exit status 1: libxc is of another version" in document.reason


@pytest.mark.parametrize("busy", [False, True], ids=["waiting", "computing"])
def test_process_ends_with_its_worker(in_process, tmp_path, busy):
    """Even where the worker is killed and can say nothing."""
    worker = tmp_path / "worker.py"
    worker.write_text(
        "import sys, threading, time\n"
        f"sys.path[:0] = {[str(Path(__file__).parent.parent)]!r}\n"
        "from pathlib import Path\n"
        "from gpaw_cases import request, resolve, shaken_lithium\n"
        f"spec = 'gpaw:PBE?ecut={900 if busy else 250}&kspacing={0.2 if busy else 0.95}'\n"
        "calculator = resolve(spec).calculator(needs_stress=False)\n"
        f"calculator.prepare(request(shaken_lithium(), spec), Path({str(tmp_path)!r}))\n"
        "print(calculator.session.process.pid, flush=True)\n"
        + ("calculator.get_potential_energy(shaken_lithium())\n" if busy else "")
        + "time.sleep(60)\n"
    )
    running = subprocess.Popen([sys.executable, worker], stdout=subprocess.PIPE, text=True)
    try:
        pid = int(running.stdout.readline())
        time.sleep(1.0)  # well into its calculation
        assert alive(pid)
        running.kill()
        running.wait()
        assert gone_within(pid, 30)
    finally:
        running.kill()
        running.stdout.close()
        with contextlib.suppress(NameError, ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


# Commands that give no GPAW: no structure is to blame


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("no-such-launcher -n 4 python3", "no program 'no-such-launcher' on this machine"),
        ("'unfinished", "cannot be read as a command"),
        ("false", "did not start, exit status 1: it printed nothing"),
        (f"'{sys.executable}' -c 'raise SystemExit(\"no licence\")'", "did not start, exit status 1: no licence"),
        (f"'{sys.executable}' -S", "No module named"),
    ],
)
def test_command_that_gives_no_gpaw_is_told(tmp_path, monkeypatch, command, said):
    need_gpaw()
    monkeypatch.delenv(VARIABLE, raising=False)
    asked = request(shaken_lithium())
    engine = resolve(QUICK)
    monkeypatch.setenv(VARIABLE, command)
    from liface.engines import run

    with pytest.raises(UnknownEngineError, match=said):
        run(asked, engine, tmp_path)


def test_command_that_cannot_start_as_the_allocation_ends_is_not_to_blame(tmp_path, monkeypatch):
    need_gpaw()
    monkeypatch.setenv(VARIABLE, "false")
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(time.time()) + 30))
    with pytest.raises(RunStoppedError, match="did not start as the time of the Slurm job ran out"):
        compute(shaken_lithium(), tmp_path)


def test_processes_that_do_not_know_of_each_other_are_refused(in_process, tmp_path, monkeypatch):
    from gpaw.cgpaw import have_mpi

    if have_mpi:
        pytest.skip("GPAW has MPI here")
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    monkeypatch.setattr("liface.engines.gpaw._import", lambda: None)
    with pytest.raises(UnknownEngineError, match=r"2 processes were started, but the GPAW of .* without MPI"):
        compute(shaken_lithium(), tmp_path)


def test_a_machine_that_names_a_gpaw_needs_none_of_its_own(monkeypatch):
    monkeypatch.setattr("liface.engines.gpaw.find_spec", lambda name: None)
    monkeypatch.setenv(VARIABLE, f"'{sys.executable}'")
    assert resolve("gpaw?ecut=403").info == engine_info("gpaw?ecut=403")
