"""``liface materials``: the library of crystals and where they come from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liface.cli.options import CifFile, Json
from liface.cli.output import write_facts, write_json, write_table
from liface.errors import InputError

if TYPE_CHECKING:
    from liface.structures.library import MaterialsLibrary

app = typer.Typer(help="Crystals: those that are shipped, and CIF files.", no_args_is_help=True)

SHORT = ("name", "formula", "category", "prototype", "default_planes", "doi")
LISTED = (*SHORT, "lattice", "space_group", "source", "ordering", "aliases", "closed_shell_salt")
"""Fields of a list; none of them needs the structure itself."""


@app.command("list")
def list_(json: Json = False) -> None:
    """List the materials that are shipped."""
    library = _library()
    materials = [library.get(name) for name in library.names()]
    if json:
        write_json([{name: getattr(material, name) for name in LISTED} for material in materials])
    else:
        write_table([{name: getattr(material, name) for name in SHORT} for material in materials])


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name in the library; with --cif, any name.")],
    cif: CifFile = None,
    json: Json = False,
) -> None:
    """Show one material: prototype, lattice, planes, source; with --cif that of a file."""
    from liface.structures.library import summary

    facts = summary(library_with(name, cif).get(name))
    if json:
        write_json(facts)
    else:
        write_facts(facts)


def library_with(name: str, cif: Path | None) -> MaterialsLibrary:
    """Return the library; with a CIF file, ``name`` stands for its crystal."""
    if cif is None:
        return _library()
    if not cif.is_file():
        raise InputError(f"no file {cif}; give the path of a CIF file")
    return _library({name: str(cif)})


def _library(user: dict[str, str] | None = None) -> MaterialsLibrary:
    from liface.structures.library import MaterialsLibrary

    return MaterialsLibrary(user or {}, Path.cwd())
