"""From a campaign file to cases: each a spec, an engine, and an identity of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from liface.analysis.responses import measured
from liface.documents import EngineInfo, content_hash
from liface.engines.base import EngineSpec
from liface.engines.registry import engine_info
from liface.errors import CampaignError, LifaceError
from liface.structures.library import MaterialsLibrary
from liface.workflows.campaign_file import (
    CampaignFile,
    load_campaign,
)
from liface.workflows.case_specs import (
    FILM,
    LI_PLANE,
    adhesion_spec,
    barrier_spec,
    binding_spec,
    interface_spec,
    material_spec,
    phonon_spec,
    surface_spec,
    vibration_spec,
)
from liface.workflows.convergence_specs import MODEL, AnySpec, ConvergenceSpec
from liface.workflows.entry_specs import builders
from liface.workflows.specs import (
    BulkSpec,
    InterfaceStart,
)
from liface.workflows.steps.common import Case

if TYPE_CHECKING:
    from jobflow import Flow

    from liface.workflows.flows import LiMaker

FLOW_VERSION = 1
"""Raised when a change of the flows changes what a case means; finished cases are then done again from the
calculations in the database."""


def _engine_label(engine: EngineInfo, is_one_of_several: bool) -> str:
    return f"{engine.label} {engine.fingerprint[:6]}" if is_one_of_several else engine.label


@dataclass(frozen=True)
class PlannedCase:
    """One case of a campaign for one engine."""

    case: Case
    spec: AnySpec
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

    @cached_property
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
        if self.spec.kind == "vibration":
            return flows.VibrationMaker(**common, start=self.start)
        makers: dict[str, type[flows.LiMaker]] = {
            "bulk": flows.BulkMaker,
            "surface": flows.SurfaceMaker,
            "binding": flows.BindingMaker,
            "adhesion": flows.AdhesionMaker,
            "barrier": flows.BarrierMaker,
            "phonon": flows.PhononMaker,
            "convergence": flows.ConvergenceMaker,
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
            self._planned(spec, engine, prerelax=self.screening_engine)
            for engine in self.engines
            for spec in specs
            if engine == self.engines[0] or not _names_its_engines(spec)
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

    def _planned(self, spec: AnySpec, engine: EngineSpec, prerelax: EngineSpec | None = None) -> PlannedCase:
        case = Case(campaign=self.name, name=spec.name, engine=self._infos[engine], protocol=self.file.protocol)
        several = self._labels[case.engine.label] > 1
        return PlannedCase(case, spec, engine, prerelax, is_one_of_several=several)

    @cached_property
    def _infos(self) -> dict[EngineSpec, EngineInfo]:
        """What every engine of the campaign is, exactly: the same for all its cases."""
        screening = (self.screening_engine,) if self.screening_engine else ()
        return {engine: engine_info(engine) for engine in (*self.engines, *screening)}

    @cached_property
    def _labels(self) -> Counter[str]:
        """Count the engines by their labels."""
        screening = (self.screening_engine,) if self.screening_engine else ()
        return Counter(self._infos[engine].label for engine in (*self.engines, *screening))

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

    def specs(self) -> tuple[AnySpec, ...]:
        """Return what is asked, without repetition: bulks, surfaces, interfaces, bindings, and what follows."""
        return self._specs

    @cached_property
    def _specs(self) -> tuple[AnySpec, ...]:
        library = MaterialsLibrary(self.file.materials, self.base)
        problems: list[str] = []
        found: list[AnySpec] = []
        for where, build in builders(self.file, library, self.engines):
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


def _names_its_engines(spec: AnySpec) -> bool:
    """Tell whether a spec compares engines of its own, and so is one case whatever those of the campaign are."""
    return isinstance(spec, ConvergenceSpec) and spec.parameter == MODEL


def _require_distinct_names(campaign: str, specs: Iterable[AnySpec]) -> None:
    """Refuse two different cases of one name: results are stored and shown under it."""
    counts = Counter(spec.name for spec in specs)
    if twice := sorted(name for name, count in counts.items() if count > 1):
        raise CampaignError(
            f"campaign {campaign}: {', '.join(twice)} asked for in two different ways; join the entries (n_li takes a "
            "list), or give one of them a campaign of its own"
        )


def _bulks(specs: Sequence[AnySpec]) -> Iterator[BulkSpec]:
    for spec in specs:
        for name in ("material", "film", "substrate"):
            if (material := getattr(spec, name, None)) is not None:
                yield BulkSpec(material=material)


__all__ = [
    "FILM",
    "LI_PLANE",
    "Campaign",
    "PlannedCase",
    "adhesion_spec",
    "barrier_spec",
    "binding_spec",
    "interface_spec",
    "material_spec",
    "phonon_spec",
    "surface_spec",
    "vibration_spec",
]
