"""What a person who looks around asks the database."""

from __future__ import annotations

import pytest
from database_factories import OTHER, binding, calculation, failed_case, interface, provenance, surface, wetting
from sqlalchemy import delete, insert

from liface.database.schema import USES
from liface.errors import FilterError


def test_values_are_counted_among_current_rows_that_match(db):
    for substrate, engine in (("W", None), ("W", OTHER), ("Cr", None)):
        db.add_result(interface(substrate, **({"engine": engine} if engine else {})))
    db.add_result(interface("Cr", gamma=90.0))  # takes the place of the one before
    counted = db.value_counts("interfaces", ["substrate", "engine"])
    assert counted == {"substrate": [("W", 2), ("Cr", 1)], "engine": [("emt", 2), ("chgnet", 1)]}
    assert db.value_counts("interfaces", ["substrate"], 'engine="chgnet"') == {"substrate": [("W", 1)]}
    assert db.value_counts("interfaces", ["substrate"], most=1) == {"substrate": [("W", 2)]}


def test_flags_are_counted_by_slug(db):
    db.add_result(interface("W", flags=("reactive: γ < 0", "nonlinear")))
    db.add_result(interface("Cr", flags=("reactive: broken",)))
    assert db.value_counts("interfaces", ["flags"]) == {"flags": [("reactive", 2), ("nonlinear", 1)]}
    assert db.value_counts("interfaces", ["flags"], 'substrate="Cr"') == {"flags": [("reactive", 1)]}


def test_unknown_values_are_no_values(db):
    db.add_case(failed_case())
    db.add_calculation(calculation(1, "failed"))
    assert db.value_counts("calculations", ["energy_ev", "status"]) == {"energy_ev": [], "status": [("failed", 1)]}


@pytest.mark.parametrize(("noun", "column"), [("growth", "delta_e_ev_per_li"), ("growth", "nothing")])
def test_what_has_no_values_is_refused(db, noun, column):
    with pytest.raises(FilterError, match=column):
        db.value_counts(noun, [column])


def test_rows_come_by_identity_in_the_order_asked(db):
    calculations = [calculation(n) for n in range(4)]
    for document in calculations:
        db.add_calculation(document)
    keys = [document.calc_id for document in calculations]
    rows = db.rows_by_key("calculations", [keys[2], "none", keys[0], keys[2]])
    assert [row["calc_id"] for row in rows] == [keys[2], keys[0]]
    assert rows == [db.query("calculations", f'calc_id="{key}"')[0] for key in (keys[2], keys[0])]
    assert db.rows_by_key("calculations", []) == []


def test_superseded_rows_come_by_identity_too(db):
    old = db.add_result(binding(energy=-0.5))
    new = db.add_result(binding(energy=-0.6))
    rows = db.rows_by_key("bindings", [old, new])
    assert [row["e_bind_ev_per_li"] for row in rows] == [-0.5, -0.6]


def test_users_of_a_calculation_are_found(db):
    ids = [calculation(n).calc_id for n in range(3)]
    small = surface(provenance=provenance(case="s", calc_ids=(ids[0],)))
    large = wetting(provenance=provenance(case="w", calc_ids=(ids[0], ids[1])))
    other = interface(provenance=provenance("another", case="i", calc_ids=(ids[0],)))
    keys = [db.add_result(document) for document in (small, large, other)]
    assert db.users_of([ids[0]]) == {
        keys[0]: ("surface", frozenset(ids[:1])), keys[1]: ("wetting", frozenset(ids[:2])),
        keys[2]: ("interface", frozenset(ids[:1])),
    }  # fmt: skip
    assert set(db.users_of([ids[1]])) == {keys[1]}
    assert set(db.users_of(ids, "quickstart")) == {keys[0], keys[1]}
    assert db.users_of([ids[2]]) == {} and db.users_of([]) == {}


def test_of_many_users_some_are_named_and_superseded_ones_are_not(db):
    key = calculation(1).calc_id
    records = [
        db.add_result(interface(f"S{n}", provenance=provenance(case=f"c{n}", calc_ids=(key,)))) for n in range(4)
    ]
    users = db.users_of([key], most=3)
    assert len(users) == 3 and set(users) < set(records) and db.users_of([key], most=3) == users
    db.add_result(interface("S3", gamma=1.0, provenance=provenance(case="c3")))
    assert set(db.users_of([key])) == set(records[:3])


def test_nested_users_share_all_of_their_calculations_or_of_those_asked(db):
    ids = [calculation(n).calc_id for n in range(4)]
    part, same, whole, beside = (
        db.add_result(surface(plane=plane, provenance=provenance(case=plane, calc_ids=tuple(ids[k] for k in behind))))
        for plane, behind in (("100", (0,)), ("110", (0, 1, 1)), ("111", (0, 1, 2)), ("210", (1, 3)))
    )
    assert set(db.users_of(ids[:2])) == {part, same, whole, beside}
    assert set(db.users_of(ids[:2], nested=True)) == {part, same, whole}
    assert db.users_of(ids[:1])[same] == ("surface", frozenset(ids[:2]))


def test_what_results_rest_on_can_be_derived_again(db):
    key = calculation(1).calc_id
    record = db.add_result(surface(provenance=provenance(calc_ids=(key,))))
    db.add_calculation(calculation(1))
    with db._store.writing() as connection:
        connection.execute(delete(USES))
        connection.execute(insert(USES).values(calc_id=key, entry_id="gone", noun="surfaces"))
    assert db.users_of([key]) == {}
    problems = db.verify()
    assert {(problem.check, problem.key) for problem in problems} == {("reference", record), ("reference", "gone")}
    assert all("liface database reindex" in problem.message for problem in problems)
    db.reindex()
    assert set(db.users_of([key])) == {record} and db.verify() == []
