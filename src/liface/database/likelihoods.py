"""A word to SQLite's planner, which takes every range for a narrow one."""

from __future__ import annotations

import operator
from typing import Any

from sqlalchemy import BinaryExpression, BooleanClauseList, ColumnElement, Table, and_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement
from sqlalchemy.types import NullType

RANGES = (operator.lt, operator.le, operator.gt, operator.ge)
LIKELY = 0.9


class Likely(FunctionElement[bool]):
    """A condition that most rows are expected to fulfil; the same condition in every database."""

    name = "likely"
    inherit_cache = True
    type = NullType()  # type: ignore[assignment]


@compiles(Likely)
def _as_it_is(element: Likely, compiler: Any, **options: Any) -> str:
    (condition,) = element.clauses
    return f"({compiler.process(condition, **options)})"


@compiles(Likely, "sqlite")
def _told(element: Likely, compiler: Any, **options: Any) -> str:
    (condition,) = element.clauses
    return f"likelihood({compiler.process(condition, **options)}, {LIKELY})"


def wide_ranges(table: Table, first: tuple[str, ...], condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Say that ranges are wide where a column that begins an index of the order has one value.

    Otherwise SQLite reads the rows of the range and sorts them, for a page that lies ready in the order it is asked in.
    """
    parts = (
        list(condition.clauses)
        if isinstance(condition, BooleanClauseList) and condition.operator is operator.and_
        else [condition]
    )
    cells = [table.c[name] for name in first]
    if not any(_is(part, (operator.eq,)) and any(part.left is cell for cell in cells) for part in parts):
        return condition
    return and_(*(Likely(part) if _is(part, RANGES) else part for part in parts))


def _is(part: Any, operators: tuple[Any, ...]) -> bool:
    return isinstance(part, BinaryExpression) and part.operator in operators
