"""Bulk references, engines side by side, failures and flags, definitions."""

from __future__ import annotations

import re
import shlex

from liface.documents import FLAGS, FailedCase, FinishedCase
from liface.report.context import Context
from liface.report.figures import engine_parity
from liface.report.html import Html, bullet_list, doi_link, esc, join, missing, paragraph, section, tag
from liface.report.numbers import fixed, formula, plural, signed
from liface.report.published import as_text
from liface.report.summary import Headline, headlines
from liface.report.tables import Column, html_table

_BULK_COLUMNS = (
    Column("material", "Material"),
    Column("engine", "Engine", keep=True),
    Column("lattice", "a, b, c", "Å", numeric=True),
    Column("angles", "α, β, γ", "°", numeric=True),
    Column("error", "Largest deviation from the library", "%", numeric=True),
    Column("volume", "Volume", "Å³/atom", numeric=True),
    Column("energy", "Energy", "eV/atom", numeric=True),
    Column("lowering", "Gain of broken symmetry", "meV/atom", numeric=True),
    Column("flags", "Flags"),
)


def build_bulks(context: Context) -> Html:
    """Lattice constants of the references against the library."""
    results = context.records.bulks
    if not results:
        return section("bulks", "Reference bulks", missing("No bulk references yet."))
    rows = [
        {
            "material": formula(r.material),
            "engine": context.records.label(r.engine),
            "lattice": ", ".join(fixed(x, 3) for x in r.lattice[:3]),
            "angles": ", ".join(fixed(x, 1) for x in r.lattice[3:]),
            "error": signed(r.lattice_error_percent) if r.lattice_error_percent is not None else "not in library",
            "volume": fixed(r.volume_a3_per_atom, 2),
            "energy": fixed(r.energy_ev_per_atom, 4),
            "lowering": fixed(r.symmetry_lowering_mev_per_atom, 2),
            "flags": context.flags(r.flags),
        }
        for r in results
    ]
    caption = "Relaxed lattice constants (conventional cell) against the materials library"
    return section("bulks", "Reference bulks", html_table(rows, _BULK_COLUMNS, caption, sortable=True))


def build_engines(context: Context) -> Html:
    """Show what the choice of engine changes, quantity by quantity; left out for a single engine."""
    labels = context.records.labels
    if len(labels) < 2:
        return Html("")
    shared = [h for h in headlines(context.records, context.literature) if len(h.values) > 1]
    if not shared:
        return section("engines", "Engines side by side", missing("No quantity was computed with two engines."))
    columns = [Column("quantity", "Quantity"), Column("system", "System"), Column("unit", "Unit")]
    columns += [Column(f, label, "", numeric=True) for f, label in labels.items()]
    columns += [Column("spread", "Spread", "", numeric=True), Column("published", "Published", "", numeric=True)]
    table = html_table([_spread_row(h) for h in shared], columns, "Values of every engine and their spread",
                       sortable=True)  # fmt: skip
    note = "The spread is the largest value minus the smallest: what the choice of engine alone changes."
    return section("engines", "Engines side by side", paragraph(note), _parity(context, shared), table)


def _spread_row(headline: Headline) -> dict[str, object]:
    decimals = {"eV/Li": 3, "J/m²": 3, "°": 0}.get(headline.unit, 1)
    values = headline.values.values()
    row: dict[str, object] = {"quantity": headline.quantity, "system": headline.system, "unit": headline.unit}
    row["spread"] = fixed(max(values) - min(values), decimals)
    row["published"] = as_text(headline.published) or None
    return row | dict(headline.texts)


def _parity(context: Context, shared: list[Headline]) -> Html:
    (first, label), (second, other) = list(context.records.labels.items())[:2]
    pairs = [
        (h.system.split("|")[0], h.values[first], h.values[second])
        for h in shared
        if h.quantity == "Li interfacial energy" and first in h.values and second in h.values
    ]
    if len(pairs) < 2:
        return Html("")
    plot = engine_parity(pairs, (label, other), "γ₀, meV/Å²", context.slug("engines"))
    return context.add(plot).figure(f"Li interfacial energies: {plot.title}; equal values lie on the dashed line.")


