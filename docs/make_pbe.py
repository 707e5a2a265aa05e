"""Compute the published numbers with real PBE in small cells, and write docs/pbe.md.

    python docs/make_pbe.py --db pbe.db            (hours on one core; what the database holds is not repeated)
    python docs/make_pbe.py --no-run               (writes the page from docs/pbe/results.jsonl alone)

Three stages: the campaigns of docs/pbe run with GPAW at coarse settings, then with the potentials; single points at
the relaxed geometries repeat every energy with finer k-points and a higher cutoff, and one film stands on more
substrate planes; everything the page needs is written to docs/pbe/results.jsonl, and the page from that. Of a series
that was not run to its end, the thinnest film counts alone (stage ``thin``).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pbe_page import written

from liface.analysis import energies, film_series
from liface.database import Database
from liface.dispatch.local import LocalExecutor
from liface.documents import (
    BindingResult,
    CalculationRequest,
    CalculationSettings,
    EnergyCalculation,
    FilmPoint,
    InterfaceResult,
)
from liface.engines.base import EngineSpec
from liface.engines.registry import engine_info
from liface.units import MEV
from liface.workflows.campaign import Campaign, PlannedCase
from liface.workflows.specs import InterfaceSpec
from liface.workflows.steps import interface as steps
from liface.workflows.steps.bulk import bulk_reference
from liface.workflows.steps.common import energy_of

FOLDER = Path(__file__).parent / "pbe"
RECORDS = FOLDER / "results.jsonl"
CAMPAIGNS = ("mo", "binding-li", "w", "binding-cu", "ti", "li2s", "lif")
"""In the order in which they are worth waiting for."""
CUTOFFS_EV = {"lif": (600, 750)}
"""Cutoff and the higher one it is tested with, where the first of (340, 450) is too low to relax a cell."""
SPACINGS_PER_A = {"run": 0.4, "layers": 0.4, "k": 0.25, "thin": 0.25, "kk": 0.2, "cutoff": 0.4}
"""Spacing of k-points by stage: relaxations are coarse, single points repeat their energies."""
SINGLE_POINTS = ("k", "cutoff", "kk")
STAGES = ["run", "potentials", *SINGLE_POINTS, "layers", "thin", "collect"]
POTENTIALS = ("sevennet:7net-0", "chgnet:0.3.0")
MORE_PLANES_A = 8.0
"""Height of the thicker substrate: two planes more on the metals."""


def engine_of(stage: str, name: str) -> EngineSpec:
    """Return the engine of a stage for one campaign; that of ``run`` is the one the campaign file names."""
    cutoff = CUTOFFS_EV.get(name, (340, 450))[stage == "cutoff"]
    return EngineSpec.parse(f"gpaw:PBE?ecut={cutoff}&kspacing={SPACINGS_PER_A[stage]}&density=1e-4")


def main() -> None:
    """Run, check, collect, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--db", default="pbe.db")
    parser.add_argument("--no-run", action="store_true", help="write the page from docs/pbe/results.jsonl")
    parser.add_argument("--films", nargs="+", type=int, default=[4, 5, 6], help="film planes of the single points")
    parser.add_argument("--no-page", action="store_true", help="compute only")
    parser.add_argument("--only", nargs="+", choices=CAMPAIGNS, default=CAMPAIGNS, help="campaigns to run")
    parser.add_argument("--stages", nargs="+", default=STAGES)
    options = parser.parse_args()
    if not options.no_run:
        for stage in options.stages:
            for name in options.only if stage != "collect" else ["all"]:
                run_stage(stage, name, options.db, options.films)
    if options.no_page:
        return
    records = stored_records()
    page = FOLDER.parent / "pbe.md"
    page.write_text(written(page.read_text(encoding="utf-8"), records), encoding="utf-8")


