"""Migration barriers of a campaign: computed, stored, asked for again, and refused where no engine can.

The engine is a pair potential, so its numbers are those of no metal; but symmetry is symmetry for every potential.
"""

import numpy as np
import pytest

from liface.database import Database
from liface.dispatch.run import run_campaign
from liface.errors import CampaignError
from liface.workflows.campaign import Campaign
from liface.workflows.plan import estimate

TEXT = """
name: hops
engines: [morse]
protocol: {binding_thickness_a: 3, binding_edge_a: 5, fmax_ev_per_a: 0.02}
barriers:
  - {substrate: Cu, plane: "100", images: 3}
"""


def load(tmp_path, text=TEXT):
    path = tmp_path / "hops.yaml"
    path.write_text(text)
    return Campaign.load(path)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("barriers")
    campaign, database = load(folder), Database(folder / "r.db")
    return campaign, database, run_campaign(campaign.cases(), database, workers=0)


@pytest.fixture(scope="module")
def result(ran):
    (found,) = ran[1].results("barrier")
    return found


def test_case_finishes_and_the_database_is_sound(ran):
    _, database, run = ran
    assert {case.status for case in run.done} == {"finished"}, [getattr(c, "reason", "") for c in run.done]
    assert database.verify() == []
    (row,) = database.query("barriers", "monolayers=0 AND barrier_ev > 0")
    assert row["substrate"] == "Cu" and row["n_hops"] >= 1
    assert {row["task"] for row in database.query("calculations")} == {"static", "relax", "neb"}


def test_second_run_makes_no_force_call(ran):
    campaign, database, _ = ran
    again = run_campaign(campaign.cases(), database, workers=0)
    assert (again.computed, again.force_calls) == (0, 0)


def test_derived_again_from_stored_calculations_the_result_is_the_same(ran, result, tmp_path):
    campaign, database, first = ran
    other = Database(tmp_path / "copy.db")
    for calculation in database.calculations([r["calc_id"] for r in database.query("calculations")]).values():
        other.add_calculation(calculation)
    again = run_campaign(campaign.cases(), other, workers=0)
    assert again.force_calls == 0 and first.force_calls > 0
    assert other.results("barrier")[0].record_id == result.record_id


def test_square_surface_migrates_alike_in_the_whole_plane(result):
    assert result.barrier_ev > 0
    assert result.barrier_across_ev == pytest.approx(result.barrier_ev, abs=1e-3)
    assert result.minima[0].energy_ev == 0.0
    assert result.barrier_ev == result.hops[result.limiting_hop].saddle_ev


def test_both_ways_over_a_hop_differ_by_the_energies_of_the_minima(result):
    energy = {minimum.name: minimum.energy_ev for minimum in result.minima}
    for hop in result.hops:
        difference = energy[hop.end] - energy[hop.start]
        assert hop.forward_ev - hop.reverse_ev == pytest.approx(difference, abs=2e-3)
        assert hop.saddle_ev == pytest.approx(energy[hop.start] + hop.forward_ev, abs=2e-3)
        assert np.hypot(*hop.direction) == pytest.approx(hop.length_a)


def test_plan_counts_the_paths(ran):
    (case,) = [planned for planned in ran[0].cases() if planned.spec.kind == "barrier"]
    found = estimate(case)
    assert found.structures > 20 and found.atoms == ran[1].results("barrier")[0].n_atoms


def test_vasp_is_refused_before_anything_runs(tmp_path):
    campaign = load(tmp_path, TEXT.replace("[morse]", "[morse, vasp]"))
    with pytest.raises(CampaignError, match=r"barriers\.0: vasp relaxes one structure by itself"):
        campaign.cases()


def test_a_net_that_leads_nowhere_is_a_failed_case_with_advice(tmp_path):
    campaign = load(tmp_path, TEXT.replace("images: 3", "images: 1, longest_hop_a: 0.4"))
    run = run_campaign(campaign.cases(), Database(tmp_path / "r.db"), workers=0)
    (failed,) = [case for case in run.done if case.status == "failed"]
    assert "no hop shorter than 0.4" in failed.reason and "binding_edge_a" in failed.reason


@pytest.mark.parametrize(
    ("wrong", "told"), [("image: 3", "unknown key"), ("images: 0", "greater than or equal"), ("plane: 7", "no plane")]
)
def test_wrong_entries_are_named(tmp_path, wrong, told):
    with pytest.raises(CampaignError, match=told):
        load(
            tmp_path, TEXT.replace("images: 3", wrong) if "plane" not in wrong else TEXT.replace('plane: "100"', wrong)
        )
