"""Failures of a campaign, grouped by reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from liface.database import Database
    from liface.documents import CaseDocument

_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?")


def grouped(database: Database, cases: Iterable[CaseDocument]) -> list[dict[str, Any]]:
    """Return one row per kind of failure, the most frequent first; reasons that differ in numbers are one kind."""
    groups: dict[tuple[str, str], dict[str, Any]] = {}
    for what, example, reason in _all(database, list(cases)):
        row = groups.setdefault(
            (what, _NUMBER.sub("#", reason)), {"what": what, "count": 0, "reason": reason, "example": example}
        )
        row["count"] += 1
    return sorted(groups.values(), key=lambda row: (-row["count"], row["what"], row["reason"]))


def _all(database: Database, cases: Sequence[CaseDocument]) -> Iterable[tuple[str, str, str]]:
    for case in cases:
        if case.status == "failed":
            yield "failed case", case.case, case.reason
    ids = list(dict.fromkeys(calc_id for case in cases for calc_id in case.calc_ids))
    unfinished = [calc_id for calc_id, status in database.status_of(ids).items() if status != "converged"]
    for calculation in database.calculations(unfinished).values():
        if calculation.status != "converged":
            yield f"{calculation.status} calculation", calculation.label, calculation.reason
