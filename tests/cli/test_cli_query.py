from __future__ import annotations

import csv
import io
import json

import pytest
from stored_results import GAMMAS

from liface.cli.asking import SHOWN
from liface.database import Database
from liface.database.columns import NOUNS
from liface.testing.cli import run_cli

INTERFACE_KEYS = {
    "substrate", "substrate_plane", "film_plane", "engine", "model", "gamma_mev_per_a2", "gamma_stderr_mev_per_a2",
    "gamma_free_mev_per_a2", "gamma_plateau_mev_per_a2", "max_residual_mev_per_a2", "strain_percent", "area_a2",
    "n_points", "converged", "flags",
}  # fmt: skip


def ask(filled, *arguments, **options):
    return run_cli(["query", "interfaces", "--db", filled, *arguments], **options)


def test_json_is_exactly_what_the_database_answers(filled):
    rows = ask(filled, "--json").json
    with Database(filled, read_only=True) as database:
        assert rows == database.query("interfaces")
    assert rows[0].keys() >= INTERFACE_KEYS


def test_table_has_a_header_and_a_line_per_row(filled):
    head, _, *rows = ask(filled).out.splitlines()
    assert head.split() == SHOWN["interfaces"].split() and len(rows) == len(GAMMAS) + 1


def test_columns_of_every_table_exist():
    assert SHOWN.keys() == NOUNS.keys()
    assert all(set(SHOWN[noun].split()) <= set(NOUNS[noun].columns) for noun in NOUNS)


@pytest.mark.parametrize("noun", NOUNS)
def test_every_noun_answers(filled, noun):
    run_cli(["query", noun, "--db", filled])
    assert isinstance(run_cli(["query", noun, "--db", filled, "--json"]).json, list)


def test_where_sort_and_limit(filled):
    rows = ask(filled, "-w", "gamma_mev_per_a2 > 20", "-s", "-gamma_mev_per_a2", "-n", 3, "--json").json
    assert [row["substrate"] for row in rows] == ["W", "Cr", "Mo"]


def test_where_of_the_manual(filled):
    rows = ask(filled, "--where", 'substrate="W" AND film_plane="100"', "--json").json
    assert [row["gamma_mev_per_a2"] for row in rows] == [97.25]


def test_columns_are_chosen_in_order(filled):
    rows = ask(filled, "--columns", "gamma_mev_per_a2, substrate", "--json", "-n", 1).json
    assert list(rows[0]) == ["gamma_mev_per_a2", "substrate"]
    assert ask(filled, "--columns", "all").out.splitlines()[0].split()[-1] == "screened_by"


def test_csv_reads_back(filled):
    rows = list(csv.DictReader(io.StringIO(ask(filled, "--csv").out)))
    assert {row["substrate"]: float(row["gamma_mev_per_a2"]) for row in rows} == {**GAMMAS, "Li2S": 4.0}
    assert next(row for row in rows if row["substrate"] == "Li2S")["flags"] == "reactive: γ < 0; nonlinear"
    assert ask(filled, "--csv", "--columns", "substrate").out.splitlines()[0] == "substrate"


def test_campaign_is_a_shortcut_that_cannot_be_broken_out_of(filled):
    assert len(ask(filled, "--campaign", "made-up", "-w", 'substrate="W" OR substrate="Mo"', "--json").json) == 2
    assert ask(filled, "--campaign", 'x" OR substrate="W', "--json").json == []


def test_nothing_found_is_said_and_is_no_error(filled):
    assert ask(filled, "-w", 'substrate="Xx"', err="no interfaces match").out == ""
    assert ask(filled, "-w", 'substrate="Xx"', "--json").json == []


def test_describe_lists_columns_with_units_and_needs_no_database():
    run_cli(["query", "interfaces", "--describe"], out=r"^gamma_mev_per_a2 +float +meV/Å² ")
    rows = run_cli(["query", "interfaces", "--describe", "--json"]).json
    assert {"column": "area_a2", "type": "float", "unit": "Å²", "values": ""} in rows


def test_database_comes_from_the_environment_or_the_folder(filled, tmp_path):
    assert run_cli(["query", "interfaces", "--json"], env={"LIFACE_DB": str(filled)}).json
    (tmp_path / "liface.db").write_bytes(filled.read_bytes())
    assert run_cli(["query", "interfaces", "--json"]).json
    run_cli(["query", "interfaces", "--db", filled], env={"LIFACE_DB": "elsewhere.db"}, out="W")


