"""Many graphs in as few calls of a model as the memory of the device allows, each answered or failed by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from liface.engines import device
from liface.engines.base import BatchedModel, EnergyForces, Graph
from liface.engines.potential import engine_raised
from liface.errors import CalculationError, EngineSetupError, RunStoppedError

if TYPE_CHECKING:
    from ase import Atoms

SAFE_SHARE = 0.7
"""Part of the free memory that a call is planned to fill; torch cannot use what lies in fragments."""


def graph_of(model: BatchedModel, atoms: Atoms) -> Graph:
    """Return the graph of a structure.

    Raises
    ------
    CalculationError
        If the model cannot treat the structure.
    """
    try:
        return model.graph(atoms)
    except (CalculationError, EngineSetupError, RunStoppedError):
        raise  # the latter two are the fault of no structure
    except Exception as error:  # a model may raise anything on a structure it cannot treat
        raise engine_raised(error) from error


class Evaluator:
    """Computes graphs together.

    How many go into one call follows from the free memory and from what the largest call so far needed per edge. A call
    that runs out of memory is made again in two halves, down to single structures, and no later call is as large. A
    call that fails otherwise is halved too, so that only the structure at fault fails.
    """

    def __init__(self, model: BatchedModel):
        self.model = model
        self.ceiling: int | None = None
        """Weight of a call, half of what has once run out of memory."""
        self.bytes_per_weight: float | None = None
        self._measured_at = 0

    @property
    def measures(self) -> bool:
        """Whether the device says how much memory is free."""
        return device.free_bytes(self.model.device) is not None

    def room(self) -> int | None:
        """Return the weight that a call may have; None where that is not known (yet)."""
        free = device.free_bytes(self.model.device)
        known = [] if self.ceiling is None else [self.ceiling]
        if free is not None and self.bytes_per_weight is not None:
            known.append(int(SAFE_SHARE * free / self.bytes_per_weight))
        return min(known, default=None)

    def __call__(self, graphs: Sequence[Graph]) -> list[EnergyForces | CalculationError]:
        """Return an answer, or the reason why there is none, for each graph.

        Raises
        ------
        EngineSetupError
            If the device fails.
        """
        answers: list[EnergyForces | CalculationError] = []
        for chunk in self._chunks(graphs):
            answers += self._answers(chunk)
        return answers

    def _chunks(self, graphs: Sequence[Graph]) -> Iterator[list[Graph]]:
        room = self.room()
        chunk: list[Graph] = []
        for graph in graphs:
            if chunk and room is not None and weight_of(chunk) + graph.weight > room:
                yield chunk
                chunk = []
            chunk.append(graph)
        if chunk:
            yield chunk

    def _answers(self, chunk: list[Graph]) -> list[EnergyForces | CalculationError]:
        try:
            return list(self._measured(chunk))
        except (EngineSetupError, RunStoppedError):
            raise
        except Exception as error:  # as in graph_of; which structure it was shows when the call is halved
            trouble = error.with_traceback(None)  # whose frames would hold the memory of the call
        if device.is_lost(trouble):
            raise EngineSetupError(f"{self.model.device} failed and computes nothing more: {trouble}") from trouble
        if device.is_out_of_memory(trouble):
            self.ceiling = max(1, weight_of(chunk) // 2)
            device.give_back(self.model.device)
        if len(chunk) == 1:
            return [self._reason(chunk[0], trouble)]
        half = len(chunk) // 2
        return self._answers(chunk[:half]) + self._answers(chunk[half:])

    def _measured(self, chunk: list[Graph]) -> list[EnergyForces]:
        answers, peak = device.with_peak(self.model.device, lambda: self.model.predict(chunk))
        weight = weight_of(chunk)
        if peak is not None and weight >= self._measured_at:
            self.bytes_per_weight, self._measured_at = max(peak, 1) / max(weight, 1), weight
        return answers

    def _reason(self, graph: Graph, error: Exception) -> CalculationError:
        if not device.is_out_of_memory(error):
            return engine_raised(error)
        free = device.free_bytes(self.model.device)
        left = "" if free is None else f" {free / 2**30:.1f} GiB of"
        return CalculationError(
            f"out of device memory: {graph.n_atoms} atoms with {graph.weight} edges alone are too much for{left} "
            f"{self.model.device}; compute it with device=cpu"
        )


def weight_of(graphs: Sequence[Graph]) -> int:
    """Return the weight of a call."""
    return sum(graph.weight for graph in graphs)
