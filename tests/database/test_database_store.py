from __future__ import annotations

import threading

import pytest
from database_factories import (
    EMT,
    OTHER,
    all_results,
    binding,
    calculation,
    failed_case,
    finished_case,
    interface,
    surface,
)

from liface.database import Database
from liface.database.columns import NOUNS, RESULT_NOUNS
from liface.database.migrations import latest
from liface.errors import DatabaseWriteError, FilterError

STATUSES = ("converged", "unconverged", "failed")


@pytest.mark.parametrize("status", STATUSES)
def test_calculation_comes_back_equal(place, status):
    document = calculation(status=status)
    with Database(place) as db:
        assert db.add_calculation(document) is True
    with Database(place, must_exist=True) as db:
        assert db.calculation(document.calc_id) == document
        assert db.calculation("unknown") is None


def test_calculation_is_stored_once_and_replaced_only_on_demand(db):
    first, second = calculation(status="failed"), calculation()
    assert first.calc_id == second.calc_id
    assert db.add_calculation(first) is True
    assert db.add_calculation(second) is False
    assert db.calculation(first.calc_id) == first
    assert db.add_calculation(second, replace=True) is False
    assert db.calculation(first.calc_id) == second
    assert db.count("calculations") == 1


def test_bulk_reads_and_statuses(db):
    stored = {c.calc_id: c for c in (calculation(i, STATUSES[i % 3]) for i in range(7))}
    for document in stored.values():
        db.add_calculation(document)
    asked = [*stored, "absent", *list(stored)[:2]]
    assert db.calculations(asked) == stored
    assert db.status_of(iter(asked)) == {key: c.status for key, c in stored.items()}
    assert db.calculations([]) == {} and db.status_of([]) == {}


def test_more_identities_than_fit_in_one_statement(db):
    wanted = [calculation(i) for i in (1, 2)]
    for document in wanted:
        db.add_calculation(document)
    many = [f"{i:032x}" for i in range(40_000)]
    asked = [wanted[0].calc_id, *many, wanted[1].calc_id]
    assert set(db.status_of(asked)) == {c.calc_id for c in wanted}
    assert db.forget_calculations(asked) == 2
    assert db.count("calculations") == 0


def test_numbers_survive_to_the_last_bit(db):
    document = calculation(energy_ev=-0.1 - 0.2, fmax_ev_per_a=1e-300)
    db.add_calculation(document)
    assert db.calculation(document.calc_id).energy_ev == -0.1 - 0.2
    assert db.query("calculations")[0]["fmax_ev_per_a"] == 1e-300


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused(db, number):
    with pytest.raises(DatabaseWriteError, match=r"finite|no result"):
        db.add_calculation(calculation(energy_ev=number))
    with pytest.raises(DatabaseWriteError, match="finite"):
        db.add_result(surface(gamma=number))
    assert db.count("calculations") == db.count("surfaces") == 0


def test_results_of_every_kind_come_back_equal(db):
    for document in all_results():
        assert db.add_result(document) == document.record_id
        assert db.add_result(document) == document.record_id
        assert db.results(document.kind) == [document]
        assert db.result(document.record_id) == document
    assert db.result("absent") is None
    assert db.verify() == []


def test_newer_result_of_the_same_quantity_takes_the_place_of_the_older(db):
    old, new = interface(gamma=100.0), interface(gamma=101.0, flags=("nonlinear",))
    db.add_result(old)
    db.add_result(new)
    assert db.results("interface") == [new]
    assert [row["record_id"] for row in db.query("interfaces")] == [new.record_id]
    assert db.count("interfaces", "gamma_mev_per_a2=100") == 0
    assert db.result(old.record_id) == old
    assert db.info()["superseded"]["interfaces"] == 1
    db.add_result(old)  # back to the earlier settings
    assert db.results("interface") == [old]
    assert db.info()["superseded"]["interfaces"] == 1
    assert db.verify() == []


