"""What every engine must do, as checks that anyone can run on an engine of their own.

>>> from liface.engines import resolve
>>> from liface.testing.engine_contract import assert_engine_contract, copper
>>> assert_engine_contract(resolve("emt"), copper())

The checks need no knowledge of the engine: an energy is extensive and does not change under translation,
rotation and renumbering; forces and stress are its derivatives; the same question has the same answer to
the last bit; units are eV and Å; and a structure that cannot be computed is a document, not an exception.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from liface.documents import CalculationRequest, CalculationSettings, FailedCalculation, Geometry
from liface.documents.calculation import CalculationDocument
from liface.engines.base import Engine
from liface.engines.relaxation import run
from liface.errors import EngineContractError
from liface.units import EV_PER_A3_IN_GPA

DISPLACEMENT_A = 0.01
STRAIN = 2e-3


@dataclass(frozen=True)
class Tolerance:
    """How exact an engine must be; the defaults suit single precision."""

    energy_ev_per_atom: float = 2e-5
    force_ev_per_a: float = 5e-3
    relative: float = 0.02
    stress_ev_per_a3: float = 1e-3


def copper() -> Geometry:
    """Return four atoms of fcc copper, slightly displaced, so that no force or stress is zero by symmetry."""
    a = 3.63
    positions = np.array([[0, 0, 0], [0, a / 2, a / 2], [a / 2, 0, a / 2], [a / 2, a / 2, 0]])
    positions += np.random.default_rng(7).normal(scale=0.06, size=positions.shape)
    return Geometry(
        cell=((a, 0, 0), (0, a, 0), (0.1, 0.05, a)),
        species=("Cu",) * 4,
        positions=tuple(map(tuple, positions.tolist())),
        frozen=(False,) * 4,
        roles=("bulk",) * 4,
    )


def assert_engine_contract(engine: Engine, structure: Geometry, tolerance: Tolerance | None = None) -> None:
    """Check an engine on a dense, slightly displaced crystal near its equilibrium volume.

    Raises
    ------
    EngineContractError
        Naming every check that failed, with its values.
    """
    probe = _Probe(engine, tolerance or Tolerance())
    failures = []
    for check in CHECKS:
        try:
            check(probe, structure)
        except EngineContractError as error:
            failures.append(f"{check.__name__}: {error}")
    if failures:
        raise EngineContractError(f"{engine.info.label} breaks the contract: " + "; ".join(failures))


def check_identity(probe: _Probe, structure: Geometry) -> None:
    """Require that the engine says what it is, with a hash of its weights."""
    info = probe.engine.info
    _require(bool(info.name and info.code and info.code_version), f"incomplete description {info}")
    digits = set(info.weights_sha256.lower())
    _require(len(info.weights_sha256) == 64 and digits <= set("0123456789abcdef"), "weights_sha256 is no sha256")


def check_shapes(probe: _Probe, structure: Geometry) -> None:
    """Require finite energy, forces and stress of the right shape."""
    energy, forces, stress = probe(structure)
    _require(np.isfinite(energy), f"energy {energy}")
    _require(forces.shape == (structure.n_atoms, 3) and bool(np.isfinite(forces).all()), "forces of wrong shape")
    _require(stress.shape == (3, 3) and bool(np.isfinite(stress).all()), "stress of wrong shape")


def check_determinism(probe: _Probe, structure: Geometry) -> None:
    """Require that the same request twice gives the same numbers to the last bit."""
    documents = [probe.relax(structure) for _ in range(2)]
    first, second = (_energies(document) for document in documents)
    _require(first == second, f"{first} and {second}")


def check_stress_is_optional(probe: _Probe, structure: Geometry) -> None:
    """Require that leaving the stress out changes neither energy nor forces."""
    energy, forces, _ = probe(structure)
    lean_energy, lean_forces = probe.without_stress(structure)
    probe.same_energy(energy, lean_energy, structure.n_atoms)
    probe.same_forces(forces, lean_forces)


def check_forces(probe: _Probe, structure: Geometry) -> None:
    """Require forces to be minus the derivative of the energy along three random displacements."""
    _, forces, _ = probe(structure)
    for seed in range(3):
        direction = np.random.default_rng(seed).normal(size=forces.shape)
        direction /= np.linalg.norm(direction, axis=1).max()
        step = DISPLACEMENT_A * direction
        plus, minus = (probe.free_energy(_moved(structure, sign * step)) for sign in (1, -1))
        slope, expected = (plus - minus) / (2 * DISPLACEMENT_A), -float(np.sum(forces * direction))
        allowed = probe.tolerance.force_ev_per_a * np.sqrt(forces.size) + probe.tolerance.relative * abs(expected)
        _require(abs(slope - expected) < allowed, f"dE/dx {slope:.4f}, from the forces {expected:.4f} eV/Å")


def check_stress(probe: _Probe, structure: Geometry) -> None:
    """Require the stress to be (1/V) dE/dε, positive under tension, along three random strains."""
    _, _, stress = probe(structure)
    volume = abs(np.linalg.det(structure.cell_array))
    for seed in range(3):
        strain = np.random.default_rng(seed).normal(size=(3, 3))
        strain = (strain + strain.T) / np.linalg.norm(strain + strain.T)
        deformed = (_deformed(structure, np.eye(3) + sign * STRAIN * strain) for sign in (1, -1))
        plus, minus = map(probe.free_energy, deformed)
        slope, expected = (plus - minus) / (2 * STRAIN * volume), float(np.sum(stress * strain))
        allowed = probe.tolerance.stress_ev_per_a3 + probe.tolerance.relative * abs(expected)
        _require(abs(slope - expected) < allowed, f"dE/dε/V {slope:.5f}, stress {expected:.5f} eV/Å³")


def check_translation(probe: _Probe, structure: Geometry) -> None:
    """Require that moving everything, across the cell boundary too, changes nothing."""
    energy, forces, _ = probe(structure)
    moved_energy, moved_forces, _ = probe(_moved(structure, np.array([1.234, -2.345, 5.678])))
    probe.same_energy(energy, moved_energy, structure.n_atoms)
    probe.same_forces(forces, moved_forces)


def check_rotation(probe: _Probe, structure: Geometry) -> None:
    """Require that the forces turn with the crystal and the energy does not change."""
    energy, forces, _ = probe(structure)
    rotation = _rotation(np.array([0.3, -0.5, 0.8]), 1.1)
    turned_energy, turned_forces, _ = probe(_deformed(structure, rotation))
    probe.same_energy(energy, turned_energy, structure.n_atoms)
    probe.same_forces(forces @ rotation.T, turned_forces)


def check_permutation(probe: _Probe, structure: Geometry) -> None:
    """Require that the numbering of the atoms does not matter."""
    energy, forces, _ = probe(structure)
    order = np.random.default_rng(3).permutation(structure.n_atoms)
    other_energy, other_forces, _ = probe(_reordered(structure, order))
    probe.same_energy(energy, other_energy, structure.n_atoms)
    probe.same_forces(forces[order], other_forces)


def check_extensivity(probe: _Probe, structure: Geometry) -> None:
    """Require that two cells have twice the energy of one."""
    energy, _, _ = probe(structure)
    double, _, _ = probe(_doubled(structure))
    probe.same_energy(2 * energy, double, 2 * structure.n_atoms)


def check_units(probe: _Probe, structure: Geometry) -> None:
    """Require energies of the size of eV and lengths of Å: stiffness in GPa and volume are those of a solid."""
    volume = abs(np.linalg.det(structure.cell_array))
    scales = (0.98, 1.0, 1.02)
    energies = [probe(_deformed(structure, np.eye(3) * s))[0] for s in scales]
    stiffness = (energies[0] - 2 * energies[1] + energies[2]) / (0.02**2 * 9 * volume) * EV_PER_A3_IN_GPA
    _require(1 < stiffness < 1000, f"bulk modulus {stiffness:.3g} GPa is not that of a solid")
    relaxed = probe.relax(structure, cell="full")
    _energies(relaxed)
    change = abs(np.linalg.det(relaxed.final.cell_array)) / volume  # type: ignore[union-attr]
    _require(0.7 < change < 1.4, f"the volume changed by a factor {change:.2f}; are lengths in Å?")


def check_frozen_atoms(probe: _Probe, structure: Geometry) -> None:
    """Require that frozen atoms stay where they are, exactly, while the others relax."""
    frozen = tuple(i % 2 == 0 for i in range(structure.n_atoms))
    document = probe.relax(structure.model_copy(update={"frozen": frozen}))
    _energies(document)
    before = np.array(structure.positions)
    after = np.array(document.final.positions)  # type: ignore[union-attr]
    mask = np.array(frozen)
    _require(bool((before[mask] == after[mask]).all()), "a frozen atom moved")
    _require(bool((before[~mask] != after[~mask]).any()), "no free atom moved")


def check_failure_is_data(probe: _Probe, structure: Geometry) -> None:
    """Require that two atoms on one place are a failed calculation with a reason, not an exception."""
    positions = (structure.positions[0], *structure.positions[:-1])
    document = probe.relax(structure.model_copy(update={"positions": positions}))
    _require(isinstance(document, FailedCalculation) and bool(document.reason), f"ended as {document.status}")


CHECKS: tuple[Callable[[_Probe, Geometry], None], ...] = (
    check_identity,
    check_shapes,
    check_determinism,
    check_stress_is_optional,
    check_forces,
    check_stress,
    check_translation,
    check_rotation,
    check_permutation,
    check_extensivity,
    check_units,
    check_frozen_atoms,
    check_failure_is_data,
)


class _Probe:
    """Ask the engine's own calculators, without the care that relaxations take of order and images."""

    def __init__(self, engine: Engine, tolerance: Tolerance):
        self.engine, self.tolerance = engine, tolerance

    def __call__(self, structure: Geometry) -> tuple[float, np.ndarray, np.ndarray]:
        atoms = structure.to_ase()
        atoms.calc = self.engine.calculator(needs_stress=True)
        energy, forces = atoms.get_potential_energy(), atoms.get_forces(apply_constraint=False)
        return float(energy), np.array(forces), np.array(atoms.get_stress(voigt=False))

    def free_energy(self, structure: Geometry) -> float:
        """Return the energy that forces and stress belong to: of DFT, with the entropy of smeared occupations."""
        atoms = structure.to_ase()
        atoms.calc = self.engine.calculator(needs_stress=False)
        energy = float(atoms.get_potential_energy())
        return float(atoms.calc.results.get("free_energy", energy))

    def without_stress(self, structure: Geometry) -> tuple[float, np.ndarray]:
        atoms = structure.to_ase()
        atoms.calc = self.engine.calculator(needs_stress=False)
        return float(atoms.get_potential_energy()), np.array(atoms.get_forces(apply_constraint=False))

    def relax(self, structure: Geometry, **settings: str) -> CalculationDocument:
        request = CalculationRequest(
            geometry=structure, engine=self.engine.info, settings=CalculationSettings(**settings)
        )
        return run(request, self.engine)

    def same_energy(self, a: float, b: float, n_atoms: int) -> None:
        _require(abs(a - b) < self.tolerance.energy_ev_per_atom * n_atoms, f"energies {a:.6f} and {b:.6f} eV")

    def same_forces(self, a: np.ndarray, b: np.ndarray) -> None:
        difference = float(np.abs(a - b).max())
        _require(difference < self.tolerance.force_ev_per_a, f"forces differ by {difference:.2g} eV/Å")


