"""What clients of MongoDB rely on, asked of the stand-in through pymongo and maggma; a real server passes too.

Tests that take the fixture `mongo` hold for a real MongoDB (LIFACE_TEST_MONGODB), so that the stand-in is
compared with what it stands in for.
"""

from __future__ import annotations

import itertools
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from types import SimpleNamespace

import bson
import pymongo
import pytest
from bson import ObjectId
from maggma.stores import GridFSStore, MongoStore
from mongo_site import MongoSite
from mongo_standin.process import StandinProcess
from mongo_standin.protocol import ProtocolError, read_request
from mongo_standin.storage import plain_values
from pymongo import ASCENDING, DESCENDING, InsertOne, MongoClient, ReplaceOne, ReturnDocument, UpdateOne
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    DuplicateKeyError,
    OperationFailure,
    ServerSelectionTimeoutError,
)


@pytest.fixture
def database(mongo):
    with mongo.client() as client:
        yield client[mongo.new_database_name()]


@pytest.fixture
def things(database):
    return database.things


@pytest.fixture
def numbers(things):
    things.insert_many([{"n": n, "odd": bool(n % 2), "of": {"square": n * n}, "seq": [n, n + 1]} for n in range(300)])
    return things


# reading


def test_find_sorts_then_skips_then_limits_then_projects(numbers):
    found = list(numbers.find({"odd": True}, {"n": 1, "_id": 0}).sort("n", DESCENDING).skip(2).limit(3))
    assert found == [{"n": 295}, {"n": 293}, {"n": 291}]
    by_two = numbers.find({}, {"_id": 0, "n": 1}).sort([("odd", ASCENDING), ("n", DESCENDING)]).limit(2)
    assert [document["n"] for document in by_two] == [298, 296]
    assert numbers.find_one({"n": 4}, {"_id": 0, "of.square": 1}) == {"of": {"square": 16}}
    assert set(numbers.find_one({"n": 4}, {"of": 0})) == {"_id", "n", "odd", "seq"}


@pytest.mark.parametrize("batch", [1, 7, 101, 1000])
def test_batches_give_every_document_once(numbers, batch):
    found = [document["n"] for document in numbers.find().sort("n", 1).batch_size(batch)]
    assert found == list(range(300))


def test_large_documents_travel_in_batches_a_client_accepts(things):
    things.insert_many([{"n": n, "bytes": b"x" * 9_000_000} for n in range(7)])
    assert [len(document["bytes"]) for document in things.find()] == [9_000_000] * 7


def test_cursor_that_was_closed_is_gone(numbers):
    with numbers.find().batch_size(10) as cursor:
        next(cursor)
        number = cursor.cursor_id
        assert number
    gone = {"getMore": bson.Int64(number), "collection": numbers.name}
    with pytest.raises(OperationFailure) as caught:
        numbers.database.command(gone)
    assert caught.value.code == 43


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"n": 7}, [7]),
        ({"n": 7.0}, [7]),
        ({"n": {"$eq": 7}}, [7]),
        ({"n": {"$in": [5, 7, 5]}}, [5, 7]),
        ({"n": {"$in": [5, 7], "$gt": 5}}, [7]),
        ({"n": {"$in": []}}, []),
        ({"n": True}, []),
        ({"seq": 7}, [6, 7]),
        ({"seq": {"$in": [1]}}, [0, 1]),
        ({"of.square": 49}, [7]),
        ({"of": {"square": 49}}, [7]),
        ({"none": None, "n": 3}, [3]),
        ({"n": None}, []),
        ({"$or": [{"n": 1}, {"of.square": 4}]}, [1, 2]),
        ({"$and": [{"n": {"$gte": 298}}, {"odd": True}]}, [299]),
        ({"n": {"$lt": 3, "$ne": 1}}, [0, 2]),
        ({"none": {"$exists": True}}, []),
        ({"seq": {"$elemMatch": {"$gt": 299}}}, [299]),
    ],
)
def test_queries_find_what_mongodb_finds(numbers, query, expected):
    assert [document["n"] for document in numbers.find(query).sort("n", 1)] == expected
    assert numbers.count_documents(query) == len(expected)


