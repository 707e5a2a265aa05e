"""Documents in memory: mongomock's collections with quick look-ups, and updates that change all or nothing."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import bson
import mongomock_ng
from bson import ObjectId
from bson.int64 import Int64
from bson.raw_bson import RawBSONDocument
from mongomock_ng.aggregate import process_pipeline
from mongomock_ng.collection import Collection
from mongomock_ng.filtering import filter_applies, resolve_sort_key
from mongomock_ng.helpers import _clone_document as copy_of

from .errors import CommandError
from .protocol import MAX_DOCUMENT_BYTES

Document = dict[str, Any]
PLAIN = (str, int, Int64, float, bool, ObjectId, type(None))
"""Types whose values are equal in Python when, and only when, they are equal in MongoDB, once booleans are marked."""
LEAVES_ALONE = {"$match", "$sort", "$skip", "$limit", "$group", "$count", "$sortByCount"}
"""Pipeline stages that change no document they are given."""

warnings.filterwarnings("ignore", module="mongomock_ng")


class Documents(Collection):
    """One collection.

    mongomock tries a filter on every document and copies all that match before it sorts and cuts. Here documents
    are sorted out by their plain top-level fields first, and only what is asked for is copied.
    """

    def make(self) -> None:
        """Create the collection; it is there until it is dropped, empty or not."""
        self._store.create()

    def select(self, query: Document, sort: Document | None = None, skip: int = 0, limit: int = 0) -> list[Document]:
        """Give the stored documents themselves that match, in order; they must not be changed."""
        found = self._iter_documents(query)
        for key, direction in reversed((sort or {}).items()):
            if key == "$natural":
                found = iter(list(found)[::direction])
            else:
                found = iter(sorted(found, key=lambda x: resolve_sort_key(key, x), reverse=direction < 0))
        return list(itertools.islice(found, skip, skip + limit if limit else None))

    def projected(self, document: Document, projection: Document | None, query: Document) -> Document:
        """Give a document with the fields asked for."""
        if not projection:
            return document
        return self._copy_only_fields(document, dict(projection), dict, filter=query)

    def run_pipeline(self, pipeline: list[Document]) -> Iterable[Document]:
        """Give what an aggregation pipeline yields."""
        query = {}
        if pipeline and "$match" in pipeline[0]:
            query, pipeline = pipeline[0]["$match"], pipeline[1:]
        found = self.select(query)
        if any(not stage.keys() <= LEAVES_ALONE for stage in pipeline):
            found = [copy_of(document) for document in found]
        return process_pipeline(found, self.database, pipeline, None)

    def _iter_documents(self, query: Document) -> Iterator[Document]:
        candidates, rest = self._narrow(query)
        if not candidates:
            filter_applies(query, {})  # a wrong query is an error in an empty collection too
        return (document for document in candidates if filter_applies(rest, document))

    def _narrow(self, query: Document) -> tuple[list[Document], Document]:
        """Give the documents whose plain top-level fields do not speak against a match, and the query left to try."""
        tests, rest = plain_values(query), dict(query)
        if "_id" in tests:
            found = [self._store[key] for key in tests["_id"] if key in self._store]
        else:
            found = list(self._store.documents)
        for field, values in tests.items():
            found = [x for x in found if type(x.get(field)) not in PLAIN or marked(x.get(field)) in values]
            if all(type(x.get(field)) in PLAIN for x in found):
                del rest[field]
        return found, rest

    def _insert(self, data: Document, *rest: Any, **options: Any) -> Any:
        self.make()
        return super()._insert(data, *rest, **options)

    def _ensure_uniques(self, new_data: Document) -> None:
        indexes = self._store.indexes.values()
        if any(self._has_rival(new_data, index["key"]) for index in indexes if index.get("unique")):
            super()._ensure_uniques(new_data)

    def _has_rival(self, document: Document, key: list[tuple[str, Any]]) -> bool:
        """Whether another document may hold the same values under the key of a unique index."""
        query = {field: document.get(field) for field, _ in key if "." not in field}
        return any(other["_id"] != document["_id"] for other in self._narrow(query)[0])

    def _apply_update_document(self, existing_document: Document, *rest: Any) -> None:
        """Update a copy first, so that an update refused half-way leaves the stored document as it was."""
        changed = copy_of(existing_document)
        super()._apply_update_document(changed, *rest)
        _become(existing_document, changed)

    def _apply_update_pipeline(self, existing_document: Document, *rest: Any) -> None:
        changed = copy_of(existing_document)
        super()._apply_update_pipeline(changed, *rest)
        _become(existing_document, changed)


class Storage:
    """All databases of the server, and the open cursors on them."""

    def __init__(self) -> None:
        self.client: mongomock_ng.MongoClient[Document] = mongomock_ng.MongoClient()
        self.cursors: dict[int, tuple[str, list[RawBSONDocument]]] = {}
        self._next_cursor = itertools.count(1)

    def collection(self, database: str, name: Any) -> Documents:
        """Give a collection, which need not exist yet."""
        if not isinstance(name, str) or not name:
            raise CommandError(2, f"a collection's name is a text, not {name!r}")
        home = self.client[database]
        found: Documents | None = home._collection_accesses.get(name)
        if found is None:
            home._ensure_valid_collection_name(name)
            found = home._collection_accesses[name] = Documents(home, name, home._store)
        return found

    def exists(self, database: str, name: str) -> bool:
        """Whether a collection exists."""
        return name in self.client[database].list_collection_names()

    def reply(
        self, namespace: str, documents: Iterable[Document], batch_size: int | None, keep: bool = True
    ) -> Document:
        """Give the first batch of a cursor; what is left stays for `next_batch` unless it need not be kept.

        The documents are encoded at once: later writes do not change what a cursor yields.
        """
        rest = [RawBSONDocument(bson.encode(document)) for document in documents]
        batch, rest = _split(rest, 101 if batch_size is None else batch_size)
        number = next(self._next_cursor) if rest and keep else 0
        if number:
            self.cursors[number] = (namespace, rest)
        return {"cursor": {"id": Int64(number), "ns": namespace, "firstBatch": batch}}

    def next_batch(self, number: int, batch_size: int | None) -> Document:
        """Give the next batch of an open cursor."""
        if number not in self.cursors:
            raise CommandError(43, f"cursor id {number} not found")
        namespace, rest = self.cursors.pop(number)
        batch, rest = _split(rest, batch_size or len(rest))
        if rest:
            self.cursors[number] = (namespace, rest)
        return {"cursor": {"id": Int64(number if rest else 0), "ns": namespace, "nextBatch": batch}}


def plain_values(query: Document) -> dict[str, dict[Any, None]]:
    """Give the plain values among which a query wants its top-level fields, where that is what it asks."""
    found: dict[str, dict[Any, None]] = {}
    for field, wanted in query.items():
        if field.startswith("$") or "." in field:
            continue
        values: Any = [wanted]
        if isinstance(wanted, dict) and wanted.keys() == {"$in"}:
            values = wanted["$in"]
        if isinstance(values, list) and all(type(x) in PLAIN and x == x for x in values):
            found[field] = dict.fromkeys(map(marked, values))
    return found


def marked(value: Any) -> Any:
    """Tell booleans from the numbers that Python takes them for."""
    return (bool, value) if isinstance(value, bool) else value


def _become(document: Document, changed: Document) -> None:
    document.clear()
    document.update(changed)


def _split(documents: list[RawBSONDocument], count: int) -> tuple[list[RawBSONDocument], list[RawBSONDocument]]:
    """Cut off a batch of so many documents that a reply can hold."""
    size, taken = 0, 0
    for document in documents[:count]:
        size += len(document.raw)
        if taken and size > MAX_DOCUMENT_BYTES:
            break
        taken += 1
    return documents[:taken], documents[taken:]
