"""Many structures in one process with one thread: one after the other, or together on a GPU."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from liface.documents.calculation import CalculationDocument, CalculationRequest
from liface.engines.base import BatchedEngine, BatchedModel, Engine, EngineSpec, ProgramEngine
from liface.engines.catalogue import FAMILIES
from liface.engines.registry import resolve
from liface.engines.relaxation import require_engine, run

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def pin_threads() -> None:
    """Give this process one thread; call it in a worker before anything imports torch.

    One thread per worker is the quickest use of shared cores (oversubscribed threads wait for each other),
    and sums in a fixed order are what makes two runs agree to the last bit.
    """
    for name in THREAD_VARIABLES:
        os.environ[name] = "1"
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)


def run_batch(
    requests: Sequence[CalculationRequest],
    spec: EngineSpec | str,
    on_result: Callable[[CalculationDocument], None] | None = None,
    folder: Path | None = None,
) -> list[CalculationDocument]:
    """Compute requests; the model is loaded once per process.

    One after the other; on a GPU, or where the engine's option ``batch`` gives a number above 1, single points and
    relaxations in fixed cells together (:mod:`liface.engines.in_flight`), the others after them.

    ``on_result`` is called with each document as soon as it is there, so that a killed run loses those in flight at
    most: one, where they are computed one by one. A structure that fails costs only itself. ``folder`` holds a folder
    per structure for what DFT codes write.

    Raises
    ------
    UnknownEngineError, MissingExtraError
        If the engine cannot be had at all.
    MixedEnginesError
        If a request was made for another engine.
    EngineSetupError
        If the device that computes fails.
    """
    spec = EngineSpec.parse(spec) if isinstance(spec, str) else spec
    if not spec.is_dft:  # DFT codes are given as many as their allocation has
        pin_threads()
    if not requests:
        return []
    engine = resolve(spec)
    model = _model_for_many(spec, engine)
    found: dict[int, CalculationDocument] = {}
    for index, document in _outcomes(requests, engine, model, spec, folder):
        found[index] = document
        if on_result is not None:
            on_result(document)
    return [found[index] for index in range(len(requests))]


def _outcomes(
    requests: Sequence[CalculationRequest],
    engine: Engine | ProgramEngine,
    model: BatchedModel | None,
    spec: EngineSpec,
    folder: Path | None,
) -> Iterator[tuple[int, CalculationDocument]]:
    """Yield places and documents as they come."""
    alone = list(range(len(requests)))
    if model is not None and not isinstance(engine, ProgramEngine):
        from liface.engines.in_flight import can_fly, in_flight

        for request in requests:
            require_engine(request, engine)
        together = [index for index in alone if can_fly(requests[index])]
        alone = [index for index in alone if not can_fly(requests[index])]
        for place, document in in_flight([requests[index] for index in together], engine, model, spec.batch):
            yield together[place], document
    for index in alone:
        request = requests[index]
        own = folder / request.label.rsplit("/", 1)[-1] if folder is not None and request.label else folder
        yield index, run(request, engine, own)


def _model_for_many(spec: EngineSpec, engine: Engine | ProgramEngine) -> BatchedModel | None:
    """Return the model to compute many structures with, where that was asked for or the device is a GPU."""
    if not isinstance(engine, BatchedEngine) or not may_compute_together(spec):
        return None
    from liface.engines.device import is_gpu

    model = engine.batched_model()
    return model if spec.batch is not None or is_gpu(model.device) else None


def may_compute_together(spec: EngineSpec) -> bool:
    """Tell, without loading anything, whether structures given together may be computed together.

    Never on the CPU without being asked: there it gains nothing.
    """
    if spec.name not in FAMILIES or spec.batch == 1:
        return False
    return spec.batch is not None or str(spec.keywords.get("device", "cpu")) != "cpu"
