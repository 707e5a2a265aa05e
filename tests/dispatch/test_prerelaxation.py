"""Relaxations begun by a cheaper engine, in every executor; campaigns in two phases, here and on a queue."""

from __future__ import annotations

import json

import numpy as np
import pytest
from plain_queue import PlainQueue
from screening_calculators import PickyMorse

from liface.database import Database
from liface.dispatch import submission
from liface.dispatch.local import LocalExecutor
from liface.dispatch.overview import overview
from liface.dispatch.phases import cases_now, phase, run_phases
from liface.dispatch.run import run_campaign
from liface.documents import CalculationRequest, CalculationSettings, Geometry
from liface.engines.base import EngineSpec
from liface.engines.registry import engine_info
from liface.workflows.calculation_folder import CalculationFolder
from liface.workflows.campaign import Campaign
from liface.workflows.carry_on import compute_request
from liface.workflows.executor import FolderExecutor, InProcessExecutor, KnownExecutor
from liface.workflows.prerelaxation import can_be_prerelaxed, keeps_contact, keeps_molecules, prerelaxation, start_from
from liface.workflows.resources import ResourcesByKind

CHEAP = EngineSpec.parse("morse")
COSTLY = EngineSpec.parse("ase:screening_calculators.WideMorse")
BROKEN = EngineSpec.parse("ase:screening_calculators.BrokenMorse")
TEXT = """
name: small
engines: ["ase:screening_calculators.WideMorse"]
screening: {screening}
protocol:
  film_planes_100: [4, 5, 6]
  film_planes_110: [4, 5, 6]
  gaps_a: [2.0, 2.3]
  registry_grid: 1
  registry_grid_commensurate: 2
  registry_candidates: 1
  release: false
  surface_thickness_a: 5
  substrate_thickness_a: 3
  max_force_calls: 60
surfaces:
  - {material: Li, planes: ["110"]}
interfaces:
  - {substrate: Li, planes: ["100"], film_planes: ["100"]}
  - {substrate: Li, planes: ["110"], film_planes: ["110"]}
"""
SCREENING = "{engine: morse, top: 1, by: area_a2}"
CHOSEN, LEFT_OUT = "interface/Li-110_Li-110", "interface/Li-100_Li-100"


def slab(noise=0.0, engine=COSTLY, settings=None, **options):
    """A Cu slab with a Li atom, too far apart, the lowest plane frozen."""
    a, height = 3.6, 1.9
    positions = np.array(
        [[a * x, a * y, height * z] for z in range(3) for x, y in ((z % 2 / 2, 0), (0.5 - z % 2 / 2, 0.5))]
    )
    positions = np.vstack([positions, [0.9, 0.9, 2 * height + 2.2]])
    positions += np.random.default_rng(0).normal(0, noise, positions.shape)
    frozen = positions[:, 2] < 0.5
    geometry = Geometry(
        cell=((a, 0, 0), (0, a, 0), (0, 0, 18.0)),
        species=("Cu",) * 6 + ("Li",),
        positions=tuple(map(tuple, positions)),
        frozen=tuple(bool(f) for f in frozen),
        roles=("substrate",) * 6 + ("adsorbate",),
    )
    settings = settings or CalculationSettings(fmax_ev_per_a=0.01, max_force_calls=80)
    options = {"label": "slab/one", "as_built": True, **options}
    return CalculationRequest(geometry=geometry, engine=engine_info(engine), settings=settings, **options)


def plain(request, engine=COSTLY):
    return InProcessExecutor().run([request], engine)[0]


# --- one relaxation ------------------------------------------------------------------------------------------


