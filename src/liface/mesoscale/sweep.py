"""Ensembles of growth runs over k_Li-substrate / k_Li-Li, with confidence bands; stopped and taken up at any event."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Self

import numpy as np
from pydantic import Field, model_validator

from liface.documents import Document, quantity
from liface.documents.mesoscale import Band, RatioPoint
from liface.errors import AnalysisError, TooFewPointsError
from liface.mesoscale.growth import MOST_SEEDS, Growth
from liface.mesoscale.morphology import Morphology, morphology
from liface.mesoscale.spec import GrowthSpec, require_ratio

DOI = "10.1002/adma.202206762"
RATIOS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
ATOMS = 2000
LEVEL = 0.95
EVENTS_AT_ONCE = 200_000
"""Events between two looks at the clock and the keyboard, about a tenth of a second."""


class SweepSpec(Document):
    """Growth runs at several ratios of arrival rates, each with several seeds.

    Raises
    ------
    AnalysisError
        A ratio, a seed or the number of atoms is out of range.
    TooFewPointsError
        Fewer than two seeds, from which no band can be given.
    """

    growth: GrowthSpec = Field(description="Everything but k_Li-substrate, which follows from ratio and k_Li-Li.")
    ratios: tuple[float, ...] = quantity("1", "k_Li-substrate / k_Li-Li, rising.", default=RATIOS)
    seeds: tuple[int, ...] = quantity("1", "Seeds of the runs at each ratio.", default=tuple(range(8)))
    atoms: int = quantity("1", "Atoms on the lattice when a run is over.", default=ATOMS)

    @model_validator(mode="after")
    def _check(self) -> Self:
        for ratio in self.ratios:
            require_ratio(ratio)
        if not self.ratios or list(self.ratios) != sorted(set(self.ratios)):
            raise AnalysisError(f"ratios are {self.ratios}; give at least one, rising, each once")
        if self.atoms < 1:
            raise AnalysisError(f"atoms is {self.atoms}; give one or more")
        if len(set(self.seeds)) != len(self.seeds) or not all(0 <= seed < MOST_SEEDS for seed in self.seeds):
            raise AnalysisError(f"seeds are {self.seeds}; give each once, 0 or more")
        if len(self.seeds) < 2:
            raise TooFewPointsError(f"{len(self.seeds)} seed; a confidence band needs two, and better eight")
        if not self.growth.arrival_li_hz:
            raise AnalysisError("nothing arrives; give a positive k_Li-Li")
        return self

    def runs(self) -> list[tuple[float, int]]:
        """Return ratio and seed of every run, in the order in which they are done."""
        return [(ratio, seed) for ratio in self.ratios for seed in self.seeds]


class GrowthRecord(Document):
    """One finished run."""

    ratio: float = quantity("1", "k_Li-substrate / k_Li-Li.")
    seed: int = quantity("1", "Seed of its random numbers.")
    time_s: float = quantity("s", "Time on the clock of the rates.")
    arrivals: int = quantity("1", "Atoms that arrived.")
    desorptions: int = quantity("1", "Atoms that left.")
    hops: int = quantity("1", "Hops.")
    morphology: Morphology


class GrowthSweep(Document):
    """A finished sweep."""

    spec: SweepSpec
    points: tuple[RatioPoint, ...]
    runs: tuple[GrowthRecord, ...]
    coverage_rises: bool = Field(description="Coverage ends higher than it begins and never falls beyond its bands.")
    tip_height_falls: bool = Field(description="Tips end lower than they begin and never rise beyond their bands.")
    liface_version: str
    numba_version: str
    generator: str = "xoshiro256++, seeded by splitmix64"
    doi: str = DOI


@dataclass(frozen=True)
class SweepState:
    """How far a sweep is."""

    done: int
    n_runs: int
    ratio: float
    seed: int
    atoms: int
    n_atoms: int
    events: int


class SweepRun:
    """A sweep in progress; :meth:`run` may be interrupted and called again."""

    def __init__(self, spec: SweepSpec):
        self.spec = spec
        self.records: list[GrowthRecord] = []
        self.pictures: dict[float, np.ndarray] = {}
        """Heights of the first seed at each ratio, shape (size, size)."""
        self.current: Growth | None = None
        self.note: dict[str, Any] = {}
        """What the caller wants to find again in a checkpoint; plain values."""

    def run(self, tell: Callable[[SweepState], None] = lambda _: None) -> GrowthSweep:
        """Do what is left.

        Raises
        ------
        AnalysisError
            A run cannot reach its number of atoms.
        """
        todo = self.spec.runs()
        while len(self.records) < len(todo):
            ratio, seed = todo[len(self.records)]
            if self.current is None:
                self.current = Growth(self.spec.growth.at_ratio(ratio), seed)
            run = self.current
            while run.advance(self.spec.atoms, events=EVENTS_AT_ONCE) == "events":
                tell(self._state(ratio, seed, run))
            self._finish(ratio, seed, run)
            tell(self._state(ratio, seed, run))
        return self.result()

    def _finish(self, ratio: float, seed: int, run: Growth) -> None:
        record = GrowthRecord(
            ratio=ratio, seed=seed, time_s=run.time_s, arrivals=run.arrivals, desorptions=run.desorptions,
            hops=run.hops, morphology=morphology(run.heights),
        )  # fmt: skip
        self.pictures.setdefault(ratio, run.heights)
        self.current = None
        self.records.append(record)

    def _state(self, ratio: float, seed: int, run: Growth) -> SweepState:
        n_runs = len(self.spec.ratios) * len(self.spec.seeds)
        return SweepState(len(self.records), n_runs, ratio, seed, run.atoms, self.spec.atoms, run.events)

    def result(self) -> GrowthSweep:
        """Return the document of a finished sweep.

        Raises
        ------
        TooFewPointsError
            Runs are still to be done.
        """
        import numba

        from liface import __version__

        if left := len(self.spec.runs()) - len(self.records):
            raise TooFewPointsError(f"{left} runs of the sweep are still to be done; run it to its end")
        points = tuple(_point(ratio, [r for r in self.records if r.ratio == ratio]) for ratio in self.spec.ratios)
        return GrowthSweep(
            spec=self.spec, points=points, runs=tuple(self.records),
            coverage_rises=rises([p.coverage for p in points]),
            tip_height_falls=rises([_reversed(p.tip_height) for p in points]),
            liface_version=__version__, numba_version=numba.__version__,
        )  # fmt: skip


def rises(bands: Sequence[Band]) -> bool:
    """Tell whether the last mean is not below the first, and none below an earlier one beyond the bands of both."""
    falls = any(later.upper < earlier.lower for earlier, later in combinations(bands, 2))
    return bands[-1].mean >= bands[0].mean and not falls


def _reversed(band: Band) -> Band:
    return band.model_copy(update={"mean": -band.mean, "lower": -band.upper, "upper": -band.lower})


def _point(ratio: float, records: Sequence[GrowthRecord]) -> RatioPoint:
    shapes = [record.morphology for record in records]
    deepest = max(len(shape.layer_occupation) for shape in shapes)
    layers = np.zeros((len(shapes), deepest))
    for row, shape in zip(layers, shapes, strict=True):
        row[: len(shape.layer_occupation)] = shape.layer_occupation
    return RatioPoint(
        ratio=ratio,
        tip_height=band([s.tip_height for s in shapes]),
        coverage=band([s.coverage for s in shapes]),
        roughness=band([s.roughness for s in shapes]),
        n_nuclei=band([s.n_nuclei for s in shapes]),
        mean_island_size=band([s.mean_island_size for s in shapes]),
        layer_occupation=tuple(layers.mean(axis=0).tolist()),
    )


def band(values: Sequence[float], level: float = LEVEL) -> Band:
    """Return the mean of a sample and the interval of Student's t for it; of equal values, no width.

    Raises
    ------
    TooFewPointsError
        Fewer than two values.
    """
    from scipy.stats import t

    if len(values) < 2:
        raise TooFewPointsError(f"{len(values)} value; a confidence band needs two")
    mean, scatter = float(np.mean(values)), float(np.std(values, ddof=1))
    reach = float(t.ppf(0.5 + level / 2, len(values) - 1)) * scatter / math.sqrt(len(values))
    return Band(mean=mean, lower=mean - reach, upper=mean + reach, level=level, n=len(values))
