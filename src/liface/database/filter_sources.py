"""What a filter asks: where the columns of a noun, and the items of its lists, are found in SQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Boolean, ColumnElement, cast, exists, false, func, literal, null, or_, select

from liface.database.columns import Column, Noun, Type
from liface.database.filters import column_named
from liface.database.schema import FLAG_TABLES, TABLES

Match = Callable[[tuple[Any, ...]], ColumnElement[bool]]
"""A comparison waiting for the cells of one item of a list."""


class Items(Protocol):
    """The items of a list column."""

    type: Type
    """Type of the items; ``dictionary`` where they cannot be compared."""

    def some(self, match: Match) -> ColumnElement[bool]:
        """Whether an item matches."""

    def length(self) -> Any:
        """How many items there are."""


@dataclass(frozen=True)
class StoredItems:
    """Items in the rows of a side table; text may be kept short and whole, and equals either."""

    table: Any
    mine: ColumnElement[bool]
    cells: tuple[Any, ...]
    type: Type = "string"
    size: Any = None

    def some(self, match: Match) -> ColumnElement[bool]:
        """Whether a row matches."""
        return self.some_row(match(self.cells))

    def some_row(self, condition: ColumnElement[bool]) -> ColumnElement[bool]:
        """Whether a row fulfils a condition on its cells."""
        return exists().where(self.mine, condition)

    def length(self) -> Any:
        """Count the rows, where no column has their number."""
        if self.size is not None:
            return self.size
        return select(func.count()).select_from(self.table).where(self.mine).scalar_subquery()


@dataclass(frozen=True)
class FixedItems:
    """Items that are columns of the row itself, or a list that is too long to look into."""

    values: tuple[Any, ...]
    type: Type
    size: Any = None

    def some(self, match: Match) -> ColumnElement[bool]:
        """Whether one of the columns matches."""
        return or_(*(match((value,)) for value in self.values)) if self.values else false()

    def length(self) -> Any:
        """Return their number."""
        return literal(len(self.values)) if self.size is None else self.size


class FilterSource:
    """Columns of a noun as its table has them.

    Parameters
    ----------
    noun
        What is asked.
    """

    def __init__(self, noun: Noun):
        self.noun = noun

    def column(self, name: str) -> Column:
        """Look a column up.

        Raises
        ------
        FilterError
            If there is none of that name.
        """
        return column_named(self.noun, name)

    def cell(self, column: Column) -> Any:
        """Return the SQL of a column that is no list."""
        return TABLES[self.noun.name].c[column.name]

    def items(self, column: Column) -> Items:
        """Return the items of a list column."""
        flags, table = FLAG_TABLES[self.noun.name], TABLES[self.noun.name]
        return StoredItems(flags, flags.c.entry_id == table.c.entry_id, (flags.c.slug, flags.c.flag))


def nothing_known() -> ColumnElement[bool]:
    """Return the outcome of comparing with an unknown value: neither true nor false."""
    return cast(null(), Boolean)
