"""``liface query`` without Typer, whose import takes longer than the answer of a small database.

Only the plain form is read here: ``query NOUN`` and options that are written out, each once. Anything else, from a
missing value to ``--help``, is left to Typer. A test holds the options against those of the command.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from liface.cli.opening import DATABASE_VARIABLE

COMMAND = "query"
INTERRUPTED = 130
UNREAD = 1
"""Exit code where whoever read the output went away."""

VALUES = {
    "--where": "where", "-w": "where", "--sort": "sort", "-s": "sort", "--limit": "limit", "-n": "limit",
    "--columns": "columns", "--campaign": "campaign", "--db": "db",
}  # fmt: skip
"""Options with a value, by how they are written."""
FLAGS = {"--published": "published", "--json": "json", "--csv": "csv", "--describe": "describe"}
COMPLETING = "_LIFACE_COMPLETE"
HELP = Path(__file__).with_name("help.txt")
"""``liface --help > src/liface/cli/help.txt`` on a wide terminal makes it, when the file is not there."""
WIDTH_OF_HELP = 80
LONGEST_NUMBER = 9


def question(arguments: Sequence[str]) -> dict[str, Any] | None:
    """Return the arguments of :func:`liface.cli.asking.ask`; None for what is left to Typer."""
    if not arguments or arguments[0] != COMMAND or COMPLETING in os.environ:
        return None
    if not all(argument.isprintable() for argument in arguments):
        return None
    asked: dict[str, Any] = {}
    todo = list(arguments[1:])
    while todo:
        written = todo.pop(0)
        name, joined, value = written.partition("=") if written.startswith("--") else (written, "", "")
        if name in VALUES:
            if not joined and not todo:
                return None
            key = VALUES[name]
            given: str | bool = value if joined else todo.pop(0)
        elif written in FLAGS:
            key = FLAGS[written]
            given = True
        elif not written.startswith("-"):
            key, given = "noun", written
        else:
            return None
        if key in asked:
            return None
        asked[key] = given
    return _typed(asked)


def asks_for_help(arguments: Sequence[str]) -> bool:
    """Tell whether all that is asked for is the list of commands, on a terminal so wide that no line is broken anew."""
    wide = shutil.get_terminal_size().columns >= WIDTH_OF_HELP
    return list(arguments) in (["--help"], ["-h"]) and wide and COMPLETING not in os.environ


def write_help() -> int:
    """Write the list of commands as Typer makes it; a test holds the file against that."""
    sys.stdout.write(HELP.read_text(encoding="utf-8"))
    return 0


def answer(asked: dict[str, Any]) -> int:
    """Write the rows and return the exit code, also where the output is closed or the person stops."""
    from liface.cli.asking import ask

    try:
        ask(**asked)
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        if error.errno != errno.EPIPE:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to be written at the end
        return UNREAD
    return 0


def _typed(asked: dict[str, Any]) -> dict[str, Any] | None:
    if "noun" not in asked:
        return None
    if "limit" in asked:
        number = asked["limit"]
        if not (number.isascii() and number.isdigit() and len(number) <= LONGEST_NUMBER):
            return None
        asked["limit"] = int(number)
    if "db" not in asked and DATABASE_VARIABLE in os.environ:
        asked["db"] = os.environ[DATABASE_VARIABLE]
        if not asked["db"].strip():
            return None
    return asked
