"""The regression of models against published values, from the package or from a database."""

from __future__ import annotations

from dataclasses import dataclass

from liface import __version__
from liface.analysis.literature import Literature
from liface.analysis.regression import CAMPAIGN, Regression, shipped_regression
from liface.database import Database
from liface.database.filters import quoted
from liface.dispatch.literature import compare_stored
from liface.documents import EngineInfo
from liface.engines.registry import engine_info
from liface.errors import InputError, LifaceError


def regression_of(database: Database, campaign: str | None = None, literature: Literature | None = None) -> Regression:
    """Return what the results of a campaign, or all current ones, are beside published values.

    Those of the package and of the database, where no other ``literature`` is given.

    Raises
    ------
    InputError
        Nothing that is stored is published.
    """
    where = None if campaign is None else f"campaign={quoted(campaign)}"
    rows = compare_stored(database, None, where, literature)
    if not rows:
        raise InputError(
            f"nothing that {'is stored' if campaign is None else f'campaign {campaign!r} stored'} is published; "
            f"liface campaign run {CAMPAIGN} computes what is"
        )
    wanted = {row.engine_fingerprint for row in rows}
    cases = [case for case in database.cases(campaign) if case.engine.fingerprint in wanted]
    engines = {case.engine.fingerprint: case.engine for case in cases}
    failed = [f"{case.engine.label}: {case.case}: {case.reason}" for case in cases if case.status == "failed"]
    return Regression(
        campaign=campaign or "", liface_version=__version__, engines=tuple(engines.values()), failed=tuple(failed),
        rows=rows,
    )  # fmt: skip


def part_of(regression: Regression, engine: str, where: str) -> Regression:
    """Return the part of one engine, named as ``ENGINE`` or ``ENGINE:MODEL``.

    Raises
    ------
    InputError
        The regression has none of that name; the message says how to compute it.
    """
    label = _label(engine)
    known = {f"{row.engine}:{row.model}" for row in regression.rows}
    if label not in known:
        raise InputError(
            f"no regression of {label} {where}; there: {', '.join(sorted(known))}. Compute it: liface campaign run "
            f"{CAMPAIGN} --engine {engine}, then liface engines trust {engine} --db FILE"
        )
    return regression.of(label)


def _label(engine: str) -> str:
    """Return the full label of an engine with the default model, where the program is here to say so."""
    try:
        return engine_info(engine).label
    except LifaceError:
        named = {e.name: e.label for e in reversed(shipped_regression().engines)}
        return named.get(engine, engine)


@dataclass(frozen=True)
class Weights:
    """Whether the model on this machine is the one whose numbers are shown."""

    engine: str
    same: bool | None
    text: str


def weights_here(regression: Regression) -> tuple[Weights, ...]:
    """Compare the weights behind a regression with those on this machine."""
    return tuple(_compared(engine) for engine in regression.engines)


def _compared(engine: EngineInfo) -> Weights:
    try:
        here = engine_info(engine.label)
    except LifaceError as error:
        return Weights(engine.label, None, f"not compared: {str(error).splitlines()[0]}")
    if here.weights_sha256 != engine.weights_sha256:
        return Weights(
            engine.label, False,
            f"DIFFERENT WEIGHTS: {here.weights_sha256[:12]} here, {engine.weights_sha256[:12]} behind these numbers; "
            f"they say nothing of yours, run liface campaign run {CAMPAIGN} --engine {engine.label}",
        )  # fmt: skip
    versions = "" if here.code_version == engine.code_version else (
        f"; {here.code} {here.code_version} here, {engine.code_version} behind these numbers"
    )  # fmt: skip
    return Weights(engine.label, True, f"the same weights, sha256 {engine.weights_sha256[:12]}{versions}")


__all__ = ["Regression", "Weights", "part_of", "regression_of", "shipped_regression", "weights_here"]
