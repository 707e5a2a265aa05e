"""The figures of the report, drawn from documents."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from liface.documents import FilmPoint, InterfaceResult, LineFit, ScanPoint
from liface.report.canvas import INK, MARKERS, MUTED, PALETTE, PAPER, Plot, drawing, frame, render
from liface.report.numbers import fixed, pairing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_IN = 4.7
"""Figure width that stays readable on a telephone."""

TILE_IN = 3.6
"""Figure width of which three stand side by side on a desk."""


@dataclass(frozen=True)
class Bar:
    """One value in a ranking: who computed it, its error, and whether it may be relied on."""

    engine: str
    value: float
    error: float | None = None
    flagged: bool = False


@dataclass(frozen=True)
class Ranked:
    """One row of a ranking with the published value, where there is one."""

    name: str
    bars: tuple[Bar, ...]
    published: float | None = None
    bound: str = ""
    """``>`` or ``<`` where only a limit is published."""

    @property
    def values(self) -> tuple[float, ...]:
        """Values of all engines."""
        return tuple(bar.value for bar in self.bars)


def styles(engines: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Give every engine its colour and marker."""
    return {e: (PALETTE[i % len(PALETTE)], MARKERS[i % len(MARKERS)]) for i, e in enumerate(engines)}


def ranking(rows: Sequence[Ranked], look: Mapping[str, tuple[str, str]], axis: str, slug: str, title: str) -> Plot:
    """Draw values per row, largest on top: error bars, the span between engines, published values.

    ``look`` gives colour and marker of every engine that appears.
    """
    with drawing(WIDTH_IN, 0.95 + 0.3 * len(rows)) as figure:
        axes = figure.add_subplot()
        for y, row in enumerate(reversed(rows)):
            _ranked_row(axes, y, row, look)
        axes.set_yticks(range(len(rows)), [row.name for row in reversed(rows)])
        axes.set(xlabel=axis, ylim=(-0.6, len(rows) - 0.4))
        if any(value < 0 for row in rows for value in row.values):
            axes.axvline(0, color=MUTED, lw=0.8)
        frame(axes, "x")
        _legend(axes, look, published=any(row.published is not None for row in rows),
                bound=any(row.bound for row in rows),
                hollow=any(bar.flagged for row in rows for bar in row.bars))  # fmt: skip
        names = "; ".join(f"{row.name} {', '.join(fixed(v) for v in row.values)}" for row in rows)
        return render(figure, slug, title, f"{title}, {axis}. From the largest: {names}.")


def _ranked_row(axes: Axes, y: int, row: Ranked, look: Mapping[str, tuple[str, str]]) -> None:
    if len(row.bars) > 1:
        axes.plot([min(row.values), max(row.values)], [y, y], color=MUTED, lw=3.2, alpha=0.35,
                  solid_capstyle="round", zorder=1)  # fmt: skip
    offset = 0.16 if len(row.bars) > 1 else 0.0
    for i, bar in enumerate(row.bars):
        colour, marker = look[bar.engine]
        axes.errorbar(
            bar.value, y + offset * (0.5 * (len(row.bars) - 1) - i), xerr=bar.error, fmt=marker, ms=5.5, mew=1.1,
            color=colour, mfc=PAPER if bar.flagged else colour, capsize=2.5, elinewidth=1.1, zorder=3,
        )  # fmt: skip
    if row.published is not None:
        axes.plot(row.published, y, row.bound or "|", color=INK, ms=7 if row.bound else 13, mew=2.0, zorder=2)


def _legend(axes: Axes, look: Mapping[str, tuple[str, str]], *, published: bool, bound: bool, hollow: bool) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], ls="", marker=m, color=c, ms=5.5, label=e) for e, (c, m) in look.items()]
    if hollow:
        handles.append(Line2D([], [], ls="", marker="o", mfc=PAPER, color=MUTED, ms=5.5, label="flagged"))
    if published:
        handles.append(Line2D([], [], ls="", marker="|", color=INK, ms=11, mew=2, label="published"))
    if bound:
        handles.append(Line2D([], [], ls="", marker=">", color=INK, ms=6, label="published bound"))
    axes.figure.legend(handles=handles, loc="outside upper center", ncols=min(3, len(handles)), handletextpad=0.3)


