"""Cases that a cheaper engine chose, and relaxations that it began."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from liface.report.context import Context
from liface.report.grouping import interface_name, surface_name
from liface.report.html import EMPTY, Html, details, join, paragraph, section
from liface.report.numbers import count, duration, facet, fixed, plural, signed
from liface.report.prerelaxed import Begun, by_engines
from liface.report.tables import Column, html_table

_CHOSEN = (
    Column("name", "Case"),
    Column("cheap", "Chosen by", keep=True),
    Column("cheap_value", "Its value", "", numeric=True),
    Column("costly", "Computed with", keep=True),
    Column("costly_value", "Value", "", numeric=True),
    Column("difference", "Difference", "", numeric=True),
    Column("unit", "Unit"),
)
_SPENT = (
    Column("cheap", "Begun with"),
    Column("costly", "Finished with", keep=True),
    Column("n", "Relaxations", "", numeric=True),
    Column("cheap_calls", "Force calls of the first", "", numeric=True),
    Column("costly_calls", "Force calls of the second", "", numeric=True),
    Column("cheap_s", "Time of the first", "", numeric=True),
    Column("costly_s", "Time of the second", "", numeric=True),
)
_EACH = (
    Column("label", "Calculation"),
    Column("atoms", "Atoms", "", numeric=True),
    Column("cheap", "Begun with", keep=True),
    Column("cheap_calls", "Force calls", "", numeric=True),
    Column("costly", "Finished with", keep=True),
    Column("costly_calls", "Force calls", "", numeric=True),
)


def build(context: Context) -> Html:
    """Tabulate both values of every chosen case, and the force calls of both engines; empty without a screening."""
    return section("screening", "Screening", _chosen(context), _begun(context.records.begun))


def _chosen(context: Context) -> Html:
    by_id = {result.record_id: result for result in context.records.results}
    named = [(result.provenance.screened_by, result) for result in context.records.results]
    pairs: list[tuple[Any, Any]] = [(by_id[record], result) for record, result in named if record in by_id]
    rows = [row for cheap, costly in pairs for row in _chosen_row(context, cheap, costly)]
    if not rows:
        return EMPTY
    scans = [cheap.scan for cheap, costly in pairs if getattr(cheap, "scan", ()) and not getattr(costly, "scan", ())]
    table = html_table(rows, _CHOSEN, "Cases chosen by a cheaper engine, with both values", sortable=True)
    if not scans:
        return table
    singles = plural(sum(map(len, scans)), "single point")
    interfaces = plural(len(scans), "interface")
    text = f"Gap and registry of {interfaces} come from the cheaper engine: {singles} that the other did not make."
    return join([table, paragraph(text)])


def _chosen_row(context: Context, cheap: Any, costly: Any) -> Iterator[dict[str, object]]:
    """Yield the row of two results of one kind; a case is linked to the record that ranked it, whatever it holds."""
    name, key, unit, decimals = _headline(costly)
    if cheap.kind != costly.kind or _headline(cheap)[0] != name:
        return
    values = getattr(cheap, key), getattr(costly, key)
    yield {
        "name": name,
        "cheap": context.records.label(cheap.engine),
        "costly": context.records.label(costly.engine),
        "cheap_value": fixed(values[0], decimals),
        "costly_value": fixed(values[1], decimals),
        "difference": signed(values[1] - values[0], decimals),
        "unit": unit,
    }


def _headline(result: Any) -> tuple[str, str, str, int]:
    """Return name, field, unit and decimals of what a result stands for."""
    if result.kind == "interface":
        return interface_name(result), "gamma_mev_per_a2", "meV/Å²", 1
    if result.kind == "surface":
        return surface_name(result), "gamma_mev_per_a2", "meV/Å²", 1
    layers = f", {result.monolayers} ML" if result.monolayers else ""
    name = f"{result.n_li} Li, {result.arrangement}, on {facet(result.substrate, result.substrate_plane)}{layers}"
    return name, "e_bind_ev_per_li", "eV/Li", 3


def _begun(begun: tuple[Begun, ...]) -> Html:
    if not begun:
        return EMPTY
    rows = [
        {
            "cheap": cheap,
            "costly": costly,
            "n": count(len(group)),
            "cheap_calls": count(sum(one.cheap_calls for one in group)),
            "costly_calls": count(sum(one.costly_calls for one in group)),
            "cheap_s": duration(sum(one.cheap_s for one in group)),
            "costly_s": duration(sum(one.costly_s for one in group)),
        }
        for (cheap, costly), group in by_engines(begun).items()
    ]
    each = [
        {
            "label": one.label,
            "atoms": count(one.n_atoms),
            "cheap": one.cheap,
            "cheap_calls": count(one.cheap_calls),
            "costly": one.costly,
            "costly_calls": count(one.costly_calls),
        }
        for one in begun
    ]
    return join([
        html_table(rows, _SPENT, "Relaxations that one engine began and another finished"),
        paragraph(
            "These are the force calls spent. How many more the second engine would have made from the structures as "
            "they were built is not known from this campaign: nothing is relaxed twice. benchmarks/prerelaxation.py "
            "measures it on structures of its own.",
            class_="note",
        ),
        details("Every one of them", html_table(each, _EACH, "Relaxations begun by another engine", sortable=True)),
    ])  # fmt: skip
