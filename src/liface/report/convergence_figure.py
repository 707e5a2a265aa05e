"""Figure of a convergence series: the quantity over the parameter, and the band that counts as no change."""

from __future__ import annotations

from liface.documents import ConvergenceResult
from liface.report.canvas import INK, MUTED, PALETTE, PAPER, RULE, Plot, drawing, frame, render

_NAMES = {
    "energy_ev_per_atom": "energy per atom",
    "gamma_mev_per_a2": "γ",
    "e_bind_ev_per_li": "binding energy per Li",
}


def measure_name(measure: str) -> str:
    """Write the quantity that a series follows for people; one without a name stays the name of its column."""
    return _NAMES.get(measure, measure)


def convergence_plot(result: ConvergenceResult, slug: str = "convergence", colour: str = PALETTE[0]) -> Plot:
    """Draw a series, coarse to fine from the left; the converged value is filled, points that repeat are small."""
    title = f"{result.subject} against {result.parameter}"
    places = [float(i) for i in range(len(result.points))]
    values = [point.value for point in result.points]
    falls = values[0] is not None and values[-1] is not None and values[-1] < values[0]
    if values[0] is not None:
        places = [value for value in values if value is not None]
    with drawing(4.2, 2.9) as figure:
        axes = figure.subplots()
        low, high = result.reference_result - result.tolerance, result.reference_result + result.tolerance
        axes.axhspan(low, high, color=RULE, alpha=0.6, lw=0)
        axes.axhline(result.reference_result, color=MUTED, lw=0.8)
        axes.plot(places, [point.result for point in result.points], color=colour, lw=1.1)
        for place, point in zip(places, result.points, strict=True):
            chosen = point.label == result.converged_label
            axes.plot(
                [place], [point.result], "o" if point.converged else "X", ms=3.5 if point.repeats else 6.5,
                color=colour, mfc=colour if chosen else PAPER, mec=INK if chosen else colour,
            )  # fmt: skip
        if values[0] is None:
            axes.set_xticks(places, [point.label for point in result.points], fontsize=7)
        if falls:
            axes.invert_xaxis()
        unit = f" ({result.parameter_unit})" if result.parameter_unit != "1" else ""
        axes.set(xlabel=f"{result.parameter}{unit}", ylabel=f"{measure_name(result.measure)} ({result.unit})")
        axes.set_title(title)
        axes.yaxis.label.set_fontsize(8)
        frame(axes)
        return render(figure, slug, title, _words(result, title))


def _words(result: ConvergenceResult, title: str) -> str:
    points = ", ".join(f"{point.label}: {point.result:.5g}" for point in result.points)
    ending = f"converged at {result.converged_label}" if result.settles else "not converged"
    return f"{title}; {points} {result.unit}; {ending} within {result.tolerance:g} {result.unit}"
