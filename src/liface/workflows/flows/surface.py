"""Flow of a surface energy."""

from __future__ import annotations

from dataclasses import dataclass

from liface.workflows.flows.base import CaseJobs, LiMaker, References, named
from liface.workflows.jobs.surface import ask_slabs, describe_surface
from liface.workflows.specs import SurfaceSpec


@dataclass
class SurfaceMaker(LiMaker):
    """Energy of a free surface, from slabs of two thicknesses.

    1. relax the bulk; 2. build and relax two slabs; 3. gamma of the thicker, its change from the thinner.
    """

    name: str = "surface"

    def jobs(self, spec: SurfaceSpec, references: References) -> CaseJobs:
        """Return the jobs of one surface."""
        case = self.case(spec.name)
        jobs, bulk = self.bulk(case, spec.material, references)
        asked = named(ask_slabs(case, spec, bulk), "slabs")
        relaxed = self.compute(asked, "slabs")
        described = named(describe_surface(case, spec, bulk, relaxed.output), "surface energy")
        return CaseJobs([*jobs, asked, relaxed], described)
