"""Keeping the table of structures in step with the documents, inside the transaction that stores them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, exists, insert, not_, select, true

from liface.database.codec import decode
from liface.database.columns import NOUNS, Noun
from liface.database.schema import (
    STRUCTURE_ELEMENTS,
    STRUCTURE_FLAGS,
    STRUCTURE_REFERENCES,
    STRUCTURE_TABLE,
    STRUCTURE_TABLES,
    TABLES,
    flag_slug,
)
from liface.database.structures import elements, geometry_of, references, scalars
from liface.errors import CorruptDatabaseError

CHUNK = 200
"""Documents decoded at a time while all are gone through."""

WITH_STRUCTURE: tuple[Noun, ...] = tuple(
    noun for noun in NOUNS.values() if noun.is_result or noun.name == "calculations"
)
"""Nouns whose documents may hold a structure."""


@dataclass(frozen=True)
class StructureRow:
    """What the tables of structures hold of one document."""

    row: dict[str, Any]
    lists: dict[str, list[dict[str, Any]]]

    @property
    def id(self) -> str:
        """Identity of the structure."""
        return str(self.row["id"])


def structure_row(noun: Noun, stored: dict[str, Any], document: Any) -> StructureRow | None:
    """Return the rows of a document; None where it holds no structure.

    Parameters
    ----------
    stored
        The row of the document in the table of its noun.
    """
    geometry = geometry_of(document)
    if geometry is None:
        return None
    structure_id, version, record = identities(noun, stored)
    row = {
        **scalars(document, geometry), "id": structure_id, "immutable_id": version, "record_id": record,
        "noun": noun.name,
    }  # fmt: skip
    flags = getattr(document, "flags", ())
    parts = elements(geometry.species)
    lists: dict[Table, list[dict[str, Any]]] = {
        STRUCTURE_ELEMENTS: [{"element": symbol, "ratio": ratio} for symbol, ratio in parts],
        STRUCTURE_FLAGS: [{"slug": flag_slug(flag), "flag": flag} for flag in flags],
        STRUCTURE_REFERENCES: [{"doi": doi} for doi in references(document)],
    }
    return StructureRow(row, {table.name: _numbered(structure_id, rows) for table, rows in lists.items()})


def identities(noun: Noun, stored: dict[str, Any]) -> tuple[str, str, str | None]:
    """Return identity, identity of the version, and record of the structure of a row."""
    if noun.is_result:
        return stored["slot_id"], stored["entry_id"], stored["record_id"]
    return stored[noun.key], stored["document_sha256"], None


def _numbered(structure_id: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"structure_id": structure_id, "position": i, **row} for i, row in enumerate(rows)]


def put_structures(connection: Connection, noun: Noun, shown: Sequence[tuple[dict[str, Any], Any]]) -> None:
    """Store the structures of documents that are shown from now on, in the place of what had their identities.

    Parameters
    ----------
    shown
        Row in the table of the noun, with its identities, and document.
    """
    ids = [identities(noun, stored)[0] for stored, _ in shown]
    for start in range(0, len(ids), CHUNK):
        hide_structures(connection, STRUCTURE_TABLE.c.id.in_(ids[start : start + CHUNK]))
    found = [structure_row(noun, stored, document) for stored, document in shown]
    _insert(connection, [each for each in found if each is not None])


def hide_structures(connection: Connection, condition: ColumnElement[bool]) -> None:
    """Take structures out of the table; their elements, flags and references go with them."""
    connection.execute(delete(STRUCTURE_TABLE).where(condition))


def rebuild_structures(connection: Connection) -> int:
    """Derive the table again from the documents; return how many structures there are."""
    hide_structures(connection, true())
    number = 0
    for noun in WITH_STRUCTURE:
        for piece in _pieces(connection, noun):
            rows = [each for each in (_of_document(noun, stored) for stored in piece) if each is not None]
            _insert(connection, rows)
            number += len(rows)
    return number


def _of_document(noun: Noun, stored: dict[str, Any]) -> StructureRow | None:
    try:
        return structure_row(noun, stored, decode(noun, stored[noun.key], stored["document"]))
    except CorruptDatabaseError:  # told of by verify; the others are not held back by it
        return None


def shown_rows(noun: Noun) -> ColumnElement[bool]:
    """Return the condition on rows of a noun whose structures are in the table."""
    return TABLES[noun.name].c.is_current if noun.is_result else true()


def structure_problems(connection: Connection, noun: Noun, stored: dict[str, Any], document: Any) -> Iterator[str]:
    """Yield what the tables of structures say else than the document they follow from."""
    expected = structure_row(noun, stored, document)
    if noun.is_result and not stored["is_current"]:
        expected = None
    structure_id, version, _ = identities(noun, stored)
    here = and_(STRUCTURE_TABLE.c.id == structure_id, STRUCTURE_TABLE.c.immutable_id == version)
    row = connection.execute(select(STRUCTURE_TABLE).where(here)).mappings().one_or_none()
    if expected is None or row is None:
        if expected is not None:
            yield "its structure is not in the table of structures"
        elif row is not None:
            yield "it is in the table of structures, but is not shown or holds no structure"
        return
    for name, value in expected.row.items():
        if row[name] != value:
            yield f"{name} of its structure is {row[name]!r}, its document says {value!r}"
    for table in STRUCTURE_TABLES[1:]:
        statement = select(table).where(table.c.structure_id == structure_id).order_by(table.c.position)
        if [dict(each) for each in connection.execute(statement).mappings()] != expected.lists[table.name]:
            yield f"{table.name} of its structure are not those of its document"


def lost_structures(connection: Connection) -> Iterator[tuple[str, str]]:
    """Yield noun and identity of structures whose document is not there, or not shown."""
    for noun in WITH_STRUCTURE:
        table = TABLES[noun.name]
        key, version = (
            (table.c.slot_id, table.c.entry_id) if noun.is_result else (table.c[noun.key], table.c.document_sha256)
        )
        own = STRUCTURE_TABLE.c
        behind = exists().where(and_(key == own.id, version == own.immutable_id, shown_rows(noun)))
        for structure_id in connection.scalars(select(own.id).where(own.noun == noun.name, not_(behind))):
            yield noun.name, structure_id
    known = [noun.name for noun in WITH_STRUCTURE]
    for name, structure_id in connection.execute(
        select(STRUCTURE_TABLE.c.noun, STRUCTURE_TABLE.c.id).where(STRUCTURE_TABLE.c.noun.not_in(known))
    ):
        yield name, structure_id


def _pieces(connection: Connection, noun: Noun) -> Iterator[Sequence[dict[str, Any]]]:
    """Yield the shown rows of a noun with their documents, some at a time."""
    table = TABLES[noun.name]
    primary = table.primary_key.columns.values()[0]
    names = ("entry_id", "slot_id", "record_id") if noun.is_result else (noun.key, "document_sha256")
    wanted = [*(table.c[name] for name in names), table.c.document]
    last = ""
    while True:
        statement = select(*wanted).where(and_(shown_rows(noun), primary > last)).order_by(primary).limit(CHUNK)
        piece = [dict(row) for row in connection.execute(statement).mappings()]
        if not piece:
            return
        yield piece
        last = piece[-1][primary.name]


def _insert(connection: Connection, found: Sequence[StructureRow]) -> None:
    if not found:
        return
    connection.execute(insert(STRUCTURE_TABLE), [each.row for each in found])
    for table in STRUCTURE_TABLES[1:]:
        rows = [row for each in found for row in each.lists[table.name]]
        if rows:
            connection.execute(insert(table), rows)
