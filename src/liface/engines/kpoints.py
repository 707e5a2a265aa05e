"""Γ-centred meshes of k-points: of even density across supercells, one point along vacuum.

A mesh is made once for the cell a calculation starts from and held while it relaxes, so that energies along the
way belong to one surface.
"""

from __future__ import annotations

import re

import numpy as np

from liface.documents.geometry import Geometry
from liface.errors import InputError

Mesh = tuple[int, int, int]

RATIO_DECIMALS = 2
"""Before rounding up, so that noise in a lattice constant (1e-4 Å counts as the same crystal) adds no point."""

LARGEST_MESH = 99


def gamma_mesh(geometry: Geometry, spacing_per_a: float) -> Mesh:
    """Return the numbers of k-points along the three reciprocal vectors: ``ceil(|b_i| / spacing)``, at least 1.

    ``|b_i|`` is 2π over the height of the cell along i, in Å⁻¹, as VASP's ``KSPACING`` has it. Directions with
    vacuum get one point.

    Raises
    ------
    InputError
        If the spacing is not positive, or so small that a mesh would have more than 99 points along a vector.
    """
    if not (np.isfinite(spacing_per_a) and spacing_per_a > 0):
        raise InputError(f"the spacing of k-points must be positive, not {spacing_per_a}; 0.2 Å⁻¹ suits most metals")
    ratios = 2 * np.pi / cell_heights(geometry) / spacing_per_a
    counts = np.maximum(1, np.ceil(np.round(ratios, RATIO_DECIMALS)))
    counts[list(vacuum_directions(geometry))] = 1
    if counts.max() > LARGEST_MESH:
        raise InputError(
            f"a spacing of {spacing_per_a:g} Å⁻¹ needs {int(counts.max())} k-points along a vector of "
            f"{geometry.formula}, more than {LARGEST_MESH}; is it in Å⁻¹?"
        )
    return _mesh(counts)


def explicit_mesh(text: str, geometry: Geometry) -> Mesh:
    """Read a mesh such as ``4x4x4``; directions with vacuum get one point all the same.

    One text then serves bulk (4×4×4) and slabs (4×4×1) alike, as published settings have it.

    Raises
    ------
    InputError
        If the text is not three whole numbers from 1 to 99.
    """
    counts = np.array(parse_mesh(text))
    counts[list(vacuum_directions(geometry))] = 1
    return _mesh(counts)


def parse_mesh(text: str) -> Mesh:
    """Read three whole numbers from 1 to 99 out of ``4x4x4``.

    Raises
    ------
    InputError
        If the text does not have this form.
    """
    match = re.fullmatch(r"\s*([1-9]\d?)\s*[x×X]\s*([1-9]\d?)\s*[x×X]\s*([1-9]\d?)\s*", str(text), re.ASCII)
    if match is None:
        raise InputError(f"k-points {text!r} are no mesh; write three whole numbers from 1 to 99, e.g. 4x4x4")
    return _mesh(np.array(match.groups(), dtype=int))


def vacuum_directions(geometry: Geometry) -> tuple[bool, bool, bool]:
    """Tell along which lattice vectors a gap without atoms, periodic images included, is vacuum (6 Å or more)."""
    cell_heights(geometry)  # refuses a cell without volume
    return geometry.vacuum_directions


def cell_heights(geometry: Geometry) -> np.ndarray:
    """Return the distances between opposite faces of the cell, Å, shape (3,).

    Raises
    ------
    InputError
        If the cell has no volume.
    """
    cell = geometry.cell_array
    if not np.isfinite(cell).all() or abs(np.linalg.det(cell)) < 1e-6:
        raise InputError(f"the cell of {geometry.formula or 'a structure'} has no volume; no k-points can be chosen")
    return 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)


def _mesh(counts: np.ndarray) -> Mesh:
    return int(counts[0]), int(counts[1]), int(counts[2])
