"""Which results rest on which calculations: a table beside the documents that say so, inside their transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, and_, delete, exists, insert, select

from liface.database.codec import decode
from liface.database.columns import RESULT_NOUNS, Noun
from liface.database.schema import TABLES, USES
from liface.errors import CorruptDatabaseError

CHUNK = 200
"""Documents decoded, and entries named, at a time while all are gone through."""


def calculations_behind(document: Any) -> list[str]:
    """Return the calculations that enter a result, each once, in order."""
    return sorted(set(document.provenance.calc_ids))


def put_uses(connection: Connection, noun: Noun, uses: Mapping[str, Sequence[str]]) -> None:
    """Store the calculations of new results, by their entries."""
    rows = [
        {"calc_id": calc_id, "entry_id": entry_id, "noun": noun.name}
        for entry_id, calc_ids in uses.items()
        for calc_id in calc_ids
    ]
    if rows:
        connection.execute(insert(USES), rows)


def forget_uses(connection: Connection, noun: Noun, entries: Sequence[str]) -> None:
    """Forget what these results rest on, before others take their places."""
    for start in range(0, len(entries), CHUNK):
        named = USES.c.entry_id.in_(entries[start : start + CHUNK])
        connection.execute(delete(USES).where(and_(USES.c.noun == noun.name, named)))


def rebuild_uses(connection: Connection) -> None:
    """Derive the table again from all documents, also superseded ones."""
    connection.execute(delete(USES))
    for noun in RESULT_NOUNS.values():
        table = TABLES[noun.name]
        last = ""
        while True:
            statement = select(table.c.entry_id, table.c[noun.key], table.c.document).where(table.c.entry_id > last)
            rows = connection.execute(statement.order_by(table.c.entry_id).limit(CHUNK)).all()
            if not rows:
                break
            put_uses(connection, noun, {entry: _behind(noun, key, blob) for entry, key, blob in rows})
            last = rows[-1][0]


def _behind(noun: Noun, key: str, blob: bytes) -> list[str]:
    try:
        return calculations_behind(decode(noun, key, blob))
    except CorruptDatabaseError:  # told of by verify; the others are not held back by it
        return []


def use_problems(connection: Connection, noun: Noun, entry_id: str, document: Any) -> Iterator[str]:
    """Yield what the table says else than the document of an entry."""
    here = and_(USES.c.noun == noun.name, USES.c.entry_id == entry_id)
    stored, expected = sorted(connection.scalars(select(USES.c.calc_id).where(here))), calculations_behind(document)
    if stored != expected:
        yield f"the table of uses says that it rests on {stored}, its document says {expected}"


def lost_uses(connection: Connection, noun: Noun) -> Iterator[str]:
    """Yield entries of a noun in the table that are not stored."""
    table = TABLES[noun.name]
    known = exists().where(table.c.entry_id == USES.c.entry_id)
    yield from connection.scalars(select(USES.c.entry_id).where(and_(USES.c.noun == noun.name, ~known)).distinct())
