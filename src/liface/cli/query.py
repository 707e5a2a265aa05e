"""``liface query``: ask the results database."""

from __future__ import annotations

from typing import Annotated

import typer

from liface.cli.asking import ALL, ask
from liface.cli.options import DEFAULT_DATABASE, Db, Json


def query(
    noun: Annotated[
        str,
        typer.Argument(
            metavar="NOUN",
            help="bulks, surfaces, interfaces, bindings, barriers, growth, wetting, adhesions, morphologies, "
            "depositions, creep, stability, verdicts, phonons, vibrations, convergence, calculations, cases, "
            "submissions, runs or literature.",
        ),
    ],
    where: Annotated[
        str | None,
        typer.Option(
            "--where", "-w", metavar="FILTER", help="OPTIMADE filter, e.g. 'substrate=\"W\" AND gamma_mev_per_a2 > 50'."
        ),
    ] = None,
    sort: Annotated[
        str | None, typer.Option("--sort", "-s", metavar="COLUMNS", help="E.g. -gamma_mev_per_a2,substrate.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=0, help="At most so many rows.")] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", metavar="A,B", help=f"Columns to show, or '{ALL}'.")
    ] = None,
    campaign: Annotated[str | None, typer.Option("--campaign", metavar="NAME", help="Only this campaign.")] = None,
    published: Annotated[
        bool, typer.Option("--published", help="Add what is published of the same thing, with its sources.")
    ] = False,
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="Write CSV instead of a table.")] = False,
    describe: Annotated[
        bool, typer.Option("--describe", help="List the columns with their types and units; needs no database.")
    ] = False,
    db: Db = DEFAULT_DATABASE,
) -> None:
    """Ask the results database for rows of one kind."""
    ask(noun, where, sort, limit, columns, campaign, published, json, csv, describe, db)
