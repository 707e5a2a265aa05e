"""A stack from the database: a small campaign of adhesions, its order, its doubts, and what is missing."""

import sys
from pathlib import Path

import pytest

from liface.database import Database
from liface.dispatch.adhesions import stored_adhesions
from liface.dispatch.models import KINDS, models_of
from liface.dispatch.run import run_campaign
from liface.errors import InputError, MissingAdhesionError, MixedEnginesError
from liface.mesoscale.deposition import deposition
from liface.mesoscale.stack import Stack
from liface.testing.cli import run_cli
from liface.workflows.campaign import Campaign
from liface.workflows.campaign_jobs import campaign_jobs, jobs_to_do
from liface.workflows.executor import KnownExecutor

sys.path.append(str(Path(__file__).parents[1] / "database"))
from database_factories import EMT, OTHER, adhesion, wetting

TEXT = """
name: stack
engines: [morse]
protocol:
  gaps_a: [2.3]
  registry_grid: 1
  registry_grid_commensurate: 1
  registry_candidates: 1
  substrate_thickness_a: 3
  max_force_calls: 30
  fmax_ev_per_a: 0.05
adhesions:
  - {a: Cu, b: Ag}
  - {a: Ni, b: Cu}
  - {a: Cu, b: Li}
  - {a: Li, b: Ag}
  - {a: Ni, b: Li}
"""
STACK = ["deposit", "--electrolyte", "Ag", "--interlayer", "Cu", "--collector", "Ni"]


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    path = tmp_path_factory.mktemp("stack") / "stack.yaml"
    path.write_text(TEXT)
    return Campaign.load(path)


@pytest.fixture(scope="module")
def ran(campaign):
    database = Database(campaign.base / "stack.db")
    state = run_campaign(campaign.cases(), database, workers=0)
    assert {case.status for case in state.done} == {"finished"}, [getattr(c, "reason", "") for c in state.done]
    return database


@pytest.fixture
def db():
    with Database(":memory:") as database:
        yield database


def store(database, *results):
    for result in results:
        database.add_result(result)


# --- a campaign of adhesions ---------------------------------------------------------------------------------


def test_a_campaign_fills_the_database_and_the_database_is_sound(ran):
    rows = ran.query("adhesions")
    assert [(r["material_a"], r["material_b"], r["strained"]) for r in rows] == [
        ("Ag", "Cu", "a"), ("Ag", "Li", "b"), ("Cu", "Li", "b"), ("Cu", "Ni", "a"), ("Li", "Ni", "a"),
    ]  # fmt: skip
    assert ran.verify() == []
    assert {case.kind for case in ran.cases()} == {"bulk", "adhesion"}


def test_a_queue_gets_what_is_not_known_and_each_bulk_once(campaign, ran):
    jobs = campaign_jobs(campaign.cases())
    assert sum(job.job.name.endswith(" bulk run") for job in jobs) == 4
    assert jobs_to_do(jobs, KnownExecutor(ran.calculations)) == []
    jobs = campaign_jobs(campaign.cases())
    free = [c for c in ran.query("calculations") if c["label"] == "adhesion/Ag-111-strained_Cu-111/free-held"]
    gone = {calculation["calc_id"] for calculation in free}
    left = jobs_to_do(jobs, KnownExecutor(lambda ids: ran.calculations(set(ids) - gone)))
    assert [job.job.name for job in left] == ["free slabs run", "work of adhesion"]
    assert left[0].kind == "potential" and left[1].kind == "light"


def test_deposit_rests_on_the_records_of_the_campaign(ran):
    known = stored_adhesions(ran, ("Ag", "Cu", "Ni"))
    by_pair = {frozenset((r["material_a"], r["material_b"])): r for r in ran.query("adhesions")}
    assert set(known.values) == set(by_pair)
    for pair, row in by_pair.items():
        assert known.values[pair] == row["work_of_adhesion_mev_per_a2"]
        assert known.record_ids[pair] == row["record_id"] and known.notes[pair] == tuple(row["flags"])
    assert known.sources[frozenset(("Ag", "Cu"))].startswith("adhesion of Ag(111)|Cu(111), Ag strained by 2.6 %, morse")
    found = deposition(Stack("Ag", "Cu", "Ni"), known)
    assert {used.record_id for used in found.adhesions} == {row["record_id"] for row in by_pair.values()}


