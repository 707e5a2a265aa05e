"""``liface campaign``: list, plan, run, follow and report screening campaigns."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liface.cli.campaign_lock import LockPath, NoLock, lock_path, write_run
from liface.cli.campaign_queue import On, SiteFile, open_queue_if_described
from liface.cli.later import Later, late_group
from liface.cli.options import (
    CASES_FAILED,
    DEFAULT_DATABASE,
    INTERRUPTED,
    CampaignName,
    Db,
    Engines,
    Json,
    Workers,
    open_to_read,
    open_to_read_if_there,
    open_to_write,
    workers_or_default,
)
from liface.cli.output import plural, talk, write_json, write_table
from liface.errors import InputError
from liface.garbage import made_to_stay

if TYPE_CHECKING:
    from liface.database import Database
    from liface.dispatch.overview import CaseView, Overview
    from liface.dispatch.run import RunState
    from liface.workflows.campaign import Campaign

LATER: dict[str, Later] = {
    "submit": Later(
        "campaign_queue",
        "submit",
        "Hand a campaign to a queue: what the database does not hold, shared references once.",
    ),
    "follow": Later(
        "campaign_queue",
        "follow",
        "Submit a campaign and stay until it is done: collect what is finished, hand over what a screening chose.",
    ),
    "collect": Later(
        "campaign_queue",
        "collect",
        "Take what is finished on the queue into the database; repeat it at any time, also while jobs run.",
    ),
    "retry": Later(
        "campaign_queue",
        "retry",
        "Find lost jobs and run them again with the failed ones, and compute structures again whose reason matches.",
    ),
    "cancel": Later(
        "campaign_queue",
        "cancel",
        "Stop and take back the jobs of a campaign; what is computed is collected first and kept.",
    ),
    "lock": Later(
        "campaign_lock",
        "lock",
        "Write the lock of a campaign from the database: the stored run, or one made of what is stored now.",
    ),
    "replay": Later(
        "campaign_replay",
        "replay",
        "Run a locked campaign in a new database, from the lock alone, and say whether it comes to the same.",
    ),
    "diff": Later(
        "campaign_diff",
        "diff",
        "Show what changed from A to B, the largest first, and why: structure, settings, weights, versions, noise.",
    ),
    "bundle": Later(
        "campaign_bundle",
        "bundle",
        "Put a campaign into one file: results, calculations, structures, lock, report, citation and checksums.",
    ),
    "open": Later(
        "campaign_bundle", "open_", "Check a bundle and unpack it into a new folder; no engine needs to be installed."
    ),
    "verify": Later(
        "campaign_bundle",
        "verify",
        "Check the members of a bundle, its lock, and every document of its database; nothing is unpacked for good.",
    ),
    "converge": Later(
        "converge", "converge", "Run the convergence series of a campaign and say from which values on nothing changes."
    ),
    "missing": Later(
        "campaign_missing", "missing", "List the cases without a result to rest on, per engine, with the reason."
    ),
}
"""Commands in other modules, after those of this one."""

app = typer.Typer(
    cls=late_group(LATER), help="Screening campaigns: one file in, a database and a report out.", no_args_is_help=True
)

ReportPath = Annotated[
    Path | None,
    typer.Option("--report", "-o", metavar="FILE", help="HTML report; CAMPAIGN-report.html in the working folder."),
]


@app.command("list")
def list_(json: Json = False) -> None:
    """List the campaigns that are shipped."""
    from liface.workflows.campaign_file import shipped_campaigns

    rows = [
        {
            "name": file.name,
            "title": file.title,
            "engines": list(file.engines),
            "surfaces": len(file.surfaces),
            "interfaces": len(file.interfaces),
            "bindings": len(file.bindings),
            "adhesions": len(file.adhesions),
            "barriers": len(file.barriers),
            "doi": list(file.doi),
        }
        for file in shipped_campaigns().values()
    ]
    if json:
        write_json(rows)
    else:
        write_table(rows)


@app.command()
def plan(
    campaign: CampaignName,
    engine: Engines = None,
    db: Db = DEFAULT_DATABASE,
    workers: Workers = None,
    json: Json = False,
) -> None:
    """Show cases, structures, atoms, what is in the database already, and what the rest will cost."""
    from liface.cli.phased import phased_plan
    from liface.cli.planning import DONE

    loaded = _loaded(campaign, engine)
    database = open_to_read_if_there(db)
    try:
        planned = phased_plan(loaded, database)
    finally:
        if database is not None:
            database.close()
    rows, n_workers = planned.rows, workers_or_default(workers)
    seconds = planned.seconds(n_workers)
    totals = {
        "cases": len(rows),
        "to_do": sum(row.state != DONE for row in rows),
        "structures_to_do": sum(row.estimate.structures for row in rows if row.estimate and row.state != DONE),
        "workers": n_workers,
        "estimated_seconds": round(seconds, 1),
        "speed": [str(speed) for speed in planned.speeds.values()],
    }
    if json:
        screening = {"screening": planned.phase.note, "left_out": planned.left_out()} if planned.phase.note else {}
        write_json({"cases": planned.as_dicts(), "total": totals, **screening})
        return
    write_table(planned.as_dicts())
    if left_out := planned.left_out():
        typer.echo("\nleft out:")
        write_table(left_out)
    _talk_totals(totals, seconds)
    if planned.phase.note:
        talk(planned.phase.note)


@app.command()
def run(
    campaign: CampaignName,
    engine: Engines = None,
    db: Db = DEFAULT_DATABASE,
    workers: Workers = None,
    retry: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN", help="Compute failed and unconverged structures again whose reason matches; '.' is all."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Compute everything again.")] = False,
    report: ReportPath = None,
    no_report: Annotated[bool, typer.Option("--no-report", help="Write no report.")] = False,
    lock: LockPath = None,
    no_lock: NoLock = False,
    json: Json = False,
) -> None:
    """Run what the database does not hold; stop it at any time and run it again to go on.

    Prints the summary table and the paths of the HTML report and of the lock, by which the run can be repeated.
    """
    loaded = _loaded(campaign, engine)
    path = None if no_report else _writable(report or _default_report(loaded))
    locked = None if no_lock else lock_path(loaded.name, lock, path)
    loaded.cases()  # a case that cannot be built is told of before a database is made
    n_workers = workers_or_default(workers)
    with open_to_write(db) as database:
        state = _run(loaded, database, n_workers, retry, force)
        rows = _conclude(loaded, database, path, _command(campaign, engine))
        recorded = write_run(loaded, database, locked, n_workers, state)
    if json:
        written = {"report": str(path) if path else None, "lock": str(locked) if locked else None}
        write_json({"summary": rows, **written, "run_id": recorded.run_id, "run": _figures(state)})
    else:
        _print_summary(rows, path, locked)
    _leave_with_failures(state, campaign, db)


@app.command()
def status(
    campaign: CampaignName,
    on: On = None,
    site: SiteFile = None,
    engine: Engines = None,
    db: Db = DEFAULT_DATABASE,
    json: Json = False,
) -> None:
    """Count the cases by kind and state, here and on a queue; say what waits and why, and what failed where."""
    from liface.dispatch.overview import overview
    from liface.dispatch.phases import phase
    from liface.report.failures import grouped

    loaded = _loaded(campaign, engine)
    queue = open_queue_if_described(loaded, on, site)
    with open_to_read(db) as database:
        seen = overview(loaded, database, queue)
        note = phase(loaded, database).note
        failures = grouped(database, [view.stored for view in seen.cases if view.stored is not None])
    rows = _state_rows(seen)
    if json:
        write_json(
            {
                "cases": rows,
                "failures": failures,
                "queue": seen.place,
                "jobs": seen.job_counts(),
                "waiting": seen.waiting(),
                "failed_jobs": seen.failures(),
                **({"screening": note} if note else {}),
            }
        )
        return
    write_table(rows)
    if note:
        talk(note)
    if seen.jobs:
        talk(f"\n{seen.place}: " + ", ".join(f"{n} {state}" for state, n in seen.job_counts().items()))
    for table in (seen.waiting(), seen.failures(), failures):
        if table:
            typer.echo("")
            write_table(table)
    name = shlex.quote(campaign)
    if failures:
        talk(f"run them again with: liface campaign run {name} --retry PATTERN (over the reasons)")
    if seen.failures():
        talk(f"run them again with: liface campaign retry {name} --reason PATTERN (over the reasons)")


def _state_rows(seen: Overview) -> list[dict[str, Any]]:
    """Return one row per kind and engine; states that no case is in are left out, but for the usual three."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for view in seen.cases:
        key = (view.planned.spec.kind, view.planned.engine_label)
        counts.setdefault(key, Counter())[_state_name(view)] += 1
    every = ("in database", "failed before", "to do")
    others = sorted({name for count in counts.values() for name in count} - set(every))
    return [
        {"kind": kind, "engine": label, **{name.replace(" ", "_"): count[name] for name in (*every, *others)}}
        for (kind, label), count in counts.items()
    ]


