from __future__ import annotations

import pytest
from sqlalchemy import select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from liface.database import Database, migrations
from liface.database.columns import NOUNS
from liface.database.filters import filter_expression
from liface.database.schema import METADATA, TABLES, VERSIONS
from liface.database.sorting import order_by


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()], ids=lambda d: d.name)
@pytest.mark.parametrize("table", METADATA.sorted_tables, ids=lambda t: t.name)
def test_tables_compile_for_both_databases(dialect, table):
    assert table.name in str(CreateTable(table).compile(dialect=dialect))
    for index in table.indexes:
        text = str(CreateIndex(index).compile(dialect=dialect))
        assert text.startswith("CREATE INDEX")


def test_numbers_are_double_precision_and_moments_have_a_zone():
    text = str(CreateTable(TABLES["interfaces"]).compile(dialect=postgresql.dialect()))
    assert "gamma_mev_per_a2 DOUBLE PRECISION" in text
    assert "created_at TIMESTAMP WITH TIME ZONE" in text
    assert "converged BOOLEAN" in text and "document BYTEA NOT NULL" in text


@pytest.mark.parametrize(
    "where",
    [
        'substrate CONTAINS "S" AND NOT film_plane ENDS WITH "0"', 'flags HAS ALL "a","b" OR flags LENGTH > 1',
        'created_at >= "2026-01-01"', "converged=TRUE AND n_points >= 3",
    ],
)  # fmt: skip
def test_filters_compile_for_postgresql_with_bound_values(where):
    noun = NOUNS["interfaces"]
    statement = select(TABLES["interfaces"].c.record_id).where(filter_expression(noun, where))
    compiled = statement.order_by(*order_by(noun, "-gamma_mev_per_a2")).compile(dialect=postgresql.dialect())
    assert compiled.params
    assert '"S"' not in str(compiled) and "'S'" not in str(compiled)


def test_what_is_asked_for_is_indexed():
    indexed = {tuple(column.name for column in index.columns) for index in TABLES["interfaces"].indexes}
    assert ("substrate", "gamma_mev_per_a2", "entry_id") in indexed
    assert {"substrate", "model", "campaign", "gamma_mev_per_a2", "created_at", "record_id"} <= {
        names[0] for names in indexed if names
    }


@pytest.mark.parametrize("noun", NOUNS.values(), ids=lambda noun: noun.name)
def test_indices_are_of_columns_that_exist_and_have_names_of_their_own(noun):
    indices = TABLES[noun.name].indexes
    assert len({index.name for index in indices}) == len(indices)
    assert all(len(str(index.name)) <= 63 for index in indices)
    for names in noun.indices:
        assert {name for name in names if name != "entry_id"} <= set(noun.columns)


def built(target):
    """Every table, column and index of a database, with the versions it says it has."""
    with Database(target) as database, database._store.reading() as connection:
        versions = connection.execute(select(VERSIONS.c.version, VERSIONS.c.description)).all()
        if connection.dialect.name == "sqlite":
            return set(connection.execute(text("SELECT name, sql FROM sqlite_master"))), versions
        columns = (
            "SELECT table_name, column_name, data_type, is_nullable, collation_name FROM information_schema.columns"
        )
        tables = set(connection.execute(text(f"{columns} WHERE table_schema = 'public'")))
        indices = set(
            connection.execute(text("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"))
        )
        return tables | indices, versions


def test_a_new_file_is_what_all_steps_together_come_to(tmp_path, monkeypatch):
    made = built(tmp_path / "made.db")
    monkeypatch.setattr(migrations, "_make", step_by_step)
    assert built(tmp_path / "steps.db") == made


def test_a_new_database_on_a_server_is_what_all_steps_together_come_to(postgresql_server, monkeypatch):
    with postgresql_server.database() as one, postgresql_server.database() as other:
        made = built(postgresql_server.address(one))
        monkeypatch.setattr(migrations, "_make", step_by_step)
        assert built(postgresql_server.address(other)) == made


def step_by_step(connection):
    migrations.VERSIONS.create(connection, checkfirst=True)
    for step in migrations.MIGRATIONS:
        step.apply(connection)
