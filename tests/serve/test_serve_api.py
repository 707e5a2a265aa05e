"""The JSON of the page."""

from __future__ import annotations

import csv
import io
from urllib.parse import quote

import database_factories as make
import pytest
from served_site import GAMMAS, Served, fill

from liface.database import Database
from liface.database.columns import NOUNS, RESULT_NOUNS
from liface.documents import FLAGS


def rows(site, noun, **parameters):
    query = "&".join(f"{name}={quote(str(value))}" for name, value in parameters.items())
    return site.json(f"api/rows/{noun}?{query}")


def test_every_noun_is_described_with_units_and_meanings(site):
    told = site.json("api/nouns")
    assert [noun["name"] for noun in told["nouns"]] == list(NOUNS)
    assert told["flags"] == FLAGS
    for noun in told["nouns"]:
        names = [column["name"] for column in noun["columns"]]
        assert noun["meaning"] and set(noun["shown"]) <= set(names) and set(noun["facets"]) <= set(names)
    interfaces = {c["name"]: c for c in site.json("api/nouns/interfaces")["columns"]}
    assert interfaces["gamma_mev_per_a2"]["unit"] == "meV/Å²"
    assert interfaces["gamma_mev_per_a2"]["description"].startswith("Headline")
    assert interfaces["n_interfaces"]["unit"] == ""  # a pure number has none on the page
    assert interfaces["method"]["choices"] == ["sandwich", "vacuum"]


def test_numbers_without_meaning_are_few(site):
    bare = {
        f"{noun['name']}.{column['name']}"
        for noun in site.json("api/nouns")["nouns"]
        for column in noun["columns"]
        if column["unit"] and not column["description"]
    }
    assert not bare


@pytest.mark.parametrize("noun", list(NOUNS))
def test_every_noun_has_rows_that_are_json(site, noun):
    found = rows(site, noun)
    assert found["total"] == site.database.count(noun)
    assert found["rows"] == site.database.query(noun, limit=50)
    assert found["rows"] or noun == "submissions"


def test_pages_of_a_table_fit_together(site):
    whole = rows(site, "interfaces", sort="-gamma_mev_per_a2")["rows"]
    pages = [rows(site, "interfaces", sort="-gamma_mev_per_a2", limit=3, offset=n) for n in (0, 3, 6)]
    assert [row for page in pages for row in page["rows"]] == whole
    assert {page["total"] for page in pages} == {len(whole)} and len(whole) == len(GAMMAS) + 3
    gammas = [row["gamma_mev_per_a2"] for row in whole]
    assert gammas == sorted(gammas, reverse=True)
    assert rows(site, "interfaces", offset=10_000)["rows"] == []