def test_it_begins_where_the_cheaper_engine_ended_and_keeps_its_identity():
    request = slab(0.02)
    executor = InProcessExecutor()
    (outcome,) = executor.run([request], COSTLY, CHEAP)
    (cheap,) = executor.prerelaxed
    scratch = plain(request)
    assert (cheap.engine.name, cheap.label, cheap.initial) == ("morse", "slab/one-prerelaxed", request.geometry)
    assert outcome.calc_id == request.calc_id == scratch.calc_id != cheap.calc_id
    assert outcome.initial == request.geometry and outcome.label == request.label
    assert outcome.started_from == cheap.calc_id and scratch.started_from is None
    assert outcome.status == scratch.status == "converged"
    assert outcome.n_force_calls < scratch.n_force_calls
    assert outcome.energies_ev[0] < scratch.energies_ev[0] - 0.01
    assert outcome.energy_ev == pytest.approx(scratch.energy_ev, abs=1e-3)
    frozen = np.array(request.geometry.frozen)
    np.testing.assert_array_equal(outcome.final.position_array[frozen], request.geometry.position_array[frozen])


@pytest.mark.parametrize("change", [{"as_built": False}, {"settings": CalculationSettings.static()}])
def test_what_is_relaxed_already_and_single_points_are_left_alone(change):
    executor = InProcessExecutor()
    request = slab(**change)
    (outcome,) = executor.run([request], COSTLY, CHEAP)
    assert outcome.started_from is None and executor.prerelaxed == []
    assert outcome.n_force_calls == plain(request).n_force_calls


def test_a_failed_pre_relaxation_is_not_used():
    executor = InProcessExecutor()
    request = slab(0.02)
    (outcome,) = executor.run([request], COSTLY, BROKEN)
    assert [cheap.status for cheap in executor.prerelaxed] == ["failed"]
    scratch = plain(request)
    assert outcome.started_from is None
    assert (outcome.n_force_calls, outcome.energies_ev) == (scratch.n_force_calls, scratch.energies_ev)


def moved(outcome, atom, by):
    positions = outcome.final.position_array.copy()
    positions[atom] += by
    return outcome.model_copy(update={"final": outcome.final.with_positions(positions)})


def test_a_pre_relaxation_that_left_what_was_built_is_not_used():
    request = slab()
    cheap = plain(prerelaxation(request, CHEAP), CHEAP)
    assert start_from(request, cheap) is not None
    assert start_from(request, moved(cheap, 6, [0, 0, 4.0])) is None  # the Li has left the slab
    assert start_from(request, cheap.model_copy(update={"energy_ev": cheap.energies_ev[0] + 0.1})) is None
    assert start_from(request, cheap.model_copy(update={"fmax_ev_per_a": 3.0})) is None


def sandwich(height=12.0, gap=2.0, roles=("substrate", "film")):
    return Geometry(
        cell=((3.0, 0, 0), (0, 3.0, 0), (0, 0, height)),
        species=("Mg", "Mg", "Li", "Li"),
        positions=tuple((0.0, 0.0, z) for z in (0.0, 4.0, 4.0 + gap, 8.0 + gap)),
        frozen=(False,) * 4,
        roles=(roles[0], roles[0], roles[1], roles[1]),
    )


def test_films_must_stay_on_both_sides_that_they_touched():
    built = sandwich(12.0, 2.0)
    assert keeps_contact(built, sandwich(11.0, 2.4))
    assert not keeps_contact(built, sandwich(13.6, 3.6))  # below
    assert not keeps_contact(built, sandwich(14.0, 2.0))  # above
    assert keeps_contact(sandwich(30.0, 2.0), sandwich(30.0, 2.4))  # vacuum above from the start
    assert keeps_contact(sandwich(roles=("bulk", "bulk")), sandwich(20.0, 9.0, ("bulk", "bulk")))


def test_molecular_anions_must_stay_whole():
    def cell(bond):
        return Geometry(
            cell=((9.0, 0, 0), (0, 9.0, 0), (0, 0, 9.0)),
            species=("P", "S", "Li", "S"),
            positions=((8.9, 0, 0), (8.9 + bond - 9.0, 0, 0), (4, 4, 4), (4, 4, 0)),
            frozen=(False,) * 4,
            roles=("bulk",) * 4,
        )

    assert keeps_molecules(cell(2.05), cell(2.25))  # across the edge of the cell
    assert not keeps_molecules(cell(2.05), cell(3.4))
    assert keeps_molecules(cell(3.4), cell(4.4))  # no bond to begin with


