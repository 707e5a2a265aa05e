"""Run the published campaigns with both potentials and write the tables and figures of docs/results.md.

    python docs/make_results.py --db results.db --workers 2

Text outside the markers ``<!-- table NAME -->`` and ``<!-- end -->`` is left alone. What the database already holds
is not computed again.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from page_tables import inserted, markdown

from liface.analysis.literature import published
from liface.database import Database
from liface.dispatch.correlate import correlate_stored
from liface.documents import LiteratureValue

DOCS = Path(__file__).parent
ENGINES = ("sevennet:7net-0", "chgnet:0.3.0")
CAMPAIGNS = ("oh2024", "wang2023")
FIGURES = ("ranking", "correlation", "ccd")
"""Figures of the report that are kept, by the beginning of their names."""


def main() -> None:
    """Run, then write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--db", default="results.db")
    parser.add_argument("--workers", default="2")
    parser.add_argument("--no-run", action="store_true", help="write from what the database holds")
    options = parser.parse_args()
    if not options.no_run:
        for campaign in CAMPAIGNS:
            run(campaign, options.db, options.workers)
    with Database(options.db, must_exist=True, read_only=True) as database:
        page = DOCS / "results.md"
        text = page.read_text(encoding="utf-8")
        for name, table in TABLES.items():
            text = inserted(text, name, table(database), "docs/results.md")
        page.write_text(text, encoding="utf-8")


