"""Two records side by side: every field of both, and where they differ."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from liface.documents import Geometry
from liface.serve.naming import title_of
from liface.serve.plain import as_json
from liface.serve.records import method, result_named
from liface.serve.vocabulary import fields_of

if TYPE_CHECKING:
    from liface.database import Database

LONGEST_LIST = 12
"""Entries of a list that are compared one by one; of longer ones only the number."""

APART = ("structure", "engine", "provenance", "flags", "definition", "kind")
"""Fields that are shown on their own."""

IDENTITIES = ("calc_id", "record_id")
"""Links to what a number rests on; they differ wherever anything does."""

ABSOLUTE = ("energy_ev", "energy_ev_per_atom", "energy_a_ev", "energy_b_ev", "energy_ab_ev")
"""Energies on the scale of their engine; those of two engines have no difference."""

SAME = 1e-9
"""Relative difference below which two numbers are the same."""


def comparison(database: Database, first: str, second: str) -> dict[str, Any]:
    """Return two records of any kind with their fields in one list."""
    documents = [result_named(database, key) for key in (first, second)]
    heads = [_head(database, key, document) for key, document in zip((first, second), documents, strict=True)]
    fields = {**fields_of(documents[1]), **fields_of(documents[0])}
    a, b = (_flat(_own(as_json(document))) for document in documents)
    rows = [_row(path, a.get(path), b.get(path), fields) for path in [*a, *(p for p in b if p not in a)]]
    engines = [document.engine.fingerprint if document.engine else None for document in documents]
    for row in rows:
        if engines[0] != engines[1] and row["path"].rpartition(".")[2] in ABSOLUTE:
            row["difference"] = None
    return {
        "records": heads,
        "same_kind": documents[0].kind == documents[1].kind,
        "numbers": rows,
        "method": _method_rows(heads),
        "structures": [_structure(document) for document in documents],
    }


def _own(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in APART}


def _head(database: Database, key: str, document: Any) -> dict[str, Any]:
    rows = database.rows_by_key("calculations", document.provenance.calc_ids)
    return {
        "id": key,
        "kind": document.kind,
        "title": title_of(document),
        "definition": document.definition,
        "flags": list(document.flags),
        "campaign": document.provenance.campaign,
        "case": document.provenance.case,
        "liface_version": document.provenance.liface_version,
        "created_at": as_json(document.provenance)["created_at"],
        "method": method(database, document, rows),
    }


def _method_rows(heads: list[dict[str, Any]]) -> list[dict[str, Any]]:
    sides = []
    for head in heads:
        found = head["method"]
        engine = dict(found["engine"] or {})
        options = engine.pop("options", {})
        settings = "; ".join(
            f"{row['task']}, cell {row['cell']}, {row['fmax_limit_ev_per_a']:g} eV/Å, at most "
            f"{row['max_force_calls']} force calls"
            for row in sorted(found["settings"], key=lambda row: str(row["task"]))
        )
        sides.append(
            {
                **{f"engine {name}": value for name, value in engine.items()},
                **{f"option {name}": value for name, value in options.items()},
                "settings": settings,
                **{f"version of {name}": value for name, value in found["versions"].items()},
                "liface version": head["liface_version"],
            }
        )
    a, b = sides
    return [_row(name, a.get(name), b.get(name), {}) for name in [*a, *(n for n in b if n not in a)]]


def _structure(document: Any) -> dict[str, Any] | None:
    geometry = getattr(document, "structure", None)
    if not isinstance(geometry, Geometry):
        return None
    from liface.serve.atoms import for_viewer

    seen = for_viewer(geometry)
    kept = ("formula", "n_atoms", "lengths_a", "angles_deg", "area_a2")
    return {**{name: seen[name] for name in kept}, "frozen": sum(geometry.frozen)}


def _flat(value: Any, path: str = "") -> dict[str, Any]:
    """Lay a document out as one value per path; long lists become their length."""
    if isinstance(value, dict):
        found: dict[str, Any] = {}
        for name, item in value.items():
            if name in IDENTITIES:
                continue
            found.update(_flat(item, f"{path}.{name}" if path else name))
        return found
    if isinstance(value, list) and value:
        if len(value) > LONGEST_LIST:
            return {path: f"{len(value)} entries"}
        found = {}
        for i, item in enumerate(value):
            found.update(_flat(item, f"{path}[{i}]"))
        return found
    return {path: None if value == [] else value}


def _row(path: str, a: Any, b: Any, fields: dict[str, dict[str, str]]) -> dict[str, Any]:
    known = _known(path, fields)
    return {
        "path": path,
        "unit": known.get("unit", ""),
        "description": known.get("description", ""),
        "a": a,
        "b": b,
        "same": _same(a, b),
        "difference": b - a if _number(a) and _number(b) else None,
    }


def _known(path: str, fields: dict[str, dict[str, str]]) -> dict[str, str]:
    """Look up what a path means; that of the list it lies in, where it is a bare number of a list."""
    general = "".join("[]" if part.endswith("]") else part for part in _pieces(path))
    while general and general not in fields:
        general = general[:-2] if general.endswith("[]") else general.rpartition(".")[0]
    return fields.get(general, {})


def _pieces(path: str) -> list[str]:
    """Split ``a[0].b`` into ``a``, ``[0]``, ``.b``."""
    pieces, here = [], ""
    for character in path:
        if character == "[":
            pieces.append(here)
            here = ""
        here += character
        if character == "]":
            pieces.append(here)
            here = ""
    return [*pieces, here]


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(a: Any, b: Any) -> bool:
    if _number(a) and _number(b):
        return math.isclose(a, b, rel_tol=SAME, abs_tol=1e-12)
    return bool(a == b)
