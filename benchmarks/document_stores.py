"""Storing and asking beside the stores of maggma that need no server: MemoryStore and JSONStore.

    python benchmarks/document_stores.py --out benchmarks/results/document_stores.json

The same calculations go into a file of liface and, as the dictionaries they are stored as elsewhere, into both stores;
then the failed ones of lowest identity, and one by its identity, are asked for. CPU seconds of one thread; stores take
turns. Every answer must name the same calculations. A JSON file and a table beside it are written.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shlex
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything loads a threaded library

from maggma.stores import JSONStore, MemoryStore
from processor import processor
from synthetic_records import CALCULATIONS, calculations, store

from liface import __version__
from liface.database import Database

PAGE = 50
KEY = "calc_id"


def seconds(task: Callable[[], Any]) -> tuple[float, Any]:
    """Return CPU seconds and the result."""
    started = time.process_time()
    result = task()
    return time.process_time() - started, result


def asked(task: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Return the median of CPU seconds, and the result; the first time counts for nothing."""
    result = task()
    return median(seconds(task)[0] for _ in range(repeats)), result


def of_liface(documents: list[Any], folder: Path, repeats: int) -> dict[str, Any]:
    """Store and ask with liface: all in one transaction, in a file."""
    with Database(folder / f"{len(documents)}.db") as database:

        def fill() -> None:
            with database._store.writing() as connection:
                store(connection, CALCULATIONS, iter(documents))

        load, _ = seconds(fill)
        page, rows = asked(lambda: database.query("calculations", 'status="failed"', KEY, PAGE), repeats)
        key = documents[len(documents) // 2].calc_id
        one, found = asked(lambda: database.calculation(key), repeats)
    return {"load": load, "page": page, "one": one, "answer": [[row[KEY] for row in rows], found.calc_id]}


def of_maggma(target: Any, documents: list[Any], repeats: int) -> dict[str, Any]:
    """Store and ask with a store of maggma."""
    plain = [document.model_dump(mode="json") | {KEY: document.calc_id} for document in documents]
    target.connect()
    load, _ = seconds(lambda: target.update(plain, key=KEY))
    criteria = {"status": "failed"}
    page, rows = asked(lambda: list(target.query(criteria, sort={KEY: 1}, limit=PAGE)), repeats)
    key = documents[len(documents) // 2].calc_id
    one, found = asked(lambda: target.query_one({KEY: key}), repeats)
    target.close()
    return {"load": load, "page": page, "one": one, "answer": [[row[KEY] for row in rows], found[KEY]]}


def measured(n: int, folder: Path, repeats: int) -> list[dict[str, Any]]:
    """Return a row for each store."""
    documents = list(calculations(n))
    found = {
        "liface, SQLite": of_liface(documents, folder, repeats),
        "maggma MemoryStore": of_maggma(MemoryStore(key=KEY), documents, repeats),
        "maggma JSONStore": of_maggma(
            JSONStore(str(folder / f"{n}.json"), key=KEY, read_only=False), documents, repeats
        ),
    }
    ours = found["liface, SQLite"]
    return [
        {
            "store": name, "documents": n, **{what: row[what] for what in ("load", "page", "one")},
            "same_answers": row["answer"] == ours["answer"],
            "load_ratio": row["load"] / ours["load"], "page_ratio": row["page"] / ours["page"],
        }
        for name, row in found.items()
    ]  # fmt: skip


def table(result: dict[str, Any]) -> str:
    """Return the result as Markdown."""
    lines = [
        "# Storing and asking beside maggma's stores\n",
        f"`{result['command']}`; {result['machine']}\n",
        "CPU seconds to store all; CPU milliseconds for a page of 50 failed calculations and for one document.",
        "The exponent is the growth since the size before; 1 is proportional. Ratios: this store over liface.\n",
        "| store | documents | store all, s | exponent | page, ms | one, ms | ratio, storing | page | same answers |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    before: dict[str, dict[str, Any]] = {}
    for row in result["rows"]:
        last = before.get(row["store"])
        grown = f"{_exponent(last, row):.2f}" if last else ""
        before[row["store"]] = row
        lines.append(
            f"| {row['store']} | {row['documents']:,} | {row['load']:.2f} | {grown} | {1e3 * row['page']:.2f} | "
            f"{1e3 * row['one']:.2f} | {row['load_ratio']:.1f} | {row['page_ratio']:.1f} | "
            f"{'yes' if row['same_answers'] else 'NO'} |"
        )
    return "\n".join(lines) + "\n"


def _exponent(small: dict[str, Any], large: dict[str, Any]) -> float:
    return math.log(large["load"] / small["load"]) / math.log(large["documents"] / small["documents"])


def main() -> None:
    """Measure every size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, action="append", help="documents; may be given again")
    parser.add_argument("--repeats", type=int, default=9, help="of each question")
    parser.add_argument("--out", type=Path, help="JSON file; a .md table is written beside it")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [row for n in given.rows or [500, 1000, 2000] for row in measured(n, Path(folder), given.repeats)]
    result = {
        "command": shlex.join(["python", "benchmarks/document_stores.py", *sys.argv[1:]]),
        "machine": f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        f"Python {platform.python_version()}, "
        f"liface {__version__}, maggma {version('maggma')}",
        "rows": rows,
    }
    text = table(result)
    print(text)
    if given.out:
        given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        given.out.with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
