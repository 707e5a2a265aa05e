"""Rows as CSV, JSON and JSON lines.

Column names carry their units, so the first line of a CSV file is its header and nothing else; JSON also lists
type and unit of every column. One CSV file holds one noun: several nouns become several files.
"""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from liface import __version__
from liface.database.columns import Noun
from liface.documents import now
from liface.errors import InputError

FORMATS = ("json", "jsonl", "csv")
LIST_SEPARATOR = "; "

Tables = Mapping[Noun, Sequence[Mapping[str, Any]]]


def write(path: Path, fmt: str | None, tables: Tables, about: dict[str, Any]) -> list[Path]:
    """Write tables in the given format or that of the suffix; a file is complete or not there at all.

    Raises
    ------
    InputError
        If the format is unknown or the file cannot be written.
    """
    fmt = (fmt or path.suffix.lstrip(".")).lower()
    if fmt == "json":
        return [_save(path, _json(tables, about))]
    if fmt == "jsonl":
        return [_save(path, _json_lines(tables))]
    if fmt == "csv":
        return _write_csv(path, tables)
    raise InputError(f"{path}: unknown format {fmt!r}; formats: {', '.join(FORMATS)}, by suffix or by name")


def csv_text(rows: Sequence[Mapping[str, Any]], noun: Noun, *, units: bool = False) -> str:
    """Return rows as CSV with a header; lists are joined by a semicolon, unknown values are empty."""
    out = io.StringIO()
    if units:
        pairs = ", ".join(f"{c.name} [{c.unit}]" for c in noun.columns.values() if c.unit not in ("", "1"))
        out.write(f"# {noun.name}; units: {pairs}\n")
    writer = csv.DictWriter(out, fieldnames=list(noun.columns), extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(row.get(name)) for name in noun.columns})
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return LIST_SEPARATOR.join(str(item) for item in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return value


def _json(tables: Tables, about: dict[str, Any]) -> str:
    content: dict[str, Any] = {"liface_version": __version__, "exported_at": now().isoformat(), **about}
    for noun, rows in tables.items():
        units = {c.name: {"type": c.type, "unit": c.unit} for c in noun.columns.values()}
        content[noun.name] = {"columns": units, "rows": list(rows)}
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _json_lines(tables: Tables) -> str:
    lines: Iterable[str] = (
        json.dumps({"noun": noun.name, **row}, ensure_ascii=False, allow_nan=False)
        for noun, rows in tables.items()
        for row in rows
    )
    return "".join(line + "\n" for line in lines)


def _write_csv(path: Path, tables: Tables) -> list[Path]:
    if len(tables) == 1:
        return [_save(path, csv_text(rows, noun)) for noun, rows in tables.items()]
    return [
        _save(path.with_name(f"{path.stem}-{noun.name}{path.suffix or '.csv'}"), csv_text(rows, noun))
        for noun, rows in tables.items()
        if rows
    ]


def _save(path: Path, text: str) -> Path:
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; give a file in a writable folder") from error
    return path
