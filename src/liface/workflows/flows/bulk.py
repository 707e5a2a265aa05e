"""Flow of a reference bulk."""

from __future__ import annotations

from dataclasses import dataclass

from jobflow import Flow

from liface.workflows.flows.base import LiMaker, flow, named
from liface.workflows.jobs.bulk import ask_bulk, describe_bulk
from liface.workflows.specs import BulkSpec


@dataclass
class BulkMaker(LiMaker):
    """Relax a bulk, cell and positions; compounds also from a rattled start.

    The flow ends with a :class:`~liface.workflows.steps.common.CaseOutput` of one
    :class:`~liface.documents.BulkResult`.
    """

    name: str = "bulk"

    def make(self, spec: BulkSpec) -> Flow:
        """Return the flow of one material."""
        case = self.case(spec.name)
        asked = named(ask_bulk(case, spec.material), "bulk")
        relaxed = self.compute(asked, "bulk")
        described = named(describe_bulk(case, spec.material, relaxed.output), "bulk result")
        return flow([asked, relaxed], described, spec.name)
