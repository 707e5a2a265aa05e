"""``liface compare``: the best of every group, and how far models disagree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from liface.cli.asking import SHOWN, columns_asked
from liface.cli.options import DEFAULT_DATABASE, Db, Json, open_to_read
from liface.cli.output import talk, write_json, write_table, write_text
from liface.errors import InputError

if TYPE_CHECKING:
    from liface.database.comparing import Answer

app = typer.Typer(help="Results set against each other: the best of every group, models against models.",
                  no_args_is_help=True)  # fmt: skip

NounName = Annotated[str, typer.Argument(metavar="NOUN", help="A kind of result: interfaces, bindings, surfaces ...")]
By = Annotated[str | None, typer.Option("--by", metavar="A,B", help="Columns that make a group.")]
Where = Annotated[
    str | None, typer.Option("--where", "-w", metavar="FILTER", help="OPTIMADE filter, e.g. 'converged=TRUE'.")
]
CampaignOnly = Annotated[str | None, typer.Option("--campaign", metavar="NAME", help="Only this campaign.")]
Csv = Annotated[bool, typer.Option("--csv", help="Write CSV instead of a table.")]


@app.command()
def best(
    noun: NounName,
    by: By = None,
    lowest: Annotated[
        str | None,
        typer.Option("--lowest", metavar="COLUMN", help="The lowest value wins; of the headline by default."),
    ] = None,
    highest: Annotated[str | None, typer.Option("--highest", metavar="COLUMN", help="The highest value wins.")] = None,
    top: Annotated[int, typer.Option("--top", min=1, help="Rows per group.")] = 1,
    where: Where = None,
    columns: Annotated[str | None, typer.Option("--columns", metavar="A,B", help="Columns to show, or 'all'.")] = None,
    campaign: CampaignOnly = None,
    json: Json = False,
    csv: Csv = False,
    db: Db = DEFAULT_DATABASE,
) -> None:
    """Show the row with the lowest or highest value of every group, e.g. per substrate."""
    from liface.database.columns import noun_named
    from liface.database.filters import within_campaign

    table = noun_named(noun)
    if lowest and highest:
        raise InputError("--lowest and --highest at once; give one of them")
    groups = None if by is None else _names(by)
    if columns is None and not (json or csv):
        shown = [*(groups or table.slot[:1]), *filter(None, [lowest or highest]), *SHOWN[table.name].split()]
        wanted = [name for name in dict.fromkeys(shown) if name in table.columns]
    else:
        wanted = columns_asked(table, columns, everything=json or csv)
    with open_to_read(db) as database:
        answer = database.best(
            table.name, lowest or highest, groups, highest=highest is not None, top=top,
            where=within_campaign(where, campaign), columns=wanted,
        )  # fmt: skip
    _write(answer, json, csv)


@app.command()
def spread(
    noun: NounName,
    column: Annotated[
        str | None, typer.Argument(metavar="COLUMN", help="The number to compare; the headline by default.")
    ] = None,
    by: By = None,
    least: Annotated[int, typer.Option("--least", min=1, help="Models a quantity must have.")] = 2,
    where: Where = None,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=0, help="At most so many quantities.")] = None,
    campaign: CampaignOnly = None,
    json: Json = False,
    csv: Csv = False,
    db: Db = DEFAULT_DATABASE,
) -> None:
    """Show mean, lowest, highest and half range over models of every quantity, the largest disagreement first.

    Results are of the same quantity if everything but engine and campaign agrees: planes, terminations, method.
    """
    from liface.database.filters import within_campaign

    with open_to_read(db) as database:
        answer = database.spread(
            noun, column, None if by is None else _names(by), least=least,
            where=within_campaign(where, campaign), limit=limit,
        )  # fmt: skip
    _write(answer, json, csv)


def _names(text: str) -> Sequence[str]:
    names = [part.strip() for part in text.split(",") if part.strip()]
    if not names:
        raise InputError("--by names no column; give e.g. --by substrate")
    return names


def _write(answer: Answer, json: bool, csv: bool) -> None:
    if json and csv:
        raise InputError("--json and --csv at once; give one of them")
    if json:
        write_json(answer.rows)
    elif csv:
        from liface.database.export import csv_text

        write_text(csv_text(answer.rows, answer.noun))
    elif answer.rows:
        slugs = [{**row, "flags": [f.partition(":")[0] for f in row.get("flags", [])]} for row in answer.rows]
        write_table(slugs, answer.units, list(answer.noun.columns))
    else:
        talk(f"no {answer.noun.name} to compare")
