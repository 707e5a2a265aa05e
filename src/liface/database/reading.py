"""Reading rows and documents, each function inside the view it is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, false, func, select, true

from liface.database.codec import decode, is_text
from liface.database.columns import NOUNS, Noun
from liface.database.filters import filter_expression
from liface.database.schema import FLAG_TABLES, TABLES
from liface.database.sorting import order_by
from liface.database.writing import chunks
from liface.documents import CaseDocument, RunDocument, SubmissionDocument
from liface.errors import FilterError

STREAMED = 100
"""Documents that are held in memory at once where many are read one after the other."""


def shown(noun: Noun) -> ColumnElement[bool]:
    """Return the condition on rows that queries show."""
    return TABLES[noun.name].c.is_current if noun.is_result else true()


def rows(
    connection: Connection, noun: Noun, where: str | None, sort: str | None, limit: int | None, offset: int
) -> list[dict[str, Any]]:
    """Return flat rows with plain values: text, numbers, booleans, lists; moments as ISO text in UTC."""
    table = TABLES[noun.name]
    wanted = [table.c[column.name] for column in noun.stored_columns]
    key = [table.c.entry_id.label("entry_id_")] if noun.is_result else []
    found = connection.execute(_selected(noun, select(*wanted, *key), where, sort, limit, offset)).mappings().all()
    flags = _flags(connection, noun, [row["entry_id_"] for row in found]) if noun.is_result else {}
    return [
        {
            name: plain(row[name]) if column.stored else flags.get(row["entry_id_"], [])
            for name, column in noun.columns.items()
        }
        for row in found
    ]


def documents(connection: Connection, noun: Noun, where: str | None, sort: str | None, limit: int | None) -> list[Any]:
    """Return whole documents."""
    table = TABLES[noun.name]
    statement = _selected(noun, select(table.c[noun.key], table.c.document), where, sort, limit, 0)
    return [decode(noun, key, blob) for key, blob in connection.execute(statement)]


def stream(
    connection: Connection, noun: Noun, where: str | None, sort: str | None, limit: int | None
) -> Iterator[tuple[str, Any]]:
    """Yield identities and whole documents, a few at a time."""
    table = TABLES[noun.name]
    statement = _selected(noun, select(table.c[noun.key], table.c.document), where, sort, limit, 0)
    for key, blob in connection.execution_options(yield_per=STREAMED).execute(statement):
        yield key, decode(noun, key, blob)


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
    statement = select(func.count()).select_from(TABLES[noun.name]).where(shown(noun))
    if where is not None and where.strip():
        statement = statement.where(filter_expression(noun, where))
    return connection.scalar(statement) or 0


def _selected(
    noun: Noun, statement: Select[Any], where: str | None, sort: str | None, limit: int | None, offset: int
) -> Select[Any]:
    for name, number in (("limit", limit), ("offset", offset)):
        if number is not None and not 0 <= number < 2**63:
            raise FilterError(f"{name} is {number}; give a whole number from 0 on")
    statement = statement.where(shown(noun)).order_by(*order_by(noun, sort))
    if where is not None and where.strip():
        statement = statement.where(filter_expression(noun, where))
    if limit is not None:
        statement = statement.limit(limit)
    return statement.offset(offset) if offset else statement


def _flags(connection: Connection, noun: Noun, entries: Sequence[str]) -> dict[str, list[str]]:
    table = FLAG_TABLES[noun.name]
    flags: dict[str, list[str]] = {}
    for piece in chunks(entries):
        statement = (
            select(table.c.entry_id, table.c.flag)
            .where(table.c.entry_id.in_(piece))
            .order_by(table.c.entry_id, table.c.position)
        )
        for entry, flag in connection.execute(statement):
            flags.setdefault(entry, []).append(flag)
    return flags


def plain(value: Any) -> Any:
    """Turn a moment into ISO text in UTC; anything else stays as it is."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value
