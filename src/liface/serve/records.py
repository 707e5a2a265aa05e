"""One record with everything a person asks about it: meaning, method, origin, neighbours, published value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from liface.analysis.comparison import beside
from liface.analysis.computed import Computed, computed_values
from liface.database.columns import RESULT_NOUNS
from liface.database.filters import quoted
from liface.dispatch.literature import literature_of
from liface.documents import CalculationDocument, Geometry
from liface.errors import InputError
from liface.report.published import Reference
from liface.serve.naming import title_of
from liface.serve.plain import as_json
from liface.serve.vocabulary import fields_of, flags_explained

if TYPE_CHECKING:
    from liface.database import Database

MOST_VERSIONS = 12
"""Calculations whose package versions are read; the others of a record ran in the same campaign."""
MOST_USERS = 500
"""Results of each kind that the page of a calculation names; a bulk crystal may stand behind all there are."""


class NotStoredError(InputError):
    """An identity that the database does not hold."""

    def __init__(self, what: str, key: str):
        super().__init__(f"no {what} {key[:80]!r} in this database; follow a link of a table, or look it up there")


def result_named(database: Database, record_id: str) -> Any:
    """Return a result, also a superseded one.

    Raises
    ------
    NotStoredError
        The database does not hold it.
    """
    document = database.result(record_id)
    if document is None:
        raise NotStoredError("record", record_id)
    return document


def record(database: Database, record_id: str) -> dict[str, Any]:
    """Return a result with its meaning, its method and what it is made of."""
    document = result_named(database, record_id)
    noun = RESULT_NOUNS[document.kind]
    provenance = document.provenance
    rows = database.rows_by_key("calculations", provenance.calc_ids)
    return {
        "id": record_id,
        "noun": noun.name,
        "kind": document.kind,
        "title": title_of(document),
        "document": as_json(document),
        "fields": fields_of(document),
        "flags": flags_explained(document.flags),
        "is_current": bool(database.count(noun.name, f'record_id="{record_id}"')),
        "calculations": rows,
        "method": method(database, document, rows),
        "published": published(database, document),
        "lineage": lineage(database, record_id, document),
        "case": _case_of(database, provenance.campaign, provenance.case),
        "has_structure": isinstance(getattr(document, "structure", None), Geometry),
    }


def calculation(database: Database, calc_id: str) -> dict[str, Any]:
    """Return a calculation with the results that rest on it."""
    document = database.calculation(calc_id)
    if document is None:
        raise NotStoredError("calculation", calc_id)
    users = database.users_of([calc_id], most=MOST_USERS)
    return {
        "id": calc_id,
        "noun": "calculations",
        "kind": "calculation",
        "title": title_of(document) or calc_id,
        "document": as_json(document),
        "fields": fields_of(document),
        "flags": [],
        "most_users": MOST_USERS,
        "used_by": _named(database, {key: kind for key, (kind, _) in users.items()}),
        "has_structure": True,
    }


def method(database: Database, document: Any, rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return engine, settings, versions and effort behind a result."""
    rows = list(rows)
    engine = document.engine
    settings: dict[tuple[Any, ...], int] = {}
    names = ("task", "cell", "move", "fmax_limit_ev_per_a", "max_force_calls")
    for row in rows:
        key = tuple(row[name] for name in names)
        settings[key] = settings.get(key, 0) + 1
    return {
        "engine": None if engine is None else {**as_json(engine), "fingerprint": engine.fingerprint},
        "settings": [{**dict(zip(names, key, strict=True)), "calculations": n} for key, n in settings.items()],
        "versions": _versions(database, [row["calc_id"] for row in rows]),
        "wall_s": sum(row["wall_s"] for row in rows),
        "force_calls": sum(row["n_force_calls"] for row in rows),
    }


def _versions(database: Database, calc_ids: list[str]) -> dict[str, str]:
    """Package versions of the first calculations; several versions of one package are all named."""
    found: dict[str, set[str]] = {}
    for one in database.calculations(calc_ids[:MOST_VERSIONS]).values():
        for package, version in one.versions.items():
            found.setdefault(package, set()).add(version)
    return {package: ", ".join(sorted(versions)) for package, versions in sorted(found.items())}


