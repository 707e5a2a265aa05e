"""Plain words for a correlation: what n points support, and what they do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from liface.analysis.correlation_report import CorrelationReport, ModelFit, ModelName, RankCorrelation

MIN_POINTS_FOR_CLAIM = 5
SIGNIFICANCE = 0.05
MIN_DELTA_AICC = 2.0
"""A model counts as better only if its AICc is lower by this much."""


def compare(models: Sequence[ModelFit]) -> tuple[ModelName | None, dict[str, float]]:
    """Return the model preferred by AICc, if one stands out, and the AICc of each above the lowest.

    Nothing is compared where the scatter of a model is not determined: its likelihood is arbitrary.
    """
    defined = {fit.model: fit.aicc for fit in models if fit.aicc is not None}
    if not defined or any(fit.sigma_at_floor for fit in models if fit.model in defined):
        return None, {}
    lowest = min(defined.values())
    delta: dict[ModelName, float] = {name: value - lowest for name, value in defined.items()}
    (best, _), *others = sorted(delta.items(), key=lambda item: item[1])
    stands_out = bool(others) and others[0][1] >= MIN_DELTA_AICC
    return (best if stands_out else None), {str(name): value for name, value in delta.items()}


def judge(report: CorrelationReport, predictions_refused: bool = False) -> CorrelationReport:
    """Return the report with its claims, what it cannot conclude, and notes."""
    claims, doubts = _about_rank(report)
    model_claims, model_doubts = _about_model(report, monotonic=bool(claims))
    doubts += model_doubts + _about_data(report) + _about_predictions(report, predictions_refused)
    doubts.append("cause and effect: that the two go together does not show that the descriptor sets the response")
    return report.model_copy(
        update={
            "claims": (*claims, *model_claims),
            "cannot_conclude": tuple(doubts),
            "notes": tuple(_notes(report)),
        }
    )


def _about_rank(report: CorrelationReport) -> tuple[list[str], list[str]]:
    rho, tau = report.spearman, report.kendall
    if rho is None or tau is None:
        return [], ["any correlation: descriptor or response does not vary with certainty between the points"]
    numbers = f"Spearman {_rank_text(rho)}; Kendall {_rank_text(tau)}; n = {report.n}"
    if report.n < MIN_POINTS_FOR_CLAIM:
        return [], [f"any correlation: {report.n} points are too few, {MIN_POINTS_FOR_CLAIM} at least ({numbers})"]
    reasons = _reasons_against(report, rho)
    if reasons:
        return [], [f"a monotonic relation: {'; '.join(reasons)} ({numbers})"]
    direction = "rises" if rho.value > 0 else "falls"
    return [f"{report.response} {direction} with {report.descriptor_name} in rank order ({numbers})"], []


def _reasons_against(report: CorrelationReport, rho: RankCorrelation) -> list[str]:
    reasons = []
    if rho.lower is None or rho.upper is None:
        reasons.append("most bootstrap resamples leave the correlation undefined")
    elif rho.lower <= 0 <= rho.upper:
        reasons.append(f"the {rho.level:.0%} interval of Spearman spans 0")
    if rho.p_value >= SIGNIFICANCE:
        reasons.append(f"such an order arises by chance with p = {rho.p_value:.2g}")
    left = report.leave_one_out
    if left.spearman_min is None or left.spearman_max is None:
        reasons.append("without one point the correlation is undefined")
    elif left.spearman_min * left.spearman_max <= 0:
        reasons.append(f"without {left.most_influential} it vanishes or turns round")
    return reasons


def _rank_text(rank: RankCorrelation) -> str:
    interval = (
        "no interval" if rank.lower is None else f"{rank.level:.0%} interval {rank.lower:.2f} to {rank.upper:.2f}"
    )
    return f"{rank.value:.2f} ({interval}, p = {rank.p_value:.2g})"


def _about_model(report: CorrelationReport, monotonic: bool) -> tuple[list[str], list[str]]:
    if not report.models:
        return [], ["slope or threshold: every point is a bound, no regression is possible"]
    doubts = _about_parameters(report.models, report.n)
    if not report.delta_aicc:
        return [], doubts
    best = report.model(report.preferred_model) if report.preferred_model else None
    if best is None:
        return [], [
            *doubts,
            f"which model is right: the best two are less than {MIN_DELTA_AICC:g} apart ({_delta_text(report)})",
        ]
    if best.model == "constant":
        return [], [*doubts, f"a dependence on the descriptor: a constant has the lowest AICc ({_delta_text(report)})"]
    doubts += [
        f"a {name} model: AICc {gap:.1f} above the {best.model} one at n = {report.n}"
        for name, gap in report.delta_aicc.items()
        if name not in (best.model, "constant")
    ]
    if not (monotonic and best.identified):
        return [], doubts
    shape = f"a line of slope {best.slope:.3g}"
    if best.threshold is not None:
        shape = f"a threshold near {best.threshold:.3g}"
    return [f"{shape} describes the points best of constant, line and threshold ({_delta_text(report)})"], doubts


def _about_parameters(models: Sequence[ModelFit], n: int) -> list[str]:
    doubts = []
    if floored := [fit.model for fit in models if fit.sigma_at_floor]:
        doubts.append(
            f"the scatter about the {' and '.join(floored)} model: it meets every value and bound, so 5 % of the span "
            "was assumed; intervals are too narrow rather than too wide, and models are not compared"
        )
    if loose := [fit.model for fit in models if not fit.identified]:
        doubts.append(f"the parameters of the {' and '.join(loose)} model: some are held by bounds only")
    if undefined := [f"{fit.model} ({fit.n_parameters} parameters)" for fit in models if fit.aicc is None]:
        doubts.append(f"the rank of the {' and '.join(undefined)} model: AICc is undefined for n = {n}")
    return doubts


def _delta_text(report: CorrelationReport) -> str:
    return "ΔAICc " + ", ".join(f"{name} {value:.1f}" for name, value in report.delta_aicc.items())


def _about_data(report: CorrelationReport) -> list[str]:
    doubts = []
    if report.n_censored * 2 > report.n:
        doubts.append(
            f"values of most points: {report.n_censored} of {report.n} are bounds, only {report.n_comparable_pairs} of "
            f"{report.n_pairs} pairs have a certain order"
        )
    groups = Counter((p.qualifier, p.value) for p in report.points)
    for (qualifier, value), size in groups.items():
        if size >= 3:
            names = [p.material for p in report.points if (p.qualifier, p.value) == (qualifier, value)]
            doubts.append(f"an order among {', '.join(names)}: all are given as {qualifier} {value:g} {report.unit}")
    return doubts


def _about_predictions(report: CorrelationReport, refused: bool) -> list[str]:
    doubts = []
    if refused:
        doubts.append(
            f"a prediction for a new material: n = {report.n} with {report.n - report.n_censored} exact values"
        )
    if any(not p.calibrated for p in report.predictions):
        exact = report.n - report.n_censored
        doubts.append(
            f"the coverage of the predictions: with {exact} exact values the intervals hold the truth less often than "
            f"the {report.predictions[0].level:.0%} they aim at"
        )
    outside = sorted({p.material for p in report.predictions if p.extrapolated})
    if outside:
        doubts.append(f"the response of {', '.join(outside)}: the descriptor lies outside the measured range")
    return doubts


def _notes(report: CorrelationReport) -> list[str]:
    notes = []
    if near := [p.material for p in report.points if p.qualifier == "≈"]:
        notes.append(f"≈ is read as exact: {', '.join(near)}")
    if report.n_censored:
        notes.append("bounds enter the ranks only where the order is certain, and the regressions as censored values")
    if report.kendall is not None and abs(report.kendall.value) > 1 - 1e-9:
        pairs = report.n_comparable_pairs
        notes.append(f"all {pairs} comparable pairs agree: the bootstrap interval of Kendall has no width, look at p")
    if others := [text for text in report.left_out if text.endswith("another protocol")]:
        notes.append(f"{len(others)} points of other protocols were not pooled")
    return notes
