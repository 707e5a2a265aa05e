"""Numerical parameters: the series of every quantity, and from which value on it no longer changes."""

from __future__ import annotations

from liface.documents import ConvergenceResult
from liface.report.context import Context
from liface.report.convergence_figure import convergence_plot, measure_name
from liface.report.html import EMPTY, Html, details, paragraph, section, tag
from liface.report.numbers import fixed, signed
from liface.report.tables import Column, html_table

_COLUMNS = (
    Column("subject", "Quantity"),
    Column("parameter", "Parameter"),
    Column("engine", "Engine", keep=True),
    Column("converged", "Converged at"),
    Column("tolerance", "Tolerance"),
    Column("reference", "Reference"),
    Column("spread", "Highest minus lowest", "", numeric=True),
    Column("record", "Record"),
    Column("flags", "Flags"),
)
_POINTS = (
    Column("value", "Value", keep=True),
    Column("result", "Result", "", numeric=True),
    Column("difference", "Minus the reference", "", numeric=True),
    Column("atoms", "Atoms", "", numeric=True),
    Column("calculations", "Calculations", "", numeric=True),
    Column("note", "Note"),
)


def build(context: Context) -> Html:
    """Show every series with its verdict."""
    results = context.records.convergences
    if not results:
        return EMPTY
    note = (
        "Coarse to fine. A value counts as converged if it and all finer ones, at least two of them, lie within the "
        "tolerance (grey band) of the finest; where no value does, none is given."
    )
    return section(
        "convergence",
        "Convergence",
        paragraph(note),
        tag("div", *(_card(context, result) for result in results), class_="grid"),
        html_table([_row(context, result) for result in results], _COLUMNS, "Converged parameters"),
        *(_details(context, result) for result in results),
    )


def _card(context: Context, result: ConvergenceResult) -> Html:
    label = context.records.label(result.engine)
    slug = context.slug("convergence", result.subject, result.parameter, label)
    plot = context.add(convergence_plot(result, slug, context.colour(result.engine.fingerprint)))
    return plot.figure(f"{result.subject}, {result.parameter}, {label}: {verdict(result)}", class_="tile")


def verdict(result: ConvergenceResult) -> str:
    """Say from where on nothing changes."""
    if not result.settles:
        return f"not converged within {result.tolerance:g} {result.unit}"
    return f"converged at {_with_unit(result, result.converged_label or '')}"


def _row(context: Context, result: ConvergenceResult) -> dict[str, object]:
    decimals = _decimals(result)
    return {
        "subject": f"{result.subject}, {measure_name(result.measure)}",
        "parameter": result.parameter,
        "engine": context.records.label(result.engine),
        "converged": _with_unit(result, result.converged_label) if result.converged_label else "not converged",
        "tolerance": f"{result.tolerance:g} {result.unit}",
        "reference": f"{fixed(result.reference_result, decimals)} {result.unit} at "
        f"{_with_unit(result, result.reference_label)}",
        "spread": f"{fixed(result.spread, decimals)} {result.unit}",
        "record": result.record_id[:12],
        "flags": context.flags(result.flags),
    }


def _details(context: Context, result: ConvergenceResult) -> Html:
    decimals = _decimals(result)
    rows = [
        {
            "value": _with_unit(result, point.label),
            "result": f"{fixed(point.result, decimals)} {result.unit}",
            "difference": f"{signed(point.difference, decimals)} {result.unit}",
            "atoms": point.n_atoms,
            "calculations": point.n_calculations,
            "note": ", ".join(
                ["same cells as before"] * point.repeats + ["not relaxed to the end"] * (not point.converged)
            ),
        }
        for point in result.points
    ]
    name = f"{result.subject}, {result.parameter}, {context.records.label(result.engine)}"
    return details(f"{name}: {len(rows)} points", html_table(rows, _POINTS, f"Series of {name}"))


def _with_unit(result: ConvergenceResult, label: str) -> str:
    return label if result.parameter_unit == "1" else f"{label} {result.parameter_unit}"


def _decimals(result: ConvergenceResult) -> int:
    return 4 if result.unit == "eV" else 2
