"""Energies of cells with different magnetic orders are not subtracted without a word."""

import pytest
from jobflow import JobStore, run_locally
from maggma.stores import MemoryStore

from liface.documents import FLAGS, EngineInfo, Geometry
from liface.structures.library import MaterialsLibrary
from liface.structures.library.canonical import canonical_structure
from liface.structures.slabs import build_slab
from liface.workflows.campaign import surface_spec
from liface.workflows.flows import SurfaceMaker
from liface.workflows.specs import Protocol
from liface.workflows.steps.common import magnetic_flags

LIBRARY = MaterialsLibrary()
GPAW = EngineInfo(
    name="gpaw",
    model="PBE",
    code="gpaw",
    code_version="1",
    weights_sha256="",
    trained_on="PBE",
    options={"spin": "auto"},
)


def cell(material, plane=None, supercell=((1, 0), (0, 1))):
    crystal = canonical_structure(LIBRARY.get(material))
    if plane is None:
        return Geometry.from_structure(crystal)
    built = build_slab(crystal, plane, n_planes=4, vacuum_a=10.0, supercell=supercell)
    return Geometry.from_structure(built.structure)


def test_a_cell_too_small_for_the_order_of_its_bulk_is_told():
    bulk, small, large = cell("Cr"), cell("Cr", "110"), cell("Cr", "110", ((1, 1), (-1, 1)))
    (flag,) = magnetic_flags(GPAW, (bulk, small))
    assert flag == "magnetic_order: antiferromagnetic and ferromagnetic cells"
    assert flag.partition(":")[0] in FLAGS
    for cells in ((bulk, large), (small, small), (cell("Li"), bulk), (cell("Fe"), cell("Fe", "110")), ()):
        assert magnetic_flags(GPAW, cells) == ()
    for engine in (GPAW.model_copy(update={"name": "sevennet"}), GPAW.model_copy(update={"options": {"spin": "off"}})):
        assert magnetic_flags(engine, (bulk, small)) == ()


@pytest.mark.parametrize(("material", "flagged"), [("Cr", True), ("Fe", False)])
def test_a_surface_energy_of_chromium_has_the_flag(material, flagged, tmp_path, monkeypatch):
    monkeypatch.setattr("liface.workflows.steps.common.DFT_ENGINES", ("morse",))
    protocol = Protocol(surface_thickness_a=4, max_force_calls=5, bulk_force_calls=5)
    maker = SurfaceMaker(engine="morse", protocol=protocol, campaign="alone")
    flow = maker.make(surface_spec(LIBRARY, material, "110"))
    store = JobStore(MemoryStore(), additional_stores={"data": MemoryStore()})
    run_locally(flow, store=store, log=False, ensure_success=True, root_dir=tmp_path)
    (result,) = store.get_output(flow.output.uuid, load=True)["results"]
    assert any(flag.startswith("magnetic_order") for flag in result["flags"]) == flagged
