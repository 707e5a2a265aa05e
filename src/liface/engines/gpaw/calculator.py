"""GPAW as an ASE calculator that is set up anew for each structure."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes

from liface.documents.calculation import CalculationRequest
from liface.documents.geometry import Geometry
from liface.engines.allocation import is_ending
from liface.engines.gpaw.command import command_from_environment
from liface.engines.gpaw.frame import Frame, frame_of
from liface.engines.gpaw.options import GpawOptions
from liface.engines.gpaw.remote import RemoteSession
from liface.engines.gpaw.session import Session, SessionError
from liface.engines.kpoints import vacuum_directions
from liface.engines.moments import initial_moments
from liface.engines.path import set_up_geometry
from liface.errors import CalculationError, InputError, NoEnergyError, RunStoppedError
from liface.units import EV_PER_A3_IN_GPA

LOG = "gpaw.txt"

LARGEST_PULAY_GPA = 10.0
"""Beyond this the cutoff is too low for any lattice constant: the correction itself is only good to some per cent."""

START_MOMENT = 1.0
"""μB of the atoms of elements that are not magnetic as crystals, where spin is asked for."""


class GpawCalculator(Calculator):
    """GPAW for one structure at a time.

    The mesh of k-points, the moments and the dipole layer are those of the structure it was prepared for and stay
    while it relaxes, so that all energies lie on one surface; wave functions are kept from step to step.

    ``energy`` is extrapolated to zero smearing, (E + F) / 2, as published energies are. Forces and stress are the
    derivatives of ``free_energy``, F, which is what an optimizer has to follow.
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012 (ASE's name and type)

    def __init__(self, xc: str, options: GpawOptions):
        super().__init__()
        self.xc, self.options = xc, options
        self.session: Session | RemoteSession | None = None
        self.versions: dict[str, str] = {}
        self.frame: Frame | None = None
        self.prepared = False

    def prepare(self, request: CalculationRequest, folder: Path) -> None:
        """Set up GPAW for a structure; it writes ``gpaw.txt`` into the folder.

        Raises
        ------
        CalculationError
            If the structure cannot be computed as asked.
        UnknownEngineError
            If ``LIFACE_GPAW_COMMAND`` names no GPAW.
        RunStoppedError
            If GPAW does not start as the allocation ends.
        """
        self.reset()
        folder.mkdir(parents=True, exist_ok=True)
        relaxes = request.settings.task == "relax" and request.settings.cell != "fixed"
        self._start(set_up_geometry(request), relaxes, folder)
        self.prepared = True

    def release(self) -> None:
        """Give back memory and processes of the structure before."""
        self.reset()

    def reset(self) -> None:
        """Forget everything about the structure before."""
        super().reset()
        self._close()
        self.prepared = False

    def calculate(self, atoms: Atoms | None = None, properties: Any = None, system_changes: Any = all_changes) -> None:
        """Compute energies and forces, and the stress where it is asked for: that costs two more calculations."""
        properties = properties or ["energy"]
        super().calculate(atoms, properties, system_changes)
        assert self.atoms is not None
        if self.session is None or (not self.prepared and {"cell", "numbers"} & set(system_changes)):
            self._close()
            self._start(_geometry(self.atoms), False, None)
        assert self.session is not None and self.frame is not None
        stress = "stress" in properties
        if stress and self.frame.has_dipole_layer:
            raise PropertyNotImplementedError("a slab under a dipole layer has no stress; write dipole=off")
        positions, cell = self.frame.inward(self.atoms.positions, self.atoms.cell.array)
        with self._told():
            result = self.session.point(positions.tolist(), cell.tolist(), stress)
        self.results = {name: result[name] for name in ("energy", "free_energy")}
        self.results["forces"] = self.frame.outward(np.array(result["forces"]))
        if stress:
            self._check_cutoff(result["pulay"])
            self.results["stress"] = np.array(result["stress"])

    def _start(self, geometry: Geometry, cell_relaxes: bool, folder: Path | None) -> None:
        layer = sum(vacuum_directions(geometry)) == 1 and self.options.dipole == "auto"
        if layer and cell_relaxes:
            raise CalculationError(
                "the cell of a slab in vacuum cannot relax under a dipole layer; fix the cell, or write dipole=off"
            )
        self.versions = {}
        self.frame = frame_of(geometry, layer)
        start = self._start_values(geometry, self.frame, folder)
        command = command_from_environment()
        with self._told():
            if not command:
                self.session = Session(start)
                return
            self.session = remote = RemoteSession(start, command, folder)
            self.versions = remote.versions

    def _start_values(self, geometry: Geometry, frame: Frame, folder: Path | None) -> dict[str, Any]:
        """Return what a session starts from, JSON-able."""
        try:
            mesh = self.options.mesh(geometry)
        except InputError as error:
            raise CalculationError(str(error)) from error
        parameters = self.options.parameters(self.xc, [mesh[i] for i in frame.order])
        if frame.has_dipole_layer:
            parameters["poissonsolver"] = {"dipolelayer": "xy"}
        moments = self._moments(geometry)
        if moments is not None:
            parameters["spinpol"] = True
        positions, cell = frame.inward(geometry.position_array, geometry.cell_array)
        return {
            "numbers": geometry.to_ase().numbers.tolist(),
            "positions": positions.tolist(),
            "cell": cell.tolist(),
            "pbc": list(frame.pbc),
            "moments": moments,
            "parameters": parameters,
            "txt": str(folder / LOG) if folder else None,
        }

    def _moments(self, geometry: Geometry) -> list[float] | None:
        """Return the moments to start from, μB, None where spin is left out."""
        if self.options.spin == "off":
            return None
        moments = list(initial_moments(geometry))
        if self.options.spin == "on":
            return [moment or START_MOMENT for moment in moments]
        return moments if any(moments) else None

    def _check_cutoff(self, pulay: float) -> None:
        pressure = abs(pulay) * EV_PER_A3_IN_GPA
        if pressure > LARGEST_PULAY_GPA:
            raise CalculationError(
                f"a cutoff of {self.options.ecut:g} eV is too low to relax this cell: the basis set alone strains it "
                f"by {pressure:.0f} GPa, more than {LARGEST_PULAY_GPA:g}; raise ecut (O and F need about 600 eV)"
            )

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what a session reports into the errors of an engine; what ends with the allocation is none of them."""
        try:
            yield
        except SessionError as error:
            if error.kind == "scf":
                raise NoEnergyError(
                    f"SCF did not converge in {self.options.maxiter} iterations; see {LOG}, raise maxiter or smearing"
                ) from error
            if error.kind == "dataset":
                raise CalculationError(
                    f"no PAW dataset {error}; put the file into a folder that GPAW_SETUP_PATH names, "
                    "or compute with another engine"
                ) from error
            if is_ending():
                raise RunStoppedError(
                    f"GPAW ended as the time of the Slurm job ran out ({error}); the next run starts the structure over"
                ) from error
            raise NoEnergyError(str(error)) from error

    def _close(self) -> None:
        if self.session is not None:
            self.session.close()
        self.session = self.frame = None


def _geometry(atoms: Atoms) -> Geometry:
    n = len(atoms)
    return Geometry(
        cell=tuple(map(tuple, atoms.cell.array.tolist())),
        species=tuple(atoms.get_chemical_symbols()),
        positions=tuple(map(tuple, atoms.positions.tolist())),
        frozen=(False,) * n,
        roles=("bulk",) * n,
    )
