"""Minimum-energy paths: a nudged elastic band whose highest image climbs to the saddle point.

The band is ASE's, with improved tangents (Henkelman and Jónsson, J. Chem. Phys. 113, 9978 (2000), DOI
10.1063/1.1323224) and a climbing image (Henkelman, Uberuaga and Jónsson, J. Chem. Phys. 113, 9901 (2000), DOI
10.1063/1.1329672) once its forces are small. It starts from image-dependent pair potentials (Smidstrup et al., J. Chem.
Phys. 140, 214106 (2014), DOI 10.1063/1.4878664). All images move in one L-BFGS search without line search; Sheppard,
Terrell and Henkelman, J. Chem. Phys. 128, 134106 (2008), DOI 10.1063/1.2841941, compare it with others. Its first
curvature is that of atoms on springs. Where forces stop falling, ASE's FIRE takes over.

A band that starts on a mirror plane stays on it: forces have the symmetry of the path. Its highest image is then a
saddle point of that plane, which may be one of higher order in all directions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase.calculators.calculator import Calculator, all_changes

from liface.documents.calculation import CalculationRequest
from liface.documents.geometry import Geometry
from liface.documents.path import PathSettings, path_displacements
from liface.engines.curvature import InverseHessian
from liface.engines.potential import Point, PotentialSurface
from liface.engines.springs import SpringModel
from liface.errors import CalculationError, NoEnergyError

NAME = "neb, l-bfgs"
FALL_BACK = f"{NAME}, then fire"
LONGEST_STEP_A = 0.15
PATIENCE_STEPS = 25
"""Steps of the band in which its largest force has to fall by 2 %."""
IDPP_STEPS = 60
IDPP_FMAX = 0.2
GENERIC_SHARE = 0.35
"""Part of the way at which a path has the symmetry that all of it has, and no more."""


class OnSurface(Calculator):
    """ASE calculator of one image: a window on the surface that all images share, which keeps its last point."""

    implemented_properties = ["energy", "forces"]  # noqa: RUF012 (ASE's name and type)

    def __init__(self, surface: PotentialSurface):
        super().__init__()
        self.surface = surface
        self.point: Point | None = None

    def calculate(self, atoms: Any = None, properties: Any = None, system_changes: Any = all_changes) -> None:
        """Evaluate energy and forces: one force call. The energy is the one whose derivatives the forces are."""
        super().calculate(atoms, properties, system_changes)
        system: Any = self.atoms
        self.point = point = self.surface(system.positions[self.surface.coordinates.free].ravel())
        self.results = {"energy": point.free_energy, "forces": point.forces}


@dataclass
class Band:
    """Where a search ended: one point per image with both ends, energies of the highest image (eV), largest force."""

    points: list[Point]
    energies: list[float]
    converged: bool
    optimizer: str
    residual: float
    reason: str = ""

    @property
    def saddle(self) -> Point:
        """The highest image between the ends."""
        return max(self.points[1:-1], key=lambda point: point.energy)


def set_up_geometry(request: CalculationRequest) -> Geometry:
    """Return what a code that uses symmetry is set up for, in the canonical order of the start.

    That of a path lies between its ends, where it has no more symmetry than the whole path.
    """
    start = request.geometry.canonical()
    if request.end is None:
        return start
    moved = path_displacements(request.geometry, request.end)[request.geometry.canonical_order()]
    return start.with_positions(start.position_array + GENERIC_SHARE * moved)


def find_path(request: CalculationRequest, surface: PotentialSurface) -> Band:
    """Search the minimum-energy path of a request, on the surface of its start in canonical order.

    Raises
    ------
    CalculationError
        If an image explodes, collapses or the engine raises.
    """
    path = request.settings.path or PathSettings()
    search = _Search(_images(request, surface, path), path, surface, request.settings.fmax_ev_per_a)
    return search.run(request.settings.max_force_calls)


def _images(request: CalculationRequest, surface: PotentialSurface, path: PathSettings) -> list[Any]:
    """Return the images in canonical order: those given, or interpolated ones."""
    if request.end is None:
        raise CalculationError("a path has no end")
    order = request.geometry.canonical_order()
    start = surface.coordinates.start
    moved = path_displacements(request.geometry, request.end)
    if np.linalg.norm(moved, axis=1).max() < 0.1:
        raise CalculationError("both ends of the path are the same geometry: no atom moves by more than 0.1 Å")
    template = request.geometry.canonical().to_ase()
    images = []
    for share in np.linspace(0.0, 1.0, path.images + 2):
        image = template.copy()
        image.positions = start + share * moved[order]
        images.append(image)
    if len(request.band) == path.images:
        origin = request.geometry.position_array
        for image, positions in zip(images[1:-1], request.band, strict=True):
            image.positions = start + (np.array(positions) - origin)[order]
    else:
        _spread(images)
    for image in images:
        image.calc = OnSurface(surface)
    return images


def _spread(images: list[Any]) -> None:
    """Move interpolated images so that distances between atoms, not positions, change evenly along the path."""
    from ase.mep import NEB
    from ase.mep.neb import idpp_interpolate

    straight = [image.positions.copy() for image in images]
    band = NEB(images, method="improvedtangent")
    idpp_interpolate(band, traj=None, log=None, fmax=IDPP_FMAX, mic=True, steps=IDPP_STEPS)
    wandered = max(np.linalg.norm(i.positions - s, axis=1).max() for i, s in zip(images, straight, strict=True))
    reach = np.linalg.norm(straight[-1] - straight[0], axis=1).max()
    if not np.isfinite(wandered) or wandered > max(1.0, reach):  # it lost the path
        for image, positions in zip(images, straight, strict=True):
            image.positions = positions


@dataclass
class _Search:
    """One search; holds its state."""

    images: list[Any]
    path: PathSettings
    surface: PotentialSurface
    fmax: float
    points: list[Point] = field(default_factory=list)
    energies: list[float] = field(default_factory=list)
    residual: float = np.inf

    def __post_init__(self) -> None:
        from ase.mep import NEB

        k = self.path.spring_constant
        self.neb = NEB(self.images, k=k, method="improvedtangent", allow_shared_calculator=True)
        self.inverse = InverseHessian(self._guess)
        self.springs = SpringModel(self.surface.atoms.numbers, self.surface.coordinates)

    def run(self, max_calls: int) -> Band:
        """Search until no force on the band exceeds the limit, or the next step would need more calls than are left."""
        best, best_step, step_number = np.inf, 0, 0
        try:
            forces = self._forces()
            while self.residual > self.fmax or not self.neb.climb:
                if not self.neb.climb and self.residual <= max(self.path.climb_from_ev_per_a, self.fmax):
                    self.neb.climb = True
                    self.inverse.forget()
                    forces, best, best_step = self._forces(), np.inf, step_number  # of known points: no new calls
                    continue
                if self.surface.calls + self.path.images > max_calls:
                    return self._end(NAME, f"force call limit {max_calls} reached")
                if self.residual < 0.98 * best:
                    best, best_step = self.residual, step_number
                if step_number - best_step > PATIENCE_STEPS:
                    return self._fire(max_calls)
                forces = self._advance(forces)
                step_number += 1
        except NoEnergyError as error:
            return self._without_energy(error)
        return self._end(NAME)

    def _advance(self, forces: np.ndarray) -> np.ndarray:
        """Take one step of all images and return the forces after it."""
        step = self.inverse.times(-forces.ravel()) * -1.0
        if step @ forces.ravel() <= 0:
            self.inverse.forget()
            step = self._guess(forces.ravel())
        longest = np.linalg.norm(step.reshape(-1, 3), axis=1).max()
        step *= min(1.0, LONGEST_STEP_A / longest)
        self.neb.set_positions(self.neb.get_positions() + self._expand(step))
        after = self._forces()
        self.inverse.learn(step, (forces - after).ravel())
        return after

    def _fire(self, max_calls: int) -> Band:
        from ase.optimize import FIRE

        self.neb.climb = True
        with FIRE(self.neb, logfile=None, maxstep=LONGEST_STEP_A) as fire:
            for _ in fire.irun(fmax=0.0, steps=max_calls):
                self._forces()  # of the points that the step has computed
                if self.residual <= self.fmax:
                    return self._end(FALL_BACK)
                if self.surface.calls + self.path.images > max_calls:
                    break
        return self._end(FALL_BACK, f"force call limit {max_calls} reached after fall-back")

    def _forces(self) -> np.ndarray:
        """Return the forces on the free atoms of all images between the ends, shape (images * free, 3)."""
        free = np.tile(self.surface.coordinates.free, self.path.images)
        forces = np.array(self.neb.get_forces(), dtype=float)[free]
        self.points = [image.calc.point for image in self.images]
        self.energies.append(max(point.energy for point in self.points[1:-1]))
        self.residual = _largest(forces)
        return forces

    def _expand(self, step: np.ndarray) -> np.ndarray:
        free = np.tile(self.surface.coordinates.free, self.path.images)
        full = np.zeros((len(free), 3))
        full[free] = step.reshape(-1, 3)
        return full

    def _guess(self, forces: np.ndarray) -> np.ndarray:
        """Apply the inverse curvature of the spring model to each image."""
        images = forces.reshape(self.path.images, -1)
        return np.concatenate([self.springs(image) for image in images])

    def _without_energy(self, error: NoEnergyError) -> Band:
        """End at the last band of which every image has an energy.

        Raises
        ------
        NoEnergyError
            If there is none.
        """
        if not self.energies:
            raise error
        return self._end(NAME, str(error))

    def _end(self, optimizer: str, reason: str = "") -> Band:
        return Band(self.points, self.energies, not reason, optimizer, self.residual, reason)


def _largest(forces: np.ndarray) -> float:
    return float(np.linalg.norm(forces, axis=1).max(initial=0.0))
