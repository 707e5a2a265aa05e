"""GPAW as an ASE calculator that is set up anew for each structure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes

from liface.documents.calculation import CalculationRequest
from liface.documents.geometry import Geometry
from liface.engines.gpaw.frame import Frame, frame_of
from liface.engines.gpaw.options import GpawOptions
from liface.engines.gpaw.session import Session, SessionError
from liface.engines.kpoints import vacuum_directions
from liface.engines.moments import initial_moments
from liface.errors import CalculationError

LOG = "gpaw.txt"


class GpawCalculator(Calculator):
    """GPAW for one structure at a time.

    The mesh of k-points, the moments and the dipole layer are those of the structure it was prepared for and stay
    while it relaxes, so that all energies lie on one surface; wave functions are kept from step to step.

    ``energy`` is extrapolated to zero smearing, (E + F) / 2, as published energies are. Forces and stress are the
    derivatives of ``free_energy``, F, which is what an optimizer has to follow.
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012 (ASE's name and type)

    def __init__(self, xc: str, options: GpawOptions, needs_stress: bool):
        super().__init__()
        self.xc, self.options, self.needs_stress = xc, options, needs_stress
        self.session: Session | None = None
        self.frame: Frame | None = None
        self.prepared = False

    def prepare(self, request: CalculationRequest, folder: Path) -> None:
        """Set up GPAW for a structure; it writes ``gpaw.txt`` into the folder.

        Raises
        ------
        CalculationError
            If the structure cannot be computed as asked.
        """
        self.reset()
        folder.mkdir(parents=True, exist_ok=True)
        relaxes = request.settings.task == "relax" and request.settings.cell != "fixed"
        self._start(request.geometry.canonical(), relaxes, folder / LOG)
        self.prepared = True

    def release(self) -> None:
        """Give back the memory of the structure before."""
        self.reset()

    def reset(self) -> None:
        """Forget everything about the structure before."""
        super().reset()
        if self.session is not None:
            self.session.close()
        self.session, self.frame, self.prepared = None, None, False

    def calculate(self, atoms: Atoms | None = None, properties: Any = None, system_changes: Any = all_changes) -> None:
        """Compute energies, forces and, if the calculator was made for it, stress."""
        super().calculate(atoms, properties or ["energy"], system_changes)
        assert self.atoms is not None
        if self.session is None or (not self.prepared and {"cell", "numbers"} & set(system_changes)):
            self.reset_session()
            self._start(_geometry(self.atoms), self.needs_stress, None)
        assert self.session is not None and self.frame is not None
        stress = self.needs_stress and not self.frame.has_dipole_layer
        if "stress" in (properties or ()) and not stress:
            raise PropertyNotImplementedError("no stress: the calculator was made without, or has a dipole layer")
        positions, cell = self.frame.inward(self.atoms.positions, self.atoms.cell.array)
        try:
            result = self.session.point(positions.tolist(), cell.tolist(), stress)
        except SessionError as error:
            raise CalculationError(f"SCF did not converge in {self.options.maxiter} iterations") from error
        self.results = {"energy": result["energy"], "free_energy": result["free_energy"]}
        self.results["forces"] = self.frame.outward(np.array(result["forces"]))
        if stress:
            self.results["stress"] = np.array(result["stress"])

    def reset_session(self) -> None:
        """Forget the wave functions, not the atoms."""
        if self.session is not None:
            self.session.close()
        self.session = None

    def _start(self, geometry: Geometry, cell_relaxes: bool, log: Path | None) -> None:
        slab = sum(vacuum_directions(geometry)) == 1
        layer = slab and self.options.dipole == "auto"
        if layer and cell_relaxes:
            raise CalculationError(
                "the cell of a slab in vacuum cannot relax under a dipole layer; fix the cell, or write dipole=off"
            )
        moments = initial_moments(geometry) if self.options.spin != "off" else (0.0,) * geometry.n_atoms
        polarised = self.options.spin == "on" or any(moments)
        self.frame = frame_of(geometry, layer)
        mesh = self.options.mesh(geometry)
        parameters = self.options.parameters(self.xc, tuple(np.array(mesh)[list(self.frame.order)].tolist()))
        if layer:
            parameters["poissonsolver"] = {"dipolelayer": "xy"}
        if polarised:
            parameters["spinpol"] = True
        positions, cell = self.frame.inward(geometry.position_array, geometry.cell_array)
        start = {
            "numbers": geometry.to_ase().numbers.tolist(),
            "positions": positions.tolist(),
            "cell": cell.tolist(),
            "pbc": list(self.frame.pbc),
            "moments": list(moments) if polarised else None,
            "parameters": parameters,
            "txt": str(log) if log else None,
            "pulay": True,
        }
        self.session = Session(start)


def _geometry(atoms: Atoms) -> Geometry:
    n = len(atoms)
    return Geometry(
        cell=tuple(map(tuple, atoms.cell.array.tolist())),
        species=tuple(atoms.get_chemical_symbols()),
        positions=tuple(map(tuple, atoms.positions.tolist())),
        frozen=(False,) * n,
        roles=("bulk",) * n,
    )
