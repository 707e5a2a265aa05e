"""What one relaxation costs: liface beside atomate2's ForceFieldRelaxMaker, ASE and torch-sim, with equal weights.

    python benchmarks/relaxation_peers.py --engine sevennet --n 5 --out benchmarks/results/relaxation_peers_7net-0.json

Every system starts from the same geometry in a fixed cell with all atoms free, and goes to the same largest force. The
ways are interleaved in one process with one thread, and CPU seconds are those of the process. The peers run the
calculator of the model's own package; atomate2 loads it for each job, which is timed apart. What liface does once in a
worker (loading, checking its kernel, and once on a machine compiling it) is timed apart too. torch-sim runs in an
environment of its own (``make peers``), with SevenNet alone, since CHGNet is not among its models; at the end it
relaxes all systems in one batch. A JSON file and a table beside it are written.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything loads a threaded library

import numpy as np
from ase.optimize import BFGS, FIRE
from jobflow import run_locally
from optimizer_calls import CALL_LIMIT, RATTLE_A, clusters, interfaces, slabs
from processor import processor
from torch_sim_peer import TorchSim

from liface import __version__
from liface.documents import CalculationRequest, CalculationSettings, FailedCalculation, Geometry
from liface.engines import pin_threads, resolve, run
from liface.engines.base import Engine, EngineSpec
from liface.engines.registry import distribution_version, model_file
from liface.errors import CalculationError

PEERS = ("atomate2", "ase-fire", "ase-bfgs")
TORCH_SIM = ("torch-sim-fire", "torch-sim-lbfgs")
BATCH_OPTIMIZER, BATCH_EVERY = "lbfgs", 5
"""torch-sim's quickest search, and after how many steps it looks for convergence by default."""
FORCE_FIELDS = {"sevennet": "SevenNet", "chgnet": "CHGNet"}
SHIFT_A = (0.31, 0.17, 0.0)
"""All atoms together are moved by this: forces of a model without rounding would not change."""
PACKAGES = ("liface", "atomate2", "jobflow", "ase", "torch", "sevenn", "e3nn", "chgnet", "numba", "numpy")


@dataclass
class Relaxation:
    """One structure relaxed one way."""

    cpu_s: float
    wall_s: float
    force_calls: int
    energy_ev: float
    fmax_ev_per_a: float


class Calls:
    """Counts the force calls of a class of calculators while it is entered."""

    def __init__(self, kind: type):
        self.kind, self.n = kind, 0

    def __enter__(self) -> Calls:
        self.calculate = calculate = self.kind.calculate

        def counted(*arguments: Any, **keywords: Any) -> Any:
            self.n += 1
            return calculate(*arguments, **keywords)

        self.kind.calculate = counted
        return self

    def __exit__(self, *_: object) -> None:
        self.kind.calculate = self.calculate


class Peers:
    """The same weights as others run them."""

    def __init__(self, spec: EngineSpec):
        _, path, model = model_file(spec)
        self.name = FORCE_FIELDS[spec.name]
        options = dict(model.options) if model else {}
        self.keywords: dict[str, Any] = (
            {"model": str(path), "device": "cpu", **options} if spec.name == "sevennet" else {}
        )
        self.calculator = self.load()

    def load(self) -> Any:
        """Return a new calculator, as each job of atomate2 does."""
        from atomate2.forcefields.jobs import ForceFieldStaticMaker
        from atomate2.forcefields.utils import MLFF

        with contextlib.redirect_stdout(sys.stderr):
            return ForceFieldStaticMaker(force_field_name=MLFF(self.name), calculator_kwargs=self.keywords).calculator

    def atomate2(self, geometry: Geometry, fmax: float) -> tuple[float, np.ndarray]:
        """Relax in a job that jobflow runs; return energy (eV) and forces (eV/Å)."""
        from atomate2.forcefields.jobs import ForceFieldRelaxMaker
        from atomate2.forcefields.utils import MLFF

        job = ForceFieldRelaxMaker(
            force_field_name=MLFF(self.name),
            relax_cell=False,
            steps=CALL_LIMIT,
            relax_kwargs={"fmax": fmax},
            calculator_kwargs=self.keywords,
        ).make(geometry.to_structure())
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
            responses = run_locally(job, log=False, create_folders=True, root_dir=folder, ensure_success=True)
        output = responses[job.uuid][1].output.output
        return float(output.energy), np.array(output.forces)

    def ase(self, optimizer: type) -> Callable[[Geometry, float], tuple[float, np.ndarray]]:
        """Return ASE's optimizer as it comes, on the calculator as it comes."""

        def relax(geometry: Geometry, fmax: float) -> tuple[float, np.ndarray]:
            atoms = geometry.to_ase()
            atoms.calc = self.calculator
            optimizer(atoms, logfile=None).run(fmax=fmax, steps=CALL_LIMIT)
            return float(atoms.get_potential_energy()), atoms.get_forces()

        return relax


