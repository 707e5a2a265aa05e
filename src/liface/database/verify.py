"""Checking a whole database: file, documents, columns, identities, references, derived numbers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, exists, func, inspect, select

from liface.database.codec import decode
from liface.database.columns import NOUNS, RESULT_NOUNS, Noun
from liface.database.connection import Store
from liface.database.identities import derived_problems
from liface.database.schema import FLAG_TABLES, METADATA, TABLES
from liface.database.structure_rows import WITH_STRUCTURE, lost_structures, structure_problems
from liface.database.units import unit_problems
from liface.database.uses import lost_uses, use_problems
from liface.database.whole_rows import whole_row_problem
from liface.database.writing import CHUNK, chunks, entry_ids
from liface.documents import CalculationRequest
from liface.errors import CorruptDatabaseError, DatabaseError, LifaceError

REBUILD = "run 'liface database reindex', which derives it again"

Told = Callable[[str, int, int], None]
"""Told of a noun, how many of its rows have been read, and how many there are."""


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


def verify(store: Store, quick: bool = False, told: Told | None = None) -> list[Problem]:
    """Return everything that is wrong; an empty list for a sound database.

    ``quick`` reads no documents; ``told`` hears of every page that has been read.
    """
    problems = list(_guarded(store, "file", _check_file))
    if any(problem.check in ("file", "tables") for problem in problems):
        return problems
    for noun in NOUNS.values():
        check = _check_table if quick else partial(_check_noun, told=told)
        problems += _guarded(store, noun.name, partial(check, noun=noun))
    if not quick:
        problems += _guarded(store, "structures", _check_structures)
    return problems


def _guarded(store: Store, part: str, check: Any) -> list[Problem]:
    try:
        with store.reading() as connection:
            return list(check(connection))
    except DatabaseError as error:
        return [Problem(part, "", "file", str(error))]
    except ValueError as error:  # SQLite keeps any text in any column
        return [Problem(part, "", "column", f"a cell does not hold what its column does ({error}); nothing else of "
                                            f"{part} was checked. Restore it from a copy")]  # fmt: skip


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


def _check_noun(connection: Connection, noun: Noun, told: Told | None = None) -> Iterator[Problem]:
    yield from _check_table(connection, noun)
    read, total = 0, 0
    if told is not None:
        total = connection.scalar(select(func.count()).select_from(TABLES[noun.name])) or 0
    for rows in _pages(connection, noun):
        sound: list[tuple[dict[str, Any], Any]] = []
        for row in rows:
            document = yield from _check_row(connection, noun, row)
            if document is not None:
                sound.append((row, document))
        yield from _check_references(connection, noun, sound)
        read += len(rows)
        if told is not None:
            told(noun.name, read, total)


def _check_table(connection: Connection, noun: Noun) -> Iterator[Problem]:
    """Check what needs no document: units, flags without a result, slots with two results."""
    for name, message in unit_problems(noun):
        yield Problem(noun.name, name, "unit", message)
    if noun.is_result:
        yield from _check_loose_flags(connection, noun)
        for entry_id in lost_uses(connection, noun):
            message = f"the table of uses names an entry that is not stored; {REBUILD}"
            yield Problem(noun.name, entry_id, "reference", message)
        yield from _check_slots(connection, noun)


def _pages(connection: Connection, noun: Noun) -> Iterator[list[dict[str, Any]]]:
    """Yield all rows some hundred at a time, so that memory does not grow with the database."""
    table = TABLES[noun.name]
    primary = table.primary_key.columns.values()[0]
    last = ""
    while True:
        statement = select(table).where(primary > last).order_by(primary).limit(CHUNK)
        rows = [dict(row) for row in connection.execute(statement).mappings()]
        if not rows:
            return
        yield rows
        last = rows[-1][primary.name]


def _check_row(connection: Connection, noun: Noun, row: dict[str, Any]) -> Generator[Problem, None, Any]:
    """Yield what is wrong with a row, and return its document; None where that is no document."""
    key = row[noun.key] or row.get("entry_id") or "?"
    try:
        document = decode(noun, key, row["document"], row["document_sha256"])
    except CorruptDatabaseError as error:
        yield Problem(noun.name, key, "document", str(error))
        return None
    try:
        expected = noun.values(document)
    except ValueError as error:  # a number that is not finite has no identity
        yield Problem(noun.name, key, "identity", str(error))
        return None
    for name, value in expected.items():
        if row[name] != value:
            yield Problem(noun.name, key, "column", f"{name} is {row[name]!r}, its document says {value!r}")
    if message := whole_row_problem(noun, row, expected, getattr(document, "flags", ())):
        yield Problem(noun.name, key, "whole row", f"{message}; {REBUILD}")
    if noun.is_result:
        if (row["entry_id"], row["slot_id"]) != entry_ids(noun, expected):
            yield Problem(noun.name, key, "identity", "entry and slot do not belong to its document")
        yield from _check_flags(connection, noun, row["entry_id"], key, document.flags)
        for message in use_problems(connection, noun, row["entry_id"], document):
            yield Problem(noun.name, key, "reference", f"{message}; {REBUILD}")
        yield from (Problem(noun.name, key, "identity", text) for text in derived_problems(document))
    elif noun.name == "calculations":
        yield from _check_calculation(document)
    elif noun.name == "runs" and (document.run_identity, document.lock_identity) != (document.run_id, document.lock_id):
        yield Problem("runs", document.run_id, "identity", f"its content hashes to {document.run_identity}")
    if noun in WITH_STRUCTURE:
        for message in structure_problems(connection, noun, row, document):
            yield Problem(noun.name, key, "structure", f"{message}; {REBUILD}")
    return document


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


def _check_loose_flags(connection: Connection, noun: Noun) -> Iterator[Problem]:
    """Find flags of no entry: a database that does not enforce foreign keys may have kept some."""
    table, entries = FLAG_TABLES[noun.name], TABLES[noun.name]
    known = exists().where(entries.c.entry_id == table.c.entry_id)
    statement = select(table.c.entry_id, func.count()).where(~known).group_by(table.c.entry_id)
    for entry_id, number in connection.execute(statement):
        yield Problem(noun.name, entry_id, "flags", f"{number} flags of an entry that is not stored")


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


def _check_references(
    connection: Connection, noun: Noun, pairs: Sequence[tuple[dict[str, Any], Any]]
) -> Iterator[Problem]:
    """Every calculation behind a shown result, and every result of a case or behind a model, must be there."""
    shown = [(row[noun.key], document) for row, document in pairs if row.get("is_current", True)]
    if noun.is_result:
        named = {key: set(document.provenance.calc_ids) for key, document in shown}
        yield from _missing(noun, named, "calculation", _stored(connection, [NOUNS["calculations"]], named))
        named = {key: set(records_behind(document)) for key, document in shown}
        yield from _missing(noun, named, "result", _stored(connection, RESULT_NOUNS.values(), named))
    elif noun.name == "cases":
        named = {key: set(getattr(document, "record_ids", ())) for key, document in shown}
        yield from _missing(noun, named, "result", _stored(connection, RESULT_NOUNS.values(), named))


def records_behind(document: Any) -> set[str]:
    """Return the results that the result of a model rests on."""
    rests_on = (
        *getattr(document, "inputs", ()),
        *(getattr(document, "points", ()) if document.kind == "verdict" else ()),
    )
    return {each.record_id for each in rests_on if each.record_id is not None}


def _stored(connection: Connection, nouns: Iterable[Noun], named: Mapping[str, set[str]]) -> set[str]:
    """Return those of the named identities that are stored under one of some nouns."""
    asked = sorted(set().union(*named.values())) if named else []
    found: set[str] = set()
    for noun in nouns if asked else ():
        column = TABLES[noun.name].c[noun.key]
        for piece in chunks(asked):
            found.update(connection.scalars(select(column).where(column.in_(piece))))
    return found


def _missing(noun: Noun, named: Mapping[str, set[str]], what: str, known: set[str]) -> Iterator[Problem]:
    for key, identities in named.items():
        for absent in sorted(identities - known):
            yield Problem(noun.name, key, "reference", f"{what} {absent} is not stored")
