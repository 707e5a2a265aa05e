"""Migration through a periodic network of minima: the lowest level at which steps lead without end.

Steps are opened from the lowest saddle point up. Long-range migration sets in when the minima that hang together with
the lowest one reach a periodic image of themselves: first along one direction, then in the whole plane. The highest
saddle point that this needs, above the lowest minimum, is the migration barrier (a minimax path).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from math import gcd

Cell = tuple[int, int]


@dataclass(frozen=True)
class Channel:
    """A hop whose periodic images are all open above one level.

    Attributes
    ----------
    level_ev
        Energy of its saddle point above the lowest minimum, eV.
    steps
        From node, to node, and how many vectors of the cell further.
    """

    level_ev: float
    steps: tuple[tuple[int, int, int, int], ...]


@dataclass(frozen=True)
class Threshold:
    """Where migration sets in: the level (eV), the channel that limits it, and one direction in cell vectors."""

    level_ev: float
    channel: int
    direction: Cell


def migration(
    n_nodes: int, channels: Sequence[Channel], lowest: Collection[int]
) -> tuple[Threshold | None, Threshold | None]:
    """Return where migration sets in along one direction, and in the whole plane; None where it never does.

    Parameters
    ----------
    n_nodes
        Minima in the cell.
    channels
        Hops with all their images.
    lowest
        Nodes that are the lowest minimum; one of them has to take part.
    """
    clusters = _Clusters(n_nodes)
    line: Threshold | None = None
    order = sorted(range(len(channels)), key=lambda k: (channels[k].level_ev, k))
    for k in order:
        for a, b, i, j in channels[k].steps:
            clusters.join(a, b, (i, j))
        cycles = max((clusters.cycles(node) for node in lowest), key=len, default=[])
        if cycles and line is None:
            line = Threshold(channels[k].level_ev, k, cycles[0])
        if len(cycles) == 2:
            return line, Threshold(channels[k].level_ev, k, _other(cycles, line))
    return line, None


def _other(cycles: Sequence[Cell], line: Threshold | None) -> Cell:
    """Return a direction in which migration is new."""
    assert line is not None
    return next(c for c in cycles if c[0] * line.direction[1] != c[1] * line.direction[0]) if cycles else (0, 0)


class _Clusters:
    """Sets of connected nodes, where each lies against the root of its set, and which translations lead back."""

    def __init__(self, n: int):
        self._parent = list(range(n))
        self._offset: list[Cell] = [(0, 0)] * n
        self._cycles: list[list[Cell]] = [[] for _ in range(n)]

    def join(self, a: int, b: int, step: Cell) -> None:
        """Open a step from a to b, so many cells further."""
        (ra, oa), (rb, ob) = self._find(a), self._find(b)
        # Position of b's root against a's root, in cells, if b is reached over this step.
        shift = (oa[0] + step[0] - ob[0], oa[1] + step[1] - ob[1])
        if ra == rb:
            self._note(ra, shift)
            return
        self._parent[rb], self._offset[rb] = ra, shift
        for cycle in self._cycles[rb]:
            self._note(ra, cycle)

    def cycles(self, node: int) -> list[Cell]:
        """Return up to two independent translations by which the set of a node repeats."""
        return self._cycles[self._find(node)[0]]

    def _find(self, node: int) -> tuple[int, Cell]:
        i = j = 0
        while self._parent[node] != node:
            di, dj = self._offset[node]
            i, j, node = i + di, j + dj, self._parent[node]
        return node, (i, j)

    def _note(self, root: int, cycle: Cell) -> None:
        known = self._cycles[root]
        if cycle == (0, 0) or len(known) == 2:
            return
        if all(cycle[0] * c[1] != cycle[1] * c[0] for c in known):
            divisor = gcd(*cycle)
            i, j = cycle[0] // divisor, cycle[1] // divisor
            known.append((i, j) if (i, j) > (0, 0) else (-i, -j))
