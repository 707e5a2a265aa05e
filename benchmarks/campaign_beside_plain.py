"""A whole campaign: what it takes, what repeating it takes, and its interfacial energies beside those of the plain way.

    python benchmarks/campaign_beside_plain.py --out benchmarks/results/campaign_beside_plain.json

First ``liface campaign run CAMPAIGN --engine sevennet --workers 2`` is run, and run again. Then its interfaces are
computed the plain way: the calculator of the sevenn package as it comes, every relaxation by ASE's FIRE, with four
times as many force calls allowed, every shift scanned, and nothing taken from the first run. The protocol is the same,
since it says what the number means. Interfaces that the first run flags as reactive or unconverged have no value to
agree on, and are left out; the headline energies of the others are compared. Two processes share the plain way. With
``--folder``, what they have computed is kept, and taken up by the next run.
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
PLAIN = "ASE FIRE"
MORE_CALLS = 4
PROCESSES = 2
AGREE_MEV_PER_A2 = 2.0
NO_VALUE = ("reactive", "unconverged")
PACKAGES = ("ase", "torch", "sevenn", "numpy")


def plain_search(numbers: np.ndarray, coordinates: Any, fmax: float, max_calls: int, trust: Any = None) -> Any:
    """Relax with ASE's FIRE from the first step; takes the place of the search of liface."""
    point = yield coordinates.initial()
    found = optimizer.Minimum(point, [point.energy], point.residual <= fmax, PLAIN)
    if not found.converged and max_calls > 1:
        found = yield from optimizer._fire(found, fmax, max_calls, 1)
    return dataclasses.replace(found, optimizer=PLAIN)


def plain_cases(name: str) -> list[PlannedCase]:
    """Return the interfaces of a campaign for the stock calculator; the release, a check of its own, is left out."""
    loaded = Campaign.load(name, [STOCK])
    protocol = loaded.file.protocol
    limits = {key: MORE_CALLS * getattr(protocol, key) for key in ("max_force_calls", "bulk_force_calls")}
    file = loaded.file.model_copy(update={"protocol": protocol.model_copy(update=limits | {"release": False})})
    return [case for case in dataclasses.replace(loaded, file=file).cases() if case.spec.kind == "interface"]


def plain(name: str, database: str, part: int, left_out: set[str]) -> None:
    """Compute every second interface the plain way, in this process."""
    pin_threads()
    relaxation.search_minimum = plain_search
    cases = [case for case in plain_cases(name)[part::PROCESSES] if case.spec.name not in left_out]
    with Database(database) as store:
        state = run_campaign(cases, store, workers=0)
    print(f"plain, part {part}: {state.computed} calculations, {state.failed} failed", file=sys.stderr, flush=True)


def timed(command: list[str], database: str) -> dict[str, float]:
    """Run a command; return its wall time, the CPU time of all its processes, and what it added to the database."""
    before, known, started = cpu_s(), calculations(database), time.perf_counter()
    subprocess.run(command, check=True, stdout=sys.stderr)
    wall, found = time.perf_counter() - started, calculations(database)
    return {
        "wall_s": wall,
        "cpu_s": cpu_s() - before,
        "calculations": len(found) - len(known),
        "force_calls": sum(calls for calls, _ in found.values()) - sum(calls for calls, _ in known.values()),
    }