_FAILURE_COLUMNS = (
    Column("case", "Case"),
    Column("engine", "Engine", keep=True),
    Column("what", "What happened"),
    Column("reason", "Reason"),
    Column("retry", "Run again"),
)


def build_failures(context: Context) -> Html:
    """Cases that failed, calculations that failed inside finished cases, and how to try again."""
    records = context.records
    rows = [_failure(context, c, "case failed", c.reason) for c in records.failed]
    inside = "a calculation failed, the case finished without it"
    rows += [_failure(context, c, inside, reason) for c in records.finished for reason in c.failures]
    if not rows:
        return section("failures", "Failures", missing("Nothing failed."))
    table = html_table(rows, _FAILURE_COLUMNS, "What failed and how to retry it", sortable=True)
    note = (
        "A failed case is tried again by every run; its failed calculations only if --retry, a pattern searched "
        "for in their reasons, finds them."
    )
    return section("failures", "Failures", paragraph(note, class_="note"), table)


def _failure(context: Context, case: FailedCase | FinishedCase, what: str, reason: str) -> dict[str, object]:
    return {
        "case": case.case,
        "engine": case.engine.label,
        "what": what,
        "reason": reason,
        "retry": tag("code", _retry(context, case, reason)),
    }


def _retry(context: Context, case: FailedCase | FinishedCase, reason: str) -> str:
    """Command that repeats the calculation with this reason, or any unfinished one of the case."""
    command = f"liface campaign run {shlex.quote(context.records.campaign)}"
    reasons = [context.records.reasons[i] for i in case.calc_ids if i in context.records.reasons]
    if not reasons:
        return command
    meant = next((r for r in reasons if r in reason), reasons[0])
    words = re.match(r"\D{6,}", meant)  # up to the first number: the same trouble in other cases is found too
    pattern = re.sub(r"([\\.^$*+?{}\[\]|()])", r"\\\1", (words[0] if words else meant).strip())
    return f"{command} --retry {shlex.quote(pattern)}"


_FLAG_COLUMNS = (
    Column("name", "Result"),
    Column("engine", "Engine", keep=True),
    Column("flags", "Flags"),
    Column("details", "Details"),
)


def build_flags(context: Context) -> Html:
    """Every flagged result, and the glossary of the flags."""
    flagged = [r for r in context.records.results if r.flags]
    rows = [
        {
            "name": r.provenance.case,
            "engine": context.records.label(r.engine),
            "flags": context.flags(r.flags),
            "details": "; ".join(f.partition(":")[2].strip() for f in r.flags if ":" in f),
        }
        for r in flagged
    ]
    raised = set(context.records.flags)
    entries = [
        join([tag("dt", slug, class_="raised" if slug in raised else None), tag("dd", meaning)])
        for slug, meaning in FLAGS.items()
    ]
    table = html_table(rows, _FLAG_COLUMNS, plural(len(rows), "flagged result"), sortable=True)
    title = tag("h3", "What the flags mean")
    return section("flags", "Flags", table, title, tag("dl", *entries, class_="glossary"))


def build_definitions(context: Context) -> Html:
    """Give the formula behind every kind of result, with the papers that define it."""
    found: dict[tuple[str, str], set[str]] = {}
    for result in context.records.results:
        found.setdefault((result.kind, result.definition), set()).update(result.provenance.doi)
    if not found:
        return section("definitions", "Definitions", missing("No results, so nothing to define."))
    items = []
    for (kind, definition), dois in sorted(found.items()):
        links = join((doi_link(doi) for doi in sorted(dois)), ", ")
        items.append(join([tag("strong", kind), ": ", esc(definition), " ", tag("span", links, class_="doi")]))
    units = "1 meV/Å² = 0.0160218 J/m². Energies are of relaxed structures at 0 K unless a definition says otherwise."
    return section("definitions", "Definitions", bullet_list(items), paragraph(units, class_="note"))
