"""``liface database``: what the results database holds, whether it is sound, and handing it on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liface.cli.later import Later, late_group
from liface.cli.options import DEFAULT_DATABASE, Db, Json, open_to_read, shown
from liface.cli.output import plural, talk, write_facts, write_json, write_table
from liface.errors import DatabaseError

if TYPE_CHECKING:
    from liface.dispatch.verification import Looking, Soundness

LATER: dict[str, Later] = {
    "copy": Later(
        "database_moving", "copy", "Copy or merge a whole results database into another, and check the copy."
    ),
    "gather": Later(
        "database_moving", "gather", "Store the results and calculations in the outputs of jobs, whoever ran them."
    ),
}
"""Commands in other modules, after those of this one."""

app = typer.Typer(cls=late_group(LATER), help="Look after the results database.", no_args_is_help=True)


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
def verify(
    quick: Annotated[
        bool, typer.Option("--quick", help="The file and its tables only; no document is read, nothing recomputed.")
    ] = False,
    json: Json = False,
    db: Db = DEFAULT_DATABASE,
) -> None:
    """Check the file, every document and reference, and recompute results from the calculations they name."""
    from liface.cli.progress import ProgressLine
    from liface.dispatch.verification import verify_database

    with open_to_read(db) as database, ProgressLine(words=_how_far) as progress:
        found = verify_database(database, quick=quick, progress=progress)
    rows = [{"noun": p.noun, "key": p.key, "check": p.check, "message": p.message} for p in found.problems]
    if json:
        write_json({"sound": found.sound, "problems": rows, **_extent(found)})
    elif rows:
        write_table(rows)
    if not any(problem.check in ("file", "tables") for problem in found.problems):
        _talk_of(found, quick)
    if rows:
        raise DatabaseError(
            f"{shown(db)}: {plural(len(rows), 'problem')} found; restore it from a copy, or move it away "
            "and run the campaigns again"
        )
    talk(f"{shown(db)} is sound")


def _how_far(state: Looking) -> str:
    return f"{state.at}: {state.done} of {state.total}"


def _extent(found: Soundness) -> dict[str, Any]:
    """Return what was looked at, beside what is wrong."""
    return {
        "recomputed": dict(found.recomputed),
        "relations_only": dict(found.relations_only),
        "numbers_recomputed": found.numbers,
        "orphans": found.orphans,
        "results_without_case": found.without_case,
    }


def _talk_of(found: Soundness, quick: bool) -> None:
    """Say what was recomputed, what could not be, and what is stored though nothing refers to it."""
    if quick:
        talk("only the file and its tables were looked at; without --quick documents are read and results recomputed")
        return
    done, rest = sum(found.recomputed.values()), sum(found.relations_only.values())
    names = ", ".join(f"{name} {number}" for name, number in sorted(found.relations_only.items()))
    talk(f"{plural(done, 'result')} recomputed from what they name, {plural(found.numbers, 'number')} in all")
    if rest:
        talk(f"{plural(rest, 'result')} checked by the relations between their own numbers only: {names}")
    if found.orphans:
        talk(
            f"{plural(len(found.orphans), 'calculation')} that no result or case refers to; no fault, they are kept so "
            "that nothing is computed twice (--json lists them, Database.forget_calculations deletes them)"
        )
    if found.without_case:
        talk(f"{plural(len(found.without_case), 'result')} whose case is no longer stored; run the campaign again")


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
            help="Instead of that of the file name: json, jsonl, csv or parquet for rows; ase, extxyz, cif or "
            "optimade for structures; bibtex for the sources.",
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
    """Derive rows stored whole, structures and uses again; brings an older database up to date."""
    from liface.database import Database

    with Database(db, must_exist=True) as database:
        number = database.reindex()
    talk(f"{shown(db)}: {plural(number, 'structure')}")
