"""Run the campaign regression with both potentials; write docs/trust.md and the regression that is shipped.

    python docs/make_trust.py --db trust.db --workers 2

Text outside the markers ``<!-- table NAME -->`` and ``<!-- end -->`` is left alone. What the database already holds
is not computed again. The shipped file is what ``liface engines trust`` shows.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from page_tables import inserted, markdown

import liface.analysis
from liface.analysis.comparison import Comparison
from liface.analysis.literature import Literature
from liface.analysis.regression import CAMPAIGN, FILE, Regression, orders_of_metals, reading
from liface.database import Database
from liface.dispatch.trust import regression_of
from liface.documents import QUANTITIES
from liface.report.trust_figure import trust_plot
from liface.workflows.campaign import Campaign

DOCS = Path(__file__).parent
SHIPPED = Path(liface.analysis.__file__).parent / "data" / FILE
DIGITS = {"J/m²": 2, "meV/Å²": 1, "eV": 3, "deg": 0}


def main() -> None:
    """Run, then write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--db", default="trust.db")
    parser.add_argument("--workers", default="2")
    parser.add_argument("--engine", action="append", help="instead of the two that come with the package")
    parser.add_argument("--no-run", action="store_true", help="write from what the database holds")
    options = parser.parse_args()
    if not options.no_run:
        run(options.db, options.workers, options.engine or [])
    with Database(options.db, must_exist=True, read_only=True) as database:
        found = regression_of(database, CAMPAIGN, Literature())
        found = found.model_copy(update={"failed": (*found.failed, *missing(database, options.engine or []))})
    SHIPPED.write_text(json.dumps(found.model_dump(mode="json"), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (DOCS / "trust").mkdir(exist_ok=True)
    (DOCS / "trust" / "parity.png").write_bytes(trust_plot(found.rows, "parity").png)
    page = DOCS / "trust.md"
    text = page.read_text(encoding="utf-8")
    for name, table in TABLES.items():
        text = inserted(text, name, table(found), "docs/trust.md")
    page.write_text(text, encoding="utf-8")


def run(db: str, workers: str, engines: list[str]) -> None:
    """Run the campaign through the command line."""
    chosen = [part for engine in engines for part in ("--engine", engine)]
    command = [sys.executable, "-m", "liface", "campaign", "run", CAMPAIGN, *chosen, "--db", db, "--workers", workers]
    done = subprocess.run([*command, "--no-report"], check=False)
    if done.returncode not in (0, 4):  # 4: some cases failed; they are on the page
        raise SystemExit(done.returncode)


def missing(database: Database, engines: list[str]) -> list[str]:
    """Return the cases that were not run to their end."""
    there = {(case.engine.label, case.case) for case in database.cases(CAMPAIGN)}
    planned = Campaign.load(CAMPAIGN, tuple(engines)).cases()
    wanted = [(each.engine_label, each.spec.name) for each in planned]
    return [f"{label}: {case}: not computed" for label, case in wanted if (label, case) not in there]


def engines(found: Regression) -> str:
    """Return which models these are."""
    rows = [
        [e.label, f"{e.code} {e.code_version}", e.weights_sha256[:12], e.trained_on]
        for e in sorted(found.engines, key=lambda e: e.label)
    ]
    made = f"Computed {found.made_at:%Y-%m-%d} with liface {found.liface_version}.\n\n"
    return made + markdown(["model", "package", "sha256 of the weights", "trained on"], rows)


def errors(found: Regression) -> str:
    """Return the errors of every model, and what they allow."""
    rows = []
    for e in found.errors:
        digits = DIGITS.get(e.unit, 2)
        bounds = f"{e.bounds_met} of {e.bounds}" if e.bounds else "–"
        tau = f"{number(e.kendall, 2)} ({e.n_pairs})" if e.kendall is not None else "–"
        rows.append(
            [f"{QUANTITIES[e.quantity].description} ({e.unit})", f"{e.engine}:{e.model}", str(e.n)]
            + [number(value, digits) for value in (e.mean_absolute_error, e.mean_signed_error, e.worst)]
            + [e.worst_system or "–", number(e.median_ratio, 2), tau, bounds, reading(e)]
        )
    titles = ["quantity", "model", "n", "MAE", "mean error", "worst", "at", "median ratio", "Kendall τ (pairs)"]
    return markdown([*titles, "bounds met", "which allows"], rows)


def number(value: float | None, digits: int) -> str:
    """Return a number, or a dash."""
    return "–" if value is None else f"{value:.{digits}f}"


def order(found: Regression) -> str:
    """Return the order of the metals."""
    rows = []
    for o in orders_of_metals(found.rows):
        metals = [f"{metal} {value:.0f}" for metal, value in zip(o.computed, o.values_mev_per_a2, strict=True)]
        rows.append([f"{o.engine}:{o.model}", " > ".join(metals), f"{o.right} of {o.pairs}"])
    return markdown(["model", "Li(100) on the metal, meV/Å²", "pairs in the published order"], rows)


def values(quantity: str) -> Callable[[Regression], str]:
    """Return the table of one quantity: a row per system, a column per model."""

    def table(found: Regression) -> str:
        rows = [row for row in found.rows if row.quantity == quantity]
        models = list(dict.fromkeys(f"{row.engine}:{row.model}" for row in found.rows))
        systems: dict[tuple[str, str], dict[str, Comparison]] = {}
        for row in rows:
            systems.setdefault((row.system, shown(row)), {})[f"{row.engine}:{row.model}"] = row
        unit = QUANTITIES[quantity].unit
        digits = DIGITS.get(unit, 2)
        lines = [
            [system, published, *(cell(by_model.get(model), digits) for model in models), source(by_model)]
            for (system, published), by_model in sorted(systems.items())
        ]
        return markdown(["", f"published ({unit})", *models, "DOI"], lines)

    return table


def shown(row: Comparison) -> str:
    """Return a published value with its qualifier and unit."""
    sign = "" if row.qualifier == "=" else f"{row.qualifier} "
    return f"{sign}{row.published:.4g}"


def cell(row: Comparison | None, digits: int) -> str:
    """Return a computed value, its difference, and a dagger where something is not converged."""
    if row is None:
        return "–"
    dagger = "" if row.converged else "†"
    beside = row.verdict if row.difference is None else f"{row.difference:+.{digits}f}"
    return f"{row.computed:.{digits}f}{dagger} ({beside})"


def source(rows: dict[str, Comparison]) -> str:
    """Return the DOI of a row."""
    return next(iter(rows.values())).doi


def failed(found: Regression) -> str:
    """Return what gave no number, and the flags of what did."""
    lines = [f"- no number: {text}" for text in found.failed]
    flags: dict[str, set[str]] = {}
    for row in found.rows:
        for flag in row.flags:
            flags.setdefault(flag.partition(":")[0], set()).add(f"{row.system} ({row.model})")
    flags.pop("model_softness", None)  # every result has it
    lines += [f"- `{slug}`: {', '.join(sorted(systems))}" for slug, systems in sorted(flags.items())]
    return "\n".join(lines) or "Nothing."


TABLES: dict[str, Callable[[Regression], str]] = {
    "engines": engines,
    "errors": errors,
    "order": order,
    "surfaces": values("surface"),
    "interfaces": values("interface_gamma"),
    "bindings": values("binding"),
    "angles": values("contact_angle"),
    "failed": failed,
}

if __name__ == "__main__":
    main()
