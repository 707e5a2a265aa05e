"""The parity figure of a regression: a panel per quantity, every value in words, bounds left out."""

from __future__ import annotations

from liface.analysis.regression import shipped_regression
from liface.report.trust_figure import PANELS, trust_plot


def test_every_value_of_the_shipped_regression_is_drawn():
    rows = shipped_regression().rows
    plot = trust_plot(rows, "parity")
    values = [row for row in rows if row.difference is not None and row.quantity in PANELS]
    assert values and all(row.system in plot.alt for row in values)
    assert plot.alt.count(" and ") == len(values)
    assert all(PANELS[name] in plot.svg for name in {row.quantity for row in values})
    assert trust_plot(rows, "parity").png == plot.png
