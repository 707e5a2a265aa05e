"""From what VASP left to a calculation document.

Energies are VASP's ``energy(sigma->0)``: the total energy extrapolated to no smearing. They belong to the positions of
the same ionic step, and so do final geometry and forces; CONTCAR may already hold the step after.

A calculation is converged when all of this holds: the last electronic loop ended before ``NELM``, no free atom feels
more than ``fmax`` along the ways it may move, no stress that the cell may relax exceeds ``fmax / 100 Å²``
(:mod:`liface.engines.coordinates`), and neither custodian nor VASP has changed a tag or mesh that decides the number.
A single point whose electronic loop did not end has no energy at all: it has failed, as with any other engine.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from liface import __version__
from liface.documents.calculation import (
    CalculationDocument,
    CalculationRequest,
    ConvergedCalculation,
    UnconvergedCalculation,
)
from liface.documents.geometry import Geometry
from liface.engines.coordinates import STRESS_AREA_A2, Coordinates
from liface.engines.vasp.folder import CELL_TOLERANCE_A, FIXED_ROWS, Start, output_file
from liface.engines.vasp.inputs import Plan
from liface.engines.vasp.site import Pseudopotential
from liface.errors import CalculationError, NoEnergyError
from liface.units import EV_PER_A3_IN_GPA

if TYPE_CHECKING:
    from emmet.core.tasks import TaskDoc

KB_IN_EV_PER_A3 = 0.1 / EV_PER_A3_IN_GPA

PRINTED = 1.001
"""Room for the rounding of printed forces and stresses in a comparison with a limit."""

PLACE_A = 1e-3
"""How far from where it was asked for a single point may be, Å: more than vasprun.xml rounds, less than any step."""

PACKAGES = ("atomate2", "custodian", "emmet-core", "jobflow", "pymatgen-core")


@dataclass(frozen=True)
class Run:
    """What one or two runs of VASP gave, in the order of POSCAR.

    Attributes
    ----------
    cells, positions
        Lattice (Å) and Cartesian positions (Å) of each ionic step, atoms followed across the faces of the cell.
    energies
        ``energy(sigma->0)`` of each ionic step, eV.
    free_energy
        Of the last step, eV: with the entropy of the smearing, the energy that forces and stress belong to.
    forces
        Of the last step, eV/Å.
    stress
        Of the last step, eV/Å³, positive under tension; None where VASP gave none.
    electronic
        The last electronic loop ended before its limit.
    """

    cells: list[np.ndarray]
    positions: list[np.ndarray]
    energies: list[float]
    free_energy: float
    forces: np.ndarray
    stress: np.ndarray | None
    electronic: bool
    version: str


def read_run(task: TaskDoc, plan: Plan, start: Start) -> Run:
    """Take a run out of atomate2's task document.

    Raises
    ------
    CalculationError
        If VASP computed other atoms or, in a single point, other positions than it was given, or left no ionic step.
    """
    calculations: list[Any] = list(reversed(task.calcs_reversed or []))
    steps: list[Any] = [step for calculation in calculations for step in calculation.output.ionic_steps or []]
    if not steps:
        raise CalculationError("VASP ended before its first ionic step")
    cells, positions, frac = [], [], np.linalg.solve(start.cell.T, start.positions.T).T
    for step in steps:
        if tuple(site.specie.symbol for site in step.structure) != plan.geometry.species:
            raise CalculationError("VASP computed other atoms than it was given")
        change = np.array(step.structure.frac_coords) - frac
        frac = frac + change - np.rint(change)
        cells.append(np.array(step.structure.lattice.matrix))
        positions.append(frac @ cells[-1])
    if plan.incar["NSW"] == 0:
        _check_place(cells[-1], positions[-1], start)
    last, parameters = steps[-1], calculations[-1].input.parameters or {}
    return Run(
        cells=cells,
        positions=positions,
        energies=[_sigma_to_zero(step) for step in steps],
        free_energy=float(last.e_fr_energy),
        forces=np.array(last.forces, dtype=float),
        stress=None if last.stress is None else -KB_IN_EV_PER_A3 * np.array(last.stress, dtype=float),
        electronic=len(last.electronic_steps or []) < int(parameters.get("NELM", 60)),
        version=str(calculations[-1].vasp_version or "unknown"),
    )


def document(
    request: CalculationRequest, plan: Plan, run: Run, common: dict[str, Any], optimizer: str, ended: str = ""
) -> CalculationDocument:
    """Return the document of a run that went to its end; ``ended`` says why before it was converged, if it was so.

    Raises
    ------
    CalculationError
        If a part of the cell moved that should not, a number is not finite, or a single point is not self-consistent.
    """
    check_numbers(run)
    if plan.relaxer == "none" and not run.electronic:
        raise NoEnergyError(no_self_consistency(plan))
    check_cell(request, plan, run)
    coordinates = coordinates_of(request, plan)
    forces = np.empty_like(run.forces)
    forces[plan.order] = run.forces
    fields = {
        **common,
        "final": final_geometry(request, plan, coordinates, run),
        "energy_ev": run.energies[-1],
        "fmax_ev_per_a": coordinates.largest_force(run.forces),
        "forces_ev_per_a": tuple(map(tuple, forces.tolist())),
        "energies_ev": tuple(run.energies),
        "optimizer": optimizer,
    }
    reasons = shortfalls(request, plan, coordinates, run)
    if reasons:
        reasons = [ended, *reasons] if ended else reasons
        return UnconvergedCalculation(**fields, reason="; ".join(reasons))
    return ConvergedCalculation(**fields)


def coordinates_of(request: CalculationRequest, plan: Plan) -> Coordinates:
    """Return what may move in a request, in the order of POSCAR."""
    geometry, settings = plan.geometry, request.settings
    mode = settings.cell if settings.task == "relax" else "fixed"
    free = ~np.array(geometry.frozen, dtype=bool)
    return Coordinates(geometry.position_array, geometry.cell_array, free, mode, settings.move)


def shortfalls(request: CalculationRequest, plan: Plan, coordinates: Coordinates, run: Run) -> list[str]:
    """Say what of a run has not converged."""
    reasons = []
    if not run.electronic:
        reasons.append(no_self_consistency(plan))
    if request.settings.task == "static":
        return reasons
    limit = request.settings.fmax_ev_per_a
    force = coordinates.largest_force(run.forces)
    if force > limit * PRINTED:
        reasons.append(
            f"largest force {force:.3f} eV/Å, limit {limit:g}, after {len(run.energies)} ionic steps "
            f"(max_force_calls {request.settings.max_force_calls})"
        )
    if coordinates.mode != "fixed":
        stress = np.inf if run.stress is None else coordinates.relaxed_stress(run.stress)
        if stress > limit / STRESS_AREA_A2 * PRINTED:
            reasons.append(
                f"stress {stress * EV_PER_A3_IN_GPA:.3f} GPa, limit {limit / STRESS_AREA_A2 * EV_PER_A3_IN_GPA:.3f}"
            )
    return reasons


def no_self_consistency(plan: Plan) -> str:
    """Say that the electrons were not brought to rest."""
    return (
        f"the electronic loop of the last ionic step did not converge to {plan.incar['EDIFF']:g} eV "
        f"within NELM={plan.incar['NELM']} steps"
    )


def final_geometry(request: CalculationRequest, plan: Plan, coordinates: Coordinates, run: Run) -> Geometry:
    """Return the last geometry in the order and the periodic images of the request; what is frozen has not moved."""
    initial, order = request.geometry, plan.order
    if plan.relaxer == "none":
        return initial
    start = initial.position_array
    positions = np.empty_like(start)
    moved = run.positions[-1] - coordinates.start
    if coordinates.mode == "fixed":
        moved = np.where(coordinates.free[:, None], moved @ coordinates.allowed, 0.0)
        positions[order] = start[order] + moved
        return initial.with_positions(positions)
    cell = run.cells[-1].copy()
    if coordinates.mode == "c_axis":  # to the last bit: the height alone has changed
        cell = coordinates.cell.copy()
        cell[2] += (run.cells[-1] - coordinates.cell)[2] @ coordinates.height_dyad
    images = np.rint((start[order] - coordinates.start) @ np.linalg.inv(coordinates.cell))
    frac = np.linalg.solve(run.cells[-1].T, run.positions[-1].T).T
    positions[order] = (frac + images) @ cell
    return initial.with_positions(positions, cell)


def check_cell(request: CalculationRequest, plan: Plan, run: Run) -> None:
    """Refuse a run whose lattice changed where it should not."""
    mode = request.settings.cell if request.settings.task == "relax" else "fixed"
    change = run.cells[-1] - plan.geometry.cell_array
    if mode == "c_axis":
        normal = np.cross(*plan.geometry.cell_array[:2])
        normal /= np.linalg.norm(normal)
        change[2] -= (change[2] @ normal) * normal
        kept = np.ones(3, dtype=bool)
    else:
        kept = np.array(FIXED_ROWS[mode])
    largest = float(np.abs(change[kept]).max(initial=0.0))
    if largest <= CELL_TOLERANCE_A:
        return
    if mode == "c_axis":
        raise CalculationError(
            f"the in-plane cell moved by {largest:.3f} Å though LATTICE_CONSTRAINTS keeps it: VASP {run.version} takes "
            "that tag in molecular dynamics only; use VASP 6.5 or newer, or leave out relaxer=vasp"
        )
    raise CalculationError(f"the cell moved by {largest:.3f} Å though it was to stay")


def check_numbers(run: Run) -> None:
    """Refuse numbers that are not finite."""
    stress = np.zeros(1) if run.stress is None else run.stress
    for name, values in (("energy", run.energies), ("force", run.forces), ("stress", stress)):
        if not np.isfinite(np.asarray(values, dtype=float)).all():
            raise CalculationError(f"a {name} is not finite")


def check_level(folder: Path, plan: Plan) -> None:
    """Refuse a run that ended with other tags or another mesh than it was to have: custodian may have changed them.

    A tighter ``EDIFF`` is the same level.

    Raises
    ------
    CalculationError
        Naming the tags, what they were and what they became.
    """
    from pymatgen.io.vasp.inputs import Incar, Kpoints

    incar_file, kpoints_file = output_file(folder, "INCAR"), output_file(folder, "KPOINTS")
    if incar_file is None or kpoints_file is None:
        raise CalculationError("INCAR or KPOINTS is gone after the run")
    asked, ran = Incar.from_str(str(Incar(plan.incar))), Incar.from_file(incar_file)
    changed = [
        f"{tag} {asked[tag]} became {ran.get(tag, 'unset')}"
        for tag in sorted(plan.identity_tags)
        if not _same(asked[tag], ran.get(tag), at_most=tag == "EDIFF")
    ]
    kpoints = Kpoints.from_file(kpoints_file)
    mesh = tuple(int(n) for n in kpoints.kpts[0])
    if mesh != plan.mesh or not str(kpoints.style).lower().startswith("gamma"):
        changed.append(f"k-points Γ {plan.mesh} became {kpoints.style} {mesh}")
    if changed:
        raise CalculationError(f"custodian changed the level of theory to save the run: {', '.join(changed)}")


def check_electrons(task: TaskDoc, expected: float) -> None:
    """Refuse a run with another number of electrons than the pseudopotentials have."""
    calculations: list[Any] = task.calcs_reversed or []
    nelect = (calculations[0].output.outcar or {}).get("nelect")
    if nelect is not None and abs(float(nelect) - expected) > 1e-3:
        raise CalculationError(f"VASP ran with {nelect:g} electrons, the pseudopotentials have {expected:g}")


def versions(vasp: str, potentials: Sequence[Pseudopotential], order: str) -> dict[str, str]:
    """Return what ran: packages, VASP, the pseudopotentials with their hashes, and the magnetic start."""
    from liface.engines.registry import distribution_version

    return {
        "liface": __version__,
        "python": platform.python_version(),
        "numpy": distribution_version("numpy"),
        **{name: distribution_version(name) for name in PACKAGES},
        "vasp": vasp,
        **{f"POTCAR {p.symbol}": _potcar(p) for p in potentials},
        **({"magnetic start": order} if order != "none" else {}),
    }


def _potcar(p: Pseudopotential) -> str:
    text = f"{p.title}, sha256 {p.sha256}"
    return text if p.recognised else f"{text}, none of the releases that pymatgen knows"


def _check_place(cell: np.ndarray, positions: np.ndarray, start: Start) -> None:
    """Refuse a single point somewhere else: what custodian does to go on with a relaxation moves the atoms of this."""
    moved = max(float(np.abs(positions - start.positions).max()), float(np.abs(cell - start.cell).max()))
    if moved > PLACE_A:
        raise CalculationError(
            f"VASP computed positions {moved:.3f} Å from those of the single point it was given; custodian has "
            "replaced its POSCAR"
        )


def _sigma_to_zero(step: Any) -> float:
    """Return energy(sigma->0) of an ionic step, with pymatgen's correction of a known error of vasprun.xml."""
    if not step.electronic_steps:
        return float(step.e_0_energy)
    loop = step.electronic_steps[-1]
    return float(round(loop.e_0_energy - loop.e_fr_energy + step.e_fr_energy, 8))


def _same(asked: Any, ran: Any, at_most: bool = False) -> bool:
    if isinstance(asked, bool) or isinstance(ran, bool):
        return asked == ran
    if isinstance(asked, int | float) and isinstance(ran, int | float):
        return (at_most and 0 < ran <= asked) or bool(np.isclose(asked, ran, rtol=1e-6, atol=0))
    if isinstance(asked, list) and isinstance(ran, list):
        return len(asked) == len(ran) and all(_same(a, r) for a, r in zip(asked, ran, strict=True))
    return str(asked).lower() == str(ran).lower()