@pytest.mark.parametrize("arguments, message", [
    (["-w", 'substrat="W"'], "no column 'substrat'.*did you mean substrate"),
    (["-w", "substrate='W'"], "text goes in double quotes"),
    (["-w", 'area_a2 > "big"'], "area_a2"),
    (["-w", 'substrate="W" AND'], "does not parse"),
    (["-s", "colour"], "sort: no column 'colour'"),
    (["-s", "flags"], "flags is a list and has no order"),
    (["--columns", "colour"], "columns: no column 'colour' in interfaces"),
    (["--columns", ","], "--columns names no column"),
    (["--json", "--csv"], "--json and --csv at once"),
])  # fmt: skip
def test_bad_questions_are_explained(filled, arguments, message):
    result = ask(filled, *arguments, code=2, err=message)
    assert result.out == ""


def test_unknown_noun_lists_the_nouns(filled):
    run_cli(["query", "magnons", "--db", filled], code=2, err="'magnons'; it holds bulks, surfaces, interfaces")


@pytest.mark.parametrize("arguments", [["query", "interfaces"], ["database", "info"], ["database", "verify"],
                                       ["database", "export"], ["correlate", "ccd"]])  # fmt: skip
def test_missing_database_is_explained_and_not_created(tmp_path, arguments):
    run_cli(arguments, code=3, err=r"no database at .*liface\.db; run a campaign first, or name the file with --db")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_database_is_left_alone(tmp_path):
    (tmp_path / "liface.db").write_text("not a database at all, but my notes")
    run_cli(["query", "interfaces"], code=3, err="is not a database")
    assert (tmp_path / "liface.db").read_text() == "not a database at all, but my notes"


def test_damaged_database(tmp_path, filled):
    data = bytearray(filled.read_bytes())
    data[4096:] = b"\x5a" * (len(data) - 4096)
    (tmp_path / "liface.db").write_bytes(data)
    run_cli(["query", "interfaces"], code=3, err="damaged|lacks part of its tables")
    run_cli(["database", "verify"], code=3)


def test_reading_leaves_no_trace(tmp_path, filled):
    (tmp_path / "liface.db").write_bytes(filled.read_bytes())
    run_cli(["query", "interfaces"])
    assert (tmp_path / "liface.db").read_bytes() == filled.read_bytes()


def test_info_verify_and_export(tmp_path, filled):
    run_cli(["database", "info", "--db", filled], out=r"interfaces: 7.*\n.*\n?")
    assert run_cli(["database", "info", "--db", filled, "--json"]).json["counts"]["interfaces"] == 7
    found = run_cli(["database", "verify", "--db", filled, "--json"], err="is sound").json
    assert (found["sound"], found["problems"], found["recomputed"]) == (True, [], {})
    assert found["relations_only"]["interfaces"] == 7  # made up: they name no calculations
    run_cli(["database", "verify", "--db", filled, "--quick"], err="only the file and its tables")
    run_cli(["database", "export", "--db", filled, "--out", "x.csv", "--noun", "interfaces"], out=r"^x\.csv$")
    assert len((tmp_path / "x.csv").read_text().splitlines()) == 8
    run_cli(["database", "export", "--db", filled], out=r"^liface-export\.json$")
    assert len(json.loads((tmp_path / "liface-export.json").read_text())["interfaces"]["rows"]) == 7
    run_cli(["database", "export", "--db", filled, "--out", "x.xlsx"], code=2, err="unknown format 'xlsx'")
    run_cli(["database", "export", "--db", filled, "--format", "xml"], code=2, err="unknown format 'xml'")
    run_cli(["database", "export", "--db", filled, "--noun", "x"], code=2, err="holds no 'x'")
    run_cli(["database", "export", "--db", filled, "--out", "no/x.json"], code=2, err="cannot be written")


def test_verify_names_what_is_damaged(tmp_path, filled):
    import sqlite3

    (tmp_path / "liface.db").write_bytes(filled.read_bytes())
    with sqlite3.connect("liface.db") as connection:
        connection.execute("UPDATE interfaces SET gamma_mev_per_a2 = 1.0 WHERE substrate = 'W'")
    connection.close()
    result = run_cli(["database", "verify", "--json"], code=3, err=r"1 problem found; restore it from a copy")
    assert result.json["sound"] is False and "its document says 97.25" in result.json["problems"][0]["message"]
