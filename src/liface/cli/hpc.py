"""``liface hpc``: set up a site and prove that it works, link by link."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from liface.cli.campaign_queue import SiteFile
from liface.cli.options import Engines, Json
from liface.cli.output import plural, talk, write_json, write_table

app = typer.Typer(help="Clusters: write the files of a site, prove every link, launch.", no_args_is_help=True)

PASSWORD = "LIFACE_MONGO_PASSWORD"
"""Environment variable with the password of the server, for ``hpc init``."""

LINK_BROKEN = 5
"""Exit code of a check that finds a link that does not hold."""


class Kind(StrEnum):
    """Kinds of job, as options take them."""

    LIGHT = "light"
    POTENTIAL = "potential"
    DFT = "dft"


Text = str | None


def _option(name: str, text: str, metavar: str | None = None) -> Any:
    return typer.Option(name, help=text, metavar=metavar)


@app.callback()
def _hpc() -> None:
    """Clusters: write the files of a site, prove every link, launch."""


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the files.")] = Path("fireworks_config"),
    name: Annotated[Text, _option("--name", "Name of the site.")] = None,
    queue: Annotated[Literal["fireworks", "remote"] | None, _option("--queue", "FireWorks or jobflow-remote.")] = None,
    scheduler: Annotated[Literal["slurm", "pbs"] | None, _option("--scheduler", "Batch system.")] = None,
    mongo_host: Annotated[Text, _option("--mongo-host", "Server of the MongoDB.", "HOST")] = None,
    mongo_port: Annotated[int | None, _option("--mongo-port", "Its port; 27017 by default.")] = None,
    database: Annotated[Text, _option("--database", "Database for queue and outputs; liface by default.")] = None,
    user: Annotated[
        Text, _option("--user", f"User of the server, '' for none; the password comes from {PASSWORD}.")
    ] = (None),
    auth_database: Annotated[Text, _option("--auth-database", "Database that knows the user, often admin.")] = None,
    runs: Annotated[Text, _option("--runs", "Shared folder in which jobs run.", "PATH")] = None,
    calculations: Annotated[Text, _option("--calculations", "Shared folder of finished calculations.", "PATH")] = None,
    environment: Annotated[
        list[str] | None, _option("--environment", "Line of shell before the jobs; repeat it for several.", "LINE")
    ] = None,
    partition: Annotated[Text, _option("--partition", "Partition (Slurm) or queue (PBS).")] = None,
    gpu_partition: Annotated[Text, _option("--gpu-partition", "Partition with GPUs, for potentials; '' for none.")] = (
        None
    ),
    account: Annotated[Text, _option("--account", "Account that pays, '' for none.")] = None,
    walltime_light: Annotated[Text, _option("--walltime-light", "Wall time of builds and analyses.", "H:M:S")] = None,
    walltime_potential: Annotated[Text, _option("--walltime-potential", "Of potentials.", "H:M:S")] = None,
    walltime_dft: Annotated[Text, _option("--walltime-dft", "Of DFT, one structure a job.", "H:M:S")] = None,
    cores_dft: Annotated[int | None, _option("--cores-dft", "MPI ranks of a DFT job.")] = None,
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Ask nothing; write every file, with marks where nothing is given.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over files that are there.")] = False,
    json: Json = False,
) -> None:
    """Write the files of a site: FireWorks, jobflow, batch system, liface; asks for what is not given."""
    from liface.cli.questions import ask_for_the_rest
    from liface.dispatch.site_files import site_answers, site_files, write_site_files

    options = {
        "name": name,
        "queue": queue,
        "scheduler": scheduler,
        "mongo_host": mongo_host,
        "mongo_port": mongo_port,
        "database": database,
        "user": user,
        "password": os.environ.get(PASSWORD),
        "auth_database": auth_database,
        "runs": runs,
        "calculations": calculations,
        "environment": tuple(environment) if environment else None,
        "partition": partition,
        "gpu_partition": gpu_partition,
        "account": account,
        "walltime_light": walltime_light,
        "walltime_potential": walltime_potential,
        "walltime_dft": walltime_dft,
        "cores_dft": cores_dft,
    }
    given = {key: value for key, value in options.items() if value is not None}
    given["folder"] = str(folder.expanduser().absolute())
    site_answers(given)  # before a person is asked for the rest
    asked = not defaults and not json and sys.stdin.isatty() and sys.stderr.isatty()
    if asked:
        given = ask_for_the_rest(given)
    answers = site_answers(given)
    files = site_files(answers, everything=defaults)
    written = write_site_files(Path(answers.folder), files, force)
    if json:
        write_json({"files": [str(path) for path in written], "to_fill_in": _to_fill_in(files)})
        return
    typer.echo("\n".join(str(path) for path in written))
    _tell_next_steps(Path(answers.folder), files, has_password=answers.user is not None)


def _to_fill_in(files: dict[str, str]) -> list[dict[str, Any]]:
    from liface.dispatch.site_files import unfilled

    return [{"file": name, "line": line, "mark": mark} for name, text in files.items() for line, mark in unfilled(text)]


def _tell_next_steps(folder: Path, files: dict[str, str], has_password: bool) -> None:
    from liface.dispatch.site_files import SECRET_FILES

    if has_password:
        secret = [name for name in files if name in SECRET_FILES]
        talk(f"{' and '.join(secret)} hold the password of the server and can be read by you alone")
    marks: dict[str, list[str]] = {}
    for found in _to_fill_in(files):
        marks.setdefault(found["mark"], []).append(f"{found['file']}:{found['line']}")
    if marks:
        talk(f"{plural(len(marks), 'value')} to fill in:")
        width = max(map(len, marks))
        for mark, places in marks.items():
            talk(f"  {mark:<{width}}  {', '.join(places)}")
    talk("next:")
    talk(f"  export FW_CONFIG_FILE={folder}/FW_config.yaml JOBFLOW_CONFIG_FILE={folder}/jobflow.yaml")
    talk(f"  export LIFACE_SITE={folder}/site.yaml")
    talk("  lpad reset                    # once: it empties the database of the queue")
    talk("  liface hpc check              # proves every link")
    talk("  liface campaign submit NAME")


@app.command()
def check(
    site: SiteFile = None,
    kind: Annotated[
        list[Kind] | None, typer.Option("--kind", help="Kind of job; those of the engines by default. Repeat it.")
    ] = None,
    engine: Engines = None,
    campaign: Annotated[
        str | None, typer.Option("--campaign", metavar="NAME_OR_FILE", help="Take engines and elements from it.")
    ] = None,
    through_queue: Annotated[
        bool, typer.Option("--through-queue", help="Submit a job of seconds as well, to look around on a compute node.")
    ] = False,
    wait: Annotated[float, typer.Option("--wait", metavar="S", min=1, help="Wait for it for so long.")] = 300.0,
    json: Json = False,
) -> None:
    """Prove every link of a site, and say what to do where one does not hold; leaves with 5 if any does not."""
    from liface.dispatch.site_check.plan import Asked, check_site, kinds_of

    engines, elements = _engines_and_elements(campaign, engine)
    asked = Asked(
        site=site,
        kinds=tuple(dict.fromkeys(each.value for each in kind)) if kind else kinds_of(engines),
        engines=engines,
        elements=elements,
        through_queue=through_queue,
        wait_s=wait,
        tell=talk,
    )
    findings = []
    for finding in check_site(asked):
        findings.append(finding)
        if sys.stderr.isatty():
            talk(f"{finding.state:<7} {finding.check}")
    rows = [finding.as_dict() for finding in findings]
    broken = [finding for finding in findings if finding.state == "failed"]
    if json:
        write_json({"ok": not broken, "checks": rows})
    else:
        write_table(rows, columns=("check", "state", "message"))
        for finding in broken:
            talk(f"{finding.check}: {finding.message}" + (f"; {finding.advice}" if finding.advice else ""))
        skipped = sum(finding.state == "skipped" for finding in findings)
        talk(f"{plural(len(findings), 'link')}: {len(broken)} do not hold, {skipped} not looked at")
    if broken:
        raise typer.Exit(LINK_BROKEN)


def _engines_and_elements(campaign: str | None, engines: list[str] | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the engines to look at, and the elements they are to know."""
    if campaign is None:
        return tuple(engines or ()), ("Li",)
    from liface.workflows.campaign import Campaign

    loaded = Campaign.load(campaign, tuple(engines or ()))
    elements = {
        element for spec in loaded.specs() if spec.kind == "bulk" for element in spec.material.reference.species
    }
    screening = (loaded.file.screening.engine,) if loaded.file.screening else ()
    return (*screening, *map(str, loaded.engines)), tuple(sorted(elements))


