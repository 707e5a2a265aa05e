"""GPAW: density functional theory with plane waves and PAW, an open code.

``gpaw:PBE?ecut=400&kspacing=0.2&smearing=0.1``; the options are those of
:class:`~liface.engines.gpaw.options.GpawOptions`. What an engine *is* needs no GPAW, so a campaign can be planned
and submitted from a machine without it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING

from liface.documents.base import content_hash
from liface.documents.calculation import EngineInfo
from liface.engines.base import EngineSpec
from liface.engines.gpaw.options import DATASETS, FUNCTIONALS, GpawOptions, functional
from liface.errors import MissingExtraError, UnknownEngineError

if TYPE_CHECKING:
    from liface.engines.gpaw.calculator import GpawCalculator


def describe(spec: EngineSpec) -> EngineInfo:
    """Say which level of theory a spec means.

    Raises
    ------
    UnknownEngineError
        If the functional or an option is unknown.
    """
    if spec.checkpoint:
        raise UnknownEngineError(f"engine {spec}: gpaw has no weights file; write gpaw:PBE?ecut=400")
    xc, options = functional(spec.model), GpawOptions.read(spec)
    identity = options.identity()
    return EngineInfo(
        name="gpaw",
        model=xc,
        code="gpaw",
        # Versions of GPAW agree to µeV, and the machine that submits need not have any; the version that computed
        # is stored with each calculation.
        code_version="any",
        weights_sha256=content_hash({"xc": xc, "setups": options.setups, "datasets": DATASETS}, 64),
        trained_on=f"nothing: {xc}, plane waves to {options.ecut:g} eV, PAW",
        options=identity,
    )


@dataclass
class GpawEngine:
    """An engine that computes each structure with GPAW."""

    info: EngineInfo
    options: GpawOptions
    packages: tuple[str, ...] = ("gpaw", "gpaw-data", "scipy")
    _built: dict[bool, GpawCalculator] = field(default_factory=dict, repr=False)

    def calculator(self, needs_stress: bool) -> GpawCalculator:
        """Return the calculator; the same one each time."""
        from liface.engines.gpaw.calculator import GpawCalculator

        if needs_stress not in self._built:
            self._built[needs_stress] = GpawCalculator(self.info.model, self.options, needs_stress)
        return self._built[needs_stress]


def build(spec: EngineSpec, info: EngineInfo) -> GpawEngine:
    """Return the engine of a spec.

    Raises
    ------
    MissingExtraError
        If GPAW is not installed.
    """
    if find_spec("gpaw") is None:
        raise MissingExtraError("gpaw", "gpaw")
    return GpawEngine(info, GpawOptions.read(spec))


def availability() -> dict:
    """Return the row of GPAW in the list of engines."""
    return {
        "name": "gpaw",
        "models": list(FUNCTIONALS),
        "installed": find_spec("gpaw") is not None,
        "default": "PBE",
        "note": "DFT, plane waves, PAW: make gpaw",
    }
