"""A quantity against one numerical parameter: the series, and the value from which on it no longer changes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from liface.documents.base import Document, quantity
from liface.documents.results import ResultBase


class ConvergencePoint(Document):
    """The quantity at one value of the parameter."""

    label: str = Field(description="The value as text; the engine where models are compared.")
    value: float | None = quantity("field: unit", "The value of the parameter; None where models are compared.")
    result: float = quantity("field: unit", "The quantity there.")
    difference: float = quantity("field: unit", "Minus that of the reference, the last point.")
    n_atoms: int = quantity("1", "Atoms in the cell that is described.")
    n_calculations: int = quantity("1", "Calculations behind it, those that it shares with other points among them.")
    repeats: bool = Field(description="The cells are those of the point before: it says nothing new.")
    converged: bool = Field(description="Every calculation behind it converged.")
    engine_fingerprint: str
    calc_ids: tuple[str, ...]


class ConvergenceResult(ResultBase):
    """How a quantity depends on a numerical parameter, coarse to fine, and where it stops to depend on it.

    ``engine`` is that of the reference point. ``converged`` is true where the series settles and every calculation
    converged.
    """

    kind: Literal["convergence"] = "convergence"
    of: Literal["bulk", "surface", "interface", "binding"] = Field(description="Kind of the quantity.")
    subject: str = Field(description="What was computed, e.g. surface/Cu-111.")
    parameter: str = Field(description="What was varied, e.g. slab_thickness, engine.kspacing or model.")
    field: str = Field(description="Field of the protocol, or option of the engine, that holds it; empty for models.")
    parameter_unit: str = Field(description="Unit of the parameter; 1 for pure numbers and models.")
    measure: str = Field(description="Column of the quantity, e.g. gamma_mev_per_a2.")
    unit: str = Field(description="Unit of the quantity.")
    tolerance: float = quantity("field: unit", "Largest difference to the reference that counts as none.", gt=0)
    settles: bool = Field(description="From some value on, with two finer ones at least, all are within the tolerance.")
    converged_value: float | None = quantity(
        "field: parameter_unit", "The first such value; None where there is none, and for models."
    )
    converged_label: str | None = Field(description="The same as text.")
    reference_label: str = Field(description="The finest point, which all are held against.")
    reference_result: float = quantity("field: unit", "The quantity there.")
    spread: float = quantity("field: unit", "Highest minus lowest of all points.")
    n_points: int = quantity("1", "Points of the series.")
    points: tuple[ConvergencePoint, ...] = Field(description="Coarse to fine.")