def test_the_height_of_a_sandwich_is_taken_over_unless_the_mesh_would_change():
    settings = CalculationSettings(cell="c_axis", fmax_ev_per_a=0.02, max_force_calls=60)
    built = sandwich(12.4, 2.2)
    info = engine_info(COSTLY)

    def start(**options):
        engine = info.model_copy(update={"options": options})
        request = CalculationRequest(geometry=built, engine=engine, settings=settings, as_built=True)
        cheap = plain(prerelaxation(request, CHEAP), CHEAP)
        assert cheap.final.cell != built.cell
        # only what becomes of the height is asked here
        final = built.with_positions(built.position_array * [1, 1, 0.97], built.cell_array * [1, 1, 0.97])
        return start_from(request, cheap.model_copy(update={"final": final}))

    assert start().cell[2][2] == pytest.approx(0.97 * 12.4)
    assert start(kspacing=0.3).cell[2][2] == pytest.approx(0.97 * 12.4)
    kept = start(kspacing_per_a=0.51)  # 2π/12.4 Å is 0.507, so one point; at 0.97 of the height it would be two
    assert kept.cell == built.cell
    np.testing.assert_allclose(kept.position_array, built.position_array, atol=1e-12)


def test_an_unconverged_one_is_carried_on_from_its_own_end():
    few = CalculationSettings(fmax_ev_per_a=0.001, max_force_calls=3)
    request = slab(0.02, settings=few)
    executor = InProcessExecutor()
    (first,) = executor.run([request], COSTLY, CHEAP)
    assert first.status == "unconverged" and first.started_from == executor.prerelaxed[0].calc_id
    assert not can_be_prerelaxed(request, first)
    second = compute_request(request, COSTLY, first, prerelaxed=executor.prerelaxed[0])
    assert second.started_from == first.started_from and second.calc_id == request.calc_id
    assert second.energies_ev[: len(first.energies_ev)] == first.energies_ev
    assert second.energy_ev < first.energy_ev and second.n_force_calls > first.n_force_calls


def unconverged(request, final):
    """An outcome of a request that ended at a geometry, as only this is asked here."""
    settings = request.settings.model_copy(update={"max_force_calls": 2})
    outcome = plain(request.model_copy(update={"engine": engine_info(CHEAP), "settings": settings}), CHEAP)
    return outcome.model_copy(
        update={"calc_id": request.calc_id, "engine": request.engine, "settings": request.settings, "final": final}
    )


@pytest.fixture
def starts(monkeypatch):
    """The geometries that the costly engine would start from; each calculation of it fails."""
    from liface.engines.batch import run_batch

    seen = []

    def failing(requests, engine, folder=None):
        if engine == CHEAP:
            return run_batch(requests, engine, folder=folder)
        (request,) = requests
        seen.append(request.geometry)
        (outcome,) = run_batch([request.model_copy(update={"engine": engine_info(BROKEN)})], BROKEN, folder=folder)
        return [outcome.model_copy(update={"engine": request.engine})]

    monkeypatch.setattr("liface.engines.batch.run_batch", failing)
    return seen


@pytest.mark.parametrize(("spacing", "factor"), [(0.51, 1.0), (0.3, 0.97)])
def test_carried_on_it_keeps_the_mesh_of_the_cell_asked_for(starts, spacing, factor):
    built = sandwich(12.4, 2.2)  # 2π/12.4 Å is 0.507, so one point at 0.51; at 0.97 of the height it would be two
    engine = engine_info(COSTLY).model_copy(update={"options": {"kspacing_per_a": spacing}})
    settings = CalculationSettings(cell="c_axis", fmax_ev_per_a=0.001, max_force_calls=60)
    request = CalculationRequest(geometry=built, engine=engine, settings=settings, label="a/one", as_built=True)
    shorter = built.with_positions(built.position_array * [1, 1, 0.97], built.cell_array * [1, 1, 0.97])
    again = compute_request(request, COSTLY, unconverged(request, shorter))
    assert again.status == "unconverged" and "carried on, it failed" in again.reason
    (start,) = starts
    assert start.cell[2][2] == pytest.approx(factor * 12.4)
    np.testing.assert_allclose(start.position_array, built.position_array * [1, 1, factor], atol=1e-9)


