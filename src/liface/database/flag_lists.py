"""Flags of many entries, in the SQL of the driver."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from liface.database.asking import KEPT
from liface.database.columns import Noun
from liface.database.driver import View
from liface.database.schema import FLAG_TABLES

AT_ONCE = (10, 50, 100, 500, 2_000)
"""Rows whose flags one statement reads; few lengths, so that few statements are made."""


def flags_of(view: View, noun: Noun, entries: Sequence[str]) -> dict[str, list[str]]:
    """Return the flags of these entries, in order; nothing for an entry without flags.

    They are not read with their rows: a database would look up those of all rows that it puts in order, where a page
    needs few.
    """
    flags: dict[str, list[str]] = {}
    for start in range(0, len(entries), AT_ONCE[-1]):
        piece = entries[start : start + AT_ONCE[-1]]
        size = next(size for size in AT_ONCE if size >= len(piece))
        # the last one again and again: statements of few lengths are made, and a repeated value changes nothing
        values = (*piece, *((piece[-1],) * (size - len(piece))))
        statement = _flags_of(noun, size, "?" if view.dialect.paramstyle == "qmark" else "%s")
        for entry, flag in view.fetch(statement, values):
            flags.setdefault(entry, []).append(flag)
    return flags


@lru_cache(maxsize=KEPT)
def _flags_of(noun: Noun, size: int, place: str) -> str:
    table, places = FLAG_TABLES[noun.name].name, ", ".join([place] * size)
    return f"SELECT entry_id, flag FROM {table} WHERE entry_id IN ({places}) ORDER BY entry_id, position"
