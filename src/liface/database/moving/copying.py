"""Copying and merging whole databases, in batches that are stored together or not at all, and checking the copy.

A copy that was interrupted goes on where it stopped when it is run again: what is there already is neither read nor
written a second time. The source is only read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from liface.database.columns import Noun
from liface.database.moving.merge import (
    Batch,
    Conflicts,
    Verdict,
    judge,
    listed,
    plan,
    refuse_conflicts,
    refuse_damage,
)
from liface.database.moving.place import Place, Stub, in_order_of_need
from liface.errors import CopyCheckError, CorruptDatabaseError

LOST = {
    Verdict.MISSING: "missing",
    Verdict.NEWER: "an older one is there",
    Verdict.CONFLICT: "another of the same identity is there",
}
"""What would be lost with the source, in words."""

HELD = (Verdict.SAME, Verdict.EQUAL, Verdict.OLDER)
"""Nothing of these would be lost with the source."""


@dataclass
class NounCopy:
    """What became of the documents of one noun."""

    noun: str
    in_source: int = 0
    copied: int = 0
    there: int = 0
    """In the target before, byte for byte."""
    equal: int = 0
    """In the target before with the same content, found by somebody else; that one stays."""
    newer_there: int = 0
    """A newer one is in the target, or one that is kept on request."""
    damaged: int = 0
    verified: int = 0
    """Read back from the target, with the checksum of the source."""
    shown_differs: int = 0
    """Results that one of both shows and the other has superseded."""


@dataclass
class CopyReport:
    """What a copy did, and what the check of it found."""

    source: str
    target: str
    nouns: list[NounCopy] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    """Documents of the source that were left out."""
    problems: list[str] = field(default_factory=list)
    """Documents of the source that the target does not hold as they are."""

    @property
    def complete(self) -> bool:
        """Whether the target holds everything that the source holds undamaged."""
        return not self.problems

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per noun that the source holds."""
        return [vars(each).copy() for each in self.nouns if each.in_source]

    def raise_if_incomplete(self) -> None:
        """Say what is missing.

        Raises
        ------
        CopyCheckError
            If anything is.
        """
        if self.problems:
            raise CopyCheckError(
                f"{self.target} does not hold everything of {self.source}: {listed(self.problems)}; copy again, "
                "or run 'liface database verify' on both"
            )


@dataclass(frozen=True)
class CopyState:
    """How far a copy is."""

    doing: str
    noun: str
    done: int
    total: int


Observer = Callable[[CopyState], None]


def copy(
    source: Place,
    target: Place,
    *,
    conflicts: Conflicts = "refuse",
    skip_damaged: bool = False,
    check_only: bool = False,
    observer: Observer | None = None,
) -> CopyReport:
    """Copy every document of every noun, then read the copy back and compare.

    Parameters
    ----------
    conflicts
        What becomes of documents that contradict each other under one identity.
    skip_damaged
        Leave damaged documents of the source out instead of stopping at them.
    check_only
        Copy nothing; compare only.

    Raises
    ------
    CorruptDatabaseError, CopyConflictError
        At the first batch with damage or contradictions; the batches before it are stored.
    """
    report = CopyReport(source.name, target.name)
    tell = observer or (lambda state: None)
    with source.reading():
        for noun in in_order_of_need():
            counts = NounCopy(noun.name, in_source=source.count(noun))
            report.nouns.append(counts)
            if check_only or not counts.in_source:
                continue
            done = 0
            for stubs in source.walk(noun, target.batch):
                copy_batch(noun, stubs, source, target, conflicts, skip_damaged, counts)
                done += len(stubs)
                tell(CopyState("copying", noun.name, done, counts.in_source))
        for noun, counts in zip(in_order_of_need(), report.nouns, strict=True):
            done = 0
            for stubs in source.walk(noun, target.batch):
                _check_batch(noun, stubs, source, target, conflicts, counts, report, skip_damaged)
                done += len(stubs)
                tell(CopyState("checking", noun.name, done, counts.in_source))
    return report


def copy_batch(
    noun: Noun,
    stubs: Sequence[Stub],
    source: Place,
    target: Place,
    conflicts: Conflicts,
    skip_damaged: bool,
    counts: NounCopy,
) -> None:
    """Store what is missing of a batch, all of it or nothing."""
    with target.reading():
        there = target.stubs(noun, [stub.entry for stub in stubs])
    if all(stub.entry in there and there[stub.entry].sha256 == stub.sha256 for stub in stubs):
        counts.there += len(stubs)
        return
    with target.writing():  # judged again inside: others may write to the target as well
        batch = judge(noun, stubs, source, target, conflicts)
        if not skip_damaged:
            refuse_damage(noun, batch, source)
        refuse_conflicts(noun, batch, source, target)
        changes = plan(noun, batch)
        if changes:
            target.apply(noun, changes)
    _count(batch, len(changes.add), counts)


def _count(batch: Batch, copied: int, counts: NounCopy) -> None:
    verdicts = Counter(each.verdict for each in batch.judged)
    counts.copied += copied
    counts.there += verdicts[Verdict.SAME]
    counts.equal += verdicts[Verdict.EQUAL]
    counts.newer_there += verdicts[Verdict.OLDER] + verdicts[Verdict.MISSING] + verdicts[Verdict.NEWER] - copied


def _check_batch(
    noun: Noun,
    stubs: Sequence[Stub],
    source: Place,
    target: Place,
    conflicts: Conflicts,
    counts: NounCopy,
    report: CopyReport,
    skip_damaged: bool,
) -> None:
    """Read a batch back from the target: its documents must hash to what the source says."""
    with target.reading():
        batch = judge(noun, stubs, source, target, conflicts)
        texts = target.texts(noun, [each.there for each in batch.judged if each.there is not None])
    for each in batch.judged:
        name = f"{noun.kind} {each.stub.key}"
        if each.verdict is Verdict.DAMAGED:
            counts.damaged += 1
            report.damaged.append(name)
            if not skip_damaged:
                report.problems.append(f"{name} (damaged in the source)")
        elif each.verdict not in HELD:
            report.problems.append(f"{name} ({LOST[each.verdict]})")
        elif isinstance(texts.get(each.stub.entry), CorruptDatabaseError):
            report.problems.append(f"{name} (damaged in the target)")
        elif each.verdict is Verdict.SAME and each.there is not None:
            counts.verified += 1
            counts.shown_differs += each.there.is_current != each.stub.is_current
