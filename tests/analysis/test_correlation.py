import time

import numpy as np
import pytest
from scipy.stats import linregress, pearsonr, spearmanr
from scipy.stats import t as student_t

from liface.analysis import response_models
from liface.analysis.correlation import correlate
from liface.analysis.correlation_report import CorrelationReport
from liface.analysis.response_models import CensoredData
from liface.analysis.responses import MeasuredPoint, measured
from liface.errors import AnalysisError, ResponseDataError, TooFewPointsError

# γ0 on Li(100), meV/Å²: of the size a potential gives; the statistics do not depend on their being right
GAMMA = {
    "W": (133.0, 2.0),
    "Cr": (110.0, 2.0),
    "Mo": (92.0, 1.0),
    "Ti": (46.0, 1.0),
    "Zr": (47.0, 1.0),
    "Mg": (15.0, None),
}


def points(values, qualifiers=None, protocol="p"):
    return [
        MeasuredPoint(
            response="ccd",
            material=f"m{k}",
            label=f"m{k}",
            value=v,
            unit="mA/cm²",
            qualifier=qualifiers[k] if qualifiers else "=",
            protocol=protocol,
        )
        for k, v in enumerate(values)
    ]


def descriptor(x, stderr=None):
    return {f"m{k}": (float(v), stderr) for k, v in enumerate(x)}


def noisy_line(n, seed=0, scatter=0.3, threshold=None):
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(0, 100, n))
    rise = x if threshold is None else np.maximum(0, x - threshold)
    return x, 1.0 + 0.04 * rise + scatter * rng.standard_normal(n)


@pytest.fixture(scope="module")
def oh2024():
    return correlate(GAMMA, measured("ccd"), predict={"Ni": (80.0, 3.0), "Ir": (200.0, None)}, descriptor_name="gamma0")


def test_the_published_points_are_counted_as_they_are(oh2024):
    assert (oh2024.n, oh2024.n_censored, oh2024.n_pairs, oh2024.n_comparable_pairs) == (6, 4, 15, 6)
    assert oh2024.protocol == "oh2024-ccd"
    assert oh2024.doi == ("10.1039/d4ee03130j",)
    assert {p.material: p.qualifier for p in oh2024.points}["W"] == ">="
    assert oh2024.pearson is None


def test_six_points_four_of_them_bounds_support_no_claim(oh2024):
    assert oh2024.claims == ()
    doubts = "\n".join(oh2024.cannot_conclude)
    assert "4 of 6 are bounds" in doubts
    assert "an order among Mo, Ti, Zr" in doubts
    assert "n = 6" in doubts
    assert "a monotonic relation" in doubts
    assert "cause and effect" in doubts


def test_predictions_have_an_interval_and_say_where_they_extrapolate(oh2024):
    by = {(p.material, p.model): p for p in oh2024.predictions}
    nickel = by["Ni", "linear"]
    assert nickel.lower < nickel.value < nickel.upper
    assert (nickel.n, nickel.extrapolated) == (6, False)
    assert nickel.value == pytest.approx(oh2024.model("linear").mean(80.0))
    assert not nickel.calibrated
    assert any("coverage of the predictions: with 2 exact" in doubt for doubt in oh2024.cannot_conclude)
    assert by["Ir", "linear"].extrapolated
    assert any("Ir" in doubt and "outside" in doubt for doubt in oh2024.cannot_conclude)


def test_leave_one_out_names_the_point_that_carries_the_result(oh2024):
    left = oh2024.leave_one_out
    assert left.most_influential == "Mg"
    assert left.spearman_min < oh2024.spearman.value < left.spearman_max
    assert left.slope_min < oh2024.model("linear").slope < left.slope_max


def test_same_seed_same_report_and_quick(oh2024):
    start = time.process_time()
    again = correlate(
        GAMMA, measured("ccd"), predict={"Ni": (80.0, 3.0), "Ir": (200.0, None)}, descriptor_name="gamma0"
    )
    assert again == oh2024
    assert time.process_time() - start < 10  # 0.5 s on an idle core
    assert CorrelationReport.from_json(oh2024.model_dump_json()) == oh2024


def test_the_prediction_of_a_material_does_not_depend_on_the_others_asked_for(oh2024):
    alone = correlate(GAMMA, measured("ccd"), predict={"Ni": (80.0, 3.0)}, descriptor_name="gamma0")
    assert alone.predictions == tuple(p for p in oh2024.predictions if p.material == "Ni")


def test_points_of_other_protocols_are_named_not_pooled():
    report = correlate(GAMMA | {"Cu": (40.0, None), "Li2Te": (30.0, None)}, measured("ccd"))
    assert report.materials == ("Mg", "W", "Cr", "Mo", "Ti", "Zr")
    assert [text.partition(" (")[0] for text in report.left_out] == ["Cu", "Li2Te-Cu"]
    with pytest.raises(TooFewPointsError, match="2 points of protocol wang2023-ccd"):
        correlate({"Cu": (40.0, None), "Li2Te": (30.0, None)}, measured("ccd"))


