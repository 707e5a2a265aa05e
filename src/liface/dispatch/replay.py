"""A locked campaign run again from the lock alone, and held against it."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from liface import __version__
from liface.analysis.run_comparison import Comparison, compare
from liface.database import Database
from liface.dispatch.derive import derive
from liface.dispatch.machine import packages
from liface.dispatch.manifest import record_run
from liface.dispatch.phases import run_phases
from liface.dispatch.run import Progress, RunState
from liface.documents import EngineInfo, RunDocument, RunEngine
from liface.engines.base import EngineSpec
from liface.engines.registry import engine_info
from liface.errors import DatabaseOpenError, LifaceError, LockError
from liface.workflows.campaign import Campaign
from liface.workflows.campaign_file import CampaignFile

IMPORTED_BY_NAME = ("ase", "atomate2")
"""Engines that load the class or the checkpoint of their text, which may be any program."""

Standing = Literal["same", "differs", "refused", "missing"]
"""refused: runs only where that is allowed; missing: cannot run at all."""


@dataclass(frozen=True)
class Check:
    """One thing that a lock names and this machine has, or has otherwise."""

    what: str
    locked: str
    here: str
    standing: Standing

    def as_dict(self) -> dict[str, str]:
        """Return the row of a table."""
        return {"what": self.what, "locked": self.locked, "here": self.here, "standing": self.standing}


@dataclass(frozen=True)
class Replay:
    """What a replay came to."""

    run: RunDocument
    comparison: Comparison
    state: RunState
    problems: tuple[str, ...] = ()


def checks_of(lock: RunDocument, engines: Sequence[str] = ()) -> list[Check]:
    """Hold the engines and versions of a lock against those of this machine.

    Other versions differ; other weights, models or options are refused, and so is an engine that is not here.
    ``engines`` replaces the texts by which the locked engines are asked for, in their order: weights may lie elsewhere.
    Engines that import whatever they are told are refused where only the lock, which somebody else may have written,
    names them.
    """
    checks: list[Check] = []
    for engine, text in _asked(lock, engines):
        if not engines and EngineSpec.parse(text).name in IMPORTED_BY_NAME:
            checks.append(Check(f"program of {text}", "named by the lock", "not named by you", "refused"))
            continue
        try:
            info = engine_info(text)
        except LifaceError as error:
            checks.append(Check(f"engine {engine.asked}", engine.info.fingerprint, str(error), "missing"))
            continue
        checks += _engine_checks(engine, info)
    checks.append(_check("liface", lock.liface_version, __version__))
    here = {**packages(engine.info for engine in lock.engines), "python": platform.python_version()}
    stored = {name: " and ".join(found) for name, found in lock.computed_with.items() if name in here}
    locked = {**stored, **lock.packages}
    checks += [_check(name, locked[name], here.get(name, "not installed")) for name in sorted(locked)]
    return checks


def campaign_of(lock: RunDocument, folder: Path, engines: Sequence[str] = ()) -> Campaign:
    """Return the locked campaign with its files written to ``folder``.

    Raises
    ------
    LockError
        This version of liface cannot read the campaign.
    """
    for file in lock.files:
        (folder / file.name).write_text(file.text, encoding="utf-8")
    asked = list(_asked(lock, engines))
    texts = [text for engine, text in asked if engine.role == "asked"]
    content = {**lock.content, "engines": texts}
    cheap = next((text for engine, text in asked if engine.role == "screening"), None)
    if cheap is not None:
        content["screening"] = {**content["screening"], "engine": cheap}
    try:
        file_ = CampaignFile.model_validate(content)
    except ValueError as error:
        raise LockError(
            f"the campaign of this lock, written by liface {lock.liface_version}, cannot be read by {__version__}: "
            f"{' '.join(str(error).split())[:300]}"
        ) from error
    return Campaign(file=file_, base=folder, engines=tuple(map(EngineSpec.parse, texts)))


def require_new(database: Database, resume: bool) -> None:
    """Refuse a database that holds calculations already: nothing may be reused unless it was asked for.

    Raises
    ------
    DatabaseOpenError
        It holds calculations.
    """
    held = database.count("calculations")
    if held and not resume:
        raise DatabaseOpenError(
            f"{database.name} holds {held} calculations already, which a replay would take instead of computing; "
            "give a new file with --db, or go on with a replay that was stopped there with --resume"
        )


def replay(
    lock: RunDocument,
    campaign: Campaign,
    database: Database,
    *,
    workers: int = 1,
    tolerances: Mapping[str, float] | None = None,
    progress: Progress | None = None,
    told: Callable[[str], None] = lambda _: None,
) -> Replay:
    """Run a locked campaign and compare what came of it with the lock.

    Raises
    ------
    CampaignError, DatabaseError
        As :func:`~liface.dispatch.phases.run_phases`.
    """
    state = run_phases(campaign, database, workers=workers, progress=progress)
    problems = derive(campaign, database, told).problems
    run = record_run(
        campaign,
        database,
        "local",
        workers=workers,
        n_computed=state.computed,
        wall_s=state.seconds,
        replay_of=lock.run_id,
    )
    return Replay(run, compare(lock, run, tolerances), state, problems)


def _asked(lock: RunDocument, engines: Sequence[str]) -> Iterator[tuple[RunEngine, str]]:
    if engines and len(engines) != len(lock.engines):
        names = ", ".join(engine.asked for engine in lock.engines)
        raise LockError(
            f"{len(engines)} engines given for the {len(lock.engines)} of the lock ({names}); give all of them"
        )
    for k, engine in enumerate(lock.engines):
        yield engine, engines[k] if engines else engine.asked


def _engine_checks(engine: RunEngine, here: EngineInfo) -> Iterator[Check]:
    locked = engine.info
    if locked.fingerprint == here.fingerprint:
        yield Check(f"engine {engine.asked}", locked.fingerprint, here.fingerprint, "same")
        return
    rows = (
        ("model", locked.label, here.label),
        ("weights", locked.weights_sha256[:16], here.weights_sha256[:16]),
        ("options", _text(locked), _text(here)),
    )
    for what, a, b in rows:
        if a != b:
            yield Check(f"{what} of {engine.asked}", a, b, "refused")
    if locked.code_version != here.code_version:
        yield Check(f"{locked.code} of {engine.asked}", locked.code_version, here.code_version, "differs")


def _text(info: EngineInfo) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(info.options.items())) or "none"


def _check(what: str, locked: str, here: str) -> Check:
    return Check(what, locked, here, "same" if locked == here else "differs")


__all__ = ["Check", "Replay", "campaign_of", "checks_of", "replay", "require_new"]
