"""Relax the same slabs one by one and together in one process: the same energies, and how much sooner.

    python benchmarks/batched_relaxation.py --device cuda --n 500 --out benchmarks/results/batched_cuda.json
    python benchmarks/batched_relaxation.py --device cpu --n 4 --batch 4 --largest 32        # as a check: no GPU needed

Both sides use the same weights on the same device, the same starts and the same largest force. One by one means the ASE
calculator of the package, with the optimizer of liface (``--baseline liface``, the default: the same steps, so that the
ratio is that of batching alone) or with ASE's FIRE (``--baseline fire``, which takes more steps). Wall time counts,
without loading the model and a first call of each kind. Ends with 1 if less than 95 % of the energies agree to
1 meV/atom, or if the same number of structures does not converge on both sides.

``--torch-sim fire`` (or ``lbfgs``) relaxes the same in batches of torch-sim too, where ``make peers`` set it up.
Frozen atoms are set by hand there; how far they moved (Å) is written down.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count, islice
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything loads a threaded library

import numpy as np
from ase import Atoms, build
from ase.optimize import FIRE
from torch_sim_peer import TorchSim, largest

from liface.documents import CalculationDocument, CalculationRequest, CalculationSettings, Geometry
from liface.engines import engine_info, resolve, run_batch
from liface.engines.base import BatchedEngine, BatchedModel, EngineSpec
from liface.engines.device import name_of
from liface.engines.in_flight import in_flight

RATTLE_A = 0.05
CALL_LIMIT = 600
AGREE_MEV_PER_ATOM = 1.0
AGREEING_SHARE = 0.95


FACES = [
    (build.fcc111, "Cu", 3.58),
    (build.bcc110, "W", 3.17),
    (build.fcc100, "Ag", 4.10),
    (build.bcc100, "Mo", 3.16),
    (build.hcp0001, "Mg", 3.19),
    (build.bcc110, "Li", 3.44),
    (build.fcc110, "Cu", 3.58),
    (build.bcc111, "W", 3.17),
]
"""Faces of metals with lattice constants near those of both potentials, Å."""
SIDES = (2, 3, 4, 5, 6)


def slabs(smallest: int, largest: int) -> Iterator[tuple[str, Geometry]]:
    """Yield slabs of metals with none to three Li atoms, displaced at random, half of them with a frozen plane."""
    for i in count():
        face, metal, a = FACES[i % len(FACES)]
        size = (SIDES[i // len(FACES) % 5], SIDES[i // 3 % 5], 3 + i // 5 % 4)
        atoms = face(metal, size, a=a, vacuum=6.0)
        n_substrate = len(atoms)
        highest = np.argsort(-atoms.positions[:, 2], kind="stable")[: i % 4]
        atoms += Atoms(f"Li{len(highest)}", positions=atoms.positions[highest] + [0, 0, 2.4])
        if not smallest <= len(atoms) <= largest:
            continue
        frozen = (atoms.get_tags() == size[2]) & (i % 2 == 0)
        step = np.random.default_rng([0, i]).normal(scale=RATTLE_A, size=(len(atoms), 3))
        step[frozen] = 0.0
        geometry = Geometry(
            cell=atoms.cell.array.tolist(),
            species=tuple(atoms.symbols),
            positions=(atoms.positions + step).tolist(),
            frozen=tuple(frozen.tolist()),
            roles=("substrate",) * n_substrate + ("adsorbate",) * len(highest),
        )
        yield f"{face.__name__}/{metal}/{i}", geometry


def one_by_one(requests: list[CalculationRequest], engine: str) -> list[dict]:
    """Relax as liface does without a batch."""
    return [row(document) for document in run_batch(requests, f"{engine}&batch=1")]


def with_fire(requests: list[CalculationRequest], engine: str) -> list[dict]:
    """Relax with ASE's FIRE as it comes."""
    calculator = resolve(engine).calculator(needs_stress=False)
    rows = []
    for request in requests:
        atoms = request.geometry.to_ase()
        atoms.calc = calculator
        optimizer = FIRE(atoms, logfile=None)
        converged = optimizer.run(fmax=request.settings.fmax_ev_per_a, steps=CALL_LIMIT - 1)
        energy = float(atoms.get_potential_energy())
        status = "converged" if converged else "unconverged"
        rows.append({"status": status, "calls": optimizer.nsteps + 1, "energy_ev": energy})
    return rows


