"""Binding energies laid out as in the published tables, and the growth modes that follow."""

from __future__ import annotations

from collections.abc import Sequence

from liface.documents import BindingResult
from liface.report.context import Context
from liface.report.grouping import group
from liface.report.html import EMPTY, Html, details, doi_link, join, missing, paragraph, section, tag
from liface.report.numbers import facet, fixed, plural, signed
from liface.report.published import WANG2023_DOI, Reference, as_text, bindings
from liface.report.tables import Column, html_table

Slot = tuple[int, int, str]
"""Monolayers, number of Li, arrangement."""

_WORDS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight"}


def slot_of(result: BindingResult) -> Slot:
    """Column of a result."""
    return (result.monolayers, result.n_li, result.arrangement)


def slot_title(slot: Slot) -> str:
    """Heading of a column, as in the published tables."""
    layers, n, arrangement = slot
    where = {0: ""}.get(layers, f" on {layers} ML")
    if n == 1:
        return f"one Li{where or ', bare'}"
    return (f"Li{n}" if arrangement == "cluster" else f"{_WORDS.get(n, n)} atoms") + where


def build(context: Context) -> Html:
    """Both published tables with our values under the published ones."""
    results = context.records.bindings
    if not results:
        return section("binding", "Binding of Li", missing("No binding energies: a binding: block fills this section."))
    first = _layout(context, "Atoms against clusters, beside Table 1", lambda slot: slot[0] == 0 and slot[1] > 1)
    second = _layout(context, "One Li on bare and covered substrate, beside Table 2", lambda slot: slot[1] == 1)
    third = _layout(context, "Atoms and clusters on Li monolayers", lambda slot: slot[0] > 0 and slot[1] > 1)
    return section(
        "binding",
        "Binding of Li",
        paragraph(
            "Energy per Li against bulk bcc Li of the same engine: negative binds more strongly than Li metal does. "
            "Published values: PBE, ",
            doi_link(WANG2023_DOI),
            ", and those of the database. † marks a value with flags; they are listed with its candidates.",
        ),
        first,
        second,
        third,
        tag("h3", "Candidates"),
        *(_candidates(context, result) for result in results),
    )


def _layout(context: Context, caption: str, wanted) -> Html:  # type: ignore[no-untyped-def]
    results = [r for r in context.records.bindings if wanted(slot_of(r))]
    if not results:
        return EMPTY
    systems = sorted({(r.substrate, r.substrate_plane) for r in results})
    published = {system: bindings(*system, context.literature) for system in systems}
    slots = {slot_of(r) for r in results} | {s for values in published.values() for s in values if wanted(s)}
    ordered = sorted(slots, key=lambda s: (s[0], s[1], s[2] == "cluster"))
    rows: list[dict[str, object]] = []
    for system in systems:
        rows += _system_rows(context, system, published[system], ordered, results)
    columns = [Column("system", "Substrate"), Column("source", "Source", keep=True)]
    columns += [Column(str(slot), slot_title(slot), "eV/Li", numeric=True) for slot in ordered]
    return html_table(rows, columns, caption)


def _system_rows(
    context: Context, system: tuple[str, str], published: dict[Slot, tuple[Reference, ...]], slots: Sequence[Slot],
    results: Sequence[BindingResult],
) -> list[dict[str, object]]:  # fmt: skip
    rows: list[dict[str, object]] = []
    if any(slot in published for slot in slots):
        rows.append({"source": "published", "row_class": "published"})
        rows[0].update({str(slot): as_text(published[slot]) for slot in slots if slot in published})
    for fingerprint, label in context.records.labels.items():
        ours = [r for r in results if (r.substrate, r.substrate_plane) == system
                and r.engine.fingerprint == fingerprint]  # fmt: skip
        newest = {g.key: g.any for g in group(ours, slot_of)}
        if newest:
            row: dict[str, object] = {"source": label}
            rows.append(row | {str(s): _value(newest[s]) for s in slots if s in newest})
    for row in rows:
        row["system"] = facet(*system)
    rows[0]["row_class"] = f"{rows[0].get('row_class', '')} first".strip()
    return rows


