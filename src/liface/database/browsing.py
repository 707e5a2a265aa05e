"""What a person who looks around asks for: which values a column takes, rows by identity, who uses a calculation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, func, select

from liface.database.cells import plain
from liface.database.columns import RESULT_NOUNS, Noun
from liface.database.filters import column_named, filter_expression
from liface.database.reading import shown
from liface.database.schema import FLAG_TABLES, TABLES, USES
from liface.database.writing import chunks
from liface.errors import FilterError


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
    connection: Connection,
    calc_ids: Collection[str],
    campaign: str | None = None,
    *,
    nested: bool = False,
    most: int | None = None,
) -> dict[str, tuple[str, frozenset[str]]]:
    """Return the current results that rest on any of these calculations: kind and all their calculations, by record.

    Parameters
    ----------
    nested
        Only those that rest on all of them, or on nothing else.
    most
        At most so many of each kind, the first by their identities.
    """
    wanted = sorted(set(calc_ids))
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for kind, noun in RESULT_NOUNS.items():
        records: dict[str, str] = {}
        shared: Counter[str] = Counter()
        for piece in chunks(wanted):
            for entry_id, record_id, number in connection.execute(_users(noun, piece, campaign, most)):
                records[entry_id] = record_id
                shared[entry_id] += number
        used = _calculations_of(connection, noun, sorted(records)[:most])
        for entry_id, behind in used.items():
            if not nested or shared[entry_id] in (len(behind), len(wanted)):
                found.setdefault(records[entry_id], (kind, behind))
    return found


def _users(noun: Noun, calc_ids: Sequence[str], campaign: str | None, most: int | None) -> Select[Any]:
    """Select the current results of a noun that rest on these calculations, and on how many of them."""
    table = TABLES[noun.name]
    here = and_(USES.c.noun == noun.name, USES.c.entry_id == table.c.entry_id)
    statement = (
        select(USES.c.entry_id, func.min(table.c.record_id), func.count())
        .select_from(USES.join(table, here))
        .where(USES.c.calc_id.in_(calc_ids), table.c.is_current)
        .group_by(USES.c.entry_id)  # in the order of the primary key: a limit ends it early
        .order_by(USES.c.entry_id)
        .limit(most)
    )
    return statement if campaign is None else statement.where(table.c.campaign == campaign)


def _calculations_of(connection: Connection, noun: Noun, entries: Sequence[str]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for piece in chunks(entries):
        own = and_(USES.c.noun == noun.name, USES.c.entry_id.in_(piece))
        statement = select(USES.c.entry_id, USES.c.calc_id).where(own)
        for entry_id, calc_id in connection.execute(statement):
            found.setdefault(entry_id, set()).add(calc_id)
    return {entry_id: frozenset(calc_ids) for entry_id, calc_ids in found.items()}
