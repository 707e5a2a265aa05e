"""The table of structures follows the documents through everything that is done with them."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest
from database_factories import (
    OTHER,
    all_results,
    binding,
    bulk,
    calculation,
    failed_case,
    finished_case,
    geometry,
    interface,
    surface,
    wetting,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

from liface.database import Database
from liface.database.schema import STRUCTURE_ELEMENTS, STRUCTURE_TABLE
from liface.database.structures import dimension_types, formulas, geometry_of
from liface.documents import Geometry


def kinds(db):
    return Counter(entry["_liface_kind"] for entry in db.structures.every())


def only(db, where):
    (entry,) = db.structures.page(where).entries
    return entry


def crystal(cell, positions, species):
    n = len(species)
    return Geometry(
        cell=tuple(map(tuple, cell)), positions=tuple(map(tuple, positions)), species=tuple(species),
        frozen=(False,) * n, roles=("bulk",) * n,
    )  # fmt: skip


def test_every_result_with_a_cell_and_every_energy_is_one_structure(db):
    results = all_results()
    for result in results:
        db.add_result(result)
    for number, status in enumerate(("converged", "unconverged", "failed")):
        db.add_calculation(calculation(number, status))
    with_cell = [result.kind for result in results if hasattr(result, "structure")]
    assert kinds(db) == Counter([*with_cell, "calculation", "calculation"])
    assert db.verify() == []


def test_an_entry_says_what_its_document_says(db):
    made = interface("W", "110", flags=("reactive: 4 of 16 bonds", "few_points"))
    db.add_result(made)
    entry = only(db, '_liface_kind="interface"')
    assert entry["_liface_record_id"] == made.record_id
    assert entry["_liface_gamma_mev_per_a2"] == made.gamma_mev_per_a2
    assert (entry["_liface_substrate"], entry["_liface_film"], entry["_liface_film_plane"]) == ("W", "Li", "110")
    assert entry["_liface_flags"] == list(made.flags)
    assert entry["references"] == list(made.provenance.doi)
    assert entry["last_modified"] == "2026-03-01T12:00:00Z"
    assert entry["cartesian_site_positions"] == [list(row) for row in made.structure.positions]
    assert entry["lattice_vectors"] == [list(row) for row in made.structure.cell]
    assert entry["species_at_sites"] == list(made.structure.species)
    assert entry["_liface_frozen"] == list(made.structure.frozen)
    assert (entry["elements"], entry["elements_ratios"]) == (["Cu", "Li"], [0.5, 0.5])


def test_a_calculation_shows_its_final_cell_and_energy(db):
    made = calculation(0)
    db.add_calculation(made)
    entry = only(db, '_liface_kind="calculation"')
    assert entry["id"] == made.calc_id
    assert entry["cartesian_site_positions"] == [list(row) for row in made.final.positions]
    assert (entry["_liface_energy_ev"], entry["_liface_energy_ev_per_atom"]) == (-3.25, -1.625)
    assert (entry["_liface_converged"], entry["_liface_task"], entry["_liface_label"]) == (True, "relax", "test/n0")


def test_a_newer_result_takes_the_place_of_the_older_under_the_same_id(db):
    db.add_result(interface("W", gamma=100.0))
    before = only(db, '_liface_substrate="W"')
    db.add_result(interface("W", gamma=90.0))
    after = only(db, '_liface_substrate="W"')
    assert after["id"] == before["id"] and after["immutable_id"] != before["immutable_id"]
    assert after["_liface_gamma_mev_per_a2"] == 90.0
    db.add_result(interface("W", gamma=100.0))
    assert only(db, '_liface_substrate="W"') == before
    assert db.verify() == []


def test_other_engines_and_campaigns_are_other_structures(db):
    db.add_result(interface("W"))
    db.add_result(interface("W", engine=OTHER))
    db.add_result(interface("W", campaign="other"))
    assert db.structures.count() == 3
    assert db.verify() == []


def test_what_no_longer_follows_is_hidden(db):
    db.put_derived("quickstart", ("surface", "wetting"), [surface("Cu"), surface("Mo"), wetting()])
    db.put_derived("quickstart", ("surface", "wetting"), [surface("Mo")])
    assert [entry["_liface_substrate"] for entry in db.structures.every()] == ["Mo"]
    assert db.verify() == []


def test_results_that_only_an_earlier_case_listed_are_hidden(db):
    old, kept = surface("Cu"), surface("Mo")
    elsewhere = surface("Cu", case="elsewhere")
    db.add_result(elsewhere)
    db.commit_case(finished_case([old, kept]), [old, kept])
    db.commit_case(finished_case([kept]), [kept])
    assert sorted(entry["_liface_case"] for entry in db.structures.every()) == ["case", "elsewhere"]
    db.add_case(failed_case())
    assert [entry["_liface_case"] for entry in db.structures.every()] == ["elsewhere"]
    assert db.verify() == []


def test_replaced_and_forgotten_calculations(db):
    made = calculation(0)
    db.add_calculation(made)
    db.add_calculation(made.model_copy(update={"energy_ev": -9.0}))
    assert only(db, None)["_liface_energy_ev"] == -3.25
    db.add_calculation(made.model_copy(update={"energy_ev": -9.0}), replace=True)
    assert only(db, None)["_liface_energy_ev"] == -9.0
    db.add_calculation(calculation(0, "failed"), replace=True)
    assert db.structures.count() == 0
    db.add_calculation(made, replace=True)
    db.forget_calculations([made.calc_id])
    assert db.structures.count() == 0
    with db._store.reading() as connection:
        assert connection.execute(STRUCTURE_ELEMENTS.select()).all() == []


@pytest.mark.parametrize(
    "cell", [((1.0, 0, 0), (2.0, 0, 0), (0, 0, 1.0)), ((float("nan"), 0, 0), (0, 1.0, 0), (0, 0, 1.0))]
)
def test_what_is_no_structure_is_stored_all_the_same(db, cell):
    made = calculation(0).model_copy(update={"final": geometry().model_copy(update={"cell": cell})})
    assert geometry_of(made) is None
    db.add_calculation(made)
    assert db.count("calculations") == 1 and db.structures.count() == 0


def test_verify_finds_a_table_that_says_something_else_and_rebuilding_mends_it(db):
    for result in (interface("W"), surface("Cu"), bulk()):
        db.add_result(result)
    db.add_calculation(calculation(0))
    before = list(db.structures.every())
    with db._store.writing() as connection:
        connection.execute(update(STRUCTURE_TABLE).where(STRUCTURE_TABLE.c.kind == "interface").values(nsites=7))
        connection.execute(delete(STRUCTURE_TABLE).where(STRUCTURE_TABLE.c.kind == "surface"))
        lost = update(STRUCTURE_TABLE).where(STRUCTURE_TABLE.c.kind == "bulk").values(immutable_id="none")
        connection.execute(lost)
        connection.execute(delete(STRUCTURE_ELEMENTS))
    messages = "\n".join(str(problem) for problem in db.verify())
    for part in ("nsites of its structure is 7", "not in the table", "no structure of a shown row of bulks",
                 "structure_elements of its structure", "liface database reindex"):  # fmt: skip
        assert part in messages
    assert db.reindex() == 4
    assert db.verify() == [] and list(db.structures.every()) == before


def test_a_write_that_fails_leaves_the_structures_as_they_were(file):
    with Database(file) as database:
        database.add_result(surface("Cu"))
        before = list(database.structures.every())
        bad = surface("Cu", gamma=float("nan"))
        with pytest.raises(Exception, match="finite"):
            database.commit_case(finished_case([], record_ids=()), [bad])
        assert list(database.structures.every()) == before


def test_vacuum_decides_along_which_vectors_a_cell_repeats():
    slab = [(4, 0, 0), (0, 4, 0), (1.0, 0.5, 12)]
    assert dimension_types(crystal(slab, [(0, 0, 0), (2, 2, 2)], ("W", "Li"))) == [1, 1, 0]
    assert dimension_types(crystal(slab, [(0, 0, 0), (2, 2, 6.0)], ("W", "Li"))) == [1, 1, 0]
    assert dimension_types(crystal(slab, [(0, 0, 0), (2, 2, 6.1), (0, 0, 9)], ("W", "Li", "Li"))) == [1, 1, 0]
    assert dimension_types(crystal(slab, [(0, 0, 0), (2, 2, 4), (0, 0, 8)], ("W", "Li", "Li"))) == [1, 1, 1]
    box = np.diag([20.0, 20.0, 20.0])
    assert dimension_types(crystal(box, [(19, 19, 19), (1, 1, 1)], ("Li", "Li"))) == [0, 0, 0]
    assert dimension_types(binding().structure) == [1, 1, 0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["Li", "W", "C", "H", "O", "Mo", "Cu"]), min_size=1, max_size=30))
def test_formulas_are_those_of_optimade(species):
    from optimade.models.utils import anonymize_formula, reduce_formula

    found = formulas(tuple(species))
    descriptive = found["chemical_formula_descriptive"]
    assert found["chemical_formula_reduced"] == reduce_formula(descriptive)
    assert found["chemical_formula_anonymous"] == anonymize_formula(descriptive)


def test_hill_puts_carbon_and_hydrogen_first_where_there_is_carbon():
    assert formulas(("O", "H", "C", "H", "Br"))["chemical_formula_hill"] == "CH2BrO"
    assert formulas(("O", "H", "H", "Br"))["chemical_formula_hill"] == "BrH2O"


def test_entries_are_json(db):
    for result in all_results():
        db.add_result(result)
    assert json.loads(json.dumps(list(db.structures.every()), allow_nan=False)) == list(db.structures.every())


def test_the_command_line_derives_the_table_again(file):
    from typer.testing import CliRunner

    from liface.cli.app import app

    with Database(file) as database:
        database.add_result(surface("Cu"))
        with database._store.writing() as connection:
            connection.execute(delete(STRUCTURE_TABLE))
        assert database.structures.count() == 0
    done = CliRunner().invoke(app, ["database", "reindex", "--db", str(file)])
    assert done.exit_code == 0 and "1 structure" in done.output
    with Database(file) as database:
        assert database.structures.count() == 1
    done = CliRunner().invoke(app, ["database", "reindex", "--db", str(file.with_name("none.db"))])
    assert done.exit_code != 0 and not file.with_name("none.db").exists()
