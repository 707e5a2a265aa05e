"""Relax with torch-sim: runs in an environment of its own, asked by the benchmarks through a pipe.

    .peers/torch-sim/bin/python benchmarks/peers/torch_sim_worker.py CHECKPOINT DEVICE

A question holds structures, an optimizer of torch-sim ("fire", "lbfgs" or "bfgs", each as it comes), the largest force
at convergence (eV/Å), the most steps, and after how many steps to look for convergence (torch-sim: after five). The
structures of a question are relaxed together; frozen atoms are set by hand, because torch-sim leaves ASE's constraints
behind.
"""

from __future__ import annotations

import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import torch
import torch_sim as ts
from ase import Atoms
from peer_process import serve
from sevenn.torchsim import SevenNetModel
from torch_sim.constraints import FixAtoms

PACKAGES = ("torch-sim-atomistic", "sevenn", "torch", "ase")


class Counted(SevenNetModel):
    """The model as it comes; counts the structures of every call."""

    structures = 0

    def forward(self, state: Any, **keywords: Any) -> dict[str, torch.Tensor]:
        """Compute, and remember how many."""
        self.structures += state.n_systems
        return super().forward(state, **keywords)


def start(structures: list[dict[str, Any]], model: Counted) -> Any:
    """Return the state of all structures, with what is frozen fixed."""
    atoms = [Atoms(s["species"], positions=s["positions"], cell=s["cell"], pbc=True) for s in structures]
    state = ts.initialize_state(atoms, model.device, model.dtype)
    frozen = [flag for structure in structures for flag in structure["frozen"]]
    if any(frozen):
        state.constraints = [FixAtoms(atom_mask=torch.tensor(frozen, device=model.device))]
    return state


def relax(
    model: Counted, structures: list[dict[str, Any]], optimizer: str, fmax: float, steps: int, every: int
) -> dict[str, Any]:
    """Relax structures together; energies in eV, forces in eV/Å."""
    calls = model.structures
    cpu, wall = time.process_time(), time.perf_counter()
    initial = start(structures, model)
    final = ts.optimize(
        initial,
        model,
        optimizer=ts.Optimizer(optimizer),
        convergence_fn=ts.generate_force_convergence_fn(fmax, include_cell_forces=False),
        max_steps=steps,
        steps_between_swaps=every,
        autobatcher=model.device.type == "cuda",
    )
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    states = final.split()
    return {
        "cpu_s": cpu,
        "wall_s": wall,
        "force_calls": model.structures - calls,
        "energies_ev": final.energy.tolist(),
        "forces_ev_per_a": [state.forces.tolist() for state in states],
        "positions_a": [state.positions.tolist() for state in states],
    }


def main() -> None:
    """Load the model once and answer."""
    checkpoint, device = sys.argv[1:]
    torch.set_num_threads(1)
    cpu = time.process_time()
    model = Counted(checkpoint, device=device)
    loaded = time.process_time() - cpu

    def answer(**question: Any) -> dict[str, Any]:
        if question:
            return relax(model, **question)
        return {"load_cpu_s": loaded, "versions": {name: version(name) for name in PACKAGES}}

    serve(answer)


if __name__ == "__main__":
    main()
