"""Run the campaign story and write the tables and figures of docs/story.md.

    python docs/make_story.py --db story.db --workers 2

Text outside the markers ``<!-- table NAME -->`` and ``<!-- end -->`` is left alone. What the database already holds
is not computed again.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from page_tables import inserted, markdown

from liface.analysis.literature import published
from liface.analysis.story import plain
from liface.database import Database
from liface.documents import MorphologyResult
from liface.mesoscale import GrowthSpec, SweepRun, SweepSpec
from liface.mesoscale.records import Origin, morphology_result
from liface.mesoscale.substrate import ClusterEnergies, Known, SubstrateEnergies, substrate_growth
from liface.mesoscale.sweep import RATIOS
from liface.report.growth_figure import substrates_plot

DOCS = Path(__file__).parent
FOLDER = DOCS / "story"
CAMPAIGN = "story"
FIGURES = ("growth-runs", "deposition", "creep", "barriers")
PUBLISHED = (("Cu", "111"), ("Li2Te", "110"), ("Li", "110"))
EFFECTIVE_BARRIER_EV = 0.62
"""Of the default growth run: a lone atom hops some 300 times while one atom arrives per column."""


def main() -> None:
    """Run, then write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--db", default="story.db")
    parser.add_argument("--workers", default="2")
    parser.add_argument("--no-run", action="store_true", help="write from what the database holds")
    options = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    if not options.no_run:
        run(options.db, options.workers)
    grown = with_published_energies()
    (FOLDER / "growth-published.png").write_bytes(substrates_plot(grown, "growth-published", "published energies").png)
    page = DOCS / "story.md"
    text = page.read_text(encoding="utf-8")
    with Database(options.db, must_exist=True, read_only=True) as database:
        for name, table in TABLES.items():
            text = inserted(text, name, table(database), "docs/story.md")
    text = inserted(text, "published", growth_rows(grown), "docs/story.md")
    page.write_text(text, encoding="utf-8")


