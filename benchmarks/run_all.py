"""Run the whole suite and write the page of its results: docs/benchmarks.md with a figure.

    python benchmarks/run_all.py                 # everything, which takes hours
    python benchmarks/run_all.py --only stores   # one part again; the page is made of the newest results of all
    python benchmarks/run_all.py --page          # the page alone, from the results that are there

Each part is a script of its own that says what it measures, beside whom, and which rows tell whether both sides came to
the same. They run one after the other; run nothing else beside them.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peer_process import interpreter

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PAGE = HERE.parent / "docs" / "benchmarks.md"
FIGURE = PAGE.parent / "benchmarks" / "ratios.svg"

RELAXATION_PEERS = {
    "atomate2": "atomate2",
    "ase-fire": "ASE FIRE",
    "ase-bfgs": "ASE BFGS",
    "torch-sim-fire": "torch-sim FIRE",
    "torch-sim-lbfgs": "torch-sim L-BFGS",
}


@dataclass(frozen=True)
class Part:
    """One benchmark: its title, and the arguments of its script."""

    title: str
    script: str
    arguments: tuple[str, ...]
    out: str
    """File in ``results``; the table beside it ends with .md."""
    peer: str = ""
    """Peer without whose environment there is nothing to run."""

    @property
    def table(self) -> Path:
        """The table that it writes."""
        return (RESULTS / self.out).with_suffix(".md")

    @property
    def command(self) -> list[str]:
        """What is run."""
        out = (RESULTS / self.out).relative_to(HERE.parent)
        return ["python", f"benchmarks/{self.script}.py", *self.arguments, "--out", str(out)]


PARTS = {
    "calls-as-built": Part(
        "Force calls, 7net-0",
        "optimizer_calls",
        ("--engine", "sevennet", "--n", "180", "--displacement", "0", "--control"),
        "optimizer_calls_7net-0_as_built.json",
    ),
    "calls-as-built-chgnet": Part(
        "Force calls, CHGNet",
        "optimizer_calls",
        ("--engine", "chgnet", "--n", "60", "--displacement", "0", "--control"),
        "optimizer_calls_as_built.json",
    ),
    "calls": Part(
        "Force calls, 7net-0, displaced",
        "optimizer_calls",
        ("--engine", "sevennet", "--n", "60", "--control"),
        "optimizer_calls_7net-0.json",
    ),
    "calls-seed-1": Part(
        "Force calls, 7net-0, displaced otherwise",
        "optimizer_calls",
        ("--engine", "sevennet", "--n", "60", "--seed", "1", "--control"),
        "optimizer_calls_7net-0_seed1.json",
    ),
    "calls-seed-2": Part(
        "Force calls, 7net-0, displaced, more systems",
        "optimizer_calls",
        ("--engine", "sevennet", "--n", "180", "--seed", "2", "--control"),
        "optimizer_calls_7net-0_seed2.json",
    ),
    "calls-chgnet": Part(
        "Force calls, CHGNet, displaced", "optimizer_calls", ("--engine", "chgnet", "--n", "60"), "optimizer_calls.json"
    ),
    "relaxation": Part(
        "Relaxations, 7net-0", "relaxation_peers", ("--engine", "sevennet", "--n", "9"), "relaxation_peers_7net-0.json"
    ),
    "relaxation-chgnet": Part(
        "Relaxations, CHGNet", "relaxation_peers", ("--engine", "chgnet", "--n", "9"), "relaxation_peers_chgnet.json"
    ),
    "campaign": Part("A whole campaign", "campaign_beside_plain", (), "campaign_beside_plain.json"),
    "growth": Part(
        "Growth by kinetic Monte Carlo", "growth_beside_kmcos", (), "growth_beside_kmcos.json", peer="kmcos"
    ),
    "interfaces": Part("Interfaces", "interface_building", ("--plan-repeats", "3"), "interface_building.json"),
    "stores": Part("Storing and asking", "document_stores", (), "document_stores.json"),
    "database": Part(
        "Large databases", "database_queries", ("--rows", "100000", "--rows", "1000000"), "database_queries.md"
    ),
    "start-up": Part("Start-up", "start_up", (), "start_up.json"),
    "scale": Part("Growth of every step", "scale", (), "scale"),
}


def main() -> None:
    """Run parts and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=PARTS, help="run this part; may be given again")
    parser.add_argument("--page", action="store_true", help="run nothing, write the page")
    given = parser.parse_args()
    for name in () if given.page else given.only or PARTS:
        if (peer := PARTS[name].peer) and not interpreter(peer):
            print(f"{name}: left out, {peer} has no environment here; say `make peers`", file=sys.stderr, flush=True)
            continue
        started = time.monotonic()
        print(shlex.join(PARTS[name].command), file=sys.stderr, flush=True)
        subprocess.run([sys.executable, *PARTS[name].command[1:]], check=True, cwd=HERE.parent)
        print(f"{name}: {(time.monotonic() - started) / 60:.1f} min", file=sys.stderr, flush=True)
    FIGURE.parent.mkdir(exist_ok=True)
    draw(rows := ratios())
    PAGE.write_text(page(rows), encoding="utf-8")


