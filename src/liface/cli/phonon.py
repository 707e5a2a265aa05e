"""``liface phonon``: phonons of a bulk and its vibrational free energy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liface.cli.figure_file import known_figure, write_figure
from liface.cli.materials import library_with
from liface.cli.options import (
    DEFAULT_DATABASE,
    INTERRUPTED,
    CifFile,
    Db,
    Json,
    Workers,
    open_to_write,
    shown,
    workers_or_default,
)
from liface.cli.output import plural, talk, write_json, write_table
from liface.errors import InputError

if TYPE_CHECKING:
    from liface.documents import PhononResult
    from liface.workflows.campaign import PlannedCase
    from liface.workflows.specs import PhononSpec

UNITS = {"temperature": "K", "f_vib": "meV/atom", "u_vib": "meV/atom", "entropy": "k_B/atom", "c_v": "k_B/atom"}


def phonon(
    material: Annotated[str, typer.Argument(metavar="MATERIAL", help="Name in the library; with --cif, any name.")],
    engine: Annotated[
        str, typer.Option("--engine", "-e", metavar="ENGINE[:MODEL]", help="Engine that gives the forces.")
    ] = "sevennet",
    cif: CifFile = None,
    temperature: Annotated[
        list[float] | None,
        typer.Option("--temperature", "-t", metavar="K", help="Kelvin; repeatable; 0, 298.15 and 333.15 by default."),
    ] = None,
    edges: Annotated[
        tuple[float, float],
        typer.Option("--edges", metavar="SMALL LARGE", help="Least width of the two supercells, Å."),
    ] = (8.0, 11.0),
    displacement: Annotated[float, typer.Option("--displacement", metavar="A", help="Displacement, Å.")] = 0.02,
    max_displacements: Annotated[
        int, typer.Option("--max-displacements", min=1, help="Most displaced supercells of one size.")
    ] = 200,
    max_atoms: Annotated[int, typer.Option("--max-atoms", min=1, help="Most atoms in a supercell.")] = 600,
    figure: Annotated[
        Path | None,
        typer.Option("--figure", metavar="FILE", callback=known_figure, help="Draw it, .png or .svg."),
    ] = None,
    workers: Workers = None,
    retry: Annotated[
        str | None,
        typer.Option(metavar="PATTERN", help="Compute failed structures again whose reason matches; '.' is all."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Compute everything again.")] = False,
    json: Json = False,
    db: Db = DEFAULT_DATABASE,
) -> None:
    """Give the vibrational free energy, entropy and heat capacity of a bulk; what is not stored is computed.

    Harmonic, at the lattice relaxed without vibrations, without LO-TO correction.
    """
    options: dict[str, Any] = {
        "edges_a": edges, "displacement_a": displacement, "max_displacements": max_displacements,
        "max_atoms": max_atoms,
    }  # fmt: skip
    if temperature:
        options["temperatures_k"] = tuple(temperature)
    result = _run(_planned(_spec(material, cif, options), engine), db, workers_or_default(workers), retry, force)
    if json:
        write_json(result.model_dump(mode="json") | {"record_id": result.record_id})
    else:
        _write(result)
    if figure is not None:
        from liface.report.phonon_figure import phonon_plot

        write_figure(phonon_plot(result), figure)
        talk(f"figure: {figure}")


def _spec(material: str, cif: Path | None, options: dict[str, Any]) -> PhononSpec:
    from pydantic import ValidationError

    from liface.workflows.campaign import phonon_spec

    try:
        return phonon_spec(library_with(material, cif), material, **options)
    except ValidationError as error:
        problems = [problem["msg"].removeprefix("Value error, ") for problem in error.errors()]
        fields = [".".join(map(str, problem["loc"])) for problem in error.errors()]
        text = "; ".join(f"{f}: {p}" if f else p for f, p in zip(fields, problems, strict=True))
        raise InputError(f"phonons of {material}: {text}") from error


def _planned(spec: PhononSpec, engine: str) -> PlannedCase:
    from liface.dispatch.phonons import planned_phonons
    from liface.engines.base import EngineSpec
    from liface.workflows.plan import estimate

    planned = planned_phonons(spec, EngineSpec.parse(engine))
    expected = estimate(planned)  # too many displacements are told of before anything runs
    talk(f"{planned.name}: about {plural(expected.structures, 'displaced supercell')}, up to {expected.atoms} atoms")
    return planned


def _run(planned: PlannedCase, db: str, workers: int, retry: str | None, force: bool) -> PhononResult:
    from liface.cli.progress import ProgressLine, clock
    from liface.dispatch.phonons import bulk_phonons

    with open_to_write(db) as database:
        try:
            with ProgressLine() as progress:
                result, state = bulk_phonons(
                    planned, database, workers=workers, retry=retry, force=force, progress=progress
                )
        except KeyboardInterrupt:
            talk(f"stopped; finished work is in {shown(db)}, run again to go on")
            raise typer.Exit(INTERRUPTED) from None
    if state.skipped:
        talk(f"finished before, nothing to compute; {shown(db)}")
    else:
        talk(
            f"{plural(state.computed, 'calculation')} computed with {state.force_calls} force calls, {state.reused} "
            f"reused; {clock(state.seconds)}; {shown(db)}"
        )
    return result


def _write(result: PhononResult) -> None:
    from liface.units import BOLTZMANN_EV_PER_K, MEV

    write_table(
        [
            {
                "temperature": f"{point.temperature_k:g}",
                "f_vib": f"{MEV * point.f_vib_ev_per_atom:.2f}",
                "u_vib": f"{MEV * point.u_vib_ev_per_atom:.2f}",
                "entropy": f"{point.entropy_ev_per_k_per_atom / BOLTZMANN_EV_PER_K:.3f}",
                "c_v": f"{point.heat_capacity_ev_per_k_per_atom / BOLTZMANN_EV_PER_K:.3f}",
            }
            for point in result.points
        ],
        UNITS,
    )
    cell = "x".join(map(str, result.supercell))
    mesh = "x".join(map(str, result.mesh))
    lines = [
        f"zero-point energy {MEV * result.zpe_ev_per_atom:.2f} meV/atom; highest mode {result.highest_thz:.2f} THz",
        f"supercell {cell} ({result.n_atoms} atoms), {_change(result)}",
        f"mesh {mesh}, F_vib at 298.15 K changes by {result.mesh_change_mev_per_atom:+.3f} meV/atom from one of 2/3",
        _imaginary(result),
        *(f"flag: {flag}" for flag in result.flags),
    ]
    typer.echo("\n" + "\n".join(lines))


def _change(result: PhononResult) -> str:
    if result.smaller_supercell is None or result.supercell_change_mev_per_atom is None:
        return "not held against a smaller one"
    smaller = "x".join(map(str, result.smaller_supercell))
    return f"F_vib at 298.15 K changes by {result.supercell_change_mev_per_atom:+.3f} meV/atom from {smaller}"


def _imaginary(result: PhononResult) -> str:
    if not result.n_imaginary:
        return f"no imaginary modes; lowest {result.lowest_thz:.3f} THz"
    q = ", ".join(f"{x:.3f}" for x in result.lowest_q)
    near, others = result.n_imaginary_near_gamma, result.n_imaginary - result.n_imaginary_near_gamma
    parts = [
        f"{result.n_imaginary} of {result.n_modes} modes imaginary, lowest {result.lowest_thz:.3f} THz at q = ({q})"
    ]
    if near:
        parts.append(f"{near} small acoustic ones near the zone centre are numerical")
    if others:
        parts.append(f"{others} elsewhere: {_meaning(result)}; F_vib leaves them out")
    return "; ".join(parts)


def _meaning(result: PhononResult) -> str:
    from liface.workflows.steps.phonon import is_unstable

    if is_unstable(result.lowest_commensurate_thz):
        return "the structure is no minimum of this model at 0 K"
    lowest = f"{result.lowest_commensurate_thz:.3f} THz"
    return f"only between wave vectors that fit the supercell (lowest there {lowest}); a larger --edges decides"
