"""What only recomputation finds: numbers that were changed everywhere at once."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from pydantic import ValidationError

from liface.analysis.recompute import FROM_CALCULATIONS, recompute
from liface.database import Database
from liface.dispatch.derive import derive
from liface.dispatch.run import run_campaign
from liface.dispatch.verification import verify_database
from liface.documents import RESULT_ADAPTER, FinishedCase
from liface.units import j_per_m2
from liface.workflows.campaign import Campaign

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
barriers:
  - {substrate: Cu, plane: "111", images: 1}
phonons: [{material: Li, edges_a: [5, 6.5]}]
vibrations:
  - {substrate: Cu, plane: "111", n_li: [1]}
stability: [LiF]
hosts: [{host: C, pore_nm: 100, thickness_um: 15, porosity: 0.5}]
"""

TAKEN_AS_STORED = {
    "bulk": {"lattice_error_percent"},
    "surface": {"termination", "thickness_a", "n_planes", "vacuum_a"},
    "interface": {
        "substrate_termination", "strain_percent", "von_mises_percent", "strain_tensor", "substrate_supercell",
        "film_supercell", "shift", "gap_a", "anion_bonds_lost", "substrate_planes", "points.n_planes", "scan.gap_a",
        "scan.shift",
    },
    "binding": {"monolayers", "substrate_termination", "strain_percent", "candidates.height_a"},
    "adhesion": {
        "termination_a", "termination_b", "strain_percent", "von_mises_percent", "strain_tensor", "supercell_a",
        "supercell_b", "n_planes_a", "n_planes_b", "thickness_a_a", "thickness_b_a", "start_gap_a", "shift",
        "anion_bonds_lost", "scan.gap_a", "scan.shift",
    },
    "barrier": {
        "substrate_termination", "monolayers", "direction", "barrier_across_ev", "direction_across", "minima.height_a",
        "hops.multiplicity", "strain_percent", "n_atoms",
    },
    "phonon": {
        "lowest_q", "lowest_commensurate_thz", "n_imaginary", "n_imaginary_near_gamma", "smaller_supercell",
        "supercell_change_mev_per_atom", "mesh_change_mev_per_atom", "acoustic_gamma_thz", "dos",
    },
    "vibration": {
        "substrate_termination", "monolayers", "delta_e_ev_per_li", "delta_e_0_ev_per_li", "n_imaginary", "n_soft",
        "soft_298_ev_per_li", "points.f_vib_bulk_ev_per_li", "n_displacements", "residual_ev_per_a", "area_a2",
        "n_interfaces", "lowest_thz", "e_bind_0_ev_per_li", "e_bind_298_ev_per_li", "e_bind_333_ev_per_li",
    },
}  # fmt: skip
"""What no formula on stored numbers gives, by kind: choices, counts of planes, registries, and relations that
``Database.verify`` checks by themselves. Every other number must be missed when it is wrong."""


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
        "bulks", "surfaces", "interfaces", "bindings", "barriers", "growth", "wetting", "adhesions", "stability",
        "phonons", "vibrations",
    }  # fmt: skip
    assert dict(found.relations_only) == {"creep": 1}
    assert (found.orphans, found.without_case) == ((), ())


# --- every number of every kind --------------------------------------------------------------------------------


def leaves(value: Any, path: tuple = ()):
    """Yield the path of every number inside a plain document, but for structures and provenance."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key not in ("structure", "provenance", "engine"):
                yield from leaves(each, (*path, key))
    elif isinstance(value, list | tuple):
        for i, each in enumerate(value):
            yield from leaves(each, (*path, i))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path


def changed(plain: dict, path: tuple, by: float = 0.01) -> Any:
    """Return the document with one number changed: whole numbers by one, others by a little."""
    copy = RESULT_ADAPTER.validate_python(plain).model_dump()
    place = copy
    for key in path[:-1]:
        if isinstance(place[key], tuple):
            place[key] = list(place[key])
        place = place[key]
    old = place[path[-1]]
    place[path[-1]] = old + 1 if isinstance(old, int) else old + by * max(1.0, abs(old))
    return RESULT_ADAPTER.validate_python(copy)


@pytest.mark.parametrize("kind", sorted(FROM_CALCULATIONS))
def test_a_change_of_any_number_is_found(database, kind):
    missed = set()
    for result in database.results(kind):
        stored = database.calculations(result.provenance.calc_ids)
        assert recompute(result, stored).problems == ()
        plain = result.model_dump()
        paths = list(leaves(plain))
        if kind == "phonon":  # a second each
            paths = [path for path in paths if path[0] in ("f_vib_298_ev_per_atom", "zpe_ev_per_atom", "highest_thz")]
        for path in paths:
            name = ".".join(str(key) for key in path if not isinstance(key, int))
            if name in TAKEN_AS_STORED[kind] or path[-1] == "temperature_k":  # 0.01 K change nothing at 0 K
                continue
            try:
                forged = changed(plain, path)
            except ValidationError:  # no longer a document
                continue
            if not recompute(forged, stored).problems:
                missed.add(name)
    assert missed == set()


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
    (cluster,) = database.results("binding", 'arrangement="cluster"')
    assert len(cluster.candidates) > 1
    stored = database.calculations(cluster.provenance.calc_ids)
    without = cluster.model_copy(
        update={"candidates": cluster.candidates[1:], "e_bind_ev_per_li": cluster.candidates[1].e_bind_ev_per_li}
    )
    assert any(text.startswith("candidates is") for text in recompute(without, stored).problems)


def test_missing_calculations_are_told_and_the_others_go_on(database):
    (bulk,) = database.results("bulk", 'material="Cu"')
    database.forget_calculations(bulk.provenance.calc_ids)
    found = verify_database(database)
    told = [p for p in found.problems if p.check == "recomputed"]
    assert told and all("no bulk of Cu is among its calculations" in p.message for p in told)
    assert found.recomputed["phonons"] == 1


def test_what_nothing_refers_to_is_listed_and_no_fault(database):
    kept = verify_database(database).orphans
    for case in database.cases():
        if case.kind == "phonon":
            database.forget_case(case.case_id)
    found = verify_database(database)
    (phonon,) = database.results("phonon")
    assert kept == () and found.sound
    assert found.without_case == (phonon.record_id,) and found.orphans == ()
    with database._store.writing() as connection:
        from sqlalchemy import text

        connection.execute(text("UPDATE phonons SET is_current = 0"))
    found = verify_database(database)
    displaced = {
        each for each in phonon.provenance.calc_ids
        if database.calculations([each])[each].settings.task == "static"
    }  # fmt: skip
    assert found.sound and set(found.orphans) == displaced
    assert database.forget_calculations(found.orphans) == len(displaced)
    assert verify_database(database).orphans == ()


def test_quick_reads_no_documents(database):
    forge(database, bulk=FORGERIES["bulk"])
    assert verify_database(database, quick=True).sound