@app.command()
def launch(
    kind: Annotated[Kind, typer.Option("--kind", help="Kind of job that the allocations take.")],
    allocations: Annotated[
        int, typer.Option("--allocations", "-n", min=1, help="At most so many, with those that are there.")
    ] = 1,
    campaign: Annotated[
        str | None, typer.Option("--campaign", metavar="NAME_OR_FILE", help="Take the resources that it asks for.")
    ] = None,
    site: SiteFile = None,
    json: Json = False,
) -> None:
    """Submit allocations for FireWorks jobs that are ready: not more than there are jobs, those that are there counted.

    It can be repeated, also by cron.
    """
    from liface.dispatch.launching import launch as submit_allocations
    from liface.dispatch.site import load_site
    from liface.errors import InputError

    described = load_site(site)
    if described.queue != "fireworks":
        raise InputError(
            f"site {described.name} uses jobflow-remote, whose runner submits by itself: "
            f"jf -p {described.project or 'NAME'} runner start"
        )
    resources = None
    if campaign is not None:
        from liface.workflows.campaign_file import load_campaign

        resources = load_campaign(campaign)[0].resources.over(described.kinds)
    done = submit_allocations(described, kind.value, allocations, resources)
    figures = {
        "kind": done.kind,
        "ready": done.ready,
        "queued": done.queued,
        "running": done.running,
        "allocations": list(done.allocations),
    }
    if json:
        write_json(figures)
        return
    before = f"{plural(done.queued, 'allocation')} queued before, {done.running} running"
    talk(f"{plural(done.ready, f'{done.kind} job')} ready, {before}")
    typer.echo("\n".join(done.allocations) if done.allocations else "nothing to launch")
