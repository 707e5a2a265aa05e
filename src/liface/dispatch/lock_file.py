"""The lock of a campaign as a file: text that is the same for the same run, and refused once it was changed."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from liface.documents import RunDocument
from liface.errors import InputError, LockError

FORMAT = "liface campaign lock"
FORMAT_VERSION = 1
SUFFIX = ".lock.json"
MOST_BYTES = 400_000_000
ROWS = ("files", "engines", "cases", "calculations", "records")
"""Lists with one entry per line, so that two locks can be held against each other line by line."""


def lock_name(campaign: str) -> str:
    """Return the name of the lock file of a campaign."""
    return f"{campaign}{SUFFIX}"


def lock_text(run: RunDocument) -> str:
    """Return the text of a lock; equal runs give equal text."""
    entries: dict[str, Any] = {"format": FORMAT, "format_version": FORMAT_VERSION, **run.model_dump(mode="json")}
    parts = []
    for key, value in entries.items():
        if key in ROWS and value:
            text = "[\n  " + ",\n  ".join(_line(row) for row in value) + "\n ]"
        elif key in ("content", "settings", "machine", "packages"):
            text = json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False).replace("\n", "\n ")
        else:
            text = _line(value)
        parts.append(f" {json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def write_lock(run: RunDocument, path: Path) -> Path:
    """Write a lock; the file is complete or as it was before.

    Raises
    ------
    LockError
        There is something else of that name: the lock of another campaign, or no lock.
    InputError
        The file cannot be written.
    """
    require_free(path, run.campaign)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(lock_text(run))
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InputError(f"the lock {path} cannot be written: {error.strerror}; give another with --lock") from error
    return path


def require_free(path: Path, campaign: str) -> None:
    """Refuse to write over anything but an earlier lock of the same campaign.

    Raises
    ------
    LockError
        There is something else of that name.
    InputError
        Nothing can be written there.
    """
    folder = path.absolute().parent
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise InputError(f"the lock cannot be written to {path}; give another file with --lock, or --no-lock")
    if not path.exists():
        return
    try:
        there = _entries(path).get("campaign")
    except LockError:
        there = None
    if there != campaign:
        what = f"the lock of the campaign {there!r}" if there else "no lock of a campaign"
        raise LockError(f"{path} is {what} and is left as it is; give another file with --lock, or --no-lock")


def read_lock(path: Path) -> RunDocument:
    """Read a lock.

    Raises
    ------
    LockError
        There is none, it is of a newer version, or it was changed since it was written.
    """
    entries = _entries(path)
    version = entries.pop("format_version", None)
    if version != FORMAT_VERSION:
        raise LockError(f"{path} has version {version} of its format, this liface reads {FORMAT_VERSION}; upgrade it")
    entries.pop("format")
    try:
        run = RunDocument.model_validate(entries)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise LockError(f"{path} is no whole lock: {where}: {first['msg']}; take it from the database again") from error
    require_sound(run, str(path))
    return run


def require_sound(run: RunDocument, name: str) -> None:
    """Refuse a run whose content does not belong to its identities.

    Raises
    ------
    LockError
        It was changed.
    """
    try:
        sound = (run.lock_identity, run.run_identity) == (run.lock_id, run.run_id)
    except ValueError:  # a number that is not finite
        sound = False
    if not sound:
        raise LockError(
            f"{name} was changed after it was written: its content does not hash to its run_id {run.run_id}; take it "
            "from the database again (liface campaign lock), or from whom you have it"
        )


def is_lock(path: Path) -> bool:
    """Tell whether a file calls itself a lock."""
    try:
        _entries(path)
    except LockError:
        return False
    return True


def _entries(path: Path) -> dict[str, Any]:
    try:
        if not path.is_file():
            raise LockError(f"no lock at {path}; liface campaign run and liface campaign lock write one")
        if path.stat().st_size > MOST_BYTES:
            raise LockError(f"{path} has {path.stat().st_size} bytes, which is no lock")
        entries = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LockError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise LockError(f"{path} is no lock of a campaign: {' '.join(str(error).split())[:200]}") from error
    if not isinstance(entries, dict) or entries.get("format") != FORMAT:
        raise LockError(f"{path} is no lock of a campaign; it does not begin with the format {FORMAT!r}")
    return entries


__all__ = ["is_lock", "lock_name", "lock_text", "read_lock", "require_free", "require_sound", "write_lock"]
