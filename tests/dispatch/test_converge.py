"""Convergence series from a campaign file to a file that other campaigns include."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import yaml

from liface.analysis.recompute import recompute
from liface.database import Database
from liface.dispatch.converge import converge, convergence_cases, costs_of
from liface.dispatch.run import run_campaign
from liface.dispatch.verification import verify_database
from liface.errors import CampaignError, InputError
from liface.testing.cli import run_cli
from liface.workflows.campaign import Campaign
from liface.workflows.campaign_file import parse_campaign
from liface.workflows.campaign_jobs import campaign_jobs, jobs_to_do
from liface.workflows.executor import KnownExecutor
from liface.workflows.plan import estimate
from liface.workflows.protocol_file import protocol_file, text_of, unsettled

COPPER = """
name: settings
engines: [emt]
convergence:
  - {material: Cu, plane: "111", of: slab_thickness, values: [4, 6, 6.1, 8, 10], tolerance: 1 meV/Å²}
  - {material: Cu, quantity: bulk, of: force_limit, values: [0.1, 0.05, 0.01], tolerance: 1 meV/atom}
"""
ANALYTIC = """
name: analytic
engines: ["ase:analytic_calculators.Decaying{options}"]
convergence:
  - {{material: Cu, plane: "111", of: engine.fineness, values: [1, 2, 3, 4, 5, 6, 7, 8], tolerance: 1 meV/Å²}}
"""


def loaded(folder: Path, text: str, name: str = "c.yaml") -> Campaign:
    (folder / name).write_text(text, encoding="utf-8")
    return Campaign.load(folder / name)


@pytest.fixture(scope="module")
def copper(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copper")
    campaign = loaded(folder, COPPER)
    with Database(folder / "c.db") as database:
        results, state = converge(campaign, database, workers=0)
        yield folder, campaign, database, results, state


def test_a_series_of_slabs(copper):
    _, _, database, (bulk, slabs), state = copper
    assert {case.status for case in state.done} == {"finished"}
    assert [point.label for point in slabs.points] == ["4", "6", "6.1", "8", "10"]
    assert [point.repeats for point in slabs.points] == [False, False, True, False, False]
    assert slabs.settles and slabs.converged and slabs.converged_value == 4.0
    assert any(flag.startswith("same_cells: 6.1") for flag in slabs.flags)
    reference = slabs.points[-1]
    assert reference.difference == 0 and slabs.reference_result == reference.result
    for point in slabs.points:
        assert point.difference == pytest.approx(point.result - reference.result)
    assert slabs.points[0].n_atoms < reference.n_atoms
    assert bulk.of == "bulk" and bulk.converged_value == 0.1
    costs = costs_of(database, slabs)
    assert costs[1] == costs[2] and all(cost.force_calls > 0 for cost in costs)
    assert database.query("convergence", 'of="surface"')[0]["converged_value"] == 4.0


def test_points_share_their_calculations(copper):
    _, campaign, database, (_, slabs), state = copper
    distinct = {calc_id for point in slabs.points for calc_id in point.calc_ids}
    assert sum(len(point.calc_ids) for point in slabs.points) > len(distinct)
    again = run_campaign(convergence_cases(campaign), database, workers=0, force=False)
    assert (again.computed, again.force_calls) == (0, 0) and state.computed < 12


def test_a_point_is_what_a_campaign_with_that_protocol_gives(copper, tmp_path):
    _, _, database, (_, slabs), _ = copper
    text = (
        "name: one\nengines: [emt]\nprotocol: {surface_thickness_a: 8}\nsurfaces: [{material: Cu, planes: ['111']}]\n"
    )
    state = run_campaign(loaded(tmp_path, text).cases(), database, workers=0)
    (surface,) = database.results("surface", 'campaign="one"')
    assert surface.gamma_mev_per_a2 == slabs.points[3].result
    assert state.computed == 0


def test_the_series_can_be_computed_again_and_a_wrong_point_is_found(copper):
    _, _, database, (_, slabs), _ = copper
    found = verify_database(database)
    assert found.sound and found.recomputed["convergence"] == 2
    stored = database.calculations(slabs.provenance.calc_ids)
    for i, point in enumerate(slabs.points):
        forged = point.model_copy(update={"result": point.result + 0.1, "difference": point.difference + 0.1})
        points = (*slabs.points[:i], forged, *slabs.points[i + 1 :])
        problems = recompute(slabs.model_copy(update={"points": points}), stored).problems
        assert any(text.startswith(f"points.{i}.result is") for text in problems)
    assert recompute(slabs.model_copy(update={"converged_value": 8.0, "converged_label": "8"}), stored).problems
    assert recompute(slabs.model_copy(update={"tolerance": 1e-5}), stored).problems


def test_every_series_can_be_planned_and_queued(copper):
    _, campaign, _, _, _ = copper
    for planned in convergence_cases(campaign):
        points = estimate(planned)
        assert points.structures >= len(planned.spec.points) and points.atoms >= 4
    uuids = [each.job.uuid for each in campaign_jobs(campaign.cases())]
    assert len(set(uuids)) == len(uuids)


def test_of_a_series_that_is_known_no_job_is_left_for_a_queue(copper):
    _, campaign, database, _, _ = copper
    known = KnownExecutor(database.calculations)
    assert jobs_to_do(campaign_jobs(convergence_cases(campaign)), known) == []


# --- an engine whose error is known ----------------------------------------------------------------------------


def analytic(tmp_path, options=""):
    with Database(tmp_path / "a.db") as database:
        results, state = converge(loaded(tmp_path, ANALYTIC.format(options=options)), database, workers=0)
        assert not [case for case in state.done if case.status == "failed"], state.done
        assert verify_database(database).sound
    (result,) = results
    return result


def test_an_option_of_the_engine_settles_where_its_error_says(tmp_path):
    result = analytic(tmp_path)
    exact = [50.0 * (1 + math.exp(-n)) for n in range(1, 9)]
    assert [point.result for point in result.points] == pytest.approx(exact)
    expected = next(n for n in range(1, 9) if abs(exact[n - 1] - exact[-1]) <= 1.0)
    assert result.converged_value == expected == 4
    assert len({point.engine_fingerprint for point in result.points}) == 8
    assert result.engine.fingerprint == result.points[-1].engine_fingerprint
    file = protocol_file([result])
    assert file.engine_options == {result.engine.label: {"fineness": 4}} and file.protocol == {}


def test_a_series_that_never_settles_gives_no_value(tmp_path):
    result = analytic(tmp_path, "?wavy=0.1")
    assert not result.settles and not result.converged
    assert result.converged_value is None and result.converged_label is None
    assert any(flag.startswith("not_settled: the last 3 points differ by 9.97 meV/Å²") for flag in result.flags)
    assert protocol_file([result]).converged == () and unsettled([result]) == [result]
    assert "Left out: engine.fineness of surface/Cu-111" in text_of(protocol_file([result]), [result])


def test_interfaces_and_bindings_have_series_too(tmp_path):
    """Every atom counts the same for this engine, so that both energies are zero whatever the thickness."""
    text = """
