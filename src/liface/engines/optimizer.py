"""Trust-region L-BFGS: one force call per step, for energies that carry single-precision noise.

Each step lowers the quadratic model most among those that move no atom further than the trust radius
(:mod:`liface.engines.curvature`): on a long way down the search stays near the floor of the valley, where stiff bonds
are relaxed. A step is judged by the energy it gains against the gain that the quadratic model predicts; where the
energy difference drowns in the noise of a single-precision model, by the trapezoid of the forces at both ends. A
step that climbs is taken back, but its curvature is kept. The first curvature is that of atoms on springs. If steps
keep being refused, or nothing improves any more, ASE's FIRE takes over from the best point.

A start that has a symmetry keeps it: the search may then end on a saddle point.

Method: Nocedal and Wright, Numerical Optimization, 2nd ed., chapters 4 and 7, DOI
10.1007/978-0-387-40065-5; FIRE: Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006), DOI
10.1103/PhysRevLett.97.170201.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from liface.engines.coordinates import Coordinates
from liface.engines.curvature import TrustRegion
from liface.engines.potential import Point, PotentialSurface
from liface.errors import NoEnergyError

QUASI_NEWTON = "tr-lbfgs 3"
"""Stored with every relaxation. The number goes up with every change that leads to other steps: 1 had none, and cut
quasi-Newton steps at the trust radius; to 2, steps were shorter, and bonds of alkali metals as stiff as others."""
FALL_BACK = f"{QUASI_NEWTON}, then fire"


@dataclass(frozen=True)
class TrustRadius:
    """How far a step may go, Å (largest displacement of an atom)."""

    start: float = 0.20
    largest: float = 0.30
    stride: float = 0.50
    """Limit once ``streak`` steps in a row went as far as they could and as the model said: a long way down."""
    streak: int = 10
    smallest: float = 1e-3


@dataclass
class Minimum:
    """Where a minimisation ended: its best point, energies of the accepted steps (eV) and who finished."""

    point: Point
    energies: list[float]
    converged: bool
    optimizer: str
    reason: str = ""


Search = Generator[np.ndarray, Point, Minimum]
"""A minimisation that asks: it yields the vector to evaluate next, is sent the point there (or thrown a
:class:`NoEnergyError`), and returns the minimum. One structure alone and many in flight are driven by the same code."""


def minimise(surface: PotentialSurface, fmax: float, max_calls: int, trust: TrustRadius | None = None) -> Minimum:
    """Relax until no force exceeds ``fmax`` (eV/Å) or the force calls are spent.

    Raises
    ------
    CalculationError
        If the structure explodes, collapses, or the engine raises. An engine that has no energy for one point ends
        the search at the best point before; at the first point, it is an error.
    """
    return drive(search_minimum(surface.atoms.numbers, surface.coordinates, fmax, max_calls, trust), surface)


def drive(search: Search, surface: Callable[[np.ndarray], Point]) -> Minimum:
    """Run a search to its end on one surface."""
    try:
        x = next(search)
        while True:
            try:
                point = surface(x)
            except NoEnergyError as error:
                x = search.throw(error)
            else:
                x = search.send(point)
    except StopIteration as end:
        return end.value


def search_minimum(
    numbers: np.ndarray, coordinates: Coordinates, fmax: float, max_calls: int, trust: TrustRadius | None = None
) -> Search:
    """Search as :func:`minimise` does, of atoms with these atomic numbers; the caller evaluates the points."""
    search = _TrustRegionSearch(numbers, coordinates, fmax, max_calls, trust or TrustRadius())
    yield from search.begin()
    try:
        minimum = yield from search.run()
    except NoEnergyError as error:
        return search.end(False, str(error))
    if minimum.converged or search.calls >= max_calls:
        return minimum
    return (yield from _fire(minimum, fmax, max_calls, search.calls))


class _TrustRegionSearch:
    """One run of the trust-radius search; holds its state."""

    refusals_allowed = 6
    patience = 60

    point: Point

    def __init__(self, numbers: np.ndarray, coordinates: Coordinates, fmax: float, max_calls: int, trust: TrustRadius):
        self.coordinates, self.fmax, self.max_calls, self.trust = coordinates, fmax, max_calls, trust
        self.radius = trust.start
        self.model = TrustRegion(numbers, coordinates)
        self.calls = self.refusals = self.strides = 0

    def begin(self) -> Generator[np.ndarray, Point, None]:
        """Evaluate the start."""
        self.point = yield from self._evaluated(self.coordinates.initial())
        self.energies = [self.point.energy]
        self.best_residual, self.best_energy, self.best_call = self.point.residual, self.point.free_energy, 1

    def run(self) -> Search:
        restarted = False
        while self.point.residual > self.fmax:
            if self.calls >= self.max_calls:
                return self.end(False, f"force call limit {self.max_calls} reached")
            if self.refusals > self.refusals_allowed or self.radius < self.trust.smallest:
                if restarted:
                    return self.end(False, "steps kept being refused")
                restarted = True
                self._restart()
            if self.calls - self.best_call > self.patience:
                return self.end(False, f"neither force nor energy fell in {self.patience} force calls")
            yield from self._advance()
        return self.end(True)

    def _evaluated(self, x: np.ndarray) -> Generator[np.ndarray, Point, Point]:
        self.calls += 1
        return (yield x)

    def _advance(self) -> Generator[np.ndarray, Point, None]:
        step, expected, shortened = self.model.propose(self.point.gradient, self.radius)
        trial = yield from self._evaluated(self.point.x + step)
        self.model.learn(step, trial.gradient - self.point.gradient)
        length = self.coordinates.extent(step)
        gain = _energy_change(self.point, trial, step)
        if gain > 1e-4:
            self._refuse(trial, step, length)
            return
        self._accept(trial, gain / expected, shortened, length)

    def _refuse(self, trial: Point, step: np.ndarray, length: float) -> None:
        """Stay, and come closer: to where the slope along the step would vanish."""
        here, there = float(self.point.gradient @ step), float(trial.gradient @ step)
        zero = here / (here - there) if there > here else 0.25
        self.radius = length * float(np.clip(zero, 0.1, 0.5))
        self.refusals += 1
        self.strides = 0

    def _accept(self, trial: Point, ratio: float, shortened: bool, length: float) -> None:
        self.point = trial
        self.energies.append(trial.energy)
        self.refusals = 0
        self.strides = self.strides + 1 if ratio > 0.5 and shortened else 0
        limit = self.trust.largest if self.strides < self.trust.streak else self.trust.stride
        if self.strides:
            self.radius = min(limit, 1.6 * self.radius)
        elif ratio < 0.25:  # the model is no good as far as this
            self.radius = max(10 * self.trust.smallest, 0.5 * length)
        self.radius = min(self.radius, limit)
        self._note_progress()

    def _note_progress(self) -> None:
        """Remember when force or energy (by 0.1 meV per atom) last fell."""
        point = self.point
        fell = point.free_energy < self.best_energy - 1e-4 * len(point.forces)
        if fell or point.residual < 0.98 * self.best_residual:
            self.best_residual = min(point.residual, self.best_residual)
            self.best_energy, self.best_call = point.free_energy, self.calls

    def _restart(self) -> None:
        self.model.forget()
        self.radius, self.refusals = 0.2 * self.trust.start, 0

    def end(self, converged: bool, reason: str = "") -> Minimum:
        """Return where the search is."""
        return Minimum(self.point, self.energies, converged, QUASI_NEWTON, reason)


def _energy_change(before: Point, after: Point, step: np.ndarray) -> float:
    """Return the energy gained by a step, eV; negative is downhill.

    Small differences are taken from the forces: the sum of a few hundred single-precision energies is only
    good to about 1e-6 of its value.
    """
    difference = after.free_energy - before.free_energy
    if abs(difference) > 1e-4 + 2e-6 * abs(after.free_energy):
        return difference
    return 0.5 * float((before.gradient + after.gradient) @ step)


def _fire(start: Minimum, fmax: float, max_calls: int, calls: int) -> Search:
    """Go on from the best point with ASE's FIRE, after so many calls."""
    from ase.optimize import FIRE

    walker = _optimizable(start.point)
    energies, best = list(start.energies), start.point
    fire = FIRE(walker, logfile=None)
    while calls < max_calls:
        fire.step()
        calls += 1
        try:
            point = walker.point = yield walker.ahead
        except NoEnergyError as error:
            return Minimum(best, energies, False, FALL_BACK, str(error))
        energies.append(point.energy)
        if point.residual <= fmax:
            return Minimum(point, energies, True, FALL_BACK)
        if point.free_energy < best.free_energy:
            best = point
    reason = f"force call limit {max_calls} reached after fall-back ({start.reason})"
    return Minimum(best, energies, False, FALL_BACK, reason)


def _optimizable(start: Point) -> Any:
    """Return what ASE's optimizers step on: it knows a point and takes down where to go next."""
    from ase.utils.abc import Optimizable

    class Walker(Optimizable):
        point = start
        ahead = start.x

        def ndofs(self) -> int:
            return len(start.x)

        def get_x(self) -> np.ndarray:
            return self.point.x.copy()

        def set_x(self, x: np.ndarray) -> None:
            self.ahead = x

        def get_gradient(self) -> np.ndarray:
            return self.point.gradient

        def get_value(self) -> float:
            return self.point.free_energy

        def iterimages(self) -> tuple:
            return ()

        def converged(self, gradient: np.ndarray, fmax: float) -> bool:
            return self.point.residual <= fmax

        def gradient_norm(self, gradient: np.ndarray) -> float:
            return self.point.residual

    return Walker()
