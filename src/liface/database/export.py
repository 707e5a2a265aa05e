"""Handing results to other programs: which formats there are, and what a selection becomes in each.

A format takes rows (tables) or records (structures with what is stored beside them); its writer is a function in
:mod:`liface.database.exports`. A new one is one line in :data:`FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection

from liface.database.columns import Noun
from liface.database.exports import ase, cif, optimade, sources, tables
from liface.database.exports.csv_text import csv_text
from liface.database.exports.structures import Records, has_structures
from liface.database.selection import Selection, selected_documents, selected_rows
from liface.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FORMATS", "Exported", "Format", "csv_text", "format_for", "write"]


@dataclass(frozen=True)
class Format:
    """A format: its suffixes, what it takes, and who writes it."""

    name: str
    suffixes: tuple[str, ...]
    takes: Literal["rows", "structures", "documents"]
    """Rows of columns; records with a structure; or whole documents with their nouns."""
    write: Callable[..., list[Path]]
    into_folders: bool = False
    """Whether a folder takes one file per record."""
    also: tuple[str, ...] = ()
    """Suffixes of another format that this one may be asked to write."""


FORMATS: dict[str, Format] = {
    each.name: each
    for each in (
        Format("json", (".json",), "rows", tables.write_json),
        Format("jsonl", (".jsonl",), "rows", tables.write_json_lines),
        Format("csv", (".csv",), "rows", tables.write_csv),
        Format("parquet", (".parquet", ".pq"), "rows", tables.write_parquet),
        Format("ase", (".db",), "structures", ase.write_ase_db, also=(".json",)),
        Format("extxyz", (".extxyz", ".xyz"), "structures", ase.write_extxyz),
        Format("cif", (".cif",), "structures", cif.write_cif, into_folders=True),
        Format("bibtex", (".bib",), "documents", sources.write_bibtex),
        Format("optimade", (".optimade",), "structures", optimade.write_optimade, also=(".jsonl",)),
    )
}
"""Every format by its name; a suffix belongs to one of them."""


class Exported(list[Path]):
    """The files that were written."""

    def __init__(self, paths: Iterable[Path], left_out: int = 0):
        super().__init__(paths)
        self.left_out = left_out
        """Documents without a structure, such as failed calculations, in formats of structures."""


def format_for(path: Path, name: str | None = None) -> Format:
    """Return the format of that name, or of the suffix of a file.

    Raises
    ------
    InputError
        If there is none, or the file has the suffix of another one.
    """
    by_suffix = next((each for each in FORMATS.values() if path.suffix.lower() in each.suffixes), None)
    asked_for = FORMATS.get(name.lower()) if name is not None else by_suffix
    if asked_for and by_suffix not in (None, asked_for) and path.suffix.lower() not in asked_for.also:
        raise InputError(
            f"{path}: the suffix says {by_suffix.name}, the format asked for is {asked_for.name}; name the file "
            f"{path.with_suffix(asked_for.suffixes[0]).name}, or ask for {by_suffix.name}"
        )
    if asked_for is not None:
        return asked_for
    asked = name if name is not None else path.suffix.lstrip(".")
    suffixes = " ".join(suffix for each in FORMATS.values() for suffix in each.suffixes)
    raise InputError(
        f"{path}: unknown format {asked!r}; formats: {', '.join(FORMATS)}, by name or by suffix ({suffixes})"
    )


def write(connection: Connection, path: Path, fmt: Format, selection: Selection, about: Mapping[str, Any]) -> Exported:
    """Write a selection to files; each is complete or not there at all.

    Raises
    ------
    InputError
        If a file cannot be written, or a noun that was named has nothing that this format takes.
    FilterError
        If the filter or the order does not fit the columns.
    """
    if path.is_dir() and not fmt.into_folders:
        raise InputError(f"{path} is a folder; give a file, e.g. {path / 'liface-export'}{fmt.suffixes[0]}")
    if fmt.takes == "rows":
        return Exported(fmt.write(path, selected_rows(connection, selection), about))
    if fmt.takes == "documents":
        return Exported(fmt.write(path, selected_documents(connection, selection, selection.nouns), about))
    records = Records(selected_documents(connection, selection, _with_structures(selection, fmt)))
    paths = fmt.write(path, records)
    return Exported(paths, records.left_out)


def _with_structures(selection: Selection, fmt: Format) -> Sequence[Noun]:
    without = [noun.name for noun in selection.nouns if not has_structures(noun)]
    if without and selection.named:
        raise InputError(f"{', '.join(without)}: no structure is stored with these, and {fmt.name} holds structures")
    return [noun for noun in selection.nouns if has_structures(noun)]
