"""Structures for the viewer and for other programs."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from liface.documents import Geometry
from liface.errors import InputError

FORMATS = {"cif": "cif", "extxyz": "xyz", "vasp": "POSCAR"}
"""Names of ASE's formats with the ending of the file."""


def for_viewer(geometry: Geometry) -> dict[str, Any]:
    """Return cell, atoms, looks of the species and figures of the cell."""
    from liface.report.structures_view import appearance

    looks = {species: appearance(species) for species in sorted(set(geometry.species))}
    lengths = np.linalg.norm(geometry.cell_array, axis=1)
    return {
        "cell": [list(vector) for vector in geometry.cell],
        "species": list(geometry.species),
        "positions": [list(position) for position in geometry.positions],
        "frozen": list(geometry.frozen),
        "roles": list(geometry.roles),
        "looks": {species: {"colour": colour, "radius": radius} for species, (colour, radius) in looks.items()},
        "formula": geometry.formula,
        "n_atoms": geometry.n_atoms,
        "lengths_a": [float(length) for length in lengths],
        "angles_deg": _angles(geometry.cell_array),
        "area_a2": geometry.in_plane_area,
    }


def _angles(cell: np.ndarray) -> list[float]:
    unit = cell / np.linalg.norm(cell, axis=1)[:, None]
    pairs = ((1, 2), (0, 2), (0, 1))
    return [float(np.degrees(np.arccos(np.clip(unit[i] @ unit[j], -1.0, 1.0)))) for i, j in pairs]


def as_file(geometry: Geometry, fmt: str) -> str:
    """Write a structure in the format of another program.

    Raises
    ------
    InputError
        The format is unknown.
    """
    if fmt not in FORMATS:
        raise InputError(f"no structure format {fmt[:40]!r}; formats: {', '.join(FORMATS)}")
    from ase.io import write

    if fmt == "cif":
        out: io.BytesIO | io.StringIO = io.BytesIO()
    else:
        out = io.StringIO()
    write(out, geometry.to_ase(), format=fmt)
    content = out.getvalue()
    return content.decode() if isinstance(content, bytes) else content