def cpu_s() -> float:
    """Return the CPU time of all processes that this one has waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def calculations(*databases: str) -> dict[str, tuple[int, float]]:
    """Return force calls and seconds of the calculations of databases, by label; each ran in one thread."""
    found: dict[str, tuple[int, float]] = {}
    for path in databases:
        if Path(path).exists():
            with Database(path) as store:
                frame = store.table("calculations", columns=["label", "n_force_calls", "wall_s"])
            found |= {row.label: (int(row.n_force_calls), float(row.wall_s)) for row in frame.itertuples()}
    return found


def both(own: dict[str, tuple[int, float]], other: dict[str, tuple[int, float]]) -> dict[str, Any]:
    """Return what the calculations came to that both ways made."""
    shared = own.keys() & other.keys()
    return {
        "calculations": len(shared),
        "force_calls": sum(own[label][0] for label in shared),
        "seconds": sum(own[label][1] for label in shared),
        "plain_force_calls": sum(other[label][0] for label in shared),
        "plain_seconds": sum(other[label][1] for label in shared),
    }


def by_name(*databases: str) -> dict[str, InterfaceResult]:
    """Return the interfaces of databases, named as their cases are."""
    found = {}
    for path in databases:
        with Database(path) as store:
            for result in store.results(InterfaceResult):
                tail = "-vacuum" if result.method == "vacuum" else ""
                found[f"interface/{result.substrate}-{result.substrate_plane}_Li-{result.film_plane}{tail}"] = result
    return found


def slugs(result: InterfaceResult) -> set[str]:
    """Return the flags of a result without their details."""
    return {flag.partition(":")[0] for flag in result.flags}


def compared(own: dict[str, InterfaceResult], other: dict[str, InterfaceResult]) -> list[dict[str, Any]]:
    """Return the energies of both ways."""
    if missing := sorted(own.keys() - other.keys()):
        raise SystemExit(f"the plain way has no {', '.join(missing)}")
    return [
        {
            "interface": name.removeprefix("interface/"),
            "gamma_mev_per_a2": result.gamma_mev_per_a2,
            "plain_gamma_mev_per_a2": other[name].gamma_mev_per_a2,
            "difference_mev_per_a2": result.gamma_mev_per_a2 - other[name].gamma_mev_per_a2,
            "flags": sorted(slugs(result)),
            "plain_flags": sorted(slugs(other[name])),
        }
        for name, result in own.items()
    ]


def measure(name: str, folder: Path, kept: Path) -> dict[str, Any]:
    """Run the campaign in a folder, repeat it, and compute its interfaces the plain way."""
    database = str(folder / "liface.db")
    command = [sys.executable, "-m", "liface", "campaign", "run", name, "--engine", "sevennet", "--db", database]
    command += ["--workers", str(PROCESSES), "--report", str(folder / "report.html")]
    first, again = timed(command, database), timed(command, database)
    own = by_name(database)
    left_out = {name for name, result in own.items() if slugs(result) & set(NO_VALUE)}
    parts = [str(kept / f"plain-{part}.db") for part in range(PROCESSES)]
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=plain, args=(name, path, part, left_out)) for part, path in enumerate(parts)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise SystemExit("the plain way failed; see the message above")
    rows = compared({name: result for name, result in own.items() if name not in left_out}, by_name(*parts))
    apart = [abs(row["difference_mev_per_a2"]) for row in rows]
    return {
        "campaign": name,
        "first": first,
        "again": again,
        "the_same_calculations": both(calculations(database), calculations(*parts)),
        "summary": {
            "interfaces": len(rows),
            "within_limit": sum(one <= AGREE_MEV_PER_A2 for one in apart),
            "median_mev_per_a2": float(np.median(apart)),
            "largest_mev_per_a2": max(apart),
        },
        "left_out": sorted(name.removeprefix("interface/") for name in left_out),
        "interfaces": rows,
        "versions": {"liface": __version__} | {package: distribution_version(package) for package in PACKAGES},
        "machine": f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        "command": shlex.join(["python", *sys.argv]),
    }


def table(result: dict[str, Any]) -> str:
    """Return the result as Markdown."""
    lines = ["| | wall, min | CPU, min | calculations | force calls |", "|---|---|---|---|---|"]
    command = f"liface campaign run {result['campaign']} --engine sevennet --workers {PROCESSES}"
    for key, title in (("first", f"`{command}`"), ("again", "again")):
        row = result[key]
        lines.append(
            f"| {title} | {row['wall_s'] / 60:.2f} | {row['cpu_s'] / 60:.2f} | {row['calculations']} | "
            f"{row['force_calls']} |"
        )
    found, same = result["summary"], result["the_same_calculations"]
    left_out = ", ".join(result["left_out"])
    lines += [
        "",
        f"{found['within_limit']} of {found['interfaces']} interfaces agree with the plain way to "
        f"{AGREE_MEV_PER_A2:g} meV/Å²: median difference {found['median_mev_per_a2']:.2f}, largest "
        f"{found['largest_mev_per_a2']:.2f} meV/Å²."
        + (f" Left out, since reactive or unconverged: {left_out}." if left_out else ""),
        f"The {same['calculations']} calculations that both made took {same['seconds']:.0f} s with "
        f"{same['force_calls']} force calls, and {same['plain_seconds']:.0f} s with {same['plain_force_calls']} the "
        "plain way.",
        "",
        "| interface | γ0, meV/Å² | the plain way | difference |",
        "|---|---|---|---|",
    ]
    for row in result["interfaces"]:
        lines.append(
            f"| {row['interface']} | {row['gamma_mev_per_a2']:.1f} | {row['plain_gamma_mev_per_a2']:.1f} | "
            f"{row['difference_mev_per_a2']:+.2f} |"
        )
    numbers = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    return "\n".join([*lines, "", f"`{result['command']}`; {result['machine']}; {numbers}"])


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--campaign", default="oh2024", help="campaign that is shipped, or a file")
    parser.add_argument("--folder", type=Path, default=None, help="keeps what the plain way has computed")
    parser.add_argument("--out", type=Path, default=None, help="JSON file; a .md table is written beside it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.folder:
            arguments.folder.mkdir(parents=True, exist_ok=True)
        result = measure(arguments.campaign, Path(folder), arguments.folder or Path(folder))
    text = table(result)
    print(text)
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        arguments.out.with_suffix(".md").write_text(f"# A campaign beside the plain way\n\n{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
