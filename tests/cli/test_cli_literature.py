"""``liface literature``: import, list, forget, compare and BibTeX; what goes wrong stores nothing."""

from __future__ import annotations

import csv
import io

import pytest
from stored_results import engine, fill, interface

from liface.analysis.literature import shipped
from liface.database import Database
from liface.testing.cli import run_cli

VALUES = """\
defaults: {doi: 10.1000/182, method: PBE, unit: J/m2}
values:
- {quantity: interface_gamma, material: W, plane: "(011)", film_plane: "100", value: 1.6, where: Fig. 1}
- {quantity: interface_gamma, material: Li2S, film_plane: "100", value: 30, unit: meV/Å², qualifier: "≥"}
- {quantity: surface, material: unobtainium, plane: "110", value: 2}
"""


@pytest.fixture
def db(tmp_path):
    return fill(tmp_path / "own.db")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "values.yaml"
    path.write_text(VALUES, encoding="utf-8")
    return path


def test_import_says_what_was_new_and_what_was_there(db, file):
    told = run_cli(["literature", "import", file, "--db", db], out="3 values read, 3 stored, 0 there already")
    assert "not in the library: unobtainium" in told.err
    assert run_cli(["literature", "import", file, "--db", db, "--json"]).json == {
        "rows": 3, "added": 0, "known": 3, "stored": True,
    }  # fmt: skip


def test_a_dry_run_makes_no_database(file, tmp_path):
    run_cli(["literature", "import", file, "--dry-run", "--db", "none.db"], out="3 would be stored")
    assert not (tmp_path / "none.db").exists()


def test_a_wrong_row_stores_nothing(db, file):
    file.write_text(VALUES.replace("value: 30", "value: thirty"), encoding="utf-8")
    run_cli(["literature", "import", file, "--db", db], code=2, err=r"row 2, column 'value': 'thirty'; a finite number")
    with Database(db) as database:
        assert database.literature() == []


def test_a_plane_that_the_crystal_cannot_have_stores_nothing(db, file):
    file.write_text(VALUES.replace('"(011)"', '"0001"'), encoding="utf-8")
    run_cli(["literature", "import", file, "--db", db], code=2, err="four indices")
    with Database(db) as database:
        assert database.literature() == []


def test_a_value_under_two_names_of_one_plane_stores_nothing(db, tmp_path):
    row = "- {{quantity: surface, material: W, plane: '{}', value: 3.2, unit: J/m2, method: PBE, doi: 10.1000/182}}\n"
    file = tmp_path / "twice.yaml"
    file.write_text(row.format("110") + row.format("1,1,0"), encoding="utf-8")
    run_cli(["literature", "import", file, "--db", db], code=2, err="row 2: says the same as row 1")
    with Database(db) as database:
        assert database.literature() == []


def test_a_file_that_is_not_there(db):
    told = run_cli(["literature", "import", "nope.csv", "--db", db], code=2, err="nope.csv: cannot be read")
    assert "Errno" not in told.err


def test_the_template_is_imported_as_it_is_printed(tmp_path, db):
    (tmp_path / "t.yaml").write_text(run_cli(["literature", "template"]).out, encoding="utf-8")
    run_cli(["literature", "import", "t.yaml", "--db", db], out="2 values read, 2 stored")


def test_what_is_shipped_is_stored_once_and_queried(db):
    run_cli(["literature", "import", "shipped", "--db", db], out=f"{len(shipped())} stored, 0 there already")
    run_cli(["literature", "import", "shipped", "--db", db], out=f" 0 stored, {len(shipped())} there already")
    rows = run_cli(["query", "literature", "--where", 'material="W" AND quantity="ccd"', "--db", db, "--json"]).json
    assert [row["published"] for row in rows] == [">= 5 mA/cm²"]


def test_list_needs_no_database_and_tells_where_values_are_from(db, file):
    assert len(run_cli(["literature", "list", "--json"]).json) == len(shipped())
    run_cli(["literature", "import", file, "--db", db])
    rows = run_cli(["literature", "list", "interface_gamma", "-m", "W", "--db", db, "--json"]).json
    assert sorted(row["origin"] for row in rows) == ["database", "shipped", "shipped"]
    run_cli(["literature", "list", "gamma"], code=2, err="unknown quantity 'gamma'; known: interface_gamma")


def test_forget_takes_the_beginning_of_an_identity(db, file):
    run_cli(["literature", "import", file, "--db", db])
    ids = [v["literature_id"] for v in run_cli(["query", "literature", "--db", db, "--json"]).json]
    for wrong, message in (("abc", "too short"), ("0" * 32, "no value")):
        run_cli(["literature", "forget", ids[0], wrong, "--db", db], code=2, err=message)
    run_cli(["literature", "forget", ids[0][:8], ids[1], "--db", db], out="2 values forgotten")
    assert len(run_cli(["query", "literature", "--db", db, "--json"]).json) == 1
    run_cli(["literature", "forget", ids[0], "--db", "none.db"], code=3, err="no database at")


