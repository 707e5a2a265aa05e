"""Tables of the results database, built from the columns of the nouns."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    not_,
    text,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from liface.database.columns import NOUNS, Noun
from liface.database.names import ENTRY, WHOLE_ROW
from liface.database.structures import STRUCTURES, Property
from liface.documents import content_hash


class UtcDateTime(TypeDecorator[datetime]):
    """Moments in UTC; SQLite keeps no time zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn every moment into UTC before it is stored or compared."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Say that the stored moment is UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _text(kind: type[String], length: int | None = None) -> String:
    """Text that is compared and ordered by its characters alone, in every database as SQLite does it."""
    return kind(length).with_variant(kind(length, collation="C"), "postgresql")


TEXT = _text(String)
LONG_TEXT = _text(Text)
KEY = _text(String, 32)
"""A content identity."""

INTEGER = Integer().with_variant(BigInteger(), "postgresql")
"""Whole numbers of 64 bits, in every database as in SQLite."""

LONGEST_NAME = 63
"""Characters of an index name; PostgreSQL cuts what is longer."""

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s",
    }
)

VERSIONS = Table(
    "liface_schema",
    METADATA,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("description", LONG_TEXT, nullable=False),
    Column("liface_version", TEXT, nullable=False),
    Column("applied_at", UtcDateTime, nullable=False),
)
"""One row per migration that was applied; its presence tells a results database from any other."""

_TYPES: dict[str, type[TypeEngine[Any]] | TypeEngine[Any]] = {
    "string": TEXT,
    "integer": INTEGER,
    "float": Double,
    "boolean": Boolean,
    "timestamp": UtcDateTime,
    "dictionary": JSON(none_as_null=True),
}


def _table(noun: Noun) -> Table:
    own: list[Column[Any]] = []
    if noun.is_result:
        # One record may belong to several campaigns, so the content identity alone is no primary key.
        own += [
            Column(ENTRY, KEY, primary_key=True),
            Column("slot_id", KEY, nullable=False),
            Column("is_current", Boolean, nullable=False),
        ]
    for column in noun.stored_columns:
        is_key = column.name == noun.key and not noun.is_result
        own.append(Column(column.name, _TYPES[column.type], primary_key=is_key, index=column.indexed and not is_key))
    own += [
        # before the document, whose length would have to be read over
        Column(WHOLE_ROW, LONG_TEXT),
        Column("document", LargeBinary, nullable=False),
        Column("document_sha256", _text(String, 64), nullable=False),
    ]
    table = Table(noun.name, METADATA, *own)
    for names in noun.indices:
        _index(table, *names)
    if noun.is_result:
        _index(table, "slot_id")
        hidden: dict[str, Any] = {"sqlite_where": text("is_current = 0"), "postgresql_where": not_(table.c.is_current)}
        Index(f"ix_{noun.name}_superseded", table.c.entry_id, **hidden)
    _index_of_rows(table)
    return table


def _index_of_rows(table: Table) -> None:
    """Let SQLite count rows in the smallest index there can be; no filter is ever looked up in it."""
    primary = table.primary_key.columns.values()[0].name
    Index(f"ix_{table.name}_rows", text(f"({primary} IS NULL)"), _table=table).ddl_if(dialect="sqlite")


def _index(table: Table, *names: str) -> None:
    """Index columns together; superseded results, which no query shows, are left out."""
    name = f"ix_{table.name}_by_{'_'.join(names)}"
    if len(name) > LONGEST_NAME:
        name = f"{name[: LONGEST_NAME - 9]}_{content_hash(names, 8)}"
    where: dict[str, Any] = {}
    if "is_current" in table.c:  # word for word the condition of a query, which SQLite compares them by
        where = {"sqlite_where": text("is_current = 1"), "postgresql_where": table.c.is_current}
    Index(name, *(table.c[column] for column in names), **where)


def _flag_table(noun: Noun) -> Table:
    return Table(
        f"{noun.kind}_flags",
        METADATA,
        Column("entry_id", KEY, ForeignKey(f"{noun.name}.entry_id", ondelete="CASCADE"), primary_key=True),
        Column("position", Integer, primary_key=True),
        Column("slug", TEXT, nullable=False, index=True),
        Column("flag", LONG_TEXT, nullable=False),
    )


TABLES: dict[str, Table] = {name: _table(noun) for name, noun in NOUNS.items()}
"""Table of each noun, by its plural name."""

FLAG_TABLES: dict[str, Table] = {name: _flag_table(noun) for name, noun in NOUNS.items() if noun.is_result}
"""Flags of each result noun, one row per flag, in order."""


USES: Table = Table(
    "calculation_uses",
    METADATA,
    Column("calc_id", KEY, primary_key=True),
    Column("noun", TEXT, primary_key=True),
    Column("entry_id", KEY, primary_key=True),
    Index("ix_calculation_uses_by_entry", "noun", "entry_id", "calc_id"),
)
"""The calculations that each entry of a result rests on; it follows from the documents."""


def _structure_table() -> Table:
    properties = [each for each in STRUCTURES.columns.values() if isinstance(each, Property) and each.cell]
    own = [Column(each.cell, _TYPES[each.type], primary_key=each.cell == "id") for each in properties]
    # With the identity an index gives a whole order, and pages are found without sorting all rows; with the elements,
    # which most questions name, it answers without a look into the wide rows.
    indices = [
        Index(f"ix_structures_{each.cell}", each.cell, "id", "element_set") for each in properties if each.indexed
    ]
    axes = [Column(f"dimension_type_{axis}", Integer, nullable=False) for axis in "abc"]
    return Table(
        "structures",
        METADATA,
        *own,
        *axes,
        Column("element_set", TEXT, nullable=False, index=True),
        Column("noun", TEXT, nullable=False),
        *indices,
        Index("ix_structures_composition", "id", "element_set", "nelements", "nsites", "nperiodic_dimensions"),
    )


def _structure_list(name: str, *columns: Column[Any] | Index) -> Table:
    return Table(
        f"structure_{name}",
        METADATA,
        Column("structure_id", TEXT, ForeignKey("structures.id", ondelete="CASCADE"), primary_key=True),
        Column("position", Integer, primary_key=True),
        *columns,
    )


STRUCTURE_TABLE: Table = _structure_table()
"""One row per structure that is shown; it follows from the documents and can be derived again from them."""

STRUCTURE_ELEMENTS: Table = _structure_list(
    "elements",
    Column("element", TEXT, nullable=False),
    Column("ratio", Double, nullable=False),
    Index("ix_structure_elements_element", "element", "ratio", "structure_id"),
)
"""Elements of each structure in alphabetical order, with their share of the atoms."""

STRUCTURE_FLAGS: Table = _structure_list(
    "flags", Column("slug", TEXT, nullable=False, index=True), Column("flag", LONG_TEXT, nullable=False)
)
"""Flags of each structure, in order."""

STRUCTURE_REFERENCES: Table = _structure_list("references", Column("doi", TEXT, nullable=False, index=True))
"""Papers each structure rests on, in order."""

STRUCTURE_TABLES: tuple[Table, ...] = (STRUCTURE_TABLE, STRUCTURE_ELEMENTS, STRUCTURE_FLAGS, STRUCTURE_REFERENCES)


def flag_slug(flag: str) -> str:
    """Return the part of a flag before its detail."""
    return flag.partition(":")[0].strip()


def expected_tables() -> set[str]:
    """Names of all tables of this version."""
    return set(METADATA.tables)
