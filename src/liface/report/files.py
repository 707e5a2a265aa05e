"""Writing the page and its figures so that a reader never sees half a report."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from liface.errors import InputError
from liface.report.canvas import Plot

_LIST = "figures.txt"
HEAD_BYTES = 2000


def write_page(path: Path, text: str) -> None:
    """Write the page under another name and rename it.

    Raises
    ------
    InputError
        If the folder or the file cannot be written.
    """
    try:
        _write(path, text.encode("utf-8"))
    except OSError as error:
        raise _refused(path, error) from error


def write_picture(path: Path, data: bytes) -> None:
    """Write one picture under another name and rename it.

    Raises
    ------
    InputError
        If the folder or the file cannot be written.
    """
    try:
        _write(path, data)
    except OSError as error:
        raise _refused(path, error) from error


def write_figures(folder: Path, plots: Sequence[Plot]) -> tuple[Path, ...]:
    """Write every figure as SVG and PNG and remove those of an earlier report that are no longer there.

    Only files listed by an earlier report are removed; anything else in the folder is left alone.

    Raises
    ------
    InputError
        If the folder or a file cannot be written.
    """
    contents = {f"{plot.slug}.svg": plot.svg.encode("utf-8") for plot in plots}
    contents |= {f"{plot.slug}.png": plot.png for plot in plots}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in contents.items():
            _write(folder / name, data)
        for name in _listed(folder) - contents.keys():
            (folder / name).unlink(missing_ok=True)
        _write(folder / _LIST, "".join(f"{name}\n" for name in sorted(contents)).encode())
    except OSError as error:
        raise _refused(folder, error) from error
    return tuple(folder / name for name in sorted(contents))


def listed_figures(folder: Path) -> tuple[Path, ...]:
    """Return the figures of an earlier report, if every one of them is still there."""
    figures = tuple(folder / name for name in sorted(_listed(folder)))
    return figures if all(figure.is_file() for figure in figures) else ()


def beginning(path: Path) -> str:
    """Return the head of a page, or nothing where there is none."""
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ""


def _listed(folder: Path) -> set[str]:
    """Names of earlier figures; a name that is more than a name is not ours."""
    listing = folder / _LIST
    names = listing.read_text("utf-8", errors="replace").splitlines() if listing.is_file() else []
    return {name for name in names if name.endswith((".svg", ".png")) and Path(name).name == name}


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _refused(path: Path, error: OSError) -> InputError:
    return InputError(f"cannot write {path}: {error.strerror or error}; give another place with --out")
