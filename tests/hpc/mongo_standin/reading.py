"""Commands that read documents."""

from __future__ import annotations

from .storage import Document, Storage


def find(storage: Storage, database: str, command: Document) -> Document:
    """Documents that match, sorted, skipped, limited, with the fields asked for."""
    documents = storage.collection(database, command["find"])
    query = command.get("filter") or {}
    found = documents.select(query, command.get("sort"), command.get("skip", 0), abs(command.get("limit", 0)))
    shown = (documents.projected(document, command.get("projection"), query) for document in found)
    one_batch = bool(command.get("singleBatch"))
    return storage.reply(f"{database}.{command['find']}", shown, command.get("batchSize"), keep=not one_batch)


def aggregate(storage: Storage, database: str, command: Document) -> Document:
    """What a pipeline over one collection yields."""
    documents = storage.collection(database, command["aggregate"])
    found = documents.run_pipeline(command["pipeline"])
    return storage.reply(f"{database}.{command['aggregate']}", found, command.get("cursor", {}).get("batchSize"))


def count(storage: Storage, database: str, command: Document) -> Document:
    """How many documents match."""
    documents = storage.collection(database, command["count"])
    found = documents.select(command.get("query") or {}, None, command.get("skip", 0), abs(command.get("limit", 0)))
    return {"n": len(found)}


def distinct(storage: Storage, database: str, command: Document) -> Document:
    """The distinct values of a field."""
    documents = storage.collection(database, command["distinct"])
    key = command["key"]
    return {"values": documents.find(command.get("query") or {}, {key: 1}).distinct(key)}


def get_more(storage: Storage, database: str, command: Document) -> Document:
    """The next batch of a cursor."""
    return storage.next_batch(command["getMore"], command.get("batchSize"))


def kill_cursors(storage: Storage, database: str, command: Document) -> Document:
    """Forget cursors."""
    known = [number for number in command["cursors"] if storage.cursors.pop(number, None)]
    return {"cursorsKilled": known, "cursorsNotFound": [n for n in command["cursors"] if n not in known]}


COMMANDS = {
    "find": find,
    "aggregate": aggregate,
    "count": count,
    "distinct": distinct,
    "getMore": get_more,
    "killCursors": kill_cursors,
}
