"""Whether every number of a table has the unit that its document declares."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from pydantic import BaseModel

from liface.database.columns import Noun
from liface.documents import Document

KNOWN_UNITS = frozenset(
    {
        "1",
        "eV",
        "meV",
        "eV/K",
        "Å",
        "Å²",
        "Å³",
        "deg",
        "meV/Å²",
        "eV/Å²",
        "eV/Å",
        "eV/Å^2",
        "J/m²",
        "%",
        "K",
        "THz",
        "1/s",
    }
    | {"s", "MPa", "nm", "µm", "mV", "V", "mA/cm²", "mAh/cm²", "layers"}
)
"""Units that columns may have; another one is a slip of the pen, or belongs on this list."""

OTHER_FIELD = "field: "
"""Where the unit of a number depends on the row, this names the field that holds it."""


def unit_problems(noun: Noun) -> Iterator[tuple[str, str]]:
    """Yield the columns of a noun whose unit is missing, unknown or not that of the document, and what is wrong."""
    declared = _declared(noun)
    for column in noun.columns.values():
        if column.type not in ("integer", "float", "dictionary"):
            continue
        if not column.unit:
            yield column.name, "a number without a unit"
        elif column.unit not in KNOWN_UNITS and not column.unit.startswith(OTHER_FIELD):
            yield column.name, f"unit {column.unit!r} is none that is known"
        elif column.name in declared and column.unit not in declared[column.name]:
            units = " or ".join(sorted(declared[column.name]))
            yield column.name, f"the table says {column.unit}, its document {units}"


@lru_cache(maxsize=64)
def _declared(noun: Noun) -> dict[str, set[str]]:
    """Return the units of every numeric field of the documents of a noun and of the documents inside them."""
    found: dict[str, set[str]] = {}
    waiting, seen = list(_models(noun.adapter._type)), set[type]()
    while waiting:
        model = waiting.pop()
        if model in seen:
            continue
        seen.add(model)
        kind = model.model_fields.get("kind")
        if (
            noun.is_result
            and kind is not None
            and kind.default not in (noun.kind, None)
            and "provenance" in model.model_fields
        ):
            continue  # another kind of result of the same union
        if issubclass(model, Document):
            for name, unit in model.units().items():
                found.setdefault(name, set()).add(unit)
        for field in model.model_fields.values():
            waiting += _models(field.annotation)
    return found


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _models(argument)
