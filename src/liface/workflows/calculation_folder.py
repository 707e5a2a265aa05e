"""Finished calculations in a folder that many processes on many nodes share.

One file per content identity, written beside its place and moved there, so that a reader sees a whole document or
none; a claim file says who is computing what. Nothing but ordinary files is needed, so it works where a database
file does not: on NFS, Lustre and GPFS.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import ValidationError

from liface.documents import CALCULATION_ADAPTER, CalculationDocument
from liface.errors import CalculationFolderError

HEARTBEAT_S = 20.0
STALE_AFTER_S = 300.0
"""A claim without a heartbeat for this long belongs to a process that is gone."""


class CalculationFolder:
    """Documents by content identity, and claims on those that are being computed.

    Raises
    ------
    CalculationFolderError
        The folder cannot be made or written.
    """

    def __init__(self, path: str | os.PathLike[str], stale_after_s: float = STALE_AFTER_S):
        self.path = Path(path).expanduser()
        self._stale_after_s = stale_after_s
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._clock()
        except OSError as error:
            raise CalculationFolderError(
                f"calculations cannot be kept in {self.path}: {error.strerror}; set LIFACE_CALCULATIONS to a folder "
                "that every worker can write"
            ) from error

    def get(self, calc_id: str) -> CalculationDocument | None:
        """Return a finished calculation, or None; a file that is damaged is set aside and counts as missing."""
        path = self._path(calc_id)
        try:
            text = path.read_bytes()
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ESTALE):  # a handle goes stale where another node replaces a file
                return None
            raise
        try:
            document = CALCULATION_ADAPTER.validate_json(text)
        except ValidationError:
            document = None
        if document is None or document.calc_id != calc_id:
            with suppress(FileNotFoundError):  # another process may have set it aside first
                path.rename(path.with_suffix(".damaged"))
            return None
        return document

    def put(self, document: CalculationDocument) -> None:
        """Store a calculation, in place of an older one of its identity."""
        path = self._path(document.calc_id)
        path.parent.mkdir(exist_ok=True)
        _write_whole(path, CALCULATION_ADAPTER.dump_json(document))

    def __iter__(self) -> Iterator[CalculationDocument]:
        """Yield every finished calculation, by identity."""
        for path in sorted(self.path.glob("??/*.json")):
            document = self.get(path.stem)
            if document is not None:
                yield document

    @contextmanager
    def claim(self, calc_id: str) -> Iterator[bool]:
        """Claim a calculation for the block; False where somebody else has it."""
        path = self._path(calc_id).with_suffix(".claim")
        path.parent.mkdir(exist_ok=True)
        token = uuid.uuid4().hex
        if not self._take(path, token):
            yield False
            return
        done = threading.Event()
        beat = threading.Thread(target=_beat, args=(path, done), daemon=True)
        beat.start()
        try:
            yield True
        finally:
            done.set()
            beat.join()
            if _token(path) == token:
                path.unlink(missing_ok=True)

    def _take(self, path: Path, token: str) -> bool:
        if _create(path, token):
            return True
        holder = _holder(path)
        if holder is not None and not self._is_stale(path, holder):
            return False
        aside = path.with_suffix(f".{token}")
        try:
            path.rename(aside)  # of several who see a stale claim, one moves it away
        except FileNotFoundError:
            return _create(path, token)
        if holder is not None and _holder(aside) != holder:  # somebody was quicker, and this is the new claim
            with suppress(FileExistsError):
                os.link(aside, path)
            aside.unlink()
            return False
        aside.unlink()
        return _create(path, token)

    def _is_stale(self, path: Path, holder: dict) -> bool:
        if holder.get("host") == socket.gethostname() and not _lives(holder):
            return True
        try:
            age = self._clock() - path.stat().st_mtime
        except FileNotFoundError:
            return True
        return age > self._stale_after_s

    def _clock(self) -> float:
        """Return the time as the file system tells it; nodes need not agree on theirs."""
        with tempfile.NamedTemporaryFile(dir=self.path, prefix=".clock-") as file:
            return os.fstat(file.fileno()).st_mtime

    def _path(self, calc_id: str) -> Path:
        return self.path / calc_id[:2] / f"{calc_id}.json"


def _write_whole(path: Path, data: bytes) -> None:
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise CalculationFolderError(f"{path} cannot be written: {error.strerror}; nothing was stored") from error


def _create(path: Path, token: str) -> bool:
    """Make a claim file with its content in one step; False if there is one."""
    me = {"token": token, "host": socket.gethostname(), "pid": os.getpid(), "started": _started(os.getpid())}
    aside = path.with_suffix(f".{token}.new")
    aside.write_text(json.dumps(me), encoding="utf-8")
    try:
        os.link(aside, path)
    except FileExistsError:
        return False
    finally:
        aside.unlink()
    return True


def _holder(path: Path) -> dict | None:
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return holder if isinstance(holder, dict) else None


def _token(path: Path) -> str | None:
    holder = _holder(path)
    return holder.get("token") if holder else None


def _lives(holder: dict) -> bool:
    """Tell whether the process of a claim made on this host still runs."""
    return holder.get("started") is None or _started(int(holder["pid"])) == holder["started"]


def _started(pid: int) -> float | None:
    """Return when a process started, so that a new process with an old number is not taken for it."""
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.NoSuchProcess:
        return None


def _beat(path: Path, done: threading.Event) -> None:
    while not done.wait(HEARTBEAT_S):
        with suppress(OSError):  # a file system that fails for a moment must not end the beat
            os.utime(path)


def wait_for_others(attempt: int) -> None:
    """Sleep a little longer each time while another process computes what is needed here."""
    time.sleep(min(0.1 * 1.5**attempt, 10.0))
