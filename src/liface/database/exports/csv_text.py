"""Rows as CSV text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from liface.database.names import Named, NamedColumn

LIST_SEPARATOR = "; "
PIECE = 100_000
"""Characters that are held before they are handed on."""


def csv_text(rows: Iterable[Mapping[str, Any]], noun: Named[NamedColumn], *, units: bool = False) -> str:
    """Return rows as CSV with a header; lists are joined by a semicolon, unknown values are empty."""
    return "".join(csv_pieces(rows, noun, units=units))


def csv_pieces(rows: Iterable[Mapping[str, Any]], noun: Named[NamedColumn], *, units: bool = False) -> Iterator[str]:
    """Yield what :func:`csv_text` returns, some rows at a time."""
    out = io.StringIO()
    if units:
        pairs = ", ".join(f"{c.name} [{c.unit}]" for c in noun.columns.values() if c.unit not in ("", "1"))
        out.write(f"# {noun.name}; units: {pairs}\n")
    writer = csv.DictWriter(out, fieldnames=list(noun.columns), extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(row.get(name)) for name in noun.columns})
        if out.tell() > PIECE:
            yield out.getvalue()
            out.seek(0)
            out.truncate()
    yield out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return LIST_SEPARATOR.join(str(item) for item in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return value
