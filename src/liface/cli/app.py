"""Entry point: the nouns of the command line, and what becomes of an error."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Annotated

import typer

from liface.cli import (
    campaign,
    campaign_bundle,
    campaign_diff,
    campaign_lock,
    campaign_missing,
    campaign_queue,
    campaign_replay,
    compare,
    converge,
    correlate,
    creep,
    database,
    database_moving,
    deposit,
    engines,
    grow,
    hpc,
    literature,
    materials,
    phonon,
    query,
    serve,
    stability,
    structure,
)
from liface.cli.output import talk
from liface.errors import LifaceError

DEBUG = "LIFACE_DEBUG"
"""Set to 1, this environment variable shows the traceback of every error."""

INTERNAL_ERROR = 70
"""Exit code of a defect in liface itself (EX_SOFTWARE)."""

EPILOG = (
    "Exit codes: 0 done; 1 the numbers do not allow it, or an engine refused; 2 wrong input; 3 the database; "
    "4 some cases of a campaign failed; 5 the queue or the site; 6 a replay did not meet its lock; "
    "70 an internal error; 130 stopped by the user."
)

app = typer.Typer(
    name="liface",
    help="Li interfacial energetics: build, relax, store, ask, correlate.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(materials.app, name="materials")
app.add_typer(structure.app, name="structure")
for verb in ("submit", "follow", "collect", "retry", "cancel"):
    campaign.app.command()(getattr(campaign_queue, verb))
campaign.app.command()(campaign_lock.lock)
campaign.app.command()(campaign_replay.replay)
campaign.app.command()(campaign_diff.diff)
campaign.app.command()(campaign_bundle.bundle)
campaign.app.command("open")(campaign_bundle.open_)
campaign.app.command()(campaign_bundle.verify)
campaign.app.command()(converge.converge)
campaign.app.command()(campaign_missing.missing)
app.add_typer(campaign.app, name="campaign")
app.command("query")(query.query)
app.add_typer(compare.app, name="compare")
app.command("correlate")(correlate.correlate)
app.command("grow")(grow.grow)
app.command("phonon")(phonon.phonon)
app.command("stability")(stability.stability)
app.command("deposit")(deposit.deposit)
app.add_typer(creep.app, name="creep")
for verb in ("copy", "gather"):
    database.app.command()(getattr(database_moving, verb))
app.add_typer(database.app, name="database")
app.add_typer(engines.app, name="engines")
app.add_typer(hpc.app, name="hpc")
app.command("serve")(serve.serve)
app.add_typer(literature.app, name="literature")


def _version(wanted: bool) -> None:
    if wanted:
        from liface import __version__

        typer.echo(f"liface {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Li interfacial energetics: build, relax, store, ask, correlate."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that cannot show Å still gets the rest
            stream.reconfigure(errors="replace")
    if not sys.warnoptions and not debugging():  # warnings of other packages, here and in the workers
        warnings.simplefilter("ignore")
        os.environ.setdefault("PYTHONWARNINGS", "ignore")
    sys.exit(invoke(arguments))


def invoke(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; no error gets past here."""
    try:
        command = typer.main.get_command(app)
        command.main(args=None if arguments is None else list(arguments), prog_name="liface")
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 0
    except LifaceError as error:
        return _failed(error, f"liface: {error}", error.exit_code)
    except Exception as error:  # a defect: say so in one line, the traceback is one variable away
        what = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        return _failed(error, f"liface: internal error ({what}); run with {DEBUG}=1 for the traceback", INTERNAL_ERROR)
    return 0


def debugging() -> bool:
    """Tell whether tracebacks are wanted."""
    return os.environ.get(DEBUG, "") not in ("", "0")


def _failed(error: Exception, message: str, code: int) -> int:
    with contextlib.suppress(BrokenPipeError):
        if debugging():
            talk("".join(traceback.format_exception(error)).rstrip())
        talk(message)
    return code
