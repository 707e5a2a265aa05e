"""One structure in GPAW, from plain numbers to plain numbers.

This file imports nothing of liface and runs on any Python that has GPAW and ASE: within the process of a worker, or
as the program behind ``LIFACE_GPAW_COMMAND``, on one or many MPI ranks.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from ase import Atoms

PULAY_STEP = 0.05
"""Relative step of the cutoff in the derivative that corrects the stress."""


class SessionError(Exception):
    """GPAW gave no energy; ``kind`` is ``scf``, ``setups`` or ``crash``."""

    def __init__(self, kind: str, message: str):
        super().__init__(message)
        self.kind, self.message = kind, message


class Session:
    """GPAW on one structure; its wave functions are kept from point to point.

    ``start`` holds numbers, cell and positions (Å), pbc, moments (μB or None), the GPAW parameters, the path of the
    log and whether the basis-set error of the stress is corrected.
    """

    def __init__(self, start: dict[str, Any], comm: Any = None):
        self.start, self.comm = start, comm
        self.atoms = Atoms(numbers=start["numbers"], positions=start["positions"], cell=start["cell"], pbc=start["pbc"])
        if start["moments"] is not None:
            self.atoms.set_initial_magnetic_moments(start["moments"])
        self.dedecut: float | None = None
        with quiet():
            self.calculator = self._gpaw(start["parameters"], start["txt"])

    def point(self, positions: list, cell: list, stress: bool) -> dict[str, Any]:
        """Return energy (to zero smearing) and free energy (eV), forces (eV/Å) and stress (eV/Å³, Voigt, or None)."""
        with quiet(), _told():
            self.atoms.set_cell(cell)
            self.atoms.set_positions(positions)
            result = self._evaluate(self.atoms, self.calculator)
            result["forces"] = np.array(self.calculator.get_forces(self.atoms)).tolist()
            result["stress"] = self._stress() if stress else None
        return result

    def close(self) -> None:
        """Forget the wave functions and close the log."""
        with quiet():
            self.calculator = None

    def _stress(self) -> list[float]:
        # GPAW differentiates at a fixed set of plane waves, energies are those of a fixed cutoff: without the
        # difference, E(V) and stress have their zeros at volumes apart by some per cent.
        stress = np.array(self.calculator.get_stress(self.atoms))
        if self.start["pulay"]:
            if self.dedecut is None:
                self.dedecut = self._derivative_by_cutoff()
            ecut = self.start["parameters"]["mode"]["ecut"]
            stress[:3] += 2 / 3 * ecut * self.dedecut / self.atoms.get_volume()
        return stress.tolist()

    def _derivative_by_cutoff(self) -> float:
        """Return dE/d(cutoff), by central difference; once for a structure, as it hardly depends on strain."""
        ecut = self.start["parameters"]["mode"]["ecut"]
        energies = []
        for factor in (1 + PULAY_STEP, 1 - PULAY_STEP):
            mode = dict(self.start["parameters"]["mode"], ecut=factor * ecut)
            parameters = dict(self.start["parameters"], mode=mode)
            atoms = self.atoms.copy()
            energies.append(self._evaluate(atoms, self._gpaw(parameters, None))["free_energy"])
        return (energies[0] - energies[1]) / (2 * PULAY_STEP * ecut)

    def _evaluate(self, atoms: Atoms, calculator: Any) -> dict[str, Any]:
        return {
            "energy": float(calculator.get_potential_energy(atoms)),
            "free_energy": float(calculator.get_potential_energy(atoms, force_consistent=True)),
        }

    def _gpaw(self, parameters: dict[str, Any], txt: str | None) -> Any:
        from gpaw import GPAW

        if self.comm is not None:
            parameters = dict(parameters, communicator=self.comm)
        return GPAW(txt=txt, **parameters)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep GPAW's greetings and warnings off stdout, which belongs to tables and JSON."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Say of what kind a failure is."""
    from gpaw import KohnShamConvergenceError

    try:
        yield
    except KohnShamConvergenceError as error:
        raise SessionError("scf", str(error)) from error
