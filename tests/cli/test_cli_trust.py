"""``liface engines trust``: the shipped regression, and the same from a database."""

from __future__ import annotations

import pytest
from stored_results import fill

from liface.analysis.regression import CAMPAIGN, shipped_regression
from liface.dispatch.trust import weights_here
from liface.errors import UnknownEngineError
from liface.testing.cli import run_cli
from liface.workflows.campaign import Campaign
from liface.workflows.campaign_file import load_campaign


def test_what_is_shipped_says_which_models_it_is_of():
    found = shipped_regression()
    assert found.campaign == CAMPAIGN and found.rows and found.liface_version
    labels = {engine.label for engine in found.engines}
    assert {f"{row.engine}:{row.model}" for row in found.rows} == labels
    assert {row.origin for row in found.rows} == {"shipped"}
    assert {label.partition(":")[0] for label in labels} >= set(load_campaign(CAMPAIGN)[0].engines)


def test_it_covers_what_a_person_trusts_a_model_with():
    found = {(error.engine, error.quantity): error for error in shipped_regression().errors}
    for engine in ("sevennet", "chgnet"):
        assert found[engine, "surface"].n >= 10
        assert found[engine, "binding"].n >= 7


def test_what_is_missing_from_it_is_told():
    """Every case of the campaign that published values exist for has a number, or is listed as having none."""
    found = shipped_regression()
    told = "\n".join(found.failed)
    planned = {(c.engine_label, c.spec.name) for c in Campaign.load(CAMPAIGN).cases() if c.spec.kind == "interface"}
    there = {(f"{row.engine}:{row.model}", row.system) for row in found.rows}
    for label, case in planned:
        surface, film = case.removeprefix("interface/").split("_")
        system = f"Li({film.removeprefix('Li-')}) on {surface.replace('-', '(', 1)})"
        assert ((label, system) in there) is (f"{label}: {case}: " not in told), (label, case)


def test_the_table_of_one_model():
    out = run_cli(["engines", "trust", "chgnet:0.3.0"]).out
    assert "Ti(0001)" in out and "7net" not in out and "reading" in out


def test_json_has_the_reading_and_the_weights():
    found = run_cli(["engines", "trust", "--json"]).json
    assert all(error["reading"] for error in found["errors"])
    assert found["weights"].keys() == {engine.label for engine in shipped_regression().engines}


def test_other_weights_are_told(monkeypatch):
    shipped = shipped_regression()
    other = {e.label: e.model_copy(update={"weights_sha256": "f" * 64, "code_version": "0"}) for e in shipped.engines}
    monkeypatch.setattr("liface.dispatch.trust.engine_info", other.get)
    assert all(w.same is False and w.text.startswith("DIFFERENT WEIGHTS: ffff") for w in weights_here(shipped))
    same = {e.label: e.model_copy(update={"code_version": "0"}) for e in shipped.engines}
    monkeypatch.setattr("liface.dispatch.trust.engine_info", same.get)
    assert all(w.same and "0 here" in w.text for w in weights_here(shipped))


def test_a_model_that_is_not_installed_is_not_compared(monkeypatch):
    def missing(spec):
        raise UnknownEngineError("no such engine here")

    monkeypatch.setattr("liface.dispatch.trust.engine_info", missing)
    assert all(w.same is None and "not compared" in w.text for w in weights_here(shipped_regression()))
    run_cli(["engines", "trust", "chgnet"], out="Li")


def test_a_model_without_numbers_is_told_how_to_get_them():
    run_cli(
        ["engines", "trust", "emt"], code=2, err="no regression of emt.*liface campaign run regression --engine emt"
    )


def test_the_same_from_a_database(tmp_path):
    db = fill(tmp_path / "own.db")
    found = run_cli(["engines", "trust", "--db", db, "--json"]).json
    assert [error["quantity"] for error in found["errors"]] == ["interface_gamma"]
    (order,) = found["orders"]
    assert order["computed"] == ["W", "Cr", "Mo", "Ti", "Zr"] and order["right"] == order["pairs"] == 10
    run_cli(["engines", "trust", "morse", "--db", db], out="10 of 10 pairs")
    run_cli(["engines", "trust", "--db", db, "--campaign", "other"], code=2, err="campaign 'other'")


@pytest.mark.parametrize("arguments", [["--campaign", "made-up"]])
def test_a_campaign_needs_its_database(arguments):
    run_cli(["engines", "trust", *arguments], code=2, err="give both")
