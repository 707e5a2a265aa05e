"""``liface creep`` and ``liface deposit`` as a person calls them."""

from pathlib import Path

import pytest

from liface.database import Database
from liface.documents import EngineInfo, Provenance, WettingResult
from liface.testing.cli import run_cli
from liface.units import j_per_m2

BY_HAND = ["--adhesion", "SE,C=60", "--adhesion", "C,Fe=20", "--adhesion", "Li,SE=40"]
STACK = ["deposit", "--electrolyte", "SE", "--interlayer", "C", "--collector", "Fe"]


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LIFACE_DB", raising=False)


def wetting(substrate, work, plane="110", model="liface"):
    engine = EngineInfo(
        name="morse", model=model, code="morse", code_version="1", weights_sha256="0" * 64, trained_on="nothing"
    )
    return WettingResult(
        definition="made up", engine=engine, converged=True,
        provenance=Provenance(
            campaign="c", case=f"wetting/{substrate}-{plane}", calc_ids=(), liface_version="0", doi=()
        ),
        substrate=substrate, substrate_plane=plane, film_plane="100", gamma_substrate_mev_per_a2=work,
        gamma_li_mev_per_a2=30.0, gamma_interface_mev_per_a2=30.0, work_of_adhesion_mev_per_a2=work,
        work_of_adhesion_j_per_m2=j_per_m2(work), cos_theta=work / 30 - 1, contact_angle_deg=90.0,
    )  # fmt: skip


def store(*results):
    with Database("liface.db") as database:
        for result in results:
            database.add_result(result)


def test_rates_as_table_and_json(tmp_path):
    out = run_cli(["creep", "rates", "-d", 31, "-d", 433, "-t", 60, "--stress", 1], out="equally fast").out
    assert "Coble" in out and "433" in out
    found = run_cli(["creep", "rates", "-d", 31, "--overpotential", 1, "--json"], err="an upper bound").json
    assert found["rates"][0]["stress_mpa"] == pytest.approx(7.44, abs=0.01) and len(found["critical_sizes"]) == 3


def test_map_is_written_as_asked():
    run_cli(["creep", "rates", "--map", "map.svg", "--map-over", "temperature"], err="map written to map.svg")
    assert "pore diameter (nm)" in Path("map.svg").read_text("utf-8")
    run_cli(["creep", "rates", "--map", "map.doc"], code=2, err="figures are written as .png or .svg")


def test_host_from_any_two():
    assert run_cli(["creep", "host", "--thickness", 15, "--capacity", 2.473, "--json"]).json[
        "porosity"
    ] == pytest.approx(0.80, abs=0.001)
    run_cli(["creep", "host", "--thickness", 15, "--porosity", 0.8, "-d", 100], out="limited by transport")
    run_cli(["creep", "host", "--thickness", 15], code=2, err="needs two of")
    run_cli(["creep", "host", "--thickness", 15, "--porosity", 1.2], code=2, err="porosity is 1.2")


def test_check_says_what_does_not_agree():
    run_cli(["creep", "check"], out="inside the band only")
    assert len(run_cli(["creep", "check", "--json"]).json["threshold"]["tested"]) == 5
    run_cli(["creep", "parameters"], out="memory")


@pytest.mark.parametrize(("arguments", "message"), [
    (["-d", -1], "pore_nm is -1"),
    (["-t", 300], "melting point"),
    (["--stress", 1, "--overpotential", 1], "give one of them"),
    (["--set", "x=1"], "no creep parameter 'x'"),
    (["--set", "coble_k"], "write NAME=VALUE"),
])  # fmt: skip
def test_mistakes_in_rates(arguments, message):
    run_cli(["creep", "rates", *arguments], code=2, err=message)


def test_deposit_by_hand_as_table_json_and_figure():
    given = [*STACK, *BY_HAND, "--adhesion", "Li,C=15", "--adhesion", "Li,Fe=30"]
    run_cli([*given, "--figure", "d.png"], out="Li goes to the collector", err="figure written to d.png")
    found = run_cli([*given, "--formation-pressure", 5, "--hardness", 400, "--json"]).json
    assert found["answer"] == "electrolyte" and found["contact"] == pytest.approx(0.0125)
    assert {b["variable"] for b in found["boundaries"]} == {"adhesion at full contact", "contact"}


def test_deposit_from_the_database():
    store(wetting("C", 15.0), wetting("Fe", 30.0), wetting("SE", 99.0))
    found = run_cli([*STACK, *BY_HAND, "--json"]).json
    sources = {a["pair"]: (a["adhesion_mev_per_a2"], a["source"]) for a in found["adhesions"]}
    assert sources["Li|C"] == (15.0, "wetting of C(110), morse:liface")
    assert sources["Li|SE"] == (40.0, "given by hand")


def test_deposit_needs_one_value_of_one_engine():
    store(wetting("C", 15.0), wetting("C", 20.0, plane="001"), wetting("Fe", 30.0, model="other"))
    run_cli([*STACK, *BY_HAND], code=2, err=r"several wetting results of C, .*name the plane as 'C\(PLANE\)'")
    one_plane = [*STACK[:3], "--interlayer", "C(001)", "--collector", "Fe", "--adhesion", "SE,C(001)=60",
                 "--adhesion", "C(001),Fe=20", "--adhesion", "Li,SE=40"]  # fmt: skip
    run_cli(one_plane, code=1, err="choose one with --engine")
    run_cli([*one_plane, "--engine", "morse:liface"], code=2, err="adhesion of Li and Fe is not known")
    run_cli([*one_plane, "--adhesion", "Li,Fe=30"], out="Li goes to the")


@pytest.mark.parametrize(("arguments", "message"), [
    (STACK, "adhesion of SE and C is not known"),
    (STACK[:5], "collector: is missing"),
    (["deposit", "none.yaml"], "none.yaml cannot be read"),
    ([*STACK, "--adhesion", "SE,C"], "write NAME=NUMBER"),
    ([*STACK, "--potential", "middle=1"], "potential_v.middle"),
    ([*STACK, "-d", 31], "pores.porosity: is missing"),
    ([*STACK, "--hardness", 100], "give both or neither"),
])  # fmt: skip
def test_mistakes_in_deposit(arguments, message):
    run_cli(arguments, code=2, err=message)
