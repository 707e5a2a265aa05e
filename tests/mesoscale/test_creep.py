"""Creep rates, their bands and the map: scaling laws, hand-calculated numbers, published anchors, bad input."""

import math

import numpy as np
import pytest

from liface.errors import AnalysisError, InputError, TooFewPointsError
from liface.mesoscale.creep import (
    LEVEL,
    MECHANISMS,
    coble_rate,
    creep_rates,
    dislocation_rate,
    nabarro_herring_rate,
    surface_diffusivity,
    volume_diffusivity,
)
from liface.mesoscale.creep_check import (
    OBSERVATIONS,
    PoreObservation,
    fit_threshold,
    least_size_exponent,
    passing_size,
    published_anchors,
)
from liface.mesoscale.creep_map import creep_map, critical_sizes, path_ratio_for_size, stress_for_size
from liface.mesoscale.creep_parameters import DEFAULT, CreepParameters, Parameter
from liface.units import BOLTZMANN_EV_PER_K

BEST = DEFAULT.best()
WARM = 333.15


def one(values):
    (value,) = values
    return float(value)


def slope(rate, low, high):
    return math.log(one(rate(high)) / one(rate(low))) / math.log(high / low)


# --- formulas ------------------------------------------------------------------------------------------------


def test_surface_diffusivity_by_hand():
    # exp(-6.54 × 453.65 / 333.15) = exp(-8.9055) = 1.356e-4; times 0.014 cm²/s
    assert one(surface_diffusivity(WARM, BEST)) == pytest.approx(1.90e-6, rel=2e-3)


def test_coble_rate_by_hand():
    # K 47, δ 2e-10 m, D_s 1.8988e-10 m²/s, Ω 2.1537e-29 m³, σ 1e6 Pa, D 31e-9 m, kT 4.5997e-21 J
    by_hand = 47 * 2e-10 * 1.8988e-10 * 2.1537e-29 * 1e6 / ((31e-9) ** 3 * 4.5997e-21)
    assert one(coble_rate(31, WARM, 1.0, BEST)) == pytest.approx(by_hand, rel=2e-3)


def test_nabarro_herring_rate_by_hand():
    by_hand = 40 / 3 * 5.7e-15 * 2.1537e-29 * 1e6 / ((200e-9) ** 2 * 1.380649e-23 * 298.15)
    assert one(nabarro_herring_rate(200, 298.15, 1.0, BEST)) == pytest.approx(by_hand, rel=1e-3)


@pytest.mark.parametrize(("rate", "power"), [(coble_rate, -3), (nabarro_herring_rate, -2)])
def test_rates_fall_with_the_size_and_grow_with_the_stress(rate, power):
    assert slope(lambda d: rate(d, WARM, 1.0, BEST), 30, 300) == pytest.approx(power)
    assert slope(lambda s: rate(100, WARM, s, BEST), 0.1, 10) == pytest.approx(1)


def test_dislocation_creep_grows_with_the_power_of_the_stress_and_starts_from_its_reference():
    assert one(dislocation_rate(298.15, 1.0, BEST)) == pytest.approx(0.03)
    assert slope(lambda s: dislocation_rate(WARM, s, BEST), 0.5, 2) == pytest.approx(6.6)


@pytest.mark.parametrize(("quantity", "energy_ev"), [
    (lambda t: surface_diffusivity(t, BEST), 6.54 * 453.65 * BOLTZMANN_EV_PER_K),
    (lambda t: volume_diffusivity(t, BEST), 0.55),
    (lambda t: coble_rate(50, t, 1.0, BEST) * t, 6.54 * 453.65 * BOLTZMANN_EV_PER_K),
    (lambda t: dislocation_rate(t, 1.0, BEST), 37 / 96.485),
])  # fmt: skip
def test_arrhenius_slopes(quantity, energy_ev):
    cold, warm = 300.0, 350.0
    found = BOLTZMANN_EV_PER_K * math.log(one(quantity(warm)) / one(quantity(cold))) / (1 / cold - 1 / warm)
    assert found == pytest.approx(energy_ev, rel=1e-4)


