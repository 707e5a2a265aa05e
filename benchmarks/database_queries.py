"""How fast the database answers: a page of 50 rows out of 100,000 or 1,000,000, through ``Database.query``.

    python benchmarks/database_queries.py --rows 100000 --rows 1000000 --out benchmarks/results/database_queries.md

A file of that many interfaces and as many calculations is made once in ``--db`` and used again. The first 100,000 of
each are genuine records, written by the package from valid documents; the rows beyond are copies of them with other
identities, energies, campaigns and dates.

Every question is asked some times to warm up, then 200 times; the table gives median and 95th percentile of wall time,
the median of processor time (which other work on the machine disturbs less), and what ``sqlite3`` alone takes for the
same SQL.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import shlex
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything loads a threaded library

import sqlalchemy
from processor import processor
from sqlalchemy import DDL
from synthetic_records import CALCULATIONS, INTERFACES, calculations, interfaces, multiply, store

from liface import __version__
from liface.database import Database
from liface.database.asking import question
from liface.database.columns import NOUNS
from liface.database.migrations import _indices, latest
from liface.database.schema import FLAG_TABLES, TABLES
from liface.database.writing import put_result

PAGE = 50
FRAME_ROWS = 10_000
REPEATS, WARM_UP = 200, 5
BATCH_OF_RESULTS = 500
SINGLE_RESULTS = 50
GENUINE = 100_000
"""Records of a noun that are written from documents; those beyond are copies of their rows."""
TARGETS_MS = {100_000: 1.0, 1_000_000: 5.0}

QUESTIONS: tuple[tuple[str, str | None, str | None], ...] = (
    ("interfaces", 'substrate="W" AND gamma_mev_per_a2 > 50', "gamma_mev_per_a2"),
    ("interfaces", 'substrate="W" AND gamma_mev_per_a2 > 50', "-gamma_mev_per_a2"),
    ("interfaces", 'substrate="W" AND gamma_mev_per_a2 > 50', None),
    ("interfaces", None, "-gamma_mev_per_a2"),
    ("interfaces", None, None),
    ("interfaces", 'model="7net-0" AND converged=TRUE AND NOT flags HAS "reactive"', None),
    ("interfaces", 'model="7net-0" AND converged=TRUE AND NOT flags HAS "reactive"', "-gamma_mev_per_a2"),
    ("interfaces", 'campaign="screening-3"', "-gamma_mev_per_a2"),
    ("interfaces", 'substrate="W" AND substrate_plane="110" AND film_plane="100"', None),
    ("interfaces", None, "-created_at"),
    ("calculations", 'status="failed"', None),
    ("calculations", 'status="unconverged"', "-created_at"),
    ("calculations", 'label="interface/W-3/n3"', None),
    ("calculations", 'label STARTS WITH "interface/W-1"', None),
)
COUNTS: tuple[tuple[str, str | None], ...] = (
    ("interfaces", None),
    ("interfaces", 'substrate="W"'),
    ("interfaces", 'substrate="W" AND gamma_mev_per_a2 > 50'),
    ("calculations", None),
)


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one question."""

    what: str
    wall: float
    wall_95: float
    cpu: float
    reference: float | None
    rows: int


