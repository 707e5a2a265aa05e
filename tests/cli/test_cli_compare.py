from __future__ import annotations

import csv
import io

import pytest
from stored_results import GAMMAS, engine, interface

from liface.database import Database
from liface.testing.cli import run_cli


@pytest.fixture
def two(tmp_path):
    """Every substrate by one model, W and Mo by another too."""
    path = tmp_path / "two.db"
    with Database(path) as database:
        for name, gamma in GAMMAS.items():
            database.add_result(interface(name, gamma))
        other = engine("emt", "emt")
        database.add_result(interface("W", 90.25, other, flags=("reactive: γ < 0",)))
        database.add_result(interface("Mo", 60.5, other))
    return path


def test_the_best_of_every_substrate_is_a_table(two):
    head, _, *rows = run_cli(["compare", "best", "interfaces", "--db", two]).out.splitlines()
    assert head.split()[0] == "substrate" and len(rows) == len(GAMMAS)


def test_json_and_csv_say_the_same(two):
    asked = ["compare", "best", "interfaces", "--db", two, "--highest", "gamma_mev_per_a2", "--by", "film_plane,model"]
    rows = run_cli([*asked, "--top", 2, "--columns", "model,gamma_mev_per_a2,flags", "--json"]).json
    assert [(row["model"], row["gamma_mev_per_a2"], row["n_compared"]) for row in rows] == [
        ("emt", 90.25, 2), ("emt", 60.5, 2), ("liface", 97.25, 6), ("liface", 95.0, 6),
    ]  # fmt: skip
    text = run_cli([*asked, "--top", 2, "--columns", "model,gamma_mev_per_a2,flags", "--csv"]).out
    read = list(csv.DictReader(io.StringIO(text)))
    assert [float(row["gamma_mev_per_a2"]) for row in read] == [90.25, 60.5, 97.25, 95.0]
    assert read[0]["flags"] == "reactive: γ < 0"
    assert len(run_cli([*asked, "--json"]).json[0]) > 30


def test_models_are_compared_on_the_same_quantity(two):
    rows = run_cli(["compare", "spread", "interfaces", "--db", two, "--json"]).json
    assert [(row["substrate"], row["half_range_gamma_mev_per_a2"]) for row in rows] == [("W", 3.5), ("Mo", 0.5)]
    assert rows[0]["models"] == ["emt:emt", "morse:liface"] and rows[0]["flags"] == ["reactive"]
    table = run_cli(["compare", "spread", "interfaces", "gamma_free_mev_per_a2", "-n", 1, "--db", two]).out
    assert "half_range_gamma_free_mev_per_a2" in table and len(table.splitlines()) == 3
    assert (
        run_cli(["compare", "spread", "interfaces", "--db", two, "--campaign", "none"], err="no interfaces").out == ""
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["best", "interfaces", "--lowest", "area_a2", "--highest", "area_a2"], "give one of them"),
        (["best", "interfaces", "--json", "--csv"], "give one of them"),
        (["best", "interfaces", "--by", ","], "names no column"),
        (["best", "interfaces", "--by", "substrat"], "did you mean substrate"),
        (["best", "magnets"], "holds no 'magnets'"),
        (["spread", "interfaces", "film_plane"], "compare a number"),
        (["spread", "cases"], "no results"),
    ],
)
def test_wrong_questions_get_one_line(two, arguments, message):
    result = run_cli(["compare", *arguments, "--db", two], code=2, err=message)
    assert len(result.err.splitlines()) == 1
