"""Surface energies from stoichiometric slabs of two thicknesses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from liface.analysis import domain, energies
from liface.documents import CalculationDocument, CalculationRequest, EnergyCalculation, SurfaceResult
from liface.units import j_per_m2
from liface.workflows.specs import SurfaceSpec
from liface.workflows.steps.common import (
    BulkReference,
    Case,
    all_converged,
    energy_of,
    magnetic_flags,
    unconverged_flags,
)

if TYPE_CHECKING:
    from liface.structures.slabs import Slab

DOI = ("10.1039/d4ee03130j", "10.1088/0953-8984/8/36/005")
DRIFT_LIMIT = 0.02
"""Relative change between two thicknesses above which a surface energy is flagged."""


def slabs(case: Case, spec: SurfaceSpec, bulk: BulkReference) -> tuple[Slab, Slab]:
    """Build the slab and one that is two repeats thinner."""
    from liface.structures.slabs import build_slab

    def build(min_thickness_a: float | None = None, n_planes: int | None = None) -> Slab:
        return build_slab(
            bulk.geometry.to_structure(),
            spec.plane,
            termination=spec.termination,
            n_planes=n_planes,
            min_thickness_a=min_thickness_a,
            vacuum_a=case.protocol.vacuum_a,
            anion_bonds=spec.material.anion_bonds,
            reference=spec.material.structure(),
            keep_cell=spec.material.broken_symmetry,
            role="substrate",
        )

    thick = build(min_thickness_a=case.protocol.surface_thickness_a)
    per_repeat = thick.n_planes // thick.repeats
    thinner = build(n_planes=max(1, thick.repeats - 2) * per_repeat)
    return thinner, thick


def surface_requests(case: Case, spec: SurfaceSpec, bulk: BulkReference) -> tuple[CalculationRequest, ...]:
    """Ask for both slabs, relaxed."""
    return tuple(
        case.request(slab.structure, case.protocol.relaxation(), f"{slab.n_planes}-planes", as_built=True)
        for slab in slabs(case, spec, bulk)
    )


def surface_result(
    case: Case, spec: SurfaceSpec, bulk: BulkReference, outcomes: Sequence[CalculationDocument]
) -> SurfaceResult:
    """Return the surface energy of the thicker slab, and how much it differs from the thinner one.

    Raises
    ------
    CalculationError
        A slab failed.
    """
    thin_slab, slab = slabs(case, spec, bulk)
    thin, thick = (energy_of(outcome) for outcome in outcomes)
    gamma = _gamma(thick, bulk, thick.energy_ev)
    drift = gamma - _gamma(thin, bulk, thin.energy_ev) if slab.n_planes > thin_slab.n_planes else 0.0
    flags = [
        *unconverged_flags(outcomes),
        *magnetic_flags(case.engine, (bulk.geometry, *(o.initial for o in outcomes))),
    ]
    if not slab.equal_faces:
        flags.append("inequivalent_faces")
    if slab.polar:
        flags.append("polar")
    if abs(drift) > DRIFT_LIMIT * abs(gamma):
        flags.append(f"thickness: {drift:+.1f} meV/Å² from {thin_slab.n_planes} to {slab.n_planes} planes")
    flags += domain.domain_flags(
        "surface", spec.material.elements, spec.material.closed_shell_salt, case.engine.trained_on
    )
    return SurfaceResult(
        definition="gamma = (E_slab - N e_bulk) / (2 A), stoichiometric slab, atoms relaxed, mean of both faces",
        engine=case.engine,
        converged=all_converged(outcomes) and bulk.converged,
        flags=tuple(flags),
        provenance=case.provenance((*bulk.calc_ids, *(o.calc_id for o in outcomes)), DOI),
        material=spec.material.name,
        plane=spec.plane,
        termination=spec.termination,
        gamma_mev_per_a2=gamma,
        gamma_j_per_m2=j_per_m2(gamma),
        gamma_unrelaxed_mev_per_a2=None if thick.started_from else _gamma(thick, bulk, thick.energies_ev[0]),
        thickness_a=slab.thickness_a,
        n_planes=slab.n_planes,
        n_atoms=thick.final.n_atoms,
        area_a2=thick.final.in_plane_area,
        vacuum_a=slab.vacuum_a,
        thickness_drift_mev_per_a2=drift,
        structure=thick.final,
    )


def _gamma(outcome: EnergyCalculation, bulk: BulkReference, energy_ev: float) -> float:
    cell = outcome.final
    return energies.surface_energy(energy_ev, cell.n_atoms, bulk.energy_ev_per_atom, cell.in_plane_area)
