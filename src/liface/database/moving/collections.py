"""The few questions that a copy asks of a collection of documents: on a server, or in the memory of this process.

maggma's stores in memory read every document for every question and for every document they add; here they are held by
their identity beside the store, so that ten thousand documents take seconds and not hours.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection as Several
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

Stored = dict[str, Any]


class Collection(Protocol):
    """Documents by ``liface_id``."""

    def count(self, noun: str) -> int:
        """Return how many documents of a noun there are."""

    def after(self, noun: str, liface_id: str, size: int) -> Iterator[Stored]:
        """Yield the next documents of a noun in the order of their identities, without their content."""

    def these(self, liface_ids: Sequence[str], *, content: bool) -> Iterator[Stored]:
        """Yield those of these documents that are there, with or without their content."""

    def in_slots(self, noun: str, slots: Several[str]) -> Iterator[Stored]:
        """Yield the documents that are shown in these slots, without their content."""

    def cases(self, campaign: str, case: str) -> Iterator[Stored]:
        """Yield the cases of a name."""

    def results(self, campaign: str, case: str, keys: Several[str]) -> Iterator[Stored]:
        """Yield the results of a case that are among these, without their content."""

    def put(self, new: Sequence[Stored], replaced: Sequence[Stored]) -> None:
        """Store new documents, and others in the place of those of their identity."""

    def remove(self, liface_ids: Sequence[str]) -> None:
        """Delete documents."""

    def hide(self, liface_ids: Sequence[str]) -> None:
        """Mark documents as superseded."""


class ServerCollection:
    """A collection of a MongoDB, behind a connected MongoStore."""

    WITHOUT_CONTENT = ("liface_id", "key", "sha256", "is_current", "slot_id", "created_at", "kind")

    def __init__(self, store: Any):
        self._store = store
        # maggma writes by looking up each document first; here it is known which are new.
        self._collection = store._collection

    def count(self, noun: str) -> int:
        """Return how many documents of a noun there are."""
        return int(self._collection.count_documents({"liface_id": _range(noun, "")}))

    def after(self, noun: str, liface_id: str, size: int) -> Iterator[Stored]:
        """Yield the next documents of a noun in the order of their identities, without their content."""
        criteria = {"liface_id": _range(noun, liface_id)}
        yield from self._store.query(criteria, list(self.WITHOUT_CONTENT), {"liface_id": 1}, limit=size)

    def these(self, liface_ids: Sequence[str], *, content: bool) -> Iterator[Stored]:
        """Yield those of these documents that are there, with or without their content."""
        if liface_ids:
            wanted = None if content else list(self.WITHOUT_CONTENT)
            yield from self._store.query({"liface_id": {"$in": list(liface_ids)}}, wanted)

    def in_slots(self, noun: str, slots: Several[str]) -> Iterator[Stored]:
        """Yield the documents that are shown in these slots, without their content."""
        criteria = {"noun": noun, "is_current": True, "slot_id": {"$in": sorted(slots)}}
        yield from self._store.query(criteria, list(self.WITHOUT_CONTENT))

    def cases(self, campaign: str, case: str) -> Iterator[Stored]:
        """Yield the cases of a name."""
        yield from self._store.query({"noun": "cases", "campaign": campaign, "case": case})

    def results(self, campaign: str, case: str, keys: Several[str]) -> Iterator[Stored]:
        """Yield the results of a case that are among these, without their content."""
        criteria = {"key": {"$in": sorted(keys)}, "campaign": campaign, "case": case}
        yield from self._store.query(criteria, list(self.WITHOUT_CONTENT))

    def put(self, new: Sequence[Stored], replaced: Sequence[Stored]) -> None:
        """Store new documents, and others in the place of those of their identity."""
        if new:
            self._collection.insert_many(list(new), ordered=False)
        for each in replaced:
            self._collection.replace_one({"liface_id": each["liface_id"]}, each)

    def remove(self, liface_ids: Sequence[str]) -> None:
        """Delete documents."""
        if liface_ids:
            self._store.remove_docs({"liface_id": {"$in": list(liface_ids)}})

    def hide(self, liface_ids: Sequence[str]) -> None:
        """Mark documents as superseded."""
        if liface_ids:
            criteria = {"liface_id": {"$in": list(liface_ids)}}
            self._collection.update_many(criteria, {"$set": {"is_current": False}})


class HeldCollection:
    """Documents in the memory of this process; ``held`` is changed in place."""

    def __init__(self, documents: Iterable[Stored]):
        self.held: dict[str, Stored] = {each["liface_id"]: each for each in documents}
        self.changed = False
        self._sorted: list[str] = []

    def count(self, noun: str) -> int:
        """Return how many documents of a noun there are."""
        return sum(each["noun"] == noun for each in self.held.values())

    def after(self, noun: str, liface_id: str, size: int) -> Iterator[Stored]:
        """Yield the next documents of a noun in the order of their identities, without their content."""
        if len(self._sorted) != len(self.held):
            self._sorted = sorted(self.held)
        start = bisect_right(self._sorted, f"{noun}/{liface_id}")
        for key in self._sorted[start : start + size]:
            if self.held[key]["noun"] == noun:
                yield self.held[key]

    def these(self, liface_ids: Sequence[str], *, content: bool) -> Iterator[Stored]:
        """Yield those of these documents that are there."""
        yield from (self.held[each] for each in liface_ids if each in self.held)

    def in_slots(self, noun: str, slots: Several[str]) -> Iterator[Stored]:
        """Yield the documents that are shown in these slots."""
        wanted = set(slots)
        for each in self.held.values():
            if each["slot_id"] in wanted and each["noun"] == noun and each["is_current"]:
                yield each

    def cases(self, campaign: str, case: str) -> Iterator[Stored]:
        """Yield the cases of a name."""
        for each in self.held.values():
            if each["noun"] == "cases" and (each["campaign"], each["case"]) == (campaign, case):
                yield each

    def results(self, campaign: str, case: str, keys: Several[str]) -> Iterator[Stored]:
        """Yield the results of a case that are among these."""
        wanted = set(keys)
        for each in self.held.values():
            if each["key"] in wanted and (each["campaign"], each["case"]) == (campaign, case):
                yield each

    def put(self, new: Sequence[Stored], replaced: Sequence[Stored]) -> None:
        """Store documents."""
        self.changed = True
        self.held.update((each["liface_id"], each) for each in (*new, *replaced))

    def remove(self, liface_ids: Sequence[str]) -> None:
        """Delete documents."""
        for each in liface_ids:
            del self.held[each]
        self._sorted = []

    def hide(self, liface_ids: Sequence[str]) -> None:
        """Mark documents as superseded."""
        for each in liface_ids:
            self.held[each] = {**self.held[each], "is_current": False}


class MirroredCollection(HeldCollection):
    """Documents of a connected MemoryStore, which gets every change."""

    def __init__(self, store: Any):
        self._server = ServerCollection(store)
        super().__init__(store.query({"liface_id": {"$exists": True}}))

    def put(self, new: Sequence[Stored], replaced: Sequence[Stored]) -> None:
        """Store documents."""
        super().put(new, replaced)
        self._server.put([dict(each) for each in new], [dict(each) for each in replaced])

    def remove(self, liface_ids: Sequence[str]) -> None:
        """Delete documents."""
        super().remove(liface_ids)
        self._server.remove(liface_ids)

    def hide(self, liface_ids: Sequence[str]) -> None:
        """Mark documents as superseded."""
        super().hide(liface_ids)
        self._server.hide(liface_ids)


def record_ids(stored: Mapping[str, Any]) -> set[str]:
    """Return the results that a stored case lists."""
    return set((stored.get("document") or {}).get("record_ids", ()))


def _range(noun: str, liface_id: str) -> dict[str, str]:
    """Return the condition on identities of a noun after an entry; ``0`` is the character after the slash."""
    return {"$gt": f"{noun}/{liface_id}", "$lt": f"{noun}0"}
