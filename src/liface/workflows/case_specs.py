"""One spec each: what a case asks for, with the best coherent cells of the canonical lattices."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from liface.errors import InputError, UnknownMaterialError
from liface.structures.library import MaterialsLibrary
from liface.workflows.specs import (
    AdhesionSpec,
    BarrierSpec,
    BindingSpec,
    InterfaceSpec,
    MatchSpec,
    MaterialSpec,
    PhononSpec,
    Protocol,
    Side,
    SurfaceSpec,
    VibrationSpec,
    crystal_of,
)

if TYPE_CHECKING:
    import numpy as np

    from liface.structures.library.material import Material
    from liface.structures.matching import Match

FILM = "Li"
LI_PLANE = "110"
"""Li that Li grows on: its closest-packed plane."""

PREFERRED_STRAIN_PERCENT = 4.0

MATERIALS_KEPT = 64
"""Materials whose cells, planes and terminations are remembered, the latest."""


def material_spec(library: MaterialsLibrary, name: str) -> MaterialSpec:
    """Return a material as jobs need it; all cases of one material share it."""
    return _material_spec(library.get(name))


@lru_cache(maxsize=MATERIALS_KEPT)
def _material_spec(material: Material) -> MaterialSpec:
    return MaterialSpec.from_material(material)


def canonical_surface(library: MaterialsLibrary, name: str, plane: str | None) -> tuple[str, str | None]:
    """Return the name that results of a material have, and the label of the plane; as they are if it is unknown.

    Raises
    ------
    MillerIndexError
        The text is no plane.
    """
    try:
        spec = material_spec(library, name)
    except UnknownMaterialError:
        return name, plane
    return spec.name, None if plane is None else _label(spec, plane)


def surface_spec(library: MaterialsLibrary, material: str, plane: str, termination: int = 0) -> SurfaceSpec:
    """Return the spec of a free surface; the plane gets its canonical label."""
    spec = material_spec(library, material)
    _check_termination(spec, plane, termination)
    return SurfaceSpec(material=spec, plane=_label(spec, plane), termination=termination)


def interface_spec(
    library: MaterialsLibrary,
    substrate: str,
    plane: str,
    film_plane: str,
    protocol: Protocol | None = None,
    termination: int = 0,
    method: Literal["sandwich", "vacuum"] = "sandwich",
    relaxation: Literal["auto", "coherent", "free"] = "auto",
) -> InterfaceSpec:
    """Return the spec of a Li film on a substrate, with the best coherent cell of the canonical lattices.

    Raises
    ------
    LatticeMismatchError
        No coherent cell within the limits of the protocol.
    """
    protocol = protocol or Protocol()
    below, film = material_spec(library, substrate), material_spec(library, FILM)
    _check_termination(below, plane, termination)
    return InterfaceSpec(
        substrate=below,
        substrate_plane=_label(below, plane),
        substrate_termination=termination,
        film=film,
        film_plane=_label(film, film_plane),
        match=_best_match(below, plane, film, film_plane, protocol.max_area_a2, protocol.max_strain_percent),
        method=method,
        relaxation=("free" if below.anion_bonds else "coherent") if relaxation == "auto" else relaxation,
    )


def binding_spec(
    library: MaterialsLibrary,
    substrate: str,
    plane: str,
    protocol: Protocol | None = None,
    *,
    n_li: Sequence[int] = (1, 4),
    monolayers: int = 0,
    film_plane: str = "110",
    termination: int = 0,
) -> BindingSpec:
    """Return the spec of Li atoms and clusters on a slab."""
    protocol = protocol or Protocol()
    below, film = material_spec(library, substrate), material_spec(library, FILM)
    _check_termination(below, plane, termination)
    match = None
    if monolayers:
        match = _roomiest_match(below, plane, film, film_plane, protocol)
    return BindingSpec(
        substrate=below,
        substrate_plane=_label(below, plane),
        substrate_termination=termination,
        film=film,
        film_plane=_label(film, film_plane),
        match=match,
        monolayers=monolayers,
        n_li=tuple(sorted(set(n_li))),
    )


def adhesion_spec(
    library: MaterialsLibrary,
    a: tuple[str, str | None, int],
    b: tuple[str, str | None, int],
    protocol: Protocol | None = None,
    strained: Literal["auto", "a", "b"] = "auto",
) -> AdhesionSpec:
    """Return the spec of two slabs in the best coherent cell of their canonical lattices.

    Parameters
    ----------
    a, b
        Material, plane (None: the first of its default planes) and index of the termination.
    strained
        Side that takes the strain; ``auto``: Li where it is one of the two, else ``b``, so name the softer one last.

    Raises
    ------
    InputError
        Li is one of the two and is not to take the strain.
    LatticeMismatchError
        No coherent cell within the limits of the protocol.
    """
    protocol = protocol or Protocol()
    first, second = _side(library, *a), _side(library, *b)
    taut = _taut(first, second, strained)
    held = first if taut is second else second
    ordered = sorted((first, second), key=lambda side: side.order)
    return AdhesionSpec(
        a=ordered[0],
        b=ordered[1],
        strained="a" if taut is ordered[0] else "b",
        match=_best_match(
            held.material, held.plane, taut.material, taut.plane, protocol.max_area_a2, protocol.max_strain_percent
        ),
    )


def barrier_spec(
    library: MaterialsLibrary,
    substrate: str,
    plane: str,
    protocol: Protocol | None = None,
    *,
    monolayers: int = 0,
    film_plane: str = "110",
    termination: int = 0,
    **limits: Any,
) -> BarrierSpec:
    """Return the spec of the hops of one Li on a slab; ``limits`` are fields of the spec."""
    slab = binding_spec(
        library,
        substrate,
        plane,
        protocol,
        n_li=(1,),
        monolayers=monolayers,
        film_plane=film_plane,
        termination=termination,
    )
    return BarrierSpec(**{name: value for name, value in slab if name not in ("kind", "n_li")}, **limits)


def phonon_spec(library: MaterialsLibrary, material: str, **options: Any) -> PhononSpec:
    """Return the spec of the phonons of a bulk; ``options`` are fields of :class:`PhononSpec`."""
    return PhononSpec(material=material_spec(library, material), **options)


def vibration_spec(library: MaterialsLibrary, of: InterfaceSpec | BindingSpec, **options: Any) -> VibrationSpec:
    """Return the spec of the vibrations of adsorbed Li or of a film, against the phonons of bulk Li."""
    return VibrationSpec(of=of, lithium=phonon_spec(library, FILM), **options)


def _side(library: MaterialsLibrary, name: str, plane: str | None, termination: int) -> Side:
    material = material_spec(library, name)
    plane = plane or library.get(name).default_planes[0]
    _check_termination(material, plane, termination)
    return Side(material=material, plane=_label(material, plane), termination=termination)


def _taut(first: Side, second: Side, strained: Literal["auto", "a", "b"]) -> Side:
    """Return the side that takes the strain: Li if there, since it is softer than all that it meets."""
    sides = {"a": first, "b": second}
    soft = [side for side in sides.values() if side.material.name == FILM]
    if len(soft) != 1:
        return sides["b" if strained == "auto" else strained]
    if strained != "auto" and sides[strained] is not soft[0]:
        raise InputError(
            f"strained: {strained} is {sides[strained].material.name}, but next to {FILM} it is {FILM} that takes the "
            "strain; leave strained out"
        )
    return soft[0]


@lru_cache(maxsize=4 * MATERIALS_KEPT)
def _label(material: MaterialSpec, plane: str) -> str:
    from liface.structures.planes import is_hexagonal, parse_plane, plane_label

    hexagonal = is_hexagonal(crystal_of(material.reference))
    return plane_label(parse_plane(plane, hexagonal), hexagonal)


def _check_termination(material: MaterialSpec, plane: str, termination: int) -> None:
    from liface.errors import TerminationError

    count = _count_terminations(material, plane)
    if termination >= count:
        raise TerminationError(
            f"{material.name}({plane}) has {count} termination(s), index {termination} does not exist; "
            f"use 0 to {count - 1}"
        )


@lru_cache(maxsize=4 * MATERIALS_KEPT)
def _count_terminations(material: MaterialSpec, plane: str) -> int:
    from liface.structures.slabs import terminations

    crystal = crystal_of(material.reference)
    return len(terminations(crystal, plane, anion_bonds=material.anion_bonds, keep_cell=material.broken_symmetry))


def _plane_vectors(material: MaterialSpec, plane: str) -> np.ndarray:
    from liface.structures.matching import in_plane_vectors

    return in_plane_vectors(crystal_of(material.reference), plane, keep_cell=material.broken_symmetry)


def _roomiest_match(
    substrate: MaterialSpec, plane: str, film: MaterialSpec, film_plane: str, protocol: Protocol
) -> MatchSpec:
    """Return the coherent cell that needs the least area once repeated to the edges of an adsorption cell."""
    import numpy as np

    from liface.structures.matching import find_matches, in_plane_vectors

    best = _best_match(substrate, plane, film, film_plane, protocol.max_area_a2, protocol.max_strain_percent)
    if best.strain_percent < 0.1:  # Li on Li needs no strain
        return best
    vectors = _plane_vectors(substrate, plane)
    matches = find_matches(
        vectors,
        in_plane_vectors(crystal_of(film.reference), film_plane),
        max_area_a2=protocol.max_area_a2,
        max_strain_percent=max(best.strain_percent + 1e-3, PREFERRED_STRAIN_PERCENT),
    )

    def area(match: Match) -> float:
        edges = np.linalg.norm(np.array(match.substrate_supercell) @ vectors, axis=1)
        return match.area_a2 * float(np.prod(np.ceil(np.round(protocol.binding_edge_a / edges, 3))))

    return MatchSpec.from_match(min(matches, key=lambda match: round(area(match), 2)))


@lru_cache(maxsize=512)
def _best_match(
    substrate: MaterialSpec, plane: str, film: MaterialSpec, film_plane: str, max_area: float, max_strain: float
) -> MatchSpec:
    from liface.structures.matching import best_match

    match = best_match(
        _plane_vectors(substrate, plane),
        _plane_vectors(film, film_plane),
        max_area_a2=max_area,
        max_strain_percent=max_strain,
        label=f"{film.name}({film_plane}) on {substrate.name}({plane})",
    )
    return MatchSpec.from_match(match)
