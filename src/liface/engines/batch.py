"""Many structures, one after the other, in one process with one thread."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from liface.documents.calculation import CalculationDocument, CalculationRequest
from liface.engines.base import EngineSpec
from liface.engines.registry import resolve
from liface.engines.relaxation import run

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
    """Compute requests in order; the model is loaded once per process.

    ``on_result`` is called with each document as soon as it is there, so that a killed run loses one
    structure at most. A structure that fails costs only itself. ``folder`` holds a folder per structure for what
    DFT codes write.

    Raises
    ------
    UnknownEngineError, MissingExtraError
        If the engine cannot be had at all.
    MixedEnginesError
        If a request was made for another engine.
    """
    spec = EngineSpec.parse(spec) if isinstance(spec, str) else spec
    if not spec.is_dft:  # DFT codes are given as many as their allocation has
        pin_threads()
    documents: list[CalculationDocument] = []
    if not requests:
        return documents
    engine = resolve(spec)
    for request in requests:
        own = folder / request.label.rsplit("/", 1)[-1] if folder is not None and request.label else folder
        document = run(request, engine, own)
        documents.append(document)
        if on_result is not None:
            on_result(document)
    return documents
