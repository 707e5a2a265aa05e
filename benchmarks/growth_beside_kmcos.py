"""Growth of one layer by kinetic Monte Carlo: liface beside kmcos, the same model at the same rates.

    python benchmarks/growth_beside_kmcos.py --out benchmarks/results/growth_beside_kmcos.json

Li arrives on a bare square lattice and hops on it, slowed down by each lateral bond; a second layer is left out on both
sides, by a step-edge barrier that nothing crosses. Both grow from bare to the same number of atoms, in turns, each with
one thread; CPU seconds of the growth count, without compilation (Numba's here, gfortran's there). kmcos runs in an
environment of its own (``make peers``; it needs gfortran). What has grown must be the same in the mean: hops per atom,
islands, lateral bonds per atom and the time that passed, or the command ends with 1. A JSON file and a table are
written.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shlex
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from peer_process import PeerProcess, interpreter
from processor import processor

from liface import __version__
from liface.engines.registry import distribution_version
from liface.mesoscale import Growth, GrowthSpec, morphology

NO_SECOND_LAYER: dict[str, float] = {"arrival_li_hz": 1e-30, "step_edge_ev": 100.0}
MOST_STANDARD_ERRORS = 4.0
QUANTITIES = {
    "hops_per_atom": "hops per atom",
    "islands_per_column": "islands per column",
    "bonds_per_atom": "bonds per atom",
    "time_s": "time, s",
}


def hop_rates(spec: GrowthSpec) -> list[float]:
    """Rates of a hop to one empty neighbour with 0 to 3 lateral bonds, 1/s: written out here, not taken from liface."""
    barriers = [spec.diffusion_substrate_ev + bonds * spec.bond_substrate_ev for bonds in range(4)]
    return [spec.attempt_hz * math.exp(-barrier / (8.617333262e-5 * spec.temperature_k)) for barrier in barriers]


def measured(cpu_s: float, events: int, time_s: float, heights: np.ndarray) -> dict[str, float]:
    """Return what is compared of one growth."""
    covered, atoms = heights > 0, int(heights.sum())
    bonds = sum(int(np.count_nonzero(covered & np.roll(covered, 1, axis))) for axis in (0, 1))
    return {
        "cpu_s": cpu_s,
        "events": events,
        "events_per_s": events / cpu_s,
        "tallest": int(heights.max()),
        "hops_per_atom": (events - atoms) / atoms,
        "islands_per_column": morphology(heights).n_nuclei / heights.size,
        "bonds_per_atom": bonds / atoms,
        "time_s": time_s,
    }


def with_liface(spec: GrowthSpec, seed: int, atoms: int) -> dict[str, float]:
    """Grow with liface."""
    run = Growth(spec, seed)
    started = time.process_time()
    run.advance(atoms)
    return measured(time.process_time() - started, run.events, run.time_s, run.heights)


def with_kmcos(kmcos: PeerProcess, spec: GrowthSpec, seed: int, atoms: int) -> dict[str, float]:
    """Grow with kmcos."""
    found = kmcos.ask(size=spec.size, seed=seed, atoms=atoms, k_arrive=spec.arrival_substrate_hz, k_hop=hop_rates(spec))
    return measured(found["cpu_s"], found["events"], found["time_s"], np.array(found["heights"]))


def compared(size: int, runs: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Return speeds, and by how many standard errors the means differ."""
    row: dict[str, Any] = {"size": size, "runs": len(runs["liface"])}
    for side, found in runs.items():
        row[side] = {"events_per_s": float(np.median([run["events_per_s"] for run in found]))}
        for key in QUANTITIES:
            values = [run[key] for run in found]
            row[side][key] = [float(np.mean(values)), float(np.std(values, ddof=1) / math.sqrt(len(values)))]
    row["times_as_fast"] = row["liface"]["events_per_s"] / row["kmcos"]["events_per_s"]
    row["standard_errors_apart"] = {
        key: abs(row["liface"][key][0] - row["kmcos"][key][0]) / math.hypot(row["liface"][key][1], row["kmcos"][key][1])
        for key in QUANTITIES
    }
    row["the_same"] = max(row["standard_errors_apart"].values()) < MOST_STANDARD_ERRORS
    return row


