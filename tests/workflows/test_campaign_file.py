"""Campaign files: what is accepted, and what a wrong one is told."""

import pytest

from liface.errors import CampaignError, MaterialFileError
from liface.workflows.campaign import Campaign
from liface.workflows.campaign_file import SHIPPED, parse_campaign, shipped_campaigns

GOOD = """
name: mine
interfaces:
  - {substrate: W, planes: ["110"], film_planes: ["100"]}
"""


def problem(text):
    with pytest.raises(CampaignError) as caught:
        parse_campaign(text, "mine.yaml")
    return str(caught.value)


def test_shipped_campaigns_parse():
    assert tuple(shipped_campaigns()) == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_campaigns_expand_for_every_engine(name):
    cases = Campaign.load(name, ["morse"]).cases()
    assert len({case.case_id for case in cases}) == len(cases)
    both = Campaign.load(name, ["morse", "emt"]).cases()
    assert len({case.case_id for case in both}) == 2 * len(cases)


def test_oh2024_has_all_substrates_and_planes():
    names = {case.spec.name for case in Campaign.load("oh2024", ["morse"]).cases()}
    for substrate in ("W-110", "Cr-110", "Mo-110", "Ti-0001", "Zr-0001", "Mg-0001", "Cu-111"):
        assert {f"interface/{substrate}_Li-100", f"interface/{substrate}_Li-110"} <= names
    for substrate in ("LiF-100", "Li2S-110", "Li2Te-110", "Li6PS5Cl-100"):
        assert {f"interface/{substrate}_Li-100", f"interface/{substrate}_Li-110"} <= names
    assert {f"interface/W-{plane}_Li-100" for plane in ("100", "111", "211")} <= names


def test_unknown_key_lists_the_known_ones():
    message = problem(GOOD + "colour: red\n")
    assert "colour: unknown key" in message and "interfaces" in message


def test_unknown_key_inside_an_entry():
    assert "interfaces.0.plane: unknown key" in problem("name: a\ninterfaces: [{substrate: W, plane: '110'}]\n")


def test_wrong_type_says_where_and_what():
    assert "protocol.fmax_ev_per_a" in problem(GOOD + "protocol: {fmax_ev_per_a: tight}\n")


def test_every_problem_is_named_at_once():
    message = problem("name: 'a b'\nprotocol: {seed: -1}\n")
    assert "2 problems" in message and "seed" in message and "name" in message


def test_unquoted_hexagonal_plane_is_explained():
    assert "quotes" in problem("name: a\nsurfaces: [{material: Ti, planes: [0001]}]\n")


def test_plain_integer_planes_are_taken():
    assert parse_campaign("name: a\nsurfaces: [{material: W, planes: [110]}]\n", "x").surfaces[0].planes == ("110",)


@pytest.mark.parametrize("text", ["", "just text", "- 1\n- 2", "name: [", "a: &x [*x]"])
def test_not_a_campaign(text):
    assert "mine.yaml" in problem(text)


def test_python_objects_in_yaml_are_refused():
    assert "not YAML" in problem("name: !!python/object/apply:os.system [ls]")


def test_too_few_thicknesses():
    assert "three different thicknesses" in problem(GOOD + "protocol: {film_planes_100: [4, 6]}\n")


def test_missing_file():
    with pytest.raises(CampaignError, match="neither a file nor one of"):
        Campaign.load("no-such-campaign")


def expand(text, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return Campaign.load(path, ["morse"]).cases()


def test_unknown_material_and_bad_plane_are_both_reported(tmp_path):
    with pytest.raises(CampaignError) as caught:
        expand("name: a\nsurfaces: [{material: Wolfram}, {material: W, planes: [abc]}]\n", tmp_path)
    assert "surfaces.0" in str(caught.value) and "surfaces.1" in str(caught.value)


def test_impossible_match_names_limits(tmp_path):
    text = "name: a\ninterfaces: [{substrate: W, planes: ['110'], max_strain_percent: 0.01, max_area_a2: 30}]\n"
    with pytest.raises(CampaignError, match=r"Li\(100\) on W\(110\)"):
        expand(text, tmp_path)


def test_termination_that_does_not_exist(tmp_path):
    with pytest.raises(CampaignError, match="termination"):
        expand("name: a\nsurfaces: [{material: W, planes: ['110'], termination: 7}]\n", tmp_path)


def test_a_cif_joins_by_one_line(tmp_path):
    from liface.structures.library import load

    load("LiCl").structure().to(filename=str(tmp_path / "salt.cif"))
    text = "name: a\nmaterials: {my-salt: salt.cif}\nsurfaces: [{material: my-salt, planes: ['100']}]\n"
    cases = expand(text, tmp_path)
    assert [case.spec.name for case in cases] == ["bulk/my-salt", "surface/my-salt-100"]
    assert cases[1].spec.material.closed_shell_salt


def test_broken_cif(tmp_path):
    (tmp_path / "broken.cif").write_text("data_x\n_cell_length_a 3\n")
    with pytest.raises((CampaignError, MaterialFileError), match=r"broken\.cif"):
        expand("name: a\nmaterials: {bad: broken.cif}\nsurfaces: [{material: bad, planes: ['100']}]\n", tmp_path)


def test_integer_cells_do_not_depend_on_the_engine():
    first, second = (
        [c.spec.match for c in Campaign.load("quickstart", [engine]).cases() if c.spec.kind == "interface"]
        for engine in ("morse", "emt")
    )
    assert first == second


def test_two_different_cases_of_one_name_are_refused(tmp_path):
    text = "name: a\nbindings: [{substrate: Cu, plane: '111', n_li: [1]}, {substrate: Cu, plane: '111', n_li: [4]}]\n"
    with pytest.raises(CampaignError, match="two different ways"):
        expand(text, tmp_path)


def test_coherent_and_free_are_two_cases(tmp_path):
    entry = "{substrate: Cu, planes: ['111'], film_planes: ['110'], relaxation: %s}"
    cases = expand(f"name: a\ninterfaces: [{entry % 'coherent'}, {entry % 'free'}]\n", tmp_path)
    assert len([case for case in cases if case.spec.kind == "interface"]) == 2


@pytest.mark.parametrize("substrate", ["LiCl", "ZnO"])
def test_monolayer_cells_exist_wherever_a_match_does(substrate, tmp_path):
    from liface.structures.library import load

    plane = load(substrate).default_planes[0]
    entry = f"{{substrate: {substrate}, plane: '{plane}', monolayers: [1]}}"
    text = f"name: a\nprotocol: {{max_area_a2: 200}}\nbindings: [{entry}]\n"
    assert expand(text, tmp_path)


def test_infinite_numbers_are_refused():
    assert "fmax_ev_per_a" in problem(GOOD + "protocol: {fmax_ev_per_a: .inf}\n")


def test_a_bad_responses_file_is_told_of_before_the_run(tmp_path):
    from liface.errors import ResponseDataError

    (tmp_path / "points.yaml").write_text("points: [{response: ccd}]\n")
    with pytest.raises(ResponseDataError, match=r"points\.yaml"):
        expand("name: a\nbulks: [Li]\nresponses: points.yaml\n", tmp_path)
