import numpy as np
import pytest
from ase.build import bcc100, bcc110, bcc111, fcc100, fcc110, fcc111, hcp0001, surface
from ase.spacegroup import crystal
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor

from liface.errors import OverlapError, StructureError
from liface.structures.sites import adsorption_sites, equivalent_positions, site_named
from liface.structures.touching import OVERLAP, TOUCH, radius, surface_of


def slab_of(atoms):
    return AseAtomsAdaptor.get_structure(atoms)


def antifluorite_110(repeat=(1, 1, 1)):
    bulk = crystal(["Te", "Li"], [(0, 0, 0), (0.25, 0.25, 0.25)], spacegroup=225, cellpar=[6.52] * 3 + [90] * 3)
    return slab_of(surface(bulk, (1, 1, 0), 4, vacuum=8) * repeat)


def rocksalt_100():
    bulk = crystal(["Li", "F"], [(0, 0, 0), (0.5, 0.5, 0.5)], spacegroup=225, cellpar=[4.03] * 3 + [90] * 3)
    return slab_of(surface(bulk, (1, 0, 0), 2, vacuum=8))


def table(slab):
    return {s.name: (s.multiplicity, len(s.coordination)) for s in adsorption_sites(slab)}


def closest_ratio(slab, position, adsorbate="Li"):
    """Smallest distance over sum of radii, by pymatgen's own neighbour search."""
    near = slab.get_sites_in_sphere(position, 6.0)
    return min(
        np.linalg.norm(site.coords - position) / (radius(site.specie.symbol) + radius(adsorbate)) for site in near
    )


# name: (positions in the 1x1 cell, neighbours in touch), from the textbook pictures of these planes
TEXTBOOK = {
    "fcc(111)": (
        fcc111,
        "Cu",
        3,
        {"top-1": (1, 1), "bridge-1": (3, 2), "hollow-1": (1, 3), "hollow-2": (1, 3)},
    ),
    "fcc(100)": (fcc100, "Cu", 3, {"top-1": (1, 1), "bridge-1": (2, 2), "hollow-1": (1, 4)}),
    "fcc(110)": (
        fcc110,
        "Cu",
        4,
        {"top-1": (1, 1), "bridge-1": (1, 2), "bridge-2": (1, 2), "hollow-1": (1, 5)},
    ),
    "bcc(110)": (
        bcc110,
        "W",
        3,
        {"top-1": (1, 1), "bridge-1": (1, 2), "bridge-2": (2, 2), "hollow-1": (2, 3)},
    ),
    "bcc(100)": (bcc100, "W", 4, {"top-1": (1, 1), "bridge-1": (2, 2), "hollow-1": (1, 4)}),
    "hcp(0001)": (
        hcp0001,
        "Zr",
        4,
        {"top-1": (1, 1), "bridge-1": (3, 2), "hollow-1": (1, 3), "hollow-2": (1, 3)},
    ),
}


@pytest.mark.parametrize("plane", TEXTBOOK)
@pytest.mark.parametrize("repeat", [(1, 1), (2, 2), (2, 3)])
def test_textbook_planes_have_their_sites_and_multiplicities(plane, repeat):
    build, element, layers, expected = TEXTBOOK[plane]
    slab = slab_of(build(element, (1, 1, layers), vacuum=8) * (*repeat, 1))
    cells = repeat[0] * repeat[1]
    assert table(slab) == {name: (k * cells, c) for name, (k, c) in expected.items()}


def test_hcp_hollow_has_an_atom_below_and_fcc_hollow_has_none():
    slab = slab_of(fcc111("Cu", (1, 1, 3), vacuum=8))
    layers = np.sort(slab.cart_coords[:, 2])
    second = next(s for s in slab if abs(s.coords[2] - layers[1]) < 0.1)
    below = {}
    for name in ("hollow-1", "hollow-2"):
        site = site_named(adsorption_sites(slab), name)
        offset = slab.lattice.get_fractional_coords(np.array(site.position) - second.coords)[:2]
        below[name] = np.allclose(offset, np.round(offset), atol=1e-3)
    assert below == {"hollow-1": True, "hollow-2": False}


