"""The database that options lead to; light to import."""

from __future__ import annotations

from typing import TYPE_CHECKING

from liface.errors import DatabaseError
from liface.garbage import made_to_stay

if TYPE_CHECKING:
    from liface.database import Database

DEFAULT_DATABASE = "liface.db"
DATABASE_VARIABLE = "LIFACE_DB"
"""Environment variable that names another database."""


def shown(target: str) -> str:
    """Return the address of a database as a message may show it, without a password."""
    from liface.database.addresses import without_password

    return without_password(target)


@made_to_stay()
def open_to_read(target: str) -> Database:
    """Open a database that must be there; nothing is created or changed.

    Raises
    ------
    DatabaseOpenError
        It is missing, unreadable or not a results database.
    """
    from liface.database import Database

    return Database(target, read_only=True, must_exist=True)


def open_to_read_if_there(target: str) -> Database | None:
    """Open a database to read, or return None where there is none yet."""
    from liface.database import Database

    return open_to_read(target) if Database.exists(target) else None


@made_to_stay()
def open_to_write(target: str) -> Database:
    """Open a database, or make a new one.

    Raises
    ------
    DatabaseWriteError
        It cannot be written; better known before hours of work than after.
    """
    from liface.database import Database

    database = Database(target)
    try:
        database.check_writable("nothing was run")
    except DatabaseError:
        database.close()
        raise
    return database
