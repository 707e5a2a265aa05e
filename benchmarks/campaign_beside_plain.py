"""A whole campaign: what it takes, what repeating it takes, and its interfacial energies beside those of the plain way.

    python benchmarks/campaign_beside_plain.py --out benchmarks/results/campaign_beside_plain.json

First ``liface campaign run CAMPAIGN --engine sevennet --workers 2`` is run, and run again. Then its interfaces are
computed the plain way: the calculator of the sevenn package as it comes, every relaxation by ASE's FIRE, with four
times as many force calls allowed, every shift scanned, and nothing taken from the first run. The protocol is the same,
since it says what the number means. The headline energies of both ways are compared; interfaces that either way flags
as reactive or unconverged have no value to agree on, and are counted apart. Two processes share the interfaces of the
plain way.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import multiprocessing
import os
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from processor import processor

from liface import __version__
from liface.database import Database
from liface.dispatch.run import run_campaign
from liface.documents import InterfaceResult
from liface.engines import optimizer, pin_threads, relaxation
from liface.engines.registry import distribution_version
from liface.workflows.campaign import Campaign, PlannedCase

STOCK = "ase:sevenn.calculator.SevenNetCalculator?model=7net-0&device=cpu"
MORE_CALLS = 4
PROCESSES = 2
AGREE_MEV_PER_A2 = 2.0
NO_VALUE = ("reactive", "unconverged")
PACKAGES = ("ase", "torch", "sevenn", "numpy")


def plain_search(numbers: np.ndarray, coordinates: Any, fmax: float, max_calls: int, trust: Any = None) -> Any:
    """Relax with ASE's FIRE from the first step; takes the place of the search of liface."""
    point = yield coordinates.initial()
    start = optimizer.Minimum(point, [point.energy], point.residual <= fmax, "ASE FIRE")
    if start.converged or max_calls <= 1:
        return start
    return (yield from optimizer._fire(start, fmax, max_calls, 1))


def plain_cases(name: str) -> list[PlannedCase]:
    """Return the interfaces of a campaign for the stock calculator; the release, a check of its own, is left out."""
    loaded = Campaign.load(name, [STOCK])
    protocol = loaded.file.protocol
    limits = {key: MORE_CALLS * getattr(protocol, key) for key in ("max_force_calls", "bulk_force_calls")}
    file = loaded.file.model_copy(update={"protocol": protocol.model_copy(update=limits | {"release": False})})
    return [case for case in dataclasses.replace(loaded, file=file).cases() if case.spec.kind == "interface"]


def plain(name: str, database: str, part: int) -> None:
    """Compute every second interface the plain way, in this process."""
    pin_threads()
    relaxation.search_minimum = plain_search
    with Database(database) as store:
        state = run_campaign(plain_cases(name)[part::PROCESSES], store, workers=0)
    print(f"plain, part {part}: {state.computed} calculations, {state.failed} failed", file=sys.stderr, flush=True)


def timed(command: list[str], database: str) -> dict[str, float]:
    """Run a command; return its wall time, the CPU time of all its processes, and what it added to the database."""
    before, known, started = cpu_s(), spent([database]), time.perf_counter()
    subprocess.run(command, check=True, stdout=sys.stderr)
    wall = time.perf_counter() - started
    calculations, calls = (now - then for now, then in zip(spent([database]), known, strict=True))
    return {"wall_s": wall, "cpu_s": cpu_s() - before, "calculations": calculations, "force_calls": calls}


