"""Whatever is asked, there is an answer or a FilterError, and nothing is changed."""

from __future__ import annotations

import pytest
from database_factories import all_results, calculation, finished_case
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from liface.database import Database
from liface.database.columns import NOUNS
from liface.errors import FilterError

INJECTIONS = [
    "'; DROP TABLE interfaces; --",
    '"; DROP TABLE interfaces; --',
    "1; DELETE FROM cases",
    'substrate"="W" OR 1=1 --',
    "1=1",
    "TRUE",
    'substrate="W" UNION SELECT 1',
    "%",
    "%s",
    "%(x)s",
    ":x",
    "?",
    "{}",
    "{0}",
    "$1",
    "\\",
    '\\\\"',
    "case=\"'||(SELECT 1)||'\"",
    "pg_sleep(10)=1",
    'substrate="W"/**/OR/**/1=1',
    "*",
    'interfaces.substrate="W"',
    '"substrate"="W"',
    'substrate LIKE "%"',
    'substrate IN ("W")',
    "case=case",
    "select=1",
]
HUGE = [
    "(" * 5000,
    ")" * 5000,
    "NOT " * 2400 + "converged=TRUE",
    "(" * 50 + "converged=TRUE" + ")" * 50,
    "NOT (" * 50 + "converged=TRUE" + ")" * 50,
    "(" * 2500 + "converged=TRUE" + ")" * 2500,
    '"' * 9999,
    '\\"' * 4999,
    '"' + '\\"' * 4999,
    "converged=TRUE OR " * 500 + "converged=TRUE",
    "converged=TRUE AND " * 199 + "converged=TRUE",
    "n_points=" + "9" * 9000,
    "n_points=1e999",
    "n_points=-1e999",
    "n_points=1e-999",
    "gamma_mev_per_a2=1e308",
    "n_points=0x10",
    "n_points=1_000",
    "n_points=NaN",
    "n_points=Infinity",
    "n_points=-0",
    "n_points>" + "0" * 5000 + "1",
    "a" * 9999,
    "a." * 4999 + "a",
    "x" * 10_001,
    "=" * 9000,
    "," * 9000,
    "substrate=" * 900,
    '"W"=' * 2000,
    "flags HAS ALL " + ",".join(['"x"'] * 150),
    "flags LENGTH 99999999999999999999999",
    "flags LENGTH -1",
    " ".join(["flags HAS"] * 900),
    ":".join(["flags"] * 1500) + ' HAS "x"',
    'substrate="' + "\U0001f600" * 9000 + '"',
    'created_at>"9999-12-31T23:59:59-23:59"',
    'created_at<"0001-01-01T00:00:00+23:59"',
    'created_at="' + "9" * 5000 + '"',
    'created_at="2026-03-01T24:00:00"',
    'created_at="2026-W10-1"',
    'created_at=""',
    'substrate="' + "%" * 9000 + '"',
]
CHARACTERS = [
    "\x00",
    "\x01TRUE",
    "\x02",
    "\x1b[2J",
    "\r\n",
    "\ud800",
    "\udfff\ud800",
    "\u202e",
    "\ufeff",
    "\uffff",
    "\x85",
    "\u2028",
]

