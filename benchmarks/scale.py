"""How the cost of a campaign grows: plan, submit, run, collect, store, ask and report more and more cases.

    python benchmarks/scale.py --out benchmarks/results/scale

With ``--step`` other steps stay as the files that are there have them, each with its own command.

Every step of every size runs in a fresh process of one thread; its table gives processor time per case, peak memory,
and the exponent of the growth between sizes (1 is proportional). Cases of *plan*, *submit*, *run* and *collect* are
bulks of copper-like crystals with different lattice constants, relaxed by the EMT of ASE, which costs next to nothing,
so that what is left is the work of the package; *collect* derives the same cases from calculations that are stored.
*submit* makes jobs and documents for a queue that keeps flows as text, as the database of a scheduler would.
*store*, *ask* and *report* use made-up interfaces of one campaign (``synthetic_records.py``).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything loads a threaded library

from processor import processor

SIZES: dict[str, tuple[int, ...]] = {
    "plan": (10, 100, 1000),
    "submit": (10, 100, 1000),
    "run": (10, 100, 1000),
    "collect": (10, 100, 1000),
    "store": (100, 1000, 10000),
    "ask page": (100, 1000, 10000),
    "ask count": (100, 1000, 10000),
    "ask best": (100, 1000, 10000),
    "report without figures": (10, 100, 1000),
    "report": (10, 30),
}
"""What a quiet machine measures in a quarter of an hour; ``--sizes`` for others."""
STEEP = 1.15
"""Above this exponent a step grows faster than its work."""
ASKED = 20
"""Questions of each kind; the first one is not counted."""
CAMPAIGN = "scale"
CIF = """data_{name}
_symmetry_space_group_name_H-M 'P 1'
_cell_length_a {a:.6f}
_cell_length_b {a:.6f}
_cell_length_c {a:.6f}
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Cu1 Cu 0.0 0.0 0.0
Cu2 Cu 0.5 0.5 0.0
Cu3 Cu 0.5 0.0 0.5
Cu4 Cu 0.0 0.5 0.5
"""


def main() -> None:
    """Measure all steps and write JSON, a table and a figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file name without suffix, for .json, .md and .svg")
    parser.add_argument("--step", action="append", choices=list(SIZES), help="only this step; may be given again")
    parser.add_argument("--sizes", action="append", default=[], metavar="STEP=N,N", help="other sizes of a step")
    parser.add_argument("--one", nargs=3, metavar=("STEP", "SIZE", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measured(given.one[0], int(given.one[1]), Path(given.one[2]))))
        return
    earlier = rows_of(given.out.with_suffix(".json") if given.out and given.step else None)
    measured_by = {"command": shlex.join(["python", "benchmarks/scale.py", *sys.argv[1:]]), "machine": machine()}
    sizes = SIZES | {s: tuple(map(int, n.split(","))) for s, _, n in (text.partition("=") for text in given.sizes)}
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for step in SIZES if not given.step else [s for s in SIZES if s in given.step]:
            for size in sizes[step]:
                rows.append(in_own_process(step, size, folder) | measured_by)
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
                if given.out:  # a run that is stopped leaves what it has measured
                    write(summary(rows, earlier), given.out)
    found = summary(rows, earlier)
    print(table(found))
    if given.out:  # only now: what is started by a process that has drawn counts its memory as its own
        draw(found["rows"], given.out.with_suffix(".svg"))


def summary(rows: list[dict[str, Any]], earlier: list[dict[str, Any]]) -> dict[str, Any]:
    """Return rows and those of other steps that were measured before, with their exponents."""
    measured_now = {row["step"] for row in rows}
    kept = [row for row in earlier if row["step"] not in measured_now]
    ordered = sorted([*kept, *rows], key=lambda row: (list(SIZES).index(row["step"]), row["cases"]))
    return {"rows": ordered, "exponents": exponents(ordered)}


def rows_of(path: Path | None) -> list[dict[str, Any]]:
    """Return the rows of a file that is there."""
    if path is None or not path.exists():
        return []
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["rows"]
    return rows


def write(found: dict[str, Any], out: Path) -> None:
    """Write JSON and a table."""
    out.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    out.with_suffix(".md").write_text(table(found), encoding="utf-8")


