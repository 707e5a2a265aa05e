"""Reading rows and documents, each function inside the view it is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Select, false, func, not_, select

from liface.database import whole_rows
from liface.database.asking import KEPT, check_page, narrowed, question, shown
from liface.database.cells import CellError
from liface.database.cells import plain_rows as by_name
from liface.database.codec import decode, is_text
from liface.database.columns import NOUNS, Noun
from liface.database.driver import View
from liface.database.flag_lists import flags_of
from liface.database.names import short
from liface.database.schema import TABLES
from liface.database.sorting import order_by
from liface.database.writing import chunks
from liface.documents import CaseDocument, RunDocument, SubmissionDocument
from liface.errors import CorruptDatabaseError

ROWS_STREAMED = 1_000
STREAMED = 100
"""Rows, and documents, that are held in memory at once where many are read one after the other."""


def rows(
    view: View,
    noun: Noun,
    where: str | None,
    sort: str | None,
    limit: int | None,
    offset: int,
    columns: Sequence[str] | None = None,
) -> list[dict[str, Any]]:
    """Return flat rows with plain values: text, numbers, booleans, lists; moments as ISO text in UTC."""
    asked = question(noun, where, sort, columns, limit, offset)
    cells = asked.run(view, limit, offset)
    return whole_rows.by_name(noun, cells) if asked.whole else plain_rows(view, noun, asked.names, cells)


def stream_rows(
    connection: Connection, noun: Noun, where: str | None, sort: str | None, limit: int | None
) -> Iterator[dict[str, Any]]:
    """Yield what :func:`rows` returns, a few at a time."""
    asked = question(noun, where, sort, None, limit)
    page = {} if limit is None else {"limit_": limit}
    found = connection.execute(asked.statement, page, execution_options={"yield_per": ROWS_STREAMED})
    for piece in found.partitions():
        yield from whole_rows.by_name(noun, piece)


def plain_rows(view: View, noun: Noun, names: Sequence[str], cells: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Return rows by name with plain values; the cell of a list column holds the entry whose list is looked up.

    Raises
    ------
    CorruptDatabaseError
        If a cell does not hold what its column does.
    """
    columns = [(name, noun.columns[name].type) for name in names]
    try:
        return by_name(columns, cells, lambda entries: flags_of(view, noun, entries))
    except CellError as error:
        raise damaged(noun, error.column, error.value) from error


def damaged(noun: Noun, column: str, value: Any) -> CorruptDatabaseError:
    """Return the error of a cell that does not hold what its column does."""
    return CorruptDatabaseError(
        f"{noun.name}: {column} is stored as {short(str(value))}, which is no {noun.columns[column].type}; "
        "'liface database verify' names the rows, restore them from a copy"
    )


def documents(connection: Connection, noun: Noun, where: str | None, sort: str | None, limit: int | None) -> list[Any]:
    """Return whole documents."""
    return [decode(noun, key, blob) for key, blob in connection.execute(_whole(noun, where, sort, limit))]


def stream(
    connection: Connection, noun: Noun, where: str | None, sort: str | None, limit: int | None
) -> Iterator[tuple[str, Any]]:
    """Yield identities and whole documents, a few at a time."""
    statement = _whole(noun, where, sort, limit)
    for key, blob in connection.execute(statement, execution_options={"yield_per": STREAMED}):
        yield key, decode(noun, key, blob)


def _whole(noun: Noun, where: str | None, sort: str | None, limit: int | None) -> Select[Any]:
    check_page(limit, 0)
    table = TABLES[noun.name]
    statement = narrowed(noun, select(table.c[noun.key], table.c.document), where).order_by(*order_by(noun, sort))
    return statement if limit is None else statement.limit(limit)


def documents_by_key(connection: Connection, noun: Noun, keys: Sequence[str]) -> dict[str, Any]:
    """Return the documents of these identities that are stored, also superseded ones."""
    table = TABLES[noun.name]
    found: dict[str, Any] = {}
    for piece in chunks(list(dict.fromkeys(keys))):
        statement = select(table.c[noun.key], table.c.document).where(table.c[noun.key].in_(piece))
        if noun.is_result:
            statement = statement.order_by(table.c.is_current, table.c.created_at, table.c.entry_id)
        found.update({key: decode(noun, key, blob) for key, blob in connection.execute(statement)})
    return found


def statuses(connection: Connection, noun: Noun, keys: Sequence[str]) -> dict[str, str]:
    """Return the status of these identities that are stored."""
    table = TABLES[noun.name]
    found: dict[str, str] = {}
    for piece in chunks(list(dict.fromkeys(keys))):
        statement = select(table.c[noun.key], table.c.status).where(table.c[noun.key].in_(piece))
        found.update(connection.execute(statement).tuples().all())
    return found


def cases(connection: Connection, campaign: str | None, status: str | None) -> list[CaseDocument]:
    """Return cases in the order of campaign, name and kind."""
    noun, table = NOUNS["cases"], TABLES["cases"]
    statement = select(table.c.case_id, table.c.document).order_by(*order_by(noun, None))
    for name, wanted in (("campaign", campaign), ("status", status)):
        if wanted is not None:
            statement = statement.where(table.c[name] == wanted if is_text(wanted) else false())
    return [decode(noun, key, blob) for key, blob in connection.execute(statement)]


def submissions(connection: Connection, campaign: str) -> list[SubmissionDocument]:
    """Return the submissions of a campaign, the oldest first."""
    noun, table = NOUNS["submissions"], TABLES["submissions"]
    statement = select(table.c.submission_id, table.c.document).where(
        table.c.campaign == campaign if is_text(campaign) else false()
    )
    statement = statement.order_by(table.c.created_at, table.c.submission_id)
    return [decode(noun, key, blob) for key, blob in connection.execute(statement)]


def runs(connection: Connection, campaign: str | None, run_id: str | None) -> list[RunDocument]:
    """Return the recorded runs, the oldest first; those whose identity begins with ``run_id``."""
    noun, table = NOUNS["runs"], TABLES["runs"]
    statement = select(table.c.run_id, table.c.document).order_by(table.c.created_at, table.c.run_id)
    if campaign is not None:
        statement = statement.where(table.c.campaign == campaign)
    if run_id is not None:
        statement = statement.where(table.c.run_id.startswith(run_id, autoescape=True))
    return [decode(noun, key, blob) for key, blob in connection.execute(statement)]


def count(connection: Connection, noun: Noun, where: str | None) -> int:
    """Return the number of rows that match."""
    return connection.scalar(_count(noun, where)) or 0


@lru_cache(maxsize=KEPT)
def _count(noun: Noun, where: str | None) -> Select[Any]:
    rows = select(func.count()).select_from(TABLES[noun.name])
    if where is not None and where.strip():
        return narrowed(noun, rows, where)
    if not noun.is_result:
        return rows
    # all less the few that are not shown: SQLite counts whole tables many times faster than the rows of a condition
    return select(rows.scalar_subquery() - rows.where(not_(shown(noun))).scalar_subquery())
