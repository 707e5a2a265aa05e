"""Small escaping helpers: text becomes HTML only through here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape as _escape

_DOI = re.compile(r"10\.\d{4,9}/[-._;()/:A-Za-z0-9<>+\[\]]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_VOID = frozenset({"meta", "br", "hr", "img", "input", "col", "link", "wbr"})


class Html(str):
    """Markup that is safe to put on the page as it is; everything else is escaped."""

    __slots__ = ()


EMPTY = Html("")


def esc(value: object) -> Html:
    """Escape text for element content and attribute values; :class:`Html` passes through."""
    if isinstance(value, Html):
        return value
    return Html(_escape(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", str(value)), quote=True))


def join(parts: Iterable[object], separator: str = "") -> Html:
    """Escape and join; the separator is markup of ours."""
    return Html(separator.join(esc(part) for part in parts))


def tag(name: str, /, *children: object, **attributes: object) -> Html:
    """Build one element.

    ``class_`` and ``for_`` lose their underscore, other underscores become hyphens; an attribute that is None
    or False is left out and one that is True has no value.
    """
    parts = [name]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = key.rstrip("_").replace("_", "-")
        parts.append(key if value is True else f'{key}="{_escape(_CONTROL.sub("", str(value)), quote=True)}"')
    opening = f"<{' '.join(parts)}>"
    if name in _VOID:
        return Html(opening)
    return Html(f"{opening}{join(children)}</{name}>")


def doi_link(doi: str, text: str | None = None) -> Html:
    """Link a DOI; what does not look like one stays text, so nothing else can become a link."""
    if not _DOI.fullmatch(doi):
        return esc(text or doi)
    return tag("a", text or doi, href=f"https://doi.org/{doi}", rel="noopener")


def section(slug: str, title: str, *children: object) -> Html:
    """Build a section of the page with its heading; empty where there is nothing to show."""
    body = join(child for child in children if child)
    if not body:
        return EMPTY
    return tag("section", tag("h2", title, id=f"{slug}-title"), body, id=slug, aria_labelledby=f"{slug}-title")


def paragraph(*children: object, class_: str | None = None) -> Html:
    """Build a paragraph."""
    return tag("p", *children, class_=class_)


def missing(text: str) -> Html:
    """One line that says what would fill an empty section."""
    return paragraph(text, class_="missing")


def bullet_list(items: Iterable[object], class_: str | None = None) -> Html:
    """Build an unordered list; empty where there are no items."""
    entries = [tag("li", item) for item in items]
    return tag("ul", *entries, class_=class_) if entries else EMPTY


def details(summary: object, *children: object, open_: bool = False) -> Html:
    """Build a part that can be folded; print styles and a few lines of script open it on paper."""
    return tag("details", tag("summary", summary), *children, open=open_)
