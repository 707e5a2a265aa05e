"""Putting atoms and clusters on a slab, and taking them off."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from liface.errors import OverlapError, StructureError
from liface.structures.clusters import Cluster
from liface.structures.maximin import farthest_subset
from liface.structures.orientations import contact_atoms, oriented
from liface.structures.sites import Site, equivalent_positions
from liface.structures.touching import OVERLAP, Surface, lattice_points, pair_distances, radius, surface_of

if TYPE_CHECKING:
    from pymatgen.core import Structure

ADSORBATE = "adsorbate"

IMAGE_DISTANCE_A = 4.0
"""Å; a cluster and its periodic images are at least this far apart, well beyond a Li–Li bond."""

CLEARANCE_A = 5.0
"""Å; empty space left between the adsorbates and the next slab above."""


def add_adsorbates(slab: Structure, positions: np.ndarray, species: str = "Li") -> Structure:
    """Return the slab with atoms of role ``adsorbate``, free to move, appended.

    Site properties of the slab are kept; atoms without a role become ``substrate``.

    Parameters
    ----------
    slab
        First two vectors in the xy plane, vacuum along z.
    positions
        Cartesian, Å, shape (n, 3).
    species
        Element of the new atoms.

    Raises
    ------
    OverlapError
        If a new atom comes too close to another atom.
    StructureError
        If too little vacuum is left above.
    """
    positions = np.asarray(positions, dtype=float).reshape(-1, 3)
    surface = surface_of(slab)
    _check_clear(surface, positions, species)
    covered = slab.copy()
    roles = slab.site_properties.get("role") or [None] * len(slab)
    dynamics = slab.site_properties.get("selective_dynamics") or [None] * len(slab)
    covered.add_site_property("role", [role or "substrate" for role in roles])
    covered.add_site_property("selective_dynamics", [[True] * 3 if f is None else list(f) for f in dynamics])
    others = {key: None for key in covered.site_properties if key not in ("role", "selective_dynamics")}
    for position in positions:
        properties = {**others, "role": ADSORBATE, "selective_dynamics": [True] * 3}
        covered.append(species, position, coords_are_cartesian=True, properties=properties)
    return covered


def remove_adsorbates(structure: Structure) -> Structure:
    """Return the structure without its atoms of role ``adsorbate``."""
    roles = structure.site_properties.get("role") or [None] * len(structure)
    bare = structure.copy()
    bare.remove_sites([i for i, role in enumerate(roles) if role == ADSORBATE])
    return bare


def dispersed(slab: Structure, site: Site, n: int, *, species: str = "Li") -> Structure:
    """Return the slab with n adatoms on equivalent positions of a site, as far apart as they can be.

    Of all choices one with the largest smallest distance (maximin, periodic) is taken, always the same. In a
    crowded cell they may still be neighbours; :func:`~liface.structures.shapes.describe` tells.

    Raises
    ------
    StructureError
        If the cell has fewer equivalent positions.
    """
    if n < 1:
        raise StructureError(f"{n} adatoms; at least one is needed")
    images = equivalent_positions(slab, site)
    if len(images) < n:
        raise StructureError(
            f"{site.name} has {len(images)} equivalent positions in this cell of {_area(slab):.1f} Å², {n} "
            f"are needed; repeat the slab to at least {ceil(n / len(images))} times the area"
        )
    chosen = farthest_subset(images[:, :2], np.array(slab.lattice.matrix)[:2, :2], n)
    return add_adsorbates(slab, images[list(chosen)], species)


def place_cluster(
    slab: Structure,
    cluster: Cluster,
    site: Site,
    *,
    orientation: str,
    azimuth_deg: float = 0.0,
    species: str = "Li",
) -> Structure:
    """Return the slab with a cluster lowered onto a site until it touches.

    Parameters
    ----------
    slab
        First two vectors in the xy plane, vacuum along z.
    cluster
        A free cluster.
    site
        The middle of the atoms that stand on the surface comes above this site.
    orientation
        Name of one of the cluster's :func:`~liface.structures.orientations.orientations`.
    azimuth_deg
        Turn about z, degrees; at zero the shortest standing bond lies along x.

    Raises
    ------
    StructureError
        If the cell is too small for the cluster or the orientation is unknown.
    """
    positions = _turned(oriented(cluster, orientation).positions, azimuth_deg)
    standing = positions[contact_atoms(positions)]
    positions[:, :2] += np.array(site.position[:2]) - standing[:, :2].mean(axis=0)
    surface = surface_of(slab)
    _check_images(surface, positions, cluster, slab)
    lift = surface.touching_height(positions[:, :2], species) - positions[:, 2]
    if not np.isfinite(lift.max()):
        raise StructureError(f"a {cluster.name} at {site.name} would fall through the slab; choose another site")
    positions[:, 2] += lift.max()
    return add_adsorbates(slab, positions, species)


def _turned(positions: np.ndarray, degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return positions @ np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])


def _check_images(surface: Surface, positions: np.ndarray, cluster: Cluster, slab: Structure) -> None:
    """Refuse a cell in which a cluster comes close to its own periodic images."""
    delta = (positions[:, None, :] - positions[None, :, :]).reshape(-1, 3)
    reach = float(np.linalg.norm(delta[:, :2], axis=1).max()) + IMAGE_DISTANCE_A
    shifts = lattice_points(surface.in_plane, reach)[1:]
    across = np.linalg.norm(delta[:, None, :2] + shifts[None], axis=-1)
    nearest = float(np.hypot(across, delta[:, None, 2]).min())
    if nearest < IMAGE_DISTANCE_A:
        raise StructureError(
            f"a {cluster.name} of {cluster.n} atoms comes within {nearest:.2f} Å of its periodic image in a "
            f"cell of {slab.lattice.a:.2f} × {slab.lattice.b:.2f} Å (limit {IMAGE_DISTANCE_A:.1f} Å); it is "
            f"{reach - IMAGE_DISTANCE_A:.1f} Å wide, so repeat the slab to at least {reach:.1f} Å in-plane"
        )


def _check_clear(surface: Surface, positions: np.ndarray, species: str) -> None:
    """Refuse new atoms that overlap the slab or each other, or that crowd the next slab above."""
    if not len(positions):
        return
    ratio = float(surface.relative_distances(positions, species, cutoff=5.0).min())
    ratio = min(ratio, float(pair_distances(positions, surface.in_plane, 5.0).min()) / (2 * radius(species)))
    if ratio < OVERLAP:
        raise OverlapError(
            f"a {species} adsorbate comes to {ratio:.2f} times the sum of radii of another atom (limit "
            f"{OVERLAP}); put it higher, or use a larger cell or fewer adsorbates"
        )
    left = surface.height + surface.bottom - float(positions[:, 2].max())
    if left < CLEARANCE_A:
        raise StructureError(
            f"{left:.1f} Å are left between the highest adsorbate and the next slab, at least "
            f"{CLEARANCE_A:.0f} Å are needed; build the slab with {CLEARANCE_A - left:.1f} Å more vacuum"
        )


def _area(slab: Structure) -> float:
    a, b, _ = np.array(slab.lattice.matrix)
    return float(np.linalg.norm(np.cross(a, b)))
