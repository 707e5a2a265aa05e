"""Flow of the vibrations of adsorbed Li and of films."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jobflow import Job

from liface.workflows.flows.base import CaseJobs, LiMaker, References, named
from liface.workflows.flows.binding import BindingMaker
from liface.workflows.flows.interface import InterfaceMaker, InterfaceParts
from liface.workflows.jobs import vibration as jobs_
from liface.workflows.jobs.phonon import ask_displaced, measure_phonons
from liface.workflows.specs import BindingSpec, InterfaceSpec, InterfaceStart, PhononSpec, VibrationSpec
from liface.workflows.steps.common import Case


@dataclass
class VibrationMaker(LiMaker):
    """Binding or interfacial energies at a temperature, from vibrations of the Li while the substrate stands still.

    1. everything that the energy without vibrations needs; 2. phonons of bulk Li; 3. single points with one coordinate
    of one Li moved each; 4. frequencies, free energies, energies at a temperature. The bulk is strained like the film
    where a film vibrates.

    Attributes
    ----------
    start
        Gap and registry of an interface that another engine found, as for
        :class:`~liface.workflows.flows.interface.InterfaceMaker`.
    """

    name: str = "vibration"
    start: InterfaceStart | None = None

    def jobs(self, spec: VibrationSpec, references: References) -> CaseJobs:
        """Return the jobs of one slab or interface."""
        case = self.case(spec.name)
        if isinstance(spec.of, BindingSpec):
            before, last = self._adsorbate(case, spec, spec.of, references)
        else:
            before, last = self._film(case, spec, spec.of, references)
        return CaseJobs(before, named(last, "vibrations"))

    def _adsorbate(
        self, case: Case, spec: VibrationSpec, of: BindingSpec, references: References
    ) -> tuple[list[Job], Job]:
        phonon_jobs, lithium = self._lithium(spec.lithium, references)
        new, parts = BindingMaker(**self._common).parts(of, references)
        asked = named(jobs_.ask_adsorbate(case, spec, parts.starts.output, parts.relaxed.output), "displaced")
        run = self.compute(asked, "displaced")
        outputs = (part.output for part in (*parts, lithium, run))
        return [*phonon_jobs, *new, asked, run], jobs_.describe_adsorbate(case, spec, *outputs)

    def _film(
        self, case: Case, spec: VibrationSpec, of: InterfaceSpec, references: References
    ) -> tuple[list[Job], Job]:
        new, parts = InterfaceMaker(**self._common, start=self.start).parts(of, references)
        phonon_jobs, lithium = self._strained(case, spec.lithium, parts)
        asked = named(jobs_.ask_film(case, spec, parts.start.output), "displaced")
        run = self.compute(asked, "displaced")
        outputs = (part.output for part in (*parts.of_energy, lithium, run))
        return [*new, *phonon_jobs, asked, run], jobs_.describe_film(case, spec, *outputs)

    def _strained(self, case: Case, spec: PhononSpec, parts: InterfaceParts) -> tuple[list[Job], Job]:
        """Return the jobs of the phonons of bulk Li strained like the film, and the one that ends with them."""
        bulk = named(jobs_.take_strained_bulk(parts.setup.output, parts.strained.output), "strained bulk")
        asked = named(ask_displaced(case, spec, bulk.output), "strained bulk displaced")
        run = self.compute(asked, "strained bulk displaced")
        job = named(measure_phonons(case, spec, bulk.output, run.output), "strained bulk phonons")
        return [bulk, asked, run, job], job

    def _lithium(self, spec: PhononSpec, references: References) -> tuple[list[Job], Job]:
        """Return the jobs that are new, and the one that ends with the phonons of bulk Li."""
        case = self.case(spec.name)

        def made() -> tuple[list[Job], Job]:
            bulk_jobs, bulk = self.bulk(case, spec.material, references)
            new, run = references.displaced(self, case, spec, bulk)
            job = named(measure_phonons(case, spec, bulk, run.output), f"{spec.material.name} phonons for others")
            return [*bulk_jobs, *new, job], job

        return references.shared(case, f"{spec.spec_id}/measured", made)

    @property
    def _common(self) -> dict[str, Any]:
        return {
            "engine": self.engine,
            "protocol": self.protocol,
            "campaign": self.campaign,
            "prerelax": self.prerelax,
            "screened_by": self.screened_by,
        }