@pytest.mark.parametrize(
    "change",
    [
        {"film_plane": "110"}, {"substrate": "Mo"}, {"substrate_plane": "100"}, {"substrate_termination": 1},
        {"method": "vacuum"}, {"campaign": "oh2024"}, {"engine": OTHER}, {"case": "other"},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_other_quantities_do_not_supersede(db, change):
    db.add_result(interface())
    db.add_result(interface(**change))
    assert db.count("interfaces") == 2


def test_same_physics_in_two_campaigns_is_shown_in_both(db):
    ours, theirs = surface(campaign="quickstart"), surface(campaign="oh2024")
    assert ours.record_id == theirs.record_id
    db.add_result(ours)
    db.add_result(theirs)
    assert [row["campaign"] for row in db.query("surfaces", sort="campaign")] == ["oh2024", "quickstart"]
    assert db.verify() == []


def test_case_with_its_results_is_one_transaction(db):
    good, broken = interface(), interface(film_plane="110", gamma_stderr_mev_per_a2=float("inf"))
    with pytest.raises(DatabaseWriteError):
        case = finished_case([good]).model_copy(update={"record_ids": (good.record_id, "0" * 32)})
        db.commit_case(case, [good, broken])
    assert db.case("c1") is None and db.count("interfaces") == 0
    db.commit_case(finished_case([good]), [good])
    assert db.case("c1") == finished_case([good])
    assert db.results("interface") == [good]


def test_failure_in_the_middle_of_a_commit_changes_nothing(db, monkeypatch):
    from liface.database import writing

    results = [interface(), binding()]
    put = writing.put_result

    def failing(connection, document):
        if document.kind == "binding":
            raise DatabaseWriteError("stopped in the middle")
        return put(connection, document)

    monkeypatch.setattr(writing, "put_result", failing)
    with pytest.raises(DatabaseWriteError, match="middle"):
        db.commit_case(finished_case(results), results)
    assert all(count == 0 for count in db.info()["counts"].values())


def test_case_refuses_results_it_does_not_list(db):
    with pytest.raises(DatabaseWriteError, match="does not list"):
        db.commit_case(finished_case([]), [surface()])


def test_retried_case_takes_the_place_of_the_failed_one(db):
    db.add_case(failed_case("c1"))
    assert db.cases(status="failed") == [failed_case("c1")]
    result = interface()
    db.commit_case(finished_case([result], "c1"), [result])
    assert db.cases("quickstart") == [finished_case([result], "c1")]
    assert db.cases(status="failed") == db.cases("elsewhere") == []


def test_redefined_case_hides_what_its_earlier_definition_stored(db):
    old = [binding(n_li=1), binding(n_li=2)]
    db.commit_case(finished_case(old, "old", kind="binding"), old)
    new = [binding(n_li=1, energy=-0.6)]
    db.commit_case(finished_case(new, "new", kind="binding"), new)
    assert db.results("binding") == new
    assert db.case("old") is None and db.case("new") is not None
    db.commit_case(finished_case(old, "old", kind="binding"), old)  # and back again
    assert db.results("binding", sort="n_li") == old


def test_case_that_fails_when_repeated_hides_its_results(db):
    ours = interface()
    db.commit_case(finished_case([ours], "c1"), [ours])
    db.add_case(failed_case("c1"))
    assert db.results("interface") == []
    db.commit_case(finished_case([ours], "c1"), [ours])
    assert db.results("interface") == [ours] and db.verify() == []


def test_redefined_case_leaves_other_results_alone(db):
    of_interface, of_surface = interface(), surface()
    elsewhere = interface(campaign="oh2024")
    db.commit_case(finished_case([of_interface], "i1"), [of_interface])
    db.commit_case(finished_case([of_surface], "s1", kind="surface"), [of_surface])  # same name, other kind
    db.commit_case(finished_case([elsewhere], "o1", campaign="oh2024"), [elsewhere])
    db.commit_case(finished_case([], "i2"), [])
    assert db.results("surface") == [of_surface]
    assert db.results("interface") == [elsewhere]


def test_repeated_case_keeps_its_results(db):
    results = [binding(n_li=1), binding(n_li=2)]
    case = finished_case(results, "c1", kind="binding")
    db.commit_case(case, results)
    db.commit_case(case, results)
    assert db.results("binding", sort="n_li") == results
    assert db.info()["superseded"]["bindings"] == 0


def test_cases_of_two_engines_stand_side_by_side(db):
    db.add_case(failed_case("c1"))
    db.add_case(failed_case("c2", engine=OTHER))
    assert {case.case_id for case in db.cases()} == {"c1", "c2"}
    assert db.forget_case("c1") is True and db.forget_case("c1") is False
    assert [case.case_id for case in db.cases()] == ["c2"]


def test_info_counts_what_is_there(db):
    for number, status in enumerate(STATUSES):
        db.add_calculation(calculation(number, status))
    results = all_results()
    db.commit_case(finished_case(results), results)
    db.add_case(failed_case("c2", case="other"))
    info = db.info()
    one_each = {noun.name: 1 for noun in RESULT_NOUNS.values()}
    assert {noun: n for noun, n in info["counts"].items() if n} == {**one_each, "calculations": 3, "cases": 2}
    assert info["counts"].keys() == NOUNS.keys()
    of_engine = sum(result.engine is not None for result in results)
    assert of_engine < len(results) == len(one_each)
    assert info["status"] == {"calculations": dict.fromkeys(STATUSES, 1), "cases": {"failed": 1, "finished": 1}}
    assert info["engines"] == [
        {"engine": "emt", "model": "emt", "engine_fingerprint": EMT.fingerprint, "calculations": 3,
         "force_calls": 21, "results": of_engine}
    ]  # fmt: skip
    assert info["campaigns"] == [{"campaign": "quickstart", "finished": 1, "failed": 1, "results": len(results)}]
    assert info["schema_version"] == latest()


@pytest.mark.parametrize("kind", ["memory", "file", "server"])
def test_threads_share_one_database(file, request, kind):
    errors: list[BaseException] = []
    target = {"memory": ":memory:", "file": file}.get(kind) or request.getfixturevalue("server_database")
    with Database(target) as db:

        def work(start: int) -> None:
            try:
                for number in range(start, start + 10):
                    db.add_calculation(calculation(number))
                    assert db.status_of([calculation(number).calc_id])
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(100 * i,)) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert db.count("calculations") == 80


def test_results_of_what_is_no_result_is_an_error(db):
    with pytest.raises(FilterError, match="no kind of result"):
        db.results("calculations")
    with pytest.raises(FilterError, match="interfaces"):
        db.results("interfacs")
