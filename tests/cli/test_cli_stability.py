from __future__ import annotations

from collections import Counter

import pytest
from stored_results import CREATED, engine

from liface.database import Database
from liface.documents import BulkResult, Geometry, Provenance
from liface.testing.cli import run_cli

ENTRIES = """
level: PBE, made up
entries:
  - {formula: Li, energy_ev_per_atom: -1.9}
  - {formula: Cu, energy_ev_per_atom: -3.7}
  - {formula: Li2Te, energy_ev_per_atom: -3.5}
  - {formula: Te, energy_ev_per_atom: -3.1}
  - {name: weissite, formula: Cu2Te, energy_ev_per_atom: -3.65}
"""


@pytest.fixture
def entries(tmp_path):
    path = tmp_path / "entries.yaml"
    path.write_text(ENTRIES)
    return path


def bulk(material, species, energy, by=None):
    n = len(species)
    geometry = Geometry(
        cell=((4.0, 0.0, 0.0), (0.0, 4.0, 0.0), (0.0, 0.0, 4.0 * n)),
        species=tuple(species),
        positions=tuple((0.0, 0.0, 4.0 * i) for i in range(n)),
        frozen=(False,) * n,
        roles=("bulk",) * n,
    )
    provenance = Provenance(
        campaign="made-up", case=f"bulk/{material}", calc_ids=(), liface_version="0", doi=(), created_at=CREATED
    )
    return BulkResult(
        definition="made up", engine=by or engine(), converged=True, provenance=provenance, material=material,
        energy_ev_per_atom=energy, volume_a3_per_atom=64.0, lattice=(4.0, 4.0, 4.0 * n, 90.0, 90.0, 90.0),
        structure=geometry,
    )  # fmt: skip


BULKS = (
    ("Li", ["Li"], -1.9), ("Al", ["Al"] * 4, -3.7), ("W", ["W"] * 2, -12.9),
    ("Li9Al4", ["Li"] * 18 + ["Al"] * 8, (-1.9 * 9 - 3.7 * 4) / 13 - 0.15),
)  # fmt: skip


def stored(folder, bulks):
    with Database(folder / "bulks.db") as database:
        for each in bulks:
            database.add_result(each)
    return folder / "bulks.db"


def test_a_table_of_supplied_entries(entries):
    done = run_cli(["stability", "--entries", entries])
    assert "weissite + 2 Li -> 2 Cu + Li2Te" in done.out and "reacts with Li" in done.out
    assert "5 phases of PBE, made up" in done.err and "no other phase is known of: Cu (Cu)\n" in done.err
    (row,) = run_cli(["stability", "weissite", "--entries", entries, "--json"]).json
    assert row["reaction_energy_ev"] == pytest.approx(2 * -3.7 + 3 * -3.5 - 3 * -3.65 - 2 * -1.9)
    assert row["window_low_v"] == pytest.approx(-row["reaction_energy_ev"] / 2) and row["li_taken_up"] == 2


def test_stored_bulks_with_what_the_library_knows(tmp_path):
    db = stored(tmp_path, [bulk(*each) for each in BULKS])
    rows = {row["material"]: row for row in run_cli(["stability", "--db", db, "--json"]).json}
    assert Counter({name: row["verdict"] for name, row in rows.items()}) == Counter(
        {"Al": "alloys with Li", "W": "nothing competes", "Li9Al4": "end member"}
    )
    assert rows["W"]["untested"] == ["W"] and rows["W"]["band_gap_ev"] is None
    assert "no other phase is known of: W (W)" in run_cli(["stability", "W", "--db", db]).err


def test_bulks_of_two_engines_are_not_mixed(tmp_path):
    other = engine("chgnet", "0.3.0")
    db = stored(tmp_path, [bulk(*each) for each in BULKS] + [bulk(*each, by=other) for each in BULKS[:2]])
    run_cli(["stability", "--db", db], code=2, err=r"bulks of chgnet:0.3.0, morse:liface are stored; choose one")
    rows = run_cli(["stability", "--db", db, "--engine", "chgnet", "--json"]).json
    assert [row["material"] for row in rows] == ["Al"] and rows[0]["level"].startswith("chgnet:0.3.0 [")
    run_cli(
        ["stability", "--db", db, "-e", "gpaw:PBE"], code=2, err="no bulks of gpaw:PBE; stored: chgnet:0.3.0, morse"
    )


def test_what_is_missing_is_named_with_what_computes_it(tmp_path, entries):
    db = stored(tmp_path, [bulk(*each) for each in BULKS[1:3]])
    run_cli(["stability", "W", "--db", db], code=1, err="no entry of Li metal; compute it")
    run_cli(
        ["stability", "Zr", "--db", db], code=2, err=r"no entry of Zr; entries: Al, W. 'bulks: \[Zr\]' in a campaign"
    )
    Database(tmp_path / "empty.db").close()
    empty = ["stability", "--db", tmp_path / "empty.db"]
    run_cli(empty, code=2, err="the database holds no bulks; liface campaign run bulks computes those")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("level: x", r"entries.yaml: entries: Field required; a file holds 'level: TEXT' and"),
        ("level: x\nentries: []", r"entries: List should have at least 1 item"),
        ("level: x\nentries: [{formula: Li}]", r"entries.0.energy_ev_per_atom: Field required"),
        ("level: x\nentries: [{formula: Li, energy_ev_per_atom: .nan}]", r"should be a finite number"),
        ("level: x\nentries: [{formula: Xx2, energy_ev_per_atom: 1}]", r"entries.yaml: .*Xx2"),
        ("level: x\nentries: [{formula: Li, energy: 1, energy_ev_per_atom: 1}]", r"entries.0.energy: Extra inputs"),
        ("a: [", "entries.yaml: while parsing"),
    ],
)
def test_a_bad_file_of_entries_is_told_with_its_key(entries, text, message):
    entries.write_text(text)
    run_cli(["stability", "--entries", entries], code=2, err=message)


def test_a_file_that_is_not_there():
    run_cli(["stability", "--entries", "none.yaml"], code=2, err="none.yaml: No such file or directory")
