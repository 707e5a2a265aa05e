"""``liface grow SURFACE``: rates from the database, numbers by hand in their place, results stored."""

from __future__ import annotations

import pytest
from published_bindings import PBE, database_of_published_bindings
from stored_results import engine

from liface.database import Database
from liface.testing.cli import run_cli

SMALL = ("--size", 12, "--atoms", 60, "--seeds", 2)
BARRIERS = ("--diffusion-substrate", 0.3, "--diffusion-li", 0.3)


@pytest.fixture
def db(tmp_path):
    return database_of_published_bindings(tmp_path)


def test_ratio_and_bonds_come_from_the_database(db):
    said = r"E_b of 4 Li, bare, dispersed: \+0\.535 eV \(binding of binding/Li2Te-110, vasp:PBE\)"
    result = run_cli(["grow", "Li2Te(110)", *SMALL, *BARRIERS, "--db", db, "--json"], err=said)
    growth = result.json["spec"]["growth"]
    assert result.json["spec"]["ratios"][-2:] == pytest.approx([40.35, 100], rel=1e-3)
    assert growth["bond_li_ev"] == pytest.approx(0.047) and growth["bond_substrate_ev"] == pytest.approx(0.047)


def test_own_ratio_is_marked_and_stored(db):
    result = run_cli(["grow", "Cu", *SMALL, *BARRIERS, "--db", db, "--save", "first try"],
                     out=r"(?m)^1\.476 \*", err="saved as first try of campaign what-if")  # fmt: skip
    assert "* the ratio of this surface" in result.out
    with Database(db) as database:
        (stored,) = database.results("morphology")
        assert database.verify() == []
    assert (stored.substrate, stored.substrate_plane, stored.ratio_rule) == ("Cu", "111", "clusters")
    assert stored.ratio == pytest.approx(1.476, rel=1e-3) and stored.engine == PBE
    assert len(stored.heights) == 12 and sum(map(sum, stored.heights)) == 60
    by_hand = {i.name: i.value for i in stored.inputs if i.source == "by hand"}
    assert by_hand == {"diffusion barrier, substrate": 0.3, "diffusion barrier, Li": 0.3}
    row = run_cli(["query", "morphologies", "--db", db, "--json"]).json[0]
    assert row["ratio"] == stored.ratio and row["coverage"] == stored.coverage


def test_numbers_by_hand_win_and_are_told_apart(db):
    run_cli(["grow", "Cu(111)", *SMALL, *BARRIERS, "--bond-li", 0.2, "--ratio", 7, "--db", db, "--save", "x"])
    with Database(db) as database:
        (stored,) = database.results("morphology")
    assert (stored.ratio, stored.ratio_rule) == (7.0, "by hand")
    assert {i.name for i in stored.inputs if i.source == "by hand"} >= {"bond_li_ev", "ratio of arrival rates"}


def test_everything_by_hand_is_stored_without_an_engine(tmp_path):
    db = tmp_path / "new.db"
    run_cli(["grow", "Cu(111)", *SMALL, "--from-binding", -0.02, 0.03, "--db", db, "--save", "x"])
    with Database(db) as database:
        (stored,) = database.results("morphology")
        assert database.verify() == []
    assert stored.engine is None and stored.ratio_rule == "atoms" and stored.ratio == pytest.approx(7.0, rel=0.01)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["W"], r"no binding energies of a Li cluster .* on W .*bindings: \[\{substrate: W"),
        (["Cu(100)"], r"on Cu\(100\)"),
        (["Cu"], r"no diffusion barrier of Li on Cu\(111\) of vasp:PBE.*barriers: .*--diffusion-substrate"),
        (["Cu", "--cluster", 4, -0.5, -0.6], "leave"),
        (["Cu", *BARRIERS, "--engine", "chgnet"], "of chgnet"),
        (["Cu", "--resume", "x.npz"], "leave out SURFACE"),
        (["--ratio", 2, "--save", "x"], r"name it as 'Cu\(111\)'"),
    ],
)
def test_what_is_missing_is_named(db, arguments, words):
    before = db.read_bytes()
    run_cli(["grow", *arguments, "--db", db], code=2, err=words)
    assert db.read_bytes() == before


def test_engines_are_not_mixed(tmp_path):
    db = database_of_published_bindings(tmp_path, PBE, engine("sevennet", "7net-0"))
    run_cli(["grow", "Cu", *BARRIERS, "--db", db], code=2, err="sevennet:7net-0, vasp:PBE are stored; choose one")
    run_cli(["grow", "Cu", *SMALL, *BARRIERS, "--db", db, "--engine", "vasp:PBE", "--ratio", 1], err="vasp:PBE")


def test_a_read_only_database_is_known_before_the_runs(db, monkeypatch):
    run_cli(["grow", "Cu", *BARRIERS, "--db", "/proc/none.db", "--save", "x"], code=3, err="none.db")
