"""Building atoms: planes, slabs, coherent interfaces, clusters, adsorption sites. Pure functions, no engine.

Names are loaded on first use, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import Any

_MODULES = {
    "planes": ("is_hexagonal", "parse_plane", "plane_label"),
    "slabs": ("Slab", "Termination", "build_slab", "terminations"),
    "checks": ("anion_bond_count", "faces_equivalent"),
    "matching": (
        "Match",
        "best_match",
        "describe_match",
        "film_deformation",
        "find_matches",
        "in_plane_vectors",
    ),
    "zsl": ("ZslMatches", "zsl_matches"),
    "registry": ("registry_shifts",),
    "interfaces": (
        "InterfaceBuilder",
        "InterfaceCell",
        "strained_film_bulk",
    ),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
