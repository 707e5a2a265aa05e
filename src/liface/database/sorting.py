"""Sort orders: ``-gamma_mev_per_a2,substrate``."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement

from liface.database.columns import Noun
from liface.database.names import ENTRY, sort_keys
from liface.database.schema import TABLES


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
