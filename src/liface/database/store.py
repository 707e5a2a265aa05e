"""The results database."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from sqlalchemy import inspect

from liface.database import browsing, migrations, reading, usage, writing
from liface.database.addresses import is_server, path_of
from liface.database.columns import NOUNS, RESULT_NOUNS, noun_named, result_noun
from liface.database.comparing import Comparisons
from liface.database.connection import open_store
from liface.database.frames import Tables
from liface.database.handing import Handing
from liface.database.paging import Pages
from liface.database.schema import VERSIONS
from liface.database.structure_rows import rebuild_structures
from liface.database.uses import rebuild_uses
from liface.database.whole_rows import rebuild_rows
from liface.documents import (
    CalculationDocument,
    CaseDocument,
    Document,
    FinishedCase,
    LiteratureValue,
    ResultDocument,
    RunDocument,
    SubmissionDocument,
)
from liface.errors import DatabaseOpenError, DatabaseWriteError

if TYPE_CHECKING:
    from liface.database.structure_entries import References, Structures
    from liface.database.verify import Problem, Told

R = TypeVar("R", bound=Document)


class Database(Tables, Pages, Comparisons, Handing):
    """Calculations, results and cases in one file or on one server, safe for several threads and processes at once.

    Parameters
    ----------
    target
        A file, ``sqlite:///FILE``, ``:memory:`` or ``postgresql://user@host/database``. A file that does not exist
        yet, and the tables in an empty database of a server, are made.
    read_only
        Refuse writes; also reads files and folders that cannot be written. What is not writable is opened so by
        itself.
    must_exist
        Refuse to make a new file or new tables.

    Raises
    ------
    DatabaseOpenError
        If the file or the server is missing, unreadable or holds no results database.
    MissingExtraError
        If the driver of the server is not installed.
    SchemaVersionError
        If a newer version of liface wrote it.
    """

    def __init__(self, target: str | os.PathLike[str], *, read_only: bool = False, must_exist: bool = False):
        self._store = open_store(target, read_only=read_only, must_exist=must_exist)
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

    @staticmethod
    def exists(target: str | os.PathLike[str]) -> bool:
        """Tell whether there is a file at this path, or tables of liface in this database of a server.

        Raises
        ------
        DatabaseOpenError
            If the server cannot be asked.
        """
        if not is_server(target):
            path = path_of(target)
            return path is not None and path.exists()
        store = open_store(target, read_only=True)
        try:
            with store.reading() as connection:
                return inspect(connection).has_table(VERSIONS.name)
        finally:
            store.close()

    @property
    def name(self) -> str:
        """The database as messages name it: the file, ``:memory:``, or the address without a password."""
        return self._store.name

    @property
    def url(self) -> str:
        """Address, absolute, as it may be shown: without a password."""
        return self._store.url

    @property
    def address(self) -> str:
        """What opens the same database from another process; it may hold a password, so never show it."""
        return self._store.address

    @property
    def path(self) -> Path | None:
        """The file; None in memory and on a server."""
        return self._store.path

    @property
    def in_memory(self) -> bool:
        """Whether the database ends with this process and cannot be shared."""
        return self._store.in_memory

    @property
    def read_only(self) -> bool:
        """Whether writes are refused."""
        return self._store.read_only

    def check_writable(self, consequence: str) -> None:
        """Refuse a database that is only read, before hours of work rather than after.

        Raises
        ------
        DatabaseWriteError
            It says why, and what follows from it, e.g. "nothing was run".
        """
        self._store.check_writable(consequence)

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
        return self.cases_of([case_id]).get(case_id)

    def cases_of(self, case_ids: Iterable[str]) -> dict[str, CaseDocument]:
        """Return those of these cases that are stored, by identity."""
        with self._store.reading() as connection:
            return reading.documents_by_key(connection, NOUNS["cases"], list(case_ids))

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

    # Runs

    def add_run(self, document: RunDocument) -> bool:
        """Store a run of a campaign; earlier runs stay. Return whether it was not there yet."""
        with self._store.writing() as connection:
            return writing.put_run(connection, document)

    def runs(self, campaign: str | None = None, run_id: str | None = None) -> list[RunDocument]:
        """Return recorded runs, the oldest first: of a campaign, or those whose identity begins with ``run_id``."""
        with self._store.reading() as connection:
            return reading.runs(connection, campaign, run_id)

    # Published values

    def add_literature(self, values: Sequence[LiteratureValue]) -> int:
        """Store published values, all or none; return how many were not there. One that is there stays as it is."""
        with self._store.writing() as connection:
            return writing.put_literature(connection, values)

    def literature(self, where: str | None = None) -> list[LiteratureValue]:
        """Return the stored published values that match."""
        with self._store.reading() as connection:
            return reading.documents(connection, NOUNS["literature"], where, None, None)

    def forget_literature(self, literature_ids: Iterable[str]) -> int:
        """Delete published values; return how many there were."""
        with self._store.writing() as connection:
            return writing.forget(connection, NOUNS["literature"], list(literature_ids))

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
        with self._store.viewing() as view:
            return reading.rows(view, noun_named(noun), where, sort, limit, offset, columns)

    def columns(self, noun: str) -> dict[str, tuple[str, str]]:
        """Return type and unit of every column of a noun; a pure number has the unit ``"1"``."""
        return {column.name: (column.type, column.unit) for column in noun_named(noun).columns.values()}

    def count(self, noun: str, where: str | None = None) -> int:
        """Return how many rows match."""
        with self._store.reading() as connection:
            return reading.count(connection, noun_named(noun), where)

    @property
    def structures(self) -> Structures:
        """The structures of results and calculations, as entries of OPTIMADE."""
        from liface.database.structure_entries import Structures

        return Structures(self._store)

    @property
    def references(self) -> References:
        """The papers that these structures rest on."""
        from liface.database.structure_entries import References

        return References(self._store)

    def value_counts(
        self, noun: str, columns: Sequence[str], where: str | None = None, most: int = 100
    ) -> dict[str, list[tuple[Any, int]]]:
        """Return the most frequent values of columns among the rows that match, each with its number of rows."""
        with self._store.reading() as connection:
            return browsing.value_counts(connection, noun_named(noun), columns, where, most)

    def rows_by_key(self, noun: str, keys: Sequence[str]) -> list[dict[str, Any]]:
        """Return the rows of these identities that are stored, without flags; also superseded ones."""
        with self._store.reading() as connection:
            return browsing.rows_by_key(connection, noun_named(noun), keys)

    def users_of(
        self, calc_ids: Collection[str], campaign: str | None = None, *, nested: bool = False, most: int | None = None
    ) -> dict[str, tuple[str, frozenset[str]]]:
        """Return the results that rest on any of these calculations: kind and all their calculations, by record.

        ``nested``: only those that rest on all of them, or on nothing else. ``most``: of each kind so many, the first
        by identity.
        """
        with self._store.reading() as connection:
            return browsing.users_of(connection, calc_ids, campaign, nested=nested, most=most)

    def info(self) -> dict[str, Any]:
        """Return what the database holds: counts, engines, campaigns, versions, size."""
        from liface.database.overview import overview

        with self._store.reading() as connection:
            return overview(connection, self._store, self.schema_version)

    def reindex(self) -> int:
        """Derive again what follows from the documents: rows stored whole, structures, and what results rest on.

        All in one transaction; returns how many structures there are.
        """
        with self._store.writing() as connection:
            rebuild_rows(connection)
            rebuild_uses(connection)
            return rebuild_structures(connection)

    def verify(self, *, quick: bool = False, told: Told | None = None) -> list[Problem]:
        """Check the file, every document, its columns, its identity, its references and derived numbers.

        Whether results follow from their calculations needs the formulas of the analysis:
        :func:`liface.dispatch.verification.verify_database` does both. ``quick`` reads no documents; ``told`` hears
        of every page that has been read.
        """
        from liface.database.verify import verify

        return verify(self._store, quick, told)

    def each(self, noun: str) -> Iterator[Any]:
        """Yield the documents of all rows that are shown, a page at a time: memory does not grow with their number."""
        yield from usage.each(self._store, noun_named(noun))

    def orphans(self) -> tuple[str, ...]:
        """Return the calculations that no shown result, case or other calculation refers to.

        They are no fault: a case that was asked differently later leaves some, and they save work if it is asked
        again. :meth:`forget_calculations` deletes them.
        """
        return usage.orphans(self._store)

    def results_without_case(self, kinds: Collection[str]) -> tuple[str, ...]:
        """Return the shown results of some kinds that no stored case lists."""
        return usage.results_without_case(self._store, kinds)

    def copy_campaign(
        self, campaign: str, path: str | os.PathLike[str], engines: Collection[str] | None = None
    ) -> dict[str, int]:
        """Write a campaign and what it rests on into a new file; return how many rows of each noun that were.

        With ``engines``, by their fingerprints, only what these have computed. The same rows give the same bytes.

        Raises
        ------
        DatabaseWriteError
            The file cannot be written, or holds something already.
        """
        from liface.database.campaign_rows import campaign_rows, copy_rows
        from liface.database.single_file import settle

        with Database(path) as target, self._store.reading() as source, target._store.writing() as connection:
            copied = copy_rows(source, connection, campaign_rows(source, campaign, engines))
        settle(Path(path))
        return copied

    # Opening

    def _prepare(self) -> int:
        name, version = self._store.name, self._stored_version()
        if version is not None:
            migrations.check_version(version, name)
        elif self._store.must_exist and not self._store.in_memory:
            raise DatabaseOpenError(
                f"{name} holds no results of liface; run a campaign first, or name another database with --db or "
                "LIFACE_DB"
            )
        latest = migrations.latest()
        if self._store.read_only:
            if version != latest:
                raise DatabaseOpenError(
                    f"{name} has schema version {version or 'none'}, this liface needs {latest}; bring it up to "
                    f"date where it can be written, with 'liface database reindex' ({self._store.read_only_because})"
                )
            return latest
        self._store.get_ready()
        if version != latest:
            with self._store.writing() as connection:
                # asked again under the lock: another process may have been first
                migrations.upgrade(connection, migrations.stored_version(connection, name))
        return latest

    def _stored_version(self) -> int | None:
        try:
            return self._read_version()
        except DatabaseOpenError:
            if not self._store.can_read_otherwise():
                raise
        return self._read_version()

    def _read_version(self) -> int | None:
        with self._store.reading() as connection:
            return migrations.stored_version(connection, self._store.name)
