"""What the database knows of Li on one surface, of one engine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from liface.documents import EngineInfo
from liface.errors import InputError
from liface.structures.planes import named_surface


def of_engine(results: Iterable[Any], engine: str | None) -> list[Any]:
    """Return the results of an engine, by its fingerprint, label or name; all of them without one."""
    return [r for r in results if engine in (None, r.engine.fingerprint, r.engine.label, r.engine.name)]


def of_first_termination(wettings: Iterable[Any]) -> list[Any]:
    """Return the wetting results of first terminations; which one it is, is told by their case alone."""
    return [wetting for wetting in wettings if not re.search(r"-t\d+_", wetting.provenance.case)]


def one_engine(results: Sequence[Any], what: str) -> EngineInfo:
    """Return the one engine of some results.

    Raises
    ------
    InputError
        They are of several engines, which are never mixed.
    """
    engines = {r.engine.fingerprint: r.engine for r in results}
    if len(engines) > 1:
        labels = ", ".join(sorted(engine.label for engine in engines.values()))
        raise InputError(
            f"{what} of {labels} are stored; choose one with --engine ENGINE:MODEL, or ask a database of its own "
            "where models differ in their options only"
        )
    return next(iter(engines.values()))


def newest(results: Iterable[Any]) -> Any | None:
    """Return the result that was written last, or None."""
    found = sorted(results, key=lambda r: (r.provenance.created_at, r.record_id))
    return found[-1] if found else None


def the_plane(results: Sequence[Any], substrate: str, plane: str | None) -> str:
    """Return the plane that was asked for, or the only one that is stored.

    Raises
    ------
    InputError
        Several planes are stored and none was named.
    """
    if plane is not None:
        return plane
    planes = sorted({r.substrate_plane for r in results})
    if len(planes) > 1:
        raise InputError(f"{substrate} is stored with the planes {', '.join(planes)}; write {substrate}(PLANE)")
    return str(planes[0])


__all__ = ["named_surface", "newest", "of_engine", "of_first_termination", "one_engine", "the_plane"]
