"""Questions that are answered without SQLAlchemy: the same SQL, the same rows, and nothing else."""

from __future__ import annotations

import random
import re
import sqlite3

import pytest
from database_factories import interface
from sqlalchemy.dialects import sqlite

from liface.database import Database, likelihoods
from liface.database.asking import question
from liface.database.catalog import catalog_noun, schema_version
from liface.database.columns import NOUNS, Noun
from liface.database.quick import DEEPEST, LIKELY, LONGEST, NotPlainError, plain_question, quick_rows
from liface.errors import FilterError

FILTERS = (
    'substrate="W"',
    'substrate="W" AND gamma_mev_per_a2 > 50',
    "gamma_mev_per_a2>=-5.5e0",
    "n_points=3.0",
    "n_points<3.5 AND n_points!=3",
    "converged=FALSE AND converged != TRUE",
    'NOT flags HAS "reactive"',
    'flags HAS "nonlinear" AND NOT flags HAS "reactive" AND strain_percent <= 2',
    '(substrate="W") AND ((film_plane="100" AND n_points > 1))',
    'campaign="screening" AND (substrate="W" AND gamma_mev_per_a2<0)',
    'method="sandwich" AND model != "x"',
    'substrate < "M"',
    'film_plane="100" AND substrate="W"',
    'film_plane="100" AND n_points > 1',
    'substrate="W" AND substrate_termination=0 AND method="sandwich" AND campaign="screening"',
    'substrate="W" AND substrate_plane="110" AND film_plane="100" AND case="c" AND model="emt"',
    'substrate=""',
    'substrate="é AND (ü) HAS"',
)
LEFT = (
    'substrate="W" OR substrate="Mo"',
    'NOT substrate="W"',
    'substrate CONTAINS "W"',
    'substrate="a\\"b"',
    'subtrate="W"',
    "substrate=5",
    'gamma_mev_per_a2="5"',
    "gamma_mev_per_a2 > 1e999",
    "5 < n_points",
    'created_at > "2024-01-01T00:30:00Z"',
    'method="nonsense"',
    'substrate="W" AND',
    "gamma_plateau_mev_per_a2 IS UNKNOWN",
    'substrate="W"AND film_plane="100"',
    'substrate="W" film_plane="100"',
    'substrate="W" and film_plane="100"',
    "n_points=9007199254740993",
    "converged > TRUE",
    "substrate = film_plane",
    "()",
    "(" * (DEEPEST + 2) + "n_points=3" + ")" * (DEEPEST + 2),
    f'substrate="{"y" * LONGEST}"',
    "flags HAS 5",
    'n_points="3',
)
SORTS = (None, "", "gamma_mev_per_a2", "-gamma_mev_per_a2,substrate", "gamma_plateau_mev_per_a2", "-created_at")
PAGE = {None: (), 5: (5, 0)}
"""Values of a page, by its length."""
NAMES = ("substrate", "flags", "converged", "created_at", "gamma_mev_per_a2", "case")


def in_general(noun: Noun, where, sort, limit, names):
    """Return the SQL and the values of the general way."""
    made = question(noun, where, sort, names, limit).statement
    compiled = (
        made.params(limit_=limit).compile(dialect=sqlite.dialect())
        if limit is not None
        else made.compile(dialect=sqlite.dialect())
    )
    return plain(str(compiled)), tuple(compiled.params[name] for name in compiled.positiontup or ())


def plain(sql: str) -> str:
    """Return SQL without quotes, names of cells and line breaks."""
    return " ".join(re.sub(r' AS "?\w+"?', "", sql).replace('"', "").split())


@pytest.mark.parametrize("limit", [None, 5])
@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("where", [None, "", *FILTERS])
def test_the_sql_is_that_of_the_general_way(where, sort, limit):
    sql, values = in_general(NOUNS["interfaces"], where, sort, limit, NAMES)
    made = plain_question(catalog_noun("interfaces"), where, sort, limit is not None, NAMES)
    assert plain(made.sql) == sql
    values_here = (*made.values, *PAGE[limit])
    assert values_here == values and [type(v) for v in values_here] == [type(v) for v in values]


@pytest.mark.parametrize("limit", [None, 5])
@pytest.mark.parametrize("name", NOUNS)
def test_the_sql_of_every_noun_with_all_its_columns(name, limit):
    noun = NOUNS[name]
    for sort in (None, *(("-" if column.required else "") + column.name for column in noun.columns.values()
                         if column.type not in ("list", "dictionary"))):  # fmt: skip
        sql, values = in_general(noun, None, sort, limit, tuple(noun.columns))
        made = plain_question(catalog_noun(name), None, sort, limit is not None, tuple(noun.columns))
        assert (plain(made.sql), (*made.values, *PAGE[limit])) == (sql, values)
        whole = plain_question(catalog_noun(name), None, sort, limit is not None, None)
        assert (plain(whole.sql), whole.values) == (in_general(noun, None, sort, limit, None)[0], made.values)


