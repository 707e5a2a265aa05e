"""Structures for ASE: a database that ``ase db`` reads, and extended XYZ.

Both guess types from text, so that texts which look like numbers stand in parentheses: the plane ``110`` as ``(110)``.
The row as it was stored is kept beside them: in ``data`` of the database, and under ``liface`` in extended XYZ.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from liface.database.columns import Noun
from liface.database.exports.files import whole_file
from liface.database.exports.structures import Record, Records, Scalar, label

OWN = "liface"
"""Key of what was stored, as it was."""


def write_ase_db(path: Path, records: Records) -> list[Path]:
    """Write a database of ASE: structures, energies, forces, and the columns as key-value pairs with their units.

    SQLite, or JSON for a file that ends in ``.json``.
    """
    from ase.db import connect

    kind = "json" if path.suffix.lower() == ".json" else "db"
    described: dict[str, tuple[str, str, str]] = {}
    with whole_file(path) as temporary, connect(str(temporary), type=kind, use_lock_file=False) as database:
        for record in records:
            described |= _descriptions(record.noun)
            data = {OWN: record.row, "roles": list(record.geometry.roles)}
            database.write(record.atoms(), key_value_pairs=_pairs(record), data=data)
        shown = ["id", "noun", "formula", "energy", "engine", "model"]
        database.metadata = {"title": "liface", "default_columns": shown, "key_descriptions": described}
    return [path]


def _pairs(record: Record) -> dict[str, Any]:
    return {_name(name): label(value) for name, value in record.facts.items()}


def _descriptions(noun: Noun) -> dict[str, tuple[str, str, str]]:
    """Return short and long description and unit of every key."""
    named = {_name(column.name): column for column in noun.columns.values()}
    return {
        name: (column.name, column.description or column.name, column.unit if column.unit != "1" else "")
        for name, column in named.items()
    }


def _name(name: str) -> str:
    """Return a key that ASE does not keep for itself."""
    from ase.db.core import reserved_keys

    return f"{OWN}_{name}" if name in reserved_keys else name


def write_extxyz(path: Path, records: Records) -> list[Path]:
    """Write extended XYZ: energies (eV), forces (eV/Å), roles, frozen atoms as ``move_mask``, columns as info keys.

    Positions and forces have the eight decimals of the format.
    """
    import numpy as np
    from ase.io.extxyz import write_xyz

    with whole_file(path) as temporary, temporary.open("x", encoding="utf-8") as file:
        for record in records:
            atoms = record.atoms()
            atoms.arrays["role"] = np.array(record.geometry.roles)
            atoms.info = {name: _escaped(label(value, words=True)) for name, value in record.facts.items()}
            atoms.info[OWN] = _escaped(f"_JSON {json.dumps(record.row)}")
            write_xyz(file, atoms)
    return [path]


def _escaped(value: Scalar) -> Scalar:
    """Return a text whose backslashes come back: ASE reads them as escapes, but does not write them so."""
    return value.replace("\\", "\\\\") if isinstance(value, str) else value
