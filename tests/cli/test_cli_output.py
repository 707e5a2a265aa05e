from __future__ import annotations

import json

from liface.cli.output import table, write_facts, write_json


def lines(*arguments, **options):
    return table(*arguments, **options)[0].splitlines()


def test_columns_are_aligned_numbers_to_the_right_text_to_the_left():
    head, rule, first, second = lines([{"name": "W", "n": 5}, {"name": "Li2S", "n": 12}])
    assert (head, rule) == ("name   n", "----  --")
    assert (first, second) == ("W      5", "Li2S  12")


def test_floats_of_a_column_share_the_decimals_that_give_the_largest_four_figures():
    assert [line.strip() for line in lines([{"x": 123.4567}, {"x": -3.0}, {"x": None}])[2:]] == ["123.5", "-3.0", "-"]
    assert lines([{"x": 0.001234}])[2].strip() == "0.001234"


def test_small_numbers_beside_large_ones_are_not_shown_as_zero():
    assert [line.strip() for line in lines([{"x": 1234.0}, {"x": 0.0004}])[2:]] == ["1234", "0.0004"]


def test_unit_stands_in_the_header_unless_the_name_says_it():
    head = lines([{"a": 1.0, "e_ev_per_li": 1.0, "gamma_mev_per_a2": 1.0, "n": 1}],
                 {"a": "Å", "e_ev_per_li": "eV", "gamma_mev_per_a2": "meV/Å²", "n": "1"})[0]  # fmt: skip
    assert head.split() == ["a", "[Å]", "e_ev_per_li", "gamma_mev_per_a2", "n"]


def test_cells_stay_on_one_line_and_hold_no_control_characters():
    assert lines([{"reason": "a\nb\x1b[31m\tc"}])[2] == "a b[31m c"


def test_unknown_values_lists_and_truths():
    cells = lines([{"a": None, "b": ["x", "y"], "c": True, "d": {"0/4": 0.5}, "e": float("nan")}])[2].split("  ")
    assert [cell.strip() for cell in cells if cell.strip()] == ["-", "x, y", "yes", "0/4: 0.5", "-"]


def test_wide_text_is_cut_before_columns_are_left_out():
    rows = [{"name": "W", "reason": "x" * 200, "last": 1}]
    text, hidden = table(rows, width=60)
    assert max(map(len, text.splitlines())) <= 60 and "…" in text and not hidden


def test_columns_that_do_not_fit_are_named():
    rows = [{f"column_{i:02d}": "v" for i in range(20)}]
    text, hidden = table(rows, width=60)
    shown = text.splitlines()[0].split()
    assert max(map(len, text.splitlines())) <= 60
    assert [*shown, *hidden] == list(rows[0]) and len(hidden) > 0


def test_without_a_width_nothing_is_cut():
    text, hidden = table([{"reason": "x" * 500}])
    assert "x" * 500 in text and not hidden


def test_json_is_valid_and_keeps_unicode(capsys):
    write_json([{"x": float("nan"), "y": float("inf"), "z": [1.0, float("-inf")], "unit": "meV/Å²"}])
    out = capsys.readouterr().out
    assert json.loads(out) == [{"x": None, "y": None, "z": [1.0, None], "unit": "meV/Å²"}]
    assert "Å²" in out


def test_facts_are_one_per_line_with_tables_indented(capsys):
    write_facts({"name": "W", "lattice": [3.165, 90.0], "points": [{"n": 1}, {"n": 2}]})
    assert capsys.readouterr().out.splitlines() == [
        "name     W",
        "lattice  3.165, 90",
        "points:",
        "  n",
        "  -",
        "  1",
        "  2",
    ]
