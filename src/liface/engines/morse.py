"""A Morse pair potential for every element: for tests only, no physics claimed.

Pair energy D[(1 − e^(−a(r−r0)))² − 1], multiplied by a smooth step that falls from one to zero between 5.5
and 7 Å. Well depth, position and steepness of a pair are the geometric, arithmetic and arithmetic mean of those of the
elements. Fcc metals, sodium and iron are those of Girifalco and Weizer; Li, Cr, Mo and W take the steepness of
sodium, a r0 = 3.148, which keeps bcc stable, with r0 and D fitted to lattice constant and cohesive energy. All
other elements share one well, placed by their covalent radius.

Reference: Girifalco and Weizer, Phys. Rev. 114, 687 (1959), DOI 10.1103/PhysRev.114.687.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.data import chemical_symbols, covalent_radii
from ase.neighborlist import primitive_neighbor_list
from ase.stress import full_3x3_to_voigt_6_stress

METALS = {
    "Li": (0.1357, 0.8196, 3.841),
    "Na": (0.06334, 0.58993, 5.336),
    "Al": (0.2703, 1.1646, 3.253),
    "Cr": (0.3193, 0.9269, 3.396),
    "Fe": (0.4174, 1.3885, 2.845),
    "Ni": (0.4205, 1.4199, 2.780),
    "Cu": (0.3429, 1.3588, 2.866),
    "Mo": (0.5337, 0.9223, 3.413),
    "Ag": (0.3323, 1.3690, 3.115),
    "W": (0.6971, 0.9195, 3.424),
}
"""Well depth D (eV), steepness a (1/Å), well position r0 (Å)."""

INNER_A, OUTER_A = 5.5, 7.0
"""The smooth step lies between these distances, Å."""


@lru_cache(maxsize=1)
def parameter_table() -> dict[str, tuple[float, float, float]]:
    """Return D (eV), a (1/Å) and r0 (Å) of every element from H to Cm."""
    table = {}
    for z in range(1, 97):
        r0 = round(2.1 * float(covalent_radii[z]), 4)
        table[chemical_symbols[z]] = (0.3, 1.4, r0)
    return {**table, **METALS}


class Morse(Calculator):
    """ASE calculator of the Morse potential of this module."""

    implemented_properties = ["energy", "free_energy", "energies", "forces", "stress"]  # noqa: RUF012

    def calculate(self, atoms: Atoms | None = None, properties: Any = None, system_changes: Any = all_changes) -> None:
        """Compute energy (eV), forces (eV/Å) and, in a periodic cell, the stress (eV/Å³)."""
        super().calculate(atoms, properties, system_changes)
        system: Any = self.atoms
        first, second, r, vectors = primitive_neighbor_list(
            "ijdD", system.pbc, system.cell.array, system.positions, OUTER_A
        )
        energy, slope = _pairs(*self._mixed(system, first, second), r)
        n = len(system)
        energies = 0.5 * np.bincount(first, energy, n)
        pull = (slope / r)[:, None] * vectors  # dE/dr along the bond; each pair appears twice
        forces = np.stack([np.bincount(first, pull[:, k], n) for k in range(3)], axis=1)
        total = float(energies.sum())
        self.results = {"energy": total, "free_energy": total, "energies": energies, "forces": forces}
        if system.cell.rank == 3:
            virial = 0.5 * pull.T @ vectors / system.get_volume()
            self.results["stress"] = full_3x3_to_voigt_6_stress(virial)

    @staticmethod
    def _mixed(system: Atoms, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        table = parameter_table()
        depth, steepness, position = np.array([table[s] for s in system.get_chemical_symbols()]).T
        return (
            np.sqrt(depth[first] * depth[second]),
            0.5 * (steepness[first] + steepness[second]),
            0.5 * (position[first] + position[second]),
        )


def _pairs(depth: np.ndarray, steep: np.ndarray, r0: np.ndarray, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return pair energies and their derivative with respect to the distance."""
    decay = np.exp(-steep * (r - r0))
    energy = depth * ((1 - decay) ** 2 - 1)
    slope = 2 * depth * steep * decay * (1 - decay)
    x = np.clip((r - INNER_A) / (OUTER_A - INNER_A), 0.0, 1.0)
    step = 1 - x**3 * (10 - 15 * x + 6 * x**2)  # first and second derivative vanish at both ends
    dstep = -30 * x**2 * (1 - x) ** 2 / (OUTER_A - INNER_A)
    return energy * step, slope * step + energy * dstep
