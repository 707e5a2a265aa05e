"""How fast the database answers: a page of 50 rows out of 100,000 or 1,000,000, through ``Database.query``.

    python benchmarks/database_queries.py --rows 100000 --rows 1000000 --out benchmarks/results/database_queries.md

A file of that many interfaces and as many calculations is made once in ``--db`` and used again. The first 100,000 of
each are genuine records, written by the package from valid documents; the rows beyond are copies of them with other
identities, energies, campaigns and dates.

Every question is asked some times to warm up, then 200 times in turn with the same SQL through ``sqlite3`` alone; the
table gives the best, the median and the 95th percentile of wall time, and the median of processor time of both. A page
of the columns that ``liface query`` shows is read in turn with them. Where ``sqlite3`` alone takes twice as long in one
row as in another, it is the machine that was slower.
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
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything loads a threaded library

import sqlalchemy
from processor import processor
from sqlalchemy import DDL
from synthetic_records import CALCULATIONS, INTERFACES, calculations, interfaces, multiply, store

from liface import __version__
from liface.cli.asking import SHOWN
from liface.database import Database
from liface.database.asking import question
from liface.database.columns import NOUNS
from liface.database.migrations import _indices, latest
from liface.database.schema import FLAG_TABLES, TABLES
from liface.database.writing import put_result

PAGE = 50
FRAME_ROWS = 10_000
REPEATS, WARM_UP = 200, 5
FRAMES = 15
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


class Measured(NamedTuple):
    """Times of one question, ms: best, median and 95th percentile of wall time, median of processor time."""

    best: float
    wall: float
    wall_95: float
    cpu: float


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one question."""

    what: str
    best: float
    wall: float
    wall_95: float
    cpu: float
    shown: float | None
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
    given.db.mkdir(parents=True, exist_ok=True)
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
        f"{__version__}, schema {latest()}. Milliseconds; a page of {PAGE} rows with all columns and flags, "
        "or with the columns that `liface query` shows, warm.\n"
    )


def _section(path: Path, n: int, repeats: int) -> str:
    built = _build(path, n)
    with Database(path) as database:
        timings = [_timed(database, *asked, repeats) for asked in QUESTIONS]
        timings += [_timed_count(database, *asked, repeats) for asked in COUNTS]
        new = _unseen(database, repeats)
        (frame,) = _in_turn(FRAMES, lambda: database.table("interfaces", limit=FRAME_ROWS))
        (deep,) = _in_turn(5, lambda: database.query("interfaces", sort="-gamma_mev_per_a2", limit=PAGE, offset=n // 2))
        size = path.stat().st_size
    rates = _insert_rates()
    lines = [
        f"\n## {n:,} interfaces and {n:,} calculations\n",
        f"{size / 1e6:,.0f} MB{built}. Target: {TARGETS_MS.get(n, float('nan')):g} ms.\n",
        "| question | rows | wall best | wall median | wall 95 % | CPU median | columns shown, wall median | "
        "sqlite3 alone, CPU |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
        *(
            f"| {t.what} | {t.rows:,} | {t.best:.2f} | {t.wall:.2f} | {t.wall_95:.2f} | {t.cpu:.2f} | "
            f"{_or_nothing(t.shown)} | {_or_nothing(t.reference)} |"
            for t in timings
        ),
        "",
        f"- A known filter with a value that was never asked before: {new.cpu:.2f} ms CPU ({new.wall:.2f} ms wall).",
        f"- A DataFrame of the first {FRAME_ROWS:,} rows, all columns: {frame.cpu / 1e3:.3f} s CPU "
        f"({frame.wall / 1e3:.3f} s wall, best {frame.best / 1e3:.3f}).",
        f"- A page by OFFSET in the middle of the order: {deep.cpu:.0f} ms CPU; `Database.pages` reads on from the "
        "last row instead.",
        f"- Results stored, into a small file: {rates[0]:,.0f} per second in one transaction (CPU), "
        f"{rates[1]:,.0f} per second one by one with a flush to the disk each (wall).",
        "",
    ]
    return "\n".join(lines)


def _or_nothing(ms: float | None) -> str:
    return "" if ms is None else f"{ms:.2f}"


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
    compiled = question(NOUNS[noun], where, sort, None, PAGE).statement.compile(dialect=database._store.engine.dialect)
    values = {**compiled.params, "limit_": PAGE}
    bound = [values[name] for name in compiled.positiontup or ()]
    with contextlib.closing(sqlite3.connect(str(database.path))) as connection:
        ours, shown, alone = _in_turn(
            repeats,
            lambda: database.query(noun, where, sort, PAGE),
            lambda: database.query(noun, where, sort, PAGE, columns=SHOWN[noun].split()),
            lambda: connection.execute(str(compiled), bound).fetchall(),  # no flags, no types, rows as tuples
        )
    what = f"{noun}: {f'`{where}`' if where else 'all'}, sorted by {f'`{sort}`' if sort else 'its natural order'}"
    return Timing(what, *ours, shown.wall, alone.cpu, len(rows))


def _timed_count(database: Database, noun: str, where: str | None, repeats: int) -> Timing:
    (found,) = _in_turn(repeats, lambda: database.count(noun, where))
    what = f"count {noun}: {f'`{where}`' if where else 'all'}"
    return Timing(what, *found, None, None, database.count(noun, where))


def _unseen(database: Database, repeats: int) -> Measured:
    """Time a filter whose value changes every time."""
    numbers = iter(range(10**9))

    def ask() -> Any:
        value = next(numbers) / 1e4
        return database.query("interfaces", f'substrate="W" AND gamma_mev_per_a2 > {value}', "gamma_mev_per_a2", PAGE)

    return _in_turn(repeats, ask)[0]


def _in_turn(repeats: int, *asks: Callable[[], Any]) -> list[Measured]:
    """Ask one after the other, again and again, so that a machine that changes its speed does so for all."""
    for ask in asks:
        for _ in range(min(WARM_UP, repeats)):
            ask()
    walls: list[list[float]] = [[] for _ in asks]
    cpus: list[list[float]] = [[] for _ in asks]
    for _ in range(repeats):
        for k, ask in enumerate(asks):
            wall, cpu = time.perf_counter(), time.process_time()
            ask()
            walls[k].append(1e3 * (time.perf_counter() - wall))
            cpus[k].append(1e3 * (time.process_time() - cpu))
    return [
        Measured(min(wall), median(wall), sorted(wall)[int(0.95 * repeats)], median(cpu))
        for wall, cpu in zip(walls, cpus, strict=True)
    ]


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
