"""From a campaign file to cases: each a spec, an engine, and an identity of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from liface.analysis.responses import measured
from liface.documents import EngineInfo, content_hash
from liface.engines.base import EngineSpec
from liface.engines.registry import engine_info
from liface.errors import CampaignError, InputError, LifaceError
from liface.structures.library import MaterialsLibrary
from liface.workflows.campaign_file import (
    AdhesionEntry,
    BindingEntry,
    CampaignFile,
    InterfaceEntry,
    StoryEntry,
    SurfaceEntry,
    load_campaign,
)
from liface.workflows.specs import (
    AdhesionSpec,
    BindingSpec,
    BulkSpec,
    CaseSpec,
    InterfaceSpec,
    InterfaceStart,
    MatchSpec,
    MaterialSpec,
    Protocol,
    Side,
    SurfaceSpec,
)
from liface.workflows.steps.common import Case

if TYPE_CHECKING:
    from jobflow import Flow

    from liface.structures.matching import Match
    from liface.workflows.flows import LiMaker

FLOW_VERSION = 1
"""Raised when a change of the flows changes what a case means; finished cases are then done again from the
calculations in the database."""

FILM = "Li"
LI_PLANE = "110"
"""Li that Li grows on: its closest-packed plane."""
PREFERRED_STRAIN_PERCENT = 4.0


def _engine_label(engine: EngineInfo, is_one_of_several: bool) -> str:
    return f"{engine.label} {engine.fingerprint[:6]}" if is_one_of_several else engine.label


@dataclass(frozen=True)
class PlannedCase:
    """One case of a campaign for one engine."""

    case: Case
    spec: CaseSpec
    engine: EngineSpec
    prerelax: EngineSpec | None = None
    """Engine that begins its relaxations; not part of the identity, since what is asked stays the same."""
    start: InterfaceStart | None = None
    """Gap and registry of an interface that a cheaper engine has found; this one then makes no scan."""
    is_one_of_several: bool = False
    """Whether the campaign has another engine of the same label, which differs in its options."""

    @property
    def engine_label(self) -> str:
        """``engine:model``, and the beginning of its fingerprint where another one is called the same."""
        return _engine_label(self.case.engine, self.is_one_of_several)

    @property
    def case_id(self) -> str:
        """Content identity of the case."""
        identity = {
            "flow": FLOW_VERSION,
            "spec": self.spec.spec_id,
            "campaign": self.case.campaign,
            "engine": self.case.engine.fingerprint,
            "protocol": self.case.protocol.model_dump(mode="json"),
        }
        if self.start is not None:
            identity["start"] = self.start.model_dump(mode="json")
        return content_hash(identity)

    @property
    def name(self) -> str:
        """Readable name, with the engine."""
        return f"{self.spec.name} [{self.engine_label}]"

    def flow(self) -> Flow:
        """Return the jobflow flow of the case."""
        return self.maker().make(self.spec)

    def maker(self) -> LiMaker:
        """Return the Maker of the case."""
        from liface.workflows import flows

        common: dict[str, Any] = {
            "engine": self.engine,
            "protocol": self.case.protocol,
            "campaign": self.case.campaign,
            "prerelax": self.prerelax,
            "screened_by": self.case.screened_by,
        }
        if self.spec.kind == "interface":
            return flows.InterfaceMaker(**common, start=self.start)
        makers: dict[str, type[flows.LiMaker]] = {
            "bulk": flows.BulkMaker,
            "surface": flows.SurfaceMaker,
            "binding": flows.BindingMaker,
            "adhesion": flows.AdhesionMaker,
        }
        return makers[self.spec.kind](**common)


@dataclass(frozen=True)
class Campaign:
    """A campaign ready to run: the file, its library of materials, and its engines."""

    file: CampaignFile
    base: Path
    engines: tuple[EngineSpec, ...]

    @classmethod
    def load(cls, name_or_path: str | Path, engines: Sequence[str] = ()) -> Campaign:
        """Read a campaign; ``engines`` replaces those of the file.

        Raises
        ------
        CampaignError, UnknownEngineError
            The file or an engine is wrong.
        """
        file, base = load_campaign(name_or_path)
        specs = tuple(dict.fromkeys(EngineSpec.parse(text) for text in (engines or file.engines)))
        campaign = cls(file=file, base=base, engines=specs)
        campaign._require_another_engine_to_screen()
        return campaign

    @property
    def name(self) -> str:
        """Name of the campaign."""
        return self.file.name

    @property
    def responses(self) -> Path | None:
        """File with measured points of the user's own."""
        return self.base / self.file.responses if self.file.responses else None

    @property
    def screening_engine(self) -> EngineSpec | None:
        """The cheaper engine that goes before the others, if any."""
        return EngineSpec.parse(self.file.screening.engine) if self.file.screening else None

    def cases(self) -> tuple[PlannedCase, ...]:
        """Return every case, references first, for every engine; where there is a screening, before it.

        Raises
        ------
        CampaignError
            A case cannot be built: unknown material, no such plane, no coherent cell. All problems are named.
        """
        specs = self.specs()
        if self.responses is not None:
            measured(None, self.responses)  # a file that does not hold together is told of now, not after hours
        return tuple(
            self._planned(spec, engine, prerelax=self.screening_engine) for engine in self.engines for spec in specs
        )

    def screening_cases(self) -> tuple[PlannedCase, ...]:
        """Return the cases of the kinds that are screened, with their bulks, for the cheap engine; none without one.

        Raises
        ------
        CampaignError
            As :meth:`cases`.
        """
        engine = self.screening_engine
        if engine is None or self.file.screening is None:
            return ()
        ranked = [spec for spec in self.specs() if spec.kind in self.file.screening.kinds]
        bulks = {bulk.spec_id: bulk for bulk in _bulks(ranked)}
        return tuple(self._planned(spec, engine) for spec in (*bulks.values(), *ranked))

    def _planned(self, spec: CaseSpec, engine: EngineSpec, prerelax: EngineSpec | None = None) -> PlannedCase:
        case = Case(campaign=self.name, name=spec.name, engine=engine_info(engine), protocol=self.file.protocol)
        several = self._labels[case.engine.label] > 1
        return PlannedCase(case, spec, engine, prerelax, is_one_of_several=several)

    @cached_property
    def _labels(self) -> Counter[str]:
        """Count the engines by their labels."""
        screening = (self.screening_engine,) if self.screening_engine else ()
        return Counter(engine_info(engine).label for engine in (*self.engines, *screening))

    @property
    def chosen_engines(self) -> frozenset[str] | None:
        """Labels of engines that were asked for in place of those of the file; None for those of the file."""
        if self.engines == tuple(dict.fromkeys(EngineSpec.parse(text) for text in self.file.engines)):
            return None
        infos = (engine_info(engine) for engine in self.engines)
        return frozenset(_engine_label(info, self._labels[info.label] > 1) for info in infos)

    def _require_another_engine_to_screen(self) -> None:
        """Refuse to screen with an engine for itself, also under another name."""
        cheap = self.screening_engine
        if cheap is None:
            return
        for engine in self.engines:
            if engine_info(engine).fingerprint == engine_info(cheap).fingerprint:
                raise CampaignError(
                    f"campaign {self.name}: {engine} is to be screened with itself; give another engine, or leave "
                    "screening out"
                )

    def specs(self) -> tuple[CaseSpec, ...]:
        """Return what is asked, without repetition: bulks, surfaces, interfaces, bindings, adhesions."""
        return self._specs

    @cached_property
    def _specs(self) -> tuple[CaseSpec, ...]:
        library = MaterialsLibrary(self.file.materials, self.base)
        problems: list[str] = []
        found: list[CaseSpec] = []
        for where, build in self._builders(library):
            try:
                found += build()
            except LifaceError as error:
                problems.append(f"  {where}: {error}")
        if problems:
            raise CampaignError(f"campaign {self.name}: {len(problems)} problem(s)\n" + "\n".join(problems))
        bulks = {spec.material.name: spec for spec in map(BulkSpec.model_validate, _bulks(found))}
        specs = {spec.spec_id: spec for spec in (*bulks.values(), *found)}
        _require_distinct_names(self.name, specs.values())
        return tuple(specs.values())

    def _builders(self, library: MaterialsLibrary) -> Iterator[tuple[str, Callable[[], Sequence[CaseSpec]]]]:
        """Yield, per entry of the file, where it stands and how its specs are made."""
        protocol = self.file.protocol
        for i, name in enumerate(self.file.bulks):
            yield f"bulks.{i}", partial(_bulk_specs, library, name)
        for i, surface in enumerate(self.file.surfaces):
            yield f"surfaces.{i}", partial(_surface_specs, library, surface)
        for i, interface in enumerate(self.file.interfaces):
            yield f"interfaces.{i}", partial(_interface_specs, library, interface, protocol)
        for i, binding in enumerate(self.file.bindings):
            yield f"bindings.{i}", partial(_binding_specs, library, binding, protocol)
        for i, adhesion in enumerate(self.file.adhesions):
            yield f"adhesions.{i}", partial(_adhesion_specs, library, adhesion, protocol)
        for i, story in enumerate(self.file.stories):
            yield f"stories.{i}", partial(story_specs, library, story, protocol)
        for i, name in enumerate(self.file.stability):
            yield f"stability.{i}", partial(_bulk_specs, library, name)


