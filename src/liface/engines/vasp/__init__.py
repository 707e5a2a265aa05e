"""VASP, through atomate2's makers and input sets.

The registry calls :func:`describe` (which level of theory a spec means, without VASP or its pseudopotentials),
:func:`build` and :func:`availability`. :func:`setup_problems` says what a machine lacks for given elements, and
:func:`pseudopotentials` what it has. What is configured where is told in :mod:`liface.engines.vasp.site`, presets and
options in :mod:`liface.engines.vasp.presets`.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from liface.engines.base import EngineSpec
from liface.engines.vasp.presets import DEFAULT, PRESETS, describe_level, level_of

if TYPE_CHECKING:
    from liface.documents.calculation import EngineInfo
    from liface.engines.base import ProgramEngine
    from liface.engines.vasp.site import Pseudopotential

__all__ = ["availability", "build", "describe", "pseudopotentials", "setup_problems"]


def describe(spec: EngineSpec) -> EngineInfo:
    """Say which level of theory a spec means.

    Raises
    ------
    UnknownEngineError
        If there is no such preset or option, or a value cannot be meant.
    """
    return describe_level(spec)


def build(spec: EngineSpec, info: EngineInfo) -> ProgramEngine:
    """Return the engine of a spec."""
    from liface.engines.vasp.run import VaspEngine

    return VaspEngine(info, level_of(spec))


def setup_problems(elements: Iterable[str], spec: EngineSpec | str = "vasp") -> list[str]:
    """Say what this machine lacks to compute these elements; an empty list is all well.

    The command that runs VASP, the POTCAR of every element, and a cutoff that suits them are looked at.
    """
    from liface.engines.vasp.site import setup_problems as problems_of

    return problems_of(level_of(EngineSpec.parse(spec)), elements)


def pseudopotentials(elements: Iterable[str], spec: EngineSpec | str = "vasp") -> tuple[Pseudopotential, ...]:
    """Return the POTCARs of elements on this machine, with titles, hashes, cutoffs and valence electrons.

    Raises
    ------
    EngineSetupError
        If one is missing or cannot be read.
    """
    from liface.engines.vasp.site import pseudopotential

    level = level_of(EngineSpec.parse(spec))
    return tuple(pseudopotential(level.symbol(e), level.potcar_functional) for e in sorted(set(elements)))


def availability() -> dict:
    """Return the row of ``liface engines``."""
    return {
        "name": "vasp",
        "models": list(PRESETS),
        "installed": find_spec("atomate2") is not None and _has_command(),
        "default": DEFAULT,
        "note": "needs VASP (ATOMATE2_VASP_CMD) and its POTCAR files (PMG_VASP_PSP_DIR)",
    }


def _has_command() -> bool:
    """Tell whether the command that runs VASP can be executed, without importing atomate2 where it is in the air."""
    import os

    from liface.engines.vasp.site import command_problems, read_site

    command = os.environ.get("ATOMATE2_VASP_CMD")
    return not command_problems(read_site().command if command is None else command)
