"""A person's own published values where other commands show or use them: growth runs and correlations."""

from __future__ import annotations

import pytest
from published_bindings import database_of_published_bindings
from stored_results import fill

from liface.database import Database
from liface.documents import LiteratureValue
from liface.testing.cli import run_cli

GROW = ("--size", 12, "--atoms", 60, "--seeds", 2, "--diffusion-substrate", 0.3, "--diffusion-li", 0.3)


def test_growth_tells_what_is_published_of_its_inputs(tmp_path):
    db = database_of_published_bindings(tmp_path)
    own = LiteratureValue(
        quantity="binding", material="Cu", plane="111", n_li=4, arrangement="dispersed", monolayers=0, value=-600,
        unit="meV", method="r2SCAN", doi="10.1000/182",
    )  # fmt: skip
    with Database(db) as database:
        database.add_literature([own])
    told = run_cli(["grow", "Cu(111)", *GROW, "--db", db]).err
    line = "beside it: binding of 4 Li, dispersed on Cu(111): -0.57; published"
    assert f"{line} -0.6 eV (10.1000/182)" in told
    assert f"{line} -0.57 eV (10.1002/adma.202206762)" in told


def ccd(**changes) -> LiteratureValue:
    values = {"quantity": "ccd", "material": "Li2S", "value": 10.0, "unit": "A/m2", "method": "experiment",
              "protocol": "oh2024-ccd", "citation": "our cell 7"}  # fmt: skip
    return LiteratureValue.model_validate(values | changes)


@pytest.mark.parametrize(("protocol", "n"), [("oh2024-ccd", 7), ("our own way", 6)])
def test_a_measured_value_joins_the_points_of_its_protocol(tmp_path, protocol, n):
    db = fill(tmp_path / "own.db")
    with Database(db) as database:
        database.add_literature([ccd(protocol=protocol)])
    report = run_cli(["correlate", "ccd", "--protocol", "oh2024-ccd", "--db", db, "--json"]).json
    assert report["n"] == n
    assert (("Li2S", 1.0) in {(p["material"], p["value"]) for p in report["points"]}) is (n == 7)


def test_the_shipped_points_are_not_counted_twice(tmp_path):
    db = fill(tmp_path / "own.db")
    run_cli(["literature", "import", "shipped", "--db", db])
    assert run_cli(["correlate", "ccd", "--db", db, "--json"]).json["n"] == 6
