"""Pictures of relaxed structures."""

from __future__ import annotations

from liface.documents import Geometry
from liface.report.context import Context
from liface.report.grouping import interface_name
from liface.report.html import Html, details, esc, join, missing, paragraph, section, tag
from liface.report.numbers import facet, plural
from liface.report.sections.binding import slot_of, slot_title
from liface.report.structures_view import legend, plot_structure, side_view, svg_view, top_view

_MAX_OPEN = 12


def build(context: Context) -> Html:
    """Side and top view of every relaxed interface and of every lowest adsorbate."""
    records = context.records
    entries = [(interface_name(r), records.label(r.engine), r.structure) for r in context.interfaces()]
    entries += [
        (f"{facet(r.substrate, r.substrate_plane)}, {slot_title(slot_of(r))}", records.label(r.engine), r.structure)
        for r in records.bindings
    ]
    if not entries:
        return section("structures", "Relaxed structures", missing("No relaxed interfaces or adsorbates yet."))
    tiles = [_tile(context, *entry) for entry in entries]
    folded = tag("div", *tiles[_MAX_OPEN:], class_="grid structures")
    return section(
        "structures",
        "Relaxed structures",
        paragraph(
            "The dashed line is the periodic cell; narrow cells are repeated. Atoms further away are greyer; a "
            "stroke marks atoms held fixed. At interfaces the top view shows only the planes next to the contact."
        ),
        tag("div", *tiles[:_MAX_OPEN], class_="grid structures"),
        details(f"{plural(len(tiles) - _MAX_OPEN, 'more structure')}", folded) if tiles[_MAX_OPEN:] else "",
    )


def _tile(context: Context, name: str, engine: str, geometry: Geometry) -> Html:
    context.add(plot_structure(geometry, context.slug("structure", name, engine), f"{name}, {engine}"))
    pair = tag(
        "div",
        svg_view(side_view(geometry), f"{name}, relaxed, side view, {geometry.formula}"),
        svg_view(top_view(geometry), f"{name}, relaxed, top view"),
        class_="views",
    )
    caption = join([tag("strong", name), " ", esc(engine), tag("br"), legend(geometry), f" {geometry.formula}"])
    return tag("figure", pair, tag("figcaption", caption), class_="tile")
