"""Flow of the binding of Li atoms and clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from jobflow import Job

from liface.workflows.flows.base import CaseJobs, LiMaker, References, named
from liface.workflows.jobs import binding as jobs_
from liface.workflows.specs import BindingSpec


class BindingParts(NamedTuple):
    """The jobs that a binding energy follows from."""

    setup: Job
    starts: Job
    relaxed: Job
    removed: Job


@dataclass
class BindingMaker(LiMaker):
    """Binding of Li atoms and clusters on a slab (10.1002/adma.202206762, Tables 1 and 2).

    1. relax the bulks and the clean slab, bare or under Li monolayers; 2. single points on every distinct site;
    3. dispersed atoms and clusters on the best sites, clusters screened by single points; 4. relax the starts;
    5. remove the Li of every winner and relax again; 6. binding energies.
    """

    name: str = "binding"

    def jobs(self, spec: BindingSpec, references: References) -> CaseJobs:
        """Return the jobs of one slab."""
        case = self.case(spec.name)
        new, parts = self.parts(spec, references)
        outputs = (part.output for part in parts)
        return CaseJobs(new, named(jobs_.describe_binding(case, *outputs), "binding energies"))

    def parts(self, spec: BindingSpec, references: References) -> tuple[list[Job], BindingParts]:
        """Return the jobs that no other case has made yet, and those that the energies follow from."""
        return references.shared(self.case(spec.name), spec.spec_id, lambda: self._made(spec, references))

    def _made(self, spec: BindingSpec, references: References) -> tuple[list[Job], BindingParts]:
        case = self.case(spec.name)
        substrate_jobs, substrate = self.bulk(case, spec.substrate, references)
        film_jobs, film = self.bulk(case, spec.film, references)
        layers = named(jobs_.ask_monolayers(case, spec, substrate, film), "monolayers")
        layers_run = self.compute(layers, "monolayers")
        clean = named(jobs_.ask_clean(case, spec, substrate, film, layers_run.output), "clean slab")
        clean_run = self.compute(clean, "clean slab")
        setup = named(jobs_.set_up(case, spec, substrate, film, layers_run.output, clean_run.output), "set-up")
        sites = named(jobs_.ask_sites(case, setup.output), "sites")
        sites_run = self.compute(sites, "sites")
        listed = named(jobs_.list_starts(case, setup.output, sites_run.output), "candidates")
        screen = named(jobs_.ask_screening(case, listed.output), "screening")
        screen_run = self.compute(screen, "screening")
        starts = named(jobs_.choose_starts(case, listed.output, screen_run.output), "chosen starts")
        relax = named(jobs_.ask_starts(case, starts.output), "starts")
        relax_run = self.compute(relax, "starts")
        removed = named(jobs_.ask_removed(case, starts.output, relax_run.output), "removed")
        removed_run = self.compute(removed, "removed")
        return (
            [
                *substrate_jobs,
                *film_jobs,
                *(layers, layers_run, clean, clean_run, setup, sites, sites_run, listed),
                *(screen, screen_run, starts, relax, relax_run, removed, removed_run),
            ],
            BindingParts(setup, starts, relax_run, removed_run),
        )
