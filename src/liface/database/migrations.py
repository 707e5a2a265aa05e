"""Schema versions and the way from each to the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import DDL, Connection, Dialect, String, func, insert, inspect, select, text
from sqlalchemy.schema import CreateIndex, CreateTable, ExecutableDDLElement

from liface import __version__
from liface.database.columns import NOUNS
from liface.database.names import WHOLE_ROW
from liface.database.schema import FLAG_TABLES, LONG_TEXT, METADATA, STRUCTURE_TABLES, TABLES, TEXT, USES, VERSIONS
from liface.database.structure_rows import rebuild_structures
from liface.database.uses import rebuild_uses
from liface.database.whole_rows import rebuild_rows
from liface.documents import now
from liface.errors import DatabaseOpenError, SchemaVersionError


@dataclass(frozen=True)
class Migration:
    """One numbered step; ``apply`` changes tables and rows inside the transaction it is given."""

    version: int
    description: str
    apply: Callable[[Connection], None]


def _baseline(connection: Connection) -> None:
    METADATA.create_all(connection)


def _submissions(connection: Connection) -> None:
    """Add what was handed to queues, and the links from costly calculations to cheap ones."""
    METADATA.tables["submissions"].create(connection, checkfirst=True)
    _add_column(connection, "calculations", "started_from")
    for table in ("bulks", "surfaces", "interfaces", "bindings", "growth", "wetting"):
        _add_column(connection, table, "screened_by")


NOUNS_OF_3: tuple[str, ...] = (
    "adhesions",
    "barriers",
    "phonons",
    "vibrations",
    "morphologies",
    "depositions",
    "creep",
    "stability",
    "verdicts",
)


def _nouns_of_3(connection: Connection) -> None:
    """Add the tables of what follows from energies: barriers, vibrations, adhesion, growth, deposition, creep."""
    for noun in NOUNS_OF_3:
        for table in (TABLES[noun], FLAG_TABLES[noun]):
            table.create(connection, checkfirst=True)


NOUNS_OF_4: tuple[str, ...] = ("runs", "literature", "convergence")


def _nouns_of_4(connection: Connection) -> None:
    """Add the tables of what people share: published values, runs of campaigns, converged parameters."""
    for noun in NOUNS_OF_4:
        for table in (TABLES[noun], FLAG_TABLES.get(noun)):
            if table is not None:
                table.create(connection, checkfirst=True)
    _structures(connection)
    _indices(connection)


def _structures(connection: Connection) -> None:
    """Add the structures that stored documents hold, in the form others ask for them."""
    for table in STRUCTURE_TABLES:
        table.create(connection, checkfirst=True)
    rebuild_structures(connection)


def _indices(connection: Connection) -> None:
    """Put the indices of this version in the place of earlier ones; names tell what they hold.

    The one that rows are counted in is made last: of those it takes for equally small, SQLite uses the newest.
    """
    for table in (*TABLES.values(), *FLAG_TABLES.values()):
        last = f"ix_{table.name}_rows"
        there = _index_names(connection, table.name)
        wanted = {str(index.name): index for index in table.indexes}
        for name in sorted(there - (set(wanted) - {last})):
            connection.execute(DDL(f'DROP INDEX "{name}"'))
        for name in sorted(set(wanted) - (there - {last}), key=lambda name: (name == last, name)):
            if name != last or connection.dialect.name == "sqlite":
                wanted[name].create(connection)


def _uses(connection: Connection) -> None:
    """Add which results rest on which calculations, and indices that hold the whole natural order."""
    USES.create(connection, checkfirst=True)
    rebuild_uses(connection)
    _indices(connection)


def _whole_rows(connection: Connection) -> None:
    """Add rows as queries give them, whole, beside their columns."""
    for noun in NOUNS:
        _add_column(connection, noun, WHOLE_ROW, LONG_TEXT)
    rebuild_rows(connection)


def _index_names(connection: Connection, table: str) -> set[str]:
    """Return the indices that a database was given by name."""
    if connection.dialect.name != "sqlite":
        return {str(found["name"]) for found in inspect(connection).get_indexes(table)}
    # the inspector of SQLAlchemy does not see indices of expressions
    of_table = text("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = :table")
    return set(connection.scalars(of_table, {"table": table}))


def _make(connection: Connection) -> None:
    """Make all tables and indices of this version in an empty database: what all steps together come to."""
    dialect = connection.dialect
    if dialect.name not in _STATEMENTS:
        _STATEMENTS[dialect.name] = _all_tables(dialect)
    for statement in _STATEMENTS[dialect.name]:
        connection.exec_driver_sql(statement)


_STATEMENTS: dict[str, tuple[str, ...]] = {}
"""What makes all tables, by the kind of server; compiled once."""


def _all_tables(dialect: Dialect) -> tuple[str, ...]:
    made: list[ExecutableDDLElement] = []
    for table in METADATA.sorted_tables:
        made.append(CreateTable(table))
        last = f"ix_{table.name}_rows"
        indices = sorted(table.indexes, key=lambda index: (index.name == last, str(index.name)))
        made += [CreateIndex(index) for index in indices if index.name != last or dialect.name == "sqlite"]
    return tuple(str(statement.compile(dialect=dialect)) for statement in made)


def _add_column(connection: Connection, table: str, column: str, kind: String = TEXT) -> None:
    """Add an empty text column; a database made by this version has it already."""
    if column not in {found["name"] for found in inspect(connection).get_columns(table)}:
        written = kind.compile(dialect=connection.dialect)
        connection.execute(text(f"ALTER TABLE {table} ADD COLUMN {column} {written}"))


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, "results, calculations, cases and flags", _baseline),
    Migration(2, "submissions to queues; links from costly calculations to cheap ones", _submissions),
    Migration(3, "barriers, vibrations, adhesion, and the mesoscale", _nouns_of_3),
    Migration(4, "published values, runs, converged parameters; structures and indices to ask fast", _nouns_of_4),
    Migration(5, "which results rest on which calculations; indices of the whole natural order", _uses),
    Migration(6, "rows stored whole, as queries give them", _whole_rows),
)
"""All steps, oldest first; a released step is never changed, a new one is appended."""


def stored_version(connection: Connection, name: str) -> int | None:
    """Return the schema version of a database; None for one that is still empty.

    Raises
    ------
    DatabaseOpenError
        If the database holds somebody else's tables.
    """
    tables = set(inspect(connection).get_table_names())
    if VERSIONS.name in tables:
        return connection.scalar(select(func.max(VERSIONS.c.version))) or 0
    if tables:
        some = ", ".join(sorted(tables)[:3])
        raise DatabaseOpenError(
            f"{name} is not a database of liface (it holds {some}) and is left untouched; "
            "give another file with --db or LIFACE_DB"
        )
    return None


def latest(migrations: Sequence[Migration] | None = None) -> int:
    """Return the version this liface writes."""
    return (migrations or MIGRATIONS)[-1].version


def check_version(version: int, name: str, migrations: Sequence[Migration] | None = None) -> None:
    """Refuse a database written by a newer liface.

    Raises
    ------
    SchemaVersionError
        If its version is above the latest known one.
    """
    if version > latest(migrations):
        raise SchemaVersionError(
            f"{name} has schema version {version}, this liface {__version__} knows up to {latest(migrations)}; "
            "upgrade liface, or give another file with --db or LIFACE_DB"
        )


def upgrade(connection: Connection, version: int | None, migrations: Sequence[Migration] | None = None) -> int:
    """Apply the missing steps in order, inside the caller's transaction; return how many there were."""
    missing = [step for step in migrations or MIGRATIONS if step.version > (version or 0)]
    made = version is None and migrations is None
    if made:
        _make(connection)
    else:
        VERSIONS.create(connection, checkfirst=True)
    for step in missing:
        if not made:
            step.apply(connection)
        connection.execute(
            insert(VERSIONS).values(
                version=step.version,
                description=step.description,
                liface_version=__version__,
                applied_at=now(),
            )
        )
    return len(missing)