name: zero
engines: ["ase:analytic_calculators.Decaying"]
protocol: {binding_edge_a: 5, gaps_a: [2.3], registry_grid: 1, registry_grid_commensurate: 1, release: false}
convergence:
  - {material: Li, plane: "100", quantity: interface, of: slab_thickness, values: [3, 5, 7]}
  - {material: Li, plane: "100", quantity: binding, of: slab_thickness, values: [3, 5, 7], tolerance: 5 meV per Li}
"""
    with Database(tmp_path / "z.db") as database:
        results, state = converge(loaded(tmp_path, text), database, workers=0)
        assert {case.status for case in state.done} == {"finished"}, [getattr(c, "reason", "") for c in state.done]
        assert verify_database(database).sound
    assert {result.of: result.field for result in results} == {
        "binding": "binding_thickness_a", "interface": "substrate_thickness_a",
    }  # fmt: skip
    for result in results:
        assert result.settles and result.converged_value == 3.0
        assert [point.result for point in result.points] == pytest.approx([0.0] * 3, abs=1e-9)
        atoms = [point.n_atoms for point in result.points]
        assert atoms == sorted(atoms) and len(set(atoms)) == 3


def test_models_are_held_against_the_last(tmp_path):
    text = """
name: models
engines: [emt, morse]
convergence:
  - {material: Cu, plane: "111", of: model, values: ["ase:analytic_calculators.Decaying", morse, emt]}
