"""Vibrations of adsorbed Li and of Li films while the substrate stands still (partial Hessian)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from liface.analysis.vibrations import atomic_masses, hessian_frequencies, partial_hessian, thermal
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
from liface.workflows.steps.common import Case, energy_of

SOFT_THZ = 1.5
"""About 50 1/cm: below, the motion is a slide from site to site rather than an oscillation."""
ROOM_K, WARM_K = 298.15, 333.15


@dataclass(frozen=True)
class LocalModes:
    """The modes of the atoms of one role, THz, imaginary ones negative."""

    geometry: Geometry
    frequencies_thz: np.ndarray
    n_displacements: int

    @property
    def n_moved(self) -> int:
        """Atoms that move."""
        return len(self.frequencies_thz) // 3

    @property
    def imaginary(self) -> np.ndarray:
        """Modes without a positive frequency."""
        return self.frequencies_thz[self.frequencies_thz <= 0]

    @property
    def soft(self) -> np.ndarray:
        """Modes for which the harmonic approximation is doubtful."""
        return self.frequencies_thz[(self.frequencies_thz > 0) & (self.frequencies_thz < SOFT_THZ)]

    def free_energy(self, temperature_k: float) -> float:
        """Return the free energy of the real modes per moved atom, eV."""
        real = self.frequencies_thz[self.frequencies_thz > 0]
        return thermal(real, temperature_k).free_energy_ev / self.n_moved

    def soft_share(self, temperature_k: float) -> float:
        """Return what the soft modes give to it, eV per moved atom."""
        return thermal(self.soft, temperature_k).free_energy_ev / self.n_moved


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
    return tuple(_displaced(case, spec, energy_of(start.best).final, "film", "film"))


def adsorbate_label(start: Start) -> str:
    """Return how an arrangement is called."""
    return f"{start.n_li}Li-{start.arrangement}"


def local_modes(spec: VibrationSpec, relaxed: EnergyCalculation, role: str, outcomes: Sequence) -> LocalModes:
    """Return the modes of the atoms of a role from their displaced cells, plus before minus.

    Raises
    ------
    CalculationError
        A displaced cell failed.
    """
    geometry = relaxed.final
    moved = _moved(geometry, role)
    forces = np.array([np.array(energy_of(outcome).forces_ev_per_a)[moved] for outcome in outcomes])
    hessian = partial_hessian(forces[0::2], forces[1::2], spec.displacement_a)
    masses = atomic_masses(tuple(geometry.species[i] for i in moved))
    return LocalModes(geometry, hessian_frequencies(hessian, masses), len(outcomes))


def n_displacements(geometry: Geometry, role: str) -> int:
    """Return how many displaced cells the atoms of a role need."""
    return 6 * geometry.count(role=role)


def vibration_flags(modes: LocalModes, lithium: PhononResult) -> tuple[str, ...]:
    """Say where the harmonic picture fails: imaginary and soft modes here, imaginary ones of bulk Li."""
    flags: list[str] = []
    if len(modes.imaginary):
        n, lowest = len(modes.imaginary), modes.imaginary.min()
        flags.append(f"imaginary_modes: {n} of {len(modes.frequencies_thz)}, lowest {lowest:.3f} THz")
    if len(modes.soft):
        n, share = len(modes.soft), modes.soft_share(ROOM_K)
        flags.append(
            f"soft_modes: {n} of {len(modes.frequencies_thz)} below {SOFT_THZ:g} THz give {share:+.3f} eV per Li at "
            f"{ROOM_K:g} K"
        )
    if lithium.n_imaginary > lithium.n_imaginary_near_gamma:
        flags.append(f"imaginary_modes: bulk Li, lowest {lithium.lowest_thz:.3f} THz")
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


def _displaced(case: Case, spec: VibrationSpec, geometry: Geometry, role: str, label: str) -> list[CalculationRequest]:
    needed = n_displacements(geometry, role)
    if needed > spec.max_displacements:
        raise StructureError(
            f"{spec.name}: {needed} displaced cells of {geometry.n_atoms} atoms for {label}, limit "
            f"{spec.max_displacements}; raise max_displacements"
        )
    found: list[CalculationRequest] = []
    for atom in _moved(geometry, role):
        for axis in range(3):
            for sign in (1, -1):
                positions = geometry.position_array
                positions[atom, axis] += sign * spec.displacement_a
                step = f"{label}-{atom}{'xyz'[axis]}{'+' if sign > 0 else '-'}"
                found.append(case.request(geometry.with_positions(positions), CalculationSettings.static(), step))
    return found


def _moved(geometry: Geometry, role: str) -> list[int]:
    moved = [i for i, name in enumerate(geometry.roles) if name == role]
    if not moved:
        raise StructureError(f"no atom of the cell {geometry.formula} is a {role}; there is nothing to vibrate")
    return moved
