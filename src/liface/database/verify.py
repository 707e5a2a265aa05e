"""Checking a whole database: file, documents, columns, identities, references, derived numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, inspect, select

from liface.database.codec import decode
from liface.database.columns import NOUNS, RESULT_NOUNS, Noun
from liface.database.connection import Store
from liface.database.identities import derived_problems
from liface.database.schema import FLAG_TABLES, METADATA, TABLES
from liface.database.structure_rows import WITH_STRUCTURE, lost_structures, structure_problems
from liface.database.writing import CHUNK, entry_ids
from liface.documents import CalculationRequest
from liface.errors import CorruptDatabaseError, DatabaseError, LifaceError

REBUILD = "run 'liface database reindex', which derives the structures again"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong."""

    noun: str
    key: str
    check: str
    message: str

    def __str__(self) -> str:
        place = f"{self.noun} {self.key}" if self.key else self.noun
        return f"{place}: {self.check}: {self.message}"


def verify(store: Store) -> list[Problem]:
    """Return everything that is wrong; an empty list for a sound database."""
    problems = list(_guarded(store, "file", _check_file))
    if any(problem.check in ("file", "tables") for problem in problems):
        return problems
    for noun in NOUNS.values():
        problems += _guarded(store, noun.name, lambda connection, noun=noun: _check_noun(connection, noun))
    problems += _guarded(store, "references", _check_references)
    problems += _guarded(store, "structures", _check_structures)
    return problems


def _guarded(store: Store, part: str, check: Any) -> list[Problem]:
    try:
        with store.reading() as connection:
            return list(check(connection))
    except DatabaseError as error:
        return [Problem(part, "", "file", str(error))]


def _check_file(connection: Connection) -> Iterator[Problem]:
    missing = sorted(set(METADATA.tables) - set(inspect(connection).get_table_names()))
    if missing:
        yield Problem("file", "", "tables", f"missing: {', '.join(missing)}")
    if connection.dialect.name != "sqlite":
        return
    for (line,) in connection.exec_driver_sql("PRAGMA integrity_check"):
        if line != "ok":
            yield Problem("file", "", "file", line)
    for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        yield Problem("file", f"{table} row {row}", "foreign key", f"nothing in {parent} belongs to it")


def _check_noun(connection: Connection, noun: Noun) -> Iterator[Problem]:
    for column in noun.columns.values():
        if column.type in ("integer", "float") and not column.unit:
            yield Problem(noun.name, column.name, "unit", "a number without a unit")
    table = TABLES[noun.name]
    primary = table.primary_key.columns.values()[0]
    last = ""
    while True:
        statement = select(table).where(primary > last).order_by(primary).limit(CHUNK)
        rows = connection.execute(statement).mappings().all()
        if not rows:
            break
        for row in rows:
            yield from _check_row(connection, noun, dict(row))
        last = rows[-1][primary.name]
    if noun.is_result:
        yield from _check_slots(connection, noun)


def _check_row(connection: Connection, noun: Noun, row: dict[str, Any]) -> Iterator[Problem]:
    key = row[noun.key] or row.get("entry_id") or "?"
    try:
        document = decode(noun, key, row["document"], row["document_sha256"])
    except CorruptDatabaseError as error:
        yield Problem(noun.name, key, "document", str(error))
        return
    try:
        expected = noun.values(document)
    except ValueError as error:  # a number that is not finite has no identity
        yield Problem(noun.name, key, "identity", str(error))
        return
    for name, value in expected.items():
        if row[name] != value:
            yield Problem(noun.name, key, "column", f"{name} is {row[name]!r}, its document says {value!r}")
    if noun.is_result:
        if (row["entry_id"], row["slot_id"]) != entry_ids(noun, expected):
            yield Problem(noun.name, key, "identity", "entry and slot do not belong to its document")
        yield from _check_flags(connection, noun, row["entry_id"], key, document.flags)
        yield from (Problem(noun.name, key, "identity", text) for text in derived_problems(document))
    elif noun.name == "calculations":
        yield from _check_calculation(document)
    elif noun.name == "runs" and (document.run_identity, document.lock_identity) != (document.run_id, document.lock_id):
        yield Problem("runs", document.run_id, "identity", f"its content hashes to {document.run_identity}")
    if noun in WITH_STRUCTURE:
        for message in structure_problems(connection, noun, row, document):
            yield Problem(noun.name, key, "structure", f"{message}; {REBUILD}")


