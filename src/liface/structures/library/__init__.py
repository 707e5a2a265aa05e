"""Materials with provenance: the shipped library and a user's CIF files.

>>> from liface.structures.library import load
>>> load("LPSCl").name
'Li6PS5Cl'

Importing this package and listing names reads YAML only; pymatgen is loaded when a structure is built.
"""

from __future__ import annotations

from pathlib import Path

from liface.structures.library.catalogue import MaterialsLibrary, builtin_names, load
from liface.structures.library.material import CATEGORIES, Category, Material, summary

__all__ = [
    "CATEGORIES",
    "Category",
    "Material",
    "MaterialsLibrary",
    "builtin_names",
    "from_cif",
    "load",
    "summary",
]


def from_cif(name: str, path: str | Path) -> Material:
    """Read a user's crystal; see :func:`liface.structures.library.cif.from_cif`."""
    from liface.structures.library.cif import from_cif as read

    return read(name, path)