def material_spec(library: MaterialsLibrary, name: str) -> MaterialSpec:
    """Return a material as jobs need it."""
    return MaterialSpec.from_material(library.get(name))


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


def _bulk_specs(library: MaterialsLibrary, name: str) -> list[BulkSpec]:
    return [BulkSpec(material=material_spec(library, name))]


def _surface_specs(library: MaterialsLibrary, entry: SurfaceEntry) -> list[SurfaceSpec]:
    planes = entry.planes or library.get(entry.material).default_planes
    return [surface_spec(library, entry.material, plane, entry.termination) for plane in planes]


def _interface_specs(library: MaterialsLibrary, entry: InterfaceEntry, protocol: Protocol) -> list[InterfaceSpec]:
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


def _binding_specs(library: MaterialsLibrary, entry: BindingEntry, protocol: Protocol) -> list[BindingSpec]:
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


def story_specs(library: MaterialsLibrary, entry: StoryEntry, protocol: Protocol) -> list[CaseSpec]:
    """Return every case that the story of a substrate rests on, those on Li among them."""
    protocol = _limits(protocol, entry)
    found: list[CaseSpec] = [surface_spec(library, entry.substrate, entry.plane)]
    found += [surface_spec(library, FILM, plane) for plane in entry.film_planes]
    if entry.substrate != FILM:
        found += [interface_spec(library, entry.substrate, entry.plane, film, protocol) for film in entry.film_planes]
    for substrate, plane, layers in (
        *((entry.substrate, entry.plane, layers) for layers in entry.monolayers),
        (FILM, LI_PLANE, 0),
    ):
        found.append(binding_spec(library, substrate, plane, protocol, n_li=entry.n_li, monolayers=layers))
    return found


