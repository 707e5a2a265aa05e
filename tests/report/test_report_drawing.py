"""Geometry behind the pictures."""

from __future__ import annotations

import numpy as np
import pytest
import report_fakes as fakes

from liface.documents import Geometry
from liface.report.drops import drop_outline
from liface.report.figures import in_fit
from liface.report.structures_view import side_view, svg_view, top_view


@pytest.mark.parametrize("angle", [30.0, 90.0, 125.0, 180.0])
def test_a_drop_has_its_angle_and_unit_area(angle):
    x, y = drop_outline(angle, 4001).T
    area = 0.5 * abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))
    assert area == pytest.approx(1.0, rel=1e-3)
    assert y.min() == pytest.approx(0.0, abs=1e-9)
    slope = np.degrees(np.arctan2(y[1] - y[0], x[1] - x[0]))  # inner angle between base and outline
    assert slope % 360 == pytest.approx(angle, abs=0.2)


def test_points_left_out_of_a_fit_are_recognised():
    result = fakes.interface("W", "110", 100.0)
    assert in_fit(result.points, result.free_fit) == (False, True, True, True, True)
    assert in_fit(result.points, result.fixed_fit) == (False, True, True, True, True)


def turned(geometry: Geometry, lift: float) -> Geometry:
    """Turn a geometry rigidly and shift it along its third vector, through the periodic boundary."""
    angle = 0.7
    rotation = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    positions = (geometry.position_array + lift * geometry.cell_array[2]) @ rotation.T
    cell = geometry.cell_array @ rotation.T
    return geometry.with_positions(positions, cell)


@pytest.mark.parametrize("view", [side_view, top_view])
def test_views_do_not_depend_on_how_the_cell_lies(view):
    geometry = fakes.stack("W", "Li", 4.4, 4, 4, "film")
    a, b = view(geometry), view(turned(geometry, 0.4))

    def centres(v):
        return np.array(sorted((round(d.x, 2), round(d.y, 2)) for d in v.discs))

    difference = centres(a) - centres(b)
    assert len(a.discs) == len(b.discs)
    assert np.abs(difference - difference[0]).max() < 0.02


def test_side_view_puts_the_substrate_below_the_film():
    geometry = turned(fakes.stack("W", "Li", 4.4, 4, 4, "film"), 0.5)
    discs = side_view(geometry).discs
    assert max(d.y for d in discs if d.species == "W") < min(d.y for d in discs if d.species == "Li")


def test_vacuum_is_moved_to_the_top_and_cut():
    geometry = fakes.stack("Cu", "Li", 5.1, 4, 1, "adsorbate", 14.0)
    view = side_view(geometry)
    height = view.outline[2][1]
    assert max(d.y for d in view.discs) < height < geometry.cell_array[2, 2]


def test_an_adsorbate_across_the_boundary_is_drawn_whole():
    geometry = fakes.stack("Cu", "Li", 12.0, 2, 2, "adsorbate", 14.0)
    positions = geometry.position_array.copy()
    positions[2:, :2] = [[0.4, 6.0], [11.6, 6.0]]  # 0.8 Å apart through the boundary at x = 0
    lithium = [d.x for d in top_view(geometry.with_positions(positions)).discs if d.species == "Li"]
    assert abs(lithium[0] - lithium[1]) == pytest.approx(0.8, abs=1e-3)


def test_top_view_draws_near_atoms_last_and_repeats_small_cells():
    geometry = fakes.stack("Cu", "Li", 5.1, 4, 1, "adsorbate", 14.0)
    discs = top_view(geometry).discs
    assert discs[-1].species == "Li"
    assert sum(d.species == "Li" for d in discs) == 9  # 5.1 Å repeated to 11 Å both ways
    assert svg_view(top_view(geometry), "alt").count("<circle") == len(discs)


def test_unknown_species_are_drawn():
    geometry = fakes.stack("Xx", "Li", 5.1, 2, 1, "adsorbate", 14.0)
    assert "Xx" in {d.species for d in side_view(geometry).discs}


def test_the_threshold_model_bends_at_its_threshold():
    from matplotlib.figure import Figure

    from liface.report.correlation_figure import _models

    report = fakes.correlations()[0]
    axes = Figure().add_subplot()
    _models(axes, report, [30.0, 131.4])
    fit = report.model("threshold")
    line = next(line for line in axes.lines if line.get_linestyle() == "--")
    for x in np.linspace(26.0, 135.0, 30):
        assert np.interp(x, *line.get_data()) == pytest.approx(fit.mean(x), abs=1e-9)
