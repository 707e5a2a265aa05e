"""Meshes of k-points: density, vacuum, noise, bad input."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111
from hypothesis import given
from hypothesis import strategies as st

from liface.documents import Geometry
from liface.engines.kpoints import cell_heights, explicit_mesh, gamma_mesh, parse_mesh, vacuum_directions
from liface.errors import InputError


def geometry(atoms):
    n = len(atoms)
    return Geometry(
        cell=atoms.cell.array.tolist(),
        species=tuple(atoms.symbols),
        positions=atoms.positions.tolist(),
        frozen=(False,) * n,
        roles=("bulk",) * n,
    )


def slab(vacuum=7.0):
    atoms = fcc111("Cu", (1, 1, 3), vacuum=vacuum, a=3.6)
    atoms.pbc = True
    return atoms


def test_spacing_of_the_mesh_is_at_most_what_was_asked():
    g = geometry(bulk("Li", cubic=True, a=3.44))
    assert gamma_mesh(g, 0.2) == (10, 10, 10)  # 2π/3.44/0.2 = 9.13
    assert gamma_mesh(g, 0.3) == (7, 7, 7)


@given(spacing=st.floats(0.08, 0.6), seed=st.integers(0, 50))
def test_spacing_holds_in_skew_cells(spacing, seed):
    atoms = bulk("Cu", cubic=True, a=3.6)
    atoms.set_cell(atoms.cell.array + np.random.default_rng(seed).normal(scale=0.3, size=(3, 3)), scale_atoms=True)
    mesh = np.array(gamma_mesh(geometry(atoms), spacing))
    lengths = 2 * np.pi * np.linalg.norm(np.linalg.inv(atoms.cell.array), axis=0)
    assert (lengths / mesh < spacing * 1.006).all()
    assert (mesh == 1).any() or (lengths / (mesh - 1) > spacing * 0.99).all()


def test_density_is_kept_in_supercells():
    cell = bulk("Cu", cubic=True, a=3.6)
    small, large = gamma_mesh(geometry(cell), 0.2), gamma_mesh(geometry(cell * (3, 1, 1)), 0.2)
    assert small == (9, 9, 9)
    assert large == (3, 9, 9)


@given(noise=st.floats(-1e-4, 1e-4))
def test_noise_in_the_lattice_adds_no_point(noise):
    a = 2 * np.pi / (8 * 0.2)  # exactly eight points
    assert gamma_mesh(geometry(bulk("Cu", cubic=True, a=a + noise)), 0.2) == (8, 8, 8)


def test_one_point_along_vacuum_only():
    g = geometry(slab())
    assert vacuum_directions(g) == (False, False, True)
    assert gamma_mesh(g, 0.2)[2] == 1
    assert gamma_mesh(g, 0.2)[0] == gamma_mesh(g, 0.2)[1] == 15
    assert explicit_mesh("4x4x4", g) == (4, 4, 1)
    assert explicit_mesh("4x4x4", geometry(bulk("Cu", cubic=True, a=3.6))) == (4, 4, 4)


def test_vacuum_across_the_cell_boundary_and_in_another_direction():
    atoms = slab()
    for shift in (0.0, 5.0, 11.0):
        moved = atoms.copy()
        moved.positions[:, 2] += shift
        moved.wrap()
        assert vacuum_directions(geometry(moved)) == (False, False, True)
    turned = atoms[:]
    turned.set_cell(atoms.cell.array[[2, 0, 1]])
    assert vacuum_directions(geometry(turned)) == (True, False, False)


@pytest.mark.parametrize(("gap", "vacuum"), [(5.9, False), (6.0, True), (6.1, True)])
def test_gap_of_six_angstrom_is_vacuum(gap, vacuum):
    atoms = slab(vacuum=gap / 2)
    assert vacuum_directions(geometry(atoms))[2] is vacuum


def test_an_atom_in_a_box_has_one_point():
    assert gamma_mesh(geometry(Atoms("Li", cell=[10, 11, 12], pbc=True)), 0.05) == (1, 1, 1)


def test_height_is_not_length_in_a_skew_cell():
    atoms = Atoms("Cu", cell=[[2.5, 0, 0], [0, 2.5, 0], [3.0, 0, 4.0]], pbc=True)
    np.testing.assert_allclose(cell_heights(geometry(atoms))[2], 4.0)


@pytest.mark.parametrize("text", ["", "4", "4x4", "4x4x4x4", "0x1x1", "-1x1x1", "4.5x1x1", "axbxc", "100x1x1", "٤x٤x٤"])
def test_bad_mesh_is_told(text):
    with pytest.raises(InputError, match="4x4x4"):
        explicit_mesh(text, geometry(slab()))
    with pytest.raises(InputError, match="write three whole numbers"):
        parse_mesh(text)


@pytest.mark.parametrize("spacing", [0.0, -0.2, float("nan"), float("inf")])
def test_bad_spacing_is_told(spacing):
    with pytest.raises(InputError, match="must be positive"):
        gamma_mesh(geometry(slab()), spacing)


def test_a_spacing_in_the_wrong_unit_is_told():
    with pytest.raises(InputError, match="is it in Å⁻¹"):
        gamma_mesh(geometry(slab()), 0.005)


def test_flat_cell_is_told():
    flat = Geometry(cell=((1, 0, 0), (0, 1, 0), (1, 1, 0)), species=(), positions=(), frozen=(), roles=())
    with pytest.raises(InputError, match="no volume"):
        gamma_mesh(flat, 0.2)