def result(name: str) -> Any:
    """Return what a part has written; nothing where it has not run."""
    path = RESULTS / PARTS[name].out
    return json.loads(path.read_text("utf-8")) if path.suffix == ".json" and path.exists() else None


def ratios() -> list[tuple[str, float, str]]:
    """Return what the peers cost over what liface costs: what, times, and how it was held that both did the same."""
    rows: list[tuple[str, float, str]] = []
    for name, model in (
        ("calls-as-built", "7net-0"),
        ("calls-as-built-chgnet", "CHGNet"),
        ("calls", "7net-0, displaced"),
        ("calls-seed-1", "7net-0, displaced otherwise"),
        ("calls-seed-2", "7net-0, displaced, more"),
        ("calls-chgnet", "CHGNet, displaced"),
    ):
        if found := result(name):
            every = found["summary"]["all"]
            held = (
                f"{100 * every['within_1_mev_per_atom_or_lower']:.0f} % not above FIRE by 1 meV/atom, "
                f"{100 * every['lower_by_more_than_1_mev_per_atom']:.0f} % below by more"
            )
            for control in found.get("controls", {}).values():
                share = 1 - control["above_by_more_than_1_mev_per_atom"] / control["n"]
                below = control["lower_by_more_than_1_mev_per_atom"] / control["n"]
                held += f"; {control['name']}: {100 * share:.0f} %, {100 * below:.0f} %"
            rows.append((f"force calls of ASE FIRE, {model}, {every['n']} systems", 1 / every["ratio_of_sums"], held))
    for name, model in (("relaxation", "7net-0"), ("relaxation-chgnet", "CHGNet")):
        if found := result(name):
            summary = found["summary"]
            for way, peer in RELAXATION_PEERS.items():
                if way not in summary:
                    continue
                low, high = summary[way]["energy_above_liface_mev_per_atom"]["range"]
                held = f"energies {low:+.2f} to {high:+.2f} meV/atom from those of liface"
                what = f"CPU of {peer} for a relaxation, {model}, {summary['n']} systems"
                rows.append((what, 1 / summary[way]["cpu_ratio"]["median"], held))
            if batch := found["torch_sim_batch"]:
                low, _, high = batch["energy_above_liface_mev_per_atom"]
                held = f"energies {low:+.2f} to {high:+.2f} meV/atom from those of liface"
                what = (
                    f"CPU of {RELAXATION_PEERS['torch-sim-' + batch['optimizer']]}, {batch['n']} in one batch, {model}"
                )
                rows.append((what, batch["cpu_s_each"] / batch["liface_cpu_s_each"], held))
            call = summary["force_call"]
            held = f"forces differ by {call['largest_force_difference_ev_per_a']:.1e} eV/Å"
            rows.append((f"CPU of a stock force call, {model}", call["times_as_fast"], held))
    if found := result("campaign"):
        agree, same = found["summary"], found["the_same_calculations"]
        held = (
            f"{agree['within_limit']} of {agree['interfaces']} γ0 within 2 meV/Å², "
            f"{agree['largest_mev_per_a2']:.2f} apart at most"
        )
        what = f"time of stock calculators and ASE FIRE, {agree['interfaces']} interfaces of {found['campaign']}"
        rows.append((what, same["plain_seconds"] / same["seconds"], held))
    if found := result("growth"):
        for row in found["rows"]:
            apart = max(row["standard_errors_apart"].values())
            held = f"the same growth: means {apart:.1f} standard errors apart at most"
            rows.append((f"CPU of kmcos for an event, {row['size']}² columns", row["times_as_fast"], held))
    if found := result("interfaces"):
        for key, how in (("matching_without_numba", "without numba"), ("matching", "with numba")):
            for row in found[key]:
                if row["max_area_a2"] == 400:
                    held = "the same set" if row["identical_set"] else "NOT the same set"
                    rows.append((f"CPU of pymatgen's ZSL {how}, {row['pair']}, 400 Å²", row["ratio"], held))
        for row in found["building"]:
            held = "equal compositions" if row["equal_composition"] else "NOT equal compositions"
            rows.append((f"CPU of CoherentInterfaceBuilder, {row['pair']}", row["ratio"], held))
    if found := result("stores"):
        largest = max(row["documents"] for row in found["rows"])
        for row in found["rows"]:
            if row["documents"] == largest and row["store"].startswith("maggma"):
                held = "the same answers" if row["same_answers"] else "NOT the same answers"
                rows.append((f"CPU of {row['store']}, storing {largest:,}", row["load_ratio"], held))
                rows.append((f"CPU of {row['store']}, a page out of {largest:,}", row["page_ratio"], held))
    return rows


