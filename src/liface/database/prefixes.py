"""Texts that begin with something, so that an index can find them where its order is that of the characters."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import ColumnElement, String, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement
from sqlalchemy.types import NullType

LAST = 0x10FFFF
SURROGATES = range(0xD800, 0xE000)


class Begins(FunctionElement[bool]):
    """Whether a cell begins with a text: every character counts, and its case."""

    name = "begins"
    inherit_cache = True
    # no Boolean: SQLAlchemy would compare that with 1 in SQLite, which then finds no index for it
    type = cast("Any", NullType())


def begins(cell: ColumnElement[Any], start: str) -> ColumnElement[bool]:
    """Return the condition that a cell begins with a text; an unknown cell begins with nothing."""
    after = after_all(start)
    bound = [] if after is None else [literal(after, String)]
    return Begins(cell, literal(start, String), literal(len(start)), *bound)


def after_all(start: str) -> str | None:
    """Return the first text after all that begin with this one; None if there is none."""
    for length in range(len(start), 0, -1):
        following = ord(start[length - 1]) + 1
        if following <= LAST:
            return start[: length - 1] + chr(SURROGATES.stop if following in SURROGATES else following)
    return None


@compiles(Begins)
def _by_its_characters(element: Begins, compiler: Any, **options: Any) -> str:
    # the order of texts is that of a language here, and says nothing about their beginnings
    cell, start, length = (compiler.process(clause, **options) for clause in list(element.clauses)[:3])
    return f"(substr({cell}, 1, {length}) = {start})"


@compiles(Begins, "sqlite")
def _by_its_order(element: Begins, compiler: Any, **options: Any) -> str:
    cell, start, _, *after = element.clauses
    ends = [("<", clause) for clause in after]
    terms = [f"{compiler.process(cell, **options)} {sign} {compiler.process(clause, **options)}"
             for sign, clause in [(">=", start), *ends]]  # fmt: skip
    return f"({' AND '.join(terms)})"
