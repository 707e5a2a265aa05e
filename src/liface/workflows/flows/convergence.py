"""Flow of a convergence series: one flow of the quantity for every value of the parameter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jobflow import Job

from liface.workflows.convergence_specs import ConvergenceSpec, SeriesPoint
from liface.workflows.flows.base import CaseJobs, LiMaker, References, named
from liface.workflows.flows.binding import BindingMaker
from liface.workflows.flows.bulk import BulkMaker
from liface.workflows.flows.interface import InterfaceMaker
from liface.workflows.flows.surface import SurfaceMaker
from liface.workflows.jobs.convergence import describe_convergence

MAKERS: dict[str, type[LiMaker]] = {
    "bulk": BulkMaker,
    "surface": SurfaceMaker,
    "interface": InterfaceMaker,
    "binding": BindingMaker,
}


@dataclass
class ConvergenceMaker(LiMaker):
    """A quantity at several values of one numerical parameter, or with several models.

    Every value is the ordinary flow of the quantity with another protocol or another engine, so points share every
    calculation that the parameter does not touch, with each other and with all other cases.
    """

    name: str = "convergence"

    def jobs(self, spec: ConvergenceSpec, references: References) -> CaseJobs:
        """Return the jobs of all points, and the one that compares them."""
        before: list[Job] = []
        outputs: list[Any] = []
        for point in spec.points:
            jobs = self.of(point).jobs(point.of, references)
            before += jobs.all
            outputs.append(jobs.last.output)
        last = describe_convergence(self.case(spec.name), spec, outputs)
        return CaseJobs(before, named(last, f"{spec.parameter} series"))

    def of(self, point: SeriesPoint) -> LiMaker:
        """Return the Maker of one point."""
        return MAKERS[point.of.kind](
            engine=point.engine_on(self.spec),
            protocol=point.protocol_on(self.protocol),
            campaign=self.campaign,
            prerelax=self.prerelax,
            screened_by=self.screened_by,
        )
