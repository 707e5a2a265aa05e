"""``liface campaign missing``: what a campaign asks for that the database does not hold."""

from __future__ import annotations

import shlex
from collections import Counter
from typing import Annotated

import typer

from liface.cli.options import DEFAULT_DATABASE, CampaignName, Db, Engines, Json, open_to_read_if_there
from liface.cli.output import plural, talk, write_json, write_table, write_text

HEADER = ("case", "kind", "engine", "state", "reason", "since", "case_id")

State = Annotated[
    str | None,
    typer.Option("--state", metavar="STATE", help="Only one state, e.g. 'never run', failed or unconverged."),
]


def missing(
    campaign: CampaignName,
    engine: Engines = None,
    state: State = None,
    db: Db = DEFAULT_DATABASE,
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="Write CSV instead of a table.")] = False,
) -> None:
    """List the cases without a result to rest on, per engine, with the reason.

    They were never run, wait on a queue, failed, did not converge, were superseded, or are stored under another
    definition of the case.
    """
    from typing import get_args

    from liface.dispatch.missing import State as Known
    from liface.dispatch.missing import missing as find
    from liface.errors import InputError
    from liface.workflows.campaign import Campaign

    if json and csv:
        raise InputError("--json and --csv at once; give one of them")
    if state is not None and state not in get_args(Known):
        raise InputError(f"--state {state!r} is none; states: {', '.join(get_args(Known))}")
    loaded = Campaign.load(campaign, tuple(engine or ()))
    database = open_to_read_if_there(db)
    try:
        found = find(loaded, database)
    finally:
        if database is not None:
            database.close()
    rows = [each.as_dict() for each in found if state in (None, each.state)]
    if json:
        write_json(rows)
    elif csv:
        _write_csv(rows)
    elif rows:
        write_table([{name: cell for name, cell in row.items() if name != "case_id"} for row in rows])
    _tell(campaign, Counter(str(row["state"]) for row in rows), state)


def _tell(campaign: str, counts: Counter[str], state: str | None) -> None:
    if not counts:
        talk(f"nothing is {state or 'missing'}")
        return
    talk(f"{plural(counts.total(), 'case')}: " + ", ".join(f"{n} {name}" for name, n in counts.most_common()))
    name = shlex.quote(campaign)
    if counts.keys() & {"never run", "another definition", "superseded", "to be screened"}:
        talk(f"compute them with: liface campaign run {name}")
    if counts.keys() & {"failed", "unconverged"}:
        talk(f"try them again with: liface campaign run {name} --retry PATTERN (over the reasons)")
    if counts["submitted"]:
        talk(f"take what is done from the queue with: liface campaign collect {name}")


def _write_csv(rows: list[dict[str, object]]) -> None:
    import csv
    import io

    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=HEADER, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(out.getvalue())