# --- bands ---------------------------------------------------------------------------------------------------


def test_band_of_one_mechanism_is_the_log_normal_one():
    """Factors multiply, so that the logarithm of a Coble rate is normal with the summed variances."""
    (coble, *_) = creep_rates([50], WARM, 1.0, draws=40_000)
    sigma = math.sqrt(sum(math.log(p.spread) ** 2 for p in (DEFAULT.coble_k, DEFAULT.path_width, DEFAULT.surface_d0)))
    assert LEVEL == 0.90
    assert coble.upper / coble.strain_rate == pytest.approx(math.exp(1.645 * sigma), rel=0.05)
    assert coble.strain_rate / coble.lower == pytest.approx(math.exp(1.645 * sigma), rel=0.05)


def test_rates_add_and_shares_are_whole():
    *each, total = creep_rates([105], WARM, 1.0)
    assert [r.mechanism for r in each] == list(MECHANISMS) and total.mechanism == "sum"
    assert total.strain_rate == pytest.approx(sum(r.strain_rate for r in each))
    assert sum(r.share_fastest for r in each) == pytest.approx(1)
    assert all(r.lower < r.strain_rate < r.upper for r in (*each, total))
    assert creep_rates([105], WARM, 1.0) == (*each, total)


def test_what_if_is_exact_and_leaves_the_rest():
    exact = DEFAULT.replaced({"coble_k": 10.0})
    assert exact.coble_k.value == 10 and exact.coble_k.spread == 1 and exact.coble_k.basis == "estimate"
    assert exact.path_width == DEFAULT.path_width and DEFAULT.coble_k.value == 47
    assert np.ptp(exact.draw(50).coble_k) == 0
    with pytest.raises(InputError, match="no creep parameter 'k'; there are coble_k, "):
        DEFAULT.replaced({"k": 1})
    with pytest.raises(InputError, match="path_ratio is -1"):
        DEFAULT.replaced({"path_ratio": -1})


def test_every_parameter_says_where_it_is_from():
    for name in CreepParameters.model_fields:
        parameter = getattr(DEFAULT, name)
        assert parameter.unit and parameter.note
        assert parameter.doi or parameter.basis != "published"
    with pytest.raises(ValueError, match="a factor is 1 or more"):
        Parameter(value=1, unit="1", spread_kind="factor", spread=0.5, basis="estimate")


# --- map -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stress", [0.3, 1.0])
def test_critical_sizes_make_two_rates_equal(stress):
    for found in critical_sizes(WARM, stress):
        rates = {
            "Coble": one(coble_rate(found.size_nm, WARM, stress, BEST)),
            "Nabarro-Herring": one(nabarro_herring_rate(found.size_nm, WARM, stress, BEST)),
            "dislocation": one(dislocation_rate(WARM, stress, BEST)),
        }
        assert rates[found.smaller] == pytest.approx(rates[found.larger])
        assert found.lower_nm < found.size_nm < found.upper_nm
        assert found.on_the_map == (max(rates.values()) == pytest.approx(rates[found.smaller]))


def test_solved_stress_and_path_put_the_published_sizes():
    ratio = path_ratio_for_size(200, WARM)
    parameters = DEFAULT.replaced({"path_ratio": ratio})
    stress = stress_for_size(500, "Nabarro-Herring", WARM, parameters)
    coble, across, dislocation = critical_sizes(WARM, stress, parameters)
    assert ratio == pytest.approx(0.081, abs=0.001) and stress == pytest.approx(0.655, abs=0.005)
    assert coble.size_nm == pytest.approx(200) and coble.on_the_map
    assert dislocation.size_nm == pytest.approx(500) and dislocation.on_the_map
    assert not across.on_the_map


