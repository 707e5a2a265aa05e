"""``liface grow``: kinetic Monte Carlo of Li on a substrate, over the ratio of arrival rates."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from liface.cli import grow_options as options
from liface.cli.options import DEFAULT_DATABASE, INTERRUPTED, Db, Json, open_to_read, open_to_write
from liface.cli.output import plural, talk, write_json, write_table
from liface.cli.progress import ProgressLine, clock

if TYPE_CHECKING:
    from liface.documents import Input
    from liface.mesoscale import GrowthSpec, GrowthSweep, SweepRun
    from liface.mesoscale.sweep import SweepState

CHECKPOINT = "grow.checkpoint.npz"
OUTPUTS = ("json", "figure", "animation", "checkpoint", "resume", "db")
CHANGES = {
    "diffusion_substrate": "diffusion_substrate_ev", "diffusion_li": "diffusion_li_ev",
    "bond_substrate": "bond_substrate_ev", "bond_li": "bond_li_ev", "preference": "substrate_preference_ev",
    "desorption": "desorption_li_ev", "attempt": "attempt_hz",
}  # fmt: skip
"""Options that stand in for a number of the database, and the field that they change."""

UNITS = {"tip_height": "layers", "roughness": "layers", "mean_island_size": "columns"}


def grow(
    context: typer.Context,
    surface: options.Surface = None,
    ratio: options.Ratio = None,
    from_binding: options.FromBinding = None,
    cluster: options.OnSubstrate = None,
    cluster_on_li: options.OnLi = None,
    size: options.Size = 64,
    atoms: options.Atoms = 2000,
    temperature: options.Temperature = 298.15,
    diffusion_substrate: options.DiffusionSubstrate = 0.62,
    diffusion_li: options.DiffusionLi = 0.62,
    bond_substrate: options.BondSubstrate = 0.1,
    bond_li: options.BondLi = 0.1,
    preference: options.Preference = 0.0,
    step_edge: options.StepEdge = 0.1,
    desorption: options.Desorption = None,
    attempt: options.Attempt = 1e13,
    arrival: options.Arrival = 1.0,
    most_hops: options.MostHops = None,
    seeds: options.Seeds = 8,
    first_seed: options.FirstSeed = 0,
    json: Json = False,
    figure: options.Figure = None,
    animation: options.Animation = None,
    checkpoint: options.Checkpoint = None,
    resume: options.Resume = None,
    save: options.Save = None,
    engine: options.Engine = None,
    db: Db = DEFAULT_DATABASE,
) -> None:
    """Grow Li on a substrate atom by atom: coverage, tip height, roughness and nuclei against the ratio of rates.

    With SURFACE, the ratio, bonds, barriers and preference of that surface are read from the database; options given
    by hand take their place. Without it, or with --from-binding, everything is by hand, and SURFACE is a name.
    """
    from liface.mesoscale.checkpoint import load_checkpoint

    asked = {name: value for name, value in context.params.items() if _given(context, name)}
    if resume is not None:
        _refuse_settings(asked)
        sweep = load_checkpoint(resume)
        if not _given(context, "db"):
            db = sweep.note.get("db", db)
    else:
        _refuse_contradictions(asked)
        sweep = _asked_sweep(context.params, asked)
    if sweep.note.get("save") is not None:
        open_to_write(db).close()  # better known now than after the runs
    result = _run(sweep, resume or checkpoint or _free_name())
    if json:
        write_json(result.model_dump(mode="json"))
    else:
        _write(result, sweep.note.get("ratio"))
    if sweep.note.get("save"):
        _save(sweep, result, db)
    _draw(result, sweep, figure, animation)  # last: the numbers are out if a picture cannot be written


def _asked_sweep(params: dict[str, Any], asked: dict[str, Any]) -> SweepRun:
    """Return the sweep to do; its note says which ratio is the substrate's own, and what is to be saved."""
    from liface.mesoscale import SweepRun, SweepSpec
    from liface.mesoscale.sweep import RATIOS

    spec, own = _growth_spec(params), None
    note: dict[str, Any] = {}
    if params["surface"] is not None and params["from_binding"] is None:
        spec, note = _from_database(spec, params, asked)
        own = note["ratio"]
    elif params["from_binding"] is not None:
        own = spec.ratio
        note = {"ratio": own, "rule": "atoms", "surface": params["surface"] or ""}
    elif params["ratio"] and len(params["ratio"]) == 1:
        own = params["ratio"][0]
        note = {"ratio": own, "rule": "by hand", "surface": params["surface"] or ""}
    ratios = (spec.ratio,) if params["from_binding"] is not None else params["ratio"] or RATIOS
    if own is not None:
        ratios = (*ratios, own)
    seeds = tuple(range(params["first_seed"], params["first_seed"] + params["seeds"]))
    sweep = SweepRun(SweepSpec(growth=spec, ratios=tuple(sorted(set(ratios))), seeds=seeds, atoms=params["atoms"]))
    if params["save"] is not None:
        note |= {"save": _saved_as(params["save"], note, sweep), "db": str(Path(params["db"]).absolute())}
    sweep.note = note
    return sweep


