"""A stand-in in a process of its own, for the test that starts it and all the programs this one starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import IO

HERE = Path(__file__).parent


class StandinProcess:
    """A running stand-in on a free port; it ends with `stop`, or with this process.

    Parameters
    ----------
    passwords
        Users who may connect, authenticated in the database `admin`; none: everybody may.
    port
        Port on 127.0.0.1; 0 takes a free one. A stopped stand-in can be followed by an empty one on its port.
    log
        Open file for what goes wrong in the server.
    """

    host = "127.0.0.1"

    def __init__(self, passwords: dict[str, str] | None = None, port: int = 0, log: IO[str] | None = None):
        command = [sys.executable, "-m", HERE.name, "--port", str(port), "--parent", str(os.getpid())]
        for name, password in (passwords or {}).items():
            command += ["--user", f"{name}:{password}"]
        environment = os.environ | {"PYTHONPATH": str(HERE.parent)}
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the stand-in ended with status {self._process.wait()} before it was ready")
        self.port = int(line)

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._process.pid

    def stop(self) -> None:
        """End the server; what it held is gone."""
        self._process.kill()
        self._process.communicate()

    def __enter__(self) -> StandinProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
