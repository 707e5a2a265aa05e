"""Commands that write documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bson import ObjectId

from .errors import REFUSED_BY_MONGOMOCK, CommandError, describe
from .storage import Document, Documents, Storage


def insert(storage: Storage, database: str, command: Document) -> Document:
    """Insert documents."""
    documents = storage.collection(database, command["insert"])

    def one(index: int, document: Document) -> int:
        documents.insert_one({"_id": document.get("_id", ObjectId())} | document)
        return 1

    return _each(command["documents"], command, one)


def update(storage: Storage, database: str, command: Document) -> Document:
    """Update, replace or upsert documents."""
    documents = storage.collection(database, command["update"])
    modified, upserted = 0, []

    def one(index: int, statement: Document) -> int:
        nonlocal modified
        matched, changed, new_id = update_one(documents, statement["q"], statement["u"], statement)
        modified += changed
        if new_id is not None:
            upserted.append({"index": index, "_id": new_id})
        return matched

    reply = _each(command["updates"], command, one) | {"nModified": modified}
    return reply | ({"upserted": upserted} if upserted else {})


def delete(storage: Storage, database: str, command: Document) -> Document:
    """Delete one or all documents that match."""
    documents = storage.collection(database, command["delete"])

    def one(index: int, statement: Document) -> int:
        return _delete(documents, statement["q"], only_first=bool(statement["limit"]))

    return _each(command["deletes"], command, one)


def find_and_modify(storage: Storage, database: str, command: Document) -> Document:
    """Change or remove the first document that matches, and give it as it was or as it has become."""
    documents = storage.collection(database, command["findAndModify"])
    query, fields = command.get("query") or {}, command.get("fields")
    found = documents.select(query, command.get("sort"), limit=1)
    key = found[0]["_id"] if found else None
    one_document = query | {"_id": key} if found else query
    before = dict(documents.projected(found[0], fields, query)) if found else None
    if command.get("remove"):
        return {"lastErrorObject": {"n": _delete(documents, one_document, only_first=True)}, "value": before}
    if "update" not in command:
        raise CommandError(9, "Either an update or remove=true must be specified")
    matched, _, new_id = update_one(documents, one_document, command["update"], command)
    said = {"n": matched, "updatedExisting": bool(found)} | ({"upserted": new_id} if new_id is not None else {})
    if command.get("new") and matched:
        after = documents.select({"_id": key if found else new_id})[0]
        return {"lastErrorObject": said, "value": documents.projected(after, fields, query)}
    return {"lastErrorObject": said, "value": before}


def update_one(documents: Documents, query: Document, change: Any, options: Document) -> tuple[int, int, Any]:
    """Carry out one update statement.

    Returns how many documents matched (an upserted one counts), how many changed, and the id of an upserted one.
    """
    operators = isinstance(change, list) or any(key.startswith("$") for key in change)
    extra: Document = {"upsert": bool(options.get("upsert"))}
    if options.get("collation"):
        raise CommandError(238, "collation is not kept by this stand-in")
    if options.get("arrayFilters"):
        extra["array_filters"] = options["arrayFilters"]
    if options.get("multi"):
        if not operators:
            raise CommandError(9, "multi update is not supported for replacement-style update")
        result = documents.update_many(query, change, **extra)
    else:
        # mongomock takes the new _id of a replacement from the query, so the query names the document
        found = documents.select(query, limit=1)
        one_document = query | {"_id": found[0]["_id"]} if found else query
        if operators:
            result = documents.update_one(one_document, change, **extra)
        else:
            result = documents.replace_one(one_document, change, upsert=extra["upsert"])
    new_id = result.upserted_id
    return result.matched_count + (new_id is not None), result.modified_count or 0, new_id


def _delete(documents: Documents, query: Document, only_first: bool) -> int:
    if only_first:
        query = {"_id": {"$in": [document["_id"] for document in documents.select(query, limit=1)]}}
    return documents.delete_many(query).deleted_count


def _each(statements: list[Any], command: Document, run: Callable[[int, Any], int]) -> Document:
    """Run the statements of a write; the first failure ends an ordered one, an unordered one goes on."""
    done, failures = 0, []
    for index, statement in enumerate(statements):
        try:
            done += run(index, statement)
        except (CommandError, *REFUSED_BY_MONGOMOCK) as error:
            failures.append({"index": index, **describe(error)})
            if command.get("ordered", True):
                break
    return {"n": done} | ({"writeErrors": failures} if failures else {})


COMMANDS = {
    "insert": insert,
    "update": update,
    "delete": delete,
    "findAndModify": find_and_modify,
    "findandmodify": find_and_modify,
}
