"""Barriers, phonons and vibrations once more, from the images of paths and the forces of displaced cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from liface.analysis.lattice_dynamics import LatticeDynamics
from liface.analysis.recompute.evidence import (
    ABSOLUTE,
    Check,
    Evidence,
    area,
    has,
    lacks,
    one_atom_moved,
    per_atom,
)
from liface.analysis.vibrations import atomic_masses
from liface.documents import BarrierResult, EnergyCalculation, Geometry, PhononResult, VibrationResult
from liface.errors import AnalysisError
from liface.units import BOLTZMANN_EV_PER_K, EV_PER_A2_U_IN_HZ2, PLANCK_EV_PER_THZ

EV = ABSOLUTE["eV"]
CURVATURE = 1e-5
THERMAL_EV = 1e-6
FREQUENCY_THZ = 2e-4
"""Frequencies are stored with six decimals; the root of a small curvature loses some."""
FREE_THZ = 0.05
"""Modes below are left out of the sums, as in the definition of the result."""
ROOM_K, WARM_K = 298.15, 333.15


def barrier(result: BarrierResult, evidence: Evidence) -> Iterator[list[Check]]:
    """Minima, profiles and curvatures; which hop limits the way through is taken as stored."""
    minima = [evidence.named(minimum.calc_id) for minimum in result.minima]
    lowest = min(each.energy_ev for each in minima)
    checks: list[Check] = []
    curvatures: dict[int, tuple[float, ...]] = {}
    for i, (stored, found) in enumerate(zip(result.minima, minima, strict=True)):
        checks.append(Check(f"minima.{i}.energy_ev", stored.energy_ev, found.energy_ev - lowest, EV))
        hessian = _hessian_of_last(found.final, evidence)
        if hessian is not None:
            curvatures[i] = tuple(map(float, np.linalg.eigvalsh(hessian)))
            checks += _numbers(f"minima.{i}.curvatures", stored.curvatures, curvatures[i], CURVATURE)
    for k, hop in enumerate(result.hops):
        path = evidence.named(hop.calc_id)
        energies = np.array([image.energy_ev for image in path.images])
        top = float(energies.max())
        checks += _numbers(f"hops.{k}.profile_ev", hop.profile_ev, energies - lowest, EV)
        checks += [
            Check(f"hops.{k}.forward_ev", hop.forward_ev, top - float(energies[0]), EV),
            Check(f"hops.{k}.reverse_ev", hop.reverse_ev, top - float(energies[-1]), EV),
            Check(f"hops.{k}.saddle_ev", hop.saddle_ev, top - lowest, EV),
            Check(f"hops.{k}.length_a", hop.length_a, float(np.hypot(*hop.direction))),
        ]
    limiting = result.hops[result.limiting_hop]
    path = evidence.named(limiting.calc_id)
    top = max(image.energy_ev for image in path.images)
    checks.append(Check("barrier_ev", result.barrier_ev, top - lowest, EV))
    checks.append(Check("hop_length_a", result.hop_length_a, limiting.length_a))
    checks.append(Check("area_a2", result.area_a2, area(path.final)))
    checks.append(Check("structure", result.structure == path.final, True))
    checks += _attempt(result, curvatures.get(0), _across(path, evidence))
    yield checks


def phonon(result: PhononResult, evidence: Evidence) -> Iterator[list[Check]]:
    """Force constants from the stored forces, and the sums over the mesh that is stored."""
    forces = [
        np.array(each.forces_ev_per_a) for each in evidence.singles(lambda each: each.final.n_atoms == result.n_atoms)
    ]
    dynamics = LatticeDynamics(
        result.structure, result.supercell, result.displacement_a, np.array(forces[: result.n_displacements])
    )
    modes = dynamics.modes(_mesh_length(result))
    checks = [Check("mesh", result.mesh, modes.mesh)]
    for i, point in enumerate(result.points):
        found = modes.thermal(point.temperature_k)
        checks += [
            Check(f"points.{i}.f_vib_ev_per_atom", point.f_vib_ev_per_atom, found.free_energy_ev, THERMAL_EV),
            Check(f"points.{i}.u_vib_ev_per_atom", point.u_vib_ev_per_atom, found.energy_ev, THERMAL_EV),
            Check(
                f"points.{i}.entropy_ev_per_k_per_atom", point.entropy_ev_per_k_per_atom, found.entropy_ev_per_k, 1e-9
            ),
            Check(
                f"points.{i}.heat_capacity_ev_per_k_per_atom",
                point.heat_capacity_ev_per_k_per_atom,
                found.heat_capacity_ev_per_k,
                1e-9,
            ),
        ]
    bulk = min(
        (abs(per_atom(each) - result.energy_ev_per_atom), per_atom(each))
        for each in evidence.all
        if each.settings.cell == "full"
    )[1]
    yield [
        *checks,
        Check("zpe_ev_per_atom", result.zpe_ev_per_atom, modes.thermal(0.0).free_energy_ev, THERMAL_EV),
        Check("f_vib_298_ev_per_atom", result.f_vib_298_ev_per_atom, modes.thermal(ROOM_K).free_energy_ev, THERMAL_EV),
        Check("f_vib_333_ev_per_atom", result.f_vib_333_ev_per_atom, modes.thermal(WARM_K).free_energy_ev, THERMAL_EV),
        Check("highest_thz", result.highest_thz, float(modes.frequencies_thz.max()), FREQUENCY_THZ),
        Check("lowest_thz", result.lowest_thz, modes.lowest_thz, FREQUENCY_THZ),
        Check("n_modes", result.n_modes, modes.n_modes),
        Check("energy_ev_per_atom", result.energy_ev_per_atom, bulk, EV),
    ]


def vibration(result: VibrationResult, evidence: Evidence) -> Iterator[list[Check]]:
    """Frequencies and free energies of the Li that moves, from the forces of its displaced cells.

    Those of bulk Li that they are held against, and the energy without vibrations, are taken as stored.
    """
    role = "film" if result.arrangement == "film" else "adsorbate"
    moved = [i for i, name in enumerate(result.structure.roles) if name == role]
    cell, n = _repeated(result.structure, result.multiples), result.structure.n_atoms
    copies = result.multiples[0] * result.multiples[1]
    every = [copy * n + i for copy in range(copies) for i in moved]
    rows = _rows_of(cell, moved, every, evidence, result.displacement_a)
    frequencies = _frequencies(rows, result.multiples, result.structure, moved)
    kept = frequencies[frequencies >= FREE_THZ]
    checks = _numbers("frequencies_thz", result.frequencies_thz, frequencies, FREQUENCY_THZ)
    checks.append(Check("zpe_ev_per_li", result.zpe_ev_per_li, _free(kept, 0.0, len(every)), THERMAL_EV))
    for i, point in enumerate(result.points):
        expected = _free(kept, point.temperature_k, len(every))
        checks.append(Check(f"points.{i}.f_vib_ev_per_li", point.f_vib_ev_per_li, expected, THERMAL_EV))
        against = expected - point.f_vib_bulk_ev_per_li
        checks.append(Check(f"points.{i}.correction_ev_per_li", point.correction_ev_per_li, against, THERMAL_EV))
        for name, t in (("0", 0.0), ("298", ROOM_K), ("333", WARM_K)):
            if point.temperature_k == t:
                field = f"correction_{name}_ev_per_li"
                checks.append(Check(field, getattr(result, field), against, THERMAL_EV))
    if result.e_bind_ev_per_li is not None:
        checks.append(Check("e_bind_ev_per_li", result.e_bind_ev_per_li, _lowest_binding(result, evidence), EV))
    yield checks


def _lowest_binding(result: VibrationResult, evidence: Evidence) -> float:
    slabs = evidence.relaxed(lacks("adsorbate"), has("substrate"))
    starts = evidence.relaxed(has("adsorbate"))
    (mu,) = evidence.bulks((("Li", 1),))[:1]
    if not slabs or not starts:
        raise AnalysisError("its adsorbed cells or clean slabs are not among its calculations")
    lowest, slab = (min(each.energy_ev for each in group) for group in (starts, slabs))
    return (lowest - slab - result.n_li * per_atom(mu)) / result.n_li


def _mesh_length(result: PhononResult) -> float:
    """Return a length that gives the stored mesh: its numbers are the length times the reciprocal vectors."""
    from phonopy.structure.atoms import PhonopyAtoms
    from phonopy.structure.cells import get_primitive, guess_primitive_matrix

    atoms = PhonopyAtoms(
        symbols=list(result.structure.species),
        cell=result.structure.cell_array,
        positions=result.structure.position_array,
    )
    primitive = get_primitive(atoms, guess_primitive_matrix(atoms, symprec=1e-3))
    reciprocal = np.linalg.norm(np.linalg.inv(primitive.cell), axis=0)
    return float(np.min(np.array(result.mesh) / reciprocal)) + 1e-6


def _attempt(
    result: BarrierResult, minimum: tuple[float, ...] | None, across: tuple[float, ...] | None
) -> Iterator[Check]:
    """ν = Π ν(minimum) / Π ν(across), where both are known and positive."""
    stored = result.hops[result.limiting_hop].curvatures
    if across is not None and stored is not None:
        yield from _numbers("curvatures of the limiting hop", stored, across, CURVATURE)
    if minimum is None or result.attempt_hz is None or across is None:
        return
    squares = np.prod(minimum) / np.prod(across)
    mass = float(atomic_masses(("Li",))[0])
    expected = float(np.sqrt(squares * EV_PER_A2_U_IN_HZ2 / mass) / (2 * np.pi))
    yield Check("attempt_hz", result.attempt_hz, expected, 1e-5 * expected)


def _across(path: EnergyCalculation, evidence: Evidence) -> tuple[float, ...] | None:
    """Curvatures of the last atom at the top of a path, across it; None where it has no top or no displaced cells."""
    hessian = _hessian_of_last(path.final, evidence)
    top = int(np.argmax([image.energy_ev for image in path.images]))
    if hessian is None or top in (0, len(path.images) - 1):
        return None
    along = np.subtract(path.images[top + 1].positions[-1], path.images[top - 1].positions[-1])
    along = along / np.linalg.norm(along)
    outside = np.eye(3) - np.outer(along, along)
    values, vectors = np.linalg.eigh(outside)
    plane = vectors[:, values > 0.5]
    return tuple(map(float, np.linalg.eigvalsh(plane.T @ hessian @ plane)))


def _hessian_of_last(cell: Geometry, evidence: Evidence) -> np.ndarray | None:
    """Second derivatives of the last atom from single points with it displaced both ways along x, y and z."""
    forces: dict[tuple[int, int], tuple[float, np.ndarray]] = {}
    for single in evidence.singles():
        moved = one_atom_moved(cell, single.initial)
        if moved is None or moved[0] != cell.n_atoms - 1:
            continue
        axis = int(np.abs(moved[1]).argmax())
        step = float(moved[1][axis])
        forces[axis, int(np.sign(step))] = abs(step), np.array(single.forces_ev_per_a[-1])
    if len(forces) < 6:
        return None
    rows = [(forces[i, -1][1] - forces[i, 1][1]) / (forces[i, 1][0] + forces[i, -1][0]) for i in range(3)]
    return (np.array(rows) + np.array(rows).T) / 2


def _rows_of(
    cell: Geometry, moved: Sequence[int], every: Sequence[int], evidence: Evidence, displacement_a: float
) -> np.ndarray:
    """Second derivatives between the atoms of the first copy and those of all, shape (3 n, 3 n copies)."""
    forces: dict[tuple[int, int, int], np.ndarray] = {}
    for single in evidence.singles(lambda each: each.initial.n_atoms == cell.n_atoms):
        found = one_atom_moved(cell, single.initial)
        if found is not None and found[0] in moved:
            axis = int(np.abs(found[1]).argmax())
            forces[found[0], axis, int(np.sign(found[1][axis]))] = np.array(single.forces_ev_per_a)[list(every)].ravel()
    missing = [(i, k) for i in moved for k in range(3) for sign in (1, -1) if (i, k, sign) not in forces]
    if missing:
        raise AnalysisError(f"{len(missing)} displaced cells are not among its calculations")
    return np.array([(forces[i, k, -1] - forces[i, k, 1]) / (2 * displacement_a) for i in moved for k in range(3)])


def _frequencies(rows: np.ndarray, multiples: tuple[int, int], cell: Geometry, moved: Sequence[int]) -> np.ndarray:
    """Frequencies in THz, ascending: by Bloch's theorem, one small matrix for every wave vector that fits."""
    first, second = multiples
    n = len(rows)
    blocks = rows.reshape(n, first, second, n)  # between the first copy and copy (i, j)
    blocks = np.array([[_symmetric(blocks, i, j) for j in range(second)] for i in range(first)])
    root = np.repeat(np.sqrt(atomic_masses(tuple(cell.species[i] for i in moved))), 3)
    squares: list[float] = []
    for a in range(first):
        for b in range(second):
            phases = np.exp(2j * np.pi * (a * np.arange(first)[:, None] / first + b * np.arange(second)[None] / second))
            dynamical = np.einsum("ij,ijkl->kl", phases, blocks) / np.outer(root, root)
            squares += list(np.linalg.eigvalsh(dynamical))
    found = np.sort(np.array(squares))
    return np.sign(found) * np.sqrt(np.abs(found) * EV_PER_A2_U_IN_HZ2) / (2 * np.pi) * 1e-12


