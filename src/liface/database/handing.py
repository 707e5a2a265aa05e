"""What a database hands on: to another database, and to files of other programs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liface.database import export as exporting
from liface.database.columns import noun_named
from liface.database.connection import Store
from liface.database.selection import Selection
from liface.errors import InputError

if TYPE_CHECKING:
    from liface.database.moving.copying import CopyReport, Observer
    from liface.database.moving.merge import Conflicts


class Handing:
    """Copies and exports of a database."""

    _store: Store
    schema_version: int

    def copy_to(
        self,
        target: Handing,
        *,
        conflicts: Conflicts = "refuse",
        skip_damaged: bool = False,
        check_only: bool = False,
        observer: Observer | None = None,
    ) -> CopyReport:
        """Copy every document into another database, or merge it with what is there, and check the copy.

        Only what is missing is copied, in batches that are stored together or not at all; nothing is changed here.
        See :mod:`liface.database.moving.copying`.

        Raises
        ------
        InputError
            If both are the same database.
        CopyConflictError, CorruptDatabaseError
            At the first batch with contradictions or damage; the batches before it are stored.
        """
        from liface.database.moving.copying import copy
        from liface.database.moving.sql import SqlPlace

        source, into = SqlPlace(self._store), SqlPlace(target._store)
        if source.is_same(into):
            raise InputError(f"{source.name} cannot be copied onto itself; name another target")
        return copy(
            source, into, conflicts=conflicts, skip_damaged=skip_damaged, check_only=check_only, observer=observer
        )

    def export(
        self,
        path: str | os.PathLike[str],
        fmt: str | None = None,
        nouns: Iterable[str] | None = None,
        where: str | None = None,
        sort: str | None = None,
        limit: int | None = None,
        campaign: str | None = None,
    ) -> exporting.Exported:
        """Write a selection to files and return their paths.

        Parameters
        ----------
        fmt
            json, jsonl, csv or parquet for rows; ase, extxyz, cif or optimade for structures; bibtex for the papers
            they rest on. That of the suffix by default.
        nouns
            All of them by default; ``where`` and ``sort`` are columns of those that are named.
        limit
            At most so many of each noun.
        campaign
            Only what belongs to this campaign; of calculations, those that its results rest on.

        Raises
        ------
        InputError
            If the format is unknown, does not take these nouns, or a file cannot be written.
        FilterError
            If a noun is unknown, or the filter or the order does not fit its columns.
        """
        selection = Selection.of(nouns, where, sort, limit, campaign)
        file = Path(path)
        chosen = exporting.format_for(file, fmt)
        with self._store.reading() as connection:
            return exporting.write(connection, file, chosen, selection, {"schema_version": self.schema_version})

    def rows_to_csv(self, rows: Sequence[Mapping[str, Any]], noun: str, *, units: bool = False) -> str:
        """Return rows as CSV text; ``units`` adds a first line, a comment with the unit of each column."""
        return exporting.csv_text(rows, noun_named(noun), units=units)