def main() -> None:
    """Measure every size and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, action="append", help="records of each noun; may be given again")
    parser.add_argument("--db", type=Path, default=Path(tempfile.gettempdir()), help="folder of the databases")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--out", type=Path, help="Markdown file")
    given = parser.parse_args()
    sections = [_section(given.db / f"liface-benchmark-{n}.db", n, given.repeats) for n in given.rows or [100_000]]
    command = shlex.join(["python", "benchmarks/database_queries.py", *sys.argv[1:]])
    text = "\n".join([_head(command), *sections])
    print(text)
    if given.out:
        given.out.write_text(text, encoding="utf-8")


def _head(command: str) -> str:
    return (
        "# Questions to a large database\n\n"
        f"`{command}`\n\n"
        f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; Python "
        f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}, SQLAlchemy {sqlalchemy.__version__}, liface "
        f"{__version__}, schema {latest()}. Milliseconds; a page of {PAGE} rows with all columns and flags, warm.\n"
    )


def _section(path: Path, n: int, repeats: int) -> str:
    built = _build(path, n)
    with Database(path) as database:
        timings = [_timed(database, *asked, repeats) for asked in QUESTIONS]
        timings += [_timed_count(database, *asked, repeats) for asked in COUNTS]
        new = _unseen(database, repeats)
        frame = _measured(lambda: database.table("interfaces", limit=FRAME_ROWS), 5)
        deep = _measured(lambda: database.query("interfaces", sort="-gamma_mev_per_a2", limit=PAGE, offset=n // 2), 5)
        size = path.stat().st_size
    rates = _insert_rates()
    lines = [
        f"\n## {n:,} interfaces and {n:,} calculations\n",
        f"{size / 1e6:,.0f} MB{built}. Target: {TARGETS_MS.get(n, float('nan')):g} ms.\n",
        "| question | rows | wall median | wall 95 % | CPU median | sqlite3 alone, CPU |",
        "|---|---:|---:|---:|---:|---:|",
        *(
            f"| {t.what} | {t.rows:,} | {t.wall:.2f} | {t.wall_95:.2f} | {t.cpu:.2f} | "
            f"{'' if t.reference is None else f'{t.reference:.2f}'} |"
            for t in timings
        ),
        "",
        f"- A known filter with a value that was never asked before: {new[2]:.2f} ms CPU ({new[0]:.2f} ms wall).",
        f"- A DataFrame of the first {FRAME_ROWS:,} rows, all columns: {frame[2] / 1e3:.3f} s CPU "
        f"({frame[0] / 1e3:.3f} s wall).",
        f"- A page by OFFSET in the middle of the order: {deep[2]:.0f} ms CPU; `Database.pages` reads on from the last "
        "row instead.",
        f"- Results stored, into a small file: {rates[0]:,.0f} per second in one transaction (CPU), "
        f"{rates[1]:,.0f} per second one by one with a flush to the disk each (wall).",
        "",
    ]
    return "\n".join(lines)


def _build(path: Path, n: int) -> str:
    """Fill a new file without its indices, then make them: random places in large indices are slow to write."""
    if path.exists():
        with Database(path) as database:
            if database.count("calculations") == n:
                return ""
        raise SystemExit(f"{path} holds something else; remove it, or give another folder with --db")
    started = time.perf_counter()
    genuine = min(n, GENUINE)
    smaller = path.with_name(f"liface-benchmark-{genuine}.db")
    if n > genuine and smaller.exists():
        shutil.copy(smaller, path)
    with Database(path) as database:
        with database._store.writing() as connection:
            for table in (*TABLES.values(), *FLAG_TABLES.values()):
                for index in table.indexes:
                    connection.execute(DDL(f'DROP INDEX IF EXISTS "{index.name}"'))
        if not database.count("calculations"):
            for noun, documents in ((INTERFACES, interfaces(genuine)), (CALCULATIONS, calculations(genuine))):
                with database._store.writing() as connection:
                    store(connection, noun, documents)
                print(f"{noun.name}: {time.perf_counter() - started:.0f} s", file=sys.stderr, flush=True)
        with database._store.writing() as connection:
            multiply(connection, n // genuine)
        filled = time.perf_counter() - started
        with database._store.writing() as connection:
            _indices(connection)
    return f", made in {filled:.0f} s and indexed in {time.perf_counter() - started - filled:.0f} s"


def _timed(database: Database, noun: str, where: str | None, sort: str | None, repeats: int) -> Timing:
    rows = database.query(noun, where, sort, PAGE)
    wall, wall_95, cpu = _measured(lambda: database.query(noun, where, sort, PAGE), repeats)
    reference = _reference(database, noun, where, sort, repeats)
    what = f"{noun}: {f'`{where}`' if where else 'all'}, sorted by {f'`{sort}`' if sort else 'its natural order'}"
    return Timing(what, wall, wall_95, cpu, reference, len(rows))


def _timed_count(database: Database, noun: str, where: str | None, repeats: int) -> Timing:
    wall, wall_95, cpu = _measured(lambda: database.count(noun, where), repeats)
    what = f"count {noun}: {f'`{where}`' if where else 'all'}"
    return Timing(what, wall, wall_95, cpu, None, database.count(noun, where))


def _unseen(database: Database, repeats: int) -> tuple[float, float, float]:
    """Time a filter whose value changes every time."""
    numbers = iter(range(10**9))
    return _measured(
        lambda: database.query(
            "interfaces", f'substrate="W" AND gamma_mev_per_a2 > {next(numbers) / 1e4}', "gamma_mev_per_a2", PAGE
        ),
        repeats,
    )


def _measured(ask: Callable[[], Any], repeats: int) -> tuple[float, float, float]:
    """Return median and 95th percentile of wall time, and median processor time, in ms."""
    for _ in range(min(WARM_UP, repeats)):
        ask()
    walls, cpus = [], []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        ask()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return 1e3 * median(walls), 1e3 * sorted(walls)[int(0.95 * len(walls))], 1e3 * median(cpus)


def _reference(database: Database, noun: str, where: str | None, sort: str | None, repeats: int) -> float:
    """Time the same SQL with the module sqlite3: no flags, no types, rows as tuples."""
    compiled = question(NOUNS[noun], where, sort, None, PAGE).statement.compile(dialect=database._store.engine.dialect)
    values = {**compiled.params, "limit_": PAGE}
    bound = [values[name] for name in compiled.positiontup or ()]
    with contextlib.closing(sqlite3.connect(str(database.path))) as connection:
        return _measured(lambda: connection.execute(str(compiled), bound).fetchall(), repeats)[2]


def _insert_rates() -> tuple[float, float]:
    """Return results per second: of processor time in one transaction, of wall time one by one."""
    documents = list(interfaces(BATCH_OF_RESULTS + SINGLE_RESULTS, seed=7))
    with tempfile.TemporaryDirectory() as folder, Database(Path(folder) / "rates.db") as database:
        started = time.process_time()
        with database._store.writing() as connection:
            for document in documents[:BATCH_OF_RESULTS]:
                put_result(connection, document)
        batch = BATCH_OF_RESULTS / (time.process_time() - started)
        began = time.perf_counter()
        for document in documents[BATCH_OF_RESULTS:]:
            database.add_result(document)
        return batch, SINGLE_RESULTS / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
