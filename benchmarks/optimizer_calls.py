"""Count force calls: the optimizer of liface against ASE's FIRE, on varied slabs, interfaces and clusters.

    python benchmarks/optimizer_calls.py --engine chgnet --n 42 --out benchmarks/results/optimizer_calls.json

Every system starts from an ideal geometry in a fixed cell, as a campaign builds it (`--displacement 0`) or displaced at
random by 0.05 Å, and is relaxed to the same largest force by both. A JSON file and a table beside it are written.
Last bits, in which processors differ, decide here and there in which of several minima a search ends.

FIRE takes three quarters of the time and does the same each time: `--fire-from FILE` takes its calls and energies, and
those of the controls, from the JSON of an earlier run with the same weights and settings.

Where a surface has many minima, any two searches end in different ones now and then. `--control` tells how often that
is so of searches of ASE: it relaxes every system once more with FIRE at half its usual first time step, and with BFGS.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from itertools import count, islice, product
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything loads a threaded library

import numpy as np
from ase.optimize import BFGS, FIRE
from ase.optimize.optimize import Optimizer
from pymatgen.core import Lattice, Structure

from liface.documents import CalculationRequest, CalculationSettings, FailedCalculation, Geometry
from liface.engines import pin_threads, resolve, run
from liface.engines.base import Engine
from liface.errors import CalculationError, StructureError
from liface.structures.clusters import isomers
from liface.structures.deposition import dispersed, place_cluster
from liface.structures.interfaces import InterfaceBuilder
from liface.structures.matching import best_match, in_plane_vectors
from liface.structures.orientations import orientations
from liface.structures.sites import adsorption_sites
from liface.structures.slabs import build_slab

RATTLE_A = 0.05
MOST_ATOMS = 90
CALL_LIMIT = 600
CONTROLS: dict[str, tuple[str, type[Optimizer], dict]] = {
    "control": ("FIRE at half its first time step", FIRE, {"dt": 0.05}),
    "bfgs": ("ASE BFGS", BFGS, {}),
}
"""By the key of their results: what is asked how often it ends elsewhere than ASE's FIRE as it comes (dt 0.1)."""

CRYSTALS = {
    "Li": ("Im-3m", Lattice.cubic(3.44), ["Li"], [[0, 0, 0]]),
    "Cu": ("Fm-3m", Lattice.cubic(3.58), ["Cu"], [[0, 0, 0]]),
    "Ag": ("Fm-3m", Lattice.cubic(4.10), ["Ag"], [[0, 0, 0]]),
    "W": ("Im-3m", Lattice.cubic(3.17), ["W"], [[0, 0, 0]]),
    "Mo": ("Im-3m", Lattice.cubic(3.16), ["Mo"], [[0, 0, 0]]),
    "Mg": ("P6_3/mmc", Lattice.hexagonal(3.19, 5.18), ["Mg"], [[1 / 3, 2 / 3, 1 / 4]]),
    "Ti": ("P6_3/mmc", Lattice.hexagonal(2.94, 4.64), ["Ti"], [[1 / 3, 2 / 3, 1 / 4]]),
    "LiF": ("Fm-3m", Lattice.cubic(4.05), ["Li", "F"], [[0, 0, 0], [0.5, 0.5, 0.5]]),
    "Li2S": ("Fm-3m", Lattice.cubic(5.70), ["Li", "S"], [[0.25, 0.25, 0.25], [0, 0, 0]]),
}

FACES = [
    ("Cu", "111"),
    ("W", "110"),
    ("Mo", "100"),
    ("LiF", "100"),
    ("Ag", "100"),
    ("Mg", "001"),
    ("Li2S", "110"),
    ("Ti", "001"),
    ("Li", "110"),
    ("Cu", "100"),
    ("W", "100"),
    ("Ag", "111"),
    ("Mo", "110"),
    ("Li", "100"),
]


@cache
def crystal(name: str) -> Structure:
    """Return the conventional cell of a material."""
    group, lattice, species, positions = CRYSTALS[name]
    return Structure.from_spacegroup(group, lattice, species, positions)


