"""What a quasi-Newton search knows of the curvature: a first guess, and how the gradient changed over its steps.

Both classes hold the same limited-memory BFGS matrix. :class:`InverseHessian` gives the quasi-Newton step;
:class:`TrustRegion` gives the step that lowers the quadratic model most within a radius. They agree where the
quasi-Newton step lies within the radius. Beyond it, the quasi-Newton step made shorter goes along the softest modes
only: a few of its ångströms fit in, and the same small part of what the stiff modes need, whose forces grow from step
to step until the search has left the valley that it came down. The trust-region step corrects the stiff modes in full
and shortens the soft ones; for a small radius, it is the gradient descent that a slow descent would follow.

Compact form of the matrix: Byrd, Nocedal and Schnabel, Math. Program. 63, 129 (1994), DOI 10.1007/BF01582063. Trust
region: Moré and Sorensen, SIAM J. Sci. Stat. Comput. 4, 553 (1983), DOI 10.1137/0904038. Both are in Nocedal and
Wright, Numerical Optimization, 2nd ed., chapters 4 and 7, DOI 10.1007/978-0-387-40065-5.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from liface.engines.coordinates import Coordinates
from liface.engines.springs import SpringModes

MEMORY = 24
"""Pairs of a step and its change of the gradient that are kept."""

LEAST_CURVATURE_EV_PER_A2 = 1e-3
"""Pairs of less curvature along the step, or of a negative one, are left out: the matrix stays positive."""

RADIUS_TOLERANCE = 0.01
"""Part of the radius by which a step may miss it."""


@dataclass
class InverseHessian:
    """Limited-memory BFGS approximation of the inverse Hessian, Å²/eV."""

    guess: Callable[[np.ndarray], np.ndarray]
    """Times the inverse curvature that is assumed before anything is known, Å²/eV."""
    memory: int = MEMORY
    pairs: deque = field(default_factory=deque)

    def learn(self, step: np.ndarray, change: np.ndarray) -> None:
        """Take in how the gradient changed over a step; pairs of negative or no curvature are left out."""
        curvature = float(change @ step)
        if curvature > LEAST_CURVATURE_EV_PER_A2 * float(step @ step):
            self.pairs.append((step, change, 1 / curvature))
            if len(self.pairs) > self.memory:
                self.pairs.popleft()

    def forget(self) -> None:
        """Start again from the guess."""
        self.pairs.clear()

    def times(self, g: np.ndarray) -> np.ndarray:
        """Return the inverse Hessian times a gradient (two-loop recursion)."""
        q = g.copy()
        weights = []
        for step, change, rho in reversed(self.pairs):
            weight = rho * (step @ q)
            q -= weight * change
            weights.append(weight)
        q = self._scaled_guess(q)
        for (step, change, rho), weight in zip(self.pairs, reversed(weights), strict=True):
            q += step * (weight - rho * (change @ q))
        return q

    def _scaled_guess(self, q: np.ndarray) -> np.ndarray:
        """Apply the guess, scaled to the curvature along the last step."""
        if not self.pairs:
            return self.guess(q)
        _, change, rho = self.pairs[-1]
        return self.guess(q) / float(rho * (change @ self.guess(change)))


class Proposal(NamedTuple):
    """A step (Å), the energy that the model gains by it (eV, negative), and whether the radius cut it short."""

    step: np.ndarray
    gain: float
    shortened: bool


class TrustRegion:
    """The quadratic model around the last point, in the modes of the spring model.

    Parameters
    ----------
    numbers
        Atomic numbers.
    coordinates
        What moves, and how far a step goes.
    """

    def __init__(self, numbers: np.ndarray, coordinates: Coordinates):
        self.coordinates = coordinates
        self.springs = SpringModes(numbers, coordinates)
        self.pairs: deque[tuple[np.ndarray, np.ndarray]] = deque(maxlen=MEMORY)
        self.forget()

    def learn(self, step: np.ndarray, change: np.ndarray) -> None:
        """Take in how the gradient (eV/Å) changed over a step (Å); pairs of negative or no curvature are left out."""
        if float(change @ step) <= LEAST_CURVATURE_EV_PER_A2 * float(step @ step):
            return
        self.pairs.append((self.springs.modes(step), self.springs.modes(change)))
        steps, changes = (np.column_stack(vectors) for vectors in zip(*self.pairs, strict=True))
        products = steps.T @ changes
        last = changes[:, -1]
        self.diagonal = float(last @ (last / self.springs.curvatures) / products[-1, -1]) * self.springs.curvatures
        stretched = self.diagonal[:, None] * steps
        below = np.tril(products, -1)
        wings = np.column_stack([stretched, changes])
        core = np.block([[steps.T @ stretched, below], [below.T, -np.diag(np.diag(products))]])
        scale = 1 / np.linalg.norm(wings, axis=0)
        self.wings, self.core = wings * scale, core * np.outer(scale, scale)

    def forget(self) -> None:
        """Start again from the springs."""
        self.pairs.clear()
        self.diagonal = self.springs.curvatures
        self.wings, self.core = np.zeros((len(self.diagonal), 0)), np.zeros((0, 0))

    def propose(self, gradient: np.ndarray, radius: float) -> Proposal:
        """Return the step that lowers the model most and moves no atom further than ``radius`` (Å).

        The step is that of the matrix with a multiple of 1 added; the multiple follows from the radius.
        """
        g = self.springs.modes(gradient)
        modes, step, length = self._shifted(g, 0.0)
        shortened = length > radius
        if shortened:
            modes, step, length = self._within(g, radius, length)
            share = min(1.0, radius / length)
            modes, step = share * modes, share * step
        return Proposal(step, float(modes @ (g + 0.5 * self._times(modes))), shortened)

    def _within(self, g: np.ndarray, radius: float, length: float) -> tuple[np.ndarray, np.ndarray, float]:
        """Return the step whose length is the radius, from the length of that without a shift.

        The inverse length is nearly linear in the shift (Hebden), so a secant finds it in a few steps.
        """
        low, at_low = 0.0, 1 / length
        high = float(np.linalg.norm(g)) / radius  # a gradient step of this stiffness is shorter than the radius
        while (found := self._shifted(g, high))[2] > radius:  # a strain counts for more than its length
            high *= 4
        at_high = 1 / found[2]
        for _ in range(50):
            if abs(found[2] / radius - 1) < RADIUS_TOLERANCE or high - low < 1e-12 * high:
                break
            share = (1 / radius - at_low) / (at_high - at_low)
            middle = low + float(np.clip(share, 0.02, 0.98)) * (high - low)
            found = self._shifted(g, middle)
            if found[2] > radius:
                low, at_low = middle, 1 / found[2]
            else:
                high, at_high = middle, 1 / found[2]
        return found

    def _shifted(self, g: np.ndarray, shift: float) -> tuple[np.ndarray, np.ndarray, float]:
        """Return the quasi-Newton step with ``shift`` (eV/Å²) added to the matrix: in modes, as vector, its length."""
        diagonal = self.diagonal + shift
        modes = -g / diagonal
        if self.pairs:
            lifted = self.wings / diagonal[:, None]
            modes = modes + lifted @ np.linalg.solve(self.core - self.wings.T @ lifted, self.wings.T @ modes)
        step = self.springs.vector(modes)
        return modes, step, self.coordinates.extent(step)

    def _times(self, modes: np.ndarray) -> np.ndarray:
        """Return the matrix times a step, both in modes."""
        product = self.diagonal * modes
        if self.pairs:
            product = product - self.wings @ np.linalg.solve(self.core, self.wings.T @ modes)
        return product
