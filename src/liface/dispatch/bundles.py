"""A bundle of a campaign: one file, checked member by member before anything of it is used.

Opening one needs no engine: a zip, checksums, a lock and a database.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from liface.database import Database
from liface.dispatch.lock_file import SUFFIX, read_lock
from liface.documents import RunDocument
from liface.errors import BundleError, LifaceError

SUMS = "SHA256SUMS"
DATABASE = "results.db"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""Time of every member: the same content gives the same bytes."""

MOST_MEMBERS = 50_000
MOST_BYTES = 8_000_000_000
MOST_RATIO = 200
"""Text shrinks to a fiftieth at best; what swells by more was made to."""

_BLOCK = 1 << 20
_SUM = re.compile(r"([0-9a-f]{64})  (.+)")
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+()-]{0,150}")


@dataclass(frozen=True)
class Bundle:
    """What a bundle that was checked holds."""

    run: RunDocument
    members: int
    size_bytes: int
    sha256: str
    """Of the bundle file itself: who has it from its maker by another way knows that the file is that."""


def write_bundle(path: Path, members: Mapping[str, bytes]) -> str:
    """Write members with their checksums into one file and return its sha256; equal members give equal bytes.

    Raises
    ------
    BundleError
        The file cannot be written, or a member has a name that opening it would refuse.
    """
    for name in members:
        _require_safe(name)
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(members.items()))
    contents = {**members, SUMS: sums.encode()}
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                for name in sorted(contents):
                    member = zipfile.ZipInfo(name, EPOCH)
                    member.create_system, member.external_attr = 3, (stat.S_IFREG | 0o644) << 16
                    member.compress_type = zipfile.ZIP_DEFLATED
                    archive.writestr(member, contents[name], compresslevel=9)
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise BundleError(f"the bundle {path} cannot be written: {error.strerror}; give another with --out") from error
    return file_sha256(path)


def open_bundle(path: Path, folder: Path) -> Bundle:
    """Check a bundle and put what it holds into a new folder: all of it, or nothing.

    Raises
    ------
    BundleError
        It is damaged, unsafe, not what its checksums say, or the folder is there already.
    """
    folder = folder.resolve()
    if folder == Path.cwd():
        raise BundleError(f"{folder} is the working folder; give a new folder inside it, e.g. results")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BundleError(f"{folder} is there already and is left as it is; give a new folder")
    if not folder.absolute().parent.is_dir():
        raise BundleError(f"no folder {folder.absolute().parent} to hold {folder.name}; create it first")
    with _checked(path, folder.absolute().parent) as (bundle, there):
        try:
            if folder.exists():
                folder.rmdir()
            there.chmod(0o755)
            there.rename(folder)
        except OSError as error:
            raise BundleError(f"{folder} cannot be made: {error.strerror}; give another folder") from error
    return bundle


def verify_bundle(path: Path) -> Bundle:
    """Check a bundle to the last document of its database and leave nothing behind.

    Raises
    ------
    BundleError
        It is damaged, unsafe, or not what it says.
    """
    with _checked(path, None) as (bundle, there):
        with Database(there / DATABASE, read_only=True, must_exist=True) as database:
            problems = database.verify()
        if problems:
            raise BundleError(f"{path}: its database has {len(problems)} problem(s), the first: {problems[0]}")
    return bundle


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _checked(path: Path, beside: Path | None) -> Iterator[tuple[Bundle, Path]]:
    """Hold a folder with the members of a bundle, every check passed; what is still there afterwards goes."""
    if not path.is_file():
        raise BundleError(f"no bundle at {path}; liface campaign bundle makes one")
    try:
        there = Path(tempfile.mkdtemp(prefix=".liface-bundle-", dir=beside))
    except OSError as error:
        raise BundleError(f"nothing can be unpacked in {beside}: {error.strerror}; give another folder") from error
    try:
        n_members, size = _extract(path, there)
        run = _lock(path, there)
        _require_one_run(path, there, run)
        yield Bundle(run, n_members, size, file_sha256(path)), there
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, EOFError, RuntimeError) as error:
        raise BundleError(f"{path} is damaged or no bundle: {error}; have it sent again") from error
    except OSError as error:
        raise BundleError(f"{path} cannot be unpacked: {error.strerror or error}") from error
    finally:
        shutil.rmtree(there, ignore_errors=True)


