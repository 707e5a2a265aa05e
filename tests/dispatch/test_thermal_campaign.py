"""Campaigns with phonons and vibrations: planned, run, resumed without a force call, and shared on queues."""

import pytest

from liface.database import Database
from liface.dispatch.run import run_campaign
from liface.dispatch.verification import verify_database
from liface.errors import CampaignError
from liface.workflows.campaign import Campaign
from liface.workflows.campaign_file import parse_campaign
from liface.workflows.campaign_jobs import campaign_jobs
from liface.workflows.plan import estimate
from recomputed_numbers import numbers_not_missed

TEXT = """
name: {name}
engines: [morse]
protocol:
  binding_edge_a: 6
  site_candidates: 1
  cluster_candidates: 2
  bulk_fmax_ev_per_a: 0.001
phonons: [{{material: Li, edges_a: [6.5, 6.5]}}]
bindings: [{{substrate: Cu, plane: "111", n_li: [1]}}]
vibrations: [{{substrate: Cu, plane: "111", n_li: [1]}}]
"""


def campaign(tmp_path, name="warm", text=TEXT) -> Campaign:
    path = tmp_path / f"{name}.yaml"
    path.write_text(text.format(name=name))
    return Campaign.load(path)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("warm")
    database = Database(folder / "warm.db")
    state = run_campaign(campaign(folder).cases(), database, workers=0)
    yield folder, database, state
    database.close()


def test_every_case_is_finished_and_sound(ran):
    _, database, state = ran
    assert {case.kind: case.status for case in state.done} == dict.fromkeys(
        ("bulk", "phonon", "binding", "vibration"), "finished"
    )
    (vibration,) = database.results("vibration")
    (binding,) = database.results("binding")
    assert vibration.e_bind_ev_per_li == binding.e_bind_ev_per_li
    assert verify_database(database).problems == []


def test_a_change_of_any_number_is_found(ran):
    _, database, _ = ran
    assert numbers_not_missed(database, "vibration") == set()
    few = ("f_vib_298_ev_per_atom", "zpe_ev_per_atom", "highest_thz")  # each costs the whole mesh
    assert numbers_not_missed(database, "phonon", few) == set()


def test_another_campaign_takes_everything_from_the_database(ran):
    folder, database, _ = ran
    state = run_campaign(campaign(folder, "again").cases(), database, workers=0)
    assert (state.computed, state.force_calls) == (0, 0) and state.reused > 10


def test_cases_share_their_jobs(ran):
    folder, _, _ = ran
    jobs = campaign_jobs(campaign(folder).cases())
    uuids = [job.job.uuid for job in jobs]
    assert len(set(uuids)) == len(uuids)
    labels = [job.job.name for job in jobs]
    assert labels.count("clean slab run") == 1 and labels.count("starts run") == 1
    made = set()
    for case_job in jobs:  # in an order in which they can run
        assert set(case_job.job.input_uuids) <= made
        made.add(case_job.job.uuid)


def test_a_plan_counts_the_displaced_cells(ran):
    folder, _, _ = ran
    found = {planned.spec.kind: estimate(planned) for planned in campaign(folder).cases()}
    assert (found["phonon"].structures, found["phonon"].atoms) == (1, 16)
    assert found["vibration"].structures == 6


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("phonons: [{material: Cu, edges_a: [9, 5]}]", "the smaller supercell first"),
        ("phonons: [{material: Cu, mesh: 3}]", "phonons.0.mesh: unknown key; known here: displacement_a"),
        ("vibrations: [{substrate: Cu, plane: '111'}]", "give n_li for adsorbed Li, or film_planes"),
        ("vibrations: [{substrate: Cu, plane: '111', n_li: [1], film_planes: ['110']}]", "one of the two"),
    ],
)
def test_wrong_entries_are_named(entry, message):
    with pytest.raises(CampaignError, match=message):
        parse_campaign(f"name: wrong\n{entry}\n", "wrong.yaml")


def test_a_material_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CampaignError, match=r"phonons\.0: unknown material 'Cuu'"):
        campaign(tmp_path, text="name: {name}\nphonons: [Cuu]\n").cases()