def test_heights_of_touching_spheres_by_hand():
    sites = {s.name: s for s in adsorption_sites(slab_of(fcc111("Cu", (1, 1, 3), a=3.61, vacuum=8)))}
    touch = TOUCH * (1.52 + 1.32)
    bond = 3.61 / np.sqrt(2)
    assert sites["top-1"].height_a == pytest.approx(touch)
    assert sites["bridge-1"].height_a == pytest.approx(np.sqrt(touch**2 - bond**2 / 4))
    assert sites["hollow-1"].height_a == pytest.approx(np.sqrt(touch**2 - bond**2 / 3))


def test_long_bridge_and_hollow_of_bcc110_are_where_geometry_says():
    a = 3.165
    sites = {s.name: s for s in adsorption_sites(slab_of(bcc110("W", (1, 1, 3), a=a, vacuum=8)))}
    top = np.array(sites["top-1"].position)
    near = {}
    for name in ("bridge-1", "bridge-2", "hollow-1"):
        images = np.array(sites[name].position)[:2] - top[:2]
        lattice = bcc110("W", (1, 1, 3), a=a, vacuum=8).cell[:2, :2]
        steps = np.array([(i, j) for i in range(-2, 3) for j in range(-2, 3)]) @ lattice
        near[name] = np.linalg.norm(images + steps, axis=1).min()
    assert near["bridge-1"] == pytest.approx(a / 2)  # long bridge, along [001]
    assert near["bridge-2"] == pytest.approx(a * np.sqrt(3) / 4)  # short bridge, along [111]
    assert near["hollow-1"] == pytest.approx(0.75**2 * a / 1.5 * np.sqrt(2))  # R = abc/4K of the triangle


def test_open_bcc111_exposes_its_second_layer():
    sites = adsorption_sites(slab_of(bcc111("W", (1, 1, 6), vacuum=8)))
    assert [s.kind for s in sites].count("top") == 2
    assert all(closest_ratio(slab_of(bcc111("W", (1, 1, 6), vacuum=8)), s.position) > 0.94 for s in sites)


@pytest.mark.parametrize("angle", [17.0, 90.0, 211.0])
@pytest.mark.parametrize("slab", [slab_of(fcc111("Cu", (2, 2, 3), vacuum=8)), antifluorite_110()], ids=["Cu", "Li2Te"])
def test_turning_the_slab_turns_the_sites(slab, angle):
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    turned = Structure(Lattice(slab.lattice.matrix @ turn), slab.species, slab.frac_coords)
    before, after = adsorption_sites(slab), adsorption_sites(turned)
    assert [(x.name, x.multiplicity, x.coordination) for x in before] == [
        (x.name, x.multiplicity, x.coordination) for x in after
    ]
    np.testing.assert_allclose([x.height_a for x in before], [x.height_a for x in after], atol=1e-6)
    for old, new in zip(before, after, strict=True):
        moved = np.array(old.position) @ turn
        images = turned.lattice.get_fractional_coords(equivalent_positions(turned, new) - moved)
        assert np.abs(images - np.round(images)).max(axis=1).min() < 1e-4


def test_skewed_cell_and_tilted_vacuum_change_nothing():
    slab = slab_of(fcc111("Cu", (2, 2, 3), vacuum=8))
    a, b, c = slab.lattice.matrix
    skewed = Structure(
        Lattice([a, b + 3 * a, c + 0.37 * a - 0.21 * b]),
        slab.species,
        slab.cart_coords,
        coords_are_cartesian=True,
    )
    assert table(skewed) == table(slab)


def test_slab_wrapped_across_the_cell_boundary_is_the_same_slab():
    slab = slab_of(fcc111("Cu", (2, 2, 3), vacuum=8))
    shifted = slab.copy()
    shifted.translate_sites(range(len(slab)), [0, 0, -slab.frac_coords[:, 2].mean()], to_unit_cell=True)
    assert table(shifted) == table(slab)
    assert [s.height_a for s in adsorption_sites(shifted)] == pytest.approx(
        [s.height_a for s in adsorption_sites(slab)]
    )
    assert np.ptp(surface_of(shifted).positions[:, 2]) == pytest.approx(np.ptp(slab.cart_coords[:, 2]))


