"""Gathering results from the outputs of jobs: a JobStore of flows made from the Makers, whoever ran them.

Documents are found by their shape, validated as those of a database are, and held against their own identity. Class
names in the outputs are not followed: nothing that a store names is imported.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from liface.database.columns import NOUNS, RESULT_NOUNS, Noun
from liface.database.moving.copying import CopyState, NounCopy, Observer, copy_batch
from liface.database.moving.merge import Conflicts
from liface.database.moving.place import BATCH, Place, Stub, Whole, made_whole
from liface.database.moving.stores import answering, name_of
from liface.documents import CalculationRequest
from liface.errors import CorruptDatabaseError, LifaceError

if TYPE_CHECKING:
    from jobflow import JobStore

OURS = {"$or": [{"output.@module": {"$regex": "^liface\\."}}, {"metadata.liface": {"$exists": True}}]}
"""Outputs of jobs of the Makers, and of submitted campaigns."""

CALCULATION_FIELDS = {"calc_id", "engine", "settings", "initial", "status"}
RESULT_FIELDS = {"kind", "definition", "provenance"}


@dataclass
class Gathered:
    """What was found in a JobStore, and what became of it."""

    store: str
    target: str
    outputs: int = 0
    """Outputs of jobs that were looked through."""
    nouns: list[NounCopy] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)
    """What looks like a document and is none, by job."""
    not_loaded: list[str] = field(default_factory=list)
    """Jobs whose calculations are in a store for large data that is not named, or gone from it."""

    def rows(self) -> list[dict[str, Any]]:
        """Return one row per noun that was found."""
        names = {"noun": "noun", "in_source": "found", "copied": "stored", "there": "there", "equal": "equal"}
        names |= {"newer_there": "newer_there"}
        return [{shown: getattr(each, name) for name, shown in names.items()} for each in self.nouns if each.in_source]


class _Found:
    """A batch of documents that are stored nowhere yet, as a source."""

    def __init__(self, name: str, wholes: Mapping[str, Whole]):
        self.name, self.batch = name, BATCH
        self._wholes = wholes

    @contextmanager
    def reading(self) -> Iterator[None]:
        yield

    writing = reading

    def count(self, noun: Noun) -> int:
        return len(self._wholes)

    def walk(self, noun: Noun, size: int) -> Iterator[list[Stub]]:
        yield [each.stub for each in self._wholes.values()]

    def texts(self, noun: Noun, stubs: Sequence[Stub]) -> dict[str, bytes | CorruptDatabaseError]:
        return {stub.entry: self._wholes[stub.entry].text for stub in stubs}


def reach(store: JobStore) -> None:
    """Connect, and ask for one output, so that nothing is opened or made for a store that is not there.

    Raises
    ------
    DatabaseError
        If it does not answer.
    """
    with answering(name_of(store.docs_store)):
        store.connect()
        store.docs_store.query_one({"uuid": ""}, properties=["uuid"])


def gather(
    store: JobStore,
    target: Place,
    *,
    every_output: bool = False,
    conflicts: Conflicts = "newer",
    observer: Observer | None = None,
) -> Gathered:
    """Store every document in the outputs of a JobStore.

    Parameters
    ----------
    every_output
        Look through the outputs of all jobs; by default, through those of the Makers and of campaigns.
    conflicts
        What becomes of calculations that were done twice with different outcomes.

    Raises
    ------
    DatabaseError
        If the store does not answer, or the target cannot be written; the batches before are stored.
    """
    where = name_of(store.docs_store)
    report = Gathered(where, target.name)
    counts = {name: NounCopy(name) for name in NOUNS}
    report.nouns = list(counts.values())
    held: dict[str, dict[str, Whole]] = {name: {} for name in NOUNS}
    reach(store)
    with answering(where):
        total = store.docs_store.count({} if every_output else OURS)
        for row in store.docs_store.query({} if every_output else OURS, ["uuid", "index", "name", "output"]):
            report.outputs += 1
            job = f"{row.get('name')} ({row.get('uuid')}, {row.get('index')})"
            output = _with_large_data(store, row.get("output"), job, report)
            for noun, plain in documents_in(output):
                if noun is None:
                    report.unusable.append(f"{job}: a result of the unknown kind {plain['kind']!r}")
                    continue
                _take(noun, plain, job, held, counts, report)
                if len(held[noun.name]) >= BATCH:
                    _put(noun, held, where, target, conflicts, counts)
            if observer is not None:
                observer(CopyState("gathering", "outputs", report.outputs, total))
        for name, noun in NOUNS.items():
            _put(noun, held, where, target, conflicts, counts)
            assert not held[name]
    return report


def documents_in(value: Any) -> Iterator[tuple[Noun | None, dict[str, Any]]]:
    """Yield what has the shape of a document, with its noun, however deep it lies; None for an unknown kind of result.

    Results of another version of liface may be of a kind that this one does not know.
    """
    if isinstance(value, Mapping):
        noun = _noun_of(value)
        if noun is not None or value.keys() >= RESULT_FIELDS:
            yield noun, _plain(value)
            return
        for each in value.values():
            yield from documents_in(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from documents_in(each)


def _noun_of(value: Mapping[str, Any]) -> Noun | None:
    if value.keys() >= CALCULATION_FIELDS:
        return NOUNS["calculations"]
    if value.keys() >= RESULT_FIELDS:
        return RESULT_NOUNS.get(str(value["kind"]))
    for noun in NOUNS.values():
        if noun.is_result or noun.name == "calculations" or noun.key not in value:
            continue
        try:
            noun.adapter.validate_python(_plain(value))
        except ValidationError:  # a part of something else that names this identity
            continue
        return noun
    return None


def _plain(value: Any) -> Any:
    """Return a document without the class names that were stored with it; moments as text."""
    if isinstance(value, Mapping):
        if value.get("@class") == "datetime":
            return value.get("string")
        return {name: _plain(each) for name, each in value.items() if not str(name).startswith("@")}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _take(
    noun: Noun,
    plain: dict[str, Any],
    job: str,
    held: dict[str, dict[str, Whole]],
    counts: dict[str, NounCopy],
    report: Gathered,
) -> None:
    try:
        document = noun.adapter.validate_python(plain)
        found = made_whole(noun, document)
        _check(noun, found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "document"
        report.unusable.append(f"{job}: no valid {noun.kind}, {where}: {first['msg']}")
        return
    except (ValueError, LifaceError) as error:
        report.unusable.append(f"{job}: {noun.kind}: {error}")
        return
    counts[noun.name].in_source += 1
    earlier = held[noun.name].get(found.stub.entry)
    if earlier is None or found.created_at > earlier.created_at:
        held[noun.name][found.stub.entry] = found
    if earlier is not None:
        counts[noun.name].there += 1


def _check(noun: Noun, found: Whole) -> None:
    for name, value in found.values.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{name} is {value}, which is no result")
    if noun.name == "calculations":
        own = found.document
        request = CalculationRequest(geometry=own.initial, engine=own.engine, settings=own.settings, end=own.end)
        if request.calc_id != own.calc_id:
            raise ValueError(f"it says {own.calc_id}, its geometry, engine and settings hash to {request.calc_id}")


def _put(
    noun: Noun,
    held: dict[str, dict[str, Whole]],
    where: str,
    target: Place,
    conflicts: Conflicts,
    counts: dict[str, NounCopy],
) -> None:
    wholes, held[noun.name] = held[noun.name], {}
    if wholes:
        source: Any = _Found(where, wholes)
        stubs = [each.stub for each in wholes.values()]
        copy_batch(noun, stubs, source, target, conflicts, False, counts[noun.name])


def _with_large_data(store: JobStore, value: Any, job: str, report: Gathered) -> Any:
    """Return an output with what was kept apart from it, as far as that can be found."""
    if isinstance(value, Mapping):
        if "blob_uuid" not in value:
            return {name: _with_large_data(store, each, job, report) for name, each in value.items()}
        large: Any = store  # jobflow does not say of what type its additional stores are
        apart = large.additional_stores.get(str(value.get("store")))
        found = apart.query_one({"blob_uuid": value["blob_uuid"]}) if apart is not None else None
        if found is None:
            report.not_loaded.append(job)
            return None
        return found["data"]
    if isinstance(value, list | tuple):
        return [_with_large_data(store, each, job, report) for each in value]
    return value
