from __future__ import annotations

import csv
import io
import json

import pytest
from database_factories import all_results, calculation, interface, surface

from liface.database import reading, whole_rows
from liface.database.columns import RESULT_NOUNS
from liface.database.exports import tables
from liface.database.migrations import latest
from liface.database.whole_rows import by_name
from liface.errors import FilterError, InputError


@pytest.fixture(scope="module")
def full(shared):
    for document in all_results():
        shared.add_result(document)
    shared.add_result(surface(plane="100", flags=("polar", "thickness: 3 meV/Å², still falling")))
    shared.add_calculation(calculation(status="failed"))
    return shared


def test_json_holds_rows_types_and_units(full, tmp_path):
    (path,) = full.export(tmp_path / "out.json")
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["schema_version"] == latest()
    assert content["interfaces"]["rows"] == full.query("interfaces")
    assert content["interfaces"]["columns"]["gamma_mev_per_a2"] == {"type": "float", "unit": "meV/Å²"}
    assert content["calculations"]["rows"][0]["energy_ev"] is None


def test_json_lines_hold_one_row_each(full, tmp_path):
    (path,) = full.export(tmp_path / "out.jsonl", nouns=["surfaces", "bulks"])
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [row.pop("noun") for row in rows] == ["surfaces", "surfaces", "bulks"]
    assert rows[:2] == full.query("surfaces")


def test_csv_reads_back(full, tmp_path):
    (path,) = full.export(tmp_path / "s.csv", nouns=["surface"])
    with path.open(encoding="utf-8", newline="") as file:
        read = list(csv.DictReader(file))
    rows = full.query("surfaces")
    assert list(read[0]) == list(full.columns("surfaces"))
    assert [float(r["gamma_mev_per_a2"]) for r in read] == [r["gamma_mev_per_a2"] for r in rows]
    assert [r["flags"].split("; ") if r["flags"] else [] for r in read] == [r["flags"] for r in rows]
    assert {r["converged"] for r in read} == {"true"}


def test_csv_of_several_nouns_is_several_files(full, tmp_path):
    paths = full.export(tmp_path / "all.csv")
    assert {path.name for path in paths} == {
        f"all-{noun}.csv" for noun in (*(result.name for result in RESULT_NOUNS.values()), "calculations")
    }
    assert all(path.exists() for path in paths)


def test_units_are_one_comment_line(full):
    text = full.rows_to_csv(full.query("interfaces"), "interfaces", units=True)
    comment, header, *rows = text.splitlines()
    assert comment.startswith("# interfaces; units: ") and "gamma_mev_per_a2 [meV/Å²]" in comment
    assert "strain_percent [%]" in comment
    assert "\n".join([header, *rows, ""]) == full.rows_to_csv(full.query("interfaces"), "interfaces")


def test_unknown_values_are_empty_and_no_rows_leave_the_header(full):
    text = full.rows_to_csv(full.query("calculations"), "calculations")
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["energy_ev"] == "" and row["reason"] == "energy is not finite"
    assert full.rows_to_csv([], "calculations").strip() == ",".join(full.columns("calculations"))


def test_format_can_be_named(full, tmp_path):
    (path,) = full.export(tmp_path / "out.txt", "jsonl", ["bulks"])
    assert json.loads(path.read_text(encoding="utf-8"))["material"] == "Li"


def test_what_cannot_be_written(full, tmp_path):
    with pytest.raises(InputError, match="formats: json, jsonl, csv"):
        full.export(tmp_path / "out.xlsx")
    with pytest.raises(InputError, match="cannot be written"):
        full.export(tmp_path / "no" / "out.json")
    with pytest.raises(FilterError):
        full.export(tmp_path / "out.json", nouns=["magnets"])
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_file_is_replaced_as_a_whole(full, tmp_path):
    path = tmp_path / "out.json"
    path.write_text("x" * 1_000_000)
    full.export(path)
    json.loads(path.read_text(encoding="utf-8"))
    assert list(tmp_path.iterdir()) == [path]


def test_rows_are_read_while_they_are_written(db, tmp_path, monkeypatch):
    pq = pytest.importorskip("pyarrow.parquet")
    for number in range(12):
        db.add_result(interface(f"S{number}", flags=("nonlinear",)))
    pieces = []

    def counted(noun, texts):
        pieces.append(len(texts))
        return by_name(noun, texts)

    monkeypatch.setattr(reading, "ROWS_STREAMED", 5)
    monkeypatch.setattr(whole_rows, "by_name", counted)
    monkeypatch.setattr(tables, "AT_ONCE", 7)
    expected = db.query("interfaces")
    pieces.clear()
    for suffix in ("csv", "json", "jsonl", "parquet"):
        (file,) = db.export(tmp_path / f"some.{suffix}", nouns=["interfaces"])
        assert pieces == [5, 5, 2]
        pieces.clear()
        if suffix == "json":
            assert json.loads(file.read_text())["interfaces"]["rows"] == expected
        if suffix == "parquet":
            assert pq.ParquetFile(file).num_row_groups == 2 and pq.read_table(file).num_rows == 12


def test_json_is_written_as_one_dump_would(db, tmp_path):
    db.add_result(interface("W", flags=("reactive: γ\n< 0",)))
    for nouns in (["interfaces"], ["interfaces", "growth"], ["bulks"]):
        (file,) = db.export(tmp_path / "one.json", nouns=nouns)
        text = file.read_text(encoding="utf-8")
        assert text == json.dumps(json.loads(text), ensure_ascii=False, indent=1) + "\n"
