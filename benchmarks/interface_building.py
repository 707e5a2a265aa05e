"""Interfaces, beside pymatgen: lattice matching, building of cells, and the planning of campaigns of many interfaces.

    python benchmarks/interface_building.py --out benchmarks/results/interface_building.json

Both sides take turns in one process; the tables give medians of processor time over the repeats (which other work on
the machine disturbs less than wall time; both are in the JSON). Matching is measured in two processes, one of which
cannot import numba. Before every repeat of ours all that liface remembers is forgotten. Plans are made in a process of
their own for each size and repeat; generated CIF files, planes and film planes make up their campaigns.
"""

from __future__ import annotations

import argparse
import gc
import importlib.metadata
import json
import os
import platform
import resource
import shlex
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from processor import processor

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything loads a threaded library
warnings.simplefilter("ignore")

AREAS = (50.0, 200.0, 400.0)
BUILD_AREA, N_INTERFACES = 200.0, 20
PLANES = ("100", "110", "111", "210", "211", "221", "310", "311", "320", "321")
FILM_PLANES = ("100", "110", "111", "210", "211", "221", "310", "320")
VERSIONS = ("liface", "pymatgen", "numba", "numpy", "spglib")

Timings = dict[str, dict[str, float]]


SHORTEST_S = 0.02
"""A task that takes less is timed over as many calls in a row as take this long."""


