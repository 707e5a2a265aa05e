"""Flow of a surface energy."""

from __future__ import annotations

from dataclasses import dataclass

from jobflow import Flow

from liface.workflows.flows.base import LiMaker, flow, named
from liface.workflows.jobs.surface import ask_slabs, describe_surface
from liface.workflows.specs import SurfaceSpec


@dataclass
class SurfaceMaker(LiMaker):
    """Energy of a free surface, from slabs of two thicknesses.

    1. relax the bulk; 2. build and relax two slabs; 3. gamma of the thicker, its change from the thinner.
    """

    name: str = "surface"

    def make(self, spec: SurfaceSpec) -> Flow:
        """Return the flow of one surface."""
        case = self.case(spec.name)
        jobs, bulk = self.bulk(case, spec.material)
        asked = named(ask_slabs(case, spec, bulk), "slabs")
        relaxed = self.compute(asked, "slabs")
        described = named(describe_surface(case, spec, bulk, relaxed.output), "surface energy")
        return flow([*jobs, asked, relaxed], described, spec.name)
