"""From the name of a place to the place: results databases in SQL, and document stores."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from liface.database.moving.documents import StorePlace
from liface.database.moving.place import Place
from liface.database.moving.sql import SqlPlace
from liface.database.moving.stores import document_store, is_store
from liface.database.store import Database
from liface.errors import DatabaseWriteError, InputError


@contextmanager
def opened(name: str | os.PathLike[str], *, writable: bool) -> Iterator[Place]:
    """Open a results database or a document store by its name.

    Parameters
    ----------
    name
        A results database, ``mongodb://HOST/DATABASE[/COLLECTION]``, or a YAML or JSON file that describes a store.
    writable
        Whether documents will be added; otherwise the place must be there, and is not changed.

    Raises
    ------
    DatabaseError
        If it cannot be opened, reached or written.
    InputError
        If it is no such thing.
    """
    text = os.fspath(name)
    if is_store(text):
        described = document_store(text)
        if writable and type(described).__name__ == "MemoryStore":
            raise InputError(
                f"{text}: a MemoryStore would be gone when this ends; describe a JSONStore or a MongoStore"
            )
        store = StorePlace(described, writable=writable)
        store.connect()
        try:
            yield store
        finally:
            store.close()
        return
    with Database(text, read_only=not writable, must_exist=not writable) as database:
        if database.in_memory:
            raise InputError(f"{text} is gone when this ends; name a file")
        if writable and database.read_only:
            raise DatabaseWriteError(f"{text} is read-only; make it and its folder writable, or name another target")
        yield SqlPlace(database._store)


def refuse_same(source: Place, target: Place) -> None:
    """Refuse to move documents to where they are.

    Raises
    ------
    InputError
        If both places are the same.
    """
    same = source.name == target.name
    if isinstance(source, SqlPlace) and isinstance(target, SqlPlace):
        same = source.is_same(target)
    if same:
        raise InputError(f"{source.name} cannot be copied onto itself; name another target")
