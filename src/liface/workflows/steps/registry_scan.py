"""The batches of a registry scan, of interfaces and of adhesions alike: which shifts are asked for after which.

All at once, or, where the protocol names a tolerance, in four batches: a grid half as fine; the shifts predicted lowest
between its points; those that may be lower still, given how well the first were predicted; and all the others if any of
them may be even then (:mod:`liface.analysis.registry_scan`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from liface.analysis.registry_scan import Left, coarse_shifts, left_out, may_be_lower, next_shifts
from liface.documents import CalculationDocument, EnergyCalculation

BATCHES = 4
"""Batches of a scan that may stop early; the last ones may be empty."""

Shift = tuple[float, float]


class RegistryScan:
    """What is known of a scan after some of its batches.

    Parameters
    ----------
    shifts
        The whole grid; the first is (0, 0).
    same_as
        For every shift the place of the first that is equal to it by symmetry.
    tolerance_mev_per_a2
        How much lower than the best a shift that is left out may be; None if none may be left out.
    energy
        Gives the energy of an outcome, meV/Å².
    unshifted
        The outcome at (0, 0), of the gap scan.
    done
        The outcomes of the batches so far, each in the order in which it was asked for.
    """

    def __init__(
        self,
        shifts: Sequence[Shift],
        same_as: tuple[int, ...],
        tolerance_mev_per_a2: float | None,
        energy: Callable[[EnergyCalculation], float],
        unshifted: CalculationDocument,
        done: Sequence[Sequence[CalculationDocument]],
    ):
        self._shifts, self._same_as, self._tolerance, self._energy = shifts, same_as, tolerance_mev_per_a2, energy
        self._known = {0: unshifted}
        for batch, outcomes in enumerate(done):
            self._known |= dict(zip(self._places(batch), outcomes, strict=True))
        self._done = len(done)

    @property
    def asked(self) -> list[Shift]:
        """The shifts of the next batch."""
        return [self._shifts[k] for k in self._places(self._done)]

    @property
    def outcomes(self) -> list[tuple[Shift, CalculationDocument]]:
        """Every shift but the first with its outcome, its own or that of the one it is equal to, if there is one."""
        pairs = zip(self._shifts[1:], self._same_as[1:], strict=True)
        return [(shift, self._known[first]) for shift, first in pairs if first in self._known]

    @property
    def note(self) -> str:
        """What was left out and why that is no loss; nothing where the scan is whole."""
        left = self._left()
        if left is None or self._tolerance is None:
            return ""
        n_shifts = len(set(self._same_as))
        return (
            f"; registry scan stopped early: {len(left.shifts)} of {n_shifts} shifts not computed, none expected to be "
            f"lower than the best by more than {self._tolerance:g} meV/Å² (interpolation off by up to "
            f"{left.error_mev_per_a2:.2g} meV/Å² where computed)"
        )

    def _places(self, batch: int) -> tuple[int, ...]:
        others = tuple(k for k in sorted(set(self._same_as)) if k not in self._known)
        if self._tolerance is None or batch >= BATCHES:
            return others
        if batch == 0:
            coarse = {self._same_as[k] for k in coarse_shifts(len(self._same_as))}
            return tuple(k for k in others if k in coarse)
        if batch == 1:
            return next_shifts(self._same_as, self._energies())
        lower = may_be_lower(self._same_as, self._energies(), self._tolerance)
        return others if lower and batch == BATCHES - 1 else lower

    def _left(self) -> Left | None:
        if self._tolerance is None:
            return None
        return left_out(self._same_as, self._energies(), self._tolerance)

    def _energies(self) -> dict[int, float]:
        return {
            k: math.nan if outcome.status == "failed" else self._energy(outcome) for k, outcome in self._known.items()
        }
