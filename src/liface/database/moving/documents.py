"""A document store (MongoDB, or a JSON file) as a place that documents are moved from and to.

One collection holds the documents of every noun, each as plain JSON under ``document`` beside what it is found by:
``liface_id`` (noun and entry, unique), ``noun``, ``kind``, ``key`` (content identity), ``slot_id``, ``is_current``,
``campaign``, ``case``, ``created_at`` and ``sha256``, the checksum of its JSON. ``_id`` is left to the server, and
other documents of the collection are left alone. What JSON of a store cannot hold exactly, such as a number that is
not finite, is kept as ``text``.

A store has no transactions over several documents: each document is stored whole or not at all, and a copy that was
interrupted goes on when it is run again. A JSON file is written at the end, in the place of the earlier one; it is for
one process at a time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json, to_json

from liface.database.codec import ADVICE, sha256_of
from liface.database.columns import RESULT_NOUNS, Noun
from liface.database.exports.files import whole_file
from liface.database.moving.collections import (
    Collection,
    HeldCollection,
    MirroredCollection,
    ServerCollection,
    Stored,
    record_ids,
)
from liface.database.moving.place import BATCH, LONG_AGO, Changes, Occupant, Stub, Whole
from liface.database.moving.stores import answering, name_of
from liface.errors import CorruptDatabaseError, DatabaseOpenError, DatabaseWriteError, InputError

if TYPE_CHECKING:
    from maggma.core import Store

IN_MEMORY = ("MemoryStore", "JSONStore")
INDEXED = ("noun", "kind", "key", "slot_id", "campaign", "created_at")
LARGEST = 16 * 1024 * 1024
"""Bytes of a document that MongoDB takes."""


class StorePlace:
    """Documents in a maggma store that speaks the language of MongoDB.

    Parameters
    ----------
    store
        A MongoStore, JSONStore or MemoryStore.
    writable
        Whether documents will be added; indices are made then.
    """

    def __init__(self, store: Store, *, writable: bool = False):
        self._kind = type(store).__name__
        self._store: Any = store
        self._writable = writable
        self._held: Collection | None = None
        self.batch = BATCH

    @property
    def name(self) -> str:
        """Server, database and collection, or the file; without passwords."""
        return name_of(self._store)

    def connect(self) -> None:
        """Reach the store.

        Raises
        ------
        DatabaseError
            If it does not answer, or its file is damaged.
        InputError
            If documents are to be added to a store that forgets or does not take them.
        """
        if self._kind == "JSONStore":
            self._held = HeldCollection(self._read_files())
            return
        with answering(self.name):
            self._store.connect()
            if self._kind == "MemoryStore":
                self._held = MirroredCollection(self._store)
                return
            self._store.query_one({"liface_id": ""}, properties=["liface_id"])
            if self._writable:
                self._store.ensure_index("liface_id", unique=True)
                for name in INDEXED:
                    self._store.ensure_index(name)
            self._held = ServerCollection(self._store)

    def close(self) -> None:
        """Leave the store; a JSON file gets what was added."""
        if self._kind != "JSONStore":
            self._store.close()
        elif isinstance(self._held, HeldCollection) and self._held.changed:
            self._save_file(self._held)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read; others may write meanwhile."""
        with answering(self.name):
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write; each document is stored whole or not at all."""
        with answering(self.name):
            yield

    def count(self, noun: Noun) -> int:
        """Return how many documents of a noun there are, superseded ones too."""
        return self._collection.count(noun.name)

    def walk(self, noun: Noun, size: int) -> Iterator[list[Stub]]:
        """Yield every document of a noun, in batches and in the order of the entries."""
        last = ""
        while True:
            stubs = [_stub(each) for each in self._collection.after(noun.name, last, size)]
            if not stubs:
                return
            yield stubs
            last = stubs[-1].entry

    def stubs(self, noun: Noun, entries: Sequence[str]) -> dict[str, Stub]:
        """Return those of these entries that are there."""
        found = self._collection.these(_ids(noun, entries), content=False)
        return {stub.entry: stub for stub in map(_stub, found)}

    def texts(self, noun: Noun, stubs: Sequence[Stub]) -> dict[str, bytes | CorruptDatabaseError]:
        """Return the JSON of documents by entry, or what is wrong with it."""
        known = {stub.entry: stub for stub in stubs}
        found: dict[str, bytes | CorruptDatabaseError] = {}
        for each in self._collection.these(_ids(noun, list(known)), content=True):
            stub = known[_entry(each)]
            text = each["text"].encode() if each.get("text") else _text(each.get("document"))
            found[stub.entry] = text
            if sha256_of(text) != stub.sha256:
                found[stub.entry] = CorruptDatabaseError(
                    f"{noun.kind} {stub.key}: the stored document differs from its checksum; {ADVICE}"
                )
        return found

    def occupants(self, noun: Noun, wholes: Sequence[Whole]) -> dict[str, Occupant]:
        """Return what fills the slots of these documents, by slot."""
        found = self._collection.in_slots(noun.name, {each.slot_id for each in wholes})
        return {each["slot_id"]: Occupant(_entry(each), _moment(each.get("created_at"))) for each in found}

    def apply(self, noun: Noun, changes: Changes) -> None:
        """Store a batch: first what is new, then what becomes of the old."""
        documents = [self._document(noun, each) for each in changes.add]
        leaving = _ids(noun, sorted(changes.replace))
        older = list(self._collection.these(leaving, content=True)) if noun.name == "cases" else []
        again = {each["liface_id"] for each in documents}.intersection(leaving)
        self._collection.put(
            [each for each in documents if each["liface_id"] not in again],
            [each for each in documents if each["liface_id"] in again],
        )
        self._collection.remove([each for each in leaving if each not in again])
        self._collection.hide(_ids(noun, sorted(changes.hide)))
        self._hide_unlisted([*older, *(self._document(noun, each) for each in changes.outdated)])

    def _hide_unlisted(self, older: Sequence[Stored]) -> None:
        """Supersede results that only older definitions of cases list."""
        for each in older:
            listed = record_ids(each)
            for kept in self._collection.cases(each["campaign"], each["case"]):
                listed -= record_ids(kept)
            found = self._collection.results(each["campaign"], each["case"], listed) if listed else ()
            self._collection.hide([row["liface_id"] for row in found if row["kind"] in RESULT_NOUNS])

    def _document(self, noun: Noun, each: Whole) -> dict[str, Any]:
        """Return what is stored of a document.

        Raises
        ------
        DatabaseWriteError
            If it is larger than the server takes, or a number of its columns is not finite.
        """
        for name, value in each.values.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise DatabaseWriteError(f"{noun.kind} {each.stub.key}: {name} is {value}, which is no result")
        plain = from_json(each.text)
        exact = _is_plain(plain) and _text(plain) == each.text
        document = {
            "liface_id": f"{noun.name}/{each.stub.entry}",
            "noun": noun.name,
            "kind": noun.kind,
            "key": each.stub.key,
            "slot_id": each.slot_id,
            "is_current": each.stub.is_current,
            "campaign": each.values.get("campaign"),
            "case": each.values.get("case"),
            "created_at": None if each.created_at == LONG_AGO else each.created_at.astimezone(UTC).isoformat(),
            "sha256": each.stub.sha256,
            "document": plain if exact else None,
            **({} if exact else {"text": each.text.decode()}),
        }
        if self._kind not in IN_MEMORY:
            self._refuse_large(noun, each, document)
        return document

    def _refuse_large(self, noun: Noun, each: Whole, document: Mapping[str, Any]) -> None:
        import bson

        if len(each.text) < LARGEST // 4:  # BSON is never four times as long as JSON
            return
        size = len(bson.encode(document))
        if size > LARGEST:
            raise DatabaseWriteError(
                f"{noun.kind} {each.stub.key} has {size / 2**20:.1f} MiB, and {self.name} takes documents of up to "
                f"{LARGEST // 2**20} MiB; nothing of this batch was stored. Copy to SQLite, PostgreSQL or a JSONStore"
            )

    @property
    def _collection(self) -> Collection:
        assert self._held is not None, "connect first"
        return self._held

    # JSON files

    def _read_files(self) -> list[Stored]:
        """Read the files here: maggma takes a damaged one for an empty one, and rewrites it with every batch."""
        store, path = self._store, Path(self._store.paths[0])
        if self._writable and (store.read_only or path.suffix not in (".json", "")):
            raise InputError(
                f"{self.name}: the JSONStore is read-only or compressed; describe one with 'read_only: false' and a "
                "path that ends in .json"
            )
        missing = not path.exists()
        if missing and not self._writable:
            raise DatabaseOpenError(f"no file {path}, which the JSONStore names")
        try:
            rows = [] if missing else [row for each in store.paths for row in store.read_json_file(each)]
        except Exception as error:  # of several parsers
            raise DatabaseOpenError(
                f"{self.name} is no JSON of documents ({type(error).__name__}: {error}); restore it from a copy"
            ) from error
        if any("liface_id" not in row for row in rows):
            raise DatabaseOpenError(f"{self.name} holds other documents than those of liface; give a file of its own")
        return rows

    def _save_file(self, held: HeldCollection) -> None:
        import orjson

        with whole_file(Path(self._store.paths[0])) as temporary, temporary.open("xb") as file:
            file.write(b"[")
            for number, liface_id in enumerate(sorted(held.held)):
                file.write((b",\n" if number else b"\n") + orjson.dumps(held.held[liface_id]))
            file.write(b"\n]\n")


def _ids(noun: Noun, entries: Sequence[str]) -> list[str]:
    return [f"{noun.name}/{entry}" for entry in entries]


def _entry(document: Mapping[str, Any]) -> str:
    return str(document["liface_id"]).partition("/")[2]


def _stub(document: Mapping[str, Any]) -> Stub:
    return Stub(_entry(document), document["key"], document["sha256"], bool(document["is_current"]))


def _moment(text: str | None) -> datetime:
    return datetime.fromisoformat(text) if text else LONG_AGO


def _text(plain: Any) -> bytes:
    """Return JSON as documents write it."""
    return to_json(plain, inf_nan_mode="constants")


def _is_plain(value: Any) -> bool:
    """Tell whether a store gives a value back as it is."""
    if isinstance(value, dict):
        return all(key and key[0] != "$" and "." not in key and "\0" not in key for key in value) and all(
            map(_is_plain, value.values())
        )
    if isinstance(value, list):
        return all(map(_is_plain, value))
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or -(2**63) <= value < 2**63