def _symmetric(blocks: np.ndarray, i: int, j: int) -> np.ndarray:
    """Return the block of copy (i, j), averaged with the transposed one of the copy on the other side."""
    return (blocks[:, i, j] + blocks[:, -i, -j].T) / 2


def _free(frequencies_thz: np.ndarray, temperature_k: float, n: int) -> float:
    """Σ h f / 2 + kT ln(1 - exp(-h f / kT)), eV per atom."""
    quanta = PLANCK_EV_PER_THZ * frequencies_thz
    total = quanta.sum() / 2
    if temperature_k > 0:
        kt = BOLTZMANN_EV_PER_K * temperature_k
        total += kt * np.log(1 - np.exp(-quanta / kt)).sum()
    return float(total) / n


def _repeated(cell: Geometry, multiples: tuple[int, int]) -> Geometry:
    a, b, c = cell.cell_array
    shifts = [i * a + j * b for i in range(multiples[0]) for j in range(multiples[1])]
    positions = np.concatenate([cell.position_array + shift for shift in shifts])
    copies = len(shifts)
    return Geometry(
        cell=tuple(tuple(float(x) for x in row) for row in (multiples[0] * a, multiples[1] * b, c)),
        species=cell.species * copies,
        positions=tuple((float(x), float(y), float(z)) for x, y, z in positions),
        frozen=cell.frozen * copies,
        roles=cell.roles * copies,
    )


def _numbers(
    name: str, stored: Sequence[float], expected: Sequence[float] | np.ndarray, absolute: float
) -> list[Check]:
    if len(stored) != len(expected):
        return [Check(f"{name} (number)", len(stored), len(expected))]
    return [Check(f"{name}.{i}", a, float(b), absolute) for i, (a, b) in enumerate(zip(stored, expected, strict=True))]
