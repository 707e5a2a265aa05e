import pytest

from liface.analysis.literature import published
from liface.analysis.responses import measured
from liface.errors import InputError

OH2024, WANG2023 = "10.1039/d4ee03130j", "10.1002/adma.202206762"
PARK2022, KIM2024 = "10.1039/d2ta06466a", "10.1038/s41467-024-48021-w"


def test_interfacial_energies_of_oh2024():
    values = published("interface_gamma")
    exact = {v.material: v.value for v in values if v.qualifier == "="}
    assert exact == {"Li6PS5Cl": -33.767, "Li2S": 31.678, "LiF": 44.054, "Mo": 81.742, "Ti": 66.799}
    bounds = {(v.material, v.qualifier) for v in values if v.qualifier != "="}
    assert bounds == {("W", ">"), ("Cr", ">"), ("Zr", "<")}
    assert {v.doi for v in values} == {OH2024}
    (threshold,) = published("interface_gamma_threshold")
    assert (threshold.value, threshold.qualifier) == (100, "≈")


@pytest.mark.parametrize(
    ("material", "plane", "expected"),
    [
        ("Cu", "111", [-0.570, -0.560, -0.531, -0.320, -0.570, 0.088, 0.108]),
        ("Li", "110", [0.168, 0.121, 0.188, 0.111, 0.116, 0.182]),
        ("Li2Te", "110", [0.535, 0.630, 0.538, 0.595, 0.537, 0.077, -0.025]),
    ],
)
def test_bindings_of_wang2023(material, plane, expected):
    rows = [v for v in published("binding") if v.material == material]
    assert [v.value for v in rows] == expected
    assert {(v.plane, v.doi, v.unit) for v in rows} == {(plane, WANG2023, "eV")}
    columns = [(4, "dispersed", 0), (4, "cluster", 0), (5, "dispersed", 0), (5, "cluster", 0)]
    columns += [(1, "dispersed", layer) for layer in (0, 1, 2)]
    assert [(v.n_li, v.arrangement, v.monolayers) for v in rows] == columns[: len(rows)]


def test_contact_angles():
    angles = {v.material: (v.qualifier, v.value, v.doi) for v in published("contact_angle")}
    assert angles["Mg"] == ("=", 0, OH2024)
    assert angles["W"] == ("=", 125, OH2024)
    assert angles["Li2Te"] == ("≈", 0, WANG2023)
    assert angles["Cu"] == (">", 90, WANG2023)


def test_surface_energies_say_how_well_they_are_known():
    values = published("surface")
    assert {v.doi for v in values} == {"10.1038/sdata.2016.80"}
    assert all(v.qualifier == "≈" and "±3 %" in v.note and v.unit == "J/m²" for v in values)
    assert {(v.material, v.plane): v.value for v in values}["W", "110"] == 3.23


def test_measured_responses_are_published_values_too():
    assert [v.value for v in published("ccd")] == [p.value for p in measured("ccd")]


def test_unknown_quantity_lists_what_there_is():
    with pytest.raises(InputError, match="interface_gamma"):
        published("interfacial_gamma")


def test_critical_current_densities():
    points = {(p.protocol, p.material): (p.qualifier, p.value) for p in measured("ccd")}
    assert points == {
        ("oh2024-ccd", "Mg"): ("=", 1.3),
        ("oh2024-ccd", "W"): (">=", 5.0),
        ("oh2024-ccd", "Cr"): ("=", 4.8),
        ("oh2024-ccd", "Mo"): (">", 3.2),
        ("oh2024-ccd", "Ti"): (">", 3.2),
        ("oh2024-ccd", "Zr"): (">", 3.2),
        ("wang2023-ccd", "Cu"): ("<=", 4),
        ("wang2023-ccd", "Li2Te"): (">=", 8),
    }


@pytest.mark.parametrize(
    ("response", "protocol", "unit", "doi", "values"),
    [
        ("nucleation_overpotential", "wang2023-nucleation-0.5", "mV", WANG2023, [44, 18]),
        ("nucleation_overpotential", "wang2023-nucleation-1", "mV", WANG2023, [58, 25]),
        ("nucleation_overpotential", "park2022-nucleation", "mV", PARK2022, [32.4, 39.5, 31.7]),
        ("nucleation_overpotential", "park2022-nucleation-ag", "mV", PARK2022, [12.9, 12.2, 4.3]),
        ("first_cycle_ce", "oh2024-first-cycle", "%", OH2024, [89.6, 93.7]),
        ("first_cycle_ce", "park2022-first-cycle", "%", PARK2022, [60.8, 72.1, 81.9]),
        ("reservoir_ce", "wang2023-reservoir", "%", WANG2023, [98.47, 99.70]),
        ("time_to_short_circuit", "kim2024-symmetric", "h", KIM2024, [40, 40]),
    ],
)
def test_other_responses(response, protocol, unit, doi, values):
    points = [p for p in measured(response) if p.protocol == protocol]
    assert [p.value for p in points] == values
    assert {(p.unit, p.doi) for p in points} == {(unit, doi)}
    assert all(p.protocol_text for p in points)
