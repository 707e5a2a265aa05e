"""CHGNet with only what a relaxation needs: energy and forces, and the stress where the cell relaxes.

The calculator that ships with CHGNet always computes stress and magnetic moments too, and keeps the graph
of the gradient for training; both cost a relaxation in a fixed cell about half of its time.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Literal

from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from chgnet.model.model import CHGNet
from pymatgen.core import Lattice, Structure

from liface.units import EV_PER_A3_IN_GPA


def load_chgnet(name: str | None, path: Path, device: str) -> CHGNet:
    """Load a shipped model by name, or the user's file where ``name`` is None."""
    if name is not None:
        model = CHGNet.load(model_name=name, use_device=device, verbose=False)
    else:
        model = CHGNet.from_file(str(path)).to(device)
    model.eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    model.graph_converter.set_isolated_atom_response("error")  # an atom without neighbours has no CHGNet energy
    return model


class EnergyForceCHGNet(Calculator):
    """ASE calculator on a CHGNet model: eV, eV/Å, eV/Å³."""

    def __init__(self, model: CHGNet, needs_stress: bool):
        super().__init__()
        self.model = model
        self.task: Literal["ef", "efs"] = "efs" if needs_stress else "ef"
        self.implemented_properties = ["energy", "free_energy", "forces"] + ["stress"] * needs_stress

    def calculate(self, atoms: Atoms | None = None, properties: Any = None, system_changes: Any = all_changes) -> None:
        """Compute energy and forces, and the stress if asked for at construction."""
        super().calculate(atoms, properties, system_changes)
        system: Any = self.atoms
        structure = Structure(
            Lattice(system.cell.array),
            system.get_chemical_symbols(),
            system.get_scaled_positions(wrap=False),
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch talks about CHGNet's own conversions at every call
            graph = self.model.graph_converter(structure)
            prediction: Any = self.model.predict_graph(graph, task=self.task)
        per_atom = len(structure) if self.model.is_intensive else 1
        energy = float(prediction["e"]) * per_atom
        self.results = {"energy": energy, "free_energy": energy, "forces": prediction["f"].astype(float)}
        if "s" in prediction:
            stress = prediction["s"].astype(float) / EV_PER_A3_IN_GPA
            self.results["stress"] = (stress + stress.T)[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]] / 2
