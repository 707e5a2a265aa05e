"""OPTIMADE JSON lines: the order of the lines, and what other programs read out of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from database_factories import all_results, calculation, interface

from liface.database import Database
from liface.database.columns import NOUNS, RESULT_NOUNS
from liface.database.optimade_jsonl import write_documents, write_jsonl
from liface.errors import FilterError, InputError


@pytest.fixture(scope="module")
def filled(shared):
    for result in all_results():
        shared.add_result(result)
    for number, status in enumerate(("converged", "unconverged", "failed")):
        shared.add_calculation(calculation(number, status))
    return shared


def read(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def geometries(db):
    """Geometry of every structure, by the identity of its entry, straight from the documents."""
    found = {}
    for noun in (*RESULT_NOUNS.values(), NOUNS["calculations"]):
        for row in db.query(noun.name):
            document = db.calculation(row["calc_id"]) if noun.name == "calculations" else db.result(row["record_id"])
            geometry = getattr(document, "structure", None) or getattr(document, "final", None)
            if geometry is not None:
                key = f'_liface_record_id="{row["record_id"]}"' if noun.is_result else f'id="{row["calc_id"]}"'
                found[db.structures.page(key).entries[0]["id"]] = geometry
    return found


def test_the_lines_come_in_the_order_of_the_specification(filled, tmp_path):
    from optimade.models import BaseInfoResource, EntryInfoResource, ReferenceResource, StructureResource

    path = tmp_path / "optimade.jsonl"
    assert write_jsonl(filled, path) == filled.structures.count()
    header, meta, base, *infos_and_entries = read(path)
    assert header["x-optimade"]["meta"] == {"api_version": header["x-optimade"]["api_version"]}
    assert meta["meta"]["provider"]["prefix"] == "liface"
    BaseInfoResource(**base)
    structures_info, references_info, *entries = infos_and_entries
    for info in (structures_info, references_info):
        assert EntryInfoResource(**info).type == "info"
    types = [entry["type"] for entry in entries]
    assert types == ["structures"] * filled.structures.count() + ["references"]
    for entry in entries:
        (StructureResource if entry["type"] == "structures" else ReferenceResource)(**entry)
    served = set(structures_info["properties"]) - {"id", "type"}
    assert all(set(entry["attributes"]) == served for entry in entries[:-1])


def test_other_programs_get_the_stored_geometry_back(filled, tmp_path):
    from optimade.adapters import Structure

    path = tmp_path / "optimade.jsonl"
    write_jsonl(filled, path)
    expected = geometries(filled)
    entries = [line for line in read(path) if line.get("type") == "structures"]
    assert {entry["id"] for entry in entries} == set(expected)
    for entry in entries:
        adapter, geometry = Structure(entry), expected[entry["id"]]
        crystal = adapter.as_pymatgen
        assert [site.specie.symbol for site in crystal] == list(geometry.species)
        np.testing.assert_allclose(crystal.cart_coords, geometry.position_array, atol=1e-12)
        np.testing.assert_allclose(crystal.lattice.matrix, geometry.cell_array, atol=1e-12)
        assert crystal.lattice.pbc == (True, True, False)
        atoms = adapter.as_ase
        np.testing.assert_array_equal(atoms.positions, geometry.position_array)
        np.testing.assert_array_equal(atoms.cell.array, geometry.cell_array)
        assert atoms.get_chemical_symbols() == list(geometry.species) and list(atoms.pbc) == [True, True, False]


def test_the_reader_of_optimade_takes_every_entry(filled, tmp_path):
    """As ``insert_from_jsonl`` of optimade-python-tools does, whose databases are not installed here."""
    from collections import defaultdict

    taken = defaultdict(list)
    path = tmp_path / "optimade.jsonl"
    write_jsonl(filled, path)
    header, *rest = read(path)
    assert header.get("x-optimade")
    for entry in rest:
        if entry.get("id") is not None and entry.get("type") != "info":
            taken[entry["type"]].append({**entry["attributes"], "id": entry["id"]})
    assert len(taken["structures"]) == filled.structures.count() and len(taken["references"]) == 1


def test_a_selection(filled, tmp_path):
    path = tmp_path / "some.jsonl"
    assert write_jsonl(filled, path, '_liface_kind="calculation" AND _liface_converged=TRUE') == 1
    lines = read(path)
    assert [line["type"] for line in lines[5:]] == ["structures"]
    assert write_jsonl(filled, path, "nsites>100") == 0


def test_documents_become_the_entries_they_have_in_the_database(filled, tmp_path):
    from_database, from_documents = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    write_jsonl(filled, from_database)
    documents = [(noun, document) for noun in RESULT_NOUNS.values() for document in filled.results(noun.kind)]
    calculations = filled.calculations(row["calc_id"] for row in filled.query("calculations"))
    documents += [(NOUNS["calculations"], document) for document in calculations.values()]
    assert write_documents(from_documents, documents) == [from_documents]
    a, b = (sorted(read(path)[3:], key=lambda line: line["id"]) for path in (from_database, from_documents))
    assert a == b


def test_a_file_is_whole_or_not_there(filled, tmp_path, monkeypatch):
    path = tmp_path / "optimade.jsonl"
    path.write_text("before")
    with pytest.raises(FilterError):
        write_jsonl(filled, path, "crazy=1")
    with pytest.raises(InputError, match="writable folder"):
        write_jsonl(filled, tmp_path / "none" / "optimade.jsonl")
    assert [each.name for each in tmp_path.iterdir()] == ["optimade.jsonl"] and path.read_text() == "before"


def test_more_structures_than_are_read_at_a_time(file, monkeypatch):
    from liface.database import structure_entries

    monkeypatch.setattr(structure_entries, "PAGE", 3)
    with Database(file) as database:
        for number in range(10):
            database.add_result(interface("W", case=f"case {number}"))
        ids = [entry["id"] for entry in database.structures.every()]
    assert ids == sorted(ids) and len(set(ids)) == 10


def test_an_export_of_a_selection(filled, tmp_path):
    path = tmp_path / "optimade.jsonl"
    written = filled.export(path, "optimade", ["interfaces", "calculations"])
    assert written == [path] and written.left_out == 1
    entries = [line for line in read(path) if line.get("type") == "structures"]
    assert sorted(entry["attributes"]["_liface_kind"] for entry in entries) == [
        "calculation", "calculation", "interface",
    ]  # fmt: skip
    assert {entry["id"] for entry in entries} <= {entry["id"] for entry in filled.structures.every()}
    with pytest.raises(InputError, match="no structure"):
        filled.export(path, "optimade", ["cases"])
