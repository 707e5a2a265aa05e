"""How GPAW is run: in this process, or by the command that the machine names."""

from __future__ import annotations

import os
import shlex
import shutil

from liface.errors import UnknownEngineError

COMMAND_VARIABLE = "LIFACE_GPAW_COMMAND"
"""Names a Python with GPAW, with its launcher: ``mpirun -n 4 python3``; the first rank on the worker's machine."""


def command_from_environment() -> list[str]:
    """Return the command of ``LIFACE_GPAW_COMMAND``, empty if GPAW runs in this process.

    Raises
    ------
    UnknownEngineError
        If its program is not there.
    """
    text = os.environ.get(COMMAND_VARIABLE, "").strip()
    try:
        command = shlex.split(text)
    except ValueError as error:
        raise UnknownEngineError(f"{COMMAND_VARIABLE}={text!r} cannot be read as a command: {error}") from error
    if command and shutil.which(command[0]) is None:
        raise UnknownEngineError(
            f"{COMMAND_VARIABLE}={text!r}: no program {command[0]!r} on this machine; "
            "write the command of a Python that has GPAW, e.g. mpirun -n 4 python3"
        )
    return command
