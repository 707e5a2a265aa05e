"""GPAW in a process of its own, on as many MPI ranks as its command says."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO, Any

from liface.engines.allocation import is_ending
from liface.engines.gpaw.command import COMMAND_VARIABLE
from liface.engines.gpaw.session import SessionError
from liface.errors import RunStoppedError, UnknownEngineError

CLIENT = Path(__file__).with_name("client.py")

OUTPUT = "gpaw.out"
START_LIMIT_S = 600.0
END_LIMIT_S = 10.0
TAIL_LINES, TAIL_CHARACTERS = 25, 2000
LONGEST_SOCKET_PATH = 100


class RemoteSession:
    """The same as :class:`~liface.engines.gpaw.session.Session`, in another process that ends with it.

    What the process prints goes to ``gpaw.out`` beside the log; its end is told when it dies.

    Raises
    ------
    UnknownEngineError
        If the process does not start: no structure is to blame.
    RunStoppedError
        If it does not start as the allocation ends.
    SessionError
        As :class:`~liface.engines.gpaw.session.Session`, and if the process dies.
    """

    def __init__(self, start: dict[str, Any], command: list[str], folder: Path | None):
        self.command = command
        self.output = _output(folder)
        self.process: subprocess.Popen | None = None
        self.connection: socket.socket | None = None
        self.stream: IO[str] | None = None
        try:
            self.versions = self._launch()
            self._ask({"start": start})
        except BaseException:
            self.close()
            raise

    def point(self, positions: list, cell: list, stress: bool) -> dict[str, Any]:
        """Return energies, forces and stress; see :meth:`liface.engines.gpaw.session.Session.point`."""
        return self._ask({"positions": positions, "cell": cell, "stress": stress})

    def close(self) -> None:
        """End the process; its log stays."""
        for end in (self.stream, self.connection):
            if end is not None:
                with contextlib.suppress(OSError):
                    end.close()
        self.stream = self.connection = None
        if self.process is not None:
            _end(self.process)
            self.process = None
        self.output.close()

    def _launch(self) -> dict[str, str]:
        """Start the process and return the versions it says hello with."""
        try:
            self._connect()
            hello = self._receive()
        except SessionError as error:
            if is_ending():
                raise RunStoppedError(f"GPAW did not start as the time of the Slurm job ran out ({error})") from error
            raise UnknownEngineError(f"{COMMAND_VARIABLE} gives no GPAW: {error}") from error
        return {**hello["versions"], "mpi_ranks": str(hello["ranks"])}

    def _connect(self) -> None:
        folder = tempfile.mkdtemp(prefix="liface-")
        if len(folder) > LONGEST_SOCKET_PATH - 8:
            Path(folder).rmdir()
            folder = tempfile.mkdtemp(prefix="liface-", dir="/tmp")
        path = Path(folder) / "socket"
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
                listener.bind(str(path))
                listener.listen(1)
                self.process = subprocess.Popen(
                    [*self.command, str(CLIENT), str(path)],
                    stdin=subprocess.DEVNULL,
                    stdout=self.output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # a group that can be ended as a whole
                )
                self.connection = self._accept(listener)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self.stream = self.connection.makefile("r", encoding="utf-8")

    def _accept(self, listener: socket.socket) -> socket.socket:
        listener.settimeout(0.2)
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            with contextlib.suppress(TimeoutError):
                return listener.accept()[0]
            if self.process is not None and self.process.poll() is not None:
                raise self._died("did not start")
        raise self._died(f"did not answer within {START_LIMIT_S:g} s")

    def _ask(self, message: dict[str, Any]) -> dict[str, Any]:
        assert self.connection is not None
        try:
            self.connection.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise self._died("died") from error
        return self._receive()

    def _receive(self) -> dict[str, Any]:
        assert self.stream is not None
        try:
            line = self.stream.readline()
        except OSError:
            line = ""
        if not line.endswith("\n"):
            raise self._died("died")
        answer = json.loads(line)
        if "error" in answer:
            raise SessionError(answer["error"], answer["message"])
        return answer

    def _died(self, how: str) -> SessionError:
        """Return the error of a process that is gone, with its exit status and last lines."""
        status = "still running"
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self.process.wait(END_LIMIT_S)
                status = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        self.output.flush()
        self.output.seek(0)
        lines = [line.rstrip() for line in self.output.read().splitlines() if line.strip()]
        tail = "\n".join(lines[-TAIL_LINES:])[-TAIL_CHARACTERS:] or "it printed nothing"
        return SessionError("crash", f"the GPAW process ({shlex.join(self.command)}) {how}, {status}: {tail}")


def _output(folder: Path | None) -> IO[str]:
    if folder is None:
        return tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
    return (folder / OUTPUT).open("w+", encoding="utf-8", errors="replace")


def _end(process: subprocess.Popen) -> None:
    """Wait for a process that was told to end by hanging up; then end its whole group."""
    try:
        process.wait(END_LIMIT_S)
    except subprocess.TimeoutExpired:
        for kind in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, kind)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END_LIMIT_S)
                return
