"""Structures as OPTIMADE JSON lines: one file that other databases and programs read without a server.

The order of the lines is that of the specification: header, meta, what the database says of itself and of its
properties, then the entries.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liface.database.columns import Noun
from liface.database.optimade_info import (
    ENTRY_TYPES,
    api_version,
    base_info,
    entry_info,
    implementation,
    provider,
    resource,
)
from liface.database.structure_entries import document_entry, reference_entry
from liface.database.structure_rows import WITH_STRUCTURE
from liface.documents import now
from liface.errors import InputError

if TYPE_CHECKING:
    from liface.database.store import Database


def write_jsonl(database: Database, path: str | os.PathLike[str], where: str | None = None) -> int:
    """Write the structures that match a filter, and the references they rest on; return how many structures.

    Parameters
    ----------
    path
        E.g. ``optimade.jsonl``; the file is complete or not there at all.
    where
        A filter of OPTIMADE, e.g. ``elements HAS "Li" AND _liface_kind="interface"``; None for everything.

    Raises
    ------
    FilterError
        If the filter does not fit the properties of structures.
    InputError
        If the file cannot be written.
    """
    return _write(Path(path), database.structures.every(where))


def write_documents(path: Path, documents: Iterable[tuple[Noun, Any]]) -> list[Path]:
    """Write the structures that documents hold, each with its noun, and return the path; others are passed over.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    found = (document_entry(noun, document) for noun, document in documents if noun in WITH_STRUCTURE)
    _write(path, (entry for entry in found if entry is not None))
    return [path]


def _write(path: Path, entries: Iterable[Mapping[str, Any]]) -> int:
    written = 0
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                for line in lines(entries):
                    file.write(json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n")
                    written += line.get("type") == "structures"
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; give a file in a writable folder") from error
    return written


def lines(entries: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the lines of a file of structures as plain data; the papers they rest on come last."""
    yield {"x-optimade": {"api_version": api_version(), "meta": {"api_version": api_version()}}}
    yield {
        "meta": {
            "api_version": api_version(),
            "time_stamp": now().isoformat().replace("+00:00", "Z"),
            "more_data_available": False,
            "provider": provider(),
            "implementation": implementation(),
        }
    }
    yield base_info()
    for entry_type in ENTRY_TYPES:
        yield entry_info(entry_type)
    cited: dict[str, None] = {}
    for entry in entries:
        cited.update(dict.fromkeys(entry["references"]))
        yield resource("structures", entry)
    for doi in sorted(cited):
        yield resource("references", reference_entry(doi))
