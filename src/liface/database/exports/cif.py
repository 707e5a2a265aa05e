"""Structures as CIF in symmetry P1: one file with a data block each, or a folder with a file each.

The name of a block is that of the noun with the content identity. What is stored beside a structure stands in tags that
begin with ``_liface_``; their names carry the units. Roles and frozen atoms are columns of the loop of atoms.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from liface.database.exports.files import whole_file, whole_folder
from liface.database.exports.structures import Record, Records, Scalar

DIGITS = 12
"""Decimals of lengths (Å), angles (deg) and fractional coordinates."""


def write_cif(path: Path, records: Records) -> list[Path]:
    """Write a file with several data blocks, or a folder if ``path`` is one or has no suffix; return the paths."""
    if path.is_dir() or not path.suffix:
        with whole_folder(path) as temporary:
            names = []
            for record in records:
                names.append(f"{block_name(record)}.cif")
                (temporary / names[-1]).write_text(cif_block(record), encoding="ascii")
        return [path / name for name in names]
    with whole_file(path) as temporary, temporary.open("x", encoding="ascii", newline="") as file:
        for record in records:
            file.write(cif_block(record) + "\n")
    return [path]


def block_name(record: Record) -> str:
    """Return the name of the data block of a record."""
    return f"{record.noun.kind}_{record.key}"


def cif_block(record: Record) -> str:
    """Return the data block of a record."""
    from pymatgen.io.cif import CifWriter

    (block,) = CifWriter(record.geometry.to_structure(), significant_figures=DIGITS).cif_file.data.values()
    block.header = block_name(record)
    block.data["_liface_atom_site_role"] = list(record.geometry.roles)
    block.data["_liface_atom_site_frozen"] = ["yes" if frozen else "no" for frozen in record.geometry.frozen]
    block.loops[-1] += ["_liface_atom_site_role", "_liface_atom_site_frozen"]
    return "\n".join([_comment(record), str(block), *_tags(record), ""])


def _comment(record: Record) -> str:
    return _ascii(f"# liface {record.noun.kind} {record.key}; the name of a _liface_ tag carries its unit")


def _tags(record: Record) -> Iterator[str]:
    for name, value in record.facts.items():
        tag = f"_liface_{name}"
        yield f"{tag} {_value(value)}" if len(tag) < 60 else f"{tag}\n{_value(value)}"


def _value(value: Scalar) -> str:
    """Return a value of CIF 1.1: a number as it is, a text quoted; what cannot be quoted becomes an apostrophe."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return repr(value)
    text = " ".join(_ascii(value).split()).replace("'", '"').replace("#", "No.")
    return f"'{text}'"


def _ascii(text: str) -> str:
    """Return text in the characters of CIF 1.1; the units of the names are spelled out already."""
    for letter, spelled in (("Å", "A"), ("²", "2"), ("³", "3"), ("°", "deg"), ("·", " "), ("−", "-")):
        text = text.replace(letter, spelled)
    return text.encode("ascii", "backslashreplace").decode("ascii")
