"""Peers that need an environment of their own, each behind a pipe: a question and its answer are lines of JSON.

``make peers`` makes the environments under ``.peers``. What a peer computes is timed on its side, without the pipe.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parent.parent
ANSWERS = "LIFACE_PEER_ANSWERS"
"""Variable that tells a script where to write: packages print to standard output as they like."""


def interpreter(name: str) -> str | None:
    """Return the Python of a peer's environment, None where ``make peers`` has not made it."""
    python = ROOT / ".peers" / name / "bin" / "python"
    return str(python) if python.exists() else None


class PeerProcess:
    """A script that runs in another interpreter and answers with :func:`serve`.

    Raises
    ------
    RuntimeError
        The script ended; what it wrote to standard error stands above.
    """

    def __init__(self, python: str, script: str, *arguments: str):
        self.command = [python, str(Path(__file__).parent / "peers" / script), *arguments]
        read, write = os.pipe()
        self._process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=sys.stderr,
            text=True,
            pass_fds=[write],
            env=os.environ | {ANSWERS: str(write)},
        )
        os.close(write)
        self._answers = os.fdopen(read)

    def ask(self, **question: Any) -> dict[str, Any]:
        """Send a question and wait for the answer."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
        if not (line := self._answers.readline()):
            raise RuntimeError(f"{' '.join(self.command)} ended with {self._process.wait()}; see its message above")
        return dict(json.loads(line))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._answers.close()


def serve(answer: Callable[..., dict[str, Any]]) -> None:
    """Answer the questions on standard input until it ends."""
    with os.fdopen(int(os.environ[ANSWERS]), "w") as out:
        for line in sys.stdin:
            out.write(json.dumps(answer(**json.loads(line))) + "\n")
            out.flush()
