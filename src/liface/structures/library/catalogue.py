"""Reading the shipped entries, and joining a user's CIF files to them.

The entries are plain YAML; nothing here needs pymatgen until a structure is built or a CIF is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from liface.errors import MaterialFileError, UnknownMaterialError
from liface.structures.library.material import Category, Lattice6, Material, Site

DATA_FILES = ("substrates", "hosts", "salts", "electrolytes")


class MaterialsLibrary:
    """The shipped materials together with a user's CIF files.

    Parameters
    ----------
    user
        CIF files by name; a name that the library already has is refused, because results are asked for by name.
    base
        Folder that relative paths start from; the working folder if not given.

    Raises
    ------
    MaterialFileError
        If a user's name is already taken by the library.
    """

    def __init__(self, user: Mapping[str, str | Path] = MappingProxyType({}), base: Path | None = None):
        for name in user:
            if name in _by_any_name():
                raise MaterialFileError(
                    f"{name} ({user[name]}): the library already has {_by_any_name()[name].formula} under this name; "
                    "give the CIF another name, e.g. " + repr(f"{name}-mine")
                )
        base = Path() if base is None else Path(base)
        self._paths = {name: base / Path(path).expanduser() for name, path in user.items()}
        self._read: dict[str, Material] = {}

    def names(self) -> list[str]:
        """Return the names of all materials, the library's first."""
        return [*builtin_names(), *self._paths]

    def get(self, name: str) -> Material:
        """Return a material by name or alias.

        Raises
        ------
        UnknownMaterialError
            If neither the library nor the user has it.
        MaterialFileError
            If the user's CIF cannot be read, or holds no usable crystal.
        """
        if name not in self._paths:
            return _find(name, self.names())
        if name not in self._read:
            from liface.structures.library.cif import from_cif

            self._read[name] = from_cif(name, self._paths[name])
        return self._read[name]


def builtin_names() -> tuple[str, ...]:
    """Return the names of the shipped materials, in the order of the data files."""
    return tuple(_entries())


def load(name: str) -> Material:
    """Return a shipped material by name or alias.

    Raises
    ------
    UnknownMaterialError
        If the library has no such material.
    """
    return _find(name, builtin_names())


def _find(name: str, known: Any) -> Material:
    try:
        return _by_any_name()[name]
    except KeyError:
        raise UnknownMaterialError(name, known) from None


@cache
def _entries() -> dict[str, Material]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    folder = resources.files(__package__) / "data"
    rows: list[dict[str, Any]] = []
    for stem in DATA_FILES:
        rows += loader((folder / f"{stem}.yaml").read_text(encoding="utf-8")).get_single_data()
    return {row["name"]: _material(row) for row in rows}


@cache
def _by_any_name() -> dict[str, Material]:
    entries = _entries()
    aliases = {alias: entry for entry in entries.values() for alias in entry.aliases}
    return aliases | entries


def _material(row: dict[str, Any]) -> Material:
    gap = row.get("band_gap", {})
    return Material(
        name=row["name"],
        formula=row["formula"],
        category=cast(Category, row["category"]),
        prototype=row["prototype"],
        lattice=cast(Lattice6, tuple(float(value) for value in row["lattice"])),
        source=" ".join(row["source"].split()),
        doi=row["doi"],
        default_planes=tuple(row["planes"]),
        closed_shell_salt=row.get("closed_shell_salt", False),
        band_gap_ev=gap.get("ev"),
        band_gap_source=gap.get("source", ""),
        anion_bonds=tuple((centre, ligand, float(r)) for centre, ligand, r in row.get("anion_bonds", ())),
        ordering=" ".join(row.get("ordering", "").split()),
        aliases=tuple(row.get("aliases", ())),
        space_group=row["space_group"],
        sites=tuple(_site(site) for site in row["sites"]),
    )


def _site(site: list[Any]) -> Site:
    """Read a site; thirds and the like stand as fractions ("1/3"), so that no digit is lost."""
    element, *xyz = site
    x, y, z = (float(Fraction(value)) if isinstance(value, str) else float(value) for value in xyz)
    return element, x, y, z
