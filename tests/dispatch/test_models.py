"""What models say of a campaign: from stored results, done once, with what is missing named."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from liface.database import Database
from liface.dispatch.derive import derive
from liface.documents import BindingCandidate, BindingResult, BulkResult, FinishedCase, Geometry, Provenance
from liface.engines.registry import engine_info
from liface.errors import CampaignError
from liface.workflows.campaign import Campaign

FILE = """
name: tale
engines: [morse]
growths:
  - {substrate: Cu, plane: "111", size: 10, atoms: 40, seeds: 2, ratios: [0.1, 10], diffusion_substrate_ev: 0.3,
     diffusion_li_ev: 0.3}
hosts:
  - {host: carbon, pore_nm: 31, porosity: 0.5, thickness_um: 5, temperature_c: 60, current_ma_per_cm2: 1.0e-6}
  - {host: titanium nitride, pore_nm: 100, capacity_mah_per_cm2: 2.473, thickness_um: 15}
stability: [W]
stories:
  - {substrate: Cu, plane: "111", host: carbon, growth: false}
"""
ENERGIES = {("Cu", "111"): (-0.570, -0.560), ("Li", "110"): (0.168, 0.121)}


def geometry(*species):
    n = len(species)
    return Geometry(
        cell=((4.0, 0.0, 0.0), (0.0, 4.0, 0.0), (0.0, 0.0, 4.0 * n)), species=species,
        positions=tuple((0.0, 0.0, 4.0 * i) for i in range(n)), frozen=(False,) * n, roles=("bulk",) * n,
    )  # fmt: skip


def common(case):
    provenance = Provenance(campaign="tale", case=case, calc_ids=(), liface_version="0", doi=(),
                            created_at=datetime(2026, 3, 1, tzinfo=UTC))  # fmt: skip
    return {"definition": "made up", "engine": engine_info("morse"), "converged": True, "provenance": provenance}


def binding(substrate, plane, energy, arrangement):
    candidate = BindingCandidate(
        start="x", e_bind_ev_per_li=energy, shape="3d", height_a=2.0, converged=True, calc_id="0" * 32
    )
    return BindingResult(
        **common(f"binding/{substrate}-{plane}"), substrate=substrate, substrate_plane=plane, monolayers=0, n_li=4,
        arrangement=arrangement, e_bind_ev_per_li=energy, candidates=(candidate,), reference_gain_ev=0.0, area_a2=50.0,
        e_bind_lowest_3d_ev_per_li=energy if arrangement == "cluster" else None, n_atoms=40, structure=geometry("Cu"),
    )  # fmt: skip


def bulk(material, energy):
    return BulkResult(**common(f"bulk/{material}"), material=material, energy_ev_per_atom=energy,
                      volume_a3_per_atom=64.0, lattice=(4.0, 4.0, 4.0, 90.0, 90.0, 90.0),
                      structure=geometry(material))  # fmt: skip


@pytest.fixture
def campaign(tmp_path):
    path = tmp_path / "tale.yaml"
    path.write_text(FILE)
    return Campaign.load(path)


@pytest.fixture
def database():
    with Database(":memory:") as database:
        for (substrate, plane), (dispersed, cluster) in ENERGIES.items():
            database.add_result(binding(substrate, plane, dispersed, "dispersed"))
            database.add_result(binding(substrate, plane, cluster, "cluster"))
        for material, energy in (("Li", -1.9), ("Cu", -3.7), ("W", -12.9)):
            database.add_result(bulk(material, energy))
        yield database


def test_models_follow_from_the_results(campaign, database):
    derived = derive(campaign, database)
    assert derived.problems == ()
    (grown,) = database.results("morphology")
    assert grown.ratio == pytest.approx(1.476, rel=1e-3) and [p.ratio for p in grown.points] == [0.1, grown.ratio, 10]
    assert {i.record_id for i in grown.inputs if i.record_id} <= {r.record_id for r in database.results("binding")}
    hosts = {r.host: r for r in database.results("creep")}
    assert hosts["carbon"].passes == "yes" and hosts["titanium nitride"].passes == "not asked"
    assert hosts["titanium nitride"].capacity_mah_per_cm2 == pytest.approx(2.473)
    assert hosts["titanium nitride"].porosity == pytest.approx(0.7996, rel=1e-3)  # 2.473 / (15e-4 cm 2062 mAh/cm³)
    stability = {r.material: r for r in database.results("stability")}
    assert set(stability) == {"W", "Cu"} and all(len(r.inputs) == 2 for r in stability.values())
    assert database.verify() == []


def test_a_verdict_names_what_is_missing(campaign, database):
    derive(campaign, database)
    (told,) = database.results("verdict")
    answers = {p.question: p for p in told.points}
    assert answers["creep keeps up with the current"].answer == "for"
    assert answers["Li wets it"].finding == "no wetting is stored"
    assert answers["Li spreads over it rather than piling up"].answer == "for"  # from the growths entry
    assert answers["atoms win over clusters on every layer"].finding.startswith("undecided")
    assert answers["at rest beside Li metal"].answer == "open"  # nothing competes with copper here
    assert (told.n_for, told.n_against, told.n_open) == (2, 0, 5)
    assert told.verdict.startswith("favourable: 2 of 7 points for it; open: ")


def test_runs_are_not_done_twice(campaign, database):
    said = []
    derive(campaign, database, said.append)
    first = database.results("morphology")[0]
    derive(campaign, database, said.append)
    assert len(said) == 1 and "6 runs of 40 atoms" in said[0]
    assert database.results("morphology")[0].record_id == first.record_id


def test_changed_energies_are_run_again(campaign, database):
    said = []
    derive(campaign, database, said.append)
    database.add_result(binding("Cu", "111", -0.500, "cluster"))
    derive(campaign, database, said.append)
    (grown,) = database.results("morphology")
    assert len(said) == 2 and grown.ratio > 10


def test_what_is_missing_is_a_problem_and_no_result(campaign):
    with Database(":memory:") as empty:
        derived = derive(campaign, empty)
        assert empty.count("morphologies") == empty.count("stability") == 0 and empty.count("creep") == 2
    assert any("growth on Cu(111), morse:liface: no binding energies" in problem for problem in derived.problems)
    assert any(problem.startswith("stability of W, morse:liface: ") for problem in derived.problems)


def test_models_of_an_engine_stay_when_another_one_is_asked(campaign, database, tmp_path):
    derive(campaign, database)
    finished = FinishedCase(
        case_id="c", campaign="tale", case="binding/Cu-111", kind="binding", engine=engine_info("morse"),
        record_ids=(), calc_ids=(),
    )  # fmt: skip
    database.add_case(finished)
    other = Campaign.load(tmp_path / "tale.yaml", ["emt"])
    problems = derive(other, database).problems
    assert any(problem.startswith("growth on Cu(111), emt:ase: no binding energies") for problem in problems)
    assert [r.engine.name for r in database.results("morphology")] == ["morse"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "host: carbon, growth",
            "host: diamond, growth",
            "no host .diamond. under hosts; known: carbon",
        ),
        ("host: titanium nitride", "host: carbon", "hosts: carbon named twice"),
        ("capacity_mah_per_cm2: 2.473", "capacity_mah_per_cm2: 2.473, porosity: 0.5", "give one of the two"),
    ],
)
def test_what_does_not_belong_together_is_refused(tmp_path, old, new, words):
    path = tmp_path / "bad.yaml"
    path.write_text(FILE.replace(old, new))
    with pytest.raises(CampaignError, match=words):
        Campaign.load(path)


# --- what a review found ---------------------------------------------------------------------------------------


def changed(tmp_path, old, new):
    path = tmp_path / "changed.yaml"
    assert old in FILE
    path.write_text(FILE.replace(old, new))
    return Campaign.load(path)


def test_equal_runs_of_two_substrates_stay_two(tmp_path, database):
    entry = '  - {substrate: Cu, plane: "111", size: 10,'
    both = changed(tmp_path, entry, f'{entry.replace("Cu", "W").replace("111", "110")} atoms: 40, seeds: 2, '
                   f"ratios: [0.1, 10], diffusion_substrate_ev: 0.3, diffusion_li_ev: 0.3}}\n{entry}")  # fmt: skip
    for energy, arrangement in ((-0.570, "dispersed"), (-0.560, "cluster")):
        database.add_result(binding("W", "110", energy, arrangement))
    for _ in range(2):
        derive(both, database)
        assert {r.substrate for r in database.results("morphology")} == {"Cu", "W"}


def test_planes_and_names_of_people_find_results(tmp_path, database):
    campaign = changed(
        tmp_path, 'growths:\n  - {substrate: Cu, plane: "111"', 'growths:\n  - {substrate: Cu, plane: "222"'
    )
    assert derive(campaign, database).problems == ()
    assert [r.substrate_plane for r in database.results("morphology")] == ["111"]


def test_growths_on_surfaces_that_do_not_exist_are_told_before_anything_runs(tmp_path):
    with pytest.raises(CampaignError, match=r"growths\.0: .*Foo"):
        changed(tmp_path, "growths:\n  - {substrate: Cu", "growths:\n  - {substrate: Foo").cases()


def test_stability_takes_bulks_of_its_own_campaign_first(campaign, database):
    other = bulk("W", -5.0)
    newer = other.provenance.model_copy(update={"campaign": "other", "created_at": datetime(2027, 1, 1, tzinfo=UTC)})
    database.add_result(other.model_copy(update={"provenance": newer}))
    derive(campaign, database)
    tungsten = next(r for r in database.results("stability") if r.material == "W")
    assert {i.name: i.value for i in tungsten.inputs}["energy per atom, W"] == -12.9


def test_stacks_that_differ_in_their_pores_are_all_kept(tmp_path, database):
    pairs = "'Ag,Cu': 10, 'Cu,Ni': 20, 'Li,Ag': 30, 'Li,Cu': 40, 'Li,Ni': 50"
    pores = "porosity: 0.5, thickness_um: 5, current_ma_per_cm2: 1"
    materials = f"electrolyte: Ag, interlayer: Cu, collector: Ni, adhesions: {{{pairs}}}"
    stacks = "".join(f"  - {{{materials}, pores: {{pore_nm: {d}, {pores}}}}}\n" for d in (31, 433))
    campaign = changed(tmp_path, "stability: [W]\n", f"stability: [W]\nstacks:\n{stacks}")
    assert not [case for case in campaign.cases() if case.spec.kind == "adhesion"]
    derive(campaign, database)
    assert len(database.results("deposition")) == 2


def test_verdicts_name_their_engine_and_every_record(campaign, database):
    derive(campaign, database)
    (told,) = database.results("verdict")
    assert told.engine == engine_info("morse") and {p.record_id for p in told.points if p.record_id}


def test_a_sweep_that_is_done_survives_a_stop(tmp_path, database):
    entry = '  - {substrate: Cu, plane: "111", size: 10,'
    more = f'{entry.replace("Cu", "W").replace("111", "110")} atoms: 40, seeds: 2, diffusion_substrate_ev: 0.3, ' \
           "diffusion_li_ev: 0.3}\n"  # fmt: skip
    both = changed(tmp_path, "hosts:\n", f"{more}hosts:\n")
    for energy, arrangement in ((-0.570, "dispersed"), (-0.560, "cluster")):
        database.add_result(binding("W", "110", energy, arrangement))

    def stop_at_the_second(said):
        if "W(110)" in said:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        derive(both, database, stop_at_the_second)
    said = []
    derive(both, database, said.append)
    assert len(said) == 1 and "W(110)" in said[0]
    assert database.verify() == [] and database.count("morphologies") == 2
