"""Computed against published values, one panel per quantity: how far models lie from the line."""

from __future__ import annotations

from collections.abc import Sequence

from liface.analysis.comparison import Comparison
from liface.documents import QUANTITIES
from liface.report.canvas import MUTED, Plot, drawing, frame, render
from liface.report.figures import TILE_IN, styles
from liface.report.numbers import fixed

PANELS = {"surface": "surfaces", "interface_gamma": "interfaces with Li", "binding": "binding of Li"}


def trust_plot(rows: Sequence[Comparison], slug: str) -> Plot:
    """Draw every computed value against the published one; bounds are left out, the dashed line marks equal values."""
    values = [row for row in rows if row.difference is not None]
    panels = [name for name in PANELS if any(row.quantity == name for row in values)]
    engines = list(dict.fromkeys(f"{row.engine}:{row.model}" for row in values))
    look = styles(engines)
    with drawing(TILE_IN * len(panels), TILE_IN) as figure:
        every = figure.subplots(1, len(panels), squeeze=False)[0]
        words = []
        for axes, name in zip(every, panels, strict=True):
            mine = [row for row in values if row.quantity == name]
            ends = [n for row in mine for n in (row.computed, row.published)]
            pad = 0.06 * (max(ends) - min(ends)) + 1e-3
            line = [min(ends) - pad, max(ends) + pad]
            axes.plot(line, line, color=MUTED, lw=0.9, ls="--")
            for engine in engines:
                points = [(r.published, r.computed) for r in mine if f"{r.engine}:{r.model}" == engine]
                colour, marker = look[engine]
                axes.plot(*zip(*points, strict=True), marker, ms=5, color=colour, label=engine) if points else None
            unit = QUANTITIES[name].unit
            axes.set(xlabel=f"published ({unit})", ylabel=f"computed ({unit})", title=PANELS[name])
            frame(axes, "both")
            words += [f"{r.system} {fixed(r.published, 2)} and {fixed(r.computed, 2)} {r.engine}" for r in mine]
        every[0].legend(loc="upper left")
        title = "Computed against published values"
        return render(figure, slug, title, f"{title}: {'; '.join(words)}. The dashed line marks equal values.")
