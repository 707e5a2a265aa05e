"""Cases as far as stored calculations carry them; nothing is computed here."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from liface.database import Database
from liface.dispatch.run import asks_again, run_case
from liface.documents import CaseDocument, FailedCase
from liface.errors import NotComputedError
from liface.workflows.campaign import PlannedCase
from liface.workflows.executor import KnownExecutor


@dataclass
class Known:
    """What became of cases: done before, done now, or still waiting for calculations."""

    before: list[CaseDocument] = field(default_factory=list)
    now: list[CaseDocument] = field(default_factory=list)
    pending: list[PlannedCase] = field(default_factory=list)


def finish_known(
    cases: Sequence[PlannedCase],
    database: Database,
    *,
    retry: re.Pattern[str] | None = None,
    changed: Collection[str] = (),
) -> Known:
    """Derive and store every case whose calculations are all in the database.

    A case that has come to an end, good or bad, is left as it is, unless one of its calculations is in ``changed`` or
    is asked for again by ``retry``, or it failed for a reason that ``retry`` matches.
    """
    known = Known()
    changed = set(changed)
    for planned in cases:
        stored = database.case(planned.case_id)
        if stored is not None and not changed.intersection(stored.calc_ids) and not _again(database, stored, retry):
            known.before.append(stored)
            continue
        try:
            known.now.append(run_case(planned, database, KnownExecutor(database.calculations, retry)))
        except NotComputedError:
            known.pending.append(planned)
    return known


def _again(database: Database, stored: CaseDocument, retry: re.Pattern[str] | None) -> bool:
    failed_so = retry is not None and isinstance(stored, FailedCase) and bool(retry.search(stored.reason))
    return failed_so or asks_again(database, stored, retry)
