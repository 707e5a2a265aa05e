"""A database file that is finished: no log beside it, and nothing in it but what was stored."""

from __future__ import annotations

import os
import re
import sqlite3
import tempfile
from pathlib import Path

from liface.database.schema import VERSIONS
from liface.database.sqlite import meaning


def settle(path: Path) -> None:
    """Write a closed SQLite file anew, so that the same rows give the same bytes.

    Tables and indices are made in the order of their names, which that of their making is not. The moments at which the
    schema was made, which are those of the copy and of no result, become that of the oldest calculation.

    Raises
    ------
    DatabaseError
        The file cannot be read or written.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    try:
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("ATTACH ? AS settled", (name,))
            _copy_sorted(connection)
        finally:
            connection.close()
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except sqlite3.Error as error:
        raise meaning(error, str(path), "write") from error
    finally:
        Path(name).unlink(missing_ok=True)


def _copy_sorted(connection: sqlite3.Connection) -> None:
    oldest = "(SELECT coalesce(min(created_at), '1970-01-01 00:00:00.000000') FROM main.calculations)"
    made = (
        "SELECT name, sql FROM main.sqlite_master WHERE type = ? AND sql IS NOT NULL "
        "AND name NOT LIKE 'sqlite@_%' ESCAPE '@' ORDER BY name"
    )
    connection.execute("BEGIN")
    for name, sql in connection.execute(made, ("table",)).fetchall():
        connection.execute(sql.replace("CREATE TABLE ", "CREATE TABLE settled.", 1))
        connection.execute(f'INSERT INTO settled."{name}" SELECT * FROM main."{name}" ORDER BY rowid')
    for _, sql in connection.execute(made, ("index",)).fetchall():
        connection.execute(re.sub("INDEX ", "INDEX settled.", sql, count=1))
    connection.execute(f"UPDATE settled.{VERSIONS.name} SET applied_at = {oldest}")
    connection.execute("COMMIT")
