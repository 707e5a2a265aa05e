"""Registry scans that stop early choose what the full scan chooses, and say what they left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from jobflow import JobStore, run_locally
from maggma.stores import MemoryStore

from liface.documents import FailedCalculation
from liface.engines import engine_info, run_batch
from liface.errors import LifaceError
from liface.structures.library import MaterialsLibrary
from liface.workflows.case_specs import adhesion_spec, interface_spec
from liface.workflows.flows import AdhesionMaker, InterfaceMaker
from liface.workflows.plan import _as_is
from liface.workflows.specs import Protocol
from liface.workflows.steps import adhesion, interface
from liface.workflows.steps.adhesion import AdhesionSetup
from liface.workflows.steps.common import Case, CaseOutput
from liface.workflows.steps.registry_scan import BATCHES

WHOLE = Protocol(gaps_a=(2.0, 2.3), substrate_thickness_a=4.0, film_planes_100=(4, 5, 6), film_planes_110=(3, 4, 5))
TOLERANCE = 0.1
STRICT = WHOLE.model_copy(update={"registry_tolerance_mev_per_a2": 0.0})
EARLY = WHOLE.model_copy(update={"registry_tolerance_mev_per_a2": TOLERANCE})
LITHIUM = [
    ("W", "100", "100"),
    ("Ti", "0001", "100"),
    ("LiF", "100", "110"),
    ("Li2S", "110", "110"),
    ("Li", "100", "100"),
]
METALS = [("Cu", "100", "Cu"), ("Cu", "111", "Ag"), ("Ag", "111", "Ag"), ("Ni", "100", "Cu")]


@pytest.fixture(scope="module")
def library():
    return MaterialsLibrary({}, Path.cwd())


def scan(engine, name, protocol, make, steps, spoil=lambda label: False):
    """Compute the gaps and every batch of a scan; return it with how many shifts were computed."""
    case = Case(name=name, engine=engine_info(engine), protocol=protocol)
    setup = make(case)

    def computed(requests):
        found = run_batch(list(requests), engine)
        return [failed(each) if spoil(each.label) else each for each in found]

    gaps = computed(steps.gap_requests(case, setup))
    done: list = []
    for _ in range(1 if protocol.registry_tolerance_mev_per_a2 is None else BATCHES):
        done.append(computed(steps.registry_requests(case, setup, gaps, done)))
    return steps.scanned(case, setup, gaps, done), sum(map(len, done))


def failed(outcome):
    common = {name: getattr(outcome, name) for name in ("calc_id", "label", "engine", "settings", "initial")}
    return FailedCalculation(**common, n_force_calls=1, wall_s=0.0, reason="spoiled")


def lithium(library, substrate, plane, film_plane):
    spec = interface_spec(library, substrate, plane, film_plane, WHOLE)

    def make(case):
        return interface.unstrained_setup(spec, _as_is(case, spec.substrate), _as_is(case, spec.film))

    return "morse", spec.name, make, interface


def metals(library, a, plane, b):
    spec = adhesion_spec(library, (a, plane, 0), (b, plane, 0), WHOLE)

    def make(case):
        return AdhesionSetup(spec=spec, held=_as_is(case, spec.held.material), taut=_as_is(case, spec.taut.material))

    return "emt", spec.name, make, adhesion


def registries(found):
    return {point.calc_id: point.gamma_mev_per_a2 for point in found.points if point.kind == "registry"}


def lowest(found):
    return min(found.points, key=lambda point: round(point.gamma_mev_per_a2, 4))


def asked(library, which):
    try:
        return lithium(library, *which) if which in LITHIUM else metals(library, *which)
    except LifaceError as error:
        pytest.fail(f"{which}: {error}")


@pytest.mark.parametrize("which", [*LITHIUM, *METALS], ids="-".join)
def test_the_minimum_is_that_of_the_full_scan(library, which):
    engine, name, make, steps = asked(library, which)
    whole, n_whole = scan(engine, name, WHOLE, make, steps)
    best = lowest(whole)
    for protocol, tolerance in ((STRICT, 0.0), (EARLY, TOLERANCE)):
        early, n_early = scan(engine, name, protocol, make, steps)
        found = lowest(early)
        assert found in whole.points and found.gap_a == best.gap_a
        assert found.gamma_mev_per_a2 <= best.gamma_mev_per_a2 + tolerance
        assert tolerance or (found.calc_id, found.shift) == (best.calc_id, best.shift)
        left = registries(whole).items() - registries(early).items()
        assert len(left) == n_whole - n_early and bool(early.note) is bool(left)
        assert whole.note == ""


def test_most_shifts_are_left_out_and_the_note_says_how_many(library):
    engine, name, make, steps = lithium(library, "Ti", "0001", "100")
    whole, n_whole = scan(engine, name, WHOLE, make, steps)
    early, n_early = scan(engine, name, EARLY, make, steps)
    assert n_early < 0.6 * n_whole
    assert f"{n_whole - n_early} of {n_whole + 1} shifts not computed" in early.note
    assert f"more than {TOLERANCE:g} meV/Å²" in early.note
    assert registries(early).items() < registries(whole).items()


def test_a_shift_that_fails_stops_nothing(library):
    """Without its energy nothing can be said of its neighbours: all of them are computed."""
    engine, name, make, steps = lithium(library, "W", "100", "100")
    shifts = []

    def second(label):
        shifts.extend([label] if "shift" in label and label not in shifts else [])
        return label in shifts[1:2]

    early, n_early = scan(engine, name, EARLY, make, steps, second)
    _, n_whole = scan(engine, name, WHOLE, make, steps)
    assert n_early == n_whole and early.note == ""


def test_a_small_grid_is_scanned_whole(library):
    coarse = {"registry_grid_commensurate": 4, "registry_grid": 3}
    engine, name, make, steps = lithium(library, "W", "100", "100")
    whole, n_whole = scan(engine, name, WHOLE.model_copy(update=coarse), make, steps)
    early, n_early = scan(engine, name, EARLY.model_copy(update=coarse), make, steps)
    assert n_early == n_whole and early == whole


# --- the setting ------------------------------------------------------------------------------------------------


def test_without_the_setting_a_protocol_is_what_it_was():
    assert "registry_tolerance_mev_per_a2" not in WHOLE.model_dump(mode="json")
    assert EARLY.model_dump(mode="json") == WHOLE.model_dump(mode="json") | {"registry_tolerance_mev_per_a2": TOLERANCE}
    for protocol in (WHOLE, EARLY):
        assert Protocol.model_validate_json(protocol.model_dump_json()) == protocol


@pytest.mark.parametrize(("protocol", "batches"), [(WHOLE, 1), (EARLY, BATCHES)])
def test_jobs_do_not_depend_on_what_is_found(library, protocol, batches):
    flow = InterfaceMaker(engine="morse", protocol=protocol).make(interface_spec(library, "W", "100", "100", WHOLE))
    names = [job.name for job in flow.jobs]
    assert sum("registries" in name and name.endswith(" run") for name in names) == batches
    assert next(name for name in names if name.endswith("registries run")) == "registries run"


def test_what_was_left_out_is_part_of_what_the_result_means(library, tmp_path):
    """The whole flow, a batch that turns out empty included."""
    quick = EARLY.model_copy(update={"max_force_calls": 3, "bulk_force_calls": 20})
    flow = AdhesionMaker(engine="emt", protocol=quick).make(
        adhesion_spec(library, ("Cu", "100", 0), ("Ni", "100", 0), quick)
    )
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    run_locally(flow, store=store, log=False, ensure_success=True, root_dir=tmp_path)
    (result,) = CaseOutput.model_validate(flow.output.resolve(store)).results
    batches = [
        len(row["output"]["calculations"])
        for row in store.query({"name": {"$regex": "registries run"}}, properties=["output"], load=True)
    ]
    assert len(batches) == BATCHES and min(batches) == 0
    assert f"of {1 + 9} shifts not computed" in result.definition and "registry scan stopped early" in result.definition
    computed = {point.calc_id for point in result.scan if point.kind == "registry"}
    assert len(computed) == sum(batches) < 9  # the tenth, unshifted, is of the gaps
