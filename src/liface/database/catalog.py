"""The nouns of the database as data, for questions that need no documents.

:mod:`liface.database.columns` reads the columns off the documents, which takes a while; ``catalog.json`` is what came
out of that. A test holds one against the other, and ``python -m liface.testing.catalog`` writes the file again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from liface.database.names import no_noun

FILE = Path(__file__).with_name("catalog.json")


@dataclass(frozen=True)
class CatalogColumn:
    """What is known of a column without its document; see :class:`liface.database.columns.Column`."""

    name: str
    type: str
    unit: str
    choices: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True)
class CatalogNoun:
    """What is known of a noun without its documents; see :class:`liface.database.columns.Noun`."""

    name: str
    kind: str
    key: str
    slot: tuple[str, ...]
    natural_order: tuple[str, ...]
    columns: dict[str, CatalogColumn]

    @property
    def is_result(self) -> bool:
        """Whether rows are derived quantities, which newer ones may supersede."""
        return self.key == "record_id"


@cache
def catalog_noun(name: str) -> CatalogNoun:
    """Look a noun up by its plural or singular name.

    Raises
    ------
    FilterError
        If there is none of that name.
    """
    nouns: Mapping[str, Any] = _file()["nouns"]
    plural = name if name in nouns else next((each for each, noun in nouns.items() if noun["kind"] == name), None)
    if plural is None:
        raise no_noun(name, nouns)
    noun = nouns[plural]
    columns = (
        CatalogColumn(column, kind, unit, tuple(choices), required)
        for column, kind, unit, choices, required in noun["columns"]
    )
    return CatalogNoun(
        name=plural,
        kind=noun["kind"],
        key=noun["key"],
        slot=tuple(noun["slot"]),
        natural_order=tuple(noun["natural_order"]),
        columns={column.name: column for column in columns},
    )


def schema_version() -> int:
    """Return the schema version that this catalog describes."""
    return int(_file()["schema_version"])


@cache
def _file() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return content
