"""What the command line costs before it has done anything: CPU seconds of whole processes.

    python benchmarks/start_up.py --out benchmarks/results/start_up.json

A bare interpreter and the import of Typer, on which the command line stands, are measured in turn with it. The database
holds 300 made-up interfaces. A JSON file and a table beside it are written.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from processor import processor
from synthetic_records import INTERFACES, interfaces, store

from liface import __version__
from liface.database import Database

ROWS = 300


def cpu_seconds(command: list[str]) -> float:
    """Run a command and return the CPU seconds of its process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure every command in turn."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=11)
    parser.add_argument("--out", type=Path, help="JSON file; a .md table is written beside it")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.db"
        with Database(path) as database, database._store.writing() as connection:
            store(connection, INTERFACES, interfaces(ROWS))
        liface, ask = [sys.executable, "-m", "liface"], ["query", "interfaces", "--db", str(path)]
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "python -c 'import typer'": [sys.executable, "-c", "import typer"],
            "liface --help": [*liface, "--help"],
            "liface campaign --help": [*liface, "campaign", "--help"],
            "liface query interfaces -w 'substrate=\"W\"'": [*liface, *ask, "-w", 'substrate="W"'],
            "liface query interfaces -w '... OR ...'": [*liface, *ask, "-w", 'substrate="W" OR substrate="Mo"'],
        }
        for command in commands.values():
            cpu_seconds(command)
        taken: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(given.repeats):
            for name, command in commands.items():
                taken[name].append(cpu_seconds(command))
    result = {
        "command": shlex.join(["python", "benchmarks/start_up.py", *sys.argv[1:]]),
        "machine": f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        f"Python {platform.python_version()}, liface {__version__}",
        "cpu_s": {name: {"median": median(times), "least": min(times)} for name, times in taken.items()},
    }
    lines = [
        "# Start-up\n",
        f"`{result['command']}`; {result['machine']}\n",
        f"CPU seconds of a process, {given.repeats} runs in turn; {ROWS} interfaces in the database.\n",
        "| process | median | least |\n|---|---:|---:|",
        *(f"| `{name}` | {median(times):.3f} | {min(times):.3f} |" for name, times in taken.items()),
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    if given.out:
        given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        given.out.with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
