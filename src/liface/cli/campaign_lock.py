"""``liface campaign lock``: what a campaign was computed with and what came of it, as one file."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from liface.cli.options import DEFAULT_DATABASE, CampaignName, Db, Engines, Json, open_to_read
from liface.cli.output import plural, talk, write_facts, write_json

if TYPE_CHECKING:
    from liface.database import Database
    from liface.dispatch.run import RunState
    from liface.documents import RunDocument
    from liface.workflows.campaign import Campaign

LockPath = Annotated[
    Path | None,
    typer.Option("--lock", metavar="FILE", help="Lock of the run; CAMPAIGN.lock.json beside the report by default."),
]
NoLock = Annotated[bool, typer.Option("--no-lock", help="Write no lock; the run is kept in the database all the same.")]


def lock(
    campaign: CampaignName,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="CAMPAIGN.lock.json in the working folder.")
    ] = None,
    engine: Engines = None,
    db: Db = DEFAULT_DATABASE,
    json: Json = False,
) -> None:
    """Write the lock of a campaign from the database: the stored run, or one made of what is stored now.

    NAME may also be that of a campaign whose file is not at hand: its newest recorded run is written then.
    """
    from liface.dispatch.addresses import run_of
    from liface.dispatch.lock_file import lock_name, write_lock

    with open_to_read(db) as database:
        run = run_of(campaign, database, engine)
    path = write_lock(run, out or Path(lock_name(run.campaign)))
    facts = {
        "lock": str(path),
        "run": run.run_id,
        "campaign": run.campaign,
        "recorded": run.dispatcher,
        "engines": run.engine_names,
        "cases": run.n_cases,
        "failed_cases": run.n_failed_cases,
        "calculations": run.n_calculations,
        "results": run.n_records,
    }
    if json:
        write_json(facts)
    else:
        write_facts(facts)


def lock_path(campaign: str, asked: Path | None, report: Path | None = None) -> Path:
    """Return where the lock goes, and refuse a place that is taken before the hours of work it records."""
    from liface.dispatch.lock_file import lock_name, require_free

    path = asked or (report.parent if report else Path()) / lock_name(campaign)
    if path.absolute().parent.is_dir() or asked is not None:  # the folder of a report is made with it
        require_free(path, campaign)
    return path


def write_run(campaign: Campaign, database: Database, path: Path | None, workers: int, state: RunState) -> RunDocument:
    """Record a run of this machine in the database, and as a file where one is wanted."""
    from liface.dispatch.lock_file import write_lock
    from liface.dispatch.manifest import record_run

    run = record_run(campaign, database, "local", workers=workers, n_computed=state.computed, wall_s=state.seconds)
    if path is not None:
        write_lock(run, path)
    return run


def write_run_of_queue(
    campaign: Campaign, database: Database, queue: Literal["fireworks", "remote"], path: Path | None
) -> None:
    """Record a campaign if it has come to its end on a queue."""
    from liface.dispatch.lock_file import write_lock
    from liface.dispatch.manifest import is_through, record_run

    if not is_through(campaign, database):
        return
    run = record_run(campaign, database, queue)
    if path is not None:
        write_lock(run, path)
        talk(
            f"lock: {path}, {plural(run.n_records, 'result')}; liface campaign replay {shlex.quote(str(path))} runs "
            "it again"
        )
