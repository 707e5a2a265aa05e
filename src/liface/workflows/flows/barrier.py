"""Flow of the migration barrier of a Li adatom."""

from __future__ import annotations

from dataclasses import dataclass

from liface.engines.base import require_paths
from liface.workflows.flows.base import CaseJobs, LiMaker, References, named
from liface.workflows.jobs import barrier as jobs_
from liface.workflows.jobs import binding as slab_
from liface.workflows.specs import BarrierSpec


@dataclass
class BarrierMaker(LiMaker):
    """Migration barrier of one Li adatom on a slab, bare or under Li monolayers.

    1. relax the bulks and the clean slab; 2. relax Li on every distinct site; 3. ask for the curvature there, push Li
    off and relax again: minima are where it comes back; 4. list the hops between minima and relax their ends; 5. paths
    with a climbing image; 6. curvature at the limiting saddle point; 7. the barrier of the network.
    """

    name: str = "barrier"

    def jobs(self, spec: BarrierSpec, references: References) -> CaseJobs:
        """Return the jobs of one slab.

        Raises
        ------
        EngineTaskError
            The engine cannot hold a path.
        """
        require_paths(self.spec.name)
        case, binding = self.case(spec.name), spec.binding
        substrate_jobs, substrate = self.bulk(case, spec.substrate, references)
        film_jobs, film = self.bulk(case, spec.film, references)
        layers = named(slab_.ask_monolayers(case, binding, substrate, film), "monolayers")
        layers_run = self.compute(layers, "monolayers")
        clean = named(slab_.ask_clean(case, binding, substrate, film, layers_run.output), "clean slab")
        clean_run = self.compute(clean, "clean slab")
        set_up = slab_.set_up(case, binding, substrate, film, layers_run.output, clean_run.output)
        setup = named(set_up, "set-up").output
        sites = named(jobs_.ask_sites(case, setup), "sites")
        sites_run = self.compute(sites, "sites")
        found = named(jobs_.settle(setup, sites_run.output), "settled")
        bent = named(jobs_.ask_curvatures(case, found.output), "curvatures")
        bent_run = self.compute(bent, "curvatures")
        pushed = named(jobs_.ask_pushed(case, found.output, bent_run.output), "pushed")
        pushed_run = self.compute(pushed, "pushed")
        later = named(jobs_.settle_again(setup, found.output, pushed_run.output), "settled again")
        more = named(jobs_.ask_curvatures(case, later.output), "curvatures again")
        more_run = self.compute(more, "curvatures again")
        chosen = jobs_.choose_minima(found.output, bent_run.output, later.output, more_run.output)
        minima = named(chosen, "minima").output
        listed = named(jobs_.plan_hops(spec, setup, minima), "hops")
        hops = listed.output
        ends = named(jobs_.ask_ends(case, hops), "ends")
        ends_run = self.compute(ends, "ends")
        paths = named(jobs_.ask_paths(case, spec, minima, hops, ends_run.output), "paths")
        paths_run = self.compute(paths, "paths")
        saddle = named(jobs_.ask_saddle(case, minima, hops, ends_run.output, paths_run.output), "saddle point")
        saddle_run = self.compute(saddle, "saddle point")
        last = jobs_.describe_barrier(
            case, spec, setup, minima, hops, ends_run.output, paths_run.output, saddle_run.output
        )
        return CaseJobs(
            [
                *substrate_jobs,
                *film_jobs,
                *(layers, layers_run, clean, clean_run, set_up, sites, sites_run, found, bent, bent_run),
                *(pushed, pushed_run, later, more, more_run, chosen, listed, ends, ends_run, paths, paths_run),
                *(saddle, saddle_run),
            ],
            named(last, "barrier"),
        )
