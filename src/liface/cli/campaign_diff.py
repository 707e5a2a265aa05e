"""``liface campaign diff``: two runs record by record, what changed and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liface.cli.options import DEFAULT_DATABASE, Db, Json
from liface.cli.output import plural, talk, write_json, write_table, write_text
from liface.errors import InputError

if TYPE_CHECKING:
    from liface.analysis.run_comparison import Comparison, RecordChange
    from liface.documents import RunDocument

EXACT = "exact"

Tolerances = Annotated[
    list[str] | None,
    typer.Option(
        "--tolerance",
        "-t",
        metavar="UNIT=VALUE",
        help=f"Largest difference by unit that is no change, e.g. 'meV/Å²=0.5'; 'relative=1e-3' for other units; "
        f"'{EXACT}': to the last digit. Repeat it for several.",
    ),
]


def diff(
    a: Annotated[
        str, typer.Argument(metavar="A", help="Lock, database file, beginning of a run_id, or campaign in --db.")
    ],
    b: Annotated[
        str | None, typer.Argument(metavar="[B]", help="The same; A itself where --engine or --db-b tell.")
    ] = None,
    engine: Annotated[
        list[str] | None,
        typer.Option(
            "--engine",
            "-e",
            metavar="ENGINE[:MODEL]",
            help="Only this engine; given twice, the one of A and the one of B.",
        ),
    ] = None,
    campaign: Annotated[
        str | None, typer.Option("--campaign", metavar="NAME", help="Campaign, where A or B is a database of several.")
    ] = None,
    db_b: Annotated[
        str | None, typer.Option("--db-b", metavar="FILE", help="Database in which B is looked up; --db by default.")
    ] = None,
    tolerance: Tolerances = None,
    everything: Annotated[bool, typer.Option("--all", help="Show what is equal within the tolerance too.")] = False,
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="Write CSV: a line for every number that changed.")] = False,
    db: Db = DEFAULT_DATABASE,
) -> None:
    """Show what changed from A to B, the largest first, and why: structure, settings, weights, versions, noise."""
    from liface.analysis.run_comparison import compare

    if json and csv:
        raise InputError("--json and --csv at once; give one of them")
    tolerances = read_tolerances(tolerance)
    first, second = _sides(a, b, engine or [], campaign, db, db_b)
    comparison = compare(first, second, tolerances)
    hidden = () if everything else ("identical", "within")
    shown = [record for record in comparison.records if record.state not in hidden]
    if json:
        write_json({"a": _about(first), "b": _about(second), "counts": _counts(comparison),
                    "tolerances": dict(comparison.tolerances), "records": change_rows(shown)})  # fmt: skip
        return
    if csv:
        _write_csv(shown)
        return
    if shown:
        write_table(table_rows(shown))
    talk(_counted(comparison))


def _sides(
    a: str, b: str | None, engines: Sequence[str], campaign: str | None, db: str, db_b: str | None
) -> tuple[RunDocument, RunDocument]:
    """Find both runs.

    Raises
    ------
    InputError
        Both would be the same, or one of them cannot be found.
    """
    from liface.dispatch.addresses import resolve

    if len(engines) > 2:
        raise InputError(f"{len(engines)} engines given; at most one for A and one for B")
    if b is None and len(engines) < 2 and db_b is None:
        raise InputError(
            "what is A to be held against? Give B, or two engines of one campaign (--engine X --engine Y), or another "
            "database (--db-b FILE)"
        )
    one = engines[0] if engines else None
    other = engines[-1] if engines else None
    return resolve(a, db, campaign, one), resolve(b or a, db_b or db, campaign, other)


def read_tolerances(given: Sequence[str] | None) -> dict[str, float] | None:
    """Read tolerances over the default ones; None where nothing is given.

    Raises
    ------
    InputError
        One of them is no number, or of a unit that no result has.
    """
    from liface.analysis.run_comparison import RELATIVE, TOLERANCES

    if not given:
        return None
    if EXACT in given:
        if len(given) > 1:
            raise InputError(f"--tolerance {EXACT} and others at once; give one or the other")
        return {}
    tolerances = {**TOLERANCES, "relative": RELATIVE}
    for text in given:
        unit, _, value = text.rpartition("=")
        if unit not in tolerances:
            raise InputError(f"--tolerance {text!r}: write UNIT=VALUE or {EXACT}; units: {', '.join(tolerances)}")
        try:
            tolerances[unit] = float(value)
        except ValueError:
            raise InputError(f"--tolerance {text!r}: {value!r} is no number") from None
        if not 0 <= tolerances[unit] < float("inf"):
            raise InputError(f"--tolerance {text!r}: give a number from 0 on")
    return tolerances


def change_rows(records: Sequence[RecordChange]) -> list[dict[str, Any]]:
    """Return records with everything that changed, for JSON."""
    return [
        {
            "noun": record.noun,
            "case": record.case,
            "system": record.system,
            "engine_a": record.engines[0],
            "engine_b": record.engines[1],
            "state": record.state,
            "numbers": [
                {"column": n.column, "a": n.before, "b": n.after, "difference": n.difference, "unit": n.unit}
                for n in record.numbers
            ],
            "words": [{"column": column, "a": old, "b": new} for column, old, new in record.words],
            "flags": list(record.flags),
            "converged": None if record.converged is None else {"a": record.converged[0], "b": record.converged[1]},
            "why": [{"kind": cause.kind, "detail": cause.detail} for cause in record.causes],
        }
        for record in records
    ]


def table_rows(records: Sequence[RecordChange]) -> list[dict[str, Any]]:
    """Return a line per record: the number it is known by, and what else changed."""
    rows = []
    for record in records:
        first = record.numbers[0] if record.numbers else None
        also = [f"{column}: {old or '-'} → {new or '-'}" for column, old, new in record.words]
        also += record.flags
        if record.converged is not None:
            also.append("converged" if record.converged[1] else "no longer converged")
        if len(record.numbers) > 1:
            also.append(f"{len(record.numbers) - 1} more")
        rows.append(
            {
                "quantity": record.noun,
                "case": record.case.partition("/")[2] or record.case,
                "number": first.column if first else record.state,
                "a": first.before if first else None,
                "b": first.after if first else None,
                "difference": first.difference if first else None,
                "unit": first.unit if first else None,
                "also": "; ".join(also),
                "why": "; ".join(map(str, record.causes)),
            }
        )
    return rows


def _write_csv(records: Sequence[RecordChange]) -> None:
    import csv
    import io

    out = io.StringIO()
    names = ("noun", "case", "system", "engine_a", "engine_b", "state", "column", "a", "b", "difference", "unit", "why")
    writer = csv.DictWriter(out, fieldnames=names, lineterminator="\n")
    writer.writeheader()
    for record in records:
        about = {
            "noun": record.noun, "case": record.case, "system": record.system, "engine_a": record.engines[0],
            "engine_b": record.engines[1], "state": record.state, "why": "; ".join(map(str, record.causes)),
        }  # fmt: skip
        for n in record.numbers:
            cells = {"column": n.column, "a": n.before, "b": n.after, "difference": n.difference, "unit": n.unit}
            writer.writerow({**about, **cells})
        others = [*record.words, *((("flags", "", " ".join(record.flags)),) if record.flags else ())]
        for column, old, new in others:
            writer.writerow({**about, "column": column, "a": old, "b": new})
        if not record.numbers and not others:
            writer.writerow(about)
    write_text(out.getvalue())


def _about(run: RunDocument) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "campaign": run.campaign,
        "engines": [{"engine": e.info.label, "fingerprint": key} for key, e in run.fingerprints.items()],
        "recorded": run.dispatcher,
        "liface_version": run.liface_version,
        "created_at": run.created_at.isoformat(),
    }


def _counts(comparison: Comparison) -> Mapping[str, int]:
    return {state: comparison.count(state) for state in ("identical", "within", "changed", "missing", "added")}


def _counted(comparison: Comparison) -> str:
    counts = _counts(comparison)
    parts = [f"{counts['identical']} identical", f"{counts['within']} within the tolerance"]
    parts += [f"{counts[name]} {name}" for name in ("changed", "missing", "added") if counts[name]]
    return f"{plural(len(comparison.records), 'result')}: {', '.join(parts)}"
