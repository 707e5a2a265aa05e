"""Vibrations of adsorbed Li and of Li films while the substrate stands still (partial Hessian)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from liface.analysis.vibrations import atomic_masses, hessian_frequencies, partial_hessian, repeated_hessian, thermal
from liface.documents import (
    CalculationDocument,
    CalculationRequest,
    CalculationSettings,
    EnergyCalculation,
    Geometry,
    PhononResult,
)
from liface.errors import MixedEnginesError, StructureError
from liface.workflows.specs import VibrationSpec
from liface.workflows.steps import interface
from liface.workflows.steps.binding import Start, Starts, winners
from liface.workflows.steps.common import BulkReference, Case, energy_of

SOFT_THZ = 1.5
"""About 50 1/cm: below, the motion is a slide from site to site rather than an oscillation."""
FREE_THZ = 0.05
"""Below, a mode is a free motion within the noise of forces, for which harmonic sums diverge."""
ALONE = (1, 1)
ROOM_K, WARM_K = 298.15, 333.15


@dataclass(frozen=True)
class LocalModes:
    """The modes of the atoms of one role, THz, imaginary ones negative."""

    geometry: Geometry
    frequencies_thz: np.ndarray
    n_displacements: int
    multiples: tuple[int, int] = ALONE
    """Repeats of the cell in the plane; the modes are those of all copies."""
    residual_ev_per_a: float = 0.0
    """Largest force on a moved atom before it is moved."""

    @property
    def copies(self) -> int:
        """Copies of the cell."""
        return self.multiples[0] * self.multiples[1]

    @property
    def n_moved(self) -> int:
        """Atoms of one copy that move."""
        return len(self.frequencies_thz) // (3 * self.copies)

    @property
    def imaginary(self) -> np.ndarray:
        """Modes without a positive frequency."""
        return self.frequencies_thz[self.frequencies_thz <= 0]

    @property
    def soft(self) -> np.ndarray:
        """Modes for which the harmonic approximation is doubtful."""
        return self.frequencies_thz[(self.frequencies_thz >= FREE_THZ) & (self.frequencies_thz < SOFT_THZ)]

    @property
    def free(self) -> np.ndarray:
        """Modes of positive frequency that are left out, since nothing holds them."""
        return self.frequencies_thz[(self.frequencies_thz > 0) & (self.frequencies_thz < FREE_THZ)]

    def free_energy(self, temperature_k: float) -> float:
        """Return the free energy per moved atom, eV; imaginary and free modes are left out."""
        return self._per_atom(self.frequencies_thz[self.frequencies_thz >= FREE_THZ], temperature_k)

    def soft_share(self, temperature_k: float) -> float:
        """Return what the soft modes give to it, eV per moved atom."""
        return self._per_atom(self.soft, temperature_k)

    def _per_atom(self, frequencies_thz: np.ndarray, temperature_k: float) -> float:
        return thermal(frequencies_thz, temperature_k).free_energy_ev / (self.n_moved * self.copies)


def adsorbate_requests(
    case: Case, spec: VibrationSpec, starts: Starts, relaxed: Sequence[CalculationDocument]
) -> tuple[CalculationRequest, ...]:
    """Ask for the displaced cells of the lowest arrangement of every size.

    Raises
    ------
    StructureError
        They are more than the spec allows.
    """
    found: list[CalculationRequest] = []
    for start, outcome in winners(starts, relaxed):
        found += _displaced(case, spec, energy_of(outcome).final, "adsorbate", adsorbate_label(start))
    return tuple(found)


def film_requests(case: Case, spec: VibrationSpec, start: interface.Start) -> tuple[CalculationRequest, ...]:
    """Ask for the displaced cells of the thinnest film of an interface.

    Raises
    ------
    StructureError
        They are more than the spec allows.
    """
    cell = energy_of(start.best).final
    return tuple(_displaced(case, spec, cell, "film", "film", film_multiples(spec, cell)))


def film_multiples(spec: VibrationSpec, cell: Geometry) -> tuple[int, int]:
    """Return how often a film is repeated in the plane; in a narrow cell an atom would move along with its images."""
    a, b, _ = cell.cell_array
    widths = cell.in_plane_area / np.linalg.norm(b), cell.in_plane_area / np.linalg.norm(a)
    first, second = (int(max(1, np.ceil(spec.film_edge_a / width - 1e-6))) for width in widths)
    return first, second


def strained_bulk(setup: interface.InterfaceSetup, outcome: CalculationDocument) -> BulkReference:
    """Return bulk Li strained like the film, its height relaxed: the reference, as in the fit of the series."""
    strained = energy_of(outcome)
    return setup.film.model_copy(
        update={
            "geometry": strained.final,
            "energy_ev_per_atom": strained.energy_ev / strained.final.n_atoms,
            "converged": setup.film.converged and strained.status == "converged",
            "calc_ids": (*setup.film.calc_ids, strained.calc_id),
        }
    )


def adsorbate_label(start: Start) -> str:
    """Return how an arrangement is called."""
    return f"{start.n_li}Li-{start.arrangement}"


def local_modes(
    spec: VibrationSpec,
    relaxed: EnergyCalculation,
    role: str,
    outcomes: Sequence[CalculationDocument],
    multiples: tuple[int, int] = ALONE,
) -> LocalModes:
    """Return the modes of the atoms of a role from their displaced cells, plus before minus.

    Raises
    ------
    CalculationError
        A displaced cell failed.
    """
    geometry = relaxed.final
    moved = _moved(geometry, role)
    copies = multiples[0] * multiples[1]
    every = (np.arange(copies)[:, None] * geometry.n_atoms + np.array(moved)).ravel()  # copy after copy
    forces = np.array([np.array(energy_of(outcome).forces_ev_per_a)[every] for outcome in outcomes])
    rows = partial_hessian(forces[0::2], forces[1::2], spec.displacement_a)
    hessian = repeated_hessian(rows.reshape(len(rows), copies, len(rows)), multiples)
    masses = np.tile(atomic_masses(tuple(geometry.species[i] for i in moved)), copies)
    residual = np.linalg.norm(np.array(relaxed.forces_ev_per_a)[moved], axis=1).max()
    return LocalModes(geometry, hessian_frequencies(hessian, masses), len(outcomes), multiples, float(residual))


def n_displacements(geometry: Geometry, role: str) -> int:
    """Return how many displaced cells the atoms of a role need."""
    return 6 * geometry.count(role=role)


def vibration_flags(modes: LocalModes, lithium: PhononResult, fmax_ev_per_a: float) -> tuple[str, ...]:
    """Say where the harmonic picture fails: forces that are left, imaginary and soft modes, those of bulk Li."""
    flags: list[str] = []
    if modes.residual_ev_per_a > fmax_ev_per_a:
        left = modes.residual_ev_per_a
        flags.append(f"not_stationary: {left:.3f} eV/Å is left on a Li atom, limit {fmax_ev_per_a:g}")
    if len(modes.imaginary):
        n, lowest = len(modes.imaginary), modes.imaginary.min()
        flags.append(
            f"imaginary_modes: {n} of {len(modes.frequencies_thz)}, lowest {lowest:.3f} THz: no minimum of this model"
        )
    if len(modes.free):
        flags.append(f"soft_modes: {len(modes.free)} below {FREE_THZ:g} THz are free motions and left out")
    if len(modes.soft):
        n, share = len(modes.soft), modes.soft_share(ROOM_K)
        flags.append(
            f"soft_modes: {n} of {len(modes.frequencies_thz)} below {SOFT_THZ:g} THz give {share:+.3f} eV per Li at "
            f"{ROOM_K:g} K"
        )
    for flag in lithium.flags:
        slug, _, detail = flag.partition(": ")
        if slug in ("imaginary_modes", "imaginary_interpolated"):
            flags.append(f"{slug}: of the bulk Li it is held against: {detail}")
    return tuple(flags)


def require_same_model(case: Case, lithium: PhononResult) -> None:
    """Refuse phonons of another engine.

    Raises
    ------
    MixedEnginesError
    """
    if case.engine.fingerprint != lithium.engine.fingerprint:
        raise MixedEnginesError(
            f"{case.name}: vibrations of {case.engine.label} against phonons of {lithium.engine.label}; "
            "compute the phonons with the same engine"
        )


def _displaced(
    case: Case,
    spec: VibrationSpec,
    geometry: Geometry,
    role: str,
    label: str,
    multiples: tuple[int, int] = ALONE,
) -> list[CalculationRequest]:
    needed = n_displacements(geometry, role)
    if needed > spec.max_displacements:
        raise StructureError(
            f"{spec.name}: {needed} displaced cells of {geometry.n_atoms} atoms for {label}, limit "
            f"{spec.max_displacements}; raise max_displacements"
        )
    found: list[CalculationRequest] = []
    cell = repeated(geometry, multiples)
    for atom in _moved(geometry, role):  # those of the first copy
        for axis in range(3):
            for sign in (1, -1):
                positions = cell.position_array
                positions[atom, axis] += sign * spec.displacement_a
                step = f"{label}-{atom}{'xyz'[axis]}{'+' if sign > 0 else '-'}"
                found.append(case.request(cell.with_positions(positions), CalculationSettings.static(), step))
    return found


def repeated(cell: Geometry, multiples: tuple[int, int]) -> Geometry:
    """Return the cell repeated in the plane, copy after copy, the second direction fastest."""
    a, b, c = cell.cell_array
    first, second = multiples
    shifts = [i * a + j * b for i in range(first) for j in range(second)]
    lattice = np.array([first * a, second * b, c])
    return Geometry(
        cell=tuple(tuple(float(x) for x in row) for row in lattice),
        species=cell.species * len(shifts),
        positions=cell.positions * len(shifts),
        frozen=cell.frozen * len(shifts),
        roles=cell.roles * len(shifts),
    ).with_positions(np.concatenate([cell.position_array + shift for shift in shifts]))


def _moved(geometry: Geometry, role: str) -> list[int]:
    moved = [i for i, name in enumerate(geometry.roles) if name == role]
    if not moved:
        raise StructureError(f"no atom of the cell {geometry.formula} is a {role}; there is nothing to vibrate")
    return moved
