"""Checking a whole database: what is stored, and whether its results follow from its calculations.

``Database.verify`` looks at the storage: file, documents, columns, identities, references. Here every result that is
shown is computed once more from the calculations and results that it names, which needs the formulas of the analysis.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from liface.analysis.recompute import FROM_CALCULATIONS, FROM_RESULTS, Recomputed, recompute
from liface.database import Database
from liface.database.columns import RESULT_NOUNS, Noun
from liface.database.filters import quoted
from liface.database.verify import Problem
from liface.errors import LifaceError

BEHIND = {"wetting": ("surface", "interface"), "growth": ("binding",)}
"""Kinds of results that others are derived from."""


@dataclass(frozen=True)
class Looking:
    """How far a check is."""

    at: str
    done: int
    total: int


Progress = Callable[[Looking], None]


@dataclass
class Soundness:
    """What a check found."""

    problems: list[Problem] = field(default_factory=list)
    recomputed: Counter[str] = field(default_factory=Counter)
    """Results by noun whose numbers were computed once more."""
    relations_only: Counter[str] = field(default_factory=Counter)
    """Results by noun that only the relations between their own numbers say something of."""
    numbers: int = 0
    """Numbers that were held against recomputed ones."""
    orphans: tuple[str, ...] = ()
    """Calculations that no shown result and no case refers to."""
    without_case: tuple[str, ...] = ()
    """Shown results of flows whose case is no longer stored."""

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify_database(database: Database, *, quick: bool = False, progress: Progress | None = None) -> Soundness:
    """Check a database as a whole.

    Parameters
    ----------
    quick
        Leave the documents alone: the file and its tables only.
    progress
        Told what is looked at, and how far.
    """
    tell = progress or (lambda _: None)
    told = lambda noun, read, rows: tell(Looking(f"checking {noun}", read, rows))  # noqa: E731
    found = Soundness(problems=database.verify(quick=quick, told=told))
    if quick or any(problem.check in ("file", "tables") for problem in found.problems):
        return found
    nouns = list(RESULT_NOUNS.values())
    totals = {noun.name: database.count(noun.name) for noun in nouns}
    total, done = sum(totals.values()), 0
    for noun in nouns:
        for document in database.each(noun.name):
            _add(found, noun, document, _recomputed(database, document))
            done += 1
            tell(Looking(f"recomputing {noun.name}", done, total))
    found.orphans, found.without_case = database.orphans(), database.results_without_case(tuple(FROM_CALCULATIONS))
    return found


def _add(found: Soundness, noun: Noun, document: Any, one: Recomputed) -> None:
    found.numbers += one.checked
    if one.checked:
        found.recomputed[noun.name] += 1
    else:
        found.relations_only[noun.name] += 1
    found.problems += [Problem(noun.name, document.record_id, "recomputed", text) for text in one.problems]


def _recomputed(database: Database, document: Any) -> Recomputed:
    if not document.provenance.calc_ids and document.kind in (*FROM_CALCULATIONS, *FROM_RESULTS):
        return Recomputed()  # written by hand: there is nothing to compute it from
    try:
        calculations = {}
        if document.kind in FROM_CALCULATIONS:
            stored = database.calculations(document.provenance.calc_ids)
            calculations = {key: each for key, each in stored.items() if each.status != "failed"}
        behind = list(_behind(database, document)) if document.kind in FROM_RESULTS else []
        named = {each.record_id for each in getattr(document, "inputs", ()) if each.record_id is not None}
        records = {key: record for key in sorted(named) if (record := database.result(key)) is not None}
        return recompute(document, calculations, behind, records)
    except LifaceError as error:  # a damaged document has been told of; the others go on
        return Recomputed(problems=(f"cannot be computed again: {error}",))


def _behind(database: Database, document: Any) -> Iterator[Any]:
    """Yield the shown results of the same campaign and engine whose calculations are all behind a derived one."""
    mine = set(document.provenance.calc_ids)
    own = f"campaign={quoted(document.provenance.campaign)}"
    own += f" AND engine_fingerprint={quoted(document.engine.fingerprint)}"
    for kind in BEHIND[document.kind]:
        for each in database.results(kind, own):
            if mine.issuperset(each.provenance.calc_ids):
                yield each