def published(database: Database, document: Any) -> list[dict[str, Any]]:
    """Return the published values of what a result says, shipped and of the database, each with its source.

    ``difference`` is computed minus published, None for a bound.
    """
    literature = literature_of(database)
    return [
        _published(computed, Reference(value))
        for computed in computed_values(document)
        for value in beside(computed, literature, closest=True)
    ]


def _published(computed: Computed, reference: Reference) -> dict[str, Any]:
    return {
        "quantity": computed.quantity,
        "text": reference.text,
        "value": reference.value,
        "unit": reference.unit,
        "doi": reference.doi,
        "source": reference.source,
        "note": reference.note,
        "qualifier": reference.qualifier,
        "difference": None if reference.is_bound else computed.value - reference.value,
    }


def lineage(database: Database, record_id: str, document: Any) -> dict[str, Any]:
    """Return the results that a result is made of, and those made of it.

    Records name each other where models rest on results. Otherwise a result that rests on some of the same
    calculations, and on no others, is a part: the surfaces and the interface of a wetting.
    """
    named = {one.record_id for one in getattr(document, "inputs", ()) if one.record_id}
    named |= {point.record_id for point in getattr(document, "points", ()) if getattr(point, "record_id", None)}
    own = frozenset(document.provenance.calc_ids)
    users = database.users_of(own, document.provenance.campaign, nested=True)
    users.pop(record_id, None)
    parts = {key: kind for key, (kind, used) in users.items() if used < own and kind != document.kind}
    wholes = {key: kind for key, (kind, used) in users.items() if used > own and kind != document.kind}
    for key in named - parts.keys():
        other = database.result(key)
        if other is not None:
            parts[key] = other.kind
    shared = {calc_id: [key for key in parts if key in users and calc_id in users[key][1]] for calc_id in own if parts}
    return {"parts": _named(database, parts), "wholes": _named(database, wholes), "part_of_calculation": shared}


def _named(database: Database, kinds: Mapping[str, str]) -> list[dict[str, Any]]:
    """Name records for links: kind and the columns that tell them apart, one question per kind."""
    by_kind: dict[str, list[str]] = {}
    for key, kind in kinds.items():
        by_kind.setdefault(kind, []).append(key)
    found = []
    for kind, keys in by_kind.items():
        noun = RESULT_NOUNS[kind]
        names = [name for name in noun.slot if name not in ("engine_fingerprint", "campaign", "case")]
        for row in database.rows_by_key(noun.name, keys):
            label = " ".join(str(row[name]) for name in names if row[name] not in (None, ""))
            found.append({"id": row["record_id"], "kind": kind, "noun": noun.name, "label": label})
    return found


def _case_of(database: Database, campaign: str, case: str) -> dict[str, Any] | None:
    where = f"campaign={quoted(campaign)} AND case={quoted(case)}"
    rows = database.query("cases", where, limit=1)
    return rows[0] if rows else None


def structure(database: Database, key: str, which: str = "") -> Geometry:
    """Return the geometry of a record, or the initial or final one of a calculation.

    Raises
    ------
    NotStoredError
        Nothing of that identity, or it has no structure.
    """
    found: CalculationDocument | None = database.calculation(key)
    if found is None:
        geometry = getattr(database.result(key), "structure", None)
        if not isinstance(geometry, Geometry):
            raise NotStoredError("structure of", key)
        return geometry
    if which == "initial":
        return found.initial
    if which == "end" and found.end is not None:
        return found.end
    return getattr(found, "final", found.initial)


def case(database: Database, case_id: str) -> dict[str, Any]:
    """Return a case with its results and calculations."""
    document = database.case(case_id)
    if document is None:
        raise NotStoredError("case", case_id)
    kinds = {}
    for record_id in getattr(document, "record_ids", ()):
        found = database.result(record_id)
        if found is not None:
            kinds[record_id] = found.kind
    return {
        "id": case_id,
        "noun": "cases",
        "kind": "case",
        "title": document.case,
        "document": as_json(document),
        "fields": fields_of(document),
        "flags": [],
        "results": _named(database, kinds),
        "calculations": database.rows_by_key("calculations", document.calc_ids),
        "has_structure": False,
    }
