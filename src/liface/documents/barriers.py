"""Migration of an adatom: minima, hops between them, and the barrier of the network they make."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from liface.documents.base import Document, quantity
from liface.documents.geometry import Geometry
from liface.documents.results import ResultBase

Vector2 = tuple[float, float]


class BarrierMinimum(Document):
    """One distinct minimum of the adatom."""

    name: str = Field(
        description="Site it is at, e.g. hollow-1; with + or - where the adatom was pushed off that site."
    )
    energy_ev: float = quantity("eV", "Above the lowest minimum.")
    height_a: float = quantity("Å", "Of the adatom above the highest atom of the clean slab.")
    curvatures: tuple[float, ...] = quantity("eV/Å^2", "Eigenvalues of its partial Hessian, ascending.")
    converged: bool
    calc_id: str


class BarrierHop(Document):
    """One distinct hop: its path and what it costs."""

    start: str = Field(description="Minimum it starts from.")
    end: str = Field(description="Minimum it ends in.")
    direction: Vector2 = quantity("Å", "In-plane displacement of the adatom, Cartesian.")
    length_a: float = quantity("Å", "Its length.")
    multiplicity: int = quantity("1", "Equivalent hops per primitive cell of the surface, there and back as two.")
    forward_ev: float = quantity("eV", "Saddle point minus start.")
    reverse_ev: float = quantity("eV", "Saddle point minus end.")
    saddle_ev: float = quantity("eV", "Saddle point above the lowest minimum.")
    profile_ev: tuple[float, ...] = quantity("eV", "Images above the lowest minimum, both ends with them.")
    curvatures: tuple[float, ...] | None = quantity(
        "eV/Å^2",
        "Eigenvalues of the partial Hessian at the saddle point across the path; None where not asked for.",
        default=None,
    )
    converged: bool
    calc_id: str


class BarrierResult(ResultBase):
    """Migration barrier of one Li adatom; positive."""

    kind: Literal["barrier"] = "barrier"
    substrate: str
    substrate_plane: str
    substrate_termination: int = quantity("1", "Index of the termination of the substrate.", default=0)
    monolayers: int = quantity("1", "Li monolayers between substrate and adatom.")
    film_plane: str = Field(default="110", description="Plane of the Li monolayers, where there are any.")
    barrier_ev: float = quantity(
        "eV", "Highest saddle point above the lowest minimum on the easiest way that leads without end."
    )
    direction: Vector2 = quantity("Å", "Direction in which that way repeats: a translation of the surface, Cartesian.")
    barrier_across_ev: float | None = quantity(
        "eV", "The same for migration in the whole plane; None where the hops computed do not reach it.", default=None
    )
    direction_across: Vector2 | None = quantity("Å", "Translation that this adds.", default=None)
    limiting_hop: int = quantity("1", "Which of the hops sets the barrier.")
    hop_length_a: float = quantity("Å", "Length of that hop.")
    attempt_hz: float | None = quantity(
        "1/s",
        "Product of the frequencies at the lowest minimum over that of those across the path at the saddle point "
        "(Vineyard), of the adatom in a fixed slab; None where the saddle point is of higher order.",
        default=None,
    )
    minima: tuple[BarrierMinimum, ...] = Field(description="Distinct minima, lowest first.")
    hops: tuple[BarrierHop, ...] = Field(description="Distinct hops computed, shortest first.")
    left_out: tuple[str, ...] = Field(default=(), description="Sites and hops that gave nothing, with the reason.")
    area_a2: float = quantity("Å²", "Area of the slab cell.")
    n_atoms: int = quantity("1", "Atoms in the cell.")
    strain_percent: float = quantity("%", "Largest principal strain of the Li monolayers.", default=0.0)
    structure: Geometry = Field(description="Saddle point of the limiting hop.")
