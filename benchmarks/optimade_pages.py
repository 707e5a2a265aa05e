"""Time pages of 50 structures out of 100 000 through the whole server, without a network.

Run: ``python benchmarks/optimade_pages.py [NUMBER]``; SQLite in a temporary folder.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import insert

from liface.database import Database
from liface.database.columns import NOUNS
from liface.database.schema import STRUCTURE_ELEMENTS, STRUCTURE_TABLE, TABLES
from liface.database.structure_rows import structure_row
from liface.database.writing import row_of
from liface.documents import CalculationRequest, CalculationSettings, ConvergedCalculation, EngineInfo, Geometry
from liface.documents.base import content_hash

SUBSTRATES = ("Cu", "W", "Mo", "Ni", "Mg", "Te", "O", "F", "N", "Al")
QUESTIONS = (
    "",
    'elements HAS "Li"',
    'elements HAS "Te"',
    'elements HAS ALL "Li","W" AND nsites>90',
    'elements HAS ONLY "Li","Cu","Ni"',
    '_liface_energy_ev<-150 AND NOT elements HAS "Li"',
    'chemical_formula_reduced="Cu2Li"',
    'elements:elements_ratios HAS "Li":>0.6',
    "nelements=3",
)
ROWS_AT_A_TIME = 2000


def templates(number: int) -> list[ConvergedCalculation]:
    """Return calculations of slabs with 20 to 120 atoms."""
    draw = random.Random(1)
    engine = EngineInfo(
        name="emt", model="emt", code="ase", code_version="3", weights_sha256="0" * 64, trained_on="effective medium"
    )
    made = []
    for _ in range(number):
        atoms = draw.randint(20, 120)
        species = [draw.choice(SUBSTRATES)] * (atoms // 2) + ["Li"] * (atoms - atoms // 2)
        if draw.random() < 0.5:
            species[0] = draw.choice(SUBSTRATES)
        geometry = Geometry(
            cell=((9.0, 0.0, 0.0), (0.0, 9.0, 0.0), (0.0, 0.0, 40.0)), species=tuple(species),
            positions=tuple((draw.uniform(0, 9), draw.uniform(0, 9), draw.uniform(0, 24)) for _ in range(atoms)),
            frozen=(False,) * atoms, roles=("substrate",) * atoms,
        )  # fmt: skip
        request = CalculationRequest(geometry=geometry, engine=engine, settings=CalculationSettings())
        made.append(
            ConvergedCalculation(
                calc_id=request.calc_id, label="benchmark", engine=engine, settings=request.settings, initial=geometry,
                final=geometry, energy_ev=-3.0 * atoms, fmax_ev_per_a=0.01, forces_ev_per_a=((0.0, 0.0, 0.0),) * atoms,
                energies_ev=(-3.0 * atoms,), optimizer="lbfgs", n_force_calls=9, wall_s=1.0,
            )
        )  # fmt: skip
    return made


def fill(database: Database, number: int) -> None:
    """Store rows that share the documents of some templates: the tables are as large as with their own."""
    noun = NOUNS["calculations"]
    drawn = [(row_of(noun, document), document) for document in templates(300)]
    prepared = [(row, structure_row(noun, row, document)) for row, document in drawn]
    for start in range(0, number, ROWS_AT_A_TIME):
        rows, structures, elements = [], [], []
        for i in range(start, min(start + ROWS_AT_A_TIME, number)):
            row, structure = prepared[i % len(prepared)]
            assert structure is not None
            calc_id = content_hash([i])
            rows.append({**row, "calc_id": calc_id})
            structures.append({**structure.row, "id": calc_id, "immutable_id": content_hash(["version", i])})
            elements += [{**each, "structure_id": calc_id} for each in structure.lists["structure_elements"]]
        with database._store.writing() as connection:
            connection.execute(insert(TABLES["calculations"]), rows)
            connection.execute(insert(STRUCTURE_TABLE), structures)
            connection.execute(insert(STRUCTURE_ELEMENTS), elements)


async def ask(app, path: str, query: str) -> tuple[int, bytes]:
    """Ask an ASGI application and return status and body."""
    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": query.encode(),
        "headers": [(b"host", b"localhost")], "scheme": "http", "server": ("localhost", 80), "client": ("localhost", 1),
        "root_path": "", "http_version": "1.1",
    }  # fmt: skip
    status, body = 0, b""

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        nonlocal status, body
        status = message.get("status", status)
        body += message.get("body", b"")

    await app(scope, receive, send)
    return status, body


def measure(app, query: str) -> tuple[float, float, int, int]:
    """Return medians of five times by the clock and of the processor in ms, how many match, and the answer in kB."""
    times, works = [], []
    for _ in range(5):
        start, work = time.perf_counter(), time.process_time()
        status, body = asyncio.run(ask(app, "/v1/structures", query))
        times.append(1000 * (time.perf_counter() - start))
        works.append(1000 * (time.process_time() - work))
        assert status == 200, body
    number = json.loads(body)["meta"]["data_returned"]
    return statistics.median(times), statistics.median(works), number, len(body) // 1000


def main() -> None:
    """Print one line per question."""
    from liface.serve.optimade import optimade_app

    number = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "liface.db"
        start = time.perf_counter()
        with Database(path) as database:
            fill(database, number)
        print(f"{number} structures stored in {time.perf_counter() - start:.0f} s, {path.stat().st_size / 1e6:.0f} MB")
        app = optimade_app(path)
        for where in QUESTIONS:
            for extra in ("", "&response_fields=id", "&sort=-nsites", "&page_offset=90000"):
                took, work, matching, size = measure(app, f"page_limit=50&filter={quote(where)}{extra}")
                asked = f"{where or '(all)'}{extra.replace('&', '  ')}"
                print(f"{took:8.0f} ms, {work:6.0f} ms of a core  {matching:7d} match  {size:5d} kB  {asked}")


if __name__ == "__main__":
    main()
