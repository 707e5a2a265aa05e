"""Statements made ready for the driver: compiled once, they reach it without what SQLAlchemy does at every execution.

That takes longer than a small answer: a page of 50 rows comes in half the time. Values stay bound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import Connection, Dialect, Select

PAGE_VALUES = {"limit_": 0, "offset_": 0}
"""Values of a statement that are given when it runs."""

Values: TypeAlias = Sequence[Any] | Mapping[str, Any]


@dataclass(frozen=True)
class View:
    """One consistent view of a database, asked in the SQL of its driver.

    ``fetch`` takes a statement with its values and returns its rows, their cells as the driver gives them.
    """

    dialect: Dialect
    fetch: Callable[[str, Values], list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Ready:
    """The SQL of a statement and its values, as the driver wants them."""

    sql: str
    values: Mapping[str, Any]
    order: tuple[str, ...] | None
    """Names of the values in the order of their places; None where places have names."""

    def fetch(self, view: View, page: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return all rows as the driver gives them."""
        values = {**self.values, **page}
        return view.fetch(self.sql, values if self.order is None else tuple(values[n] for n in self.order))


def ready(statement: Select[Any], dialect: Dialect) -> Ready:
    """Compile a statement for a kind of server."""
    compiled = statement.compile(dialect=dialect)
    state = compiled.construct_expanded_state(PAGE_VALUES)
    values: dict[str, Any] = {}
    for name, value in dict(state.parameters).items():
        bound = compiled.binds.get(name)  # none for one value of several, as of IN
        kept = bound.type.dialect_impl(dialect).bind_processor(dialect) if bound is not None else None
        turn = kept or state.processors.get(name)
        values[name] = turn(value) if turn else value
    return Ready(state.statement, values, None if state.positiontup is None else tuple(state.positiontup))


def view_of(connection: Connection) -> View:
    """Return the view that a connection holds."""

    def fetch(sql: str, values: Values) -> list[tuple[Any, ...]]:
        if connection.dialect.name == "sqlite":
            return connection.connection.cursor().execute(sql, values).fetchall()
        # a server is further away than the time this takes, and a lost connection has to be told to the pool
        return [tuple(row) for row in connection.exec_driver_sql(sql, values).all()]

    return View(connection.dialect, fetch)
