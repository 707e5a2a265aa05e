"""A measured response against a computed descriptor: bounds with arrows, both models, predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from liface.report.canvas import INK, MUTED, PALETTE, PAPER, Plot, drawing, frame, render
from liface.report.numbers import fixed, formula, general

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from liface.analysis.correlation_report import CorrelatedPoint, CorrelationReport, Prediction

QUALIFIERS = {"=": "", "≈": "≈ ", ">=": "≥ ", ">": "> ", "<=": "≤ ", "<": "< "}
"""How a qualifier is written before a value."""

_LINES = {"linear": (PALETTE[0], "-"), "threshold": (PALETTE[1], "--"), "constant": (MUTED, ":")}


_NAMES = {
    "ccd": "CCD",
    "nucleation_overpotential": "nucleation overpotential",
    "first_cycle_ce": "first-cycle Coulombic efficiency",
    "reservoir_ce": "Coulombic efficiency",
}


def response_name(response: str) -> str:
    """Write a response for people."""
    return _NAMES.get(response, response.replace("_", " "))


def correlation_plot(report: CorrelationReport, slug: str) -> Plot:
    """Draw points, models and predictions of one report."""
    with drawing(4.6, 3.8) as figure:
        axes = figure.add_subplot()
        xs = [p.descriptor for p in report.points] + [p.descriptor for p in report.predictions]
        values = [p.value for p in report.points]
        reach = 0.1 * (max(values) - min(values) or 1.0) if values else 1.0
        _models(axes, report, xs)
        for point in report.points:
            _point(axes, point, reach)
        _predictions(axes, report.predictions, 0.02 * (max(xs) - min(xs)) if xs else 0.0)
        axes.set(
            xlabel=f"{report.descriptor_name} ({report.descriptor_unit})",
            ylabel=f"{response_name(report.response)} ({report.unit})",
        )
        axes.margins(0.12)
        frame(axes, "both")
        _legend(axes, report)
        return render(figure, slug, _title(report), _words(report))


def _title(report: CorrelationReport) -> str:
    return f"{response_name(report.response)} against {report.descriptor_name}, n = {report.n}"


def _words(report: CorrelationReport) -> str:
    points = "; ".join(
        f"{p.material} {fixed(p.descriptor)}, {QUALIFIERS[p.qualifier]}{general(p.value)}" for p in report.points
    )
    return f"{_title(report)}. {report.descriptor_name} in {report.descriptor_unit}, {report.unit}: {points}."


def _point(axes: Axes, point: CorrelatedPoint, reach: float) -> None:
    bound = point.qualifier in (">", ">=", "<", "<=")
    axes.errorbar(point.descriptor, point.value, xerr=point.descriptor_stderr, fmt="o", ms=6.5, color=INK,
                  mfc=PAPER if bound else INK, mew=1.3, capsize=2.5, elinewidth=1.0, zorder=4)  # fmt: skip
    if bound:
        up = 1 if point.qualifier.startswith(">") else -1
        axes.annotate("", (point.descriptor, point.value + up * reach), (point.descriptor, point.value),
                      arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1.2, "shrinkA": 4, "shrinkB": 0},
                      zorder=4)  # fmt: skip
        axes.plot(point.descriptor, point.value + up * reach, alpha=0.0)
    axes.annotate(formula(point.material), (point.descriptor, point.value), xytext=(7, 3),
                  textcoords="offset points", fontsize=8.5, zorder=5)  # fmt: skip


def _models(axes: Axes, report: CorrelationReport, xs: list[float]) -> None:
    """Draw the fitted means over the range of the descriptors."""
    if not xs:
        return
    pad = 0.04 * (max(xs) - min(xs))
    low, high = min(xs) - pad, max(xs) + pad
    for fit in report.models:
        colour, line = _LINES[fit.model]
        hinge = [fit.threshold] if fit.threshold is not None and low < fit.threshold < high else []
        ends = [low, *hinge, high]
        axes.plot(ends, [fit.mean(x) for x in ends], line, color=colour, lw=1.5, zorder=2)


def _predictions(axes: Axes, predictions: Sequence[Prediction], step: float) -> None:
    """Draw predictions in the colour of their model, those of one material beside each other."""
    seen: dict[str, int] = {}
    for prediction in predictions:
        place = seen.setdefault(prediction.material, 0)
        seen[prediction.material] += 1
        x, (colour, _) = prediction.descriptor + place * step, _LINES[prediction.model]
        reach = [[prediction.value - prediction.lower], [prediction.upper - prediction.value]]
        axes.errorbar(x, prediction.value, yerr=reach, fmt="D", ms=4.5, color=colour, mfc=PAPER, mew=1.2, capsize=3,
                      elinewidth=1.0, zorder=3)  # fmt: skip
        if place == 0:
            axes.annotate(formula(prediction.material), (x, prediction.value), xytext=(-6, -4), ha="right",
                          textcoords="offset points", fontsize=8.5, color=MUTED)  # fmt: skip


def _legend(axes: Axes, report: CorrelationReport) -> None:
    from matplotlib.lines import Line2D

    dot = {"ls": "", "marker": "o", "color": INK, "ms": 6}
    handles = [Line2D([], [], label="measured", **dot)]  # type: ignore[arg-type]
    if report.n_censored:
        handles.append(Line2D([], [], mfc=PAPER, label="bound (open where the arrow points)", **dot))  # type: ignore[arg-type]
    for fit in report.models:
        colour, line = _LINES[fit.model]
        name = fit.model if fit.identified else f"{fit.model} (undetermined)"
        handles.append(Line2D([], [], ls=line, color=colour, label=name))
    if report.predictions:
        level = f"{100 * report.predictions[0].level:.0f} %"
        handles.append(Line2D([], [], ls="", marker="D", color=MUTED, mfc=PAPER, ms=4.5,
                              label=f"predicted, {level} interval"))  # fmt: skip
    axes.figure.legend(handles=handles, loc="outside upper center", ncols=2, handlelength=1.8)
