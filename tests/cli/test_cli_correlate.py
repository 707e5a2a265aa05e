from __future__ import annotations

import pytest
from stored_results import GAMMAS, engine, interface

from liface.database import Database
from liface.testing.cli import run_cli


def ask(filled, *arguments, **options):
    return run_cli(["correlate", *arguments, "--db", filled], **options)


def test_answer_names_n_ranks_models_and_what_cannot_be_concluded(filled):
    out = ask(filled, "ccd").out
    for part in ("n = 6 points", "Spearman", "Kendall", "threshold", "leaving one out", "not supported", "10.1039/"):
        assert part in out
    assert ">= 5" in out and "W/Mg" in out


def test_ccd_is_the_default_response(filled):
    assert run_cli(["correlate", "--db", filled]).out == ask(filled, "ccd").out


def test_json_is_the_whole_report(filled):
    report = ask(filled, "ccd", "--json").json
    assert report["n"] == 6 and set(report["materials"]) == set(GAMMAS)
    assert {fit["model"] for fit in report["models"]} == {"constant", "linear", "threshold"}
    assert report["cannot_conclude"]


def test_prediction_of_a_computed_material(filled):
    predictions = ask(filled, "ccd", "--predict", "Li2S", "--json").json["predictions"]
    assert {(p["material"], p["descriptor"]) for p in predictions} == {("Li2S", 4.0)}
    assert all(p["lower"] < p["value"] < p["upper"] for p in predictions)
    assert "predictions" in ask(filled, "ccd", "--predict", "Li2S").out


def test_points_of_a_file_join(filled, tmp_path):
    (tmp_path / "mine.csv").write_text(
        "response,material,value,unit,qualifier,protocol\nccd,Li2S,1.0,mA/cm²,=,oh2024-ccd\n"
    )
    assert ask(filled, "ccd", "--points", "mine.csv", "--json").json["n"] == 7
    (tmp_path / "bad.csv").write_text("response,material\nccd,W\n")
    ask(filled, "ccd", "--points", "bad.csv", code=2, err=r"bad\.csv, row 1")
    ask(filled, "ccd", "--points", "none.csv", code=2, err=r"none\.csv")


def test_several_engines_must_be_told_apart(filled, tmp_path):
    (tmp_path / "two.db").write_bytes(filled.read_bytes())
    with Database("two.db") as database:
        for name, gamma in GAMMAS.items():
            database.add_result(interface(name, gamma + 5.0, by=engine("chgnet", "0.3.0")))
    ask("two.db", "ccd", code=2, err="chgnet:0.3.0, morse:liface; choose one with --engine")
    points = ask("two.db", "ccd", "--engine", "chgnet:0.3.0", "--json").json["points"]
    assert {p["material"]: p["descriptor"] for p in points} == {name: gamma + 5.0 for name, gamma in GAMMAS.items()}


@pytest.mark.parametrize("arguments, code, message", [
    (["cdd"], 2, "no measured points of response 'cdd'; known: ccd, "),
    (["ccd", "--descriptor", "colour"], 2, "unknown descriptor 'colour'; known: gamma_mev_per_a2"),
    (["ccd", "--protocol", "nobody2020"], 2, "no point of protocol 'nobody2020'.*oh2024-ccd"),
    (["ccd", "--predict", "Xx"], 1, "no descriptor of Xx"),
    (["ccd", "--film-plane", "111"], 1, "no measured point has a descriptor"),
    (["ccd", "--engine", "emt"], 1, "no measured point has a descriptor"),
    (["ccd", "--campaign", "other"], 1, "no measured point has a descriptor"),
])  # fmt: skip
def test_what_cannot_be_done_is_explained(filled, arguments, code, message):
    assert ask(filled, *arguments, code=code, err=message).out == ""
