"""The report: one self-contained page per campaign, and its figures as files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from hashlib import sha256
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liface import __version__
from liface.dispatch.literature import literature_of
from liface.report.context import Context
from liface.report.files import beginning, listed_figures, write_figures, write_page
from liface.report.html import Html, join, tag
from liface.report.numbers import day
from liface.report.records import CampaignRecords, load
from liface.report.sections import (
    appendix,
    binding,
    ccd,
    convergence,
    models,
    motion,
    overview,
    pictures,
    provenance,
    ranking,
    screening,
    series,
    surfaces,
)

if TYPE_CHECKING:
    from liface.analysis.correlation import CorrelationReport
    from liface.database import Database

Section = Callable[[Context], Html]

SECTIONS: tuple[tuple[str, str, Section], ...] = (
    ("summary", "Summary", overview.cards),
    ("verdicts", "Verdicts", models.build_verdicts),
    ("ranking", "Interfacial energies", ranking.build),
    ("series", "Thickness series", series.build),
    ("surfaces", "Surfaces", surfaces.build_surfaces),
    ("wetting", "Wetting", surfaces.build_wetting),
    ("adhesion", "Adhesion", surfaces.build_adhesion),
    ("binding", "Binding", binding.build),
    ("growth", "Growth mode", binding.build_growth),
    ("barriers", "Barriers", motion.build_barriers),
    ("growth-runs", "Growth runs", models.build_growth_runs),
    ("deposition", "Deposition", models.build_depositions),
    ("creep", "Creep", models.build_creep),
    ("stability", "Stability", models.build_stability),
    ("phonons", "Phonons", motion.build_phonons),
    ("vibrations", "At a temperature", motion.build_vibrations),
    ("correlation", "Critical current density", ccd.build),
    ("convergence", "Convergence", convergence.build),
    ("structures", "Structures", pictures.build),
    ("bulks", "Bulks", appendix.build_bulks),
    ("failures", "Failures", appendix.build_failures),
    ("flags", "Flags", appendix.build_flags),
    ("engines", "Engines side by side", appendix.build_engines),
    ("screening", "Screening", screening.build),
    ("provenance", "Provenance", provenance.build),
    ("definitions", "Definitions", appendix.build_definitions),
)
"""Anchor, name in the table of contents, and builder of every section, in reading order."""


@dataclass(frozen=True)
class ReportFiles:
    """What was written."""

    html: Path
    figures: tuple[Path, ...]
    records: CampaignRecords = field(repr=False, compare=False)
    """What it shows."""


def write_report(
    database: Database,
    campaign: str,
    path: Path,
    *,
    correlations: Sequence[CorrelationReport] = (),
    manifest: Mapping[str, Any] | None = None,
) -> ReportFiles:
    """Write the report of a campaign to ``path`` and its figures to ``<stem>_figures`` beside it.

    The same documents give the same bytes, and a page that is made of them already is left as it is. ``manifest`` may
    hold ``title``, ``description`` and ``command`` (how the campaign was run); anything else in it is printed under
    provenance.

    Raises
    ------
    InputError
        If nothing is stored for the campaign, or the files cannot be written.
    """
    path, folder = Path(path), Path(path).with_name(f"{Path(path).stem}_figures")
    context = Context(load(database, campaign), literature_of(database), tuple(correlations), dict(manifest or {}))
    context.made_of = _made_of(context)
    there = listed_figures(folder)
    if there and f'content="{context.made_of}"' in beginning(path):
        return ReportFiles(path, there, context.records)
    html = build_page(context)
    figures = write_figures(folder, context.plots)
    write_page(path, html)
    return ReportFiles(path, figures, context.records)


def _made_of(context: Context) -> str:
    """Return the hash of all that the page is made of: records, published values, words, and the code that draws."""
    parts = sha256()
    values = [value.model_dump(exclude={"created_at"}) for value in context.literature.values]
    for part in (__version__, version("matplotlib"), context.records, values, context.correlations):
        parts.update(_words(part).encode())
    parts.update(repr(sorted(context.manifest.items())).encode())
    for file in sorted(Path(str(files("liface.report"))).rglob("*")):
        if file.suffix in (".py", ".css", ".js"):
            parts.update(file.read_bytes())
    return parts.hexdigest()[:32]


def _words(value: Any) -> str:
    """Return a value in words that are the same in every process; sets alone have no order of their own."""
    if isinstance(value, set):
        return _words(sorted(value))
    if isinstance(value, tuple | list):
        return f"[{' '.join(map(_words, value))}]"
    if isinstance(value, dict):
        return f"{{{' '.join(f'{key}:{_words(each)}' for key, each in value.items())}}}"
    if is_dataclass(value) and not isinstance(value, type):
        return f"{type(value).__name__}({' '.join(_words(getattr(value, each.name)) for each in fields(value))})"
    return repr(value)


def build_page(context: Context) -> Html:
    """Assemble the page; sections without anything to say are left out of the contents."""
    built = [(slug, name, builder(context)) for slug, name, builder in SECTIONS]
    shown = [(slug, name) for slug, name, html in built if html]
    body = tag(
        "body",
        overview.header(context),
        overview.contents(shown),
        tag("main", *(html for _, _, html in built)),
        _footer(context),
        tag("script", Html(_asset("page.js"))),
    )
    return Html(f"<!DOCTYPE html>\n{tag('html', _head(context), body, lang='en')}\n")


def _head(context: Context) -> Html:
    policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        *([tag("meta", name="liface-made-of", content=context.made_of)] if context.made_of else []),
        tag("title", f"{overview.title(context)} – liface"),
        tag("style", Html(_asset("style.css"))),
    )


def _footer(context: Context) -> Html:
    parts: list[object] = ["Written by liface"]
    if context.records.span:
        parts.append(f" from documents up to {day(context.records.span[1])}")
    return tag("footer", join(parts), ".")


def _asset(name: str) -> str:
    return (files("liface.report") / name).read_text("utf-8")
