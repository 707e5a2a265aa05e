"""A growth sweep: observables with bands against the ratio of arrival rates, and what the deposits look like."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from liface.analysis.story import plain
from liface.report.canvas import INK, MUTED, PALETTE, RULE, Plot, drawing, frame, render

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage
    from PIL.Image import Image

    from liface.documents import MorphologyResult
    from liface.documents.mesoscale import Band
    from liface.mesoscale import GrowthSweep, SweepSpec

OBSERVABLES = (
    ("coverage", "substrate covered"),
    ("tip_height", "tip height (layers)"),
    ("roughness", "roughness (layers)"),
    ("n_nuclei", "nuclei"),
)
RATIO = "k(Li-substrate) / k(Li-Li)"
MOST_PICTURES = 5
FRAMES_PER_S, FRAME_DPI = 12, 90
COLOURS = "cividis"


def growth_plot(sweep: GrowthSweep, pictures: Mapping[float, np.ndarray], slug: str) -> Plot:
    """Draw a finished sweep; ``pictures`` holds heights of shape (size, size) by ratio."""
    shown = spread_out(sorted(pictures))
    with drawing(9.4, 4.9) as figure:
        rows = figure.add_gridspec(2, 1, height_ratios=(1.0, 1.05))
        above, below = figure.add_subfigure(rows[0]), figure.add_subfigure(rows[1])
        for axes, (name, label) in zip(above.subplots(1, len(OBSERVABLES)), OBSERVABLES, strict=True):
            _bands(axes, [p.ratio for p in sweep.points], [getattr(p, name) for p in sweep.points], label)
        tallest = max(int(pictures[ratio].max()) for ratio in shown)
        panels = np.atleast_1d(below.subplots(1, len(shown)))
        for axes, ratio in zip(panels, shown, strict=True):
            image = _map(axes, pictures[ratio], tallest, f"ratio {ratio:g}")
        below.colorbar(image, ax=list(panels), label="height (layers)", shrink=0.8, pad=0.02, extend="min")
        title = f"Growth of {sweep.spec.atoms} Li atoms against {RATIO}"
        return render(figure, slug, title, _words(sweep, title))


def substrates_plot(results: Sequence[MorphologyResult], slug: str, engine: str) -> Plot:
    """Draw coverage and tip height of several substrates against the ratio, and the deposit of each at its own."""
    names = [f"{result.substrate}({result.substrate_plane})" for result in results]
    title = f"Growth of {results[0].atoms} Li atoms, {engine}"
    with drawing(max(6.4, 2.0 * len(results)), 5.2) as figure:
        rows = figure.add_gridspec(2, 1, height_ratios=(1.1, 1.0))
        above, below = figure.add_subfigure(rows[0]), figure.add_subfigure(rows[1])
        for axes, (name, label) in zip(above.subplots(1, 2), OBSERVABLES[:2], strict=True):
            for i, result in enumerate(results):
                colour = PALETTE[i % len(PALETTE)]
                _bands(axes, [p.ratio for p in result.points], [getattr(p, name) for p in result.points], label, colour)
                axes.plot([result.ratio], [getattr(result, name)], "*", ms=12, color=colour, mec=INK, label=names[i])
        above.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=min(4, len(results)))
        heights = [np.array(result.heights) for result in results]
        tallest = max(int(each.max()) for each in heights)
        panels = np.atleast_1d(below.subplots(1, len(results)))
        for axes, name, result, each in zip(panels, names, results, heights, strict=True):
            image = _map(axes, each, tallest, f"{name}, ratio {plain(result.ratio)}")
        below.colorbar(image, ax=list(panels), label="height (layers)", shrink=0.8, pad=0.02, extend="min")
        words = "; ".join(
            f"{name}: ratio {plain(r.ratio)}, coverage {r.coverage:.3f}, tip {r.tip_height:.1f} layers"
            for name, r in zip(names, results, strict=True)
        )
        return render(figure, slug, title, f"{title}. Stars: at the ratio of the substrate. {words}.")


def _bands(axes: Axes, ratios: Sequence[float], bands: Sequence[Band], label: str, colour: str = PALETTE[0]) -> None:
    axes.fill_between(ratios, [b.lower for b in bands], [b.upper for b in bands], color=colour, alpha=0.25, lw=0)
    axes.plot(ratios, [b.mean for b in bands], "o-", ms=4, lw=1.3, color=colour)
    axes.set(xscale="log", xlabel=RATIO, ylabel=label)
    axes.xaxis.label.set_fontsize(8)
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:g}")  # plain numbers: the house style reads no mathematics
    axes.xaxis.set_minor_formatter(lambda *_: "")
    frame(axes)


def _map(axes: Axes, heights: np.ndarray, tallest: int, title: str) -> AxesImage:
    """Show heights from one layer up in colours; the bare substrate is grey."""
    from matplotlib import colormaps

    colours = colormaps[COLOURS].with_extremes(under=RULE)
    image = axes.imshow(heights, cmap=colours, vmin=0.5, vmax=max(tallest, 1) + 0.5, interpolation="nearest")
    axes.set_title(title, fontsize=8.5, color=INK)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color(MUTED)
    return image


def spread_out(ratios: Sequence[float], most: int = MOST_PICTURES) -> list[float]:
    """Choose at most so many of them, the ends included."""
    if len(ratios) <= most:
        return list(ratios)
    return [ratios[round(i * (len(ratios) - 1) / (most - 1))] for i in range(most)]


def _words(sweep: GrowthSweep, title: str) -> str:
    points = "; ".join(
        f"{p.ratio:g}: coverage {p.coverage.mean:.3f}, tip {p.tip_height.mean:.1f} layers, "
        f"roughness {p.roughness.mean:.2f} layers, {p.n_nuclei.mean:.0f} nuclei"
        for p in sweep.points
    )
    level = 100 * sweep.points[0].coverage.level
    return f"{title}. Means of {len(sweep.spec.seeds)} seeds with {level:g} % intervals. {points}."


def growth_animation(spec: SweepSpec, frames: int = 60) -> bytes:
    """Return a GIF of the first seed at up to five ratios, side by side, at equal numbers of atoms.

    The runs are done again, which gives the same lattices, as their random numbers are the same.
    """
    ratios = spread_out(spec.ratios)
    pictures = []
    with drawing(1.9 * len(ratios) + 0.2, 2.4) as figure:
        panels = np.atleast_1d(figure.subplots(1, len(ratios)))
        bare = np.zeros((spec.growth.size,) * 2, int)
        images = [_map(axes, bare, 1, f"ratio {ratio:g}") for axes, ratio in zip(panels, ratios, strict=True)]
        title = figure.suptitle("Li atoms", fontsize=9)
        for atoms, lattices in _growing(spec, ratios, frames):
            title.set_text(f"{atoms} Li atoms")
            top = max(heights.max() for heights in lattices)
            for axes, image, ratio, heights in zip(panels, images, ratios, lattices, strict=True):
                image.set_data(heights)
                image.set_clim(0.5, top + 0.5)
                axes.set_title(f"ratio {ratio:g}, tip {heights.max()}", fontsize=8.5, color=INK)
            pictures.append(_frame(figure))
            figure.set_layout_engine("none")  # the layout just found holds for all frames
    gif = io.BytesIO()
    pause = 1000 // FRAMES_PER_S
    pauses = [pause] * (len(pictures) - 1) + [20 * pause]
    pictures[0].save(gif, format="GIF", save_all=True, append_images=pictures[1:], duration=pauses, loop=0)
    return gif.getvalue()


def _frame(figure: Figure) -> Image:
    from PIL import Image

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=FRAME_DPI)
    return Image.open(buffer).convert("P", palette=Image.Palette.ADAPTIVE)


def _growing(spec: SweepSpec, ratios: Sequence[float], frames: int) -> Iterator[tuple[int, list[np.ndarray]]]:
    from liface.mesoscale import Growth

    runs = [Growth(spec.growth.at_ratio(ratio), spec.seeds[0]) for ratio in ratios]
    for i in range(1, frames + 1):
        atoms = math.ceil(i * spec.atoms / frames)
        for run in runs:
            run.advance(atoms)
        yield atoms, [run.heights for run in runs]
