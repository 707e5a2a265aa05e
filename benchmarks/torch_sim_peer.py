"""torch-sim as a peer: structures of liface relaxed by it in its own environment, with the same weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from peer_process import PeerProcess, interpreter

from liface.documents import Geometry
from liface.engines.base import EngineSpec
from liface.engines.registry import model_file


@dataclass(frozen=True)
class RelaxedTogether:
    """What torch-sim makes of several structures: seconds and force calls of all, energies (eV) of each."""

    cpu_s: float
    wall_s: float
    force_calls: int
    energies_ev: list[float]
    forces_ev_per_a: list[np.ndarray]
    positions_a: list[np.ndarray]

    @property
    def fmax_ev_per_a(self) -> float:
        """Largest force on an atom of any structure, eV/Å; frozen atoms count with zero."""
        return max(largest(forces) for forces in self.forces_ev_per_a)


def largest(forces: np.ndarray) -> float:
    """Return the largest force on an atom."""
    return float(np.linalg.norm(forces, axis=1).max())


class TorchSim:
    """torch-sim in a process of its own, with the weights of an engine on a device."""

    def __init__(self, python: str, spec: EngineSpec, device: str):
        _, checkpoint, _ = model_file(spec)
        self._process = PeerProcess(python, "torch_sim_worker.py", str(checkpoint), device)
        self.versions: dict[str, str] = self._process.ask()["versions"]

    @classmethod
    def made(cls, spec: EngineSpec, device: str) -> TorchSim | None:
        """Return it where its environment was made and it has the model."""
        python = interpreter("torch-sim")
        return cls(python, spec, device) if python and spec.name == "sevennet" else None

    def relax(self, geometries: list[Geometry], optimizer: str, fmax: float, steps: int, every: int) -> RelaxedTogether:
        """Relax structures in one batch with an optimizer of torch-sim; see ``peers/torch_sim_worker.py``."""
        structures = [
            {
                "species": geometry.species,
                "positions": geometry.position_array.tolist(),
                "cell": geometry.cell_array.tolist(),
                "frozen": geometry.frozen,
            }
            for geometry in geometries
        ]
        found = self._process.ask(structures=structures, optimizer=optimizer, fmax=fmax, steps=steps, every=every)
        found["forces_ev_per_a"] = [np.array(forces) for forces in found["forces_ev_per_a"]]
        found["positions_a"] = [np.array(positions) for positions in found["positions_a"]]
        return RelaxedTogether(**found)