def with_torch_sim(torch_sim: TorchSim, way: str, geometry: Geometry, fmax: float) -> Relaxation:
    """Relax one structure; convergence is looked for after every step."""
    found = torch_sim.relax([geometry], way.removeprefix("torch-sim-"), fmax, CALL_LIMIT, every=1)
    return Relaxation(found.cpu_s, found.wall_s, found.force_calls, found.energies_ev[0], found.fmax_ev_per_a)


def torch_sim_batch(
    torch_sim: TorchSim, geometries: list[Geometry], fmax: float, rows: list[dict[str, Any]]
) -> dict[str, Any]:
    """Relax all in one batch; return what it comes to for each, and energies above those of liface."""
    found = torch_sim.relax(geometries, BATCH_OPTIMIZER, fmax, CALL_LIMIT, BATCH_EVERY)
    above = [
        1e3 * (energy - row["liface"]["energy_ev"]) / row["natoms"]
        for energy, row in zip(found.energies_ev, rows, strict=True)
    ]
    n = len(geometries)
    return {
        "optimizer": BATCH_OPTIMIZER,
        "n": n,
        "cpu_s_each": found.cpu_s / n,
        "force_calls_each": found.force_calls / n,
        "liface_cpu_s_each": sum(row["liface"]["cpu_s"] for row in rows) / n,
        "largest_force_ev_per_a": found.fmax_ev_per_a,
        "energy_above_liface_mev_per_atom": [min(above), float(np.median(above)), max(above)],
    }


def timed(
    relax: Callable[[Geometry, float], tuple[float, np.ndarray]], geometry: Geometry, fmax: float, kind: type
) -> Relaxation:
    """Relax one structure with a peer."""
    with Calls(kind) as calls:
        cpu, wall = time.process_time(), time.perf_counter()
        energy, forces = relax(geometry, fmax)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Relaxation(cpu, wall, calls.n, energy, float(np.linalg.norm(forces, axis=1).max()))


def with_liface(name: str, geometry: Geometry, engine: Engine, fmax: float) -> tuple[Relaxation, Geometry]:
    """Relax one structure with liface."""
    settings = CalculationSettings(fmax_ev_per_a=fmax, max_force_calls=CALL_LIMIT)
    request = CalculationRequest(geometry=geometry, engine=engine.info, settings=settings, label=name)
    cpu, wall = time.process_time(), time.perf_counter()
    document = run(request, engine)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    if isinstance(document, FailedCalculation):
        raise CalculationError(f"{name}: {document.reason}")
    relaxed = Relaxation(cpu, wall, document.n_force_calls, document.energy_ev, document.fmax_ev_per_a)
    return relaxed, document.final


def call_s(calculator: Any, geometry: Geometry) -> tuple[float, np.ndarray]:
    """Return CPU seconds and forces of one force call."""
    atoms = geometry.to_ase()
    started = time.process_time()
    calculator.calculate(atoms, ["energy", "forces"])
    return time.process_time() - started, np.array(calculator.results["forces"])


def compare(
    name: str, geometry: Geometry, engine: Engine, peers: Peers, torch_sim: TorchSim | None, fmax: float
) -> dict[str, Any]:
    """Relax one system in every way, one after another, and compare single force calls at the end."""
    ways = {"atomate2": peers.atomate2, "ase-fire": peers.ase(FIRE), "ase-bfgs": peers.ase(BFGS)}
    own, final = with_liface(name, geometry, engine, fmax)
    found = {"liface": own}
    for way, relax in ways.items():
        found[way] = timed(relax, geometry, fmax, type(peers.calculator))
    for way in TORCH_SIM if torch_sim else ():
        found[way] = with_torch_sim(torch_sim, way, geometry, fmax)
    ours, theirs = engine.calculator(needs_stress=False), peers.calculator
    pairs = [(call_s(ours, final), call_s(theirs, final)) for _ in range(5)]
    _, shifted = call_s(theirs, final.with_positions(final.position_array + SHIFT_A))
    return {
        "system": name,
        "natoms": geometry.n_atoms,
        **{way: asdict(relaxation) for way, relaxation in found.items()},
        "call_cpu_s": float(np.median([a[0] for a, _ in pairs])),
        "stock_call_cpu_s": float(np.median([b[0] for _, b in pairs])),
        "largest_force_difference_ev_per_a": float(abs(pairs[0][0][1] - pairs[0][1][1]).max()),
        "stock_noise_ev_per_a": float(abs(shifted - pairs[0][1][1]).max()),
    }


