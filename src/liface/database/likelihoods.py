"""Words to SQLite's planner about a page in the natural order, which lies ready in an index."""

from __future__ import annotations

import operator
from typing import Any

from sqlalchemy import BinaryExpression, BooleanClauseList, ColumnElement, Table, and_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement
from sqlalchemy.types import NullType

from liface.database.names import after_a_gap, firsts

RANGES = (operator.lt, operator.le, operator.gt, operator.ge)
LIKELY = 0.9


class _Word(FunctionElement[bool]):
    """A condition with something said of it to SQLite; the same condition in every database."""

    inherit_cache = True
    type = NullType()  # type: ignore[assignment]


class Likely(_Word):
    """A condition that most rows are expected to fulfil."""

    name = "likely"
    inherit_cache = True


class Beside(_Word):
    """A condition that is no way to the rows."""

    name = "beside"
    inherit_cache = True


@compiles(Likely)
@compiles(Beside)
def _as_it_is(element: _Word, compiler: Any, **options: Any) -> str:
    (condition,) = element.clauses
    return f"({compiler.process(condition, **options)})"


@compiles(Likely, "sqlite")
def _told(element: Likely, compiler: Any, **options: Any) -> str:
    (condition,) = element.clauses
    return f"likelihood({compiler.process(condition, **options)}, {LIKELY})"


@compiles(Beside, "sqlite")
def _hidden(element: Beside, compiler: Any, **options: Any) -> str:
    (condition,) = element.clauses
    return f"+{compiler.process(condition, **options)}"


def in_natural_order(table: Table, slot: tuple[str, ...], condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Keep SQLite from leaving the index of the natural order.

    Ranges are said to be wide where a column that begins such an index has one value: otherwise the rows of the range
    are read and sorted. A column that has one value, after one in the order that has not, is hidden: otherwise SQLite
    takes the order for ended there and sorts the rest.
    """
    parts = (
        list(condition.clauses)
        if isinstance(condition, BooleanClauseList) and condition.operator is operator.and_
        else [condition]
    )
    fixed = {
        name
        for name in (*slot, "model")
        if any(_is(part, (operator.eq,)) and part.left is table.c[name] for part in parts)
    }
    wide, beside = bool(fixed & set(firsts(slot))), after_a_gap(slot, fixed)

    def told(part: ColumnElement[bool]) -> ColumnElement[bool]:
        if wide and _is(part, RANGES):
            return Likely(part)
        if _is(part, (operator.eq,)) and any(part.left is table.c[name] for name in beside):
            return Beside(part)
        return part

    return and_(*map(told, parts))


def _is(part: Any, operators: tuple[Any, ...]) -> bool:
    return isinstance(part, BinaryExpression) and part.operator in operators
