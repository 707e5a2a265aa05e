"""Reference bulks: relaxed once per material, engine and settings."""

from __future__ import annotations

import numpy as np

from liface.documents import BulkResult, CalculationDocument, CalculationRequest
from liface.workflows.specs import MaterialSpec
from liface.workflows.steps.common import (
    BulkReference,
    Case,
    all_converged,
    energy_of,
    unconverged_flags,
)

SOFT_MEV_PER_ATOM = 2.0
"""A rattled start that gains more than this shows that the symmetric cell is no minimum of the model."""


def bulk_requests(case: Case, material: MaterialSpec) -> tuple[CalculationRequest, ...]:
    """Ask for the symmetric cell and, for compounds, the same cell rattled.

    An ordered cell of high symmetry need not be a minimum: cubic Li6PS5Cl falls by 50 meV/atom when its
    symmetry is broken, which shifts an interfacial energy by more than 10 meV/Å².
    """
    settings = case.protocol.relaxation("full")
    label = case.model_copy(update={"name": f"bulk/{material.name}"})
    requests = [label.request(material.reference, settings, "symmetric")]
    if len(material.elements) > 1 and case.protocol.rattle_a > 0:
        random = np.random.default_rng(case.protocol.seed)
        positions = material.reference.position_array
        moved = positions + random.normal(0.0, case.protocol.rattle_a, positions.shape)
        requests.append(label.request(material.reference.with_positions(moved), settings, "rattled"))
    return tuple(requests)


def bulk_reference(material: MaterialSpec, outcomes: tuple[CalculationDocument, ...]) -> BulkReference:
    """Choose the reference: the symmetric cell, or the lowest where the material is relaxed without symmetry.

    Raises
    ------
    CalculationError
        The relaxation failed.
    """
    symmetric = energy_of(outcomes[0])
    chosen = symmetric
    if material.broken_symmetry and len(outcomes) > 1 and outcomes[1].status != "failed":
        rattled = energy_of(outcomes[1])
        chosen = rattled if rattled.energy_ev < symmetric.energy_ev else symmetric
    return BulkReference(
        material=material.name,
        geometry=chosen.final,
        energy_ev_per_atom=chosen.energy_ev / chosen.final.n_atoms,
        engine=chosen.engine,
        converged=chosen.status == "converged",
        broken_symmetry=chosen is not symmetric,
        calc_ids=tuple(outcome.calc_id for outcome in outcomes),
    )


def bulk_result(case: Case, material: MaterialSpec, outcomes: tuple[CalculationDocument, ...]) -> BulkResult:
    """Describe a reference bulk: lattice, energy, and what breaking its symmetry gains."""
    reference = bulk_reference(material, outcomes)
    symmetric = energy_of(outcomes[0])
    n_atoms = symmetric.final.n_atoms
    gain = 0.0
    if len(outcomes) > 1 and outcomes[1].status != "failed":
        gain = max(0.0, (symmetric.energy_ev - energy_of(outcomes[1]).energy_ev) / n_atoms * 1e3)
    flags = unconverged_flags(outcomes)
    if gain > SOFT_MEV_PER_ATOM:
        flags += (f"symmetry_broken: the symmetric cell lies {gain:.1f} meV/atom above a rattled one",)
    lattice = _lattice(reference.geometry.cell_array)
    error = max(abs(new / old - 1) for new, old in zip(lattice[:3], material.measured_lengths, strict=True)) * 100
    return BulkResult(
        definition="energy per atom of the bulk cell, positions and cell relaxed; mu of this engine",
        engine=reference.engine,
        converged=all_converged(outcomes),
        flags=flags,
        provenance=case.provenance(reference.calc_ids, ()),
        material=material.name,
        energy_ev_per_atom=reference.energy_ev_per_atom,
        volume_a3_per_atom=abs(float(np.linalg.det(reference.geometry.cell_array))) / n_atoms,
        lattice=lattice,
        lattice_error_percent=error,
        symmetry_lowering_mev_per_atom=gain,
        structure=reference.geometry,
    )


def _lattice(cell: np.ndarray) -> tuple[float, float, float, float, float, float]:
    lengths = np.linalg.norm(cell, axis=1)
    angles = []
    for i, j in ((1, 2), (0, 2), (0, 1)):
        cosine = cell[i] @ cell[j] / (lengths[i] * lengths[j])
        angles.append(float(np.degrees(np.arccos(np.clip(cosine, -1, 1)))))
    return (*(float(x) for x in lengths), *angles)  # type: ignore[return-value]
