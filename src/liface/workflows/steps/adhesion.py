"""Work of adhesion of two materials: slab on slab, gap and registry scan, the best starts relaxed.

One side keeps its relaxed lattice and the other is strained onto it. Both free slabs are relaxed in the cell of the
interface and with the same number of atoms, so that bulk energies, outer surfaces and the strain energy cancel in
W = (E_A + E_B - E_AB) / area. The upper face of the held side meets the lower face of the strained one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from liface.analysis import energies
from liface.documents import (
    CalculationDocument,
    CalculationRequest,
    CalculationSettings,
    Document,
    EnergyCalculation,
    ScanPoint,
    quantity,
)
from liface.workflows.specs import AdhesionSpec, Side
from liface.workflows.steps.common import BulkReference, Case, lowest, with_energy
from liface.workflows.steps.interface import Scan, all_shifts, matched, ranked_starts
from liface.workflows.steps.registry_scan import RegistryScan

if TYPE_CHECKING:
    from liface.structures.interfaces import InterfaceBuilder, InterfaceCell
    from liface.structures.matching import Match

WIDER_GAPS_A = (3.0, 3.4)
"""Tried as well where a layered crystal ends in a whole sheet, which keeps more distance than a bond is long."""


class AdhesionSetup(Document):
    """What every cell of one pair shares."""

    spec: AdhesionSpec
    held: BulkReference
    taut: BulkReference


class AdhesionStart(Document):
    """The start that relaxed lowest, and the scan that chose it."""

    gap_a: float = quantity("Å", "Distance between the facing planes before relaxation.")
    shift: tuple[float, float] = quantity("1", "Strained side over the held one, fractions of the interface cell.")
    scan: tuple[ScanPoint, ...]
    scan_note: str = Field(default="", description="What was left out of the scan.")
    relaxed: tuple[CalculationDocument, ...]
    best: CalculationDocument


def pair_match(setup: AdhesionSetup) -> Match:
    """Return the integer cells of the spec on the relaxed lattices."""
    held, taut = setup.spec.held, setup.spec.taut
    return matched(setup.spec.match, held.material, held.plane, setup.held, taut.material, taut.plane, setup.taut)


def builder(case: Case, setup: AdhesionSetup) -> InterfaceBuilder:
    """Return what builds every cell of the pair; both slabs have the least height of substrates or more."""
    from liface.structures.interfaces import InterfaceBuilder

    held, taut, match = setup.spec.held, setup.spec.taut, pair_match(setup)
    first, second = (1 + percent / 100 for percent in match.principal_percent)
    return InterfaceBuilder(
        setup.held.geometry.to_structure(),
        held.plane,
        setup.taut.geometry.to_structure(),
        taut.plane,
        match,
        termination=held.termination,
        film_termination=taut.termination,
        substrate_min_thickness_a=case.protocol.substrate_thickness_a,
        film_min_thickness_a=case.protocol.substrate_thickness_a,
        # The height that a Poisson ratio of one third gives; atoms are free to find their own.
        film_spacing_scale=(first * second) ** -0.5,
        substrate_reference=held.material.structure(),
        film_reference=taut.material.structure(),
        anion_bonds=held.material.anion_bonds,
        film_anion_bonds=taut.material.anion_bonds,
        keep_cell=held.material.broken_symmetry,
        film_keep_cell=taut.material.broken_symmetry,
    )


def pair_cell(
    case: Case, build: InterfaceBuilder, gap_a: float, shift: tuple[float, float] = (0.0, 0.0)
) -> InterfaceCell:
    """Return the strained slab on the held one, vacuum above."""
    return build.with_vacuum(gap_a, shift, vacuum_a=case.protocol.vacuum_a)


def layered_sides(spec: AdhesionSpec) -> tuple[Side, ...]:
    """Return the sides whose crystals are sheets held together by dispersion."""
    from liface.structures.layered import is_layered

    return tuple(side for side in (spec.a, spec.b) if is_layered(side.material.structure()))


def gaps_of(case: Case, spec: AdhesionSpec) -> tuple[float, ...]:
    """Return the gaps to try, Å, ascending; wider ones as well next to a layered crystal."""
    wider = WIDER_GAPS_A if layered_sides(spec) else ()
    return tuple(sorted({*case.protocol.gaps_a, *wider}))


def gap_requests(case: Case, setup: AdhesionSetup) -> tuple[CalculationRequest, ...]:
    """Ask for single points of all gaps, unshifted."""
    build = builder(case, setup)
    return tuple(
        case.request(pair_cell(case, build, gap).structure, CalculationSettings.static(), f"gap-{gap:g}")
        for gap in gaps_of(case, setup.spec)
    )


def registry_requests(
    case: Case,
    setup: AdhesionSetup,
    gaps: Sequence[CalculationDocument],
    done: Sequence[Sequence[CalculationDocument]] = (),
) -> tuple[CalculationRequest, ...]:
    """Ask for single points of the next batch of lateral shifts at the best gap; of those equal by symmetry for one."""
    build, gap = builder(case, setup), best_gap(case, setup, gaps)
    return tuple(
        case.request(
            pair_cell(case, build, gap, shift).structure,
            CalculationSettings.static(),
            f"shift-{shift[0]:.3f}-{shift[1]:.3f}",
        )
        for shift in _registries(case, setup, gaps, done).asked
    )


def best_gap(case: Case, setup: AdhesionSetup, gaps: Sequence[CalculationDocument]) -> float:
    """Return the gap of lowest energy, Å."""
    usable = with_energy(gaps, f"{case.name}: gap scan")
    return gaps_of(case, setup.spec)[list(gaps).index(lowest(usable))]


def other_shifts(case: Case, setup: AdhesionSetup) -> tuple[tuple[float, float], ...]:
    """Return the lateral shifts of the registry scan without the first, (0, 0)."""
    return all_shifts(case, pair_match(setup))[1:]


def _registries(
    case: Case,
    setup: AdhesionSetup,
    gaps: Sequence[CalculationDocument],
    done: Sequence[Sequence[CalculationDocument]],
) -> RegistryScan:
    """Return the registry scan after some batches."""
    from liface.structures.registry import equal_shifts

    shifts = all_shifts(case, pair_match(setup))
    unshifted = gaps[gaps_of(case, setup.spec).index(best_gap(case, setup, gaps))]
    tolerance = case.protocol.registry_tolerance_mev_per_a2
    same_as = equal_shifts(builder(case, setup).parts, shifts)
    return RegistryScan(shifts, same_as, tolerance, lambda outcome: excess_energy(setup, outcome), unshifted, done)


def scanned(
    case: Case,
    setup: AdhesionSetup,
    gaps: Sequence[CalculationDocument],
    done: Sequence[Sequence[CalculationDocument]],
) -> Scan:
    """Return the whole scan, unrelaxed, gaps first, and what was left out of it."""
    asked = [("gap", gap, (0.0, 0.0), outcome) for gap, outcome in zip(gaps_of(case, setup.spec), gaps, strict=True)]
    gap = best_gap(case, setup, gaps)
    registries = _registries(case, setup, gaps, done)
    asked += [("registry", gap, shift, outcome) for shift, outcome in registries.outcomes]
    points = tuple(
        ScanPoint(
            kind=kind, gap_a=gap, shift=shift, gamma_mev_per_a2=excess_energy(setup, outcome), calc_id=outcome.calc_id
        )
        for kind, gap, shift, outcome in asked
        if outcome.status != "failed"
    )
    return Scan(points=points, note=registries.note)


def start_requests(case: Case, setup: AdhesionSetup, scan: Sequence[ScanPoint]) -> tuple[CalculationRequest, ...]:
    """Ask for relaxations of the best starts."""
    build, settings = builder(case, setup), case.protocol.relaxation(move=setup.spec.move)
    return tuple(
        case.request(pair_cell(case, build, point.gap_a, point.shift).structure, settings, f"start{i}", as_built=True)
        for i, point in enumerate(ranked_starts(case, scan))
    )


def slab_requests(case: Case, setup: AdhesionSetup) -> tuple[CalculationRequest, ...]:
    """Ask for both free slabs in the cell of the interface, relaxed alike: the held one, then the strained one."""
    build, settings = builder(case, setup), case.protocol.relaxation(move=setup.spec.move)
    return (
        case.request(build.slab("substrate", vacuum_a=case.protocol.vacuum_a), settings, "free-held", as_built=True),
        case.request(build.slab("film", vacuum_a=case.protocol.vacuum_a), settings, "free-strained", as_built=True),
    )


def chosen_start(case: Case, setup: AdhesionSetup, scan: Scan, starts: Sequence[CalculationDocument]) -> AdhesionStart:
    """Return the start that relaxed lowest; where nothing sticks, that is one that came apart.

    Raises
    ------
    CalculationError
        Every start failed.
    """
    best = lowest(with_energy(starts, f"{case.name}: relaxed starts"))
    point = ranked_starts(case, scan.points)[list(starts).index(best)]
    return AdhesionStart(
        gap_a=point.gap_a,
        shift=point.shift,
        scan=scan.points,
        scan_note=scan.note,
        relaxed=tuple(starts),
        best=best,
    )


def excess_energy(setup: AdhesionSetup, outcome: EnergyCalculation) -> float:
    """Return the energy of a cell over both bulks per area, meV/Å²; free surfaces and strain are in it."""
    cell = outcome.final
    return energies.interfacial_gamma(
        outcome.energy_ev,
        cell.count(role="substrate") * setup.held.energy_ev_per_atom,
        cell.count(role="film"),
        setup.taut.energy_ev_per_atom,
        cell.in_plane_area,
        1,
    )