words = st.sampled_from(
    [
        "substrate",
        "gamma_mev_per_a2",
        "n_points",
        "flags",
        "created_at",
        "converged",
        "case",
        "=",
        "<",
        "!=",
        "AND",
        "OR",
        "NOT",
        "(",
        ")",
        "HAS",
        "ANY",
        "ONLY",
        "LENGTH",
        "CONTAINS",
        "STARTS",
        "ENDS",
        "WITH",
        "IS",
        "KNOWN",
        ",",
        ":",
        '"W"',
        '"',
        "'",
        "\\",
        "1",
        "-2.5e3",
        "1e999",
        "TRUE",
        ";",
        "--",
        "/*",
        "%",
        *CHARACTERS,
    ]
)
hostile = st.one_of(
    st.lists(words, max_size=12).map(" ".join),
    st.lists(words, max_size=12).map("".join),
    st.text(max_size=30),
    st.text(st.characters(), max_size=8).map('substrate="{}"'.format),
    st.builds(
        "{} {} {}".format,
        st.sampled_from(list(NOUNS["interfaces"].columns)),
        st.sampled_from(["=", ">=", "HAS", "CONTAINS"]),
        st.one_of(st.floats().map(str), st.integers().map(str), st.text(max_size=5).map('"{}"'.format)),
    ),
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def guarded(request, tmp_path_factory):
    """A database, and what it must still hold afterwards."""
    results = all_results()
    if request.param == "sqlite":
        target = tmp_path_factory.mktemp("hostile") / "liface.db"
    else:
        server = request.getfixturevalue("postgresql_server")
        target = server.address(request.getfixturevalue("hostile_name"))
    with Database(target) as db:
        db.add_calculation(calculation())
        db.commit_case(finished_case(results), results)
        before = db.info()
        yield db
        assert {**db.info(), "size_bytes": 0} == {**before, "size_bytes": 0} and db.verify() == []


@pytest.fixture(scope="module")
def hostile_name(postgresql_server):
    with postgresql_server.database() as name:
        yield name


def ask(db, noun="interfaces", **question):
    """Ask in every way; give the number of rows, or None where the question was refused."""
    try:
        rows = db.query(noun, **question)
    except FilterError as error:
        assert str(error) and len(str(error)) < 2000
        return None
    assert len(rows) <= 1
    if set(question) == {"where"}:
        assert db.count(noun, question["where"]) == len(rows)
    return len(rows)


@pytest.mark.parametrize(
    "where",
    INJECTIONS + HUGE + CHARACTERS + [f'substrate="{c}"' for c in CHARACTERS],
    ids=lambda text: ascii(text)[:40],
)
def test_hostile_filters(guarded, where):
    ask(guarded, where=where)
    ask(guarded, "calculations", where=where)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=hostile)
@example(where="flags HAS \x00")
def test_any_filter_gives_rows_or_a_filter_error(guarded, where):
    ask(guarded, where=where)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sort=st.one_of(
        hostile, st.sampled_from(INJECTIONS + CHARACTERS + ["-", "--substrate", "+-substrate", ",", "substrate," * 21])
    )
)
def test_any_order_gives_rows_or_a_filter_error(guarded, sort):
    ask(guarded, sort=sort)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(limit=st.one_of(st.none(), st.integers()), offset=st.integers())
@example(limit=2**63 - 1, offset=2**63 - 1)
@example(limit=0, offset=2**63)
def test_any_page_gives_rows_or_a_filter_error(guarded, limit, offset):
    ask(guarded, limit=limit, offset=offset)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=st.one_of(st.text(max_size=40), st.sampled_from(INJECTIONS + CHARACTERS + ["x" * 100_000])))
def test_any_identity_is_simply_not_there(guarded, key):
    db = guarded
    assert db.result(key) is None and db.calculation(key) is None and db.case(key) is None
    assert db.status_of([key, key]) == {} and db.submissions(key) == []
    assert db.cases(campaign=key) == db.cases(status=key) == []
    assert db.forget_calculations([key]) == 0 and not db.forget_case(key) and not db.forget_submission(key)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noun=st.one_of(st.text(max_size=20), st.sampled_from(INJECTIONS + CHARACTERS)))
def test_any_noun_is_known_or_refused(guarded, noun):
    for question in (guarded.query, guarded.count, guarded.results, guarded.columns):
        with pytest.raises(FilterError):
            question(noun)


def test_a_filter_deep_in_the_stack_is_answered_or_refused(guarded):
    """A caller that has used up most of the stack gets an answer or an error that says so, and no crash."""

    def at(depth):
        if depth:
            return at(depth - 1)
        return ask(guarded, where="NOT (" * 49 + 'substrate="W" OR n_points>1' + ")" * 49)

    for depth in (100, 400, 600):
        at(depth)
