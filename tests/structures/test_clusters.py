from itertools import combinations

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from liface.errors import StructureError
from liface.structures.clusters import isomer, isomers
from liface.structures.orientations import orientations, oriented

SIZES = range(2, 9)
ALL = [cluster for n in SIZES for cluster in isomers(n)]
IDS = [f"{c.n}-{c.name}" for c in ALL]


@pytest.mark.parametrize("cluster", ALL, ids=IDS)
def test_every_atom_has_a_neighbour_at_the_bond_length_and_none_is_closer(cluster):
    distances = np.linalg.norm(cluster.positions[:, None] - cluster.positions[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    np.testing.assert_allclose(distances.min(axis=1), 3.0, rtol=1e-6)
    np.testing.assert_allclose(cluster.positions.mean(axis=0), 0, atol=1e-9)


@pytest.mark.parametrize("n", SIZES)
def test_isomers_are_different_shapes_of_the_right_size(n):
    clusters = isomers(n)
    assert {c.n for c in clusters} == {n}
    assert len({c.name for c in clusters}) == len(clusters)
    for one, other in combinations(clusters, 2):
        spectra = np.sort(pdist(one.positions)), np.sort(pdist(other.positions))
        assert np.abs(spectra[0] - spectra[1]).max() > 0.1, (one.name, other.name)


@pytest.mark.parametrize("cluster", ALL, ids=IDS)
def test_dimension_is_the_rank_of_the_positions(cluster):
    assert cluster.dimension == f"{np.linalg.matrix_rank(cluster.positions, tol=0.05)}d"


@pytest.mark.parametrize("n", range(4, 9))
def test_there_are_compact_flat_and_random_starts(n):
    clusters = isomers(n)
    assert {"2d", "3d"} <= {c.dimension for c in clusters}
    assert "random" in {c.name for c in clusters}
    again = isomers(n)
    for one, other in zip(clusters, again, strict=True):
        np.testing.assert_array_equal(one.positions, other.positions)


@pytest.mark.parametrize(
    ("n", "name", "bonds"),
    [
        (4, "tetrahedron", 6),
        (4, "rhombus", 5),
        (5, "trigonal-bipyramid", 9),
        (5, "square-pyramid", 8),
        (6, "octahedron", 12),
        (6, "pentagonal-pyramid", 10),
        (7, "pentagonal-bipyramid", 15),
        (7, "hexagon-raft", 12),
        (8, "stella", 18),
        (8, "square-antiprism", 16),
    ],
)
def test_polyhedra_have_their_number_of_edges(n, name, bonds):
    assert (pdist(isomer(n, name).positions) < 3.0 * 1.001).sum() == bonds


def test_bond_length_scales_the_cluster():
    np.testing.assert_allclose(isomer(5, "trapezoid", bond_a=2.7).positions, isomer(5, "trapezoid").positions * 0.9)


@pytest.mark.parametrize("n", [-1, 0, 1, 9])
def test_other_sizes_are_refused(n):
    with pytest.raises(StructureError, match="2 to 8"):
        isomers(n)


def test_unknown_names_list_the_known_ones():
    with pytest.raises(StructureError, match="tetrahedron, rhombus, square, random"):
        isomer(4, "cube")
    with pytest.raises(StructureError, match="face, edge, vertex"):
        oriented(isomer(4, "tetrahedron"), "upside-down")
    with pytest.raises(StructureError, match="bond length"):
        isomers(4, bond_a=0.0)


# counted from the symmetry classes of faces, edges and vertices of each polyhedron
@pytest.mark.parametrize(
    ("n", "name", "counts"),
    [
        (2, "dimer", {"flat": 1, "upright": 1}),
        (3, "triangle", {"flat": 1, "standing": 1}),
        (3, "line", {"flat": 1, "upright": 1}),
        (4, "tetrahedron", {"face": 1, "edge": 1, "vertex": 1}),
        (4, "square", {"flat": 1, "standing": 1}),
        (4, "rhombus", {"flat": 1, "standing": 1}),
        (5, "trigonal-bipyramid", {"face": 1, "edge": 2, "vertex": 2}),
        (5, "square-pyramid", {"face": 2, "edge": 2, "vertex": 2}),
        (5, "trapezoid", {"flat": 1, "standing": 3}),
        (6, "octahedron", {"face": 1, "edge": 1, "vertex": 1}),
        (7, "pentagonal-bipyramid", {"face": 1, "edge": 2, "vertex": 2}),
        (8, "square-antiprism", {"face": 2, "edge": 2, "vertex": 1}),
    ],
)
def test_orientations_are_the_symmetry_classes_of_the_hull(n, name, counts):
    found = orientations(isomer(n, name), per_kind=None)
    kinds = [orientation.partition("-")[0] for orientation, _ in found]
    assert {kind: kinds.count(kind) for kind in kinds} == counts


@pytest.mark.parametrize("cluster", ALL, ids=IDS)
def test_orientations_are_rigid_proper_turns(cluster):
    for _, turned in orientations(cluster):
        # The turn that best maps one on the other (Kabsch) is exact and has determinant +1 unless the cluster is flat.
        u, _, vt = np.linalg.svd(cluster.positions.T @ turned.positions)
        if cluster.dimension == "3d":
            assert np.linalg.det(u @ vt) == pytest.approx(1.0)
        np.testing.assert_allclose(cluster.positions @ u @ vt, turned.positions, atol=1e-8)


@pytest.mark.parametrize("cluster", [c for c in ALL if c.dimension == "3d"], ids=lambda c: f"{c.n}-{c.name}")
def test_number_of_lowest_atoms_is_that_of_a_face_edge_or_vertex(cluster):
    for name, turned in orientations(cluster, per_kind=None):
        lowest = int((turned.positions[:, 2] < turned.positions[:, 2].min() + 0.05).sum())
        kind = name.partition("-")[0]
        assert lowest >= 3 if kind == "face" else lowest >= {"edge": 2, "vertex": 1}[kind]


def test_most_stable_orientation_comes_first_and_the_number_is_limited():
    pyramid = dict(orientations(isomer(5, "square-pyramid")))
    z = pyramid["face-1"].positions[:, 2]
    assert (z < z.min() + 0.05).sum() == 4
    names = [name for name, _ in orientations(isomer(8, "random"), per_kind=2)]
    assert names == ["face-1", "face-2", "edge-1", "edge-2", "vertex-1", "vertex-2"]


def test_shortest_standing_bond_lies_along_x():
    flat = oriented(isomer(4, "tetrahedron"), "edge").positions
    low = flat[np.argsort(flat[:, 2])[:2]]
    np.testing.assert_allclose(np.abs(low[1] - low[0]), [3.0, 0, 0], atol=1e-9)
