"""Every kind of result in one type, told apart by ``kind``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from liface.documents.barriers import BarrierResult
from liface.documents.convergence import ConvergenceResult
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
from liface.documents.vibrations import PhononResult, VibrationResult

ResultDocument = Annotated[
    SurfaceResult
    | InterfaceResult
    | BindingResult
    | BarrierResult
    | GrowthResult
    | WettingResult
    | AdhesionResult
    | BulkResult
    | MorphologyResult
    | DepositionResult
    | CreepResult
    | StabilityResult
    | VerdictResult
    | PhononResult
    | VibrationResult
    | ConvergenceResult,
    Field(discriminator="kind"),
]
RESULT_ADAPTER: TypeAdapter[Any] = TypeAdapter(ResultDocument)
