"""Displaced structures keep the symmetry of what was built, unless they have really left it."""

import numpy as np
import pytest
import spglib
from crystals import bcc, fcc

from liface.documents import Geometry
from liface.structures.interfaces import InterfaceBuilder
from liface.structures.kept_symmetry import keeping_symmetry
from liface.structures.matching import best_match, in_plane_vectors
from liface.structures.slabs import build_slab


def order_of(geometry, tolerance):
    """Number of operations at a tolerance, Å."""
    kinds = [f"{s}{f}" for s, f in zip(geometry.species, geometry.frozen, strict=True)]
    frac = geometry.position_array @ np.linalg.inv(geometry.cell_array)
    numbers = [sorted(set(kinds)).index(kind) + 1 for kind in kinds]
    return len(spglib.get_symmetry((geometry.cell_array, frac, numbers), symprec=tolerance)["rotations"])


def slab():
    built = build_slab(fcc("Cu", 3.6), "111", n_planes=4, vacuum_a=10, supercell=((2, 0), (0, 2)), frozen_planes=1)
    return Geometry.from_structure(built.structure)


def sandwich():
    copper, lithium = fcc("Cu", 3.6), bcc("Li", 3.44)
    match = best_match(
        in_plane_vectors(copper, "100"), in_plane_vectors(lithium, "100"), max_area_a2=60, max_strain_percent=8
    )
    return Geometry.from_structure(
        InterfaceBuilder(copper, "100", lithium, "100", match, film_planes=3, substrate_planes=3)
        .sandwich(2.2, (0, 0))
        .structure
    )


def noisy(geometry, size, seed=0):
    noise = np.random.default_rng(seed).normal(0, size, (geometry.n_atoms, 3))
    noise[np.array(geometry.frozen)] = 0
    return geometry.with_positions(geometry.position_array + noise)


def relaxed(geometry):
    """Move planes as a relaxation does: along the normal, both sides of the substrate alike."""
    positions = geometry.position_array
    centre = np.mean(positions[np.array(geometry.roles) != "film", 2])
    phase = 4 * np.pi * (positions[:, 2] - centre) / geometry.cell[2][2]
    positions[:, 2] += np.where(geometry.frozen, 0, 0.05 * np.sin(phase))
    return geometry.with_positions(positions)


@pytest.mark.parametrize("build", [slab, sandwich])
def test_noise_is_taken_out_and_the_relaxation_kept(build):
    built = build()
    exact = relaxed(built)
    assert order_of(exact, 1e-8) == order_of(built, 1e-6) > 4
    rough = noisy(exact, 1e-5)
    assert order_of(rough, 1e-7) == 1
    kept = keeping_symmetry(built, rough)
    assert order_of(kept, 1e-8) == order_of(exact, 1e-8)
    np.testing.assert_allclose(kept.position_array, exact.position_array, atol=1e-4)
    frozen = np.array(built.frozen)
    np.testing.assert_allclose(kept.position_array[frozen], built.position_array[frozen], atol=1e-12)


def test_an_exact_one_comes_back_as_it_is():
    built = sandwich()
    exact = keeping_symmetry(built, relaxed(built))
    np.testing.assert_allclose(keeping_symmetry(built, exact).position_array, exact.position_array, atol=1e-12)


def test_another_height_is_kept():
    built = sandwich()
    taller = built.with_positions(built.position_array * [1, 1, 1.03], built.cell_array * [[1], [1], [1.03]])
    kept = keeping_symmetry(built, noisy(taller, 1e-5))
    assert kept.cell == taller.cell
    np.testing.assert_allclose(kept.position_array, taller.position_array, atol=1e-4)
    assert order_of(kept, 1e-8) == order_of(built, 1e-6)


def test_a_structure_that_has_left_the_symmetry_is_left_alone():
    built = slab()
    positions = built.position_array
    positions[-1] += [0.3, 0.1, 0.0]
    broken = built.with_positions(positions)
    assert keeping_symmetry(built, broken) == broken
