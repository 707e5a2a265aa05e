"""Works of adhesion of two materials: exact identities, who takes the strain, and every doubt as a flag."""

from pathlib import Path

import pytest
from jobflow import JobStore, run_locally
from maggma.stores import MemoryStore

from liface.analysis.domain import dispersion_flags
from liface.documents import AdhesionResult, EngineInfo
from liface.engines.base import EngineSpec
from liface.engines.registry import engine_info
from liface.errors import CampaignError, InputError, LatticeMismatchError, TerminationError
from liface.structures.library import MaterialsLibrary
from liface.units import j_per_m2
from liface.workflows.campaign import Campaign, PlannedCase, adhesion_spec, surface_spec
from liface.workflows.flows import AdhesionMaker, SurfaceMaker
from liface.workflows.plan import estimate
from liface.workflows.specs import AdhesionSpec, Protocol
from liface.workflows.steps.adhesion import AdhesionSetup, builder, gaps_of
from liface.workflows.steps.common import BulkReference, Case, CaseOutput

TIGHT = Protocol(
    gaps_a=(2.0, 2.3), registry_grid=1, registry_grid_commensurate=2, registry_candidates=1, fmax_ev_per_a=0.002,
    bulk_fmax_ev_per_a=0.001, surface_thickness_a=14.0, substrate_thickness_a=6.0,
)  # fmt: skip
CU, AG, NI, LI = ("Cu", "111", 0), ("Ag", "111", 0), ("Ni", "111", 0), ("Li", "110", 0)


@pytest.fixture(scope="module")
def library():
    return MaterialsLibrary({}, Path.cwd())


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    def answer(maker, spec, protocol=TIGHT, engine="emt"):
        flow = maker(engine=engine, protocol=protocol).make(spec)
        store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
        run_locally(flow, store=store, log=False, ensure_success=True, root_dir=tmp_path_factory.mktemp("jobs"))
        (result,) = CaseOutput.model_validate(flow.output.resolve(store)).results
        return result

    return answer


@pytest.fixture(scope="module")
def silver_on_copper(library, run):
    return run(AdhesionMaker, adhesion_spec(library, CU, AG, TIGHT))


def slugs(result: AdhesionResult) -> set[str]:
    return {flag.split(":")[0] for flag in result.flags}


def planned(spec: AdhesionSpec, protocol: Protocol = TIGHT) -> PlannedCase:
    return PlannedCase(
        Case(name=spec.name, engine=engine_info("emt"), protocol=protocol), spec, EngineSpec.parse("emt")
    )


# --- identities ----------------------------------------------------------------------------------------------


def test_a_crystal_parted_makes_two_surfaces(library, run):
    """Five planes on five in perfect registry are ten: W = (2 E_5 - E_10) / A = 4 γ_5 - 2 γ_10, about 2 γ."""
    found = run(AdhesionMaker, adhesion_spec(library, ("Cu", "100", 0), ("Cu", "100", 0), TIGHT))
    surface = surface_spec(library, "Cu", "100")
    thin = run(SurfaceMaker, surface, TIGHT.model_copy(update={"surface_thickness_a": 6.0}))
    thick = run(SurfaceMaker, surface, TIGHT.model_copy(update={"surface_thickness_a": 15.0}))
    assert (found.n_planes_a, found.n_planes_b, thin.n_planes, thick.n_planes) == (5, 5, 5, 10)
    exact = 4 * thin.gamma_mev_per_a2 - 2 * thick.gamma_mev_per_a2
    assert found.work_of_adhesion_mev_per_a2 == pytest.approx(exact, abs=0.05)
    assert found.work_of_adhesion_mev_per_a2 == pytest.approx(2 * thick.gamma_mev_per_a2, rel=0.01)
    assert found.gap_a == pytest.approx(found.thickness_a_a / 4, abs=0.05), "the planes of the crystal"
    assert found.converged and found.strain_percent == pytest.approx(0, abs=1e-6)


