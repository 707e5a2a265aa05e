"""Who uses what: documents page by page, calculations that nothing refers to, results whose case is gone."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import select

from liface.database.codec import decode
from liface.database.columns import NOUNS, RESULT_NOUNS, Noun
from liface.database.connection import Store
from liface.database.reading import shown
from liface.database.schema import TABLES
from liface.errors import CorruptDatabaseError

PAGE = 100


def each(store: Store, noun: Noun) -> Iterator[Any]:
    """Yield the documents of all rows that are shown, in the order of their keys; damaged ones are left out.

    Every page is read in a view of its own, so that writers never wait for a long walk.
    """
    table = TABLES[noun.name]
    primary = table.primary_key.columns.values()[0]
    last = ""
    while True:
        statement = select(primary, table.c[noun.key], table.c.document).where(shown(noun), primary > last)
        with store.reading() as connection:
            rows = connection.execute(statement.order_by(primary).limit(PAGE)).all()
        if not rows:
            return
        for _, key, blob in rows:
            try:
                yield decode(noun, key, blob)
            except CorruptDatabaseError:  # told of by verify
                continue
        last = rows[-1][0]


def orphans(store: Store) -> tuple[str, ...]:
    """Return the calculations that nothing refers to, in the order of their identities."""
    used: set[str] = set()
    for noun in RESULT_NOUNS.values():
        for document in each(store, noun):
            used.update(document.provenance.calc_ids)
    for case in each(store, NOUNS["cases"]):
        used.update(case.calc_ids)
    column = TABLES["calculations"].c.calc_id
    begun = TABLES["calculations"].c.started_from
    with store.reading() as connection:
        used.update(connection.scalars(select(begun).where(begun.is_not(None))))
        return tuple(key for key in connection.scalars(select(column).order_by(column)) if key not in used)


def results_without_case(store: Store, kinds: Collection[str]) -> tuple[str, ...]:
    """Return the shown results of some kinds that no stored case lists."""
    listed: set[str] = set()
    for case in each(store, NOUNS["cases"]):
        listed.update(getattr(case, "record_ids", ()))
    found: list[str] = []
    for kind in kinds:
        noun = RESULT_NOUNS[kind]
        column = TABLES[noun.name].c.record_id
        with store.reading() as connection:
            found += [key for key in connection.scalars(select(column).where(shown(noun))) if key not in listed]
    return tuple(sorted(set(found)))