def run(db: str, workers: str) -> None:
    """Run the campaign through the command line and keep the figures of its report."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "story.html"
        command = [sys.executable, "-m", "liface", "campaign", "run", CAMPAIGN, "--db", db, "--workers", workers]
        done = subprocess.run([*command, "--report", str(report)], check=False)
        if done.returncode not in (0, 4):  # 4: some cases failed; they are in the report
            raise SystemExit(done.returncode)
        for figure in sorted((Path(folder) / "story_figures").glob("*.png")):
            if figure.name.startswith(FIGURES):
                shutil.copy(figure, FOLDER / figure.name)


def with_published_energies() -> list[MorphologyResult]:
    """Grow Li with the published energies of clusters and atoms, all else alike."""
    on_li = published_clusters(*PUBLISHED[-1])
    effective = Known(EFFECTIVE_BARRIER_EV, "the default of liface grow")
    grown = []
    for substrate, plane in PUBLISHED:
        energies = SubstrateEnergies({0: published_clusters(substrate, plane)}, on_li, effective, effective)
        growth = substrate_growth(energies, GrowthSpec())
        sweep = SweepRun(SweepSpec(growth=growth.spec, ratios=tuple(sorted({*RATIOS, growth.ratio}))))
        origin = Origin(case=f"published/{substrate}-{plane}", inputs=growth.inputs, flags=growth.flags)
        grown.append(
            morphology_result(sweep.run(), sweep.pictures, substrate, plane, growth.ratio, growth.rule, origin)
        )
    return grown


def published_clusters(substrate: str, plane: str) -> ClusterEnergies:
    """Return the published energies of four dispersed Li and Li4."""
    known = {
        v.arrangement: Known(v.value, f"{v.doi}, Table 1")
        for v in published("binding")
        if (v.material, v.plane, v.n_li, v.monolayers or 0) == (substrate, plane, 4, 0)
    }
    return ClusterEnergies(4, known["dispersed"], known["cluster"], known["cluster"])


def slugs(flags: Iterable[str]) -> str:
    """Return the slugs of flags."""
    return ", ".join(dict.fromkeys(flag.partition(":")[0] for flag in flags))


def growth_rows(grown: Iterable[MorphologyResult]) -> str:
    """Return what deposits look like at the ratio of each substrate."""
    rows = []
    for result in grown:
        own = min(result.points, key=lambda point: abs(point.ratio - result.ratio))
        rows.append(
            [
                f"{result.substrate}({result.substrate_plane})",
                plain(result.ratio),
                *(
                    f"{b.mean:.{d}f} ± {b.upper - b.mean:.{d}f}"
                    for b, d in ((own.coverage, 3), (own.tip_height, 1), (own.roughness, 2), (own.n_nuclei, 0))
                ),
                "yes" if result.coverage_rises and result.tip_height_falls else "not everywhere",
                slugs(result.flags),
            ]
        )
    return markdown(
        ["substrate", "ratio", "covered", "tip (layers)", "roughness (layers)", "nuclei", "trend", "flags"], rows
    )


def growth(database: Database) -> str:
    """Growth runs of the campaign."""
    return growth_rows(database.results("morphology", where=f'campaign="{CAMPAIGN}"'))


def verdicts(database: Database) -> str:
    """Every point of every substrate."""
    found = database.results("verdict", where=f'campaign="{CAMPAIGN}"')
    questions = list(dict.fromkeys(p.question for verdict in found for p in verdict.points))
    rows = []
    for question in questions:
        row = [question]
        for verdict in found:
            point = next((p for p in verdict.points if p.question == question), None)
            row.append(f"**{point.answer}**: {point.finding}" if point else "–")
        rows.append(row)
    return markdown(["", *(f"{v.substrate}({v.substrate_plane})" for v in found)], rows)


def barriers(database: Database) -> str:
    """Diffusion barriers."""
    rows = [
        [
            f"{r.substrate}({r.substrate_plane})",
            f"{r.barrier_ev:.3f}",
            "–" if r.attempt_hz is None else f"{r.attempt_hz / 1e12:.1f}",
            slugs(r.flags),
        ]
        for r in database.results("barrier", where=f'campaign="{CAMPAIGN}"')
    ]
    return markdown(["surface", "barrier (eV)", "attempt frequency (THz)", "flags"], rows)


def films(database: Database) -> str:
    """Tabulate interfacial energies at temperatures."""
    rows = []
    for r in database.results("vibration", where=f'campaign="{CAMPAIGN}" AND n_interfaces > 0'):
        energies = (r.gamma_mev_per_a2, r.gamma_0_mev_per_a2, r.gamma_298_mev_per_a2, r.gamma_333_mev_per_a2)
        cells = ["–" if e is None else f"{e:.1f}" for e in energies]
        where = f"{r.substrate}({r.substrate_plane}) and Li({r.film_plane}), {r.n_li} Li"
        rows.append([where, *cells, f"{r.lowest_thz:.2f}", slugs(r.flags)])
    return markdown(["film", "no vibrations (meV/Å²)", "0 K", "298 K", "333 K", "lowest mode (THz)", "flags"], rows)


def adhesions(database: Database) -> str:
    """Tabulate works of adhesion."""
    rows = [
        [f"{r.material_a}({r.plane_a}) | {r.material_b}({r.plane_b})", f"{r.work_of_adhesion_mev_per_a2:.1f}",
         f"{r.work_of_adhesion_j_per_m2:.2f}", f"{r.material_a if r.strained == 'a' else r.material_b}, "
         f"{r.strain_percent:.1f} %", slugs(r.flags)]
        for r in database.results("adhesion", where=f'campaign="{CAMPAIGN}"', sort="-work_of_adhesion_mev_per_a2")
    ]  # fmt: skip
    return markdown(["pair", "W_ad (meV/Å²)", "W_ad (J/m²)", "strained", "flags"], rows)


def vibrations(database: Database) -> str:
    """Tabulate binding energies at temperatures."""
    rows = []
    for r in database.results("vibration", where=f'campaign="{CAMPAIGN}" AND n_interfaces=0'):
        what = f"Li{r.n_li} cluster" if r.arrangement == "cluster" else f"{r.n_li} Li"
        energies = (r.e_bind_ev_per_li, r.e_bind_0_ev_per_li, r.e_bind_298_ev_per_li, r.e_bind_333_ev_per_li)
        cells = ["–" if e is None else f"{e:+.3f}" for e in energies]
        rows.append([f"{r.substrate}({r.substrate_plane}), {what}", *cells, f"{r.lowest_thz:.2f}", slugs(r.flags)])
    return markdown(["system", "no vibrations (eV/Li)", "0 K", "298 K", "333 K", "lowest mode (THz)", "flags"], rows)


def depositions(database: Database) -> str:
    """Driving forces of every place in every stack."""
    rows = []
    for result in database.results("deposition", where=f'campaign="{CAMPAIGN}"'):
        energy = {p.place: f"{p.driving_force_ev:+.3f}" + ("" if p.open else " (closed)") for p in result.places}
        stack = f"{result.electrolyte} | {result.interlayer} | {result.collector}"
        places = [energy.get(place, "–") for place in ("electrolyte", "collector", "pores")]
        rows.append([stack, f"{result.pressure_mpa:g}", f"{result.contact:.3g}", *places, result.answer])
    return markdown(
        ["stack", "pressure (MPa)", "contact", "electrolyte (eV)", "collector (eV)", "pores (eV)", "Li goes to"], rows
    )


def creep(database: Database) -> str:
    """Tabulate what hosts hold and pass."""
    rows = [
        [
            r.host,
            f"{r.pore_nm:g}",
            f"{r.temperature_k - 273.15:.0f}",
            f"{r.capacity_mah_per_cm2:.3f}",
            r.mechanism,
            f"{r.current_ma_per_cm2:.3g} ({r.current_lower_ma_per_cm2:.2g} to {r.current_upper_ma_per_cm2:.2g})",
            r.passes,
        ]
        for r in database.results("creep", where=f'campaign="{CAMPAIGN}"')
    ]
    return markdown(
        ["host", "pores (nm)", "°C", "holds (mAh/cm²)", "fastest", "largest current (mA/cm²)", "passes what is asked"],
        rows,
    )


def stability(database: Database) -> str:
    """Verdicts against Li metal beside what is known."""
    rows = [
        [r.material, r.verdict, "" if r.reaction == "none" else r.reaction,
         "" if r.reaction == "none" else f"{r.reaction_energy_ev:+.2f}", r.known or "–", r.agrees if r.known else "–"]
        for r in database.results("stability", where=f'campaign="{CAMPAIGN}"')
    ]  # fmt: skip
    return markdown(["material", "verdict", "reaction", "energy (eV)", "known", "agrees"], rows)


TABLES = {
    "verdicts": verdicts,
    "barriers": barriers,
    "growth": growth,
    "vibrations": vibrations,
    "films": films,
    "adhesions": adhesions,
    "depositions": depositions,
    "creep": creep,
    "stability": stability,
}

if __name__ == "__main__":
    main()