def test_slabs_that_never_met_have_no_adhesion(library, run):
    far = run(AdhesionMaker, adhesion_spec(library, CU, AG, TIGHT), TIGHT.model_copy(update={"gaps_a": (9.0,)}))
    assert far.work_of_adhesion_mev_per_a2 == pytest.approx(0, abs=0.01), "strain and outer surfaces cancel"
    assert "debonded" in slugs(far) and far.gap_a > 8


def test_numbers_belong_together(silver_on_copper):
    w = silver_on_copper
    by_hand = 1e3 * (w.energy_a_ev + w.energy_b_ev - w.energy_ab_ev) / w.area_a2
    assert w.work_of_adhesion_mev_per_a2 == pytest.approx(by_hand, rel=1e-9) and w.work_of_adhesion_mev_per_a2 > 20
    assert w.work_of_adhesion_j_per_m2 == pytest.approx(j_per_m2(by_hand))
    assert (w.material_a, w.material_b, w.strained, w.face_a, w.face_b) == ("Ag", "Cu", "a", "Ag", "Cu")
    assert w.structure.count("Ag", role="film") + w.structure.count("Cu", role="substrate") == w.n_atoms
    assert w.scan[0].kind == "gap" and len(w.scan) == 2 and w.converged
    assert "debonded" not in slugs(w) and "no_dispersion" not in slugs(w)


# --- pairs and strain ----------------------------------------------------------------------------------------


def test_the_order_of_a_and_b_does_not_matter(library):
    one = adhesion_spec(library, CU, AG, TIGHT, strained="b")
    other = adhesion_spec(library, AG, CU, TIGHT, strained="a")
    assert one == other and one.spec_id == other.spec_id
    assert one.name == "adhesion/Ag-111-strained_Cu-111" and (one.a.material.name, one.strained) == ("Ag", "a")
    with pytest.raises(ValueError, match="stand in order"):
        AdhesionSpec(a=one.b, b=one.a, strained="b", match=one.match)


def test_either_side_can_take_the_strain(library, run, silver_on_copper):
    other = run(AdhesionMaker, adhesion_spec(library, CU, AG, TIGHT, strained="a"))
    assert (other.material_a, other.strained) == ("Ag", "b") and silver_on_copper.strained == "a"
    assert other.work_of_adhesion_mev_per_a2 == pytest.approx(silver_on_copper.work_of_adhesion_mev_per_a2, rel=0.1)
    assert other.area_a2 != pytest.approx(silver_on_copper.area_a2, rel=1e-3), "each side at its own lattice"
    assert "Cu(111), strained onto Ag(111)" in other.definition


def test_li_takes_the_strain(library):
    for a, b in ((NI, LI), (LI, NI)):
        spec = adhesion_spec(library, a, b)
        assert spec.film.name == "Li" and spec.move == "normal"
    assert adhesion_spec(library, CU, NI).move == "all"
    with pytest.raises(InputError, match="strained: a is Ni, but next to Li it is Li"):
        adhesion_spec(library, NI, LI, strained="a")


def test_default_planes_and_terminations(library):
    spec = adhesion_spec(library, ("Cu", None, 0), ("C", None, 0))
    assert [(s.material.name, s.plane) for s in (spec.a, spec.b)] == [("Cu", "111"), ("graphite", "0001")]
    with pytest.raises(TerminationError, match="index 7 does not exist"):
        adhesion_spec(library, ("Cu", "111", 7), AG)


def test_limits_are_named_where_nothing_fits(library):
    with pytest.raises(LatticeMismatchError, match=r"Mg\(0001\) on Li6PS5Cl\(100\): smallest strain 7.2 %"):
        adhesion_spec(library, ("LPSCl", None, 0), ("Mg", None, 0))


# --- doubts --------------------------------------------------------------------------------------------------


