"""Bulks, surfaces, bindings and adhesions once more: energies and areas in the formulas of the definitions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from liface.analysis.recompute.evidence import (
    ABSOLUTE,
    Check,
    Evidence,
    area,
    composition_of,
    has,
    lacks,
    per_atom,
    strain_checks,
)
from liface.documents import AdhesionResult, BindingResult, BulkResult, EnergyCalculation, SurfaceResult
from liface.errors import AnalysisError
from liface.units import MEV, j_per_m2

EV, PER_AREA = ABSOLUTE["eV"], ABSOLUTE["meV/Å²"]
TIE_EV = 1e-6
"""Energies closer than this are equal, here as in the flows."""


def bulk(result: BulkResult, evidence: Evidence) -> Iterator[list[Check]]:
    """Energy E / N of the cell that is shown; the symmetric start is listed first, the rattled one after it."""
    starts = evidence.bulks(composition_of(result.structure))
    chosen = evidence.ended_as(result.structure, starts)
    cell, n = chosen.final.cell_array, chosen.final.n_atoms
    a, b, c = np.sqrt((cell**2).sum(axis=1))
    angles = [np.degrees(np.arccos(cell[i] @ cell[j] / d)) for i, j, d in ((1, 2, b * c), (0, 2, a * c), (0, 1, a * b))]
    gain = max(0.0, MEV * (starts[0].energy_ev - starts[1].energy_ev) / n) if len(starts) > 1 else 0.0
    yield [
        Check("energy_ev_per_atom", result.energy_ev_per_atom, per_atom(chosen), EV),
        Check("volume_a3_per_atom", result.volume_a3_per_atom, abs(float(np.linalg.det(cell))) / n),
        *(
            Check(f"lattice.{i}", stored, float(value), 1e-5)
            for i, (stored, value) in enumerate(zip(result.lattice, (a, b, c, *angles), strict=True))
        ),
        Check("symmetry_lowering_mev_per_atom", result.symmetry_lowering_mev_per_atom, gain, ABSOLUTE["meV"]),
    ]


def surface(result: SurfaceResult, evidence: Evidence) -> Iterator[list[Check]]:
    """γ = (E_slab - N e_bulk) / 2A, for every bulk that it may have been measured against."""
    slabs = evidence.relaxed()
    thick = evidence.ended_as(result.structure, slabs)
    thin = min(slabs, key=lambda slab: slab.final.n_atoms)
    for reference in evidence.bulks(composition_of(result.structure)):

        def gamma(
            slab: EnergyCalculation, energy_ev: float | None = None, reference: EnergyCalculation = reference
        ) -> float:
            energy_ev = slab.energy_ev if energy_ev is None else energy_ev
            return MEV * (energy_ev - slab.final.n_atoms * per_atom(reference)) / (2 * area(slab.final))

        unrelaxed = None if thick.started_from else gamma(thick, thick.energies_ev[0])
        yield [
            Check("gamma_mev_per_a2", result.gamma_mev_per_a2, gamma(thick), PER_AREA),
            Check("gamma_j_per_m2", result.gamma_j_per_m2, j_per_m2(gamma(thick))),
            Check("gamma_unrelaxed_mev_per_a2", result.gamma_unrelaxed_mev_per_a2, unrelaxed, PER_AREA),
            Check(
                "thickness_drift_mev_per_a2", result.thickness_drift_mev_per_a2, gamma(thick) - gamma(thin), PER_AREA
            ),
            Check("n_atoms", result.n_atoms, thick.final.n_atoms),
            Check("area_a2", result.area_a2, area(thick.final)),
            Check("converged", result.converged, _converged(reference, thick, thin)),
        ]


def binding(result: BindingResult, evidence: Evidence) -> Iterator[list[Check]]:
    """E_b = (E - E_slab - n μ) / n of every start, against the lower of the slab and the slab after removal."""
    slabs = evidence.relaxed(lacks("adsorbate"), has("substrate"))
    if not slabs:
        raise AnalysisError("the clean slab is not among its calculations")
    (mu,) = evidence.bulks((("Li", 1),))[:1]
    clean = slabs[0]
    reference_ev = min(slab.energy_ev for slab in slabs)
    starts = {each.calc_id: each for each in evidence.relaxed(has("adsorbate"))}
    found = {
        key: (each.energy_ev - reference_ev - result.n_li * per_atom(mu)) / result.n_li for key, each in starts.items()
    }
    lowest = min(found.values(), default=float("nan"))
    solid = [found[c.calc_id] for c in result.candidates if c.shape == "3d" and c.calc_id in found]
    checks = [Check("candidates", sorted({c.calc_id for c in result.candidates}), sorted(found))]
    for i, candidate in enumerate(result.candidates):
        start = evidence.named(candidate.calc_id)
        checks.append(
            Check(f"candidates.{i}.e_bind_ev_per_li", candidate.e_bind_ev_per_li, found.get(start.calc_id), EV)
        )
        checks.append(Check(f"candidates.{i}.converged", candidate.converged, start.status == "converged"))
    shown = evidence.ended_as(result.structure, tuple(starts.values()))
    yield [
        *checks,
        Check("e_bind_ev_per_li", result.e_bind_ev_per_li, lowest, EV),
        Check("structure (its binding energy)", found[shown.calc_id], lowest, TIE_EV),
        Check("e_bind_lowest_3d_ev_per_li", result.e_bind_lowest_3d_ev_per_li, min(solid, default=None), EV),
        Check("reference_gain_ev", result.reference_gain_ev, max(0.0, clean.energy_ev - reference_ev), EV),
        Check("n_li", result.n_li, shown.final.count(role="adsorbate")),
        Check("n_atoms", result.n_atoms, shown.final.n_atoms),
        Check("area_a2", result.area_a2, area(shown.final)),
    ]


def adhesion(result: AdhesionResult, evidence: Evidence) -> Iterator[list[Check]]:
    """W = (E_A + E_B - E_AB) / A; the strained side has the role film."""
    pairs = evidence.relaxed(has("film"), has("substrate"))
    both = evidence.ended_as(result.structure, pairs)
    free = {
        role: evidence.relaxed(has(role), lacks(other))
        for role, other in (("substrate", "film"), ("film", "substrate"))
    }
    if not all(free.values()):
        raise AnalysisError("a free slab is not among its calculations")
    held, taut = free["substrate"][0], free["film"][0]
    a, b = (held, taut) if result.strained == "b" else (taut, held)
    work = MEV * (a.energy_ev + b.energy_ev - both.energy_ev) / area(both.final)
    z = both.final.position_array[:, 2]
    film = np.array([role == "film" for role in both.final.roles])
    common = [
        *strain_checks(result),
        Check("energy_a_ev", result.energy_a_ev, a.energy_ev, EV),
        Check("energy_b_ev", result.energy_b_ev, b.energy_ev, EV),
        Check("energy_ab_ev", result.energy_ab_ev, min(pair.energy_ev for pair in pairs), TIE_EV),
        Check("work_of_adhesion_mev_per_a2", result.work_of_adhesion_mev_per_a2, work, PER_AREA),
        Check("work_of_adhesion_j_per_m2", result.work_of_adhesion_j_per_m2, j_per_m2(work)),
        Check("area_a2", result.area_a2, area(both.final)),
        Check("n_atoms", result.n_atoms, both.final.n_atoms),
        Check("gap_a", result.gap_a, float(z[film].min() - z[~film].max())),
    ]
    below = evidence.bulks(composition_of(both.final, ("substrate",)))
    above = evidence.bulks(composition_of(both.final, ("film",)))
    for reference in below:
        for other in above:
            yield [
                *common,
                *_scan(result, evidence, reference, other),
                Check("converged", result.converged, _converged(both, held, taut, reference, other)),
            ]


def _scan(
    result: AdhesionResult, evidence: Evidence, below: EnergyCalculation, above: EnergyCalculation
) -> Iterator[Check]:
    for i, point in enumerate(result.scan):
        single = evidence.named(point.calc_id)
        cell = single.final
        excess = single.energy_ev - sum(
            cell.count(role=role) * per_atom(bulk) for role, bulk in (("substrate", below), ("film", above))
        )
        yield Check(f"scan.{i}.gamma_mev_per_a2", point.gamma_mev_per_a2, MEV * excess / area(cell), PER_AREA)


def _converged(*calculations: EnergyCalculation) -> bool:
    return all(each.status == "converged" for each in calculations)
