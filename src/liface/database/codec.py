"""Documents to bytes and back: canonical JSON, compressed, with a checksum."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

from pydantic import ValidationError

from liface.database.columns import Noun
from liface.errors import CorruptDatabaseError

LEVEL = 6


ADVICE = "run 'liface database verify'; restore the file from a copy, or compute this one again"


def is_text(text: str) -> bool:
    """Tell whether every database can hold a text: Unicode without NUL."""
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a character, from a damaged file name or a JSON escape
        return False
    return "\x00" not in text


def encode(document: Any) -> tuple[bytes, str]:
    """Return the compressed JSON of a document and the sha256 of the JSON."""
    return pack(document.model_dump_json().encode())


def pack(text: bytes) -> tuple[bytes, str]:
    """Return JSON compressed, and its sha256."""
    return zlib.compress(text, LEVEL), sha256_of(text)


def sha256_of(text: bytes) -> str:
    """Return the checksum of the JSON of a document."""
    return hashlib.sha256(text).hexdigest()


def decode(noun: Noun, key: str, blob: bytes, sha256: str | None = None) -> Any:
    """Read a stored document.

    Raises
    ------
    CorruptDatabaseError
        If the bytes are damaged, or are no document of this noun.
    """
    return read(noun, key, unpack(noun, key, blob, sha256))


def unpack(noun: Noun, key: str, blob: bytes, sha256: str | None = None) -> bytes:
    """Return the JSON of a stored document.

    Raises
    ------
    CorruptDatabaseError
        If the bytes are damaged, or differ from the checksum.
    """
    try:
        text = zlib.decompress(blob)
    except (zlib.error, TypeError) as error:  # SQLite keeps text in a column of bytes if somebody puts it there
        raise CorruptDatabaseError(f"{noun.kind} {key}: stored bytes are damaged ({error}); {ADVICE}") from error
    if sha256 is not None and sha256_of(text) != sha256:
        raise CorruptDatabaseError(f"{noun.kind} {key}: the stored document differs from its checksum; {ADVICE}")
    return text


def read(noun: Noun, key: str, text: bytes) -> Any:
    """Return the document that a JSON text describes.

    Raises
    ------
    CorruptDatabaseError
        If it is no document of this noun.
    """
    try:
        return noun.adapter.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "document"
        raise CorruptDatabaseError(
            f"{noun.kind} {key}: no valid document, {where}: {first['msg']}; {ADVICE}"
        ) from error
