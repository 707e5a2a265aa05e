"""Reports of thousands of cases: figures that are too tall for their resolution, names that thousands share."""

from __future__ import annotations

import struct

from liface.report.canvas import MOST_PIXELS, PNG_DPI, drawing, render
from liface.report.context import Context


def size_of(png: bytes) -> tuple[int, int]:
    """Width and height of a PNG, in pixels."""
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def drawn(height_in: float) -> bytes:
    with drawing(0.5, height_in) as figure:
        figure.add_subplot().axis("off")
        return render(figure, "tall", "tall", "tall").png


def test_a_figure_that_is_too_tall_gets_a_lower_resolution():
    assert max(size_of(drawn(MOST_PIXELS / PNG_DPI + 100))) == MOST_PIXELS


def test_any_other_figure_keeps_its_resolution():
    assert size_of(drawn(3.0)) == (PNG_DPI // 2, 3 * PNG_DPI)


class Slugs(set):
    """Names that count how often they were looked up."""

    asked = 0

    def __contains__(self, name: object) -> bool:
        self.asked += 1
        return super().__contains__(name)


def test_names_of_figures_are_numbered_and_never_shared():
    context = Context(records=None, literature=None)
    made = [context.slug("g", part) for part in ("Cu 111", "Cu 111", "Cu 111 3", "Cu-111", "Cu 111", "W")]
    assert made == ["g-cu-111", "g-cu-111-2", "g-cu-111-3", "g-cu-111-4", "g-cu-111-5", "g-w"]
    assert context.slug("γ") == "figure"


def test_a_name_that_thousands_share_is_found_at_once():
    context = Context(records=None, literature=None, slugs=Slugs())
    made = [context.slug("interface") for _ in range(2000)]
    assert len(set(made)) == 2000 and made[-1] == "interface-2000"
    assert context.slugs.asked < 3 * 2000
