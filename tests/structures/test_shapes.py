import numpy as np
import pytest
from ase.build import bcc111, fcc111
from pymatgen.io.ase import AseAtomsAdaptor

from liface.errors import StructureError
from liface.structures.clusters import isomer, isomers
from liface.structures.deposition import add_adsorbates, dispersed, place_cluster
from liface.structures.orientations import orientations
from liface.structures.shapes import classify, describe
from liface.structures.sites import adsorption_sites, site_named

CELL = np.diag([20.0, 20.0, 30.0])


@pytest.fixture(scope="module")
def copper():
    return AseAtomsAdaptor.get_structure(fcc111("Cu", (5, 5, 3), vacuum=9))


@pytest.fixture(scope="module")
def hollow(copper):
    return site_named(adsorption_sites(copper), "hollow-1")


def test_known_heights_above_a_flat_surface():
    raft = np.array([[0, 0, 2.0], [3, 0, 2.2], [1.5, 2.6, 2.1], [4.5, 2.6, 2.0]]) + np.array([5, 5, 10])
    shape = classify(raft, 10.0, CELL)
    assert (shape.kind, shape.n_fragments, shape.coordination) == ("raft", 1, (2, 3, 3, 2))
    np.testing.assert_allclose(shape.heights, [2.0, 2.2, 2.1, 2.0])
    tetrahedron = np.array([[0, 0, 2.1], [3, 0, 2.1], [1.5, 2.6, 2.1], [1.5, 0.87, 4.4]]) + np.array([5, 5, 10])
    shape = classify(tetrahedron, 10.0, CELL)
    assert (shape.kind, shape.coordination) == ("3d", (3, 3, 3, 3))
    assert shape.top_height == pytest.approx(4.4) and shape.mean_coordination == 3


def test_scattered_atoms_are_adatoms_and_pairs_are_fragments():
    apart = np.array([[0, 0, 2.1], [6, 0, 2.1], [0, 6, 2.1]])
    assert classify(apart, 0.0, CELL).kind == "adatoms"
    assert classify(apart, 0.0, CELL).n_fragments == 3
    pairs = np.array([[0, 0, 2.1], [3, 0, 2.1], [9, 9, 2.1], [12, 9, 2.1]])
    shape = classify(pairs, 0.0, CELL)
    assert (shape.kind, shape.n_fragments, shape.coordination) == ("raft", 2, (1, 1, 1, 1))


def test_neighbours_are_counted_across_the_cell_boundary():
    pair = np.array([[0.5, 5, 2.1], [19.0, 5, 2.1]])
    assert classify(pair, 0.0, CELL).n_fragments == 1
    row = classify(np.array([[0, 0, 2.1]]), 0.0, np.diag([3.0, 20.0, 30.0]))
    assert row.coordination == (2,) and row.kind == "raft"


def test_high_lone_atom_is_no_cluster():
    assert classify(np.array([[0, 0, 6.0]]), 0.0, CELL).kind == "adatoms"


@pytest.mark.parametrize("n", range(2, 8))
def test_starts_are_what_they_are_called(copper, hollow, n):
    for cluster in isomers(n):
        for name, _ in orientations(cluster, per_kind=1):
            shape = describe(place_cluster(copper, cluster, hollow, orientation=name))
            assert shape.kind == ("raft" if name == "flat" else "3d"), (cluster.name, name)
            assert shape.n_fragments == 1 and len(shape.heights) == n


def test_dispersed_atoms_are_adatoms_at_the_height_of_their_site(copper, hollow):
    shape = describe(dispersed(copper, hollow, 4))
    assert shape.kind == "adatoms" and shape.n_fragments == 4
    np.testing.assert_allclose(shape.heights, hollow.height_a, atol=1e-6)


def test_atoms_wrapped_through_the_cell_are_the_same_shape(copper, hollow):
    structure = place_cluster(copper, isomer(4, "tetrahedron"), hollow, orientation="face")
    before = describe(structure)
    structure.translate_sites(range(len(structure)), [0.3, 0.1, 0.45], to_unit_cell=True)
    after = describe(structure)
    assert (after.kind, after.coordination) == (before.kind, before.coordination)
    np.testing.assert_allclose(after.heights, before.heights, atol=1e-6)


def test_atoms_in_the_troughs_of_a_rumpled_surface_are_in_the_first_layer():
    slab = AseAtomsAdaptor.get_structure(bcc111("W", (3, 3, 6), vacuum=10))
    sites = adsorption_sites(slab)
    deep, high = min(sites, key=lambda s: s.height_a), max(sites, key=lambda s: s.height_a)
    # The two differ by more in height than LIFTED_A, yet both touch the surface.
    assert high.height_a - deep.height_a > 1.2
    pair = np.array([deep.position, high.position])
    pair[0, :2] = pair[1, :2] + _nearest_offset(slab, deep, high)
    shape = describe(add_adsorbates(slab, pair))
    assert shape.kind == "raft" and shape.n_fragments == 1


def _nearest_offset(slab, one, other):
    lattice = slab.lattice.matrix[:2, :2] / 3
    delta = np.array(one.position[:2]) - np.array(other.position[:2])
    steps = np.array([(i, j) for i in range(-4, 5) for j in range(-4, 5)]) @ lattice
    return min(delta + steps, key=np.linalg.norm)


def test_surface_can_be_the_slab_itself(copper, hollow):
    structure = dispersed(copper, hollow, 3)
    atoms = structure.cart_coords[len(copper) :]
    assert classify(atoms, copper, copper.lattice.matrix) == describe(structure)
    assert classify(atoms, structure, copper.lattice.matrix) == describe(structure)


def test_structure_without_adsorbates_has_no_shape(copper):
    with pytest.raises(StructureError, match="adsorbate"):
        describe(copper)
