"""Title, one paragraph, the cards, and the table of contents."""

from __future__ import annotations

from liface.report.context import Context
from liface.report.html import Html, esc, join, paragraph, section, tag
from liface.report.numbers import count, day, plural
from liface.report.records import CampaignRecords

_NOUNS = (
    ("interfaces", "Li interfacial energy", "Li interfacial energies"),
    ("surfaces", "surface energy", "surface energies"),
    ("bindings", "binding energy", "binding energies"),
    ("growths", "growth mode", "growth modes"),
    ("wettings", "contact angle", "contact angles"),
    ("adhesions", "work of adhesion", "works of adhesion"),
    ("bulks", "reference bulk", "reference bulks"),
)


def title(context: Context) -> str:
    """Title of the report."""
    return str(context.manifest.get("title") or f"Campaign {context.records.campaign}")


def header(context: Context) -> Html:
    """Heading with what was computed, when and with which engines."""
    records = context.records
    description = context.manifest.get("description")
    return tag(
        "header",
        paragraph("Li interfacial energetics", class_="kicker"),
        tag("h1", title(context)),
        paragraph(str(description)) if description else "",
        paragraph(_what(records), class_="lead"),
    )


def _what(records: CampaignRecords) -> Html:
    counts = [(len(getattr(records, name)), one, many) for name, one, many in _NOUNS]
    parts = [f"{count(n)} {one if n == 1 else many}" for n, one, many in counts if n]
    engines = join((tag("strong", label) for label in records.labels.values()), " and ")
    what = _enumerate(parts) if parts else "No result yet"
    when = ""
    if records.span:
        first, last = (day(moment) for moment in records.span)
        when = f", written {first}" if first == last else f", written between {first} and {last}"
    return Html(f"{esc(what)}, computed with {engines}{esc(when)}.")


def _enumerate(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def cards(context: Context) -> Html:
    """Numbers at a glance."""
    records = context.records
    raised = sum(1 for result in records.results if result.flags)
    spent = sum(effort.force_calls for effort in records.efforts)
    entries = [
        _card("Cases finished", count(len(records.finished)), ""),
        _card("Cases failed", count(len(records.failed)), "failures" if records.failed else "", bool(records.failed)),
        _card("Results", count(len(records.results)), ""),
        _card("Results with flags", count(raised), "flags" if raised else ""),
        _card("Engines", count(len(records.engines)), "provenance"),
        _card("Force calls", count(spent), "provenance" if records.efforts else ""),
    ]
    flags = ", ".join(f"{slug} ({n})" for slug, n in records.flags.items())
    note = f"Flags raised: {flags}." if flags else "No flags were raised."
    not_converged = sum(1 for result in records.results if not result.converged)
    if not_converged:
        note += f" {plural(not_converged, 'result')} rest on relaxations that did not converge."
    return section("summary", "Summary", tag("dl", *entries, class_="cards"), paragraph(note, class_="note"))


def _card(name: str, value: str, anchor: str, warn: bool = False) -> Html:
    number = tag("a", value, href=f"#{anchor}") if anchor else value
    return tag("div", tag("dt", name), tag("dd", number), class_="card warn" if warn else "card")


def contents(sections: list[tuple[str, str]]) -> Html:
    """Links to the sections that are there."""
    links = [tag("li", tag("a", name, href=f"#{slug}")) for slug, name in sections]
    return tag("nav", tag("ul", *links), aria_label="Contents")