def in_own_process(step: str, size: int, folder: str) -> dict[str, Any]:
    """Run one measurement where no other one has warmed or filled anything."""
    done = subprocess.run(
        [sys.executable, __file__, "--one", step, str(size), folder], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{step} of {size} failed:\n{done.stderr}")
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return row


def measured(step: str, size: int, folder: Path) -> dict[str, Any]:
    """Return processor and wall seconds of a step, without its preparation, and the peak memory of the process.

    The step is done for two cases first, so that imports and what is made once per process are not counted.
    """
    with tempfile.TemporaryDirectory() as warm:
        for each in (*NEEDS.get(step, ()), step):
            STEPS[each](2, Path(warm))[0]()
    for each in NEEDS.get(step, ()):
        if not (folder / f"{each}-{size}.db").exists():
            STEPS[each](size, folder)[0]()
    work, items = STEPS[step](size, folder)
    cpu, wall = time.process_time(), time.perf_counter()
    note = work() or {}
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"step": step, "cases": size, "cpu_s": round(cpu, 4), "wall_s": round(wall, 4),
            "cpu_ms_per_item": round(1000 * cpu / items, 4), "peak_mb": round(peak, 1), **note}  # fmt: skip


Work = Callable[[], dict[str, Any] | None]

# --- Cases of the package ------------------------------------------------------------------------------------------


def campaign_file(size: int, folder: Path) -> Path:
    """Write a campaign of as many bulks, with their crystals."""
    path = folder / f"scale-{size}.yaml"
    if not path.exists():
        crystals = folder / f"crystals-{size}"
        crystals.mkdir()
        names = [f"cu-{i}" for i in range(size)]
        for i, name in enumerate(names):
            (crystals / f"{name}.cif").write_text(CIF.format(name=name, a=3.55 + 0.1 * i / size))
        lines = [f"name: {CAMPAIGN}", "engines: [emt]", "wetting: false", "materials:"]
        lines += [f"  {name}: {crystals.name}/{name}.cif" for name in names]
        path.write_text("\n".join([*lines, f"bulks: [{', '.join(names)}]", ""]))
    return path


def plan(size: int, folder: Path) -> tuple[Work, int]:
    """Read the file, make the cases and estimate them."""
    from liface.cli.phased import phased_plan
    from liface.workflows.campaign import Campaign

    path = campaign_file(size, folder)

    def work() -> None:
        assert len(phased_plan(Campaign.load(str(path)), None, everything=True).rows) == size

    return work, size


def submit(size: int, folder: Path) -> tuple[Work, int]:
    """Make jobs, flows and the document of a submission, as text."""
    from liface.database import Database
    from liface.dispatch.queues.base import configure_by_kind
    from liface.dispatch.submission import submit as hand_over
    from liface.workflows.campaign import Campaign
    from liface.workflows.resources import ResourcesByKind

    class Kept:
        """Keeps flows as text."""

        name, place = "fireworks", "benchmark"

        def __init__(self) -> None:
            self.size = 0

        def check(self) -> None:
            """Answer."""

        def configure(self, case_job: Any, resources: Any, folder: str) -> None:
            """Give a job its resources."""
            configure_by_kind(case_job, {kind: {"queue": kind} for kind in ("light", "potential", "dft")})

        def submit(self, flows: Any, submission: str) -> None:
            """Take flows."""
            from monty.json import MontyEncoder

            self.size = sum(len(json.dumps(flow, cls=MontyEncoder)) for flow in flows)

    loaded = Campaign.load(str(campaign_file(size, folder)))
    queue = Kept()

    def work() -> dict[str, Any]:
        with Database(":memory:") as database:
            done = hand_over(loaded, database, queue, ResourcesByKind())  # type: ignore[arg-type]
        assert done.document is not None and done.document.n_cases == size
        return {"flows_mb": round(queue.size / 1e6, 3)}

    return work, size


def run(size: int, folder: Path) -> tuple[Work, int]:
    """Compute every case in this process and store it."""
    from liface.database import Database
    from liface.dispatch.run import run_campaign
    from liface.workflows.campaign import Campaign

    loaded = Campaign.load(str(campaign_file(size, folder)))
    path = folder / f"run-{size}.db"

    def work() -> dict[str, Any]:
        with Database(path) as database:
            state = run_campaign(loaded.cases(), database, workers=0)
            assert len(state.done) == size and not state.failed
        return {"database_mb": round(path.stat().st_size / 1e6, 3)}

    return work, size


