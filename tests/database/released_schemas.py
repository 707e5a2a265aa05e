"""Databases as released versions of liface made them, on either server."""

from __future__ import annotations

import sqlite3
import warnings
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    DateTime,
    Double,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    create_engine,
    insert,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import SAWarning

TYPES = {
    JSON: JSON(), Boolean: Boolean(), LargeBinary: LargeBinary(), Double: Double(),
    DateTime: DateTime(timezone=True), Integer: BigInteger(),
}  # fmt: skip

WHERE = {"is_current = 1": "is_current", "is_current = 0": "NOT is_current"}
"""Conditions of indices, as they are on a server."""

DUMPS = sorted(Path(__file__).parent.glob("schema_*.sql"))


def restore(dump: Path, target: str, folder: Path) -> None:
    """Make the database of a dump: as it is in SQLite, or the same tables and rows on a server."""
    file = folder / f"{dump.stem}.db" if target.startswith("postgresql") else Path(target.removeprefix("sqlite:///"))
    with sqlite3.connect(file) as connection:
        connection.executescript(dump.read_text(encoding="utf-8"))
    connection.close()
    if target.startswith("postgresql"):
        _carry_over(file, target)


def _carry_over(file: Path, target: str) -> None:
    source = create_engine(f"sqlite:///{file}")
    url = make_url(target).set(drivername="postgresql+psycopg")
    server = create_engine(url, connect_args={"options": "-ctimezone=UTC"})
    metadata = MetaData()
    with warnings.catch_warnings():  # indices of expressions are SQLite's alone
        warnings.filterwarnings("ignore", "Skipped unsupported reflection", SAWarning)
        metadata.reflect(source)
    with source.connect() as old, server.begin() as new:
        content = {
            table: [dict(row) for row in old.execute(select(table)).mappings()] for table in metadata.sorted_tables
        }
        for table in metadata.sorted_tables:
            for column in table.columns:
                column.type = _on_server(column.type)
            for index in table.indexes:
                where = index.dialect_options["sqlite"]["where"]
                if where is not None:
                    index.dialect_options["postgresql"]["where"] = text(WHERE[str(where)])
        metadata.create_all(new)
        for table, rows in content.items():
            if rows:
                new.execute(insert(table), rows)
    source.dispose()
    server.dispose()


def _on_server(kind: Any) -> Any:
    """Return the type that liface gives such a column on a server."""
    if isinstance(kind, String):  # with its length
        return (Text if isinstance(kind, Text) else String)(kind.length, collation="C")
    for generic, there in TYPES.items():
        if isinstance(kind, generic):
            return there
    raise AssertionError(f"no released version had a column of {kind!r}")
