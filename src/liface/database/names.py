"""What a person names in a question: columns, orders, a campaign. Needs neither the documents nor a database."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Protocol, TypeVar

from liface.errors import FilterError

PLANNED_LOOKS = 8
"""Looks at lists in a filter that PostgreSQL may turn into joins. Few are quicker so; to plan 200 of them takes it 40 s
(``tests/database/test_database_filters.py`` stops it after 20), and an OFFSET in the others keeps it from that."""

ENTRY = "entry_id"
"""Key of a row of results: one record may belong to several campaigns."""

WHOLE_ROW = "whole_row"
"""Column of a row as queries give it (:mod:`liface.database.whole_rows`)."""

MAX_KEYS = 20
"""Columns of an order."""


class NamedColumn(Protocol):
    """What must be known of a column to name it."""

    @property
    def name(self) -> str:
        """As filters and tables write it."""

    @property
    def type(self) -> str:
        """Type of the values, as OPTIMADE calls it."""

    @property
    def unit(self) -> str:
        """Unit of the values."""


C = TypeVar("C", bound=NamedColumn)
C_co = TypeVar("C_co", bound=NamedColumn, covariant=True)


class Named(Protocol[C_co]):
    """A kind of rows and its columns."""

    @property
    def name(self) -> str:
        """Plural, as in ``liface query interfaces``."""

    @property
    def slot(self) -> tuple[str, ...]:
        """Columns that name the same quantity."""

    @property
    def natural_order(self) -> tuple[str, ...]:
        """Columns to sort by where no order is asked; those of the slot if empty."""

    @property
    def columns(self) -> Mapping[str, C_co]:
        """All columns by name."""


def no_noun(name: str, known: Iterable[str]) -> FilterError:
    """Return the error of a noun that is not there."""
    return FilterError(f"the database holds no {name!r}; it holds {', '.join(known)}")


def quoted(text: str) -> str:
    """Write a text as a value of a filter."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def within_campaign(where: str | None, campaign: str | None) -> str | None:
    """Narrow a filter to one campaign."""
    if campaign is None:
        return where
    mine = f"campaign={quoted(campaign)}"
    return f"{mine} AND ({where})" if where and where.strip() else mine


def column_named(noun: Named[C], name: str, doing: str = "filter") -> C:
    """Look a column up.

    Raises
    ------
    FilterError
        If the noun has none of that name; names near matches, then all columns.
    """
    if name in noun.columns:
        return noun.columns[name]
    near = _near(name.lower(), noun)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    if name.upper() in ("TRUE", "FALSE"):
        hint = f"write {name.upper()} in capitals. "
    raise FilterError(f"{doing}: no column {short(name)} in {noun.name}; {hint}columns: {', '.join(noun.columns)}")


def _near(name: str, noun: Named[Any]) -> list[str]:
    """Columns that look like a name, or that begin or contain something like it."""
    whole = get_close_matches(name, noun.columns, n=3, cutoff=0.7)
    first_words = {known.partition("_")[0] for known in noun.columns}
    words = get_close_matches(name.partition("_")[0], sorted(first_words), n=1, cutoff=0.7)
    begun = [known for known in noun.columns if known.partition("_")[0] in words]
    contained = [known for known in noun.columns if name and name in known]
    return list(dict.fromkeys([*whole, *begun, *contained]))[:3]


def sort_keys(noun: Named[C], sort: str | None) -> list[tuple[C, bool]]:
    """Return the columns of a sort and whether each falls; those of the natural order where none is asked.

    Raises
    ------
    FilterError
        If a column is unknown or has no order.
    """
    names = (
        [part.strip() for part in sort.split(",")] if sort and sort.strip() else list(noun.natural_order or noun.slot)
    )
    if len(names) > MAX_KEYS:
        raise FilterError(f"sort: {len(names)} columns; at most {MAX_KEYS} are taken")
    keys = []
    for name in names:
        column = column_named(noun, name.removeprefix("-").removeprefix("+").strip(), "sort")
        if column.type in ("list", "dictionary"):
            raise FilterError(f"sort: {column.name} is a {column.type} and has no order; sort by another column")
        keys.append((column, name.startswith("-")))
    return keys


def firsts(slot: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that begin an index of the natural order of results."""
    return (slot[0], "model", "campaign")


def after_a_gap(slot: Sequence[str], fixed: Collection[str]) -> set[str]:
    """Return the columns of the natural order that have one value, after one that has not; none that begins an index.

    Identities of engines and cases tell few rows apart from the others, and are looked up.
    """
    free = next((place for place, name in enumerate(slot) if name not in fixed), len(slot))
    return {name for name in slot[free:] if name in fixed} - {*firsts(slot), "engine_fingerprint", "case"}


def short(text: str) -> str:
    """Return a text for a message, cut if it is long."""
    return repr(text if len(text) <= 80 else text[:77] + "...")
