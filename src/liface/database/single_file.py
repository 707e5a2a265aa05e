"""A database file that is finished: no log beside it, and nothing in it but what was stored."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from pathlib import Path

from liface.database.connection import meaning
from liface.database.schema import VERSIONS


def settle(path: Path) -> None:
    """Write a closed SQLite file anew, so that the same rows give the same bytes.

    The moments at which the schema was made, which are those of the copy and of no result, become that of the oldest
    calculation.

    Raises
    ------
    DatabaseError
        The file cannot be read or written.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    Path(name).unlink()  # SQLite makes it itself
    try:
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode=DELETE")
            oldest = "(SELECT coalesce(min(created_at), '1970-01-01 00:00:00.000000') FROM calculations)"
            connection.execute(f"UPDATE {VERSIONS.name} SET applied_at = {oldest}")
            connection.execute("VACUUM INTO ?", (name,))
        finally:
            connection.close()
        Path(name).replace(path)
    except sqlite3.Error as error:
        raise meaning(error, str(path), "write") from error
    finally:
        Path(name).unlink(missing_ok=True)
