"""Guards: quantities of different engines or settings are never subtracted."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

from liface.documents import CalculationSettings, EngineInfo
from liface.errors import AnalysisError, MixedEnginesError

T = TypeVar("T")


def require_same_engine(*infos: EngineInfo) -> EngineInfo:
    """Return the engine shared by everything that enters one formula.

    Raises
    ------
    MixedEnginesError
        If two fingerprints differ; the message names both engines and what differs.
    AnalysisError
        If no engine is given.
    """
    first = _first(infos, "engine")
    for other in infos[1:]:
        if other.fingerprint != first.fingerprint:
            raise MixedEnginesError(
                f"one formula, two engines: {first.label} [{first.fingerprint[:6]}] and {other.label} "
                f"[{other.fingerprint[:6]}] ({_differences(first, other, {'trained_on'})}); "
                "compute every reference with the engine of the quantity itself"
            )
    return first


def require_same_settings(*settings: CalculationSettings, ignoring: Collection[str] = ()) -> CalculationSettings:
    """Return the settings shared by calculations that must have been treated alike.

    ``ignoring`` names the fields that may differ by design: a bulk reference relaxes its whole cell, so it
    is compared with a slab ``ignoring=("cell",)``.

    Raises
    ------
    MixedEnginesError
        If two settings differ; the message names the fields and both values.
    AnalysisError
        If no settings are given.
    """
    first = _first(settings, "settings")
    for other in settings[1:]:
        if difference := _differences(first, other, set(ignoring)):
            raise MixedEnginesError(f"one formula, two settings: {difference}; relax all that is subtracted alike")
    return first


def _first(items: tuple[T, ...], what: str) -> T:
    if not items:
        raise AnalysisError(f"no {what} to compare; name those of every energy in the formula")
    return items[0]


def _differences(a: EngineInfo | CalculationSettings, b: EngineInfo | CalculationSettings, skip: set[str]) -> str:
    left, right = a.model_dump(mode="json", exclude=skip), b.model_dump(mode="json", exclude=skip)
    return ", ".join(f"{key} {left[key]!r} against {right[key]!r}" for key in left if left[key] != right[key])