def copper_slab(n_planes=5):
    """Copper (100) with equal faces, nothing frozen."""
    a, height = 2.55, 1.8
    positions = [(a * (z % 2) / 2, a * (z % 2) / 2, 5 + height * z) for z in range(n_planes)]
    return Geometry(
        cell=((a, 0, 0), (0, a, 0), (0, 0, 24.0)),
        species=("Cu",) * n_planes,
        positions=tuple(positions),
        frozen=(False,) * n_planes,
        roles=("substrate",) * n_planes,
    )


@pytest.mark.parametrize(
    ("spec", "allowed"), [("vasp", False), ("vasp?dipole=true", True), ("vasp?dipole=false", True), ("gpaw", True)]
)
def test_a_start_that_would_be_computed_with_another_dipole_correction_is_not_used(starts, spec, allowed):
    built = copper_slab()
    settings = CalculationSettings(fmax_ev_per_a=0.01, max_force_calls=80)
    request = CalculationRequest(
        geometry=built, engine=engine_info(spec), settings=settings, label="a/b", as_built=True
    )
    cheap = plain(prerelaxation(request, CHEAP), CHEAP)
    assert start_from(request, cheap) is not None  # the faces are still equal
    bent = moved(cheap, 4, [0, 0, 0.2])
    assert (start_from(request, bent) is not None) is allowed
    again = compute_request(request, EngineSpec.parse(spec), unconverged(request, bent.final))
    assert again.status == "unconverged" and ("dipole correction would be others" in again.reason) is not allowed
    assert len(starts) == allowed


def test_after_a_failure_from_such_a_start_the_structure_as_built_is_computed():
    request = slab(0.02)
    picky = EngineSpec.parse("ase:screening_calculators.PickyMorse")
    asked = CalculationRequest(
        geometry=request.geometry, engine=engine_info(picky), settings=request.settings, label="a", as_built=True
    )
    PickyMorse.refused = 0
    executor = InProcessExecutor()
    (outcome,) = executor.run([asked], picky, CHEAP)
    assert PickyMorse.refused == 1 and executor.prerelaxed[0].status == "converged"
    assert outcome.status == "converged" and outcome.started_from is None
    scratch = plain(asked, picky)
    assert outcome.energies_ev == scratch.energies_ev and outcome.n_force_calls >= scratch.n_force_calls


# --- executors -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [0, 1])
def test_the_database_holds_both_and_nothing_is_computed_again(tmp_path, workers):
    requests = [slab(0.02), slab(0.03, label="slab/two")]
    told = []
    with Database(tmp_path / "r.db") as database:
        for _ in range(2):
            with LocalExecutor(database, workers=workers, observer=lambda *what: told.append(what)) as executor:
                outcomes = executor.run(requests, COSTLY, CHEAP)
            assert executor.prerelaxed == ()
        assert [what for what, _ in told] == ["computed"] * 4 + ["reused"] * 2
        for request, outcome in zip(requests, outcomes, strict=True):
            cheap = database.calculation(outcome.started_from)
            assert cheap.calc_id == prerelaxation(request, CHEAP).calc_id and cheap.engine.name == "morse"
        assert database.verify() == []


def test_known_calculations_need_no_pre_relaxation():
    request = slab(0.02)
    outcome = plain(request)
    executor = KnownExecutor(lambda ids: {outcome.calc_id: outcome} if outcome.calc_id in ids else {})
    assert executor.run([request], COSTLY, CHEAP) == [outcome]


