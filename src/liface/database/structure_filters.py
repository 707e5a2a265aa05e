"""Filters and sort orders on structures and references, as OPTIMADE has them."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, literal, select

from liface.database.columns import Column, Noun, Type
from liface.database.filter_sources import FilterSource, FixedItems, Items, JoinedItems, StoredItems
from liface.database.schema import STRUCTURE_ELEMENTS, STRUCTURE_FLAGS, STRUCTURE_REFERENCES, STRUCTURE_TABLE
from liface.database.structures import OWN, PREFIX, REFERENCE_IDS, SITE_PROPERTIES, STRUCTURES, Property
from liface.errors import FilterError, UnsupportedFilterError

MAX_SORT_KEYS = 20

UNKNOWN_STRUCTURE_PROPERTIES = frozenset(
    {
        "assemblies",
        "space_group_it_number",
        "space_group_symbol_hall",
        "space_group_symbol_hermann_mauguin",
        "space_group_symbol_hermann_mauguin_extended",
        "space_group_symmetry_operations_xyz",
    }
)
"""Properties of OPTIMADE that are unknown for every structure here."""

NEVER_UNKNOWN = frozenset({"id", "doi", "immutable_id", "last_modified", "nsites", "nelements", "nperiodic_dimensions"})
"""Properties that are sorted without a place for the unknown, so that an index gives their order."""

_REFERENCE_PROPERTIES: tuple[tuple[str, Type], ...] = (
    ("id", "string"),
    ("type", "string"),
    ("doi", "string"),
)

REFERENCES = Noun(
    name="references",
    kind="reference",
    key="id",
    slot=("id",),
    columns={
        name: Property(name=name, type=type_, unit="", read=lambda _: None, cell=name)
        for name, type_ in _REFERENCE_PROPERTIES
    },
    adapter=TypeAdapter(dict),
)
"""What a filter on references can name: papers are known by their DOI alone."""

REFERENCE_TABLE = (
    select(STRUCTURE_REFERENCES.c.doi.label("id"), STRUCTURE_REFERENCES.c.doi).distinct().subquery("cited")
)
"""Every paper that a structure rests on."""


class EntrySource(FilterSource):
    """Properties of entries of OPTIMADE; those of other databases are unknown, and remembered in ``unknown``."""

    entry_type = ""
    example = 'id="..."'
    table: Any
    known_unknown: Collection[str] = ()

    def __init__(self, noun: Noun):
        super().__init__(noun)
        self.unknown: list[str] = []

    def column(self, name: str) -> Column:
        """Look a property up.

        Raises
        ------
        UnsupportedFilterError
            If it is a part of a property, or of a related entry.
        FilterError
            If the property is none of OPTIMADE and none of another database.
        """
        if name in self.noun.columns:
            return self.noun.columns[name]
        first, _, rest = name.partition(".")
        if is_foreign(first):
            self.unknown.append(first)
            return _unknown(first)
        if first in self.known_unknown:
            return _unknown(first)
        if first in SITE_PROPERTIES or (rest and (first in self.noun.columns or first in ("references", "structures"))):
            raise UnsupportedFilterError(f"filter: {name} cannot be asked for; ask for a whole property")
        raise FilterError(f"filter: {self.entry_type} have no property {name[:80]!r}; see /info/{self.entry_type}")

    def cell(self, column: Column) -> Any:
        """Return the SQL of a property that is no list."""
        if column.name == "type":
            return literal(self.entry_type)
        return self.table.c[column.cell if isinstance(column, Property) else column.name]

    def order_by(self, sort: str | None) -> list[ColumnElement[Any]]:
        """Turn ``-nsites,id`` into the terms of ORDER BY: unknown values last, ties by ``id``.

        Raises
        ------
        FilterError
            If a property is unknown here or has no order; those of other databases are passed over.
        """
        names = [part.strip() for part in (sort or "").split(",") if part.strip()]
        if len(names) > MAX_SORT_KEYS:
            raise FilterError(f"sort: {len(names)} properties; at most {MAX_SORT_KEYS} are taken")
        terms: list[ColumnElement[Any]] = []
        falling = False
        for name in names:
            try:
                column = self.column(name.removeprefix("-"))
            except FilterError as error:
                raise type(error)(f"sort: {str(error).removeprefix('filter: ')}") from None
            if column.type == "list":
                raise FilterError(f"sort: {column.name} is a list and has no order; sort by another property")
            if column.type == "unknown" or column.name == "type":
                continue
            cell, falling = self.cell(column), name.startswith("-")
            if column.name not in NEVER_UNKNOWN:
                terms.append(cell.is_(None))
            terms.append(cell.desc() if falling else cell.asc())
        key = self.table.c.id  # in the direction of the last property, as an index of both is read
        return [*terms, key.desc() if falling else key.asc()]


class StructureSource(EntrySource):
    """Properties of structures."""

    entry_type = "structures"
    example = 'elements HAS ALL "Li","W" AND nelements=2'
    table = STRUCTURE_TABLE
    known_unknown = UNKNOWN_STRUCTURE_PROPERTIES

    def __init__(self) -> None:
        super().__init__(STRUCTURES)

    def items(self, column: Column) -> Items:
        """Return the items of a list; lengths are columns where there is one."""
        own, parts = STRUCTURE_TABLE.c, STRUCTURE_ELEMENTS.c
        if column.name in ("elements", "species_at_sites"):
            size = own.nelements if column.name == "elements" else own.nsites
            return JoinedItems(
                parts.structure_id, own.id, (parts.element,), size=size, joined=own.element_set, turns=self._looks
            )
        if column.name == "elements_ratios":
            return StoredItems(
                parts.structure_id, own.id, (parts.ratio,), "float", size=own.nelements, turns=self._looks
            )
        if column.name == f"{OWN}flags":
            flags = STRUCTURE_FLAGS.c
            return StoredItems(flags.structure_id, own.id, (flags.slug, flags.flag), turns=self._looks)
        if column is REFERENCE_IDS:
            cited = STRUCTURE_REFERENCES.c
            return StoredItems(cited.structure_id, own.id, (cited.doi,), turns=self._looks)
        if column.name == "dimension_types":
            return FixedItems((own.dimension_type_a, own.dimension_type_b, own.dimension_type_c), "integer")
        if column.name == "structure_features":
            return FixedItems((), "string")
        sizes = {"lattice_vectors": literal(3), "species": own.nelements, "cartesian_site_positions": own.nsites}
        return FixedItems((), "dictionary", sizes[column.name])


class ReferenceSource(EntrySource):
    """Properties of references; what is not known of a paper beside its DOI is unknown."""

    entry_type = "references"
    table = REFERENCE_TABLE

    def __init__(self) -> None:
        super().__init__(REFERENCES)
        from optimade.models import ReferenceResourceAttributes

        self.known_unknown = set(ReferenceResourceAttributes.model_fields) - set(REFERENCES.columns)


def is_foreign(name: str) -> bool:
    """Tell whether a property has the prefix of another database."""
    found = re.match(r"_([a-z0-9]+)_", name)
    return found is not None and found[1] != PREFIX


def _unknown(name: str) -> Column:
    return Column(name, "unknown", "", lambda _: None)