def test_the_command_shows_values_records_and_doubts(ran):
    told = run_cli([*STACK, "--db", ran.path], out="Li goes to the ")
    assert "  Ag|Cu: outside_domain: test engine" in told.out
    found = run_cli([*STACK, "--db", ran.path, "--adhesion", "Cu,Ag=1", "--json"]).json
    used = {a["pair"]: a for a in found["adhesions"]}
    assert used["Ag|Cu"]["source"] == "given by hand" and used["Ag|Cu"]["record_id"] is None
    assert used["Cu|Ni"]["record_id"] and used["Cu|Ni"]["notes"] == ["outside_domain: test engine"]


def test_a_missing_pair_names_the_campaign_that_computes_it(ran):
    with pytest.raises(MissingAdhesionError, match=r"adhesions: \[\{a: Ni, b: Ag\}\]"):
        deposition(Stack("Ni", "Ag", "Cu"), stored_adhesions(ran, ("Ni", "Ag", "Cu")))
    run_cli(["deposit", "--electrolyte", "Ni", "--interlayer", "Ag", "--collector", "Cu", "--db", ran.path], code=2,
            err=r"adhesion of Ni and Ag is not known; compute it with a campaign")  # fmt: skip


# --- which record -------------------------------------------------------------------------------------------


def test_the_order_of_a_pair_does_not_matter_and_aliases_are_known(db):
    store(db, adhesion("Cu", "graphite", 3.0))
    for materials in (("Cu", "C"), ("C", "Cu"), ("graphite", "Cu(111)"), ("C(110)", "Cu(111)")):
        assert stored_adhesions(db, materials).between(*materials) == 3.0
    assert not stored_adhesions(db, ("Cu(100)", "C")).values
    assert not stored_adhesions(db, ("Cu", "C"), by_hand=["C,Cu"]).values


def test_wetting_comes_before_adhesion_for_li(db):
    store(db, adhesion("Cu", "Li", 10.0, case="adhesion"))
    assert stored_adhesions(db, ("Cu",)).between("Li", "Cu") == 10.0
    store(db, wetting())
    known = stored_adhesions(db, ("Cu",))
    assert known.between("Cu", "Li") == 45.0
    assert known.sources[frozenset(("Li", "Cu"))] == (
        "wetting of Cu(111) by Li(110), emt:emt; an adhesion result is stored too, this one has a converged film "
        "thickness"
    )
    assert known.record_ids[frozenset(("Li", "Cu"))] == wetting().record_id


def test_engines_are_not_mixed(db):
    store(db, adhesion("Cu", "Li2Te", 1.0), adhesion("Li2Te", "Ni", 2.0, engine=OTHER))
    with pytest.raises(MixedEnginesError, match=r"adhesions of chgnet:0.3.0 and emt:emt in one sum; choose one with"):
        stored_adhesions(db, ("Cu", "Li2Te", "Ni"))
    for engine in ("chgnet", "chgnet:0.3.0", OTHER.fingerprint):
        assert set(stored_adhesions(db, ("Cu", "Li2Te", "Ni"), engine).values) == {frozenset(("Li2Te", "Ni"))}
    other = EMT.model_copy(update={"options": {"asap_cutoff": True}})
    store(db, adhesion("Li2Te", "W", 2.0, engine=other))
    with pytest.raises(MixedEnginesError, match=r"emt:emt and emt:emt in one sum.*asap_cutoff"):
        stored_adhesions(db, ("Cu", "Li2Te", "W"))


def test_of_one_pair_of_faces_the_least_strained_counts_and_other_faces_are_a_question(db):
    store(
        db,
        adhesion("Cu", "Li2Te", 1.0, case="x", strain_percent=5.0, strained="a"),
        adhesion("Cu", "Li2Te", 2.0, case="y", strain_percent=2.0),
    )
    assert stored_adhesions(db, ("Cu", "Li2Te")).between("Cu", "Li2Te") == 2.0
    store(db, adhesion("Cu", "Li2Te", 3.0, case="z", plane_a="100"))
    with pytest.raises(InputError, match=r"several adhesion results of Cu\|Li2Te.*Cu\(100\)\|Li2Te\(110\) emt:emt: 3"):
        stored_adhesions(db, ("Cu", "Li2Te"))
    assert stored_adhesions(db, ("Cu(100)", "Li2Te")).between("Li2Te", "Cu(100)") == 3.0


