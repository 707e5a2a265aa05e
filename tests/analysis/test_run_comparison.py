"""Two runs held against each other: what changed, by how much, and why."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liface.analysis.run_comparison import TOLERANCES, compare
from liface.documents import (
    CalculationSettings,
    EngineInfo,
    RunCalculation,
    RunCase,
    RunDocument,
    RunEngine,
    RunRecord,
    content_hash,
)

NET = EngineInfo(
    name="net", model="one", code="netpackage", code_version="1.0", weights_sha256="a" * 64, trained_on="made up"
)
OTHER = NET.model_copy(update={"name": "rival", "model": "big", "weights_sha256": "b" * 64})
RELAX = CalculationSettings()


def calculation(n: int, engine: EngineInfo, geometry: str = "g", **changes: Any) -> RunCalculation:
    settings = content_hash(changes.pop("settings", RELAX).identity, 12)
    values: dict[str, Any] = {
        "label": f"surface/Cu-111/{n}-planes", "engine": engine.fingerprint, "settings": settings,
        "geometry": f"{geometry}{n}", "formula": f"Cu{n}", "cell": (2.5, 2.5, 20.0 + n, 90.0, 90.0, 120.0),
        "status": "converged", "energy_ev": -3.0 * n, "n_force_calls": 5,
    }  # fmt: skip
    values |= changes
    calc_id = content_hash([values["engine"], values["geometry"], values["settings"]])
    return RunCalculation(calc_id=calc_id, **values)


def run(
    gamma: float = 80.0,
    engine: EngineInfo = NET,
    calculations: tuple[RunCalculation, ...] | None = None,
    record: dict[str, Any] | None = None,
    more: tuple[RunRecord, ...] = (),
    used: CalculationSettings = RELAX,
    **changes: Any,
) -> RunDocument:
    own = calculations if calculations is not None else (calculation(3, engine), calculation(5, engine))
    found = RunRecord(
        **{
            "noun": "surfaces", "record_id": content_hash([gamma]), "case": "surface/Cu-111",
            "engine": engine.fingerprint, "slot": {"material": "Cu", "plane": "111", "termination": 0},
            "numbers": {"gamma_mev_per_a2": gamma, "n_planes": 5.0}, "converged": True,
            "calc_ids": tuple(c.calc_id for c in own), **(record or {}),
        }
    )  # fmt: skip
    case = RunCase(
        case_id="c", case="surface/Cu-111", kind="surface", engine=engine.fingerprint, status="finished",
        record_ids=(found.record_id,), calc_ids=found.calc_ids,
    )  # fmt: skip
    values = {
        "campaign": "made-up", "liface_version": "0.1.0", "dispatcher": "local", "packages": {"ase": "3.29.0"},
        "computed_with": {}, "content": {"protocol": {"fmax_ev_per_a": 0.03, "vacuum_a": 15.0}},
        "engines": (RunEngine(asked=engine.label, info=engine),), "cases": (case,), "calculations": own,
        "settings": {content_hash(each.identity, 12): each for each in {RELAX, used}},
        "records": (found, *more),
        "column_units": {"surfaces.gamma_mev_per_a2": "meV/Å²", "surfaces.n_planes": "1", "creep.rate": "1/s"},
    }  # fmt: skip
    return RunDocument.sealed(**{**values, **changes})


def causes(a: RunDocument, b: RunDocument) -> list[tuple[str, str]]:
    return [(cause.kind, cause.detail) for cause in compare(a, b).records[0].causes]


def test_a_run_is_identical_to_itself():
    comparison = compare(run(), run())
    assert comparison.reproduced and comparison.count("identical") == len(comparison.records) == 1
    assert comparison.records[0].causes == () and comparison.cases == (1, 1, 1)
    assert [e.same_identity for e in comparison.energies] == [True, True]


@settings(max_examples=50, deadline=None)
@given(st.floats(-1, 1, allow_nan=False))
def test_the_tolerance_is_where_a_change_begins(change):
    limit = TOLERANCES["meV/Å²"]
    (record,) = compare(run(), run(80.0 + change)).records
    difference = abs((80.0 + change) - 80.0)
    expected = "identical" if difference == 0 else "within" if difference / limit <= 1 else "changed"
    assert record.state == expected
    (mirrored,) = compare(run(80.0 + change), run()).records
    assert mirrored.state == expected and mirrored.size == record.size


def test_exact_allows_no_digit_and_counts_never_differ():
    assert compare(run(), run(80.0 + 1e-13), {}).records[0].state == "changed"
    other = run(record={"numbers": {"gamma_mev_per_a2": 80.0, "n_planes": 6.0}})
    (record,) = compare(run(), other).records
    assert record.state == "changed" and math.isinf(record.size)


def test_units_without_a_tolerance_of_their_own_go_by_their_share():
    creep = RunRecord(
        noun="creep", record_id="r", case="creep/x", engine=None, slot={"host": "x"}, numbers={"rate": 2e9},
        converged=True,
    )  # fmt: skip
    states = [
        next(r.state for r in compare(run(more=(creep,)), run(more=(creep.model_copy(update={"numbers": n}),))).records
             if r.noun == "creep")
        for n in ({"rate": 2.001e9}, {"rate": 2.01e9})
    ]  # fmt: skip
    assert states == ["within", "changed"]


def test_the_largest_change_comes_first_in_units_of_its_tolerance():
    def more(a, b):
        return tuple(
            RunRecord(noun="surfaces", record_id=name, case=f"surface/{name}", engine=NET.fingerprint,
                      slot={"material": name}, numbers={"gamma_mev_per_a2": value}, converged=True)
            for name, value in (("Ag", a), ("Au", b))
        )  # fmt: skip

    found = compare(run(more=more(50.0, 60.0)), run(80.5, more=more(58.0, 60.05)))
    assert [(r.case, r.state) for r in found.records] == [
        ("surface/Ag", "changed"), ("surface/Cu-111", "changed"), ("surface/Au", "within"),
    ]  # fmt: skip
    assert found.records[0].numbers[0].difference == pytest.approx(8.0)


def test_noise_is_what_is_left_when_nothing_that_entered_differs():
    assert causes(run(), run(80.3)) == [("noise", "same structures, settings, weights and versions")]


def test_start_cells_that_differ_within_the_forces_are_noise_too():
    near = tuple(calculation(n, NET, "h", cell=(2.5 + 4e-4, 2.5, 20.0 + n, 90.0, 90.0, 120.0)) for n in (3, 5))
    ((kind, detail),) = causes(run(), run(80.3, calculations=near))
    assert kind == "noise" and detail == "2 of 2 start structures differ by 0.0004 Å or less"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"weights_sha256": "c" * 64}, ("weights", "sha256 aaaaaaaaaaaa → cccccccccccc")),
        ({"code_version": "1.1"}, ("version", "netpackage 1.0 → 1.1")),
        ({"options": {"modal": "PBE"}}, ("options", "modal None → PBE")),
    ],
)
def test_what_changed_in_the_engine_is_named(change, expected):
    assert causes(run(), run(85.0, NET.model_copy(update=change))) == [expected]


def test_two_models_are_told_apart_and_what_follows_from_them_comes_after():
    moved = tuple(calculation(n, OTHER, "h", cell=(2.6, 2.6, 20.0 + n, 90.0, 90.0, 120.0)) for n in (3, 5))
    found = causes(run(), run(95.0, OTHER, moved))
    assert [kind for kind, _ in found] == ["model", "weights", "structure"]
    assert found[0][1] == "net:one → rival:big"
    assert found[-1][1] == "2 of 2 start structures differ: a 2.5000 → 2.6000 Å"


def test_versions_of_packages_and_of_liface_are_named():
    found = causes(run(), run(80.3, packages={"ase": "3.30.0"}, liface_version="0.2.0"))
    assert found == [("version", "ase 3.29.0 → 3.30.0; liface 0.1.0 → 0.2.0")]


def test_settings_are_named_where_they_reached_the_calculations():
    tight = RELAX.model_copy(update={"fmax_ev_per_a": 0.01})
    content = {"protocol": {"fmax_ev_per_a": 0.01, "vacuum_a": 15.0}}
    changed = tuple(calculation(n, NET, settings=tight) for n in (3, 5))
    found = causes(run(), run(80.3, calculations=changed, used=tight, content=content))
    assert found == [("settings", "fmax_ev_per_a 0.03 → 0.01")]
    untouched = {"protocol": {"fmax_ev_per_a": 0.03, "vacuum_a": 15.0, "binding_edge_a": 12.0}}
    assert causes(run(), run(80.3, content=untouched))[0][0] == "noise"


def test_another_number_of_planes_is_a_structure():
    thicker = (calculation(5, NET), calculation(7, NET))
    ((kind, detail),) = causes(run(), run(80.3, calculations=thicker))
    assert kind == "structure" and "Cu3 → Cu7" in detail


def test_flags_words_and_convergence_count_without_a_number():
    before, after = run(record={"flags": ("polar: 3",)}), run(record={"flags": ("thickness: 2",), "converged": False})
    (record,) = compare(before, after).records
    assert (record.state, record.flags, record.converged) == ("changed", ("+thickness", "-polar"), (True, False))
    same = compare(run(record={"flags": ("polar: 3",)}), run(record={"flags": ("polar: 4",)})).records[0]
    assert same.state == "identical", "the detail of a flag is a number that is compared by itself"
    (spoken,) = compare(run(record={"words": {"mode": "a"}}), run(record={"words": {"mode": "b"}})).records
    assert spoken.words == (("mode", "a", "b"),) and spoken.state == "changed"


def test_what_is_missing_says_why():
    failed = RunCase(
        case_id="c", case="surface/Cu-111", kind="surface", engine=NET.fingerprint, status="failed", reason="exploded"
    )
    comparison = compare(run(), run(cases=(failed,), records=(), calculations=()))
    (record,) = comparison.records
    assert record.state == "missing" and str(record.causes[0]) == "failed: exploded"
    assert (comparison.reproduced, comparison.only_before) == (False, 2)
    (added,) = compare(run(cases=(), records=()), run()).records
    assert added.state == "added" and added.causes[0].detail == "no such case there"


def test_several_engines_are_paired_by_what_they_are():
    newer = NET.model_copy(update={"code_version": "2.0"})

    def both(net, rival_gamma):
        rival = run(rival_gamma, OTHER)
        return run(
            engine=net, more=rival.records, engines=(RunEngine(asked="n", info=net), RunEngine(asked="r", info=OTHER))
        )

    found = compare(both(NET, 10.0), both(newer, 10.0))
    assert {(r.engines, r.state) for r in found.records} == {
        (("net:one", "net:one"), "identical"), (("rival:big", "rival:big"), "identical"),
    }  # fmt: skip