def _from_database(
    base: GrowthSpec, params: dict[str, Any], asked: dict[str, Any]
) -> tuple[GrowthSpec, dict[str, Any]]:
    """Return the spec of a surface from the database with what was given by hand in its place."""
    from liface.dispatch.growth import stored_growth
    from liface.mesoscale.records import WHAT_IF

    with open_to_read(params["db"]) as database:
        found = stored_growth(
            database,
            params["surface"],
            base,
            engine=params["engine"],
            given={field: asked[name] for name, field in CHANGES.items() if name in asked},
            most_hops=params["most_hops"],
        )
    growth = found.growth
    own, rule = growth.ratio, growth.rule
    if (by_option := asked.get("ratio")) and len(by_option) == 1:
        own, rule = by_option[0], "by hand"
        growth = growth.at_ratio(own)
    for line in (*map(_told, growth.inputs), f"ratio of arrival rates: {own:.4g}", *growth.flags):
        talk(line)
    for line in found.published:
        talk(f"beside it: {line}")
    origin = found.origin(growth, WHAT_IF, "")
    return growth.spec, {
        "ratio": own, "rule": rule, "surface": f"{found.substrate}({found.plane})",
        "origin": origin.model_dump(mode="json"),
    }  # fmt: skip


def _told(one: Input) -> str:
    unit = "" if one.unit == "1" else f" {one.unit}"
    return f"{one.name}: {one.value:+.4g}{unit} ({one.source})"


def _saved_as(name: str, note: dict[str, Any], sweep: SweepRun) -> str:
    from liface.dispatch.surfaces import named_surface
    from liface.errors import InputError
    from liface.mesoscale.records import Origin, growth_inputs

    if not note.get("surface") or named_surface(note["surface"])[1] is None:
        raise InputError("--save needs to know of which surface; name it as 'Cu(111)'")
    if "origin" not in note:
        note["origin"] = Origin(case="", inputs=growth_inputs(sweep.spec.growth)).model_dump(mode="json")
    return name


def _save(sweep: SweepRun, result: GrowthSweep, db: str) -> None:
    from liface.dispatch.surfaces import named_surface
    from liface.mesoscale.records import Origin, morphology_result

    note = sweep.note
    substrate, plane = named_surface(note["surface"])
    origin = Origin.model_validate(note["origin"] | {"case": note["save"]})
    document = morphology_result(result, sweep.pictures, substrate, plane or "", note["ratio"], note["rule"], origin)
    with open_to_write(db) as database:
        record_id = database.add_result(document)
        talk(f"saved as {note['save']} of campaign {origin.campaign}, record {record_id}; {database.name}")


def _given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _refuse_settings(asked: dict[str, Any]) -> None:
    from liface.errors import InputError

    if wrong := [_option(name) for name in asked if name not in OUTPUTS or name == "checkpoint"]:
        raise InputError(f"--resume goes on with the settings of its file; leave out {', '.join(wrong)}")


def _refuse_contradictions(asked: dict[str, Any]) -> None:
    from liface.errors import InputError

    for first, *others in (("from_binding", "ratio", "preference"), ("cluster", "bond_substrate", "surface"),
                           ("cluster_on_li", "bond_li", "surface")):  # fmt: skip
        if first in asked and (both := [_option(name) for name in others if name in asked]):
            raise InputError(f"{_option(first)} gives what {' and '.join(both)} would; leave one of them out")


def _option(name: str) -> str:
    return "SURFACE" if name == "surface" else f"--{name.replace('_', '-')}"


