"""Where one Li adatom rests on a slab: every site relaxed, what is no minimum pushed off and relaxed again.

An atom put on a symmetric site stays there also where that is a saddle point or a maximum, since no force breaks the
symmetry. So each is pushed off along its softest modes and relaxed again: a minimum is where it comes back. The modes,
and the frequencies of the adatom, are those of the adatom in a fixed slab, from forces at six displaced points. They
alone would not do: a slab that has made way for the adatom holds it also where both together would go downhill.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from pydantic import Field

from liface.documents import CalculationDocument, CalculationRequest, CalculationSettings, Document, Geometry, quantity
from liface.errors import CalculationError
from liface.structures.hops import SAME_A, distinct_places, nearest_place
from liface.workflows.steps.binding import BindingSetup, single_atoms, sites_of
from liface.workflows.steps.common import Case, energy_of

DISPLACEMENT_A = 0.05
UNSTABLE_EV_PER_A2 = -0.02
"""A mode softer than this leads downhill; flatter ones are the noise of forces."""
PUSH_A = 0.3
SLANT = 0.4
"""Angle (rad) of a push off the softest mode towards the next: two soft modes of a symmetric site are any two."""
GAIN_EV = 0.002
"""A push that gains more than this has left a place, also if the adatom is near it again."""
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


class Pushed(Settled):
    """What came of pushing: the places that were not known before, and the names of those that were left for good."""

    left: tuple[str, ...] = ()


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


def settled(setup: BindingSetup, outcomes: Sequence[CalculationDocument]) -> Settled:
    """Return the distinct places where relaxations ended.

    Raises
    ------
    CalculationError
        None has an energy.
    """
    clean = clean_geometry(setup)
    points, left_out = _resting(clean, outcomes)
    if not points:
        raise CalculationError(f"no adatom came to rest on the slab: {'; '.join(left_out) or 'it has no sites'}")
    points.sort(key=lambda p: (round(p.energy_ev, 5), p.name))
    first = distinct_places(clean.to_structure(), [p.position for p in points])
    kept = [p for i, p in enumerate(points) if first[i] == i]
    return Settled(points=_named(setup, kept), left_out=tuple(left_out))


def _named(setup: BindingSetup, points: Sequence[Resting]) -> tuple[Resting, ...]:
    """Return the points under the names of the sites where they are, not of those where they were put."""
    slab, sites = clean_geometry(setup).to_structure(), sites_of(setup)
    named: list[Resting] = []
    for point in points:
        nearest, distance = nearest_place(slab, point.position, [np.array(site.position) for site in sites])
        name = sites[nearest].name if distance < SAME_A else f"off-{sites[nearest].name}"
        same = sum(p.name == name or p.name.startswith(f"{name}-no") for p in named)
        named.append(point.model_copy(update={"name": f"{name}-no{same + 1}" if same else name}))
    return tuple(named)


def _resting(clean: Geometry, outcomes: Sequence[CalculationDocument]) -> tuple[list[Resting], list[str]]:
    """Return the outcomes that can be used, and why the others cannot."""
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
    return points, left_out


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
    """Ask for the relaxation of every place after a push along its softest modes, off the symmetry lines.

    Where the adatom alone would go downhill, it is pushed both ways.
    """
    requests = []
    for point, hessian in zip(found.points, hessians(displaced_points), strict=True):
        if hessian is None:
            continue
        values, modes = np.linalg.eigh(hessian)
        way = np.cos(SLANT) * modes[:, 0] + np.sin(SLANT) * modes[:, 1]
        for sign, mark in ((1, "+"), (-1, "-"))[: 2 if values[0] < UNSTABLE_EV_PER_A2 else 1]:
            positions = point.geometry.position_array
            positions[-1] += sign * PUSH_A * way
            pushed = point.geometry.with_positions(positions)
            requests.append(case.request(pushed, case.protocol.relaxation(), f"1Li-{point.name}{mark}"))
    return tuple(requests)


def after_push(setup: BindingSetup, found: Settled, outcomes: Sequence[CalculationDocument]) -> Pushed:
    """Return which places were left, and the places that are new.

    A place is left where its adatom relaxed to another one, or clearly lower at the same.
    """
    clean = clean_geometry(setup)
    pushed, left_out = _resting(clean, outcomes)
    together = [*found.points, *sorted(pushed, key=lambda p: (round(p.energy_ev, 5), p.name))]
    first = distinct_places(clean.to_structure(), [p.position for p in together])
    names = [p.name for p in found.points]
    left, new = [], []
    for i in range(len(names), len(together)):
        point, place = together[i], first[i]
        origin = names.index(point.name[:-1])
        lower = place < len(names) and point.energy_ev < found.points[place].energy_ev - GAIN_EV
        if place != origin or lower:
            left.append(names[origin])
        if place == i or lower:
            new.append(point)
            left += [names[place]] if lower else []
    first = distinct_places(clean.to_structure(), [p.position for p in new])
    return Pushed(
        points=tuple(p for i, p in enumerate(new) if first[i] == i),
        left=tuple(dict.fromkeys(left)),
        left_out=tuple(left_out),
    )


def minima(
    found: Settled,
    curvatures: Sequence[CalculationDocument],
    later: Pushed,
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
            if points is found.points and point.name in later.left:
                left_out.append(f"{point.name}: no minimum, the adatom left it after a push of {PUSH_A:g} Å")
                continue
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