def run_stage(stage: str, name: str, db: str, films: Sequence[int]) -> None:
    """Run one stage for one campaign; ``films`` are the thicknesses whose single points are repeated, in planes."""
    if stage == "run":
        run(name, (), db)
    elif stage == "potentials":
        run(name, POTENTIALS, db)
    elif stage == "collect":
        with Database(db, must_exist=True, read_only=True) as database:
            records = merged(stored_records(), collected(database))
        RECORDS.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
    elif stage == "thin":
        with Database(db, must_exist=True) as database, LocalExecutor(database, workers=1) as executor:
            engine = engine_of(stage, name)
            for cells in unfinished(database, name).values():
                executor.run([static(cell, engine) for cell in cells.values()], engine)
    else:
        with Database(db, must_exist=True) as database, LocalExecutor(database, workers=1) as executor:
            for result in coarse_results(database, name):
                requests, engine = checks(database, result, stage, films)
                executor.run(requests, engine)


def run(name: str, engines: Sequence[str], db: str) -> None:
    """Run a campaign through the command line; without engines, with those of its file."""
    chosen = [part for engine in engines for part in ("--engine", engine)]
    command = [sys.executable, "-m", "liface", "campaign", "run", str(FOLDER / f"{name}.yaml"), *chosen]
    done = subprocess.run([*command, "--db", db, "--workers", "1", "--no-report"], check=False)
    if done.returncode not in (0, 4):  # 4: some cases failed; the page leaves them out
        raise SystemExit(done.returncode)


# --- single points and thicker substrates --------------------------------------------------------------------


def coarse_results(database: Database, name: str) -> list[InterfaceResult | BindingResult]:
    """Return the results of one campaign with the coarse settings."""
    wanted = engine_info(engine_of("run", name)).fingerprint
    found = [*database.results("interface"), *database.results("binding")]
    return [r for r in found if r.engine.fingerprint == wanted and r.provenance.campaign == f"pbe-{name}"]


def checks(
    database: Database, result: InterfaceResult | BindingResult, stage: str, films: Sequence[int]
) -> tuple[list[CalculationRequest], EngineSpec]:
    """Return what a stage computes for one result."""
    if stage == "layers":
        return thicker(database, result), engine_of(stage, name_of(result))
    engine = engine_of(stage, name_of(result))
    films = films if stage != "cutoff" else films[:1]
    wanted = {f"n{n}" for n in films}
    cells = relaxed(database, result)
    return [static(c, engine) for role, c in cells.items() if role in wanted or not is_film(role)], engine


def is_film(role: str) -> bool:
    """Tell whether a role is that of a film between two substrates, ``n4``."""
    return role[0] == "n" and role[1:].isdigit()


def static(calculation: EnergyCalculation, engine: EngineSpec) -> CalculationRequest:
    """Ask for a single point at the relaxed geometry."""
    return CalculationRequest(
        geometry=calculation.final,
        engine=engine_info(engine),
        settings=CalculationSettings.static(),
        label=f"{calculation.label}/static",
    )


def relaxed(database: Database, result: InterfaceResult | BindingResult) -> dict[str, EnergyCalculation]:
    """Return the relaxed cells a result rests on, by role: bulks, strained film, films, slabs, the adsorbate."""
    found = {c.label: c for c in map(energy_of, database.calculations(result.provenance.calc_ids).values())}
    by_id = {c.calc_id: c for c in found.values()}
    roles = {label: c for label, c in found.items() if label.startswith("bulk/")}
    for label, calculation in found.items():
        step = label.rsplit("/", 1)[-1]
        if step in ("strained-film", "clean", "removed-1Li-dispersed"):
            roles[step] = calculation
    if isinstance(result, InterfaceResult):
        roles |= {f"n{point.n_planes}": by_id[point.calc_id] for point in result.points}
    else:
        roles["adsorbed"] = by_id[result.candidates[0].calc_id]
    return roles


