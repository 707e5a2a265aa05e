"""The two slabs of an interface, brought into one in-plane cell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from liface.errors import InputError
from liface.structures import checks
from liface.structures.content import read_only
from liface.structures.cutting import SlabAtoms, cut_slab, planar_supercell
from liface.structures.integers import IntMatrix2
from liface.structures.matching import Match, film_deformation
from liface.structures.slabs import tile

if TYPE_CHECKING:
    from liface.structures.interfaces import InterfaceBuilder

DEFAULT_PLANES = 4

BODIES_KEPT = 16
"""Slabs in coherent cells that are remembered, the latest: all gaps, shifts and film heights share a substrate."""


@dataclass(frozen=True)
class Body:
    """One slab in the in-plane cell of the interface; the lowest atom at z = 0."""

    positions: np.ndarray
    species: tuple[str, ...]
    planes: np.ndarray
    n_planes: int
    formula_units: float
    bottom_anchor: np.ndarray
    top_anchor: np.ndarray
    inversion: np.ndarray | None

    @property
    def thickness_a(self) -> float:
        """Distance from the lowest to the highest atom, Å."""
        return float(np.ptp(self.positions[:, 2]))

    def moved(self, planar: np.ndarray, height: float) -> np.ndarray:
        """Return the positions after an in-plane move and a lift, Å."""
        return self.positions + np.array([planar[0], planar[1], height])


@dataclass(frozen=True)
class Parts:
    """Substrate and strained film, not yet stacked."""

    substrate: Body
    film: Body
    cell: np.ndarray
    substrate_lattice: np.ndarray
    match: Match


def parts_of(builder: InterfaceBuilder) -> Parts:
    """Cut both slabs of a builder and bring them into the coherent cell."""
    if not 0.5 < builder.film_spacing_scale < 2.0:
        raise InputError(f"film_spacing_scale = {builder.film_spacing_scale} must lie between 0.5 and 2")
    substrate = builder.substrate_slab
    film = builder.film_slab
    match = builder.match
    deformation = film_deformation(match, substrate.in_plane, film.in_plane)
    strain = np.eye(3)
    strain[:2, :2], strain[2, 2] = deformation, builder.film_spacing_scale
    return Parts(
        substrate=_body(substrate, match.substrate_supercell, _rows(np.eye(3))),
        film=_body(film, match.film_supercell, _rows(strain)),
        cell=np.array(match.substrate_supercell) @ substrate.in_plane,
        substrate_lattice=substrate.in_plane,
        match=match,
    )


def cut_substrate(builder: InterfaceBuilder) -> SlabAtoms:
    """Cut the substrate of a builder."""
    return cut_slab(
        builder.substrate_bulk,
        builder.substrate_plane,
        termination=builder.termination,
        n_planes=_planes(builder.substrate_planes, builder.substrate_min_thickness_a),
        min_thickness_a=builder.substrate_min_thickness_a,
        anion_bonds=builder.anion_bonds,
        reference=builder.substrate_reference,
        keep_cell=builder.keep_cell,
    )


def cut_film(builder: InterfaceBuilder) -> SlabAtoms:
    """Cut the film of a builder, unstrained."""
    return cut_slab(
        builder.film_bulk,
        builder.film_plane,
        termination=builder.film_termination,
        n_planes=_planes(builder.film_planes, builder.film_min_thickness_a),
        min_thickness_a=builder.film_min_thickness_a,
        anion_bonds=builder.film_anion_bonds,
        reference=builder.film_reference,
        keep_cell=builder.film_keep_cell,
    )


def _rows(matrix: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, matrix.tolist()))


def _planes(asked: int | None, min_thickness_a: float | None) -> int | None:
    return DEFAULT_PLANES if asked is None and min_thickness_a is None else asked


@lru_cache(maxsize=BODIES_KEPT)
def _body(slab: SlabAtoms, supercell: IntMatrix2, strain_rows: tuple[tuple[float, ...], ...]) -> Body:
    strain = np.array(strain_rows)
    copies, _ = planar_supercell(slab, supercell)
    positions = tile(slab.positions, copies) @ strain.T
    planar = strain[:2, :2]
    species = tuple(s for s in slab.species for _ in copies)
    return Body(
        positions=read_only(positions),
        species=species,
        planes=read_only(np.repeat(slab.planes, len(copies))),
        n_planes=slab.n_planes,
        formula_units=checks.check_stoichiometry(species, slab.repeat.species),
        bottom_anchor=slab.positions[0, :2] @ planar.T,
        top_anchor=slab.top_anchor @ planar.T,
        inversion=None if slab.inversion is None else slab.inversion @ planar.T,
    )