def _energies(document: CalculationDocument) -> tuple[float, ...]:
    if isinstance(document, FailedCalculation):
        raise EngineContractError(f"relaxation failed: {document.reason}")
    return document.energies_ev


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise EngineContractError(message)


def _moved(structure: Geometry, step: np.ndarray) -> Geometry:
    return structure.with_positions(structure.position_array + step)


def _deformed(structure: Geometry, deformation: np.ndarray) -> Geometry:
    return structure.with_positions(structure.position_array @ deformation.T, structure.cell_array @ deformation.T)


def _reordered(structure: Geometry, order: np.ndarray) -> Geometry:
    fields = ("species", "positions", "frozen", "roles")
    return structure.model_copy(update={name: tuple(getattr(structure, name)[i] for i in order) for name in fields})


def _doubled(structure: Geometry) -> Geometry:
    cell = structure.cell_array
    positions = np.vstack([structure.position_array, structure.position_array + cell[0]])
    cell[0] *= 2
    twice = {name: getattr(structure, name) * 2 for name in ("species", "frozen", "roles", "positions")}
    return structure.model_copy(update=twice).with_positions(positions, cell)


def _rotation(axis: np.ndarray, angle: float) -> np.ndarray:
    """Return the rotation matrix about an axis (Rodrigues)."""
    x, y, z = axis / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
