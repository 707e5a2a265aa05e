"""``liface stability``: what becomes of materials against Li metal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liface.cli.options import DEFAULT_DATABASE, Db, Json, open_to_read, open_to_write, shown
from liface.cli.output import talk, write_json, write_table

if TYPE_CHECKING:
    from liface.analysis.stability import LithiumStability
    from liface.documents import BulkResult

UNITS = {
    "above_hull": "meV/atom",
    "reaction_energy": "eV",
    "per_li": "eV",
    "window": "V",
    "gap": "eV",
}


def stability(
    materials: Annotated[
        list[str] | None, typer.Argument(metavar="MATERIAL", help="What to judge; every entry by default.")
    ] = None,
    engine: Annotated[
        str | None, typer.Option("--engine", "-e", metavar="ENGINE:MODEL", help="Needed where several are stored.")
    ] = None,
    entries: Annotated[
        Path | None,
        typer.Option("--entries", metavar="FILE", help="Entries of your own, YAML or JSON, in place of the database."),
    ] = None,
    save: Annotated[
        bool, typer.Option("--save", help="Store the verdicts in the database (campaign what-if).")
    ] = False,
    json: Json = False,
    db: Db = DEFAULT_DATABASE,
) -> None:
    """Judge materials against Li metal: at rest, alloyed or decomposed, into what, and between which voltages.

    Entries are the bulks of one engine in the database; 'liface campaign run bulks' computes those of the library.
    """
    from liface.dispatch.stability import entries_of, judged, stability_results, stored_bulks, supplied_entries
    from liface.mesoscale.records import WHAT_IF

    bulks: list[BulkResult] = []
    if entries is not None:
        known = supplied_entries(entries)
    else:
        with open_to_read(db) as database:
            bulks = stored_bulks(database, engine)
        known = entries_of(bulks)
    found = judged(known, materials or ())
    if save:
        with open_to_write(db) as database:
            for document in stability_results(found, known, bulks, WHAT_IF):
                database.add_result(document)
        talk(f"{len(found)} verdicts saved in campaign {WHAT_IF}; {shown(db)}")
    if json:
        write_json([result.model_dump(mode="json") | {"reaction": result.reaction} for result in found])
        return
    write_table([_row(result) for result in found], UNITS)
    talk(f"{len(known)} phases of {known[0].level}; what is not among them does not compete")
    untested = [f"{result.material} ({', '.join(result.untested)})" for result in found if result.untested]
    if untested:
        talk("no other phase is known of: " + "; ".join(untested))


def _row(result: LithiumStability) -> dict[str, Any]:
    from liface.analysis.known_stability import KNOWN, agreement, class_of

    known = KNOWN.get(result.material)
    reacts = result.reaction != "none"
    per_li = result.reaction_energy_ev / result.li_taken_up if result.li_taken_up > 0 else None
    low, high = result.window_low_v, result.window_high_v
    return {
        "material": result.material,
        "verdict": result.verdict,
        "class": class_of(result.verdict),
        "above_hull": round(1e3 * result.energy_above_hull_ev_per_atom, 1),
        "reaction_energy": round(result.reaction_energy_ev, 3) if reacts else None,
        "per_li": None if per_li is None else round(per_li, 3),
        "window": None if result.verdict == "not stable" else f"{_volts(low)} to {_volts(high)}",
        "gap": result.band_gap_ev,
        "reaction": result.reaction if reacts else None,
        "compounds_with_li": ", ".join(result.compounds_with_li) or None,
        "known": known.statement if known else None,
        "agrees": agreement(result) if known else None,
    }


def _volts(value: float | None) -> str:
    return "open" if value is None else f"{value:.2f}"
