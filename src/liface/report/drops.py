"""Pictures of a drop at its contact angle: circle segments of equal area."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from liface.report.canvas import MUTED, PALETTE, Plot, drawing, render
from liface.report.html import Html, esc
from liface.report.numbers import fixed

_AREA = 1.0
_FLAT_DEG = 20.0
"""Below this the true segment would be too wide to draw; a film of this angle is drawn instead."""


def drop_outline(angle_deg: float, points: int = 49) -> np.ndarray:
    """Return the outline of a drop of unit area on the line y = 0, shape (points, 2).

    ``angle_deg`` is the inner angle between base and outline; it is drawn between 20° and 180°.
    """
    theta = math.radians(min(180.0, max(_FLAT_DEG, angle_deg)))
    radius = math.sqrt(_AREA / (theta - math.sin(theta) * math.cos(theta)))
    sweep = np.linspace(-theta, theta, points)
    return np.column_stack([radius * np.sin(sweep), radius * (np.cos(sweep) - math.cos(theta))])


def drop_svg(angle_deg: float, alt: str) -> Html:
    """Write a small inline picture for a table cell."""
    outline = drop_outline(angle_deg, 33)
    x, y = 48 + 22 * outline[:, 0], 27 - 22 * outline[:, 1]
    path = "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True)) + "Z"
    words = esc(f"{alt}, contact angle {fixed(angle_deg, 0)}°")
    return Html(
        f'<svg class="drop" viewBox="0 0 96 32" role="img" aria-label="{words}" '
        f'xmlns="http://www.w3.org/2000/svg"><path d="M2 27h92v4h-92z" class="ground"/>'
        f'<path d="{path}" class="li"/></svg>'
    )


def drop_strip(drops: Sequence[tuple[str, float, str]], slug: str) -> Plot:
    """Draw all drops, name and angle under each, four in a row."""
    columns = min(4, len(drops))
    rows = -(-len(drops) // columns)
    with drawing(1.55 * columns, 1.35 * rows) as figure:
        for i, (name, angle, engine) in enumerate(drops):
            axes = figure.add_subplot(rows, columns, i + 1)
            outline = drop_outline(angle)
            axes.fill(outline[:, 0], outline[:, 1], color=PALETTE[5], ec=PALETTE[0], lw=1.0)
            axes.plot([-2.6, 2.6], [0, 0], color=MUTED, lw=2.2)
            axes.set(xlim=(-2.7, 2.7), ylim=(-0.1, 1.4), aspect="equal")
            axes.set_axis_off()
            axes.set_title(f"{name}\n{engine}", fontsize=6.5)
            axes.text(0, -0.2, f"{fixed(angle, 0)}°", ha="center", va="top", fontsize=8)
        words = "; ".join(f"{name} {fixed(angle, 0)}°" for name, angle, _ in drops)
        return render(figure, slug, "Contact angles of Li", f"Drops of Li at their contact angles: {words}.")
