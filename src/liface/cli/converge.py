"""``liface campaign converge``: where numerical parameters stop to matter, and a file of them for campaigns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liface.cli.options import (
    CASES_FAILED,
    DEFAULT_DATABASE,
    INTERRUPTED,
    CampaignName,
    Db,
    Engines,
    Json,
    Workers,
    open_to_write,
    shown,
    workers_or_default,
)
from liface.cli.output import plural, talk, write_json, write_table
from liface.errors import AnalysisError, InputError

if TYPE_CHECKING:
    from liface.database import Database
    from liface.dispatch.run import RunState
    from liface.documents import ConvergenceResult


def converge(
    campaign: CampaignName,
    write: Annotated[
        Path | None,
        typer.Option("--write", metavar="FILE", help="Write the converged values to FILE: 'protocol: FILE' uses them."),
    ] = None,
    engine: Engines = None,
    db: Db = DEFAULT_DATABASE,
    workers: Workers = None,
    retry: Annotated[
        str | None,
        typer.Option(metavar="PATTERN", help="Compute failed and unconverged structures again whose reason matches."),
    ] = None,
    json: Json = False,
) -> None:
    """Run the convergence series of a campaign and say from which values on nothing changes."""
    from liface.cli.progress import ProgressLine
    from liface.dispatch.converge import converge, convergence_cases
    from liface.workflows.campaign import Campaign
    from liface.workflows.protocol_file import protocol_file, text_of, unsettled

    loaded = Campaign.load(campaign, engine or ())
    convergence_cases(loaded)  # told of before a database is made
    if write is not None and not write.absolute().parent.is_dir():
        raise InputError(f"--write {write}: there is no folder {write.parent}; make it, or give another file")
    with open_to_write(db) as database:
        try:
            with ProgressLine() as progress:
                results, state = converge(
                    loaded, database, workers=workers_or_default(workers), retry=retry, progress=progress
                )
        except KeyboardInterrupt:
            talk(f"stopped; finished work is in {shown(db)}, run again to go on")
            raise typer.Exit(INTERRUPTED) from None
        rows = [_series(database, result) for result in results]
    if json:
        write_json(rows)
    else:
        _show(rows)
    left_out, file = unsettled(results), protocol_file(results)
    if write is not None and file.converged:
        write.write_text(text_of(file, left_out), encoding="utf-8")
        talk(f"{plural(len(file.protocol) + sum(map(len, file.engine_options.values())), 'value')} written to {write}")
    _leave(state, left_out, write if not file.converged else None)


def _series(database: Database, result: ConvergenceResult) -> dict[str, Any]:
    from liface.dispatch.converge import costs_of

    costs = costs_of(database, result)
    return {
        "subject": result.subject,
        "parameter": result.parameter,
        "field": result.field,
        "engine": result.engine.label,
        "quantity": result.measure,
        "unit": result.unit,
        "parameter_unit": result.parameter_unit,
        "tolerance": result.tolerance,
        "settles": result.settles,
        "converged": result.converged,
        "converged_value": result.converged_value,
        "converged_label": result.converged_label,
        "spread": result.spread,
        "flags": list(result.flags),
        "record_id": result.record_id,
        "points": [
            {
                "label": point.label,
                "result": point.result,
                "difference": point.difference,
                "atoms": point.n_atoms,
                "calculations": point.n_calculations,
                "force_calls": cost.force_calls,
                "seconds": round(cost.seconds, 2),
                "repeats": point.repeats,
                "converged": point.converged,
            }
            for point, cost in zip(result.points, costs, strict=True)
        ],
    }


def _show(rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        unit = row["parameter_unit"] if row["parameter_unit"] != "1" else ""
        name = f"{row['parameter']} [{unit}]" if unit else row["parameter"]
        typer.echo(f"{row['subject']}, {row['quantity']} [{row['engine']}]")
        write_table(
            [
                {
                    name: point["label"],
                    row["quantity"]: point["result"],
                    "difference": point["difference"],
                    "atoms": point["atoms"],
                    "force calls": point["force_calls"],
                    "seconds": point["seconds"],
                    "": _mark(row, point),
                }
                for point in row["points"]
            ],
            {row["quantity"]: row["unit"], "difference": row["unit"], "seconds": "s"},
        )
        typer.echo(_verdict(row, unit) + "\n")


def _mark(row: dict[str, Any], point: dict[str, Any]) -> str:
    marks = ["converged"] if point["label"] == row["converged_label"] else []
    marks += ["same cells as before"] * point["repeats"] + ["not relaxed"] * (not point["converged"])
    return ", ".join(marks)


def _verdict(row: dict[str, Any], unit: str) -> str:
    tolerance = f"{row['tolerance']:g} {row['unit']}"
    if row["settles"]:
        return f"converged at {row['converged_label']} {unit}".rstrip() + f" within {tolerance}"
    if row["parameter"] == "model":
        return f"the models differ by up to {row['spread']:.3g} {row['unit']}, tolerance {tolerance}"
    told = next((flag for flag in row["flags"] if flag.startswith("not_settled")), "")
    return f"not converged within {tolerance}: {told.partition(': ')[2]}"


def _leave(state: RunState, left_out: Sequence[ConvergenceResult], not_written: Path | None) -> None:
    failed = [document for document in state.done if document.status == "failed"]
    for document in failed:
        talk(f"failed: {document.case} [{document.engine.label}]: {document.reason}")
    if failed:
        raise typer.Exit(CASES_FAILED)
    if left_out:
        names = ", ".join(f"{result.parameter} of {result.subject}" for result in left_out)
        nothing = f"; {not_written} is not written" if not_written is not None else ""
        raise AnalysisError(
            f"not converged: {names}{nothing}. Add finer values to the series, or allow a larger tolerance"
        )
