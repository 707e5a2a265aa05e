"""One growth run: a lattice, its random numbers and its clock, which go on from where they were stopped."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np

from liface.errors import AnalysisError
from liface.mesoscale.rates import N_CLASSES, rate_table
from liface.mesoscale.spec import GrowthSpec

Stop = Literal["atoms", "events", "time", "frozen"]
"""Why a run paused: atoms present, events done, time over, or nothing can happen any more."""

_STOPS: tuple[Stop, ...] = ("atoms", "events", "time", "frozen")
_NO_LIMIT = 2**62
MOST_SEEDS = 2**64


class Growth:
    """Li growing on a substrate by the rates of a spec.

    The same spec, seed and machine give the same run to the last bit, however it is cut into pieces by atoms or
    events.

    Parameters
    ----------
    spec
        Lattice, rates and energies.
    seed
        0 to 2⁶⁴ - 1; xoshiro256++ seeded by splitmix64.
    heights
        Atoms per column to start from, shape (size, size); a bare substrate by default.

    Raises
    ------
    AnalysisError
        The seed or the heights are out of range.
    """

    def __init__(self, spec: GrowthSpec, seed: int = 0, heights: np.ndarray | None = None):
        from liface.mesoscale import kernel

        if not (isinstance(seed, int) and 0 <= seed < MOST_SEEDS):
            raise AnalysisError(f"seed is {seed}; give a whole number, 0 to {MOST_SEEDS - 1}")
        self.spec, self.seed = spec, seed
        n = spec.size**2
        self._cells = np.zeros((n, 2), np.int32)
        if heights is not None:
            self._cells[:, kernel.HEIGHT] = _checked(heights, spec.size).ravel()
        self._members, self._counts = np.zeros((N_CLASSES, n), np.int32), np.zeros(N_CLASSES, np.int64)
        self._rng, self._clock = np.zeros(4, np.uint64), np.zeros(1)
        self._tally = np.array([0, 0, 0, self._heights.sum()], np.int64)
        table = rate_table(spec)
        self._rates = (table.arrival, table.desorption, table.hop, table.total)
        kernel.seed_generator(np.uint64(seed), self._rng)
        kernel.fill_lists(spec.size, self._cells, self._members, self._counts)

    @property
    def _heights(self) -> np.ndarray:
        return self._cells[:, 0]

    @property
    def heights(self) -> np.ndarray:
        """Atoms per column, shape (size, size); a copy."""
        return self._heights.reshape(self.spec.size, self.spec.size).copy()

    @property
    def atoms(self) -> int:
        """Atoms on the lattice."""
        return int(self._tally[3])

    @property
    def arrivals(self) -> int:
        """Atoms that arrived."""
        return int(self._tally[0])

    @property
    def desorptions(self) -> int:
        """Atoms that left."""
        return int(self._tally[1])

    @property
    def hops(self) -> int:
        """Hops of all atoms."""
        return int(self._tally[2])

    @property
    def events(self) -> int:
        """Everything that happened."""
        return int(self._tally[:3].sum())

    @property
    def time_s(self) -> float:
        """Time that passed, s."""
        return float(self._clock[0])

    def advance(self, atoms: int | None = None, *, events: int | None = None, until_s: float = math.inf) -> Stop:
        """Go on until ``atoms`` are present, ``events`` more have happened, or the clock shows ``until_s``.

        Raises
        ------
        AnalysisError
            No limit is given, or it cannot be a limit.
        """
        from liface.mesoscale import kernel

        limits = {"atoms": atoms, "events": events, "until_s": until_s}
        if bad := {name: value for name, value in limits.items() if value is not None and not value >= 0}:
            raise AnalysisError(f"limits of a run are {bad}; give numbers, 0 or more")
        if atoms is None and events is None and until_s == math.inf:
            raise AnalysisError("a run without a limit does not end; give atoms, events or until_s")
        reason = kernel.advance(
            self.spec.size, self._cells, self._members, self._counts, self._rng, self._clock, self._tally, self._rates,
            _NO_LIMIT if atoms is None else atoms, _NO_LIMIT if events is None else events, float(until_s),
        )  # fmt: skip
        return _STOPS[reason]

    def state(self) -> dict[str, np.ndarray]:
        """Return arrays from which :meth:`restored` makes this run again, random numbers and lists included."""
        lists = [self._members[number, :count] for number, count in enumerate(self._counts)]
        return {
            "heights": self._heights.copy(),
            "order": np.concatenate(lists),
            "rng": self._rng.copy(),
            "clock": self._clock.copy(),
            "tally": self._tally.copy(),
        }

    @classmethod
    def restored(cls, spec: GrowthSpec, seed: int, state: Mapping[str, np.ndarray]) -> Growth:
        """Return a run that goes on where ``state`` was taken.

        Raises
        ------
        AnalysisError
            The state does not belong to this spec, or was damaged.
        """
        try:
            run = cls(spec, seed, np.asarray(state["heights"]).reshape(spec.size, spec.size))
            run._order(np.asarray(state["order"]))
            for name in ("rng", "clock", "tally"):
                array = getattr(run, f"_{name}")
                array[:] = np.asarray(state[name], array.dtype)
        except (KeyError, ValueError, TypeError) as error:
            raise AnalysisError(f"the state of a growth run cannot be used ({error}); start it again") from error
        if run.atoms != run._heights.sum() or run.arrivals < 0 or not math.isfinite(run.time_s) or not run._rng.any():
            raise AnalysisError("the state of a growth run contradicts itself; start it again")
        return run

    def _order(self, order: np.ndarray) -> None:
        """Put the lists of the classes into the order they had: the next random number picks by place."""
        from liface.mesoscale import kernel

        if not np.array_equal(np.sort(order), np.arange(len(self._cells))):
            raise ValueError("the order does not hold every column once")
        entries, ends = self._cells[:, kernel.ENTRY], np.cumsum(self._counts)
        for number, (end, count) in enumerate(zip(ends, self._counts, strict=True)):
            part = order[end - count : end]
            if np.any(entries[part] & kernel.CLASS_MASK != number):
                raise ValueError("a column stands in the list of another class")
            self._members[number, :count] = part
            entries[part] = np.arange(count) << kernel.CLASS_BITS | number


def _checked(heights: np.ndarray, size: int) -> np.ndarray:
    h = np.asarray(heights)
    if h.shape != (size, size):
        raise AnalysisError(f"heights have shape {h.shape}; the lattice has ({size}, {size})")
    if not np.issubdtype(h.dtype, np.integer) or h.min() < 0 or h.max() > np.iinfo(np.int32).max:
        raise AnalysisError("heights must be whole numbers of atoms, 0 or more")
    return np.array(h, np.int32, order="C")
