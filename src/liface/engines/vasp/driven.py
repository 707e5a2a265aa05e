"""Relaxation by liface's optimizer, with VASP for single points.

For what VASP cannot do by itself: atoms that move along the normal of a cell with a tilted third vector, which is how
a sandwich of two slabs has equal interfaces, or the height of a cell in any orientation and with any version of VASP.
Each step is a static calculation of atomate2 that starts from the wave functions of the step before. Where the cell
changes, ``ISTART = 2`` keeps the basis set of the first step, so that energies and stresses belong together; the
relaxation is then repeated from its end with the basis set of that cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from liface.engines.coordinates import Coordinates
from liface.engines.optimizer import Minimum, minimise
from liface.engines.potential import PotentialSurface
from liface.engines.vasp import outcome
from liface.engines.vasp.folder import Start, bank
from liface.engines.vasp.inputs import Plan
from liface.errors import CalculationError, NoEnergyError

if TYPE_CHECKING:
    from ase import Atoms

    from liface.documents.calculation import CalculationDocument
    from liface.engines.vasp.run import Calculation


class SinglePoints(Calculator):
    """ASE calculator whose every step is one run of VASP in the folder of the calculation."""

    implemented_properties = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012

    def __init__(self, calculation: Calculation, planned: Plan, start: Start):
        super().__init__()
        self.calculation, self.planned, self.start = calculation, planned, start
        self.runs: list[outcome.Run] = []
        self.trouble: Exception | None = None

    def calculate(self, atoms: Atoms | None = None, properties: Any = None, system_changes: Any = all_changes) -> None:
        """Run VASP: energy (eV, sigma→0), the free energy that forces (eV/Å) and stress (eV/Å³) are derivatives of."""
        super().calculate(atoms, properties, system_changes)
        system: Any = self.atoms
        try:
            run = self._run(replace(self.start, positions=system.get_positions(), cell=system.cell.array.copy()))
        except (OSError, MemoryError) as error:
            self.trouble = error  # of the machine: the surface would blame the structure
            raise
        self.runs.append(run)
        self.results = {"energy": run.energies[-1], "free_energy": run.free_energy, "forces": run.forces}
        if run.stress is not None:
            self.results["stress"] = full_3x3_to_voigt_6_stress(run.stress)

    def _run(self, where: Start) -> outcome.Run:
        calculation = self.calculation
        planned = replace(self.planned, incar={**self.planned.incar, "ISTART": self._istart()})
        # Of the point before: custodian would take it for progress of this one.
        (calculation.folder / "CONTCAR").unlink(missing_ok=True)
        task = calculation.run_task(planned, where)
        run = outcome.read_run(task, planned, where)
        calculation.check(task, run, planned)
        calculation.spent = bank(calculation.folder, calculation.request.calc_id, calculation.spent)
        if not run.electronic:
            raise NoEnergyError(outcome.no_self_consistency(planned))
        return run

    def _istart(self) -> int:
        """Return how to start: anew, from wave functions, or from wave functions with their basis set."""
        waves = self.calculation.folder / "WAVECAR"
        if not waves.is_file() or waves.stat().st_size == 0:
            return 0
        return 1 if self.calculation.request.settings.cell == "fixed" else 2


def relax(calculation: Calculation, planned: Plan, start: Start) -> CalculationDocument:
    """Relax a planned request from a start.

    Raises
    ------
    CalculationError
        If VASP gives up on a step, or the structure explodes. A step without an energy ends the relaxation at the best
        point before; as the first, it is an error.
    EngineSetupError, OSError, RunStoppedError
        If the machine is in trouble, or the time is up.
    """
    calculator = SinglePoints(calculation, planned, start)
    waves = calculation.folder / "WAVECAR"
    with _unzipped(calculation):
        try:
            minimum, here = _minimise(calculation, planned, start, calculator)
            if calculation.request.settings.cell != "fixed" and minimum.converged:
                waves.unlink(missing_ok=True)
                calculator.reset()  # the same atoms again, with another basis
                first = minimum
                minimum, here = _minimise(calculation, planned, here, calculator)
                minimum.energies[:0] = first.energies
        except CalculationError as error:
            if calculator.trouble is not None:
                raise calculator.trouble from error
            raise
        waves.unlink(missing_ok=True)  # of no use to anyone now, and large
    run = _as_run(minimum, here, calculator)
    name = f"liface {minimum.optimizer}, VASP single points"
    return outcome.document(calculation.request, planned, run, calculation.common(), name, minimum.reason)


def _minimise(calculation: Calculation, planned: Plan, start: Start, calculator: SinglePoints) -> tuple[Minimum, Start]:
    """Relax from a start; return the minimum and where it is."""
    settings = calculation.request.settings
    free = ~np.array(planned.geometry.frozen, dtype=bool)
    coordinates = Coordinates(start.positions, start.cell, free, settings.cell, settings.move)
    atoms = planned.geometry.with_positions(start.positions, start.cell).to_ase()
    calls = max(1, settings.max_force_calls - calculation.spent)
    minimum = minimise(PotentialSurface(atoms, calculator, coordinates), settings.fmax_ev_per_a, calls)
    positions, cell = coordinates.expand(minimum.point.x)
    return minimum, replace(start, positions=positions, cell=cell)


def _as_run(minimum: Minimum, here: Start, calculator: SinglePoints) -> outcome.Run:
    """Return the best point as a run; of its single points, the one with its energy says whether it is converged."""
    run = next(run for run in reversed(calculator.runs) if run.energies[-1] == minimum.point.energy)
    return replace(run, cells=[here.cell], positions=[here.positions], energies=list(minimum.energies))


@contextmanager
def _unzipped(calculation: Calculation) -> Iterator[None]:
    """Keep atomate2 from zipping the wave functions after every step; at the end everything is zipped as ever."""
    from atomate2 import SETTINGS
    from atomate2.common.files import gzip_output_folder
    from atomate2.vasp.jobs.base import _FILES_TO_ZIP

    setting = SETTINGS.VASP_ZIP_FILES
    SETTINGS.VASP_ZIP_FILES = False
    try:
        yield
    finally:
        SETTINGS.VASP_ZIP_FILES = setting
    gzip_output_folder(directory=calculation.folder, setting=setting, files_list=_FILES_TO_ZIP)
