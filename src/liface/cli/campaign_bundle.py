"""``liface campaign bundle | open | verify``: a campaign as one file that others open, check and ask."""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liface.cli.options import DEFAULT_DATABASE, CampaignName, Db, Engines, Json, open_to_read
from liface.cli.output import talk, write_facts, write_json
from liface.errors import InputError

if TYPE_CHECKING:
    from liface.database import Database
    from liface.dispatch.bundles import Bundle
    from liface.documents import RunDocument

BundleFile = Annotated[Path, typer.Argument(metavar="BUNDLE", help="A file that 'campaign bundle' made.")]


def bundle(
    campaign: CampaignName,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="CAMPAIGN.zip in the working folder by default.")
    ] = None,
    author: Annotated[
        list[str] | None, typer.Option("--author", metavar="NAME", help="For its CITATION.cff; repeat it for several.")
    ] = None,
    engine: Engines = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file of that name.")] = False,
    db: Db = DEFAULT_DATABASE,
    json: Json = False,
) -> None:
    """Put a campaign into one file: results, calculations, structures, lock, report, citation and checksums."""
    from liface.dispatch.addresses import run_of
    from liface.dispatch.bundles import write_bundle
    from liface.report.bundle import bundle_members

    with open_to_read(db) as database:
        run = run_of(campaign, database, engine)
        path = _free(out or Path(f"{run.campaign}.zip"), force)
        members = bundle_members(run, database, partial(_correlations, run), author or ())
    sha256 = write_bundle(path, members)
    facts = {
        "bundle": str(path),
        "sha256": sha256,
        "size": path.stat().st_size if json else f"{path.stat().st_size / 1e6:.2f} MB",
        "run": run.run_id,
        "files": len(members) + 1,
        "results": run.n_records,
        "calculations": run.n_calculations,
    }
    if json:
        write_json(facts)
        return
    write_facts(facts)
    talk(f"others look into it with liface campaign open {shlex.quote(str(path))} FOLDER; give them the sha256 as well")


def open_(
    bundle: BundleFile,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="New folder for what it holds.")],
    json: Json = False,
) -> None:
    """Check a bundle and unpack it into a new folder; no engine needs to be installed."""
    from liface.dispatch.bundles import DATABASE, open_bundle

    opened = open_bundle(bundle, folder)
    facts = {"folder": str(folder), "database": str(folder / DATABASE), **_facts(opened)}
    if json:
        write_json(facts)
        return
    write_facts(facts)
    talk(f"ask it with liface query NOUN --db {shlex.quote(str(folder / DATABASE))}")


def verify(bundle: BundleFile, json: Json = False) -> None:
    """Check the members of a bundle, its lock, and every document of its database; nothing is unpacked for good."""
    from liface.dispatch.bundles import verify_bundle

    facts = _facts(verify_bundle(bundle))
    if json:
        write_json({"sound": True, **facts})
        return
    write_facts(facts)
    talk(f"{bundle} is sound")


def _facts(opened: Bundle) -> dict[str, Any]:
    run = opened.run
    return {
        "campaign": run.campaign,
        "run": run.run_id,
        "files": opened.members,
        "sha256": opened.sha256,
        "engines": run.engine_names,
        "cases": run.n_cases,
        "results": run.n_records,
        "calculations": run.n_calculations,
    }


def _free(path: Path, force: bool) -> Path:
    """Refuse a place that is taken before the report is drawn.

    Raises
    ------
    InputError
        There is a file of that name, or no folder.
    """
    if not path.absolute().parent.is_dir() or path.is_dir():
        raise InputError(f"the bundle cannot be written to {path}; give another file with --out")
    if path.exists() and not force:
        raise InputError(f"{path} is there already; write over it with --force, or give another file with --out")
    return path


def _correlations(run: RunDocument, database: Database) -> list[Any]:
    """Return the correlations that the report shows; those that cannot be made are told of."""
    import tempfile

    from liface.dispatch.correlate import correlations_of
    from liface.dispatch.replay import campaign_of

    if not run.content.get("correlations"):
        return []
    with tempfile.TemporaryDirectory(prefix="liface-bundle-") as folder:
        reports, problems = correlations_of(campaign_of(run, Path(folder)), database)
    for problem in problems:
        talk(f"no correlation: {problem}")
    return list(reports)
