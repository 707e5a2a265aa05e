"""Plain questions as SQL for SQLite without SQLAlchemy, whose import and statements take longer than the answer.

Only a part of what can be asked: a filter is comparisons of columns with values and ``[NOT] flags HAS "..."``, joined
by AND. The SQL is, word for word, what :mod:`liface.database.asking` makes of the same question, and a test holds them
against each other; it takes it from here where it can. Whatever is not plain, and whatever goes wrong, is left to
:class:`liface.database.Database`, which knows the whole grammar and what every error means: nothing is refused here.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from liface.database.addresses import is_server, path_of
from liface.database.catalog import CatalogColumn, CatalogNoun, schema_version
from liface.database.cells import plain_rows
from liface.database.names import ENTRY, PLANNED_LOOKS, WHOLE_ROW, after_a_gap, column_named, firsts, sort_keys
from liface.errors import LifaceError

LONGEST = 1_000
"""Characters of a filter that is read here."""
DEEPEST = 10
AT_ONCE = 500
"""Rows whose flags one statement reads."""
LARGEST_LIMIT = 2**62
LARGEST_WHOLE = 2**53
"""Whole numbers up to here are the same as integer and as float."""
LIKELY = 0.9
RANGES = ("<", "<=", ">", ">=")

_TOKEN = re.compile(
    r'"(?P<text>[^"\\]*)"(?=[ )]|$)'
    r"|(?<![^ =<>(])(?P<number>[+-]?[0-9]{1,15}(?:\.[0-9]{1,15})?(?:[eE][+-]?[0-9]{1,2})?)(?=[ )]|$)"
    r"|(?<![^ =<>(])(?P<word>[A-Za-z_][A-Za-z_0-9]*)(?=[ =<>!)]|$)"
    r"|(?P<sign><=|>=|!=|[=<>()])"
)


class NotPlainError(Exception):
    """A question that is left to the database; never shown."""


@dataclass(frozen=True)
class Condition:
    """A piece of SQL with its values."""

    sql: str
    values: tuple[Any, ...]
    column: str = ""
    sign: str = ""


@dataclass(frozen=True)
class PlainQuestion:
    """A statement; after the values of its filter come those of its page, how many rows and from which on."""

    sql: str
    values: tuple[Any, ...]


@dataclass
class _Reader:
    """The tokens of a filter, read from the left."""

    noun: CatalogNoun
    tokens: list[tuple[str, str]]
    at: int = field(default=0)

    def conjunction(self, depth: int = 0) -> Iterator[Condition]:
        """Yield comparisons up to the end, or to the closing parenthesis."""
        if depth > DEEPEST:
            raise NotPlainError
        while True:
            if self._accept("sign", "("):
                yield from self.conjunction(depth + 1)
                self._expect("sign", ")")
            else:
                yield self._comparison()
            if not self._accept("word", "AND"):
                return

    def _comparison(self) -> Condition:
        negated = self._accept("word", "NOT")
        column = self.noun.columns.get(self._take("word"))
        if column is None:
            raise NotPlainError
        if column.type == "list":
            self._expect("word", "HAS")
            return _has(self.noun, self._take("text"), negated)
        sign = self._take("sign")
        if negated or sign in "()":
            raise NotPlainError
        kind, written = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
        self.at += 1
        return Condition(f"{_cell(self.noun, column.name)} {sign} ?", (_value(column, sign, kind, written),),
                         column.name, sign)  # fmt: skip

    def _accept(self, kind: str, text: str) -> bool:
        found = self.at < len(self.tokens) and self.tokens[self.at] == (kind, text)
        self.at += found
        return found

    def _expect(self, kind: str, text: str) -> None:
        if not self._accept(kind, text):
            raise NotPlainError

    def _take(self, kind: str) -> str:
        if self.at >= len(self.tokens) or self.tokens[self.at][0] != kind:
            raise NotPlainError
        self.at += 1
        return self.tokens[self.at - 1][1]


def quick_rows(
    target: str, noun: CatalogNoun, where: str | None, sort: str | None, limit: int | None, names: Sequence[str]
) -> list[dict[str, Any]] | None:
    """Return the rows of :meth:`liface.database.Database.query`, or None for what must be asked there."""
    try:
        if limit is not None and not 0 <= limit < LARGEST_LIMIT:
            return None
        question = plain_question(noun, where, sort, limit is not None, names)
        path = None if is_server(target) else path_of(target)
        if path is None:
            return None
        address = f"{path.as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=0, isolation_level=None)) as connection:
            connection.execute("BEGIN")
            ((version,),) = connection.execute("SELECT max(version) FROM liface_schema")
            if version != schema_version():
                return None
            page = () if limit is None else (limit, 0)
            cells = connection.execute(question.sql, (*question.values, *page)).fetchall()
            columns = [(name, noun.columns[name].type) for name in names]
            return plain_rows(columns, cells, lambda entries: _flags(connection, noun, list(dict.fromkeys(entries))))
    except (NotPlainError, LifaceError, sqlite3.Error, OSError, ValueError, TypeError):
        return None


def plain_question(
    noun: CatalogNoun, where: str | None, sort: str | None, limited: bool, names: Sequence[str] | None
) -> PlainQuestion:
    """Return the statement of a question; ``limited``: for a page of it; without ``names``: for rows stored whole.

    Raises
    ------
    NotPlainError
        If it is left to the database.
    FilterError
        If a column of the order is unknown or has none.
    """
    conditions = _conditions(noun, where)
    if limited and not sort and noun.is_result:
        conditions = _in_natural_order(noun, conditions)
    if noun.is_result:
        conditions.insert(0, Condition(f"{noun.name}.is_current = 1", ()))
    selected = f"{noun.name}.{WHOLE_ROW}"
    if names is not None:
        selected = ", ".join(_selected(noun, column_named(noun, name, "columns")) for name in names)
    filtered = f" WHERE {' AND '.join(each.sql for each in conditions)}" if conditions else ""
    page = " LIMIT ? OFFSET ?" if limited else ""
    return PlainQuestion(
        f"SELECT {selected} FROM {noun.name}{filtered} ORDER BY {_order(noun, sort)}{page}",
        tuple(value for each in conditions for value in each.values),
    )


def _conditions(noun: CatalogNoun, where: str | None) -> list[Condition]:
    if where is None or not where.strip():
        return []
    if len(where) > LONGEST or not where.isprintable():
        raise NotPlainError
    reader = _Reader(noun, list(_tokens(where)))
    conditions = list(reader.conjunction())
    if reader.at != len(reader.tokens) or sum("_flags" in each.sql for each in conditions) > PLANNED_LOOKS:
        raise NotPlainError
    return conditions


def _tokens(where: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(where):
        if where[at] == " ":
            at += 1
            continue
        found = _TOKEN.match(where, at)
        if found is None or found.lastgroup is None:
            raise NotPlainError
        yield found.lastgroup, found[found.lastgroup]
        at = found.end()


def _value(column: CatalogColumn, sign: str, kind: str, written: str) -> Any:
    """Return what a column is compared with, where its type and the value fit."""
    if column.type == "string" and kind == "text" and (not column.choices or written in column.choices):
        return written
    if column.type == "boolean" and kind == "word" and written in ("TRUE", "FALSE") and sign in ("=", "!="):
        return written == "TRUE"
    if column.type in ("integer", "float") and kind == "number":
        number = float(written)
        if column.type == "float":
            return number
        if abs(number) < LARGEST_WHOLE:
            return int(number) if number == int(number) else number
    raise NotPlainError


def _has(noun: CatalogNoun, flag: str, negated: bool) -> Condition:
    flags = f"{noun.kind}_flags"
    found = (
        f"EXISTS (SELECT {flags}.entry_id FROM {flags} WHERE {flags}.entry_id = {noun.name}.entry_id "
        f"AND ({flags}.slug = ? OR {flags}.flag = ?))"
    )
    return Condition(f"NOT ({found})" if negated else f"({found})", (flag, flag))


def _in_natural_order(noun: CatalogNoun, conditions: list[Condition]) -> list[Condition]:
    """Say what :func:`liface.database.likelihoods.in_natural_order` says of a page."""
    fixed = {each.column for each in conditions if each.sign == "="}
    wide, beside = bool(fixed & set(firsts(noun.slot))), after_a_gap(noun.slot, fixed)

    def told(each: Condition) -> Condition:
        if wide and each.sign in RANGES:
            return Condition(f"likelihood({each.sql}, {LIKELY})", each.values)
        if each.sign == "=" and each.column in beside:
            return Condition(f"+{each.sql}", each.values)
        return each

    return [told(each) for each in conditions]


def _order(noun: CatalogNoun, sort: str | None) -> str:
    keys = sort_keys(noun, sort)
    terms = [
        f"{_cell(noun, column.name)} {'DESC' if falls else 'ASC'}{'' if column.required else ' NULLS LAST'}"
        for column, falls in keys
    ]
    tie = ENTRY if noun.is_result else noun.key
    return ", ".join([*terms, f"{noun.name}.{tie} {'DESC' if keys[-1][1] else 'ASC'}"])


def _cell(noun: CatalogNoun, column: str) -> str:
    return f'{noun.name}."{column}"'


def _selected(noun: CatalogNoun, column: CatalogColumn) -> str:
    return f"{noun.name}.{ENTRY}" if column.type == "list" else _cell(noun, column.name)


def _flags(connection: sqlite3.Connection, noun: CatalogNoun, entries: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    table = f"{noun.kind}_flags"
    for start in range(0, len(entries), AT_ONCE):
        piece = entries[start : start + AT_ONCE]
        places = ", ".join("?" * len(piece))
        statement = f"SELECT entry_id, flag FROM {table} WHERE entry_id IN ({places}) ORDER BY entry_id, position"
        for entry, flag in connection.execute(statement, piece):
            found.setdefault(entry, []).append(flag)
    return found
