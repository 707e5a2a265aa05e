"""VASP, through atomate2's makers and input sets.

The registry calls three functions: :func:`describe` (which level of theory a spec means, without VASP or its
pseudopotentials), :func:`build` and :func:`availability`.
"""

from __future__ import annotations

from shutil import which
from typing import TYPE_CHECKING

from liface.errors import UnknownEngineError

if TYPE_CHECKING:
    from liface.documents.calculation import EngineInfo
    from liface.engines.base import EngineSpec, ProgramEngine

PRESETS = ("slab", "wang2023")


def describe(spec: EngineSpec) -> EngineInfo:
    """Say which level of theory a spec means."""
    raise UnknownEngineError(f"engine {spec}: the presets of VASP cannot be computed in this version")


def build(spec: EngineSpec, info: EngineInfo) -> ProgramEngine:
    """Return the engine of a spec."""
    raise UnknownEngineError(f"engine {spec} ({info.fingerprint}): VASP cannot be computed in this version")


def availability() -> dict:
    """Return the row of ``liface engines``."""
    return {
        "name": "vasp",
        "models": list(PRESETS),
        "installed": which("vasp_std") is not None,
        "default": "slab",
        "note": "needs VASP (ATOMATE2_VASP_CMD) and its POTCAR files (PMG_VASP_PSP_DIR)",
    }