def run(campaign: str, db: str, workers: str) -> None:
    """Run a campaign through the command line and keep the figures of its report."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / f"{campaign}.html"
        engines = [part for engine in ENGINES for part in ("--engine", engine)]
        command = [sys.executable, "-m", "liface", "campaign", "run", campaign, *engines, "--db", db]
        done = subprocess.run([*command, "--workers", workers, "--report", str(report)], check=False)
        if done.returncode not in (0, 4):  # 4: some cases failed; they are in the report
            raise SystemExit(done.returncode)
        (DOCS / "results").mkdir(exist_ok=True)
        for figure in sorted((Path(folder) / f"{campaign}_figures").glob("*.png")):
            if figure.name.startswith(FIGURES):
                shutil.copy(figure, DOCS / "results" / f"{campaign}-{figure.name}")


def by_engine(rows: Iterable[dict], *keys: str) -> dict[tuple, dict[str, dict]]:
    """Group rows by keys, then by engine."""
    groups: dict[tuple, dict[str, dict]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), {})[f"{row['engine']}:{row['model']}"] = row
    return groups


def preferred(found: dict[str, dict]) -> dict:
    """Return the row of the first engine there is."""
    return next(found[engine] for engine in ENGINES if engine in found)


def cell(row: dict | None, key: str, digits: int) -> str:
    """Return a number with a dagger where something is not converged."""
    if row is None or row[key] is None:
        return "–"
    return f"{row[key]:.{digits}f}" + ("" if row.get("converged", True) else "†")


def reference(values: Iterable[LiteratureValue], **where: object) -> str:
    """Return the published values that fit, with their qualifiers."""
    found = [v for v in values if all(getattr(v, key) in (value, None) for key, value in where.items())]
    found = found[:1] if len({v.qualifier for v in found}) == 1 else found  # the first of several bounds is the closest
    return ", ".join(f"{'' if v.qualifier == '=' else v.qualifier + ' '}{v.value:g}" for v in found) or "–"


def flags(rows: Iterable[dict]) -> str:
    """Return the slugs of all flags but those every row has."""
    slugs = {flag.partition(":")[0] for row in rows for flag in row["flags"]}
    return ", ".join(sorted(slugs - {"model_softness"})) or ""


def bulks(database: Database) -> str:
    """Lattice constants and their deviation from the library."""
    rows = []
    for (material,), found in sorted(by_engine(database.query("bulks"), "material").items()):
        line = [material]
        for engine in ENGINES:
            row = found.get(engine)
            line.append("–" if row is None else f"{row['a']:.3f} / {row['c']:.3f}")
            line.append(cell(row, "lattice_error_percent", 1))
        rows.append(line)
    return markdown(["bulk", *(h for e in ENGINES for h in (f"{e} a / c (Å)", "largest deviation (%)"))], rows)


def surfaces(database: Database) -> str:
    """Surface energies beside the PBE values."""
    values = [v for v in published("surface") if "PBE" in v.method]
    rows = []
    for (material, plane), found in sorted(by_engine(database.query("surfaces"), "material", "plane").items()):
        rows.append(
            [f"{material}({plane})"]
            + [cell(found.get(engine), "gamma_j_per_m2", 2) for engine in ENGINES]
            + [reference(values, material=material, plane=plane), flags(found.values())]
        )
    return markdown(["surface", *(f"{e} (J/m²)" for e in ENGINES), "PBE (J/m²)", "flags"], rows)


def interfaces(database: Database) -> str:
    """Li interfacial energies, headline, free fit and plateau, beside the published values."""
    values = published("interface_gamma")
    rows = []
    keys = ("film_plane", "method", "substrate", "substrate_plane")
    groups = by_engine(database.query("interfaces"), *keys)
    order = sorted(groups.items(), key=lambda item: (item[0][:2], -preferred(item[1])["gamma_mev_per_a2"]))
    for (film, method, substrate, plane), found in order:
        name = f"Li({film}) on {substrate}({plane})" + (", vacuum" if method == "vacuum" else "")
        line = [name]
        for engine in ENGINES:
            row = found.get(engine)
            line.append("–" if row is None else headline(row))
        some = preferred(found)
        shown = reference(values, material=substrate) if film == "100" else "–"
        line += [f"{some['strain_percent']:.1f}", f"{some['area_a2']:.0f}", shown, flags(found.values())]
        rows.append(line)
    titles = [f"{engine}: γ0 ± s.e. (free; plateau)" for engine in ENGINES]
    return markdown(["interface", *titles, "strain (%)", "area (Å²)", "published", "flags"], rows)


def headline(row: dict) -> str:
    """Return the three readings of one series."""
    value = f"{row['gamma_mev_per_a2']:.1f} ± {row['gamma_stderr_mev_per_a2']:.1f}"
    dagger = "" if row["converged"] else "†"
    return f"{value}{dagger} ({row['gamma_free_mev_per_a2']:.1f}; {row['gamma_plateau_mev_per_a2']:.1f})"


def bindings(database: Database) -> str:
    """Binding energies beside Tables 1 and 2."""
    values = published("binding")
    rows = []
    keys = ("substrate", "substrate_plane", "monolayers", "n_li", "arrangement")
    for key, found in sorted(by_engine(database.query("bindings"), *keys).items()):
        substrate, plane, layers, n, arrangement = key
        shown = reference(
            [v for v in values if v.n_li == n and (v.monolayers or 0) == layers],
            material=substrate,
            arrangement=arrangement,
        )
        rows.append(
            [f"{substrate}({plane})", str(layers), f"{n} {arrangement}"]
            + [cell(found.get(engine), "e_bind_ev_per_li", 3) for engine in ENGINES]
            + [shown, flags(found.values())]
        )
    units = [f"{engine} (eV/Li)" for engine in ENGINES]
    return markdown(["substrate", "Li layers", "Li", *units, "PBE (eV/Li)", "flags"], rows)


def growth(database: Database) -> str:
    """Growth modes and what they rest on."""
    rows = []
    for (substrate, plane), found in sorted(
        by_engine(database.query("growth"), "substrate", "substrate_plane").items()
    ):
        rows += [
            [f"{substrate}({plane})", engine, row["mode"], row["evidence"]]
            for engine in ENGINES
            if (row := found.get(engine))
        ]
    return markdown(["substrate", "engine", "mode", "evidence"], rows)


def wetting(database: Database) -> str:
    """Adhesion and contact angles."""
    rows = []
    keys = ("substrate", "substrate_plane", "film_plane")
    for (substrate, plane, film), found in sorted(by_engine(database.query("wetting"), *keys).items()):
        line = [f"Li({film}) on {substrate}({plane})"]
        for engine in ENGINES:
            row = found.get(engine)
            line += [cell(row, "work_of_adhesion_j_per_m2", 2), cell(row, "contact_angle_deg", 0)]
        rows.append(line)
    return markdown(["interface", *(h for e in ENGINES for h in (f"{e} W_ad (J/m²)", "angle (°)"))], rows)


def correlation(database: Database) -> str:
    """Say what the statistics do of critical current density against interfacial energy."""
    blocks = []
    for engine in ENGINES:
        report = correlate_stored(database, "ccd", "oh2024-ccd", engine=engine, campaign="oh2024")
        rank = report.spearman
        interval = "no interval" if rank.lower is None else f"[{rank.lower:.2f}, {rank.upper:.2f}]"
        blocks.append(
            f"**{engine}**: n = {report.n}, of which {report.n_censored} are bounds; Spearman {rank.value:.2f} "
            f"{interval}, p = {rank.p_value:.2f}.\n"
        )
        blocks += [f"- {claim}" for claim in report.claims]
        blocks += [f"- cannot be concluded: {text}" for text in report.cannot_conclude]
        blocks.append("")
    return "\n".join(blocks)


TABLES: dict[str, Callable[[Database], str]] = {
    "bulks": bulks,
    "surfaces": surfaces,
    "interfaces": interfaces,
    "bindings": bindings,
    "growth": growth,
    "wetting": wetting,
    "correlation": correlation,
}

if __name__ == "__main__":
    main()