def test_numbers_and_booleans_are_not_mixed_up(things):
    things.insert_many([{"v": 1}, {"v": True}, {"v": 1.0}, {"v": "1"}])
    assert [document["v"] for document in things.find({"v": 1})] == [1, 1.0]
    assert [document["v"] for document in things.find({"v": True})] == [True]
    assert [document["v"] for document in things.find({"v": {"$in": ["1", False]}})] == ["1"]


def test_wrong_queries_are_refused(things):
    with pytest.raises(OperationFailure):
        things.find_one({"$nonsense": 1})
    with pytest.raises(OperationFailure):
        list(things.aggregate([{"$nonsense": 1}]))


def test_aggregate_groups_and_changes_nothing(numbers):
    pipeline = [
        {"$match": {"n": {"$lt": 10}}},
        {"$addFields": {"of.cube": {"$multiply": ["$n", "$of.square"]}}},
        {"$group": {"_id": "$odd", "total": {"$sum": "$of.cube"}}},
        {"$sort": {"_id": 1}},
    ]
    assert list(numbers.aggregate(pipeline)) == [{"_id": False, "total": 800}, {"_id": True, "total": 1225}]
    assert numbers.count_documents({"of.cube": {"$exists": True}}) == 0


def test_aggregate_looks_up_in_another_collection(numbers):
    numbers.database.names.insert_one({"number": 2, "name": "two"})
    join = {"from": "names", "localField": "n", "foreignField": "number", "as": "names"}
    [found] = numbers.aggregate([{"$match": {"n": 2}}, {"$lookup": join}, {"$unwind": "$names"}])
    assert found["names"]["name"] == "two"


def test_count_and_distinct(numbers):
    assert numbers.estimated_document_count() == numbers.count_documents({}) == 300
    assert numbers.count_documents({"odd": True}, skip=100, limit=20) == 20
    assert sorted(numbers.distinct("of.square", {"n": {"$lt": 4}})) == [0, 1, 4, 9]
    assert sorted(numbers.distinct("seq", {"n": {"$lt": 2}})) == [0, 1, 2]


def test_types_come_back_as_they_went(things):
    when = datetime(2024, 5, 6, 7, 8, 9, 123000, tzinfo=UTC)
    sent = {
        "_id": ObjectId(),
        "when": when,
        "long": bson.Int64(5),
        "bytes": b"\0\1",
        "none": None,
        "nested": [{"a": [1.5]}],
    }
    things.insert_one(sent)
    back = things.with_options(codec_options=bson.CodecOptions(tz_aware=True)).find_one()
    assert back == sent and list(back) == list(sent) and isinstance(back["long"], bson.Int64)
    assert things.count_documents({"when": when}) == 1
    assert things.count_documents({"when": {"$gt": when}}) == 0


# writing


def test_update_operators(things):
    things.insert_one({"_id": 1, "n": 1, "list": [1], "steps": [{"k": 1, "v": 0}, {"k": 2, "v": 0}]})
    things.update_one(
        {"_id": 1}, {"$inc": {"n": 2}, "$set": {"a.b": 1}, "$push": {"list": {"$each": [2, 3], "$slice": -2}}}
    )
    things.update_one({"_id": 1}, {"$addToSet": {"list": 3}, "$unset": {"missing": ""}})
    things.update_one({"_id": 1, "steps.k": 2}, {"$set": {"steps.$.v": 9}})
    things.update_one({"_id": 1}, {"$set": {"steps.$[s].v": 5}}, array_filters=[{"s.k": 1}])
    assert things.find_one() == {
        "_id": 1,
        "n": 3,
        "list": [2, 3],
        "a": {"b": 1},
        "steps": [{"k": 1, "v": 5}, {"k": 2, "v": 9}],
    }


