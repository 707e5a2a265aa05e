"""Names that people give may hold markup; they must arrive as text."""

from __future__ import annotations

import pytest
import report_fakes as fakes
from report_parsing import Page

from liface.report import render_table, write_report
from liface.report.html import Html, doi_link, esc, tag

EVIL = "<script>alert('x')</script>\"&'"


def test_hostile_names_stay_text(tmp_path):
    engine = fakes.SEVENNET.model_copy(update={"model": EVIL, "trained_on": EVIL})
    provenance = fakes.provenance(EVIL, campaign=EVIL).model_copy(update={"doi": ("javascript:alert(1)",)})
    hostile = {"provenance": provenance, "definition": EVIL, "flags": (f"reactive: {EVIL}", EVIL)}
    results = [
        fakes.interface(EVIL, "110", 50.0, engine, scan=False).model_copy(update=hostile),
        fakes.bulk(EVIL, 0.1, engine).model_copy(update=hostile),
        fakes.growth(EVIL, EVIL, "undecided", 0.1, engine).model_copy(update={**hostile, "evidence": EVIL}),
    ]
    failed = fakes.failed_case(EVIL, EVIL).model_copy(update={"campaign": EVIL})
    manifest = {"title": EVIL, "description": EVIL, "command": EVIL, EVIL: EVIL}
    written = write_report(fakes.filled(results, [failed]), EVIL, tmp_path / "r.html", manifest=manifest)
    text = written.html.read_text("utf-8")
    page = Page(text)
    assert [name for name, _ in page.tags].count("script") == 1
    assert "<script>alert" not in text and "&lt;script&gt;alert" in text
    assert not any(link.startswith("javascript") for link in page.attributes("href"))
    assert not any(key.startswith("on") for _, attributes in page.tags for key in attributes)
    assert page.headings[0] == (1, EVIL)
    for path in written.figures:
        assert path.parent.name == "r_figures" and "<" not in path.name
        assert path.suffix == ".png" or "<script" not in path.read_text("utf-8")


@pytest.mark.filterwarnings("ignore:Glyph")
def test_figure_labels_are_no_formulas(tmp_path):
    results = [fakes.interface("$\\frac$", "110", 50.0, scan=False), fakes.interface("a\x07b", "1", 40.0, scan=False)]
    written = write_report(fakes.filled(results), fakes.CAMPAIGN, tmp_path / "r.html")
    ranking = next(p for p in written.figures if p.name == "ranking-li-100.svg").read_text("utf-8")
    assert "$\\frac$" in ranking and "\x07" not in ranking
    assert "\x07" not in written.html.read_text("utf-8")


def test_escaping_helpers():
    assert esc("a<b") == "a&lt;b"
    assert esc(esc("a<b")) == "a&lt;b"
    assert tag("p", "a<b", title='"><i>') == '<p title="&quot;&gt;&lt;i&gt;">a&lt;b</p>'
    assert tag("p", Html("<b>x</b>"), hidden=True, lang=None) == "<p hidden><b>x</b></p>"


def test_only_dois_become_links():
    assert 'href="https://doi.org/10.1039/d4ee03130j"' in doi_link("10.1039/d4ee03130j")
    assert doi_link("https://evil.example/") == "https://evil.example/"
    assert "<a" not in doi_link("10.1/x")


def test_terminal_tables_drop_control_characters():
    assert "\x1b" not in render_table([{"a": "\x1b[31mred"}])
