"""``liface creep``: creep of Li in pores, what a porous host holds and passes, and how that fits what was seen."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from liface.cli.figure_file import known_figure, write_figure
from liface.cli.options import DEFAULT_DATABASE, Db, Json, open_to_read, open_to_write, shown
from liface.cli.output import talk, write_facts, write_json, write_table
from liface.errors import InputError
from liface.units import ZERO_CELSIUS_K

if TYPE_CHECKING:
    from liface.dispatch.walls import Wall as StoredWall
    from liface.documents import Document
    from liface.mesoscale.creep_parameters import CreepParameters
    from liface.mesoscale.hosts import HostCurrent

app = typer.Typer(help="Creep of Li in pores: rates, maps, hosts, checks.", no_args_is_help=True)

BULK_STRESS_MPA = 3.0
"""Above about this stress no creep of bulk Li was measured."""

MAP_POINTS = 60
CHECK_CELSIUS = (25.0, 30.0, 45.0, 60.0, 80.0)

Temperature = Annotated[float, typer.Option("--temperature", "-t", metavar="CELSIUS", help="Temperature, °C.")]
Stress = Annotated[float | None, typer.Option("--stress", metavar="MPA", help="Driving stress, MPa; 1 if not given.")]
Overpotential = Annotated[
    float | None,
    typer.Option("--overpotential", metavar="MV", help="Overpotential that sets up the stress, mV (7.4 MPa each)."),
]
Wall = Annotated[
    str | None,
    typer.Option(
        "--wall",
        metavar="SURFACE",
        help="Let Li move along this surface, by its stored barrier and binding: 'Cu(111)'.",
    ),
]
Engine = Annotated[
    str | None, typer.Option("--engine", "-e", metavar="ENGINE:MODEL", help="Needed where several are stored.")
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Another creep parameter (see 'creep parameters'); repeatable."),
]


@app.command()
def rates(
    pores: Annotated[
        list[float] | None, typer.Option("--pore", "-d", metavar="NM", help="Pore diameter, nm; repeat for several.")
    ] = None,
    temperature: Temperature = 60.0,
    stress: Stress = None,
    overpotential: Overpotential = None,
    settings: Settings = None,
    wall: Wall = None,
    map_file: Annotated[
        Path | None,
        typer.Option("--map", metavar="FILE", callback=known_figure, help="Draw the mechanism map, .png or .svg."),
    ] = None,
    map_over: Annotated[
        Literal["stress", "temperature"], typer.Option("--map-over", help="What the map shows beside the pore size.")
    ] = "stress",
    json: Json = False,
    engine: Engine = None,
    db: Db = DEFAULT_DATABASE,
) -> None:
    """Give the rate of each creep mechanism with its band, and the pore sizes at which they change over."""
    from liface.mesoscale.creep import creep_rates
    from liface.mesoscale.creep_map import critical_sizes

    drive, kelvin = _drive(stress, overpotential), temperature + ZERO_CELSIUS_K
    parameters, _ = _with_wall(_parameters(settings), wall, kelvin, engine, db)
    if wall is not None and map_file is not None and map_over == "temperature":
        raise InputError("--wall gives a diffusivity at one temperature; draw the map over stress")
    found = creep_rates(pores or [31.0, 105.0, 433.0], kelvin, drive, parameters)
    sizes = critical_sizes(kelvin, drive, parameters)
    if json:
        write_json({"rates": _dumped(found), "critical_sizes": _dumped(sizes)})
    else:
        shown = ("pore_nm", "mechanism", "strain_rate", "lower", "upper", "share_fastest")
        typer.echo(
            f"Li at {temperature:g} °C under {drive:.4g} MPa; strain rates in 1/s, bands of {found[0].level:.0%}"
        )
        write_table([_short(r, shown) for r in found], columns=shown)
        typer.echo("\nequally fast at a pore size of")
        write_table([_short(s, ("smaller", "larger", "size_nm", "lower_nm", "upper_nm", "on_the_map")) for s in sizes])
    if drive > BULK_STRESS_MPA:
        talk(
            f"{drive:.4g} MPa is above the {BULK_STRESS_MPA:g} MPa up to which creep of bulk Li was measured: the rate "
            "of dislocation creep is an extrapolation and an upper bound"
        )
    if map_file is not None:
        _draw(map_file, map_over, kelvin, drive, parameters)


@app.command()
def host(
    porosity: Annotated[
        float | None, typer.Option("--porosity", metavar="SHARE", help="Share of the volume that is pore, 0 to 1.")
    ] = None,
    thickness: Annotated[
        float | None, typer.Option("--thickness", metavar="UM", help="Thickness of the layer, µm.")
    ] = None,
    capacity: Annotated[
        float | None,
        typer.Option("--capacity", metavar="MAH", help="Capacity, mAh/cm²; gives the missing of the three."),
    ] = None,
    pore: Annotated[
        float | None, typer.Option("--pore", "-d", metavar="NM", help="Pore diameter, nm: gives the largest current.")
    ] = None,
    current: Annotated[
        float | None, typer.Option("--current", metavar="MA", help="Current that is asked of it, mA/cm².")
    ] = None,
    temperature: Temperature = 25.0,
    stress: Stress = None,
    overpotential: Overpotential = None,
    settings: Settings = None,
    wall: Wall = None,
    engine: Engine = None,
    save: Annotated[
        str | None,
        typer.Option("--save", metavar="HOST", help="Store the result under the name of the host (what-if)."),
    ] = None,
    json: Json = False,
    db: Db = DEFAULT_DATABASE,
) -> None:
    """Give what a porous host holds, from two of porosity, thickness and capacity, and the current that it passes."""
    from liface.mesoscale.hosts import host_capacity, host_current

    if current is not None and not (math.isfinite(current) and current > 0):
        raise InputError(f"--current {current}: give a positive current, mA/cm²")
    if save is not None and not save.strip():
        raise InputError("--save needs a name of the host")
    if pore is None and (current is not None or save is not None):
        raise InputError("--current and --save ask for the current that a host passes; give its pores with --pore")

    layer = host_capacity(*_layer(porosity, thickness, capacity))
    drive, kelvin = _drive(stress, overpotential), temperature + ZERO_CELSIUS_K
    parameters, found = _with_wall(_parameters(settings), wall, kelvin, engine, db)
    passed = None
    if pore is not None:
        passed = host_current(pore, kelvin, drive, layer.porosity, layer.thickness_um, parameters)
    if passed is not None and save is not None:
        _save(save, passed, current, parameters, found, db)
    if json:
        write_json(layer.model_dump() | {"current": passed.model_dump() if passed else None})
        return
    write_facts(layer.model_dump())
    if passed is None:
        return
    typer.echo(
        f"\nlargest current at {temperature:g} °C and {passed.overpotential_mv:.4g} mV ({drive:.4g} MPa): "
        f"{passed.bottleneck.current_ma_per_cm2:.4g} mA/cm², limited by {passed.bottleneck.limit}"
    )
    shown = ("limit", "current_ma_per_cm2", "lower", "upper", "geometry")
    write_table([_short(limit, shown) for limit in passed.limits], columns=shown)
    if current is not None:
        from liface.mesoscale.records import passes

        most = passed.bottleneck
        typer.echo(f"\npasses {current:g} mA/cm²: {passes(current, most.lower, most.upper)}")


def _with_wall(
    parameters: CreepParameters, wall: str | None, kelvin: float, engine: str | None, db: str
) -> tuple[CreepParameters, StoredWall | None]:
    """Return the parameters with the diffusivity of a stored wall, and that wall; as they are without one."""
    if wall is None:
        return parameters, None
    from liface.dispatch.walls import stored_wall

    with open_to_read(db) as database:
        found = stored_wall(database, wall, kelvin, engine)
    talk(f"Li moves along {found.surface} with {found.diffusivity_cm2_per_s:.3g} cm²/s ({found.engine.label})")
    return found.applied_to(parameters), found


def _save(
    name: str,
    passed: HostCurrent,
    current: float | None,
    parameters: CreepParameters,
    wall: StoredWall | None,
    db: str,
) -> None:
    from liface.dispatch.walls import origin_of
    from liface.mesoscale.records import WHAT_IF, creep_result

    document = creep_result(name, passed, origin_of(wall, WHAT_IF, f"creep/{name}"), current, parameters)
    with open_to_write(db) as database:
        talk(f"saved in campaign {document.provenance.campaign}, record {database.add_result(document)}; {shown(db)}")


@app.command()
def check(settings: Settings = None, json: Json = False) -> None:
    """Hold the model against what was seen in pores, and against published sizes and capacities."""
    from liface.mesoscale.creep_check import fit_threshold, passing_size, published_anchors

    parameters = _parameters(settings)
    fit, anchors = fit_threshold(parameters=parameters), published_anchors(parameters)
    sizes = tuple(passing_size(celsius + ZERO_CELSIUS_K, fit, parameters) for celsius in CHECK_CELSIUS)
    if json:
        write_json({"threshold": fit.model_dump(), "passing_sizes": _dumped(sizes), "anchors": _dumped(anchors)})
        return
    typer.echo(
        f"Li passes a pore above {fit.threshold_per_mpa:.3g} 1/(s·MPa) of Coble creep "
        f"({fit.lower_per_mpa:.3g} to {fit.upper_per_mpa:.3g}): {fit.n_parameters} constant, "
        f"{fit.n_fitted} of {fit.n_observations} observations to fit it"
    )
    write_table([_short(t, tuple(type(t).model_fields)) for t in fit.tested])
    typer.echo("\n".join(f"- {note}" for note in fit.notes))
    typer.echo("\nlargest pore that Li passes, by this threshold (extrapolated beyond 30 to 60 °C)")
    write_table([_short(size, tuple(type(size).model_fields)) for size in sizes])
    typer.echo("\npublished figures")
    write_table([_short(a, ("name", "published", "computed", "unit", "verdict", "remark", "doi")) for a in anchors])


@app.command()
def parameters(settings: Settings = None, json: Json = False) -> None:
    """List the numbers that creep rests on, with spread, source, and how far the source was followed."""
    rows = [{"name": name, **values} for name, values in _parameters(settings).model_dump().items()]
    if json:
        write_json(rows)
    else:
        write_table(rows)


def _layer(porosity: float | None, thickness: float | None, capacity: float | None) -> tuple[float, float]:
    """Return porosity and thickness from any two of the three."""
    from liface.mesoscale.hosts import porosity_for, thickness_for

    if porosity is not None and thickness is not None and capacity is None:
        return porosity, thickness
    if capacity is not None and thickness is not None and porosity is None:
        return porosity_for(capacity, thickness), thickness
    if capacity is not None and porosity is not None and thickness is None:
        return porosity, thickness_for(capacity, porosity)
    raise InputError("a host needs two of --porosity, --thickness and --capacity; the third follows")


def _drive(stress: float | None, overpotential: float | None) -> float:
    """Return the driving stress in MPa."""
    from liface.mesoscale.hosts import pressure_mpa

    if stress is not None and overpotential is not None:
        raise InputError("--stress and --overpotential at once; one sets the other (7.4 MPa per mV), give one of them")
    if overpotential is not None:
        return pressure_mpa(overpotential)
    return 1.0 if stress is None else stress


def _parameters(settings: list[str] | None) -> CreepParameters:
    from liface.mesoscale.creep_parameters import DEFAULT

    values = {}
    for setting in settings or ():
        name, sign, text = setting.partition("=")
        try:
            values[name.strip()] = float(text)
        except ValueError:
            sign = ""
        if not sign:
            raise InputError(f"--set {setting}: write NAME=VALUE with a number, e.g. path_ratio=0.08")
    return DEFAULT.replaced(values)


def _short(document: Document, names: tuple[str, ...]) -> dict[str, object]:
    """Return fields for a table whose columns span decades: four figures each."""
    values = document.model_dump(include=set(names))
    return {name: f"{values[name]:.4g}" if isinstance(values[name], float) else values[name] for name in names}


def _dumped(documents: tuple[Document, ...]) -> list[dict[str, object]]:
    return [document.model_dump() for document in documents]


def _draw(path: Path, over: str, kelvin: float, drive: float, parameters: CreepParameters) -> None:
    import numpy as np

    from liface.mesoscale.creep_map import creep_map
    from liface.report.mesoscale_figures import creep_plot

    sizes = list(np.geomspace(10, 10_000, MAP_POINTS))
    if over == "stress":
        chart = creep_map(sizes, [kelvin], list(np.geomspace(0.05, 20, MAP_POINTS)), parameters)
        title = f"Creep of Li at {kelvin - ZERO_CELSIUS_K:g} °C"
    else:
        chart = creep_map(sizes, list(np.linspace(253.15, 443.15, MAP_POINTS)), [drive], parameters)
        title = f"Creep of Li under {drive:.3g} MPa"
    write_figure(creep_plot(chart, title), path)
    talk(f"map written to {path}")
