"""What a person who looks around asks for: which values a column takes, rows by identity, who uses a calculation."""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from liface.database.columns import RESULT_NOUNS, Noun
from liface.database.filters import column_named, filter_expression
from liface.database.reading import plain, shown
from liface.database.schema import FLAG_TABLES, TABLES
from liface.database.writing import chunks
from liface.errors import FilterError

MOST_SEARCHED = 20_000
"""Documents of one kind that are searched for a calculation; the newest ones."""

_CALC_IDS = re.compile(rb'"calc_ids":\[([^\]]*)\]')


def value_counts(
    connection: Connection, noun: Noun, names: Sequence[str], where: str | None, most: int
) -> dict[str, list[tuple[Any, int]]]:
    """Return the most frequent values of columns among the rows that match, each with its number of rows.

    Of ``flags``, the slugs are counted.
    """
    table = TABLES[noun.name]
    matching = [shown(noun)]
    if where is not None and where.strip():
        matching.append(filter_expression(noun, where))
    found: dict[str, list[tuple[Any, int]]] = {}
    for name in names:
        column = column_named(noun, name, "values")
        if column.type == "dictionary":
            raise FilterError(f"values: {name} is a dictionary and has no values to count")
        number = func.count().label("number")
        if column.stored:
            cell = table.c[name]
            statement = select(cell, number).where(*matching, cell.is_not(None)).group_by(cell)
        else:
            flags = FLAG_TABLES[noun.name]
            cell = flags.c.slug
            joined = flags.join(table, flags.c.entry_id == table.c.entry_id)
            statement = select(cell, number).select_from(joined).where(*matching).group_by(cell)
        ordered = statement.order_by(number.desc(), cell).limit(most)
        found[name] = [(plain(value), count) for value, count in connection.execute(ordered)]
    return found


def rows_by_key(connection: Connection, noun: Noun, keys: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows of these identities in the order they are given, without flags; also superseded ones."""
    table = TABLES[noun.name]
    names = [column.name for column in noun.stored_columns]
    found: dict[str, dict[str, Any]] = {}
    for piece in chunks(list(dict.fromkeys(keys))):
        statement = select(*(table.c[name] for name in names)).where(table.c[noun.key].in_(piece))
        for row in connection.execute(statement).mappings():
            found.setdefault(row[noun.key], {name: plain(row[name]) for name in names})
    return [found[key] for key in dict.fromkeys(keys) if key in found]


def users_of(
    connection: Connection, calc_ids: Collection[str], campaign: str | None = None
) -> dict[str, tuple[str, frozenset[str]]]:
    """Return the current results that rest on any of these calculations: kind and all their calculations, by record.

    Only the newest documents of each kind are searched, at most ``MOST_SEARCHED``.
    """
    wanted = frozenset(calc_ids)
    found: dict[str, tuple[str, frozenset[str]]] = {}
    if not wanted:
        return found
    for kind, noun in RESULT_NOUNS.items():
        table = TABLES[noun.name]
        statement = select(table.c.record_id, table.c.document).where(table.c.is_current)
        if campaign is not None:
            statement = statement.where(table.c.campaign == campaign)
        for record_id, blob in connection.execute(statement.order_by(table.c.created_at.desc()).limit(MOST_SEARCHED)):
            used = _calculations_in(blob)
            if not wanted.isdisjoint(used):
                found[record_id] = kind, used
    return found


def _calculations_in(blob: bytes) -> frozenset[str]:
    """Read the calculations off a stored document without building it; none off a damaged one."""
    try:
        listed = _CALC_IDS.search(zlib.decompress(blob))
    except zlib.error:
        return frozenset()
    return frozenset(part.strip(b'" ').decode() for part in listed[1].split(b",") if part) if listed else frozenset()