def test_random_filters_are_the_same_or_left():
    draw, read = random.Random(7), 0
    pieces = ['substrate="W"', "n_points>2", "converged=TRUE", 'flags HAS "x"', 'NOT flags HAS "x"', "AND", "AND", "OR",
              "NOT", "(", ")", " ", "gamma_mev_per_a2<-1e2", 'film="Li"', "=", '"', "n_points"]  # fmt: skip
    for _ in range(4000):
        where = draw.choice(["", " "]).join(draw.choices(pieces, k=draw.randint(1, 7)))
        try:
            made = plain_question(catalog_noun("interfaces"), where, None, True, NAMES)
        except NotPlainError:
            continue
        read += 1
        found = plain(made.sql), (*made.values, *PAGE[5])
        assert found == in_general(NOUNS["interfaces"], where, None, 5, NAMES), where
    assert read > 50


@pytest.mark.parametrize("where", LEFT)
def test_what_is_not_plain_is_left_to_the_database(where):
    with pytest.raises(NotPlainError):
        plain_question(catalog_noun("interfaces"), where, None, False, NAMES)


def test_ranges_are_as_likely_as_elsewhere():
    assert LIKELY == likelihoods.LIKELY


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "results.db"
    with Database(path) as database:
        for i, substrate in enumerate(("W", "Mo", "Cu", "W", "Ag")):
            flags = ("reactive: γ < 0", "nonlinear") if i == 1 else ()
            database.add_result(interface(substrate=substrate, gamma=10.0 * i, case=f"case-{i}", flags=flags))
    return path


@pytest.mark.parametrize("where", [None, *FILTERS[:9]])
def test_the_rows_are_those_of_the_database(file, where):
    names = list(NOUNS["interfaces"].columns)
    with Database(file, read_only=True) as database:
        wanted = database.query("interfaces", where, "-gamma_mev_per_a2", 3, columns=names)
    assert quick_rows(str(file), catalog_noun("interfaces"), where, "-gamma_mev_per_a2", 3, names) == wanted


def test_flags_of_more_rows_than_one_statement_reads(file, monkeypatch):
    monkeypatch.setattr("liface.database.quick.AT_ONCE", 2)
    rows = quick_rows(str(file), catalog_noun("interfaces"), None, None, None, ["substrate", "flags"])
    assert sorted(len(row["flags"]) for row in rows) == [0, 0, 0, 0, 2]


def ask(target, names=("substrate",)):
    return quick_rows(str(target), catalog_noun("interfaces"), None, None, None, names)


def test_other_places_are_left_to_the_database(tmp_path, file):
    (tmp_path / "text.db").write_text("no database")
    (tmp_path / "empty.db").touch()
    for target in (tmp_path, tmp_path / "none.db", tmp_path / "text.db", tmp_path / "empty.db", ":memory:",
                   "postgresql://user@host/x", "http://x"):  # fmt: skip
        assert ask(target) is None
    assert not (tmp_path / "none.db").exists()
    assert len(ask(f"sqlite:///{file}")) == 5


@pytest.mark.parametrize("change", [
    "UPDATE liface_schema SET version = version + 100",
    "DELETE FROM liface_schema",
    "DROP TABLE liface_schema",
    "ALTER TABLE interfaces RENAME COLUMN substrate TO other",
    "UPDATE interfaces SET created_at = 'rubbish'",
])  # fmt: skip
def test_damage_and_other_versions_are_left_to_the_database(file, change):
    connection = sqlite3.connect(file)
    connection.execute(change)
    connection.commit()
    connection.close()
    assert ask(file, ("substrate", "created_at")) is None
    assert schema_version() < 100


def test_a_locked_file_is_left_to_the_database_at_once(file):
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.execute("BEGIN EXCLUSIVE")
    assert ask(file) is None
    connection.execute("ROLLBACK")
    connection.close()
    assert len(ask(file)) == 5


def test_an_unknown_column_of_the_order_is_told_by_the_database(file):
    assert quick_rows(str(file), catalog_noun("interfaces"), None, "nonsense", None, ["substrate"]) is None
    with Database(file, read_only=True) as database, pytest.raises(FilterError):
        database.query("interfaces", sort="nonsense")
