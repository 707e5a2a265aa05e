"""Where campaigns stand: cases, failures with their reasons, results, engines and effort."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from liface.database.columns import NOUNS
from liface.database.filters import quoted
from liface.report.failures import grouped
from liface.serve.plain import finite
from liface.serve.records import NotStoredError

if TYPE_CHECKING:
    from liface.database import Database

MOST_CASES = 5000


def campaign_list(database: Database) -> list[dict[str, Any]]:
    """Return every campaign with its finished and failed cases and its results, and when it was last added to."""
    campaigns = database.info()["campaigns"]
    for row in campaigns:
        newest = database.query("cases", f"campaign={quoted(row['campaign'])}", "-created_at", 1)
        row["last_case_at"] = newest[0]["created_at"] if newest else None
    return campaigns


def campaign_status(database: Database, name: str) -> dict[str, Any]:
    """Return the cases of a campaign, what failed and why, its submissions, and its rows by noun."""
    mine = f"campaign={quoted(name)}"
    cases = database.query("cases", mine, "kind,case", MOST_CASES)
    counts = {noun.name: database.count(noun.name, mine) for noun in NOUNS.values() if "campaign" in noun.columns}
    if not any(counts.values()):
        raise NotStoredError("campaign", name)
    documents = database.cases(name)
    calc_ids = list(dict.fromkeys(calc_id for case in documents for calc_id in case.calc_ids))
    rows = database.rows_by_key("calculations", calc_ids)
    states: dict[str, int] = {}
    for row in rows:
        states[row["status"]] = states.get(row["status"], 0) + 1
    handed_over = database.query("submissions", mine, "-created_at", 50)
    return finite(
        {
            "campaign": name,
            "cases": cases,
            "n_cases": counts["cases"],
            "by_kind": _by_kind(cases),
            "counts": counts,
            "calculations": {
                "by_status": states,
                "wall_s": sum(row["wall_s"] for row in rows),
                "force_calls": sum(row["n_force_calls"] for row in rows),
            },
            "engines": _engines(cases),
            "failures": grouped(database, documents),
            "submissions": handed_over,
            "waiting": _waiting(database, name, cases),
        }
    )


def _by_kind(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for case in cases:
        row = found.setdefault(case["kind"], {"kind": case["kind"], "finished": 0, "failed": 0})
        row[case["status"]] += 1
    return list(found.values())


def _engines(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for case in cases:
        key = case["engine_fingerprint"]
        row = found.setdefault(
            key,
            {"engine": case["engine"], "model": case["model"], "engine_fingerprint": key, "finished": 0, "failed": 0},
        )
        row[case["status"]] += 1
    return sorted(found.values(), key=lambda row: (row["engine"], row["model"]))


def _waiting(database: Database, name: str, cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Cases that were handed to a queue and are not stored yet."""
    stored = {case["case_id"] for case in cases}
    waiting: dict[str, dict[str, Any]] = {}
    for document in database.submissions(name):
        if document.cancelled:
            continue
        for case in document.cases:
            if case.case_id not in stored:
                waiting[case.case_id] = {
                    "case": case.case, "kind": case.kind, "engine": case.engine, "queue": document.queue,
                    "submission_id": document.submission_id,
                }  # fmt: skip
    return list(waiting.values())