def in_fit(points: Sequence[FilmPoint], fit: LineFit) -> tuple[bool, ...]:
    """Tell which points entered a fit: those whose distance from the line is one of its residuals, in order."""
    waiting = list(fit.residuals_mev_per_a2)
    if len(waiting) == len(points):
        return (True,) * len(points)
    used = []
    for point in points:
        line = fit.intercept_mev_per_a2 + fit.slope_mev_per_a2_per_li * point.n_li
        hit = bool(waiting) and math.isclose(point.gamma_mev_per_a2 - line, waiting[0], abs_tol=1e-6)
        used.append(hit)
        if hit:
            waiting.pop(0)
    return tuple(used)


def gamma_series(result: InterfaceResult, slug: str, colour: str = PALETTE[0]) -> Plot:
    """Draw γ against film thickness with both fits and the plateau; gap and registry scans below."""
    title = pairing(result.substrate, result.substrate_plane, result.film, result.film_plane)
    gaps, shifts = _gap_points(result.scan), _registry_points(result.scan)
    with drawing(TILE_IN, 2.65 + (1.4 if gaps or shifts else 0.0)) as figure:
        grid = figure.add_gridspec(2, 2, height_ratios=(2.5, 1.1)) if gaps or shifts else figure.add_gridspec(1, 2)
        _series(figure.add_subplot(grid[0, :]), result, colour)
        if gaps:
            _gap_scan(figure.add_subplot(grid[1, 0]), gaps, result.gap_a, colour)
        if shifts:
            _registry_scan(figure.add_subplot(grid[1, 1]), shifts, result.shift)
        values = ", ".join(f"{p.n_li} Li {fixed(p.gamma_mev_per_a2)}" for p in result.points)
        alt = (f"Excess energy of {title} against film thickness, meV/Å²: {values}. Fixed-slope intercept "
               f"{fixed(result.gamma_mev_per_a2)}, free fit {fixed(result.gamma_free_mev_per_a2)}, "
               f"plateau {fixed(result.gamma_plateau_mev_per_a2)}.")  # fmt: skip
        return render(figure, slug, f"γ(n) of {title}, {result.engine.label}", alt)


def _series(axes: Axes, result: InterfaceResult, colour: str) -> None:
    used = in_fit(result.points, result.free_fit)
    longest = max([p.n_li for p in result.points], default=1)
    span = (0.0, longest * 1.04)
    for fit, line, name in ((result.fixed_fit, "-", "slope from strain energy"), (result.free_fit, "--", "free fit")):
        ends = [fit.intercept_mev_per_a2 + fit.slope_mev_per_a2_per_li * n for n in span]
        axes.plot(span, ends, line, color=colour if line == "-" else INK, lw=1.4 if line == "-" else 1.0, label=name)
    axes.axhline(result.gamma_plateau_mev_per_a2, color=MUTED, lw=1.0, ls=":", label="plateau")
    for point, inside in zip(result.points, used, strict=True):
        axes.plot(point.n_li, point.gamma_mev_per_a2, "o" if point.converged else "X", ms=6, mew=1.2,
                  color=colour, mfc=colour if inside else PAPER, zorder=3)  # fmt: skip
    axes.errorbar(0, result.gamma_mev_per_a2, yerr=result.gamma_stderr_mev_per_a2, fmt="D", ms=5, color=INK,
                  capsize=3, elinewidth=1.1, zorder=4, label="γ₀")  # fmt: skip
    axes.set(xlabel="Li atoms in the film", ylabel="γ(n)  (meV/Å²)", xlim=(-0.035 * longest, span[1]))
    axes.xaxis.set_major_locator(_few_ticks(6, integer=True))
    _roomy(axes, result)
    frame(axes)
    axes.figure.legend(loc="outside upper center", ncols=2, handlelength=1.8, columnspacing=1.4, handletextpad=0.4)


