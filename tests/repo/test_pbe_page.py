"""The page on real PBE says what its records say."""

import importlib.util
import json
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def records():
    return [json.loads(line) for line in (DOCS / "pbe" / "results.jsonl").read_text(encoding="utf-8").splitlines()]


def page_module():
    spec = importlib.util.spec_from_file_location("pbe_page", DOCS / "pbe_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_the_one_its_records_make(records):
    text = (DOCS / "pbe.md").read_text(encoding="utf-8")
    assert page_module().written(text, records) == text


@pytest.mark.parametrize("check", ["k", "kk"])
def test_gamma_follows_from_the_energies_by_hand(records, check):
    mo = [r for r in records if r["kind"] == "interface" and r["substrate"] == "Mo"]
    result = next(r for r in mo if r["engine"]["name"] == "gpaw")
    again = next(r for r in records if r.get("check") == check and r["case"] == result["provenance"]["case"])
    energy, atoms = again["energies_ev"], again["n_atoms"]
    mu = energy["bulk/Li/symmetric"] / atoms["bulk/Li/symmetric"]
    bulk = energy["bulk/Mo/symmetric"] / atoms["bulk/Mo/symmetric"]
    excess = energy["n4"] - 3 * bulk - 4 * mu  # three Mo and four Li in a cell of one atom per plane
    gamma = excess / (2 * result["area_a2"]) * 1000
    assert again["gamma_by_planes_mev_per_a2"]["4"] == pytest.approx(gamma, abs=1e-6)
    strain = (energy["strained-film"] / 2 - mu) * 1000
    assert again["gamma_mev_per_a2"] == pytest.approx(gamma - 4 * strain / (2 * result["area_a2"]), abs=1.5)


@pytest.mark.parametrize(("case", "n_substrate"), [("interface/Ti-0001_Li-110", 4), ("interface/LiF-100_Li-110", 12)])
def test_gamma_of_one_film_follows_from_the_energies_by_hand(records, case, n_substrate):
    (again,) = (r for r in records if r.get("check") == "thin-k" and r["case"] == case)
    energy, atoms = again["energies_ev"], again["n_atoms"]
    mu = energy["bulk/Li/symmetric"] / atoms["bulk/Li/symmetric"]
    name = case.split("/")[1].split("-")[0]
    bulk = energy[f"bulk/{name}/symmetric"] / atoms[f"bulk/{name}/symmetric"]
    n_li = atoms["n4"] - n_substrate
    excess = energy["n4"] - n_substrate * bulk - n_li * mu
    strain = energy["strained-film"] / atoms["strained-film"] - mu
    assert again["gamma_mev_per_a2"] == pytest.approx(
        (excess - n_li * strain) / (2 * again["area_a2"]) * 1000, abs=1e-6
    )