def _state_name(view: CaseView) -> str:
    if view.where == "database":
        return {"finished": "in database", "failed": "failed before"}[view.state]
    return f"{view.state} on {view.where}" if view.where else view.state


@app.command()
def report(
    campaign: CampaignName,
    engine: Engines = None,
    db: Db = DEFAULT_DATABASE,
    path: ReportPath = None,
    json: Json = False,
) -> None:
    """Write the HTML report of what is stored, without computing anything; prints the summary and the path."""
    loaded = _loaded(campaign, engine)
    path = path or _default_report(loaded)
    with open_to_read(db) as database:
        rows = _report(loaded, database, path, _command(campaign, engine))
    if json:
        write_json({"summary": rows, "report": str(path)})
    else:
        _print_summary(rows, path)


@made_to_stay()
def _loaded(campaign: str, engines: Sequence[str] | None) -> Campaign:
    from liface.workflows.campaign import Campaign

    return Campaign.load(campaign, tuple(engines or ()))


def _run(campaign: Campaign, database: Database, workers: int, retry: str | None, force: bool) -> RunState:
    from liface.cli.phased import phased_plan
    from liface.cli.planning import DONE
    from liface.cli.progress import ProgressLine, clock
    from liface.dispatch.phases import run_phases

    planned = phased_plan(campaign, database, everything=force or retry is not None)
    rows = planned.rows
    to_do = sum(row.state != DONE for row in rows)
    where = plural(workers, "worker") if workers else "in this process"
    talk(f"{plural(len(rows), 'case')}, {len(rows) - to_do} in the database; {where}; {database.name}")
    if to_do:
        talk(f"about {clock(planned.seconds(workers))} for the rest; it can be stopped and run again at any time")
    if planned.phase.name == "screening":
        talk(planned.phase.note)
    try:
        with ProgressLine() as progress:
            state = run_phases(
                campaign,
                database,
                workers=workers,
                retry=retry,
                force=force,
                costs=planned.costs,
                progress=progress,
                announce=lambda phase: talk(phase.note),
            )
    except KeyboardInterrupt:
        talk(f"stopped; finished work is in {database.name}, run again to go on")
        raise typer.Exit(INTERRUPTED) from None
    talk(
        f"{plural(len(state.done), 'case')} run, {len(state.skipped)} finished before; calculations: {state.computed} "
        f"computed with {state.force_calls} force calls, {state.reused} reused, {state.failed} failed; "
        f"{clock(state.seconds)}"
    )
    return state