def table(result: dict[str, Any]) -> str:
    """Return the result as Markdown."""
    names = list(QUANTITIES.values())
    lines = [
        "| columns | events/s, liface | events/s, kmcos | times as fast | "
        + " | ".join(f"{name}: liface, kmcos" for name in names)
        + " | standard errors apart, at most |",
        "|" + "---|" * (5 + len(names)),
    ]
    for row in result["rows"]:
        ours, theirs = row["liface"], row["kmcos"]
        means = " | ".join(f"{ours[key][0]:.4g}, {theirs[key][0]:.4g}" for key in QUANTITIES)
        lines.append(
            f"| {row['size']}² | {ours['events_per_s']:.3g} | {theirs['events_per_s']:.3g} | "
            f"{row['times_as_fast']:.1f} | {means} | {max(row['standard_errors_apart'].values()):.1f} |"
        )
    return "\n".join(
        [
            *lines,
            "",
            f"Medians and means of {result['rows'][0]['runs']} growths to {result['coverage']:g} of a layer at the "
            f"default rates; a difference counts from {MOST_STANDARD_ERRORS:g} standard errors. "
            f"kmcos took {result['kmcos_build_wall_s']:.0f} s to write and compile the model.",
            "",
            f"`{result['command']}`; {result['machine']}; "
            + ", ".join(f"{name} {number}" for name, number in result["versions"].items()),
        ]
    )


def run(arguments: argparse.Namespace, python: str) -> dict[str, Any]:
    """Grow on every lattice, in turns."""
    with tempfile.TemporaryDirectory() as folder, PeerProcess(python, "kmcos_worker.py", folder) as kmcos:
        built, rows = kmcos.ask(), []
        with_liface(GrowthSpec(size=8, **NO_SECOND_LAYER), 0, 10)  # compiles
        for size in arguments.size:
            spec, atoms = GrowthSpec(size=size, **NO_SECOND_LAYER), int(arguments.coverage * size**2)
            runs: dict[str, list[dict[str, float]]] = {"liface": [], "kmcos": []}
            for seed in range(1, arguments.runs + 1):
                runs["liface"].append(with_liface(spec, seed, atoms))
                runs["kmcos"].append(with_kmcos(kmcos, spec, seed, atoms))
            if any(found["tallest"] > 1 for side in runs.values() for found in side):
                raise SystemExit(f"an atom climbed onto the first layer at {size} columns: the models differ")
            rows.append(compared(size, runs))
            print(size, f"{rows[-1]['times_as_fast']:.1f} times as fast", file=sys.stderr, flush=True)
    return {
        "coverage": arguments.coverage,
        "rows": rows,
        "kmcos_build_wall_s": built["build_wall_s"],
        "versions": {"liface": __version__, "numba": distribution_version("numba")} | built["versions"],
        "machine": f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        "command": shlex.join(["python", *sys.argv]),
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, nargs="+", default=[64, 128, 256, 512], help="columns along each edge")
    parser.add_argument("--runs", type=int, default=12, help="growths on each side and lattice")
    parser.add_argument("--coverage", type=float, default=0.2, help="atoms per column at the end")
    parser.add_argument("--out", type=Path, default=None, help="JSON file; a .md table is written beside it")
    arguments = parser.parse_args()
    if not (python := interpreter("kmcos")):
        raise SystemExit("kmcos has no environment here: say `make peers`; it needs gfortran")
    result = run(arguments, python)
    text = table(result)
    print(text)
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        arguments.out.with_suffix(".md").write_text(f"# Growth of one layer beside kmcos\n\n{text}\n", encoding="utf-8")
    if not all(row["the_same"] for row in result["rows"]):
        sys.exit("the two have not grown the same")


if __name__ == "__main__":
    main()
