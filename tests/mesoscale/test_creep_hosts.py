"""Porous hosts: capacity, pressure, chemical potential, paths and currents."""

import math

import pytest

from liface.errors import InputError
from liface.mesoscale.creep_parameters import DEFAULT
from liface.mesoscale.hosts import (
    capacity_mah_per_cm2,
    chemical_potential_ev,
    conductance_s_cm,
    creep_current,
    current_of_strain_rate,
    flux_per_cm2_s,
    host_current,
    overpotential_mv,
    path_current,
    porosity_for,
    pressure_mpa,
    thickness_for,
    transport_paths,
    wall_diffusivity_that_wins,
)
from liface.mesoscale.lithium import ATOMIC_VOLUME_A3, CAPACITY_MAH_PER_CM3, FARADAY_C_PER_MOL, MOLAR_VOLUME_CM3
from liface.units import BOLTZMANN_EV_PER_K

BEST = DEFAULT.best()


def test_constants_agree_with_each_other():
    assert pytest.approx(21.54, abs=0.01) == ATOMIC_VOLUME_A3
    assert pytest.approx(96485.33, abs=0.01) == FARADAY_C_PER_MOL
    assert pytest.approx(CAPACITY_MAH_PER_CM3, rel=3e-3) == FARADAY_C_PER_MOL / 3.6 / MOLAR_VOLUME_CM3


def test_nanotube_host_of_kim2024():
    """15 µm of TiN nanotubes hold 2.473 mAh/cm² (10.1038/s41467-024-48021-w): porosity 0.80."""
    assert porosity_for(2.473, 15) == pytest.approx(0.80, abs=0.001)
    assert capacity_mah_per_cm2(0.80, 15) == pytest.approx(2.473, abs=0.002)
    assert thickness_for(2.473, 0.7995) == pytest.approx(15, rel=1e-3)


def test_carbon_tubules_of_wang2020():
    """1.5 mAh/cm² asks for 7.3 µm of Li: tubules of any lower porosity are longer."""
    assert thickness_for(1.5, 1.0) == pytest.approx(7.27, abs=0.01)


def test_pressure_of_an_overpotential():
    assert pressure_mpa(1) == pytest.approx(7.44, abs=0.005)
    assert pressure_mpa(135) == pytest.approx(1000, rel=0.01)  # 10.1038/s41586-020-1972-y
    assert overpotential_mv(pressure_mpa(3.3)) == pytest.approx(3.3)


def test_chemical_potential():
    assert chemical_potential_ev(300, 0) == 0
    assert chemical_potential_ev(300, pressure_mpa(10)) == pytest.approx(0.010)
    assert chemical_potential_ev(300, 0, 1.0, 0.5) == pytest.approx(BOLTZMANN_EV_PER_K * 300 * math.log(0.5))


def test_flux_runs_down_the_chemical_potential():
    # D/kT = 1e-8 / 0.025693; C = 4.643e22 cm-3; gradient 1 eV/cm
    assert flux_per_cm2_s(1e-8, 1 / ATOMIC_VOLUME_A3, 1.0, 298.15) == pytest.approx(-1.807e16, rel=1e-3)
    assert flux_per_cm2_s(1e-8, 0.05, -1.0, 300) > 0


def test_conductance_by_hand():
    # 1.807e16 atoms × 1.602e-19 C through 1 nm² = 1e-14 cm²
    assert conductance_s_cm(1e-8, 1 / ATOMIC_VOLUME_A3, 1.0, 298.15) == pytest.approx(2.895e-17, rel=1e-3)


@pytest.mark.parametrize(("wall", "density", "diffusivity"), [
    ("LiC6", 0.0168, 1e-8), ("Li22Si5", 0.0537, 1e-9), ("Li9Al4", 0.0404, 1e-9),
])  # fmt: skip
def test_interface_carries_the_most(wall, density, diffusivity):
    """Of 10 nm wall, 2 Å interface and 100 nm Li (10.1016/j.chempr.2020.09.005), as long as the wall is no faster."""
    paths = transport_paths(wall, density, diffusivity, 298.15)
    assert sum(p.share for p in paths) == pytest.approx(1)
    assert max(paths, key=lambda p: p.share).path == f"Li/{wall} interface"
    limit = wall_diffusivity_that_wins(paths)
    even = transport_paths(wall, density, limit, 298.15)
    assert limit > diffusivity and even[0].share == pytest.approx(even[1].share)


def test_current_of_a_moving_column():
    # 1 1/s over 10 nm is 1e-6 cm/s; half the area; F/V_m = 7439 C/cm³
    assert float(current_of_strain_rate(1.0, 0.5, 10)) == pytest.approx(0.5 * 1e-6 * 7439.1 * 1e3, rel=1e-4)


def test_currents_scale_with_the_pore():
    def fall(current):
        return math.log(current(400) / current(100)) / math.log(4)

    assert fall(lambda d: path_current(d, 298.15, 5.0, 0.5, 10.0, BEST)[0]) == pytest.approx(-1)
    assert -2 < fall(lambda d: creep_current(d, 298.15, 5.0, 0.5, BEST)[0]) < -1


def test_path_current_is_that_of_the_interface_conductance():
    """The same transport twice: pores per area times Nernst-Einstein conductance times overpotential over length."""
    _, interface, _ = transport_paths("LiC6", 0.0168, 1e-8, 298.15, pore_nm=100)
    pores_per_cm2 = 0.5 / (math.pi * (100e-7) ** 2 / 4)
    by_hand = pores_per_cm2 * interface.conductance_s_cm * 1e-3 / 10e-4 * 1e3
    assert path_current(100, 298.15, pressure_mpa(1), 0.5, 10, BEST)[0] == pytest.approx(by_hand)


def test_host_current_names_its_bottleneck():
    found = host_current(100, 298.15, pressure_mpa(1), 0.5, 10)
    assert found.bottleneck.limit == "transport along the pores"
    assert found.bottleneck.current_ma_per_cm2 == pytest.approx(0.773, rel=0.01)
    assert found.overpotential_mv == pytest.approx(1)
    assert all(x.lower < x.current_ma_per_cm2 < x.upper for x in found.limits)


@pytest.mark.parametrize(("call", "message"), [
    (lambda: capacity_mah_per_cm2(1.2, 15), "porosity is 1.2; a share of the volume"),
    (lambda: capacity_mah_per_cm2(0.5, -1), "thickness_um is -1"),
    (lambda: porosity_for(9, 15), "does not fit into 15 µm: Li without any host takes 3.093 mAh/cm².*43.65 µm"),
    (lambda: pressure_mpa(math.inf), "overpotential_mv is inf"),
    (lambda: host_current(-1, 300, 1, 0.5, 10), "pore_nm is -1"),
    (lambda: host_current(100, 300, 1, 0.0, 10), "porosity is 0.0"),
    (lambda: current_of_strain_rate(1, 0.5, 0), "deforming_nm is 0"),
])  # fmt: skip
def test_bad_input_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()