def test_protocols_that_tie_must_be_chosen():
    both = points([1, 2, 3]) + points([2, 3, 4], protocol="q")
    with pytest.raises(ResponseDataError, match=r"p \(3 points\), q \(3 points\); name one"):
        correlate(descriptor([1, 2, 3]), both)
    assert correlate(descriptor([1, 2, 3]), both, protocol="q").protocol == "q"
    with pytest.raises(ResponseDataError, match="no point of protocol 'r'"):
        correlate(descriptor([1, 2, 3]), both, protocol="r")


def test_two_responses_are_never_mixed():
    with pytest.raises(ResponseDataError, match="one response at a time"):
        correlate(GAMMA, measured())


def test_samples_of_one_material_are_told_apart_by_label():
    pores = [p for p in measured("first_cycle_ce") if p.protocol == "park2022-first-cycle"]
    with pytest.raises(ResponseDataError, match="no independent points"):
        correlate({"C": (1.0, None)}, pores)
    by_label = {p.label: (float(p.conditions["pore_nm"]), None) for p in pores}
    report = correlate(by_label, pores)
    assert report.spearman.value == pytest.approx(-1.0)
    assert report.claims == ()


def test_without_censoring_the_numbers_are_those_of_scipy():
    x, y = noisy_line(9)
    report = correlate(descriptor(x), points(y))
    ols = linregress(x, y)
    linear = report.model("linear")
    assert linear.slope == pytest.approx(ols.slope, abs=1e-6)
    assert linear.intercept == pytest.approx(ols.intercept, abs=1e-5)
    assert report.spearman.value == pytest.approx(spearmanr(x, y).statistic)
    assert report.pearson == pytest.approx(pearsonr(x, y).statistic)


def test_information_criteria_by_hand():
    report = correlate(descriptor([1, 2, 3, 4, 5, 6]), points([1.0, 2.2, 2.7, 4.1, 5.2, 5.7]))
    for fit in report.models:
        k, n = fit.n_parameters, 6
        assert fit.aic == pytest.approx(2 * k - 2 * fit.log_likelihood)
        assert fit.aicc == pytest.approx(fit.aic + 2 * k * (k + 1) / (n - k - 1))
    five = correlate(descriptor([1, 2, 3, 4, 5]), points([1.0, 2.2, 2.7, 4.1, 5.2]))
    assert five.model("threshold").aicc is None
    assert any("threshold (4 parameters)" in d and "undefined for n = 5" in d for d in five.cannot_conclude)


def test_a_strong_relation_with_enough_points_is_claimed():
    x, y = noisy_line(14)
    report = correlate(descriptor(x), points(y), descriptor_name="gamma0")
    assert report.preferred_model == "linear"
    assert "ccd rises with gamma0" in report.claims[0]
    assert report.spearman.lower > 0
    assert not any("monotonic" in doubt for doubt in report.cannot_conclude)


def test_noise_is_not_claimed():
    rng = np.random.default_rng(2)
    report = correlate(descriptor(rng.uniform(0, 100, 12)), points(3 + rng.standard_normal(12)))
    assert report.claims == ()
    assert report.spearman.lower < 0 < report.spearman.upper
    assert any("spans 0" in doubt for doubt in report.cannot_conclude)


def test_a_threshold_is_found_where_there_is_one():
    x, y = noisy_line(24, scatter=0.1, threshold=60.0)
    report = correlate(descriptor(x), points(y))
    fit = report.model("threshold")
    assert report.preferred_model == "threshold"
    assert fit.threshold == pytest.approx(60.0, abs=5.0)
    assert (fit.intercept, fit.slope) == pytest.approx((1.0, 0.04), rel=0.15)
    assert fit.mean(10.0) == fit.intercept
    assert "threshold near" in report.claims[1]


def test_no_threshold_is_claimed_on_a_line():
    x, y = noisy_line(14)
    report = correlate(descriptor(x), points(y))
    assert report.delta_aicc["threshold"] >= 2
    assert any("a threshold model" in doubt for doubt in report.cannot_conclude)


def test_the_direction_of_censoring_moves_the_slope():
    x, y = noisy_line(10)
    plain = correlate(descriptor(x), points(y)).model("linear").slope
    above = correlate(descriptor(x), points(y, ["="] * 9 + [">="])).model("linear").slope
    below = correlate(descriptor(x), points(y, ["="] * 9 + ["<="])).model("linear").slope
    assert below <= plain <= above
    assert below < above


def test_three_points_are_described_but_support_nothing():
    report = correlate(descriptor([1, 2, 3]), points([1, 2, 3]), predict={"new": (2.5, None)})
    assert report.claims == ()
    assert report.predictions == ()
    doubts = "\n".join(report.cannot_conclude)
    assert "any correlation: 3 points are too few" in doubts
    assert "a prediction for a new material: n = 3" in doubts
    with pytest.raises(TooFewPointsError):
        correlate(descriptor([1, 2]), points([1, 2]))
    with pytest.raises(TooFewPointsError, match="no measured point has a descriptor"):
        correlate({"Xx": (1.0, None)}, measured("ccd"))