def cpu_s() -> float:
    """Return the CPU time of all processes that this one has waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def spent(databases: list[str]) -> tuple[int, int]:
    """Return how many calculations some databases hold, and how many force calls these took."""
    calculations = calls = 0
    for path in databases:
        if Path(path).exists():
            with Database(path) as store:
                frame = store.table("calculations", columns=["n_force_calls"])
                calculations, calls = calculations + len(frame), calls + int(frame["n_force_calls"].sum())
    return calculations, calls


def by_name(databases: list[str]) -> dict[str, InterfaceResult]:
    """Return the interfaces of some databases."""
    found = {}
    for path in databases:
        with Database(path) as store:
            for result in store.results(InterfaceResult):
                where = f"Li({result.film_plane}) on {result.substrate}({result.substrate_plane})"
                found[where + (", vacuum" if result.method == "vacuum" else "")] = result
    return found


def compared(own: dict[str, InterfaceResult], other: dict[str, InterfaceResult]) -> list[dict[str, Any]]:
    """Return the energies of both ways."""
    if missing := sorted(own.keys() ^ other.keys()):
        raise SystemExit(f"only one of both ways has {', '.join(missing)}")
    return [
        {
            "interface": name,
            "gamma_mev_per_a2": result.gamma_mev_per_a2,
            "plain_gamma_mev_per_a2": other[name].gamma_mev_per_a2,
            "difference_mev_per_a2": result.gamma_mev_per_a2 - other[name].gamma_mev_per_a2,
            "flags": sorted(slugs(result)),
            "plain_flags": sorted(slugs(other[name])),
            "has_a_value": not (slugs(result) | slugs(other[name])) & set(NO_VALUE),
        }
        for name, result in own.items()
    ]


def slugs(result: InterfaceResult) -> set[str]:
    """Return the flags of a result without their details."""
    return {flag.partition(":")[0] for flag in result.flags}


def measure(name: str, folder: Path) -> dict[str, Any]:
    """Run the campaign, repeat it, and compute its interfaces the plain way."""
    database = str(folder / "liface.db")
    command = [sys.executable, "-m", "liface", "campaign", "run", name, "--engine", "sevennet", "--db", database]
    command += ["--workers", str(PROCESSES), "--report", str(folder / "report.html")]
    first, again = timed(command, database), timed(command, database)
    parts = [str(folder / f"plain-{part}.db") for part in range(PROCESSES)]
    before, started = cpu_s(), time.perf_counter()
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=plain, args=(name, path, part)) for part, path in enumerate(parts)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise SystemExit("the plain way failed; see the message above")
    calculations, calls = spent(parts)
    return {
        "campaign": name,
        "first": first,
        "again": again,
        "plain": {
            "wall_s": time.perf_counter() - started,
            "cpu_s": cpu_s() - before,
            "calculations": calculations,
            "force_calls": calls,
        },
        "interfaces": compared(by_name([database]), by_name(parts)),
        "versions": {"liface": __version__} | {package: distribution_version(package) for package in PACKAGES},
        "machine": f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        "command": shlex.join(["python", *sys.argv]),
    }


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how far both ways are apart where there is a value."""
    apart = [abs(row["difference_mev_per_a2"]) for row in rows if row["has_a_value"]]
    return {
        "interfaces": len(rows),
        "with_a_value": len(apart),
        "within_limit": sum(one <= AGREE_MEV_PER_A2 for one in apart),
        "median_mev_per_a2": float(np.median(apart)),
        "largest_mev_per_a2": max(apart),
    }


def table(result: dict[str, Any]) -> str:
    """Return the result as Markdown."""
    lines = ["| | wall, min | CPU, min | calculations | force calls |", "|---|---|---|---|---|"]
    titles = {
        "first": f"`liface campaign run {result['campaign']} --engine sevennet --workers {PROCESSES}`",
        "again": "again",
        "plain": f"its interfaces the plain way, {PROCESSES} processes",
    }
    for key, title in titles.items():
        row = result[key]
        lines.append(
            f"| {title} | {row['wall_s'] / 60:.2f} | {row['cpu_s'] / 60:.2f} | {row['calculations']} | "
            f"{row['force_calls']} |"
        )
    found = result["summary"]
    lines += [
        "",
        f"{found['within_limit']} of {found['with_a_value']} interfaces with a value agree to "
        f"{AGREE_MEV_PER_A2:g} meV/Å²; median difference {found['median_mev_per_a2']:.2f}, largest "
        f"{found['largest_mev_per_a2']:.2f} meV/Å². The others are reactive or unconverged in one of both ways: "
        "their value depends on how far they are followed.",
        "",
        "| interface | γ0, meV/Å² | the plain way | difference | flags |",
        "|---|---|---|---|---|",
    ]
    for row in result["interfaces"]:
        flags = ", ".join(sorted({*row["flags"], *row["plain_flags"]} & set(NO_VALUE)))
        lines.append(
            f"| {row['interface']} | {row['gamma_mev_per_a2']:.1f} | {row['plain_gamma_mev_per_a2']:.1f} | "
            f"{row['difference_mev_per_a2']:+.2f} | {flags} |"
        )
    numbers = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    return "\n".join([*lines, "", f"`{result['command']}`; {result['machine']}; {numbers}"])


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--campaign", default="oh2024", help="campaign that is shipped, or a file")
    parser.add_argument("--folder", type=Path, default=None, help="where databases are kept; else they are removed")
    parser.add_argument("--out", type=Path, default=None, help="JSON file; a .md table is written beside it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.folder:
            arguments.folder.mkdir(parents=True)
        result = measure(arguments.campaign, arguments.folder or Path(folder))
    result["summary"] = summary(result["interfaces"])
    text = table(result)
    print(text)
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        arguments.out.with_suffix(".md").write_text(f"# A campaign beside the plain way\n\n{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
