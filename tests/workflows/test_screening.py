"""Which cases go on after a screening, and what an interface does with a start that another engine found."""

from pathlib import Path

import pytest
from jobflow import JobStore, run_locally
from maggma.stores import MemoryStore

from liface.errors import CampaignError
from liface.structures.library import MaterialsLibrary
from liface.workflows.campaign import Campaign, interface_spec
from liface.workflows.campaign_file import ScreeningEntry, parse_campaign
from liface.workflows.decorators import Outcomes
from liface.workflows.flows import InterfaceMaker
from liface.workflows.screening import Score, verdicts
from liface.workflows.specs import InterfaceStart, Protocol
from liface.workflows.steps.common import CaseOutput

FILE = """
name: mine
engines: [emt]
screening: {{engine: morse{options}}}
bulks: [Mo]
surfaces:
  - {{material: Cu, planes: ["111"]}}
  - {{material: Ag, planes: ["111"]}}
  - {{material: Li, planes: ["110"]}}
  - {{material: Mg, planes: ["0001"]}}
interfaces:
  - {{substrate: Cu, planes: ["111"], film_planes: ["110"]}}
  - {{substrate: Ag, planes: ["111"], film_planes: ["110"]}}
  - {{substrate: Al, planes: ["111"], film_planes: ["110"]}}
bindings:
  - {{substrate: Al, plane: "111", n_li: [1]}}
"""
CU, AG, AL = (f"interface/{name}-111_Li-110" for name in ("Cu", "Ag", "Al"))


@pytest.fixture(scope="module")
def specs(tmp_path_factory):
    path = tmp_path_factory.mktemp("screening") / "mine.yaml"
    path.write_text(FILE.format(options=""))
    return Campaign.load(path).specs()


def decided(specs, values, screening, listed=("Mo",)):
    """Return the verdict of every case by name; ``values`` are numbers or problems by name."""
    scores = {}
    for spec in specs:
        found = values.get(spec.name)
        if found is not None:
            scores[spec.spec_id] = Score(problem=found) if isinstance(found, str) else Score("record", found)
    return {verdict.spec.name: verdict for verdict in verdicts(specs, scores, screening, listed)}


def going_on(found, kind):
    return {name for name, verdict in found.items() if verdict.goes_on and name.startswith(kind)}


def test_the_first_go_on_with_what_they_need(specs):
    found = decided(specs, {CU: 3.0, AG: 1.0, AL: 2.0}, ScreeningEntry(engine="morse", top=1))
    assert going_on(found, "interface") == {AG}
    assert [found[name].rank for name in (AG, AL, CU)] == [1, 2, 3]
    assert found[CU].reason == "rank 3 of 3 by gamma_mev_per_a2, ascending; the first 1 go on"
    assert going_on(found, "binding") == {"binding/Al-111"}  # not ranked
    assert going_on(found, "surface") == {"surface/Ag-111", "surface/Li-110", "surface/Mg-0001"}
    assert found["surface/Cu-111"].reason == "no case of Cu goes on"
    # Al for the binding, Mg for its surface, Mo since the campaign lists it
    assert going_on(found, "bulk") == {f"bulk/{name}" for name in ("Ag", "Li", "Al", "Mg", "Mo")}


def test_descending_and_equal_values_by_name(specs):
    descending = ScreeningEntry(engine="morse", top=2, order="descending")
    assert going_on(decided(specs, {CU: 3.0, AG: 1.0, AL: 2.0}, descending), "interface") == {CU, AL}
    equal = decided(specs, dict.fromkeys((CU, AG, AL), 1.0), ScreeningEntry(engine="morse", top=2))
    assert going_on(equal, "interface") == {AG, AL}


def test_failed_and_filtered_cases_are_left_out_with_their_reason(specs):
    values = {CU: "failed with morse: why", AG: 1.0, AL: "no result of morse passes the filter x"}
    found = decided(specs, values, ScreeningEntry(engine="morse", top=3))
    assert going_on(found, "interface") == {AG}
    assert found[CU].reason == "failed with morse: why" and found[CU].rank is None
    assert found[AG].reason.startswith("rank 1 of 1")
    filtered = decided(specs, values, ScreeningEntry(engine="morse", where="strain_percent<5"))
    assert going_on(filtered, "interface") == {AG}


def test_without_a_limit_all_go_on_also_what_the_cheap_engine_could_not_do(specs):
    found = decided(specs, {CU: "failed with morse: why", AG: 1.0, AL: 2.0}, ScreeningEntry(engine="morse"))
    assert all(verdict.goes_on for verdict in found.values())
    assert found[CU].score.record_id is None


def test_surfaces_can_be_ranked_themselves(specs):
    screening = ScreeningEntry(engine="morse", top=1, kinds=("surface",), order="descending")
    values = {f"surface/{name}": value for name, value in
              (("Cu-111", 3.0), ("Ag-111", 1.0), ("Li-110", 2.0), ("Mg-0001", 0.5))}  # fmt: skip
    found = decided(specs, values, screening, listed=())
    assert going_on(found, "surface") == {"surface/Cu-111"} and going_on(found, "interface") == {CU, AG, AL}
    assert going_on(found, "bulk") == {f"bulk/{name}" for name in ("Cu", "Ag", "Al", "Li")}


