"""Every kind of result in one type, told apart by ``kind``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from liface.documents.mesoscale import (
    CreepResult,
    DepositionResult,
    MorphologyResult,
    StabilityResult,
    VerdictResult,
)
from liface.documents.results import (
    AdhesionResult,
    BindingResult,
    BulkResult,
    GrowthResult,
    InterfaceResult,
    SurfaceResult,
    WettingResult,
)

ResultDocument = Annotated[
    SurfaceResult
    | InterfaceResult
    | BindingResult
    | GrowthResult
    | WettingResult
    | AdhesionResult
    | BulkResult
    | MorphologyResult
    | DepositionResult
    | CreepResult
    | StabilityResult
    | VerdictResult,
    Field(discriminator="kind"),
]
RESULT_ADAPTER: TypeAdapter[Any] = TypeAdapter(ResultDocument)
