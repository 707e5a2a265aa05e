"""The optimizer on surfaces whose minima are known, with noise, and when it must give up."""

import itertools

import numpy as np
import pytest
from ase import Atoms
from ase.build import add_adsorbate, fcc100, fcc111
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT
from ase.optimize import FIRE

from liface.engines.coordinates import Coordinates
from liface.engines.optimizer import FALL_BACK, QUASI_NEWTON, TrustRadius, minimise
from liface.engines.potential import PotentialSurface


class Function(Calculator):
    """Any function of positions with its gradient, as a calculator."""

    implemented_properties = ["energy", "forces", "stress"]  # noqa: RUF012

    def __init__(self, function, noise=0.0):
        super().__init__()
        self.function, self.noise, self.calls = function, noise, 0
        self.random = np.random.default_rng(0)

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.calls += 1
        energy, gradient = self.function(self.atoms.positions)
        energy += self.noise * self.random.normal()
        self.results = {"energy": energy, "forces": -gradient, "stress": np.zeros(6)}


def surface(atoms, calculator, mode="fixed"):
    free = np.ones(len(atoms), dtype=bool)
    return PotentialSurface(atoms, calculator, Coordinates(atoms.positions, atoms.cell.array, free, mode))


def spread_out():
    return Atoms("H4", positions=3.0 * np.eye(4)[:, :3] + 5.0, cell=np.eye(3) * 30, pbc=True)


def quadratic(stiffness):
    minimum = spread_out().positions + 0.4

    def function(x):
        d = x - minimum
        return 0.5 * float(np.sum(stiffness * d**2)), stiffness * d

    return function, minimum


def test_quadratic_minimum():
    stiffness = np.geomspace(2, 60, 12).reshape(4, 3)
    function, minimum = quadratic(stiffness)
    result = minimise(surface(spread_out(), Function(function)), fmax=1e-4, max_calls=100)
    assert result.converged
    assert result.optimizer == QUASI_NEWTON
    assert np.allclose(result.point.x.reshape(-1, 3), minimum, atol=1e-4)


def test_counts_every_call_and_stops_at_the_limit():
    function, _ = quadratic(np.geomspace(2, 60, 12).reshape(4, 3))
    calculator = Function(function)
    s = surface(spread_out(), calculator)
    result = minimise(s, fmax=1e-9, max_calls=7)
    assert not result.converged
    assert s.calls == calculator.calls == 7
    assert result.point.energy == min(result.energies)


@pytest.mark.parametrize("noise", [3e-5, 3e-4])
def test_noise_in_the_energy_does_not_stop_it(noise):
    function, minimum = quadratic(np.geomspace(2, 60, 12).reshape(4, 3))
    result = minimise(surface(spread_out(), Function(function, noise)), fmax=0.01, max_calls=200)
    assert result.converged
    assert np.abs(result.point.x.reshape(-1, 3) - minimum).max() < 0.01


def test_forces_that_do_not_fit_the_energy_end_in_the_fall_back():
    function, minimum = quadratic(np.full((4, 3), 10.0))

    def climbing(x):
        energy, gradient = function(x)
        return -3 * energy, gradient

    s = surface(spread_out(), Function(climbing))
    result = minimise(s, fmax=0.01, max_calls=200)
    assert result.optimizer == FALL_BACK
    assert result.converged
    assert np.allclose(result.point.x.reshape(-1, 3), minimum, atol=0.01)


def test_no_atom_moves_beyond_the_trust_radius():
    steps = []
    function, _ = quadratic(np.full((4, 3), 1.0))

    def watched(x):
        steps.append(x.copy())
        return function(x)

    minimise(surface(spread_out(), Function(watched)), fmax=1e-3, max_calls=60)
    lengths = [np.linalg.norm(b - a, axis=1).max() for a, b in itertools.pairwise(steps)]
    assert 0.25 < max(lengths) <= TrustRadius().largest + 1e-9


@pytest.mark.parametrize("mode", ["fixed", "c_axis", "full"])
def test_gradient_is_that_of_the_energy(mode):
    atoms = fcc111("Cu", (1, 1, 4), vacuum=None, a=3.6)
    atoms.set_cell([[2.5, 0.1, 0], [1.2, 2.2, 0.1], [0.3, 0.2, 8.6]], scale_atoms=True)
    atoms.pbc = True
    atoms.rattle(0.05, seed=4)
    s = surface(atoms, EMT(), mode)
    x = s.coordinates.initial() + np.random.default_rng(1).normal(scale=0.03, size=s.coordinates.n)
    analytic = s(x).gradient
    numeric = np.empty_like(analytic)
    for i in range(len(x)):
        e = np.eye(len(x))[i] * 1e-4
        numeric[i] = (s(x + e).energy - s(x - e).energy) / 2e-4
    assert np.allclose(analytic, numeric, atol=1e-5)


def _systems():
    for seed in range(6):
        atoms = (fcc111, fcc100)[seed % 2](("Cu", "Ag", "Al")[seed % 3], (3, 3, 3), vacuum=5)
        add_adsorbate(
            atoms, ("Au", "Pt")[seed % 2], 2.0, ("ontop", "bridge", "hollow" if seed % 2 else "fcc")[seed % 3]
        )
        atoms.pbc = True
        atoms.rattle(0.08, seed=seed)
        yield atoms


def test_fewer_force_calls_than_fire_and_no_higher_energy():
    ours = theirs = 0
    for atoms in _systems():
        s = surface(atoms, EMT())
        result = minimise(s, fmax=0.03, max_calls=300)
        assert result.converged
        other = atoms.copy()
        other.calc = EMT()
        fire = FIRE(other, logfile=None)
        fire.run(fmax=0.03, steps=500)
        assert result.point.energy <= other.get_potential_energy() + 1e-3 * len(atoms)
        ours, theirs = ours + s.calls, theirs + fire.nsteps + 1
    assert ours <= 0.45 * theirs
