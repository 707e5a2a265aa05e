"""``liface database copy`` and ``gather``: documents from one place to another, without loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from liface.cli.options import DEFAULT_DATABASE, Db, Json, shown
from liface.cli.output import plural, talk, write_json, write_table
from liface.cli.progress import ProgressLine
from liface.errors import InputError

if TYPE_CHECKING:
    from liface.database.moving.copying import CopyReport, CopyState
    from liface.database.moving.jobs import Gathered

PLACE = "Results database, mongodb://HOST/DATABASE[/COLLECTION], or a YAML or JSON file that describes a maggma store"
CONFLICTS = ("refuse", "keep", "newer")

ConflictsOption = Annotated[
    str,
    typer.Option(
        "--conflicts",
        metavar="|".join(CONFLICTS),
        help="Of different documents under one identity: refuse, keep what is there, or keep the newer one.",
    ),
]


def copy(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help=f"{PLACE}; it is not changed.")],
    target: Annotated[
        str,
        typer.Argument(metavar="TARGET", help="Where to: the same kinds of places; a file is made if there is none."),
    ],
    conflicts: ConflictsOption = "refuse",
    skip_damaged: Annotated[
        bool, typer.Option("--skip-damaged", help="Leave damaged documents of SOURCE out, and name them.")
    ] = False,
    check_only: Annotated[
        bool, typer.Option("--check-only", help="Copy nothing; tell whether TARGET holds everything of SOURCE.")
    ] = False,
    json: Json = False,
) -> None:
    """Copy or merge a whole results database into another, and check the copy.

    Run again, it copies what is missing. Of one quantity, the newest result is shown; the others are kept.
    """
    from liface.database.moving import copying
    from liface.database.moving.places import opened, refuse_same

    how = _conflicts(conflicts)
    with opened(source, writable=False) as read, opened(target, writable=not check_only) as into:
        refuse_same(read, into)
        with ProgressLine(words=_words) as progress:
            report = copying.copy(
                read, into, conflicts=how, skip_damaged=skip_damaged, check_only=check_only, observer=progress
            )
    _show(report, json)
    report.raise_if_incomplete()
    talk(f"{shown(target)} holds everything of {shown(source)}" + (" that is not damaged" if report.damaged else ""))


def gather(
    store: Annotated[
        str,
        typer.Argument(
            metavar="STORE",
            help="jobflow.yaml, another YAML or JSON file that describes a JobStore or a maggma store, or "
            "mongodb://HOST/DATABASE/COLLECTION, which leads to the outputs without the large data kept apart.",
        ),
    ],
    every_output: Annotated[
        bool,
        typer.Option("--every-output", help="Look through all jobs, also those that no Maker of liface has made."),
    ] = False,
    conflicts: ConflictsOption = "newer",
    json: Json = False,
    db: Db = DEFAULT_DATABASE,
) -> None:
    """Store the results and calculations in the outputs of jobs, whoever ran them.

    Documents are validated and held against their identity; what is stored already is left as it is.
    """
    from liface.database.moving import jobs
    from liface.database.moving.places import opened
    from liface.database.moving.stores import job_store

    how = _conflicts(conflicts)
    described = job_store(store)
    jobs.reach(described)
    with opened(db, writable=True) as target, ProgressLine(words=_words) as progress:
        found = jobs.gather(described, target, every_output=every_output, conflicts=how, observer=progress)
    _show_gathered(found, json)


def _show_gathered(found: Gathered, json: bool) -> None:
    rows = found.rows()
    if json:
        said = {"store": found.store, "target": found.target, "outputs": found.outputs, "nouns": rows}
        write_json(said | {"unusable": found.unusable, "not_loaded": found.not_loaded})
    elif rows:
        write_table(rows)
    else:
        talk(f"no documents in {plural(found.outputs, 'output')} of {found.store}")
    for line in found.unusable:
        talk(f"left out: {line}")
    if found.not_loaded:
        raise InputError(
            f"large data of {plural(len(found.not_loaded), 'output')} was not found, the first that of "
            f"{found.not_loaded[0]}: give the jobflow.yaml whose additional_stores hold it. Everything else is stored"
        )


def _conflicts(asked: str) -> Literal["refuse", "keep", "newer"]:
    if asked not in CONFLICTS:
        raise InputError(f"--conflicts {asked}: give {', '.join(CONFLICTS[:-1])} or {CONFLICTS[-1]}")
    return cast(Literal["refuse", "keep", "newer"], asked)


def _show(report: CopyReport, json: bool) -> None:
    rows = report.rows()
    if json:
        held = {"source": report.source, "target": report.target, "complete": report.complete}
        write_json(held | {"nouns": rows, "damaged": report.damaged, "problems": report.problems})
        return
    if rows:
        always = ("noun", "in_source", "copied", "there", "verified")
        names = [name for name in rows[0] if name in always or any(row[name] for row in rows)]
        write_table([{name: row[name] for name in names} for row in rows])
    else:
        talk("nothing to copy")
    if report.damaged:
        talk(f"{plural(len(report.damaged), 'document')} left out as damaged: {', '.join(report.damaged)}")


def _words(state: CopyState) -> str:
    return f"{state.doing} {state.noun}: {state.done}/{state.total}"