def collect(size: int, folder: Path) -> tuple[Work, int]:
    """Derive the cases from calculations that are stored; needs what *run* has left."""
    from liface.database import Database
    from liface.dispatch.known import finish_known
    from liface.workflows.campaign import Campaign

    loaded = Campaign.load(str(campaign_file(size, folder)))
    path = folder / f"collect-{size}.db"
    with Database(folder / f"run-{size}.db", read_only=True) as source:
        known = list(source.each("calculations"))

    def work() -> None:
        with Database(path) as database:
            for calculation in known:
                database.add_calculation(calculation)
            assert len(finish_known(loaded.cases(), database).now) == size

    return work, size


# --- Documents -----------------------------------------------------------------------------------------------------


def made_up(size: int) -> list[Any]:
    """Return interfaces of one campaign, each of another case."""
    from synthetic_records import interfaces

    return [
        one.model_copy(
            update={"provenance": one.provenance.model_copy(update={"campaign": CAMPAIGN, "case": f"interface/{i}"})}
        )
        for i, one in enumerate(interfaces(size))
    ]


def store(size: int, folder: Path) -> tuple[Work, int]:
    """Write a case with its result, each in a transaction of its own."""
    from liface.database import Database
    from liface.database.writing import record_id_of
    from liface.documents import FinishedCase

    results = [(one, record_id_of(one)) for one in made_up(size)]
    path = folder / f"store-{size}.db"

    def work() -> dict[str, Any]:
        with Database(path) as database:
            for i, (result, record_id) in enumerate(results):
                case = FinishedCase(
                    case_id=f"{i:032x}", campaign=CAMPAIGN, case=result.provenance.case, kind="interface",
                    engine=result.engine, record_ids=(record_id,), calc_ids=(), failures=(),
                )  # fmt: skip
                database.commit_case(case, [result])
        return {"database_mb": round(path.stat().st_size / 1e6, 3)}

    return work, size


def asking(question: Callable[[Any], Any]) -> Callable[[int, Path], tuple[Work, int]]:
    """Return the step of a question to what *store* has left."""

    def prepared(size: int, folder: Path) -> tuple[Work, int]:
        from liface.database import Database

        database = Database(folder / f"store-{size}.db", read_only=True)
        question(database)

        def work() -> None:
            for _ in range(ASKED):
                question(database)

        return work, ASKED

    return prepared


def report(size: int, folder: Path) -> tuple[Work, int]:
    """Write the page of the campaign that *store* has left."""
    from liface.database import Database
    from liface.report import write_report

    path = Path(tempfile.mkdtemp(dir=folder)) / f"report-{size}.html"  # none is there already, to be left as it is

    def work() -> dict[str, Any]:
        with Database(folder / f"store-{size}.db", read_only=True) as database:
            files = write_report(database, CAMPAIGN, path)
        return {"html_mb": round(path.stat().st_size / 1e6, 3), "figures": len(files.figures)}

    return work, size


def report_without_figures(size: int, folder: Path) -> tuple[Work, int]:
    """Write the page with every figure left empty, whose drawing takes nearly all the time of a report."""
    import inspect

    from liface.report import write_report  # noqa: F401 - brings the modules that draw
    from liface.report.canvas import Plot

    def empty(function: Callable[..., Plot]) -> Callable[..., Plot]:
        signature = inspect.signature(function)

        def drawn(*args: Any, **options: Any) -> Plot:
            bound = signature.bind(*args, **options)
            bound.apply_defaults()
            return Plot(str(bound.arguments.get("slug", "")), "", "", '<svg viewBox="0 0 1 1"></svg>', b"")

        return drawn

    for module in [m for name, m in sys.modules.items() if name.startswith("liface.report.")]:
        for name, function in list(vars(module).items()):
            returned = getattr(function, "__annotations__", {}).get("return")
            if inspect.isfunction(function) and returned == "Plot" and function.__module__ != __name__:
                setattr(module, name, empty(function))
    return report(size, folder)


