"""Reading structures and references as entries of OPTIMADE."""

from __future__ import annotations

import json
import zlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select

from liface.database.codec import encode
from liface.database.columns import NOUNS, Noun
from liface.database.connection import Store
from liface.database.filters import filter_expression
from liface.database.schema import (
    STRUCTURE_ELEMENTS,
    STRUCTURE_FLAGS,
    STRUCTURE_REFERENCES,
    TABLES,
)
from liface.database.structure_filters import EntrySource, ReferenceSource, StructureSource
from liface.database.structure_rows import shown_rows, structure_row
from liface.database.structures import OWN, SITE_PROPERTIES, STRUCTURES, Property, geometry_of, sites
from liface.database.writing import chunks, entry_ids
from liface.errors import CorruptDatabaseError, FilterError

FROM_DOCUMENT = frozenset(
    {"lattice_vectors", "cartesian_site_positions", "species_at_sites", "species", *SITE_PROPERTIES}
)
"""Properties that are read from the stored document, not from the table."""

PAGE = 200
"""Structures read at a time while all are gone through."""

_SCALARS = tuple(each for each in STRUCTURES.columns.values() if isinstance(each, Property) and each.cell)


@dataclass(frozen=True)
class Page:
    """Some entries in order, with how many there are in all.

    Parameters
    ----------
    entries
        Flat: ``id``, then every property that was asked for; of structures also ``references``, their DOIs.
    number
        Entries that match, on all pages together.
    more
        Whether entries follow after these.
    unknown
        Properties of other databases in filter and order, which were treated as unknown.
    """

    entries: list[dict[str, Any]]
    number: int
    more: bool
    unknown: list[str] = field(default_factory=list)


class Entries(ABC):
    """Entries of one type; the classes below say how they are read."""

    source: type[EntrySource]

    def __init__(self, store: Store):
        self._store = store

    def count(self, where: str | None = None) -> int:
        """Return how many entries match a filter.

        Raises
        ------
        FilterError
            If the filter does not fit the properties.
        """
        with self._store.reading() as connection:
            return self._count(connection, self._make_source(), where)

    def page(
        self, where: str | None = None, sort: str | None = None, limit: int = PAGE, offset: int = 0,
        fields: Collection[str] | None = None, above: str | None = None,
    ) -> Page:  # fmt: skip
        """Return entries ``offset`` to ``offset + limit`` of those that match.

        Parameters
        ----------
        fields
            Properties that are wanted; None for all. What is costly is left out where it is not wanted.
        above
            Only entries whose ``id`` comes after this one; the order is then that of ``id``.

        Raises
        ------
        FilterError
            If filter or order do not fit the properties, or limit and offset are no page.
        """
        if not 0 <= limit < 2**31 or not 0 <= offset < 2**62:
            raise FilterError(f"page: {limit} entries from {offset} on; give whole numbers from 0 on")
        source = self._make_source()
        with self._store.reading() as connection:
            number = left = self._count(connection, source, where)
            statement = self._statement(source, where)
            if above is not None:
                statement = statement.where(source.table.c.id > above)
                left = connection.scalar(statement.with_only_columns(func.count(), maintain_column_froms=True)) or 0
            ordered = statement.with_only_columns(source.table.c.id).order_by(*source.order_by(sort))
            ids = connection.scalars(ordered.limit(limit).offset(offset)).all()  # narrow rows are sorted fast
            entries = self._in_order(connection, source, ids, fields)
        return Page(entries, number, left > offset + len(entries), list(dict.fromkeys(source.unknown)))

    def every(self, where: str | None = None) -> Iterator[dict[str, Any]]:
        """Go through all entries that match in the order of their identities, within one view of the database."""
        source, last = self._make_source(), ""
        key = source.table.c.id
        matching = self._statement(source, where).order_by(key).limit(PAGE)
        with self._store.reading() as connection:
            while True:
                entries = self._read(connection, matching.where(key > last), None)
                if not entries:
                    return
                yield from entries
                last = entries[-1]["id"]

    def _make_source(self) -> Any:
        return self.source()  # type: ignore[call-arg]

    def _count(self, connection: Connection, source: EntrySource, where: str | None) -> int:
        return connection.scalar(_filtered(select(func.count()).select_from(source.table), source, where)) or 0

    def _statement(self, source: EntrySource, where: str | None) -> Select[Any]:
        return _filtered(select(source.table), source, where)

    def _in_order(
        self, connection: Connection, source: EntrySource, ids: Sequence[str], fields: Collection[str] | None
    ) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for piece in chunks(ids):
            statement = select(source.table).where(source.table.c.id.in_(piece))
            found.update((entry["id"], entry) for entry in self._read(connection, statement, fields))
        return [found[entry_id] for entry_id in ids]

    @abstractmethod
    def _read(
        self, connection: Connection, statement: Select[Any], fields: Collection[str] | None
    ) -> list[dict[str, Any]]:
        """Return what a statement selects as entries, with these properties or all."""


