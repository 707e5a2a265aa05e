"""Large answers in pages: every page goes on after the last row of the one before, however far down it lies.

OFFSET reads and throws away what was shown before, so that the last of a thousand pages costs a thousand times the
first. Here the place is told by the values of the last row instead. Each page is a short view of its own: a row that
is stored meanwhile is seen if it belongs further down, and none is seen twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, overload

from sqlalchemy import ColumnElement, Connection, and_, false, literal, or_, select, tuple_

from liface.database.asking import cell_of, narrowed, question
from liface.database.codec import decode
from liface.database.columns import Noun, noun_named, result_noun
from liface.database.connection import Store
from liface.database.driver import view_of
from liface.database.filters import column_named
from liface.database.names import ENTRY, WHOLE_ROW, sort_keys
from liface.database.reading import plain_rows
from liface.database.schema import TABLES
from liface.database.sorting import order_by
from liface.database.whole_rows import by_name
from liface.documents import Document
from liface.errors import FilterError

PAGE = 1000
DOCUMENTS = 100
"""Rows, and whole documents, that are read at once."""

R = TypeVar("R", bound=Document)
Place = tuple[Any, ...]
"""Values of the last row in the columns of the order."""


class Pages:
    """What a database gives piece by piece."""

    _store: Store

    def pages(
        self,
        noun: str,
        where: str | None = None,
        sort: str | None = None,
        size: int = PAGE,
        columns: Sequence[str] | None = None,
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows of :meth:`Database.query` in lists of at most ``size``, as fast at the end as at the start.

        Raises
        ------
        FilterError
            If the filter, the order or a column does not fit the noun, or ``size`` is below 1.
        """
        asked, chosen = noun_named(noun), None if columns is None else tuple(columns)
        _check(asked, where, sort, chosen, size)
        cells: list[ColumnElement[Any]] = [TABLES[asked.name].c[WHOLE_ROW]]
        if chosen is not None:
            cells = [cell_of(asked, asked.columns[name]).label(f"cell_{k}") for k, name in enumerate(chosen)]

        def read() -> Iterator[list[dict[str, Any]]]:
            place: Place | None = None
            while True:
                with self._store.reading() as connection:
                    rows, place = _after(connection, asked, cells, where, sort, size, place)
                    if chosen is None:
                        page = by_name(asked, rows)
                    else:
                        page = plain_rows(view_of(connection), asked, chosen, rows)
                if page:
                    yield page
                if len(page) < size:
                    return

        return read()

    @overload
    def iterate(
        self, kind: type[R], where: str | None = None, sort: str | None = None, size: int = DOCUMENTS
    ) -> Iterator[R]: ...

    @overload
    def iterate(
        self, kind: str, where: str | None = None, sort: str | None = None, size: int = DOCUMENTS
    ) -> Iterator[Any]: ...

    def iterate(
        self, kind: type[Any] | str, where: str | None = None, sort: str | None = None, size: int = DOCUMENTS
    ) -> Iterator[Any]:
        """Yield the current results of a kind as documents, reading ``size`` of them at a time.

        Raises
        ------
        FilterError
            If ``kind`` is no kind of result, or filter, order or size do not fit.
        """
        noun = result_noun(kind)
        _check(noun, where, sort, None, size)
        cells = [TABLES[noun.name].c[noun.key], TABLES[noun.name].c.document]

        def read() -> Iterator[Any]:
            place: Place | None = None
            while True:
                with self._store.reading() as connection:
                    rows, place = _after(connection, noun, cells, where, sort, size, place)
                yield from (decode(noun, key, blob) for key, blob in rows)
                if len(rows) < size:
                    return

        return read()


def _check(noun: Noun, where: str | None, sort: str | None, columns: tuple[str, ...] | None, size: int) -> None:
    """Refuse a wrong question when it is asked, not when its first page is read."""
    if size < 1:
        raise FilterError(f"a page of {size} rows; give at least 1")
    for name in columns or ():
        column_named(noun, name, "columns")
    question(noun, where, sort, columns, size)


def _after(
    connection: Connection,
    noun: Noun,
    cells: Sequence[ColumnElement[Any]],
    where: str | None,
    sort: str | None,
    size: int,
    place: Place | None,
) -> tuple[list[tuple[Any, ...]], Place | None]:
    """Return the next rows without the columns of the order, and the place of the last one."""
    keys = _keys(noun, sort)
    ordered = [cell.label(f"key_{k}") for k, (cell, _, _) in enumerate(keys)]
    statement = narrowed(noun, select(*cells, *ordered), where).order_by(*order_by(noun, sort)).limit(size)
    if place is not None:
        statement = statement.where(_beyond(keys, place))
    rows = [tuple(row) for row in connection.execute(statement).all()]
    last = rows[-1][len(cells) :] if rows else None
    return [row[: len(cells)] for row in rows], last


def _keys(noun: Noun, sort: str | None) -> list[tuple[ColumnElement[Any], bool, bool]]:
    """Return every column of the order, the one for ties last: the cell, whether it falls, whether it is known."""
    table, keys = TABLES[noun.name], sort_keys(noun, sort)
    named = [(table.c[column.name], falls, column.required) for column, falls in keys]
    return [*named, (table.c[ENTRY if noun.is_result else noun.key], keys[-1][1], True)]


def _beyond(keys: Sequence[tuple[ColumnElement[Any], bool, bool]], place: Place) -> ColumnElement[bool]:
    """Return the condition that a row comes after a place; unknown values come last in every column."""
    values = [literal(value, cell.type) for value, (cell, _, _) in zip(place, keys, strict=True)]
    if len({falls for _, falls, _ in keys}) == 1 and all(known for _, _, known in keys):
        row, reached = tuple_(*(cell for cell, _, _ in keys)), tuple_(*values)  # an index finds such a place
        return row < reached if keys[0][1] else row > reached
    condition: ColumnElement[bool] = false()
    for (cell, falls, known), value, plain in reversed(list(zip(keys, values, place, strict=True))):
        if plain is None:
            condition = and_(cell.is_(None), condition)
            continue
        further = cell < value if falls else cell > value
        condition = or_(further if known else or_(further, cell.is_(None)), and_(cell == value, condition))
    return condition
