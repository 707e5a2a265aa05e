import math

import numpy as np
import pytest
from scipy.stats import linregress

from liface.analysis.energies import (
    binding_energy,
    contact_angle,
    fiorentini_methfessel,
    interfacial_gamma,
    interfacial_gamma_vacuum,
    surface_energy,
    work_of_adhesion,
)
from liface.errors import AnalysisError, TooFewPointsError


def test_surface_energy_by_hand():
    # 2 eV above 10 units of -3 eV, two faces of 10 Å²: 0.1 eV/Å²
    assert surface_energy(-28.0, 10, -3.0, 10.0) == pytest.approx(100.0)


def test_surface_energy_does_not_change_with_the_supercell():
    assert surface_energy(4 * -28.0, 40, -3.0, 40.0) == pytest.approx(surface_energy(-28.0, 10, -3.0, 10.0))


def test_fiorentini_methfessel_recovers_what_made_the_slabs():
    n = np.array([4, 6, 8, 10])
    gamma, e_bulk, stderr = fiorentini_methfessel(n, 2 * 12.5 * 0.083 + n * -4.2, 12.5)
    assert (gamma, e_bulk) == pytest.approx((83.0, -4.2))
    assert stderr == pytest.approx(0.0, abs=1e-9)


def test_fiorentini_methfessel_error_is_that_of_an_ordinary_regression():
    n = np.array([3, 5, 7, 9, 11])
    energies = -4.2 * n + 2.1 + np.array([0.01, -0.02, 0.015, -0.01, 0.005])
    gamma, e_bulk, stderr = fiorentini_methfessel(n, energies, 9.0)
    line = linregress(n, energies)
    assert e_bulk == pytest.approx(line.slope)
    assert gamma == pytest.approx(1000 * line.intercept / 18)
    assert stderr == pytest.approx(1000 * line.intercept_stderr / 18)


def test_fiorentini_methfessel_removes_the_drift_of_a_wrong_bulk_energy():
    n, wrong_bulk = np.array([4, 6, 8]), -4.15
    energies = 2.0 + n * -4.2
    drifting = [surface_energy(e, k, wrong_bulk, 10.0) for e, k in zip(energies, n, strict=True)]
    assert drifting[0] - drifting[-1] > 5
    assert fiorentini_methfessel(n, energies, 10.0)[0] == pytest.approx(100.0)


def test_two_slabs_leave_no_error_and_one_is_too_few():
    gamma, _, stderr = fiorentini_methfessel([4, 6], [2.0 - 4, 2.0 - 6], 10.0)
    assert gamma == pytest.approx(100.0)
    assert math.isinf(stderr)
    with pytest.raises(TooFewPointsError):
        fiorentini_methfessel([4, 4], [1.0, 1.1], 10.0)
    with pytest.raises(AnalysisError):
        fiorentini_methfessel([4, 6], [1.0], 10.0)


def test_interfacial_gamma_by_hand():
    # -100 substrate, 8 Li of -1.9 eV, 3 eV of excess over two faces of 15 Å²
    assert interfacial_gamma(-100 - 15.2 + 3.0, -100.0, 8, -1.9, 15.0, 2) == pytest.approx(100.0)


def test_a_material_on_itself_has_no_interface_energy():
    assert interfacial_gamma(20 * -1.9, 12 * -1.9, 8, -1.9, 11.8, 2) == pytest.approx(0.0, abs=1e-9)


def test_vacuum_and_sandwich_routes_agree_for_additive_energies():
    area, gamma, surface, film = 14.0, 0.080, 0.200, 0.030
    sandwich = -50.0 + 6 * -1.9 + 2 * area * gamma
    vacuum = -50.0 + 6 * -1.9 + area * (gamma + surface + film)
    expected = interfacial_gamma(sandwich, -50.0, 6, -1.9, area, 2)
    assert interfacial_gamma_vacuum(vacuum, 10, -5.0, 6, -1.9, area, 200.0, 30.0) == pytest.approx(expected)


def test_binding_energy_sign_and_scale():
    assert binding_energy(-200.0 + 4 * -1.9 - 2.28, -200.0, 4, -1.9) == pytest.approx(-0.57)
    assert binding_energy(-200.0 + -1.9 + 0.5, -200.0, 1, -1.9) > 0


def test_dupre_of_a_material_on_itself_is_twice_its_surface_energy():
    assert work_of_adhesion(30.0, 30.0, 0.0) == 60.0
    assert work_of_adhesion(200.0, 30.0, 130.0) == pytest.approx(100.0)


def test_young_and_dupre_agree():
    gamma_a, gamma_li, gamma_ab = 90.0, 30.0, 80.0
    cosine, angle = contact_angle(gamma_a, gamma_ab, gamma_li)
    assert work_of_adhesion(gamma_a, gamma_li, gamma_ab) == pytest.approx(gamma_li * (1 + cosine))
    assert angle == pytest.approx(math.degrees(math.acos(1 / 3)))


@pytest.mark.parametrize(
    ("gamma_a", "gamma_ab", "cosine", "angle"),
    [(100, 40, 2, 0), (70, 40, 1, 0), (40, 40, 0, 90), (10, 40, -1, 180), (10, 100, -3, 180)],
)
def test_contact_angle_limits_keep_the_cosine(gamma_a, gamma_ab, cosine, angle):
    assert contact_angle(gamma_a, gamma_ab, 30) == pytest.approx((cosine, angle))


@pytest.mark.parametrize(
    "call",
    [
        lambda: surface_energy(-1.0, 1, -1.0, 0.0),
        lambda: surface_energy(math.nan, 1, -1.0, 10.0),
        lambda: interfacial_gamma(-1.0, -1.0, 0, -1.9, 10.0, 0),
        lambda: binding_energy(-1.0, -1.0, 0, -1.9),
        lambda: contact_angle(10.0, 5.0, 0.0),
        lambda: work_of_adhesion(10.0, math.inf, 1.0),
        lambda: interfacial_gamma_vacuum(-1.0, 1, -1.0, 1, -1.9, 10.0, math.nan, 1.0),
    ],
)
def test_numbers_without_meaning_are_refused(call):
    with pytest.raises(AnalysisError):
        call()
