"""The potential energy surface as the optimizer sees it: counted and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from liface.engines.coordinates import Coordinates
from liface.errors import CalculationError, EngineSetupError, RunStoppedError

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator

SMALLEST_DISTANCE_A = 0.5
LARGEST_DISPLACEMENT_A = 25.0
LARGEST_ENERGY_CHANGE_PER_ATOM_EV = 50.0
LARGEST_FORCE_EV_PER_A = 1e3
PATIENCE_CALLS = 5
"""A force beyond the limit in so many calls in a row is an explosion, not a bad start."""


@dataclass(frozen=True)
class Point:
    """The surface at one place: energies (eV), gradient (eV/Å), forces, stress (eV/Å³) and residual (eV/Å)."""

    x: np.ndarray
    energy: float
    """The result."""
    free_energy: float
    """The energy whose derivatives the forces are: of DFT with smeared occupations, with their entropy."""
    gradient: np.ndarray
    residual: float
    forces: np.ndarray
    stress: np.ndarray | None


class PotentialSurface:
    """Energy and gradient of a structure as a function of the optimizer's vector.

    Counts force calls. Raises :class:`CalculationError` with the reason and the value when the engine
    raises, when a number is not finite, and when the structure explodes or collapses. Without a calculator, the caller
    evaluates the atoms between :meth:`place` and :meth:`point`.
    """

    def __init__(self, atoms: Atoms, calculator: Calculator | None, coordinates: Coordinates):
        self.atoms = atoms.copy()
        self.atoms.set_constraint()  # frozen atoms are no coordinates; their forces are wanted as they are
        try:
            self.atoms.calc = calculator
        except Exception as error:  # a calculator may look at the elements as soon as it is given atoms
            raise engine_raised(error) from error
        self.coordinates = coordinates
        self.calls = 0
        self._beyond = 0
        self._first_energy: float | None = None

    def __call__(self, x: np.ndarray) -> Point:
        """Evaluate energy, forces and (where the cell relaxes) stress: one force call."""
        self.place(x)
        return self.point(x, *self._evaluate())

    def place(self, x: np.ndarray) -> None:
        """Move the atoms to a vector, where they can be computed: a force call begins."""
        positions, cell = self.coordinates.expand(x)
        self._check_geometry(positions, cell)
        self.atoms.set_cell(cell)
        self.atoms.set_positions(positions)
        self.calls += 1

    def point(
        self, x: np.ndarray, energy: float, free_energy: float, forces: np.ndarray, stress: np.ndarray | None
    ) -> Point:
        """Return what was computed where the atoms are (eV, eV/Å, eV/Å³), after checks."""
        self._check_numbers(energy, forces, stress)
        gradient = self.coordinates.gradient(x, forces, stress, self.atoms.get_volume())
        residual = self.coordinates.residual(forces, stress)
        return Point(x.copy(), energy, free_energy, gradient, residual, forces, stress)

    def _evaluate(self) -> tuple[float, float, np.ndarray, np.ndarray | None]:
        try:
            energy = float(self.atoms.get_potential_energy())
            free_energy = float(self.atoms.calc.results.get("free_energy", energy))
            forces = np.array(self.atoms.get_forces(apply_constraint=False), dtype=float)
            if self.coordinates.mode == "fixed":
                return energy, free_energy, forces, None
            return energy, free_energy, forces, np.array(self.atoms.get_stress(voigt=False), dtype=float)
        except (CalculationError, EngineSetupError, RunStoppedError):
            raise  # the latter two are the fault of no structure
        except Exception as error:
            # An engine may raise anything on a structure it cannot treat; the structure fails, with the
            # cause kept.
            raise engine_raised(error) from error

    def _check_geometry(self, positions: np.ndarray, cell: np.ndarray) -> None:
        if not (np.isfinite(positions).all() and np.isfinite(cell).all()):
            raise CalculationError("positions are not finite")
        moved = np.linalg.norm(positions - self.coordinates.start, axis=1).max(initial=0.0)
        if self.coordinates.mode == "fixed" and moved > LARGEST_DISPLACEMENT_A:
            raise CalculationError(f"exploded: an atom moved {moved:.1f} Å, more than {LARGEST_DISPLACEMENT_A:g} Å")
        ratio = abs(np.linalg.det(cell) / np.linalg.det(self.coordinates.cell))
        if not 1 / 3 < ratio < 3:
            raise CalculationError(f"exploded: the volume changed by a factor of {ratio:.2f}")
        check_distances(self.atoms.get_chemical_symbols(), positions, cell)

    def _check_numbers(self, energy: float, forces: np.ndarray, stress: np.ndarray | None) -> None:
        if not np.isfinite(energy):
            raise CalculationError(f"energy is {energy}")
        if not np.isfinite(forces).all() or (stress is not None and not np.isfinite(stress).all()):
            raise CalculationError("forces or stress are not finite (NaN or infinite)")
        # The zero of energy differs between codes, so the first energy is the measure of the others.
        self._first_energy = energy if self._first_energy is None else self._first_energy
        change = (energy - self._first_energy) / len(self.atoms)
        if abs(change) > LARGEST_ENERGY_CHANGE_PER_ATOM_EV:
            raise CalculationError(f"unphysical energy: it changed by {change:.1f} eV per atom")
        largest = float(np.linalg.norm(forces, axis=1).max())
        self._beyond = self._beyond + 1 if largest > LARGEST_FORCE_EV_PER_A else 0
        if self._beyond >= PATIENCE_CALLS:
            raise CalculationError(f"exploded: force {largest:.3g} eV/Å after {self.calls} force calls")


def engine_raised(error: Exception) -> CalculationError:
    """Return the reason of a structure on which an engine raised something of its own."""
    return CalculationError(f"the engine raised {type(error).__name__}: {error}")


def check_distances(symbols: Sequence[str], positions: np.ndarray, cell: np.ndarray) -> None:
    """Refuse two atoms closer than 0.5 Å.

    Rounding fractional differences finds the nearest image of so short a vector in every cell that is
    higher than 1 Å along each direction.
    """
    if len(positions) < 2:
        return
    frac = np.linalg.solve(cell.T, positions.T).T
    difference = frac[:, None, :] - frac[None, :, :]
    difference -= np.rint(difference)
    distance2 = ((difference @ cell) ** 2).sum(axis=2)
    np.fill_diagonal(distance2, np.inf)
    i, j = divmod(int(np.argmin(distance2)), len(positions))
    if distance2[i, j] < SMALLEST_DISTANCE_A**2:
        raise CalculationError(
            f"collapsed: {symbols[i]} and {symbols[j]} are {np.sqrt(distance2[i, j]):.2f} Å apart, "
            f"less than {SMALLEST_DISTANCE_A:g} Å"
        )
