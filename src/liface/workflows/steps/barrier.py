"""Hops of one Li adatom between the minima of a slab, and their paths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from pydantic import Field

from liface.analysis.hop_network import Channel, Threshold, migration
from liface.documents import CalculationDocument, CalculationRequest, CalculationSettings, Document, Geometry, quantity
from liface.documents.barriers import Vector2
from liface.documents.path import AS_GIVEN_A
from liface.errors import CalculationError, LifaceError
from liface.structures.hops import Hop, HopLattice, hop_lattice, moved_to
from liface.workflows.specs import BarrierSpec
from liface.workflows.steps.barrier_minima import Minima, Resting, clean_geometry, curvature_requests
from liface.workflows.steps.binding import BindingSetup
from liface.workflows.steps.common import Case

MARGIN_A = 0.5
"""A hop is shorter than the edges of the cell by this, so that it does not end on an image of its start."""
FURTHER = 1.6
"""Hops up to this many times as long as those that connect the whole plane are computed as well: the shortest ones may
lead over high minima where a longer one leads around them."""
DRIFT_A = 0.8
"""Å in the plane; an end that relaxed further than this from where the hop leads is the end of another hop."""


class HopPlan(Document):
    """One distinct hop to compute."""

    name: str
    start: int = quantity("1", "Minimum it starts from.")
    end: int = quantity("1", "Minimum it ends in.")
    vector: Vector2 = quantity("Å", "In-plane displacement.")
    steps: tuple[tuple[int, int, int, int], ...] = quantity("1", "From node, to node, primitive vectors further.")
    geometry: Geometry = Field(description="The adatom where it ends, with the slab around it.")


class Hops(Document):
    """The network, and the hops that are computed."""

    primitive: tuple[Vector2, Vector2] = quantity("Å", "In-plane vectors of the primitive cell.")
    nodes: tuple[int, ...] = quantity("1", "Which minimum each node of the primitive cell is.")
    hops: tuple[HopPlan, ...]
    left_out: tuple[str, ...] = ()


class Crossing(Document):
    """A hop with its path."""

    plan: HopPlan
    path: CalculationDocument
    end: CalculationDocument


def planned_hops(spec: BarrierSpec, setup: BindingSetup, minima: Minima) -> Hops:
    """Return the hops to compute, shortest first: enough to connect the plane, and those not much longer.

    Raises
    ------
    CalculationError
        No hop within the limits leads anywhere.
    """
    clean = clean_geometry(setup)
    slab = clean.to_structure()
    edges = np.linalg.norm(clean.cell_array[:2], axis=1)
    longest = min(spec.longest_hop_a, float(edges.min()) - MARGIN_A)
    lattice = hop_lattice(slab, [m.position for m in minima.minima], longest)
    lattice, folded = _without_folded(lattice, clean.cell_array[:2, :2])
    chosen = _enough(lattice, spec.most_hops)
    if not chosen:
        raise CalculationError(
            f"{spec.name}: no hop shorter than {longest:.1f} Å leads from one minimum to another; raise binding_edge_a "
            "in the protocol"
        )
    plans: list[HopPlan] = []
    left_out = [
        f"a hop of {hop.length_a:.1f} Å is longer than its way to another image: raise binding_edge_a" for hop in folded
    ]
    for hop in chosen:
        start, end = minima.minima[hop.start], minima.minima[hop.end]
        name = f"{start.name}-to-{end.name}-{hop.length_a:.1f}"
        try:
            positions = moved_to(slab, end.geometry.position_array, start.position[:2] + hop.vector)
        except LifaceError as error:
            left_out.append(f"{name}: {error}")
            continue
        frozen = np.append(np.array(clean.frozen), False)[:, None]
        positions = np.where(frozen, start.geometry.position_array, positions)
        geometry = start.geometry.with_positions(positions)
        plans.append(_plan(_distinct(name, plans), hop, geometry))
    return Hops(
        primitive=tuple((float(x), float(y)) for x, y in lattice.primitive),
        nodes=lattice.nodes,
        hops=tuple(plans),
        left_out=tuple(left_out),
    )


def _without_folded(lattice: HopLattice, cell: np.ndarray) -> tuple[HopLattice, list[Hop]]:
    """Take out hops that would run to a nearer image of their end: that path is another hop.

    ``cell`` are the in-plane vectors of the slab as rows, Å, shape (2, 2).
    """
    images = [i * cell[0] + j * cell[1] for i in (-1, 0, 1) for j in (-1, 0, 1)]
    nearest = [min(float(np.linalg.norm(hop.vector + image)) for image in images) for hop in lattice.hops]
    stands = [hop.length_a <= least + AS_GIVEN_A for hop, least in zip(lattice.hops, nearest, strict=True)]
    kept = tuple(hop for hop, does in zip(lattice.hops, stands, strict=True) if does)
    return replace(lattice, hops=kept), [hop for hop, does in zip(lattice.hops, stands, strict=True) if not does]


def _enough(lattice: HopLattice, most: int) -> list[Hop]:
    """Return the shortest hops that connect the whole plane, and those not much longer than the last of them."""
    lowest = [i for i, minimum in enumerate(lattice.nodes) if minimum == 0]
    for n in range(1, len(lattice.hops) + 1):
        channels = [Channel(0.0, hop.steps) for hop in lattice.hops[:n]]
        if migration(len(lattice.nodes), channels, lowest)[1] is not None:
            limit = FURTHER * lattice.hops[n - 1].length_a
            further = [hop for hop in lattice.hops[n:] if hop.length_a <= limit]
            return [*lattice.hops[:n], *further][: max(n, most)]
    return list(lattice.hops[:most])


def _plan(name: str, hop: Hop, geometry: Geometry) -> HopPlan:
    x, y = map(float, hop.vector)
    return HopPlan(name=name, start=hop.start, end=hop.end, vector=(x, y), steps=hop.steps, geometry=geometry)


def _distinct(name: str, plans: Sequence[HopPlan]) -> str:
    """Return the name, with a number where another hop has it."""
    taken = sum(plan.name == name or plan.name.startswith(f"{name}-no") for plan in plans)
    return f"{name}-no{taken + 1}" if taken else name


def end_requests(case: Case, hops: Hops) -> tuple[CalculationRequest, ...]:
    """Ask for the relaxation of the adatom where each hop ends."""
    settings = case.protocol.relaxation()
    return tuple(case.request(plan.geometry, settings, f"end-{plan.name}") for plan in hops.hops)


def path_requests(
    case: Case, spec: BarrierSpec, minima: Minima, hops: Hops, ends: Sequence[CalculationDocument]
) -> tuple[CalculationRequest, ...]:
    """Ask for the path of every hop whose end is where it should be."""
    protocol = case.protocol
    settings = CalculationSettings.neb(
        protocol.fmax_ev_per_a, protocol.max_force_calls * spec.path.images + 2, spec.path
    )
    return tuple(
        case.request(minima.minima[plan.start].geometry, settings, f"path-{plan.name}", end=end.final)
        for plan, end in zip(hops.hops, ends, strict=True)
        if end.status != "failed" and not _drift(minima, plan, end)
    )


def crossings(
    minima: Minima, hops: Hops, ends: Sequence[CalculationDocument], paths: Sequence[CalculationDocument]
) -> tuple[tuple[Crossing, ...], tuple[str, ...]]:
    """Return the hops that have a path, and why the others have none."""
    left = iter(paths)
    found, left_out = [], [*minima.left_out, *hops.left_out]
    for plan, end in zip(hops.hops, ends, strict=True):
        if end.status == "failed":
            left_out.append(f"{plan.name}: {end.reason}")
            continue
        if drift := _drift(minima, plan, end):
            left_out.append(f"{plan.name}: its end relaxed {drift:.1f} Å away, into another minimum")
            continue
        path = next(left)
        if path.status == "failed":
            left_out.append(f"{plan.name}: {path.reason}")
            continue
        found.append(Crossing(plan=plan, path=path, end=end))
    return tuple(found), tuple(left_out)


def thresholds(minima: Minima, hops: Hops, found: Sequence[Crossing]) -> tuple[Threshold, Threshold | None]:
    """Return what limits migration along the easiest direction, and in the whole plane.

    Raises
    ------
    CalculationError
        The hops that have a path lead nowhere.
    """
    lowest_ev = minima.minima[0].energy_ev
    channels = [Channel(saddle_ev(crossing) - lowest_ev, crossing.plan.steps) for crossing in found]
    nodes = [i for i, minimum in enumerate(hops.nodes) if minimum == 0]
    line, plane = migration(len(hops.nodes), channels, nodes)
    if line is None:
        raise CalculationError(
            f"the {len(found)} of {len(hops.hops)} hops that have a path do not lead from the lowest minimum "
            f"({minima.minima[0].name}) to an image of it; raise most_hops or longest_hop_a"
        )
    return line, plane


def saddle_ev(crossing: Crossing) -> float:
    """Return the highest energy on the way, eV: of the path without a barrier, that of its higher end."""
    path = crossing.path
    if path.status == "failed":  # crossings() leaves those out
        raise CalculationError(f"{path.label} failed: {path.reason}")
    return max(image.energy_ev for image in path.images)


def saddle_requests(
    case: Case, minima: Minima, hops: Hops, ends: Sequence[CalculationDocument], paths: Sequence[CalculationDocument]
) -> tuple[CalculationRequest, ...]:
    """Ask for the curvature at the saddle point that limits migration."""
    found, _ = crossings(minima, hops, ends, paths)
    line, _ = thresholds(minima, hops, found)
    crossing = found[line.channel]
    path = crossing.path
    if path.status == "failed":
        return ()
    saddle = Resting(
        name=f"saddle-{crossing.plan.name}",
        geometry=path.final,
        energy_ev=path.energy_ev,
        converged=path.status == "converged",
        calc_id=path.calc_id,
    )
    return curvature_requests(case, (saddle,))


def _drift(minima: Minima, plan: HopPlan, end: CalculationDocument) -> float:
    """Return how far in the plane an end has left its place, Å; 0 where it has not."""
    if end.status == "failed":
        return 0.0
    place = minima.minima[plan.start].position[:2] + np.array(plan.vector)
    drift = float(np.linalg.norm(end.final.position_array[-1, :2] - place))
    return drift if drift > DRIFT_A else 0.0
