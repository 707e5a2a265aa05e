"""Deciding what becomes of a batch: what is missing, there already, newer there, or contradicts.

Identities are hashes of content, so equal identities should mean equal content:

- results: the identity covers everything but provenance. Two documents of one identity are the same result found
  twice; the one that is there stays. Of several results of one quantity the newest is shown, the others are kept.
- cases, and whatever else takes the place of an earlier one: the newer stays.
- calculations and the rest: the identity covers the question. Outcomes that differ in more than bookkeeping contradict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Literal, NamedTuple

from liface.database.codec import read
from liface.database.columns import Noun
from liface.database.moving.place import LONG_AGO, Changes, Occupant, Place, Stub, Whole, replaces_by_slot, whole
from liface.errors import CopyConflictError, CorruptDatabaseError

Conflicts = Literal["refuse", "keep", "newer"]
"""Of contradicting documents: refuse the batch, keep what the target has, or keep the newer one."""

BOOKKEEPING = {"label", "started_from", "wall_s", "versions", "liface_version", "provenance", "created_at"}
"""Fields that say who found something, when and how fast, and not what."""

NAMED = 5
"""Identities that a message lists before it counts the rest."""


class Verdict(Enum):
    """What the target knows of a document of the source."""

    MISSING = "missing"
    SAME = "same"
    """There, byte for byte."""
    EQUAL = "equal"
    """There, with the same content found by somebody else."""
    OLDER = "older"
    """A newer one is there in its place, or one that is kept on request."""
    NEWER = "newer"
    """An older one is there."""
    CONFLICT = "conflict"
    DAMAGED = "damaged"


@dataclass
class Judged:
    """One document of the source, beside what the target has."""

    stub: Stub
    verdict: Verdict
    mine: Whole | None = None
    there: Stub | None = None
    error: str = ""


class Batch(NamedTuple):
    """A batch after judgement, and what fills the slots of its documents in the target."""

    judged: list[Judged]
    occupants: dict[str, Occupant]


def judge(noun: Noun, stubs: Sequence[Stub], source: Place, target: Place, conflicts: Conflicts) -> Batch:
    """Compare a batch of the source with the target; only what is not there byte for byte is read."""
    there = target.stubs(noun, [stub.entry for stub in stubs])
    judged = [Judged(stub, _at_a_glance(stub, there.get(stub.entry)), there=there.get(stub.entry)) for stub in stubs]
    unknown = [each for each in judged if each.verdict is not Verdict.SAME]
    texts = source.texts(noun, [each.stub for each in unknown]) if unknown else {}
    for each in unknown:
        try:
            each.mine = whole(noun, each.stub, texts[each.stub.entry])
        except CorruptDatabaseError as error:
            each.verdict, each.error = Verdict.DAMAGED, str(error)
    _judge_twins(noun, [each for each in unknown if each.there is not None and each.mine], target, conflicts)
    new = [each for each in unknown if each.there is None and each.mine is not None]
    needs_slot = [each.mine for each in new if each.mine and (replaces_by_slot(noun) or each.stub.is_current)]
    by_slot = noun.is_result or replaces_by_slot(noun)
    occupants = target.occupants(noun, needs_slot) if by_slot and needs_slot else {}
    if replaces_by_slot(noun):
        for each in new:
            occupant = occupants.get(each.mine.slot_id) if each.mine else None
            if occupant is not None and each.mine and occupant.created_at >= each.mine.created_at:
                each.verdict = Verdict.OLDER
    return Batch(judged, occupants)


def _at_a_glance(stub: Stub, there: Stub | None) -> Verdict:
    return Verdict.SAME if there is not None and there.sha256 == stub.sha256 else Verdict.MISSING


def _judge_twins(noun: Noun, twins: Sequence[Judged], target: Place, conflicts: Conflicts) -> None:
    """Compare documents that have an identity in common, but not their bytes.

    Raises
    ------
    CorruptDatabaseError
        If the one in the target is damaged.
    """
    texts = target.texts(noun, [each.there for each in twins if each.there]) if twins else {}
    for each in twins:
        assert each.mine is not None
        text = texts[each.stub.entry]
        if isinstance(text, CorruptDatabaseError):
            raise CorruptDatabaseError(f"{target.name}: {text}") from text
        theirs = read(noun, each.stub.key, text)
        if _content(noun, each.mine.document) == _content(noun, theirs):
            each.verdict = Verdict.EQUAL
        elif not replaces_by_slot(noun) and conflicts == "refuse":
            each.verdict = Verdict.CONFLICT
        elif not replaces_by_slot(noun) and conflicts == "keep":
            each.verdict = Verdict.OLDER
        else:
            made = noun.values(theirs).get("created_at") or LONG_AGO
            each.verdict = Verdict.NEWER if each.mine.created_at > made else Verdict.OLDER


def _content(noun: Noun, document: Any) -> Any:
    return document.record_id if noun.is_result else document.model_dump(exclude=BOOKKEEPING)


def plan(noun: Noun, batch: Batch) -> Changes:
    """Say what a batch does to the target; of several documents for one slot the newest stays or is shown."""
    changes = Changes()
    chosen: dict[str, Whole] = {}
    adding = [e.mine for e in batch.judged if e.mine and e.verdict in (Verdict.MISSING, Verdict.NEWER)]
    if replaces_by_slot(noun):
        changes.outdated += [each.mine for each in batch.judged if each.mine and each.verdict is Verdict.OLDER]
    for mine in sorted(adding, key=lambda each: (each.created_at, each.stub.entry)):
        if noun.is_result and not mine.stub.is_current:
            changes.add.append(mine)
        elif noun.is_result or replaces_by_slot(noun):
            earlier = chosen.get(mine.slot_id)
            if earlier is not None:
                (changes.add if noun.is_result else changes.outdated).append(_superseded(earlier))
            chosen[mine.slot_id] = mine
        else:
            changes.add.append(mine)
    for slot_id, mine in chosen.items():
        occupant = batch.occupants.get(slot_id)
        if occupant is not None and occupant.created_at >= mine.created_at and noun.is_result:
            mine = _superseded(mine)
        elif occupant is not None:
            (changes.hide if noun.is_result else changes.replace).add(occupant.entry)
        changes.add.append(mine)
    changes.replace |= {each.stub.entry for each in batch.judged if each.verdict is Verdict.NEWER}
    return changes


def _superseded(mine: Whole) -> Whole:
    return replace(mine, stub=mine.stub._replace(is_current=False))


def refuse_conflicts(noun: Noun, batch: Batch, source: Place, target: Place) -> None:
    """Stop before anything of a batch with contradictions is stored.

    Raises
    ------
    CopyConflictError
        If there are any.
    """
    keys = [each.stub.key for each in batch.judged if each.verdict is Verdict.CONFLICT]
    if keys:
        raise CopyConflictError(
            f"{source.name} and {target.name} hold different {noun.name} under one identity: {listed(keys)}; nothing "
            "of this batch was stored. Keep what the target has with --conflicts keep, or the newer of both with "
            "--conflicts newer"
        )


def refuse_damage(noun: Noun, batch: Batch, source: Place) -> None:
    """Stop before anything of a batch with damaged documents is stored.

    Raises
    ------
    CorruptDatabaseError
        If there are any.
    """
    found = [each for each in batch.judged if each.verdict is Verdict.DAMAGED]
    if found:
        raise CorruptDatabaseError(
            f"{source.name}: damaged {noun.name}: {listed([each.stub.key for each in found])} (the first: "
            f"{found[0].error}). Nothing of this batch was stored; --skip-damaged copies the rest"
        )


def listed(keys: Sequence[str]) -> str:
    """Name the first few, and count the rest."""
    rest = f" and {len(keys) - NAMED} more" if len(keys) > NAMED else ""
    return ", ".join(keys[:NAMED]) + rest