def interleaved(tasks: dict[str, Callable[[], Any]], repeats: int) -> Timings:
    """Return medians of processor and wall time of each task, s; one round before counts for nothing."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in tasks}
    for _ in range(repeats + 1):
        for name, task in tasks.items():
            gc.collect()
            wall, cpu, n = time.perf_counter(), time.process_time(), 0
            while not n or time.process_time() - cpu < SHORTEST_S:
                task()
                n += 1
            taken[name].append(((time.process_time() - cpu) / n, (time.perf_counter() - wall) / n))
    return {
        name: {"cpu_s": median(t[0] for t in times[1:]), "wall_s": median(t[1] for t in times[1:])}
        for name, times in taken.items()
    }


def forget() -> None:
    """Empty whatever liface remembers of lattices, crystals and slabs."""
    from liface.structures import coherent, crystal, cutting, integers, matching

    for memory in (crystal._SYMMETRIES, crystal._REPEATS):
        memory._values.clear()
    remembered = (
        coherent._body,
        cutting._slab_of,
        cutting.cuts_of,
        integers._points,
        matching._lattice_of,
        matching._small_sublattices,
    )
    for function in remembered:
        function.cache_clear()


def matching_rows(repeats: int) -> list[dict[str, Any]]:
    """Time the same criterion with both programs, and the stricter one of campaigns."""
    import numpy as np
    from coherent_pairs import PAIRS
    from pymatgen.analysis.interfaces.zsl import ZSLGenerator

    from liface.structures.matching import find_matches
    from liface.structures.zsl import zsl_matches

    rows = []
    for pair in PAIRS:
        film, substrate = pair.vectors()
        for area in AREAS:
            generator = ZSLGenerator(max_area=area)
            theirs = {
                tuple(tuple(map(tuple, np.rint(t).astype(int).tolist())) for t in transformations)
                for transformations in (
                    (match.film_transformation, match.substrate_transformation) for match in generator(film, substrate)
                )
            }
            ours = list(zsl_matches(film, substrate, max_area=area))

            def of_campaigns(film=film, substrate=substrate, area=area) -> None:
                forget()
                find_matches(substrate[:, :2], film[:, :2], max_area_a2=area, max_strain_percent=3.0)

            timings = interleaved(
                {
                    "pymatgen": lambda g=generator, f=film, s=substrate: list(g(f, s)),
                    "zsl_matches": lambda f=film, s=substrate, a=area: zsl_matches(f, s, max_area=a),
                    "find_matches": of_campaigns,
                },
                repeats,
            )
            rows.append(
                {
                    "pair": pair.name,
                    "max_area_a2": area,
                    "matches": len(ours),
                    "identical_set": set(ours) == theirs and len(ours) == len(theirs),
                    "ratio": timings["pymatgen"]["cpu_s"] / timings["zsl_matches"]["cpu_s"],
                    **timings,
                }
            )
    return rows


def building_rows(repeats: int) -> list[dict[str, Any]]:
    """Time the same cells with both programs: equal sublattices, equal numbers of atoms."""
    from coherent_pairs import GAP_A, PAIRS, VACUUM_A, first_interfaces, same_match, same_planes

    rows = []
    for pair in PAIRS:
        theirs = pair.pymatgen(BUILD_AREA)
        reference = first_interfaces(theirs, N_INTERFACES)
        matches = [same_match(pair, found) for found in theirs.zsl_matches[: len(reference)]]
        heights = same_planes(pair, matches[0], reference[0])

        def cells(pair=pair, matches=matches, heights=heights) -> list:
            forget()
            return [pair.ours(match, *heights).with_vacuum(GAP_A, vacuum_a=VACUUM_A) for match in matches]

        built = cells()
        strains = [100 * float(cell.interface_properties["von_mises_strain"]) for cell in reference]
        mirrored = [abs(m.von_mises_percent - s) > 1e-3 for m, s in zip(matches, strains, strict=True)]
        timings = interleaved(
            {
                "pymatgen_start": lambda pair=pair: pair.pymatgen(BUILD_AREA),
                "pymatgen": lambda theirs=theirs: first_interfaces(theirs, N_INTERFACES),
                "liface": cells,
                "liface_as_structures": lambda cells=cells: [cell.structure for cell in cells()],
            },
            repeats,
        )
        rows.append(
            {
                "pair": pair.name,
                "interfaces": len(reference),
                "atoms": [min(map(len, reference)), max(map(len, reference))],
                "equal_composition": all(
                    cell.structure.composition == other.composition
                    for cell, other in zip(built, reference, strict=True)
                ),
                "mirrored_by_pymatgen": sum(mirrored),
                "ratio": timings["pymatgen"]["cpu_s"] / timings["liface"]["cpu_s"],
                "ratio_as_structures": timings["pymatgen"]["cpu_s"] / timings["liface_as_structures"]["cpu_s"],
                **timings,
            }
        )
    return rows


def write_campaign(folder: Path, n: int) -> int:
    """Write a campaign of about n interfaces of generated crystals, and return how many there are."""
    faces = [(0.0, 0.0, 0.0), (0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0)]
    kinds = ((faces, 0.5, 5.2), (faces[:1], 0.5, 3.4), (faces, 0.25, 5.4))
    cations, anions = ("Na", "K", "Mg", "Ca", "Sr", "Al", "Y", "La"), ("F", "Cl", "Br", "O", "S", "Se", "N", "P")
    per_crystal = len(PLANES) * len(FILM_PLANES)
    n_crystals = -(-n // per_crystal)
    for k in range(n_crystals):
        sites, offset, shortest = kinds[k % 3]
        pair = cations[(k // 3) % 8], anions[(k // 24) % 8]
        a = shortest + (0.0011 * k) % 1.3
        shifted = [tuple((x + offset) % 1 for x in site) for site in sites]
        atoms = [
            f"{symbol}{i} {symbol} {x} {y} {z}"
            for symbol, places in zip(pair, (sites, shifted), strict=True)
            for i, (x, y, z) in enumerate(places)
        ]
        head = [f"data_c{k}", *(f"_cell_length_{axis} {a:.4f}" for axis in "abc")]
        head += [*(f"_cell_angle_{angle} 90" for angle in ("alpha", "beta", "gamma"))]
        loop = ["loop_", *(f"_atom_site_{name}" for name in ("label", "type_symbol", "fract_x", "fract_y", "fract_z"))]
        (folder / f"c{k}.cif").write_text("\n".join([*head, *loop, *atoms, ""]), encoding="utf-8")
    campaign = {
        "name": "many",
        "engines": ["emt"],
        "protocol": {"max_area_a2": 250.0, "max_strain_percent": 15.0},
        "materials": {f"c{k}": f"c{k}.cif" for k in range(n_crystals)},
        "interfaces": [
            {"substrate": f"c{k}", "planes": list(PLANES), "film_planes": list(FILM_PLANES)} for k in range(n_crystals)
        ],
    }
    (folder / "many.yaml").write_text(json.dumps(campaign), encoding="utf-8")  # YAML holds JSON
    return n_crystals * per_crystal


def plan_once(n: int, traced: bool) -> dict[str, Any]:
    """Plan one campaign as ``liface campaign plan`` does, in this process."""
    from liface.cli.phased import phased_plan
    from liface.workflows.campaign import Campaign

    with tempfile.TemporaryDirectory() as folder:
        interfaces = write_campaign(Path(folder), n)
        if traced:
            import tracemalloc

            tracemalloc.start()
        wall, cpu = time.perf_counter(), time.process_time()
        rows = phased_plan(Campaign.load(Path(folder) / "many.yaml"), None).as_dicts()
        found: dict[str, Any] = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
        if traced:
            found = {"python_now_mb": tracemalloc.get_traced_memory()[0] / 1e6}
            found["python_peak_mb"] = tracemalloc.get_traced_memory()[1] / 1e6
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    problems = sum(bool(row["note"]) for row in rows)
    return {"interfaces": interfaces, "cases": len(rows), "problems": problems, "peak_rss_mb": peak, **found}


def planning_row(n: int, repeats: int) -> dict[str, Any]:
    """Return the medians over plans in fresh processes; one more is traced, where that takes no minutes."""
    runs = [child("--child", "plan", "--size", str(n)) for _ in range(repeats)]
    row = {**runs[0], **{key: median(run[key] for run in runs) for key in ("cpu_s", "wall_s", "peak_rss_mb")}}
    traced = child("--child", "traced", "--size", str(n)) if n <= 1000 else {}
    return {**row, "repeats": repeats, **{key: traced[key] for key in traced if key.startswith("python")}}


def child(*arguments: str) -> Any:
    """Run this file in a fresh process and return what it prints."""
    command = [sys.executable, __file__, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def machine() -> dict[str, Any]:
    """Say what this was measured on."""
    versions = {}
    for name in VERSIONS:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        **versions,
    }


def ms(timing: dict[str, float]) -> str:
    """Return processor time in ms."""
    return f"{1e3 * timing['cpu_s']:.2f}"


def yes(is_so: bool) -> str:
    """Return yes, or NO where it is to be seen."""
    return "yes" if is_so else "NO"


def page(result: dict[str, Any]) -> str:
    """Return the result as Markdown."""
    about = ", ".join(f"{name} {value}" for name, value in result["machine"].items())
    repeats = ", ".join(f"{name}: {count}" for name, count in result["repeats"].items())
    lines = ["# Interfaces: matching, building, planning", "", f"`{result['command']}`", ""]
    lines += [f"{about}. Repeats: {repeats}.", ""]
    for title, rows in (("with numba", result["matching"]), ("without numba", result["matching_without_numba"])):
        lines += [
            f"## Matching by the criterion of Zur and McGill, pymatgen {title}",
            "",
            "Milliseconds of processor time, medians. `find_matches` is what campaigns use (here 3 %).",
            "",
            "| pair | area, Å² | matches | identical set | pymatgen | zsl_matches | ratio | find_matches |",
            "|---|---:|---:|---|---:|---:|---:|---:|",
        ]
        lines += [
            f"| {row['pair']} | {row['max_area_a2']:g} | {row['matches']} | {yes(row['identical_set'])} | "
            f"{ms(row['pymatgen'])} | {ms(row['zsl_matches'])} | {row['ratio']:.1f} | {ms(row['find_matches'])} |"
            for row in rows
        ]
        lines += [""]
    lines += [
        f"## Building, matches up to {BUILD_AREA:g} Å²",
        "",
        "The same sublattices and numbers of atoms; liface cuts and checks its slabs again in every repeat. pymatgen's",
        "start (matches and terminations) is not in the ratios. Mirrored: the film of pymatgen is a mirror image.",
        "",
        "| pair | interfaces | atoms | equal composition | mirrored | pymatgen start | pymatgen | liface | ratio "
        "| as structures | ratio |",
        "|---|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row['pair']} | {row['interfaces']} | {row['atoms'][0]}-{row['atoms'][1]} | "
        f"{yes(row['equal_composition'])} | {row['mirrored_by_pymatgen']} | {ms(row['pymatgen_start'])} | "
        f"{ms(row['pymatgen'])} | {ms(row['liface'])} | {row['ratio']:.1f} | {ms(row['liface_as_structures'])} | "
        f"{row['ratio_as_structures']:.1f} |"
        for row in result["building"]
    ]
    lines += [
        "",
        "## Planning",
        "",
        f"Generated crystals x {len(PLANES)} planes x {len(FILM_PLANES)} film planes; the whole process of reading the "
        "files, matching, cutting and estimating.",
        "",
        "| interfaces | cases | repeats | CPU, s | wall, s | peak RSS, MB | peak of Python objects, MB |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row['interfaces']:,} | {row['cases']:,} | {row['repeats']} | {row['cpu_s']:.1f} | {row['wall_s']:.1f} | "
        f"{row['peak_rss_mb']:.0f} | {format(row['python_peak_mb'], '.0f') if 'python_peak_mb' in row else ''} |"
        for row in result["planning"]
    ]
    return "\n".join([*lines, ""])


def main() -> None:
    """Run the benchmark, or one part of it in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--plain-repeats", type=int, default=5, help="of matching without numba, which is slow")
    parser.add_argument("--plan-repeats", type=int, default=5, help="of plans of at most 1,000 interfaces")
    parser.add_argument("--large-repeats", type=int, default=1, help="of larger plans")
    parser.add_argument("--plans", type=int, nargs="*", default=[100, 1000, 10000], help="sizes of campaigns")
    parser.add_argument("--out", type=Path, default=None, help="JSON file; a .md page is written beside it")
    parser.add_argument("--child", choices=("matching", "building", "plan", "traced"), help=argparse.SUPPRESS)
    parser.add_argument("--no-numba", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, default=100, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.no_numba:
        sys.modules["numba"] = None  # type: ignore[assignment]
    if given.child:
        tasks = {
            "matching": lambda: matching_rows(given.repeats),
            "building": lambda: building_rows(given.repeats),
            "plan": lambda: plan_once(given.size, traced=False),
            "traced": lambda: plan_once(given.size, traced=True),
        }
        print(json.dumps(tasks[given.child]()))
        return
    repeats = ("--repeats", str(given.repeats))
    result = {
        "command": shlex.join(["python", "benchmarks/interface_building.py", *sys.argv[1:]]),
        "machine": machine(),
        "matching": child("--child", "matching", *repeats),
        "repeats": {"with numba, building": given.repeats, "without numba": given.plain_repeats},
        "matching_without_numba": child("--child", "matching", "--no-numba", "--repeats", str(given.plain_repeats)),
        "building": child("--child", "building", *repeats),
        "planning": [planning_row(n, given.plan_repeats if n <= 1000 else given.large_repeats) for n in given.plans],
    }
    text = page(result)
    print(text)
    if given.out:
        given.out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        given.out.with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