def _check_calculation(document: Any) -> Iterator[Problem]:
    try:
        request = CalculationRequest(
            geometry=document.initial, engine=document.engine, settings=document.settings, end=document.end
        )
    except (ValueError, LifaceError) as error:  # a path without its end, or with one of other atoms
        message = f"geometry, settings and end belong to no request: {str(error).splitlines()[0]}"
        yield Problem("calculations", document.calc_id, "identity", message)
        return
    if request.calc_id != document.calc_id:
        message = f"geometry, engine and settings hash to {request.calc_id}"
        yield Problem("calculations", document.calc_id, "identity", message)
    if document.status == "failed":
        return
    sizes = {document.initial.n_atoms, document.final.n_atoms, len(document.forces_ev_per_a)}
    sizes |= {len(image.positions) for image in document.images}
    if len(sizes) > 1:
        yield Problem("calculations", document.calc_id, "identity", f"atoms and forces differ in number: {sizes}")
    if document.settings.path is None:
        return
    expected = document.settings.path.images + 2
    if len(document.images) != expected:
        message = f"its path has {len(document.images)} images, the settings ask for {expected} with both ends"
        yield Problem("calculations", document.calc_id, "identity", message)
    else:
        highest = max(image.energy_ev for image in document.images[1:-1])
        if highest != document.energy_ev:
            message = f"energy is {document.energy_ev!r}, the highest image of its path has {highest!r}"
            yield Problem("calculations", document.calc_id, "identity", message)


def _check_flags(
    connection: Connection, noun: Noun, entry_id: str, key: str, flags: tuple[str, ...]
) -> Iterator[Problem]:
    table = FLAG_TABLES[noun.name]
    statement = select(table.c.flag).where(table.c.entry_id == entry_id).order_by(table.c.position)
    stored = tuple(connection.scalars(statement))
    if stored != flags:
        yield Problem(noun.name, key, "column", f"flags are {list(stored)}, its document says {list(flags)}")


def _check_slots(connection: Connection, noun: Noun) -> Iterator[Problem]:
    table = TABLES[noun.name]
    statement = (
        select(table.c.slot_id, func.min(table.c.record_id), func.count())
        .where(table.c.is_current)
        .group_by(table.c.slot_id)
        .having(func.count() > 1)
    )
    for _, record_id, number in connection.execute(statement):
        yield Problem(noun.name, record_id, "current", f"{number} results of the same quantity are shown")


def _check_structures(connection: Connection) -> Iterator[Problem]:
    """Every structure must be that of a document that is shown."""
    for name, structure_id in lost_structures(connection):
        message = f"it is no structure of a shown row of {name}; {REBUILD}"
        yield Problem("structures", structure_id, "structure", message)


def _check_references(connection: Connection) -> Iterator[Problem]:
    """Every calculation behind a shown result, and every result of a finished case, must be there."""
    calculations = set(connection.scalars(select(TABLES["calculations"].c.calc_id)))
    records: set[str] = set()
    shown: list[tuple[Noun, str, bytes]] = []
    for noun in RESULT_NOUNS.values():
        table = TABLES[noun.name]
        for record_id, current, blob in connection.execute(
            select(table.c.record_id, table.c.is_current, table.c.document)
        ):
            records.add(record_id)
            if current:
                shown.append((noun, record_id, blob))
                yield from _missing(noun, record_id, blob, "calculation", calculations)
    for noun, record_id, blob in shown:
        yield from _missing(noun, record_id, blob, "result", records, _records_behind)
    table = TABLES["cases"]
    for case_id, blob in connection.execute(select(table.c.case_id, table.c.document)):
        yield from _missing(NOUNS["cases"], case_id, blob, "result", records)


def _calculations_or_records(document: Any) -> Iterable[str]:
    """Return the calculations behind a result, or the results of a case."""
    provenance = getattr(document, "provenance", None)
    return provenance.calc_ids if provenance is not None else getattr(document, "record_ids", ())


def _records_behind(document: Any) -> Iterable[str]:
    """Return the results that the result of a model rests on."""
    rests_on = (
        *getattr(document, "inputs", ()),
        *(getattr(document, "points", ()) if document.kind == "verdict" else ()),
    )
    return [each.record_id for each in rests_on if each.record_id is not None]


def _missing(
    noun: Noun,
    key: str,
    blob: bytes,
    what: str,
    known: set[str],
    named: Callable[[Any], Iterable[str]] = _calculations_or_records,
) -> Iterator[Problem]:
    try:
        document = decode(noun, key, blob)
    except CorruptDatabaseError:
        return  # reported with its document
    for absent in sorted(set(named(document)) - known):
        yield Problem(noun.name, key, "reference", f"{what} {absent} is not stored")