def _value(result: BindingResult) -> str:
    return signed(result.e_bind_ev_per_li, 3) + ("†" if result.flags or not result.converged else "")


_CANDIDATES = (
    Column("start", "Start"),
    Column("energy", "Binding", "eV/Li", numeric=True),
    Column("shape", "Became"),
    Column("height", "Height", "Å", numeric=True),
    Column("converged", "Converged"),
)


def _candidates(context: Context, result: BindingResult) -> Html:
    name = f"{facet(result.substrate, result.substrate_plane)}, {slot_title(slot_of(result))}"
    label = context.records.label(result.engine)
    rows = [
        {"start": c.start, "energy": signed(c.e_bind_ev_per_li, 3), "shape": c.shape,
         "height": fixed(c.height_a, 2), "converged": c.converged}
        for c in result.candidates
    ]  # fmt: skip
    notes = [
        f"Reference: the clean slab relaxed {fixed(result.reference_gain_ev, 3)} eV lower after removal. "
        f"{plural(result.n_atoms, 'atom')}, area {fixed(result.area_a2)} Å²."
    ]
    if result.e_bind_lowest_3d_ev_per_li is not None:
        notes.append(f"Lowest that stayed three-dimensional: {signed(result.e_bind_lowest_3d_ev_per_li, 3)} eV/Li.")
    if result.monolayers:
        notes.append(f"Strain of the Li monolayers {fixed(result.strain_percent)} %.")
    summary = join([tag("strong", name), f" {label}: {signed(result.e_bind_ev_per_li, 3)} eV/Li, "
                    f"{plural(len(rows), 'candidate')} ", context.flags(result.flags)])  # fmt: skip
    return details(summary, paragraph(" ".join(notes)), html_table(rows, _CANDIDATES, f"Candidates, {name}, {label}"))


_MODES = {
    "Frank-van der Merwe": "layer by layer",
    "Stranski-Krastanov": "layer, then islands",
    "Volmer-Weber": "islands",
    "undecided": "the numbers do not decide",
}


def build_growth(context: Context) -> Html:
    """Verdicts with their evidence."""
    results = context.records.growths
    if not results:
        text = "No verdict yet: it needs clusters and dispersed atoms on bare and covered substrate."
        return section("growth", "Growth mode", missing(text))
    keys = sorted({key for result in results for key in result.delta_e_ev_per_li})
    columns = [Column("system", "Substrate"), Column("engine", "Engine", keep=True), Column("mode", "Growth mode")]
    columns += [Column(f"delta {key}", _delta_title(key), "eV/Li", numeric=True) for key in keys]
    columns += [Column("evidence", "Evidence"), Column("flags", "Flags")]
    rows = []
    for result in results:
        row = {
            "system": facet(result.substrate, result.substrate_plane),
            "engine": context.records.label(result.engine),
            "mode": join([tag("strong", result.mode), f" ({_MODES[result.mode]})"]),
            "evidence": result.evidence,
            "flags": context.flags(result.flags),
        }
        deltas = result.delta_e_ev_per_li
        rows.append(row | {f"delta {key}": signed(deltas[key], 3) for key in keys if key in deltas})
    note = (
        "ΔE = E_b(lowest cluster that stayed three-dimensional) − E_b(dispersed atoms): positive, dispersed atoms "
        "win and the layer wets. No ΔE where every cluster flattened: the layer wets, too."
    )
    return section("growth", "Growth mode", paragraph(note), html_table(rows, columns, "Growth modes"))


def _delta_title(key: str) -> str:
    layers, _, n = key.partition("/")
    return f"ΔE, Li{n} on {'bare' if layers == '0' else f'{layers} ML'}" if n else f"ΔE {key}"
