"""Harmonic vibrations: frequencies of a Hessian, and what they add to energies at a temperature.

Frequencies are in THz (1/period, not angular); a negative number stands for an imaginary frequency. The formulas are
those of independent quantum oscillators, 10.1016/j.scriptamat.2015.07.021.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from liface.errors import AnalysisError
from liface.units import BOLTZMANN_EV_PER_K, EV_IN_J, PLANCK_EV_PER_THZ

ATOMIC_MASS_KG = 1.66053906660e-27
THZ_PER_ROOT_EV_PER_A2_PER_U = math.sqrt(EV_IN_J / 1e-20 / ATOMIC_MASS_KG) / (2 * math.pi) * 1e-12
"""Frequency of one atomic mass unit on a spring of 1 eV/Å²: 15.633 THz."""


@dataclass(frozen=True)
class Thermal:
    """Sums over modes at one temperature."""

    temperature_k: float
    free_energy_ev: float
    energy_ev: float
    entropy_ev_per_k: float
    heat_capacity_ev_per_k: float


def zero_point_energy(frequencies_thz: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Half the sum of h f, eV; ``weights`` multiply the modes."""
    energy = PLANCK_EV_PER_THZ * _real(frequencies_thz)
    return float(np.sum(0.5 * energy * _weights(energy, weights)))


def thermal(frequencies_thz: np.ndarray, temperature_k: float, weights: np.ndarray | None = None) -> Thermal:
    """Free energy F, energy U, entropy S and heat capacity C_v of harmonic modes; zero-point energy included.

    Parameters
    ----------
    frequencies_thz
        Positive frequencies; who has imaginary ones must leave them out knowingly.
    weights
        How often each mode counts, in the same shape; once by default.

    Raises
    ------
    AnalysisError
        A frequency is not positive, or the temperature is negative.
    """
    energy = PLANCK_EV_PER_THZ * _real(frequencies_thz)
    w = _weights(energy, weights)
    if not (math.isfinite(temperature_k) and temperature_k >= 0):
        raise AnalysisError(f"temperature is {temperature_k} K; it must be zero or more")
    zero_point = float(np.sum(0.5 * energy * w))
    if temperature_k == 0:
        return Thermal(0.0, zero_point, zero_point, 0.0, 0.0)
    kt = BOLTZMANN_EV_PER_K * temperature_k
    x = energy / kt
    decay = np.exp(-x)
    filled = decay / -np.expm1(-x)  # mean number of quanta
    logarithm = np.log(-np.expm1(-x))
    return Thermal(
        temperature_k=temperature_k,
        free_energy_ev=zero_point + float(np.sum(kt * logarithm * w)),
        energy_ev=zero_point + float(np.sum(energy * filled * w)),
        entropy_ev_per_k=float(np.sum(BOLTZMANN_EV_PER_K * (x * filled - logarithm) * w)),
        heat_capacity_ev_per_k=float(np.sum(BOLTZMANN_EV_PER_K * x**2 * filled * (1 + filled) * w)),
    )


def hessian_frequencies(hessian_ev_per_a2: np.ndarray, masses_u: np.ndarray) -> np.ndarray:
    """Return the frequencies of a Hessian in THz, ascending; imaginary ones are negative.

    Parameters
    ----------
    hessian_ev_per_a2
        Second derivatives, shape (3 natoms, 3 natoms); made symmetric first.
    masses_u
        Mass of every atom in atomic mass units, shape (natoms,).
    """
    root = np.repeat(np.sqrt(masses_u), 3)
    symmetric = 0.5 * (hessian_ev_per_a2 + hessian_ev_per_a2.T)
    squares = np.linalg.eigvalsh(symmetric / np.outer(root, root))
    return np.sign(squares) * np.sqrt(np.abs(squares)) * THZ_PER_ROOT_EV_PER_A2_PER_U


def partial_hessian(forces_plus: np.ndarray, forces_minus: np.ndarray, displacement_a: float) -> np.ndarray:
    """Return the second derivatives of the moved atoms with all whose forces are given, eV/Å².

    Central differences; shape (3 nmoved, 3 natoms), which is the Hessian where the two are the same atoms.

    Parameters
    ----------
    forces_plus, forces_minus
        Forces with one coordinate moved by plus or minus ``displacement_a``; shape (3 nmoved, natoms, 3), the
        coordinates x, y, z of the first atom first.
    """
    return -(forces_plus - forces_minus).reshape(len(forces_plus), -1) / (2 * displacement_a)


def repeated_hessian(rows: np.ndarray, multiples: tuple[int, int]) -> np.ndarray:
    """Return the Hessian of a cell repeated in the plane from the rows of its first copy, eV/Å².

    By translation every copy answers like the first, so that only its atoms need be moved. The modes are those of
    every wave vector in the plane that fits the repeated cell.

    Parameters
    ----------
    rows
        Second derivatives between the coordinates of the first copy and those of all, shape (n, ncopies, n); copies
        with the second direction running fastest.
    """
    first, second = multiples
    n, copies, _ = rows.shape
    if copies != first * second:
        raise AnalysisError(f"rows of {copies} copies for {first} x {second}")
    i, j = np.divmod(np.arange(copies), second)
    relative = (i[None] - i[:, None]) % first * second + (j[None] - j[:, None]) % second
    return rows[:, relative].transpose(1, 0, 2, 3).reshape(copies * n, copies * n)


def atomic_masses(species: tuple[str, ...]) -> np.ndarray:
    """Return standard atomic masses in atomic mass units."""
    from ase.data import atomic_masses as table
    from ase.data import atomic_numbers

    return np.array([table[atomic_numbers[name]] for name in species])


def _real(frequencies_thz: np.ndarray) -> np.ndarray:
    frequencies = np.asarray(frequencies_thz, float)
    if not np.all(np.isfinite(frequencies)) or np.any(frequencies <= 0):
        raise AnalysisError("a frequency is zero, imaginary or not finite; harmonic sums need positive ones")
    return frequencies


def _weights(energy: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    return np.ones_like(energy) if weights is None else np.asarray(weights, float)
