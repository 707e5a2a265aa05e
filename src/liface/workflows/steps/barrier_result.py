"""From paths to the migration barrier of an adatom."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from liface.analysis import domain
from liface.analysis.attempt import attempt_frequency
from liface.analysis.hop_network import Threshold
from liface.documents import CalculationDocument
from liface.documents.barriers import BarrierHop, BarrierMinimum, BarrierResult, Vector2
from liface.errors import AnalysisError, CalculationError
from liface.workflows.specs import BarrierSpec
from liface.workflows.steps.barrier import Crossing, Hops, crossings, saddle_ev, thresholds
from liface.workflows.steps.barrier_minima import Minima, clean_geometry, hessians
from liface.workflows.steps.binding import BindingSetup
from liface.workflows.steps.common import Case, all_converged, magnetic_flags, unconverged_flags

DOI = ("10.1063/1.1323224", "10.1063/1.1329672", "10.1016/0022-3697(57)90059-8")

DEFINITION = (
    "barrier = E(saddle) - E(lowest minimum) of the highest saddle point on the easiest way of one Li adatom that "
    "leads without end, from climbing-image paths; zero-point energies are left out"
)


def barrier_result(
    case: Case,
    spec: BarrierSpec,
    setup: BindingSetup,
    minima: Minima,
    hops: Hops,
    ends: Sequence[CalculationDocument],
    paths: Sequence[CalculationDocument],
    saddle: Sequence[CalculationDocument],
) -> BarrierResult:
    """Return the migration barrier with all that it rests on.

    Raises
    ------
    CalculationError
        The hops that have a path lead nowhere.
    """
    found, left_out = crossings(minima, hops, ends, paths)
    line, plane = thresholds(minima, hops, found)
    limiting = found[line.channel]
    curvatures = _across(limiting, saddle)
    attempt = _attempt(minima.minima[0].curvatures, curvatures)
    if limiting.path.status == "failed":  # crossings() leaves those out
        raise CalculationError(limiting.path.reason)
    structure = limiting.path.final
    rest = [setup.clean, *(c.end for c in found), *(c.path for c in found)]
    unsettled = [m.name for m in minima.minima if not m.converged]
    return BarrierResult(
        definition=DEFINITION,
        engine=case.engine,
        converged=all_converged(rest) and not unsettled and setup.film.converged and setup.substrate.converged,
        flags=_flags(case, spec, setup, rest, unsettled, left_out, attempt is None),
        provenance=case.provenance(
            (*setup.calc_ids, *minima.calc_ids, *(o.calc_id for o in (*ends, *paths, *saddle))), DOI
        ),
        substrate=spec.substrate.name,
        substrate_plane=spec.substrate_plane,
        substrate_termination=spec.substrate_termination,
        monolayers=spec.monolayers,
        film_plane=spec.film_plane,
        barrier_ev=line.level_ev,
        direction=_cartesian(hops, line),
        barrier_across_ev=plane.level_ev if plane else None,
        direction_across=_cartesian(hops, plane) if plane else None,
        limiting_hop=line.channel,
        hop_length_a=float(np.linalg.norm(limiting.plan.vector)),
        attempt_hz=attempt,
        minima=_minima(setup, minima),
        hops=tuple(_hop(minima, c, curvatures if k == line.channel else None) for k, c in enumerate(found)),
        left_out=left_out,
        area_a2=structure.in_plane_area,
        n_atoms=structure.n_atoms,
        strain_percent=setup.strain_percent,
        structure=structure,
    )


def _cartesian(hops: Hops, threshold: Threshold) -> Vector2:
    x, y = np.array(threshold.direction, dtype=float) @ np.array(hops.primitive)
    return float(x), float(y)


def _across(crossing: Crossing, saddle: Sequence[CalculationDocument]) -> tuple[float, ...] | None:
    """Return the curvatures of the adatom across its path at the saddle point, eV/Å²; None if they are not known."""
    hessian = hessians(saddle)[0] if saddle else None
    path = crossing.path
    if hessian is None or path.status == "failed":
        return None
    top = max(range(len(path.images)), key=lambda k: path.images[k].energy_ev)
    if top in (0, len(path.images) - 1):  # uphill all the way: the highest place is the end of another hop
        return None
    tangent = np.subtract(path.images[top + 1].positions[-1], path.images[top - 1].positions[-1])
    plane = np.linalg.svd(tangent[None])[2][1:]  # two unit vectors across the tangent
    return tuple(map(float, np.linalg.eigvalsh(plane @ hessian @ plane.T)))


def _attempt(minimum: tuple[float, ...], saddle: tuple[float, ...] | None) -> float | None:
    from ase.data import atomic_masses, atomic_numbers

    try:
        return attempt_frequency(minimum, saddle or (), float(atomic_masses[atomic_numbers["Li"]]))
    except AnalysisError:  # flagged saddle_order
        return None


def _minima(setup: BindingSetup, minima: Minima) -> tuple[BarrierMinimum, ...]:
    top = float(clean_geometry(setup).position_array[:, 2].max())
    lowest = minima.minima[0].energy_ev
    return tuple(
        BarrierMinimum(
            name=m.name,
            energy_ev=m.energy_ev - lowest,
            height_a=float(m.position[2]) - top,
            curvatures=m.curvatures,
            converged=m.converged,
            calc_id=m.calc_id,
        )
        for m in minima.minima
    )


def _hop(minima: Minima, crossing: Crossing, curvatures: tuple[float, ...] | None) -> BarrierHop:
    plan, path = crossing.plan, crossing.path
    if path.status == "failed":  # crossings() leaves those out
        raise CalculationError(path.reason)
    lowest, top = minima.minima[0].energy_ev, saddle_ev(crossing)
    return BarrierHop(
        start=minima.minima[plan.start].name,
        end=minima.minima[plan.end].name,
        direction=plan.vector,
        length_a=float(np.linalg.norm(plan.vector)),
        multiplicity=len(plan.steps),
        forward_ev=top - path.images[0].energy_ev,
        reverse_ev=top - path.images[-1].energy_ev,
        saddle_ev=top - lowest,
        profile_ev=tuple(image.energy_ev - lowest for image in path.images),
        curvatures=curvatures,
        converged=path.status == "converged",
        calc_id=path.calc_id,
    )


def _flags(
    case: Case,
    spec: BarrierSpec,
    setup: BindingSetup,
    rest: Sequence[CalculationDocument],
    unsettled: Sequence[str],
    left_out: Sequence[str],
    no_attempt: bool,
) -> tuple[str, ...]:
    flags = [*unconverged_flags(rest), *magnetic_flags(case.engine, (o.initial for o in rest))]
    if unsettled:
        flags.append(f"unconverged: minima {', '.join(unsettled)}")
    if not (setup.film.converged and setup.substrate.converged):
        flags.append("unconverged: a bulk reference")
    failed = [text for text in left_out if "no minimum" not in text]
    if failed:
        flags.append(f"partial: {len(failed)} sites or hops gave nothing, see left_out")
    if no_attempt:
        flags.append("saddle_order: the prefactor is left out")
    flags += domain.domain_flags(
        "barrier",
        spec.substrate.elements,
        spec.substrate.closed_shell_salt and spec.monolayers == 0,
        case.engine.trained_on,
    )
    return tuple(dict.fromkeys(flags))
