from __future__ import annotations

import pytest
from database_factories import OTHER, calculation, interface, surface
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from liface.database import Database
from liface.errors import FilterError

ROWS = [
    interface("W", "100", 110.5, flags=("high_strain: 6.1 %",)),
    interface("W", "110", 95.0, n_points=4),
    interface("Mo", "100", 82.0, flags=("few_points", "nonlinear: residual 3 meV/Å²"), converged=False),
    interface("Li6PS5Cl", "100", -33.8, flags=("reactive: 4 of 16 bonds", "few_points"), engine=OTHER),
    interface('50%_"a"\\b', "110", 0.0),
]


@pytest.fixture(scope="module")
def filled(shared):
    for row in ROWS:
        shared.add_result(row)
    return shared


def matching(db, where: str) -> set[str]:
    rows = db.query("interfaces", where)
    assert len(rows) == db.count("interfaces", where)
    assert {r.record_id for r in db.results("interface", where)} == {row["record_id"] for row in rows}
    return {row["substrate"] + row["film_plane"] for row in rows}


def expected(test) -> set[str]:
    return {row.substrate + row.film_plane for row in ROWS if test(row)}


def slugs(row) -> set[str]:
    return {flag.partition(":")[0] for flag in row.flags}


CASES = {
    'substrate="W"': lambda r: r.substrate == "W",
    '"W"=substrate': lambda r: r.substrate == "W",
    'substrate!="W"': lambda r: r.substrate != "W",
    'substrate>"M"': lambda r: r.substrate > "M",
    "gamma_mev_per_a2 > 82": lambda r: r.gamma_mev_per_a2 > 82,
    "82 < gamma_mev_per_a2": lambda r: r.gamma_mev_per_a2 > 82,
    "gamma_mev_per_a2>=82.0": lambda r: r.gamma_mev_per_a2 >= 82,
    "gamma_mev_per_a2 < -3.38e1": lambda r: r.gamma_mev_per_a2 < -33.8,
    "gamma_mev_per_a2<=-33.8": lambda r: r.gamma_mev_per_a2 <= -33.8,
    "n_points=4": lambda r: r.n_points == 4,
    "n_points < 3.5": lambda r: r.n_points < 3.5,
    "n_points < 99999999999999999999999": lambda r: True,
    "converged=TRUE": lambda r: r.converged,
    "converged=FALSE": lambda r: not r.converged,
    "converged!=TRUE": lambda r: not r.converged,
    'converged="true"': lambda r: r.converged,
    "TRUE=converged": lambda r: r.converged,
    'substrate="W" AND film_plane="100"': lambda r: r.substrate == "W" and r.film_plane == "100",
    'substrate="W" OR substrate="Mo" AND film_plane="110"': lambda r: (
        r.substrate == "W" or (r.substrate == "Mo" and r.film_plane == "110")
    ),
    '(substrate="W" OR substrate="Mo") AND film_plane="110"': lambda r: (
        r.substrate in ("W", "Mo") and r.film_plane == "110"
    ),
    'NOT (substrate="W" OR gamma_mev_per_a2<0)': lambda r: r.substrate != "W" and r.gamma_mev_per_a2 >= 0,
    'NOT substrate="W" AND converged=TRUE': lambda r: r.substrate != "W" and r.converged,
    'substrate CONTAINS "PS"': lambda r: "PS" in r.substrate,
    'substrate CONTAINS "ps"': lambda r: "ps" in r.substrate,
    'substrate CONTAINS "%"': lambda r: "%" in r.substrate,
    'substrate CONTAINS "_"': lambda r: "_" in r.substrate,
    'substrate CONTAINS ""': lambda r: True,
    r'substrate CONTAINS "\"a\""': lambda r: '"a"' in r.substrate,
    r'substrate ENDS WITH "\\b"': lambda r: r.substrate.endswith("\\b"),
    'substrate STARTS WITH "Li6"': lambda r: r.substrate.startswith("Li6"),
    'substrate STARTS "W"': lambda r: r.substrate.startswith("W"),
    'substrate ENDS WITH "o"': lambda r: r.substrate.endswith("o"),
    'substrate ENDS WITH "LongerThanAnyNameInTheTable"': lambda r: False,
    "gamma_mev_per_a2 IS KNOWN": lambda r: True,
    "gamma_mev_per_a2 IS UNKNOWN": lambda r: False,
    "flags IS KNOWN": lambda r: True,
    'flags HAS "reactive"': lambda r: "reactive" in slugs(r),
    'flags HAS "few_points"': lambda r: "few_points" in slugs(r),
    'flags HAS "reactive: 4 of 16 bonds"': lambda r: "reactive" in slugs(r),
    'NOT flags HAS "few_points"': lambda r: "few_points" not in slugs(r),
    'flags HAS ANY "reactive","nonlinear"': lambda r: slugs(r) & {"reactive", "nonlinear"},
    'flags HAS ALL "reactive","few_points"': lambda r: slugs(r) >= {"reactive", "few_points"},
    'flags HAS ONLY "few_points","nonlinear"': lambda r: slugs(r) <= {"few_points", "nonlinear"},
    'NOT (flags HAS ANY "reactive","nonlinear")': lambda r: not slugs(r) & {"reactive", "nonlinear"},
    'flags HAS < "g"': lambda r: any(flag < "g" for flag in r.flags),
    'flags HAS ANY > "p", "nonlinear"': lambda r: any(flag > "p" for flag in r.flags) or "nonlinear" in slugs(r),
    'flags HAS ONLY < "g"': lambda r: all(flag < "g" for flag in r.flags),
    'flags HAS != "few_points"': lambda r: any(flag != "few_points" for flag in r.flags),
    'flags:flags HAS >="f":<"g"': lambda r: any("f" <= flag < "g" for flag in r.flags),
    'flags:flags HAS ANY "few_points":"nonlinear","reactive":"reactive"': lambda r: "reactive" in slugs(r),
    'flags:flags HAS ONLY >="f":<"o"': lambda r: all("f" <= flag < "o" for flag in r.flags),
    "flags LENGTH 0": lambda r: len(r.flags) == 0,
    "flags LENGTH > 1": lambda r: len(r.flags) > 1,
    "gamma_free_mev_per_a2 < gamma_mev_per_a2": lambda r: True,
    "gamma_plateau_mev_per_a2 <= gamma_mev_per_a2": lambda r: False,
    "n_points > gamma_mev_per_a2": lambda r: r.n_points > r.gamma_mev_per_a2,
    'engine="chgnet"': lambda r: r.engine.name == "chgnet",
    'created_at >= "2026-03-01T12:00:00Z"': lambda r: True,
    'created_at > "2026-03-01T13:00:00+01:00"': lambda r: False,
    'created_at < "2026-03-02"': lambda r: True,
    'method="sandwich"': lambda r: True,
    'substrate="TRUE"': lambda r: False,
    "": lambda r: True,
    "   ": lambda r: True,
}


