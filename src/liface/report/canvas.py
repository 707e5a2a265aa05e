"""Drawing with matplotlib without its global state: deterministic SVG for the page, SVG and PNG as files."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from liface.report.html import Html, esc, tag

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1d2733"
MUTED = "#64707d"
RULE = "#d3d9e0"
PAPER = "#fffffe"
"""Stand-ins that become CSS variables on the page, so that figures follow a dark colour scheme."""

_VARIABLES = {INK: "var(--ink)", MUTED: "var(--muted)", RULE: "var(--rule)", PAPER: "var(--paper)"}

PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's colours, told apart with every common colour vision; markers differ as well."""

MARKERS = ("o", "s", "^", "D", "v", "P")

_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "liface",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlesize": 9.5,
    "axes.titlecolor": INK,
    "axes.linewidth": 0.8,
    "axes.unicode_minus": True,
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "axes.axisbelow": True,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "path.simplify": True,
}

PNG_DPI = 160
MOST_PIXELS = 60_000
"""Of a picture in one direction; matplotlib draws none above 65,535."""


@dataclass(frozen=True)
class Plot:
    """One figure: what it shows in words, and its two file formats."""

    slug: str
    title: str
    alt: str
    svg: str
    png: bytes

    def inline(self) -> Html:
        """Return the SVG for the page: ids made unique, colours tied to the page's, sizes left to CSS."""
        return inline_svg(self.svg, self.slug, self.alt)

    def figure(self, caption: object = None, class_: str | None = None) -> Html:
        """Return the ``figure`` element with its caption."""
        return tag("figure", self.inline(), tag("figcaption", caption or self.title), class_=class_)


@contextmanager
def drawing(width: float, height: float) -> Iterator[Figure]:
    """Open a figure of ``width`` × ``height`` inch; it must be rendered inside the block."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(rc=_STYLE):  # type: ignore[arg-type]
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure


def render(figure: Figure, slug: str, title: str, alt: str) -> Plot:
    """Render to SVG and PNG; the same figure always gives the same bytes.

    The PNG of a figure too tall for its usual resolution, such as a ranking of thousands, gets a lower one.
    """
    svg, png = io.StringIO(), io.BytesIO()
    dpi = min(PNG_DPI, MOST_PIXELS / max(figure.get_size_inches()))
    figure.savefig(png, format="png", dpi=dpi, metadata={"Software": None})
    figure.set_layout_engine("none")  # keeps the layout just found instead of finding it again
    figure.savefig(svg, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return Plot(slug, title, alt, _tidy(svg.getvalue()), png.getvalue())


def frame(axes: Axes, grid: str | None = "y") -> None:
    """Give a panel the house look: two spines, a light grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=3, width=0.8)
    if grid:
        axes.grid(axis=grid)  # type: ignore[arg-type]


def _tidy(svg: str) -> str:
    """Drop what a viewer does not need (metadata, long decimals) and what XML does not allow."""
    svg = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "\N{REPLACEMENT CHARACTER}", svg)
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r"(\d+\.\d{2})\d+", r"\1", svg)
    return re.sub(r"\n\s+", "\n", svg)


def inline_svg(svg: str, slug: str, alt: str) -> Html:
    """Turn a stand-alone SVG file into one that can sit on a page among others."""
    prefix = re.sub(r"[^A-Za-z0-9_-]", "-", slug)
    svg = svg[svg.index("<svg") :]
    head, _, rest = svg.partition(">")
    view = re.search(r'viewBox="([^"]+)"', head)
    box = view.group(1) if view else "0 0 100 100"
    # points to CSS pixels, so that text on the page has the size it was drawn with
    width = float(box.split()[2]) * 4 / 3
    used = set(re.findall(r'(?:url\(#|xlink:href="#)([^)"]+)', rest))
    rest = re.sub(r' id="([^"]+)"', lambda m: f' id="{prefix}-{m[1]}"' if m[1] in used else "", rest)
    rest = rest.replace("url(#", f"url(#{prefix}-").replace('xlink:href="#', f'href="#{prefix}-')
    rest = rest.replace('xlink:href="data:', 'href="data:')
    for colour, variable in _VARIABLES.items():
        rest = rest.replace(colour, variable)
    rest = re.sub(r"font: ([\d.]+)px [^;\"]+", r"font-size: \1px", rest)
    opening = (
        f'<svg viewBox="{box}" role="img" aria-label="{esc(alt)}" style="max-width:{width:.0f}px" '
        f'xmlns="http://www.w3.org/2000/svg">'
    )
    return Html(opening + rest.strip())