def unfinished(database: Database, name: str) -> dict[str, dict[str, EnergyCalculation]]:
    """Return cases of interfaces without a result of which the thinnest film was relaxed: its cells, by role."""
    done = {result.provenance.case for result in coarse_results(database, name)}
    campaign = Campaign.load(FOLDER / f"{name}.yaml")
    wanted = engine_info(engine_of("run", name)).fingerprint
    rows = database.query("calculations", f'engine_fingerprint="{wanted}" AND status="converged"')
    ids = {row["label"]: row["calc_id"] for row in rows}
    found = {}
    for case in campaign.cases():
        if isinstance(case.spec, InterfaceSpec) and case.spec.name not in done:
            planes = min(case.case.protocol.film_planes(case.spec.film_plane))
            bulks = [f"bulk/{material.name}/symmetric" for material in (case.spec.substrate, case.spec.film)]
            labels = dict(zip(bulks, bulks, strict=True))
            labels |= {"strained-film": f"{case.spec.name}/strained-film"}
            labels |= {f"n{planes}": f"{case.spec.name}/n{planes}-start0"}
            if all(label in ids for label in labels.values()):
                stored = database.calculations([ids[label] for label in labels.values()])
                found[case.spec.name] = {role: energy_of(stored[ids[label]]) for role, label in labels.items()}
    return found


def thicker(database: Database, result: InterfaceResult | BindingResult) -> list[CalculationRequest]:
    """Ask for the thinnest film, relaxed between more substrate planes; nothing for adsorbates."""
    if not isinstance(result, InterfaceResult):
        return []
    planned = planned_case(result)
    assert isinstance(planned.spec, InterfaceSpec)
    case = planned.case.model_copy(
        update={"protocol": planned.case.protocol.model_copy(update={"substrate_thickness_a": MORE_PLANES_A})}
    )
    cells = relaxed(database, result)
    references = [
        bulk_reference(material, (cells[f"bulk/{material.name}/symmetric"],))
        for material in (planned.spec.substrate, planned.spec.film)
    ]
    setup = steps.interface_setup(planned.spec, references[0], references[1], cells["strained-film"])
    planes = min(point.n_planes for point in result.points)
    cell = steps.stack(case, setup, planes, result.gap_a, result.shift)
    settings = case.protocol.relaxation("c_axis", planned.spec.move)
    return [case.request(cell.structure, settings, f"n{planes}-thick")]


def name_of(result: InterfaceResult | BindingResult) -> str:
    """Return the file name of the campaign of a result."""
    return result.provenance.campaign.removeprefix("pbe-")


def planned_case(result: InterfaceResult) -> PlannedCase:
    """Return the case a result came from."""
    campaign = Campaign.load(FOLDER / f"{name_of(result)}.yaml")
    return next(case for case in campaign.cases() if case.spec.name == result.provenance.case)


# --- records -------------------------------------------------------------------------------------------------


def stored_records() -> list[dict[str, Any]]:
    """Return the records that the page was made from last."""
    return [json.loads(line) for line in RECORDS.read_text(encoding="utf-8").splitlines()] if RECORDS.exists() else []


