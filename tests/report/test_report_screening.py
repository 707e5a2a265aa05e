"""What a report says of cases that a cheaper engine chose and relaxations that it began."""

import report_fakes as fakes
from report_parsing import Page

from liface.report import write_report


def report_of(tmp_path, *documents):
    path = tmp_path / "demo.html"
    write_report(fakes.filled(*documents), fakes.CAMPAIGN, path)
    return Page(path.read_text("utf-8"))


def test_chosen_cases_stand_with_both_values_and_what_both_engines_spent(page):
    parsed = Page(page)
    (chosen,) = parsed.rows("Cases chosen by a cheaper engine")
    assert chosen["Case"] == "W(110)|Li(100)"
    assert (chosen["Chosen by"], chosen["Its value"]) == ("chgnet:0.3.0", "118.2")
    assert (chosen["Computed with"], chosen["Value"], chosen["Difference"]) == ("sevennet:7net-0", "131.4", "+13.2")
    (spent,) = parsed.rows("Relaxations that one engine began")
    assert (spent["Begun with"], spent["Finished with"], spent["Relaxations"]) == (
        "chgnet:0.3.0",
        "sevennet:7net-0",
        "1",
    )
    assert spent["Force calls of the first"] == spent["Force calls of the second"] == "40"
    text = parsed.sections["screening"]
    assert "13 single points that the other did not make" in text  # 4 gaps and 9 shifts
    assert "nothing is relaxed twice" in text  # no saving is claimed that was not measured


def test_a_campaign_without_a_screening_has_no_such_section(tmp_path):
    results = [fakes.interface("W", "110", 131.4)]
    parsed = report_of(tmp_path, results, [fakes.finished_case(results)], [fakes.calculation("c0")])
    assert "screening" not in parsed.sections and "ranking" in parsed.sections


def test_pre_relaxations_count_among_the_force_calls_also_where_nothing_was_chosen(tmp_path):
    """The calculation of the cheap engine is in no case and behind no number; it was computed all the same."""
    results = [fakes.interface("W", "110", 131.4)]
    calculations = [fakes.calculation("c0", started_from="p0"), fakes.calculation("p0", fakes.CHGNET)]
    parsed = report_of(tmp_path, results, [fakes.finished_case(results)], calculations)
    assert "80" in parsed.sections["summary"]  # force calls of both
    assert len(parsed.rows("Relaxations begun by another engine")) == 1
    engines = {row["Engine"]: row["Force calls"] for row in parsed.rows("Engines, their weights")}
    assert engines == {"sevennet:7net-0": "40", "chgnet:0.3.0": "40"}
    assert "Chosen by" not in parsed.sections["screening"]
