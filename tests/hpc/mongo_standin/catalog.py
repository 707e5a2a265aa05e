"""Commands about databases, collections and indexes."""

from __future__ import annotations

from typing import Any

from mongomock_ng.filtering import filter_applies
from pymongo.errors import OperationFailure

from .errors import CommandError
from .storage import Document, Storage

INDEX_OPTIONS = ("unique", "sparse", "name", "expireAfterSeconds", "partialFilterExpression")


def list_databases(storage: Storage, database: str, command: Document) -> Document:
    """The databases that hold something."""
    entries = [{"name": name, "sizeOnDisk": 1, "empty": False} for name in storage.client.list_database_names()]
    return {"databases": [e for e in entries if filter_applies(command.get("filter") or {}, e)], "totalSize": 1}


def drop_database(storage: Storage, database: str, command: Document) -> Document:
    """Drop a database with all it holds."""
    storage.client.drop_database(database)
    return {"dropped": database}


def list_collections(storage: Storage, database: str, command: Document) -> Document:
    """The collections of a database."""
    entries = [
        {"name": name, "type": "collection", "options": {}, "info": {"readOnly": False}}
        for name in storage.client[database].list_collection_names()
    ]
    found = [entry for entry in entries if filter_applies(command.get("filter") or {}, entry)]
    return storage.reply(f"{database}.$cmd.listCollections", found, command.get("cursor", {}).get("batchSize"))


def create(storage: Storage, database: str, command: Document) -> Document:
    """Create an empty collection."""
    name = command["create"]
    storage.collection(database, name)
    if storage.exists(database, name):
        raise CommandError(48, f"collection {database}.{name} already exists")
    storage.client[database].create_collection(name)
    return {}


def drop(storage: Storage, database: str, command: Document) -> Document:
    """Drop a collection; that it is not there is no error."""
    storage.client[database].drop_collection(command["drop"])
    return {"ns": f"{database}.{command['drop']}"}


def create_indexes(storage: Storage, database: str, command: Document) -> Document:
    """Create indexes; the unique ones are kept to, all others only listed."""
    documents = storage.collection(database, command["createIndexes"])
    documents.make()
    before = len(documents.index_information())
    for index in command["indexes"]:
        options = {key: index[key] for key in INDEX_OPTIONS if key in index}
        try:
            documents.create_index(list(index["key"].items()), **options)
        except OperationFailure as error:
            if error.code:  # the documents there are not unique
                raise
            raise CommandError(86, str(error)) from error
    return {"numIndexesBefore": before, "numIndexesAfter": len(documents.index_information())}


def list_indexes(storage: Storage, database: str, command: Document) -> Document:
    """The indexes of a collection."""
    name = command["listIndexes"]
    if not storage.exists(database, name):
        raise CommandError(26, f"ns does not exist: {database}.{name}")
    found = storage.collection(database, name).list_indexes()
    return storage.reply(f"{database}.{name}", found, command.get("cursor", {}).get("batchSize"))


def drop_indexes(storage: Storage, database: str, command: Document) -> Document:
    """Drop all indexes, or one by its name or its key."""
    documents, which = storage.collection(database, command["dropIndexes"]), command["index"]
    if which == "*":
        documents.drop_indexes()
        return {}
    for name in [which] if isinstance(which, str) else _named(documents.index_information(), which):
        try:
            documents.drop_index(name)
        except OperationFailure as error:
            raise CommandError(27, str(error)) from error
    return {}


def _named(indexes: dict[str, Any], key: Document) -> list[str]:
    found = [name for name, index in indexes.items() if dict(index["key"]) == key]
    if not found:
        raise CommandError(27, f"can't find index with key: {key}")
    return found


COMMANDS = {
    "listDatabases": list_databases,
    "dropDatabase": drop_database,
    "listCollections": list_collections,
    "create": create,
    "drop": drop,
    "createIndexes": create_indexes,
    "listIndexes": list_indexes,
    "dropIndexes": drop_indexes,
}