BASELINES: dict[str, Callable[[list[CalculationRequest], str], list[dict]]] = {
    "liface": one_by_one,
    "fire": with_fire,
}


class Watched:
    """A model that counts its calls and how many structures they held."""

    def __init__(self, model: BatchedModel):
        self.model, self.device, self.graph = model, model.device, model.graph
        self.sizes: list[int] = []
        self.peak_bytes: int | None = None

    def predict(self, graphs: list) -> list:
        """Compute, and remember how many, and the memory in use at the peak."""
        self.sizes.append(len(graphs))
        answers = self.model.predict(graphs)
        if self.device.startswith("cuda"):
            import torch

            self.peak_bytes = max(self.peak_bytes or 0, torch.cuda.max_memory_allocated(self.device))
        return answers


def together(requests: list[CalculationRequest], engine: str) -> tuple[list[dict], Watched]:
    """Relax together; return the outcomes and what the model saw."""
    built = resolve(engine)
    if not isinstance(built, BatchedEngine):
        raise SystemExit(f"{engine} computes one structure at a time")
    watched = Watched(built.batched_model())
    found = dict(in_flight(requests, built, watched, EngineSpec.parse(engine).batch))
    return [row(found[index]) for index in range(len(requests))], watched


def row(document: CalculationDocument) -> dict:
    """Return what is compared of an outcome."""
    energy = None if document.status == "failed" else document.energy_ev
    return {"status": document.status, "calls": document.n_force_calls, "energy_ev": energy}


