"""An engine whose energies are known: every atom counts, and an error of its own decays with a setting."""

from __future__ import annotations

import math

import numpy as np
from ase.calculators.calculator import Calculator, all_changes

PER_ATOM_EV = -2.0
FACE_EV_PER_A2 = 0.05


class Decaying(Calculator):
    """N e + 2 A γ where there is vacuum; γ is too high by ``exp(-fineness)`` of itself. No forces, no stress.

    ``wavy`` adds an error that changes its sign from one whole ``fineness`` to the next and never decays.
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012

    def __init__(self, fineness: float = 1.0, wavy: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.fineness, self.wavy = fineness, wavy

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        cell = self.atoms.cell.array
        area = float(np.linalg.norm(np.cross(cell[0], cell[1])))
        fractions = np.sort(self.atoms.get_scaled_positions()[:, 2])
        gaps = np.diff(np.append(fractions, fractions[0] + 1)) * abs(np.linalg.det(cell)) / area
        face = FACE_EV_PER_A2 * (1 + math.exp(-self.fineness) + self.wavy * (-1) ** round(self.fineness))
        energy = PER_ATOM_EV * len(self.atoms) + (2 * area * face if gaps.max() > 6 else 0.0)
        self.results = {
            "energy": energy,
            "free_energy": energy,
            "forces": np.zeros((len(self.atoms), 3)),
            "stress": np.zeros(6),
        }
