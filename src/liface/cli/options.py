"""What several commands share, declared once: options, exit codes, and the database they lead to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from liface.cli.opening import (
    DATABASE_VARIABLE,
    DEFAULT_DATABASE,
    open_to_read,
    open_to_read_if_there,
    open_to_write,
    shown,
)

__all__ = [
    "CASES_FAILED",
    "DEFAULT_DATABASE",
    "INTERRUPTED",
    "MOST_WORKERS",
    "CampaignName",
    "CifFile",
    "Db",
    "Engines",
    "Json",
    "Plane",
    "Termination",
    "Workers",
    "open_to_read",
    "open_to_read_if_there",
    "open_to_write",
    "shown",
    "workers_or_default",
]

MOST_WORKERS = 8

CASES_FAILED = 4
"""Exit code where some cases of a campaign failed; everything else is stored."""

INTERRUPTED = 130

Db = Annotated[
    str,
    typer.Option(
        "--db",
        envvar=DATABASE_VARIABLE,
        metavar="FILE|URL",
        help="Results database: a file, or postgresql://user@host/database.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Write JSON instead of a table.")]
Engines = Annotated[
    list[str] | None,
    typer.Option(
        "--engine",
        "-e",
        metavar="ENGINE[:MODEL]",
        help="Engine instead of those of the campaign; repeat it for several side by side.",
    ),
]
CampaignName = Annotated[
    str, typer.Argument(metavar="NAME_OR_FILE", help="A shipped campaign (see 'campaign list') or a campaign file.")
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        "-j",
        min=0,
        max=1024,
        help=f"Processes of one thread each; the number of cores, at most {MOST_WORKERS}, by default. 0 uses none.",
    ),
]
Plane = Annotated[str, typer.Option("--plane", metavar="HKL", help="Miller indices, e.g. 110, 1-10 or 0001.")]
Termination = Annotated[int, typer.Option(min=0, help="Index of the termination; see 'structure terminations'.")]
CifFile = Annotated[
    Path | None, typer.Option("--cif", metavar="FILE", help="Take the material of that name from a CIF file.")
]


def workers_or_default(workers: int | None) -> int:
    """Return the number of worker processes: as asked, or the cores this process may use, at most eight."""
    if workers is not None:
        return workers
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_WORKERS)
