"""Flow of a work of adhesion."""

from __future__ import annotations

from dataclasses import dataclass

from liface.workflows.flows.base import CaseJobs, LiMaker, References, named
from liface.workflows.jobs import adhesion as jobs_
from liface.workflows.specs import AdhesionSpec


@dataclass
class AdhesionMaker(LiMaker):
    """Work of adhesion of any two materials, which eq 1 of 10.1039/d2ta06466a needs.

    1. relax both bulks; 2. single points over gaps, then over lateral shifts; 3. relax the best starts;
    4. relax both free slabs in the same cell; 5. W = (E_A + E_B - E_AB) / area.
    """

    name: str = "adhesion"

    def jobs(self, spec: AdhesionSpec, references: References) -> CaseJobs:
        """Return the jobs of one pair."""
        case = self.case(spec.name)
        held_jobs, held = self.bulk(case, spec.held.material, references)
        taut_jobs, taut = self.bulk(case, spec.taut.material, references)
        setup = named(jobs_.set_up(spec, held, taut), "set-up")
        gaps = named(jobs_.ask_gaps(case, setup.output), "gaps")
        gaps_run = self.compute(gaps, "gaps")
        shifts = self.batches(case, lambda done: jobs_.ask_registries(case, setup.output, gaps_run.output, *done))
        computed = [run.output for run in shifts[1::2]]
        scan = named(jobs_.gather_scan(case, setup.output, gaps_run.output, *computed), "scan")
        starts = named(jobs_.ask_starts(case, setup.output, scan.output), "starts")
        starts_run = self.compute(starts, "starts")
        start = named(jobs_.choose_start(case, setup.output, scan.output, starts_run.output), "start")
        slabs = named(jobs_.ask_slabs(case, setup.output), "free slabs")
        slabs_run = self.compute(slabs, "free slabs")
        last = jobs_.describe_adhesion(case, setup.output, start.output, slabs_run.output)
        return CaseJobs(
            [
                *held_jobs,
                *taut_jobs,
                *(setup, gaps, gaps_run, *shifts, scan, starts, starts_run, start, slabs, slabs_run),
            ],
            named(last, "work of adhesion"),
        )
