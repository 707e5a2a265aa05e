"""Storing documents, each function inside the transaction it is given."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, and_, delete, insert, select, update

from liface.database.codec import decode, encode, is_text
from liface.database.columns import NOUNS, RESULT_NOUNS, Noun
from liface.database.names import WHOLE_ROW
from liface.database.schema import FLAG_TABLES, STRUCTURE_TABLE, TABLES, flag_slug
from liface.database.structure_rows import hide_structures, put_structures
from liface.database.uses import calculations_behind, put_uses
from liface.database.whole_rows import row_text
from liface.documents import (
    CalculationDocument,
    CaseDocument,
    LiteratureValue,
    ResultDocument,
    RunDocument,
    SubmissionDocument,
    content_hash,
)
from liface.errors import DatabaseWriteError

CHUNK = 500
"""Identities per statement, below the limit on bound variables of every database."""


def chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    """Split a list of identities into pieces that fit in one statement, without what no database can hold."""
    storable = [key for key in keys if is_text(key)]
    for start in range(0, len(storable), CHUNK):
        yield storable[start : start + CHUNK]


def row_of(noun: Noun, document: Any) -> dict[str, Any]:
    """Return the table row of a document.

    Raises
    ------
    DatabaseWriteError
        If one of its values cannot be stored: a number that is not finite or has more than 64 bits, or text with
        NUL or half characters.
    """
    try:
        blob, sha256 = encode(document)
    except ValueError as error:
        raise DatabaseWriteError(f"{noun.kind}: it cannot be written as JSON ({error}); nothing was stored") from error
    return row_with(noun, document, noun.values(document), blob, sha256)


def row_with(noun: Noun, document: Any, values: Mapping[str, Any], blob: bytes, sha256: str) -> dict[str, Any]:
    """Return the table row of a document whose columns and bytes are there already.

    Raises
    ------
    DatabaseWriteError
        As of :func:`row_of`.
    """
    values = {name: _storable(noun, name, value) for name, value in values.items()}
    flags = getattr(document, "flags", ())
    for flag in flags:
        _check_text(noun.kind, "flags", flag)
    whole = row_text(noun, values, flags)
    return {**values, WHOLE_ROW: whole, "document": blob, "document_sha256": sha256}


def _storable(noun: Noun, name: str, value: Any) -> Any:
    """Return a value as every database gives it back."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise DatabaseWriteError(
                f"{noun.kind}: {name} is {value}, which is no result; nothing was stored. Store the failure instead"
            )
        return value + 0.0  # SQLite keeps no negative zero
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise DatabaseWriteError(f"{noun.kind}: {name} is {value}, more than 64 bits; nothing was stored")
    if isinstance(value, str):
        _check_text(noun.kind, name, value)
    return value


def _check_text(kind: str, name: str, value: str) -> None:
    if not is_text(value):
        raise DatabaseWriteError(
            f"{kind}: {name} is {value!r}, with characters that are no text; nothing was stored. Remove them"
        )


def put_calculation(connection: Connection, document: CalculationDocument, replace: bool) -> bool:
    """Store a calculation; return True if none of its identity was there."""
    table = TABLES["calculations"]
    here = table.c.calc_id == document.calc_id
    known = connection.scalar(select(table.c.status).where(here)) is not None
    if known and not replace:
        return False
    if known:
        connection.execute(delete(table).where(here))
    row = row_of(NOUNS["calculations"], document)
    connection.execute(insert(table), row)
    put_structures(connection, NOUNS["calculations"], [(row, document)])
    return not known


def forget(connection: Connection, noun: Noun, keys: Sequence[str]) -> int:
    """Delete rows by identity; return how many there were."""
    table = TABLES[noun.name]
    if noun.name == "calculations":
        for piece in chunks(keys):
            hide_structures(connection, STRUCTURE_TABLE.c.id.in_(piece))
    return sum(connection.execute(delete(table).where(table.c[noun.key].in_(piece))).rowcount for piece in chunks(keys))


def put_result(connection: Connection, document: ResultDocument) -> str:
    """Store a result as the current one of its slot; what was current there is kept but no longer shown."""
    noun = RESULT_NOUNS[document.kind]
    table = TABLES[noun.name]
    record_id = record_id_of(document)
    row = row_of(noun, document)
    entry_id, slot_id = entry_ids(noun, row)
    current = connection.scalar(select(table.c.is_current).where(table.c.entry_id == entry_id))
    if current:
        return record_id
    connection.execute(
        update(table).where(and_(table.c.slot_id == slot_id, table.c.is_current)).values(is_current=False)
    )
    if current is None:
        connection.execute(insert(table), {**row, "entry_id": entry_id, "slot_id": slot_id, "is_current": True})
        put_flags(connection, noun, {entry_id: document.flags})
        put_uses(connection, noun, {entry_id: calculations_behind(document)})
    else:
        connection.execute(update(table).where(table.c.entry_id == entry_id).values(is_current=True))
        blob: bytes = connection.execute(select(table.c.document).where(table.c.entry_id == entry_id)).scalar_one()
        document = decode(noun, record_id, blob)  # the one that is stored, from when it was first found
    put_structures(connection, noun, [({**row, "entry_id": entry_id, "slot_id": slot_id}, document)])
    return record_id


def put_derived(
    connection: Connection, campaign: str, kinds: Sequence[str], documents: Sequence[ResultDocument]
) -> None:
    """Store derived results and hide those of the same kinds and campaign that no longer follow."""
    _check_text("derived results", "campaign", campaign)
    for kind in kinds:
        table = TABLES[RESULT_NOUNS[kind].name]
        connection.execute(
            update(table).where(and_(table.c.campaign == campaign, table.c.is_current)).values(is_current=False)
        )
        here = and_(STRUCTURE_TABLE.c.campaign == campaign, STRUCTURE_TABLE.c.noun == table.name)
        hide_structures(connection, here)
    for document in documents:
        put_result(connection, document)


