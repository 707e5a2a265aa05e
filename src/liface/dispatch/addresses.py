"""Which run a person means: a campaign, a lock, a recorded run, or what is stored of a campaign and an engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from liface import __version__
from liface.database import Database
from liface.database.sqlite import MAGIC
from liface.dispatch.lock_file import is_lock, read_lock
from liface.documents import EngineInfo, RunDocument, RunEngine
from liface.errors import InputError
from liface.workflows.campaign import Campaign
from liface.workflows.campaign_file import SHIPPED, load_campaign

SHORTEST_ID = 6
"""Digits of a run_id that are taken for one."""


def run_of(name: str, database: Database, engines: Sequence[str] | None = None) -> RunDocument:
    """Return the run of a campaign: recorded, or made of what the database holds now.

    Raises
    ------
    InputError
        There is neither a campaign file nor a recorded run of that name, or nothing is stored of it.
    """
    from liface.dispatch.manifest import manifest_of, same_as

    if name not in SHIPPED and not Path(name).is_file():
        recorded = database.runs(name) or _by_id(database, name)
        if not recorded:
            raise InputError(
                f"{name} is no campaign file, and no run of a campaign of this name, or of this run_id, is recorded; "
                f"recorded: {', '.join(sorted({run.campaign for run in database.runs()})) or 'none'}"
            )
        return recorded[-1]
    campaign = Campaign.load(name, tuple(engines or ()))
    run = manifest_of(campaign, database)
    if not run.cases:
        there = sorted({case.engine.label for case in database.cases(campaign.name)})
        if there:
            asked = ", ".join(str(spec) for spec in campaign.engines)
            raise InputError(
                f"nothing of {campaign.name} is stored with {asked}, but with {', '.join(there)}; "
                "name these with --engine"
            )
        raise InputError(f"nothing is stored of {campaign.name}; liface campaign run {name} computes it")
    return same_as(run, database) or run


def resolve(address: str, db: str, campaign: str | None = None, engine: str | None = None) -> RunDocument:
    """Return the run behind an address.

    Parameters
    ----------
    address
        A lock file; a database file, with the name of a campaign where it holds several; the beginning of the run_id
        of a recorded run in ``db``; or a campaign, by name or file, as it stands in ``db``.
    engine
        Only what was computed with this one: ``engine``, ``engine:model`` or the beginning of a fingerprint.

    Raises
    ------
    InputError
        There is no such thing, or it may be several.
    DatabaseError
        The database cannot be opened.
    """
    path = Path(address)
    if path.is_file() and _is_database(path):
        with Database(path, read_only=True, must_exist=True) as database:
            return stored_state(database, campaign or _only_campaign(database, address), engine)
    if path.is_file() and is_lock(path):
        return only_engine(read_lock(path), engine)
    if path.suffix == ".json":
        read_lock(path)  # says what is wrong with it
    with Database(db, read_only=True, must_exist=True) as database:
        if not path.is_file() and address not in SHIPPED:
            if found := _by_id(database, address):
                return only_engine(found[0], engine)
            return stored_state(database, address, engine)
        return stored_state(database, load_campaign(address)[0].name, engine)


def _by_id(database: Database, address: str) -> list[RunDocument]:
    """Return the run whose run_id begins so, if there is one."""
    found = database.runs(run_id=address) if len(address) >= SHORTEST_ID else []
    if len(found) > 1:
        raise InputError(f"{address} is the beginning of {len(found)} runs; give more of the run_id")
    return found


def stored_state(database: Database, campaign: str, engine: str | None = None) -> RunDocument:
    """Return what a database holds of a campaign now, for all its engines or one, whether recorded as a run or not.

    Raises
    ------
    InputError
        Nothing is stored of it.
    """
    from liface.dispatch.manifest import outcome_of

    cases = database.cases(campaign)
    if not cases:
        known = ", ".join(sorted({case.campaign for case in database.cases()})) or "none"
        raise InputError(
            f"{campaign!r} is neither a file, nor the run_id of a recorded run, nor a campaign stored in "
            f"{database.name}; campaigns there: {known}"
        )
    chosen = [case for case in cases if engine is None or _is_called(case.engine, engine)]
    if not chosen:
        labels = ", ".join(sorted({f"{case.engine.label} ({case.engine.fingerprint[:6]})" for case in cases}))
        raise InputError(f"{campaign} is not stored for {engine}; engines: {labels}")
    recorded = database.runs(campaign)
    newest = recorded[-1] if recorded else None
    infos = {case.engine.fingerprint: case.engine for case in chosen}
    roles = {key: known.role for run in recorded for key, known in run.fingerprints.items()}
    return RunDocument.sealed(
        campaign=campaign,
        title=newest.title if newest else "",
        liface_version=newest.liface_version if newest else __version__,
        dispatcher="database",
        packages={},
        content=newest.content if newest else {},
        files=newest.files if newest else (),
        engines=tuple(
            RunEngine(asked=info.label, role=roles.get(key, "asked"), info=info) for key, info in infos.items()
        ),
        **outcome_of(campaign, database, chosen).as_fields(),
    )


def only_engine(run: RunDocument, engine: str | None) -> RunDocument:
    """Return the part of a run that one engine has computed.

    Raises
    ------
    InputError
        It was not computed with this engine.
    """
    if engine is None:
        return run
    keys = {key for key, known in run.fingerprints.items() if _is_called(known.info, engine)}
    if not keys:
        labels = ", ".join(f"{known.info.label} ({key[:6]})" for key, known in run.fingerprints.items())
        raise InputError(f"{run.campaign} was not computed with {engine}; engines of this run: {labels}")
    return run.model_copy(
        update={
            "engines": tuple(known for key, known in run.fingerprints.items() if key in keys),
            "cases": tuple(case for case in run.cases if case.engine in keys),
            "calculations": tuple(each for each in run.calculations if each.engine in keys),
            "records": tuple(record for record in run.records if record.engine is None or record.engine in keys),
        }
    )


def _is_called(info: EngineInfo, name: str) -> bool:
    return name in (info.name, info.label) or (len(name) >= SHORTEST_ID and info.fingerprint.startswith(name))


def _is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _only_campaign(database: Database, address: str) -> str:
    names = sorted({case.campaign for case in database.cases()})
    if len(names) != 1:
        raise InputError(f"{address} holds the campaigns {', '.join(names) or '(none)'}; choose one with --campaign")
    return names[0]


__all__ = ["only_engine", "resolve", "run_of", "stored_state"]
