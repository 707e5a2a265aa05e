"""A results database as a place that documents are moved from and to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, insert, or_, select, true, update

from liface.database.codec import pack, unpack
from liface.database.columns import Noun
from liface.database.connection import Store
from liface.database.moving.place import BATCH, LONG_AGO, Changes, Occupant, Stub, Whole, identity
from liface.database.schema import STRUCTURE_TABLE, TABLES
from liface.database.structure_rows import WITH_STRUCTURE, hide_structures, put_structures
from liface.database.uses import calculations_behind, forget_uses, put_uses
from liface.database.writing import chunks, hide_results_of_older_case, put_case_row, put_flags, row_with
from liface.errors import CorruptDatabaseError

SLOTS = 100
"""Slots per statement: each is a comparison of several columns, and databases limit how deep a condition may get."""


class SqlPlace:
    """Tables behind a :class:`~liface.database.connection.Store`."""

    batch = BATCH

    def __init__(self, store: Store):
        self._store = store
        self._held: Connection | None = None

    @property
    def name(self) -> str:
        """The file or the server."""
        return self._store.name

    def is_same(self, other: SqlPlace) -> bool:
        """Tell whether another place is the same database, also under another name of its file."""
        mine, theirs = self._store, other._store
        if mine is theirs:
            return True
        if mine.path is not None and theirs.path is not None:
            return mine.path.exists() and theirs.path.exists() and mine.path.samefile(theirs.path)
        return not (mine.in_memory or theirs.in_memory) and mine.url == theirs.url

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Hold one consistent view."""
        with self._store.reading() as connection, self._holding(connection):
            yield

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold one transaction: all of it is stored, or nothing."""
        with self._store.writing() as connection, self._holding(connection):
            yield

    def count(self, noun: Noun) -> int:
        """Return how many documents of a noun there are, superseded ones too."""
        return self._connection.scalar(select(func.count()).select_from(TABLES[noun.name])) or 0

    def walk(self, noun: Noun, size: int) -> Iterator[list[Stub]]:
        """Yield every document of a noun, in batches and in the order of the entries."""
        primary = _primary(noun)
        last = ""
        while True:
            statement = _stubs(noun).where(primary > last).order_by(primary).limit(size)
            found = [_stub(row) for row in self._connection.execute(statement)]
            if not found:
                return
            yield found
            last = found[-1].entry

    def stubs(self, noun: Noun, entries: Sequence[str]) -> dict[str, Stub]:
        """Return those of these entries that are there."""
        found: dict[str, Stub] = {}
        for piece in chunks(entries):
            rows = self._connection.execute(_stubs(noun).where(_primary(noun).in_(piece)))
            found.update((row[0], _stub(row)) for row in rows)
        return found

    def texts(self, noun: Noun, stubs: Sequence[Stub]) -> dict[str, bytes | CorruptDatabaseError]:
        """Return the JSON of documents by entry, or what is wrong with it."""
        known = {stub.entry: stub for stub in stubs}
        found: dict[str, bytes | CorruptDatabaseError] = {}
        primary = _primary(noun)
        for piece in chunks(list(known)):
            statement = select(primary, TABLES[noun.name].c.document).where(primary.in_(piece))
            for entry, blob in self._connection.execute(statement):
                try:
                    found[entry] = unpack(noun, known[entry].key, blob, known[entry].sha256)
                except CorruptDatabaseError as error:
                    found[entry] = error
        return found

    def occupants(self, noun: Noun, wholes: Sequence[Whole]) -> dict[str, Occupant]:
        """Return what fills the slots of these documents, by slot."""
        table = TABLES[noun.name]
        if noun.is_result:
            columns = (table.c.slot_id, table.c.entry_id, table.c.created_at)
            statements = [
                select(*columns).where(and_(table.c.slot_id.in_(piece), table.c.is_current))
                for piece in chunks(sorted({each.slot_id for each in wholes}))
            ]
            rows = (row for statement in statements for row in self._connection.execute(statement))
            return {slot: Occupant(entry, created_at or LONG_AGO) for slot, entry, created_at in rows}
        found: dict[str, Occupant] = {}
        for start in range(0, len(wholes), SLOTS):
            same = or_(*(_same_slot(noun, each) for each in wholes[start : start + SLOTS]))
            for row in self._connection.execute(select(table).where(same)).mappings():
                entry, slot_id = identity(noun, dict(row))
                found[slot_id] = Occupant(entry, row.get("created_at") or LONG_AGO)
        return found

    def apply(self, noun: Noun, changes: Changes) -> None:
        """Store a batch in the transaction that is held; columns and flags are read off the documents."""
        connection, table = self._connection, TABLES[noun.name]
        for piece in chunks(sorted(changes.hide)):
            connection.execute(update(table).where(table.c.entry_id.in_(piece)).values(is_current=False))
            hide_structures(connection, STRUCTURE_TABLE.c.immutable_id.in_(piece))
        rows = [self._row(noun, each) for each in changes.add]
        if noun.name == "cases":  # a case takes its results off the stage with it
            for each, row in zip(changes.add, rows, strict=True):
                put_case_row(connection, each.document, row)
            for each in changes.outdated:
                hide_results_of_older_case(connection, each.document, dict(each.values))
            return
        if changes.replace:
            if noun.is_result:
                forget_uses(connection, noun, sorted(changes.replace))
            for piece in chunks(sorted(changes.replace)):
                connection.execute(delete(table).where(_primary(noun).in_(piece)))
        if rows:
            connection.execute(insert(table), rows)
        if noun.is_result:
            put_flags(connection, noun, {each.stub.entry: each.document.flags for each in changes.add})
            put_uses(connection, noun, {each.stub.entry: calculations_behind(each.document) for each in changes.add})
        if noun in WITH_STRUCTURE:
            added = zip(rows, changes.add, strict=True)
            shown = [(row, each.document) for row, each in added if row.get("is_current", True)]
            put_structures(connection, noun, shown)

    @staticmethod
    def _row(noun: Noun, each: Whole) -> dict[str, Any]:
        row = row_with(noun, each.document, each.values, *pack(each.text))
        if noun.is_result:
            row |= {"entry_id": each.stub.entry, "slot_id": each.slot_id, "is_current": each.stub.is_current}
        return row

    @property
    def _connection(self) -> Connection:
        assert self._held is not None, "read or write inside reading() or writing()"
        return self._held

    @contextmanager
    def _holding(self, connection: Connection) -> Iterator[None]:
        before, self._held = self._held, connection
        try:
            yield
        finally:
            self._held = before


def _primary(noun: Noun) -> ColumnElement[str]:
    table: Table = TABLES[noun.name]
    return table.c.entry_id if noun.is_result else table.c[noun.key]


def _stubs(noun: Noun) -> Any:
    table = TABLES[noun.name]
    shown: ColumnElement[bool] = table.c.is_current if noun.is_result else true()
    return select(_primary(noun), table.c[noun.key], table.c.document_sha256, shown.label("shown"))


def _stub(row: Sequence[Any]) -> Stub:
    entry, key, sha256, shown = row
    return Stub(entry, key, sha256, bool(shown))


def _same_slot(noun: Noun, each: Whole) -> ColumnElement[bool]:
    table = TABLES[noun.name]
    return and_(*(table.c[name].is_not_distinct_from(each.values[name]) for name in noun.slot))