def _extract(path: Path, folder: Path) -> tuple[int, int]:
    """Unpack safe members and compare each with its checksum."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        _require_harmless(path, members)
        names = {member.filename for member in members}
        sums = _sums(path, archive) if SUMS in names else None
        if sums is None or sums.keys() != names - {SUMS}:
            raise BundleError(
                f"{path} is no bundle: its {SUMS} {'does not list what it holds' if sums else 'is missing'}"
            )
        for member in members:
            target = folder / member.filename
            target.parent.mkdir(parents=True, exist_ok=True)
            digest = _copy(archive, member, target)
            if member.filename != SUMS and digest != sums[member.filename]:
                raise BundleError(f"{path}: {member.filename} is not what {SUMS} says; it was changed or is damaged")
        return len(members), sum(member.file_size for member in members)


def _copy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> str:
    """Write one member, never more of it than it says it has; return its sha256."""
    digest, left = hashlib.sha256(), member.file_size
    with archive.open(member) as source, target.open("xb") as file:
        while block := source.read(_BLOCK):
            left -= len(block)
            if left < 0:
                raise BundleError(f"{member.filename} is longer than it says; it was made to fill the disk")
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def _sums(path: Path, archive: zipfile.ZipFile) -> dict[str, str]:
    sums: dict[str, str] = {}
    text = archive.read(SUMS).decode("utf-8", errors="replace")
    for line in text.splitlines():
        found = _SUM.fullmatch(line)
        if found is None or found[2] in sums:
            raise BundleError(f"{path}: {SUMS} has a line {line[:80]!r}, which is no checksum")
        sums[found[2]] = found[1]
    return sums


def _require_harmless(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """Refuse members that lead out of their folder, are no files, or swell beyond reason."""
    if len(members) > MOST_MEMBERS:
        raise BundleError(f"{path} has {len(members)} members, more than {MOST_MEMBERS}")
    seen: set[str] = set()
    for member in members:
        _require_safe(member.filename)
        if member.filename.casefold() in seen:
            raise BundleError(f"{path} has two members {member.filename!r}")
        seen.add(member.filename.casefold())
        kind = stat.S_IFMT(member.external_attr >> 16)
        if member.is_dir() or kind not in (0, stat.S_IFREG):
            raise BundleError(f"{path}: {member.filename!r} is no plain file but a link or a folder")
        if member.flag_bits & 1:
            raise BundleError(f"{path}: {member.filename!r} is encrypted")
        if member.file_size > MOST_RATIO * max(member.compress_size, 1000):
            raise BundleError(
                f"{path}: {member.filename!r} swells from {member.compress_size} to {member.file_size} bytes"
            )
        if member.filename == SUMS and member.file_size > MOST_MEMBERS * 400:
            raise BundleError(f"{path}: {SUMS} has {member.file_size} bytes, more than any bundle has")
    total = sum(member.file_size for member in members)
    if total > MOST_BYTES:
        raise BundleError(f"{path} holds {total} bytes, more than {MOST_BYTES}")


def _require_safe(name: str) -> None:
    parts = PurePosixPath(name).parts
    if not parts or len(parts) > 3 or "/".join(parts) != name or not all(map(_PART.fullmatch, parts)):
        raise BundleError(f"a member is called {name!r}, which no bundle has; it may lead out of the folder")


def _lock(path: Path, folder: Path) -> RunDocument:
    locks = sorted(folder.glob(f"*{SUFFIX}"))
    if len(locks) != 1 or not (folder / DATABASE).is_file():
        raise BundleError(f"{path} is no bundle: it holds {len(locks)} locks, and one and {DATABASE} are needed")
    return read_lock(locks[0])


def _require_one_run(path: Path, folder: Path, run: RunDocument) -> None:
    """Refuse a lock and a database of different runs."""
    try:
        with Database(folder / DATABASE, read_only=True, must_exist=True) as database:
            stored = set(database.status_of(calculation.calc_id for calculation in run.calculations))
            records = [record.record_id for record in run.records if database.result(record.record_id) is None]
    except LifaceError as error:
        raise BundleError(f"{path}: its database cannot be used: {error}") from error
    absent = [c.calc_id for c in run.calculations if c.calc_id not in stored] + records
    if absent:
        raise BundleError(
            f"{path}: its lock names {len(absent)} calculations and results that its database has not, e.g. {absent[0]}"
        )


__all__ = ["DATABASE", "SUMS", "Bundle", "file_sha256", "open_bundle", "verify_bundle", "write_bundle"]
