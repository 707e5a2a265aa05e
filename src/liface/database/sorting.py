"""Sort orders: ``-gamma_mev_per_a2,substrate``."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement

from liface.database.columns import Noun
from liface.database.filters import column_named
from liface.database.schema import TABLES
from liface.errors import FilterError

MAX_KEYS = 20


def order_by(noun: Noun, sort: str | None) -> list[ColumnElement[Any]]:
    """Turn a sort into the terms of ORDER BY: unknown values last, ties by the content identity.

    Raises
    ------
    FilterError
        If a column is unknown or has no order.
    """
    table = TABLES[noun.name]
    names = (
        [part.strip() for part in sort.split(",")] if sort and sort.strip() else list(noun.natural_order or noun.slot)
    )
    if len(names) > MAX_KEYS:
        raise FilterError(f"sort: {len(names)} columns; at most {MAX_KEYS} are taken")
    terms: list[ColumnElement[Any]] = []
    for name in names:
        descending = name.startswith("-")
        column = column_named(noun, name.removeprefix("-").removeprefix("+").strip(), "sort")
        if column.type in ("list", "dictionary"):
            raise FilterError(f"sort: {column.name} is a {column.type} and has no order; sort by another column")
        cell = table.c[column.name]
        terms += [cell.is_(None), cell.desc() if descending else cell.asc()]
    terms.append(table.c[noun.key])
    if noun.is_result:
        terms.append(table.c.entry_id)
    return terms