def peers_of(rows: list[dict[str, Any]]) -> list[str]:
    """Return the peers that ran."""
    return [way for way in (*PEERS, *TORCH_SIM) if way in rows[0]]


def summary(rows: list[dict[str, Any]], load_s: float) -> dict[str, Any]:
    """Return medians and ratios; ``load_s`` is what atomate2 spends on loading the model in each job."""

    def median(way: str, key: str) -> float:
        return float(np.median([row[way][key] for row in rows]))

    def ratios(way: str, less: float = 0.0) -> list[float]:
        return [row["liface"]["cpu_s"] / (row[way]["cpu_s"] - less) for row in rows]

    found: dict[str, Any] = {"n": len(rows), "atomate2_load_cpu_s": load_s}
    for way in ("liface", *peers_of(rows)):
        found[way] = {key: median(way, key) for key in ("cpu_s", "wall_s", "force_calls", "fmax_ev_per_a")}
        above = [1e3 * (row[way]["energy_ev"] - row["liface"]["energy_ev"]) / row["natoms"] for row in rows]
        found[way]["energy_above_liface_mev_per_atom"] = {
            "median": float(np.median(above)),
            "range": [min(above), max(above)],
        }
        if way != "liface":
            found[way]["cpu_ratio"] = {"median": float(np.median(ratios(way))), "worst": max(ratios(way))}
            calls = [row["liface"]["force_calls"] / row[way]["force_calls"] for row in rows]
            found[way]["calls_ratio"] = {"median": float(np.median(calls)), "worst": max(calls)}
    bare = ratios("atomate2", load_s)
    found["atomate2"]["cpu_ratio_without_loading"] = {"median": float(np.median(bare)), "worst": max(bare)}
    faster = [row["stock_call_cpu_s"] / row["call_cpu_s"] for row in rows]
    found["force_call"] = {
        "cpu_s": float(np.median([row["call_cpu_s"] for row in rows])),
        "stock_cpu_s": float(np.median([row["stock_call_cpu_s"] for row in rows])),
        "times_as_fast": float(np.median(faster)),
        "largest_force_difference_ev_per_a": max(row["largest_force_difference_ev_per_a"] for row in rows),
        "stock_noise_ev_per_a": max(row["stock_noise_ev_per_a"] for row in rows),
    }
    return found


def table(result: dict[str, Any]) -> str:
    """Return the summary as Markdown."""
    s, once = result["summary"], result["once_cpu_s"]
    lines = [
        "| way | CPU s | wall s | force calls | largest force, eV/Å | energy above liface, meV/atom | CPU of liface / "
        "this (worst) | calls (worst) |\n|---|---|---|---|---|---|---|---|"
    ]
    for way in ("liface", *peers_of(result["systems"])):
        w, above = s[way], s[way]["energy_above_liface_mev_per_atom"]
        ratio = "|"
        if way != "liface":
            cpu, calls = w["cpu_ratio"], w["calls_ratio"]
            ratio = f"{cpu['median']:.3f} ({cpu['worst']:.3f}) | {calls['median']:.2f} ({calls['worst']:.2f})"
        lines.append(
            f"| {way} | {w['cpu_s']:.2f} | {w['wall_s']:.2f} | {w['force_calls']:g} | {w['fmax_ev_per_a']:.3f} | "
            f"{above['median']:+.2f} ({above['range'][0]:+.2f} to {above['range'][1]:+.2f}) | {ratio} |"
        )
    bare, call = s["atomate2"]["cpu_ratio_without_loading"], s["force_call"]
    lines += [
        "",
        f"Medians of {s['n']} relaxations to {result['fmax_ev_per_a']:g} eV/Å. Without the "
        f"{s['atomate2_load_cpu_s']:.2f} CPU s in which each job of atomate2 loads the model: {bare['median']:.3f} "
        f"(worst {bare['worst']:.3f}).",
        f"One force call: {1e3 * call['cpu_s']:.0f} ms, stock {1e3 * call['stock_cpu_s']:.0f} ms: "
        f"{call['times_as_fast']:.1f} times as fast; forces differ by "
        f"{call['largest_force_difference_ev_per_a']:.1e} eV/Å at most, those of the stock model by "
        f"{call['stock_noise_ev_per_a']:.1e} from its own when all atoms are shifted alike.",
        f"Once in a worker of liface: {once['load']:.1f} CPU s to load the model and check the kernel"
        f" ({once['load_stock']:.1f} to load the stock model). Kernel: {result['kernel']}.",
        batch_line(result["torch_sim_batch"]),
        "",
        f"`{result['command']}`; {result['machine']}; {numbered(result['versions'])}"
        + (f"; torch-sim's environment: {numbered(own)}" if (own := result["torch_sim_versions"]) else ""),
    ]
    return "\n".join(lines)


