import pytest

from liface.analysis.domain import domain_flags
from liface.analysis.growth import growth_mode, turns_without_lowest
from liface.analysis.literature import published
from liface.documents import FLAGS
from liface.errors import AnalysisError

MPTRJ = "MPtrj (PBE, PBE+U for Co Cr Fe Mn Mo Ni V W oxides and fluorides)"


def published_delta_e(material):
    """ΔE of wang2023 Table 1 (10.1002/adma.202206762) on the bare substrate."""
    values = {
        (p.n_li, p.arrangement): p.value for p in published("binding") if p.material == material and p.monolayers == 0
    }
    return {(0, n): values[n, "cluster"] - values[n, "dispersed"] for n in (4, 5)}


def on_layer(delta_e, layer):
    return {(layer, n): value for (_, n), value in delta_e.items()}


def test_copper_wets_one_layer_then_islands_grow_on_lithium():
    delta_e = published_delta_e("Cu") | on_layer(published_delta_e("Li"), 1)
    mode, evidence = growth_mode(delta_e)
    assert mode == "Stranski-Krastanov"
    assert "+0.211" in evidence and "-0.047" in evidence


def test_lithium_itself_grows_islands():
    assert growth_mode(published_delta_e("Li"))[0] == "Volmer-Weber"


def test_atoms_on_bare_and_covered_is_layer_by_layer():
    bare = published_delta_e("Li2Te")
    assert growth_mode(bare | on_layer(bare, 1) | on_layer(bare, 2))[0] == "Frank-van der Merwe"


def test_bare_substrate_alone_does_not_decide_wetting():
    mode, evidence = growth_mode(published_delta_e("Li2Te"))
    assert mode == "undecided"
    assert "no covered" in evidence


@pytest.mark.parametrize(
    ("delta_e", "clusters", "atoms", "gap"),
    [
        (0.014, [-0.100], [-0.114, -0.060], 0.054),  # without the lowest atoms, islands win
        (0.014, [-0.100, -0.050], [-0.114, -0.110], None),
        (-0.014, [-0.114, -0.090], [-0.100], 0.024),  # without the lowest cluster, atoms win
        (-0.014, [-0.114], [-0.100, -0.020], None),  # one start says nothing of another
        (0.3, [0.2, 0.4], [-0.1, -0.05, 0.9], None),
    ],
)
def test_a_verdict_that_rests_on_one_start_is_told(delta_e, clusters, atoms, gap):
    assert turns_without_lowest(delta_e, clusters, atoms) == (gap if gap is None else pytest.approx(gap))


@pytest.mark.parametrize(
    ("delta_e", "tolerance", "word"),
    [
        ({}, 0.0, "no cluster"),
        ({(1, 4): 0.1}, 0.0, "bare"),
        ({(0, 4): 0.1, (0, 5): -0.1}, 0.0, "contradict"),
        ({(0, 4): 0.1, (1, 4): 0.01}, 0.02, "tolerance"),
        ({(0, 4): 0.0}, 0.0, "tolerance"),
        ({(0, 4): 0.1, (2, 4): 0.1}, 0.0, "1 ML"),
    ],
)
def test_what_cannot_be_decided_says_why(delta_e, tolerance, word):
    mode, evidence = growth_mode(delta_e, tolerance_ev=tolerance)
    assert mode == "undecided"
    assert word in evidence


def test_islands_on_the_second_layer_are_still_layer_then_islands():
    assert growth_mode({(0, 4): 0.1, (1, 4): 0.1, (2, 4): -0.1})[0] == "Stranski-Krastanov"


def test_not_a_number_is_refused():
    with pytest.raises(AnalysisError):
        growth_mode({(0, 4): float("nan")})


def test_neutral_lithium_on_a_salt_is_outside_the_domain():
    (flag,) = domain_flags("binding", {"Li", "Te"}, True, MPTRJ)
    assert flag.startswith("outside_domain: neutral Li on a closed-shell Li salt")
    assert domain_flags("binding", {"Cu", "Li"}, False, MPTRJ) == ()
    assert domain_flags("interface", {"Li", "S"}, True, MPTRJ) == ()


@pytest.mark.parametrize(
    ("elements", "mixed"),
    [({"W", "Li"}, False), ({"W", "Li", "F"}, True), ({"Ni", "O"}, True), ({"Cu", "O"}, False), ({"Mo", "S"}, False)],
)
def test_plus_u_metal_with_oxygen_or_fluorine(elements, mixed):
    flags = domain_flags("interface", elements, False, MPTRJ)
    assert any(flag.startswith("gga_u_mixing") for flag in flags) is mixed


def test_surface_energies_are_too_low():
    assert [f.partition(":")[0] for f in domain_flags("surface", {"Li"}, False, MPTRJ)] == ["model_softness"]
    assert domain_flags("surface", {"Li"}, False, "OMat24, MPtrj, sAlex") == ()


@pytest.mark.parametrize("trained_on", ["nothing: for tests", "EMT parameters", "Morse potential"])
def test_test_engines_have_their_own_flag(trained_on):
    assert domain_flags("binding", {"W", "O"}, True, trained_on) == ("outside_domain: test engine",)


@pytest.mark.parametrize("trained_on", ["PBE", "OMat24, latest release", "unknown (a checkpoint of the user)"])
def test_other_engines_are_not_judged_by_rules_measured_on_mptrj(trained_on):
    assert domain_flags("binding", {"Li", "Te", "W", "O"}, True, trained_on) == ()


def test_every_flag_is_in_the_vocabulary():
    flags = domain_flags("wetting", {"W", "F"}, True, MPTRJ) + domain_flags("growth", set(), True, MPTRJ)
    assert {flag.partition(":")[0] for flag in flags} <= FLAGS.keys()


def test_a_layer_on_which_every_cluster_flattened_wets():
    covered = {(1, 4): 0.2}
    mode, evidence = growth_mode(covered, wetted=[(0, 4)])
    assert mode == "Frank-van der Merwe" and "Li4 flattened" in evidence
    assert growth_mode({(0, 4): -0.2}, wetted=[(0, 5)])[0] == "undecided"
    assert growth_mode({(0, 4): 0.1, (1, 4): -0.2})[0] == "Stranski-Krastanov"
