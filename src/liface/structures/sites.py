"""Adsorption sites: where an atom can sit on the top face of a slab.

The exposed atoms give the *top* sites, the edges of their Delaunay triangulation the *bridges* (only where
no third atom is nearer to the middle), the centres of its empty circles the *hollows* (only where the atoms
stand all around). Heights come from touching spheres of all atoms: no adsorbate overlaps a rumpled surface.
Equivalent sites are merged with the symmetry of the isolated slab, found in its primitive in-plane cell: the
sites of a supercell are those of the primitive cell, only their multiplicity grows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from liface.errors import OverlapError, StructureError
from liface.structures.surface_symmetry import surface_symmetry
from liface.structures.touching import (
    OVERLAP,
    TOUCH,
    Surface,
    lattice_points,
    minimum_image,
    surface_of,
    wrap,
)

if TYPE_CHECKING:
    from pymatgen.core import Structure

KINDS = ("top", "bridge", "hollow")

MERGE_A = 0.3
"""Å; candidates closer than this are one site. Hollow and long bridge of bcc(110) are 0.5 Å apart."""

EXPOSURE_A = 0.3
"""Å; neighbours in its own plane may lift an adsorbate on top of an exposed atom by up to this."""

PLANE_A = 0.6
"""Å; atoms lower than this below a neighbour are recessed, and must not be shadowed by it at all."""

MIN_NEIGHBOURS = {"top": 1, "bridge": 2, "hollow": 2}
"""A candidate with fewer neighbours lies on the flank of one large atom and is no site."""

CONTACT = 1.1 * TOUCH
"""An atom nearer than this times the sum of radii is a neighbour of the adsorbate."""

ALL_AROUND_DEG = 185.0
"""A hollow has no gap wider than this (with 5° of slack) between the directions of its atoms."""


@dataclass(frozen=True)
class Site:
    """One symmetry-distinct adsorption site.

    Attributes
    ----------
    name
        Kind and number, e.g. ``hollow-2``.
    position
        Where the adsorbate sits, Cartesian, Å.
    height_a
        Height of the adsorbate above the highest atom of the slab, Å; negative in a deep trough.
    multiplicity
        Number of equivalent positions in the cell.
    coordination
        Species of the atoms in touch with the adsorbate, sorted.
    """

    name: str
    position: tuple[float, float, float]
    height_a: float
    multiplicity: int
    coordination: tuple[str, ...]

    @property
    def kind(self) -> str:
        """``top``, ``bridge`` or ``hollow``."""
        return self.name.partition("-")[0]


def adsorption_sites(slab: Structure, *, adsorbate: str = "Li", height_a: float | None = None) -> tuple[Site, ...]:
    """Find the symmetry-distinct adsorption sites on the top face of a slab.

    Parameters
    ----------
    slab
        First two vectors in the xy plane, vacuum along z. All its atoms count, adsorbates included.
    adsorbate
        Element whose sphere sets the heights.
    height_a
        Put every site this far above the highest atom (Å) instead of in touch.

    Returns
    -------
    tuple
        Tops, bridges, hollows; within a kind by number and species of neighbours, then from dense to open
        surroundings. Names and order do not depend on the orientation or repetition of the cell.

    Raises
    ------
    StructureError
        If the slab has no vacuum or does not lie in the xy plane.
    OverlapError
        If the asked height puts an adsorbate into an atom.
    """
    surface = surface_of(slab)
    symmetry = surface_symmetry(surface)
    cell = symmetry.primitive_surface
    found = []
    taken: list[np.ndarray] = []
    for kind, xy in _candidates(cell, adsorbate):
        if any(_distance(xy, other, cell.in_plane) < MERGE_A for other in taken):
            continue
        images = symmetry.orbit(xy, MERGE_A / 2)
        touching = _describe(kind, xy, cell, adsorbate)
        if touching is not None:
            found.append((*touching, len(images) * symmetry.repeats))
            taken.extend(images)
    return _named(found, surface, None if height_a is None else surface.top + height_a, adsorbate)


def equivalent_positions(slab: Structure, site: Site) -> np.ndarray:
    """Return every position in the cell that is equivalent to a site.

    Parameters
    ----------
    slab
        The slab of the site, or a repetition of it from the same origin.
    site
        One of :func:`adsorption_sites`.

    Returns
    -------
    array
        Cartesian, Å, shape (k, 3), wrapped into the cell in-plane and sorted by fractional coordinates.
    """
    surface = surface_of(slab)
    symmetry = surface_symmetry(surface)
    orbit = symmetry.orbit(np.array(site.position[:2]), MERGE_A / 2)
    xy = (orbit[:, None, :] + symmetry.translations()[None, :, :]).reshape(-1, 2)
    xy = wrap(xy, surface.in_plane)
    grid = np.rint(xy @ np.linalg.inv(surface.in_plane) * 1e4).astype(int)
    xy = xy[np.lexsort((grid[:, 1], grid[:, 0]))]
    return np.column_stack([xy, np.full(len(xy), site.position[2])])


def site_named(sites: tuple[Site, ...], name: str) -> Site:
    """Return the site of a name.

    Raises
    ------
    StructureError
        If there is none; the message lists the names.
    """
    for site in sites:
        if site.name == name:
            return site
    raise StructureError(f"no site {name!r} on this surface; it has {', '.join(s.name for s in sites)}")


def exposed_atoms(surface: Surface, adsorbate: str) -> np.ndarray:
    """Return the indices of the atoms that an adsorbate coming straight down meets first."""
    touch = surface.touching_distances(adsorbate)
    z = surface.positions[:, 2]
    across = surface.horizontal(surface.positions[:, :2], float(touch.max()))
    rise = touch[None, :, None] ** 2 - across**2
    lifted = np.where(rise > 0, z[None, :, None] + np.sqrt(np.maximum(rise, 0.0)), -np.inf).max(axis=2)
    recessed = z[:, None] < z[None, :] - PLANE_A
    slack = np.where(recessed, 0.0, EXPOSURE_A)
    return np.flatnonzero(z + touch >= (lifted - slack).max(axis=1) - 1e-6)


def _candidates(cell: Surface, adsorbate: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yield kind and in-plane position of possible sites: tops first, then hollows, then bridges.

    Hollows come first, as the middle of the diagonal that a triangulation draws in a square is a hollow.
    """
    atoms = cell.positions[exposed_atoms(cell, adsorbate), :2]
    points, triangles = _triangulate(atoms, cell.in_plane)
    home = len(atoms)
    for atom in atoms:
        yield "top", atom
    for corners in triangles[(triangles < home).any(axis=1)]:
        centre, reach = _circumcircle(points[corners])
        around = points[np.linalg.norm(points - centre, axis=1) < reach + MERGE_A / 2] - centre
        if _widest_gap_deg(around) <= ALL_AROUND_DEG:
            yield "hollow", centre
    edges = {tuple(sorted((int(t[i]), int(t[j])))) for t in triangles for i, j in ((0, 1), (1, 2), (0, 2))}
    for i, j in sorted(edge for edge in edges if edge[0] < home):
        middle = (points[i] + points[j]) / 2
        half = np.linalg.norm(points[i] - middle)
        if np.sort(np.linalg.norm(points - middle, axis=1))[:3][-1] > half - 1e-3:
            yield "bridge", middle


