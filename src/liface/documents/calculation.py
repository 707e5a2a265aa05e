"""What an engine was asked, and what came of it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from liface.documents.base import Document, Moment, content_hash, now, quantity
from liface.documents.geometry import Geometry, Vector
from liface.documents.path import PathImage, PathSettings, path_displacements, path_identity


class EngineInfo(Document):
    """Which engine, exactly: two results may be subtracted only if these agree."""

    name: str = Field(description="Engine name in liface, e.g. sevennet.")
    model: str = Field(description="Model or functional, e.g. 7net-0.")
    code: str = Field(description="Package that computes, e.g. sevenn.")
    code_version: str
    weights_sha256: str = Field(description="sha256 of the weights file; of the parameters where there is no file.")
    trained_on: str = Field(description="Training data or level of theory, e.g. MPtrj (PBE, PBE+U).")
    options: dict[str, str | int | float | bool] = Field(default_factory=dict, description="What else changes numbers.")

    @property
    def fingerprint(self) -> str:
        """Short content hash; equal fingerprints give equal numbers."""
        return content_hash(self.model_dump(mode="json", exclude={"trained_on"}), 16)

    @property
    def label(self) -> str:
        """``engine:model``, for people."""
        return f"{self.name}:{self.model}"


class CalculationSettings(Document):
    """How a structure is treated; part of the identity of the calculation."""

    task: Literal["static", "relax", "neb"] = "relax"
    cell: Literal["fixed", "c_axis", "full"] = Field(
        default="fixed",
        description="c_axis: the cell height only; the third vector keeps its in-plane part, the first two are fixed.",
    )
    move: Literal["all", "normal"] = Field(
        default="all", description="normal: atoms move along the normal of the first two lattice vectors only."
    )
    fmax_ev_per_a: float = quantity("eV/Å", "Largest force on any free atom at convergence.", default=0.03, gt=0)
    max_force_calls: int = quantity("1", "Limit on force calls.", default=200, ge=1)
    path: PathSettings | None = Field(default=None, description="Of a minimum-energy path; None for other tasks.")

    @model_validator(mode="after")
    def _path_belongs_to_its_task(self) -> Self:
        if (self.task == "neb") != (self.path is not None):
            raise ValueError(f"task {self.task!r} with path={self.path!r}: a path, and nothing else, has path settings")
        if self.task == "neb" and (self.cell != "fixed" or self.move != "all"):
            raise ValueError("a path keeps its cell, and its atoms move in every direction: cell='fixed', move='all'")
        return self

    @property
    def identity(self) -> dict[str, Any]:
        """What enters the identity of a calculation; path settings only where there are any."""
        return self.model_dump(mode="json", exclude={"path"} if self.path is None else None)

    @classmethod
    def neb(cls, fmax_ev_per_a: float, max_force_calls: int, path: PathSettings | None = None) -> CalculationSettings:
        """Return the settings of a minimum-energy path."""
        path = path or PathSettings()
        return cls(task="neb", fmax_ev_per_a=fmax_ev_per_a, max_force_calls=max_force_calls, path=path)

    @classmethod
    def static(cls) -> CalculationSettings:
        """Return the settings of a single point; the relaxation fields have fixed values so identities agree."""
        return cls(task="static", cell="fixed", fmax_ev_per_a=0.03, max_force_calls=1)


class CalculationRequest(Document):
    """One structure for one engine."""

    geometry: Geometry
    engine: EngineInfo
    settings: CalculationSettings
    label: str = Field(default="", description="Readable name; not part of the identity.")
    as_built: bool = Field(
        default=False,
        description="No engine has relaxed it, so a cheaper one may do so first; not part of the identity.",
    )
    end: Geometry | None = Field(
        default=None, description="Where a path ends: the same atoms in the same order; it begins at the geometry."
    )
    band: tuple[tuple[Vector, ...], ...] = quantity(
        "Å", "Images between the ends to begin a path with; not part of the identity.", default=()
    )

    @model_validator(mode="after")
    def _end_belongs_to_a_path(self) -> Self:
        if (self.settings.task == "neb") != (self.end is not None):
            raise ValueError(f"task {self.settings.task!r}: a path, and nothing else, has an end beside its start")
        if self.end is not None:
            path_displacements(self.geometry, self.end)  # tells of ends that do not belong together
        return self

    @property
    def calc_id(self) -> str:
        """Content identity of the calculation."""
        identity: dict[str, Any] = {
            "geometry": self.geometry.identity,
            "engine": self.engine.fingerprint,
            "settings": self.settings.identity,
        }
        if self.end is not None:
            identity["end"] = path_identity(self.geometry, self.end)
        return content_hash(identity)


class _Calculation(Document):
    calc_id: str
    label: str
    engine: EngineInfo
    settings: CalculationSettings
    initial: Geometry
    end: Geometry | None = Field(default=None, description="Where a path ends; None for other tasks.")
    started_from: str | None = Field(
        default=None, description="Calculation of a cheaper engine whose final geometry was the first one computed."
    )
    n_force_calls: int = quantity("1", "Force calls spent.", ge=0)
    wall_s: float = quantity("s", "Wall time.", ge=0)
    versions: dict[str, str] = Field(default_factory=dict, description="Versions of the packages that computed.")
    created_at: Moment = Field(default_factory=now)


class _Energies(_Calculation):
    """Of a path, ``final`` and what belongs to it are those of its highest image: the saddle point."""

    final: Geometry
    energy_ev: float = quantity("eV", "Potential energy of the final cell, as the engine gives it.")
    fmax_ev_per_a: float = quantity(
        "eV/Å", "Largest force on a free atom along the ways it may move; of a path, that on the band.", ge=0
    )
    forces_ev_per_a: tuple[Vector, ...] = quantity("eV/Å", "Forces in the final cell, shape (natoms, 3).")
    energies_ev: tuple[float, ...] = quantity("eV", "Energy after each accepted step; of the highest image.")
    optimizer: str = Field(description="Optimizer that finished; names the fall-back where one was needed.")
    images: tuple[PathImage, ...] = Field(default=(), description="Of a path: its images with both ends.")


class ConvergedCalculation(_Energies):
    """A single point, or a relaxation that reached its force limit."""

    status: Literal["converged"] = "converged"


class UnconvergedCalculation(_Energies):
    """A relaxation that ended before its force limit; its energy is an upper bound, never a result."""

    status: Literal["unconverged"] = "unconverged"
    reason: str


class FailedCalculation(_Calculation):
    """A structure that exploded, raised or gave unphysical numbers."""

    status: Literal["failed"] = "failed"
    reason: str


CalculationDocument = Annotated[
    ConvergedCalculation | UnconvergedCalculation | FailedCalculation, Field(discriminator="status")
]
"""The outcome of one request; told apart by ``status``."""

CALCULATION_ADAPTER: TypeAdapter[ConvergedCalculation | UnconvergedCalculation | FailedCalculation] = TypeAdapter(
    CalculationDocument
)

EnergyCalculation = ConvergedCalculation | UnconvergedCalculation
"""A calculation that has an energy."""