def test_unconverged_slabs_are_told(library, run):
    hurried = TIGHT.model_copy(update={"max_force_calls": 1})
    found = run(AdhesionMaker, adhesion_spec(library, CU, NI, hurried), hurried)
    assert not found.converged
    assert any(flag.startswith("unconverged: ") and "free-held" in flag for flag in found.flags)


def test_high_strain_is_told(library, run):
    wide = TIGHT.model_copy(update={"max_area_a2": 10.0, "max_strain_percent": 13.0})
    found = run(AdhesionMaker, adhesion_spec(library, AG, CU, wide), wide)
    assert found.strain_percent > 10 and "high_strain" in slugs(found)


def test_sheets_need_dispersion(library):
    spec = adhesion_spec(library, CU, ("C", None, 0))
    case = Case(name=spec.name, engine=engine_info("emt"), protocol=TIGHT)
    assert gaps_of(case, spec) == (2.0, 2.3, 3.0, 3.4) and gaps_of(case, adhesion_spec(library, CU, AG)) == (2.0, 2.3)
    engine = EngineInfo(
        name="x", model="m", code="c", code_version="1", weights_sha256="0" * 64, trained_on="MPtrj (PBE)"
    )
    (flag,) = dispersion_flags(["graphite"], engine)
    assert flag.startswith("no_dispersion: sheets of graphite hold by")
    assert dispersion_flags([], engine) == ()
    for changes in ({"trained_on": "PBE-D3"}, {"options": {"ivdw": 12}}, {"trained_on": "optB88-vdW data"}):
        assert dispersion_flags(["graphite"], engine.model_copy(update=changes)) == ()


# --- campaigns -----------------------------------------------------------------------------------------------


def test_the_plan_counts_the_cells_that_are_built(library):
    spec = adhesion_spec(library, CU, AG, TIGHT)
    cost = estimate(planned(spec))
    assert cost.atoms == 28 and cost.structures == 2 + 2 + 2 and cost.atom_calls > 28 * 35


def test_both_slabs_keep_their_anions_and_their_height(library):
    roomy = Protocol(max_strain_percent=8)
    spec = adhesion_spec(library, ("Mg", None, 0), ("LPSCl", None, 0), roomy, strained="b")
    assert spec.film.name == "Li6PS5Cl" and spec.move == "all"
    case = Case(name=spec.name, engine=engine_info("emt"), protocol=roomy)
    references = [
        BulkReference(material=m.name, geometry=m.reference, energy_ev_per_atom=0, engine=case.engine, converged=True,
                      broken_symmetry=False, calc_ids=())
        for m in (spec.substrate, spec.film)
    ]  # fmt: skip
    parts = builder(case, AdhesionSetup(spec=spec, held=references[0], taut=references[1])).parts
    assert parts.substrate.thickness_a >= 6 and parts.film.thickness_a >= 5.4
    assert parts.film.formula_units == 4, "the cell of the chosen ordering is kept whole"


@pytest.mark.parametrize(("entry", "message"), [
    ("{a: Cu, b: Ag, strained: c}", "adhesions.0.strained"),
    ("{a: Cu}", "adhesions.0.b"),
    ("{a: Cu, b: Ag, plane: '111'}", "unknown key; known here: a, b, max_area_a2, max_strain_percent, plane_a"),
    ("{a: Ni, b: Li, strained: a}", "adhesions.0: strained: a is Ni"),
    ("{a: Li7La3Zr2O12, b: Cu}", r"adhesions.0: Cu\(111\) on Li7La3Zr2O12\(001\): no coherent cell of at most 120"),
])  # fmt: skip
def test_mistakes_in_the_campaign_are_named(tmp_path, entry, message):
    path = tmp_path / "c.yaml"
    path.write_text(f"name: c\nengines: [emt]\nadhesions:\n  - {entry}\n")
    with pytest.raises(CampaignError, match=message):
        Campaign.load(path).cases()
