from itertools import combinations

import numpy as np
import pytest
from ase.build import bcc110, fcc111
from pymatgen.io.ase import AseAtomsAdaptor

from liface.documents.geometry import Geometry
from liface.errors import OverlapError, StructureError
from liface.structures.clusters import isomer, isomers
from liface.structures.deposition import add_adsorbates, dispersed, place_cluster, remove_adsorbates
from liface.structures.maximin import farthest_subset, periodic_distances
from liface.structures.orientations import orientations
from liface.structures.sites import adsorption_sites, equivalent_positions, site_named
from liface.structures.touching import OVERLAP, TOUCH, radius


def slab_of(atoms, vacuum_above=12.0):
    atoms.center(vacuum=vacuum_above / 2 + 3, axis=2)
    return AseAtomsAdaptor.get_structure(atoms)


@pytest.fixture(scope="module")
def copper():
    slab = slab_of(fcc111("Cu", (4, 4, 3)))
    bottom = slab.cart_coords[:, 2].min() + 0.5
    slab.add_site_property("role", ["substrate"] * len(slab))
    slab.add_site_property("selective_dynamics", [[bool(s.coords[2] > bottom)] * 3 for s in slab])
    return slab


@pytest.fixture(scope="module")
def hollow(copper):
    return site_named(adsorption_sites(copper), "hollow-2")


def lithium(structure):
    return np.array([s.coords for s in structure if s.properties["role"] == "adsorbate"])


def contact_ratio(structure):
    """Smallest Li–substrate distance over the sum of radii, by pymatgen's distance matrix."""
    roles = np.array(structure.site_properties["role"])
    table = structure.distance_matrix[np.ix_(roles == "adsorbate", roles != "adsorbate")]
    sums = [radius("Li") + radius(s.specie.symbol) for s, r in zip(structure, roles, strict=True) if r != "adsorbate"]
    return float((table / np.array(sums)).min())


def test_adsorbates_are_appended_free_and_the_slab_is_kept(copper, hollow):
    covered = add_adsorbates(copper, [hollow.position])
    n = len(copper)
    assert covered.site_properties["role"] == ["substrate"] * n + ["adsorbate"]
    kept = [list(f) for f in covered.site_properties["selective_dynamics"]]
    assert kept == [list(f) for f in copper.site_properties["selective_dynamics"]] + [[True] * 3]
    np.testing.assert_allclose(covered.cart_coords[:n], copper.cart_coords)
    np.testing.assert_allclose(covered.cart_coords[n], hollow.position)
    assert len(copper) == n and "adsorbate" not in copper.site_properties["role"]
    geometry = Geometry.from_structure(covered)
    assert geometry.count("Li", "adsorbate") == 1 and sum(geometry.frozen) == 16 and not geometry.frozen[-1]


def test_bare_slab_gets_roles_and_foreign_properties_survive():
    slab = slab_of(fcc111("Cu", (3, 3, 3)))
    slab.add_site_property("layer", list(range(len(slab))))
    site = adsorption_sites(slab)[0]
    covered = add_adsorbates(slab, [site.position])
    assert covered.site_properties["role"][0] == "substrate"
    assert covered.site_properties["layer"] == [*range(len(slab)), None]
    assert Geometry.from_structure(covered).frozen == (False,) * len(covered)


def test_removing_adsorbates_gives_the_slab_back(copper, hollow):
    bare = remove_adsorbates(dispersed(copper, hollow, 4))
    assert Geometry.from_structure(bare).identity == Geometry.from_structure(copper).identity
    assert remove_adsorbates(copper) == copper


def test_overlap_and_missing_vacuum_are_refused(copper, hollow):
    x, y, z = hollow.position
    with pytest.raises(OverlapError):
        add_adsorbates(copper, [(x, y, z - 1.5)])
    with pytest.raises(OverlapError):
        add_adsorbates(copper, [hollow.position, (x + 1.5, y, z)])
    with pytest.raises(OverlapError):
        add_adsorbates(copper, [hollow.position, hollow.position])
    with pytest.raises(StructureError, match="more vacuum"):
        add_adsorbates(copper, [(x, y, copper.cart_coords[:, 2].min() + copper.lattice.c - 3)])


def test_adsorbate_that_meets_its_own_image_is_refused():
    slab = slab_of(fcc111("Cu", (1, 1, 3), a=2.9))
    with pytest.raises(OverlapError):
        add_adsorbates(slab, [adsorption_sites(slab)[0].position])


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_dispersed_adatoms_are_maximin_and_deterministic(copper, hollow, n):
    structure = dispersed(copper, hollow, n)
    assert len(lithium(structure)) == n
    assert structure == dispersed(copper, hollow, n)
    if n == 1:
        return
    images = equivalent_positions(copper, hollow)
    table = copper.lattice.get_all_distances(*[copper.lattice.get_fractional_coords(images)] * 2)
    best = max(min(table[i, j] for i, j in combinations(c, 2)) for c in combinations(range(16), n))
    atoms = copper.lattice.get_fractional_coords(lithium(structure))
    chosen = copper.lattice.get_all_distances(atoms, atoms)[np.triu_indices(n, 1)].min()
    assert chosen == pytest.approx(best, abs=1e-3)