def numbered(versions: dict[str, str]) -> str:
    """Return packages with their versions."""
    return ", ".join(f"{name} {number}" for name, number in versions.items())


def batch_line(batch: dict[str, Any] | None) -> str:
    """Return a sentence about torch-sim's batch."""
    if batch is None:
        return "torch-sim was not run: it has no CHGNet, and with SevenNet it needs the environment of `make peers`."
    low, median, high = batch["energy_above_liface_mev_per_atom"]
    return (
        f"torch-sim with all {batch['n']} in one batch ({batch['optimizer']}): {batch['cpu_s_each']:.2f} CPU s and "
        f"{batch['force_calls_each']:.0f} force calls for each, {batch['liface_cpu_s_each']:.2f} s in the mean with "
        f"liface; {median:+.2f} ({low:+.2f} to {high:+.2f}) meV/atom above it, largest force "
        f"{batch['largest_force_ev_per_a']:.3f} eV/Å."
    )


def machine() -> str:
    """Return the processor and how busy it was."""
    return f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


def chosen(n: int, most_atoms: int) -> list[tuple[str, Geometry]]:
    """Return slabs, interfaces and clusters in turn that are small enough, displaced, with every atom free."""
    sources = [
        ((name, structure) for name, structure in source() if len(structure) <= most_atoms)
        for source in (slabs, interfaces, clusters)
    ]
    systems = []
    for i in range(n):
        name, structure = next(sources[i % 3])
        geometry = Geometry.from_structure(structure)
        step = np.random.default_rng([0, i]).normal(scale=RATTLE_A, size=(geometry.n_atoms, 3))
        free = geometry.model_copy(update={"frozen": (False,) * geometry.n_atoms})
        systems.append((name, free.with_positions(geometry.position_array + step)))
    return systems


def measured(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run everything."""
    spec = EngineSpec.parse(arguments.engine)
    peers, torch_sim = Peers(spec), TorchSim.made(spec, "cpu")  # imports and first loads count for nobody
    started = time.process_time()
    peers.load()
    load_stock = time.process_time() - started
    engine = resolve(spec)
    started = time.process_time()
    calculator = engine.calculator(needs_stress=False)
    load = time.process_time() - started
    begun, rows = time.monotonic(), []
    listed = chosen(arguments.n, arguments.most_atoms)
    compare(*listed[0], engine, peers, torch_sim, 40 * arguments.fmax)  # the first also pays for what PyTorch compiles
    with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C ends with the systems that are through
        for name, geometry in listed:
            if time.monotonic() - begun > 60 * arguments.minutes:
                break
            rows.append(compare(name, geometry, engine, peers, torch_sim, arguments.fmax))
            ways = ("liface", *peers_of(rows))
            shown = {way: (round(rows[-1][way]["cpu_s"], 2), rows[-1][way]["force_calls"]) for way in ways}
            print(name, rows[-1]["natoms"], shown, file=sys.stderr, flush=True)
    geometries = [geometry for _, geometry in listed[: len(rows)]]
    batch = torch_sim_batch(torch_sim, geometries, arguments.fmax, rows) if torch_sim else None
    return {
        "engine": engine.info.model_dump(mode="json"),
        "kernel": getattr(calculator, "versions", {}).get("sevennet-kernel", "energy and forces only"),
        "fmax_ev_per_a": arguments.fmax,
        "once_cpu_s": {"load": load, "load_stock": load_stock},
        "summary": summary(rows, load_stock),
        "systems": rows,
        "torch_sim_batch": batch,
        "torch_sim_versions": torch_sim.versions if torch_sim else {},
        "versions": {n: __version__ if n == "liface" else distribution_version(n) for n in PACKAGES},
        "machine": machine(),
        "command": shlex.join(["python", *sys.argv]),
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default="sevennet", help="sevennet or chgnet, with a model if wanted")
    parser.add_argument("--n", type=int, default=5, help="number of systems")
    parser.add_argument("--fmax", type=float, default=0.03, help="largest force at convergence, eV/Å")
    parser.add_argument("--most-atoms", type=int, default=60, help="leave out larger systems")
    parser.add_argument("--minutes", type=float, default=30.0, help="start no further system after this time")
    parser.add_argument("--out", type=Path, default=None, help="JSON file; a .md table is written beside it")
    arguments = parser.parse_args()
    pin_threads()
    result = measured(arguments)
    text = table(result)
    print(text)
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        beside = "atomate2, ASE and torch-sim" if result["torch_sim_batch"] else "atomate2 and ASE"
        title = f"# Relaxations to {arguments.fmax:g} eV/Å beside {beside}: {result['engine']['model']}\n\n"
        arguments.out.with_suffix(".md").write_text(title + text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
