"""From a results database to a document store and back, without loss."""

from __future__ import annotations

import json
import math

import pytest
from database_factories import calculation, finished_case, surface
from maggma.stores import JSONStore, MemoryStore, MongoStore
from test_database_copying import LATER, content, fill, made_at

from liface.database import Database
from liface.database.columns import NOUNS
from liface.database.moving import documents
from liface.database.moving.copying import copy
from liface.database.moving.documents import StorePlace
from liface.database.moving.places import opened, refuse_same
from liface.database.moving.sql import SqlPlace
from liface.database.moving.stores import document_store, is_store, job_store
from liface.errors import CopyCheckError, CorruptDatabaseError, DatabaseError, DatabaseWriteError, InputError


@pytest.fixture
def full():
    with Database(":memory:") as database:
        yield fill(database)


@pytest.fixture
def memory():
    place = StorePlace(MemoryStore(), writable=True)
    place.connect()
    return place


def into(database, place, **options):
    report = copy(SqlPlace(database._store), place, **options)
    report.raise_if_incomplete()
    return report


def back(place, database, **options):
    report = copy(place, SqlPlace(database._store), **options)
    report.raise_if_incomplete()
    return report


def test_there_and_back_is_equal_row_by_row(full, db, memory):
    report = into(full, memory)
    assert {row["copied"] for row in report.rows()} == {row["verified"] for row in report.rows()}
    back(memory, db)
    assert content(db) == content(full)


def test_documents_are_plain_and_can_be_asked_for(full, memory):
    into(full, memory)
    (shown,) = memory._store.query({"noun": "surfaces", "is_current": True, "document.plane": "100"})
    assert shown["document"]["gamma_mev_per_a2"] == 31.0
    assert shown["key"] == made_at(surface(plane="100"), LATER, gamma_mev_per_a2=31.0).record_id
    assert "text" not in shown and "_id" in shown
    json.dumps({name: value for name, value in shown.items() if name != "_id"})


def test_a_json_file_there_and_back(full, db, tmp_path):
    spec = tmp_path / "store.yaml"
    spec.write_text(f"type: JSONStore\npaths: {tmp_path / 'kept.json'}\nread_only: false\n")
    with opened(spec, writable=True) as place:
        into(full, place)
    rows = json.loads((tmp_path / "kept.json").read_text(encoding="utf-8"))
    assert len(rows) == sum(len(content(full)[noun]) for noun in NOUNS)
    assert not any("_id" in row for row in rows)
    with opened(spec, writable=True) as place:
        assert {row["copied"] for row in into(full, place).rows()} == {0}
    with opened(spec, writable=False) as place:
        back(place, db)
    assert content(db) == content(full)
    assert {path.name for path in tmp_path.iterdir()} == {"store.yaml", "kept.json"}


def test_a_json_file_is_left_as_it_was_when_a_copy_fails(full, tmp_path, monkeypatch):
    path = tmp_path / "kept.json"
    spec = tmp_path / "store.json"
    spec.write_text(
        json.dumps(
            {"@module": "maggma.stores.mongolike", "@class": "JSONStore", "paths": [str(path)], "read_only": False}
        )
    )
    monkeypatch.setattr(StorePlace, "_document", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError), opened(spec, writable=True) as place:
        into(full, place)
    assert not path.exists()
    path.write_text('[{"liface_id": "surf')
    for writable in (True, False):
        with pytest.raises(DatabaseError, match="no JSON of documents"), opened(spec, writable=writable):
            pass
    assert path.read_text() == '[{"liface_id": "surf', "maggma alone would take it for empty and write over it"
    path.write_text('[{"task_id": 1}]')
    with pytest.raises(DatabaseError, match="holds other documents"), opened(spec, writable=True):
        pass


def test_what_json_cannot_hold_is_kept_as_text(db, memory):
    odd = calculation(1, "unconverged", energies_ev=(math.inf, -1.0, math.nan), versions={"a.b": "1", "$c": "2"})
    db.add_calculation(odd)
    db.add_calculation(calculation(2))
    into(db, memory)
    with_text = list(memory._store.query({"text": {"$exists": True}}))
    assert [each["key"] for each in with_text] == [odd.calc_id]
    with Database(":memory:") as other:
        back(memory, other)
        assert content(other) == content(db)


def test_merging_into_a_store_keeps_the_newer(memory):
    old, new = surface(), made_at(surface(gamma=40.0), LATER)
    for first in (old, new):
        with Database(":memory:") as source:
            source.add_result(first)
            into(source, memory)
    with Database(":memory:") as read:
        back(memory, read)
        assert [row["record_id"] for row in read.query("surfaces")] == [new.record_id]
        assert read.result(old.record_id) is not None


@pytest.mark.parametrize("newer_first", [False, True])
def test_the_newer_case_stays_with_its_results_in_a_store(memory, newer_first):
    earlier, later = surface(plane="100"), made_at(surface(plane="110"), LATER)
    cases = [
        (finished_case([earlier], case_id="c1"), earlier),
        (finished_case([later], case_id="c2", created_at=LATER), later),
    ]
    for case, result in reversed(cases) if newer_first else cases:
        with Database(":memory:") as source:
            source.commit_case(case, [result])
            into(source, memory)
    with Database(":memory:") as read:
        back(memory, read)
        assert [case.case_id for case in read.cases()] == ["c2"]
        assert [row["plane"] for row in read.query("surfaces")] == ["110"]


