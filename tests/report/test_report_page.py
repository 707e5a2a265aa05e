"""The page as a reader finds it: every section, numbers with units, nothing loaded from elsewhere."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import report_fakes as fakes
from report_parsing import Page

from liface.documents import FLAGS
from liface.errors import InputError
from liface.report import write_report
from liface.report.page import SECTIONS


@pytest.fixture(scope="module")
def parsed(page) -> Page:
    return Page(page)


def test_every_section_is_there_in_order(parsed):
    assert list(parsed.sections) == [slug for slug, _, _ in SECTIONS]
    assert all(len(text) > 30 for text in parsed.sections.values())


def test_headings_descend_without_gaps(parsed):
    levels = [level for level, _ in parsed.headings]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))


def test_nothing_is_loaded_from_elsewhere(page, parsed):
    links = parsed.attributes("href")
    outside = [link for link in links if not link.startswith(("#", "data:image/png;base64,"))]
    assert outside and all(link.startswith("https://doi.org/10.") for link in outside)
    images = [attributes["href"] for name, attributes in parsed.tags if name == "image"]
    assert images and all(link.startswith("data:image/png;base64,") for link in images)  # deposits, pixel by pixel
    assert not parsed.attributes("src") and not parsed.attributes("xlink:href")
    assert not any(name in ("img", "link", "iframe", "object", "base") for name, _ in parsed.tags)
    assert not re.search(r"@import|url\((?!#)", page)


def test_works_of_adhesion_name_what_meets_and_who_is_strained(parsed):
    rows = {row["Pair"]: row for row in parsed.rows("Works of adhesion")}
    assert list(rows) == ["Mg(0001)|W(110)", "Cu(111)|graphite(0001)"], "the strongest first"
    assert rows["Mg(0001)|W(110)"]["Strained"] == "W" and rows["Mg(0001)|W(110)"]["W_ad (J/m²)"] == "3.044"
    assert "debonded" in rows["Cu(111)|graphite(0001)"]["Flags"]


def test_links_inside_the_page_lead_somewhere(page, parsed):
    ids = parsed.attributes("id")
    assert len(ids) == len(set(ids))
    for target in [link[1:] for link in parsed.attributes("href") if link.startswith("#")]:
        assert target in ids
    for target in re.findall(r"url\(#([^)]+)\)", page):
        assert target in ids


def test_ranking_has_both_units_errors_and_published(parsed):
    rows = {row["Substrate"]: row for row in parsed.rows("Li interfacial energies on Li(100)")}
    assert next(iter(rows)) == "W(100)" and list(rows)[-1] == "Li₆PS₅Cl(100)"
    molybdenum = rows["Mo(110)"]
    assert molybdenum["sevennet:7net-0 γ₀ (meV/Å²)"] == "94.1 ± 0.4"
    assert molybdenum["Published (meV/Å²)"].split()[0] == "81.7"
    assert molybdenum["Spread (meV/Å²)"] == "6.1"
    assert rows["W(110)"]["Published (meV/Å²)"].startswith("> 81.7")
    assert "reactive" in rows["Li₆PS₅Cl(100)"]["Flags"]
    # 94.1 meV/Å² × 0.0160218 = 1.508 J/m², by hand
    joules = parsed.tables["Li interfacial energies on Li(100), highest first"]
    assert "1.508" in next(row for row in joules if row[0] == "Mo(110)")


def test_binding_stands_under_the_published_tables(parsed):
    first = parsed.rows("Atoms against clusters")
    published = next(r for r in first if r["Substrate"] == "Cu(111)" and r["Source"].startswith("published"))
    ours = next(r for r in first if r["Substrate"] == "Cu(111)" and r["Source"] == "sevennet:7net-0")
    assert [published[f"{c} (eV/Li)"] for c in ("four atoms", "Li4", "five atoms", "Li5")] == [
        "−0.570", "−0.560", "−0.531", "−0.320",
    ]  # fmt: skip
    assert [ours[f"{c} (eV/Li)"] for c in ("four atoms", "Li4", "five atoms", "Li5")] == [
        "−0.550", "−0.500", "−0.520", "−0.330",
    ]  # fmt: skip
    second = parsed.rows("One Li on bare")
    telluride = [r for r in second if r["Substrate"] == "Li₂Te(110)"]
    assert telluride[0]["one Li on 2 ML (eV/Li)"] == "−0.025"
    assert telluride[1]["one Li, bare (eV/Li)"] == "−0.200†"


def test_correlation_says_what_can_and_cannot_be_said(parsed):
    report = fakes.correlations()[0]
    text = parsed.sections["correlation"]
    assert "What can be said" in text and report.cannot_conclude
    assert all(sentence in text for sentence in (*report.claims, *report.cannot_conclude, *report.left_out))
    values = {row["Material"]: row["CCD (mA/cm²)"] for row in parsed.rows("Points, with their bounds")}
    assert values == {"W": "≥ 5", "Cr": "4.8", "Mo": "> 3.2", "Ti": "> 3.2", "Mg": "1.3"}
    statistics = {row["Statistic"]: row for row in parsed.rows("Statistics of 5 points")}
    assert statistics["Spearman ρ"]["Value"] == f"{report.spearman.value:.2f}"
    assert statistics["Pearson r"]["Interval"] == "not defined with bounds"
    models = [row["Model"] for row in parsed.rows("Censored regressions")]
    assert models == ["constant", "linear", "threshold"]
    prediction = parsed.rows("Predictions")[0]
    assert prediction["Predicted CCD (mA/cm²)"] == f"{report.predictions[0].value:.1f}"
    assert "narrower than it says" in prediction["Remark"]


def test_failures_say_how_to_retry(parsed):
    rows = parsed.rows("What failed")
    assert rows[0]["Reason"] == "energy below -1e6 eV"
    command = rows[0]["Run again"]
    pattern = re.search(r"--retry '([^']+)'", command)[1]
    assert re.search(pattern, "energy below -1e6 eV")
    assert "did not converge in 200 force calls" in rows[1]["Reason"]


def test_provenance_names_weights_cost_and_command(parsed):
    text = parsed.sections["provenance"]
    assert fakes.SEVENNET.weights_sha256 in text and fakes.CHGNET.weights_sha256 in text
    assert "liface campaign run demo --engine sevennet" in text
    row = parsed.rows("Engines, their weights")[0]
    assert (row["Engine"], row["Calculations"], row["Force calls"]) == ("sevennet:7net-0", "2", "80")
    assert row["Not converged / failed"] == "0 / 1"


def test_glossary_has_every_flag(parsed):
    assert all(f"{slug}{meaning}" in parsed.sections["flags"] for slug, meaning in FLAGS.items())


def test_figures_have_words_and_tables_captions(page, parsed):
    pictures = [a for name, a in parsed.tags if name == "svg" and a.get("aria-hidden") != "true"]
    assert len(pictures) > 30
    assert all(a.get("role") == "img" and len(a["aria-label"]) > 10 for a in pictures)
    assert page.count("<table") == page.count("<caption")


def test_figures_are_files_too(written):
    folder = written.html.with_name("demo_figures")
    assert {p.parent for p in written.figures} == {folder}
    stems = {suffix: {p.stem for p in written.figures if p.suffix == suffix} for suffix in (".svg", ".png")}
    assert stems[".svg"] == stems[".png"]
    assert {"ranking-li-100", "series-w-110-li-100-sevennet-7net-0", "wetting", "engines"} <= stems[".svg"]
    for path in written.figures:
        data = path.read_bytes()
        assert len(data) > 3000
        assert data.startswith(b"\x89PNG") if path.suffix == ".png" else b"<svg" in data


def test_png_is_not_blank(written):
    from matplotlib.image import imread

    pixels = imread(written.html.with_name("demo_figures") / "ranking-li-100.png")
    assert np.mean(pixels[..., :3].min(axis=2) < 0.9) > 0.01


def test_the_page_is_small(written):
    per_interface = written.html.stat().st_size / 9
    assert 30 * per_interface < 5e6


def test_same_documents_same_bytes(tmp_path):
    first, second = (_small(tmp_path / name / "r.html") for name in ("a", "b"))
    assert first.html.read_bytes() == second.html.read_bytes()
    assert [p.read_bytes() for p in first.figures] == [p.read_bytes() for p in second.figures]
    assert not list(tmp_path.rglob("*.part"))


def _small(path: Path, **options):
    results = [fakes.interface("Mo", "110", 90.0), fakes.binding("Cu", "111", 1, "dispersed", -0.5)]
    database = fakes.filled(results, [fakes.finished_case(results)])
    return write_report(database, fakes.CAMPAIGN, path, **options)


def test_figures_of_an_earlier_report_go_and_other_files_stay(tmp_path):
    path = tmp_path / "r.html"
    _small(path)
    mine = path.with_name("r_figures") / "mine.png"
    mine.write_bytes(b"mine")
    write_report(fakes.filled([fakes.bulk("Li", 0.1)]), fakes.CAMPAIGN, path)
    assert [p.name for p in mine.parent.glob("*.[sp][vn]g")] == ["mine.png"]


def test_sections_without_data_say_what_would_fill_them(tmp_path):
    written = write_report(fakes.filled([fakes.bulk("Li", None)]), fakes.CAMPAIGN, tmp_path / "r.html")
    parsed = Page(written.html.read_text("utf-8"))
    assert "interfaces: block" in parsed.sections["ranking"]
    assert "Nothing failed" in parsed.sections["failures"]
    assert "engines" not in parsed.sections
    assert written.figures == ()


def test_only_failed_cases_make_a_report(tmp_path):
    written = write_report(fakes.filled(cases=[fakes.failed_case()]), fakes.CAMPAIGN, tmp_path / "r.html")
    assert "energy below -1e6 eV" in Page(written.html.read_text("utf-8")).sections["failures"]


def test_a_campaign_without_documents_is_refused(tmp_path):
    with pytest.raises(InputError, match="nothing is stored for campaign 'nowhere'"):
        write_report(fakes.whole_campaign(), "nowhere", tmp_path / "r.html")
    assert not list(tmp_path.iterdir())


def test_other_campaigns_stay_out(tmp_path):
    theirs = fakes.bulk("Zr", 0.1).model_copy(update={"provenance": fakes.provenance("bulk/Zr", campaign="other")})
    shared = fakes.bulk("Cr", 0.2).model_copy(update={"provenance": fakes.provenance("bulk/Cr", campaign="other")})
    database = fakes.filled([fakes.bulk("Li", 0.1), theirs, shared], [fakes.finished_case([shared])])
    page = Page(write_report(database, fakes.CAMPAIGN, tmp_path / "r.html").html.read_text("utf-8"))
    assert [row["Material"] for row in page.rows("Relaxed lattice constants")] == ["Cr", "Li"]


def test_a_folder_that_cannot_be_written_is_an_input_error(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("x")
    with pytest.raises(InputError, match="cannot write"):
        _small(blocker / "r.html")


def test_a_page_of_the_same_documents_is_not_drawn_again(tmp_path, monkeypatch):
    database, path = fakes.filled([fakes.bulk("Li", 0.1), fakes.interface("W", "110", 90.0)]), tmp_path / "r.html"
    first = write_report(database, fakes.CAMPAIGN, path, manifest={"command": "liface"})
    before = path.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr("liface.report.page.build_page", lambda context: pytest.fail("drawn again"))
        assert write_report(database, fakes.CAMPAIGN, path, manifest={"command": "liface"}) == first
    assert path.read_bytes() == before
    write_report(database, fakes.CAMPAIGN, path, manifest={"command": "another"})
    assert b"another" in path.read_bytes()
    first.figures[0].unlink()
    assert write_report(database, fakes.CAMPAIGN, path, manifest={"command": "another"}).figures == first.figures
    assert first.figures[0].is_file()
    path.unlink()
    write_report(database, fakes.CAMPAIGN, path, manifest={"command": "liface"})
    assert path.read_bytes() == before
    database.add_result(fakes.interface("Mo", "110", 80.0))
    write_report(database, fakes.CAMPAIGN, path, manifest={"command": "liface"})
    assert path.read_bytes() != before
