"""Convergence series once more: the quantity at every point, and the value from which on it no longer changes."""

from __future__ import annotations

from collections.abc import Iterator

from liface.analysis.convergence import settled_at
from liface.analysis.recompute.evidence import ABSOLUTE, Check, Evidence, area, composition_of, has, lacks, per_atom
from liface.documents import ConvergencePoint, ConvergenceResult, EnergyCalculation
from liface.errors import AnalysisError
from liface.units import MEV


def convergence(result: ConvergenceResult, evidence: Evidence) -> Iterator[list[Check]]:
    """Compute every point from its own calculations, and find where they settle.

    Of interfaces the points are taken as stored: which films a fit used is not part of a series.
    """
    absolute = ABSOLUTE[result.unit]
    checks: list[Check] = []
    for i, point in enumerate(result.points):
        own = Evidence(evidence.by_id[key] for key in point.calc_ids if key in evidence.by_id)
        if result.of != "interface":
            possible = list(_values(result, own))
            nearest = min(possible, key=lambda value: abs(value - point.result), default=None)
            checks.append(Check(f"points.{i}.result", point.result, nearest, absolute))
        engines = sorted({each.engine.fingerprint for each in own.all})
        checks.append(Check(f"points.{i}.engine_fingerprint", [point.engine_fingerprint], engines))
        checks.append(Check(f"points.{i}.n_calculations", point.n_calculations, len(point.calc_ids)))
        difference = point.result - result.points[-1].result
        checks.append(Check(f"points.{i}.difference", point.difference, difference, absolute))
        before = result.points[i - 1] if i else None
        checks.append(
            Check(
                f"points.{i}.repeats", point.repeats, before is not None and set(before.calc_ids) == set(point.calc_ids)
            )
        )
    yield [*checks, *_verdict(result, absolute)]


def _verdict(result: ConvergenceResult, absolute: float) -> Iterator[Check]:
    numbers = [point.result for point in result.points]
    place = settled_at(numbers, result.tolerance, [point.repeats for point in result.points])
    settled: ConvergencePoint | None = None if place is None else result.points[place]
    used = result.points[place or 0 :]
    yield Check("settles", result.settles, settled is not None)
    yield Check("converged", result.converged, settled is not None and all(point.converged for point in used))
    yield Check("converged_value", result.converged_value, settled.value if settled else None)
    yield Check("converged_label", result.converged_label, settled.label if settled else None)
    yield Check("reference_label", result.reference_label, result.points[-1].label)
    yield Check("reference_result", result.reference_result, numbers[-1], absolute)
    yield Check("spread", result.spread, max(numbers) - min(numbers), absolute)
    yield Check("n_points", result.n_points, len(numbers))
    yield Check("engine", result.engine.fingerprint, result.points[-1].engine_fingerprint)


def _values(result: ConvergenceResult, evidence: Evidence) -> Iterator[float]:
    """Yield the quantity for every bulk that a point may have been measured against."""
    if result.of == "bulk":
        yield from (per_atom(each) for each in evidence.all if each.settings.cell == "full")
    elif result.of == "surface":
        slab = max(evidence.relaxed(), key=lambda each: each.final.n_atoms, default=None)
        yield from _surface(slab, evidence)
    else:
        starts, slabs = evidence.relaxed(has("adsorbate")), evidence.relaxed(lacks("adsorbate"), has("substrate"))
        if not starts or not slabs:
            raise AnalysisError("the adsorbed cells or the clean slabs of a point are not among its calculations")
        n = starts[0].final.count(role="adsorbate")
        (mu,) = evidence.bulks((("Li", 1),))[:1]
        lowest, clean = (min(each.energy_ev for each in group) for group in (starts, slabs))
        yield (lowest - clean - n * per_atom(mu)) / n


def _surface(slab: EnergyCalculation | None, evidence: Evidence) -> Iterator[float]:
    if slab is None:
        raise AnalysisError("the slabs of a point are not among its calculations")
    for bulk in evidence.bulks(composition_of(slab.final)):
        excess = slab.energy_ev - slab.final.n_atoms * per_atom(bulk)
        yield MEV * excess / (2 * area(slab.final))
