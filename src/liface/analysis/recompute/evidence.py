"""The calculations behind one result, told apart by what they are and not by what they are called.

Labels are for people and belong to whoever computed a structure first, so nothing here reads them: a bulk reference is
a calculation whose whole cell was free, a stack one that holds atoms of both sides, and so on.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from liface.documents import EnergyCalculation, Geometry
from liface.errors import AnalysisError

Composition = tuple[tuple[str, int], ...]

RELATIVE = 1e-7
"""Far above the rounding of sums of energies, far below anything that matters."""
ABSOLUTE = {"eV": 1e-7, "meV": 1e-4, "meV/Å²": 1e-5}
SMALL = 1e-6
STRAIN_PERCENT = 1e-5
"""Of two lattices that fit exactly, rounding leaves the root of its square."""


@dataclass(frozen=True)
class Check:
    """One number of a result beside the same number from the calculations."""

    name: str
    stored: Any
    expected: Any
    absolute: float = SMALL

    @property
    def holds(self) -> bool:
        """Whether both are the same."""
        if isinstance(self.stored, float | int) and isinstance(self.expected, float | int):
            return math.isclose(self.stored, self.expected, rel_tol=RELATIVE, abs_tol=self.absolute)
        return bool(self.stored == self.expected)

    def __str__(self) -> str:
        return f"{self.name} is {_text(self.stored)}, its calculations give {_text(self.expected)}"


class Evidence:
    """Every calculation that a result names and that has an energy, in the order of its provenance."""

    def __init__(self, calculations: Iterable[EnergyCalculation]):
        self.all = tuple(calculations)
        self.by_id = {each.calc_id: each for each in self.all}

    def bulks(self, composition: Composition) -> tuple[EnergyCalculation, ...]:
        """Return the bulk references of a composition, the symmetric cell first.

        Raises
        ------
        AnalysisError
            There is none.
        """
        found = tuple(
            each for each in self.all if each.settings.cell == "full" and composition_of(each.final) == composition
        )
        if not found:
            raise AnalysisError(f"no bulk of {_formula(composition)} is among its calculations")
        return found

    def relaxed(self, *conditions: Callable[[EnergyCalculation], bool]) -> tuple[EnergyCalculation, ...]:
        """Return the relaxations of cells that are no bulk references and meet every condition."""
        return tuple(
            each
            for each in self.all
            if each.settings.task == "relax" and each.settings.cell != "full" and all(test(each) for test in conditions)
        )

    def singles(self, *conditions: Callable[[EnergyCalculation], bool]) -> tuple[EnergyCalculation, ...]:
        """Return the single points that meet every condition."""
        return tuple(
            each for each in self.all if each.settings.task == "static" and all(test(each) for test in conditions)
        )

    def ended_as(self, structure: Geometry, among: Sequence[EnergyCalculation]) -> EnergyCalculation:
        """Return the calculation that ended with a geometry.

        Raises
        ------
        AnalysisError
            None has.
        """
        for each in among:
            if each.final == structure:
                return each
        raise AnalysisError("structure is the end of none of its calculations")

    def named(self, calc_id: str) -> EnergyCalculation:
        """Return a calculation by its identity.

        Raises
        ------
        AnalysisError
            It is not named by the provenance, or has no energy.
        """
        if calc_id not in self.by_id:
            raise AnalysisError(f"calculation {calc_id} is not among those of its provenance, or has no energy")
        return self.by_id[calc_id]


def composition_of(cell: Geometry, roles: Sequence[str] | None = None) -> Composition:
    """Return the smallest whole composition of a cell, or of its atoms of some roles."""
    species = [s for s, role in zip(cell.species, cell.roles, strict=True) if roles is None or role in roles]
    counts = Counter(species)
    divisor = reduce(math.gcd, counts.values(), 0) or 1
    return tuple(sorted((name, number // divisor) for name, number in counts.items()))


def per_atom(bulk: EnergyCalculation) -> float:
    """Return the energy per atom of a bulk, eV."""
    return bulk.energy_ev / len(bulk.final.species)


def area(cell: Geometry) -> float:
    """Return the area of the cell in the plane, Å²."""
    (ax, ay, az), (bx, by, bz), _ = cell.cell
    return math.sqrt((ay * bz - az * by) ** 2 + (az * bx - ax * bz) ** 2 + (ax * by - ay * bx) ** 2)


def has(role: str) -> Callable[[EnergyCalculation], bool]:
    """Return the condition that a calculation holds atoms of a role."""
    return lambda each: role in each.initial.roles


def lacks(role: str) -> Callable[[EnergyCalculation], bool]:
    """Return the condition that it holds none."""
    return lambda each: role not in each.initial.roles


def strain_checks(result: Any) -> list[Check]:
    """Return the principal and the von Mises strain that follow from the Green-Lagrange tensor of a film, %."""
    green = np.zeros((3, 3))
    green[:2, :2] = result.strain_tensor
    stretches = np.sqrt(1 + 2 * np.linalg.eigvalsh(green[:2, :2]))
    deviator = green - np.trace(green) / 3 * np.eye(3)
    return [
        Check("strain_percent", result.strain_percent, 100 * float(np.abs(stretches - 1).max()), STRAIN_PERCENT),
        Check(
            "von_mises_percent",
            result.von_mises_percent,
            100 * float(np.sqrt(2 / 3 * (deviator**2).sum())),
            STRAIN_PERCENT,
        ),
    ]


def one_atom_moved(before: Geometry, after: Geometry) -> tuple[int, np.ndarray] | None:
    """Return which atom differs between two geometries of one cell, and by how much (Å); None if not exactly one."""
    if before.species != after.species or not np.allclose(before.cell_array, after.cell_array, atol=1e-9):
        return None
    moved = after.position_array - before.position_array
    which = np.flatnonzero(np.abs(moved).max(axis=1) > 1e-9)
    return (int(which[0]), moved[which[0]]) if len(which) == 1 else None


def _formula(composition: Composition) -> str:
    return "".join(f"{name}{number if number > 1 else ''}" for name, number in composition)


def _text(value: Any) -> str:
    return f"{value:.9g}" if isinstance(value, float) else str(value)
