"""Start moments: high where the metals are magnetic, alternating on the two sublattices of bcc chromium."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bcc100, bcc110, bulk, fcc111, hcp0001

from liface.documents import Geometry
from liface.engines.moments import START_MOMENTS, initial_moments, is_magnetic, magnetic_order


def geometry(atoms: Atoms) -> Geometry:
    n = len(atoms)
    return Geometry(
        cell=tuple(map(tuple, atoms.cell.array.tolist())),
        species=tuple(atoms.get_chemical_symbols()),
        positions=tuple(map(tuple, atoms.positions.tolist())),
        frozen=(False,) * n,
        roles=("bulk",) * n,
    )


def chromium(n: int = 1) -> Atoms:
    return bulk("Cr", "bcc", a=2.85, cubic=True).repeat(n)


@pytest.mark.parametrize(
    "atoms", [bulk("Li", "bcc", a=3.44), bulk("W", "bcc", a=3.17), fcc111("Cu", (2, 2, 3), vacuum=8)]
)
def test_no_magnetic_element_no_moment(atoms):
    assert set(initial_moments(geometry(atoms))) == {0.0}
    assert magnetic_order(geometry(atoms)) == "none"
    assert not is_magnetic(geometry(atoms))


@pytest.mark.parametrize(
    "atoms",
    [bulk("Fe", "bcc", a=2.83, cubic=True), bulk("Ni", "fcc", a=3.52), hcp0001("Co", (2, 2, 3), vacuum=7, a=2.5)],
)
def test_ferromagnets_start_parallel_and_high(atoms):
    moments = initial_moments(geometry(atoms))
    assert set(moments) == {START_MOMENTS[atoms[0].symbol]}
    assert moments[0] > {"Fe": 2.2, "Co": 1.7, "Ni": 0.6}[atoms[0].symbol]
    assert magnetic_order(geometry(atoms)) == "ferromagnetic"


@pytest.mark.parametrize("n", [1, 2, 3])
def test_bcc_chromium_alternates_between_its_sublattices(n):
    atoms = chromium(n)
    moments = np.array(initial_moments(geometry(atoms)))
    corner = np.all(np.isclose((atoms.positions / 2.85) % 1.0 % 1.0, 0.0), axis=1)
    assert abs(moments.sum()) < 1e-12
    assert len(set(moments[corner])) == len(set(moments[~corner])) == 1
    assert magnetic_order(geometry(atoms)) == "antiferromagnetic"


def test_planes_of_a_100_slab_alternate_also_when_relaxed_and_strained():
    slab = bcc100("Cr", (2, 2, 5), a=2.85, vacuum=8)
    slab.set_cell(slab.cell.array * [[1.04], [0.97], [1.0]], scale_atoms=True)
    slab.positions[:, 2] += 0.05 * np.sin(7 * slab.positions[:, 2])
    moments = np.array(initial_moments(geometry(slab)))
    by_plane = {tag: set(moments[slab.get_tags() == tag]) for tag in range(1, 6)}
    assert [values.pop() for values in by_plane.values()] in ([2, -2, 2, -2, 2], [-2, 2, -2, 2, -2])


def test_a_110_slab_needs_two_atoms_per_plane():
    assert magnetic_order(geometry(bcc110("Cr", (1, 1, 4), a=2.85, vacuum=8))) == "ferromagnetic"
    large = bcc110("Cr", (1, 2, 4), a=2.85, vacuum=8, orthogonal=True)
    assert magnetic_order(geometry(large)) == "antiferromagnetic"
    moments = np.array(initial_moments(geometry(large)))
    assert all(moments[large.get_tags() == tag].sum() == 0 for tag in (1, 2, 3, 4))


@pytest.mark.parametrize("atoms", [bulk("Cr", "bcc", a=2.85), bulk("Cr", "fcc", a=3.6, cubic=True)])
def test_where_two_sublattices_do_not_fit_the_start_is_ferromagnetic(atoms):
    assert set(initial_moments(geometry(atoms))) == {2.0}
    assert magnetic_order(geometry(atoms)) == "ferromagnetic"


def test_lithium_on_chromium_leaves_the_order_and_has_no_moment():
    slab = bcc100("Cr", (2, 2, 4), a=2.85, vacuum=8)
    slab += Atoms("Li2", positions=[slab.positions[-1] + [0, 0, 2.4], slab.positions[-4] + [0, 0, 2.4]])
    moments = np.array(initial_moments(geometry(slab)))
    assert list(moments[-2:]) == [0.0, 0.0]
    assert sorted(moments[:-2]) == [-2.0] * 8 + [2.0] * 8


def test_each_atom_keeps_its_moment_when_the_list_is_shuffled_or_wrapped():
    atoms = chromium(2)
    atoms.positions += 0.03 * np.random.default_rng(4).standard_normal(atoms.positions.shape)
    reference = np.array(initial_moments(geometry(atoms)))
    order = np.random.default_rng(5).permutation(len(atoms))
    shuffled = atoms[order]
    shuffled.positions[::3] += atoms.cell[1]
    assert np.array_equal(initial_moments(geometry(shuffled)), reference[order])


def test_a_single_chromium_atom_on_a_surface_is_no_antiferromagnet():
    slab = fcc111("Cu", (3, 3, 3), vacuum=8)
    slab += Atoms("Cr", positions=[slab.positions[-1] + [0, 0, 2.0]])
    assert initial_moments(geometry(slab))[-1] == 2.0
    assert magnetic_order(geometry(slab)) == "ferromagnetic"
