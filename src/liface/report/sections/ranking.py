"""Li interfacial energies across substrates, one ranking per Li plane."""

from __future__ import annotations

from liface.documents import InterfaceResult
from liface.report.context import Context
from liface.report.figures import Bar, Ranked, ranking
from liface.report.grouping import Group, interface_name, ranked_interfaces, trusted
from liface.report.html import Html, missing, paragraph, section, tag
from liface.report.numbers import fixed, with_error
from liface.report.published import as_cell, references
from liface.report.tables import Column, html_table

_EMPTY = "No interfacial energies yet: a campaign with an interfaces: block fills this section."


def build(context: Context) -> Html:
    """Rank the interfaces of every Li plane, highest first."""
    groups = ranked_interfaces(context.records.interfaces)
    if not groups:
        return section("ranking", "Li interfacial energies", missing(_EMPTY))
    planes = sorted({g.any.film_plane for g in groups})
    parts = [_plane(context, plane, [g for g in groups if g.any.film_plane == plane]) for plane in planes]
    return section("ranking", "Li interfacial energies", _intro(context), *parts)


def _intro(context: Context) -> Html:
    text = (
        "γ₀ is the excess energy per interface area at zero film thickness, with the slope fixed to the strain "
        "energy of the film. Errors are standard errors of that fit."
    )
    if len(context.records.engines) > 1:
        text += " The grey bar spans the engines: it is the larger uncertainty, and the honest one."
    return paragraph(text)


def _plane(context: Context, plane: str, groups: list[Group[InterfaceResult]]) -> Html:
    title = f"Interfaces with Li({plane})"
    plot = ranking(
        [_ranked(context, g) for g in groups],
        {label: context.look[label] for label in _labels(context, groups)},
        "γ₀ (meV/Å²)",
        context.slug("ranking-li", plane),
        f"Li interfacial energy on Li({plane})",
    )
    context.add(plot)
    table = html_table(
        [_row(context, g) for g in groups],
        _columns(context, groups),
        f"Li interfacial energies on Li({plane}), highest first",
        sortable=True,
    )
    figure = plot.figure(f"{plot.title}: highest on top, error bars are standard errors, vertical strokes published.")
    return tag("div", tag("h3", title), figure, table, class_="block")


def _labels(context: Context, groups: list[Group[InterfaceResult]]) -> list[str]:
    """Only the engines that appear, in the order of the report, so colours stay the same."""
    used = {fingerprint for g in groups for fingerprint in g.by_engine}
    return [label for fingerprint, label in context.records.labels.items() if fingerprint in used]


def _ranked(context: Context, g: Group[InterfaceResult]) -> Ranked:
    bars = tuple(
        Bar(context.records.labels[f], r.gamma_mev_per_a2, r.gamma_stderr_mev_per_a2, not trusted(r))
        for f, r in sorted(g.by_engine.items(), key=lambda item: context.engine_labels.index(
            context.records.labels[item[0]]))
    )  # fmt: skip
    known = references(g.any, "interface_gamma", context.literature)
    return Ranked(
        interface_name(g.any, with_film=False),
        bars,
        known[0].value if known else None,
        known[0].qualifier[0] if known and known[0].is_bound else "",
    )


def _columns(context: Context, groups: list[Group[InterfaceResult]]) -> list[Column]:
    columns = [Column("name", "Substrate")]
    for label in _labels(context, groups):
        columns.append(Column(label, f"{label} γ₀", "meV/Å²", numeric=True))
        columns.append(Column(f"{label} J", "γ₀", "J/m²", numeric=True))
    if len(_labels(context, groups)) > 1:
        columns.append(Column("spread", "Spread", "meV/Å²", numeric=True))
    return [
        *columns,
        Column("published", "Published", "meV/Å²", numeric=True),
        Column("strain", "Strain", "%", numeric=True),
        Column("flags", "Flags"),
    ]


def _row(context: Context, g: Group[InterfaceResult]) -> dict[str, object]:
    row: dict[str, object] = {"name": interface_name(g.any, with_film=False)}
    for fingerprint, result in g.by_engine.items():
        label = context.records.labels[fingerprint]
        row[label] = with_error(result.gamma_mev_per_a2, result.gamma_stderr_mev_per_a2)
        row[f"{label} J"] = fixed(result.gamma_j_per_m2, 3)
    values = g.values(lambda r: r.gamma_mev_per_a2)
    row["spread"] = fixed(max(values) - min(values)) if len(values) > 1 else None
    row["published"] = as_cell(references(g.any, "interface_gamma", context.literature))
    row["strain"] = " / ".join(dict.fromkeys(fixed(s) for s in g.values(lambda r: r.strain_percent)))
    row["flags"] = context.flags(g.flags)
    return row
