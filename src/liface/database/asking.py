"""Questions made ready once: a filter, an order and columns turned into a statement that waits for its page.

Reading a filter and building a statement take milliseconds, running it often less than one. The last statements are
kept with their SQL; the values of a filter are bound, never part of the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Dialect, Select, bindparam, select, true

from liface.database.catalog import catalog_noun
from liface.database.columns import Column, Noun
from liface.database.driver import Ready, View, ready
from liface.database.filters import column_named, filter_expression
from liface.database.likelihoods import in_natural_order
from liface.database.names import ENTRY, WHOLE_ROW
from liface.database.quick import NotPlainError, PlainQuestion, plain_question
from liface.database.schema import TABLES
from liface.database.sorting import order_by
from liface.errors import FilterError

KEPT = 512
"""Statements that are kept, the least recently used ones go first."""


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked of a noun, and the statement that answers it.

    Where all columns are asked, a row is one cell (:mod:`liface.database.whole_rows`); else a list column holds the
    entry whose list it will be. Plain questions to a file have their SQL without a statement
    (:mod:`liface.database.quick`), many times faster: few filters are asked again with the same values.
    """

    noun: Noun
    where: str | None
    sort: str | None
    columns: tuple[Column, ...]
    whole: bool
    limited: bool
    skips: bool
    plain: PlainQuestion | None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What the columns are called."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def lists(self) -> tuple[str, ...]:
        """The columns that are lists."""
        return tuple(column.name for column in self.columns if not column.stored)

    @cached_property
    def statement(self) -> Select[Any]:
        """The statement, which waits for its page."""
        whole = TABLES[self.noun.name].c[WHOLE_ROW]
        cells = [whole] if self.whole else [cell_of(self.noun, column) for column in self.columns]
        rows = narrowed(self.noun, select(*cells), self.where, ordered=self.limited and not self.sort)
        return page_of(rows.order_by(*order_by(self.noun, self.sort)), self.limited, self.skips)

    def run(self, view: View, limit: int | None, offset: int) -> list[tuple[Any, ...]]:
        """Return one page, its cells as the driver gives them (:mod:`liface.database.cells`)."""
        if self.plain is not None and view.dialect.name == "sqlite":
            page = (limit, offset) if self.limited else ()
            return view.fetch(self.plain.sql, (*self.plain.values, *page))
        page_values = {"limit_": 0 if limit is None else limit, "offset_": offset}
        return _ready(self, view.dialect).fetch(view, page_values)


@lru_cache(maxsize=KEPT)
def _ready(question: Question, dialect: Dialect) -> Ready:
    return ready(question.statement, dialect)


def shown(noun: Noun) -> ColumnElement[bool]:
    """Return the condition on rows that queries show."""
    return TABLES[noun.name].c.is_current if noun.is_result else true()


def question(
    noun: Noun,
    where: str | None,
    sort: str | None,
    columns: Sequence[str] | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> Question:
    """Return the statement of a question, made or kept; values of the page are bound when it runs.

    Raises
    ------
    FilterError
        If filter, order, columns or page do not fit the noun.
    """
    check_page(limit, offset)
    return _question(noun, where, sort, None if columns is None else tuple(columns), limit is not None, offset > 0)


def check_page(limit: int | None, offset: int) -> None:
    """Refuse a page that no database knows.

    Raises
    ------
    FilterError
        If a number is negative or too large.
    """
    for name, number in (("limit", limit), ("offset", offset)):
        if number is not None and not 0 <= number < 2**63:
            raise FilterError(f"{name} is {number}; give a whole number from 0 on")


@lru_cache(maxsize=KEPT)
def _question(
    noun: Noun, where: str | None, sort: str | None, columns: tuple[str, ...] | None, limited: bool, skips: bool
) -> Question:
    chosen = tuple(noun.columns.values() if columns is None else [column_named(noun, n, "columns") for n in columns])
    plain = _plain(noun, where, sort, None if columns is None else chosen, limited, skips)
    asked = Question(noun, where, sort, chosen, columns is None, limited, skips, plain)
    if asked.plain is None:
        _ = asked.statement  # tells what does not fit
    return asked


def _plain(
    noun: Noun, where: str | None, sort: str | None, columns: Sequence[Column] | None, limited: bool, skips: bool
) -> PlainQuestion | None:
    if skips and not limited:
        return None
    try:
        names = None if columns is None else [column.name for column in columns]
        return plain_question(catalog_noun(noun.name), where, sort, limited, names)
    except (NotPlainError, FilterError):
        return None


def cell_of(noun: Noun, column: Column) -> ColumnElement[Any]:
    """Return what is selected for a column: of a list, the entry it belongs to."""
    table = TABLES[noun.name]
    return table.c[column.name] if column.stored else table.c[ENTRY].label(column.name)


def narrowed(noun: Noun, statement: Select[Any], where: str | None, ordered: bool = False) -> Select[Any]:
    """Add the filter, and leave out what queries do not show; ``ordered``: for a page in the natural order."""
    if noun.is_result:
        statement = statement.where(shown(noun))
    if where is None or not where.strip():
        return statement
    condition = filter_expression(noun, where)
    if ordered and noun.is_result:
        condition = in_natural_order(TABLES[noun.name], noun.slot, condition)
    return statement.where(condition)


def page_of(statement: Select[Any], limited: bool, skips: bool) -> Select[Any]:
    """Add places for the length and the start of a page."""
    if limited:
        statement = statement.limit(bindparam("limit_", type_=BigInteger))
    return statement.offset(bindparam("offset_", type_=BigInteger)) if skips else statement
