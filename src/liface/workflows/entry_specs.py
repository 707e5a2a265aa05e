"""From the entries of a campaign file to specs, one function per kind of entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from liface.documents import PathSettings
from liface.engines.base import EngineSpec, can_follow_paths, require_paths
from liface.engines.registry import engine_info
from liface.mesoscale.stack_file import StackSpec
from liface.structures.library import MaterialsLibrary
from liface.structures.planes import named_surface
from liface.workflows.campaign_file import (
    AdhesionEntry,
    BarrierEntry,
    BindingEntry,
    CampaignFile,
    ConvergenceEntry,
    GrowthEntry,
    HostEntry,
    InterfaceEntry,
    PhononEntry,
    StoryEntry,
    SurfaceEntry,
    VibrationEntry,
)
from liface.workflows.case_specs import (
    FILM,
    LI_PLANE,
    adhesion_spec,
    barrier_spec,
    binding_spec,
    canonical_surface,
    interface_spec,
    material_spec,
    phonon_spec,
    surface_spec,
    vibration_spec,
)
from liface.workflows.convergence_specs import (
    MODEL,
    AnySpec,
    ConvergenceSpec,
    Subject,
    convergence_spec,
    tolerance_of,
)
from liface.workflows.specs import (
    AdhesionSpec,
    BarrierSpec,
    BindingSpec,
    BulkSpec,
    InterfaceSpec,
    PhononSpec,
    Protocol,
    SurfaceSpec,
    VibrationSpec,
)

Face = tuple[str, str | None]
Build = Callable[[], Sequence[AnySpec]]


def builders(
    file: CampaignFile, library: MaterialsLibrary, engines: Sequence[EngineSpec]
) -> Iterator[tuple[str, Build]]:
    """Yield, per entry of a file, where it stands and how its specs are made."""
    protocol = file.protocol
    makers: dict[str, Callable[[Any], Sequence[AnySpec]]] = {
        "bulks": partial(_bulk_specs, library),
        "surfaces": partial(_surface_specs, library),
        "interfaces": partial(_interface_specs, library, protocol),
        "bindings": partial(_binding_specs, library, protocol),
        "adhesions": partial(_adhesion_specs, library, protocol),
        "barriers": partial(_barrier_specs, library, protocol, engines),
        "phonons": partial(_phonon_specs, library),
        "vibrations": partial(_vibration_specs, library, protocol),
        "convergence": partial(_convergence_specs, library, protocol, engines),
        "stories": partial(_story_specs, library, protocol, engines),
        "stability": partial(_bulk_specs, library),
        "stacks": partial(_stack_specs, library, protocol, file),
        "growths": partial(_checked_growth, library),
        "hosts": partial(_checked_host, library),
    }
    for name, make in makers.items():
        for i, entry in enumerate(getattr(file, name)):
            yield f"{name}.{i}", partial(make, entry)


def _bulk_specs(library: MaterialsLibrary, name: str) -> list[BulkSpec]:
    return [BulkSpec(material=material_spec(library, name))]


def _surface_specs(library: MaterialsLibrary, entry: SurfaceEntry) -> list[SurfaceSpec]:
    planes = entry.planes or library.get(entry.material).default_planes
    return [surface_spec(library, entry.material, plane, entry.termination) for plane in planes]


def _interface_specs(library: MaterialsLibrary, protocol: Protocol, entry: InterfaceEntry) -> list[InterfaceSpec]:
    planes = entry.planes or library.get(entry.substrate).default_planes[:1]
    return [
        interface_spec(
            library,
            entry.substrate,
            plane,
            film_plane,
            _limits(protocol, entry),
            termination=entry.termination,
            method=entry.method,
            relaxation=entry.relaxation,
        )
        for plane in planes
        for film_plane in entry.film_planes
    ]


def _binding_specs(library: MaterialsLibrary, protocol: Protocol, entry: BindingEntry) -> list[BindingSpec]:
    return [
        binding_spec(
            library,
            entry.substrate,
            entry.plane,
            protocol,
            n_li=entry.n_li if layers == 0 else entry.n_li_on_monolayers or entry.n_li,
            monolayers=layers,
            film_plane=entry.film_plane,
            termination=entry.termination,
        )
        for layers in entry.monolayers
    ]


def _adhesion_specs(library: MaterialsLibrary, protocol: Protocol, entry: AdhesionEntry) -> list[AdhesionSpec]:
    a = (entry.a, entry.plane_a, entry.termination_a)
    b = (entry.b, entry.plane_b, entry.termination_b)
    return [adhesion_spec(library, a, b, _limits(protocol, entry), entry.strained)]


def _barrier_specs(
    library: MaterialsLibrary, protocol: Protocol, engines: Sequence[EngineSpec], entry: BarrierEntry
) -> list[BarrierSpec]:
    for engine in engines:
        require_paths(engine.name)
    return [
        barrier_spec(
            library,
            entry.substrate,
            entry.plane,
            protocol,
            monolayers=layers,
            film_plane=entry.film_plane,
            termination=entry.termination,
            path=PathSettings(images=entry.images),
            longest_hop_a=entry.longest_hop_a,
            most_hops=entry.most_hops,
        )
        for layers in entry.monolayers
    ]


def _phonon_specs(library: MaterialsLibrary, entry: PhononEntry) -> list[PhononSpec]:
    return [phonon_spec(library, entry.material, **entry.options)]


def _vibration_specs(library: MaterialsLibrary, protocol: Protocol, entry: VibrationEntry) -> list[VibrationSpec]:
    where: dict[str, Any] = {"termination": entry.termination}
    of: list[InterfaceSpec | BindingSpec] = [
        interface_spec(library, entry.substrate, entry.plane, film_plane, protocol, **where)
        for film_plane in entry.film_planes or ()
    ]
    if entry.n_li is not None:
        of += [
            binding_spec(library, entry.substrate, entry.plane, protocol, n_li=entry.n_li, monolayers=layers, **where)
            for layers in entry.monolayers
        ]
    return [vibration_spec(library, spec, **entry.options) for spec in of]


def _convergence_specs(
    library: MaterialsLibrary, protocol: Protocol, engines: Sequence[EngineSpec], entry: ConvergenceEntry
) -> list[ConvergenceSpec]:
    spec = convergence_spec(
        entry.quantity,
        entry.of,
        entry.values,
        tolerance_of(entry.tolerance, entry.quantity),
        partial(_subject, library, entry),
        protocol,
    )
    for engine in engines[:1] if entry.of == MODEL else engines:
        for point in spec.points:  # an engine or an option that does not exist is told of before anything runs
            engine_info(point.engine_on(engine))
    return [spec]


def _subject(library: MaterialsLibrary, entry: ConvergenceEntry, protocol: Protocol) -> Subject:
    """Return the spec of the quantity that is followed, for the protocol of one point."""
    if entry.quantity == "bulk":
        return BulkSpec(material=material_spec(library, entry.material))
    plane = entry.plane or library.get(entry.material).default_planes[0]
    if entry.quantity == "surface":
        return surface_spec(library, entry.material, plane, entry.termination)
    if entry.quantity == "binding":
        return binding_spec(library, entry.material, plane, protocol, n_li=(entry.n_li,), termination=entry.termination)
    return interface_spec(
        library, entry.material, plane, entry.film_plane, protocol, termination=entry.termination, method=entry.method
    )


def _story_specs(
    library: MaterialsLibrary, protocol: Protocol, engines: Sequence[EngineSpec], entry: StoryEntry
) -> list[AnySpec]:
    """Return every case that the story of a substrate rests on, those on Li among them."""
    protocol = _limits(protocol, entry)
    found: list[AnySpec] = [surface_spec(library, entry.substrate, entry.plane)]
    found += [surface_spec(library, FILM, plane) for plane in entry.film_planes]
    if entry.substrate != FILM:
        found += [interface_spec(library, entry.substrate, entry.plane, film, protocol) for film in entry.film_planes]
    for substrate, plane, layers in (
        *((entry.substrate, entry.plane, layers) for layers in entry.monolayers),
        (FILM, LI_PLANE, 0),
    ):
        found.append(binding_spec(library, substrate, plane, protocol, n_li=entry.n_li, monolayers=layers))
    if all(can_follow_paths(engine.name) for engine in engines):
        surfaces = dict.fromkeys(((entry.substrate, entry.plane), (FILM, LI_PLANE)))
        found += [barrier_spec(library, substrate, plane, protocol) for substrate, plane in surfaces]
    return found


def _stack_specs(
    library: MaterialsLibrary, protocol: Protocol, file: CampaignFile, entry: StackSpec
) -> list[AdhesionSpec]:
    """Return the works of adhesion that a stack needs and that are neither given by hand nor asked for elsewhere.

    Of Li on a substrate whose story is told the wetting will be known, which comes first.
    """
    by_hand = {frozenset(part.strip() for part in pair.split(",")) for pair in entry.adhesions}
    known = [(_face(library, e.a, e.plane_a), _face(library, e.b, e.plane_b)) for e in file.adhesions]
    if file.wetting:
        told = [story for story in file.stories if LI_PLANE in story.film_planes]
        known += [((FILM, LI_PLANE), _face(library, story.substrate, story.plane)) for story in told]
    found = []
    for a, b in entry.pairs:
        sides = named_surface(a), named_surface(b)
        if frozenset((a, b)) in by_hand or any(_meet(library, sides, pair) for pair in known):
            continue
        found.append(adhesion_spec(library, (*sides[0], 0), (*sides[1], 0), protocol))
    return found


def _face(library: MaterialsLibrary, name: str, plane: str | None) -> Face:
    """Return material and plane as results name them, the first default plane where none is given."""
    return canonical_surface(library, name, plane or library.get(name).default_planes[0])


def _meet(library: MaterialsLibrary, asked: tuple[Face, Face], known: tuple[Face, Face]) -> bool:
    """Tell whether a pair is the one that a stack asks for; a material without a plane shows any."""
    first, second = (canonical_surface(library, *side) for side in asked)
    return any(
        first[0] == a[0] and first[1] in (None, a[1]) and second[0] == b[0] and second[1] in (None, b[1])
        for a, b in (known, known[::-1])
    )


def _checked_growth(library: MaterialsLibrary, entry: GrowthEntry) -> list[AnySpec]:
    """Ask for nothing, but tell of a surface that does not exist before anything runs."""
    surface_spec(library, entry.substrate, entry.plane)
    return []


def _checked_host(library: MaterialsLibrary, entry: HostEntry) -> list[AnySpec]:
    """Do the same for the wall of a host."""
    if entry.wall is not None:
        material, plane = named_surface(entry.wall)
        surface_spec(library, material, plane or library.get(material).default_planes[0])
    return []


def _limits(protocol: Protocol, entry: InterfaceEntry | AdhesionEntry | StoryEntry) -> Protocol:
    """Return the protocol with the matching limits of one entry."""
    own = {name: getattr(entry, name) for name in ("max_strain_percent", "max_area_a2")}
    return protocol.model_copy(update={name: value for name, value in own.items() if value is not None})
