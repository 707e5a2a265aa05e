"""``liface deposit``: where Li goes in a stack of electrolyte, interlayer and collector."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liface.cli.figure_file import known_figure, write_figure
from liface.cli.options import DEFAULT_DATABASE, Db, Json, open_to_read, open_to_read_if_there, open_to_write, shown
from liface.cli.output import talk, write_json, write_table
from liface.errors import InputError

if TYPE_CHECKING:
    from liface.mesoscale.deposition import Deposition
    from liface.mesoscale.stack import Adhesions, Stack
    from liface.mesoscale.stack_file import StackSpec

PORE_OPTIONS = (
    "pore_nm",
    "porosity",
    "thickness_um",
    "current_ma_per_cm2",
    "temperature_c",
    "overpotential_mv",
    "filled",
)


File = Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Stack in YAML; options stand in for its keys.")]
Electrolyte = Annotated[
    str | None, typer.Option("--electrolyte", metavar="NAME", help="Material, or with its plane: 'LiF(100)'.")
]
Interlayer = Annotated[str | None, typer.Option("--interlayer", metavar="NAME", help="The same.")]
Collector = Annotated[str | None, typer.Option("--collector", metavar="NAME", help="The same.")]
Adhesion = Annotated[
    list[str] | None,
    typer.Option("--adhesion", metavar="A,B=VALUE", help="Work of adhesion, meV/Å²; wins over a stored one."),
]
Pressure = Annotated[
    float | None, typer.Option("--pressure", metavar="MPA", help="External pressure while plating, MPa.")
]
FormationPressure = Annotated[
    float | None,
    typer.Option("--formation-pressure", metavar="MPA", help="Pressure that joined electrolyte and interlayer, MPa."),
]
Hardness = Annotated[
    float | None, typer.Option("--hardness", metavar="MPA", help="Hardness of the softer of both, MPa.")
]
Potential = Annotated[list[str] | None, typer.Option("--potential", metavar="PLACE=V", help="Potential at a place, V.")]
Reaction = Annotated[
    list[str] | None, typer.Option("--reaction", metavar="PLACE=EV", help="Reaction energy at a place, eV per Li.")
]
Area = Annotated[
    float | None,
    typer.Option("--area-per-li", metavar="A2", help="Interface opened by one Li, Å²; one plane: 8.7."),
]
LiSurface = Annotated[
    float | None, typer.Option("--li-surface", metavar="MEV", help="Add both faces of the Li, meV/Å² each.")
]
Pore = Annotated[float | None, typer.Option("--pore", "-d", metavar="NM", help="Pore diameter, nm.")]
Porosity = Annotated[float | None, typer.Option("--porosity", metavar="SHARE", help="Porosity, 0 to 1.")]
Thickness = Annotated[float | None, typer.Option("--thickness", metavar="UM", help="Thickness of the interlayer, µm.")]
Current = Annotated[float | None, typer.Option("--current", metavar="MA", help="Current, mA/cm².")]
Temperature = Annotated[
    float | None, typer.Option("--temperature", "-t", metavar="CELSIUS", help="Temperature, °C; 25 if not given.")
]
Overpotential = Annotated[
    float | None, typer.Option("--overpotential", metavar="MV", help="Drive through the pores, mV; 1 if not given.")
]
Filled = Annotated[
    float | None, typer.Option("--filled", metavar="SHARE", help="Share of the pores that is full, 0 to 1.")
]
Engine = Annotated[
    str | None, typer.Option("--engine", "-e", metavar="ENGINE:MODEL", help="Needed where several are stored.")
]
Figure = Annotated[
    Path | None,
    typer.Option("--figure", metavar="FILE", callback=known_figure, help="Draw the terms, .png or .svg."),
]
Save = Annotated[
    str | None,
    typer.Option("--save", metavar="NAME", help="Store the result under this name (campaign what-if)."),
]


def deposit(
    file: File = None,
    electrolyte: Electrolyte = None,
    interlayer: Interlayer = None,
    collector: Collector = None,
    adhesion: Adhesion = None,
    pressure: Pressure = None,
    formation_pressure: FormationPressure = None,
    hardness: Hardness = None,
    potential: Potential = None,
    reaction: Reaction = None,
    area: Area = None,
    li_surface: LiSurface = None,
    pore: Pore = None,
    porosity: Porosity = None,
    thickness: Thickness = None,
    current: Current = None,
    temperature: Temperature = None,
    overpotential: Overpotential = None,
    filled: Filled = None,
    engine: Engine = None,
    figure: Figure = None,
    save: Save = None,
    json: Json = False,
    db: Db = DEFAULT_DATABASE,
) -> None:
    """Rank the places where Li can deposit, and solve for the pressure and adhesion at which the answer changes."""
    from liface.mesoscale.deposition import deposition
    from liface.mesoscale.stack_file import read_stack

    pores = (pore, porosity, thickness, current, temperature, overpotential, filled)
    given = {
        "electrolyte": electrolyte, "interlayer": interlayer, "collector": collector, "pressure_mpa": pressure,
        "formation_pressure_mpa": formation_pressure, "hardness_mpa": hardness, "area_per_li_a2": area,
        "li_surface_mev_per_a2": li_surface, "adhesions": _pairs("--adhesion", adhesion),
        "potential_v": _pairs("--potential", potential), "reaction_ev": _pairs("--reaction", reaction),
        "pores": _present(dict(zip(PORE_OPTIONS, pores, strict=True))),
    }  # fmt: skip
    spec = read_stack(file, _present(given))
    stack = spec.stack()
    found = deposition(stack, spec.given_over(_stored(db, spec, engine, must_exist=save is None)))
    if save is not None:
        _save(save, found, stack, db)
    if json:
        write_json(found.model_dump())
    else:
        _write(found)
    if figure is not None:
        from liface.report.mesoscale_figures import deposition_plot

        write_figure(deposition_plot(found), figure)
        talk(f"figure written to {figure}")


def _write(found: Deposition) -> None:
    typer.echo(f"{found.electrolyte} | {found.interlayer} | {found.collector}: Li goes to the {found.answer}")
    columns = ("place", "open", "driving_force_ev", "reaction_ev", "potential_ev", "adhesion_ev", "pressure_ev",
               "adhesion_j_per_m2", "reason")  # fmt: skip
    write_table([place.model_dump() for place in found.places], columns=columns)
    typer.echo("\nadhesions")
    write_table([a.model_dump() for a in found.adhesions], columns=("pair", "adhesion_mev_per_a2", "source"))
    for used in found.adhesions:
        for note in used.notes:
            typer.echo(f"  {used.pair}: {note}")
    if found.boundaries:
        typer.echo("\nplaces that are equally good at")
        write_table([b.model_dump() | {"value": f"{b.value:.4g}"} for b in found.boundaries])


def _present(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None and value != {}}


def _pairs(option: str, texts: Iterable[str] | None) -> dict[str, float]:
    """Read NAME=NUMBER."""
    found = {}
    for text in texts or ():
        name, _, number = text.rpartition("=")
        try:
            found[name.strip()] = float(number)
        except ValueError:
            name = ""
        if not name:
            raise InputError(f"{option} {text}: write NAME=NUMBER, e.g. {option} {_EXAMPLES[option]}")
    return found


_EXAMPLES = {"--adhesion": "Li6PS5Cl,C=40", "--potential": "collector=0.01", "--reaction": "electrolyte=-0.1"}


def _save(name: str, found: Deposition, stack: Stack, db: str) -> None:
    from liface.dispatch.adhesions import deposition_origin
    from liface.mesoscale.records import WHAT_IF, deposition_result

    with open_to_write(db) as database:
        document = deposition_result(found, stack, deposition_origin(database, found, WHAT_IF, f"deposition/{name}"))
        talk(f"saved as {name} of campaign {WHAT_IF}, record {database.add_result(document)}; {shown(db)}")


def _stored(db: str, spec: StackSpec, engine: str | None, must_exist: bool) -> Adhesions:
    """Return what the database knows; the standard one, and one that is to be written, need not be there."""
    from liface.dispatch.adhesions import stored_adhesions
    from liface.mesoscale.stack import Adhesions

    may_lack = db == DEFAULT_DATABASE or not must_exist
    database = open_to_read_if_there(db) if may_lack else open_to_read(db)
    if database is None:
        return Adhesions()
    with database:
        return stored_adhesions(database, spec.materials, engine, spec.adhesions)