def test_update_by_pipeline_sees_the_document(things):
    """jobflow-remote locks documents this way."""
    things.insert_many([{"_id": 1, "lock": None}, {"_id": 2, "lock": "other"}])
    for key, expected in ((1, "mine"), (2, "other")):
        condition = {"$cond": {"if": {"$gt": ["$lock", None]}, "then": "$lock", "else": "mine"}}
        found = things.find_one_and_update(
            {"_id": key}, [{"$set": {"lock": condition}}], return_document=ReturnDocument.AFTER
        )
        assert found["lock"] == expected


def test_update_counts_what_matched_and_what_changed(things):
    things.insert_many([{"a": 1}, {"a": 1}, {"a": 2}])
    result = things.update_many({"a": {"$in": [1, 2]}}, {"$set": {"a": 2}})
    assert (result.matched_count, result.modified_count) == (3, 2)
    result = things.update_one({"a": 5}, {"$set": {"b": 1}})
    assert (result.matched_count, result.upserted_id) == (0, None)


def test_upsert(things):
    result = things.update_one({"a": 5}, {"$set": {"b": 1}, "$setOnInsert": {"new": True}}, upsert=True)
    assert things.find_one() == {"_id": result.upserted_id, "a": 5, "b": 1, "new": True}
    things.replace_one({"a": 5}, {"a": 6}, upsert=True)
    assert things.find_one() == {"_id": result.upserted_id, "a": 6}
    assert things.replace_one({"a": 7}, {"a": 7}, upsert=True).upserted_id is not None
    assert things.count_documents({}) == 2


def test_refused_update_leaves_the_document_whole(things):
    before = {"_id": 1, "a": 1, "text": "x"}
    things.insert_one(dict(before))
    with pytest.raises(OperationFailure):
        things.update_one({"_id": 1}, {"$set": {"a": 2}, "$inc": {"text": 1}})
    with pytest.raises(OperationFailure):
        things.replace_one({"_id": 1}, {"_id": 2, "a": 3})
    assert things.find_one() == before


def test_bulk_write_ordered_stops_and_unordered_goes_on(things):
    requests = [InsertOne({"_id": 1}), InsertOne({"_id": 1}), InsertOne({"_id": 2})]
    with pytest.raises(BulkWriteError) as caught:
        things.bulk_write(requests)
    assert (caught.value.details["nInserted"], caught.value.details["writeErrors"][0]["code"]) == (1, 11000)
    with pytest.raises(BulkWriteError) as caught:
        things.bulk_write(requests, ordered=False)
    assert (caught.value.details["nInserted"], len(caught.value.details["writeErrors"])) == (1, 2)
    result = things.bulk_write(
        [ReplaceOne({"_id": n}, {"v": n}, upsert=True) for n in (2, 3)] + [UpdateOne({"_id": 1}, {"$set": {"v": 1}})]
    )
    assert (result.upserted_count, result.modified_count) == (1, 2)
    assert sorted(document["v"] for document in things.find()) == [1, 2, 3]


def test_delete(numbers):
    assert numbers.delete_one({"odd": True}).deleted_count == 1
    assert numbers.delete_many({"n": {"$gte": 290}}).deleted_count == 10
    assert numbers.delete_many({"n": -1}).deleted_count == 0
    assert numbers.count_documents({}) == 289


def test_unacknowledged_write_arrives(things):
    things.with_options(write_concern=pymongo.WriteConcern(w=0)).insert_one({"_id": 1})
    for _ in range(100):
        if things.find_one():
            return
        time.sleep(0.02)
    pytest.fail("the document did not arrive")


def test_find_one_and_update(things):
    things.insert_many([{"_id": n, "p": -n, "state": "READY"} for n in range(5)])
    first = things.find_one_and_update({"state": "READY"}, {"$set": {"state": "RUN"}}, sort=[("p", 1)])
    assert first == {"_id": 4, "p": -4, "state": "READY"}
    after = things.find_one_and_update(
        {"state": "READY"},
        {"$set": {"state": "RUN"}},
        {"state": 1},
        sort=[("p", 1)],
        return_document=ReturnDocument.AFTER,
    )
    assert after == {"_id": 3, "state": "RUN"}
    assert things.find_one_and_update({"_id": 99}, {"$set": {"p": 1}}) is None
    made = things.find_one_and_update(
        {"_id": 99}, {"$set": {"p": 1}}, upsert=True, return_document=ReturnDocument.AFTER
    )
    assert made == {"_id": 99, "p": 1}
    assert things.find_one_and_replace({"_id": 0}, {"new": 1}) == {"_id": 0, "p": 0, "state": "READY"}
    assert things.find_one({"_id": 0}) == {"_id": 0, "new": 1}
    assert things.find_one_and_delete({"_id": 0}) == {"_id": 0, "new": 1}
    assert things.find_one_and_delete({"_id": 0}) is None


