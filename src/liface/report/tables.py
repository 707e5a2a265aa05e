"""Tables for the page and for the terminal, from rows that are mappings."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from liface.report.html import EMPTY, Html, esc, tag
from liface.report.numbers import DASH, general


@dataclass(frozen=True)
class Column:
    """One column: its key in the rows, what stands above it, its unit, whether it holds numbers or must not wrap."""

    key: str
    title: str
    unit: str = ""
    numeric: bool = False
    keep: bool = False

    @property
    def heading(self) -> str:
        """Title with the unit in brackets, where there is one."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


def html_table(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[Column], caption: str, *, sortable: bool = False
) -> Html:
    """Build a table with a caption; the first column heads its row.

    Numbers are given as text by the caller, so that decimals line up. A cell may be :class:`Html`.
    """
    if not rows:
        return EMPTY
    head = tag("tr", *(_heading(column) for column in columns))
    body = [tag("tr", *(_cell(row, c, i) for i, c in enumerate(columns)), class_=row.get("row_class")) for row in rows]
    table = tag(
        "table",
        tag("caption", caption),
        tag("thead", head),
        tag("tbody", *body),
        class_="sortable" if sortable and len(rows) > 2 else None,
    )
    return tag("div", table, class_="table-wrap", tabindex="0", role="region", aria_label=caption)


def _heading(column: Column) -> Html:
    unit = [Html(" "), tag("span", f"({column.unit})", class_="unit")] if column.unit else []
    return tag("th", column.title, *unit, scope="col", class_="num" if column.numeric else None)


def _cell(row: Mapping[str, Any], column: Column, index: int) -> Html:
    value = row.get(column.key)
    content = esc(DASH) if value is None or value == "" else esc(value if isinstance(value, str) else general(value))
    css = "num" if column.numeric else "keep" if column.keep else None
    return tag("th", content, scope="row") if index == 0 else tag("td", content, class_=css)


def badge(flag: str, meaning: str | None = None) -> Html:
    """Write a flag as a small label; its meaning shows on hover and in the glossary."""
    slug, _, detail = flag.partition(":")
    return tag("span", slug.strip(), class_="flag", title=detail.strip() or meaning)


def render_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str | Column] | None = None) -> str:
    """Lay rows out as plain text: one line per row, columns aligned, numbers to the right.

    ``columns`` are keys or :class:`Column`; without them, the keys of the first row are used.
    """
    rows = list(rows)
    if not rows:
        return ""
    wanted = [c if isinstance(c, Column) else Column(c, c) for c in (columns or list(rows[0]))]
    cells = [[_text(row.get(column.key)) for column in wanted] for row in rows]
    right = [column.numeric or _all_numbers(rows, column.key) for column in wanted]
    lines = [[column.heading for column in wanted], *cells]
    widths = [max(_width(line[i]) for line in lines) for i in range(len(wanted))]
    lines.insert(1, ["─" * width for width in widths])
    return "\n".join(
        "  ".join(_pad(text, widths[i], right[i]) for i, text in enumerate(line)).rstrip() for line in lines
    )


def _text(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(item) for item in value)
    text = general(value) if value != "" else ""
    return "".join(ch if ch.isprintable() else " " for ch in text)


def _all_numbers(rows: Iterable[Mapping[str, Any]], key: str) -> bool:
    values = [row.get(key) for row in rows if row.get(key) is not None]
    return bool(values) and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)


def _width(text: str) -> int:
    """Columns that the text takes in a terminal."""
    wide = sum(unicodedata.east_asian_width(ch) in "WF" for ch in text)
    return len(text) + wide - sum(unicodedata.combining(ch) > 0 for ch in text)


def _pad(text: str, width: int, right: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if right else text + space
