"""The identity of a geometry, and its way to other libraries and back."""

import numpy as np
import pytest
from document_examples import CELLS, crystal, permuted, vectors

from liface.documents import Geometry

# --- identity of a geometry ----------------------------------------------------------------------------------


@pytest.fixture(params=[(cell, seed) for cell in CELLS for seed in range(3)], ids=lambda p: f"{p[0]}-{p[1]}")
def geometry(request) -> Geometry:
    return crystal(*request.param)


def test_identity_ignores_the_order_of_atoms(geometry):
    order = np.random.default_rng(5).permutation(geometry.n_atoms)
    assert permuted(geometry, order).identity == geometry.identity


def test_identity_ignores_periodic_images(geometry):
    images = np.random.default_rng(6).integers(-3, 4, (geometry.n_atoms, 3)) @ geometry.cell_array
    assert geometry.with_positions(geometry.position_array + images).identity == geometry.identity


def test_identity_ignores_a_translation_by_a_lattice_vector(geometry):
    moved = geometry.position_array + np.array([2, -1, 1]) @ geometry.cell_array
    assert geometry.with_positions(moved).identity == geometry.identity


def test_identity_ignores_noise_below_a_tenth_of_its_grid(geometry):
    noise = np.random.default_rng(7).uniform(-1e-5, 1e-5, (geometry.n_atoms, 3)) / np.sqrt(3)
    assert geometry.with_positions(geometry.position_array + noise).identity == geometry.identity
    noisy = geometry.with_positions(geometry.position_array, geometry.cell_array + 1e-9)
    assert noisy.identity == geometry.identity


def test_identity_ignores_roles_and_all_at_once(geometry):
    assert geometry.model_copy(update={"roles": ("bulk",) * geometry.n_atoms}).identity == geometry.identity
    order = np.random.default_rng(8).permutation(geometry.n_atoms)
    images = np.random.default_rng(9).integers(-2, 3, (geometry.n_atoms, 3)) @ geometry.cell_array
    other = permuted(geometry, order)
    assert other.with_positions(other.position_array + images + 3e-6).identity == geometry.identity


def test_identity_sees_every_atom_that_moves(geometry):
    seen = {geometry.identity}
    for atom in range(geometry.n_atoms):
        for axis in range(3):
            positions = geometry.position_array
            positions[atom, axis] += 1e-3
            seen.add(geometry.with_positions(positions).identity)
    assert len(seen) == 1 + 3 * geometry.n_atoms


def test_identity_sees_species_and_frozen_atoms(geometry):
    seen = {geometry.identity}
    for atom in range(geometry.n_atoms):
        species = [*geometry.species]
        species[atom] = "Na"
        seen.add(geometry.model_copy(update={"species": tuple(species)}).identity)
        frozen = [*geometry.frozen]
        frozen[atom] = not frozen[atom]
        seen.add(geometry.model_copy(update={"frozen": tuple(frozen)}).identity)
    assert len(seen) == 1 + 2 * geometry.n_atoms


def test_identity_sees_another_cell(geometry):
    seen = {geometry.identity}
    for row, column in ((0, 0), (1, 0), (1, 1), (2, 2)):
        cell = geometry.cell_array
        cell[row, column] += 1e-3
        seen.add(geometry.with_positions(geometry.position_array, cell).identity)
    assert len(seen) == 5


def test_identity_of_an_atom_halfway_between_two_grid_points():
    cell = 4.0501 * np.eye(3)
    atoms = Geometry(
        cell=vectors(cell),
        species=("Cu",),
        positions=vectors(np.full((1, 3), 0.5) @ cell),
        frozen=(False,),
        roles=("bulk",),
    )
    images = [atoms.with_positions(atoms.position_array + k * cell[0]).identity for k in range(-5, 6)]
    assert len(set(images)) == 1


def test_the_canonical_geometry_is_the_same_crystal_whatever_it_came_from(geometry):
    order = np.random.default_rng(10).permutation(geometry.n_atoms)
    images = np.random.default_rng(11).integers(-2, 3, (geometry.n_atoms, 3)) @ geometry.cell_array
    other = permuted(geometry, order)
    one, two = geometry.canonical(), other.with_positions(other.position_array + images[order]).canonical()
    assert one.identity == two.identity == geometry.identity
    assert (one.species, one.frozen, one.roles) == (two.species, two.frozen, two.roles)
    np.testing.assert_allclose(one.position_array, two.position_array, atol=1e-9)
    inside = one.position_array @ np.linalg.inv(one.cell_array)
    assert inside.min() > -1e-8 and inside.max() < 1


# --- round trips ---------------------------------------------------------------------------------------------


def test_a_geometry_survives_json_exactly(geometry):
    assert Geometry.from_json(geometry.model_dump_json()) == geometry


def test_a_geometry_survives_pymatgen(geometry):
    back = Geometry.from_structure(geometry.to_structure())
    assert (back.species, back.frozen, back.roles) == (geometry.species, geometry.frozen, geometry.roles)
    np.testing.assert_allclose(back.position_array, geometry.position_array, atol=1e-10)
    np.testing.assert_allclose(back.cell_array, geometry.cell_array, atol=1e-10)
    assert back.identity == geometry.identity


def test_a_geometry_becomes_ase_atoms_with_its_frozen_atoms(geometry):
    atoms = geometry.to_ase()
    assert tuple(atoms.get_chemical_symbols()) == geometry.species
    np.testing.assert_array_equal(atoms.positions, geometry.position_array)
    fixed = atoms.constraints[0].index if atoms.constraints else []
    assert [i in fixed for i in range(geometry.n_atoms)] == list(geometry.frozen)


def test_pymatgen_structures_without_labels_are_free_bulk():
    from pymatgen.core import Lattice, Structure

    plain = Geometry.from_structure(Structure(Lattice.cubic(3.5), ["Li", "Li"], [[0, 0, 0], [0.5, 0.5, 0.5]]))
    assert (plain.frozen, plain.roles) == ((False, False), ("bulk", "bulk"))


def test_numbers_of_a_geometry():
    geometry = crystal("hexagonal", seed=1)
    assert geometry.in_plane_area == pytest.approx(2.56 * 2.217025)
    counts = {s: geometry.species.count(s) for s in sorted(set(geometry.species))}
    assert geometry.formula == "".join(f"{s}{n}" if n > 1 else s for s, n in counts.items())
    assert sum(geometry.count(role=role) for role in ("substrate", "film")) == geometry.n_atoms
    assert sum(geometry.count(species, "film") for species in counts) == geometry.count(role="film")
