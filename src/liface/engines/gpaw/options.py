"""The settings of a GPAW calculation: read from a spec, with defaults, and as part of the identity."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from liface.documents.geometry import Geometry
from liface.engines.base import EngineSpec, Scalar
from liface.engines.kpoints import Mesh, explicit_mesh, gamma_mesh, parse_mesh
from liface.errors import InputError, UnknownEngineError

FUNCTIONALS = ("PBE", "RPBE", "revPBE", "LDA")
"""Those that have PAW datasets."""

DATASETS = "gpaw-data 1"
"""Family of the PAW datasets: the default set of gpaw-data, the same from 0.9.20000 to 1.2."""


@dataclass(frozen=True)
class GpawOptions:
    """What a person may set: ``gpaw:PBE?ecut=400&kspacing=0.2``."""

    ecut: float = 400.0
    """Plane-wave cutoff, eV: for metals, sulfides and chlorides; O and F need 600, and more for exact volumes."""
    kspacing: float = 0.2
    """Largest spacing of k-points, Å⁻¹, where no mesh is given."""
    kpts: str = ""
    """Γ-centred mesh such as 4x4x4, for every cell; one point along vacuum."""
    smearing: float = 0.1
    """Width of the Fermi-Dirac occupations, eV."""
    energy: float = 1e-5
    """SCF convergence of the energy, eV per valence electron."""
    density: float = 1e-5
    """SCF convergence of the density, electrons per valence electron."""
    setups: str = "paw"
    """PAW datasets: ``paw``, or other ones for some elements, ``Ag:11``."""
    spin: str = "auto"
    """``auto``: polarised where an element is magnetic as a crystal; ``on``: the others start with 1 μB; ``off``."""
    dipole: str = "auto"
    """``auto``: a dipole layer in every structure with vacuum along one direction; ``off``."""
    maxiter: int = 333
    """SCF iterations; not part of the identity, since it changes no converged number."""

    @classmethod
    def read(cls, spec: EngineSpec) -> GpawOptions:
        """Read and check the options of a spec.

        Raises
        ------
        UnknownEngineError
            If an option is unknown or has a value that cannot be.
        """
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(spec.keywords) - set(known))
        if unknown:
            raise UnknownEngineError(
                f"engine {spec.name} has no option {', '.join(unknown)}; known: {', '.join(known)}"
            )
        if "kpts" in spec.keywords and "kspacing" in spec.keywords:
            raise UnknownEngineError(f"engine {spec}: give kpts or kspacing, not both")
        return cls(**{key: _checked(key, value) for key, value in spec.keywords.items()})

    def identity(self) -> dict[str, Scalar]:
        """Return everything that changes numbers, with units in the names."""
        points: dict[str, Scalar] = {"kpts": self.kpts} if self.kpts else {"kspacing_per_a": self.kspacing}
        return {
            "ecut_ev": self.ecut,
            **points,
            "smearing": "fermi-dirac",
            "smearing_ev": self.smearing,
            "scf_energy_ev_per_electron": self.energy,
            "scf_density_per_electron": self.density,
            "setups": self.setups,
            "datasets": DATASETS,
            "spin": self.spin,
            "dipole": self.dipole,
            "energy": "extrapolated to zero smearing",
        }

    def mesh(self, geometry: Geometry) -> Mesh:
        """Return the mesh of k-points for a structure."""
        return explicit_mesh(self.kpts, geometry) if self.kpts else gamma_mesh(geometry, self.kspacing)

    def parameters(self, xc: str, mesh: Sequence[int]) -> dict[str, Any]:
        """Return the keyword arguments of GPAW that hold for every structure, JSON-able."""
        return {
            "mode": {"name": "pw", "ecut": self.ecut},
            "xc": xc,
            "kpts": {"size": list(mesh), "gamma": True},
            "occupations": {"name": "fermi-dirac", "width": self.smearing},
            "convergence": {"energy": self.energy, "density": self.density},
            "setups": _setups(self.setups),
            "maxiter": self.maxiter,
        }


def functional(model: str) -> str:
    """Return the functional of a model name, PBE if it is empty.

    Raises
    ------
    UnknownEngineError
        If there is none of that name.
    """
    found = {name.lower(): name for name in FUNCTIONALS}.get(model.lower() or "pbe")
    if found is None:
        raise UnknownEngineError(f"unknown functional {model!r} of gpaw; known: {', '.join(FUNCTIONALS)}")
    return found


def _checked(key: str, value: Scalar) -> Any:
    if key in ("ecut", "kspacing", "smearing", "energy", "density"):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number and math.isfinite(float(value)) and float(value) > 0):
            raise UnknownEngineError(f"gpaw option {key}={value} must be a positive number")
        return float(value)
    if key == "maxiter":
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise UnknownEngineError(f"gpaw option maxiter={value} must be a whole number from 1")
        return value
    if key == "kpts":
        try:
            return "x".join(map(str, parse_mesh(str(value))))
        except InputError as error:
            raise UnknownEngineError(f"gpaw option kpts={value}: {error}") from error
    if key == "setups":
        _setups(str(value))
        return str(value)
    choices = {"spin": ("auto", "on", "off"), "dipole": ("auto", "off")}[key]
    if value not in choices:
        raise UnknownEngineError(f"gpaw option {key}={value}; known: {', '.join(choices)}")
    return str(value)


def _setups(text: str) -> str | dict[str, str]:
    """Read ``paw`` or ``Ag:11,Cr:14``."""
    if text == "paw":
        return text
    pairs = [re.fullmatch(r"([A-Z][a-z]?):([\w.]+)", part) for part in text.split(",")]
    if not all(pairs):
        raise UnknownEngineError(f"gpaw option setups={text}; write paw, or element and dataset: Ag:11,Cr:14")
    return {match.group(1): match.group(2) for match in pairs if match}
