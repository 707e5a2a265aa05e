"""The papers that a selection rests on, as BibTeX."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from liface.database.columns import Noun
from liface.database.exports.files import whole_file


def write_bibtex(path: Path, documents: Iterable[tuple[Noun, Any]], about: Mapping[str, Any]) -> list[Path]:
    """Write one entry for every source of these documents; return the path."""
    from liface.documents.bibtex import bibtex

    text = bibtex(document for _, document in documents)
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return [path]
