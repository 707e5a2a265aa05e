"""The nouns of the command line; each is imported when it is used."""

from __future__ import annotations

from typing import Annotated

import typer

from liface.cli.later import Later, late_group

EPILOG = (
    "Exit codes: 0 done; 1 the numbers do not allow it, or an engine refused; 2 wrong input; 3 the database; "
    "4 some cases of a campaign failed; 5 the queue or the site; 6 a replay did not meet its lock; "
    "70 an internal error; 130 stopped by the user."
)

COMMANDS: dict[str, Later] = {
    "query": Later("query", "query", "Ask the results database for rows of one kind."),
    "correlate": Later(
        "correlate",
        "correlate",
        "Hold a computed descriptor against measured values: what n points support, and what they do not.",
    ),
    "grow": Later(
        "grow",
        "grow",
        "Grow Li on a substrate atom by atom: coverage, tip height, roughness and nuclei against the ratio of rates.",
    ),
    "phonon": Later(
        "phonon",
        "phonon",
        "Give the vibrational free energy, entropy and heat capacity of a bulk; what is not stored is computed.",
    ),
    "stability": Later(
        "stability",
        "stability",
        "Judge materials against Li metal: at rest, alloyed or decomposed, into what, and between which voltages.",
    ),
    "deposit": Later(
        "deposit",
        "deposit",
        "Rank the places where Li can deposit, and solve for the pressure and adhesion at which the answer changes.",
    ),
    "serve": Later("serve", "serve", "Serve a page to look at the results database; it only reads. Ctrl-C ends it."),
    "materials": Later("materials", "app", "Crystals: those that are shipped, and CIF files."),
    "structure": Later("structure", "app", "Slabs, terminations and coherent interfaces."),
    "campaign": Later("campaign", "app", "Screening campaigns: one file in, a database and a report out."),
    "compare": Later(
        "compare", "app", "Results set against each other: the best of every group, models against models."
    ),
    "creep": Later("creep", "app", "Creep of Li in pores: rates, maps, hosts, checks."),
    "database": Later("database", "app", "Look after the results database."),
    "engines": Later("engines", "app", "Engines that turn positions into energies and forces."),
    "hpc": Later("hpc", "app", "Clusters: write the files of a site, prove every link, launch."),
    "literature": Later(
        "literature", "app", "Published values: of the package, your own, and computed ones beside them."
    ),
}
"""What stands in the modules beside this one, in the order of the help."""

app = typer.Typer(
    name="liface",
    cls=late_group(COMMANDS),
    help="Li interfacial energetics: build, relax, store, ask, correlate.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
