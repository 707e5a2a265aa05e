"""Entry point: what runs a command, and what becomes of an error."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from liface.cli import direct
from liface.cli.output import talk
from liface.errors import LifaceError
from liface.garbage import made_to_stay

if TYPE_CHECKING:
    from liface.cli.root import app

__all__ = ["DEBUG", "INTERNAL_ERROR", "app", "debugging", "invoke", "main"]

DEBUG = "LIFACE_DEBUG"
"""Set to 1, this environment variable shows the traceback of every error."""

INTERNAL_ERROR = 70
"""Exit code of a defect in liface itself (EX_SOFTWARE)."""


def __getattr__(name: str) -> Any:
    """Build ``app`` when somebody asks for it: a simple question needs none."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from liface.cli.root import app

    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that cannot show Å still gets the rest
            stream.reconfigure(errors="replace")
    if not sys.warnoptions and not debugging():  # warnings of other packages, here and in the workers
        import warnings

        warnings.simplefilter("ignore")
        os.environ.setdefault("PYTHONWARNINGS", "ignore")
    sys.exit(invoke(arguments))


def invoke(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; no error gets past here."""
    try:
        given = sys.argv[1:] if arguments is None else list(arguments)
        if direct.asks_for_help(given) and direct.HELP.is_file():
            return direct.write_help()
        question = direct.question(given)
        if question is not None:
            return direct.answer(question)
        _run(given)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 0
    except LifaceError as error:
        return _failed(error, f"liface: {error}", error.exit_code)
    except Exception as error:  # a defect: say so in one line, the traceback is one variable away
        what = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        return _failed(error, f"liface: internal error ({what}); run with {DEBUG}=1 for the traceback", INTERNAL_ERROR)
    return 0


def _run(arguments: list[str]) -> None:
    with made_to_stay():
        from typer.main import get_command

        from liface.cli.root import app

        command = get_command(app)
    command.main(args=arguments, prog_name="liface")


def debugging() -> bool:
    """Tell whether tracebacks are wanted."""
    return os.environ.get(DEBUG, "") not in ("", "0")


def _failed(error: Exception, message: str, code: int) -> int:
    with contextlib.suppress(BrokenPipeError):
        if debugging():
            import traceback

            talk("".join(traceback.format_exception(error)).rstrip())
        talk(message)
    return code