def test_find_one_and_update_gives_every_document_to_one_client_only(mongo):
    name = mongo.new_database_name()
    with mongo.client() as client:
        client[name].queue.insert_many([{"n": n, "taken": False} for n in range(200)])

    def take() -> list[int]:
        with mongo.client() as own:
            queue, got = own[name].queue, []
            while (
                found := queue.find_one_and_update({"taken": False}, {"$set": {"taken": True}}, sort=[("n", 1)])
            ) is not None:
                got.append(found["n"])
            return got

    with ThreadPoolExecutor(8) as pool:
        taken = [f.result() for f in [pool.submit(take) for _ in range(8)]]
    assert sorted(itertools.chain.from_iterable(taken)) == list(range(200))


# indexes, collections, databases


def test_unique_index_is_kept_to(things):
    things.create_index("n", unique=True)
    things.insert_many([{"n": 1}, {"n": 2}])
    with pytest.raises(DuplicateKeyError) as caught:
        things.insert_one({"n": 1})
    assert caught.value.details["keyValue"] == {"n": 1}
    with pytest.raises(DuplicateKeyError):
        things.update_one({"n": 2}, {"$set": {"n": 1}})
    with pytest.raises(DuplicateKeyError):
        things.find_one_and_update({"n": 2}, {"$set": {"n": 1}})
    with pytest.raises(DuplicateKeyError):
        things.insert_one({"_id": things.find_one()["_id"], "n": 3})
    assert sorted(document["n"] for document in things.find()) == [1, 2]
    things.update_one({"n": 2}, {"$set": {"other": 1}})


def test_unique_index_over_two_fields_and_dotted(things):
    things.create_index([("uuid", 1), ("index", -1)], unique=True)
    things.create_index("meta.id", unique=True)
    things.insert_many([{"uuid": "a", "index": 1, "meta": {"id": 1}}, {"uuid": "a", "index": 2, "meta": {"id": 2}}])
    with pytest.raises(DuplicateKeyError):
        things.insert_one({"uuid": "a", "index": 2, "meta": {"id": 3}})
    with pytest.raises(DuplicateKeyError):
        things.insert_one({"uuid": "b", "index": 2, "meta": {"id": 2}})
    things.insert_one({"uuid": "b", "index": 2, "meta": {"id": 3}})


def test_unique_index_is_refused_where_documents_are_not(things):
    things.insert_many([{"n": 1}, {"n": 1}])
    with pytest.raises(DuplicateKeyError):
        things.create_index("n", unique=True)
    assert set(things.index_information()) == {"_id_"}


def test_indexes_are_listed_and_dropped(things):
    assert things.index_information() == {}
    things.create_index("a", background=True)
    things.create_index([("b", -1), ("c", 1)], unique=True)
    assert set(things.index_information()) == {"_id_", "a_1", "b_-1_c_1"}
    assert things.index_information()["b_-1_c_1"]["unique"]
    things.drop_index("a_1")
    things.drop_index([("b", -1), ("c", 1)])
    with pytest.raises(OperationFailure) as caught:
        things.drop_index("a_1")
    assert caught.value.code == 27
    things.create_index("a")
    with pytest.raises(OperationFailure) as caught:
        things.create_index("a", unique=True)
    assert caught.value.code == 86
    things.drop_indexes()
    assert set(things.index_information()) == {"_id_"}


