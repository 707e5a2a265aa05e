"""CHGNet with only what a relaxation needs: energy and forces, and the stress where the cell relaxes.

The calculator that ships with CHGNet always computes stress and magnetic moments too, and keeps the graph
of the gradient for training; both cost a relaxation in a fixed cell about half of its time.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from chgnet.graph.crystalgraph import CrystalGraph
from chgnet.model.model import CHGNet
from pymatgen.core import Lattice, Structure

from liface.engines.base import EnergyForces, Graph
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


def crystal_graph(model: CHGNet, atoms: Any) -> CrystalGraph:
    """Return the graph of a periodic structure.

    Raises
    ------
    ValueError
        If an atom has no neighbour.
    """
    structure = Structure(
        Lattice(atoms.cell.array), atoms.get_chemical_symbols(), atoms.get_scaled_positions(wrap=False)
    )
    with _silence():
        return model.graph_converter(structure)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Silence torch, which talks about CHGNet's own conversions at every call."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


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
        graph = crystal_graph(self.model, self.atoms)
        with _silence():
            prediction: Any = self.model.predict_graph(graph, task=self.task)
        per_atom = len(graph.atomic_number) if self.model.is_intensive else 1
        energy = float(prediction["e"]) * per_atom
        self.results = {"energy": energy, "free_energy": energy, "forces": prediction["f"].astype(float)}
        if "s" in prediction:
            stress = prediction["s"].astype(float) / EV_PER_A3_IN_GPA
            self.results["stress"] = (stress + stress.T)[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]] / 2


class CHGNetBatches:
    """CHGNet on many structures in one call."""

    def __init__(self, model: CHGNet):
        self.model = model
        self.device = str(next(model.parameters()).device)

    def graph(self, atoms: Atoms) -> Graph:
        """Return atoms, bonds and angles of a structure, as the calculator finds them."""
        graph = crystal_graph(self.model, atoms)
        return Graph(len(atoms), len(graph.atom_graph) + len(graph.bond_graph), graph)

    def predict(self, graphs: Sequence[Graph]) -> list[EnergyForces]:
        """Compute structures with angles in one call and those without, which skip layers of the model, in another."""
        found: list[Any] = [None] * len(graphs)
        for with_angles in (True, False):
            chosen = [i for i, graph in enumerate(graphs) if (len(graph.data.bond_graph) > 0) == with_angles]
            if not chosen:
                continue
            with _silence():
                said: Any = self.model.predict_graph(
                    [graphs[i].data for i in chosen], task="ef", batch_size=len(chosen)
                )
            for i, prediction in zip(chosen, said if isinstance(said, list) else [said], strict=True):
                per_atom = graphs[i].n_atoms if self.model.is_intensive else 1
                found[i] = EnergyForces(float(prediction["e"]) * per_atom, prediction["f"].astype(float))
        return found
