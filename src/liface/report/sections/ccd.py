"""Measured responses against computed descriptors, with what may and what may not be concluded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from liface.report.context import Context
from liface.report.correlation_figure import QUALIFIERS, correlation_plot, response_name
from liface.report.html import EMPTY, Html, bullet_list, doi_link, join, missing, paragraph, section, tag
from liface.report.numbers import DASH, fixed, formula, general, p_value, with_error
from liface.report.tables import Column, html_table

if TYPE_CHECKING:
    from liface.analysis.correlation_report import CorrelationReport, ModelFit, Prediction, RankCorrelation

_TITLE = "Critical current density and other measured responses"


def build(context: Context) -> Html:
    """Show every correlation that was asked for."""
    if not context.correlations:
        text = "No correlation yet: it needs interfacial energies of materials with a measured response."
        return section("correlation", _TITLE, missing(text))
    return section("correlation", _TITLE, *(_report(context, report) for report in context.correlations))


def _report(context: Context, report: CorrelationReport) -> Html:
    name = f"{response_name(report.response)} against {report.descriptor_name}"
    sources = join((doi_link(doi) for doi in report.doi), ", ")
    figure = EMPTY
    if report.points:
        plot = context.add(correlation_plot(report, context.slug("correlation", report.response, report.protocol)))
        figure = plot.figure(f"{plot.title}, of which {report.n_censored} are bounds.")
    return tag(
        "div",
        tag("h3", name),
        paragraph(f"Protocol: {report.protocol_text or report.protocol}. Source: ", sources, "."),
        tag("div", figure, _verdict(report), class_="split"),
        html_table(_points(report), _point_columns(report), "Points, with their bounds"),
        html_table(_statistics(report), _STATISTICS, f"Statistics of {report.n} points"),
        html_table([_model(report, fit) for fit in report.models], _model_columns(report), "Censored regressions"),
        html_table(_predictions(report), _prediction_columns(report), "Predictions"),
        _remarks(report),
        class_="block",
    )


def _verdict(report: CorrelationReport) -> Html:
    said = bullet_list(report.claims) or missing("Nothing beyond the numbers themselves.")
    return tag(
        "div",
        tag("h4", "What can be said"),
        said,
        tag("h4", "What cannot be concluded"),
        bullet_list(report.cannot_conclude) or missing("Nothing in particular was ruled out."),
        class_="verdict",
    )


def _remarks(report: CorrelationReport) -> Html:
    items = [*(f"Left out: {text}" for text in report.left_out), *report.notes]
    return bullet_list([*items, f"Seed of every resampling: {report.seed}."], class_="note")


def _point_columns(report: CorrelationReport) -> list[Column]:
    return [
        Column("material", "Material"),
        Column("label", "Sample"),
        Column("descriptor", report.descriptor_name, report.descriptor_unit, numeric=True),
        Column("value", response_name(report.response), report.unit, numeric=True),
        Column("doi", "Source"),
    ]


def _points(report: CorrelationReport) -> list[dict[str, object]]:
    return [
        {
            "material": formula(point.material),
            "label": point.label,
            "descriptor": with_error(point.descriptor, point.descriptor_stderr),
            "value": QUALIFIERS[point.qualifier] + general(point.value),
            "doi": doi_link(point.doi) if point.doi else "own measurement",
        }
        for point in sorted(report.points, key=lambda p: -p.descriptor)
    ]


_STATISTICS = (
    Column("name", "Statistic"),
    Column("value", "Value", "", numeric=True),
    Column("interval", "Interval", "", numeric=True),
    Column("p", "p, two-sided", "", numeric=True),
    Column("n", "n", "", numeric=True),
    Column("range", "Without any one point", "", numeric=True),
)


def _statistics(report: CorrelationReport) -> list[dict[str, object]]:
    left = report.leave_one_out
    rows = [
        _rank("Spearman ρ", report.spearman, report.n) | {"range": _range(left.spearman_min, left.spearman_max)},
        _rank("Kendall τ", report.kendall, report.n),
        {"name": "Pearson r", "value": fixed(report.pearson, 2), "n": report.n,
         "interval": "not defined with bounds" if report.n_censored else None},
        {"name": "slope of the linear model", "value": _slope(report), "n": report.n,
         "range": _range(left.slope_min, left.slope_max, 3)},
        {"name": "pairs with a certain order", "value": f"{report.n_comparable_pairs} of {report.n_pairs}",
         "n": report.n},
        {"name": "most influential point", "value": formula(left.most_influential), "n": report.n},
    ]  # fmt: skip
    return rows


def _rank(name: str, rank: RankCorrelation | None, n: int) -> dict[str, object]:
    if rank is None:
        return {"name": name, "value": DASH, "interval": "not defined", "n": n}
    interval = _range(rank.lower, rank.upper)
    return {
        "name": name,
        "value": fixed(rank.value, 2),
        "interval": f"{interval} ({100 * rank.level:.0f} %)" if interval != DASH else DASH,
        "p": p_value(rank.p_value) + (" (exact)" if rank.p_exact else ""),
        "n": rank.n,
    }


def _slope(report: CorrelationReport) -> str:
    linear = report.model("linear")
    return fixed(linear.slope, 3) if linear else DASH


def _range(low: float | None, high: float | None, decimals: int = 2) -> str:
    if low is None or high is None:
        return DASH
    return f"{fixed(low, decimals)} to {fixed(high, decimals)}"


def _model_columns(report: CorrelationReport) -> list[Column]:
    return [
        Column("model", "Model"),
        Column("intercept", "Intercept", report.unit, numeric=True),
        Column("slope", "Slope", f"{report.unit} per {report.descriptor_unit}", numeric=True),
        Column("threshold", "Threshold", report.descriptor_unit, numeric=True),
        Column("sigma", "Scatter", report.unit, numeric=True),
        Column("aicc", "AICc", "", numeric=True),
        Column("delta", "ΔAICc", "", numeric=True),
        Column("remark", "Remark"),
    ]


def _model(report: CorrelationReport, fit: ModelFit) -> dict[str, object]:
    remarks = []
    if fit.model == report.preferred_model:
        remarks.append("preferred by at least 2")
    if not fit.identified:
        remarks.append("parameters not all fixed by the data")
    if fit.sigma_at_floor:
        remarks.append("meets every point; scatter set to its floor")
    return {
        "model": fit.model,
        "intercept": fixed(fit.intercept, 2),
        "slope": fixed(fit.slope, 3) if fit.model != "constant" else None,
        "threshold": fixed(fit.threshold, 1) if fit.threshold is not None else None,
        "sigma": fixed(fit.sigma, 2),
        "aicc": fixed(fit.aicc, 1) if fit.aicc is not None else "not defined",
        "delta": fixed(report.delta_aicc.get(fit.model), 1),
        "remark": "; ".join(remarks),
    }


def _prediction_columns(report: CorrelationReport) -> list[Column]:
    return [
        Column("material", "Material"),
        Column("descriptor", report.descriptor_name, report.descriptor_unit, numeric=True),
        Column("value", f"Predicted {response_name(report.response)}", report.unit, numeric=True),
        Column("interval", "Interval for one new measurement", report.unit, numeric=True),
        Column("model", "Model"),
        Column("remark", "Remark"),
    ]


def _trust(prediction: Prediction) -> str:
    remarks = ["extrapolated"] if prediction.extrapolated else []
    if not prediction.calibrated:
        remarks.append("too few exact values: the interval is narrower than it says")
    return "; ".join(remarks)


def _predictions(report: CorrelationReport) -> list[dict[str, object]]:
    return [
        {
            "material": formula(p.material),
            "descriptor": with_error(p.descriptor, p.descriptor_stderr),
            "value": fixed(p.value, 1),
            "interval": f"{_range(p.lower, p.upper, 1)} ({100 * p.level:.0f} %)",
            "model": f"{p.model}, n = {p.n}",
            "remark": _trust(p),
        }
        for p in report.predictions
    ]
