"""Databases of every released schema open, are brought up to date, and keep what they hold."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import inspect

from liface.database import Database
from liface.database.connection import Store
from liface.database.migrations import latest
from liface.database.schema import METADATA

RELEASED = sorted(Path(__file__).parent.glob("schema_*.sql"))


@pytest.fixture(params=RELEASED, ids=lambda path: path.stem)
def old(request, tmp_path):
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(request.param.read_text(encoding="utf-8"))
    return path


def rows(path, table):
    with sqlite3.connect(path) as connection:
        return connection.execute(f"SELECT document_sha256 FROM {table} ORDER BY 1").fetchall()


def test_there_is_a_dump_of_every_version_before_this_one():
    assert [path.stem for path in RELEASED] == [f"schema_{version}" for version in range(1, latest())]


def test_an_old_database_is_brought_up_to_date(old):
    tables = ("calculations", "interfaces", "cases")
    before = {table: rows(old, table) for table in tables}
    with Database(old) as database:
        assert database.schema_version == latest()
        assert database.verify() == []
        assert database.query("calculations")[0]["started_from"] is None
        assert database.query("submissions") == []
        assert len(database.results("interface")) == 1
    assert all(before.values()) and {table: rows(old, table) for table in tables} == before


def indices(path):
    """Every index that was made by name, with what it says."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        return {name: " ".join(sql.split()) for name, sql in rows}


def test_it_then_has_the_indices_of_a_new_one(old, tmp_path):
    Database(old).close()
    Database(tmp_path / "new.db").close()
    assert indices(old) == indices(tmp_path / "new.db")


def test_it_then_has_the_tables_of_a_new_one(old, tmp_path):
    Database(old).close()
    store = Store(old)
    with store.reading() as connection:
        inspector = inspect(connection)
        found = {name: {c["name"] for c in inspector.get_columns(name)} for name in inspector.get_table_names()}
    store.close()
    assert found == {name: {column.name for column in table.columns} for name, table in METADATA.tables.items()}
