"""Which classes and functions may be named by what others can write: jobs in a queue, settings of a worker.

Monty, which jobflow stores with, imports whatever a document names under ``@module``. Before liface lets it decode
something, every name in it is held against a list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from liface.errors import UntrustedClassError

Names = Mapping[str, frozenset[str] | None]
"""By module, or package with a dot behind: the names that are loaded from it; None for all that it has."""

JOBS: Names = {
    "liface.workflows.": None,
    "liface.documents.": None,
    "liface.documents": None,
    "liface.engines.base": frozenset(("EngineSpec",)),
    "jobflow.core.job": frozenset(("Job", "JobConfig")),
    "jobflow.core.reference": frozenset(("OutputReference", "OnMissing")),
}
"""What the jobs of a campaign are made of."""

RESOURCES: Names = {"qtoolkit.core.data_objects": frozenset(("QResources", "ProcessPlacement"))}
"""What the resources of a worker of jobflow-remote are made of."""

_NAMING = ("@module", "@class", "@callable")
_MOST_DEPTH = 100


def check_classes(stored: Any, known: Names, what: str) -> None:
    """Refuse to decode something that names a class or function beside the known ones.

    Raises
    ------
    UntrustedClassError
        It names the first one; nothing was imported.
    """
    for module, name in _named(stored, what):
        if not _is_known(module, name, known):
            raise UntrustedClassError(
                f"{what} names {module}.{name}, which is no part of a campaign; nothing was loaded. Look at who "
                "writes into this queue, and submit the campaign again"
            )


def _named(stored: Any, what: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield module and name wherever a dictionary has any of both."""
    if depth > _MOST_DEPTH:
        raise UntrustedClassError(f"{what} is nested more than {_MOST_DEPTH} deep; nothing was loaded")
    if isinstance(stored, Mapping):
        if any(key in stored for key in _NAMING):
            names = [stored[key] for key in ("@class", "@callable") if stored.get(key) is not None] or [""]
            for name in names:
                yield str(stored.get("@module")), str(name)
        for value in stored.values():
            yield from _named(value, what, depth + 1)
    elif isinstance(stored, list | tuple):
        for value in stored:
            yield from _named(value, what, depth + 1)


def _is_known(module: str, name: str, known: Names) -> bool:
    if not name.isidentifier():  # a dotted one could reach through what the module has imported
        return False
    for place, names in known.items():
        inside = module.startswith(place) if place.endswith(".") else module == place
        if inside and (names is None or name in names):
            return True
    return False
