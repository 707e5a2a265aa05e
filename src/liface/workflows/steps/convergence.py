"""From the results of a series to the value from which on nothing changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from liface.analysis.convergence import settled_at
from liface.documents import BindingResult, ConvergencePoint, ConvergenceResult, ResultDocument
from liface.errors import CalculationError
from liface.workflows.convergence_specs import MODEL, ConvergenceSpec, SeriesPoint
from liface.workflows.steps.common import Case, CaseOutput

DEFINITION = (
    "{quantity} of {subject} at several values of {parameter}, coarse to fine; converged at the first value that is, "
    "with all finer ones and at least two of them, within the tolerance of the finest"
)


def convergence_result(case: Case, spec: ConvergenceSpec, outputs: Sequence[CaseOutput]) -> ConvergenceResult:
    """Return the series with its verdict.

    Raises
    ------
    CalculationError
        A point gave no result of the quantity that is followed.
    """
    found = [_followed(spec, output, point) for point, output in zip(spec.points, outputs, strict=True)]
    numbers = [float(getattr(result, spec.measure.column)) for result in found]
    reference = found[-1]
    points: list[ConvergencePoint] = []
    for point, result, number in zip(spec.points, found, numbers, strict=True):
        points.append(_point(point, result, number, numbers[-1], points))
    place = settled_at(numbers, spec.tolerance, [point.repeats for point in points])
    settled = points[place] if place is not None else None
    used = points[place:] if place is not None else points
    return ConvergenceResult(
        definition=DEFINITION.format(
            quantity=spec.measure.column, subject=spec.subject, parameter=spec.field or spec.parameter
        ),
        engine=reference.engine,
        converged=settled is not None and all(point.converged for point in used),
        flags=_flags(spec, reference, points, settled),
        provenance=case.provenance(
            (calc_id for point in points for calc_id in point.calc_ids), reference.provenance.doi
        ),
        of=spec.of,
        subject=spec.subject,
        parameter=spec.parameter,
        field=spec.field,
        parameter_unit=spec.parameter_unit,
        measure=spec.measure.column,
        unit=spec.measure.unit,
        tolerance=spec.tolerance,
        settles=settled is not None,
        converged_value=settled.value if settled else None,
        converged_label=settled.label if settled else None,
        reference_label=points[-1].label,
        reference_result=numbers[-1],
        spread=max(numbers) - min(numbers),
        n_points=len(points),
        points=tuple(points),
    )


def _followed(spec: ConvergenceSpec, output: CaseOutput, point: SeriesPoint) -> ResultDocument:
    """Return the result that is followed: of bindings the dispersed atoms."""
    for result in output.results:
        if result.kind == spec.of and not (isinstance(result, BindingResult) and result.arrangement != "dispersed"):
            return result
    raise CalculationError(f"{spec.name}: {point.label} gave no {spec.of}")


def _point(
    point: SeriesPoint, result: Any, number: float, reference: float, before: Sequence[ConvergencePoint]
) -> ConvergencePoint:
    calc_ids = result.provenance.calc_ids
    return ConvergencePoint(
        label=point.label,
        value=point.value,
        result=number,
        difference=number - reference,
        n_atoms=result.structure.n_atoms,
        n_calculations=len(calc_ids),
        repeats=bool(before) and set(before[-1].calc_ids) == set(calc_ids),
        converged=result.converged,
        engine_fingerprint=result.engine.fingerprint,
        calc_ids=calc_ids,
    )


def _flags(
    spec: ConvergenceSpec, reference: Any, points: Sequence[ConvergencePoint], settled: ConvergencePoint | None
) -> tuple[str, ...]:
    flags = [flag for flag in reference.flags if not flag.startswith("thickness")]
    if settled is None and spec.parameter != MODEL:
        last = max(abs(point.difference) for point in points[-3:])
        flags.append(
            f"not_settled: the last {min(3, len(points))} points differ by {last:.3g} {spec.measure.unit}, tolerance "
            f"{spec.tolerance:g}"
        )
    if again := [point.label for point in points if point.repeats]:
        flags.append(f"same_cells: {', '.join(again)} {spec.parameter_unit} give the cells of the value before")
    if unfinished := [point.label for point in points if not point.converged]:
        flags.append(f"unconverged: {spec.parameter} {', '.join(unfinished)}")
    if spec.parameter == MODEL:
        flags = [flag for flag in flags if not flag.startswith(("model_softness", "outside_domain"))]
    return tuple(dict.fromkeys(flags))
