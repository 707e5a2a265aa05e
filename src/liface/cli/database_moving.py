"""``liface database copy`` and ``gather``: documents from one place to another, without loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from liface.cli.options import Json
from liface.cli.output import plural, talk, write_json, write_table
from liface.cli.progress import ProgressLine
from liface.errors import InputError

if TYPE_CHECKING:
    from liface.database.moving.copying import CopyReport, CopyState

PLACE = "Results database, mongodb://HOST/DATABASE[/COLLECTION], or a YAML or JSON file that describes a maggma store"
CONFLICTS = ("refuse", "keep", "newer")

ConflictsOption = Annotated[
    str,
    typer.Option(
        "--conflicts",
        metavar="|".join(CONFLICTS),
        help="Of different documents under one identity: refuse the copy, keep what TARGET has, or keep the newer.",
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
    _refuse_memory(target)
    with opened(source, writable=False) as read, opened(target, writable=not check_only) as into:
        refuse_same(read, into)
        with ProgressLine(words=_words) as progress:
            report = copying.copy(
                read, into, conflicts=how, skip_damaged=skip_damaged, check_only=check_only, observer=progress
            )
    _show(report, json)
    report.raise_if_incomplete()
    talk(f"{target} holds everything of {source}" + (" that is not damaged" if report.damaged else ""))


def _conflicts(asked: str) -> Literal["refuse", "keep", "newer"]:
    if asked not in CONFLICTS:
        raise InputError(f"--conflicts {asked}: give {', '.join(CONFLICTS[:-1])} or {CONFLICTS[-1]}")
    return cast(Literal["refuse", "keep", "newer"], asked)


def _refuse_memory(target: str) -> None:
    from liface.database.addresses import MEMORY

    if target == MEMORY:
        raise InputError(f"{MEMORY} would be gone when this command ends; name a file")


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
