"""One request in, one document out: single points, relaxations and paths with any engine."""

from __future__ import annotations

import platform
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from liface import __version__
from liface.documents.calculation import (
    CalculationDocument,
    CalculationRequest,
    ConvergedCalculation,
    FailedCalculation,
    UnconvergedCalculation,
)
from liface.documents.geometry import Geometry
from liface.documents.path import PathImage
from liface.engines.base import ProgramEngine, StructureCalculator, require_paths
from liface.engines.coordinates import Coordinates
from liface.engines.optimizer import Minimum, Search, drive, search_minimum
from liface.engines.potential import Point, PotentialSurface
from liface.engines.registry import distribution_version
from liface.errors import CalculationError, MixedEnginesError
from liface.units import EV_PER_A3_IN_GPA

if TYPE_CHECKING:
    from ase.calculators.calculator import Calculator

    from liface.engines.base import Engine
    from liface.engines.path import Band

SINGLE_POINT = "none"


def run(request: CalculationRequest, engine: Engine | ProgramEngine, folder: Path | None = None) -> CalculationDocument:
    """Compute a request; a structure that cannot be computed comes back as a document that says why.

    Atoms are computed in canonical order, wrapped into the cell, so that the numbers do not depend on how
    the caller lists them; positions and forces come back in the caller's order and periodic images. Frozen
    atoms keep their place exactly (with a relaxing cell: their fractional coordinates), and their forces do
    not count. What an engine writes goes into ``folder``, ``runs/LABEL`` in the working folder if none is given.

    A cell that relaxes is converged when, besides the forces, no stress component that may relax exceeds
    ``fmax / 100 Å²``; see :mod:`liface.engines.coordinates`.

    Raises
    ------
    MixedEnginesError
        If the request was made for another engine.
    UnknownEngineError
        If the weights cannot be loaded.
    EngineTaskError
        If a path is asked of a program that relaxes by itself.
    """
    require_engine(request, engine)
    folder = folder or Path("runs") / (request.label or request.calc_id)
    if isinstance(engine, ProgramEngine):
        if request.settings.task == "neb":
            require_paths(engine.info.name)
        return engine.compute(request, folder)
    calculator = engine.calculator(needs_stress=request.settings.cell != "fixed")
    if hasattr(calculator, "reset"):
        calculator.reset()  # nothing of the structure before
    started = time.perf_counter()
    surface = None
    found: Minimum | Band | str
    try:
        surface = canonical_surface(request, calculator)
        if isinstance(calculator, StructureCalculator):
            calculator.prepare(request, folder)
        found = _compute(request, surface)
    except CalculationError as error:
        found = failure(error)
    finally:
        if isinstance(calculator, StructureCalculator):
            calculator.release()
    wall_s = time.perf_counter() - started
    return document(request, engine, surface, found, wall_s, getattr(calculator, "versions", None))


def require_engine(request: CalculationRequest, engine: Engine | ProgramEngine) -> None:
    """Refuse a request that was made for another engine.

    Raises
    ------
    MixedEnginesError
        It was.
    """
    if request.engine.fingerprint != engine.info.fingerprint:
        raise MixedEnginesError(
            f"request {request.label or request.calc_id} was made for {request.engine.label} "
            f"({request.engine.fingerprint}), not for {engine.info.label} ({engine.info.fingerprint})"
        )


def canonical_surface(request: CalculationRequest, calculator: Calculator | None) -> PotentialSurface:
    """Return the potential energy surface of the canonical structure of a request.

    Raises
    ------
    CalculationError
        If there are no atoms, or no cell.
    """
    geometry = request.geometry
    if geometry.n_atoms == 0:
        raise CalculationError("the structure has no atoms")
    if not np.isfinite(geometry.position_array).all() or abs(np.linalg.det(geometry.cell_array)) < 1e-6:
        raise CalculationError("positions are not finite, or the cell has no volume")
    canonical = geometry.canonical()
    free = ~np.array(canonical.frozen, dtype=bool)
    mode = request.settings.cell if request.settings.task == "relax" else "fixed"
    coordinates = Coordinates(canonical.position_array, canonical.cell_array, free, mode, request.settings.move)
    return PotentialSurface(canonical.to_ase(), calculator, coordinates)


def search_of(request: CalculationRequest, surface: PotentialSurface) -> Search:
    """Return the search that answers a single point or a relaxation; its points are the caller's to evaluate."""
    settings = request.settings
    if settings.task == "static":
        return _single_point(surface.coordinates)
    numbers = surface.atoms.numbers
    return search_minimum(numbers, surface.coordinates, settings.fmax_ev_per_a, settings.max_force_calls)


def _single_point(coordinates: Coordinates) -> Search:
    point = yield coordinates.initial()
    return Minimum(point, [point.energy], True, SINGLE_POINT)


