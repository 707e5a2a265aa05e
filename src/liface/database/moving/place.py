"""What documents are moved from and to: one contract for results databases and document stores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from liface.database.codec import ADVICE, read, sha256_of
from liface.database.columns import NOUNS, Noun
from liface.database.writing import entry_ids
from liface.documents import content_hash
from liface.errors import CorruptDatabaseError

BATCH = 250
"""Documents that are stored together, or not at all; also what is held in memory at once."""

LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Stub(NamedTuple):
    """What is known of a stored document without reading it."""

    entry: str
    """Unique in its noun: of a result, its record in a campaign and case; of anything else, its content identity."""
    key: str
    """Content identity, for messages."""
    sha256: str
    is_current: bool
    """Whether queries show it; False for a superseded result."""


@dataclass(frozen=True)
class Whole:
    """A document on its way, with its JSON as it was stored, byte for byte."""

    stub: Stub
    document: Any
    text: bytes
    values: Mapping[str, Any]
    slot_id: str

    @property
    def created_at(self) -> datetime:
        """When it was made; the beginning of time if the document does not say."""
        return self.values.get("created_at") or LONG_AGO


class Occupant(NamedTuple):
    """The document that fills a slot."""

    entry: str
    created_at: datetime


@dataclass
class Changes:
    """What a batch does to one noun of the target."""

    add: list[Whole] = field(default_factory=list)
    replace: set[str] = field(default_factory=set)
    """Entries that leave for those that are added."""
    hide: set[str] = field(default_factory=set)
    """Entries of results that are superseded."""
    outdated: list[Whole] = field(default_factory=list)
    """Documents that are not stored, as a newer one has their place; what only they list is no longer shown."""

    def __bool__(self) -> bool:
        return bool(self.add or self.replace or self.hide or self.outdated)


class Place(Protocol):
    """A collection of documents of every noun."""

    batch: int
    """How many documents are best moved at once."""

    @property
    def name(self) -> str:
        """Where it is, for messages; without passwords."""

    def reading(self) -> AbstractContextManager[Any]:
        """Hold one view of the place; what is read inside belongs together, as far as the place can do that."""

    def writing(self) -> AbstractContextManager[Any]:
        """Hold one transaction, as far as the place has them."""

    def count(self, noun: Noun) -> int:
        """Return how many documents of a noun there are, superseded ones too."""

    def walk(self, noun: Noun, size: int) -> Iterator[list[Stub]]:
        """Yield every document of a noun, in batches."""

    def stubs(self, noun: Noun, entries: Sequence[str]) -> dict[str, Stub]:
        """Return those of these entries that are there."""

    def texts(self, noun: Noun, stubs: Sequence[Stub]) -> dict[str, bytes | CorruptDatabaseError]:
        """Return the JSON of documents by entry, or what is wrong with it."""

    def occupants(self, noun: Noun, wholes: Sequence[Whole]) -> dict[str, Occupant]:
        """Return what fills the slots of these documents, by slot."""

    def apply(self, noun: Noun, changes: Changes) -> None:
        """Store a batch."""


def in_order_of_need() -> list[Noun]:
    """Return the nouns so that what others refer to comes first: calculations, results, then the rest."""
    return sorted(NOUNS.values(), key=lambda noun: (noun.name != "calculations", not noun.is_result))


def replaces_by_slot(noun: Noun) -> bool:
    """Tell whether a newer document takes the place of an older one, as a case does."""
    return not noun.is_result and noun.slot != (noun.key,)


def whole(noun: Noun, stub: Stub, text: bytes | CorruptDatabaseError) -> Whole:
    """Read a document on its way.

    Raises
    ------
    CorruptDatabaseError
        If it is damaged, or belongs to another identity than the one it is stored under.
    """
    if isinstance(text, CorruptDatabaseError):
        raise text
    document = read(noun, stub.key, text)
    try:
        values = noun.values(document)
    except ValueError as error:  # a number that is not finite has no identity
        raise CorruptDatabaseError(f"{noun.kind} {stub.key}: {error}; {ADVICE}") from error
    entry, slot_id = identity(noun, values)
    if entry != stub.entry:
        raise CorruptDatabaseError(
            f"{noun.kind} {stub.key}: its document has the identity {values[noun.key]}, or is of another case; {ADVICE}"
        )
    return Whole(stub, document, text, values, slot_id)


def made_whole(noun: Noun, document: Any) -> Whole:
    """Prepare a document that is not stored anywhere yet; it is meant to be shown."""
    text = document.model_dump_json().encode()
    values = noun.values(document)
    entry, slot_id = identity(noun, values)
    return Whole(Stub(entry, values[noun.key], sha256_of(text), True), document, text, values, slot_id)


def identity(noun: Noun, values: Mapping[str, Any]) -> tuple[str, str]:
    """Return the entry of a document, and the slot it fills."""
    if noun.is_result:
        return entry_ids(noun, dict(values))
    return values[noun.key], content_hash([noun.kind, *(values[name] for name in noun.slot)])


def pieces(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Split anything into lists of at most ``size``."""
    piece: list[Any] = []
    for item in items:
        piece.append(item)
        if len(piece) == size:
            yield piece
            piece = []
    if piece:
        yield piece