def _adhesion_specs(library: MaterialsLibrary, entry: AdhesionEntry, protocol: Protocol) -> list[AdhesionSpec]:
    a = (entry.a, entry.plane_a, entry.termination_a)
    b = (entry.b, entry.plane_b, entry.termination_b)
    return [adhesion_spec(library, a, b, _limits(protocol, entry), entry.strained)]


def _limits(protocol: Protocol, entry: InterfaceEntry | AdhesionEntry | StoryEntry) -> Protocol:
    """Return the protocol with the matching limits of one entry."""
    own = {name: getattr(entry, name) for name in ("max_strain_percent", "max_area_a2")}
    return protocol.model_copy(update={name: value for name, value in own.items() if value is not None})


def _require_distinct_names(campaign: str, specs: Iterable[CaseSpec]) -> None:
    """Refuse two different cases of one name: results are stored and shown under it."""
    counts = Counter(spec.name for spec in specs)
    if twice := sorted(name for name, count in counts.items() if count > 1):
        raise CampaignError(
            f"campaign {campaign}: {', '.join(twice)} asked for in two different ways; join the entries (n_li takes a "
            "list), or give one of them a campaign of its own"
        )


def _bulks(specs: Sequence[CaseSpec]) -> Iterator[BulkSpec]:
    for spec in specs:
        for name in ("material", "film", "substrate"):
            if (material := getattr(spec, name, None)) is not None:
                yield BulkSpec(material=material)


def _label(material: MaterialSpec, plane: str) -> str:
    from liface.structures.planes import is_hexagonal, parse_plane, plane_label

    hexagonal = is_hexagonal(material.structure())
    return plane_label(parse_plane(plane, hexagonal), hexagonal)


def _check_termination(material: MaterialSpec, plane: str, termination: int) -> None:
    from liface.errors import TerminationError
    from liface.structures.slabs import terminations

    found = terminations(
        material.structure(), plane, anion_bonds=material.anion_bonds, keep_cell=material.broken_symmetry
    )
    if termination >= len(found):
        raise TerminationError(
            f"{material.name}({plane}) has {len(found)} termination(s), index {termination} does not exist; "
            f"use 0 to {len(found) - 1}"
        )


def _roomiest_match(
    substrate: MaterialSpec, plane: str, film: MaterialSpec, film_plane: str, protocol: Protocol
) -> MatchSpec:
    """Return the coherent cell that needs the least area once repeated to the edges of an adsorption cell."""
    import numpy as np

    from liface.structures.matching import find_matches, in_plane_vectors

    best = _best_match(substrate, plane, film, film_plane, protocol.max_area_a2, protocol.max_strain_percent)
    if best.strain_percent < 0.1:  # Li on Li needs no strain
        return best
    vectors = in_plane_vectors(substrate.structure(), plane, keep_cell=substrate.broken_symmetry)
    matches = find_matches(
        vectors,
        in_plane_vectors(film.structure(), film_plane),
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
    from liface.structures.matching import best_match, in_plane_vectors

    match = best_match(
        in_plane_vectors(substrate.structure(), plane, keep_cell=substrate.broken_symmetry),
        in_plane_vectors(film.structure(), film_plane, keep_cell=film.broken_symmetry),
        max_area_a2=max_area,
        max_strain_percent=max_strain,
        label=f"{film.name}({film_plane}) on {substrate.name}({plane})",
    )
    return MatchSpec.from_match(match)
