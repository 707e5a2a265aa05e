"""Writing a cell to a file that other programs read."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liface.errors import InputError

if TYPE_CHECKING:
    from pymatgen.core import Structure

FORMATS = {".vasp": "vasp", ".poscar": "vasp", ".cif": "cif", ".xyz": "extxyz", ".extxyz": "extxyz", ".traj": "traj"}
"""ASE format by suffix; a file called POSCAR or CONTCAR needs none."""

OPTIONS: dict[str, dict[str, Any]] = {"vasp": {"direct": True, "sort": True}}


def write_structure(structure: Structure, path: Path) -> None:
    """Write a cell, its frozen atoms fixed where the format can say so; the file is complete or not there.

    Raises
    ------
    InputError
        The name tells no format, or the file cannot be written.
    """
    fmt = format_of(path)
    import numpy as np
    from ase.io import write

    from liface.documents import Geometry

    geometry = Geometry.from_structure(structure)
    atoms = geometry.to_ase()
    if fmt == "extxyz":
        atoms.set_array("role", np.array(geometry.roles))
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".liface-") as folder:
            draft = Path(folder) / path.name
            write(draft, atoms, format=fmt, **OPTIONS.get(fmt, {}))
            draft.replace(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}; give another place") from error


def format_of(path: Path) -> str:
    """Return the format that a file name stands for."""
    if path.name.upper().startswith(("POSCAR", "CONTCAR")):
        return "vasp"
    if path.suffix.lower() in FORMATS:
        return FORMATS[path.suffix.lower()]
    raise InputError(f"{path}: no format for this name; use POSCAR or one of {', '.join(FORMATS)}")