def test_compare_holds_results_against_both_kinds_of_values(db, file):
    with Database(db) as database:
        database.add_result(interface("Mo", 70.0, by=engine("other", "one")))
    run_cli(["literature", "import", file, "--db", db])
    found = run_cli(["literature", "compare", "interfaces", "--db", db, "--json"]).json
    mo = [row for row in found["pairs"] if row["system"] == "Li(100) on Mo(110)"]
    assert {(row["engine"], round(row["difference"], 3)) for row in mo} == {("morse", -20.242), ("other", -11.742)}
    errors = {row["engine"]: row for row in found["errors"]}
    assert errors["other"]["n"] == 1 and errors["other"]["mean_absolute_error"] == pytest.approx(11.742)
    rows = list(csv.DictReader(io.StringIO(run_cli(["literature", "compare", "--db", db, "--csv"]).out)))
    assert len(rows) == len(found["pairs"]) and rows[0]["literature_id"]
    run_cli(["literature", "compare", "--db", db], out=r"(?s)Li\(100\) on Mo.*errors per model")


def test_compare_with_a_filter_and_what_cannot_be_compared(db):
    rows = run_cli(["literature", "compare", "interfaces", "-w", 'substrate="Ti"', "--db", db, "--json"]).json["pairs"]
    assert {row["system"] for row in rows} == {"Li(100) on Ti(110)"}
    run_cli(["literature", "compare", "cases", "--db", db], code=2, err="kinds: bulks, surfaces, interfaces")
    run_cli(["literature", "compare", "foo", "--db", db], code=2, err="'foo' is not held .* kinds: bulks, surfaces")
    run_cli(["literature", "compare", "interfaces", "-w", "colour=1", "--db", db], code=2, err="no column 'colour'")
    run_cli(["literature", "compare", "--json", "--csv", "--db", db], code=2, err="give one of them")


def test_a_database_without_anything_that_is_published(tmp_path):
    Database(tmp_path / "empty.db").close()
    run_cli(["literature", "compare", "--db", "empty.db"], err="nothing computed is published")


def test_query_shows_what_is_published(db, file):
    run_cli(["literature", "import", file, "--db", db])
    rows = run_cli(["query", "interfaces", "--published", "--db", db, "--json"]).json
    published = {row["substrate"]: row["published"] for row in rows}
    assert published["Mo"] == "81.74 meV/Å² (10.1039/d4ee03130j)"
    assert published["W"] == "99.86 meV/Å² (10.1000/182); > 81.74 meV/Å² (10.1039/d4ee03130j)", "(011) is (110)"
    assert published["Li2S"] == "31.68 meV/Å² (10.1039/d4ee03130j); >= 30 meV/Å² (10.1000/182)"
    run_cli(["query", "interfaces", "--published", "--db", db, "--csv"], out=r"(?m)^substrate,.*,published$")
    run_cli(["query", "cases", "--published", "--db", db], code=2, err="is not held against published values")


def test_bibtex_of_a_campaign_and_of_everything(db, file):
    run_cli(["literature", "import", file, "--db", db])
    everything = run_cli(["literature", "bibtex", "--db", db]).out
    assert "@misc{doi-10.1000-182," in everything and "@article{pymatgen," in everything
    assert "@article{oh2024," in run_cli(["literature", "bibtex", "--campaign", "made-up", "--db", db]).out
    assert "@article{tran2016," in run_cli(["literature", "bibtex", "--db", "none.db"]).out
    run_cli(["literature", "bibtex", "--campaign", "other", "--db", db], code=2, err="no results of campaign 'other'")


def test_published_values_are_found_under_every_name_of_a_plane(db, tmp_path):
    from liface.dispatch.literature import compare_stored

    file = tmp_path / "planes.yaml"
    file.write_text(
        "- {quantity: interface_gamma, material: W, plane: '-101', film_plane: '010', value: 1.6, unit: J/m2,"
        " method: PBE, doi: 10.1000/182}\n"
        "- {quantity: interface_gamma, material: W, plane: '111', film_plane: '010', value: 1.7, unit: J/m2,"
        " method: PBE, doi: 10.1000/182}\n",
        encoding="utf-8",
    )
    run_cli(["literature", "import", file, "--db", db])
    with Database(db) as database:
        database.add_result(interface("W", 70.0))
        rows = [row for row in compare_stored(database, "interfaces") if row.doi == "10.1000/182"]
    assert rows and {row.system for row in rows} == {"Li(100) on W(110)"}
    assert [row.published for row in rows] == [pytest.approx(1.6 * 62.41509, rel=1e-5)] * len(rows)
