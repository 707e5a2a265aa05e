"""What other processes do in the tests; a module of its own so that they can import it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from database_factories import binding, calculation, finished_case

from liface.database import Database


def write_many(url: str, first: int, number: int) -> int:
    """Open the database, maybe before anybody else, and store calculations one by one."""
    with Database(url) as db:
        return sum(db.add_calculation(calculation(first + i)) for i in range(number))


def case_of(number: int):
    """Return a case with its two results, which are stored together or not at all."""
    results = [binding(n_li=n, case=f"case {number}", energy=-0.1 * n - 1e-6 * number) for n in (1, 2)]
    return finished_case(results, f"c{number}", case=f"case {number}", kind="binding"), results


def write_cases(address: str, first: int, number: int) -> float:
    """Store a calculation and a case with two results, so many times; return the seconds it took."""
    with Database(address) as db:
        start = time.monotonic()
        for i in range(first, first + number):
            assert db.add_calculation(calculation(i))
            db.commit_case(*case_of(i))
        return time.monotonic() - start


def read_until_whole(address: str, cases: int) -> tuple[int, int]:
    """Look again and again until all cases are there; return how often, and how often one was torn."""
    looks = torn = 0
    with Database(address, read_only=True) as db:
        while True:
            with db._store.reading() as connection:  # one view
                stored, results = (
                    connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
                    for table in ("cases", "bindings")
                )
            looks += 1
            torn += results != 2 * stored
            torn += any(row["e_bind_ev_per_li"] is None for row in db.query("bindings", sort="-created_at", limit=50))
            if stored == cases:
                return looks, torn
            time.sleep(0.05)


def write_forever(url: str, start: int) -> None:
    """Commit cases, each two calculations and two results, and say which are finished; ends by a kill."""
    with Database(url) as db:
        for number in range(start, start + 100_000):
            calculations = [calculation(2 * number), calculation(2 * number + 1)]
            for document in calculations:
                db.add_calculation(document)
            db.commit_case(*case_of(number))
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    write_forever(sys.argv[1], int(sys.argv[2]))