def _compute(request: CalculationRequest, surface: PotentialSurface) -> Minimum | Band:
    if request.settings.task == "neb":
        from liface.engines.path import find_path  # imports ASE, which a worker needs and planning does not

        return find_path(request, surface)
    return drive(search_of(request, surface), surface)


def failure(error: CalculationError) -> str:
    """Return the reason that is stored for a structure that failed."""
    return f"{type(error).__name__}: {error}"


def document(
    request: CalculationRequest,
    engine: Engine,
    surface: PotentialSurface | None,
    found: Minimum | Band | str,
    wall_s: float,
    versions: dict[str, str] | None = None,
) -> CalculationDocument:
    """Return what is stored of a request: what was found, or the reason why nothing was.

    ``versions`` name the kernel of the calculator, and the packages of another process, where that computed.
    """
    common = _common(request, engine, surface.calls if surface else 0, wall_s)
    common["versions"] |= versions or {}
    if surface is None or isinstance(found, str):
        return FailedCalculation(**common, reason=str(found))
    if not isinstance(found, Minimum):
        return _path_document(request, surface, found, common)
    return _document(request, surface, found, common)


def _document(
    request: CalculationRequest, surface: PotentialSurface, minimum: Minimum, common: dict[str, Any]
) -> CalculationDocument:
    point, coordinates = minimum.point, surface.coordinates
    results = {
        **common,
        **_at(request, surface, point),
        "fmax_ev_per_a": coordinates.largest_force(point.forces),
        "energies_ev": tuple(minimum.energies),
        "optimizer": minimum.optimizer,
    }
    if minimum.converged:
        return ConvergedCalculation(**results)
    return UnconvergedCalculation(**results, reason=_shortfall(request, minimum, coordinates))


def _path_document(
    request: CalculationRequest, surface: PotentialSurface, band: Band, common: dict[str, Any]
) -> CalculationDocument:
    """Return the path with its highest image as what it ends with."""
    order = request.geometry.canonical_order()
    results = {
        **common,
        **_at(request, surface, band.saddle),
        "fmax_ev_per_a": band.residual,
        "energies_ev": tuple(band.energies),
        "optimizer": band.optimizer,
        "images": tuple(
            PathImage(
                energy_ev=point.energy,
                positions=_final_geometry(request.geometry, order, surface.coordinates, point.x).positions,
            )
            for point in band.points
        ),
    }
    if band.converged:
        return ConvergedCalculation(**results)
    limit = request.settings.fmax_ev_per_a
    reason = f"{band.reason}: largest force on the band {band.residual:.3f} eV/Å, limit {limit:g}"
    return UnconvergedCalculation(**results, reason=reason)


def _at(request: CalculationRequest, surface: PotentialSurface, point: Point) -> dict[str, Any]:
    """Return geometry, energy and forces of a point in the order of the caller."""
    order = request.geometry.canonical_order()
    forces = np.empty_like(point.forces)
    forces[order] = point.forces
    return {
        "final": _final_geometry(request.geometry, order, surface.coordinates, point.x),
        "energy_ev": point.energy,
        "forces_ev_per_a": tuple(map(tuple, forces.tolist())),
    }


def _final_geometry(initial: Geometry, order: np.ndarray, coordinates: Coordinates, x: np.ndarray) -> Geometry:
    """Return the relaxed structure in the order and the periodic images of the caller."""
    relaxed, cell = coordinates.expand(x)
    start = initial.position_array
    positions = np.empty_like(start)
    if coordinates.mode == "fixed":
        # Displacements, not positions: what did not move comes back to the last bit.
        positions[order] = start[order] + (relaxed - coordinates.start)
        return initial.with_positions(positions)
    images = np.rint((start[order] - coordinates.start) @ np.linalg.inv(coordinates.cell))
    positions[order] = relaxed + images @ cell
    return initial.with_positions(positions, cell)


def _shortfall(request: CalculationRequest, minimum: Minimum, coordinates: Coordinates) -> str:
    point, limit = minimum.point, request.settings.fmax_ev_per_a
    largest = coordinates.largest_force(point.forces)
    text = f"{minimum.reason}: largest force {largest:.3f} eV/Å, limit {limit:g}"
    if point.stress is None:
        return text
    stress = coordinates.relaxed_stress(point.stress) * EV_PER_A3_IN_GPA
    return f"{text}; stress {stress:.2f} GPa"


def _common(request: CalculationRequest, engine: Engine, calls: int, wall_s: float) -> dict[str, Any]:
    return {
        "calc_id": request.calc_id,
        "label": request.label,
        "engine": engine.info,
        "settings": request.settings,
        "initial": request.geometry,
        "end": request.end,
        "n_force_calls": calls,
        "wall_s": wall_s,
        "versions": _versions(engine),
    }


def _versions(engine: Engine) -> dict[str, str]:
    packages = {name: distribution_version(name) for name in (*engine.packages, "ase", "numpy")}
    return {
        "liface": __version__,
        "python": platform.python_version(),
        engine.info.code: engine.info.code_version,
        **packages,
    }
