"""Sort orders: ``-gamma_mev_per_a2,substrate``."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement

from liface.database.columns import ENTRY, Column, Noun
from liface.database.filters import column_named
from liface.database.schema import TABLES
from liface.errors import FilterError

MAX_KEYS = 20


def sort_keys(noun: Noun, sort: str | None) -> list[tuple[Column, bool]]:
    """Return the columns of a sort and whether each falls; those of the natural order where none is asked.

    Raises
    ------
    FilterError
        If a column is unknown or has no order.
    """
    names = (
        [part.strip() for part in sort.split(",")] if sort and sort.strip() else list(noun.natural_order or noun.slot)
    )
    if len(names) > MAX_KEYS:
        raise FilterError(f"sort: {len(names)} columns; at most {MAX_KEYS} are taken")
    keys = []
    for name in names:
        column = column_named(noun, name.removeprefix("-").removeprefix("+").strip(), "sort")
        if column.type in ("list", "dictionary"):
            raise FilterError(f"sort: {column.name} is a {column.type} and has no order; sort by another column")
        keys.append((column, name.startswith("-")))
    return keys


def order_by(noun: Noun, sort: str | None) -> list[ColumnElement[Any]]:
    """Turn a sort into the terms of ORDER BY: unknown values last, ties by the identity of the row.

    Ties run the way of the last column, so that an index can be read in either direction; a column that is always
    known needs no word about unknown values, which PostgreSQL would not find in an index read backwards.
    """
    table, keys = TABLES[noun.name], sort_keys(noun, sort)
    terms: list[ColumnElement[Any]] = []
    for column, falls in keys:
        term = table.c[column.name].desc() if falls else table.c[column.name].asc()
        terms.append(term if column.required else term.nulls_last())
    tie = table.c[ENTRY if noun.is_result else noun.key]
    return [*terms, tie.desc() if keys[-1][1] else tie.asc()]