def _roomy(axes: Axes, result: InterfaceResult) -> None:
    """Keep at least 4 meV/Å² on the axis, so that a flat series looks flat."""
    values = [p.gamma_mev_per_a2 for p in result.points]
    values += [result.gamma_mev_per_a2, result.gamma_free_mev_per_a2, result.gamma_plateau_mev_per_a2]
    low, high = min(values), max(values)
    pad = max(0.12 * (high - low), 0.5 * (4.0 - (high - low)), 0.3)
    axes.set_ylim(low - pad, high + pad)


def _gap_points(scan: Sequence[ScanPoint]) -> list[ScanPoint]:
    return [point for point in scan if point.kind == "gap"]


def _registry_points(scan: Sequence[ScanPoint]) -> list[ScanPoint]:
    """Keep, of several gaps tried at one shift, the lowest."""
    best: dict[tuple[float, float], ScanPoint] = {}
    for point in scan:
        known = best.get(point.shift)
        if point.kind == "registry" and (known is None or point.gamma_mev_per_a2 < known.gamma_mev_per_a2):
            best[point.shift] = point
    return list(best.values())


def _gap_scan(axes: Axes, points: Sequence[ScanPoint], chosen: float, colour: str) -> None:
    ordered = sorted(points, key=lambda p: (p.gap_a, p.gamma_mev_per_a2))
    axes.plot([p.gap_a for p in ordered], [p.gamma_mev_per_a2 for p in ordered], "o", ms=3, color=colour)
    axes.axvline(chosen, color=MUTED, lw=0.8, ls=":")
    axes.set_xlabel("gap (Å)", fontsize=8)
    axes.set_ylabel("γ start", fontsize=8)
    axes.set_title("gap scan", fontsize=8, loc="left")
    axes.tick_params(labelsize=7.5)
    axes.locator_params(nbins=4)
    frame(axes)


def _registry_scan(axes: Axes, points: Sequence[ScanPoint], chosen: tuple[float, float]) -> None:
    values = [p.gamma_mev_per_a2 for p in points]
    x, y = [p.shift[0] for p in points], [p.shift[1] for p in points]
    axes.scatter(x, y, c=values, cmap="cividis", s=42, linewidths=0)
    axes.plot(*chosen, "o", ms=9, mfc="none", mec=PALETTE[1], mew=1.5)
    axes.set_title(f"registry, {fixed(min(values), 0)} to {fixed(max(values), 0)}", fontsize=8, loc="left")
    axes.set_xlabel("shift along a, b", fontsize=8)
    axes.tick_params(labelsize=7.5)
    axes.margins(0.18)
    axes.locator_params(nbins=3)
    frame(axes, None)


def _few_ticks(count: int = 3, *, integer: bool = False):  # type: ignore[no-untyped-def]
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(count, integer=integer)


def engine_parity(pairs: Sequence[tuple[str, float, float]], labels: tuple[str, str], axis: str, slug: str) -> Plot:
    """Draw the values of one engine against those of another."""
    with drawing(3.9, 3.7) as figure:
        axes = figure.add_subplot()
        low = min(min(a, b) for _, a, b in pairs)
        high = max(max(a, b) for _, a, b in pairs)
        pad = 0.08 * (high - low) + 1e-3
        axes.plot([low - pad, high + pad], [low - pad, high + pad], color=MUTED, lw=0.9, ls="--")
        for name, a, b in pairs:
            axes.plot(a, b, "o", ms=5, color=PALETTE[0])
            axes.annotate(name, (a, b), xytext=(5, -8), textcoords="offset points", fontsize=7, color=MUTED)
        axes.set(xlabel=f"{labels[0]}  ({axis})", ylabel=f"{labels[1]}  ({axis})", aspect="equal")
        frame(axes, "both")
        title = f"{labels[1]} against {labels[0]}"
        words = "; ".join(f"{name} {fixed(a, 2)} and {fixed(b, 2)}" for name, a, b in pairs)
        return render(figure, slug, title, f"{title}, {axis}: {words}. The dashed line marks equal values.")
