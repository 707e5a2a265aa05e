"""Hops on surfaces whose nets are known."""

import numpy as np
import pytest
from ase.build import bcc110, fcc100, fcc111
from pymatgen.io.ase import AseAtomsAdaptor

from liface.errors import StructureError
from liface.structures.hops import distinct_places, hop_lattice, moved_to, nearest_place
from liface.structures.sites import adsorption_sites, equivalent_positions

A = 3.6


def slab_of(atoms):
    atoms.pbc = True
    return AseAtomsAdaptor.get_structure(atoms)


def hollows(slab):
    return [np.array(site.position) for site in adsorption_sites(slab) if site.kind == "hollow"]


def test_hollows_of_fcc111_hop_to_three_neighbours_of_the_other_kind():
    slab = slab_of(fcc111("Cu", (3, 2, 4), a=A, vacuum=8))
    found = hop_lattice(slab, hollows(slab), 2.0)
    (hop,) = found.hops
    assert (hop.start, hop.end) == (0, 1) and len(found.nodes) == 2
    assert hop.length_a == pytest.approx(A / np.sqrt(6), abs=0.01)
    assert len(hop.steps) == 6  # three from each of the two


def test_longer_hops_that_pass_no_minimum_are_found_and_others_are_not():
    slab = slab_of(fcc111("Cu", (3, 3, 4), a=A, vacuum=8))
    found = hop_lattice(slab, hollows(slab), 3.2)
    lengths = [round(hop.length_a / (A / np.sqrt(6)), 2) for hop in found.hops]
    # Like to like at sqrt(3), for each kind; straight across a top site, twice as far, passes no minimum.
    assert lengths == [1.0, 1.73, 1.73, 2.0]
    assert [(hop.start, hop.end) for hop in found.hops[1:3]] == [(0, 0), (1, 1)]


@pytest.mark.parametrize("repeat", [(2, 2, 3), (3, 2, 3)])
def test_net_of_fcc100_is_one_hop_whatever_the_cell(repeat):
    slab = slab_of(fcc100("Cu", repeat, a=A, vacuum=8))
    found = hop_lattice(slab, hollows(slab), 3.0)
    (hop,) = found.hops
    assert hop.length_a == pytest.approx(A / np.sqrt(2), abs=0.01) and len(hop.steps) == 4
    assert abs(np.linalg.det(found.primitive)) == pytest.approx(A**2 / 2, rel=1e-3)


def test_bcc110_hops_along_111_and_001_are_different():
    a = 3.44
    slab = slab_of(bcc110("Li", (3, 4, 4), a=a, vacuum=8, orthogonal=True))
    long_bridge = hollows(slab)[0]
    found = hop_lattice(slab, [long_bridge], 3.6)
    lengths = {round(hop.length_a, 2) for hop in found.hops}
    assert round(a * np.sqrt(3) / 2, 2) in lengths and round(a, 2) in lengths


def test_displaced_and_equivalent_points_are_one_place():
    slab = slab_of(fcc111("Cu", (3, 3, 4), a=A, vacuum=8))
    sites = adsorption_sites(slab)
    first, second = [site for site in sites if site.kind == "hollow"]
    others = equivalent_positions(slab, first)
    points = [others[0], others[4] + [0.1, 0.1, 0.3], np.array(second.position)]
    assert distinct_places(slab, points) == (0, 0, 2)
    which, distance = nearest_place(slab, others[3], [np.array(second.position), np.array(first.position)])
    assert which == 1 and distance < 1e-3


@pytest.mark.parametrize("repeat", [(2, 2, 3), (3, 2, 3)])
def test_moving_an_adatom_moves_the_displacements_of_the_slab_along(repeat):
    """A pair potential knows of no cell symmetry: distances to the adatom have to be the same, near it."""
    slab = slab_of(fcc111("Cu", repeat, a=A, vacuum=8))
    hollow = next(site for site in adsorption_sites(slab) if site.kind == "hollow")
    start, *others = equivalent_positions(slab, hollow)
    pushed = slab.copy()
    pushed.append("Li", start, coords_are_cartesian=True)
    away = np.array([pushed.lattice.get_all_distances(pushed.frac_coords, pushed.frac_coords)[-1]])[0][:-1]
    relaxed = pushed.cart_coords
    for i in np.flatnonzero(away < 3.2):  # push the neighbours apart, and one of them up
        vector = pushed[-1].distance_and_image(pushed[int(i)])[1]
        apart = pushed.lattice.get_cartesian_coords(pushed[int(i)].frac_coords + vector) - start
        relaxed[i] += 0.1 * apart / np.linalg.norm(apart)

    def around(positions):
        frac = slab.lattice.get_fractional_coords(positions)
        return np.sort(slab.lattice.get_all_distances(frac[-1:], frac[:-1])[0])[:6]

    for other in others:
        moved = moved_to(slab, relaxed, other)
        assert np.allclose(moved[-1], other) and np.allclose(around(moved), around(relaxed), atol=1e-4)
    with pytest.raises(StructureError, match="no symmetry of the slab"):
        moved_to(slab, relaxed, np.add(start, [0.8, 0.3, 0.0]))


def test_no_minimum_no_hops():
    slab = slab_of(fcc111("Cu", (2, 2, 4), a=A, vacuum=8))
    with pytest.raises(StructureError, match="nothing to hop between"):
        hop_lattice(slab, [], 3.0)
