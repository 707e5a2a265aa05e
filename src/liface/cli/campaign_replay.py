"""``liface campaign replay``: a locked campaign run again, and held against its lock."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liface.cli.campaign_diff import Tolerances, change_rows, read_tolerances, table_rows
from liface.cli.options import INTERRUPTED, Json, Workers, open_to_write, workers_or_default
from liface.cli.output import plural, talk, write_json, write_table
from liface.errors import LockError

if TYPE_CHECKING:
    from liface.analysis.run_comparison import Comparison
    from liface.database import Database
    from liface.dispatch.replay import Check, Replay
    from liface.documents import RunDocument
    from liface.workflows.campaign import Campaign

NOT_REPRODUCED = 6
"""Exit code where a replay did not meet its lock."""


def replay(
    lock: Annotated[Path, typer.Argument(metavar="LOCK", help="Lock of a run: CAMPAIGN.lock.json.")],
    db: Annotated[
        Path | None, typer.Option("--db", metavar="FILE", help="New database; CAMPAIGN-replay.db by default.")
    ] = None,
    engine: Annotated[
        list[str] | None,
        typer.Option("--engine", "-e", metavar="ENGINE", help="How a locked engine is called here; all, in order."),
    ] = None,
    tolerance: Tolerances = None,
    allow: Annotated[
        bool, typer.Option("--allow", help="Run although weights, models or options are not the locked ones.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Take what the database holds, e.g. of a replay that was stopped.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Only hold engines and versions against the lock.")] = False,
    workers: Workers = None,
    json: Json = False,
) -> None:
    """Run a locked campaign in a new database, from the lock alone, and say whether it comes to the same.

    Leaves with exit code 6 where a result is missing, new, or differs by more than the tolerance.
    """
    from liface.dispatch.lock_file import read_lock
    from liface.dispatch.replay import checks_of

    tolerances = read_tolerances(tolerance)
    locked = read_lock(lock)
    checks = checks_of(locked, engine or ())
    _tell(checks, allow or check)
    if check:
        _write_checks(checks, json)
        return
    target = db or Path(f"{locked.campaign}-replay.db")
    with _rebuilt(locked, engine or ()) as campaign, open_to_write(str(target)) as database:
        done = _run(locked, campaign, database, workers_or_default(workers), tolerances, resume)
    if json:
        write_json({"lock": locked.run_id, "run": done.run.run_id, "database": str(target),
                    "checks": [each.as_dict() for each in checks], **figures(done.comparison),
                    "problems": list(done.problems)})  # fmt: skip
    else:
        _write(done, lock, target)
    if not done.comparison.reproduced:
        raise typer.Exit(NOT_REPRODUCED)


@contextmanager
def _rebuilt(locked: RunDocument, engines: Sequence[str]) -> Iterator[Campaign]:
    """Hold the campaign of a lock, its files in a folder that goes with it; built before a database is made."""
    from liface.dispatch.replay import campaign_of

    with tempfile.TemporaryDirectory(prefix="liface-replay-") as folder:
        campaign = campaign_of(locked, Path(folder), engines)
        campaign.cases()
        yield campaign


def _run(
    locked: RunDocument,
    campaign: Campaign,
    database: Database,
    workers: int,
    tolerances: dict[str, float] | None,
    resume: bool,
) -> Replay:
    from liface.cli.progress import ProgressLine, clock
    from liface.dispatch.replay import replay as run_again
    from liface.dispatch.replay import require_new

    require_new(database, resume)
    where = plural(workers, "worker") if workers else "in this process"
    talk(f"{plural(locked.n_cases, 'case')} of {locked.campaign}, run {locked.run_id[:12]}; {where}; {database.path}")
    try:
        with ProgressLine() as progress:
            done = run_again(
                locked, campaign, database, workers=workers, tolerances=tolerances, progress=progress, told=talk
            )
    except KeyboardInterrupt:
        talk(f"stopped; finished work is in {database.path}, go on with --db {database.path} --resume")
        raise typer.Exit(INTERRUPTED) from None
    talk(f"{done.state.computed} computed, {done.state.reused} reused, {done.state.failed} failed; "
         f"{clock(done.state.seconds)}")  # fmt: skip
    return done


def _tell(checks: Sequence[Check], allow: bool) -> None:
    """Say what differs, and stop where the numbers could not be met.

    Raises
    ------
    LockError
        An engine is not here, or is another one and that was not allowed.
    """
    for each in checks:
        if each.standing != "same":
            talk(f"{each.what}: locked {each.locked}, here {each.here}")
    missing = [each.what for each in checks if each.standing == "missing"]
    if missing and not allow:
        raise LockError(
            f"{', '.join(missing)}: not here; install it, or say how it is called here, with one --engine for each of "
            "the lock"
        )
    refused = [each.what for each in checks if each.standing == "refused"]
    if refused and not allow:
        raise LockError(
            f"{', '.join(refused)} of the lock and of this machine differ, so its numbers cannot be met; "
            "run all the same with --allow"
        )


def _write_checks(checks: Sequence[Check], json: bool) -> None:
    rows = [each.as_dict() for each in checks]
    if json:
        write_json(rows)
    else:
        write_table(rows)
    if any(each.standing in ("missing", "refused") for each in checks):
        raise typer.Exit(LockError.exit_code)


def _write(done: Replay, lock: Path, target: Path) -> None:
    comparison = done.comparison
    write_table(summary_rows(comparison))
    changed = [record for record in comparison.records if record.state in ("changed", "missing", "added")]
    if changed:
        typer.echo("")
        write_table(table_rows(changed))
    for problem in done.problems:
        talk(f"not derived: {problem}")
    typer.echo(f"\n{verdict(comparison)}")
    talk(f"number by number: liface campaign diff {shlex.quote(str(lock))} {shlex.quote(str(target))} --all")


def verdict(comparison: Comparison) -> str:
    """Say in one line what a replay came to."""
    total = len(comparison.records)
    out = comparison.count("changed", "missing", "added")
    identical = comparison.count("identical")
    if out:
        return f"not reproduced: {out} of {plural(total, 'result')} out of tolerance, missing or new"
    if identical == total:
        return f"reproduced: {plural(total, 'result')} identical to the last digit"
    return f"reproduced: {identical} of {plural(total, 'result')} identical, {total - identical} within tolerance"


def summary_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """Return a row per kind of result, and rows for cases and calculations."""
    same, first, second = comparison.cases
    energies = comparison.energies
    equal = sum(e.before == e.after and e.status[0] == e.status[1] for e in energies)
    rows: list[dict[str, Any]] = [
        {"what": "case identities", "identical": same, "within": None, "out": None, "missing": first - same,
         "added": second - same, "largest_difference": None},
        {"what": "calculation identities", "identical": sum(e.same_identity for e in energies), "within": None,
         "out": sum(not e.same_identity for e in energies), "missing": comparison.only_before,
         "added": comparison.only_after, "largest_difference": None},
        {"what": "energies", "identical": equal, "within": len(energies) - equal, "out": None, "missing": None,
         "added": None, "largest_difference": f"{comparison.largest_energy_change_ev:.2g} eV"},
    ]  # fmt: skip
    for noun in dict.fromkeys(record.noun for record in comparison.records):
        own = [record for record in comparison.records if record.noun == noun]
        largest = max((n for r in own for n in r.numbers), key=lambda n: n.size, default=None)
        told = "" if largest is None else f"{largest.column} {largest.difference or 0:.2g} {largest.unit}"
        rows.append(
            {"what": noun, "identical": sum(r.state == "identical" for r in own),
             "within": sum(r.state == "within" for r in own), "out": sum(r.state == "changed" for r in own),
             "missing": sum(r.state == "missing" for r in own), "added": sum(r.state == "added" for r in own),
             "largest_difference": told}
        )  # fmt: skip
    return rows


def figures(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as JSON."""
    return {
        "reproduced": comparison.reproduced,
        "summary": summary_rows(comparison),
        "tolerances": dict(comparison.tolerances),
        "records": change_rows([r for r in comparison.records if r.state != "identical"]),
    }
