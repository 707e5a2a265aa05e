"""Flow of a reference bulk."""

from __future__ import annotations

from dataclasses import dataclass

from liface.workflows.flows.base import CaseJobs, LiMaker, References, named
from liface.workflows.jobs.bulk import describe_bulk
from liface.workflows.specs import BulkSpec


@dataclass
class BulkMaker(LiMaker):
    """Relax a bulk, cell and positions; compounds also from a rattled start.

    The flow ends with a :class:`~liface.workflows.steps.common.CaseOutput` of one
    :class:`~liface.documents.BulkResult`.
    """

    name: str = "bulk"

    def jobs(self, spec: BulkSpec, references: References) -> CaseJobs:
        """Return the jobs of one material."""
        case = self.case(spec.name)
        new, relaxed = references.relaxed(self, case, spec.material)
        described = named(describe_bulk(case, spec.material, relaxed.output), "bulk result")
        return CaseJobs(new, described)
