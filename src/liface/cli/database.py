"""``liface database``: what the results database holds, whether it is sound, and handing it on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from liface.cli.options import DEFAULT_DATABASE, Db, Json, open_to_read, shown
from liface.cli.output import plural, talk, write_facts, write_json, write_table
from liface.errors import DatabaseError

app = typer.Typer(help="Look after the results database.", no_args_is_help=True)


@app.command()
def info(json: Json = False, db: Db = DEFAULT_DATABASE) -> None:
    """Show what the database holds: counts, engines, campaigns, versions, size."""
    with open_to_read(db) as database:
        held = database.info()
    if json:
        write_json(held)
        return
    counts: dict[str, Any] = {"nothing": 0} if not any(held["counts"].values()) else held["counts"]
    write_facts(
        {
            "file": held["path"],
            "size": f"{held['size_bytes'] / 1e6:.2f} MB",
            "schema version": held["schema_version"],
            "holds": {name: number for name, number in counts.items() if number or name == "nothing"},
            "calculations": held["status"]["calculations"],
            "cases": held["status"]["cases"],
        }
    )
    for name in ("campaigns", "engines"):
        if held[name]:
            typer.echo("")
            write_table(held[name])


@app.command()
def verify(json: Json = False, db: Db = DEFAULT_DATABASE) -> None:
    """Check the file, every document, its columns, identity, references and derived numbers."""
    with open_to_read(db) as database:
        problems = database.verify()
    rows = [{"noun": p.noun, "key": p.key, "check": p.check, "message": p.message} for p in problems]
    if json:
        write_json({"sound": not rows, "problems": rows})
    elif rows:
        write_table(rows)
    if rows:
        raise DatabaseError(
            f"{shown(db)}: {plural(len(rows), 'problem')} found; restore it from a copy, or move it away "
            "and run the campaigns again"
        )
    talk(f"{shown(db)} is sound")


@app.command()
def export(
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="FILE", help="Where to write; CSV and Parquet of several kinds: one file each."
        ),
    ] = Path("liface-export.json"),
    fmt: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="Instead of that of the file name: json, jsonl, csv or parquet for rows; ase, extxyz or cif for "
            "structures.",
        ),
    ] = None,
    nouns: Annotated[
        list[str] | None, typer.Option("--noun", metavar="NOUN", help="Only this kind of rows; repeat it for several.")
    ] = None,
    where: Annotated[
        str | None, typer.Option("--where", "-w", metavar="FILTER", help="OPTIMADE filter on the columns of --noun.")
    ] = None,
    sort: Annotated[
        str | None, typer.Option("--sort", "-s", metavar="COLUMNS", help="E.g. -gamma_mev_per_a2,substrate.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=0, help="At most so many of each kind.")] = None,
    campaign: Annotated[
        str | None, typer.Option("--campaign", metavar="NAME", help="Only this campaign, with its calculations.")
    ] = None,
    db: Db = DEFAULT_DATABASE,
) -> None:
    """Write rows or structures to a file for other programs and print the paths."""
    with open_to_read(db) as database:
        paths = database.export(out, fmt, nouns or None, where, sort, limit, campaign)
    for path in paths:
        typer.echo(str(path))
    if not paths:
        talk("nothing to write")
    if paths.left_out:
        talk(f"{plural(paths.left_out, 'document')} left out: no structure, such as a failed calculation")


@app.command()
def reindex(db: Db = DEFAULT_DATABASE) -> None:
    """Derive the table of structures, which OPTIMADE asks, again from the stored documents."""
    from liface.database import Database

    with Database(db, must_exist=True) as database:
        number = database.structures.rebuild()
    talk(f"{db}: {plural(number, 'structure')}")
