"""Answers as pandas DataFrames that keep what a table of numbers loses: units, types, the question, the versions.

Columns have the types of pandas that know missing values: ``float64`` with NaN, ``Int64``, ``boolean``, ``string`` and
``datetime64[us, UTC]``; lists (flags) and dictionaries are Python objects. Rows are numbered from 0, as after
``pandas.read_sql``: ``frame.set_index("record_id")`` gives rows their content identity where that is wanted. Units
stay plain text in ``frame.attrs["units"]``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, overload

from liface import __version__
from liface.database.asking import Question, question
from liface.database.cells import plain_dictionary
from liface.database.columns import Column, Noun, noun_named
from liface.database.connection import Store
from liface.database.flag_lists import flags_of
from liface.database.reading import damaged
from liface.database.whole_rows import plain_values
from liface.garbage import collector_paused

if TYPE_CHECKING:
    import pandas as pd

DTYPES = {
    "string": "string",
    "integer": "Int64",
    "float": "float64",
    "boolean": "boolean",
    "timestamp": "datetime64[us, UTC]",
    "list": "object",
    "dictionary": "object",
}
"""Type of pandas for every type of column."""


class NounTable:
    """A method that gives the rows of the noun it is called after as a DataFrame."""

    def __init__(self) -> None:
        self._noun = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._noun = name
        self.__doc__ = f"Return {name} as a DataFrame; see :meth:`Tables.table`."

    @overload
    def __get__(self, database: None, owner: type) -> Self: ...

    @overload
    def __get__(self, database: Tables, owner: type) -> BoundTable: ...

    def __get__(self, database: Tables | None, owner: type) -> Self | BoundTable:
        return self if database is None else BoundTable(database, self._noun)


@dataclass(frozen=True)
class BoundTable:
    """The rows of one noun of one database, to be called."""

    database: Tables
    noun: str

    def __call__(
        self,
        where: str | None = None,
        sort: str | None = None,
        limit: int | None = None,
        offset: int = 0,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Return the rows; see :meth:`Tables.table`."""
        return self.database.table(self.noun, where, sort, limit, offset, columns)


class Tables:
    """What a database gives as DataFrames: ``database.table("calculations")``, ``database.interfaces()`` and so on.

    Every result noun has a method. Calculations, cases and submissions do not: their names ask for documents.
    """

    _store: Store
    schema_version: int

    bulks = NounTable()
    surfaces = NounTable()
    interfaces = NounTable()
    bindings = NounTable()
    barriers = NounTable()
    growth = NounTable()
    wetting = NounTable()
    adhesions = NounTable()
    morphologies = NounTable()
    depositions = NounTable()
    creep = NounTable()
    stability = NounTable()
    phonons = NounTable()
    vibrations = NounTable()
    verdicts = NounTable()
    convergence = NounTable()

    def table(
        self,
        noun: str,
        where: str | None = None,
        sort: str | None = None,
        limit: int | None = None,
        offset: int = 0,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Return the rows of :meth:`Database.query` as a DataFrame.

        ``attrs`` hold units and types by column, and the noun, filter, order, database and versions behind it.

        Raises
        ------
        FilterError
            If the filter, the order or a column does not fit the noun.
        """
        asked = noun_named(noun)
        about = {"noun": asked.name, "filter": where, "sort": sort, "limit": limit, "offset": offset,
                 "database": self._store.url, "schema_version": self.schema_version,
                 "liface_version": __version__}  # fmt: skip
        with collector_paused():
            cells = self._cells(asked, question(asked, where, sort, columns, limit, offset), limit, offset)
            return frame_of(asked, cells, about)

    def _cells(self, noun: Noun, asked: Question, limit: int | None, offset: int) -> dict[str, Sequence[Any]]:
        """Return the columns of an answer, lists in the place of their entries."""
        with self._store.viewing() as view:
            rows = asked.run(view, limit, offset)
            if asked.whole:
                return _by_column(asked, plain_values(noun, rows))
            cells = _by_column(asked, rows)
            for name in asked.lists:
                flags = flags_of(view, noun, cells[name])
                cells[name] = [flags.get(entry, []) for entry in cells[name]]
        return cells


def _by_column(asked: Question, rows: Sequence[Sequence[Any]]) -> dict[str, Sequence[Any]]:
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) or [()] * len(asked.names)
    return dict(zip(asked.names, columns, strict=True))


def frame_of(noun: Noun, cells: Mapping[str, Sequence[Any]], about: dict[str, Any]) -> pd.DataFrame:
    """Return columns of plain values as a DataFrame, their units and types in its ``attrs``."""
    import pandas as pd

    columns = [noun.columns[name] for name in cells]
    frame = pd.DataFrame({column.name: _sound(noun, column, cells[column.name]) for column in columns})
    frame.attrs |= {
        "units": {column.name: column.unit for column in columns if column.unit},
        "types": {column.name: column.type for column in columns},
        **about,
    }
    return frame


def _sound(noun: Noun, column: Column, values: Sequence[Any]) -> pd.Series:
    try:
        return _series(column, values)
    except (ValueError, TypeError) as error:
        raise damaged(noun, column.name, next((v for v in values if not _fits(column, v)), None)) from error


def _fits(column: Column, value: Any) -> bool:
    try:
        _series(column, [value])
    except (ValueError, TypeError):
        return False
    return True


def _series(column: Column, values: Sequence[Any]) -> pd.Series:
    import pandas as pd

    if column.type == "timestamp":
        moments = pd.to_datetime(pd.Series(list(values), dtype="object"), utc=True, format="ISO8601")
        return moments.astype(DTYPES["timestamp"])
    if column.type == "string":
        return _strings(values)
    if column.type == "dictionary":
        return pd.Series([plain_dictionary(value) for value in values], dtype="object")
    return pd.Series(list(values), dtype=DTYPES[column.type])


def _strings(values: Sequence[str | None]) -> pd.Series:
    """Return texts as pandas keeps them; where those are Arrow's, without a look at each of them in Python."""
    import pandas as pd

    dtype = pd.StringDtype()
    if dtype.storage != "pyarrow":
        return pd.Series(list(values), dtype=dtype)
    import pyarrow as pa

    return pd.Series(dtype.__from_arrow__(pa.array(values, pa.large_string())))
