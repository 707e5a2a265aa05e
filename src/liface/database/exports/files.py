"""Files that are complete or not there at all."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

from liface.errors import InputError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a new name beside ``path`` to write to; what was written takes its place at the end.

    Raises
    ------
    InputError
        If it cannot be written, or would overwrite a results database; what was there stays.
    """
    _refuse_results_database(path)
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:8]}")
    with _told(path):
        try:
            yield temporary
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a new folder beside ``path`` to write to; its files move to ``path`` at the end, one by one.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    whole = path.resolve()  # "." has no name
    temporary = whole.with_name(f".{whole.name}.{uuid4().hex[:8]}")
    with _told(path):
        try:
            temporary.mkdir()
            yield temporary
            path.mkdir(exist_ok=True)
            for file in sorted(temporary.iterdir()):
                file.replace(path / file.name)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = error.strerror or error
        raise InputError(f"{path} cannot be written: {why}; give a file in a writable folder") from error


def _refuse_results_database(path: Path) -> None:
    # Asked through SQLite alone: opening and closing the file here would end the locks that this process holds on it.
    if not path.is_file():
        return
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            ours = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'liface_schema'").fetchone()
    except sqlite3.Error:
        return  # no database at all
    if ours:
        raise InputError(f"{path} is a results database; an export would replace it. Give another file")
