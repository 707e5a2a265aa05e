"""What only recomputation finds: numbers that were changed everywhere at once."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

from liface.analysis.recompute import recompute
from liface.database import Database
from liface.dispatch.derive import derive
from liface.dispatch.run import run_campaign
from liface.dispatch.verification import verify_database
from liface.documents import FinishedCase
from liface.units import j_per_m2
from liface.workflows.campaign import Campaign
from recomputed_numbers import numbers_not_missed

TEXT = """
name: trusted
engines: [morse]
protocol:
  film_planes_100: [4, 5, 6]
  film_planes_110: [4, 5, 6]
  gaps_a: [2.0, 2.3]
  registry_grid: 1
  registry_grid_commensurate: 2
  registry_candidates: 1
  surface_thickness_a: 5
  substrate_thickness_a: 3
  binding_thickness_a: 3
  binding_edge_a: 5
  max_force_calls: 8
  bulk_force_calls: 25
  release_force_calls: 4
  fmax_ev_per_a: 0.05
surfaces:
  - {material: Cu, planes: ["111"]}
  - {material: Li, planes: ["110"]}
  - {material: LiF, planes: ["100"]}
interfaces:
  - {substrate: Cu, planes: ["111"], film_planes: ["110"]}
  - {substrate: Li, planes: ["100"], film_planes: ["100"], method: vacuum}
bindings:
  - {substrate: Cu, plane: "111", n_li: [1, 2]}
adhesions:
  - {a: Cu, b: Li, plane_a: "111", plane_b: "110"}
stability: [LiF]
hosts: [{host: C, pore_nm: 100, thickness_um: 15, porosity: 0.5}]
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trusted")
    (folder / "trusted.yaml").write_text(TEXT)
    campaign = Campaign.load(folder / "trusted.yaml")
    with Database(folder / "trusted.db") as database:
        state = run_campaign(campaign.cases(), database, workers=0)
        assert {case.status for case in state.done} == {"finished"}, [getattr(c, "reason", "") for c in state.done]
        derive(campaign, database)
    return folder / "trusted.db"


@pytest.fixture
def database(ran, tmp_path):
    with Database(shutil.copy(ran, tmp_path)) as copy:
        yield copy


def test_what_real_runs_store_can_be_computed_again(database):
    found = verify_database(database)
    assert found.problems == []
    assert found.numbers > 150
    assert set(found.recomputed) == {
        "bulks", "surfaces", "interfaces", "bindings", "growth", "wetting", "adhesions", "stability",
    }  # fmt: skip
    assert dict(found.relations_only) == {"creep": 1}
    assert (found.orphans, found.without_case) == ((), ())


# --- every number of every kind --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["adhesion", "binding", "bulk", "interface", "surface"])
def test_a_change_of_any_number_is_found(database, kind):
    """Barriers, phonons and vibrations are held against this where they are run."""
    assert numbers_not_missed(database, kind) == set()


# --- changed everywhere at once: document, columns, checksum, identity, case -----------------------------------


def forge(database: Database, **of_kind: Any) -> str:
    """Put a changed result in the place of the stored one, so that the storage finds nothing wrong."""
    ((kind, update),) = of_kind.items()
    old = database.results(kind)[0]
    new = old.model_copy(update=update(old))
    database.add_result(new)
    for case in database.cases():
        if isinstance(case, FinishedCase) and old.record_id in case.record_ids:
            ids = tuple(new.record_id if key == old.record_id else key for key in case.record_ids)
            database.add_case(case.model_copy(update={"record_ids": ids}))
    return new.record_id


FORGERIES = {
    "surface": lambda s: {
        "gamma_mev_per_a2": s.gamma_mev_per_a2 + 1,
        "gamma_j_per_m2": j_per_m2(s.gamma_mev_per_a2 + 1),
    },
    "interface": lambda i: {
        "gamma_mev_per_a2": i.gamma_mev_per_a2 - 1,
        "gamma_j_per_m2": j_per_m2(i.gamma_mev_per_a2 - 1),
        "fixed_fit": i.fixed_fit.model_copy(update={"intercept_mev_per_a2": i.gamma_mev_per_a2 - 1}),
    },
    "binding": lambda b: {
        "e_bind_ev_per_li": b.e_bind_ev_per_li - 0.1,
        "candidates": (b.candidates[0].model_copy(update={"e_bind_ev_per_li": b.e_bind_ev_per_li - 0.1}),),
    },
    "bulk": lambda b: {"energy_ev_per_atom": b.energy_ev_per_atom + 0.001},
    "growth": lambda g: {"delta_e_ev_per_li": {key: -value for key, value in g.delta_e_ev_per_li.items()}},
    "stability": lambda s: {"reaction_energy_ev": s.reaction_energy_ev - 1.0},
}