@pytest.mark.parametrize("seed", range(6))
def test_farthest_subset_equals_brute_force_on_scattered_points(seed):
    rng = np.random.default_rng(seed)
    in_plane = np.array([[7.0, 0.0], [rng.uniform(-3, 3), 5.0]])
    points = rng.random((9, 2)) @ in_plane
    table = periodic_distances(points, in_plane)
    for n in (2, 3, 4, 6):
        best = max(min(table[i, j] for i, j in combinations(c, 2)) for c in combinations(range(9), n))
        chosen = farthest_subset(points, in_plane, n)
        assert len(set(chosen)) == n
        assert min(table[i, j] for i, j in combinations(chosen, 2)) == pytest.approx(best, abs=2e-3)


def test_of_equally_far_choices_one_with_few_close_pairs_is_taken():
    points = np.array([(i, j) for i in range(4) for j in range(4)], dtype=float)
    in_plane = 4 * np.eye(2)
    table = np.round(periodic_distances(points, in_plane), 6)
    for n in (5, 6, 7):
        chosen = farthest_subset(points, in_plane, n)
        closest = [table[i, j] for i, j in combinations(chosen, 2)]
        fewest = min(
            sum(table[i, j] == min(closest) for i, j in combinations(c, 2))
            for c in combinations(range(16), n)
            if min(table[i, j] for i, j in combinations(c, 2)) == min(closest)
        )
        assert closest.count(min(closest)) <= fewest + 1


def test_periodic_distances_see_through_skewed_cells():
    in_plane = np.array([[4.0, 0.0], [11.3, 2.0]])
    points = np.random.default_rng(0).random((6, 2)) @ in_plane
    steps = np.array([(i, j) for i in range(-12, 13) for j in range(-12, 13)]) @ in_plane
    brute = np.linalg.norm(points[:, None, None] - points[None, :, None] + steps, axis=-1).min(axis=-1)
    np.testing.assert_allclose(periodic_distances(points, in_plane), brute, atol=1e-9)


def test_too_small_a_cell_says_how_large_it_must_be(copper, hollow):
    with pytest.raises(StructureError, match=r"16 equivalent positions.*at least 2 times the area"):
        dispersed(copper, hollow, 17)
    with pytest.raises(StructureError, match="at least one"):
        dispersed(copper, hollow, 0)


def test_every_start_on_every_site_touches_and_never_overlaps():
    slab = slab_of(bcc110("Li", (5, 5, 3), a=3.43))
    for site in adsorption_sites(slab):
        for cluster in isomers(5):
            for name, _ in orientations(cluster, per_kind=1):
                ratio = contact_ratio(place_cluster(slab, cluster, site, orientation=name))
                assert ratio == pytest.approx(TOUCH, abs=1e-6) and ratio > OVERLAP


def test_vertex_comes_to_rest_on_its_site(copper, hollow):
    atoms = lithium(place_cluster(copper, isomer(4, "tetrahedron"), hollow, orientation="vertex"))
    np.testing.assert_allclose(atoms[np.argmin(atoms[:, 2])], hollow.position, atol=1e-6)


def test_placing_keeps_the_cluster_rigid_and_centred_over_the_site(copper, hollow):
    cluster = isomer(4, "tetrahedron")
    structure = place_cluster(copper, cluster, hollow, orientation="face")
    atoms = lithium(structure)
    distances = [np.linalg.norm(a - b) for a, b in combinations(atoms, 2)]
    np.testing.assert_allclose(distances, 3.0, atol=1e-6)
    base = atoms[np.argsort(atoms[:, 2])[:3]]
    np.testing.assert_allclose(base[:, :2].mean(axis=0), hollow.position[:2], atol=1e-6)


def test_azimuth_turns_the_cluster_about_the_site(copper, hollow):
    plain, turned = (
        lithium(place_cluster(copper, isomer(2, "dimer"), hollow, orientation="flat", azimuth_deg=angle))
        for angle in (0, 90)
    )
    along = [np.abs(atoms[1] - atoms[0]) for atoms in (plain, turned)]
    np.testing.assert_allclose(along, [[3, 0, 0], [0, 3, 0]], atol=1e-6)


def test_images_of_a_cluster_are_kept_apart():
    slab = slab_of(fcc111("Cu", (2, 2, 3)))
    site = adsorption_sites(slab)[0]
    with pytest.raises(StructureError, match=r"periodic image.*at least 7\.0 Å"):
        place_cluster(slab, isomer(4, "tetrahedron"), site, orientation="face")
    wide = slab_of(fcc111("Cu", (3, 3, 3)))
    structure = place_cluster(wide, isomer(4, "tetrahedron"), site, orientation="face")
    atoms = lithium(structure)
    lattice = wide.lattice.matrix[:2]
    shifts = [i * lattice[0] + j * lattice[1] for i in range(-2, 3) for j in range(-2, 3) if (i, j) != (0, 0)]
    assert min(np.linalg.norm(a - b + s) for a in atoms for b in atoms for s in shifts) >= 4.0


def test_placed_on_a_film_the_film_stays_film(copper, hollow):
    film = copper.copy()
    z = film.cart_coords[:, 2]
    film.add_site_property("role", ["film" if h > z.max() - 0.1 else "substrate" for h in z])
    structure = place_cluster(film, isomer(3, "triangle"), hollow, orientation="flat")
    assert structure.site_properties["role"].count("film") == 16
    assert structure.site_properties["role"].count("adsorbate") == 3