def test_filters_are_those_of_the_query(site):
    where = 'substrate="W" AND engine="chgnet"'
    found = rows(site, "interfaces", where=where)
    assert [row["gamma_mev_per_a2"] for row in found["rows"]] == [91.0] and found["total"] == 1
    flagged = rows(site, "interfaces", where='flags HAS "reactive"')
    assert flagged["rows"][0]["flags"] == ["reactive: γ < 0", "nonlinear"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("api/rows/interfaces?where=gamma%3D1", "no column 'gamma' in interfaces; did you mean gamma_"),
        ("api/rows/interfaces?where=substrate%3D%27W%27", "text goes in double quotes"),
        ("api/rows/interfaces?sort=flags", "has no order"),
        ("api/rows/interfaces?sort=nothing", "no column 'nothing'"),
        ("api/rows/interfaces?limit=501", "limit: Input should be less than or equal to 500"),
        ("api/rows/interfaces?limit=x", "limit: Input should be a valid integer"),
        ("api/rows/interfaces?offset=-1", "offset: Input should be greater than or equal to 0"),
        ("api/rows/interfaces?where=" + "x" * 4_001, "where: String should have at most 4000 characters"),
        ("api/rows/interfaces?where=" + "(" * 60 + "substrate%3D%22W%22" + ")" * 60, "60 nested parentheses"),
        ("api/rows/nothing", "the database holds no 'nothing'; it holds bulks,"),
        ("api/values/interfaces?columns=nothing", "no column 'nothing'"),
        ("api/values/growth?columns=delta_e_ev_per_li", "is a dictionary"),
        ("api/values/interfaces", "columns: Field required"),
        ("api/download/interfaces?format=xls", "format: Input should be 'csv' or 'json'"),
        ("api/structures/none?which=middle", "which: Input should be"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(site, path, words):
    answer = site.get(path)
    assert answer.status == 400
    assert words in answer.error and "\n" not in answer.error and "Traceback" not in answer.error


@pytest.mark.parametrize(
    "path", ["records/none", "records/none/calculations", "calculations/none", "cases/none", "campaigns/none",
             "structures/none", "compare?a=none&b=none", "nothing"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(site, path):
    answer = site.get(f"api/{path}")
    assert (answer.status == 404 and "none" in answer.error) or "nothing" in answer.error


def test_values_of_a_column_are_counted_within_the_filter(site):
    found = site.json("api/values/interfaces?columns=substrate,engine,flags")
    assert {entry["value"]: entry["count"] for entry in found["engine"]} == {"emt": len(GAMMAS) + 2, "chgnet": 1}
    assert {entry["value"]: entry["count"] for entry in found["flags"]} == {"nonlinear": 1, "reactive": 1}
    assert found["substrate"][0] == {"value": "W", "count": 3}  # the most frequent first
    narrowed = site.json("api/values/interfaces?columns=substrate&where=engine%3D%22chgnet%22")
    assert narrowed == {"substrate": [{"value": "W", "count": 1}]}


def test_downloads_hold_every_row_that_matches(site):
    path = "api/download/interfaces?where=gamma_mev_per_a2%3E50&sort=gamma_mev_per_a2"
    table, document = site.get(f"{path}&format=csv"), site.get(f"{path}&format=json")
    found = list(csv.DictReader(io.StringIO(table.body.decode())))
    assert [float(row["gamma_mev_per_a2"]) for row in found] == [61.5, 91.0, 95.0, 97.25, 100.0]
    assert table.headers["content-type"].startswith("text/csv")
    assert 'filename="liface-interfaces.csv"' in table.headers["content-disposition"]
    assert document.json["interfaces"]["rows"] == site.database.query(
        "interfaces", "gamma_mev_per_a2>50", "gamma_mev_per_a2"
    )
    assert document.json["interfaces"]["columns"]["area_a2"]["unit"] == "Å²"


def test_a_record_has_its_numbers_meanings_and_method(site, ids):
    found = site.json(f"api/records/{ids['Li2S', 'emt']}")
    assert found["document"]["gamma_mev_per_a2"] == -4.0 and found["title"] == "Li₂S(110)|Li(100)"
    assert found["fields"]["gamma_mev_per_a2"] == {
        "unit": "meV/Å²", "description": "Headline: intercept with the slope fixed to the strain energy."
    }  # fmt: skip
    assert found["fields"]["points[].energy_ev"]["unit"] == "eV"
    assert found["fields"]["free_fit.intercept_mev_per_a2"]["description"] == "Value at zero film thickness."
    assert found["flags"][0] == {"slug": "reactive", "detail": "γ < 0", "meaning": FLAGS["reactive"]}
    assert found["method"]["engine"]["weights_sha256"] == "0" * 64
    assert found["method"]["versions"] == {"ase": "3.29.0"}
    assert found["method"]["settings"][0]["calculations"] == len(found["calculations"]) == 7
    assert found["method"]["force_calls"] == 7 * 7 and found["is_current"] and found["has_structure"]
    rows = site.json(f"api/records/{ids['Li2S', 'emt']}/calculations")["rows"]
    assert rows == found["calculations"] and rows[0]["label"] == "test/n1"


@pytest.mark.parametrize("kind", list(RESULT_NOUNS))
def test_a_record_of_every_kind_opens(site, kind):
    row = site.database.query(RESULT_NOUNS[kind].name, limit=1)[0]
    found = site.json(f"api/records/{row['record_id']}")
    assert found["kind"] == kind and found["title"] and found["document"]["kind"] == kind
    assert set(found["document"]) <= set(found["fields"])


def test_a_superseded_record_says_so(tmp_path):
    path = fill(tmp_path / "two.db")
    old, new = make.surface("Ag", gamma=70.0), make.surface("Ag", gamma=71.0)
    with Database(path) as database:
        old_id = database.add_result(old)
        new_id = database.add_result(new)
    with Served(path) as site:
        assert not site.json(f"api/records/{old_id}")["is_current"]
        assert site.json(f"api/records/{new_id}")["is_current"]


def test_the_published_value_stands_beside_the_computed_one(site):
    binding = site.database.query("bindings", limit=1)[0]
    (published,) = site.json(f"api/records/{binding['record_id']}")["published"]
    assert published["doi"] == "10.1002/adma.202206762" and published["unit"] == "eV"
    assert published["quantity"] == "binding" and published["value"] == pytest.approx(-0.57, abs=0.5)


def test_the_lineage_finds_parts_by_their_calculations(site):
    row = site.database.query("wetting", 'case="wetting/W"')[0]
    lineage = site.json(f"api/records/{row['record_id']}")["lineage"]
    kinds = {part["kind"] for part in lineage["parts"]}
    assert kinds == {"surface", "interface"} and lineage["wholes"] == []
    surface = next(part for part in lineage["parts"] if part["kind"] == "surface")
    of_surface = [calc for calc, owners in lineage["part_of_calculation"].items() if surface["id"] in owners]
    assert of_surface == [make.calculation(8).calc_id]
    back = site.json(f"api/records/{surface['id']}")["lineage"]
    assert [whole["id"] for whole in back["wholes"]] == [row["record_id"]]


def test_a_calculation_names_the_results_that_rest_on_it(site):
    calc = make.calculation(8)
    found = site.json(f"api/calculations/{calc.calc_id}")
    assert {user["kind"] for user in found["used_by"]} == {"surface", "wetting"}
    assert found["document"]["energy_ev"] == calc.energy_ev
    assert found["fields"]["settings.fmax_ev_per_a"]["unit"] == "eV/Å"
    failed = site.json(f"api/calculations/{make.calculation(20, 'failed').calc_id}")
    assert failed["document"]["reason"] == "energy is not finite" and failed["used_by"] == []


def test_structures_come_for_the_viewer_and_as_files(site, ids):
    key = ids["W", "emt"]
    seen = site.json(f"api/structures/{key}")
    assert seen["formula"] == "CuLi" and seen["frozen"] == [True, False] and seen["roles"] == ["substrate", "film"]
    assert seen["lengths_a"] == [4.0, 4.0, 12.0] and seen["angles_deg"] == [90.0, 90.0, 90.0]
    assert seen["looks"]["Li"]["colour"].startswith("#") and seen["area_a2"] == pytest.approx(16.0)
    calc = make.calculation(3)
    initial = site.json(f"api/structures/{calc.calc_id}?which=initial")
    assert initial["positions"][1][2] == pytest.approx(2.003)
    assert site.json(f"api/structures/{calc.calc_id}")["positions"][1][2] == pytest.approx(2.1)
    for fmt, mark in (("cif", "_cell_length_a"), ("extxyz", "Lattice="), ("vasp", "Cu")):
        answer = site.get(f"api/structures/{key}?format={fmt}")
        assert answer.status == 200 and mark in answer.body.decode()
        assert answer.headers["content-disposition"].startswith('attachment; filename="CuLi-')
    assert "no structure format 'pdb'" in site.get(f"api/structures/{key}?format=pdb").error
    growth = site.database.query("growth", limit=1)[0]["record_id"]
    assert site.get(f"api/structures/{growth}").status == 404  # a record without a structure


def test_a_comparison_marks_what_differs(site, ids):
    found = site.json(f"api/compare?a={ids['W', 'emt']}&b={ids['W', 'chgnet']}")
    numbers = {row["path"]: row for row in found["numbers"]}
    gamma = numbers["gamma_mev_per_a2"]
    assert (gamma["a"], gamma["b"], gamma["difference"], gamma["same"]) == (97.25, 91.0, -6.25, False)
    assert gamma["unit"] == "meV/Å²" and numbers["substrate"]["same"] and numbers["area_a2"]["same"]
    assert numbers["points[0].gamma_mev_per_a2"]["unit"] == "meV/Å²"
    assert numbers["shift[1]"]["description"].startswith("Registry") and numbers["shift[1]"]["same"]
    assert numbers["points[0].energy_ev"]["difference"] is None  # of two engines
    assert not any(path.endswith("calc_id") for path in numbers)
    method = {row["path"]: row for row in found["method"]}
    assert not method["engine model"]["same"] and method["settings"]["same"] and method["version of ase"]["same"]
    assert found["same_kind"] and found["structures"][0]["formula"] == "CuLi"


def test_records_of_two_kinds_can_be_compared(site, ids):
    growth = site.database.query("growth", limit=1)[0]["record_id"]
    found = site.json(f"api/compare?a={ids['W', 'emt']}&b={growth}")
    assert not found["same_kind"] and found["structures"][1] is None
    numbers = {row["path"]: row for row in found["numbers"]}
    assert numbers["gamma_mev_per_a2"]["b"] is None and numbers["mode"]["a"] is None


def test_a_campaign_says_what_failed_and_why(site):
    found = site.json("api/campaigns/quickstart")
    assert found["n_cases"] == 2 and {case["status"] for case in found["cases"]} == {"finished", "failed"}
    assert found["by_kind"] == [{"kind": "interface", "finished": 1, "failed": 1}]
    reasons = {row["what"]: row["reason"] for row in found["failures"]}
    assert reasons == {
        "failed case": "no coherent cell", "failed calculation": "energy is not finite",
        "unconverged calculation": "200 force calls",
    }  # fmt: skip
    assert found["calculations"]["by_status"] == {"converged": 8, "failed": 1, "unconverged": 1}
    assert found["counts"]["interfaces"] == len(GAMMAS) + 2 and found["engines"][0]["engine"] == "emt"
    names = {row["campaign"]: row for row in site.json("api/campaigns")["campaigns"]}
    assert set(names) == {"quickstart", "every-kind"}
    assert names["quickstart"]["failed"] == 1 and names["every-kind"]["last_case_at"] is None


def test_a_case_lists_its_results(site):
    found = site.json("api/cases/made-up-1")
    assert {row["kind"] for row in found["results"]} == {"interface"} and len(found["calculations"]) == 10
    assert site.json("api/cases/made-up-2")["document"]["reason"] == "no coherent cell"


def test_the_overview_is_that_of_the_database(site):
    found = site.json("api/overview")
    assert found["counts"]["interfaces"] == len(GAMMAS) + 3 and found["read_only"]


def test_rows_that_are_added_are_seen(tmp_path):
    path = fill(tmp_path / "growing.db")
    with Served(path) as site:
        before = rows(site, "surfaces")["total"]
        with Database(path) as writing:
            writing.add_result(make.surface("Au", campaign="later"))
        assert rows(site, "surfaces")["total"] == before + 1
        assert rows(site, "surfaces", where='material="Au"')["rows"][0]["campaign"] == "later"
        assert site.json("api/campaigns/later")["counts"]["surfaces"] == 1


def test_campaign_names_may_hold_anything(tmp_path):
    path = tmp_path / "names.db"
    name = 'a "b"/c\\d %2F?é'
    with Database(path) as database:
        database.add_result(make.surface(campaign=name))
    with Served(path) as site:
        assert site.json(f"api/campaigns/{quote(name, safe='')}")["campaign"] == name


def test_an_empty_database_is_no_error(tmp_path):
    Database(tmp_path / "empty.db").close()
    with Served(tmp_path / "empty.db") as site:
        assert rows(site, "interfaces") == {"rows": [], "total": 0, "limit": 50, "offset": 0}
        assert site.json("api/campaigns") == {"campaigns": []}
        assert site.json("api/values/interfaces?columns=substrate,flags") == {"substrate": [], "flags": []}


@pytest.fixture
def questions(site):
    """Texts of the questions that the database is asked, as the driver sees them."""
    from sqlalchemy import event

    asked = []

    def note(text):
        if text.startswith("SELECT"):
            asked.append(text)

    def begin(connection, *_):
        connection.set_trace_callback(note)

    engine = site.database._store.engine
    event.listen(engine, "checkout", begin)
    yield asked
    event.remove(engine, "checkout", begin)
    with engine.connect() as connection:
        connection.connection.set_trace_callback(None)


def test_rows_and_records_take_few_questions(site, ids, questions):
    rows(site, "interfaces")
    assert len(questions) == 2  # rows with their flags, the number
    questions.clear()
    site.json(f"api/records/{ids['W', 'emt']}")  # with seven calculations and one whole
    assert len(questions) < 3 * len(RESULT_NOUNS)
    assert len([text for text in questions if "FROM calculations" in text]) == 2  # rows, versions
