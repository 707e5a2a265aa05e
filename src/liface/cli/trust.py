"""``liface engines trust``: what a model gives for published quantities, before a person relies on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from liface.cli.options import Json, open_to_read, shown
from liface.cli.output import talk, write_json, write_table

if TYPE_CHECKING:
    from liface.analysis.regression import Regression


def trust(
    engine: Annotated[
        str | None, typer.Argument(metavar="ENGINE[:MODEL]", help="The model; every one that is known by default.")
    ] = None,
    db: Annotated[
        str | None,
        typer.Option("--db", metavar="FILE", help="From your own results and published values, not those shipped."),
    ] = None,
    campaign: Annotated[
        str | None, typer.Option("--campaign", metavar="NAME", help="Of --db, only this campaign.")
    ] = None,
    json: Json = False,
) -> None:
    """Show how far a model is from published surface, interfacial and binding energies, and what that allows.

    The numbers shipped with the package come from the campaign 'regression'; --db shows the same of your own.
    """
    from liface.dispatch.trust import part_of, regression_of, shipped_regression, weights_here
    from liface.errors import InputError

    if campaign is not None and db is None:
        raise InputError("--campaign chooses among the results of --db; give both")
    if db is None:
        found, where = shipped_regression(), "is shipped"
    else:
        with open_to_read(db) as database:
            found, where = regression_of(database, campaign), f"is in {shown(db)}"
    if engine is not None:
        found = part_of(found, engine, where)
    weights = weights_here(found)
    if json:
        write_json(_as_json(found) | {"weights": {w.engine: {"same": w.same, "text": w.text} for w in weights}})
        return
    _write(found, in_full=engine is not None)
    for each in weights:
        talk(f"{each.engine}: {each.text}")
    talk(_origin(found, db))


def _as_json(found: Regression) -> dict[str, Any]:
    from liface.analysis.regression import orders_of_metals, reading

    errors = [error.model_dump(mode="json") | {"reading": reading(error)} for error in found.errors]
    orders = [order.model_dump(mode="json") for order in orders_of_metals(found.rows)]
    return found.model_dump(mode="json") | {"errors": errors, "orders": orders}


def _write(found: Regression, in_full: bool) -> None:
    from liface.analysis.regression import orders_of_metals, reading
    from liface.cli.literature import error_row, pair_row

    if in_full:
        shown = ("quantity", "system", "computed", "published", "unit", "difference", "verdict", "doi")
        write_table([{k: v for k, v in pair_row(r.model_dump()).items() if k in shown} for r in found.rows])
        typer.echo("")
    write_table([error_row(error.model_dump()) | {"reading": reading(error)} for error in found.errors])
    for order in orders_of_metals(found.rows):
        typer.echo(
            f"\n{order.engine}:{order.model}, Li(100) on metals: {' > '.join(order.computed)}; published "
            f"{' > '.join(order.published)}; {order.right} of {order.pairs} pairs in that order"
        )
    if found.failed:
        typer.echo("\nno number:")
        typer.echo("\n".join(f"- {text}" for text in found.failed))


def _origin(found: Regression, db: str | None) -> str:
    if db is not None:
        return f"from {shown(db)}; published values of the package and of this database"
    return f"computed {found.made_at:%Y-%m-%d} with liface {found.liface_version}, campaign {found.campaign}"