WHERE = 'substrate="W" AND gamma_mev_per_a2 > 50'
STEPS: dict[str, Callable[[int, Path], tuple[Work, int]]] = {
    "plan": plan,
    "submit": submit,
    "run": run,
    "collect": collect,
    "store": store,
    "ask page": asking(lambda database: database.query("interfaces", WHERE, "-gamma_mev_per_a2", 50)),
    "ask count": asking(lambda database: database.count("interfaces", WHERE)),
    "ask best": asking(lambda database: database.query("interfaces", None, "-gamma_mev_per_a2", 1)),
    "report": report,
    "report without figures": report_without_figures,
}

NEEDS = {
    "collect": ("run",),
    **dict.fromkeys(("ask page", "ask count", "ask best", *(s for s in SIZES if s.startswith("report"))), ("store",)),
}
"""What must have been done before a step."""

WRITTEN = {"flows_mb": "MB of flows", "database_mb": "MB", "html_mb": "MB of HTML", "figures": "files of figures"}
"""What a step may say of its output."""

# --- What comes out ------------------------------------------------------------------------------------------------


def exponents(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Return the exponent of each step between its two largest sizes, and over all sizes by least squares.

    Of questions, whose time is that of one, the exponent is that of one question.
    """
    found = {}
    for step in dict.fromkeys(row["step"] for row in rows):
        points = [(math.log(r["cases"]), math.log(max(cost(r), 1e-9))) for r in rows if r["step"] == step]
        if len(points) < 2:
            continue
        (x0, y0), (x1, y1) = points[-2:]
        mean_x, mean_y = (sum(p[k] for p in points) / len(points) for k in (0, 1))
        over = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
        found[step] = {"last": round((y1 - y0) / (x1 - x0), 3), "all": round(over, 3)}
    return found


def cost(row: dict[str, Any]) -> float:
    """Return processor seconds of a step, or of one question."""
    return row["cpu_ms_per_item"] / 1000 if row["step"].startswith("ask") else row["cpu_s"]


def table(found: dict[str, Any]) -> str:
    """Return the rows as Markdown."""
    lines = [
        "# How cost grows with the number of cases",
        "",
        "Processor time of one thread; *ask* is the time of one question, all others that of all cases. The exponent",
        "is that between the two largest sizes; 1 is proportional. A question needs no memory worth a column.",
        "Steps of different commands were measured under different loads of the machine. Measured by:",
        "",
        *measured_by_lines(found["rows"]),
        "",
        "| step | cases | CPU s | CPU ms per case | peak MB | written | exponent |",
        "|---|---:|---:|---:|---:|---|---:|",
    ]
    for row in found["rows"]:
        asks = row["step"].startswith("ask")
        last = max(r["cases"] for r in found["rows"] if r["step"] == row["step"]) == row["cases"]
        grown = found["exponents"].get(row["step"], {}).get("last") if last else None
        text = "" if grown is None else f"**{grown:.2f}**, steep" if grown > STEEP else f"{grown:.2f}"
        extra = ", ".join(f"{row[key]} {word}" for key, word in WRITTEN.items() if key in row)
        each = "" if asks else f"{row['cpu_ms_per_item']:.2f}"
        peak = "" if asks else f"{row['peak_mb']:.0f}"
        lines.append(f"| {row['step']} | {row['cases']:,} | {cost(row):.4g} | {each} | {peak} | {extra} | {text} |")
    return "\n".join([*lines, ""])


def measured_by_lines(rows: list[dict[str, Any]]) -> list[str]:
    """Return a line for every command with the steps it measured and the machine."""
    steps: dict[tuple[str, str], dict[str, None]] = {}
    for row in rows:
        steps.setdefault((row["command"], row["machine"]), {})[row["step"]] = None
    return [f"- {', '.join(names)}: `{command}` on {where}" for (command, where), names in steps.items()]


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw processor time against the number of cases, both logarithmic, with the line of proportional growth."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 5))
    for step in dict.fromkeys(row["step"] for row in rows):
        own = [row for row in rows if row["step"] == step]
        axes.plot([r["cases"] for r in own], [cost(r) for r in own], "o-", label=step)
    axes.plot([10, 10000], [0.1, 100], ":", color="grey", label="proportional")
    axes.set(xscale="log", yscale="log", xlabel="cases", ylabel="CPU time / s (ask: of one question)")
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def machine() -> str:
    """Return the processor and the versions that matter."""
    return f"{processor()}, Python {platform.python_version()}, {os.cpu_count()} cores shared with other work"


if __name__ == "__main__":
    main()
