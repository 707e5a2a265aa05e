"""Errors as the protocol tells them: a number, its name, a message."""

from __future__ import annotations

from typing import Any

from pymongo.errors import DuplicateKeyError, OperationFailure

NAMES = {
    2: "BadValue",
    8: "UnknownError",
    9: "FailedToParse",
    13: "Unauthorized",
    18: "AuthenticationFailed",
    20: "IllegalOperation",
    26: "NamespaceNotFound",
    27: "IndexNotFound",
    43: "CursorNotFound",
    48: "NamespaceExists",
    59: "CommandNotFound",
    86: "IndexKeySpecsConflict",
    238: "NotImplemented",
    11000: "DuplicateKey",
}
REFUSED_BY_MONGOMOCK = (OperationFailure, NotImplementedError, TypeError, ValueError)
"""What mongomock raises where a server would answer with an error."""


class CommandError(Exception):
    """A command that is answered with an error."""

    def __init__(self, code: int, message: str):
        super().__init__(message)
        self.code = code


def describe(error: Exception) -> dict[str, Any]:
    """Give the code, name and message of an error, as a reply or a write error holds them."""
    code = _code(error)
    said = {"code": code, "codeName": NAMES.get(code, "Error"), "errmsg": str(error) or type(error).__name__}
    if isinstance(error, DuplicateKeyError):
        said["errmsg"] = f"E11000 duplicate key error: {error.details}"
        said |= {k: v for k, v in (error.details or {}).items() if k in ("keyPattern", "keyValue")}
    return said


def _code(error: Exception) -> int:
    if isinstance(error, CommandError):
        return error.code
    if isinstance(error, OperationFailure):
        return error.code or 2
    if isinstance(error, NotImplementedError):
        return 238
    return 2 if isinstance(error, REFUSED_BY_MONGOMOCK) else 8