class Structures(Entries):
    """Structures of a database."""

    source = StructureSource

    def _read(
        self, connection: Connection, statement: Select[Any], fields: Collection[str] | None
    ) -> list[dict[str, Any]]:
        rows = connection.execute(statement).mappings().all()
        ids = [row["id"] for row in rows]
        parts = _grouped(connection, STRUCTURE_ELEMENTS, ids, "element", "ratio")
        flags = _grouped(connection, STRUCTURE_FLAGS, ids, "flag")
        cited = _grouped(connection, STRUCTURE_REFERENCES, ids, "doi")
        geometries: dict[str, Any] = {}
        if fields is None or not FROM_DOCUMENT.isdisjoint(fields):
            geometries = _geometries(connection, rows)
        return [
            _entry(
                dict(row),
                parts.get(row["id"], []),
                [flag for (flag,) in flags.get(row["id"], [])],
                [doi for (doi,) in cited.get(row["id"], [])],
                geometries.get(row["id"]),
            )
            for row in rows
        ]


class References(Entries):
    """Papers that structures rest on, known by their DOI alone."""

    source = ReferenceSource

    def _read(
        self, connection: Connection, statement: Select[Any], fields: Collection[str] | None
    ) -> list[dict[str, Any]]:
        rows = connection.execute(statement).mappings().all()
        return [reference_entry(row["doi"]) for row in rows]


def reference_entry(doi: str) -> dict[str, Any]:
    """Return the entry of a paper: nothing is known of it but its DOI, which is its identity."""
    return {"id": doi, "doi": doi, "last_modified": None}


def document_entry(noun: Noun, document: Any) -> dict[str, Any] | None:
    """Return the entry that a document becomes when it is stored and shown; None where it holds no structure."""
    stored = dict(noun.values(document))
    if noun.is_result:
        stored["entry_id"], stored["slot_id"] = entry_ids(noun, stored)
    else:
        stored["document_sha256"] = encode(document)[1]
    found = structure_row(noun, stored, document)
    geometry = geometry_of(document)
    if found is None or geometry is None:
        return None
    lists = found.lists
    return _entry(
        found.row,
        [(each["element"], each["ratio"]) for each in lists[STRUCTURE_ELEMENTS.name]],
        [each["flag"] for each in lists[STRUCTURE_FLAGS.name]],
        [each["doi"] for each in lists[STRUCTURE_REFERENCES.name]],
        geometry.model_dump(mode="json"),
    )


def _entry(
    row: Mapping[str, Any],
    parts: Sequence[tuple[Any, ...]],
    flags: list[str],
    references: list[str],
    geometry: dict[str, Any] | None,
) -> dict[str, Any]:
    entry = {each.name: _plain(row[each.cell]) for each in _SCALARS}
    entry |= {
        "elements": [element for element, _ in parts],
        "elements_ratios": [ratio for _, ratio in parts],
        "dimension_types": [row[f"dimension_type_{axis}"] for axis in "abc"],
        "structure_features": [],
        f"{OWN}flags": flags,
        "references": references,
    }
    return entry | sites(geometry) if geometry is not None else entry


def _filtered(statement: Select[Any], source: EntrySource, where: str | None) -> Select[Any]:
    return statement.where(filter_expression(source, where)) if where and where.strip() else statement


def _grouped(connection: Connection, table: Any, ids: Sequence[str], *names: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return rows of a side table in order, by structure."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for piece in chunks(ids):
        statement = (
            select(table.c.structure_id, *(table.c[name] for name in names))
            .where(table.c.structure_id.in_(piece))
            .order_by(table.c.structure_id, table.c.position)
        )
        for structure_id, *values in connection.execute(statement):
            found.setdefault(structure_id, []).append(tuple(values))
    return found


def _geometries(connection: Connection, rows: Sequence[Any]) -> dict[str, Any]:
    """Read the cells of these structures out of their documents."""
    by_noun: dict[str, list[str]] = {}
    for row in rows:
        by_noun.setdefault(row["noun"], []).append(row["id"])
    found: dict[str, Any] = {}
    for name, ids in by_noun.items():
        noun, table = NOUNS[name], TABLES[name]
        key = table.c.slot_id if noun.is_result else table.c[noun.key]
        for piece in chunks(ids):
            statement = select(key, table.c.document).where(key.in_(piece), shown_rows(noun))
            for structure_id, blob in connection.execute(statement):
                found[structure_id] = _geometry(noun.kind, structure_id, blob)
    return found


def _geometry(kind: str, structure_id: str, blob: bytes) -> dict[str, Any]:
    """Take the cell out of a stored document; the rest of it is not checked."""
    try:
        document = json.loads(zlib.decompress(blob))
        geometry: dict[str, Any] = document.get("structure") or document["final"]
    except (zlib.error, ValueError, KeyError) as error:
        raise CorruptDatabaseError(
            f"{kind} of structure {structure_id}: the stored document is damaged ({error}); "
            "run 'liface database verify'"
        ) from error
    return geometry


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value