def test_noise_of_a_relaxation_makes_no_new_sites():
    atoms = fcc111("Cu", (4, 4, 3), vacuum=8)
    noisy = atoms.copy()
    noisy.rattle(0.005, seed=3)
    assert table(slab_of(noisy)) == table(slab_of(atoms))


def test_only_the_top_face_counts():
    slab = slab_of(fcc111("Cu", (1, 1, 3), vacuum=8))
    assert all(s.position[2] > slab.cart_coords[:, 2].max() for s in adsorption_sites(slab))


def test_antifluorite_110_has_sites_on_both_species_and_no_overlap():
    slab = antifluorite_110()
    sites = adsorption_sites(slab)
    assert {s.coordination for s in sites if s.kind == "top"} == {("Li",), ("Te",)}
    assert {"top", "bridge", "hollow"} == {s.kind for s in sites}
    for site in sites:
        for position in equivalent_positions(slab, site):
            assert closest_ratio(slab, position) > TOUCH - 1e-3 > OVERLAP
    scaled = adsorption_sites(antifluorite_110((2, 2, 1)))
    assert [s.multiplicity for s in scaled] == [4 * s.multiplicity for s in sites]


def test_level_anion_beside_a_large_cation_is_exposed():
    tops = [s for s in adsorption_sites(rocksalt_100()) if s.kind == "top"]
    assert len(tops) == 2
    assert any("F" in s.coordination for s in tops)


def test_equivalent_positions_are_distinct_inside_the_cell_and_include_the_site():
    slab = slab_of(bcc110("Li", (3, 4, 3), a=3.43, vacuum=8))
    for site in adsorption_sites(slab):
        images = equivalent_positions(slab, site)
        frac = slab.lattice.get_fractional_coords(images)
        assert len(images) == site.multiplicity
        assert frac[:, :2].min() > -1e-5 and frac[:, :2].max() < 1
        gaps = slab.lattice.get_all_distances(frac, frac) + 9 * np.eye(len(frac))
        assert gaps.min() > 0.5
        assert np.linalg.norm(images - site.position, axis=1).min() < 1e-6
        heights = [closest_ratio(slab, p) for p in images]
        np.testing.assert_allclose(heights, heights[0], atol=1e-6)


def test_site_of_the_small_cell_has_its_images_in_the_large_one():
    small, large = (slab_of(fcc111("Cu", (k, k, 3), vacuum=8)) for k in (1, 4))
    for site in adsorption_sites(small):
        assert len(equivalent_positions(large, site)) == 16 * site.multiplicity


def test_order_of_atoms_does_not_matter():
    slab = antifluorite_110()
    rng = np.random.default_rng(1)
    shuffled = Structure.from_sites([slab[int(i)] for i in rng.permutation(len(slab))])
    assert table(shuffled) == table(slab)


def test_height_can_be_given_but_not_into_an_atom():
    slab = slab_of(fcc111("Cu", (1, 1, 3), vacuum=8))
    assert [s.height_a for s in adsorption_sites(slab, height_a=2.5)] == pytest.approx([2.5] * 4)
    with pytest.raises(OverlapError, match="raise the height"):
        adsorption_sites(slab, height_a=1.0)


def test_cells_without_a_surface_are_refused():
    bulk = Structure(Lattice.cubic(3.61), ["Cu"] * 4, [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]])
    with pytest.raises(StructureError, match="vacuum"):
        adsorption_sites(bulk)
    slab = slab_of(fcc100("Cu", (1, 1, 3), vacuum=8))
    upright = Structure(Lattice(slab.lattice.matrix[:, [2, 0, 1]]), slab.species, slab.frac_coords)
    with pytest.raises(StructureError, match="xy plane"):
        adsorption_sites(upright)


def test_unknown_site_lists_the_known_ones():
    sites = adsorption_sites(slab_of(fcc100("Cu", (1, 1, 3), vacuum=8)))
    with pytest.raises(StructureError, match=r"hollow-2.*top-1, bridge-1, hollow-1"):
        site_named(sites, "hollow-2")
