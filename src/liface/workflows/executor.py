"""Who computes: the seam between a calculation job and the place it runs.

A job asks :func:`current_executor`. A dispatcher puts its own executor around the run, with a database of finished
calculations and a pool of workers behind it. Without one, this process computes, so a Flow runs under plain
``run_locally`` or on the worker of a queue; a worker whose environment names a shared folder in
``LIFACE_CALCULATIONS`` takes from it what is there, and leaves there what it has computed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from liface.documents import CalculationDocument, CalculationRequest, PathImage
from liface.engines.base import EngineSpec
from liface.engines.batch import may_compute_together, run_batch
from liface.engines.slow_kernel import warn_once
from liface.errors import NotComputedError
from liface.workflows.calculation_folder import CalculationFolder, wait_for_others
from liface.workflows.carry_on import compute_request, is_asked_again
from liface.workflows.prerelaxation import can_be_prerelaxed, prerelaxation

if TYPE_CHECKING:
    import numpy as np

CALCULATIONS = "LIFACE_CALCULATIONS"
"""Environment variable of a worker: the folder of finished calculations it shares with the other workers."""

Find = Callable[[Sequence[str]], Mapping[str, CalculationDocument]]
"""Looks calculations up by identity."""


class Executor(Protocol):
    """Anything that turns requests into outcomes, one per request and in their order."""

    @property
    def prerelaxed(self) -> Sequence[CalculationDocument]:
        """Relaxations by cheaper engines that outcomes began with, where nobody else has stored them."""
        ...

    def run(
        self, requests: Sequence[CalculationRequest], engine: EngineSpec, prerelax: EngineSpec | None = None
    ) -> list[CalculationDocument]:
        """Return the outcomes; a structure that fails is an outcome, never an exception.

        With ``prerelax``, relaxations of structures as built are begun by that engine.
        """
        ...


class InProcessExecutor:
    """Compute here, one structure after the other, equal ones once; DFT codes write into ``runs``."""

    def __init__(self, runs: Path | None = None):
        self._runs = runs
        self.prerelaxed: list[CalculationDocument] = []

    def run(
        self, requests: Sequence[CalculationRequest], engine: EngineSpec, prerelax: EngineSpec | None = None
    ) -> list[CalculationDocument]:
        """Return the outcomes in the order of the requests."""
        outcomes: dict[str, CalculationDocument] = {}
        if prerelax is None and may_compute_together(engine):
            distinct = {request.calc_id: request for request in requests}
            outcomes = dict(zip(distinct, run_batch(list(distinct.values()), engine, folder=self._runs), strict=True))
        for request in requests:
            if request.calc_id not in outcomes:
                first = self._prerelaxed(request, prerelax)
                outcomes[request.calc_id] = compute_request(request, engine, None, self._runs, first)
        for outcome in outcomes.values():
            warn_once(outcome)
        return [adopt(outcomes[request.calc_id], request) for request in requests]

    def _prerelaxed(self, request: CalculationRequest, prerelax: EngineSpec | None) -> CalculationDocument | None:
        if prerelax is None or not can_be_prerelaxed(request):
            return None
        (outcome,) = self.run([prerelaxation(request, prerelax)], prerelax)
        self.prerelaxed.append(outcome)
        return outcome


class FolderExecutor:
    """Compute here what a shared folder does not hold; what another process is computing is waited for.

    Parameters
    ----------
    folder
        Finished calculations of all workers.
    retry
        Failed and unconverged outcomes whose reason matches are computed again, if they were not made after ``since``.
    runs
        Where DFT codes write.
    """

    def __init__(
        self,
        folder: CalculationFolder,
        retry: re.Pattern[str] | None = None,
        since: datetime | None = None,
        runs: Path | None = None,
    ):
        self._folder, self._retry, self._since, self._runs = folder, retry, since, runs
        self.prerelaxed: list[CalculationDocument] = []

    def run(
        self, requests: Sequence[CalculationRequest], engine: EngineSpec, prerelax: EngineSpec | None = None
    ) -> list[CalculationDocument]:
        """Return the outcomes in the order of the requests."""
        todo = {request.calc_id: request for request in requests}
        outcomes: dict[str, CalculationDocument] = {}
        if prerelax is None and may_compute_together(engine):
            self._compute_together(todo, engine)
        rounds_without_news = 0
        while todo:
            done = {}
            for calc_id, request in todo.items():
                outcome = self._outcome(request, engine, prerelax)
                if outcome is not None:
                    done[calc_id] = outcome
            todo = {calc_id: request for calc_id, request in todo.items() if calc_id not in done}
            outcomes.update(done)
            rounds_without_news = 0 if done else rounds_without_news + 1
            if todo:
                wait_for_others(rounds_without_news)
        self._remember(outcome.started_from for outcome in outcomes.values())
        return [adopt(outcomes[request.calc_id], request) for request in requests]

    def _compute_together(self, todo: Mapping[str, CalculationRequest], engine: EngineSpec) -> None:
        """Compute what nobody has computed or is computing, in one batch; each outcome goes to the folder at once."""
        with ExitStack() as claims:
            mine = []
            for calc_id, request in todo.items():
                if self._folder.get(calc_id) is None and claims.enter_context(self._folder.claim(calc_id)):
                    # it may have come between the look and the claim
                    mine += [request] if self._folder.get(calc_id) is None else []
            for outcome in run_batch(mine, engine, self._folder.put, self._runs):
                warn_once(outcome)

    def _outcome(
        self, request: CalculationRequest, engine: EngineSpec, prerelax: EngineSpec | None
    ) -> CalculationDocument | None:
        """Return what is stored, or what comes of computing it; None while another process is at it."""
        stored = self._folder.get(request.calc_id)
        if stored is not None and not self._again(stored):
            return stored
        with self._folder.claim(request.calc_id) as mine:
            if not mine:
                return None
            stored = self._folder.get(request.calc_id)  # it may have come between the look and the claim
            if stored is not None and not self._again(stored):
                return stored
            first = self._prerelaxed(request, stored, prerelax)
            outcome = compute_request(request, engine, stored, self._runs, first)
            self._folder.put(outcome)
            warn_once(outcome)
            return outcome

    def _prerelaxed(
        self, request: CalculationRequest, stored: CalculationDocument | None, prerelax: EngineSpec | None
    ) -> CalculationDocument | None:
        if prerelax is None or not can_be_prerelaxed(request, stored):
            return None
        (outcome,) = self.run([prerelaxation(request, prerelax)], prerelax)
        self._remember([outcome.calc_id])
        return outcome

    def _remember(self, calc_ids: Iterable[str | None]) -> None:
        """Keep pre-relaxations to be handed on, also those that an earlier attempt at the same job made."""
        known = {outcome.calc_id for outcome in self.prerelaxed}
        for calc_id in calc_ids:
            found = self._folder.get(calc_id) if calc_id is not None and calc_id not in known else None
            self.prerelaxed += [found] if found is not None else []

    def _again(self, stored: CalculationDocument) -> bool:
        old = self._since is None or stored.created_at <= self._since
        return old and is_asked_again(stored, self._retry)


class KnownExecutor:
    """Answer from calculations that are there, and say which are not; computes nothing.

    After a :class:`~liface.errors.NotComputedError`, ``known`` holds those outcomes of the same call that are there.
    """

    def __init__(self, find: Find, retry: re.Pattern[str] | None = None):
        self._find, self._retry = find, retry
        self.known: tuple[CalculationDocument, ...] = ()
        self.prerelaxed: tuple[CalculationDocument, ...] = ()

    def run(
        self, requests: Sequence[CalculationRequest], engine: EngineSpec, prerelax: EngineSpec | None = None
    ) -> list[CalculationDocument]:
        """Return the stored outcomes in the order of the requests.

        Raises
        ------
        NotComputedError
            Any of them is missing.
        """
        found = self._find([request.calc_id for request in requests])
        found = {key: outcome for key, outcome in found.items() if not is_asked_again(outcome, self._retry)}
        self.known = tuple(found.values())
        missing = [request for request in requests if request.calc_id not in found]
        if missing:
            raise NotComputedError(missing[0].label, dict.fromkeys(request.calc_id for request in missing))
        return [adopt(found[request.calc_id], request) for request in requests]


_executor: ContextVar[Executor | None] = ContextVar("liface_executor", default=None)


def dispatched() -> Executor | None:
    """Return the executor a dispatcher has put around this process, if any."""
    return _executor.get()


def current_executor(
    retry: re.Pattern[str] | None = None, since: datetime | None = None, runs: Path | None = None
) -> Executor:
    """Return the executor a dispatcher has put in place, or one that computes in this process.

    Raises
    ------
    CalculationFolderError
        The environment names a folder that cannot be used.
    """
    executor = dispatched()
    if executor is not None:
        return executor
    if folder := os.environ.get(CALCULATIONS):
        return FolderExecutor(CalculationFolder(folder), retry, since, runs)
    return InProcessExecutor(runs)


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
    update: dict = {"initial": asked, "label": request.label, "end": request.end}
    if outcome.status != "failed":
        final = outcome.final.position_array[order]
        start = had.position_array[order]
        # Stored displacements are applied to the positions asked for, image by image.
        shift = np.rint(np.linalg.solve(asked.cell_array.T, (asked.position_array - start).T).T)
        positions = final + shift @ outcome.final.cell_array
        update["final"] = asked.with_positions(positions, outcome.final.cell_array)
        update["forces_ev_per_a"] = tuple(outcome.forces_ev_per_a[i] for i in order)
        update["images"] = tuple(_reordered(image, order, shift @ outcome.final.cell_array) for image in outcome.images)
    return outcome.model_copy(update=update)


def _reordered(image: PathImage, order: np.ndarray, shift: np.ndarray) -> PathImage:
    """Return an image of a path with its atoms in another order and other periodic images (Å)."""
    import numpy as np

    moved = np.array(image.positions, dtype=float)[order] + shift
    return image.model_copy(update={"positions": tuple(map(tuple, moved.tolist()))})
