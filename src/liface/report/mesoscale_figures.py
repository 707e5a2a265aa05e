"""Figures of the mesoscale: the map of creep mechanisms, and the driving forces of deposition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from liface.mesoscale.creep import MECHANISMS
from liface.report.canvas import INK, MUTED, PALETTE, PAPER, Plot, drawing, frame, render

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from liface.documents import BarrierResult, DepositionResult
    from liface.documents.mesoscale import PlaceEnergy
    from liface.mesoscale.creep_map import CreepMap
    from liface.mesoscale.deposition import Deposition

FAINTEST, STRONGEST = 0.12, 0.8
"""Opacity of a mechanism that leads in no more than a third of the draws, and of one that leads in all."""


def creep_plot(
    chart: CreepMap, title: str, slug: str = "creep-map", marks: Sequence[tuple[float, float, str]] = ()
) -> Plot:
    """Draw which mechanism leads; the fainter the colour, the less sure, and lines of equal rate over it.

    ``marks`` are pore sizes in nm and values of the second axis with a name each.
    """
    with drawing(5.2, 4.0) as figure:
        axes = figure.add_subplot()
        _areas(axes, chart)
        decades = np.log10(chart.rate)
        step = max(1, round((decades.max() - decades.min()) / 8))
        levels = np.arange(np.ceil(decades.min()), decades.max(), step)
        if levels.size:
            lines = axes.contour(
                chart.pores_nm, chart.y, decades, levels=levels, colors=INK, linewidths=0.6, linestyles="-"
            )
            axes.clabel(lines, fmt=lambda v: f"1e{v:.0f}", fontsize=7)
        for pore, value, name in marks:
            axes.plot([pore], [value], "o", ms=5, color=INK, mfc=PAPER)
            axes.annotate(name, (pore, value), xytext=(5, 4), textcoords="offset points", fontsize=7.5)
        axes.set_xscale("log")
        if chart.y_name == "stress_mpa":
            axes.set_yscale("log")
        for scale in (axes.xaxis, axes.yaxis):  # the house draws no formulas, so that powers of ten need plain text
            scale.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set(xlabel="pore diameter (nm)", ylabel=_axis(chart.y_name), title=title)
        frame(axes, None)
        handles = [_patch(PALETTE[i], name) for i, name in enumerate(MECHANISMS) if np.any(chart.fastest == i)]
        axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3)
        return render(figure, slug, title, f"Fastest creep mechanism of Li; lines: sum of rates in 1/s. {title}")


def deposition_plot(found: Deposition | DepositionResult, slug: str = "deposition") -> Plot:
    """Draw the driving force of every place, term by term, the best place on top."""
    terms = (("reaction", "reaction_ev"), ("potential", "potential_ev"), ("adhesion", "adhesion_ev"))
    with drawing(5.2, 0.9 + 0.7 * len(found.places)) as figure:
        axes = figure.add_subplot()
        for i, (name, key) in enumerate((*terms, ("pressure", "pressure_ev"))):
            starts = [_start(place, key) for place in found.places]
            values = [getattr(place, key) for place in found.places]
            axes.barh(range(len(values)), values, left=starts, height=0.5, color=PALETTE[i], label=name)
        for row, place in enumerate(found.places):
            axes.plot([place.driving_force_ev], [row], "D", ms=6, color=INK, mfc=INK if place.open else PAPER)
        axes.axvline(0, color=MUTED, lw=0.8)
        axes.set_yticks(range(len(found.places)), [p.place + ("" if p.open else " (closed)") for p in found.places])
        axes.invert_yaxis()
        axes.set(xlabel="ΔG (eV per Li); diamonds: sum")
        frame(axes, "x")
        figure.legend(loc="outside upper center", ncols=4)
        title = f"Li in {found.electrolyte} | {found.interlayer} | {found.collector}: {found.answer}"
        return render(figure, slug, title, title)


def barrier_plot(results: Sequence[BarrierResult], slug: str, engine: str) -> Plot:
    """Draw the path of the hop that limits each surface, from one minimum to the next."""
    with drawing(5.2, 3.2) as figure:
        axes = figure.add_subplot()
        for i, result in enumerate(results):
            hop = result.hops[result.limiting_hop]
            way = np.linspace(0, 1, len(hop.profile_ev))
            layers = f", {result.monolayers} ML" if result.monolayers else ""
            label = f"{result.substrate}({result.substrate_plane}){layers}"
            axes.plot(way, hop.profile_ev, "o-", ms=4, lw=1.3, color=PALETTE[i % len(PALETTE)], label=label)
        axes.set(xlabel="images along the path", ylabel="energy above the lowest minimum (eV)")
        frame(axes)
        figure.legend(loc="outside upper center", ncols=min(4, len(results)))
        words = "; ".join(f"{r.substrate}({r.substrate_plane}) {r.barrier_ev:.3f} eV" for r in results)
        title = f"Migration of one Li, {engine}"
        return render(figure, slug, title, f"{title}: limiting hop of every surface. Barriers: {words}.")


def _start(place: PlaceEnergy, key: str) -> float:
    """Where the bar of a term starts: positive and negative terms pile up on their own sides."""
    total = 0.0
    for other in ("reaction_ev", "potential_ev", "adhesion_ev", "pressure_ev"):
        if other == key:
            return total
        value = getattr(place, other)
        total += value if (value < 0) == (getattr(place, key) < 0) else 0.0
    return total


def _areas(axes: Axes, chart: CreepMap) -> None:
    from matplotlib.colors import to_rgb

    colours = np.array([to_rgb(colour) for colour in PALETTE[: len(MECHANISMS)]])[chart.fastest]
    sure = np.clip((chart.share - 1 / 3) / (2 / 3), 0, 1)
    alpha = FAINTEST + (STRONGEST - FAINTEST) * sure[..., None]
    axes.pcolormesh(chart.pores_nm, chart.y, np.concatenate([colours, alpha], axis=-1), shading="nearest",
                    rasterized=True)  # fmt: skip


def _axis(name: str) -> str:
    return {"stress_mpa": "driving stress (MPa)", "temperature_k": "temperature (K)"}[name]


def _patch(colour: str, label: str) -> object:
    from matplotlib.patches import Patch

    return Patch(color=colour, alpha=STRONGEST, label=label)
