"""Growth runs, deposition, creep, stability and verdicts on the page."""

from __future__ import annotations

import pytest
from report_models import models
from report_parsing import Page


@pytest.fixture(scope="module")
def parsed(page) -> Page:
    return Page(page)


def test_every_point_of_a_verdict_has_its_number(parsed):
    rows = {row["Point"]: row for row in parsed.rows("Points for and against Cu(111), sevennet:7net-0")}
    assert rows["Li deposits away from the electrolyte"]["Answer"] in ("for", "against")
    assert rows["creep keeps up with the current"]["Finding"].startswith("carbon, 31 nm pores")
    assert rows["Li wets it"] == {
        "Point": "Li wets it",
        "Answer": "open",
        "Finding": "no wetting is stored",
        "Published": "–",
    }


def test_growth_runs_are_those_of_the_records(parsed):
    rows = {row["Substrate"]: row for row in parsed.rows("Deposits at the ratio of each substrate")}
    copper, telluride = models()[:2]
    assert rows["Cu(111)"]["Covered"].startswith(f"{copper.coverage:.3f} ± ")
    assert rows["Li2Te(110)" if "Li2Te(110)" in rows else "Li₂Te(110)"]["k_substrate/k_Li"] == f"{telluride.ratio:.3g}"


def test_places_add_up(parsed):
    rows = parsed.rows("Places for Li in Li6PS5Cl | graphite | Cu")
    number = lambda text: float(text.replace("\N{MINUS SIGN}", "-"))  # noqa: E731
    for row in rows:
        terms = [number(row[name]) for name in ("ΔG_r (eV)", "−eΦ (eV)", "W a (eV)", "(P − σ) Ω (eV)")]
        assert number(row["ΔG (eV)"]) == pytest.approx(sum(terms), abs=2e-3)
    # W of the collector: 20 - 60 - 8 meV/Å², by hand
    assert number({r["Place"]: r for r in rows}["collector"]["W a (eV)"]) == pytest.approx(-0.048 * 8.694, abs=2e-3)


def test_creep_and_stability_stand_beside_what_is_asked_and_known(parsed):
    (host,) = parsed.rows("What porous hosts hold and pass")
    assert host["Capacity (mAh/cm²)"] == "0.515" or host["Capacity (mAh/cm²)"] == "0.516"
    materials = {row["Material"]: row for row in parsed.rows("Materials against Li metal")}
    assert materials["W"]["Known"].startswith("immiscible") and materials["W"]["Agrees"] == "untested"


def test_their_figures_are_files(written):
    stems = {p.stem for p in written.figures}
    assert {"growth-runs-sevennet-7net-0", "creep-333-15"} <= stems and any(s.startswith("deposition-") for s in stems)


def test_barriers_phonons_and_vibrations_have_their_doubts_beside_them(parsed):
    (barrier,) = parsed.rows("Migration barriers of one Li")
    assert (barrier["Barrier (eV)"], barrier["In the whole plane (eV)"]) == ("0.031", "not reached")
    (phonon,) = parsed.rows("Phonons of bulks")
    assert phonon["Imaginary modes"] == "4 of 3000" and "imaginary_interpolated" in phonon["Flags"]
    (binding,) = parsed.rows("Binding energies with vibrations")
    assert binding["no vibrations (eV/Li)"].endswith("0.570") and binding["298 K (eV/Li)"].endswith("0.589")


def test_a_series_says_where_it_settles_or_that_it_does_not(parsed, written):
    rows = {row["Parameter"]: row for row in parsed.rows("Converged parameters")}
    assert rows["slab_thickness"]["Converged at"] == "6 Å" and "same_cells" in rows["slab_thickness"]["Flags"]
    assert rows["slab_thickness"]["Quantity"] == "surface/Cu-111, γ"
    assert rows["kspacing"]["Converged at"] == "not converged" and "not_settled" in rows["kspacing"]["Flags"]
    points = parsed.rows("Series of surface/Cu-111, slab_thickness, sevennet:7net-0")
    assert [row["Value"] for row in points if row["Note"] == "same cells as before"] == ["6.1 Å"]
    assert points[0]["Minus the reference"] == "+4.00 meV/Å²"
    assert {"convergence-surface-cu-111-slab-thickness-sevennet-7net-0"} <= {p.stem for p in written.figures}
