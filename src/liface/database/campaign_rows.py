"""What belongs to one campaign, with everything that it rests on, copied row by row into a database of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, func, insert, or_, select

from liface.database.codec import decode
from liface.database.columns import NOUNS, RESULT_NOUNS, Noun
from liface.database.schema import FLAG_TABLES, TABLES
from liface.database.structure_rows import rebuild_structures
from liface.database.uses import rebuild_uses
from liface.database.writing import chunks
from liface.errors import DatabaseWriteError

LEFT_OUT = ("submissions",)
"""Nouns that are nobody else's business: they name the servers of a group."""

Keys = dict[str, list[str]]
"""Primary keys by noun."""


def campaign_rows(connection: Connection, campaign: str, engines: Collection[str] | None = None) -> Keys:
    """Return the rows of a campaign: its cases, shown results and runs, what these rest on, and published values.

    With ``engines``, by their fingerprints, only what they have computed and what was given by hand. Results rest on
    calculations, on the calculations of cheaper engines these began from, and, where they follow from models, on other
    results, of other campaigns too.
    """
    chosen: dict[str, set[str]] = {name: set() for name in NOUNS if name not in LEFT_OUT}
    for name in chosen.keys() - {noun.name for noun in RESULT_NOUNS.values()}:
        if "campaign" in TABLES[name].c:
            chosen[name] |= set(
                connection.scalars(select(_primary(name)).where(_mine(TABLES[name], campaign, engines)))
            )
    chosen["literature"] = set(connection.scalars(select(_primary("literature"))))
    if engines is not None:
        chosen["runs"] = {
            key
            for key, blob in _documents(connection, "runs", chosen["runs"])
            if decode(NOUNS["runs"], key, blob).fingerprints.keys() <= set(engines)
        }
    cases = [decode(NOUNS["cases"], key, blob) for key, blob in _documents(connection, "cases", chosen["cases"])]
    records = {record for case in cases for record in getattr(case, "record_ids", ())}
    calculations = {calculation for case in cases for calculation in case.calc_ids}
    records |= _own_records(connection, campaign, engines)
    while records:
        found = _entries(connection, records, campaign)
        records = set()
        for noun, entry, document in found:
            if entry in chosen[noun.name]:
                continue
            chosen[noun.name].add(entry)
            calculations |= set(document.provenance.calc_ids)
            records |= set(_behind(document))
    while calculations:
        new = set(_stored(connection, "calculations", sorted(calculations))) - chosen["calculations"]
        chosen["calculations"] |= new
        documents = _documents(connection, "calculations", new)
        began = (decode(NOUNS["calculations"], key, blob).started_from for key, blob in documents)
        calculations = {key for key in began if key is not None} - chosen["calculations"]
    return {name: sorted(keys) for name, keys in chosen.items()}


def copy_rows(source: Connection, target: Connection, chosen: Keys) -> dict[str, int]:
    """Copy rows as they are into tables that are empty; return how many there were of each noun.

    Raises
    ------
    DatabaseWriteError
        The other database holds something already.
    """
    copied: dict[str, int] = {}
    for name, keys in chosen.items():
        table, primary = TABLES[name], _primary(name)
        if target.scalar(select(func.count()).select_from(table)):
            raise DatabaseWriteError(f"the database to copy into holds {name} already; give a new one")
        for piece in chunks(keys):
            rows = source.execute(select(table).where(primary.in_(piece)).order_by(primary)).mappings().all()
            if rows:
                target.execute(insert(table), [dict(row) for row in rows])
            copied[name] = copied.get(name, 0) + len(rows)
        if (flags := FLAG_TABLES.get(name)) is not None:
            _copy_flags(source, target, flags, keys)
    rebuild_structures(target)
    rebuild_uses(target)
    return copied


def _copy_flags(source: Connection, target: Connection, flags: Any, entries: Sequence[str]) -> None:
    for piece in chunks(entries):
        statement = select(flags).where(flags.c.entry_id.in_(piece)).order_by(flags.c.entry_id, flags.c.position)
        rows = source.execute(statement).mappings().all()
        if rows:
            target.execute(insert(flags), [dict(row) for row in rows])


def _mine(table: Table, campaign: str, engines: Collection[str] | None) -> ColumnElement[bool]:
    """Return the condition on rows of a campaign, and of its engines where only some are wanted."""
    mine = table.c.campaign == campaign
    if engines is None or "engine_fingerprint" not in table.c:
        return mine
    fingerprint = table.c.engine_fingerprint
    return and_(mine, or_(fingerprint.is_(None), fingerprint.in_(sorted(engines))))


def _own_records(connection: Connection, campaign: str, engines: Collection[str] | None) -> set[str]:
    found: set[str] = set()
    for noun in RESULT_NOUNS.values():
        table = TABLES[noun.name]
        statement = select(table.c.record_id).where(and_(_mine(table, campaign, engines), table.c.is_current))
        found |= set(connection.scalars(statement))
    return found


def _entries(connection: Connection, records: set[str], campaign: str) -> list[tuple[Noun, str, Any]]:
    """Return the entries of records: those of the campaign, and one of each record that it has not."""
    found: list[tuple[Noun, str, Any]] = []
    for noun in RESULT_NOUNS.values():
        table, seen = TABLES[noun.name], set()
        for piece in chunks(sorted(records)):
            own = and_(table.c.campaign == campaign, or_(table.c.is_current, table.c.record_id.in_(piece)))
            statement = (
                select(table.c.entry_id, table.c.record_id, table.c.document, own.label("own"))
                .where(table.c.record_id.in_(piece))
                .order_by(own.desc(), table.c.is_current.desc(), table.c.entry_id)
            )
            for entry, record, blob, is_own in connection.execute(statement):
                if is_own or record not in seen:
                    found.append((noun, entry, decode(noun, record, blob)))
                    seen.add(record)
    return found


def _behind(document: Any) -> Iterable[str]:
    """Return the results that a result rests on, or was chosen by."""
    if document.provenance.screened_by is not None:
        yield document.provenance.screened_by
    points = document.points if document.kind == "verdict" else ()
    yield from (each.record_id for each in (*getattr(document, "inputs", ()), *points) if each.record_id is not None)


def _primary(name: str) -> Any:
    return TABLES[name].primary_key.columns.values()[0]


def _stored(connection: Connection, name: str, keys: Sequence[str]) -> Iterable[str]:
    for piece in chunks(keys):
        yield from connection.scalars(select(_primary(name)).where(_primary(name).in_(piece)))


def _documents(connection: Connection, name: str, keys: Iterable[str]) -> Iterable[tuple[str, bytes]]:
    for piece in chunks(sorted(keys)):
        statement = select(_primary(name), TABLES[name].c.document).where(_primary(name).in_(piece))
        yield from connection.execute(statement).tuples()