def test_map_agrees_with_its_boundaries():
    chart = creep_map([10, 100, 1000, 10_000], [WARM], [0.1, 1.0, 10.0], draws=50)
    for i, stress in enumerate(chart.y):
        _, step, _ = critical_sizes(WARM, float(stress))
        for j, pore in enumerate(chart.pores_nm):
            assert (chart.fastest[i, j] == 2) or pore < step.size_nm or not step.on_the_map
    assert chart.fastest[0, 0] == 0 and chart.fastest[2, 3] == 2
    assert np.all(chart.share <= 1) and np.all(np.diff(chart.rate, axis=0) > 0)
    over_temperature = creep_map([100], [300, 320, 340], [1.0], draws=10)
    assert over_temperature.y_name == "temperature_k" and np.all(np.diff(over_temperature.rate[:, 0]) > 0)
    with pytest.raises(InputError, match="2 temperatures and 2 stresses"):
        creep_map([1], [300, 310], [1, 2])


# --- what was seen -------------------------------------------------------------------------------------------


def test_one_constant_from_two_observations_and_the_other_three_follow():
    fit = fit_threshold()
    assert (fit.n_parameters, fit.n_fitted, fit.n_observations) == (1, 2, 5)
    assert fit.upper_per_mpa / fit.lower_per_mpa == pytest.approx(1.51, abs=0.01)
    predicted = [t for t in fit.tested if t.role == "predicted"]
    assert [t.model for t in predicted] == ["blocked", "blocked", "passes"]
    assert all((t.model == "passes") == t.passed for t in predicted)
    assert [t.left_out for t in fit.tested] == ["blocked", "blocked", "passes", "undecided", "undecided"]
    assert any("not tested" in note for note in fit.notes)


def test_observations_do_not_test_the_exponent():
    # 105 nm at 60 °C must be slower than 31 nm at 45 °C: ln(1.453) / ln(105/31) = 0.306
    assert least_size_exponent() == pytest.approx(0.306, abs=0.002)


def test_threshold_needs_a_step_and_an_order():
    with pytest.raises(TooFewPointsError, match="0 pores that passed and 2"):
        fit_threshold(fitted=(0, 1))
    wrong = (PoreObservation(pore_nm=433, temperature_k=WARM, seen="", passed=True), OBSERVATIONS[4])
    with pytest.raises(AnalysisError, match="no threshold orders them"):
        fit_threshold(wrong, fitted=(0, 1))
    with pytest.raises(AnalysisError, match=r"433 nm at 333\.15 K passes"):
        least_size_exponent(wrong)


def test_passing_size_grows_with_temperature_and_brackets_the_pore_that_fixed_it():
    fit = fit_threshold()
    cold, warm = passing_size(303.15, fit), passing_size(318.15, fit)
    assert cold.pore_nm < 31 < warm.pore_nm
    assert cold.upper_nm == pytest.approx(31) and warm.lower_nm == pytest.approx(31)


def test_published_anchors_and_the_one_that_does_not_agree():
    anchors = {anchor.name: anchor for anchor in published_anchors()}
    verdicts = [a.verdict for a in anchors.values()]
    assert verdicts == ["agrees", "agrees", "agrees", "inside the band only", "fitted", "agrees", "agrees", "agrees"]
    coble = anchors["Coble to Nabarro-Herring, 60 °C"]
    assert coble.computed == pytest.approx(2478, rel=0.01) and coble.lower < 200 < coble.upper


# --- bad input -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("arguments", "message"), [
    (([-31], WARM, 1.0), "pore_nm is -31; give a positive number"),
    (([0], WARM, 1.0), "pore_nm is 0"),
    (([], WARM, 1.0), "no pore sizes given"),
    (([31], WARM, -1.0), "stress_mpa is -1.0"),
    (([31], WARM, math.nan), "stress_mpa is nan"),
    (([31], -3.0, 1.0), "temperature_k is -3.0"),
    (([31], 460.0, 1.0), "460 K is at or above the melting point of Li, 453.65 K"),
])  # fmt: skip
def test_bad_input_is_named(arguments, message):
    with pytest.raises(InputError, match=message):
        creep_rates(*arguments)
