"""The same cells as those of pymatgen's CoherentInterfaceBuilder, wherever both mean the same."""

import sys
from pathlib import Path

import numpy as np
import pytest

from liface.structures.checks import minimum_distance

BENCHMARKS = str(Path(__file__).parents[2] / "benchmarks")


@pytest.fixture(scope="module")
def cells():
    sys.path.insert(0, BENCHMARKS)
    try:
        import coherent_pairs
    finally:
        sys.path.remove(BENCHMARKS)
    return coherent_pairs


def shortest_inside(structure, indices):
    """The shortest distance between atoms of one side, Å."""
    return minimum_distance(structure.cart_coords[indices], structure.lattice.matrix[:2, :2])


def laid_flat(interface):
    """In-plane rows and positions of a structure whose in-plane vectors need not lie in the xy plane."""
    a, b, _ = interface.lattice.matrix
    x = a / np.linalg.norm(a)
    normal = np.cross(a, b) / np.linalg.norm(np.cross(a, b))
    frame = np.array([x, np.cross(normal, x), normal])
    return interface.lattice.matrix[:2] @ frame.T, interface.cart_coords @ frame.T


@pytest.mark.parametrize(("which", "n", "area"), [(0, 4, 120.0), (1, 2, 120.0), (2, 1, 60.0)])
def test_atoms_cell_strain_and_distances(cells, which, n, area):
    pair = cells.PAIRS[which]
    builder = pair.pymatgen(area)
    interfaces = cells.first_interfaces(builder, n)
    assert interfaces
    same_hand = 0
    for found, theirs in zip(builder.zsl_matches, interfaces, strict=False):
        match = cells.same_match(pair, found)
        ours = pair.ours(match, *cells.same_planes(pair, match, theirs)).with_vacuum(cells.GAP_A)
        assert ours.structure.composition == theirs.composition
        assert ours.n_film == len(theirs.film_indices)
        rows, positions = laid_flat(theirs)
        assert match.area_a2 == pytest.approx(abs(np.linalg.det(rows[:, :2])), rel=1e-6)
        strain = 100 * float(theirs.interface_properties["von_mises_strain"])
        if match.von_mises_percent > strain + 1e-3:
            continue  # pymatgen takes the mirror image of the film; liface never turns a film over
        same_hand += 1
        assert match.von_mises_percent == pytest.approx(strain, abs=1e-4)
        film = [i for i, role in enumerate(ours.structure.site_properties["role"]) if role == "film"]
        substrate = [i for i in range(ours.n_atoms) if i not in film]
        for own, other in ((film, theirs.film_indices), (substrate, theirs.substrate_indices)):
            expected = minimum_distance(positions[other], rows[:, :2])
            assert shortest_inside(ours.structure, own) == pytest.approx(expected, abs=2e-3)
    assert same_hand
