"""Flow of a Li interfacial energy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from jobflow import Job

from liface.documents import content_hash
from liface.workflows.flows.base import CaseJobs, LiMaker, References, named
from liface.workflows.jobs import interface as jobs_
from liface.workflows.specs import InterfaceSpec, InterfaceStart
from liface.workflows.steps.common import Case


class InterfaceParts(NamedTuple):
    """The jobs that an interfacial energy follows from."""

    setup: Job
    start: Job
    series: Job
    release: Job
    strained: Job

    @property
    def of_energy(self) -> tuple[Job, ...]:
        """Those that the energy itself is read from."""
        return self[:4]


@dataclass
class InterfaceMaker(LiMaker):
    """Li interfacial energy from a series of film thicknesses (10.1039/d4ee03130j, 10.1103/PhysRevB.92.214201).

    1. relax both bulks; 2. relax bulk Li strained like the film: strain energy and plane spacing;
    3. single points over gaps, then over lateral shifts; 4. relax the best starts at the thinnest film;
    5. relax the thicker films from the winner; 6. release the thinnest film in the plane; 7. fit.

    Attributes
    ----------
    start
        Gap and registry that another engine found for the same spec; step 3 is then left out, and step 4 relaxes
        this start alone.
    """

    name: str = "interface"
    start: InterfaceStart | None = None

    def jobs(self, spec: InterfaceSpec, references: References) -> CaseJobs:
        """Return the jobs of one interface."""
        case = self.case(spec.name)
        new, parts = self.parts(spec, references)
        outputs = (part.output for part in parts.of_energy)
        return CaseJobs(new, named(jobs_.describe_interface(case, *outputs), "interfacial energy"))

    def parts(self, spec: InterfaceSpec, references: References) -> tuple[list[Job], InterfaceParts]:
        """Return the jobs that no other case has made yet, and those that the energy follows from."""
        key = spec.spec_id if self.start is None else content_hash([spec.spec_id, self.start.model_dump(mode="json")])
        return references.shared(self.case(spec.name), key, lambda: self._made(spec, references))

    def _made(self, spec: InterfaceSpec, references: References) -> tuple[list[Job], InterfaceParts]:
        case = self.case(spec.name)
        substrate_jobs, substrate = self.bulk(case, spec.substrate, references)
        film_jobs, film = self.bulk(case, spec.film, references)
        strained = named(jobs_.ask_strained_film(case, spec, substrate, film), "strained film")
        strained_run = self.compute(strained, "strained film")
        setup = named(jobs_.set_up(spec, substrate, film, strained_run.output), "set-up")
        start_jobs, start = self._given(case, setup.output) if self.start else self._scanned(case, setup.output)
        series = named(jobs_.ask_series(case, setup.output, start.output), "series")
        series_run = self.compute(series, "series")
        release = named(jobs_.ask_release(case, setup.output, start.output), "release")
        release_run = self.compute(release, "release")
        return (
            [
                *substrate_jobs,
                *film_jobs,
                *(strained, strained_run, setup),
                *start_jobs,
                *(series, series_run, release, release_run),
            ],
            InterfaceParts(setup, start, series_run, release_run, strained_run),
        )

    def _scanned(self, case: Case, setup: Any) -> tuple[list[Job], Job]:
        """Return the jobs that find and relax the best start, and the one that ends with it."""
        gaps = named(jobs_.ask_gaps(case, setup), "gaps")
        gaps_run = self.compute(gaps, "gaps")
        shifts = self.batches(case, lambda done: jobs_.ask_registries(case, setup, gaps_run.output, *done))
        computed = [run.output for run in shifts[1::2]]
        scan = named(jobs_.gather_scan(case, setup, gaps_run.output, *computed), "scan")
        starts = named(jobs_.ask_starts(case, setup, scan.output), "starts")
        starts_run = self.compute(starts, "starts")
        start = named(jobs_.choose_start(case, setup, scan.output, starts_run.output), "start")
        return [gaps, gaps_run, *shifts, scan, starts, starts_run, start], start

    def _given(self, case: Case, setup: Any) -> tuple[list[Job], Job]:
        """Return the jobs that relax the given start, and the one that ends with it."""
        starts = named(jobs_.ask_given_start(case, setup, self.start), "starts")
        starts_run = self.compute(starts, "starts")
        start = named(jobs_.take_given_start(self.start, starts_run.output), "start")
        return [starts, starts_run, start], start