def _conclude(campaign: Campaign, database: Database, path: Path | None, command: str) -> list[dict[str, Any]]:
    """Derive what follows from the results, write the report, and return the summary."""
    from liface.dispatch.derive import derive
    from liface.report import summary_table

    for problem in derive(campaign, database, talk).problems:
        talk(f"not derived: {problem}")
    if path is None:
        return summary_table(database, campaign.name)
    return _report(campaign, database, path, command)


def _report(campaign: Campaign, database: Database, path: Path, command: str) -> list[dict[str, Any]]:
    from liface.dispatch.correlate import correlations_of
    from liface.report import summary_table, write_report

    correlations, problems = correlations_of(campaign, database)
    for problem in problems:
        talk(f"no correlation: {problem}")
    manifest = {"title": campaign.file.title, "description": campaign.file.description, "command": command}
    written = write_report(
        database,
        campaign.name,
        path,
        correlations=correlations,
        manifest={key: text for key, text in manifest.items() if text},
    )
    return summary_table(database, campaign.name, written.records)


def _print_summary(rows: Sequence[dict[str, Any]], path: Path | None, lock: Path | None = None) -> None:
    if rows:
        write_table(rows)
    else:
        talk("nothing to summarise; ask for single results with liface query bulks, surfaces, interfaces ...")
    if path is not None:
        typer.echo(f"\nreport: {path}")
    if lock is not None:
        talk(f"lock: {lock}; liface campaign replay {shlex.quote(str(lock))} runs it again")


def _default_report(campaign: Campaign) -> Path:
    return Path(f"{campaign.name}-report.html")


def _writable(path: Path) -> Path:
    """Refuse a report that cannot be written before the hours of work it reports."""
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise InputError(f"the report cannot be written to {path}; give another file with --report, or --no-report")
    return path


def _command(campaign: str, engines: Sequence[str] | None) -> str:
    chosen = [part for engine in engines or () for part in ("--engine", engine)]
    return shlex.join(["liface", "campaign", "run", campaign, *chosen])


def _figures(state: RunState) -> dict[str, Any]:
    failed = [document for document in state.done if document.status == "failed"]
    return {
        "cases": state.n_cases,
        "run": len(state.done),
        "finished_before": len(state.skipped),
        "failed": [{"case": case.case, "engine": case.engine.label, "reason": case.reason} for case in failed],
        "computed": state.computed,
        "reused": state.reused,
        "failed_calculations": state.failed,
        "force_calls": state.force_calls,
        "seconds": round(state.seconds, 2),
    }


def _leave_with_failures(state: RunState, campaign: str, db: str) -> None:
    failed = [document for document in state.done if document.status == "failed"]
    if state.failed and not failed:
        talk(f"{plural(state.failed, 'calculation')} failed; liface campaign status {shlex.quote(campaign)} says why")
    if not failed:
        return
    for document in failed[:10]:
        talk(f"failed: {document.case} [{document.engine.label}]: {document.reason}")
    if len(failed) > 10:
        talk(f"and {len(failed) - 10} more: liface campaign status {shlex.quote(campaign)} --db {shlex.quote(db)}")
    talk(
        f"{len(failed)} of {state.n_cases} cases failed, the others are stored. Run again to try them once more; "
        "--retry PATTERN also computes structures again whose reason matches"
    )
    raise typer.Exit(CASES_FAILED)


def _talk_totals(totals: dict[str, Any], seconds: float) -> None:
    from liface.cli.progress import clock

    structures = plural(totals["structures_to_do"], "structure")
    talk(f"{plural(totals['cases'], 'case')}, {totals['to_do']} to do with about {structures}")
    talk(f"estimated time: {clock(seconds)} on {plural(max(totals['workers'], 1), 'worker')}")
    for speed in totals["speed"]:
        talk(f"  {speed}")
