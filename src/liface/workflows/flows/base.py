"""What the Makers share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from jobflow import Flow, Job, Maker

from liface.documents import content_hash
from liface.engines.base import EngineSpec
from liface.engines.registry import engine_info
from liface.workflows.jobs.bulk import ask_bulk, choose_bulk
from liface.workflows.jobs.calculate import Terms, calculate
from liface.workflows.jobs.phonon import ask_displaced
from liface.workflows.specs import MaterialSpec, PhononSpec, Protocol
from liface.workflows.steps.common import Case

T = TypeVar("T")


class CaseJobs(NamedTuple):
    """The jobs of one case in an order in which they can run; shared ones that others have made are left out."""

    before: list[Job]
    last: Job

    @property
    def all(self) -> list[Job]:
        """Every job, the last one at the end."""
        return [*self.before, self.last]


class References:
    """Jobs of reference bulks that several cases share, made for the first that needs them."""

    def __init__(self) -> None:
        self._relaxed: dict[str, Job] = {}
        self._chosen: dict[str, Job] = {}
        self._shared: dict[str, Any] = {}

    def relaxed(self, maker: LiMaker, case: Case, material: MaterialSpec) -> tuple[list[Job], Job]:
        """Return the jobs that are new, and the one that relaxes the cells."""
        key = _key(case, material)
        if key in self._relaxed:
            return [], self._relaxed[key]
        asked = named(ask_bulk(case, material), f"{material.name} bulk")
        self._relaxed[key] = relaxed = maker.compute(asked, f"{material.name} bulk")
        return [asked, relaxed], relaxed

    def chosen(self, maker: LiMaker, case: Case, material: MaterialSpec) -> tuple[list[Job], Job]:
        """Return the jobs that are new, and the one that chooses the reference."""
        key = _key(case, material)
        if key in self._chosen:
            return [], self._chosen[key]
        new, relaxed = self.relaxed(maker, case, material)
        self._chosen[key] = job = named(choose_bulk(material, relaxed.output), f"{material.name} reference")
        return [*new, job], job

    def displaced(self, maker: LiMaker, case: Case, spec: PhononSpec, bulk: Any) -> tuple[list[Job], Job]:
        """Return the jobs that are new, and the one that computes the displaced supercells of a bulk."""

        def made() -> tuple[list[Job], Job]:
            step = f"{spec.material.name} displaced"
            asked = named(ask_displaced(case, spec, bulk), step)
            run = maker.compute(asked, step)
            return [asked, run], run

        return self.shared(case, spec.spec_id, made)

    def shared(self, case: Case, spec_id: str, make: Callable[[], tuple[list[Job], T]]) -> tuple[list[Job], T]:
        """Return jobs that several cases need: new ones and what they lead to, or that alone where others made them."""
        key = content_hash(_identity(case) | {"spec": spec_id})
        if key in self._shared:
            return [], self._shared[key]
        new, self._shared[key] = make()
        return new, self._shared[key]


def _key(case: Case, material: MaterialSpec) -> str:
    return content_hash(_identity(case) | {"material": material.model_dump(mode="json")})


def _identity(case: Case) -> dict[str, Any]:
    return {"engine": case.engine.fingerprint, "protocol": case.protocol.model_dump(mode="json")}


BATCH_NAMES = ("registries", "lowest registries", "lower registries", "other registries")
"""Steps of a registry scan; the first is all of one that may not stop early."""


@dataclass
class LiMaker(Maker, ABC):
    """A Maker with an engine and a numerical protocol.

    Attributes
    ----------
    name
        Name of the flow.
    engine
        ``ENGINE[:MODEL]`` or an :class:`~liface.engines.base.EngineSpec`.
    protocol
        Numerical settings.
    campaign
        Name stored with every result.
    prerelax
        A cheaper engine that relaxes structures as built before this one does; None for none.
    screened_by
        Record of a cheaper engine by which the case was chosen, stored with every result.
    """

    name: str = "li"
    engine: str | EngineSpec = "sevennet"
    protocol: Protocol = field(default_factory=Protocol)
    campaign: str = "unnamed"
    prerelax: str | EngineSpec | None = None
    screened_by: str | None = None

    @property
    def spec(self) -> EngineSpec:
        """The engine as asked for."""
        return EngineSpec.parse(self.engine)

    @abstractmethod
    def jobs(self, spec: Any, references: References) -> CaseJobs:
        """Return the jobs of what a spec asks for, without those of ``references`` that others have made.

        Every Maker has a spec of its own.
        """

    def make(self, spec: Any) -> Flow:
        """Return the flow of what a spec asks for."""
        jobs = self.jobs(spec, References())
        return Flow([*jobs.before, jobs.last], output=jobs.last.output, name=spec.name)

    def case(self, name: str) -> Case:
        """Return who asks, with the engine as it is on this machine."""
        return Case(
            campaign=self.campaign,
            name=name,
            engine=engine_info(self.spec),
            protocol=self.protocol,
            screened_by=self.screened_by,
        )

    def compute(self, asked: Job, step: str) -> Job:
        """Return the job that computes what ``asked`` builds."""
        if self.prerelax is None:
            return named(calculate(asked.output, self.spec), f"{step} run")
        terms = Terms(prerelax=EngineSpec.parse(self.prerelax))
        return named(calculate(asked.output, self.spec, terms=terms), f"{step} run")

    def batches(self, case: Case, ask: Callable[[Sequence[Any]], Job]) -> list[Job]:
        """Return the jobs of a registry scan, asking and computing in turn: one batch, or all of one that may stop.

        ``ask`` is given the outcomes of the batches so far. Later batches may turn out to be empty; the jobs are there
        all the same, so that what is submitted does not depend on what is found.
        """
        may_stop = case.protocol.registry_tolerance_mev_per_a2 is not None
        jobs: list[Job] = []
        for step in BATCH_NAMES if may_stop else BATCH_NAMES[:1]:
            asked = named(ask([run.output for run in jobs[1::2]]), step)
            jobs += [asked, self.compute(asked, step)]
        return jobs

    def bulk(self, case: Case, material: MaterialSpec, references: References) -> tuple[list[Job], Any]:
        """Return the jobs of a reference bulk that are not made yet, and the reference they end with."""
        new, chosen = references.chosen(self, case, material)
        return new, chosen.output


def named(job: Job, name: str) -> Job:
    """Return the job under another name."""
    job.name = name
    return job
