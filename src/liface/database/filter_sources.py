"""What a filter asks: where the columns of a noun, and the items of its lists, are found in SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Select,
    and_,
    cast,
    exists,
    false,
    func,
    literal,
    null,
    or_,
    select,
    true,
)

from liface.database.columns import Column, Noun, Type
from liface.database.filters import column_named
from liface.database.names import PLANNED_LOOKS
from liface.database.schema import FLAG_TABLES, TABLES
from liface.database.structures import marked

Match = Callable[[tuple[Any, ...]], ColumnElement[bool]]
"""A comparison waiting for the cells of one item of a list."""


class Items(Protocol):
    """The items of a list column."""

    @property
    def type(self) -> Type:
        """Type of the items; ``dictionary`` where they cannot be compared."""

    def some(self, match: Match) -> ColumnElement[bool]:
        """Whether an item matches."""

    def length(self) -> Any:
        """How many items there are."""

    def has(self, how: str, values: list[Any]) -> ColumnElement[bool] | None:
        """Whether ALL, ANY or ONLY these are items, where there is a faster way than to look at each; else None."""


@dataclass(frozen=True)
class StoredItems:
    """Items in the rows of a side table; text may be kept short and whole, and equals either."""

    key: Any
    owner: Any
    cells: tuple[Any, ...]
    type: Type = "string"
    size: Any = None
    row_by_row: bool = False
    """Look the rows of each owner up, instead of all owners of the rows that match: for few owners in an order."""
    turns: Iterator[int] = field(default_factory=count)
    """Numbers the looks at all lists of a filter."""

    def some(self, match: Match) -> ColumnElement[bool]:
        """Whether a row matches."""
        return self.some_row(match(self.cells))

    def some_row(self, condition: ColumnElement[bool]) -> ColumnElement[bool]:
        """Whether a row fulfils a condition on its cells."""
        mine = (self.key == self.owner,) if self.row_by_row else ()
        look: Select[Any] = select(self.key).where(*mine, condition)
        if next(self.turns) >= PLANNED_LOOKS:
            look = look.offset(0)
        return exists(look) if self.row_by_row else self.owner.in_(look)

    def length(self) -> Any:
        """Count the rows, where no column has their number."""
        if self.size is not None:
            return self.size
        return select(func.count()).where(self.key == self.owner).scalar_subquery()

    def has(self, how: str, values: list[Any]) -> ColumnElement[bool] | None:
        """Have no faster way."""
        return None


@dataclass(frozen=True)
class JoinedItems(StoredItems):
    """Items that the row itself has too, joined to one text by :func:`liface.database.structures.marked`."""

    joined: Any = None

    def has(self, how: str, values: list[Any]) -> ColumnElement[bool] | None:
        """Search the text; a database reads 100 000 of them faster than as many rows of a side table."""
        parts = [marked(value) for value in dict.fromkeys(values) if value and "|" not in value]
        if how == "ONLY":
            rest = self.joined
            for part in parts:
                rest = func.replace(rest, part, "")
            return rest == ""
        found = [func.replace(self.joined, part, "") != self.joined for part in parts]
        if how == "ANY":
            return or_(false(), *found)
        return and_(true(), *found) if len(parts) == len(dict.fromkeys(values)) else false()


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

    def has(self, how: str, values: list[Any]) -> ColumnElement[bool] | None:
        """Have no faster way."""
        return None


class FilterSource:
    """Columns of a noun as its table has them.

    Parameters
    ----------
    noun
        What is asked.
    """

    example = 'substrate="W" AND gamma_mev_per_a2 > 50 AND NOT flags HAS "reactive"'
    """A filter that can be asked, for messages."""

    def __init__(self, noun: Noun):
        self.noun = noun
        self._looks = count()

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
        return StoredItems(
            flags.c.entry_id, table.c.entry_id, (flags.c.slug, flags.c.flag), row_by_row=True, turns=self._looks
        )


def nothing_known() -> ColumnElement[bool]:
    """Return the outcome of comparing with an unknown value: neither true nor false."""
    return cast(null(), Boolean)