def test_collections_and_databases_are_listed_and_dropped(database):
    database.one.insert_one({})
    database.create_collection("two")
    assert sorted(database.list_collection_names()) == ["one", "two"]
    assert database.list_collection_names(filter={"name": "one"}) == ["one"]
    with pytest.raises(OperationFailure) as caught:
        database.command("create", "two")
    assert caught.value.code == 48
    database.one.drop()
    database.never.drop()
    assert database.list_collection_names() == ["two"]
    assert database.name in database.client.list_database_names()
    database.client.drop_database(database.name)
    assert database.name not in database.client.list_database_names()


def test_server_says_what_it_is(database):
    client = database.client
    assert client.server_info()["versionArray"][0] >= 4
    assert database.command("serverStatus")["connections"]["current"] >= 1
    assert database.command("ping")["ok"] == 1
    with pytest.raises(OperationFailure) as caught:
        database.command("nonsense")
    assert caught.value.code == 59


# clients on top of pymongo


def test_gridfs_store_of_maggma(mongo):
    name = mongo.new_database_name()
    store = GridFSStore.from_dict(_fields(mongo.store(name, "blobs")) | {"compression": True, "key": "blob"})
    with store:
        big = {"blob": "a", "data": list(range(200_000))}
        store.update([big, {"blob": "b", "data": [1]}])
        store.update([{"blob": "b", "data": [2]}])
        assert store.count() == 2
        assert store.query_one({"blob": "a"})["data"] == big["data"]
        assert [document["data"] for document in store.query({"blob": "b"})] == [[2]]
        store.remove_docs({"blob": "a"})
        assert [document["blob"] for document in store.query()] == ["b"]


def test_mongo_store_of_maggma(mongo):
    with MongoStore.from_dict(_fields(mongo.store(mongo.new_database_name(), "docs")) | {"key": "uuid"}) as store:
        store.update([{"uuid": str(n), "n": n, "parity": n % 2} for n in range(20)])
        store.update([{"uuid": "3", "n": 33, "parity": 1}])
        assert store.count() == 20
        assert store.query_one({"uuid": "3"})["n"] == 33
        assert sorted(store.distinct("parity")) == [0, 1]
        groups = {key["parity"]: len(members) for key, members in store.groupby("parity")}
        assert groups == {0: 10, 1: 10}
        assert [d["n"] for d in store.query(sort={"n": -1}, limit=2, properties=["n"])] == [33, 19]
        assert store.ensure_index("n")


def _fields(store: dict) -> dict:
    said = dict(store)
    said.pop("type")
    return said


# users and passwords


def test_right_password_is_let_in(mongo_with_password):
    with mongo_with_password.client() as client:
        collection = client[mongo_with_password.new_database_name()].things
        collection.insert_one({"a": 1})
        assert collection.find_one({"a": 1})


@pytest.mark.parametrize(
    "change",
    [{"password": "wrong"}, {"username": "nobody"}, {"auth_source": "elsewhere"}],
    ids=["password", "user", "source"],
)
def test_wrong_credentials_are_refused(mongo_with_password, change):
    site = MongoSite(**{**{k: v for k, v in vars(mongo_with_password).items() if k != "_names"}, **change})
    with site.client() as client, pytest.raises(OperationFailure) as caught:
        client.liface_test_refused.things.find_one()
    assert caught.value.code == 18


def test_no_credentials_are_not_authorized(mongo_with_password):
    site = MongoSite(mongo_with_password.host, mongo_with_password.port)
    with site.client() as client:
        assert client.admin.command("ping")["ok"] == 1
        for refused in (client.list_database_names, client.x.things.find_one, lambda: client.x.things.insert_one({})):
            with pytest.raises(OperationFailure) as caught:
                refused()
            assert caught.value.code == 13


def test_other_mechanism_is_refused(mongo_with_password):
    with (
        mongo_with_password.client(authMechanism="SCRAM-SHA-1") as client,
        pytest.raises((OperationFailure, ConfigurationError)),
    ):
        client.x.things.find_one()


# the process


