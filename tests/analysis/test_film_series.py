import numpy as np
import pytest
from scipy.stats import linregress, sem

from liface.analysis.film_series import fit_series
from liface.documents import FLAGS, FilmPoint
from liface.errors import AnalysisError, TooFewPointsError

AREA, STRAIN = 20.0, 0.002  # Å², eV per Li: slope 0.05 meV/Å² per Li with two interfaces


def series(gammas, planes=(4, 6, 8, 10), per_plane=2, converged=True):
    return [
        FilmPoint(
            n_planes=p,
            n_li=p * per_plane,
            n_atoms=20 + p * per_plane,
            energy_ev=0.0,
            gamma_mev_per_a2=g,
            converged=converged,
            calc_id=str(p),
        )
        for p, g in zip(planes, gammas, strict=True)
    ]


def slugs(fit):
    return {flag.partition(":")[0] for flag in fit.flags}


def test_an_exact_line_gives_the_same_value_three_ways():
    fit = fit_series(series([50 + 0.05 * n for n in (8, 12, 16, 20)]), STRAIN, AREA, 2)
    assert fit.fixed.slope_mev_per_a2_per_li == pytest.approx(0.05)
    assert fit.free.slope_mev_per_a2_per_li == pytest.approx(0.05)
    values = (fit.headline, fit.free.intercept_mev_per_a2, fit.plateau)
    assert values == pytest.approx((50.0, 50.0, 50.0))
    assert fit.stderr == pytest.approx(0.0, abs=1e-9)
    assert fit.flags == ()
    assert fit.n_points == 4
    assert fit.strain_rise == pytest.approx(0.6)


def test_one_interface_doubles_the_slope():
    assert fit_series(series([1, 2, 3, 4]), STRAIN, AREA, 1).fixed.slope_mev_per_a2_per_li == pytest.approx(0.1)


def test_free_fit_and_fixed_fit_against_scipy():
    gamma, n = np.array([92.1, 91.4, 92.6, 91.9]), np.array([8, 12, 16, 20])
    fit = fit_series(series(gamma), STRAIN, AREA, 2)
    line = linregress(n, gamma)
    assert fit.free.intercept_mev_per_a2 == pytest.approx(line.intercept)
    assert fit.free.stderr_mev_per_a2 == pytest.approx(line.intercept_stderr)
    assert fit.free.slope_mev_per_a2_per_li == pytest.approx(line.slope)
    assert fit.free.r_squared == pytest.approx(line.rvalue**2)
    strain_free = gamma - 0.05 * n
    assert fit.headline == pytest.approx(strain_free.mean())
    assert fit.stderr == pytest.approx(sem(strain_free))
    assert fit.plateau == pytest.approx(strain_free[2:].mean())
    assert fit.max_residual == pytest.approx(np.abs(strain_free - strain_free.mean()).max())


def test_thin_films_and_order_do_not_matter():
    points = series([150.0, 90.0, 90.4, 90.8], planes=(2, 4, 8, 6))
    fit = fit_series(points, 0.0, AREA, 2)
    assert fit.n_points == 3
    assert [p.n_planes for p in fit.used] == [4, 6, 8]
    assert fit.headline == pytest.approx(90.4)
    assert fit.plateau == pytest.approx(90.6)
    assert fit_series(points, 0.0, AREA, 2, min_planes=2).n_points == 4


def test_a_flat_series_has_no_r_squared():
    fit = fit_series(series([40.0] * 4), 0.0, AREA, 2)
    assert fit.free.r_squared is None
    assert fit.headline == 40.0


def test_a_bent_series_is_flagged_not_hidden():
    fit = fit_series(series([80, 84, 80, 84]), 0.0, AREA, 2)
    assert "nonlinear" not in slugs(fit)  # residual exactly 2
    assert "nonlinear" in slugs(fit_series(series([80, 84.2, 80, 84]), 0.0, AREA, 2))


def test_slope_against_strain_energy():
    falling = fit_series(series([50 - 0.06 * n for n in (8, 12, 16, 20)]), 0.0, AREA, 2)
    assert slugs(falling) == {"slope_mismatch"}
    steep = fit_series(series([50 + 0.5 * n for n in (8, 12, 16, 20)]), 0.0, AREA, 2)
    assert "slope_mismatch" in slugs(steep)
    assert slugs(fit_series(series([50 + 0.5 * n for n in (8, 12, 16, 20)]), 0.02, AREA, 2)) == set()


def test_negative_gamma_unconverged_and_few_points_are_flagged():
    fit = fit_series(series([-30.0, -31.0], planes=(4, 6), converged=False), 0.0, AREA, 2)
    assert slugs(fit) == {"reactive", "unconverged", "few_points", "slope_mismatch"}
    assert slugs(fit) <= FLAGS.keys()
    assert "few_points: 2 of 3" in "; ".join(fit.flags)


def test_two_films_still_have_a_finite_error():
    fit = fit_series(series([70.0, 71.0], planes=(4, 6)), 0.0, AREA, 2)
    assert fit.headline == pytest.approx(70.5)
    assert fit.stderr == pytest.approx(0.5)
    # s² = 0.5, mean n = 10, spread = 8
    assert fit.free.stderr_mev_per_a2 == pytest.approx((0.5 * (1 / 2 + 100 / 8)) ** 0.5)


def test_too_few_or_senseless_points_are_refused():
    with pytest.raises(TooFewPointsError, match="1 film thickness of 2"):
        fit_series(series([70.0, 71.0], planes=(3, 6)), 0.0, AREA, 2)
    with pytest.raises(TooFewPointsError):
        fit_series(series([70.0, 71.0], planes=(6, 6)), 0.0, AREA, 2)
    with pytest.raises(AnalysisError):
        fit_series(series([70.0, float("nan")], planes=(4, 6)), 0.0, AREA, 2)
    with pytest.raises(AnalysisError):
        fit_series(series([70.0, 71.0], planes=(4, 6)), float("nan"), AREA, 2)
    with pytest.raises(AnalysisError):
        fit_series(series([70.0, 71.0], planes=(4, 6)), 0.0, 0.0, 2)


def test_a_thin_film_that_is_not_bulk_like_is_left_out_and_said_so():
    from liface.analysis.film_series import fit_bulk_like

    def series(*gammas):
        return [
            FilmPoint(
                n_planes=planes,
                n_li=6 * planes,
                n_atoms=6 * planes + 40,
                energy_ev=-1.0,
                gamma_mev_per_a2=gamma,
                converged=True,
                calc_id=str(planes),
            )
            for planes, gamma in zip((4, 6, 8, 10), gammas, strict=True)
        ]

    fit = fit_bulk_like(series(121.0, 134.0, 134.2, 134.1), 0.0, 72.0, 2)
    assert fit.headline == pytest.approx(134.1) and fit.n_points == 3
    assert any(flag.startswith("thin_film: 4 planes lie -13.1") for flag in fit.flags)
    assert not any(flag.startswith("nonlinear") for flag in fit.flags)
    straight = fit_bulk_like(series(133.9, 134.0, 134.2, 134.1), 0.0, 72.0, 2)
    assert straight.n_points == 4 and straight.flags == ()
    bent = fit_bulk_like(series(134.0, 134.0, 121.0, 134.0), 0.0, 72.0, 2)
    assert bent.n_points == 4 and any(flag.startswith("nonlinear") for flag in bent.flags)
