"""Run the command line inside this process and hold what it says against what it should say."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class CliResult:
    """What a command wrote, and how it left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output read as JSON."""
        return json.loads(self.out)


def run_cli(
    arguments: Sequence[object],
    code: int = 0,
    out: str | None = None,
    err: str | None = None,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> CliResult:
    """Run a command and check it.

    Parameters
    ----------
    arguments
        As after ``liface`` on the command line; paths and numbers become text.
    code
        The exit code that is expected.
    out, err
        Regular expressions that must be found in standard output and standard error.
    env
        Environment variables on top of those that are set.
    folder
        Working folder.

    Raises
    ------
    AssertionError
        The command left otherwise, did not say so, or showed a traceback.
    """
    from liface.cli.app import invoke

    texts = io.StringIO(), io.StringIO()
    with (
        _environment(env or {}),
        contextlib.chdir(folder or Path.cwd()),
        contextlib.redirect_stdout(texts[0]),
        contextlib.redirect_stderr(texts[1]),
    ):
        left = invoke([str(argument) for argument in arguments])
    result = CliResult(left, texts[0].getvalue(), texts[1].getvalue())
    _check(result, code, out, err)
    return result


def _check(result: CliResult, code: int, out: str | None, err: str | None) -> None:
    shown = f"\nstdout:\n{result.out}\nstderr:\n{result.err}"
    if result.code != code:
        raise AssertionError(f"exit code {result.code}, expected {code}{shown}")
    if "Traceback" in result.err:
        raise AssertionError(f"a traceback reached the person{shown}")
    for name, pattern, text in (("stdout", out, result.out), ("stderr", err, result.err)):
        if pattern is not None and not re.search(pattern, text, re.MULTILINE):
            raise AssertionError(f"{pattern!r} is not in {name}{shown}")


@contextlib.contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