protocol: {surface_thickness_a: 5}
"""
    campaign = loaded(tmp_path, text)
    (planned,) = convergence_cases(campaign)  # once, whatever the engines of the campaign are
    with Database(tmp_path / "m.db") as database:
        (result,), _ = converge(campaign, database, workers=0)
        assert verify_database(database).sound
    assert planned.spec.parameter == "model"
    assert [point.label.partition(":")[0] for point in result.points] == ["ase", "morse", "emt"]
    numbers = [point.result for point in result.points]
    assert result.spread == pytest.approx(max(numbers) - min(numbers)) and result.spread > 10
    assert result.engine.name == "emt" and result.converged_value is None and not result.settles
    assert unsettled([result]) == [] and protocol_file([result]).converged == ()


# --- the file, and who includes it -----------------------------------------------------------------------------


def test_the_command_writes_a_file_that_campaigns_include(copper, tmp_path):
    folder, _, database, (bulk, slabs), _ = copper
    out = tmp_path / "protocol.yaml"
    arguments = ["campaign", "converge", folder / "c.yaml", "--db", folder / "c.db", "--write", out, "--workers", 0]
    ran = run_cli(arguments)
    assert "converged at 4 Å within 1 meV/Å²" in ran.out and "same cells as before" in ran.out
    written = yaml.safe_load(out.read_text(encoding="utf-8"))
    assert written["protocol"] == {"surface_thickness_a": 4.0, "bulk_fmax_ev_per_a": 0.1}
    assert {each["record_id"] for each in written["converged"]} == {slabs.record_id, bulk.record_id}
    assert all(database.result(each["record_id"]) is not None for each in written["converged"])
    campaign = loaded(tmp_path, "name: user\nengines: [emt]\nprotocol: protocol.yaml\nbulks: [Cu]\n")
    assert campaign.file.protocol.surface_thickness_a == 4.0 and campaign.file.protocol.bulk_fmax_ev_per_a == 0.1
    assert all(planned.case.protocol == campaign.file.protocol for planned in campaign.cases())
    mixed = "name: user\nprotocol: {include: protocol.yaml, surface_thickness_a: 7, seed: 3}\n"
    file = parse_campaign(mixed, "user.yaml", tmp_path)
    assert (file.protocol.surface_thickness_a, file.protocol.bulk_fmax_ev_per_a, file.protocol.seed) == (7, 0.1, 3)


def test_of_several_subjects_the_finest_value_stands(copper):
    _, _, _, (_, slabs), _ = copper
    other = slabs.model_copy(update={"subject": "surface/W-110", "converged_value": 8.0, "converged_label": "8"})
    for pair in ((slabs, other), (other, slabs)):
        assert protocol_file(pair).protocol == {"surface_thickness_a": 8.0}
        assert len(protocol_file(pair).converged) == 2


def test_options_join_the_engines_of_a_campaign_that_do_not_give_their_own(tmp_path):
    (tmp_path / "p.yaml").write_text("engine_options: {'gpaw:PBE': {ecut: 500, kspacing: 0.25}}\n")
    text = "name: a\nprotocol: p.yaml\nengines: ['gpaw:PBE', 'gpaw:PBE?ecut=350', 'gpaw:PBE?kpts=2x2x1', emt]\n"
    assert parse_campaign(text, "a.yaml", tmp_path).engines == (
        "gpaw:PBE?ecut=500&kspacing=0.25", "gpaw:PBE?ecut=350&kspacing=0.25", "gpaw:PBE?ecut=500&kpts=2x2x1", "emt",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (None, "cannot be read: No such file"),
        ("protocol: [", "is not YAML"),
        ("protokoll: {}", "protokoll: Extra inputs"),
        ("protocol: {surface_thickness: 4}", "protocol.surface_thickness: unknown key"),
    ],
)
def test_a_protocol_file_that_is_none_is_one_clear_message(tmp_path, written, message):
    if written is not None:
        (tmp_path / "p.yaml").write_text(written)
    with pytest.raises(CampaignError, match=message):
        parse_campaign("name: a\nprotocol: p.yaml\n", "a.yaml", tmp_path)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("of: slab_thickness, values: [8, 6, 4]", "coarse to fine, which is rising"),
        ("of: slab_thickness, values: [4, 8]", "three different ones or more"),
        ("of: slab_thickness, quantity: bulk", "says nothing of a bulk; it belongs to surface, interface, binding"),
        ("of: area", "says nothing of a surface"),
        ("of: colour", "'colour' can not be varied; known: slab_thickness"),
        ("of: vacuum, tolerance: 1 eV", "followed in meV/Å²"),
        ("of: vacuum, tolerance: some", "no number with a unit"),
        ("of: vacuum, tolerance: -1", "must be positive"),
        ("of: vacuum, quantity: interface", "a sandwich has none"),
        ("of: model", "needs values: engines from cheap to dear"),
        ("of: model, quantity: bulk, values: [emt, morse]", "different zeros"),
        ("of: model, values: [emt, nothing]", "nothing"),
        ("of: seed, values: [1.5, 2, 3]", "no whole number"),
        ("of: max_force_calls", "no usual series"),
        ("of: vacuum, values: [1, 2, 3]", "vacuum_a"),
        ("of: vacuum, material: Nothing", "Nothing"),
    ],
)
def test_a_series_that_makes_no_sense_is_told_of_before_anything_runs(tmp_path, entry, message):
    material = "" if "material" in entry else "material: Cu, "
    text = f'name: wrong\nengines: [emt]\nconvergence: [{{{material}plane: "111", {entry}}}]\n'
    with pytest.raises((CampaignError, InputError), match=message):
        loaded(tmp_path, text).cases()


def test_nothing_to_converge_and_nothing_settled_are_told(tmp_path):
    (tmp_path / "none.yaml").write_text("name: none\nbulks: [Cu]\nengines: [emt]\n")
    run_cli(["campaign", "converge", tmp_path / "none.yaml", "--db", tmp_path / "n.db"], code=2, err="has no series")
    assert not (tmp_path / "n.db").exists()
    (tmp_path / "wavy.yaml").write_text(ANALYTIC.format(options="?wavy=0.1"))
    out = tmp_path / "p.yaml"
    arguments = ["campaign", "converge", tmp_path / "wavy.yaml", "--db", tmp_path / "w.db", "--write", out]
    run_cli([*arguments, "--workers", 0], code=1, out="not converged within 1 meV/Å²", err="is not written")
    assert not out.exists()
