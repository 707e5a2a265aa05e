"""Computed values beside published ones of the same thing: difference, sign of a bound, and errors per model."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean, median
from typing import Literal

from pydantic import Field

from liface.analysis.computed import Computed, computed_values
from liface.analysis.literature import Literature, Origin
from liface.documents import Document, LiteratureValue, Qualifier, ResultDocument
from liface.documents import quantity as in_unit

WITH_DISTRIBUTION = ("standard error", "standard deviation")

Verdict = Literal["within", "outside", "met", "violated", ""]


class Comparison(Document):
    """One computed value beside one published value."""

    quantity: str
    system: str
    engine: str
    model: str
    computed: float = in_unit("field: unit", "In the unit that the program reports.")
    computed_stderr: float | None = in_unit("field: unit", "Standard error of a fit; None where there is none.")
    published: float = in_unit("field: unit", "Converted to the same unit.")
    published_uncertainty: float | None = in_unit("field: unit", "± as published.")
    unit: str
    qualifier: Qualifier
    difference: float | None = in_unit("field: unit", "Computed minus published; None beside a bound.")
    z_score: float | None = in_unit("1", "Difference over its standard deviation; None where that is not published.")
    verdict: Verdict = Field(
        description="A bound is met or violated; a value lies within or outside its uncertainty, if it has one."
    )
    method: str
    doi: str
    where: str
    origin: Origin
    literature_id: str
    record_id: str
    engine_fingerprint: str
    campaign: str
    converged: bool
    flags: tuple[str, ...] = ()


class ErrorSummary(Document):
    """How far the values of one model lie from the published ones of one quantity; bounds are counted apart."""

    quantity: str
    engine: str
    model: str
    unit: str
    n: int = in_unit("1", "Published values, = and ≈.")
    mean_absolute_error: float | None = in_unit("field: unit", "None without values.")
    mean_signed_error: float | None = in_unit("field: unit", "Computed minus published; None without values.")
    worst: float | None = in_unit("field: unit", "Largest difference by absolute value.")
    worst_system: str = ""
    median_ratio: float | None = in_unit("1", "Computed over published; None unless all published are positive.")
    kendall: float | None = in_unit("1", "Rank correlation over pairs whose published order is certain.")
    n_pairs: int = in_unit("1", "Such pairs.")
    bounds_met: int = in_unit("1", "Published bounds that hold.")
    bounds: int = in_unit("1", "Published bounds.")
    n_unconverged: int = in_unit("1", "Comparisons left out, as the computed value has not converged.", default=0)


def compared(results: Iterable[ResultDocument], literature: Literature) -> tuple[Comparison, ...]:
    """Return every computed value beside every published value of the same thing, in the order of the results."""
    return tuple(
        _comparison(computed, value, literature)
        for result in results
        for computed in computed_values(result)
        for value in beside(computed, literature)
    )


def beside(computed: Computed, literature: Literature, *, closest: bool = False) -> tuple[LiteratureValue, ...]:
    """Return the published values of what was computed, the closest first; with ``closest`` only those."""
    ask = literature.closest if closest else literature.of
    found = [value for material, place in computed.places for value in ask(computed.quantity, material, **place)]
    return tuple({value.literature_id: value for value in found}.values())


def _comparison(computed: Computed, value: LiteratureValue, literature: Literature) -> Comparison:
    result = computed.result
    difference = None if value.is_bound else computed.value - value.house_value
    return Comparison(
        quantity=computed.quantity, system=computed.system, engine=result.engine.name, model=result.engine.model,
        computed=computed.value, computed_stderr=computed.stderr, published=value.house_value,
        published_uncertainty=value.house_uncertainty, unit=computed.unit, qualifier=value.qualifier,
        difference=difference, z_score=_z(computed, value, difference), verdict=_verdict(computed, value, difference),
        method=value.method, doi=value.doi, where=value.where, origin=literature.origin(value),
        literature_id=value.literature_id, record_id=result.record_id, engine_fingerprint=result.engine.fingerprint,
        campaign=result.provenance.campaign, converged=result.converged, flags=result.flags,
    )  # fmt: skip


def _z(computed: Computed, value: LiteratureValue, difference: float | None) -> float | None:
    """Return the difference in standard deviations; the error of a fit counts, that of a model is not known."""
    if difference is None or value.uncertainty_kind not in WITH_DISTRIBUTION or value.house_uncertainty is None:
        return None
    return difference / math.hypot(value.house_uncertainty, computed.stderr or 0.0)


def _verdict(computed: Computed, value: LiteratureValue, difference: float | None) -> Verdict:
    if difference is None:
        return "met" if value.allows(computed.value) else "violated"
    if value.house_uncertainty is None:
        return ""
    return "within" if abs(difference) <= value.house_uncertainty else "outside"


def summaries(rows: Iterable[Comparison]) -> tuple[ErrorSummary, ...]:
    """Return the errors of each engine for each quantity; a record of several campaigns counts once."""
    groups: dict[tuple[str, str, str], dict[tuple[str, str], Comparison]] = {}
    for row in rows:
        group = groups.setdefault((row.quantity, row.engine, row.engine_fingerprint), {})
        group.setdefault((row.record_id, row.literature_id), row)
    return tuple(_summary(list(group.values())) for _, group in sorted(groups.items()))


def _summary(rows: Sequence[Comparison]) -> ErrorSummary:
    asked, rows = rows, [row for row in rows if row.converged]
    values = [row for row in rows if row.difference is not None]
    bounds = [row for row in rows if row.difference is None]
    errors = [row.computed - row.published for row in values]
    worst = max(values, key=lambda row: abs(row.computed - row.published), default=None)
    tau, n_pairs = _order(rows)
    positive = bool(values) and all(row.published > 0 for row in values)
    return ErrorSummary(
        quantity=asked[0].quantity, engine=asked[0].engine, model=asked[0].model, unit=asked[0].unit, n=len(values),
        mean_absolute_error=fmean(map(abs, errors)) if errors else None,
        mean_signed_error=fmean(errors) if errors else None,
        worst=worst.computed - worst.published if worst else None, worst_system=worst.system if worst else "",
        median_ratio=median(row.computed / row.published for row in values) if positive else None,
        kendall=tau, n_pairs=n_pairs,
        bounds_met=sum(row.verdict == "met" for row in bounds), bounds=len(bounds),
        n_unconverged=len(asked) - len(rows),
    )  # fmt: skip


def _order(rows: Sequence[Comparison]) -> tuple[float | None, int]:
    """Return Kendall's tau of computed against published values with the number of pairs that can be ordered."""
    import numpy as np

    from liface.analysis.ranks import ResponseOrder, kendall

    points = list(_first_of_each(rows))
    order = ResponseOrder.of(np.array([p.published for p in points]), tuple(p.qualifier for p in points))
    if order.n_comparable_pairs < 1:
        return None, 0
    tau = kendall(np.array([p.computed for p in points]), order)
    return (tau if math.isfinite(tau) else None), order.n_comparable_pairs


def _first_of_each(rows: Sequence[Comparison]) -> Iterator[Comparison]:
    """Yield one comparison per record: the closest published value came first."""
    seen: set[str] = set()
    for row in rows:
        if row.record_id not in seen:
            seen.add(row.record_id)
            yield row
