"""``liface database``: what the results database holds, whether it is sound, and handing it on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, cast

import typer

from liface.cli.options import DEFAULT_DATABASE, Db, Json, open_to_read, shown
from liface.cli.output import plural, talk, write_facts, write_json, write_table
from liface.errors import DatabaseError, InputError

app = typer.Typer(help="Look after the results database.", no_args_is_help=True)

FORMATS = ("json", "jsonl", "csv")


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
        Path, typer.Option("--out", "-o", metavar="FILE", help="Where to write; CSV of several kinds: one file each.")
    ] = Path("liface-export.json"),
    fmt: Annotated[
        str | None, typer.Option("--format", metavar="|".join(FORMATS), help="Instead of that of the file name.")
    ] = None,
    nouns: Annotated[
        list[str] | None, typer.Option("--noun", metavar="NOUN", help="Only this kind of rows; repeat it for several.")
    ] = None,
    db: Db = DEFAULT_DATABASE,
) -> None:
    """Write rows to a file for other programs and print the paths."""
    if fmt is not None and fmt not in FORMATS:
        raise InputError(f"unknown format {fmt!r}; formats: {', '.join(FORMATS)}")
    with open_to_read(db) as database:
        paths = database.export(out, cast(Literal["json", "jsonl", "csv"] | None, fmt), nouns or None)
    for path in paths:
        typer.echo(str(path))
    if not paths:
        talk("nothing to write")
