"""What the Makers share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from jobflow import Flow, Job, Maker

from liface.engines.base import EngineSpec
from liface.engines.registry import engine_info
from liface.workflows.jobs.bulk import ask_bulk, choose_bulk
from liface.workflows.jobs.calculate import calculate
from liface.workflows.specs import MaterialSpec, Protocol
from liface.workflows.steps.common import Case


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
    """

    name: str = "li"
    engine: str | EngineSpec = "sevennet"
    protocol: Protocol = field(default_factory=Protocol)
    campaign: str = "unnamed"

    @property
    def spec(self) -> EngineSpec:
        """The engine as asked for."""
        return EngineSpec.parse(self.engine)

    @abstractmethod
    def make(self, spec: Any) -> Flow:
        """Return the flow of what a spec asks for; every Maker has a spec of its own."""

    def case(self, name: str) -> Case:
        """Return who asks, with the engine as it is on this machine."""
        return Case(campaign=self.campaign, name=name, engine=engine_info(self.spec), protocol=self.protocol)

    def compute(self, asked: Job, step: str) -> Job:
        """Return the job that computes what ``asked`` builds."""
        return named(calculate(asked.output, self.spec), f"{step} run")

    def bulk(self, case: Case, material: MaterialSpec) -> tuple[list[Job], Any]:
        """Return the jobs of a shared reference bulk and the reference they end with."""
        asked = named(ask_bulk(case, material), f"{material.name} bulk")
        relaxed = self.compute(asked, f"{material.name} bulk")
        chosen = named(choose_bulk(material, relaxed.output), f"{material.name} reference")
        return [asked, relaxed, chosen], chosen.output


def named(job: Job, name: str) -> Job:
    """Return the job under another name."""
    job.name = name
    return job


def flow(jobs: list[Job], last: Job, name: str) -> Flow:
    """Return the jobs as a flow that ends with the output of ``last``."""
    return Flow([*jobs, last], output=last.output, name=name)
