"""Whether the shared folders can be used as jobs use them."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from pathlib import Path

from liface.dispatch.site_check.finding import Finding, failed, ok, skipped
from liface.errors import CalculationFolderError


def here(path: str) -> Path | None:
    """Return a folder of the site file as it is on this machine; None where it names a variable that is not set."""
    filled = os.path.expandvars(path)
    return None if re.search(r"\$\w|\$\{", filled) else Path(filled).expanduser()


def check_calculations(path: str) -> Finding:
    """Write, read, claim and remove a calculation's files as workers do."""
    from liface.workflows.calculation_folder import CalculationFolder

    folder = here(path)
    if folder is None:
        return skipped(f"{path} names a variable that is not set here; workers look for themselves")
    CalculationFolder(folder)  # it makes the folder
    inner = folder / f".check-{uuid.uuid4().hex}"
    try:
        both = CalculationFolder(inner), CalculationFolder(inner)
        with both[0].claim("0" * 32) as mine, both[1].claim("0" * 32) as also_mine:
            if not mine or also_mine:
                return failed(
                    f"{folder}: two processes can claim the same calculation; the file system does not create "
                    "links atomically",
                    "name a folder on another file system under calculations: in the site file",
                )
    except OSError as error:
        raise CalculationFolderError(
            f"{folder}: {error.strerror} (hard links and renaming are needed); name another file system under "
            "calculations: in the site file"
        ) from error
    finally:
        shutil.rmtree(inner, ignore_errors=True)
    return ok(f"{folder}: written, read and claimed{_free(folder)}")


def check_runs(path: str) -> Finding:
    """Make a run folder and write into it."""
    folder = here(path)
    if folder is None:
        return skipped(f"{path} names a variable that is not set here; workers look for themselves")
    inner = folder / f".check-{uuid.uuid4().hex}"
    try:
        inner.mkdir(parents=True)
        (inner / "file").write_text("liface", encoding="utf-8")
    except OSError as error:
        return failed(
            f"{folder} cannot be written: {error.strerror}",
            "name a folder that every compute node can write under runs: in the site file",
        )
    finally:
        shutil.rmtree(inner, ignore_errors=True)
    return ok(f"{folder}: written{_free(folder)}")


def _free(folder: Path) -> str:
    return f", {shutil.disk_usage(folder).free / 1e9:.0f} GB free"
