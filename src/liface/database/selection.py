"""What of a database is asked for: nouns, a filter, an order, a campaign, a limit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from liface.database import reading
from liface.database.asking import question
from liface.database.campaign_rows import campaign_rows
from liface.database.columns import NOUNS, Noun, noun_named
from liface.database.filters import within_campaign
from liface.errors import InputError


@dataclass(frozen=True)
class Selection:
    """Nouns and what is asked of each of them."""

    nouns: tuple[Noun, ...]
    named: bool
    """Whether a person named the nouns; otherwise those to which the question does not apply are left out."""
    where: str | None = None
    sort: str | None = None
    limit: int | None = None
    campaign: str | None = None

    @classmethod
    def of(
        cls,
        nouns: Iterable[str] | None = None,
        where: str | None = None,
        sort: str | None = None,
        limit: int | None = None,
        campaign: str | None = None,
    ) -> Selection:
        """Select by names.

        Raises
        ------
        FilterError
            If there is no such noun.
        InputError
            If a filter or an order comes without nouns, whose columns it names; or a campaign with a noun that
            belongs to none.
        """
        named = tuple(dict.fromkeys(noun_named(name) for name in nouns)) if nouns is not None else ()
        if not named and (where or sort):
            raise InputError("a filter or an order names columns of one kind of rows; say which with --noun")
        chosen = named or tuple(NOUNS.values())
        if campaign is not None:
            foreign = [noun.name for noun in chosen if not _of_campaigns(noun)]
            if named and foreign:
                raise InputError(f"{', '.join(foreign)} belong to no campaign; leave --campaign out")
            chosen = tuple(noun for noun in chosen if _of_campaigns(noun))
        return cls(chosen, bool(named), where, sort, limit, campaign)


def selected_rows(connection: Connection, selection: Selection) -> dict[Noun, Iterator[dict[str, Any]]]:
    """Return the rows of every noun of a selection, to be read one after the other in the view that is held.

    Raises
    ------
    FilterError
        If the filter or the order does not fit the columns of a noun.
    """
    for noun in selection.nouns:
        question(noun, _filter(noun, selection), selection.sort, limit=selection.limit)
    return {noun: _rows_of(connection, noun, selection) for noun in selection.nouns}


def _rows_of(connection: Connection, noun: Noun, selection: Selection) -> Iterator[dict[str, Any]]:
    keys = _calculations_of(connection, noun, selection.campaign)
    limit = selection.limit if keys is None else None
    rows = reading.stream_rows(connection, noun, _filter(noun, selection), selection.sort, limit)
    yield from islice((row for row in rows if keys is None or row[noun.key] in keys), selection.limit)


def selected_documents(
    connection: Connection, selection: Selection, nouns: Sequence[Noun]
) -> Iterator[tuple[Noun, Any]]:
    """Yield the documents of these nouns of a selection, one after the other."""
    for noun in nouns:
        keys = _calculations_of(connection, noun, selection.campaign)
        limit = selection.limit if keys is None else None
        found = reading.stream(connection, noun, _filter(noun, selection), selection.sort, limit)
        wanted = (document for key, document in found if keys is None or key in keys)
        yield from ((noun, document) for document in islice(wanted, selection.limit))


def _of_campaigns(noun: Noun) -> bool:
    return "campaign" in noun.columns or noun.name == "calculations"


def _filter(noun: Noun, selection: Selection) -> str | None:
    return within_campaign(selection.where, selection.campaign if "campaign" in noun.columns else None)


def _calculations_of(connection: Connection, noun: Noun, campaign: str | None) -> set[str] | None:
    """Return the calculations that a campaign rests on, those of bundles; None for no such condition."""
    if campaign is None or noun.name != "calculations":
        return None
    return set(campaign_rows(connection, campaign)["calculations"])
