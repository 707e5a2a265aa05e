"""The trust-region step is the one that lowers the model most, and keeps to the floor of a valley."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import add_adsorbate, fcc100, fcc111
from ase.calculators.emt import EMT

from liface.engines.coordinates import Coordinates
from liface.engines.curvature import InverseHessian, TrustRegion
from liface.engines.optimizer import minimise
from liface.engines.potential import PotentialSurface
from liface.engines.springs import SpringModel


def slab():
    atoms = fcc111("Cu", (2, 2, 3), vacuum=5)
    atoms.pbc = True
    atoms.rattle(0.08, seed=1)
    return atoms


def taught(mode="fixed", n_pairs=10):
    """Both models after the same pairs, taken from one positive matrix."""
    atoms = slab()
    free = np.arange(len(atoms)) >= 4
    coordinates = Coordinates(atoms.positions, atoms.cell.array, free, mode)
    region = TrustRegion(atoms.numbers, coordinates)
    inverse = InverseHessian(SpringModel(atoms.numbers, coordinates))
    random = np.random.default_rng(0)
    matrix = random.normal(size=(coordinates.n, coordinates.n))
    matrix = matrix @ matrix.T / coordinates.n + np.eye(coordinates.n)
    for _ in range(n_pairs):
        step = 0.1 * random.normal(size=coordinates.n)
        region.learn(step, matrix @ step)
        inverse.learn(step, matrix @ step)
    return region, inverse, random.normal(size=coordinates.n)


@pytest.mark.parametrize("mode", ["fixed", "c_axis", "full"])
@pytest.mark.parametrize("n_pairs", [0, 1, 10, 40])
def test_within_the_radius_it_is_the_quasi_newton_step(mode, n_pairs):
    region, inverse, gradient = taught(mode, n_pairs)
    proposal = region.propose(gradient, 1e6)
    assert not proposal.shortened
    assert np.allclose(proposal.step, -inverse.times(gradient), atol=1e-9)
    assert proposal.gain == pytest.approx(0.5 * float(gradient @ proposal.step))


@pytest.mark.parametrize("mode", ["fixed", "full"])
@pytest.mark.parametrize("radius", [0.3, 0.05, 1e-3])
def test_beyond_the_radius_it_lowers_the_model_most(mode, radius):
    region, inverse, gradient = taught(mode)
    step, gain, shortened = region.propose(gradient, radius)
    length = region.coordinates.extent(step)
    assert shortened
    assert 0.98 * radius < length <= radius + 1e-12
    # Stationary: matrix times step plus gradient is a negative multiple of the step.
    hessian = np.linalg.inv(np.column_stack([inverse.times(e) for e in np.eye(len(gradient))]))
    rest = hessian @ step + gradient
    shift = -float(rest @ step) / float(step @ step)
    assert shift > 0
    assert np.linalg.norm(rest + shift * step) < 0.02 * np.linalg.norm(gradient)
    assert gain == pytest.approx(float(gradient @ step + 0.5 * step @ hessian @ step))
    newton = -inverse.times(gradient)
    scaled = newton * radius / region.coordinates.extent(newton)
    assert gain <= float(gradient @ scaled + 0.5 * scaled @ hessian @ scaled)


def test_a_stiff_mode_is_corrected_although_a_soft_one_has_far_to_go():
    """Stiffness 50 eV/Å² along x, 0.05 along y: the quasi-Newton step is 10 Å along y and 0.02 Å along x."""
    atoms = Atoms("H", positions=[[5, 5, 5]], cell=np.eye(3) * 10, pbc=True)
    region = TrustRegion(atoms.numbers, Coordinates(atoms.positions, atoms.cell.array, np.array([True])))
    stiffness = np.array([50.0, 0.05, 10.0])
    for step in 0.1 * np.eye(3):
        region.learn(step, stiffness * step)
    step = region.propose(np.array([1.0, 0.5, 0.0]), 0.1).step
    assert step[0] == pytest.approx(-0.02, rel=0.15)
    assert step[1] < -0.09


def test_negative_curvature_is_left_out():
    region, _, gradient = taught()
    before = region.propose(gradient, 0.1).step
    step = np.ones(len(gradient))
    region.learn(step, -step)
    assert np.array_equal(region.propose(gradient, 0.1).step, before)


def relaxed(atoms):
    free = np.ones(len(atoms), dtype=bool)
    free[: len(atoms) // 3] = False
    surface = PotentialSurface(atoms, EMT(), Coordinates(atoms.positions, atoms.cell.array, free))
    return minimise(surface, fmax=0.01, max_calls=200), surface


def test_the_same_start_gives_the_same_bits():
    first, _ = relaxed(slab())
    second, _ = relaxed(slab())
    assert first.converged
    assert first.energies == second.energies
    assert np.array_equal(first.point.x, second.point.x)


def test_a_symmetric_start_stays_symmetric():
    """An adatom on top of an atom is on a saddle; where sites are compared, it has to stay there."""
    atoms = fcc100("Cu", (2, 2, 3), vacuum=6)
    add_adsorbate(atoms, "Cu", 2.2, "ontop")
    atoms.pbc = True
    result, surface = relaxed(atoms)
    assert result.converged
    positions, _ = surface.coordinates.expand(result.point.x)
    assert np.abs(positions[-1, :2] - atoms.positions[-1, :2]).max() < 1e-6
    assert abs(positions[-1, 2] - atoms.positions[-1, 2]) > 0.05
