"""SevenNet on many structures in one call, with the graphs and the weights of its own calculator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sevenn._keys as key
from ase import Atoms
from sevenn.atom_graph_data import AtomGraphData
from sevenn.train.dataload import unlabeled_atoms_to_graph
from torch_geometric.data import Batch

from liface.engines.base import EnergyForces, Graph
from liface.errors import CalculationError


class SevenNetBatches:
    """A ``SevenNetCalculator`` whose model also takes many graphs as one."""

    def __init__(self, calculator: Any):
        self.calculator = calculator
        self.device = str(calculator.device)
        self.versions: dict[str, str] = getattr(calculator, "versions", {})

    def graph(self, atoms: Atoms) -> Graph:
        """Return atoms and edges of a structure, as the calculator finds them.

        Raises
        ------
        CalculationError
            If no atom has a neighbour: the model has no forces then.
        ValueError
            If the model does not know an element.
        """
        self.calculator.set_atoms(atoms)
        data = AtomGraphData.from_numpy_dict(unlabeled_atoms_to_graph(atoms, self.calculator.cutoff, with_shift=False))
        n_edges = int(data[key.EDGE_IDX].shape[1])
        if n_edges == 0:
            raise CalculationError(f"no atom has a neighbour within {self.calculator.cutoff:g} Å")
        if self.calculator.modal:
            data[key.DATA_MODALITY] = self.calculator.modal
        return Graph(len(atoms), n_edges, data)

    def predict(self, graphs: Sequence[Graph]) -> list[EnergyForces]:
        """Compute all graphs in one call; the model is then as its calculator wants it."""
        model = self.calculator.model
        batch = Batch.from_data_list([graph.data for graph in graphs]).to(self.calculator.device)
        model.set_is_batch_data(True)
        try:
            output = model(batch)
        finally:
            model.set_is_batch_data(False)
        energies = output[key.PRED_TOTAL_ENERGY].detach().cpu().numpy().astype(float)
        forces = output[key.PRED_FORCE].detach().cpu().numpy().astype(float)
        found, first = [], 0
        for energy, graph in zip(energies, graphs, strict=True):
            found.append(EnergyForces(float(energy), forces[first : first + graph.n_atoms]))
            first += graph.n_atoms
        return found
