"""Numbers and tables as text."""

from __future__ import annotations

import math

import pytest
import report_fakes as fakes

from liface.report import Column, render_table, summary_table
from liface.report.numbers import count, duration, facet, fixed, formula, p_value, signed, with_error


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (fixed(-0.04), "0.0"),
        (fixed(-1.25, 2), "−1.25"),
        (fixed(math.nan), "–"),
        (fixed(None), "–"),
        (signed(0.116, 3), "+0.116"),
        (signed(-0.57, 3), "−0.570"),
        (with_error(81.742, 0.42), "81.7 ± 0.4"),
        (with_error(81.742, None), "81.7"),
        (p_value(0.0833), "0.083"),
        (p_value(1e-9), "< 0.001"),
        (count(12345), "12\u202f345"),
        (duration(45), "45 s"),
        (duration(5400), "1 h 30 min"),
        (formula("Li6PS5Cl"), "Li₆PS₅Cl"),
        (formula("my cif 2"), "my cif 2"),
        (facet("Ti", "0001"), "Ti(0001)"),
    ],
)
def test_formats(text, expected):
    assert text == expected


def test_render_table_aligns_numbers_to_the_right():
    text = render_table([{"x": "Mo", "γ": 94.1}, {"x": "LPSCl", "γ": -3}], ["x", Column("γ", "γ", "meV/Å²")])
    assert text.splitlines() == [
        "x      γ (meV/Å²)",
        "─────  ──────────",
        "Mo           94.1",
        "LPSCl          -3",
    ]
    assert render_table([]) == ""


def test_summary_table_puts_engines_side_by_side():
    rows = summary_table(fakes.whole_campaign(), fakes.CAMPAIGN)
    molybdenum = next(r for r in rows if r["system"] == "Mo(110)|Li(100)")
    assert molybdenum == {
        "quantity": "Li interfacial energy",
        "system": "Mo(110)|Li(100)",
        "sevennet:7net-0": "94.1 ± 0.4",
        "chgnet:0.3.0": "88.0 ± 0.4",
        "unit": "meV/Å²",
        "published": "81.7",
        "flags": "",
    }
    assert {r["quantity"] for r in rows} == {
        "Li interfacial energy", "surface energy", "contact angle of Li", "binding energy per Li", "growth mode",
        "migration barrier of Li", "substrate under Li, growth run", "verdict",
    }  # fmt: skip


def test_engines_that_share_a_label_are_told_apart():
    twin = fakes.SEVENNET.model_copy(update={"weights_sha256": "ef" * 32})
    rows = summary_table(fakes.filled([fakes.bulk("Li", 0.1), fakes.surface("W", "110", 200.0, twin)]), fakes.CAMPAIGN)
    engines = [key for key in rows[0] if key.startswith("sevennet")]
    assert engines == [] or len(set(engines)) == 2
    assert any(twin.fingerprint[:6] in key for key in engines)