def supercell_near(vectors: np.ndarray, side_a: float) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the diagonal supercell whose sides come closest to ``side_a``."""
    n, m = (max(1, round(side_a / float(np.linalg.norm(v)))) for v in vectors)
    return ((n, 0), (0, m))


def slabs() -> Iterator[tuple[str, Structure]]:
    """Slabs with no, one or a few Li atoms; every other one with frozen planes."""
    for i in count():
        material, plane = FACES[i % len(FACES)]
        bulk = crystal(material)
        cell = supercell_near(in_plane_vectors(bulk, plane), 8.0)
        slab = build_slab(bulk, plane, n_planes=3 + i % 2, vacuum_a=12.0, supercell=cell, frozen_planes=i % 2).structure
        n = (i + i // len(FACES)) % 4
        if n:
            sites = adsorption_sites(slab)
            try:
                slab = dispersed(slab, sites[i % len(sites)], n)
            except StructureError:
                continue  # fewer equivalent sites than atoms
        yield f"slab/{material}-{plane}/Li{n}/{i}", slab


def interfaces() -> Iterator[tuple[str, Structure]]:
    """Periodic sandwiches of a substrate and a strained Li film."""
    kinds = [face for face in FACES if face[0] != "Li"]
    for i, ((material, plane), film_plane) in zip(count(), endless(product(kinds, ("100", "110"))), strict=False):
        substrate, film = crystal(material), crystal("Li")
        match = best_match(
            in_plane_vectors(substrate, plane),
            in_plane_vectors(film, film_plane),
            max_area_a2=70.0,
            max_strain_percent=10.0,
        )
        shift = tuple(np.random.default_rng(i).random(2))
        cell = InterfaceBuilder(
            substrate, plane, film, film_plane, match, film_planes=3 + i % 3, substrate_planes=3
        ).sandwich(gap_a=2.2, shift=shift)
        yield f"interface/{material}-{plane}_Li-{film_plane}/{i}", cell.structure


def clusters() -> Iterator[tuple[str, Structure]]:
    """Clusters of 2 to 8 Li atoms on slabs."""
    for i in count():
        material, plane = FACES[(3 * i + 1) % len(FACES)]
        bulk = crystal(material)
        cell = supercell_near(in_plane_vectors(bulk, plane), 10.5)
        slab = build_slab(bulk, plane, n_planes=2 + i % 2, vacuum_a=16.0, supercell=cell, frozen_planes=1).structure
        shapes = isomers(2 + i % 7)
        cluster = shapes[i % len(shapes)]
        poses = orientations(cluster)
        sites = adsorption_sites(slab)
        site, pose = sites[i % len(sites)], poses[i % len(poses)][0]
        try:
            placed = place_cluster(slab, cluster, site, orientation=pose, azimuth_deg=17.0 * i)
        except StructureError:
            continue  # too wide for the cell
        yield f"cluster/{material}-{plane}/Li{2 + i % 7}-{cluster.name}/{i}", placed


def endless(pairs: product) -> Iterator[tuple]:
    """Repeat pairs for ever, in an order that changes material at each step."""
    listed = list(pairs)
    yield from (listed[(5 * i) % len(listed)] for i in count())


def small_enough(source: Callable[[], Iterator[tuple[str, Structure]]]) -> Iterator[tuple[str, Structure]]:
    """Drop systems that are too large for a benchmark on one core."""
    yield from ((name, s) for name, s in source() if len(s) <= MOST_ATOMS)


def systems(n: int, seed: int = 0, displacement_a: float = RATTLE_A) -> list[tuple[str, Geometry]]:
    """Return n systems, a third of each class, each displaced at random by this much (Å)."""
    chosen = []
    for k, source in enumerate((slabs, interfaces, clusters)):
        chosen += list(islice(small_enough(source), (n + 2 - k) // 3))
    displaced = []
    for i, (name, structure) in enumerate(chosen):
        geometry = Geometry.from_structure(structure)
        step = np.random.default_rng([seed, i]).normal(scale=displacement_a, size=(geometry.n_atoms, 3))
        step[np.array(geometry.frozen)] = 0.0
        displaced.append((name, geometry.with_positions(geometry.position_array + step)))
    return displaced


def ase_relaxation(
    geometry: Geometry, engine: Engine, fmax: float, kind: type[Optimizer] = FIRE, **settings: float
) -> tuple[int, float, bool]:
    """Relax with an optimizer of ASE; return force calls, energy (eV) and whether it converged."""
    atoms = geometry.to_ase()
    atoms.calc = engine.calculator(needs_stress=False)
    optimizer = kind(atoms, logfile=None, **settings)
    converged = optimizer.run(fmax=fmax, steps=CALL_LIMIT - 1)
    return optimizer.nsteps + 1, float(atoms.get_potential_energy()), bool(converged)


def known_fire(path: Path | None, engine: Engine, settings: dict) -> dict[str, dict]:
    """Return what FIRE came to in an earlier run, by system; nothing of another engine or other settings."""
    if path is None:
        return {}
    earlier = json.loads(path.read_text(encoding="utf-8"))
    if (earlier["engine"], earlier["settings"]) != (engine.info.model_dump(mode="json"), settings):
        raise CalculationError(f"{path}: another engine or other settings; run without --fire-from")
    return {row["system"]: row for row in earlier["systems"]}


def compare(
    name: str,
    geometry: Geometry,
    engine: Engine,
    fmax: float,
    known: dict[str, dict],
    control: bool = False,
) -> dict:
    """Relax one system with both, and with the control; the energies are those of the last geometry."""
    settings = CalculationSettings(fmax_ev_per_a=fmax, max_force_calls=CALL_LIMIT)
    request = CalculationRequest(geometry=geometry, engine=engine.info, settings=settings, label=name)
    document = run(request, engine)
    if isinstance(document, FailedCalculation):
        raise CalculationError(f"{name}: {document.reason}")
    earlier = known.get(name, {})
    fire_calls, fire_energy, fire_converged = (
        (earlier["fire_calls"], earlier["fire_energy_ev"], earlier["fire_converged"])
        if earlier
        else ase_relaxation(geometry, engine, fmax)
    )
    controls = control_rows(geometry, engine, fmax, fire_energy, earlier) if control else {}
    return {
        "system": name,
        "natoms": geometry.n_atoms,
        "fire_calls": fire_calls,
        "calls": document.n_force_calls,
        "ratio": round(document.n_force_calls / fire_calls, 3),
        "energy_above_fire_mev_per_atom": round(1e3 * (document.energy_ev - fire_energy) / geometry.n_atoms, 3),
        "energy_ev": document.energy_ev,
        "fire_energy_ev": fire_energy,
        "converged": document.status == "converged",
        "fire_converged": fire_converged,
        "optimizer": document.optimizer,
        **controls,
    }


def control_rows(geometry: Geometry, engine: Engine, fmax: float, fire_energy: float, earlier: dict) -> dict:
    """Relax one system with every control; what an earlier run has is taken from there."""
    found: dict = {}
    for key, (_, kind, options) in CONTROLS.items():
        if f"{key}_calls" in earlier:
            found |= {name: value for name, value in earlier.items() if name.startswith(f"{key}_")}
            continue
        calls, energy, converged = ase_relaxation(geometry, engine, fmax, kind, **options)
        found |= {
            f"{key}_calls": calls,
            f"{key}_above_fire_mev_per_atom": round(1e3 * (energy - fire_energy) / geometry.n_atoms, 3),
            f"{key}_converged": converged,
        }
    return found


def control_summary(rows: list[dict], key: str) -> dict:
    """Return how often a control ended elsewhere than FIRE as it comes."""
    above = np.array([row[f"{key}_above_fire_mev_per_atom"] for row in rows])
    return {
        "name": CONTROLS[key][0],
        "n": len(rows),
        "calls": sum(row[f"{key}_calls"] for row in rows),
        "above_by_more_than_1_mev_per_atom": int((above > 1.0).sum()),
        "lower_by_more_than_1_mev_per_atom": int((above < -1.0).sum()),
        "converged": sum(row[f"{key}_converged"] for row in rows),
    }


def control_line(control: dict) -> str:
    """Say it in a sentence."""
    return (
        f"{control['name']}: {control['calls']} calls, "
        f"{control['above_by_more_than_1_mev_per_atom']} of {control['n']} above FIRE by more than 1 meV/atom, "
        f"{control['lower_by_more_than_1_mev_per_atom']} lower by more."
    )


def summary(rows: list[dict]) -> dict:
    """Return totals of a list of rows."""
    ratios = np.array([row["ratio"] for row in rows])
    above = np.array([row["energy_above_fire_mev_per_atom"] for row in rows])
    return {
        "n": len(rows),
        "fire_calls": sum(row["fire_calls"] for row in rows),
        "calls": sum(row["calls"] for row in rows),
        "ratio_of_sums": round(sum(r["calls"] for r in rows) / sum(r["fire_calls"] for r in rows), 3),
        "geometric_mean_ratio": round(float(np.exp(np.log(ratios).mean())), 3),
        "worst_ratio": float(ratios.max()),
        "above_by_more_than_1_mev_per_atom": int((above > 1.0).sum()),
        "within_1_mev_per_atom_or_lower": round(float((above <= 1.0).mean()), 3),
        "lower_by_more_than_1_mev_per_atom": round(float((above < -1.0).mean()), 3),
        "converged": sum(row["converged"] for row in rows),
        "fall_backs": sum("fire" in row["optimizer"] for row in rows),
    }


def table(summaries: dict[str, dict]) -> str:
    """Return the summaries as a Markdown table."""
    head = (
        "| class | n | FIRE calls | calls | ratio of sums | geometric mean | worst | not above FIRE by 1 meV/atom "
        "| converged | fall-backs |\n|---|---|---|---|---|---|---|---|---|---|\n"
    )
    return head + "\n".join(
        f"| {name} | {s['n']} | {s['fire_calls']} | {s['calls']} | {s['ratio_of_sums']:.2f} | "
        f"{s['geometric_mean_ratio']:.2f} | {s['worst_ratio']:.2f} | "
        f"{100 * s['within_1_mev_per_atom_or_lower']:.0f} % | {s['converged']} | {s['fall_backs']} |"
        for name, s in summaries.items()
    )


def shuffled(listed: list[tuple[str, Geometry]]) -> list[tuple[str, Geometry]]:
    """Mix the classes, so that a run that stops early still has some of each."""
    classes = [[item for item in listed if item[0].startswith(kind)] for kind in ("slab", "interface", "cluster")]
    return [items[i] for i in range(len(classes[0])) for items in classes if i < len(items)]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--engine", default="chgnet", help="ENGINE[:MODEL]")
    parser.add_argument("--n", type=int, default=42, help="number of systems")
    parser.add_argument("--fmax", type=float, default=0.03, help="largest force at convergence, eV/Å")
    parser.add_argument("--seed", type=int, default=0, help="seed of the displacements")
    parser.add_argument("--displacement", type=float, default=RATTLE_A, help="of the ideal geometry, Å; 0: as built")
    parser.add_argument("--minutes", type=float, default=60.0, help="start no further system after this time")
    parser.add_argument("--fire-from", type=Path, default=None, help="JSON of an earlier run: take FIRE from there")
    parser.add_argument("--control", action="store_true", help="relax with other searches of ASE too")
    parser.add_argument("--out", type=Path, default=None, help="JSON file; a .md table is written beside it")
    arguments = parser.parse_args()
    pin_threads()
    engine = resolve(arguments.engine)
    settings = {"fmax_ev_per_a": arguments.fmax, "seed": arguments.seed, "rattle_a": arguments.displacement}
    known = known_fire(arguments.fire_from, engine, settings)
    started, rows = time.monotonic(), []
    for name, geometry in shuffled(systems(arguments.n, arguments.seed, arguments.displacement)):
        if time.monotonic() - started > 60 * arguments.minutes:
            break
        rows.append(compare(name, geometry, engine, arguments.fmax, known, arguments.control))
        row = rows[-1]
        print(
            f"{name:44s} {row['calls']:4d} / {row['fire_calls']:4d} = {row['ratio']:.2f}  "
            f"{row['energy_above_fire_mev_per_atom']:+8.2f} meV/atom  {row['optimizer']}",
            file=sys.stderr,
            flush=True,
        )
    kinds = {row["system"].partition("/")[0] for row in rows}
    by_kind = {kind: [row for row in rows if row["system"].startswith(kind)] for kind in sorted(kinds)}
    summaries = {**{kind: summary(group) for kind, group in by_kind.items()}, "all": summary(rows)}
    text, controls = table(summaries), {}
    lower = sum(row["energy_above_fire_mev_per_atom"] < -1.0 for row in rows)
    text += f"\n\n{lower} of {len(rows)} end lower than FIRE by more than 1 meV/atom."
    if arguments.control:
        controls = {key: control_summary(rows, key) for key in CONTROLS}
        text += "".join(f" {control_line(control)}" for control in controls.values())
    print(text)
    if arguments.out:
        info = engine.info.model_dump(mode="json")
        command = shlex.join(["python", *sys.argv])
        result = {
            "engine": info,
            "settings": settings,
            "command": command,
            "summary": summaries,
            "controls": controls,
            "systems": rows,
        }
        arguments.out.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        start = f"displaced by {arguments.displacement:g} Å" if arguments.displacement else "as built"
        title = f"# Force calls to {arguments.fmax:g} eV/Å: liface against ASE FIRE, {engine.info.label}, {start}\n\n"
        arguments.out.with_suffix(".md").write_text(f"{title}{text}\n\n`{command}`\n", encoding="utf-8")


if __name__ == "__main__":
    main()