def timed(call: Callable[[], object]) -> tuple[object, dict[str, float]]:
    """Return what a call returns, and the seconds it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = call()
    return result, {"wall_s": round(time.perf_counter() - wall, 3), "cpu_s": round(time.process_time() - cpu, 3)}


def with_torch_sim(torch_sim: TorchSim, optimizer: str, requests: list[CalculationRequest], alone: list[dict]) -> dict:
    """Relax together with torch-sim, and compare energies with those of structures one by one."""
    geometries, fmax = [request.geometry for request in requests], requests[0].settings.fmax_ev_per_a
    torch_sim.relax(geometries[:2], optimizer, 1e3, 1, 1)
    found = torch_sim.relax(geometries, optimizer, fmax, CALL_LIMIT, 5)
    rows = [
        {"status": "converged" if largest(forces) < fmax else "unconverged", "calls": 0, "energy_ev": energy}
        for energy, forces in zip(found.energies_ev, found.forces_ev_per_a, strict=True)
    ]
    compared = comparison(requests, alone, rows)
    return {
        "optimizer": optimizer,
        "wall_s": round(found.wall_s, 3),
        "cpu_s": round(found.cpu_s, 3),
        "structures_per_s": round(len(requests) / found.wall_s, 4),
        "calls": found.force_calls,
        "converged": compared["converged_together"],
        "agree_to_1_mev_per_atom": compared["agree_to_1_mev_per_atom"],
        "frozen_atoms_moved_a": moved(geometries, found.positions_a),
        "versions": torch_sim.versions,
    }


def moved(geometries: list[Geometry], positions: list[np.ndarray]) -> float:
    """Return how far a frozen atom is at most from where it was, Å."""
    distances = [
        np.linalg.norm(after - geometry.position_array, axis=1)[np.array(geometry.frozen)]
        for geometry, after in zip(geometries, positions, strict=True)
    ]
    return float(np.concatenate(distances).max(initial=0.0))


def comparison(requests: list[CalculationRequest], alone: list[dict], many: list[dict]) -> dict:
    """Return how the energies and the convergence of both sides agree."""
    differences = np.array(
        [
            np.inf if None in (a["energy_ev"], b["energy_ev"]) else 1e3 * abs(a["energy_ev"] - b["energy_ev"]) / n
            for a, b, n in zip(alone, many, (request.geometry.n_atoms for request in requests), strict=True)
        ]
    )
    return {
        "converged_alone": sum(item["status"] == "converged" for item in alone),
        "converged_together": sum(item["status"] == "converged" for item in many),
        "calls_alone": sum(item["calls"] for item in alone),
        "calls_together": sum(item["calls"] for item in many),
        "agree_to_1_mev_per_atom": float((differences <= AGREE_MEV_PER_ATOM).mean()),
        "median_difference_mev_per_atom": float(np.median(differences)),
        "largest_difference_mev_per_atom": float(differences.max()),
    }


def measure(arguments: argparse.Namespace) -> dict:
    """Run both sides and return everything that is worth keeping."""
    engine = f"{arguments.engine}?device={arguments.device}&batch={arguments.batch}"
    torch_sim = TorchSim.made(EngineSpec.parse(engine), arguments.device) if arguments.torch_sim else None
    if arguments.torch_sim and not torch_sim:
        raise SystemExit("torch-sim has no environment here (make peers), or not this model")
    info = engine_info(engine)
    settings = CalculationSettings(fmax_ev_per_a=arguments.fmax, max_force_calls=CALL_LIMIT)
    requests = [
        CalculationRequest(geometry=geometry, engine=info, settings=settings, label=name)
        for name, geometry in islice(slabs(arguments.smallest, arguments.largest), arguments.n)
    ]
    first = [request.model_copy(update={"settings": CalculationSettings.static()}) for request in requests[:2]]
    one_by_one(first, engine.partition("&")[0])
    together(first, engine)
    baseline = BASELINES[arguments.baseline]
    alone, time_alone = timed(lambda: baseline(requests, engine.partition("&")[0]))
    (many, watched), time_together = timed(lambda: together(requests, engine))
    atoms = [request.geometry.n_atoms for request in requests]
    beside = with_torch_sim(torch_sim, arguments.torch_sim, requests, alone) if torch_sim else None
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": name_of(arguments.device),
        "machine": platform.platform(),
        "engine": info.model_dump(mode="json"),
        "baseline": arguments.baseline,
        "batch": arguments.batch,
        "fmax_ev_per_a": arguments.fmax,
        "n": len(requests),
        "atoms": {"smallest": min(atoms), "mean": round(float(np.mean(atoms)), 1), "largest": max(atoms)},
        "alone": time_alone,
        "together": time_together,
        "structures_per_s": {
            "alone": round(len(requests) / time_alone["wall_s"], 4),
            "together": round(len(requests) / time_together["wall_s"], 4),
        },
        "throughput_ratio": round(time_alone["wall_s"] / time_together["wall_s"], 3),
        "model_calls": len(watched.sizes),
        "mean_structures_per_call": round(float(np.mean(watched.sizes)), 1),
        "peak_device_memory_gib": None if watched.peak_bytes is None else round(watched.peak_bytes / 2**30, 2),
        **comparison(requests, alone, many),
        "torch_sim": beside,
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1 or cpu")
    parser.add_argument("--engine", default="sevennet", help="sevennet[:MODEL] or chgnet[:MODEL]")
    parser.add_argument("--n", type=int, default=500, help="number of structures")
    parser.add_argument("--smallest", type=int, default=30, help="atoms")
    parser.add_argument("--largest", type=int, default=200, help="atoms")
    parser.add_argument("--batch", default="auto", help="most structures in flight: auto or a number")
    parser.add_argument("--fmax", type=float, default=0.05, help="largest force at convergence, eV/Å")
    parser.add_argument(
        "--baseline", choices=sorted(BASELINES), default="liface", help="optimizer of the one-by-one side"
    )
    parser.add_argument("--torch-sim", choices=["fire", "lbfgs"], help="relax with this optimizer of torch-sim too")
    parser.add_argument("--out", type=Path, default=None, help="JSON file")
    arguments = parser.parse_args()
    result = measure(arguments)
    text = json.dumps(result, indent=1, ensure_ascii=False)
    print(text)
    if arguments.out:
        arguments.out.write_text(text + "\n", encoding="utf-8")
    agree = result["agree_to_1_mev_per_atom"] >= AGREEING_SHARE
    if not agree or result["converged_alone"] != result["converged_together"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