def entry_ids(noun: Noun, row: dict[str, Any]) -> tuple[str, str]:
    """Return the identity of an entry (record in a campaign and case) and of the slot it fills."""
    entry_id = content_hash([row["record_id"], row["campaign"], row["case"]])
    return entry_id, content_hash([noun.kind, *(row[name] for name in noun.slot)])


def record_id_of(document: ResultDocument) -> str:
    """Return the content identity of a result.

    Raises
    ------
    DatabaseWriteError
        If a number in it is not finite, or a text no Unicode.
    """
    try:
        return document.record_id
    except UnicodeEncodeError as error:
        raise DatabaseWriteError(
            f"{document.kind}: a text in it is no Unicode ({error}); nothing was stored"
        ) from error
    except ValueError as error:  # JSON has no NaN, so such a document has no identity
        raise DatabaseWriteError(
            f"{document.kind}: a number in it is not finite, which is no result; nothing was stored"
        ) from error


def put_flags(connection: Connection, noun: Noun, flags: Mapping[str, Sequence[str]]) -> None:
    """Store the flags of new results, by their entries."""
    rows = [
        {"entry_id": entry_id, "position": i, "slug": flag_slug(flag), "flag": flag}
        for entry_id, own in flags.items()
        for i, flag in enumerate(own)
    ]
    if rows:
        connection.execute(insert(FLAG_TABLES[noun.name]), rows)


def put_case(connection: Connection, document: CaseDocument) -> None:
    """Store a case in the place of the earlier one of its name, campaign, kind and engine.

    Results that only the earlier one lists are kept but no longer shown: they belong to another definition of
    the case, or to a run that could not be repeated.
    """
    put_case_row(connection, document, row_of(NOUNS["cases"], document))


def put_case_row(connection: Connection, document: CaseDocument, row: dict[str, Any]) -> None:
    """Store a case whose row is there already, as :func:`put_case` does."""
    noun, table = NOUNS["cases"], TABLES["cases"]
    same_slot = and_(*(table.c[name] == row[name] for name in noun.slot))
    earlier = same_slot | (table.c.case_id == document.case_id)
    listed: set[str] = set()
    for case_id, blob in connection.execute(select(table.c.case_id, table.c.document).where(earlier)):
        listed.update(getattr(decode(noun, case_id, blob), "record_ids", ()))
    _hide_results(connection, sorted(listed - set(getattr(document, "record_ids", ()))), row)
    connection.execute(delete(table).where(earlier))
    connection.execute(insert(table), row)


def hide_results_of_older_case(connection: Connection, older: CaseDocument, row: dict[str, Any]) -> None:
    """Supersede results that only this case lists, and not the newer one that is stored in its place."""
    noun, table = NOUNS["cases"], TABLES["cases"]
    same_slot = and_(*(table.c[name] == row[name] for name in noun.slot))
    kept: set[str] = set()
    for case_id, blob in connection.execute(select(table.c.case_id, table.c.document).where(same_slot)):
        kept.update(getattr(decode(noun, case_id, blob), "record_ids", ()))
    _hide_results(connection, sorted(set(getattr(older, "record_ids", ())) - kept), row)


def put_submission(connection: Connection, document: SubmissionDocument) -> None:
    """Store a submission in the place of an earlier state of it."""
    noun = NOUNS["submissions"]
    forget(connection, noun, [document.submission_id])
    connection.execute(insert(TABLES[noun.name]), row_of(noun, document))


def put_run(connection: Connection, document: RunDocument) -> bool:
    """Store a run of a campaign beside all earlier ones; return whether it was not there yet."""
    noun, table = NOUNS["runs"], TABLES["runs"]
    if connection.scalar(select(table.c.run_id).where(table.c.run_id == document.run_id)) is not None:
        return False
    connection.execute(insert(table), row_of(noun, document))
    return True


def put_literature(connection: Connection, values: Sequence[LiteratureValue]) -> int:
    """Store published values that are not there yet; return how many."""
    noun = NOUNS["literature"]
    table, key = TABLES[noun.name], TABLES[noun.name].c[noun.key]
    wanted: dict[str, LiteratureValue] = {}
    for value in values:
        wanted.setdefault(value.literature_id, value)
    known: set[str] = set()
    for piece in chunks(list(wanted)):
        known.update(connection.scalars(select(key).where(key.in_(piece))))
    rows = [row_of(noun, value) for literature_id, value in wanted.items() if literature_id not in known]
    if rows:
        connection.execute(insert(table), rows)
    return len(rows)


def _hide_results(connection: Connection, record_ids: Sequence[str], case_row: dict[str, Any]) -> None:
    """Supersede these results of a case; the same record in another case or campaign stays."""
    for piece in chunks(record_ids):
        of_case = and_(STRUCTURE_TABLE.c.campaign == case_row["campaign"], STRUCTURE_TABLE.c.case == case_row["case"])
        hide_structures(connection, and_(of_case, STRUCTURE_TABLE.c.record_id.in_(piece)))
    for noun in RESULT_NOUNS.values():
        table = TABLES[noun.name]
        own = and_(table.c.campaign == case_row["campaign"], table.c.case == case_row["case"])
        for piece in chunks(record_ids):
            listed = table.c.record_id.in_(piece)
            connection.execute(update(table).where(and_(own, listed)).values(is_current=False))
