"""The same documents in SQLite and in PostgreSQL give the same rows, in the same order, to any question."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from database_factories import EMT, OTHER, calculation, growth, interface, provenance
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from liface.database import Database
from liface.errors import DatabaseWriteError, FilterError

NAMES = ["W", "Wα", "w", "WW", "", " ", "%", "_", "a\\b", '"', "'", "é", "e\u0301", "ﬁ", "\U0001f600", "\uffff", "~",
         "Z", "Å", "ß", "SS", "İ", "\x7f", "\x02", "0", "-", "Wα "]  # fmt: skip
NUMBERS = [0.0, -0.0, 5e-324, 2.2250738585072014e-308, 0.1 + 0.2, -1e-7, 1e16 + 2, 123456789.123456789, -1.7e308, 3.0]
COUNTS = [0, -1, 2**31, 2**53, 2**53 + 1, 2**62, 2**63 - 1, -(2**63), 7]
MOMENTS = [datetime(2026, 3, 1, 12, tzinfo=UTC), datetime(1, 1, 2, tzinfo=UTC),
           datetime(9999, 12, 30, 23, 59, 59, 999999, UTC), datetime(1969, 12, 31, 23, 59, 59, 1, UTC)]  # fmt: skip


def documents():
    """Return rows whose values are where databases differ from each other."""
    yield growth()
    for i in range(60):
        made = provenance(case=f"case {i}").model_copy(update={"created_at": MOMENTS[i % len(MOMENTS)]})
        number = NUMBERS[i % len(NUMBERS)]
        yield interface(
            NAMES[i % len(NAMES)], NAMES[(i * 7) % len(NAMES)], number, engine=(EMT, OTHER)[i % 2],
            flags=tuple(NAMES[: i % 4]), gamma_stderr_mev_per_a2=abs(number), n_points=COUNTS[i % len(COUNTS)],
            release_gain_mev_per_a2=None if i % 3 else number, converged=i % 5 > 0, provenance=made,
        )  # fmt: skip


@pytest.fixture(scope="module")
def both(postgresql_server):
    with (
        postgresql_server.database() as name,
        Database(":memory:") as one,
        Database(postgresql_server.address(name)) as two,
    ):
        for document in documents():
            assert one.add_result(document) == two.add_result(document)
        for i in range(12):
            for db in (one, two):
                db.add_calculation(calculation(i, ("converged", "failed", "unconverged")[i % 3]))
        yield one, two


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


some_text = st.one_of(
    st.sampled_from(NAMES), st.text(st.characters(codec="utf-8", exclude_characters="\x00\x01"), max_size=3)
)
some_number = st.one_of(
    st.sampled_from(
        [*map(repr, NUMBERS), *map(str, COUNTS), "9223372036854775807.5", "1e19", "-1e300", "2.5", "1e-400"]
    ),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(2**70), 2**70).map(str),
)
signs = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
of_text = st.builds("{} {} {}".format, st.sampled_from(["substrate", "film_plane"]), signs, some_text.map(quoted))
of_part = st.builds(
    "{} {} {}".format,
    st.sampled_from(["substrate", "film_plane"]), st.sampled_from(["CONTAINS", "STARTS WITH", "ENDS WITH"]),
    some_text.map(quoted),
)  # fmt: skip
of_number = st.builds(
    "{} {} {}".format,
    st.sampled_from(["gamma_mev_per_a2", "release_gain_mev_per_a2", "n_points", "n_interfaces"]), signs, some_number,
)  # fmt: skip
moments = st.one_of(st.sampled_from(MOMENTS), st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1)))
of_moment = st.builds('created_at {} "{}"'.format, signs, moments.map(datetime.isoformat))
some_flags = st.lists(some_text.map(quoted), min_size=1, max_size=3).map(",".join)
of_flags = st.builds("flags HAS {} {}".format, st.sampled_from(["ANY", "ALL", "ONLY"]), some_flags)
others = st.sampled_from(
    ["converged=TRUE", "converged!=TRUE", "release_gain_mev_per_a2 IS UNKNOWN", "release_gain_mev_per_a2 IS KNOWN",
     "flags LENGTH >= 2", "n_points > gamma_mev_per_a2", "release_gain_mev_per_a2 < gamma_mev_per_a2",
     "substrate < film_plane", 'engine="chgnet"']
)  # fmt: skip
single = st.one_of(of_text, of_part, of_number, of_moment, of_flags, others)
filters = st.recursive(
    single,
    lambda inner: st.one_of(
        st.builds("({}) AND ({})".format, inner, inner),
        st.builds("({}) OR ({})".format, inner, inner),
        st.builds("NOT ({})".format, inner),
    ),
    max_leaves=4,
)
SORTED = ["substrate", "film_plane", "gamma_mev_per_a2", "release_gain_mev_per_a2", "n_points", "created_at",
          "converged", "engine"]  # fmt: skip
orders = st.lists(st.builds(str.__add__, st.sampled_from(["", "-"]), st.sampled_from(SORTED)), max_size=3).map(",".join)


def answer(db, *question):
    try:
        return [tuple(map(repr, row.values())) for row in db.query(*question)]
    except FilterError as error:
        return str(error)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    where=filters,
    sort=orders,
    limit=st.one_of(st.none(), st.integers(0, 70), st.just(2**63 - 1)),
    offset=st.integers(0, 9),
)
def test_any_question_has_one_answer(both, where, sort, limit, offset):
    one, two = (answer(db, "interfaces", where, sort, limit, offset) for db in both)
    assert one == two
    assert one[:1] or both[0].count("interfaces", where) == both[1].count("interfaces", where)


@pytest.mark.parametrize("noun", ["interfaces", "growth", "calculations"])
def test_all_rows_are_the_same_to_the_last_bit(both, noun):
    one, two = (answer(db, noun) for db in both)
    assert one == two and one
    assert all(db.verify() == [] for db in both)


def test_rows_are_in_the_order_of_the_characters(both):
    for db in both:
        names = [row["substrate"] for row in db.query("interfaces", sort="substrate")]
        assert names == sorted(names, key=lambda name: name.encode())


@pytest.mark.parametrize("text", ["W\x00", "\x00", "\ud800", "W\udcff"])
@pytest.mark.parametrize("change", ["substrate", "flags", "definition"])
def test_text_that_a_database_cannot_hold_is_refused_by_both(db, text, change):
    value = (text,) if change == "flags" else text
    document = interface(**{change: value})
    if change == "definition" and "\x00" in text:  # kept in the document alone, where it harms nobody
        assert db.result(db.add_result(document)) == document
        return
    with pytest.raises(DatabaseWriteError, match="nothing was stored"):
        db.add_result(document)
    assert db.count("interfaces") == 0 and db.verify() == []


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30])
def test_numbers_of_more_than_64_bits_are_refused_by_both(db, number):
    with pytest.raises(DatabaseWriteError, match="more than 64 bits; nothing was stored"):
        db.add_result(interface(n_points=number))
    assert db.count("interfaces") == 0