def merged(before: Iterable[dict[str, Any]], now: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the records of a database, and of those before it what the database does not hold.

    So the campaigns may be run one after the other, into different databases.
    """
    new = {identity(record): record for record in now}
    kept = {identity(record): record for record in before}
    return [*({**kept, **new}).values()]


def identity(record: dict[str, Any]) -> tuple[str, ...]:
    """Return what a record is of; a later one of the same takes its place."""
    if record["kind"] == "effort":
        energy = None if record["energy_ev"] is None else round(record["energy_ev"], 4)  # settings change it
        keys = [record["label"], record["engine"], record["model"], energy]
    elif record["kind"] == "check":
        keys = [record["case"], record["check"]]
    else:
        keys = [record["provenance"]["case"], record["engine"]["name"], record["engine"]["model"]]
        keys += [record["engine"]["options"].get("ecut_ev")] if record["kind"] == "bulk" else []
    return (record["kind"], *map(str, keys))


def collected(database: Database) -> Iterator[dict[str, Any]]:
    """Yield everything the page needs, and the energies to check it by hand."""
    for kind in ("bulk", "interface", "binding"):
        seen = set()
        for result in database.results(kind):
            if result.record_id not in seen and result.provenance.campaign.startswith("pbe-"):
                seen.add(result.record_id)
                yield result.model_dump(mode="json", exclude={"structure": True, "scan": {"__all__": {"calc_id"}}})
    for name in CAMPAIGNS:
        for result in coarse_results(database, name):
            for stage in SINGLE_POINTS:
                yield from repeated(database, result, stage)
            yield from on_more_planes(database, result)
        for case, cells in unfinished(database, name).items():
            yield thin(name, case, cells, {role: cell.energy_ev for role, cell in cells.items()}, "run")
            asked = {role: static(cell, engine_of("thin", name)).calc_id for role, cell in cells.items()}
            stored = database.calculations(asked.values())
            if set(asked.values()) <= stored.keys():
                again = {role: energy_of(stored[calc_id]).energy_ev for role, calc_id in asked.items()}
                yield thin(name, case, cells, again, "thin")
    yield from efforts(database)


def thin(
    name: str, case: str, cells: dict[str, EnergyCalculation], energy: dict[str, float], stage: str
) -> dict[str, Any]:
    """Return gamma of the thinnest film of a sandwich, less what the strain of the film costs."""
    role = next(filter(is_film, cells))
    film, e = cells[role].final, {r: energy[r] / cells[r].final.n_atoms for r in energy}
    substrate = next(r for r in cells if r.startswith("bulk/") and r != "bulk/Li/symmetric")
    n_li, mu = film.count(role="film"), e["bulk/Li/symmetric"]
    gamma = energies.interfacial_gamma(
        energy[role], film.count(role="substrate") * e[substrate], n_li, mu, film.in_plane_area, 2
    )
    strain = (e["strained-film"] - mu) * MEV
    return {
        "kind": "check",
        "check": "thin" if stage == "run" else "thin-k",
        "engine": str(engine_of(stage, name)),
        "case": case,
        "energies_ev": energy,
        "n_atoms": {r: cell.final.n_atoms for r, cell in cells.items()},
        "area_a2": film.in_plane_area,
        "gamma_by_planes_mev_per_a2": {role[1:]: gamma},
        "strain_energy_mev_per_li": strain,
        "gamma_mev_per_a2": gamma - strain * n_li / (2 * film.in_plane_area),
    }


def repeated(database: Database, result: InterfaceResult | BindingResult, stage: str) -> Iterator[dict[str, Any]]:
    """Yield the quantity of a result from single points of other settings, if all but some films are there."""
    engine = engine_of(stage, name_of(result))
    cells = relaxed(database, result)
    asked = {role: static(cell, engine).calc_id for role, cell in cells.items()}
    stored = database.calculations(asked.values())
    wanted = {role: key for role, key in asked.items() if key in stored}
    if any(not is_film(role) for role in asked.keys() - wanted.keys()) or (
        isinstance(result, InterfaceResult) and not any(map(is_film, wanted))
    ):
        return
    energy = {role: energy_of(stored[key]).energy_ev for role, key in wanted.items()}
    record: dict[str, Any] = {"kind": "check", "check": stage, "engine": str(engine), "case": result.provenance.case}
    record |= {"energies_ev": energy, "n_atoms": {role: cells[role].final.n_atoms for role in wanted}}
    value = gamma_again(result, cells, energy) if isinstance(result, InterfaceResult) else binding_again(cells, energy)
    yield record | value


def gamma_again(
    result: InterfaceResult, cells: dict[str, EnergyCalculation], energy: dict[str, float]
) -> dict[str, Any]:
    """Return gamma(n), and gamma0 where three thicknesses are there, from given energies of the same cells."""
    e = {role: energy[role] / cells[role].final.n_atoms for role in energy}
    mu, bulk = e["bulk/Li/symmetric"], e[f"bulk/{result.substrate}/symmetric"]
    strain = e["strained-film"] - mu
    points = []
    for point in result.points:
        role = f"n{point.n_planes}"
        if role in energy:
            n_substrate = point.n_atoms - point.n_li
            gamma = energies.interfacial_gamma(
                energy[role], n_substrate * bulk, point.n_li, mu, result.area_a2, result.n_interfaces
            )
            points.append(point.model_copy(update={"energy_ev": energy[role], "gamma_mev_per_a2": gamma}))
    value: dict[str, Any] = {
        "gamma_by_planes_mev_per_a2": {p.n_planes: p.gamma_mev_per_a2 for p in points},
        "strain_energy_mev_per_li": strain * MEV,
    }
    if len(points) >= 3:
        value |= fitted(points, strain, result)
    else:
        slope = strain * MEV / (result.area_a2 * result.n_interfaces)
        value["gamma_mev_per_a2"] = float(np.mean([p.gamma_mev_per_a2 - slope * p.n_li for p in points]))
    return value


def fitted(points: Sequence[FilmPoint], strain_ev: float, result: InterfaceResult) -> dict[str, Any]:
    """Return the three readings of a series."""
    fit = film_series.fit_bulk_like(points, strain_ev, result.area_a2, result.n_interfaces)
    return {
        "gamma_mev_per_a2": fit.headline,
        "gamma_stderr_mev_per_a2": fit.stderr,
        "gamma_free_mev_per_a2": fit.free.intercept_mev_per_a2,
        "gamma_plateau_mev_per_a2": fit.plateau,
        "max_residual_mev_per_a2": fit.max_residual,
        "flags": list(fit.flags),
    }


def binding_again(cells: dict[str, EnergyCalculation], energy: dict[str, float]) -> dict[str, Any]:
    """Return the binding energy from given energies of the same cells; the lower clean slab is the reference."""
    slab = min(energy[role] for role in ("clean", "removed-1Li-dispersed") if role in energy)
    mu = energy["bulk/Li/symmetric"] / cells["bulk/Li/symmetric"].final.n_atoms
    return {"e_bind_ev_per_li": energies.binding_energy(energy["adsorbed"], slab, 1, mu)}


def on_more_planes(database: Database, result: InterfaceResult | BindingResult) -> Iterator[dict[str, Any]]:
    """Yield gamma of the thinnest film between more substrate planes, if it was computed."""
    for request in thicker(database, result):
        stored = database.calculation(request.calc_id)
        if stored is None or stored.status == "failed" or not isinstance(result, InterfaceResult):
            continue
        cells = relaxed(database, result)
        bulk = cells[f"bulk/{result.substrate}/symmetric"]
        mu = cells["bulk/Li/symmetric"]
        n_li = stored.final.count(role="film")
        gamma = energies.interfacial_gamma(
            stored.energy_ev,
            stored.final.count(role="substrate") * bulk.energy_ev / bulk.final.n_atoms,
            n_li,
            mu.energy_ev / mu.final.n_atoms,
            stored.final.in_plane_area,
            result.n_interfaces,
        )
        thin = min(result.points, key=lambda point: point.n_planes)
        yield {
            "kind": "check",
            "check": "layers",
            "engine": str(engine_of("layers", name_of(result))),
            "case": result.provenance.case,
            "status": stored.status,
            "energy_ev": stored.energy_ev,
            "n_atoms": stored.final.n_atoms,
            "n_li": n_li,
            "gamma_mev_per_a2": gamma,
            "gamma_thin_mev_per_a2": thin.gamma_mev_per_a2,
        }


def efforts(database: Database) -> Iterable[dict[str, Any]]:
    """Yield force calls and wall time of every calculation."""
    for row in database.query("calculations"):
        keys = ("label", "engine", "model", "status", "n_atoms", "n_force_calls", "wall_s", "energy_ev")
        yield {"kind": "effort", **{key: row[key] for key in keys}, "options": row.get("engine_options")}


if __name__ == "__main__":
    main()
