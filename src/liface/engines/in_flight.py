"""Many structures relaxed at once: one call of the model per round for all that are in flight.

Every structure has a search of its own, the one that relaxes it alone (:mod:`liface.engines.optimizer`), with its own
trust radius, memory and convergence. A structure that is finished, or fails, leaves at once and the next one of the
queue takes its place. Single points take part for one round.

Cells that relax and minimum-energy paths do not fly: they are computed one by one.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from liface.documents.calculation import CalculationDocument, CalculationRequest
from liface.engines.base import BatchedModel, EnergyForces, Graph
from liface.engines.optimizer import Minimum, Search
from liface.engines.potential import PotentialSurface
from liface.engines.relaxation import canonical_surface, document, failure, search_of
from liface.engines.together import Evaluator, graph_of, weight_of
from liface.errors import CalculationError, NoEnergyError

if TYPE_CHECKING:
    from liface.engines.base import Engine

MOST = 256
"""Structures in flight where the memory of the device sets the number: so many are lost by a kill."""
MOST_UNMEASURED = 16
"""The same where the device does not say how much memory is free."""


def can_fly(request: CalculationRequest) -> bool:
    """Tell whether a request can be computed together with others."""
    settings = request.settings
    return settings.task == "static" or (settings.task == "relax" and settings.cell == "fixed")


def in_flight(
    requests: Iterable[CalculationRequest], engine: Engine, model: BatchedModel, at_once: int | None = None
) -> Iterator[tuple[int, CalculationDocument]]:
    """Yield each request's place in the sequence and its document, in the order in which they finish.

    Requests are taken from the iterable as places become free. No more than ``at_once`` are in flight, nor more than
    fit into one call. The wall time of a round is shared out over its structures by their numbers of atoms.

    Raises
    ------
    EngineSetupError
        If the device fails.
    """
    queue = enumerate(requests)
    evaluate = Evaluator(model)
    flying: list[_Flight] = []
    while True:
        started = time.perf_counter()
        _admit(flying, queue, evaluate, at_once)
        if not flying:
            return
        computed = [flight for flight in flying if flight.found is None]
        answers = evaluate([flight.graph for flight in computed])
        for flight, answer in zip(computed, answers, strict=True):
            flight.take(answer)
        _share_out(time.perf_counter() - started, flying)
        for flight in flying:
            if flight.found is not None:
                kernel = getattr(model, "versions", None)
                yield (
                    flight.index,
                    document(flight.request, engine, flight.surface, flight.found, flight.wall_s, kernel),
                )
        flying = [flight for flight in flying if flight.found is None]


class _Flight:
    """A request on its way: its search, where that is, and what it came to."""

    graph: Graph
    search: Search
    x: np.ndarray

    def __init__(self, index: int, request: CalculationRequest, model: BatchedModel):
        self.index, self.request, self.model = index, request, model
        self.wall_s = 0.0
        self.found: Minimum | str | None = None
        self.surface: PotentialSurface | None = None
        try:
            self.surface = canonical_surface(request, None)
            self.search = search_of(request, self.surface)
            self._go(self.surface, next(self.search))
        except CalculationError as error:
            self.found = failure(error)

    def take(self, answer: EnergyForces | CalculationError) -> None:
        """Go on with what the model says of the point asked for."""
        surface = self.surface
        if surface is None:  # a flight without one has failed before it asked
            raise TypeError(f"flight {self.index} has no surface")
        try:
            if isinstance(answer, NoEnergyError):
                x = self.search.throw(answer)
            elif isinstance(answer, CalculationError):
                raise answer
            else:
                energy = answer.energy_ev
                x = self.search.send(surface.point(self.x, energy, energy, answer.forces_ev_per_a, None))
            self._go(surface, x)
        except StopIteration as end:
            self.found = end.value
        except CalculationError as error:
            self.found = failure(error)

    def _go(self, surface: PotentialSurface, x: np.ndarray) -> None:
        surface.place(x)
        self.x, self.graph = x, graph_of(self.model, surface.atoms)


def _admit(
    flying: list[_Flight],
    queue: Iterator[tuple[int, CalculationRequest]],
    evaluate: Evaluator,
    at_once: int | None,
) -> None:
    """Let structures in until no place or no memory is left; the first one alone, where memory is to be measured."""
    measures, room = evaluate.measures, evaluate.room()
    most = at_once or (MOST if measures else MOST_UNMEASURED)
    graphs = [flight.graph for flight in flying]
    while len(graphs) < most:
        weight = weight_of(graphs)
        if graphs and room is None and measures:
            return
        if graphs and room is not None and weight + weight / len(graphs) > room:
            return
        try:
            index, request = next(queue)
        except StopIteration:
            return
        flight = _Flight(index, request, evaluate.model)
        flying.append(flight)
        if flight.found is None:
            graphs.append(flight.graph)


def _share_out(seconds: float, flying: list[_Flight]) -> None:
    atoms = [max(flight.request.geometry.n_atoms, 1) for flight in flying]
    for flight, n in zip(flying, atoms, strict=True):
        flight.wall_s += seconds * n / sum(atoms)
