"""Computing one request: from its start, from where a cheaper engine or an unconverged relaxation ended."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from liface.documents import CalculationDocument, CalculationRequest, EnergyCalculation, UnconvergedCalculation
from liface.engines.base import DFT_ENGINES, EngineSpec
from liface.workflows.prerelaxation import in_cell_of, same_mesh, same_set_up, start_from


def compute_request(
    request: CalculationRequest,
    engine: EngineSpec,
    carry_on: CalculationDocument | None = None,
    folder: Path | None = None,
    prerelaxed: CalculationDocument | None = None,
) -> CalculationDocument:
    """Compute one request.

    An unconverged outcome to ``carry_on`` from is continued where it ended, or, where the k-point mesh would be another
    one in the cell it ended with, from its fractional coordinates in the cell asked for; otherwise a relaxation begins
    where a cheaper engine left it, if that is of use. What is stored is the outcome of the request as it was asked.
    """
    from liface.engines.batch import run_batch
    from liface.workflows.executor import adopt

    if not isinstance(carry_on, UnconvergedCalculation):
        start = start_from(request, prerelaxed) if prerelaxed is not None else None
        if prerelaxed is None or start is None:
            return run_batch([request], engine, folder=folder)[0]
        outcome = run_batch([request.model_copy(update={"geometry": start})], engine, folder=folder)[0]
        if outcome.status == "failed":
            return _as_built(request, engine, folder, outcome)
        asked = {"calc_id": request.calc_id, "initial": request.geometry, "started_from": prerelaxed.calc_id}
        return outcome.model_copy(update=asked)
    previous = adopt(carry_on, request)
    if not isinstance(previous, UnconvergedCalculation):  # adoption keeps the kind
        raise TypeError(f"{previous.calc_id} changed from unconverged to {previous.status}")
    if previous.images:
        return _path_carried_on(request, engine, folder, previous)
    start = request.geometry.with_positions(previous.final.position_array, previous.final.cell_array)
    if not same_mesh(request.geometry, start, request.engine):
        start = in_cell_of(request.geometry, start)
    if request.engine.name in DFT_ENGINES and not same_set_up(request.geometry, start, request.engine):
        return keep_energy(previous, "vacuum, magnetic order or the dipole correction would be others from its end on")
    outcome = run_batch([request.model_copy(update={"geometry": start})], engine, folder=folder)[0]
    if outcome.status == "failed":
        return keep_energy(previous, outcome.reason)
    asked = {"calc_id": request.calc_id, "initial": request.geometry, "started_from": previous.started_from}
    return outcome.model_copy(update={**asked, **_together(previous, outcome)})


def _path_carried_on(
    request: CalculationRequest, engine: EngineSpec, folder: Path | None, previous: UnconvergedCalculation
) -> CalculationDocument:
    """Go on from the images that an unconverged path ended with."""
    from liface.engines.batch import run_batch

    band = tuple(image.positions for image in previous.images[1:-1])
    outcome = run_batch([request.model_copy(update={"band": band})], engine, folder=folder)[0]
    if outcome.status == "failed":
        return keep_energy(previous, outcome.reason)
    return outcome.model_copy(update=_together(previous, outcome))


def _together(previous: UnconvergedCalculation, outcome: EnergyCalculation) -> dict[str, Any]:
    """Return what two attempts have spent and seen together."""
    return {
        "n_force_calls": previous.n_force_calls + outcome.n_force_calls,
        "wall_s": previous.wall_s + outcome.wall_s,
        "energies_ev": previous.energies_ev + outcome.energies_ev,
    }


def _as_built(
    request: CalculationRequest, engine: EngineSpec, folder: Path | None, failed: CalculationDocument
) -> CalculationDocument:
    """Compute a request that failed from another start, so that none fails for having been given one."""
    from liface.engines.batch import run_batch

    outcome = run_batch([request], engine, folder=folder)[0]
    spent = {
        "n_force_calls": failed.n_force_calls + outcome.n_force_calls,
        "wall_s": failed.wall_s + outcome.wall_s,
    }
    return outcome.model_copy(update=spent)


def keep_energy(previous: UnconvergedCalculation, reason: str) -> UnconvergedCalculation:
    """Return an unconverged outcome whose continuation failed: its energy stays, the reason grows."""
    return previous.model_copy(update={"reason": f"{previous.reason}; carried on, it failed: {reason}"})


def is_asked_again(outcome: CalculationDocument, pattern: re.Pattern[str] | None) -> bool:
    """Tell whether an outcome is no result and its reason matches."""
    return pattern is not None and outcome.status != "converged" and bool(pattern.search(outcome.reason))
