from __future__ import annotations

from datetime import timedelta
from itertools import groupby

import pytest
from database_factories import CREATED, EMT, OTHER, all_results, bulk, growth, interface
from hypothesis import given, settings
from hypothesis import strategies as st

from liface.database import Database
from liface.database.columns import RESULT_NOUNS
from liface.errors import FilterError

THIRD = EMT.model_copy(update={"name": "gpaw", "model": "pbe"})


def later(document, days):
    provenance = document.provenance.model_copy(update={"created_at": CREATED + timedelta(days=days)})
    return document.model_copy(update={"provenance": provenance})


@pytest.fixture(scope="module")
def three(shared):
    """W and Mo by three models, Cu by one; W once more by an old run."""
    for substrate, values in {"W": (100.0, 90.0, 95.0), "Mo": (60.0, 62.0, 61.0), "Cu": (20.0,)}.items():
        for engine, gamma in zip((EMT, OTHER, THIRD), values, strict=False):
            flags = ("reactive: γ < 0",) if gamma == 62.0 else ()
            shared.add_result(interface(substrate, gamma=gamma, engine=engine, flags=flags))
    shared.add_result(later(interface("W", gamma=500.0, engine=EMT, campaign="early"), -30))
    return shared


def test_the_best_of_every_substrate(three):
    answer = three.best("interfaces", columns=["substrate", "gamma_mev_per_a2", "model", "flags"])
    assert answer.rows == [
        {"substrate": "Cu", "gamma_mev_per_a2": 20.0, "model": "emt", "flags": [], "n_compared": 1},
        {"substrate": "Mo", "gamma_mev_per_a2": 60.0, "model": "emt", "flags": [], "n_compared": 3},
        {"substrate": "W", "gamma_mev_per_a2": 90.0, "model": "0.3.0", "flags": [], "n_compared": 4},
    ]
    assert answer.units == {"gamma_mev_per_a2": "meV/Å²", "n_compared": "1"}


def test_the_highest_two_of_every_model_under_a_filter(three):
    answer = three.best(
        "interfaces", "gamma_free_mev_per_a2", ["model"], highest=True, top=2, where='substrate="W" OR substrate="Mo"',
        columns=["model", "gamma_free_mev_per_a2"],
    )  # fmt: skip
    assert [tuple(row.values()) for row in answer.rows] == [
        ("0.3.0", 88.0, 2), ("0.3.0", 60.0, 2), ("emt", 498.0, 3), ("emt", 98.0, 3), ("pbe", 93.0, 2), ("pbe", 59.0, 2),
    ]  # fmt: skip


def test_what_is_superseded_or_unknown_does_not_compete(db):
    db.add_result(interface("W", gamma=1.0))
    db.add_result(interface("W", gamma=2.0))
    assert [row["gamma_mev_per_a2"] for row in db.best("interfaces").rows] == [2.0]
    assert db.best("interfaces", "release_gain_mev_per_a2").rows == []


@settings(max_examples=30, deadline=None)
@given(
    values=st.lists(
        st.tuples(st.sampled_from("WCM"), st.sampled_from(["100", "110"]), st.integers(-3, 3)), min_size=1, max_size=15
    ),
    top=st.integers(1, 3),
    highest=st.booleans(),
)
def test_the_best_are_those_that_python_finds(values, top, highest):
    with Database(":memory:") as db:
        for number, (substrate, plane, gamma) in enumerate(values):
            db.add_result(interface(substrate, film_plane=plane, gamma=float(gamma), case=f"case {number}"))
        found = db.best("interfaces", by=["film_plane", "substrate"], top=top, highest=highest).rows
    expected = {}
    for substrate, plane, gamma in values:
        expected.setdefault((plane, substrate), []).append(float(gamma))
    got = {key: [row["gamma_mev_per_a2"] for row in rows]
           for key, rows in groupby(found, lambda row: (row["film_plane"], row["substrate"]))}  # fmt: skip
    assert list(got) == sorted(expected)
    assert got == {key: sorted(those, reverse=highest)[:top] for key, those in expected.items()}
    assert all(row["n_compared"] == len(expected[row["film_plane"], row["substrate"]]) for row in found)


def test_models_disagree_on_the_same_quantity(three):
    w, mo = three.spread("interfaces").rows
    assert (w["substrate"], mo["substrate"]) == ("W", "Mo")
    assert (w["mean_gamma_mev_per_a2"], w["lowest_gamma_mev_per_a2"], w["highest_gamma_mev_per_a2"]) == (95, 90, 100)
    assert w["half_range_gamma_mev_per_a2"] == 5.0 and w["n_models"] == 3 and w["converged"] is True
    assert w["models"] == ["chgnet:0.3.0", "gpaw:pbe", "emt:emt"]  # rising
    assert mo["flags"] == ["reactive"] and w["flags"] == []


def test_spread_may_be_cut_filtered_and_grouped_otherwise(three):
    assert [row["substrate"] for row in three.spread("interfaces", limit=1).rows] == ["W"]
    assert three.spread("interfaces", limit=0).rows == []
    assert [row["substrate"] for row in three.spread("interfaces", least=1).rows] == ["W", "Mo", "Cu"]
    (row,) = three.spread("interfaces", by=["film_plane"], where='model="emt" OR model="pbe"').rows
    assert row["n_models"] == 2 and next(iter(row)) == "film_plane"
    assert three.spread("interfaces", where='model="emt"').rows == []


def test_answers_become_frames_with_units(three):
    frame = three.spread("interfaces", "strain_percent").frame()
    assert frame.attrs["units"]["half_range_strain_percent"] == "%" and str(frame["n_models"].dtype) == "Int64"
    assert [sorted(models) for models in frame["models"]] == [["chgnet:0.3.0", "emt:emt", "gpaw:pbe"]] * 2
    assert three.best("interfaces").frame()["substrate"].tolist() == ["Cu", "Mo", "W"]


@pytest.mark.parametrize("kind", RESULT_NOUNS)
def test_every_kind_of_result_can_be_compared_by_its_headline(db, kind):
    for document in all_results():
        db.add_result(document)
    noun = RESULT_NOUNS[kind]
    if not noun.headline:
        with pytest.raises(FilterError, match="name a column"):
            db.best(kind)
        return
    (row,) = db.best(kind).rows
    (spread,) = db.spread(kind, least=1).rows
    assert spread[f"mean_{noun.headline}"] == pytest.approx(row[noun.headline])


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda db: db.best("interfaces", "gama"), "no column 'gama'"),
        (lambda db: db.best("interfaces", "film_plane"), "compare a number"),
        (lambda db: db.best("interfaces", by=["flags"]), "group by another"),
        (lambda db: db.best("interfaces", by=[]), "no column to group"),
        (lambda db: db.best("interfaces", top=0), "at least 1"),
        (lambda db: db.best("interfaces", where="gama=1"), "no column"),
        (lambda db: db.spread("calculations", "energy_ev"), "no results"),
        (lambda db: db.spread("submissions"), "no results"),
        (lambda db: db.spread("interfaces", limit=-1), "limit is -1"),
        (lambda db: db.spread("growth"), "no headline"),
    ],
)
def test_wrong_comparisons_are_refused(db, ask, message):
    with pytest.raises(FilterError, match=message):
        ask(db)


def test_numbers_of_two_kinds_are_whole_where_they_are(db):
    db.add_result(bulk())
    db.add_result(growth())
    assert db.best("bulks", "a").rows[0]["a"] == 3.43
    assert db.spread("interfaces", "n_points", least=1).noun.columns["lowest_n_points"].type == "integer"
