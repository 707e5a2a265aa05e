"""Creep along a wall whose barrier and binding are stored."""

from __future__ import annotations

import math

import pytest
from wall_results import fill

from liface.database import Database
from liface.dispatch.walls import stored_wall
from liface.errors import InputError
from liface.mesoscale.creep import coble_rate
from liface.mesoscale.creep_parameters import DEFAULT
from liface.testing.cli import run_cli

KT = 8.617333262e-5 * 333.15


@pytest.fixture
def db(tmp_path):
    path = tmp_path / "walls.db"
    with Database(path) as database:
        fill(database)
    return path


def test_diffusivity_is_that_of_adatoms_times_the_sites_they_hold(db):
    with Database(db) as database:
        wall = stored_wall(database, "Cu(111)", 333.15)
        assert {i.record_id for i in wall.inputs} == {
            r.record_id for kind in ("barrier", "binding") for r in database.results(kind)
        }
    adatom = 4 * 2e12 * (2.5e-8) ** 2 / 4 * math.exp(-0.05 / KT)  # by hand, cm²/s
    assert wall.diffusivity_cm2_per_s == pytest.approx(adatom / (1 + math.exp(0.1 / KT)), rel=1e-9)


def test_coble_creep_follows_the_wall(db):
    with Database(db) as database:
        wall = stored_wall(database, "Cu", 333.15)
    changed = wall.applied_to(DEFAULT)
    ratio = coble_rate(31, 333.15, 1.0, changed.best())[0] / coble_rate(31, 333.15, 1.0, DEFAULT.best())[0]
    on_li = 0.014 * math.exp(-6.54 * 453.65 / 333.15)
    assert ratio == pytest.approx(wall.diffusivity_cm2_per_s / on_li)
    assert changed.path_ratio.basis == "computed" and changed.path_ratio.spread > 1


def test_the_command_says_and_stores_what_it_rests_on(db):
    run_cli(
        ["creep", "host", "--porosity", 0.5, "--thickness", 5, "--pore", 31, "-t", 60, "--wall", "Cu(111)", "--db", db,
         "--save", "tubes"],
        err=r"Li moves along Cu\(111\) with .* cm²/s \(emt:ase\)",
    )  # fmt: skip
    with Database(db) as database:
        (stored,) = database.results("creep")
        assert database.verify() == [] and sum(i.record_id is not None for i in stored.inputs) == 2
    assert stored.engine is not None and stored.engine.label == "emt:ase"


def test_what_is_missing_is_named(db):
    with Database(db) as database:
        with pytest.raises(InputError, match=r"no diffusion barrier of Li on W\(110\).*barriers: \[\{substrate: W"):
            stored_wall(database, "W(110)", 300.0)
        with pytest.raises(InputError, match="no diffusion barrier"):
            stored_wall(database, "Cu(111)", 300.0, engine="chgnet")