@pytest.mark.parametrize("where", CASES)
def test_filter_selects_what_plain_python_selects(filled, where):
    assert matching(filled, where) == expected(CASES[where])


def test_unknown_values_match_neither_a_comparison_nor_its_negation(db):
    db.add_calculation(calculation(0))
    db.add_calculation(calculation(1, "failed"))
    assert [r["status"] for r in db.query("calculations", "energy_ev IS UNKNOWN")] == ["failed"]
    assert [r["status"] for r in db.query("calculations", "energy_ev IS KNOWN")] == ["converged"]
    for where in ("energy_ev < 0", "NOT energy_ev > 0"):
        assert [r["status"] for r in db.query("calculations", where)] == ["converged"]


ERRORS = {
    'gamma_mev_per_a="x"': "did you mean gamma_mev_per_a2",
    "gama > 1": "did you mean gamma_mev_per_a2",
    "substate=1": "did you mean substrate",
    "substrate.name=1": "no column 'substrate.name'",
    "document=1": "no column 'document'",
    "is_current=TRUE": "no column 'is_current'",
    "film_plane=100": 'film_plane="100"',
    'gamma_mev_per_a2="100"': "number in meV/Å² without quotes",
    'n_points="4"': "whole number",
    "converged=1": "write converged=TRUE",
    "converged > FALSE": "only = and !=",
    "converged=true": "write TRUE in capitals",
    'method="sandwhich"': "did you mean sandwich",
    'created_at > "yesterday"': "2026-03-01T00:00:00Z",
    "created_at > 2026": "text in double quotes",
    "gamma_mev_per_a2=1e999": "too large",
    'flags="reactive"': "HAS",
    "flags HAS 3": "double quotes",
    'flags HAS "a",3': "does not parse",
    'flags HAS ANY "x", 3': "double quotes",
    'flags HAS NONE "x"': "NOT \\(flags HAS ANY",
    'substrate HAS "W"': "list column",
    "substrate LENGTH 3": "list column",
    'gamma_mev_per_a2 CONTAINS "1"': "text column",
    "substrate CONTAINS 1": "double quotes",
    'flags:flags HAS "a":"b":"c"': "needs 2 values",
    'flags:substrate HAS "a":"b"': "list column",
    "substrate=gamma_mev_per_a2": "cannot be compared",
    '"a"="b"': "names no column",
    "1<2": "names no column",
    'substrate="W" film_plane="100"': "without AND or OR",
    "substrate='W'": "double quotes",
    'substrate=="W"': "single =",
    'substrate="W" and film_plane="100"': "capitals",
    'substrate="W': "does not parse",
    '(substrate="W"': "ends too early",
    "converged": "ends too early",
    "; DROP TABLE interfaces": "does not parse",
    "substrate=\x00": "no text",
    'substrate="\ud800"': "no text",
    'substrate="\x01TRUE"': "no text",
    "(" * 60 + 'substrate="W"' + ")" * 60: "60 nested",
    'substrate="' + "x" * 10_000 + '"': "at most 4000",
    " AND ".join(["n_points=1"] * 250): "more than 200",
    "flags HAS ANY " + ",".join(['"x"'] * 900): "more than 200",
    "flags HAS ALL " + ",".join(['"x"'] * 900): "more than 200",
    f"n_points={'9' * 3900}": "too large",
}


