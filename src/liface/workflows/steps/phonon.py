"""Phonons of a bulk: displaced supercells of two sizes, and what their forces say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from liface.analysis import domain
from liface.analysis.lattice_dynamics import (
    NOISE_THZ,
    LatticeDynamics,
    Modes,
    displaced_supercells,
    multiples_for,
    standardised,
)
from liface.documents import (
    CalculationDocument,
    CalculationRequest,
    CalculationSettings,
    Geometry,
    PhononResult,
    ThermalPoint,
)
from liface.documents.vibrations import Multiples
from liface.errors import StructureError
from liface.units import MEV
from liface.workflows.specs import PhononSpec
from liface.workflows.steps.common import BulkReference, Case, all_converged, energy_of, magnetic_flags

DOI = ("10.1016/j.scriptamat.2015.07.021",)
ROOM_K, WARM_K = 298.15, 333.15
COARSE_MESH = 2 / 3
MESH_TOLERANCE_MEV = 0.1
DEFINITION = (
    "F_vib = sum over modes of h f / 2 + k_B T ln(1 - exp(-h f / k_B T)), per atom; harmonic, at the lattice relaxed "
    "without vibrations; no LO-TO correction; imaginary modes are left out"
)


def phonon_cell(spec: PhononSpec, bulk: BulkReference) -> Geometry:
    """Return the cell that is repeated: the relaxed one, its symmetry made exact where it has one."""
    if not spec.material.broken_symmetry:
        return standardised(bulk.geometry)
    return bulk.geometry


def supercell_sizes(spec: PhononSpec, cell: Geometry) -> tuple[Multiples, ...]:
    """Return the repeats of the supercells, the smaller first; one where both edges ask for the same."""
    return tuple(dict.fromkeys(multiples_for(cell, edge) for edge in spec.edges_a))


def phonon_requests(case: Case, spec: PhononSpec, bulk: BulkReference) -> tuple[CalculationRequest, ...]:
    """Ask for single points of all displaced supercells, those of the smaller size first.

    Raises
    ------
    StructureError
        They are more, or larger, than the spec allows.
    """
    cell = phonon_cell(spec, bulk)
    return tuple(
        case.request(displaced, CalculationSettings.static(), f"{_text(size)}-displaced-{i}")
        for size in supercell_sizes(spec, cell)
        for i, displaced in enumerate(_displaced(spec, cell, size))
    )


def phonon_result(
    case: Case, spec: PhononSpec, bulk: BulkReference, outcomes: Sequence[CalculationDocument]
) -> PhononResult:
    """Return the phonons of the larger supercell, and how far the smaller one agrees.

    Raises
    ------
    CalculationError
        A displaced supercell failed.
    """
    cell = phonon_cell(spec, bulk)
    sizes = supercell_sizes(spec, cell)
    forces = [np.array(energy_of(outcome).forces_ev_per_a) for outcome in outcomes]
    smaller: LatticeDynamics | None = None
    for size in sizes:
        n_displacements = len(displaced_supercells(cell, size, spec.displacement_a))
        mine, forces = forces[:n_displacements], forces[n_displacements:]
        dynamics = LatticeDynamics(cell, size, spec.displacement_a, np.array(mine))
        if size != sizes[-1]:
            smaller = dynamics
    change = None
    coarse = dynamics.modes(COARSE_MESH * spec.mesh_length_a)
    modes = dynamics.modes(spec.mesh_length_a)
    room = modes.thermal(ROOM_K).free_energy_ev
    if smaller is not None:
        change = MEV * (room - smaller.modes(spec.mesh_length_a).thermal(ROOM_K).free_energy_ev)
    mesh_change = MEV * (room - coarse.thermal(ROOM_K).free_energy_ev)
    flags = (
        *(() if bulk.converged else ("unconverged: the relaxed bulk",)),
        *_convergence_flags(spec, sizes, change, mesh_change),
        *imaginary_flags(modes, dynamics.lowest_commensurate_thz),
        *magnetic_flags(case.engine, (bulk.geometry, outcomes[-1].initial)),
        *domain.domain_flags("phonon", spec.material.elements, spec.material.closed_shell_salt, case.engine.trained_on),
    )
    return PhononResult(
        definition=DEFINITION,
        engine=case.engine,
        converged=bulk.converged and all_converged(outcomes),
        flags=flags,
        provenance=case.provenance((*bulk.calc_ids, *(outcome.calc_id for outcome in outcomes)), DOI),
        material=spec.material.name,
        zpe_ev_per_atom=modes.thermal(0.0).free_energy_ev,
        f_vib_298_ev_per_atom=room,
        f_vib_333_ev_per_atom=modes.thermal(WARM_K).free_energy_ev,
        points=tuple(thermal_point(modes, t) for t in sorted(set(spec.temperatures_k))),
        highest_thz=float(modes.frequencies_thz.max()),
        lowest_thz=modes.lowest_thz,
        lowest_q=modes.lowest_q,
        lowest_commensurate_thz=dynamics.lowest_commensurate_thz,
        n_imaginary=modes.count(modes.imaginary),
        n_imaginary_near_gamma=modes.count(modes.numerical),
        n_modes=modes.n_modes,
        supercell=sizes[-1],
        n_atoms=cell.n_atoms * int(np.prod(sizes[-1])),
        n_displacements=n_displacements,
        displacement_a=spec.displacement_a,
        smaller_supercell=sizes[0] if smaller is not None else None,
        supercell_change_mev_per_atom=change,
        mesh=modes.mesh,
        mesh_change_mev_per_atom=mesh_change,
        acoustic_gamma_thz=dynamics.acoustic_gamma_thz,
        energy_ev_per_atom=bulk.energy_ev_per_atom,
        dos=dynamics.density(),
        structure=cell,
    )


def thermal_point(modes: Modes, temperature_k: float) -> ThermalPoint:
    """Return the sums per atom at a temperature."""
    found = modes.thermal(temperature_k)
    return ThermalPoint(
        temperature_k=temperature_k,
        f_vib_ev_per_atom=found.free_energy_ev,
        u_vib_ev_per_atom=found.energy_ev,
        entropy_ev_per_k_per_atom=found.entropy_ev_per_k,
        heat_capacity_ev_per_k_per_atom=found.heat_capacity_ev_per_k,
    )


def is_unstable(lowest_commensurate_thz: float) -> bool:
    """Tell whether a mode that fits the supercell is imaginary: the structure is then no minimum of the model."""
    return lowest_commensurate_thz < -NOISE_THZ


def imaginary_flags(modes: Modes, lowest_commensurate_thz: float) -> tuple[str, ...]:
    """Say how many modes are imaginary and what that means: noise near Γ, interpolation, or no minimum."""
    flags: list[str] = []
    near, all_ = modes.count(modes.numerical), modes.count(modes.imaginary)
    if near:
        lowest = modes.frequencies_thz[modes.numerical].min()
        flags.append(f"imaginary_near_gamma: {near} of {modes.n_modes} modes, lowest {lowest:.3f} THz")
    if all_ > near:
        lowest = modes.frequencies_thz[modes.imaginary & ~modes.numerical].min()
        share = 100 * (all_ - near) / modes.n_modes
        what = f"{all_ - near} of {modes.n_modes} ({share:.2g} %), lowest {lowest:.3f} THz"
        if is_unstable(lowest_commensurate_thz):
            flags.append(f"imaginary_modes: {what}")
        else:
            flags.append(
                f"imaginary_interpolated: {what}, {lowest_commensurate_thz:.3f} THz where it fits the supercell"
            )
    return tuple(flags)


def _convergence_flags(
    spec: PhononSpec, sizes: Sequence[Multiples], change: float | None, mesh_change: float
) -> tuple[str, ...]:
    flags: list[str] = []
    limit = spec.tolerance_mev_per_atom
    if change is None:
        flags.append(f"one_supercell: {_text(sizes[-1])} meets both {spec.edges_a[0]:g} and {spec.edges_a[1]:g} Å")
    elif abs(change) > limit:
        flags.append(f"supercell_size: F_vib changes by {change:+.2f} meV/atom from {_text(sizes[0])}, limit {limit:g}")
    if abs(mesh_change) > MESH_TOLERANCE_MEV:
        flags.append(f"mesh_size: F_vib changes by {mesh_change:+.2f} meV/atom, limit {MESH_TOLERANCE_MEV:g}")
    return tuple(flags)


def _displaced(spec: PhononSpec, cell: Geometry, size: Multiples) -> tuple[Geometry, ...]:
    n_atoms = cell.n_atoms * int(np.prod(size))
    if n_atoms > spec.max_atoms:
        raise StructureError(
            f"phonons of {spec.material.name}: a supercell of {_text(size)} has {n_atoms} atoms, limit "
            f"{spec.max_atoms}; lower edges_a or raise max_atoms"
        )
    found = displaced_supercells(cell, size, spec.displacement_a)
    if len(found) > spec.max_displacements:
        raise StructureError(
            f"phonons of {spec.material.name}: {len(found)} displaced supercells of {n_atoms} atoms, limit "
            f"{spec.max_displacements}; raise max_displacements"
        )
    return found


def _text(size: Multiples) -> str:
    return "x".join(map(str, size))
