"""One structure in GPAW, from plain numbers to plain numbers.

This file imports nothing of liface: it runs within the process of a worker and, loaded by ``client.py``, on any
Python that has GPAW and ASE.
"""

from __future__ import annotations

import contextlib
import gc
import inspect
import io
import re
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from ase import Atoms

PULAY_STEP = 0.05
"""Relative step of the cutoff in the derivative that corrects the stress."""

UNEQUAL_LENGTHS = 0.05
"""Lattice vectors that differ by more, relative to the longest, need grids of different sizes."""


class SessionError(Exception):
    """GPAW gave no energy; ``kind`` is ``scf``, ``dataset``, or ``crash`` for everything else."""

    def __init__(self, kind: str, message: str):
        super().__init__(message)
        self.kind = kind


class Session:
    """GPAW on one structure; its wave functions are kept from point to point.

    ``start`` holds atomic numbers, cell and positions (Å), pbc, moments (μB or None), the GPAW parameters and the
    path of the log (or None).
    """

    def __init__(self, start: dict[str, Any], comm: Any = None):
        self.start, self.comm = start, comm
        self.ecut = float(start["parameters"]["mode"]["ecut"])
        self.atoms = Atoms(numbers=start["numbers"], positions=start["positions"], cell=start["cell"], pbc=start["pbc"])
        if start["moments"] is not None:
            self.atoms.set_initial_magnetic_moments(start["moments"])
        self.slope_by_cutoff: float | None = None
        with _quiet(), _told():
            self.gpaw = self._gpaw(start["parameters"], start["txt"])

    def point(self, positions: list, cell: list, stress: bool) -> dict[str, Any]:
        """Return energies (eV), forces (eV/Å) and, if asked for, stress (eV/Å³, Voigt).

        ``energy`` is extrapolated to zero smearing; ``free_energy`` is the one whose derivatives forces and stress
        are. ``pulay`` is the part of the stress that corrects for the basis set.

        Raises
        ------
        SessionError
            If there is no energy.
        """
        with _quiet(), _told():
            self.atoms.set_cell(cell)
            self.atoms.set_positions(positions)
            result: dict[str, Any] = self._energies(self.atoms, self.gpaw)
            result["forces"] = np.array(self.gpaw.get_forces(self.atoms)).tolist()
            if stress:
                result["pulay"] = self._pulay_stress()
                voigt = np.array(self.gpaw.get_stress(self.atoms))
                voigt[:3] += result["pulay"]
                result["stress"] = voigt.tolist()
        return result

    def close(self) -> None:
        """Forget the wave functions and close the log."""
        with _quiet():
            self.gpaw = None
            gc.collect()  # the parts of GPAW refer to each other

    def _pulay_stress(self) -> float:
        """Return the isotropic stress that makes the stress at a fixed set of waves one at a fixed cutoff, eV/Å³.

        GPAW differentiates at a fixed set of plane waves, but its energies are those of a fixed cutoff:
        σ(cutoff) = σ(waves) + (2 E_cut / 3 V) dE/dE_cut. The slope is taken once for a structure, by a central
        difference over ±5 % of the cutoff, as it hardly changes with strain. DOI 10.1088/0953-8984/2/19/018.
        """
        if self.slope_by_cutoff is None:
            energies = []
            for factor in (1 + PULAY_STEP, 1 - PULAY_STEP):
                mode = dict(self.start["parameters"]["mode"], ecut=factor * self.ecut)
                other = self._gpaw(dict(self.start["parameters"], mode=mode), None)
                energies.append(self._energies(self.atoms.copy(), other)["free_energy"])
            self.slope_by_cutoff = (energies[0] - energies[1]) / (2 * PULAY_STEP * self.ecut)
        return 2 / 3 * self.ecut * self.slope_by_cutoff / float(self.atoms.get_volume())

    def _energies(self, atoms: Atoms, gpaw: Any) -> dict[str, Any]:
        return {
            "energy": float(gpaw.get_potential_energy(atoms)),
            "free_energy": float(gpaw.get_potential_energy(atoms, force_consistent=True)),
        }

    def _gpaw(self, parameters: dict[str, Any], txt: str | None) -> Any:
        from gpaw import GPAW

        parameters = dict(parameters, symmetry=_symmetry_for_even_grids(self.atoms))
        if self.comm is not None:
            parameters = dict(parameters, communicator=self.comm)
        return GPAW(txt=txt, **parameters)


def _symmetry_for_even_grids(atoms: Atoms) -> dict[str, Any]:
    """Return the symmetry to use, without operations that mix lattice vectors of different lengths.

    GPAW gives vectors that an operation mixes the same number of grid points: in a tall cell with a tilted third
    vector, such as a sandwich with inversion, that makes the grid 25 times larger. The others form a subgroup.
    """
    try:
        from gpaw.new.symmetry import create_symmetries_object
    except ImportError:
        return {}
    if "extra_ids" not in inspect.signature(create_symmetries_object).parameters:
        return {}  # an older GPAW on the Python of a subprocess: slower in such cells, and equal
    found = create_symmetries_object(atoms, extra_ids=[round(1000 * m) for m in atoms.get_initial_magnetic_moments()])
    lengths = np.linalg.norm(atoms.cell.array, axis=1)
    mixed = np.abs(np.subtract.outer(lengths, lengths)) > UNEQUAL_LENGTHS * lengths.max()
    kept = [i for i, rotation in enumerate(found.rotation_scc) if not rotation[mixed].any()]
    if len(kept) == len(found.rotation_scc):
        return {}
    return {
        "rotations": np.array(found.rotation_scc)[kept],
        "translations": np.array(found.translation_sc)[kept],
        "atommaps": np.array(found.atommap_sa)[kept],
    }


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep GPAW's greetings and warnings off stdout, which belongs to tables and JSON."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Say of what kind a failure is, with its cause; GPAW and the libraries below it may raise anything."""
    try:
        yield
    except Exception as error:
        from gpaw import KohnShamConvergenceError

        if isinstance(error, KohnShamConvergenceError):
            raise SessionError("scf", "the density of GPAW did not converge") from error
        missing = re.search(r'PAW dataset file "([^"]+)"', str(error))
        if missing:
            raise SessionError("dataset", missing.group(1)) from error
        raise SessionError("crash", f"{type(error).__name__}: {error}".strip()) from error
