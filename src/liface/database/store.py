"""The results database."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, overload

from liface.database import export as exporting
from liface.database import migrations, reading, writing
from liface.database.columns import NOUNS, RESULT_NOUNS, noun_named, result_noun
from liface.database.comparing import Comparisons
from liface.database.connection import Store
from liface.database.frames import Tables
from liface.database.paging import Pages
from liface.documents import (
    CalculationDocument,
    CaseDocument,
    Document,
    FinishedCase,
    ResultDocument,
    SubmissionDocument,
)
from liface.errors import DatabaseOpenError, DatabaseWriteError

if TYPE_CHECKING:
    from liface.database.verify import Problem

R = TypeVar("R", bound=Document)


class Database(Tables, Pages, Comparisons):
    """Calculations, results and cases in one file, safe for several threads and processes at once.

    Parameters
    ----------
    target
        A file, ``sqlite:///FILE`` or ``:memory:``. A file that does not exist yet is made.
    read_only
        Refuse writes; also reads files and folders that cannot be written. A file that is not writable is
        opened so by itself.
    must_exist
        Refuse to make a new file.

    Raises
    ------
    DatabaseOpenError
        If the file is missing, unreadable or not a results database.
    SchemaVersionError
        If a newer version of liface wrote it.
    """

    def __init__(self, target: str | os.PathLike[str], *, read_only: bool = False, must_exist: bool = False):
        self._store = Store(target, read_only=read_only, must_exist=must_exist)
        try:
            self.schema_version = self._prepare()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Database({self._store.name!r})"

    def close(self) -> None:
        """Close all connections; the object opens new ones when it is used again."""
        self._store.close()

    @property
    def url(self) -> str:
        """Address that opens the same database from another process; absolute."""
        return self._store.url

    @property
    def path(self) -> Path | None:
        """The file; None in memory."""
        return self._store.path

    @property
    def in_memory(self) -> bool:
        """Whether the database ends with this process and cannot be shared."""
        return self._store.in_memory

    @property
    def read_only(self) -> bool:
        """Whether writes are refused."""
        return self._store.read_only

    # Calculations

    def calculation(self, calc_id: str) -> CalculationDocument | None:
        """Return one calculation, or None."""
        return self.calculations([calc_id]).get(calc_id)

    def calculations(self, calc_ids: Iterable[str]) -> dict[str, CalculationDocument]:
        """Return those of these calculations that are stored, by identity."""
        with self._store.reading() as connection:
            return reading.documents_by_key(connection, NOUNS["calculations"], list(calc_ids))

    def status_of(self, calc_ids: Iterable[str]) -> dict[str, str]:
        """Return converged, unconverged or failed for those that are stored."""
        with self._store.reading() as connection:
            return reading.statuses(connection, NOUNS["calculations"], list(calc_ids))

    def add_calculation(self, document: CalculationDocument, *, replace: bool = False) -> bool:
        """Store a calculation; return True if none of its identity was there.

        One that is there already stays as it is, unless ``replace``.
        """
        with self._store.writing() as connection:
            return writing.put_calculation(connection, document, replace)

    def forget_calculations(self, calc_ids: Iterable[str]) -> int:
        """Delete calculations, so that they are computed again; return how many there were."""
        with self._store.writing() as connection:
            return writing.forget(connection, NOUNS["calculations"], list(calc_ids))

    # Results

    def add_result(self, document: ResultDocument) -> str:
        """Store a result and return its record id; an older one of the same quantity is no longer shown.

        The same quantity means the same kind, planes and engine in the same case of the same campaign.
        """
        with self._store.writing() as connection:
            return writing.put_result(connection, document)

    def put_derived(self, campaign: str, kinds: Sequence[str], documents: Sequence[ResultDocument]) -> None:
        """Store what follows from the results of a campaign, in one transaction.

        What was derived before and is not among ``documents`` is no longer shown: the results it rested on are gone.
        """
        with self._store.writing() as connection:
            writing.put_derived(connection, campaign, kinds, documents)

    def result(self, record_id: str) -> ResultDocument | None:
        """Return a result by its identity, also a superseded one, or None."""
        with self._store.reading() as connection:
            for noun in RESULT_NOUNS.values():
                found = reading.documents_by_key(connection, noun, [record_id])
                if found:
                    return found[record_id]
        return None

    @overload
    def results(
        self, kind: type[R], where: str | None = None, sort: str | None = None, limit: int | None = None
    ) -> list[R]: ...

    @overload
    def results(
        self, kind: str, where: str | None = None, sort: str | None = None, limit: int | None = None
    ) -> list[Any]: ...

    def results(
        self, kind: type[Any] | str, where: str | None = None, sort: str | None = None, limit: int | None = None
    ) -> list[Any]:
        """Return the current results of a kind as documents.

        Parameters
        ----------
        kind
            A class such as :class:`~liface.documents.InterfaceResult`, which gives the type of what is returned, or a
            name such as ``interface`` or ``interfaces``.
        """
        noun = result_noun(kind)
        with self._store.reading() as connection:
            return reading.documents(connection, noun, where, sort, limit)

    # Cases

    def add_case(self, document: CaseDocument) -> None:
        """Store a case; it takes the place of one of the same name, campaign and engine."""
        with self._store.writing() as connection:
            writing.put_case(connection, document)

    def commit_case(self, case: FinishedCase, results: Sequence[ResultDocument]) -> None:
        """Store a case with its results in one transaction: all of them, or nothing.

        Raises
        ------
        DatabaseWriteError
            If the results are not those the case lists.
        """
        unlisted = {writing.record_id_of(result) for result in results} - set(case.record_ids)
        if unlisted:
            raise DatabaseWriteError(
                f"case {case.case!r} does not list its results {', '.join(sorted(unlisted))}; nothing was stored"
            )
        with self._store.writing() as connection:
            writing.put_case(connection, case)
            for result in results:
                writing.put_result(connection, result)

    def case(self, case_id: str) -> CaseDocument | None:
        """Return a case, or None."""
        with self._store.reading() as connection:
            return reading.documents_by_key(connection, NOUNS["cases"], [case_id]).get(case_id)

    def cases(self, campaign: str | None = None, status: str | None = None) -> list[CaseDocument]:
        """Return cases in the order of campaign, name and kind."""
        with self._store.reading() as connection:
            return reading.cases(connection, campaign, status)

    def forget_case(self, case_id: str) -> bool:
        """Delete a case, so that it is worked on again; return whether it was there."""
        with self._store.writing() as connection:
            return writing.forget(connection, NOUNS["cases"], [case_id]) > 0

    # Submissions

    def put_submission(self, document: SubmissionDocument, after: Collection[str] | None = None) -> bool:
        """Store a submission, in the place of what was known of it before.

        With ``after``, only if these are the submissions of its campaign: of two processes that saw the same ones, one
        stores its own. Returns whether it was stored.
        """
        with self._store.writing() as connection:
            if after is not None:
                there = {each.submission_id for each in reading.submissions(connection, document.campaign)}
                if there != set(after):
                    return False
            writing.put_submission(connection, document)
        return True

    def forget_submission(self, submission_id: str) -> bool:
        """Delete a submission that no queue has taken; return whether it was there."""
        with self._store.writing() as connection:
            return writing.forget(connection, NOUNS["submissions"], [submission_id]) > 0

    def submissions(self, campaign: str) -> list[SubmissionDocument]:
        """Return the submissions of a campaign, the oldest first."""
        with self._store.reading() as connection:
            return reading.submissions(connection, campaign)

    # Asking

    def query(
        self,
        noun: str,
        where: str | None = None,
        sort: str | None = None,
        limit: int | None = None,
        offset: int = 0,
        columns: Sequence[str] | None = None,
    ) -> list[dict[str, Any]]:
        """Return flat rows.

        Parameters
        ----------
        noun
            bulks, surfaces, interfaces, bindings, growth, wetting, adhesions, calculations or cases.
        where
            An OPTIMADE filter, e.g. ``substrate="W" AND gamma_mev_per_a2 > 50``.
        sort
            Columns, a leading minus for falling order; unknown values come last.
        columns
            What a row holds, in this order; every column by default.

        Raises
        ------
        FilterError
            If the filter, the order or a column does not fit the noun.
        """
        with self._store.reading() as connection:
            return reading.rows(connection, noun_named(noun), where, sort, limit, offset, columns)

    def columns(self, noun: str) -> dict[str, tuple[str, str]]:
        """Return type and unit of every column of a noun; a pure number has the unit ``"1"``."""
        return {column.name: (column.type, column.unit) for column in noun_named(noun).columns.values()}

    def count(self, noun: str, where: str | None = None) -> int:
        """Return how many rows match."""
        with self._store.reading() as connection:
            return reading.count(connection, noun_named(noun), where)

    def info(self) -> dict[str, Any]:
        """Return what the database holds: counts, engines, campaigns, versions, size."""
        from liface.database.overview import overview

        with self._store.reading() as connection:
            return overview(connection, self._store, self.schema_version)

    def verify(self) -> list[Problem]:
        """Check the file, every document, its columns, its identity, its references and derived numbers."""
        from liface.database.verify import verify

        return verify(self._store)

    # Handing on

    def export(
        self, path: str | os.PathLike[str], fmt: Literal["json", "jsonl", "csv"] | None = None,
        nouns: Iterable[str] | None = None,
    ) -> list[Path]:  # fmt: skip
        """Write rows to files and return their paths; see :mod:`liface.database.export`."""
        chosen = [noun_named(name) for name in nouns] if nouns is not None else list(NOUNS.values())
        with self._store.reading() as connection:
            tables = {noun: reading.rows(connection, noun, None, None, None, 0) for noun in chosen}
        return exporting.write(Path(path), fmt, tables, {"schema_version": self.schema_version})

    def rows_to_csv(self, rows: Sequence[Mapping[str, Any]], noun: str, *, units: bool = False) -> str:
        """Return rows as CSV text; ``units`` adds a first line, a comment with the unit of each column."""
        return exporting.csv_text(rows, noun_named(noun), units=units)

    # Opening

    def _prepare(self) -> int:
        version = self._stored_version()
        if version is not None:
            migrations.check_version(version, self._store.name)
        latest = migrations.latest()
        if self._store.read_only:
            if version != latest:
                raise DatabaseOpenError(
                    f"{self._store.name} has schema version {version or 'none'}, this liface needs {latest}; "
                    "open it once where it can be written"
                )
            return latest
        self._store.use_write_ahead_log()
        if version != latest:
            with self._store.writing() as connection:
                # asked again under the lock: another process may have been first
                migrations.upgrade(connection, migrations.stored_version(connection, self._store.name))
        return latest

    def _stored_version(self) -> int | None:
        try:
            return self._read_version()
        except DatabaseOpenError:
            if not self._store.read_only or self._store.in_memory or self._store.immutable:
                raise
        self._store.read_without_log()
        return self._read_version()

    def _read_version(self) -> int | None:
        with self._store.reading() as connection:
            return migrations.stored_version(connection, self._store.name)