def _triangulate(atoms: np.ndarray, in_plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Triangulate atoms and enough images; the first ``len(atoms)`` points are the atoms themselves."""
    from scipy.spatial import Delaunay

    reach = 2.5 * float(np.linalg.norm(in_plane, axis=1).sum())
    points = (lattice_points(in_plane, reach)[:, None, :] + atoms[None, :, :]).reshape(-1, 2)
    return points, Delaunay(points).simplices


def _circumcircle(corners: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the centre (Å) and radius (Å) of the circle through three points, shape (3, 2)."""
    sides = corners[1:] - corners[0]
    centre = corners[0] + np.linalg.solve(2 * sides, (sides**2).sum(axis=1))
    return centre, float(np.linalg.norm(corners[0] - centre))


def _widest_gap_deg(around: np.ndarray) -> float:
    """Return the widest angle between neighbouring directions, degrees."""
    angles = np.sort(np.degrees(np.arctan2(around[:, 1], around[:, 0])))
    return float(np.diff(np.append(angles, angles[0] + 360.0)).max())


Found = tuple[tuple, str, np.ndarray, tuple[str, ...], int]


def _describe(
    kind: str, xy: np.ndarray, cell: Surface, adsorbate: str
) -> tuple[tuple, str, np.ndarray, tuple[str, ...]] | None:
    """Return sort key, kind, touching position and coordination of a candidate, or None if it is no site."""
    z = float(cell.touching_height(xy[None], adsorbate)[0])
    if not np.isfinite(z):  # an adsorbate would fall through the slab
        return None
    point = np.append(xy, z)
    relative = cell.relative_distances(point, adsorbate, cutoff=8.0)[0]
    atoms, _ = np.nonzero(relative < CONTACT)
    if len(atoms) < MIN_NEIGHBOURS[kind]:
        return None
    coordination = tuple(sorted(cell.species[i] for i in atoms))
    # The nearest atoms tell apart sites of equal coordination, such as the fcc and hcp hollows.
    signature = tuple(np.round(np.sort(relative, axis=None)[:24], 2).tolist())
    key = (KINDS.index(kind), len(coordination), coordination, signature)
    return key, kind, point, coordination


def _named(found: list[Found], surface: Surface, z: float | None, adsorbate: str) -> tuple[Site, ...]:
    """Sort sites, number them within their kind and bring them into the cell, to z (Å) if given."""
    wrapped = []
    for key, kind, point, coordination, multiplicity in found:
        xy = wrap(point[None, :2], surface.in_plane)[0]
        position = np.append(xy, point[2] if z is None else z)
        if z is not None:
            _check_clear(surface, position, adsorbate)
        wrapped.append(((*key, tuple(np.round(xy, 2))), kind, position, coordination, multiplicity))
    numbers = dict.fromkeys(KINDS, 0)
    sites = []
    for _, kind, position, coordination, multiplicity in sorted(wrapped, key=lambda item: item[0]):
        numbers[kind] += 1
        x, y, height = (float(v) for v in position)
        name = f"{kind}-{numbers[kind]}"
        sites.append(Site(name, (x, y, height), height - surface.top, multiplicity, coordination))
    return tuple(sites)


def _check_clear(surface: Surface, position: np.ndarray, adsorbate: str) -> None:
    nearest = float(surface.relative_distances(position, adsorbate, cutoff=4.0).min())
    if nearest < OVERLAP:
        raise OverlapError(
            f"{adsorbate} {position[2] - surface.top:.2f} Å above the surface comes to {nearest:.2f} times "
            f"the sum of radii of an atom (limit {OVERLAP}); raise the height or leave it out to find it"
        )


def _distance(a: np.ndarray, b: np.ndarray, in_plane: np.ndarray) -> float:
    return float(np.linalg.norm(minimum_image(a - b, in_plane)))
