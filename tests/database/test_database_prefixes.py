from __future__ import annotations

import sqlite3

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import column, select
from sqlalchemy.dialects import postgresql, sqlite

from liface.database.prefixes import after_all, begins

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=5)


@given(TEXT, TEXT)
def test_texts_that_begin_so_lie_between_the_start_and_what_comes_after(start, rest):
    after = after_all(start)
    for text in (start + rest, rest, rest + start):
        inside = text.encode() >= start.encode() and (after is None or text.encode() < after.encode())
        assert inside == text.startswith(start)


@given(TEXT, TEXT, st.booleans())
def test_sqlite_finds_what_python_finds(start, rest, known):
    text = start + rest if known else rest
    compiled = select(begins(column("x"), start)).compile(dialect=sqlite.dialect())
    bound = [compiled.params[name] for name in compiled.positiontup]
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (x VARCHAR)")
    connection.execute("INSERT INTO t VALUES (?)", [text])
    assert connection.execute(f"{compiled} FROM t", bound).fetchone() == (text.startswith(start),)
    connection.close()


def test_the_last_character_of_all_has_nothing_after_it():
    assert after_all("\U0010ffff") is None and after_all("") is None
    assert after_all("a\U0010ffff") == "b" and after_all("\ud7ff".encode().decode()) == "\ue000"


def test_postgresql_compares_the_characters_whatever_its_order_of_texts():
    text = str(select(begins(column("x"), "W")).compile(dialect=postgresql.dialect()))
    assert "substr(x, 1, %(" in text and ">=" not in text
