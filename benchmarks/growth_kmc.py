"""Events per second of the growth kinetic Monte Carlo from 64 x 64 to 512 x 512 columns, after checks of its physics.

    python benchmarks/growth_kmc.py

First the checks: occupation of a closed 2 x 2 lattice against exact Boltzmann weights, random deposition against
Poisson, the exponent of the island density. Then the speed: two layers are grown, and bursts of events that follow
are timed in processor time of one core, compilation left out. Results go to benchmarks/results/growth_kmc.json.
kmcos on the same model: ``growth_beside_kmcos.py``.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import platform
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from processor import processor

from liface import __version__
from liface.mesoscale import Growth, GrowthSpec, morphology
from liface.mesoscale.rates import configuration_energy

SIZES = (64, 128, 256, 512)
OUT = Path(__file__).parent / "results" / "growth_kmc.json"


def main() -> None:
    """Check, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    import numba

    checks = {"boltzmann": boltzmann(), "random_deposition": random_deposition(), "island_density": island_density()}
    for name, found in checks.items():
        print(f"{name}: {found}")
    if not all(found["passed"] for found in checks.values()):
        raise SystemExit("a check failed; speeds of a wrong simulation are not measured")
    print(f"\n{'columns':>9} {'events/s, best':>15} {'median':>10}")
    speeds = []
    for size in SIZES:
        speeds.append(row := speed(size, options.events, options.repeats))
        best, median = row["events_per_s_best"], row["events_per_s_median"]
        print(f"{size:>4}²     {best:>15.3g} {median:>10.3g}")
    record = {
        "checks": checks,
        "speed": speeds,
        "machine": {"processor": processor(), "load_average_1_min": round(os.getloadavg()[0], 1),
                    "cores": os.cpu_count()},
        "versions": {"liface": __version__, "numba": numba.__version__, "python": platform.python_version()},
    }  # fmt: skip
    options.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"\n{options.out}")


def boltzmann(looks: int = 100_000, between_s: float = 1.5) -> dict:
    """Two atoms on 2 x 2 columns, closed: the largest deviation of an occupation in standard errors."""
    spec = GrowthSpec(
        size=2, temperature_k=600.0, arrival_substrate_hz=0.0, arrival_li_hz=0.0, attempt_hz=100.0,
        diffusion_substrate_ev=0.12, diffusion_li_ev=0.07, bond_substrate_ev=0.03, bond_li_ev=-0.01,
        substrate_preference_ev=0.04, step_edge_ev=0.03,
    )  # fmt: skip
    states = [h for h in itertools.product(range(3), repeat=4) if sum(h) == 2]
    weights = {h: math.exp(-configuration_energy(spec, np.reshape(h, (2, 2))) / spec.kt_ev) for h in states}
    run, found = Growth(spec, 3, np.array([[2, 0], [0, 0]])), dict.fromkeys(states, 0)
    for i in range(1, looks + 1):
        run.advance(until_s=i * between_s)
        found[tuple(run.heights.ravel().tolist())] += 1
    exact = {h: w / sum(weights.values()) for h, w in weights.items()}
    worst = max(abs(found[h] / looks - p) / math.sqrt(p * (1 - p) / looks) for h, p in exact.items())
    return {"largest_deviation_in_standard_errors": round(worst, 2), "states": len(states), "passed": worst < 4.5}


def random_deposition(size: int = 512, theta: float = 2.0) -> dict:
    """Arrivals alone: roughness against sqrt(theta)."""
    run = Growth(GrowthSpec(size=size, attempt_hz=0.0), 1)
    run.advance(int(theta * size**2))
    relative = morphology(run.heights).roughness / math.sqrt(theta) - 1
    return {"relative_deviation_of_roughness": round(relative, 5), "passed": abs(relative) < 0.01}


def island_density(size: int = 256, coverage: float = 0.08, seeds: int = 2) -> dict:
    """Irreversible aggregation: N ~ (D/F)^-x with x = 1/3 expected where D/F is large (10.1088/0034-4885/47/4/002)."""
    ratios, densities = (1e4, 1e5, 1e6, 1e7), []
    for hops in ratios:
        spec = GrowthSpec(size=size, attempt_hz=hops, diffusion_substrate_ev=0.0, diffusion_li_ev=0.0,
                          bond_substrate_ev=3.0, bond_li_ev=3.0, step_edge_ev=0.0)  # fmt: skip
        runs = [Growth(spec, seed) for seed in range(seeds)]
        for run in runs:
            run.advance(int(coverage * size**2))
        densities.append(float(np.mean([morphology(run.heights).n_nuclei for run in runs])) / size**2)
    exponents = -np.diff(np.log(densities)) / np.diff(np.log(ratios))
    fit = -float(np.polyfit(np.log(ratios), np.log(densities), 1)[0])
    return {"d_over_f": ratios, "islands_per_column": [round(n, 6) for n in densities],
            "exponent": round(fit, 3), "exponent_by_decade": [round(float(x), 3) for x in exponents],
            "passed": 0.28 < fit < 0.36}  # fmt: skip


def speed(size: int, events: int, repeats: int) -> dict:
    """Time bursts of events on a film of two layers at the default rates."""
    run = Growth(GrowthSpec(size=size), 1)
    run.advance(2 * size**2)
    rates = []
    for _ in range(repeats):
        before, start = run.events, time.process_time()
        run.advance(events=events)
        rates.append((run.events - before) / (time.process_time() - start))
    return {"size": size, "events_per_s_best": round(max(rates)), "events_per_s_median": round(float(np.median(rates))),
            "bursts": repeats, "events_per_burst": events, "layers_at_end": round(run.atoms / size**2, 2)}  # fmt: skip


if __name__ == "__main__":
    main()
