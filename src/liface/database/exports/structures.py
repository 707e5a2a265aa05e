"""Structures with what is stored beside them, as the formats of atomistic programs take them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from liface.database.columns import Noun
from liface.documents import Geometry

if TYPE_CHECKING:
    from ase import Atoms

Scalar = str | int | float | bool


@dataclass(frozen=True)
class Record:
    """A stored document with a structure."""

    noun: Noun
    document: Any
    geometry: Geometry

    @property
    def key(self) -> str:
        """Content identity."""
        return str(self.noun.columns[self.noun.key].read(self.document))

    @property
    def row(self) -> dict[str, Any]:
        """Every column with a plain value, as queries show it."""
        return {name: _plain(column.read(self.document)) for name, column in self.noun.columns.items()}

    @property
    def facts(self) -> dict[str, Scalar]:
        """The columns whose value is known and fits in one cell; lists of text are joined."""
        facts: dict[str, Scalar] = {"noun": self.noun.name}
        for name, value in self.row.items():
            if isinstance(value, list):
                value = "; ".join(str(item) for item in value)
            if isinstance(value, str | int | float | bool) and value != "":
                facts[name] = value
        return facts

    def atoms(self) -> Atoms:
        """Return ASE atoms; those of a calculation with its energy (eV) and forces (eV/Å)."""
        atoms = self.geometry.to_ase()
        if self.noun.name == "calculations":
            import numpy as np
            from ase.calculators.singlepoint import SinglePointCalculator

            forces = np.array(self.document.forces_ev_per_a, dtype=float).reshape(-1, 3)
            atoms.calc = SinglePointCalculator(atoms, energy=self.document.energy_ev, forces=forces)
        return atoms


@dataclass
class Records:
    """Structures of a selection, one after the other; counts those documents that have none."""

    documents: Iterator[tuple[Noun, Any]]
    left_out: int = field(default=0, init=False)

    def __iter__(self) -> Iterator[Record]:
        for noun, document in self.documents:
            geometry = geometry_of(noun, document)
            if geometry is None:
                self.left_out += 1
            else:
                yield Record(noun, document, geometry)


def has_structures(noun: Noun) -> bool:
    """Tell whether documents of a noun hold a structure."""
    return noun.name == "calculations" or (noun.model is not None and "structure" in noun.model.model_fields)


def geometry_of(noun: Noun, document: Any) -> Geometry | None:
    """Return the structure that the numbers of a document belong to; None for a failed calculation."""
    found = getattr(document, "final" if noun.name == "calculations" else "structure", None)
    return found if isinstance(found, Geometry) else None


def label(value: Scalar, *, words: bool = False) -> Scalar:
    """Return a value that programs which guess types take for what it is: the plane ``110`` becomes ``(110)``.

    Parameters
    ----------
    words
        The program also takes texts of several numbers or truth values for lists, and ends at a line break.
    """
    if not isinstance(value, str):
        return value
    text = " ".join(value.split()) if words else value
    parts = text.replace(",", " ").split() if words else [text]
    return f"({text})" if parts and (all(map(_is_number, parts)) or all(map(_is_truth, parts))) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_truth(text: str) -> bool:
    return text in ("T", "F") or text.lower() in ("true", "false")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, dict):
        return json.loads(json.dumps(value))
    return list(value) if isinstance(value, list | tuple) else value
