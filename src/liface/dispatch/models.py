"""Growth, deposition, creep, stability and verdicts of a campaign, from the results that it has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from liface.analysis.stability import PhaseEntry
from liface.analysis.story import Story, points, verdict
from liface.database import Database
from liface.database.filters import quoted
from liface.dispatch.adhesions import deposition_origin, stored_adhesions
from liface.dispatch.growth import stored_growth
from liface.dispatch.stability import entries_of, judged, newest_bulks, stability_results
from liface.dispatch.surfaces import named_surface, newest, of_first_termination
from liface.dispatch.walls import Wall, origin_of, stored_wall
from liface.documents import (
    BarrierResult,
    BulkResult,
    CreepResult,
    DepositionResult,
    EngineInfo,
    MorphologyResult,
    ResultDocument,
    StabilityResult,
    VerdictResult,
    content_hash,
)
from liface.engines.registry import engine_info
from liface.errors import LifaceError
from liface.mesoscale.creep_parameters import DEFAULT
from liface.mesoscale.deposition import deposition
from liface.mesoscale.hosts import host_current, porosity_for, pressure_mpa
from liface.mesoscale.records import Origin, creep_result, deposition_result, morphology_result, sweep_id
from liface.mesoscale.spec import GrowthSpec
from liface.mesoscale.stack_file import StackSpec
from liface.mesoscale.sweep import RATIOS, SweepRun, SweepSpec
from liface.structures.library import MaterialsLibrary
from liface.units import ZERO_CELSIUS_K
from liface.workflows.campaign import FILM, LI_PLANE, Campaign
from liface.workflows.campaign_file import GrowthEntry, HostEntry, StoryEntry
from liface.workflows.case_specs import canonical_surface

KINDS = ("morphology", "deposition", "creep", "stability", "verdict")
HEADLINE_FILM_PLANE = "100"
"""Li plane of the published trend of interfacial energies."""


@dataclass
class Models:
    """What was derived, and what could not be, each with its reason."""

    documents: list[ResultDocument] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add(self, what: str, make: Callable[[], Any]) -> Any | None:
        """Keep what ``make`` returns, or the reason why there is nothing."""
        try:
            made = make()
        except LifaceError as error:
            self.problems.append(f"{what}: {error}")
            return None
        self.documents += made if isinstance(made, (list, tuple)) else [made]
        return made


def models_of(campaign: Campaign, database: Database, told: Callable[[str], None] = lambda _: None) -> Models:
    """Return what the models say of a campaign, for each of its engines; what is asked again is not done again.

    ``told`` hears of every growth sweep that is run.
    """
    found = Models()
    hosts = {
        entry.host: found.add(f"creep in {entry.host}", partial(_creep, entry, campaign.name))
        for entry in campaign.file.hosts
        if entry.wall is None
    }
    for engine in _engines(campaign, database):
        _OfEngine(campaign, database, engine, found, told).derive(hosts)
    return found


def _engines(campaign: Campaign, database: Database) -> list[EngineInfo]:
    """Return the engines of the campaign, and others that its cases were done with before; not that of a screening."""
    asked = [engine_info(engine) for engine in campaign.engines]
    before = [case.engine for case in database.cases(campaign.name, "finished")]
    engines = {engine.fingerprint: engine for engine in (*asked, *before)}
    if campaign.screening_engine is not None:
        cheap = engine_info(campaign.screening_engine).fingerprint
        if cheap not in {engine.fingerprint for engine in asked}:
            engines.pop(cheap, None)
    return list(engines.values())


class _OfEngine:
    """The models of a campaign for one engine."""

    def __init__(
        self, campaign: Campaign, database: Database, engine: EngineInfo, found: Models, told: Callable[[str], None]
    ):
        self._campaign, self._database, self._engine = campaign, database, engine
        self._fingerprint = engine.fingerprint
        self._found, self._told = found, told
        self._library = MaterialsLibrary(campaign.file.materials, campaign.base)

    def derive(self, hosts: dict[str, CreepResult | None]) -> None:
        file = self._campaign.file
        judged_ = self._stability(dict.fromkeys((*file.stability, *(s.substrate for s in file.stories))))
        asked = {self._surface(e): e for e in (*map(_growth_entry, _grown(file.stories)), *file.growths)}
        grown = {
            key: self._add(f"growth on {key[0]}({key[1]})", partial(self._morphology, entry))
            for key, entry in asked.items()
        }
        deposited = self._depositions()
        hosts = hosts | {
            entry.host: self._add(f"creep in {entry.host}", partial(self._creep_along, entry))
            for entry in file.hosts
            if entry.wall is not None
        }
        for story in file.stories:
            self._add(
                f"verdict on {story.substrate}({story.plane})",
                partial(self._verdict, story, judged_, grown, deposited, hosts),
            )

    def _add(self, what: str, make: Callable[[], Any]) -> Any | None:
        """Keep what ``make`` returns, or its reason under the name of the engine."""
        return self._found.add(f"{what}, {self._engine.label}", make)

    def _surface(self, entry: GrowthEntry | StoryEntry) -> tuple[str, str]:
        """Return material and plane as results name them."""
        name, plane = canonical_surface(self._library, entry.substrate, entry.plane)
        return name, plane or entry.plane

    def _mine(self, kind: str, where: str = "") -> list[Any]:
        own = f"campaign={quoted(self._campaign.name)} AND engine_fingerprint={quoted(self._fingerprint)}"
        return self._database.results(kind, where=f"{own} AND {where}" if where else own)

    def _stability(self, materials: Sequence[str] | dict[str, None]) -> dict[str, StabilityResult]:
        wanted = [name for name in materials if name != FILM]
        everything = self._database.results("bulk", where=f"engine_fingerprint={quoted(self._fingerprint)}")
        own = [bulk for bulk in everything if bulk.provenance.campaign == self._campaign.name]
        bulks = list({bulk.material: bulk for bulk in (*newest_bulks(everything), *newest_bulks(own))}.values())
        library = self._library
        entries = entries_of(bulks)
        results: dict[str, StabilityResult] = {}
        for name in wanted:
            made = self._add(
                f"stability of {name}",
                partial(self._judged, name, entries, bulks, library),
            )
            if made:
                results[name] = made[0]
        return results

    def _judged(
        self, name: str, entries: list[PhaseEntry], bulks: list[BulkResult], library: MaterialsLibrary
    ) -> tuple[StabilityResult, ...]:
        return stability_results(judged(entries, [name], library), entries, bulks, self._campaign.name)

    def _morphology(self, entry: GrowthEntry) -> MorphologyResult:
        base = GrowthSpec(
            size=entry.size, temperature_k=entry.temperature_c + ZERO_CELSIUS_K, step_edge_ev=entry.step_edge_ev
        )
        by_hand = {
            name: value
            for name in ("diffusion_substrate_ev", "diffusion_li_ev")
            if (value := getattr(entry, name)) is not None
        }
        stored = stored_growth(
            self._database, f"{entry.substrate}({entry.plane})", base, engine=self._fingerprint,
            campaign=self._campaign.name, label=self._engine.label, given=by_hand, most_hops=entry.most_hops,
            library=self._library,
        )  # fmt: skip
        own = stored.growth.ratio
        ratios = tuple(sorted({*(entry.ratios or RATIOS), own}))
        spec = SweepSpec(growth=stored.growth.spec, ratios=ratios, seeds=tuple(range(entry.seeds)), atoms=entry.atoms)
        origin = stored.origin(stored.growth, self._campaign.name, f"growth/{entry.substrate}-{entry.plane}")
        on = f"substrate={quoted(stored.substrate)} AND substrate_plane={quoted(stored.plane)}"
        known = newest(self._mine("morphology", f"sweep_id={quoted(sweep_id(spec))} AND {on}"))
        if known is not None:
            return known.model_copy(
                update={"inputs": origin.inputs, "flags": origin.flags, "converged": origin.converged,
                        "provenance": origin.provenance(known.provenance.doi)}
            )  # fmt: skip
        self._told(f"growth of Li on {entry.substrate}({entry.plane}): {len(spec.runs())} runs of {entry.atoms} atoms")
        run = SweepRun(spec)
        sweep = run.run()
        grown = morphology_result(sweep, run.pictures, stored.substrate, stored.plane, own, stored.growth.rule, origin)
        self._database.add_result(grown)  # at once: who stops here loses no sweep that is done
        return grown

    def _creep_along(self, entry: HostEntry) -> CreepResult:
        """Return creep in a host whose wall has a stored barrier."""
        kelvin = entry.temperature_c + ZERO_CELSIUS_K
        wall = stored_wall(
            self._database, entry.wall or "", kelvin, self._fingerprint, self._campaign.name, self._library
        )
        return _creep(entry, self._campaign.name, wall)

    def _depositions(self) -> list[DepositionResult]:
        file = self._campaign.file
        made = [
            self._add(f"deposition in {' | '.join(stack.materials)}", partial(self._deposition, stack))
            for stack in file.stacks
        ]
        return [result for result in made if result is not None]

    def _deposition(self, spec: StackSpec) -> DepositionResult:
        stored = stored_adhesions(
            self._database, spec.materials, self._fingerprint, spec.adhesions, self._campaign.name
        )
        stack = spec.stack()
        found = deposition(stack, spec.given_over(stored))
        told = content_hash(spec.model_dump(mode="json"), 6)  # stacks of the same materials differ in much
        case = f"deposition/{'-'.join(spec.materials)}-{stack.pressure_mpa:g}MPa-{told}"
        origin = deposition_origin(self._database, found, self._campaign.name, case)
        return deposition_result(found, stack, origin)

    def _verdict(
        self,
        story: StoryEntry,
        judged_: dict[str, StabilityResult],
        grown: dict[tuple[str, str], MorphologyResult | None],
        deposited: list[DepositionResult],
        hosts: dict[str, CreepResult | None],
    ) -> VerdictResult:
        name, plane = surface = self._surface(story)
        on = f"substrate={quoted(name)} AND substrate_plane={quoted(plane)}"
        in_stack = [d for d in deposited if self._shows(surface, d.interlayer) or self._shows(surface, d.collector)]
        in_stack.sort(key=lambda d: not self._shows(surface, d.interlayer))  # as interlayer first
        told = Story(
            stability=judged_.get(story.substrate) or judged_.get(name),
            interface=newest(
                self._mine("interface", f'{on} AND film_plane="{HEADLINE_FILM_PLANE}" AND substrate_termination=0')
            ),
            wetting=newest(of_first_termination(self._mine("wetting", f'{on} AND film_plane="{LI_PLANE}"'))),
            growth=newest(self._mine("growth", on)),
            barrier=self._barrier(on),
            barrier_on_li=self._barrier(f'substrate="{FILM}" AND substrate_plane="{LI_PLANE}"'),
            morphology=grown.get(surface),
            deposition=in_stack[0] if in_stack else None,
            creep=hosts.get(story.host) if story.host else None,
            asks_for_deposition=any(
                self._shows(surface, stack.interlayer) or self._shows(surface, stack.collector)
                for stack in self._campaign.file.stacks
            ),
            asks_for_creep=story.host is not None,
        )
        return _verdict_result(surface, told, self._campaign.name, self._engine)

    def _barrier(self, on: str) -> BarrierResult | None:
        return newest(self._mine("barrier", f"{on} AND monolayers=0 AND substrate_termination=0"))

    def _shows(self, surface: tuple[str, str], text: str) -> bool:
        """Tell whether a material of a stack is this surface; one without a plane shows any."""
        name, plane = canonical_surface(self._library, *named_surface(text))
        return name == surface[0] and plane in (None, surface[1])


def _grown(stories: Sequence[StoryEntry]) -> Iterator[StoryEntry]:
    return (story for story in stories if story.growth)


def _growth_entry(story: StoryEntry) -> GrowthEntry:
    return GrowthEntry(substrate=story.substrate, plane=story.plane)


def _creep(entry: HostEntry, campaign: str, wall: Wall | None = None) -> CreepResult:
    porosity = entry.porosity
    if porosity is None:
        porosity = porosity_for(entry.capacity_mah_per_cm2 or 0.0, entry.thickness_um)
    parameters = wall.applied_to(DEFAULT) if wall is not None else DEFAULT
    passed = host_current(
        entry.pore_nm, entry.temperature_c + ZERO_CELSIUS_K, pressure_mpa(entry.overpotential_mv), porosity,
        entry.thickness_um, parameters,
    )  # fmt: skip
    origin = origin_of(wall, campaign, f"creep/{entry.host}")
    return creep_result(entry.host, passed, origin, entry.current_ma_per_cm2, parameters)


def _verdict_result(surface: tuple[str, str], told: Story, campaign: str, engine: EngineInfo) -> VerdictResult:
    substrate, plane = surface
    found = points(told)
    rests_on = [r for r in (told.stability, told.interface, told.wetting, told.growth, told.barrier, told.barrier_on_li,
                            told.morphology, told.deposition, told.creep) if r is not None]  # fmt: skip
    calc_ids = tuple(dict.fromkeys(i for r in rests_on for i in r.provenance.calc_ids))
    origin = Origin(
        case=f"verdict/{substrate}-{plane}", campaign=campaign, engine=engine,
        converged=all(r.converged for r in rests_on),
        flags=tuple(dict.fromkeys(flag for r in rests_on for flag in r.flags)), calc_ids=calc_ids,
    )  # fmt: skip
    count = {answer: sum(p.answer == answer for p in found) for answer in ("for", "against", "open")}
    return VerdictResult(
        definition="points of the papers, each answered by a stored result; counted, not weighed",
        engine=origin.engine, converged=origin.converged, flags=origin.flags, inputs=(),
        provenance=origin.provenance(doi for r in rests_on for doi in r.provenance.doi),
        substrate=substrate, substrate_plane=plane, n_for=count["for"], n_against=count["against"],
        n_open=count["open"], verdict=verdict(found), points=found,
    )  # fmt: skip


__all__ = ["KINDS", "Models", "models_of"]
