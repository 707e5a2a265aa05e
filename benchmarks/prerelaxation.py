"""Count force calls: relaxations by a costly engine alone, against those that a cheap engine begins.

    python benchmarks/prerelaxation.py --costly sevennet --cheap chgnet --out benchmarks/results/prerelaxation.json
    python benchmarks/prerelaxation.py --costly "gpaw:PBE?ecut=300&kspacing=0.4" --cheap sevennet --structures tiny

Every structure is as a campaign builds it, nothing displaced: slabs with and without Li, sandwiches whose height
relaxes, clusters. Both ways start from it with the same settings, the second one as campaigns with a screening do.
Both must end in the same minimum, or the second in a lower one; where it ends higher, the table says so. A JSON
file and a table beside it are written.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything loads a threaded library

from optimizer_calls import clusters, crystal, interfaces, slabs
from pymatgen.core import Structure

from liface.documents import (
    CalculationDocument,
    CalculationRequest,
    CalculationSettings,
    EnergyCalculation,
    Geometry,
)
from liface.engines import pin_threads
from liface.engines.base import EngineSpec
from liface.engines.registry import engine_info
from liface.errors import CalculationError
from liface.structures.deposition import dispersed
from liface.structures.interfaces import InterfaceBuilder
from liface.structures.matching import best_match, in_plane_vectors
from liface.structures.sites import adsorption_sites
from liface.structures.slabs import build_slab
from liface.workflows.executor import InProcessExecutor

MOST_ATOMS = 60
CALL_LIMIT = 200
SAME_MEV = 10.0
"""Relaxations of some tens of atoms to 0.03 eV/Å end this close to each other in one minimum."""


def usual(n: int) -> Iterator[tuple[str, Structure]]:
    """Yield slabs, sandwiches and clusters of up to 60 atoms, a third each."""
    for k, source in enumerate((slabs, interfaces, clusters)):
        small = ((name, structure) for name, structure in source() if len(structure) <= MOST_ATOMS)
        yield from islice(small, (n + 2 - k) // 3)


def tiny(n: int) -> Iterator[tuple[str, Structure]]:
    """Yield slabs and sandwiches of three to seven atoms: affordable with DFT on one core."""
    cells = [
        ("slab/Cu-100/Li1", small_slab("Cu", "100", 1)),
        ("interface/W-100_Li-100", small_sandwich("W", 3)),
        ("slab/Li2S-110", small_slab("Li2S", "110", 0)),
        ("slab/LiF-100", small_slab("LiF", "100", 0)),
        ("interface/Mo-100_Li-100", small_sandwich("Mo", 4)),
        ("slab/W-100/Li1", small_slab("W", "100", 1)),
    ]
    yield from cells[:n]


def small_slab(material: str, plane: str, n_li: int) -> Structure:
    """Return two planes; under Li on the first site the lower one is frozen."""
    slab = build_slab(crystal(material), plane, n_planes=2, vacuum_a=10.0, frozen_planes=int(n_li > 0)).structure
    return dispersed(slab, adsorption_sites(slab)[0], n_li) if n_li else slab


def small_sandwich(material: str, film_planes: int) -> Structure:
    """Return Li(100) between (100) planes of a bcc metal, one atom per plane, at a gap as campaigns try them."""
    metal, film = crystal(material), crystal("Li")
    vectors = [in_plane_vectors(bulk, "100") for bulk in (metal, film)]
    match = best_match(*vectors, max_area_a2=12.0, max_strain_percent=12.0)
    builder = InterfaceBuilder(metal, "100", film, "100", match, film_planes=film_planes, substrate_planes=3)
    return builder.sandwich(gap_a=2.3, shift=(0.5, 0.5)).structure


SETS = {"usual": usual, "tiny": tiny}


def request_for(name: str, structure: Structure, engine: EngineSpec, fmax: float) -> CalculationRequest:
    """Ask as a campaign does: coherent films relax along the normal, with the height of the cell."""
    sandwich = name.startswith("interface")
    settings = CalculationSettings(
        cell="c_axis" if sandwich else "fixed",
        move="normal" if sandwich else "all",
        fmax_ev_per_a=fmax,
        max_force_calls=CALL_LIMIT,
    )
    geometry = Geometry.from_structure(structure)
    return CalculationRequest(
        geometry=geometry, engine=engine_info(engine), settings=settings, label=name, as_built=True
    )


def relaxed(request: CalculationRequest, outcome: CalculationDocument) -> EnergyCalculation:
    """Return an outcome that has an energy."""
    if outcome.status == "failed":
        raise CalculationError(f"{request.label}: {outcome.reason}")
    return outcome


def compare(request: CalculationRequest, costly: EngineSpec, cheap: EngineSpec, runs: Path) -> dict:
    """Relax one structure both ways."""
    alone = relaxed(request, InProcessExecutor(runs / "alone").run([request], costly)[0])
    executor = InProcessExecutor(runs / "begun")
    begun = relaxed(request, executor.run([request], costly, cheap)[0])
    (first,) = executor.prerelaxed
    return {
        "system": request.label,
        "natoms": request.geometry.n_atoms,
        "alone_calls": alone.n_force_calls,
        "begun_calls": begun.n_force_calls,
        "cheap_calls": first.n_force_calls,
        "used": begun.started_from is not None,
        "saved_calls": alone.n_force_calls - begun.n_force_calls,
        "energy_above_alone_mev": round(1e3 * (begun.energy_ev - alone.energy_ev), 2),
        "alone_s": round(alone.wall_s, 2),
        "begun_s": round(begun.wall_s, 2),
        "cheap_s": round(first.wall_s, 2),
        "status": f"{alone.status}/{begun.status}",
    }


def summary(rows: list[dict]) -> dict:
    """Return totals of a group of systems."""
    alone, begun = (sum(row[key] for row in rows) for key in ("alone_calls", "begun_calls"))
    above = [row["energy_above_alone_mev"] for row in rows]
    return {
        "systems": len(rows),
        "alone_calls": alone,
        "begun_calls": begun,
        "cheap_calls": sum(row["cheap_calls"] for row in rows),
        "saved_percent": round(100 * (1 - begun / alone), 1),
        "same": sum(abs(value) <= SAME_MEV for value in above),
        "lower": sum(value < -SAME_MEV for value in above),
        "higher": sum(value > SAME_MEV for value in above),
        "not_used": sum(not row["used"] for row in rows),
    }


def table(summaries: dict[str, dict], rows: list[dict]) -> str:
    """Write both levels as Markdown."""
    lines = [
        "| | systems | calls alone | calls if begun | calls of the cheap one | saved | same minimum | lower | higher "
        "| not used |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {s['systems']} | {s['alone_calls']} | {s['begun_calls']} | {s['cheap_calls']} | "
        f"{s['saved_percent']:.0f} % | {s['same']} | {s['lower']} | {s['higher']} | {s['not_used']} |"
        for name, s in summaries.items()
    ]
    lines += ["", "| system | atoms | alone | begun | ΔE (meV) |", "|---|---|---|---|---|"]
    lines += [
        f"| {r['system']} | {r['natoms']} | {r['alone_calls']} | {r['begun_calls']} | "
        f"{r['energy_above_alone_mev']:+.2f} |"
        for r in rows
    ]
    return "\n".join(lines)


def main() -> None:
    """Run the comparison and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--costly", default="sevennet", help="ENGINE[:MODEL][?key=value]")
    parser.add_argument("--cheap", default="chgnet", help="ENGINE[:MODEL][?key=value]")
    parser.add_argument("--structures", choices=sorted(SETS), default="usual")
    parser.add_argument("--n", type=int, default=8, help="number of systems")
    parser.add_argument("--fmax", type=float, default=0.03, help="largest force at convergence, eV/Å")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where DFT codes write")
    parser.add_argument("--out", type=Path, default=None, help="JSON file; a .md table is written beside it")
    arguments = parser.parse_args()
    pin_threads()
    costly, cheap = EngineSpec.parse(arguments.costly), EngineSpec.parse(arguments.cheap)
    rows, started = [], time.monotonic()
    for name, structure in SETS[arguments.structures](arguments.n):
        rows.append(compare(request_for(name, structure, costly, arguments.fmax), costly, cheap, arguments.runs))
        print(json.dumps(rows[-1]), f"{time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    kinds = dict.fromkeys(row["system"].partition("/")[0] for row in rows)
    groups = {kind: [row for row in rows if row["system"].startswith(kind)] for kind in kinds}
    summaries = {**{kind: summary(group) for kind, group in groups.items()}, "all": summary(rows)}
    text = table(summaries, rows)
    print(text)
    if arguments.out:
        engines = {
            "costly": engine_info(costly).model_dump(mode="json"),
            "cheap": engine_info(cheap).model_dump(mode="json"),
        }
        result = {"engines": engines, "fmax_ev_per_a": arguments.fmax, "summary": summaries, "systems": rows}
        arguments.out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        title = f"# Force calls of {costly} to {arguments.fmax:g} eV/Å, alone and begun by {cheap}\n\n"
        arguments.out.with_suffix(".md").write_text(title + text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
