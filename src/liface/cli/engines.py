"""``liface engines``: what can compute on this machine."""

from __future__ import annotations

import typer

from liface.cli.options import Json
from liface.cli.output import write_json, write_table
from liface.cli.trust import trust

app = typer.Typer(help="Engines that turn positions into energies and forces.", no_args_is_help=True)


@app.callback()
def _engines() -> None:
    """Engines that turn positions into energies and forces."""


app.command("trust")(trust)


@app.command("list")
def list_(json: Json = False) -> None:
    """List the engines: whether installed, models with weights on this machine, how to name them."""
    from liface.engines.registry import available

    rows = available()
    if json:
        write_json(rows)
    else:
        write_table(rows, columns=("name", "installed", "default", "models", "note"))
