"""Computed descriptors of the database against measured responses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from liface.analysis.correlation import correlate
from liface.analysis.responses import MeasuredPoint, measured
from liface.database import Database
from liface.database.filters import quoted
from liface.dispatch.literature import literature_of
from liface.errors import InputError, LifaceError

if TYPE_CHECKING:
    from liface.analysis.correlation_report import CorrelationReport
    from liface.workflows.campaign import Campaign

DESCRIPTORS = {
    "gamma_mev_per_a2": ("interfaces", "gamma_stderr_mev_per_a2", "meV/Å²"),
    "work_of_adhesion_mev_per_a2": ("wetting", None, "meV/Å²"),
    "contact_angle_deg": ("wetting", None, "deg"),
    "e_bind_ev_per_li": ("bindings", None, "eV"),
}
"""Table, column of the standard error, and unit of each descriptor."""


def descriptor_values(
    database: Database,
    descriptor: str = "gamma_mev_per_a2",
    *,
    film_plane: str = "100",
    engine: str | None = None,
    campaign: str | None = None,
) -> dict[str, tuple[float, float | None]]:
    """Return value and standard error of a computed descriptor by substrate.

    Where a substrate has several planes the most stable facet of its library entry comes first and is taken;
    results of several engines are never mixed.

    Raises
    ------
    InputError
        No such descriptor, or results of several engines and none named.
    """
    if descriptor not in DESCRIPTORS:
        raise InputError(f"unknown descriptor {descriptor!r}; known: {', '.join(DESCRIPTORS)}")
    noun, error_column, _ = DESCRIPTORS[descriptor]
    rows = database.query(noun, where=_where(noun, film_plane, engine, campaign))
    engines = {row["engine_fingerprint"]: f"{row['engine']}:{row['model']}" for row in rows}
    if len(engines) > 1:
        raise InputError(
            f"{descriptor} is stored for {', '.join(sorted(engines.values()))}; choose one with --engine, or ask a "
            "database of its own where models differ in their options only"
        )
    if len(campaigns := sorted({row["campaign"] for row in rows})) > 1:
        raise InputError(f"{descriptor} is stored by campaigns {', '.join(campaigns)}; choose one with --campaign")
    chosen: dict[str, dict] = {}
    for row in rows:
        best = chosen.get(row["substrate"])
        if best is None or _facet_rank(row) < _facet_rank(best):
            chosen[row["substrate"]] = row
    return {
        name: (row[descriptor], row[error_column] if error_column else None) for name, row in sorted(chosen.items())
    }


def correlate_stored(
    database: Database,
    response: str = "ccd",
    protocol: str | None = None,
    descriptor: str = "gamma_mev_per_a2",
    film_plane: str = "100",
    engine: str | None = None,
    campaign: str | None = None,
    points_file: Path | None = None,
    predict: Sequence[str] = (),
) -> CorrelationReport:
    """Hold stored values of a descriptor against a measured response.

    Raises
    ------
    TooFewPointsError, ResponseDataError, InputError
        See :func:`liface.analysis.correlation.correlate` and :func:`descriptor_values`.
    """
    values = descriptor_values(database, descriptor, film_plane=film_plane, engine=engine, campaign=campaign)
    name = f"{descriptor}, Li({film_plane})" if DESCRIPTORS[descriptor][0] != "bindings" else descriptor
    return correlate(
        values,
        (*measured(response, points_file), *own_points(database, response)),
        predict=predict,
        protocol=protocol,
        descriptor_name=name,
        descriptor_unit=DESCRIPTORS[descriptor][2],
    )


def own_points(database: Database, response: str) -> tuple[MeasuredPoint, ...]:
    """Return the stored published values of a response that do not come with the package.

    One whose protocol is the name of a known protocol is pooled with it; otherwise the text is a protocol of its own.
    """
    known = literature_of(database)
    return tuple(
        MeasuredPoint(
            response=response, material=value.material, label=value.label or value.material, value=value.house_value,
            unit=value.house_unit, qualifier=value.qualifier, protocol=value.protocol or "not said", doi=value.doi,
            where=value.where,
        )
        for value in known.values
        if value.quantity == response and known.origin(value) == "database"
    )  # fmt: skip


def correlations_of(campaign: Campaign, database: Database) -> tuple[list[CorrelationReport], list[str]]:
    """Return the correlations a campaign asks for, per engine, and why others could not be made."""
    from liface.engines.registry import engine_info

    reports: list[CorrelationReport] = []
    problems: list[str] = []
    for entry in campaign.file.correlations:
        for spec in campaign.engines:
            label = engine_info(spec).label
            try:
                reports.append(
                    correlate_stored(
                        database,
                        entry.response,
                        entry.protocol,
                        entry.descriptor,
                        entry.film_plane,
                        label,
                        campaign.name,
                        campaign.responses,
                        predict=entry.predict,
                    )
                )
            except LifaceError as error:
                problems.append(f"{entry.response} against {entry.descriptor} [{label}]: {error}")
    return reports, problems


def _where(noun: str, film_plane: str, engine: str | None, campaign: str | None) -> str:
    terms = [f'film_plane="{film_plane}"'] if noun != "bindings" else ["n_li=1 AND monolayers=0"]
    if noun == "interfaces":
        terms.append('method="sandwich"')
    if engine is not None:
        name, _, model = engine.partition(":")
        terms.append(f'engine="{name}"')
        if model:
            terms.append(f'model="{model}"')
    if campaign is not None:
        terms.append(f"campaign={quoted(campaign)}")
    return " AND ".join(terms)


def _facet_rank(row: dict) -> tuple[int, str]:
    """Order planes as the library lists them; planes it does not list come last."""
    from liface.structures.library import builtin_names, load

    planes = load(row["substrate"]).default_planes if row["substrate"] in builtin_names() else ()
    plane = row["substrate_plane"]
    return (planes.index(plane) if plane in planes else len(planes), plane)