def test_workers_that_share_a_folder_share_pre_relaxations(tmp_path):
    request = slab(0.02)
    folder = CalculationFolder(tmp_path)
    first, second = FolderExecutor(folder), FolderExecutor(folder)
    (outcome,) = first.run([request], COSTLY, CHEAP)
    (again,) = second.run([request], COSTLY, CHEAP)
    assert outcome == again and [c.calc_id for c in first.prerelaxed] == [outcome.started_from]
    assert second.prerelaxed == first.prerelaxed  # handed on by whoever answers
    assert {stored.calc_id for stored in folder} == {outcome.calc_id, outcome.started_from}


# --- campaigns -----------------------------------------------------------------------------------------------


def load(folder, screening=SCREENING):
    path = folder / "small.yaml"
    path.write_text(TEXT.replace("{screening}", screening))
    return Campaign.load(path)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The campaign run on this machine, with what was announced."""
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parent))  # before the fixture of one test alone does it
    folder = tmp_path_factory.mktemp("here")
    campaign, announced, phases = load(folder), [], []
    with Database(folder / "r.db") as database:
        state = run_phases(
            campaign,
            database,
            workers=0,
            announce=announced.append,
            progress=lambda state: phases.append((state.phase, len(state.done), state.n_cases)),
        )
        yield campaign, database, state, announced, phases
    sys.path.remove(str(Path(__file__).parent))


def test_the_cheap_engine_goes_first_and_its_choice_goes_on(ran):
    _, database, state, announced, phases = ran
    assert {case.status for case in state.done} == {"finished"}, [getattr(c, "reason", "") for c in state.done]
    by_engine = {(row["case"], row["engine"]) for row in database.query("cases")}
    assert by_engine == {
        ("bulk/Li", "morse"), (LEFT_OUT, "morse"), (CHOSEN, "morse"),
        ("bulk/Li", "ase"), ("surface/Li-110", "ase"), (CHOSEN, "ase"),
    }  # fmt: skip
    assert [phase.name for phase in announced] == ["chosen"]
    assert list(dict.fromkeys(name for name, *_ in phases)) == ["screening with morse", "chosen cases"]
    assert phases[-1] == ("chosen cases", 6, 6)
    assert database.verify() == []


def test_both_records_are_kept_and_linked(ran):
    _, database, *_ = ran
    cheap, costly = (database.results("interface", f'engine="{e}" AND case="{CHOSEN}"')[0] for e in ("morse", "ase"))
    assert costly.provenance.screened_by == cheap.record_id and cheap.provenance.screened_by is None
    assert (costly.gap_a, costly.shift) == (cheap.gap_a, cheap.shift) and costly.scan == () and cheap.scan
    (surface,) = database.results("surface")
    assert surface.provenance.screened_by is None  # not ranked
    assert surface.gamma_unrelaxed_mev_per_a2 is None  # nobody computed it


def test_what_was_begun_by_the_cheap_engine_names_its_calculation(ran):
    _, database, *_ = ran
    rows = database.query("calculations", 'engine="ase"')
    begun = {row["label"] for row in rows if row["started_from"] is not None}
    assert begun == {
        *(f"{CHOSEN}/n{step}" for step in ("4-start0", "5", "6")), "surface/Li-110/2-planes", "surface/Li-110/4-planes",
    }  # fmt: skip
    assert {row["label"] for row in rows} - begun == {"bulk/Li/symmetric", f"{CHOSEN}/strained-film"}
    assert not any(row["task"] == "static" for row in rows)


def test_the_numbers_are_those_of_a_campaign_without(ran, tmp_path):
    _, database, *_ = ran
    path = tmp_path / "plain.yaml"
    path.write_text("\n".join(line for line in TEXT.splitlines() if "screening:" not in line))
    campaign = Campaign.load(path)
    chosen = [c for c in campaign.cases() if c.spec.name in (CHOSEN, "surface/Li-110")]
    with Database(tmp_path / "plain.db") as alone:
        run_campaign(chosen, alone, workers=0)
        for noun in ("interface", "surface"):
            (here,) = alone.results(noun)
            (there,) = database.results(noun, 'engine="ase"')
            assert there.gamma_mev_per_a2 == pytest.approx(here.gamma_mev_per_a2, abs=0.5)
        calls = {
            db: sum(row["n_force_calls"] for row in db.query("calculations", 'engine="ase"'))
            for db in (alone, database)
        }
        assert calls[database] < 0.7 * calls[alone]


def test_another_run_computes_nothing(ran):
    campaign, database, *_ = ran
    again = run_phases(campaign, database, workers=0)
    assert (again.computed, again.force_calls, len(again.done), len(again.skipped)) == (0, 0, 0, 6)
    assert [v.reason for v in phase(campaign, database).verdicts if not v.goes_on] == [
        "rank 2 of 2 by area_a2, ascending; the first 1 go on"
    ]
    seen = overview(campaign, database, None)
    assert [view.state for view in seen.cases] == ["finished"] * 6


def test_more_go_on_when_the_file_says_so(ran, tmp_path):
    _, database, *_ = ran
    wider = load(tmp_path, "{engine: morse, top: 2, by: area_a2}")
    todo = [planned for planned in phase(wider, database).cases if database.case(planned.case_id) is None]
    assert [planned.spec.name for planned in todo] == [LEFT_OUT]
    filtered = load(tmp_path, "{engine: morse, where: 'area_a2>9'}")
    left = [verdict for verdict in phase(filtered, database).verdicts if not verdict.goes_on]
    assert [v.reason for v in left] == ["no result of morse:liface passes the filter area_a2>9"]
    assert left[0].spec.name == CHOSEN


def test_a_scan_of_its_own_that_is_there_stays_the_answer(ran, tmp_path):
    """Cases that the costly engine has finished before are not done again because somebody adds a screening."""
    campaign, database, *_ = ran
    hinted = next(planned for planned in phase(campaign, database).cases if planned.spec.name == CHOSEN)
    without = next(planned for planned in campaign.cases() if planned.spec.name == CHOSEN)
    assert hinted.start is not None and hinted.case_id != without.case_id
    finished = database.case(hinted.case_id).model_copy(update={"case_id": without.case_id})

    class Holding:
        """The same database, which also holds the case with a scan."""

        def __getattr__(self, name):
            return getattr(database, name)

        def case(self, case_id):
            return finished if case_id == without.case_id else database.case(case_id)

    kept = next(planned for planned in phase(campaign, Holding()).cases if planned.spec.name == CHOSEN)
    assert kept.start is None and kept.case_id == without.case_id


def contents(database):
    """Everything a database holds, without when and how fast."""
    skip = {"created_at", "wall_s", "versions"}
    return {
        noun: sorted(
            json.dumps({k: v for k, v in row.items() if k not in skip}, sort_keys=True) for row in database.query(noun)
        )
        for noun in ("bulks", "surfaces", "interfaces", "calculations", "cases")
    }


@pytest.mark.parametrize("is_dft", [False, True])
def test_a_queue_is_given_what_is_to_be_screened_and_then_what_was_chosen(ran, tmp_path, monkeypatch, is_dft):
    """As a DFT engine, the costly one gets a job per structure, which is begun by the cheap one in that job."""
    if is_dft:
        monkeypatch.setattr("liface.engines.base.DFT_ENGINES", ("ase",))
    campaign, kinds, queue = load(tmp_path), ResourcesByKind(), PlainQueue(tmp_path)
    with Database(tmp_path / "r.db") as database:
        first = submission.submit(campaign, database, queue, kinds)
        assert {case.engine for case in first.document.cases} == {"morse:liface"} and first.document.n_cases == 3
        assert "3 of 3 cases are still to be screened with morse" in first.note
        queue.run(first.document.submission_id)
        second = submission.submit(campaign, database, queue, kinds)
        assert {case.case for case in second.document.cases} == {"bulk/Li", "surface/Li-110", CHOSEN}
        assert len(cases_now(campaign, database)) == 6
        queue.run(second.document.submission_id)
        submission.collect(campaign, database, queue)
        expected = contents(ran[1])
        assert contents(database) == expected
        assert submission.submit(campaign, database, queue, kinds).document is None
