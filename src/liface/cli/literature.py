"""``liface literature``: published values, those of the package and your own, and computed ones beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liface.cli.options import DEFAULT_DATABASE, Db, Json, open_to_read, open_to_read_if_there, open_to_write, shown
from liface.cli.output import plural, talk, write_json, write_table, write_text
from liface.errors import InputError

if TYPE_CHECKING:
    from liface.analysis.literature import Literature
    from liface.documents import LiteratureValue

app = typer.Typer(
    help="Published values: of the package, your own, and computed ones beside them.", no_args_is_help=True
)

SHIPPED = "shipped"
SHORT_ID = 8
SHORTEST_ID = 6

LISTED = "id quantity material plane film_plane n_li arrangement monolayers published method doi where origin"


@app.command("import")
def import_(
    source: Annotated[
        str, typer.Argument(metavar="FILE", help=f"YAML or CSV; '{SHIPPED}' takes the values of the package.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every row and store nothing.")] = False,
    json: Json = False,
    db: Db = DEFAULT_DATABASE,
) -> None:
    """Store published values of your own: every row is checked, all are stored or none; what is there stays."""
    from liface.analysis.literature import shipped
    from liface.analysis.literature_file import values_of
    from liface.dispatch.literature import prepared

    unknown: tuple[str, ...] = ()
    if source == SHIPPED:
        values = shipped()
    else:
        values, unknown = (found := prepared(values_of(Path(source)))).values, found.unknown
    if dry_run:
        added = len(values) - _known_already(values, db)
    else:
        with open_to_write(db) as database:
            added = database.add_literature(values)
    if json:
        write_json({"rows": len(values), "added": added, "known": len(values) - added, "stored": not dry_run})
        return
    if unknown:
        talk(f"not in the library: {', '.join(unknown)}; found beside results of a campaign that brings them")
    told = "would be stored" if dry_run else "stored"
    typer.echo(f"{plural(len(values), 'value')} read, {added} {told}, {len(values) - added} there already; {shown(db)}")


def _known_already(values: Sequence[LiteratureValue], db: str) -> int:
    database = open_to_read_if_there(db)
    if database is None:
        return 0
    with database:
        there = {value.literature_id for value in database.literature()}
    return sum(value.literature_id in there for value in values)


@app.command("list")
def list_(
    quantity: Annotated[
        str | None, typer.Argument(metavar="QUANTITY", help="Only this quantity, e.g. surface or binding.")
    ] = None,
    material: Annotated[
        str | None, typer.Option("--material", "-m", metavar="NAME", help="Only this material.")
    ] = None,
    json: Json = False,
    db: Db = DEFAULT_DATABASE,
) -> None:
    """List the values that computed ones are shown beside: those of the package and those of the database."""
    from liface.documents import QUANTITIES

    if quantity is not None and quantity not in QUANTITIES:
        raise InputError(f"unknown quantity {quantity!r}; known: {', '.join(QUANTITIES)}")
    literature = _literature(db)
    chosen = [
        value
        for value in literature.values
        if quantity in (None, value.quantity) and material in (None, value.material)
    ]
    if json:
        write_json([_full(value) | {"origin": literature.origin(value)} for value in chosen])
    elif chosen:
        rows = [_short(value) | {"origin": literature.origin(value)} for value in chosen]
        write_table(rows, columns=LISTED.split())
    else:
        talk("no published values match")


def _literature(db: str) -> Literature:
    from liface.dispatch.literature import literature_of

    database = open_to_read_if_there(db)
    try:
        return literature_of(database)
    finally:
        if database is not None:
            database.close()


def _full(value: LiteratureValue) -> dict[str, Any]:
    derived = ("literature_id", "house_value", "house_unit", "house_uncertainty")
    return value.model_dump(mode="json") | {name: getattr(value, name) for name in derived}


def _short(value: LiteratureValue) -> dict[str, Any]:
    row = {name: getattr(value, name, None) for name in LISTED.split()}
    return row | {"id": value.literature_id[:SHORT_ID], "published": value.text, "doi": value.doi or value.citation}


@app.command()
def template() -> None:
    """Print a file to fill in: every column, every quantity with its units, and examples that are read as they are."""
    from liface.analysis.literature_file import template as text

    write_text(text())


@app.command()
def forget(
    ids: Annotated[
        list[str], typer.Argument(metavar="ID...", help=f"Identities, or their first {SHORTEST_ID} letters or more.")
    ],
    json: Json = False,
    db: Db = DEFAULT_DATABASE,
) -> None:
    """Delete published values from the database, all of those named or none; the package keeps its own."""
    open_to_read(db).close()  # forgetting makes no database
    with open_to_write(db) as database:
        there = [value.literature_id for value in database.literature()]
        chosen = [_meant(text, there, db) for text in ids]
        forgotten = database.forget_literature(chosen)
    if json:
        write_json({"forgotten": sorted(set(chosen))})
    else:
        typer.echo(f"{plural(forgotten, 'value')} forgotten; {shown(db)}")


def _meant(text: str, there: Sequence[str], db: str) -> str:
    found = [known for known in there if known.startswith(text.strip().lower())]
    if len(text.strip()) < SHORTEST_ID:
        raise InputError(f"{text!r} is too short for an identity; give {SHORTEST_ID} letters or more, nothing was done")
    if len(found) != 1:
        what = "no value" if not found else f"{len(found)} values"
        raise InputError(
            f"{what} of {shown(db)} with the identity {text!r}; see liface literature list, nothing was done"
        )
    return found[0]


@app.command()
def compare(
    noun: Annotated[
        str | None, typer.Argument(metavar="NOUN", help="Only these results, e.g. surfaces or bindings.")
    ] = None,
    where: Annotated[
        str | None, typer.Option("--where", "-w", metavar="FILTER", help="OPTIMADE filter over the results.")
    ] = None,
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="Write the pairs as CSV instead of tables.")] = False,
    db: Db = DEFAULT_DATABASE,
) -> None:
    """Hold computed results against every published value of the same thing: differences, bounds, errors per model."""
    from liface.analysis.comparison import Comparison, summaries
    from liface.dispatch.literature import compare_stored

    if json and csv:
        raise InputError("--json and --csv at once; give one of them")
    with open_to_read(db) as database:
        rows = compare_stored(database, noun, where)
    errors = summaries(rows)
    if json:
        dumped = [row.model_dump(mode="json") for row in rows]
        write_json({"pairs": dumped, "errors": [error.model_dump(mode="json") for error in errors]})
    elif csv:
        write_text(_csv(list(Comparison.model_fields), [row.model_dump(mode="json") for row in rows]))
    elif not rows:
        talk("nothing computed is published; liface literature list shows what is")
    else:
        write_table([pair_row(row.model_dump()) for row in rows])
        typer.echo("\nerrors per model: computed minus published; bounds are counted apart")
        write_table([error_row(error.model_dump()) for error in errors])


@app.command()
def bibtex(
    campaign: Annotated[
        str | None, typer.Option("--campaign", metavar="NAME", help="Only what the results of this campaign rest on.")
    ] = None,
    db: Db = DEFAULT_DATABASE,
) -> None:
    """Print BibTeX of every source that is used: published values, definitions, engines and programs.

    Without a database, the sources of the values of the package.
    """
    from liface.analysis.literature import shipped
    from liface.dispatch.literature import sources
    from liface.documents.bibtex import bibtex as text

    database = open_to_read(db) if campaign is not None else open_to_read_if_there(db)
    if database is None:
        write_text(text(shipped()))
        return
    with database:
        write_text(text(sources(database, campaign)))


def pair_row(row: dict[str, Any]) -> dict[str, Any]:
    """Return a comparison as the row of a table."""
    sign = "" if row["qualifier"] == "=" else f"{row['qualifier']} "
    error = "" if row["published_uncertainty"] is None else f" ± {row['published_uncertainty']:.3g}"
    difference = row["difference"]
    return {
        "quantity": row["quantity"], "system": row["system"], "engine": row["engine"], "model": row["model"],
        "computed": f"{row['computed']:.4g}", "published": f"{sign}{row['published']:.4g}{error}", "unit": row["unit"],
        "difference": None if difference is None else f"{difference:+.3g}", "z": row["z_score"],
        "verdict": row["verdict"], "method": row["method"], "doi": row["doi"], "origin": row["origin"],
    }  # fmt: skip


def error_row(row: dict[str, Any]) -> dict[str, Any]:
    """Return the errors of a model as the row of a table."""

    def number(name: str, sign: str = "") -> str | None:
        return None if row[name] is None else f"{row[name]:{sign}.3g}"

    return {
        "quantity": row["quantity"], "engine": row["engine"], "model": row["model"], "unit": row["unit"], "n": row["n"],
        "MAE": number("mean_absolute_error"), "mean": number("mean_signed_error", "+"),
        "worst": number("worst", "+"), "worst_system": row["worst_system"], "median_ratio": number("median_ratio"),
        "kendall": number("kendall", "+"), "pairs": row["n_pairs"],
        "bounds_met": f"{row['bounds_met']} of {row['bounds']}" if row["bounds"] else None,
    }  # fmt: skip


def _csv(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> str:
    import csv
    import io

    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(columns), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: "; ".join(cell) if isinstance(cell, list) else cell for name, cell in row.items()})
    return out.getvalue()