@pytest.mark.parametrize("where", list(ERRORS), ids=range(len(ERRORS)))
def test_bad_filter_says_what_is_wrong(filled, where):
    with pytest.raises(FilterError, match=ERRORS[where]):
        filled.query("interfaces", where)


def test_unknown_column_lists_all(filled):
    with pytest.raises(FilterError) as caught:
        filled.query("interfaces", "zzz=1")
    assert all(name in str(caught.value) for name in filled.columns("interfaces"))


def test_longest_accepted_filters_run(filled):
    where = " OR ".join(f"n_points={n}" for n in range(200))
    assert filled.count("interfaces", where) == len(ROWS)
    for how, wanted in (("ANY", slugs), ("ONLY", lambda r: True), ("ALL", lambda r: False)):
        names = ",".join(f'"{name}"' for name in ["reactive", "few_points", "nonlinear", "high_strain", *range(190)])
        assert matching(filled, f"flags HAS {how} {names}") == expected(wanted)
    nested = "NOT (" * 49 + 'substrate="W"' + ")" * 49
    assert matching(filled, nested) == expected(lambda r: r.substrate != "W")


@pytest.mark.parametrize("nouns", ["flags", "structures"])
def test_a_filter_of_many_looks_at_lists_is_planned_in_seconds(postgresql_server, nouns):
    """PostgreSQL takes 40 s to plan 200 semi-joins; the statement is stopped long before."""
    with postgresql_server.database() as name:
        address = postgresql_server.address(name)
        with Database(address) as db:
            db.add_result(ROWS[0])
        postgresql_server.run(f"ALTER DATABASE {name} SET statement_timeout = '20s'")
        with Database(address) as db:
            if nouns == "flags":
                assert db.count("interfaces", "flags HAS ALL " + ",".join(f'"{n}"' for n in range(195))) == 0
            else:
                assert db.structures.count(" AND ".join(["elements_ratios HAS > 2"] * 99)) == 0


def test_dictionary_column_can_only_be_known(db):
    from database_factories import growth

    db.add_result(growth())
    assert db.count("growth", "delta_e_ev_per_li IS KNOWN") == 1
    with pytest.raises(FilterError, match="IS KNOWN"):
        db.count("growth", "delta_e_ev_per_li > 0")


def test_hostile_text_stays_text(filled):
    hostile = 'W\\"; DROP TABLE interfaces; --'
    assert filled.count("interfaces", f'substrate="{hostile}"') == 0
    assert filled.count("interfaces") == len(ROWS)


NAMES = ["substrate", "gamma_mev_per_a2", "converged", "flags", "created_at", "nope"]
VALUES = ['"W"', '"%"', "1", "-2.5e3", "TRUE", '"2026-01-01"', '"\\""', "substrate"]
WORDS = ["=", "!=", "<", ">=", "AND", "OR", "NOT", "(", ")", "HAS", "ANY", "ALL", "ONLY", "LENGTH", "CONTAINS",
         "STARTS", "WITH", "ENDS", "IS", "KNOWN", "UNKNOWN", ",", ":", "'", '"', "\\", ";", "%"]  # fmt: skip
nonsense = st.lists(st.sampled_from(NAMES + VALUES + WORDS), max_size=9).map(" ".join)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.one_of(st.text(max_size=40), nonsense), sort=st.one_of(st.none(), st.text(max_size=12)))
def test_any_text_gives_rows_or_a_filter_error(filled, where, sort):
    try:
        rows = filled.query("interfaces", where, sort=sort)
    except FilterError as error:
        assert str(error)
    else:
        assert len(rows) <= len(ROWS)
    assert filled.count("interfaces") == len(ROWS)


comparison = st.sampled_from([w for w in CASES if w.strip() and "AND" not in w and "OR " not in w])
tree = st.recursive(
    comparison.map(lambda w: (w, CASES[w])),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda p: (f"({p[0][0]}) AND ({p[1][0]})", lambda r: p[0][1](r) and p[1][1](r))),
        st.tuples(inner, inner).map(lambda p: (f"({p[0][0]}) OR ({p[1][0]})", lambda r: p[0][1](r) or p[1][1](r))),
        inner.map(lambda p: (f"NOT ({p[0]})", lambda r: not p[1](r))),
    ),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pair=tree)
def test_composed_filters_follow_boolean_logic(filled, pair):
    where, test = pair
    assert matching(filled, where) == expected(test)


def test_surface_columns_are_not_those_of_interfaces(db):
    db.add_result(surface())
    assert db.count("surfaces", 'material="Cu" AND plane="111"') == 1
    with pytest.raises(FilterError, match="no column 'substrate' in surfaces"):
        db.query("surfaces", 'substrate="Cu"')
