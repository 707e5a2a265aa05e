"""What other processes do in the tests; a module of its own so that ``spawn`` can import it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from database_factories import binding, calculation, finished_case

from liface.database import Database


def write_many(url: str, first: int, number: int) -> int:
    """Open the database, maybe before anybody else, and store calculations one by one."""
    with Database(url) as db:
        return sum(db.add_calculation(calculation(first + i)) for i in range(number))


def write_forever(url: str, start: int) -> None:
    """Commit cases, each two calculations and two results, and say which are finished; ends by a kill."""
    with Database(url) as db:
        for number in range(start, start + 100_000):
            calculations = [calculation(2 * number), calculation(2 * number + 1)]
            for document in calculations:
                db.add_calculation(document)
            results = [binding(n_li=n, case=f"case {number}", energy=-0.1 * n - 1e-6 * number) for n in (1, 2)]
            db.commit_case(finished_case(results, f"c{number}", case=f"case {number}", kind="binding"), results)
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    write_forever(sys.argv[1], int(sys.argv[2]))
