"""Pictures of relaxed cells: side and top view, atoms as discs sorted by depth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from liface.documents import Geometry
from liface.report.canvas import INK, MUTED, PAPER, Plot, drawing, inline_svg, render
from liface.report.html import EMPTY, Html, esc, join, tag

MIN_WIDTH_A = 11.0
"""Cells narrower than this are repeated in the plane until they reach it."""

VACUUM_A = 6.0
"""A gap wider than this along the normal is vacuum, and is cut to a margin in the side view."""

INTERFACE_DEPTH_A = 3.4
"""The top view of an interface shows the planes on both sides of it within this distance."""

_FOG = np.array([0.62, 0.66, 0.70])
_UNKNOWN = np.array([0.55, 0.55, 0.55])


@dataclass(frozen=True)
class Disc:
    """One atom in a view: centre and radius in Å, colour, species, whether it is frozen."""

    x: float
    y: float
    radius: float
    colour: str
    species: str
    frozen: bool


@dataclass(frozen=True)
class View:
    """A projected cell; y points up, all lengths in Å, far atoms first."""

    name: str
    discs: tuple[Disc, ...]
    outline: tuple[tuple[float, float], ...]
    box: tuple[float, float, float, float]

    @property
    def species(self) -> tuple[tuple[str, str], ...]:
        """Species in the view with their colours, nearest atoms deciding the shade."""
        return tuple(sorted({disc.species: disc.colour for disc in self.discs}.items()))


def side_view(geometry: Geometry) -> View:
    """Look at the cell from the side: first lattice vector to the right, normal up."""
    cell, positions = _upright(geometry)
    n_a = _repeats(cell[0])
    points, index = _repeat(cell, positions, n_a, 1)
    top = float(positions[:, 2].max())
    height = min(cell[2, 2], top + 3.0) if cell[2, 2] - top > VACUUM_A else float(cell[2, 2])
    shear = cell[2, 0] * height / cell[2, 2]
    corners = ((0.0, 0.0), (cell[0, 0], 0.0), (cell[0, 0] + shear, height), (shear, height))
    flat, depth = points[:, [0, 2]], -points[:, 1]
    return _view("side view", geometry, flat, depth, index, corners)


def top_view(geometry: Geometry) -> View:
    """Look down the normal; at an interface, only the planes next to it are shown."""
    cell, positions = _upright(geometry)
    keep = _near_interface(geometry, positions)
    n_a, n_b = _repeats(cell[0]), _repeats(cell[1])
    points, index = _repeat(cell, positions[keep], n_a, n_b)
    a, b = cell[0, :2], cell[1, :2]
    corners = tuple((float(p[0]), float(p[1])) for p in (0 * a, a, a + b, b))
    name = "top view at the interface" if len(keep) < geometry.n_atoms else "top view"
    return _view(name, geometry, points[:, :2], points[:, 2], keep[index], corners)


def _view(
    name: str, geometry: Geometry, flat: np.ndarray, depth: np.ndarray, index: np.ndarray, corners: tuple
) -> View:
    span = max(float(np.ptp(depth)), 1e-9)
    order = np.lexsort((flat[:, 0], flat[:, 1], np.round(depth, 3)))
    fog = 0.55 * (depth.max() - depth) / span if np.ptp(depth) > 0.5 else np.zeros_like(depth)
    discs = []
    for i in order:
        species = geometry.species[index[i]]
        colour, radius = _look(species)
        shade = (1 - fog[i]) * colour + fog[i] * _FOG
        discs.append(
            Disc(float(flat[i, 0]), float(flat[i, 1]), radius, _hex(shade), species, geometry.frozen[index[i]])
        )
    radii = np.array([d.radius for d in discs])
    edge = np.array(corners)
    xs = [*(flat[order, 0] - radii), *(flat[order, 0] + radii), *edge[:, 0]]
    ys = [*(flat[order, 1] - radii), *(flat[order, 1] + radii), *edge[:, 1]]
    box = (float(min(xs)) - 0.3, float(min(ys)) - 0.3, float(max(xs)) + 0.3, float(max(ys)) + 0.3)
    return View(name, tuple(discs), corners, box)


def _upright(geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """Turn the first vector to x and the plane normal to z, wrap, and move the widest gap to the top."""
    cell = geometry.cell_array
    x = cell[0] / np.linalg.norm(cell[0])
    normal = np.cross(cell[0], cell[1])
    z = normal / np.linalg.norm(normal)
    if cell[2] @ z < 0:
        z = -z
    axes = np.array([x, np.cross(z, x), z])
    fractions = np.linalg.solve(cell.T, geometry.position_array.T).T
    turned = cell @ axes.T
    fractions[:, 2] -= _start(geometry, np.mod(fractions[:, 2], 1.0), float(turned[2, 2]))
    fractions[:, :2] += _centring(geometry, fractions[:, :2])
    return turned, np.mod(fractions + 1e-6, 1.0) @ turned


def _centring(geometry: Geometry, fractions: np.ndarray) -> np.ndarray:
    """In-plane shift that brings the adsorbate to the middle of the cell; none without an adsorbate."""
    adsorbate = [role == "adsorbate" for role in geometry.roles]
    if not any(adsorbate):
        return np.zeros(2)
    # the mean on a circle, because an adsorbate may lie across the cell boundary
    centre = np.angle(np.exp(2j * np.pi * fractions[adsorbate]).mean(axis=0)) / (2 * np.pi)
    return 0.5 - centre


def _start(geometry: Geometry, heights: np.ndarray, length: float) -> float:
    """Fractional height that becomes the bottom: above the vacuum, or where the substrate begins."""
    bottom, gap = _widest_gap(heights)
    if gap * length <= VACUUM_A and {"film", "substrate"} <= set(geometry.roles):
        bottom, gap = _widest_gap(heights[[role == "substrate" for role in geometry.roles]])
        return bottom - 1e-3
    if gap * length > VACUUM_A:
        return bottom - min(0.5 * gap, 1.5 / length)
    return 0.0


def _widest_gap(heights: np.ndarray) -> tuple[float, float]:
    """Upper end and width of the widest empty stretch of a periodic axis, in fractions."""
    ordered = np.sort(heights)
    gaps = np.diff(np.append(ordered, ordered[0] + 1.0))
    widest = int(np.argmax(gaps))
    return float(ordered[(widest + 1) % len(ordered)]), float(gaps[widest])


def _near_interface(geometry: Geometry, positions: np.ndarray) -> np.ndarray:
    roles = np.array(geometry.roles)
    everything = np.arange(geometry.n_atoms)
    if not {"film", "substrate"} <= set(geometry.roles):
        return everything
    z = positions[:, 2]
    middle = 0.5 * (z[roles == "substrate"].max() + z[roles == "film"].min())
    keep = everything[np.abs(z - middle) <= INTERFACE_DEPTH_A]
    return keep if len(keep) else everything


def _repeats(vector: np.ndarray) -> int:
    return max(1, int(np.ceil(MIN_WIDTH_A / np.linalg.norm(vector) - 0.15)))


def _repeat(cell: np.ndarray, positions: np.ndarray, n_a: int, n_b: int) -> tuple[np.ndarray, np.ndarray]:
    shifts = [i * cell[0] + j * cell[1] for i in range(n_a) for j in range(n_b)]
    points = np.concatenate([positions + shift for shift in shifts])
    return points, np.tile(np.arange(len(positions)), len(shifts))


def appearance(species: str) -> tuple[str, float]:
    """Colour (``#rrggbb``) and drawn radius in Å of a species."""
    colour, radius = _look(species)
    return _hex(colour), radius


def _look(species: str) -> tuple[np.ndarray, float]:
    """Colour (Jmol's) and drawn radius in Å of a species."""
    from ase.data import atomic_numbers, covalent_radii
    from ase.data.colors import jmol_colors

    number = atomic_numbers.get(species)
    if number is None:
        return _UNKNOWN, 1.0
    return np.array(jmol_colors[number]), float(max(0.75, 0.85 * covalent_radii[number]))


def _hex(colour: np.ndarray) -> str:
    return "#" + "".join(f"{round(255 * min(1.0, max(0.0, c))):02x}" for c in colour)


def svg_view(view: View, alt: str, pixels_per_a: float = 11.0) -> Html:
    """Write a view as a small inline SVG with cell outline and scale bar."""
    x0, y0, x1, y1 = view.box
    width, height = x1 - x0, y1 - y0 + 1.6
    discs = join(_svg_disc(d, x0, y1) for d in view.discs)
    corners = " ".join(f"{x - x0:.2f},{y1 - y:.2f}" for x, y in view.outline)
    bar_y = height - 0.55
    return Html(
        f'<svg viewBox="0 0 {width:.2f} {height:.2f}" role="img" aria-label="{esc(alt)}" '
        f'style="width:{width * pixels_per_a:.0f}px" xmlns="http://www.w3.org/2000/svg">'
        f'<g stroke="#26313c" stroke-width=".06">{discs}</g>'
        f'<polygon points="{corners}" fill="none" stroke="var(--ink)" stroke-width=".09" stroke-dasharray=".35 .22"/>'
        f'<path d="M.3 {bar_y:.2f}h5" stroke="var(--ink)" stroke-width=".18"/>'
        f'<text x="5.6" y="{bar_y + 0.35:.2f}" font-size="1.1" fill="var(--ink)">5 Å</text></svg>'
    )


def _svg_disc(disc: Disc, x0: float, y1: float) -> Html:
    x, y = disc.x - x0, y1 - disc.y
    circle = f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{disc.radius:.2f}" fill="{disc.colour}"/>'
    mark = f'<path d="M{x - 0.3:.2f} {y:.2f}h.6" stroke-width=".14"/>' if disc.frozen else ""
    return Html(circle + mark)


def legend(geometry: Geometry) -> Html:
    """Species with their colours."""
    items = []
    for species in sorted(set(geometry.species)):
        colour, _ = _look(species)
        dot = Html(
            f'<svg class="dot" viewBox="0 0 10 10" aria-hidden="true">'
            f'<circle cx="5" cy="5" r="4.4" fill="{_hex(colour)}" stroke="#26313c" stroke-width=".6"/></svg>'
        )
        items.append(tag("span", dot, species))
    return tag("span", *items, class_="species") if items else EMPTY


def plot_structure(geometry: Geometry, slug: str, title: str) -> Plot:
    """Draw both views into one figure, for the files beside the page."""
    views = (side_view(geometry), top_view(geometry))
    widths = [v.box[2] - v.box[0] for v in views]
    height = max(v.box[3] - v.box[1] for v in views) + 2.0
    scale = min(0.22, 6.5 / height)
    with drawing(scale * sum(widths) + 0.6, scale * height + 0.5) as figure:
        grid = figure.add_gridspec(1, 2, width_ratios=widths)
        for i, view in enumerate(views):
            _draw(figure.add_subplot(grid[0, i]), view)
        figure.suptitle(title, fontsize=9)
        return render(figure, slug, title, describe(geometry, title))


def _draw(axes, view: View) -> None:  # type: ignore[no-untyped-def]
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Circle, Polygon

    discs = [Circle((d.x, d.y), d.radius) for d in view.discs]
    faces = [d.colour for d in view.discs]
    axes.add_collection(PatchCollection(discs, facecolors=faces, edgecolors="#26313c", linewidths=0.4))
    axes.add_patch(Polygon(view.outline, closed=True, fill=False, ls="--", lw=0.8, ec=INK))
    x0, y0, x1, y1 = view.box
    axes.plot([x0 + 0.3, x0 + 5.3], [y0 - 0.8] * 2, color=INK, lw=1.6)
    axes.text(x0 + 5.8, y0 - 0.8, "5 Å", va="center", fontsize=7.5)
    axes.set(xlim=(x0, x1), ylim=(y0 - 1.6, y1), aspect="equal", xticks=(), yticks=())
    axes.set_title(view.name, fontsize=8, color=MUTED)
    axes.set_axis_off()


def describe(geometry: Geometry, title: str) -> str:
    """Words for people who do not see the picture."""
    a, b, c = np.linalg.norm(geometry.cell_array, axis=1)
    return f"{title}: {geometry.formula}, cell {a:.1f} × {b:.1f} × {c:.1f} Å, side and top view"


__all__ = ["PAPER", "View", "describe", "inline_svg", "legend", "plot_structure", "side_view", "svg_view", "top_view"]
