"""From relaxed starts to binding energies, with the whole list of candidates."""

from __future__ import annotations

from collections.abc import Sequence

from liface.analysis import domain, energies
from liface.documents import BindingCandidate, BindingResult, CalculationDocument, EnergyCalculation
from liface.structures.shapes import Shape, describe
from liface.units import MEV
from liface.workflows.steps.binding import BindingSetup, Start, Starts, winners
from liface.workflows.steps.common import (
    Case,
    CaseOutput,
    all_converged,
    energy_of,
    lowest,
    magnetic_flags,
    unconverged_flags,
    with_energy,
)

DOI = ("10.1002/adma.202206762",)
REFERENCE_LIMIT_EV = 0.02
"""A clean slab that gains more than this after removal was not the minimum."""


def binding_results(
    case: Case,
    setup: BindingSetup,
    starts: Starts,
    relaxed: Sequence[CalculationDocument],
    removed: Sequence[CalculationDocument],
) -> CaseOutput:
    """Return one result for every size and arrangement that has an energy.

    Raises
    ------
    CalculationError
        None has.
    """
    with_energy(relaxed, f"{case.name}: arrangements of Li")
    clean = energy_of(setup.clean)
    reference = lowest([clean, *(energy_of(o) for o in removed if o.status != "failed")])
    return CaseOutput(
        results=tuple(
            _result(case, setup, starts, relaxed, winner, reference, removed) for winner in winners(starts, relaxed)
        )
    )


def _result(
    case: Case,
    setup: BindingSetup,
    starts: Starts,
    relaxed: Sequence[CalculationDocument],
    winner: tuple[Start, CalculationDocument],
    reference: EnergyCalculation,
    removed: Sequence[CalculationDocument],
) -> BindingResult:
    start, best = winner
    gain_ev = max(0.0, energy_of(setup.clean).energy_ev - reference.energy_ev)
    group = [
        (s, o)
        for s, o in zip(starts.starts, relaxed, strict=True)
        if (s.n_li, s.arrangement) == (start.n_li, start.arrangement)
    ]
    candidates = sorted(
        (_candidate(setup, s, energy_of(o), reference.energy_ev) for s, o in group if o.status != "failed"),
        key=lambda c: (round(c.e_bind_ev_per_li, 6), c.start),
    )
    solid = [c.e_bind_ev_per_li for c in candidates if c.shape == "3d"]
    spec = setup.spec
    relaxed_cell = energy_of(best).final
    return BindingResult(
        definition=(
            f"E_b = [E(slab + {start.n_li} Li) - E(slab) - n mu_Li] / n per Li; E(slab) is the lower of the relaxed "
            "slab and the slab relaxed again after removal; positive is less stable than bulk bcc Li"
        ),
        engine=case.engine,
        converged=all_converged([best, reference]) and setup.film.converged and setup.substrate.converged,
        flags=_flags(case, setup, start, group, best, reference, candidates[0].shape, gain_ev),
        provenance=case.provenance(
            (*setup.calc_ids, *(o.calc_id for _, o in group), *(o.calc_id for o in removed)), DOI
        ),
        substrate=spec.substrate.name,
        substrate_plane=spec.substrate_plane,
        substrate_termination=spec.substrate_termination,
        film_plane=spec.film_plane,
        monolayers=spec.monolayers,
        n_li=start.n_li,
        arrangement=start.arrangement,
        e_bind_ev_per_li=candidates[0].e_bind_ev_per_li,
        candidates=tuple(candidates),
        e_bind_lowest_3d_ev_per_li=min(solid, default=None),
        reference_gain_ev=gain_ev,
        area_a2=relaxed_cell.in_plane_area,
        n_atoms=relaxed_cell.n_atoms,
        strain_percent=setup.strain_percent,
        structure=relaxed_cell,
    )


def _candidate(setup: BindingSetup, start: Start, outcome: EnergyCalculation, reference_ev: float) -> BindingCandidate:
    shape = _shape(outcome)
    return BindingCandidate(
        start=start.name,
        e_bind_ev_per_li=energies.binding_energy(
            outcome.energy_ev, reference_ev, start.n_li, setup.film.energy_ev_per_atom
        ),
        shape=shape.kind,
        height_a=max(shape.heights),
        converged=outcome.status == "converged",
        calc_id=outcome.calc_id,
    )


def _shape(outcome: EnergyCalculation) -> Shape:
    return describe(outcome.final.to_structure())


def _flags(
    case: Case,
    setup: BindingSetup,
    start: Start,
    group: Sequence[tuple[Start, CalculationDocument]],
    best: CalculationDocument,
    reference: CalculationDocument,
    shape: str,
    gain_ev: float,
) -> tuple[str, ...]:
    flags = [*unconverged_flags([best, reference]), *magnetic_flags(case.engine, (best.initial, reference.initial))]
    failed = [s.name for s, o in group if o.status == "failed"]
    if not (setup.film.converged and setup.substrate.converged):
        flags.append("unconverged: a bulk reference")
    if failed:
        flags.append(f"partial: failed starts {', '.join(failed)}")
    if len(group) == 1:
        flags.append(f"single_start: {start.name} alone was relaxed")
    if gain_ev > REFERENCE_LIMIT_EV:
        flags.append(f"reference_not_minimum: the slab gained {gain_ev * MEV:.0f} meV after removal")
    expected = {"adatoms": ("adatoms",), "2d": ("raft",), "1d": ("raft", "adatoms"), "3d": ("3d",)}
    winner = next(s for s, o in group if o.calc_id == best.calc_id)
    if start.n_li > 1 and shape not in expected.get(winner.dimension, (shape,)):
        flags.append(f"shape_changed: {winner.name} ({winner.dimension}) became {shape}")
    if start.n_li > 1 and start.arrangement == "cluster" and shape == "adatoms":
        flags.append("shape_changed: the cluster fell apart")
    spec = setup.spec
    flags += domain.domain_flags(
        "binding",
        spec.substrate.elements,
        spec.substrate.closed_shell_salt and spec.monolayers == 0,
        case.engine.trained_on,
    )
    return tuple(dict.fromkeys(flags))
