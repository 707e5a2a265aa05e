"""Any computed descriptor against any measured response, with censoring and protocol honoured."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from liface.analysis import ranks, response_models, verdicts
from liface.analysis.correlation_report import (
    CorrelatedPoint,
    CorrelationReport,
    LeaveOneOut,
    ModelFit,
    ModelName,
    Prediction,
    RankCorrelation,
)
from liface.analysis.ranks import ResponseOrder
from liface.analysis.response_models import LEVEL, CensoredData
from liface.analysis.responses import MeasuredPoint
from liface.errors import AnalysisError, ResponseDataError, TooFewPointsError

Descriptor = Mapping[str, tuple[float, float | None]]

MIN_POINTS = 3
MIN_POINTS_FOR_PREDICTION = 5
MIN_EXACT_FOR_PREDICTION = 2


def correlate(
    descriptor: Descriptor,
    points: Sequence[MeasuredPoint],
    *,
    n_bootstrap: int = 2000,
    seed: int = 0,
    predict: Sequence[str] | Descriptor = (),
    protocol: str | None = None,
    descriptor_name: str = "descriptor",
    descriptor_unit: str = "",
) -> CorrelationReport:
    """Hold a descriptor against the measured points of one response and one protocol.

    Parameters
    ----------
    descriptor
        Value and standard error (None if unknown) by material. A key may also be the label of a sample, which tells
        samples of one material apart.
    points
        Measured points of one response, e.g. ``measured("ccd")``.
    predict
        Materials in ``descriptor`` to predict, or a mapping like ``descriptor`` of new ones.
    protocol
        The protocol to use. Without it the one with most points is taken if it stands alone; the points of
        others are never pooled, they are named in ``left_out``.

    Raises
    ------
    TooFewPointsError
        With fewer than three points of one protocol.
    ResponseDataError
        For points of several responses, an unknown protocol, two protocols with equally many points, or two points
        that would share one descriptor.
    """
    if seed < 0 or n_bootstrap < 1:
        raise AnalysisError(f"seed {seed} with {n_bootstrap} resamples; a seed >= 0 and at least 1 resample are needed")
    chosen, left_out = _select(descriptor, points, protocol)
    data, order = _arrays(chosen)
    models = response_models.fit_models(data)
    rank = _rank_correlations(data, order, n_bootstrap, seed)
    preferred, delta = verdicts.compare(models)
    predictions, refused = _predictions(data, models, _targets(predict, descriptor), n_bootstrap, seed)
    first = chosen[0].point
    report = CorrelationReport(
        response=first.response,
        unit=first.unit,
        descriptor_name=descriptor_name,
        descriptor_unit=descriptor_unit,
        protocol=first.protocol,
        protocol_text=first.protocol_text,
        doi=tuple(dict.fromkeys(m.point.doi for m in chosen if m.point.doi)),
        n=data.n,
        n_censored=int(np.count_nonzero(data.censoring)),
        n_pairs=data.n * (data.n - 1) // 2,
        n_comparable_pairs=order.n_comparable_pairs,
        materials=tuple(m.key for m in chosen),
        points=tuple(m.document() for m in chosen),
        spearman=rank["spearman"],
        kendall=rank["kendall"],
        pearson=_pearson(data),
        models=models,
        preferred_model=preferred,
        delta_aicc=delta,
        leave_one_out=_leave_one_out(data, chosen),
        predictions=predictions,
        left_out=left_out,
        claims=(),
        cannot_conclude=(),
        notes=(),
        seed=seed,
    )
    return verdicts.judge(report, refused)


@dataclass(frozen=True)
class _Matched:
    key: str
    point: MeasuredPoint
    x: float
    stderr: float | None

    def document(self) -> CorrelatedPoint:
        return CorrelatedPoint(
            material=self.key,
            label=self.point.label,
            descriptor=self.x,
            descriptor_stderr=self.stderr,
            value=self.point.value,
            qualifier=self.point.qualifier,
            doi=self.point.doi,
        )


def _select(
    descriptor: Descriptor, points: Sequence[MeasuredPoint], protocol: str | None
) -> tuple[tuple[_Matched, ...], tuple[str, ...]]:
    if len(responses := sorted({p.response for p in points})) > 1:
        raise ResponseDataError(f"points of {', '.join(responses)} at once; correlate one response at a time")
    _check_descriptor(descriptor)
    matched, left_out = [], []
    for point in points:
        key = point.label if point.label in descriptor else point.material
        if key in descriptor:
            matched.append(_Matched(key, point, *descriptor[key]))
        else:
            left_out.append(f"{point.label} ({point.protocol}): no descriptor of {point.material}")
    chosen = _protocol(matched, protocol)
    used = tuple(m for m in matched if m.point.protocol == chosen)
    left_out += [f"{m.point.label} ({m.point.protocol}): another protocol" for m in matched if m not in used]
    _check_matched(used)
    return used, tuple(left_out)


def _protocol(matched: Iterable[_Matched], protocol: str | None) -> str:
    count = Counter(m.point.protocol for m in matched)
    listed = ", ".join(f"{name} ({n} points)" for name, n in count.most_common()) or "none"
    if protocol is not None and protocol not in count:
        raise ResponseDataError(f"no point of protocol {protocol!r} has a descriptor; there are: {listed}")
    if not count:
        raise TooFewPointsError("no measured point has a descriptor; compute it for the materials that were measured")
    (best, n), *others = count.most_common()
    if protocol is None and others and others[0][1] == n:
        raise ResponseDataError(f"protocols are not pooled, and two have equally many points: {listed}; name one")
    chosen = protocol or best
    if count[chosen] < MIN_POINTS:
        raise TooFewPointsError(
            f"{count[chosen]} points of protocol {chosen} have a descriptor, {MIN_POINTS} are needed; "
            f"protocols are not pooled, there are: {listed}"
        )
    return chosen


def _check_descriptor(descriptor: Descriptor) -> None:
    for key, (value, stderr) in descriptor.items():
        if not math.isfinite(value) or (stderr is not None and not (math.isfinite(stderr) and stderr >= 0)):
            raise AnalysisError(
                f"descriptor of {key} is {value} ± {stderr}; finite numbers are needed, or leave it out"
            )


def _check_matched(used: Sequence[_Matched]) -> None:
    repeated = [key for key, n in Counter(m.key for m in used).items() if n > 1]
    if repeated:
        labels = ", ".join(m.point.label for m in used if m.key == repeated[0])
        raise ResponseDataError(
            f"{repeated[0]} was measured more than once in this protocol ({labels}) and has one descriptor: these are "
            "no independent points; key the descriptor by the sample labels, or keep one of them"
        )


def _arrays(chosen: Sequence[_Matched]) -> tuple[CensoredData, ResponseOrder]:
    y = np.array([m.point.value for m in chosen])
    qualifiers = tuple(m.point.qualifier for m in chosen)
    data = CensoredData(
        x=np.array([m.x for m in chosen]),
        stderr=np.array([m.stderr or 0.0 for m in chosen]),
        y=y,
        censoring=np.array([1.0 if q[0] == ">" else -1.0 if q[0] == "<" else 0.0 for q in qualifiers]),
    )
    return data, ResponseOrder.of(y, qualifiers)


def _rank_correlations(
    data: CensoredData, order: ResponseOrder, n_bootstrap: int, seed: int
) -> dict[str, RankCorrelation | None]:
    values = {"spearman": ranks.spearman(data.x, order), "kendall": ranks.kendall(data.x, order)}
    if not all(map(math.isfinite, values.values())):
        return dict.fromkeys(values)
    resampled = ranks.bootstrap(data.x, data.stderr, order, n_bootstrap, seed)
    return {
        name: _rank_correlation(name, values[name], data, order, draws, n_bootstrap, seed)
        for name, draws in zip(values, resampled, strict=True)
    }


def _rank_correlation(
    name: str, value: float, data: CensoredData, order: ResponseOrder, draws: ranks.Array, asked: int, seed: int
) -> RankCorrelation:
    p_value, exact = ranks.permutation_p(data.x, order, name, seed)
    lower = upper = None
    if draws.size >= max(1, asked) / 2:
        lower, upper = (float(q) for q in np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    return RankCorrelation(
        value=value,
        lower=lower,
        upper=upper,
        level=LEVEL,
        p_value=p_value,
        p_exact=exact,
        n=data.n,
        n_resamples=draws.size,
    )


def _pearson(data: CensoredData) -> float | None:
    if np.any(data.censoring) or np.ptp(data.x) == 0 or np.ptp(data.y) == 0:
        return None
    return float(np.corrcoef(data.x, data.y)[0, 1])


def _leave_one_out(data: CensoredData, chosen: Sequence[_Matched]) -> LeaveOneOut:
    rho, slopes = [], []
    full = ranks.spearman(*_parts(data, chosen))
    for index in range(data.n):
        rest, kept = data.without(index), [*chosen[:index], *chosen[index + 1 :]]
        rho.append(ranks.spearman(*_parts(rest, kept)))
        linear = response_models.fit_linear(rest)
        slopes.append(linear.slope if linear else math.nan)
    moved = np.nan_to_num(np.abs(np.array(rho) - full), nan=-1.0)
    finite_rho = [r for r in rho if math.isfinite(r)]
    finite_slopes = [s for s in slopes if math.isfinite(s)]
    return LeaveOneOut(
        spearman_min=min(finite_rho, default=None),
        spearman_max=max(finite_rho, default=None),
        slope_min=min(finite_slopes, default=None),
        slope_max=max(finite_slopes, default=None),
        most_influential=chosen[int(np.argmax(moved))].key,
    )


def _parts(data: CensoredData, chosen: Sequence[_Matched]) -> tuple[ranks.Array, ResponseOrder]:
    return data.x, ResponseOrder.of(data.y, tuple(m.point.qualifier for m in chosen))


def _targets(predict: Sequence[str] | Descriptor, descriptor: Descriptor) -> dict[str, tuple[float, float | None]]:
    if isinstance(predict, Mapping):
        _check_descriptor(predict)
        return dict(predict)
    if unknown := [name for name in predict if name not in descriptor]:
        raise AnalysisError(f"no descriptor of {', '.join(unknown)} to predict from; known: {', '.join(descriptor)}")
    return {name: descriptor[name] for name in predict}


def _predictions(
    data: CensoredData,
    models: Sequence[ModelFit],
    targets: Mapping[str, tuple[float, float | None]],
    n_bootstrap: int,
    seed: int,
) -> tuple[tuple[Prediction, ...], bool]:
    """Predict with the linear and the threshold model; refuse where n cannot carry it."""
    usable: tuple[ModelName, ...] = ("linear", "threshold")
    fits = [fit for fit in models if fit.model in usable and fit.n_parameters < data.n]
    if data.n < MIN_POINTS_FOR_PREDICTION or np.sum(data.censoring == 0) < MIN_EXACT_FOR_PREDICTION or not fits:
        return (), bool(targets)
    made = (
        response_models.predict(data, fit, name, x, stderr, n_bootstrap, seed)
        for name, (x, stderr) in targets.items()
        for fit in fits
    )
    return tuple(made), False
