"""Results set against each other: the best of every group, and how far models disagree on the same quantity.

Both are answered by the database itself with window functions, which SQLite and PostgreSQL share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Select, func, select

from liface.database.asking import cell_of, check_page, narrowed
from liface.database.columns import Column, Noun, noun_named
from liface.database.connection import Store
from liface.database.driver import view_of
from liface.database.filters import column_named
from liface.database.flag_lists import flags_of
from liface.database.frames import frame_of
from liface.database.reading import plain_rows
from liface.database.schema import TABLES, flag_slug
from liface.errors import FilterError

if TYPE_CHECKING:
    import pandas as pd

NOT_THE_QUANTITY = ("engine_fingerprint", "campaign", "case")
"""Columns of a slot that say who computed a quantity and where, not which one it is."""

COMPARED = "n_compared"
VALUE = "compared_value"


@dataclass(frozen=True)
class Answer:
    """Rows that are computed from those of a noun; their columns have types and units like any other."""

    noun: Noun
    rows: list[dict[str, Any]]

    @property
    def units(self) -> dict[str, str]:
        """Unit of every column that has one."""
        return {column.name: column.unit for column in self.noun.columns.values() if column.unit}

    def frame(self) -> pd.DataFrame:
        """Return the rows as a DataFrame, units and types in its ``attrs``."""
        cells = {name: [row[name] for row in self.rows] for name in self.noun.columns}
        return frame_of(self.noun, cells, {"noun": self.noun.name})


class Comparisons:
    """What a database sets against each other."""

    _store: Store

    def best(
        self,
        noun: str,
        column: str | None = None,
        by: Sequence[str] | None = None,
        *,
        highest: bool = False,
        top: int = 1,
        where: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> Answer:
        """Return the row with the lowest (or ``highest``) value in every group, groups in order.

        Parameters
        ----------
        column
            The number to compare; the headline of the noun by default. Rows where it is unknown are left out.
        by
            Columns that make a group; the first of what names a quantity, such as the substrate, by default.
        top
            Rows per group, the best first.
        columns
            What a row holds besides ``n_compared``, the number of rows its group has.

        Raises
        ------
        FilterError
            If a column does not fit.
        """
        asked = noun_named(noun)
        with self._store.reading() as connection:
            return best(connection, asked, column, by, highest, top, where, columns)

    def spread(
        self,
        noun: str,
        column: str | None = None,
        by: Sequence[str] | None = None,
        *,
        least: int = 2,
        where: str | None = None,
        limit: int | None = None,
    ) -> Answer:
        """Return mean, lowest, highest and half range over models of every quantity, the largest disagreement first.

        Of several results of a quantity by one model, in different campaigns, the newest counts.

        Parameters
        ----------
        column
            The number to compare; the headline of the noun by default.
        by
            Columns that say which results are of the same quantity; those of its slot without the engine by default.
        least
            Models a quantity must have.

        Raises
        ------
        FilterError
            If a column does not fit, or the noun has no engine.
        """
        asked = noun_named(noun)
        with self._store.reading() as connection:
            return spread(connection, asked, column, by, least, where, limit)


def best(
    connection: Connection,
    noun: Noun,
    column: str | None,
    by: Sequence[str] | None,
    highest: bool,
    top: int,
    where: str | None,
    columns: Sequence[str] | None,
) -> Answer:
    """Return the first rows of every group in the order of a number; see :meth:`Comparisons.best`."""
    if top < 1:
        raise FilterError(f"the best {top} of every group; give at least 1")
    number, groups = _number(noun, column), _groups(noun, noun.slot[:1] if by is None else by)
    table, names = TABLES[noun.name], list(noun.columns if columns is None else columns)
    chosen = [column_named(noun, name, "columns") for name in names]
    value, cells = table.c[number.name], [table.c[each.name] for each in groups]
    key = table.primary_key.columns.values()[0]
    place = func.row_number().over(partition_by=cells, order_by=[value.desc() if highest else value.asc(), key])
    size = func.count().over(partition_by=cells)
    # keys alone are put in order, so that an index is enough; whole rows are read of the best only
    every = select(key.label("key"), size.label(COMPARED), place.label("place")).where(value.is_not(None))
    ranked = narrowed(noun, every, where).subquery()
    statement = (
        select(*(cell_of(noun, each).label(f"cell_{k}") for k, each in enumerate(chosen)), ranked.c[COMPARED])
        .join_from(ranked, table, ranked.c.key == key)
        .where(ranked.c.place <= top)
        .order_by(*(cell.asc().nulls_last() for cell in cells), ranked.c.place)
    )
    found = connection.execute(statement).all()
    rows = plain_rows(view_of(connection), noun, names, [row[:-1] for row in found])
    shown = {each.name: each for each in chosen} | {COMPARED: _computed(COMPARED, "integer", "1")}
    compared = [{**row, COMPARED: cells[-1]} for row, cells in zip(rows, found, strict=True)]
    return Answer(replace(noun, columns=shown), compared)


def spread(
    connection: Connection,
    noun: Noun,
    column: str | None,
    by: Sequence[str] | None,
    least: int,
    where: str | None,
    limit: int | None,
) -> Answer:
    """Return one row per quantity with its spread over models; see :meth:`Comparisons.spread`."""
    if "engine_fingerprint" not in noun.columns or not noun.is_result:
        raise FilterError(f"{noun.name} are no results of an engine; compare results, e.g. interfaces")
    check_page(limit, 0)
    number = _number(noun, column)
    groups = _groups(noun, [name for name in noun.slot if name not in NOT_THE_QUANTITY] if by is None else by)
    columns = _columns_of_spread(groups, number)
    found = connection.execute(_members(noun, number, groups, least, where, limit)).mappings().all()
    flags = flags_of(view_of(connection), noun, [row["entry"] for row in found])
    rows = []
    for _, members in groupby(found, key=itemgetter("quantity")):
        every = list(members)
        first, values = every[0], [row[VALUE] for row in every]
        slugs = dict.fromkeys(flag_slug(flag) for row in every for flag in flags.get(row["entry"], []))
        cells = [
            *(first[f"group_{k}"] for k in range(len(groups))),
            sum(values) / len(values), min(values), max(values), (max(values) - min(values)) / 2, len(every),
            [f"{row['engine']}:{row['model']}" for row in every], all(row["converged"] for row in every), list(slugs),
        ]  # fmt: skip
        rows.append(dict(zip(columns, cells, strict=True)))
    return Answer(replace(noun, columns=columns), rows)


def _members(
    noun: Noun, number: Column, groups: Sequence[Column], least: int, where: str | None, limit: int | None
) -> Select[Any]:
    """Select the newest result of every model of every quantity; quantities by falling range, values rising."""
    table = TABLES[noun.name]
    value, cells = table.c[number.name], [table.c[each.name] for each in groups]
    age = func.row_number().over(
        partition_by=[*cells, table.c.engine_fingerprint], order_by=[table.c.created_at.desc(), table.c.entry_id]
    )
    own = [table.c.engine, table.c.model, table.c.converged, table.c.entry_id.label("entry"), value.label(VALUE)]
    labelled = [cell.label(f"group_{k}") for k, cell in enumerate(cells)]
    every = narrowed(noun, select(*own, *labelled, age.label("age")).where(value.is_not(None)), where).subquery()
    within = [every.c[label.name] for label in labelled]
    half = (func.max(every.c[VALUE]).over(partition_by=within) - func.min(every.c[VALUE]).over(partition_by=within)) / 2
    models = func.count().over(partition_by=within)
    newest = select(every, half.label("half"), models.label("models")).where(every.c.age == 1).subquery()
    order = [newest.c.half.desc(), *(newest.c[label.name].asc().nulls_last() for label in labelled)]
    quantity = func.dense_rank().over(order_by=order)
    ranked = select(newest, quantity.label("quantity")).where(newest.c.models >= least).subquery()
    statement = select(ranked).order_by(ranked.c.quantity, ranked.c[VALUE], ranked.c.entry)
    return statement if limit is None else statement.where(ranked.c.quantity <= limit)


def _columns_of_spread(groups: Sequence[Column], number: Column) -> dict[str, Column]:
    columns = [
        *groups,
        *(
            _computed(f"{what}_{number.name}", "float" if what in ("mean", "half_range") else number.type, number.unit)
            for what in ("mean", "lowest", "highest", "half_range")
        ),
        _computed("n_models", "integer", "1"),
        _computed("models", "list", ""),
        _computed("converged", "boolean", ""),
        _computed("flags", "list", ""),
    ]
    return {column.name: column for column in columns}


def _computed(name: str, type_: Any, unit: str) -> Column:
    return Column(name, type_, unit, itemgetter(name))


def _number(noun: Noun, name: str | None) -> Column:
    if name is None:
        if not noun.headline:
            raise FilterError(f"{noun.name} have no headline number; name a column to compare")
        name = noun.headline
    column = column_named(noun, name, "compare")
    if column.type not in ("float", "integer"):
        raise FilterError(f"compare: {column.name} of {noun.name} is a {column.type}; compare a number")
    return column


def _groups(noun: Noun, by: Sequence[str]) -> list[Column]:
    groups = [column_named(noun, name, "by") for name in dict.fromkeys(by)]
    for column in groups:
        if column.type in ("list", "dictionary"):
            raise FilterError(f"by: {column.name} is a {column.type}; group by another column")
    if not groups:
        raise FilterError(f"by: no column to group {noun.name} by; columns: {', '.join(noun.columns)}")
    return groups
