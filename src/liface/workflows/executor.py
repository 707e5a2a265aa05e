"""Who computes: the seam between a calculation job and the place it runs.

A job asks :func:`current_executor`. Without a dispatcher that is this process, so a Flow runs under plain
``run_locally`` or on a remote worker. A dispatcher puts its own executor around the run, with a database of
finished calculations and a pool of workers behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from liface.documents import CalculationDocument, CalculationRequest
from liface.engines.base import EngineSpec


class Executor(Protocol):
    """Anything that turns requests into outcomes, one per request and in their order."""

    def run(self, requests: Sequence[CalculationRequest], engine: EngineSpec) -> list[CalculationDocument]:
        """Return the outcomes; a structure that fails is an outcome, never an exception."""
        ...


class InProcessExecutor:
    """Compute here, one structure after the other, equal ones once."""

    def run(self, requests: Sequence[CalculationRequest], engine: EngineSpec) -> list[CalculationDocument]:
        """Return the outcomes in the order of the requests."""
        from liface.engines.batch import run_batch

        distinct = {request.calc_id: request for request in requests}
        outcomes = dict(zip(distinct, run_batch(list(distinct.values()), engine), strict=True))
        return [adopt(outcomes[request.calc_id], request) for request in requests]


_executor: ContextVar[Executor | None] = ContextVar("liface_executor", default=None)


def current_executor() -> Executor:
    """Return the executor a dispatcher has put in place, or one that computes in this process."""
    return _executor.get() or InProcessExecutor()


@contextmanager
def use_executor(executor: Executor) -> Iterator[None]:
    """Let every calculation job inside the block go to ``executor``."""
    token = _executor.set(executor)
    try:
        yield
    finally:
        _executor.reset(token)


def adopt(outcome: CalculationDocument, request: CalculationRequest) -> CalculationDocument:
    """Return a stored outcome as the answer to ``request``: its atom order, roles and label.

    Equal identities may list the same atoms in another order or in other periodic images, and call them
    by other roles.
    """
    import numpy as np

    asked, had = request.geometry, outcome.initial
    same = asked.species == had.species and asked.positions == had.positions and asked.cell == had.cell
    if same and asked.roles == had.roles and outcome.label == request.label:
        return outcome
    if same:
        order = np.arange(asked.n_atoms)
    else:
        order = np.empty(asked.n_atoms, dtype=int)
        order[asked.canonical_order()] = had.canonical_order()
    update: dict = {"initial": asked, "label": request.label}
    if outcome.status != "failed":
        final = outcome.final.position_array[order]
        start = had.position_array[order]
        # Stored displacements are applied to the positions asked for, image by image.
        shift = np.rint(np.linalg.solve(asked.cell_array.T, (asked.position_array - start).T).T)
        positions = final + shift @ outcome.final.cell_array
        update["final"] = asked.with_positions(positions, outcome.final.cell_array)
        update["forces_ev_per_a"] = tuple(outcome.forces_ev_per_a[i] for i in order)
    return outcome.model_copy(update=update)