def test_doubts_about_a_record_are_passed_on(db):
    flags = ("high_strain: 5.0 %", "debonded: the slabs are 4.0 Å apart")
    store(db, adhesion("Cu", "Li2Te", 0.1, flags=flags, converged=False))
    (notes,) = stored_adhesions(db, ("Cu", "Li2Te")).notes.values()
    assert notes == (*flags, "unconverged: a calculation behind it")


# --- stacks of a campaign, and saved answers ----------------------------------------------------------------


STACKS = """
stacks:
  - {electrolyte: Ag, interlayer: Cu, collector: Ni}
  - {electrolyte: Ag, interlayer: Cu, collector: Ni, pressure_mpa: 5}
"""


def with_stacks(folder, text):
    path = folder / "with_stacks.yaml"
    path.write_text(text)
    return Campaign.load(path)


def test_stacks_ask_for_the_pairs_that_they_need_and_nobody_gave(tmp_path):
    head = TEXT.partition("adhesions:")[0]
    entries = "adhesions:\n  - {a: Cu, b: Ag, plane_a: '100'}\n"
    stacks = "stacks:\n  - {electrolyte: Ag, interlayer: Cu, collector: Ni(100), adhesions: {'Li,Cu': 20}}\n"
    campaign = with_stacks(tmp_path, head + entries + stacks)
    asked = [case.spec.name for case in campaign.cases() if case.spec.kind == "adhesion"]
    assert asked == [
        "adhesion/Ag-111-strained_Cu-100",  # as the entry says
        "adhesion/Cu-111-strained_Ni-100",  # the interlayer, not the collector
        "adhesion/Ag-111_Li-110-strained",
        "adhesion/Li-110-strained_Ni-100",
    ]


def test_a_campaign_of_stacks_from_the_first_energy_to_the_place_of_li(tmp_path):
    campaign = with_stacks(tmp_path, TEXT.partition("adhesions:")[0] + STACKS)
    assert sum(case.spec.kind == "adhesion" for case in campaign.cases()) == 5
    with Database(tmp_path / "own.db") as database:
        early = models_of(campaign, database)
        assert not early.documents and len(early.problems) == 2
        assert r"adhesions: [{a: Ag, b: Cu}]" in early.problems[0]
        run_campaign(campaign.cases(), database, workers=0)
        found = models_of(campaign, database)
        assert found.problems == []
        database.put_derived(campaign.name, KINDS, found.documents)
        rows = database.query("depositions")
        assert sorted(r["case"].rpartition("-")[0] for r in rows) == [
            "deposition/Ag-Cu-Ni-0MPa",
            "deposition/Ag-Cu-Ni-5MPa",
        ]
        assert database.verify() == []
        behind = {i.record_id for d in found.documents for i in d.inputs if i.record_id}
        assert behind == {r["record_id"] for r in database.query("adhesions")}
        assert all(d.engine is not None and "outside_domain: test engine" in d.flags for d in found.documents)


def test_a_saved_answer_names_records_that_verify_follows(db, tmp_path):
    path = tmp_path / "saved.db"
    pairs = (("Cu", "Ag", 60.0), ("Cu", "Ni", 20.0), ("Cu", "Li", 30.0), ("Ag", "Li", 40.0), ("Li", "Ni", 50.0))
    with Database(path) as database:
        store(database, *(adhesion(a, b, value) for a, b, value in pairs))
    run_cli([*STACK, "--db", path, "--save", "mine"], err="saved as mine of campaign what-if, record ")
    with Database(path) as database:
        (saved,) = database.results("deposition")
        behind = {i.record_id for i in saved.inputs if i.record_id}
        assert (saved.provenance.campaign, saved.provenance.case) == ("what-if", "deposition/mine")
        assert behind == {r["record_id"] for r in database.query("adhesions")}
        assert saved.engine.fingerprint == EMT.fingerprint
        assert database.verify() == []
        assert not stored_adhesions(database, ("Ag", "Cu", "Ni"), campaign="another").values


def test_wetting_of_another_termination_is_not_taken(db):
    store(db, wetting(case="wetting/interface/Cu-111-t1_Li-110"))
    assert not stored_adhesions(db, ("Cu",)).values
    store(db, wetting(case="wetting/interface/Cu-111_Li-110"))
    assert stored_adhesions(db, ("Cu",)).between("Cu", "Li") == 45.0
