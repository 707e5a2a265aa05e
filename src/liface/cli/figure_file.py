"""Writing one figure to a file named by the person."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from liface.errors import InputError

if TYPE_CHECKING:
    from liface.report.canvas import Plot

SUFFIXES = (".png", ".svg")


def known_figure(path: Path | None) -> Path | None:
    """Refuse a name that says neither PNG nor SVG, before anything is computed.

    Raises
    ------
    InputError
    """
    if path is not None and path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: figures are written as {' or '.join(SUFFIXES)}")
    return path


def write_figure(plot: Plot, path: Path) -> None:
    """Write a figure in the format that its name says.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    try:
        if path.suffix.lower() == ".png":
            path.write_bytes(plot.png)
        else:
            path.write_text(plot.svg, "utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}; give another place") from error
