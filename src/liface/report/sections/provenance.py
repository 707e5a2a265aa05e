"""Which engines, which versions, what it cost, and how to run it again."""

from __future__ import annotations

import json
import shlex

from liface.report.context import Context
from liface.report.effort import EngineEffort
from liface.report.html import EMPTY, Html, details, join, paragraph, section, tag
from liface.report.numbers import count, duration
from liface.report.tables import Column, html_table


def build(context: Context) -> Html:
    """Engines with the sha256 of their weights, versions, cost, protocol."""
    efforts = {effort.engine.fingerprint: effort for effort in context.records.efforts}
    records, rows = context.records, []
    only_began = [effort.engine for key, effort in efforts.items() if key not in records.labels]
    for engine in (*records.engines, *only_began):
        row: dict[str, object] = {
            "engine": records.labels.get(engine.fingerprint, engine.label),
            "code": f"{engine.code} {engine.code_version}",
            "trained": engine.trained_on,
            "weights": tag("code", engine.weights_sha256, class_="hash"),
            "options": ", ".join(f"{k} = {v}" for k, v in sorted(engine.options.items())),
        }
        rows.append(row | _cost(efforts.get(engine.fingerprint)))
    versions = ", ".join(context.records.versions)
    return section(
        "provenance",
        "Provenance",
        html_table(rows, _COLUMNS, "Engines, their weights, and what they spent"),
        _protocols(context),
        paragraph(f"Results written by liface {versions}.") if versions else EMPTY,
        _reproduce(context),
        _manifest(context),
    )


_COLUMNS = (
    Column("engine", "Engine"),
    Column("code", "Code"),
    Column("trained", "Trained on"),
    Column("calculations", "Calculations", "", numeric=True),
    Column("unfinished", "Not converged / failed", "", numeric=True),
    Column("calls", "Force calls", "", numeric=True),
    Column("wall", "Worker time", "", numeric=True),
    Column("versions", "Packages"),
    Column("weights", "Weights sha256"),
    Column("options", "Options"),
)


def _cost(effort: EngineEffort | None) -> dict[str, object]:
    if effort is None:
        return {}
    return {
        "calculations": count(effort.calculations),
        "unfinished": f"{count(effort.unconverged)} / {count(effort.failed)}",
        "calls": count(effort.force_calls),
        "wall": duration(effort.wall_s),
        "versions": ", ".join(
            f"{package} {'/'.join(sorted(found))}" for package, found in sorted(effort.versions.items())
        ),
    }


def _protocols(context: Context) -> Html:
    protocols = sorted({p for effort in context.records.efforts for p in effort.protocols})
    return paragraph("Protocol: ", "; ".join(protocols), ".") if protocols else EMPTY


def _reproduce(context: Context) -> Html:
    campaign = shlex.quote(context.records.campaign)
    given = context.manifest.get("command")
    commands = [str(given)] if given else [
        f"liface campaign run {campaign} --engine {shlex.quote(engine.label)}" for engine in context.records.engines
    ]  # fmt: skip
    commands.append(f"liface campaign report {campaign}")
    return join([
        tag("h3", "How to reproduce"),
        tag("pre", tag("code", "\n".join(commands))),
        paragraph("Same campaign, engine weights and versions give the same numbers; what is already in the "
                  "database is not computed again.", class_="note"),
    ])  # fmt: skip


def _manifest(context: Context) -> Html:
    rest = {k: v for k, v in context.manifest.items() if k not in ("title", "description", "command")}
    if not rest:
        return EMPTY
    text = json.dumps(rest, indent=2, sort_keys=True, ensure_ascii=False, default=str)
    return details("The campaign as it was run", tag("pre", tag("code", text)))
