"""Files of published values: read whole, or refused with row, column, value and what is allowed."""

from __future__ import annotations

import csv

import pytest

from liface.analysis.literature import published, shipped
from liface.analysis.literature_file import COLUMNS, template, values_of
from liface.errors import LiteratureFileError

ROW = "{quantity: surface, material: W, plane: '110', value: 3.2, unit: J/m2, method: PBE, doi: 10.1000/1}"


def written(tmp_path, text, name="values.yaml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_template_is_read_as_it_stands(tmp_path):
    surface, barrier = values_of(written(tmp_path, template()))
    assert (surface.plane, surface.house_unit, surface.method) == ("110", "J/m²", "PBE")
    assert (barrier.qualifier, barrier.house_value, barrier.citation) == (">", 0.02, "an example")
    assert all(column in template() for column in COLUMNS)


def test_what_is_shipped_can_be_written_and_read_back(tmp_path):
    path = tmp_path / "all.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for value in shipped():
            writer.writerow({k: v for k, v in value.model_dump(mode="json").items() if k in COLUMNS})
    assert [v.literature_id for v in values_of(path)] == [v.literature_id for v in shipped()]


def test_defaults_hold_for_every_row(tmp_path):
    text = "defaults: {doi: 10.1000/1, method: PBE, quantity: lattice_a, unit: Å}\nvalues:\n" \
           "- {material: W, value: 3.17}\n- {material: Mo, value: 315, unit: pm}\n"  # fmt: skip
    assert [v.house_value for v in values_of(written(tmp_path, text))] == pytest.approx([3.17, 3.15])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"- {ROW}\n- {ROW.replace('J/m2', 'kg')}", r"row 2, column 'unit': 'kg'; surface is given in J/m²"),
        (f"- {ROW.replace('3.2', 'about 3')}", r"row 1, column 'value': 'about 3'; a finite number"),
        (f"- {ROW.replace('3.2', 'yes')}", r"row 1, column 'value': 'True'; a finite number"),
        (f"- {ROW.replace('3.2', '.inf')}", r"row 1, column 'value': 'inf'; a finite number"),
        (f"- {ROW.replace('surface', 'gamma')}", r"column 'quantity': 'gamma'; allowed: interface_gamma, "),
        (f"- {ROW.replace('10.1000/1', 'unknown')}", r"column 'doi': 'unknown'; no DOI; write 10\.xxxx/"),
        (f"- {ROW.replace('material: W, ', '')}", r"column 'material': missing; needed: the library name"),
        (f"- {ROW.replace('method', 'functional')}", r"column 'functional': unknown; known: quantity, material"),
        (f"- {ROW.replace(chr(39) + '110' + chr(39), '0001')}", r"column 'plane': 1 is no text; quote it"),
        (f"- {ROW.replace('}', ', qualifier: about}')}", r"column 'qualifier': 'about'; allowed: = ≈ >= > <= <"),
        (f"- {ROW.replace('}', ', n_li: 0}')}", r"column 'n_li': '0'; a whole number from 1"),
        (f"- {ROW}\n- {ROW}", r"row 2: says the same as row 1"),
        ("[]", "no values"), ("- W", "row 1 is 'W'"), ("just text", "a list of values"),
        ("{rows: []}", "unknown key rows"), ("{values: [", "no valid YAML"), ("- {a: &x [*x]}", "row 1"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_told_by_row_and_column(tmp_path, text, message):
    with pytest.raises(LiteratureFileError, match=message):
        values_of(written(tmp_path, text))


def test_all_problems_are_told_at_once(tmp_path):
    text = "\n".join(f"- {ROW.replace('3.2', f'x{i}')}" for i in range(12))
    with pytest.raises(LiteratureFileError, match=r"(?s)12 problems.*row 10, .*and 2 more"):
        values_of(written(tmp_path, text))


def test_csv_rows_have_as_many_cells_as_the_header(tmp_path):
    text = "quantity,material,value,unit,method,doi\nsurface,W,3,2,J/m2,PBE,10.1000/1\n"
    with pytest.raises(LiteratureFileError, match="row 1 has not as many cells"):
        values_of(written(tmp_path, text, "v.csv"))


def test_a_cell_of_a_csv_may_have_several_lines(tmp_path):
    text = 'quantity,material,value,unit,method,doi,note\nsurface,W,3.2,J/m2,PBE,10.1000/1,"one\ntwo"\n'
    (value,) = values_of(written(tmp_path, text, "v.csv"))
    assert value.note == "one\ntwo"


@pytest.mark.parametrize("name", ["values.txt", "values"])
def test_only_yaml_and_csv_are_read(tmp_path, name):
    with pytest.raises(LiteratureFileError, match=r"\.yaml, \.yml and \.csv"):
        values_of(written(tmp_path, "", name))


def test_a_file_that_is_no_text(tmp_path):
    path = tmp_path / "v.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LiteratureFileError, match="cannot be read as text"):
        values_of(path)


def test_numbers_of_the_papers_that_are_no_energies():
    assert {(v.material, v.value) for v in published("host_capacity")} == {("TiN", 2.473), ("carbon", 1.5)}
    assert [v.value for v in published("creep_size_limit")] == [200, 500]