def test_standin_is_shared_by_processes_and_ends_on_stop():
    with StandinProcess() as server:
        address = f"mongodb://{server.host}:{server.port}"
        write = f"import pymongo; pymongo.MongoClient({address!r}).t.things.insert_one({{'pid': 1}})"
        subprocess.run([sys.executable, "-c", write], check=True)
        with MongoClient(address) as client:
            assert client.t.things.find_one()["pid"] == 1
        port = server.port
    with (
        MongoClient("127.0.0.1", port, serverSelectionTimeoutMS=200) as client,
        pytest.raises(ServerSelectionTimeoutError),
    ):
        client.admin.command("ping")
    with StandinProcess(port=port) as again, MongoClient("127.0.0.1", port) as client:
        assert again.port == port
        assert client.t.things.find_one() is None


def test_standin_ends_with_the_process_that_started_it():
    start = (
        "import time; from mongo_standin.process import StandinProcess\n"
        "server = StandinProcess(); print(server.pid, flush=True); time.sleep(60)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    parent = subprocess.Popen([sys.executable, "-c", start], stdout=subprocess.PIPE, text=True, env=environment)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if not Path(f"/proc/{pid}").exists():
            return
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("the stand-in outlived its parent by half a minute")


def test_clients_that_come_and_go_leave_the_server_well(standin):
    for _ in range(20):
        with socket.create_connection((standin.host, standin.port)) as raw:
            raw.sendall(struct.pack("<iiii", 100, 1, 0, 2013)[:7])
    with socket.create_connection((standin.host, standin.port)) as raw:
        raw.sendall(struct.pack("<iiii", 20, 1, 0, 9999) + b"\0\0\0\0")
        assert raw.recv(1) == b""
    with MongoClient(standin.host, standin.port) as client:
        assert client.admin.command("ping")["ok"] == 1


@pytest.mark.parametrize(
    "message",
    [
        struct.pack("<iiii", 5, 1, 0, 2013),
        struct.pack("<iiii", 20, 1, 0, 2013) + struct.pack("<I", 0),
        struct.pack("<iiiiI", 26, 1, 0, 2013, 0) + b"\7\5\0\0\0\0",
        struct.pack("<iiiiI", 26, 1, 0, 2013, 0) + b"\0\5\0\0\0\0",
    ],
    ids=["short", "empty", "unknown section", "no command"],
)
def test_malformed_messages_are_told(message):
    rest = [message[:16], message[16:]]
    with pytest.raises(ProtocolError):
        read_request(SimpleNamespace(recv=lambda size: rest.pop(0)))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"a": 1, "b": {"$in": ["x", None]}}, {"a": [1], "b": ["x", None]}),
        ({"b": {"$gt": 1}, "c.d": 1, "$or": [], "e": [1], "f": {"g": 1}, "h": float("nan")}, {}),
        ({"a": {"$in": [1, [2]]}, "b": {"$in": [1], "$gt": 0}}, {}),
    ],
)
def test_plain_values_of_a_query(query, expected):
    assert {field: list(values) for field, values in plain_values(query).items()} == expected


def test_lookups_by_a_plain_field_stay_quick_among_many_documents(things):
    things.create_index("fw_id", unique=True)
    ballast = {str(i): list(range(20)) for i in range(20)}
    things.insert_many([{"fw_id": n, "state": "WAITING", "spec": ballast} for n in range(2000)])
    pairs = []
    for n in range(0, 2000, 50):
        started = time.perf_counter()
        things.find_one({"fw_id": n})
        things.find_one_and_update({"fw_id": n, "state": "WAITING"}, {"$set": {"state": "READY"}})
        pairs.append(time.perf_counter() - started)
    usual = median(pairs)  # others that use the machine delay some
    assert usual < 0.1, f"{usual * 1e3:.1f} ms"


def test_answers_while_many_connections_are_open(standin):
    clients = [MongoClient(standin.host, standin.port) for _ in range(30)]
    barrier = threading.Barrier(30)

    def ping(client: MongoClient) -> float:
        barrier.wait(timeout=30)
        return client.admin.command("ping")["ok"]

    with ThreadPoolExecutor(30) as pool:
        assert sum(pool.map(ping, clients)) == 30
    for client in clients:
        client.close()
