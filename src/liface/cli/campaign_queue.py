"""``liface campaign submit | follow | collect | retry | cancel``: campaigns on a queue."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from liface.cli.campaign_lock import LockPath, NoLock, lock_path, write_run_of_queue
from liface.cli.options import (
    CASES_FAILED,
    DEFAULT_DATABASE,
    INTERRUPTED,
    CampaignName,
    Db,
    Engines,
    Json,
    open_to_write,
)
from liface.cli.output import plural, talk, write_json

if TYPE_CHECKING:
    from liface.dispatch.follow import Standing
    from liface.dispatch.queues import Queue
    from liface.dispatch.site import Site
    from liface.dispatch.submission import Collected, Submitted
    from liface.workflows.campaign import Campaign
    from liface.workflows.resources import ResourcesByKind

QueueName = Literal["fireworks", "remote"]

On = Annotated[QueueName | None, typer.Option("--on", help="Queue to use; that of the site file by default.")]
SiteFile = Annotated[
    Path | None,
    typer.Option(
        "--site", envvar="LIFACE_SITE", metavar="FILE", help="Site file; fireworks_config/site.yaml by default."
    ),
]


def submit(
    campaign: CampaignName,
    on: On = None,
    site: SiteFile = None,
    engine: Engines = None,
    db: Db = DEFAULT_DATABASE,
    json: Json = False,
) -> None:
    """Hand a campaign to a queue: what the database does not hold, shared references once."""
    from liface.dispatch import submission

    loaded = _loaded(campaign, engine)
    queue, resources = _queue(loaded, on, site)
    with open_to_write(db) as database:
        done = submission.submit(loaded, database, queue, resources)
    if json:
        write_json(_submitted_figures(done))
        return
    _tell_submitted(done, queue, campaign)


def follow(
    campaign: CampaignName,
    on: On = None,
    site: SiteFile = None,
    engine: Engines = None,
    db: Db = DEFAULT_DATABASE,
    every: Annotated[float, typer.Option(metavar="SECONDS", min=1, help="Time between two looks at the queue.")] = 60.0,
    lock: LockPath = None,
    no_lock: NoLock = False,
    json: Json = False,
) -> None:
    """Submit a campaign and stay until it is done: collect what is finished, hand over what a screening chose.

    It can be stopped and started again at any time; the jobs go on without it.
    """
    from time import sleep

    from liface.dispatch import follow as following

    loaded = _loaded(campaign, engine)
    queue, resources = _queue(loaded, on, site)
    locked = None if no_lock else lock_path(loaded.name, lock)
    told: list[following.Standing] = []

    def tell(standing: following.Standing) -> None:
        if told[-1:] != [standing]:
            told[:] = [standing]
            talk(_standing_line(standing))

    with open_to_write(db) as database:
        try:
            end = following.follow(
                loaded,
                database,
                queue,
                resources,
                wait=lambda: sleep(every),
                tell=tell,
                handed_over=lambda done: _tell_handed_over(done, queue),
                unreachable=lambda error: talk(f"{error}; asking again in {every:g} s"),
            )
        except KeyboardInterrupt:
            talk("stopped looking; the jobs go on, and the same command follows them again")
            raise typer.Exit(INTERRUPTED) from None
        if not end.pending:
            write_run_of_queue(loaded, database, queue.name, locked)
    if json:
        write_json({"finished": end.finished, "failed": end.failed, "pending": end.pending, "jobs": end.jobs})
    else:
        typer.echo(f"{plural(end.finished, 'case')} finished, {end.failed} failed, {end.pending} still to come")
    name = shlex.quote(campaign)
    if end.is_stuck:
        talk(f"no job is left that would bring the others on; liface campaign status {name} says why, then retry")
    if end.is_stuck or end.failed:
        raise typer.Exit(CASES_FAILED)


def collect(
    campaign: CampaignName,
    on: On = None,
    site: SiteFile = None,
    engine: Engines = None,
    db: Db = DEFAULT_DATABASE,
    lock: LockPath = None,
    no_lock: NoLock = False,
    json: Json = False,
) -> None:
    """Take what is finished on the queue into the database; repeat it at any time, also while jobs run.

    Once nothing is left to come, the lock of the campaign is written.
    """
    from liface.dispatch import submission

    loaded = _loaded(campaign, engine)
    queue, _ = _queue(loaded, on, site)
    locked = None if no_lock else lock_path(loaded.name, lock)
    with open_to_write(db) as database:
        collected = submission.collect(loaded, database, queue)
        if collected.submissions and not collected.pending:
            write_run_of_queue(loaded, database, queue.name, locked)
    if json:
        write_json(_collected_figures(collected))
        return
    if not collected.submissions:
        talk(f"{campaign} was not submitted to {queue.place}; liface campaign submit {shlex.quote(campaign)}")
        return
    failed = [document for document in collected.finished if document.status == "failed"]
    typer.echo(
        f"{plural(collected.new_calculations, 'new calculation')}, {collected.replaced_calculations} repeated; "
        f"{plural(len(collected.finished) - len(failed), 'case')} finished, {len(failed)} failed, "
        f"{len(collected.pending)} still to come"
    )
    for document in failed[:10]:
        talk(f"failed: {document.case} [{document.engine.label}]: {getattr(document, 'reason', '')}")
    if not collected.pending:
        for problem in collected.problems:
            talk(f"not derived: {problem}")


def retry(
    campaign: CampaignName,
    reason: Annotated[
        str, typer.Option("--reason", metavar="PATTERN", help="Regular expression over the reasons; '.' is all.")
    ],
    on: On = None,
    site: SiteFile = None,
    engine: Engines = None,
    db: Db = DEFAULT_DATABASE,
    lost_after: Annotated[
        float | None,
        typer.Option(metavar="HOURS", min=0, help="Count running jobs as lost that were silent for so long."),
    ] = None,
    json: Json = False,
) -> None:
    """Find lost jobs and run them again with the failed ones, and compute structures again whose reason matches."""
    from liface.dispatch import submission

    loaded = _loaded(campaign, engine)
    described = _site(site)
    queue, resources = _queue(loaded, on, site)
    after_s = described.lost_after_s if lost_after is None else lost_after * 3600
    with open_to_write(db) as database:
        lost = submission.find_lost(loaded, database, queue, after_s)
        jobs, done = submission.retry_on_queue(loaded, database, queue, resources, reason)
    if json:
        figures = _submitted_figures(done)
        write_json({"lost": len(lost), "jobs_again": [job.job_id for job in jobs], **figures})
        return
    typer.echo(f"{plural(len(jobs), 'job')} to run again, {len(lost)} of them lost")
    _tell_submitted(done, queue, campaign)


def cancel(
    campaign: CampaignName,
    on: On = None,
    site: SiteFile = None,
    engine: Engines = None,
    db: Db = DEFAULT_DATABASE,
    json: Json = False,
) -> None:
    """Stop and take back the jobs of a campaign; what is computed is collected first and kept."""
    from liface.dispatch import submission

    loaded = _loaded(campaign, engine)
    queue, _ = _queue(loaded, on, site)
    with open_to_write(db) as database:
        collected = submission.collect(loaded, database, queue)
        stopped = submission.cancel(loaded, database, queue)
    if json:
        write_json({"cancelled_jobs": stopped, **_collected_figures(collected)})
        return
    typer.echo(f"{plural(stopped, 'job')} cancelled on {queue.place}; {collected.new_calculations} collected before")


def open_queue_if_described(campaign: Campaign, on: QueueName | None, site: Path | None) -> Queue | None:
    """Return the queue of the site, or None where no site is described and none was asked for."""
    from liface.errors import SiteError

    try:
        return _queue(campaign, on, site)[0]
    except SiteError:
        if on is not None or site is not None:
            raise
        return None


def _loaded(campaign: str, engines: list[str] | None) -> Campaign:
    from liface.workflows.campaign import Campaign

    return Campaign.load(campaign, tuple(engines or ()))


def _site(path: Path | None) -> Site:
    from liface.dispatch.site import load_site

    return load_site(path)


def _queue(campaign: Campaign, on: QueueName | None, path: Path | None) -> tuple[Queue, ResourcesByKind]:
    from liface.dispatch.queues import open_queue

    site = _site(path)
    return open_queue(on or site.queue, site), campaign.file.resources.over(site.kinds)


def _tell_submitted(done: Submitted, queue: Queue, campaign: str) -> None:
    known = done.known
    talk(f"{plural(len(known.before), 'case')} in the database before, {len(known.now)} follow from calculations there")
    name = shlex.quote(campaign)
    if failed := sum(document.status == "failed" for document in known.before):
        talk(
            f"{failed} of them failed; liface campaign status {name} says why, retry --reason PATTERN tries them again"
        )
    if done.on_queue:
        talk(f"{plural(len(done.on_queue), 'case')} on the queue already; liface campaign status {name} says how far")
    if done.note:
        talk(done.note)
    if done.document is None:
        typer.echo("nothing to submit")
        return
    typer.echo(
        f"submitted {plural(done.document.n_cases, 'case')} as {plural(done.document.n_jobs, 'job')} in "
        f"{plural(done.n_flows, 'workflow')} to {queue.place}"
    )


def _tell_handed_over(done: Submitted, queue: Queue) -> None:
    if done.note:
        talk(done.note)
    if done.document is not None:
        talk(f"submitted {plural(done.document.n_jobs, 'job')} to {queue.place}")


def _standing_line(standing: Standing) -> str:
    jobs = ", ".join(f"{n} {state}" for state, n in standing.jobs.items())
    cases = f"{plural(standing.finished + standing.failed, 'case')} done, {standing.pending} to come"
    return f"{cases}; jobs: {jobs}" if jobs else cases


def _submitted_figures(done: Submitted) -> dict[str, object]:
    document = done.document
    return {
        "submission": document.submission_id if document else None,
        "cases": document.n_cases if document else 0,
        "jobs": document.n_jobs if document else 0,
        "workflows": done.n_flows,
        "on_queue": [planned.name for planned in done.on_queue],
        "in_database": len(done.known.before),
        "derived": len(done.known.now),
        **({"screening": done.note} if done.note else {}),
    }


def _collected_figures(collected: Collected) -> dict[str, object]:
    failed = [document for document in collected.finished if document.status == "failed"]
    return {
        "new_calculations": collected.new_calculations,
        "repeated_calculations": collected.replaced_calculations,
        "finished": [document.case for document in collected.finished if document.status == "finished"],
        "failed": [{"case": document.case, "reason": getattr(document, "reason", "")} for document in failed],
        "pending": [planned.name for planned in collected.pending],
    }