def draw(rows: list[tuple[str, float, str]]) -> None:
    """Draw the ratios as bars on a logarithmic axis; 1 is as fast as liface."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    plt.rcParams["svg.hashsalt"] = "liface"
    figure, axes = plt.subplots(figsize=(9.0, 0.8 + 0.27 * len(rows)), layout="constrained")
    names, times = [row[0] for row in rows][::-1], [row[1] for row in rows][::-1]
    bars = axes.barh(names, times, color=["#2a6f97" if t >= 1 else "#b23a48" for t in times])
    axes.bar_label(bars, [f"{t:.3g}" for t in times], padding=3, fontsize=8)
    axes.set_xscale("log")
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.margins(x=0.16, y=0.01)
    axes.tick_params(axis="y", labelsize=8)
    axes.set_xlabel("times what liface takes")
    figure.savefig(FIGURE, metadata={"Date": None})
    plt.close(figure)


def page(rows: list[tuple[str, float, str]]) -> str:
    """Return the page."""
    lines = [
        "# Benchmarks\n",
        "Made by `make benchmark` (`benchmarks/run_all.py`), which runs every part below one after the other;",
        "`--only PART` runs one, `--page` writes this page from what is there. Peers are the real packages,",
        "on the same starts with the same weights and limits; all take turns with one thread, and ratios are medians",
        "of CPU time. torch-sim and kmcos run in environments of their own, which `make peers` sets up before:",
        "torch-sim needs Python 3.12, kmcos gfortran and an old NumPy. The row of a campaign compares sums of times of",
        "its calculations. Not measured: anything on a GPU ([gpu.md](gpu.md) has the command).\n",
        "![What the peers take](benchmarks/ratios.svg)\n",
        "| what | times what liface takes | accuracy |",
        "|---|---:|---|",
        *(f"| {what} | {times:.3g} | {held} |" for what, times, held in rows),
        "",
        "Rough surfaces have many minima, and any two searches part now and then. So shares above FIRE are to be read",
        "beside those of searches of ASE on the same starts, in the same row. Starts that are displaced by 0.05 Å end",
        "above FIRE more often than those of structures as campaigns build them.\n",
    ]
    for part in PARTS.values():
        if not part.table.exists():
            continue
        title, _, body = part.table.read_text("utf-8").partition("\n")
        body = body.replace("\n## ", "\n### ").strip()
        again = (
            f"{title.lstrip('# ')}. To be repeated by `{shlex.join(part.command)}`; what ran is said with the table.\n"
        )
        lines += [f"## {part.title}\n", again, body, ""]
    lines += [
        "How costs grow, and what a million interfaces would take: [scale.md](scale.md). Growth of many layers, with",
        "checks against exact results: `python benchmarks/growth_kmc.py`.",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
