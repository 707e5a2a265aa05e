"""Published values of a person's own in the report, beside those of the package."""

from __future__ import annotations

import report_fakes as fakes
from report_parsing import Page

from liface.documents import LiteratureValue
from liface.report import summary_table, write_report
from liface.report.published import Reference, as_cell, as_text

MO = {
    "quantity": "interface_gamma", "material": "Mo", "film_plane": "100", "value": 1.5, "unit": "J/m²",
    "method": "r2SCAN", "doi": "10.1000/182",
}  # fmt: skip


def value(**changes) -> LiteratureValue:
    return LiteratureValue.model_validate({**MO, **changes})


def test_own_values_stand_beside_those_of_the_package():
    database = fakes.whole_campaign()
    database.add_literature([value()])
    rows = summary_table(database, fakes.CAMPAIGN)
    mo = next(row for row in rows if row["quantity"] == "Li interfacial energy" and row["system"].startswith("Mo"))
    assert mo["published"] == "93.6; 81.7"


def test_the_report_links_every_source(tmp_path):
    database = fakes.filled((fakes.interface("Mo", "110", 94.1, species="Mo"),), [], [])
    database.add_literature([value(), value(doi="", citation="a thesis <b>")])
    html = write_report(database, fakes.CAMPAIGN, tmp_path / "r.html").html.read_text("utf-8")
    assert "https://doi.org/10.1000/182" in html and "a thesis &lt;b&gt;" in html
    assert Page(html)


def test_many_values_are_given_as_a_range():
    known = [Reference(value(value=v)) for v in (1.0, 1.1, 1.2, 1.3)] + [Reference(value(value=0.9, qualifier=">"))]
    assert as_text(known) == "62.4 to 81.1 (4 values); > 56.2"
    assert as_text(known[:2]) == "62.4; 68.7" and as_text([]) == "" and as_cell([]) is None
