"""Structures as OPTIMADE JSON lines."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from liface.database.exports.structures import Record
from liface.database.optimade_jsonl import write_documents


def write_optimade(path: Path, records: Iterable[Record]) -> list[Path]:
    """Write records as entries of OPTIMADE and return the path; see :mod:`liface.database.optimade_jsonl`."""
    return write_documents(path, ((record.noun, record.document) for record in records))
