"""``liface phonon``: what it computes, what it finds again, and what it refuses."""

import re

import numpy as np
import pytest

from liface.documents import RESULT_ADAPTER
from liface.report.phonon_figure import free_energy_curve
from liface.testing.cli import run_cli

QUICK = ("--engine", "emt", "--edges", 3.5, 7.0, "-j", 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("phonon")


@pytest.fixture(scope="module")
def first(folder):
    return run_cli(["phonon", "Cu", *QUICK, "--db", folder / "p.db", "--figure", folder / "cu.png"])


def test_the_table_and_what_it_rests_on(first, folder):
    rows = [line.split() for line in first.out.splitlines() if re.match(r"\d", line)]
    assert [float(row[0]) for row in rows] == [0, 298.15, 333.15]
    assert "supercell 2x2x2 (32 atoms), F_vib at 298.15 K changes by" in first.out
    assert "flag: supercell_size:" in first.out and "no imaginary modes" in first.out
    assert (folder / "cu.png").read_bytes().startswith(b"\x89PNG")
    assert "3 calculations computed" in first.err


def test_a_second_question_makes_no_force_call(first, folder):
    again = run_cli(["phonon", "Cu", *QUICK, "--db", folder / "p.db"], err="finished before, nothing to compute")
    assert again.out == first.out
    other = run_cli(["phonon", "Cu", *QUICK, "-t", 0, "-t", 500, "--db", folder / "p.db", "--json"])
    assert "0 calculations computed with 0 force calls" in other.err
    assert [point["temperature_k"] for point in other.json["points"]] == [0, 500]


def test_the_curve_of_the_figure_goes_through_the_points(first, folder):
    data = run_cli(["phonon", "Cu", *QUICK, "--db", folder / "p.db", "--json"]).json
    data.pop("record_id")
    result = RESULT_ADAPTER.validate_python(data)
    temperatures = np.array([point.temperature_k for point in result.points])
    exact = [point.f_vib_ev_per_atom for point in result.points]
    assert free_energy_curve(result, temperatures) == pytest.approx(exact, abs=1e-3)


def test_it_can_be_queried(first, folder):
    (row,) = run_cli(["query", "phonons", "-w", 'material="Cu"', "--db", folder / "p.db", "--json"]).json[:1]
    assert row["n_imaginary"] == 0 and row["f_vib_298_ev_per_atom"] < row["zpe_ev_per_atom"]
    run_cli(["database", "verify", "--db", folder / "p.db"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Cu", "--edges", 9, 5], "edges_a needs two positive lengths, the smaller first"),
        (["Cu", "-t", -3], "temperatures_k needs at least one, none below zero"),
        (["Cu", "--displacement", 0.5], "displacement_a"),
        (["Cuu"], "unknown material"),
        (["Cu", "--figure", "cu.pdf"], "figures are written as"),
        (["Cu", "--max-atoms", 20], "raise max_atoms"),
        (["Cu", "--cif", "nowhere.cif"], "no file nowhere.cif"),
    ],
)
def test_bad_input_is_told_before_a_database_is_made(arguments, message, tmp_path):
    path = tmp_path / "none.db"
    run_cli(["phonon", *arguments, "-e", "emt", "--db", path], code=2, err=message)
    assert not path.exists()