# --- the campaign file ---------------------------------------------------------------------------------------


def problem(options):
    with pytest.raises(CampaignError) as caught:
        parse_campaign(FILE.format(options=options), "mine.yaml")
    return str(caught.value)


def test_a_wrong_column_names_the_known_ones():
    message = problem(", by: colour")
    assert "'colour' is no number of interfaces" in message and "strain_percent" in message and "n_atoms" in message
    assert "is no number of bindings" in problem(", kinds: [binding]")
    assert "is no number" in problem(", by: substrate")  # text has no rank


def test_a_filter_is_checked_before_anything_runs():
    assert "no column 'colour'" in problem(", where: 'colour=1'")
    assert "screening.tops: unknown key; known here" in problem(", tops: 1")


@pytest.mark.parametrize("engine", ["morse", "morse:liface"])
def test_an_engine_does_not_screen_itself(tmp_path, engine):
    path = tmp_path / "mine.yaml"
    path.write_text(FILE.format(options=""))
    with pytest.raises(CampaignError, match="screened with itself"):
        Campaign.load(path, [engine])


def test_screened_are_the_ranked_kinds_with_their_bulks(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(FILE.format(options=""))
    campaign = Campaign.load(path)
    cheap = campaign.screening_cases()
    assert {planned.case.engine.name for planned in cheap} == {"morse"}
    assert {planned.spec.name for planned in cheap} == {CU, AG, AL, *(f"bulk/{m}" for m in ("Cu", "Ag", "Al", "Li"))}
    assert all(planned.prerelax is None for planned in cheap)
    costly = campaign.cases()
    assert {planned.case.engine.name for planned in costly} == {"emt"}
    assert {str(planned.prerelax) for planned in costly} == {"morse"}
    plain = tmp_path / "plain.yaml"
    plain.write_text("\n".join(line for line in path.read_text().splitlines() if "screening" not in line))
    without = Campaign.load(plain)
    assert without.screening_cases() == ()
    # what is asked of the costly engine is the same with and without
    assert [planned.case_id for planned in without.cases()] == [planned.case_id for planned in costly]


# --- an interface from a given start -------------------------------------------------------------------------


def run_alone(maker, spec, folder: Path):
    flow, store = maker.make(spec), JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    run_locally(flow, store=store, log=False, ensure_success=True, root_dir=folder)
    computed = {
        row["name"]: Outcomes(calculations=row["output"]["calculations"]).calculations
        for row in store.query({}, properties=["name", "output"], load=True)
        if row["name"].endswith(" run")
    }
    (result,) = CaseOutput.model_validate(flow.output.resolve(store)).results
    return result, computed


def test_a_given_start_takes_the_place_of_the_scan(tmp_path):
    protocol = Protocol(
        film_planes_100=(4, 5, 6), gaps_a=(1.7, 2.0), registry_grid=1, registry_grid_commensurate=2, release=False
    )
    spec = interface_spec(MaterialsLibrary({}, Path.cwd()), "Li", "100", "100", protocol)
    common = {"engine": "morse", "protocol": protocol, "campaign": "alone"}
    scanned, _ = run_alone(InterfaceMaker(**common), spec, tmp_path)
    start = InterfaceStart(gap_a=scanned.gap_a, shift=scanned.shift)
    given, computed = run_alone(InterfaceMaker(**common, start=start, screened_by="r"), spec, tmp_path)
    assert given.gamma_mev_per_a2 == scanned.gamma_mev_per_a2 and given.structure == scanned.structure
    assert scanned.scan and given.scan == () and (given.gap_a, given.shift) == (start.gap_a, start.shift)
    assert given.provenance.screened_by == "r" and scanned.provenance.screened_by is None
    assert "found by another engine" in given.definition and "found by another" not in scanned.definition
    assert not any(outcome.settings.task == "static" for outcomes in computed.values() for outcome in outcomes)
    assert len(computed["starts run"]) == 1


def test_vibrations_of_a_film_go_on_with_their_interface(tmp_path):
    entries = "vibrations:\n" + "".join(
        f'  - {{substrate: {name}, plane: "111", film_planes: ["110"]}}\n' for name in ("Cu", "Ag")
    )
    path = tmp_path / "mine.yaml"
    path.write_text(FILE.format(options=", top: 1") + entries)
    specs = Campaign.load(path).specs()
    start = InterfaceStart(gap_a=2.0, shift=(0.0, 0.5))
    scores = {spec.spec_id: Score("record", 1.0) for spec in specs if spec.kind == "interface"}
    ag = next(spec for spec in specs if spec.name == AG)
    scores[ag.spec_id] = Score("best", 0.0, start=start)
    screening = ScreeningEntry(engine="morse", top=1)
    found = {verdict.spec.name: verdict for verdict in verdicts(specs, scores, screening, ("Mo",))}
    assert going_on(found, "vibration") == {"vibration/Ag-111_Li-110"}
    assert found["vibration/Ag-111_Li-110"].score.start == start  # or the costly engine would scan once more
