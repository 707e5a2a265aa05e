"""CHGNet with only what a relaxation needs: energy and forces, and the stress where the cell relaxes.

The calculator that ships with CHGNet always computes stress and magnetic moments too, and goes back through the network
once for forces and once more for the stress. Here one pass back gives both. It keeps its graph, as that calculator does
for training: without, torch takes other kernels, faster ones, whose forces differ in the last digits of single
precision; with it, they are the same to the last bit.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from chgnet.graph.crystalgraph import CrystalGraph
from chgnet.model.model import BatchedGraph, CHGNet
from pymatgen.core import Lattice, Structure

from liface.engines.base import EnergyForces, Graph


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
        self.needs_stress = needs_stress
        self.implemented_properties = ["energy", "free_energy", "forces"] + ["stress"] * needs_stress

    def calculate(self, atoms: Atoms | None = None, properties: Any = None, system_changes: Any = all_changes) -> None:
        """Compute energy and forces, and the stress if asked for at construction."""
        super().calculate(atoms, properties, system_changes)
        system: Any = self.atoms
        graph = crystal_graph(self.model, system)
        with _silence():
            energy, gradients = self._energy_and_gradients(graph)
        self.results = {"energy": energy, "free_energy": energy, "forces": -gradients[0]}
        if self.needs_stress:
            stress = gradients[1] / system.get_volume()
            self.results["stress"] = (stress + stress.T)[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]] / 2

    def _energy_and_gradients(self, graph: CrystalGraph) -> tuple[float, list[np.ndarray]]:
        """Return the energy (eV) and its gradients: by positions (eV/Å), and by strain (eV) where that is needed."""
        model = self.model
        graph = graph.to(str(next(model.parameters()).device))
        batch = BatchedGraph.from_graphs(
            [graph],
            bond_basis_expansion=model.bond_basis_expansion,
            angle_basis_expansion=model.angle_basis_expansion,
            compute_stress=self.needs_stress,
        )
        n_atoms = len(graph.atomic_number)
        total = model._compute(batch)["e"].sum() * (n_atoms if model.is_intensive else 1)
        by: list[Any] = [*batch.atom_positions, *(batch.strains if self.needs_stress else [])]
        found = torch.autograd.grad(total, by, create_graph=True)
        gradients = [gradient.detach().cpu().numpy().astype(float) for gradient in found]
        energy = total.detach()
        if model.composition_model is not None:
            energy = energy + model.composition_model([graph]).sum() * (n_atoms if model.is_intensive else 1)
        return float(energy), gradients


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
