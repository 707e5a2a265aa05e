"""From what a database keeps, as its driver gives it, to plain values. Needs neither SQLAlchemy nor the documents."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

_is_kept_moment = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}", re.ASCII).fullmatch
"""Tells a moment as SQLite keeps it."""


class CellError(ValueError):
    """A cell that does not hold what its column does."""

    def __init__(self, column: str, value: Any):
        super().__init__(f"{column} holds {value!r}")
        self.column = column
        self.value = value


def plain_moment(moment: datetime | str) -> str:
    """Return a stored moment as ISO text; one without a zone is in UTC, as SQLite keeps all.

    Raises
    ------
    ValueError
        If what is stored is no moment.
    """
    if isinstance(moment, str):
        read = datetime.fromisoformat(moment)
        if _is_kept_moment(moment):  # written from its text: isoformat() takes longer
            return moment.replace(" ", "T").removesuffix(".000000") + "Z"
        moment = read
    return (moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)).isoformat() + "Z"


def plain_dictionary(value: Any) -> Any:
    """Return a stored dictionary, which SQLite keeps as text."""
    return json.loads(value) if isinstance(value, str) else value


def plain(value: Any) -> Any:
    """Turn a moment into ISO text in UTC; anything else stays as it is."""
    return plain_moment(value) if isinstance(value, datetime) else value


PLAIN: dict[str, Callable[[Any], Any]] = {"boolean": bool, "timestamp": plain_moment, "dictionary": plain_dictionary}
"""What turns a cell that is known into a plain value, by the type of its column; others are plain."""


def plain_rows(
    columns: Sequence[tuple[str, str]],
    cells: Sequence[Sequence[Any]],
    lists_of: Callable[[Sequence[str]], Mapping[str, list[str]]],
) -> list[dict[str, Any]]:
    """Return rows by name with plain values.

    Parameters
    ----------
    columns
        Name and type of the column of each cell of a row.
    cells
        Rows as the driver gives them; the cell of a list column holds the entry whose list it stands for.
    lists_of
        Looks up the lists of entries; those without one may be left out.

    Raises
    ------
    CellError
        At the first cell that does not hold what its column does.
    """
    names = [name for name, _ in columns]
    rows = [dict(zip(names, row)) for row in cells]  # noqa: B905 - to be strict takes a tenth of the time of a page
    for name, kind in dict(columns).items():
        if kind == "list":
            lists = lists_of([row[name] for row in rows])
            for row in rows:
                row[name] = lists.get(row[name], [])
        elif kind in PLAIN:
            made, value = PLAIN[kind], None
            try:
                for row in rows:
                    value = row[name]
                    if value is not None:
                        row[name] = made(value)
            except (ValueError, TypeError) as error:
                raise CellError(name, value) from error
    return rows
