"""What this database says of itself in OPTIMADE: provider, entry types, definitions of its properties.

Served under ``/info``, and written at the head of an export.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from liface import __version__
from liface.database.columns import Column
from liface.database.structure_filters import REFERENCES
from liface.database.structures import (
    OWN_PROPERTIES,
    PREFIX,
    SITE_PROPERTIES,
    STANDARD_PROPERTIES,
    dimension_types,
)

ENTRY_TYPES = ("structures", "references")

UCUM = {
    "": None, "1": "1", "UTC": None, "eV": "eV", "meV/Å²": "meV/Ao2", "eV/Å": "eV/Ao", "Å": "Ao", "Å²": "Ao2", "%": "%",
}  # fmt: skip
"""Units in the code of UCUM, which OPTIMADE asks for."""

_ABOUT_ID = (
    "It names the quantity (kind, planes, engine, campaign and case) or the calculation; a newer result of the same "
    "quantity takes its place under the same id, with another immutable_id."
)
_REMARKS = {
    "id": _ABOUT_ID,
    "immutable_id": "It names this version of the result or calculation.",
    "dimension_types": " ".join((dimension_types.__doc__ or "").split()),
    "nperiodic_dimensions": "See the remark on dimension_types.",
    "lattice_vectors": "Always given, also along vacuum, where they are those of the computed cell.",
    "chemical_formula_descriptive": "The formula of the whole cell, elements in alphabetical order.",
    "species": "One per element; every site is fully occupied.",
    "structure_features": "Always empty: no disorder, no assemblies, no implicit atoms.",
    "last_modified": "When the result or calculation was made.",
}


def provider() -> dict[str, Any]:
    """Return who provides the database; the prefix is not registered with the consortium."""
    return {
        "name": PREFIX,
        "prefix": PREFIX,
        "description": "Li interfacial energetics: surfaces, interfaces, binding and the calculations behind them. "
        "The prefix is not registered.",
    }


def implementation() -> dict[str, Any]:
    """Return which program serves it."""
    return {"name": PREFIX, "version": __version__}


def api_version() -> str:
    """Return the version of OPTIMADE that is spoken."""
    from optimade import __api_version__

    return __api_version__


def own_properties() -> list[dict[str, Any]]:
    """Return name, type, unit, description and order of the properties with the prefix of liface."""
    defined = [_definition(each, each.description) for each in OWN_PROPERTIES]
    return defined + [
        {"name": name, "type": "list", "unit": None, "sortable": False, "description": text}
        for name, text in SITE_PROPERTIES.items()
    ]


@cache
def properties(entry_type: str) -> Mapping[str, dict[str, Any]]:
    """Return the definitions of all properties that entries of a type have, by name."""
    from optimade.models import ReferenceResource, StructureResource
    from optimade.server.schemas import retrieve_queryable_properties

    model = {"structures": StructureResource, "references": ReferenceResource}[entry_type]
    standard = retrieve_queryable_properties(model, {"id", "type", "attributes"})
    own = own_properties() if entry_type == "structures" else []
    known: list[Column] = list(STANDARD_PROPERTIES)
    if entry_type == "references":
        known = list(REFERENCES.columns.values())
    remarks = _REMARKS if entry_type == "structures" else {}
    defined: dict[str, dict[str, Any]] = {}
    for column in known:
        text = str(standard[column.name]["description"])
        remark = remarks.get(column.name, "")
        defined[column.name] = {
            **_definition(column, f"{text}\n\n- **Here**: {remark}" if remark else text),
            "unit": standard[column.name].get("unit"),
        }
    defined |= {each["name"]: each for each in own}
    return {name: {key: value for key, value in each.items() if key != "name"} for name, each in defined.items()}


def entry_info(entry_type: str) -> dict[str, Any]:
    """Return what ``/info/<entry type>`` answers."""
    from optimade.models import ReferenceResource, StructureResource

    model = {"structures": StructureResource, "references": ReferenceResource}[entry_type]
    defined = properties(entry_type)
    return {
        "id": entry_type,
        "type": "info",
        "description": " ".join((model.__doc__ or entry_type).split("\n\n")[0].split()),
        "formats": ["json"],
        "properties": dict(defined),
        "output_fields_by_format": {"json": list(defined)},
    }


def base_info(base_url: str | None = None) -> dict[str, Any]:
    """Return what ``/info`` answers; a file has no address to name."""
    version = api_version()
    major = version.partition(".")[0]
    served = [] if base_url is None else [{"url": f"{base_url}/v{major}", "version": version}]
    return {
        "id": "/",
        "type": "info",
        "attributes": {
            "api_version": version,
            "available_api_versions": served,
            "formats": ["json"],
            "available_endpoints": ["info", "links", *ENTRY_TYPES],
            "entry_types_by_format": {"json": list(ENTRY_TYPES)},
            "is_index": False,
            "license": None,
        },
    }


def flat(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry with its references as relationships, still without a level for attributes."""
    plain = {name: value for name, value in entry.items() if name != "references"}
    if cited := entry.get("references"):
        linked = [{"type": "references", "id": doi} for doi in cited]
        plain["relationships"] = {"references": {"data": linked}}
    return plain


def resource(entry_type: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry as a resource of OPTIMADE."""
    attributes = flat(entry)
    whole = {"id": attributes.pop("id"), "type": entry_type, "attributes": attributes}
    if "relationships" in attributes:
        whole["relationships"] = attributes.pop("relationships")
    return whole


def _definition(column: Column, description: str) -> dict[str, Any]:
    unit = column.unit if column.unit in ("", "1", "UTC") else f" Unit: {column.unit}."
    return {
        "name": column.name,
        "type": column.type,
        "unit": UCUM[column.unit],
        "sortable": column.type != "list" and column.name != "type",
        "description": description + (unit if unit.startswith(" ") else ""),
    }
