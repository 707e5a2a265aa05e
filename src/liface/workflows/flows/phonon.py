"""Flow of the phonons of a bulk."""

from __future__ import annotations

from dataclasses import dataclass

from liface.workflows.flows.base import CaseJobs, LiMaker, References, named
from liface.workflows.jobs.phonon import describe_phonons
from liface.workflows.specs import PhononSpec


@dataclass
class PhononMaker(LiMaker):
    """Phonons of a bulk and its vibrational free energy, in supercells of two sizes (phonopy).

    1. relax the bulk; 2. forces in the displaced supercells, one single point each; 3. force constants, mesh, F_vib.
    """

    name: str = "phonon"

    def jobs(self, spec: PhononSpec, references: References) -> CaseJobs:
        """Return the jobs of one material."""
        case = self.case(spec.name)
        bulk_jobs, bulk = self.bulk(case, spec.material, references)
        new, run = references.displaced(self, case, spec, bulk)
        return CaseJobs(
            [*bulk_jobs, *new], named(describe_phonons(case, spec, bulk, run.output), f"{spec.material.name} phonons")
        )
