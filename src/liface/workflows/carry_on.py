"""Computing one request, from its start or from where an unconverged relaxation ended."""

from __future__ import annotations

import re
from pathlib import Path

from liface.documents import CalculationDocument, CalculationRequest, UnconvergedCalculation
from liface.engines.base import EngineSpec


def compute_request(
    request: CalculationRequest,
    engine: EngineSpec,
    carry_on: CalculationDocument | None = None,
    folder: Path | None = None,
) -> CalculationDocument:
    """Compute one request; an unconverged outcome to ``carry_on`` from is continued where it ended."""
    from liface.engines.batch import run_batch
    from liface.workflows.executor import adopt

    if not isinstance(carry_on, UnconvergedCalculation):
        return run_batch([request], engine, folder=folder)[0]
    previous = adopt(carry_on, request)
    if not isinstance(previous, UnconvergedCalculation):  # adoption keeps the kind
        raise TypeError(f"{previous.calc_id} changed from unconverged to {previous.status}")
    start = request.geometry.with_positions(previous.final.position_array, previous.final.cell_array)
    outcome = run_batch([request.model_copy(update={"geometry": start})], engine, folder=folder)[0]
    if outcome.status == "failed":
        return keep_energy(previous, outcome.reason)
    return outcome.model_copy(
        update={
            "calc_id": request.calc_id,
            "initial": request.geometry,
            "n_force_calls": previous.n_force_calls + outcome.n_force_calls,
            "wall_s": previous.wall_s + outcome.wall_s,
            "energies_ev": previous.energies_ev + outcome.energies_ev,
        }
    )


def keep_energy(previous: UnconvergedCalculation, reason: str) -> UnconvergedCalculation:
    """Return an unconverged outcome whose continuation failed: its energy stays, the reason grows."""
    return previous.model_copy(update={"reason": f"{previous.reason}; carried on, it failed: {reason}"})


def is_asked_again(outcome: CalculationDocument, pattern: re.Pattern[str] | None) -> bool:
    """Tell whether an outcome is no result and its reason matches."""
    return pattern is not None and outcome.status != "converged" and bool(pattern.search(outcome.reason))
