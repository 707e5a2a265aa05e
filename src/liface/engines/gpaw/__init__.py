"""GPAW: density functional theory with plane waves and PAW, an open code.

``gpaw:PBE?ecut=400&kspacing=0.2&smearing=0.1``; the options are those of
:class:`~liface.engines.gpaw.options.GpawOptions`. What an engine *is* needs no GPAW, so a campaign can be planned
and submitted from a machine without it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from liface.documents.base import content_hash
from liface.documents.calculation import EngineInfo
from liface.engines.base import EngineSpec
from liface.engines.gpaw.command import COMMAND_VARIABLE, command_from_environment
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
    _built: list[GpawCalculator] = field(default_factory=list, repr=False)

    def calculator(self, needs_stress: bool) -> GpawCalculator:
        """Return the calculator, the same one each time; it computes stress when it is asked for one."""
        from liface.engines.gpaw.calculator import GpawCalculator

        if not self._built:
            self._built.append(GpawCalculator(self.info.model, self.options))
        return self._built[0]


def build(spec: EngineSpec, info: EngineInfo) -> GpawEngine:
    """Return the engine of a spec.

    Raises
    ------
    MissingExtraError
        If GPAW is neither installed nor named by ``LIFACE_GPAW_COMMAND``.
    UnknownEngineError
        If GPAW is installed without PAW datasets, or the program of ``LIFACE_GPAW_COMMAND`` is not there.
    """
    if not command_from_environment():
        if find_spec("gpaw") is None:
            raise MissingExtraError("gpaw", "gpaw", f"`make gpaw` builds it; or set {COMMAND_VARIABLE}")
        _import()
        if not has_datasets():
            raise UnknownEngineError(
                "GPAW is installed without PAW datasets; run: pip install gpaw-data, or set GPAW_SETUP_PATH"
            )
    return GpawEngine(info, GpawOptions.read(spec))


def _import() -> None:
    """Import GPAW, which refuses to run alone under an MPI launcher."""
    try:
        import gpaw.mpi  # noqa: F401
    except (ImportError, RuntimeError) as error:
        text = " ".join(str(error).replace("!", " ").split())
        raise UnknownEngineError(
            f"GPAW cannot be loaded: {type(error).__name__}: {text}; start the worker itself without mpirun or srun, "
            f"and name the launcher in {COMMAND_VARIABLE}, e.g. mpirun -n 4 python3"
        ) from error


def has_datasets() -> bool:
    """Tell whether the GPAW of this process finds any PAW dataset."""
    from gpaw import setup_paths

    return any(next(Path(folder).glob("*.PBE*"), None) is not None for folder in setup_paths)


def availability() -> dict:
    """Return the row of GPAW in the list of engines."""
    return {
        "name": "gpaw",
        "models": list(FUNCTIONALS),
        "installed": bool(os.environ.get(COMMAND_VARIABLE)) or find_spec("gpaw") is not None,
        "default": "PBE",
        "note": f"DFT, plane waves, PAW; make gpaw, or {COMMAND_VARIABLE} with the command of a Python that has GPAW",
    }
