"""Databases of every released schema open, are brought up to date, and keep what they hold, on every server."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from released_schemas import DUMPS, restore
from sqlalchemy import inspect, text

from liface.database import Database
from liface.database.connection import open_store
from liface.database.migrations import latest
from liface.database.schema import METADATA
from liface.errors import CorruptDatabaseError

WORKER = Path(__file__).with_name("migration_worker.py")


@pytest.fixture(params=DUMPS, ids=lambda path: path.stem)
def old(request, target, tmp_path):
    restore(request.param, target, tmp_path)
    return target


def look(address):
    """Return the columns of every table, and what is in them, as they are stored."""
    store = open_store(address, read_only=True)
    try:
        with store.reading() as connection:
            inspector = inspect(connection)
            tables = {name: [c["name"] for c in inspector.get_columns(name)] for name in inspector.get_table_names()}
            rows = {name: sorted(map(repr, connection.execute(text(f"SELECT * FROM {name}")))) for name in tables}
    finally:
        store.close()
    return tables, rows


def checksums(address, table):
    store = open_store(address, read_only=True)
    try:
        with store.reading() as connection:
            return connection.execute(text(f"SELECT document_sha256 FROM {table} ORDER BY 1")).fetchall()
    finally:
        store.close()


def test_there_is_a_dump_of_every_version_before_this_one():
    assert [path.stem for path in DUMPS] == [f"schema_{version}" for version in range(1, latest())]


def test_an_old_database_is_brought_up_to_date(old):
    tables = ("calculations", "interfaces", "cases")
    before = {table: checksums(old, table) for table in tables}
    with Database(old) as database:
        assert database.schema_version == latest()
        assert database.verify() == []
        assert database.query("calculations")[0]["started_from"] is None
        assert database.query("submissions") == []
        assert len(database.results("interface")) == 1
    assert all(before.values()) and {table: checksums(old, table) for table in tables} == before
    found, _ = look(old)
    of_a_new_one = {name: {column.name for column in table.columns} for name, table in METADATA.tables.items()}
    assert {name: set(columns) for name, columns in found.items()} == of_a_new_one


def test_a_damaged_document_holds_no_migration_back(target, tmp_path):
    restore(DUMPS[-1], target, tmp_path)
    store = open_store(target)
    with store.writing() as connection:
        connection.execute(text("UPDATE interfaces SET document = :b"), {"b": b"\x00"})
    store.close()
    with Database(target) as database:
        assert database.schema_version == latest()
        assert {problem.noun for problem in database.verify() if problem.check == "document"} == {"interfaces"}
        assert database.query("surfaces") != []


@pytest.mark.parametrize("damage", ["created_at = 'rubbish'", "substrate = x'00ff'"])
def test_a_damaged_cell_holds_no_migration_back(tmp_path, damage):
    file = tmp_path / "damaged.db"
    restore(DUMPS[-1], f"sqlite:///{file}", tmp_path)
    with sqlite3.connect(file) as connection:
        connection.execute(f"UPDATE interfaces SET {damage}")
    connection.close()
    with Database(file) as database:
        assert database.schema_version == latest() and database.query("surfaces") != []
        with pytest.raises(CorruptDatabaseError, match="a row is stored whole as 'None'"):
            database.query("interfaces")
        assert {problem.noun for problem in database.verify()} == {"interfaces"}


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_migration_that_is_killed_leaves_the_old_version_whole(target, tmp_path):
    restore(DUMPS[-1], target, tmp_path)
    before = look(target)
    process = subprocess.Popen([sys.executable, WORKER, target], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "all tables are made\n"
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert look(target) == before
    with Database(target) as database:
        assert database.schema_version == latest() and database.verify() == []


def indices(address):
    """Every index that was made by name, with what it says; names of primary keys are those of SQLAlchemy."""
    ask = {
        "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
        "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()",
    }
    store = open_store(address, read_only=True)
    try:
        with store.reading() as connection:
            rows = connection.execute(text(ask[connection.dialect.name]))
            return {name: " ".join(definition.split()) for name, definition in rows}
    finally:
        store.close()


def test_it_then_has_the_indices_of_a_new_one(old, tmp_path, request):
    Database(old).close()
    on_file = old.startswith("sqlite")
    new = f"sqlite:///{tmp_path / 'new.db'}" if on_file else request.getfixturevalue("server_database")
    Database(new).close()
    assert indices(old) == indices(new)