def test_newer_content_replaces_in_a_store(memory):
    for document in (calculation(1), calculation(1, energy_ev=-1.0, created_at=LATER)):
        with Database(":memory:") as source:
            source.add_calculation(document)
            into(source, memory, conflicts="newer")
    with Database(":memory:") as read:
        back(memory, read)
        assert read.calculation(calculation(1).calc_id).energy_ev == -1.0


def test_damage_in_a_store_is_found(full, db, memory):
    into(full, memory)
    key = calculation(0).calc_id
    (stored,) = memory._collection.these([f"calculations/{key}"], content=True)
    stored["document"]["energy_ev"] = -5.0
    with pytest.raises(CorruptDatabaseError, match=key):
        copy(memory, SqlPlace(db._store))
    report = copy(memory, SqlPlace(db._store), skip_damaged=True)
    assert report.damaged == [f"calculation {key}"]
    with pytest.raises(CopyCheckError, match="damaged in the target"):
        copy(SqlPlace(full._store), memory, check_only=True).raise_if_incomplete()


def test_other_documents_of_a_collection_are_left_alone(full, memory):
    memory._store.update({"task_id": "mp-1"})
    into(full, memory)
    assert memory._store.query_one({"task_id": "mp-1"})
    with Database(":memory:") as read:
        back(memory, read)
        assert content(read) == content(full)


def test_documents_above_the_limit_of_mongodb_are_refused_by_name(db, monkeypatch):
    place = StorePlace(MemoryStore(), writable=True)
    place.connect()
    monkeypatch.setattr(documents, "IN_MEMORY", ())
    monkeypatch.setattr(documents, "LARGEST", 2000)
    document = calculation(1, energies_ev=tuple(-0.001 * i for i in range(500)))
    db.add_calculation(document)
    with pytest.raises(DatabaseWriteError, match=f"calculation {document.calc_id} has 0.0 MiB"):
        into(db, place)
    assert place.count(NOUNS["calculations"]) == 0


# --- naming stores -------------------------------------------------------------------------------------------------


def test_addresses():
    store = document_store("mongodb://me:p%40ss@host:27018/lab/results?authSource=admin")
    assert isinstance(store, MongoStore)
    assert (store.database, store.collection_name) == ("lab", "results")
    assert store.uri == "mongodb://me:p%40ss@host:27018/lab?authSource=admin"
    assert StorePlace(store).name == "mongodb://host:27018/lab/results"
    assert document_store("mongodb://host/lab").collection_name == "liface"
    with pytest.raises(InputError, match="mongodb://HOST") as caught:
        document_store("mongodb://me:secret@host")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("password", ["s3c/ret", "s3c?ret", "s3c#ret", "/s3c:ret"])
def test_passwords_that_are_not_escaped_are_refused_unseen(password):
    with pytest.raises(InputError, match="%-escapes") as caught:
        document_store(f"mongodb://me:{password}@host/lab/results")
    assert "s3c" not in str(caught.value)


def test_what_is_a_store():
    assert (
        is_store("mongodb://h/d") and is_store("mongodb+srv://h/d") and is_store("a/store.yaml") and is_store("s.json")
    )
    assert not is_store("liface.db") and not is_store("sqlite:///a.json") and not is_store("postgresql://h/d")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("type: VaultStore\n", "no store of type 'VaultStore'"),
        ("type: os.system\n", "no store of type"),
        ("'@module': os\n'@class': MongoStore\n", "no store of type"),
        ("!!python/object/apply:os.system ['true']\n", "is no YAML"),
        ("type: MongoStore\ndatabase: d\ncollection_name: c\npasword: hush\n", "does not take these keys"),
        ("- 1\n", "describes no store"),
        ("docs_store: {type: MemoryStore}\n", "gather"),
    ],
)
def test_only_known_classes_are_made(tmp_path, text, said):
    spec = tmp_path / "store.yaml"
    spec.write_text(text)
    with pytest.raises(InputError, match=said) as caught:
        document_store(str(spec))
    assert "hush" not in str(caught.value)


def test_stores_of_files(tmp_path):
    spec = tmp_path / "jobflow.yaml"
    spec.write_text(
        "JOB_STORE:\n  docs_store: {type: MemoryStore}\n  additional_stores:\n    data: {type: MemoryStore}\n"
    )
    store = job_store(str(spec))
    assert isinstance(store.docs_store, MemoryStore) and list(store.additional_stores) == ["data"]
    spec.write_text("store: {type: JSONStore, paths: a.json}\n")
    assert isinstance(document_store(str(spec)), JSONStore)
    with pytest.raises(InputError, match="no file"):
        document_store(str(tmp_path / "missing.yaml"))
    with pytest.raises(InputError, match="read-only"), opened(spec, writable=True):
        pass


def test_stores_that_forget_are_no_targets(tmp_path):
    spec = tmp_path / "store.yaml"
    spec.write_text("type: MemoryStore\n")
    with pytest.raises(InputError, match="would be gone"), opened(spec, writable=True):
        pass


def test_a_server_that_does_not_answer(tmp_path):
    spec = tmp_path / "store.yaml"
    spec.write_text(
        "type: MongoStore\nhost: 127.0.0.1\nport: 9\ndatabase: d\ncollection_name: c\n"
        "mongoclient_kwargs: {serverSelectionTimeoutMS: 200}\n"
    )
    with pytest.raises(DatabaseError, match=r"127\.0\.0\.1:9/d/c does not answer"), opened(spec, writable=False):
        pass


def test_the_same_store_twice(tmp_path):
    store = document_store("mongodb://h/d/c")
    with pytest.raises(InputError, match="onto itself"):
        refuse_same(StorePlace(store), StorePlace(store))
