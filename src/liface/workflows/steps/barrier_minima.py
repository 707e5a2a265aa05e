"""Where one Li adatom rests on a slab: every site relaxed, what is no minimum pushed off and relaxed again.

An atom put on a symmetric site stays there also where that is a saddle point or a maximum, since no force breaks the
symmetry. So the curvature is asked for: of the adatom in a fixed slab, from forces at six displaced points.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from liface.documents import CalculationDocument, CalculationRequest, CalculationSettings, Document, Geometry, quantity
from liface.errors import CalculationError
from liface.structures.hops import distinct_places
from liface.workflows.steps.binding import BindingSetup, single_atoms
from liface.workflows.steps.common import Case, energy_of

if TYPE_CHECKING:
    from pymatgen.core import Structure

DISPLACEMENT_A = 0.05
UNSTABLE_EV_PER_A2 = -0.02
"""A mode softer than this leads downhill; flatter ones are the noise of forces."""
PUSH_A = 0.3
REBUILT_A = 1.2
"""Å; where an atom of the slab went further than this, the adatom changed places with it or dug itself in."""


class Resting(Document):
    """One relaxed adatom."""

    name: str
    geometry: Geometry
    energy_ev: float = quantity("eV", "Of the cell.")
    converged: bool
    calc_id: str

    @property
    def position(self) -> np.ndarray:
        """Cartesian position of the adatom, the last atom, Å."""
        return self.geometry.position_array[-1]


class Settled(Document):
    """Distinct places where relaxations ended, lowest first, and why others are left out."""

    points: tuple[Resting, ...]
    left_out: tuple[str, ...] = ()


class Minimum(Resting):
    """A place with no way down."""

    curvatures: tuple[float, ...] = quantity("eV/Å^2", "Eigenvalues of the partial Hessian, ascending.")


class Minima(Document):
    """Distinct minima, lowest first."""

    minima: tuple[Minimum, ...]
    left_out: tuple[str, ...] = ()
    calc_ids: tuple[str, ...] = Field(default=(), description="Every calculation on the way.")


def relaxation_requests(case: Case, setup: BindingSetup) -> tuple[CalculationRequest, ...]:
    """Ask for the relaxation of one Li on every distinct site."""
    settings = case.protocol.relaxation()
    return tuple(
        case.request(start.geometry, settings, f"1Li-{start.name}", as_built=True) for start in single_atoms(setup)
    )


def settled(setup: BindingSetup, outcomes: Sequence[CalculationDocument], known: Settled | None = None) -> Settled:
    """Return the distinct places where relaxations ended, without those of ``known``.

    Raises
    ------
    CalculationError
        None has an energy, and nothing was known before.
    """
    clean = clean_geometry(setup)
    points, left_out = [], []
    for outcome in outcomes:
        name = outcome.label.rsplit("1Li-", 1)[-1]
        reason = _reason_to_leave_out(outcome, clean)
        if reason or outcome.status == "failed":
            left_out.append(f"{name}: {reason}")
            continue
        points.append(
            Resting(
                name=name,
                geometry=outcome.final,
                energy_ev=outcome.energy_ev,
                converged=outcome.status == "converged",
                calc_id=outcome.calc_id,
            )
        )
    if not points and known is None:
        raise CalculationError(f"no adatom came to rest on the slab: {'; '.join(left_out) or 'it has no sites'}")
    before = known.points if known else ()
    ordered = [*before, *sorted(points, key=lambda p: (round(p.energy_ev, 5), p.name))]
    first = distinct_places(clean.to_structure(), [p.position for p in ordered])
    new = [p for i, p in enumerate(ordered) if first[i] == i and i >= len(before)]
    return Settled(points=tuple(new), left_out=tuple(left_out))


def curvature_requests(case: Case, points: Sequence[Resting]) -> tuple[CalculationRequest, ...]:
    """Ask for forces with the adatom displaced both ways along x, y and z."""
    return tuple(
        case.request(moved, CalculationSettings.static(), f"{point.name}-{way}")
        for point in points
        for way, moved in displaced(point.geometry)
    )


def displaced(geometry: Geometry) -> Iterator[tuple[str, Geometry]]:
    """Yield the geometry with its last atom displaced, and which way."""
    for axis, name in enumerate("xyz"):
        for sign, side in ((1, "up"), (-1, "down")):
            positions = geometry.position_array
            positions[-1, axis] += sign * DISPLACEMENT_A
            yield f"{name}-{side}", geometry.with_positions(positions)


def hessians(outcomes: Sequence[CalculationDocument]) -> list[np.ndarray | None]:
    """Return the partial Hessian (eV/Å², shape (3, 3)) of each six displaced points; None where one has failed."""
    return [_hessian(outcomes[i : i + 6]) for i in range(0, len(outcomes), 6)]


def _hessian(six: Sequence[CalculationDocument]) -> np.ndarray | None:
    forces = [np.array(o.forces_ev_per_a[-1]) for o in six if o.status != "failed"]
    if len(forces) < 6:
        return None
    matrix = np.array([(forces[2 * i + 1] - forces[2 * i]) / (2 * DISPLACEMENT_A) for i in range(3)])
    return (matrix + matrix.T) / 2


def push_requests(
    case: Case, found: Settled, displaced_points: Sequence[CalculationDocument]
) -> tuple[CalculationRequest, ...]:
    """Ask for the relaxation of every place that is no minimum, pushed off both ways along what leads down."""
    requests = []
    for point, hessian in zip(found.points, hessians(displaced_points), strict=True):
        if hessian is None or (way := _way_down(hessian)) is None:
            continue
        for sign, mark in ((1, "+"), (-1, "-")):
            positions = point.geometry.position_array
            positions[-1] += sign * PUSH_A * way
            pushed = point.geometry.with_positions(positions)
            requests.append(case.request(pushed, case.protocol.relaxation(), f"1Li-{point.name}{mark}"))
    return tuple(requests)


def _way_down(hessian: np.ndarray) -> np.ndarray | None:
    """Return the direction in which a place is left; off the symmetry lines where there are two."""
    values, modes = np.linalg.eigh(hessian)
    unstable = modes[:, values < UNSTABLE_EV_PER_A2].T
    if not len(unstable):
        return None
    if len(unstable) == 1:
        return unstable[0]
    mixed = np.cos(0.4) * unstable[0] + np.sin(0.4) * unstable[1]
    return mixed / np.linalg.norm(mixed)


def minima(
    found: Settled,
    curvatures: Sequence[CalculationDocument],
    later: Settled,
    later_curvatures: Sequence[CalculationDocument],
) -> Minima:
    """Return the places with no way down, of those found first and those found by pushing.

    Raises
    ------
    CalculationError
        There is none.
    """
    kept, left_out = [], [*found.left_out, *later.left_out]
    for points, outcomes in ((found.points, curvatures), (later.points, later_curvatures)):
        for point, hessian in zip(points, hessians(outcomes), strict=True):
            if hessian is None:
                left_out.append(f"{point.name}: a displaced point has no forces")
                continue
            values = np.linalg.eigvalsh(hessian)
            if values[0] < UNSTABLE_EV_PER_A2:
                left_out.append(f"{point.name}: no minimum, its softest mode has {values[0]:.2f} eV/Å²")
                continue
            kept.append(Minimum(**dict(point), curvatures=tuple(map(float, values))))
    if not kept:
        raise CalculationError(f"no site of the adatom is a minimum: {'; '.join(left_out)}")
    kept.sort(key=lambda m: (round(m.energy_ev, 5), m.name))
    calculations = (*(p.calc_id for p in (*found.points, *later.points)),)
    return Minima(
        minima=tuple(kept),
        left_out=tuple(left_out),
        calc_ids=(*calculations, *(o.calc_id for o in (*curvatures, *later_curvatures))),
    )


def clean_geometry(setup: BindingSetup) -> Geometry:
    """Return the relaxed clean slab."""
    return energy_of(setup.clean).final


def _reason_to_leave_out(outcome: CalculationDocument, clean: Geometry) -> str:
    if outcome.status == "failed":
        return outcome.reason
    moved = outcome.final.position_array[:-1] - clean.position_array
    furthest = float(np.linalg.norm(moved, axis=1).max())
    if furthest > REBUILT_A:
        return f"the slab rebuilt itself, an atom moved {furthest:.1f} Å"
    return ""
