import pytest

from liface.analysis.responses import measured
from liface.errors import ResponseDataError

CSV = """response,material,value,unit,qualifier,protocol,doi,conditions
ccd,Ag,2.5,mA/cm²,≥,mine,,temperature_c=60; pressure_mpa=5
ccd,Ni,1.1,mA/cm²,=,mine,https://doi.org/10.1000/xyz,
"""

YAML = """
protocols: {mine: our cell at 60 °C}
points:
  - {response: ccd, material: Ag, value: 2.5, unit: mA/cm², qualifier: ">=", protocol: mine,
     conditions: {temperature_c: 60}}
"""


def write(folder, text, name="points.yaml"):
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_points_of_a_csv_file_follow_the_shipped_ones(tmp_path):
    points = measured("ccd", write(tmp_path, CSV, "mine.csv"))
    assert points[:-2] == measured("ccd")
    silver, nickel = points[-2:]
    assert (silver.qualifier, silver.value, silver.label, silver.doi) == (">=", 2.5, "Ag", "")
    assert silver.conditions == {"temperature_c": "60", "pressure_mpa": "5"}
    assert nickel.doi == "10.1000/xyz"


def test_points_of_a_yaml_file_take_the_text_of_their_protocol(tmp_path):
    point = measured("ccd", write(tmp_path, YAML))[-1]
    assert point.protocol_text == "our cell at 60 °C"
    assert point.conditions == {"temperature_c": 60}
    assert point.text == ">= 2.5 mA/cm²"


def test_a_plain_list_and_a_new_response_are_fine(tmp_path):
    text = "- {response: cycles, material: W, value: 300, unit: '1', qualifier: '>', protocol: mine}"
    (point,) = measured("cycles", write(tmp_path, text))
    assert point.value == 300


def test_unknown_response_lists_known_ones():
    with pytest.raises(ResponseDataError, match=r"'cdc'.*ccd, first_cycle_ce"):
        measured("cdc")


ROW = "response: ccd, material: Ag, value: 2.5, unit: mA/cm², qualifier: '=', protocol: mine"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (ROW.replace("material: Ag, ", ""), "row 1: key material is missing"),
        (ROW + ", temperature: 60", "row 1: unknown key temperature; allowed: response"),
        (ROW.replace("'='", "about"), r"row 1, key 'qualifier': 'about'; allowed: = ≈ >="),
        (ROW.replace("2.5", "'>2.5'"), "row 1, key 'value': '>2.5' is no finite number"),
        (ROW.replace("2.5", ".nan"), "row 1, key 'value'"),
        (ROW.replace("2.5", "true"), "row 1, key 'value'"),
        (ROW.replace("mA/cm²", "A/m2"), "row 1, key 'unit': 'A/m2'; ccd is given in mA/cm²"),
        (ROW.replace("material: Ag", "material: No"), "row 1, key 'material': False is no text; quote it"),
        (ROW + ", doi: see text", "row 1, key 'doi'"),
        (ROW + ", conditions: hot", "row 1, key 'conditions'"),
        (
            ROW.replace("Ag", "W, label: W/Mg").replace("mine", "oh2024-ccd"),
            "W/Mg of protocol oh2024-ccd is there already",
        ),
    ],
)
def test_a_bad_point_is_named_with_row_and_key(tmp_path, row, message):
    with pytest.raises(ResponseDataError, match=message) as caught:
        measured(extra_file=write(tmp_path, f"- {{{row}}}"))
    assert "points.yaml" in str(caught.value)


def test_the_second_bad_row_is_counted(tmp_path):
    with pytest.raises(ResponseDataError, match="row 2"):
        measured(extra_file=write(tmp_path, f"- {{{ROW}}}\n- {{{ROW.replace('Ag', 'Ni').replace('2.5', 'x')}}}"))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("points.txt", "x", "ending .txt"),
        ("points.yaml", "- {a: [", "not valid YAML"),
        ("points.yaml", "", "no points"),
        ("points.yaml", "- 5", "is no point"),
        ("points.yaml", "rows: []", "unknown key rows; allowed: points, protocols"),
        ("points.yaml", "protocols: []", "no points"),
        ("points.csv", "response,material\n", "no points"),
        ("points.csv", "response,material\nccd,W,5\n", "row 1: not as many cells"),
        ("points.csv", CSV.replace("temperature_c=60", "60 degrees"), "row 1, key 'conditions'"),
    ],
)
def test_a_bad_file_is_named(tmp_path, name, text, message):
    with pytest.raises(ResponseDataError, match=message) as caught:
        measured(extra_file=write(tmp_path, text, name))
    assert name in str(caught.value)


def test_a_missing_or_binary_file_is_a_plain_error(tmp_path):
    with pytest.raises(ResponseDataError, match="cannot be read"):
        measured(extra_file=tmp_path / "nowhere.yaml")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(ResponseDataError, match="cannot be read"):
        measured(extra_file=tmp_path / "binary.csv")


def test_a_spreadsheet_with_byte_order_mark_is_read(tmp_path):
    (tmp_path / "mine.csv").write_text(CSV, "utf-8-sig")
    assert len(measured("ccd", tmp_path / "mine.csv")) == len(measured("ccd")) + 2