def test_bounds_alone_allow_no_regression():
    report = correlate(descriptor([1, 2, 3, 4, 5]), points([3, 3, 3, 3, 3], [">"] * 5), predict={"new": (2.0, None)})
    assert report.models == ()
    assert report.spearman is None
    assert any("every point is a bound" in doubt for doubt in report.cannot_conclude)


def test_a_scatter_that_cannot_be_known_is_said_and_not_compared():
    report = correlate(descriptor([1, 2, 3, 4, 5, 6]), points([1, 2, 3, 4, 5, 6]), predict={"new": (3.5, None)})
    assert report.model("linear").sigma_at_floor
    assert report.preferred_model is None
    assert report.delta_aicc == {}
    assert any("5 % of the span" in doubt for doubt in report.cannot_conclude)
    interval = next(p for p in report.predictions if p.model == "linear")
    assert interval.upper - interval.lower > 0.5


def test_equal_descriptors_give_no_correlation():
    report = correlate(descriptor([2, 2, 2, 2, 2]), points([1, 2, 3, 4, 5]))
    assert report.spearman is None
    assert [fit.model for fit in report.models] == ["constant"]
    assert report.claims == ()


def test_prediction_intervals_cover_new_measurements():
    covered = 0
    for seed in range(120):
        x, y = noisy_line(8, seed)
        censoring = (y > 4).astype(float)
        data = CensoredData(x, np.zeros(8), np.minimum(y, 4.0), censoring)
        interval = response_models.predict(data, response_models.fit_linear(data), "new", 60.0, None, 300, seed)
        new = 1.0 + 0.04 * 60.0 + 0.3 * np.random.default_rng(1000 + seed).standard_normal()
        covered += interval.lower <= new <= interval.upper
    assert covered >= 0.88 * 120, covered  # 95 % aimed at


def test_a_descriptor_with_an_error_widens_the_interval():
    x, y = noisy_line(8)
    widths = [
        next(p for p in report.predictions if p.model == "linear")
        for report in (correlate(descriptor(x), points(y), predict={"n": (50.0, e)}) for e in (0.0, 20.0))
    ]
    assert widths[1].upper - widths[1].lower > 1.3 * (widths[0].upper - widths[0].lower)


def test_approximate_values_are_noted():
    report = correlate(descriptor([1, 2, 3, 4]), points([1, 2, 3, 4], ["=", "≈", "=", "="]))
    assert any("≈ is read as exact: m1" in note for note in report.notes)


def test_a_descriptor_that_is_no_number_is_refused():
    with pytest.raises(AnalysisError, match="descriptor of m1"):
        correlate({"m0": (1.0, None), "m1": (float("nan"), None), "m2": (2.0, None)}, points([1, 2, 3]))
    with pytest.raises(AnalysisError, match="no descriptor of Xx"):
        correlate(descriptor([1, 2, 3]), points([1, 2, 3]), predict=["Xx"])


def test_every_number_of_the_report_has_a_unit(oh2024):
    for document in (oh2024, *oh2024.points, *oh2024.models, *oh2024.predictions, oh2024.leave_one_out):
        for name, field in type(document).model_fields.items():
            if field.annotation in (int, float, int | None, float | None):
                assert name in document.units(), (type(document).__name__, name)


def test_a_seed_or_number_of_resamples_without_meaning_is_refused():
    for options in ({"seed": -1}, {"n_bootstrap": 0}):
        with pytest.raises(AnalysisError, match="resample"):
            correlate(descriptor([1, 2, 3]), points([1, 2, 3]), **options)


def test_without_bounds_the_interval_is_that_of_student():
    x, y = noisy_line(8)
    report = correlate(descriptor(x), points(y), predict={"new": (50.0, None)}, n_bootstrap=20_000)
    interval = next(p for p in report.predictions if p.model == "linear")
    ols = linregress(x, y)
    residual = y - ols.intercept - ols.slope * x
    variance = residual @ residual / 6 * (1 + 1 / 8 + (50 - x.mean()) ** 2 / np.sum((x - x.mean()) ** 2))
    half = student_t.ppf(0.975, 6) * np.sqrt(variance)
    assert interval.calibrated
    assert interval.upper - interval.value == pytest.approx(half, rel=0.05)
    assert interval.value - interval.lower == pytest.approx(half, rel=0.05)


def test_one_exact_value_gives_no_prediction():
    report = correlate(
        descriptor([1, 2, 3, 4, 5]), points([1, 2, 2, 2, 2], ["=", *[">"] * 4]), predict={"n": (2.0, None)}
    )
    assert report.predictions == ()
    assert any("a prediction for a new material: n = 5 with 1 exact" in doubt for doubt in report.cannot_conclude)
