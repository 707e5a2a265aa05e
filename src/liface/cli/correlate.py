"""``liface correlate``: computed descriptors against measured responses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liface.cli.options import DEFAULT_DATABASE, Db, Json, open_to_read
from liface.cli.output import write_json, write_table

if TYPE_CHECKING:
    from liface.analysis.correlation_report import CorrelationReport, ModelFit, RankCorrelation


def correlate(
    response: Annotated[
        str, typer.Argument(metavar="RESPONSE", help="What was measured: ccd, or another; a wrong name lists them.")
    ] = "ccd",
    film_plane: Annotated[str, typer.Option("--film-plane", metavar="HKL", help="Plane of the Li film.")] = "100",
    descriptor: Annotated[
        str, typer.Option("--descriptor", metavar="NAME", help="Computed quantity; a wrong name lists them.")
    ] = "gamma_mev_per_a2",
    protocol: Annotated[
        str | None, typer.Option("--protocol", metavar="ID", help="Measurement protocol; protocols are never pooled.")
    ] = None,
    engine: Annotated[
        str | None, typer.Option("--engine", "-e", metavar="ENGINE:MODEL", help="Needed where several are stored.")
    ] = None,
    campaign: Annotated[str | None, typer.Option("--campaign", metavar="NAME", help="Only this campaign.")] = None,
    points: Annotated[
        Path | None, typer.Option("--points", metavar="FILE", help="Measured points of your own, YAML or CSV.")
    ] = None,
    predict: Annotated[
        list[str] | None,
        typer.Option("--predict", metavar="MATERIAL", help="Predict the response of a computed material; repeatable."),
    ] = None,
    json: Json = False,
    db: Db = DEFAULT_DATABASE,
) -> None:
    """Hold a computed descriptor against measured values: what n points support, and what they do not."""
    from liface.dispatch.correlate import correlate_stored

    with open_to_read(db) as database:
        report = correlate_stored(
            database,
            response,
            protocol,
            descriptor,
            film_plane,
            engine,
            campaign,
            points,
            predict=tuple(predict or ()),
        )
    if json:
        write_json(report.model_dump(mode="json"))
    else:
        _write(report)


def _write(report: CorrelationReport) -> None:
    typer.echo(f"{report.response} [{report.unit}] against {report.descriptor_name} [{report.descriptor_unit}]")
    typer.echo(f"protocol: {report.protocol}{f' ({report.protocol_text})' if report.protocol_text else ''}")
    typer.echo(
        f"n = {report.n} points, {report.n_censored} of them bounds; "
        f"{report.n_comparable_pairs} of {report.n_pairs} pairs can be ordered"
    )
    typer.echo("")
    write_table([_point(p.model_dump()) for p in report.points])
    ranks = [_rank(name, rank) for name, rank in (("Spearman", report.spearman), ("Kendall", report.kendall)) if rank]
    if ranks:
        _section("rank correlation")
        write_table(ranks)
    if report.models:
        _section(f"models (preferred: {report.preferred_model or 'none; n cannot tell'})")
        write_table([_model(fit, report) for fit in report.models])
    _write_leave_one_out(report)
    if report.predictions:
        _section("predictions")
        write_table([p.model_dump() for p in report.predictions])
    for title, lines in (
        ("supported", report.claims),
        ("not supported", report.cannot_conclude),
        ("notes", report.notes),
        ("left out", report.left_out),
        ("sources", report.doi),
    ):
        if lines:
            _section(title)
            typer.echo("\n".join(f"- {line}" for line in lines))


def _section(title: str) -> None:
    typer.echo(f"\n{title}")


def _write_leave_one_out(report: CorrelationReport) -> None:
    loo = report.leave_one_out
    _section(f"leaving one out (most influential: {loo.most_influential})")
    write_table(
        [
            {"quantity": "Spearman", "lowest": loo.spearman_min, "highest": loo.spearman_max},
            {"quantity": "slope", "lowest": loo.slope_min, "highest": loo.slope_max},
        ]
    )


def _point(point: dict[str, Any]) -> dict[str, Any]:
    sign = "" if point["qualifier"] == "=" else f"{point['qualifier']} "
    return {
        "material": point["material"],
        "sample": point["label"],
        "descriptor": point["descriptor"],
        "stderr": point["descriptor_stderr"],
        "measured": f"{sign}{point['value']:g}",
        "doi": point["doi"],
    }


def _rank(name: str, rank: RankCorrelation) -> dict[str, Any]:
    return {
        "correlation": name,
        "value": rank.value,
        "lower": rank.lower,
        "upper": rank.upper,
        "level": f"{100 * rank.level:g} %",
        "p": rank.p_value,
        "p_exact": rank.p_exact,
        "n": rank.n,
    }


def _model(fit: ModelFit, report: CorrelationReport) -> dict[str, Any]:
    return {
        "model": fit.model,
        "intercept": fit.intercept,
        "slope": fit.slope,
        "threshold": fit.threshold,
        "sigma": fit.sigma,
        "parameters": fit.n_parameters,
        "aicc": fit.aicc,
        "delta_aicc": report.delta_aicc.get(fit.model),
        "identified": fit.identified,
    }