def _growth_spec(asked: dict[str, Any]) -> GrowthSpec:
    from liface.mesoscale import GrowthSpec, bond_energy, rates_from_binding
    from liface.mesoscale.binding import with_hops_slowed

    bonds = {"bond_substrate": asked["bond_substrate"], "bond_li": asked["bond_li"]}
    for name, where in (("cluster", "bond_substrate"), ("cluster_on_li", "bond_li")):
        if asked[name] is not None:
            n_li, e_atoms, e_cluster = asked[name]
            bonds[where] = bond_energy(e_cluster, e_atoms, n_li)
            talk(f"{_option(name)}: {bonds[where]:+.3f} eV per lateral bond")
    spec = GrowthSpec(
        size=asked["size"], temperature_k=asked["temperature"], attempt_hz=asked["attempt"],
        arrival_substrate_hz=asked["arrival"], arrival_li_hz=asked["arrival"],
        diffusion_substrate_ev=asked["diffusion_substrate"], diffusion_li_ev=asked["diffusion_li"],
        bond_substrate_ev=bonds["bond_substrate"], bond_li_ev=bonds["bond_li"],
        substrate_preference_ev=asked["preference"], step_edge_ev=asked["step_edge"],
        desorption_li_ev=asked["desorption"],
    )  # fmt: skip
    if asked["from_binding"] is not None:
        on_substrate, on_li = asked["from_binding"]
        rates = rates_from_binding(
            on_substrate, on_li, temperature_k=spec.temperature_k,
            bond_substrate_ev=spec.bond_substrate_ev, bond_li_ev=spec.bond_li_ev,
        )  # fmt: skip
        talk("\n".join(f"note: {note}" for note in rates.notes))
        spec = rates.applied_to(spec)
    if asked["most_hops"] is None or (asked["surface"] is not None and asked["from_binding"] is None):
        return spec
    return with_hops_slowed(spec, asked["most_hops"])


def _free_name() -> Path:
    """Return a name for a checkpoint that is not taken: an earlier one is not lost."""
    path, number = Path(CHECKPOINT), 2
    while path.exists():
        path, number = Path(CHECKPOINT.replace(".", f"-{number}.", 1)), number + 1
    return path


def _run(sweep: SweepRun, checkpoint: Path) -> GrowthSweep:
    from liface.mesoscale.checkpoint import save_checkpoint

    started = time.monotonic()
    try:
        with ProgressLine(words=_words(len(sweep.records), started)) as progress:
            result = sweep.run(progress)
    except KeyboardInterrupt:
        save_checkpoint(checkpoint, sweep)
        done = f"{len(sweep.records)} of {plural(len(sweep.spec.runs()), 'run')}"
        talk(f"stopped after {done}; go on with: liface grow --resume {checkpoint}")
        raise typer.Exit(INTERRUPTED) from None
    talk(f"{plural(len(result.runs), 'run')} of {sweep.spec.atoms} atoms; {clock(time.monotonic() - started)}")
    return result


def _words(done_before: int, started: float) -> Callable[[SweepState], str]:
    def describe(state: SweepState) -> str:
        seconds = time.monotonic() - started
        parts = [f"runs {state.done}/{state.n_runs}", f"ratio {state.ratio:g}, seed {state.seed}",
                 f"atoms {state.atoms}/{state.n_atoms}", clock(seconds)]  # fmt: skip
        if done_before < state.done < state.n_runs:
            parts.append(f"about {clock(seconds * (state.n_runs - state.done) / (state.done - done_before))} left")
        return " | ".join(parts)

    return describe


def _draw(result: GrowthSweep, sweep: SweepRun, figure: Path | None, animation: Path | None) -> None:
    from liface.report.files import write_picture

    if figure is not None:
        from liface.report.growth_figure import growth_plot

        write_picture(figure, growth_plot(result, sweep.pictures, "growth").png)
        talk(f"figure: {figure}")
    if animation is not None:
        from liface.report.growth_figure import growth_animation

        write_picture(animation, growth_animation(sweep.spec))
        talk(f"animation: {animation}")


def _write(result: GrowthSweep, own: float | None) -> None:
    decimals = {"coverage": 3, "tip_height": 2, "roughness": 3, "n_nuclei": 1, "mean_island_size": 1}
    rows: list[dict[str, Any]] = []
    for point in result.points:
        bands = {name: getattr(point, name) for name in decimals}
        cells = {n: f"{b.mean:.{decimals[n]}f} ± {b.upper - b.mean:.{decimals[n]}f}" for n, b in bands.items()}
        mine = " *" if own is not None and len(result.points) > 1 and point.ratio == own else ""
        rows.append({"ratio": f"{point.ratio:.4g}{mine}", **cells})
    write_table(rows, UNITS)
    level = 100 * result.points[0].coverage.level
    typer.echo(f"\n± half width of the {level:g} % interval of the mean of {plural(len(result.spec.seeds), 'seed')}")
    if own is not None and len(result.points) > 1:
        typer.echo("* the ratio of this surface")
    if len(result.points) > 1:
        typer.echo(f"coverage rises with the ratio: {'yes' if result.coverage_rises else 'not everywhere'}")
        typer.echo(f"tip height falls with the ratio: {'yes' if result.tip_height_falls else 'not everywhere'}")
