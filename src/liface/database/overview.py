"""What a database holds, in numbers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, not_, select

from liface import __version__
from liface.database.columns import NOUNS, RESULT_NOUNS
from liface.database.connection import Store
from liface.database.reading import count
from liface.database.schema import TABLES


def overview(connection: Connection, store: Store, schema_version: int) -> dict[str, Any]:
    """Return counts by noun and status, engines, campaigns, versions and size in bytes."""
    return {
        "path": store.name,
        "url": store.url,
        "size_bytes": store.size_bytes(connection),
        "read_only": store.read_only,
        "schema_version": schema_version,
        "liface_version": __version__,
        "counts": {name: count(connection, noun, None) for name, noun in NOUNS.items()},
        "superseded": {noun.name: _superseded(connection, noun.name) for noun in RESULT_NOUNS.values()},
        "status": {
            "calculations": _by(connection, "calculations", "status"),
            "cases": _by(connection, "cases", "status"),
        },
        "engines": _engines(connection),
        "campaigns": _campaigns(connection),
    }


def _superseded(connection: Connection, name: str) -> int:
    table = TABLES[name]
    return connection.scalar(select(func.count()).select_from(table).where(not_(table.c.is_current))) or 0


def _by(connection: Connection, name: str, column: str) -> dict[str, int]:
    cell = TABLES[name].c[column]
    statement = select(cell, func.count()).group_by(cell).order_by(cell)
    return dict(connection.execute(statement).tuples().all())


def _engines(connection: Connection) -> list[dict[str, Any]]:
    """Every engine, with its calculations, force calls and results."""
    engines: dict[str, dict[str, Any]] = {}
    for name, noun in NOUNS.items():
        table = TABLES[name]
        if "engine_fingerprint" not in noun.columns:  # a submission may have several
            continue
        calls = func.sum(table.c.n_force_calls) if name == "calculations" else func.sum(0)
        keys = (table.c.engine_fingerprint, table.c.engine, table.c.model)
        by_engine = table.c.engine_fingerprint.is_not(None)  # models of numbers given by hand have none
        statement = select(*keys, func.count(), calls).where(by_engine).group_by(*keys)
        if noun.is_result:
            statement = statement.where(table.c.is_current)
        for fingerprint, engine, model, number, force_calls in connection.execute(statement):
            entry = engines.setdefault(
                fingerprint,
                {"engine": engine, "model": model, "engine_fingerprint": fingerprint,
                 "calculations": 0, "force_calls": 0, "results": 0},
            )  # fmt: skip
            if noun.is_result:
                entry["results"] += number
            elif name == "calculations":
                entry["calculations"] += number
                entry["force_calls"] += int(force_calls or 0)
    return sorted(engines.values(), key=lambda e: (e["engine"], e["model"], e["engine_fingerprint"]))


def _campaigns(connection: Connection) -> list[dict[str, Any]]:
    """Every campaign, with its finished and failed cases and its results."""
    campaigns: dict[str, dict[str, Any]] = {}

    def entry(name: str) -> dict[str, Any]:
        return campaigns.setdefault(name, {"campaign": name, "finished": 0, "failed": 0, "results": 0})

    cases = TABLES["cases"]
    statement = select(cases.c.campaign, cases.c.status, func.count()).group_by(cases.c.campaign, cases.c.status)
    for name, status, number in connection.execute(statement):
        entry(name)[status] += number
    for noun in RESULT_NOUNS.values():
        table = TABLES[noun.name]
        results = select(table.c.campaign, func.count()).where(table.c.is_current).group_by(table.c.campaign)
        for name, number in connection.execute(results):
            entry(name)["results"] += number
    return sorted(campaigns.values(), key=lambda e: e["campaign"])
