"""Rows as queries give them, each stored whole beside its columns: one short text instead of some forty cells.

A page of all columns is then one cell per row, its flags among them, and takes no longer than one of the few columns
that ``liface query`` shows (``benchmarks/database_queries.py``). The text is a JSON array of the plain values of a row
(:mod:`liface.database.cells`) in the order of the columns of its noun. It follows from the document, as the columns do;
:mod:`liface.database.verify` holds them against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, select, update

from liface.database.cells import CellError, plain_moment, plain_rows
from liface.database.columns import NOUNS, Noun
from liface.database.driver import ready, view_of
from liface.database.flag_lists import flags_of
from liface.database.names import ENTRY, WHOLE_ROW, short
from liface.database.schema import TABLES
from liface.errors import CorruptDatabaseError

CHUNK = 500
"""Rows that are made anew at a time."""


def _number(value: Any) -> float:
    return float(value) + 0.0  # no negative zero, as in the column


_MADE: dict[str, Callable[[Any], Any]] = {
    "boolean": bool,
    "integer": int,
    "float": _number,
    "timestamp": plain_moment,
}
"""What turns the value of a document into what the database gives back, by the type of its column."""


def row_text(noun: Noun, values: Mapping[str, Any], flags: Sequence[str]) -> str:
    """Return a row as it is stored whole, from the stored columns of its document and its flags."""
    made = []
    for name, column in noun.columns.items():
        value = values[name] if column.stored else list(flags)
        turn = _MADE.get(column.type)
        made.append(turn(value) if turn is not None and value is not None else value)
    return _written(made)


def by_name(noun: Noun, texts: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Return stored rows by name.

    Raises
    ------
    CorruptDatabaseError
        As of :func:`plain_values`.
    """
    names = tuple(noun.columns)
    return [dict(zip(names, row, strict=True)) for row in plain_values(noun, texts)]


def plain_values(noun: Noun, texts: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """Return the values of stored rows in the order of the columns, from cells with nothing beside them.

    Raises
    ------
    CorruptDatabaseError
        If a text is no row of this noun.
    """
    try:
        rows: list[list[Any]] = orjson.loads(f"[{','.join([text for (text,) in texts])}]")
        if len(rows) == len(texts) and set(map(type, rows)) <= {list} and set(map(len, rows)) <= {len(noun.columns)}:
            return rows
    except (ValueError, TypeError):
        pass
    raise _damaged(noun, next((text for (text,) in texts if not _is_row(noun, text)), None))


def rebuild_rows(connection: Connection) -> None:
    """Write all rows whole again, from their columns; one with a damaged cell is left without."""
    for noun in NOUNS.values():
        table = TABLES[noun.name]
        primary = table.primary_key.columns.values()[0]
        changed = update(table).where(primary == bindparam("primary_")).values({WHOLE_ROW: bindparam("text_")})
        for keys, rows in _pieces(connection, noun):
            texts = zip(keys, rows, strict=True)
            connection.execute(changed, [{"primary_": key, "text_": text} for key, text in texts])


def whole_row_problem(noun: Noun, stored: Mapping[str, Any], values: Mapping[str, Any], flags: Sequence[str]) -> str:
    """Say how the stored row differs from the values of its document; nothing where it does not."""
    expected, text = row_text(noun, values, flags), stored[WHOLE_ROW]
    if text == expected:
        return ""
    if not _is_row(noun, text):
        return f"the row stored whole is {short(str(text))}, which is no row of {noun.name}"
    pairs = zip(noun.columns, orjson.loads(text), orjson.loads(expected), strict=True)
    differ = (f"{name} is {here!r}, its document says {said!r}" for name, here, said in pairs
              if repr(here) != repr(said))  # fmt: skip
    return next((f"in the row stored whole, {how}" for how in differ), "")


def _written(values: Sequence[Any]) -> str:
    return orjson.dumps(values, option=orjson.OPT_NON_STR_KEYS).decode()


def _is_row(noun: Noun, text: Any) -> bool:
    try:
        row = orjson.loads(text)
    except (ValueError, TypeError):
        return False
    return isinstance(row, list) and len(row) == len(noun.columns)


def _damaged(noun: Noun, text: Any) -> CorruptDatabaseError:
    return CorruptDatabaseError(
        f"{noun.name}: a row is stored whole as {short(str(text))}, which is no row of {noun.name}; "
        "'liface database verify' names it, 'liface database reindex' makes it again from its columns"
    )


def _pieces(connection: Connection, noun: Noun) -> Iterator[tuple[list[str], list[str | None]]]:
    """Yield the keys of all rows, and the rows whole, some at a time; cells are read as the driver gives them."""
    table, view = TABLES[noun.name], view_of(connection)
    primary = table.primary_key.columns.values()[0]
    cells = [table.c[c.name] if c.stored else table.c[ENTRY] for c in noun.columns.values()]
    named = (cell.label(f"cell_{k}") for k, cell in enumerate((primary, *cells)))
    after = select(*named).where(primary > bindparam("last_", "")).order_by(primary).limit(CHUNK)
    statement = ready(after, connection.dialect)
    keys = [""]
    while found := statement.fetch(view, {"last_": keys[-1]}):
        keys = [row[0] for row in found]
        flags = flags_of(view, noun, keys) if noun.is_result else {}
        yield keys, [_from_cells(noun, row[1:], flags) for row in found]


def _from_cells(noun: Noun, cells: Sequence[Any], flags: Mapping[str, list[str]]) -> str | None:
    columns = [(column.name, column.type) for column in noun.columns.values()]
    try:
        (row,) = plain_rows(columns, [cells], lambda entries: flags)
        return _written(list(row.values()))
    except (CellError, TypeError):  # bytes, or no moment; told of by verify, the others are not held back by it
        return None