@pytest.mark.parametrize("kind", sorted(FORGERIES))
def test_a_consistent_forgery_is_found_by_recomputation_alone(database, kind):
    record_id = forge(database, **{kind: FORGERIES[kind]})
    assert not [p for p in database.verify() if p.key == record_id]
    found = verify_database(database).problems
    assert {p.check for p in found} <= {"recomputed", "reference"}
    assert any(p.key == record_id and p.check == "recomputed" for p in found), found


def test_an_energy_changed_under_a_result_is_found_at_every_result(database):
    """The energy of a calculation is an answer, not part of its identity: its own row stays consistent."""
    (surface,) = database.results("surface", 'material="Cu"')
    slab = next(
        each for each in database.calculations(surface.provenance.calc_ids).values() if each.final == surface.structure
    )
    history = (*slab.energies_ev[:-1], slab.energy_ev + 0.2)
    database.add_calculation(
        slab.model_copy(update={"energy_ev": slab.energy_ev + 0.2, "energies_ev": history}), replace=True
    )
    assert database.verify() == []
    found = verify_database(database).problems
    assert {(p.noun, p.key, p.check) for p in found} == {("surfaces", surface.record_id, "recomputed")}
    assert any("gamma_mev_per_a2 is" in p.message for p in found)


def test_a_lower_start_that_is_left_out_is_found(database):
    (single,) = database.results("binding", "n_li=1")
    assert len(single.candidates) > 1
    stored = database.calculations(single.provenance.calc_ids)
    without = single.model_copy(
        update={"candidates": single.candidates[1:], "e_bind_ev_per_li": single.candidates[1].e_bind_ev_per_li}
    )
    assert any(text.startswith("candidates is") for text in recompute(without, stored).problems)


def test_a_film_that_is_left_out_of_a_series_is_found(database):
    for interface in database.results("interface"):
        stored = database.calculations(interface.provenance.calc_ids)
        fewer = (interface.points[0], *interface.points[2:])
        without = interface.model_copy(update={"points": fewer, "n_points": interface.n_points - 1})
        assert any(text.startswith("points is") for text in recompute(without, stored).problems)


def test_missing_calculations_are_told_and_the_others_go_on(database):
    (bulk,) = database.results("bulk", 'material="Cu"')
    database.forget_calculations(bulk.provenance.calc_ids)
    found = verify_database(database)
    told = [p for p in found.problems if p.check == "recomputed"]
    assert told and all("no bulk of Cu is among its calculations" in p.message for p in told)
    assert found.recomputed["adhesions"] == 0 and found.recomputed["stability"] == 1


def test_what_nothing_refers_to_is_listed_and_no_fault(database):
    (surface,) = database.results("surface", 'material="LiF"')
    for case in database.cases():
        if case.case == surface.provenance.case:
            database.forget_case(case.case_id)
    found = verify_database(database)
    assert found.sound and found.without_case == (surface.record_id,) and found.orphans == ()
    others = [each for each in database.results("surface") if each.record_id != surface.record_id]
    database.put_derived("trusted", ("surface",), others)  # what is not among them is no longer shown
    found = verify_database(database)
    calculations = database.calculations(surface.provenance.calc_ids)
    slabs = {key for key, each in calculations.items() if each.settings.cell == "fixed"}
    assert found.sound and set(found.orphans) == slabs
    assert database.forget_calculations(found.orphans) == len(slabs)
    assert verify_database(database).orphans == ()


def test_quick_reads_no_documents(database):
    forge(database, bulk=FORGERIES["bulk"])
    assert verify_database(database, quick=True).sound


def test_the_progress_of_a_long_check_is_told(database):
    seen = []
    verify_database(database, progress=seen.append)
    told = {state.at for state in seen}
    assert {"checking calculations", "checking surfaces", "recomputing surfaces", "recomputing stability"} <= told
    assert all(state.done > 0 for state in seen)
    assert seen[-1].done == seen[-1].total == sum(state.at.startswith("recomputing") for state in seen)


def test_a_number_that_a_model_was_given_must_be_one_of_the_record_it_names(database):
    (stability,) = database.results("stability")
    records = {each.record_id: database.result(each.record_id) for each in stability.inputs}
    assert recompute(stability, {}, (), records).problems == ()
    first = stability.inputs[0]
    for wrong in (first.model_copy(update={"value": first.value + 0.01}), first.model_copy(update={"unit": "meV"})):
        forged = stability.model_copy(update={"inputs": (wrong, *stability.inputs[1:])})
        (told,) = recompute(forged, {}, (), records).problems
        assert told.startswith(f"inputs.0 ({first.name}) is")
