"""Li interfacial energy: strained film, gap and registry scan, thickness series.

The substrate keeps its own relaxed lattice; the film is strained onto it. The integer cells come with the
spec, so every engine works on the same interface.

A coherent film is relaxed along the normal. Free in the plane, a Li(100) film on W or Mo has no minimum of its own
with the potentials used here: it slides without a barrier into denser layers in registry with the substrate, over
more than fifty force calls, and a relaxation cut off early reads some point of that slide. So the plane is kept by
construction, and the thinnest film is released afterwards to see what the constraint costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from liface.analysis import energies
from liface.documents import (
    CalculationDocument,
    CalculationRequest,
    CalculationSettings,
    Document,
    EnergyCalculation,
    Geometry,
    ScanPoint,
    quantity,
)
from liface.workflows.specs import InterfaceSpec, InterfaceStart, MatchSpec, MaterialSpec, crystal_of
from liface.workflows.steps.common import BulkReference, Case, energy_of, lowest, with_energy
from liface.workflows.steps.registry_scan import RegistryScan

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from liface.structures.interfaces import InterfaceBuilder, InterfaceCell
    from liface.structures.matching import Match


REGISTRY_MATTERS_MEV_PER_A2 = 1.0
DEBONDED_GAP_A = 3.5
"""A film farther than this from the substrate has left it."""
RELEASE_RATTLE_A = 0.03
COMMENSURATE_EDGE_A = 1.5
"""Where the registry repeats only after more than this, its scan is finer."""


class InterfaceSetup(Document):
    """What every stack of one interface shares."""

    spec: InterfaceSpec
    substrate: BulkReference
    film: BulkReference
    strain_energy_ev_per_li: float = quantity("eV", "Energy of the strained film bulk per atom, minus mu.")
    film_spacing_scale: float = quantity("1", "Plane spacing of the strained film bulk over that of the bulk.")
    film_c_over_a: float = quantity("1", "Height over width of the strained film, relative to the bulk's.")
    converged: bool = Field(description="Bulks and strained film converged.")
    calc_ids: tuple[str, ...]


class Scan(Document):
    """The gap and registry scan of one interface."""

    points: tuple[ScanPoint, ...]
    note: str = Field(default="", description="What was left out of it, to be added to the definition of the result.")


class Start(Document):
    """The gap and registry a series starts from, with the scan that chose them."""

    gap_a: float = quantity("Å", "Distance between the facing planes.")
    shift: tuple[float, float] = quantity("1", "Film shift, fractions of the interface cell.")
    scan: tuple[ScanPoint, ...] = Field(description="Empty where another engine chose gap and registry.")
    scan_note: str = Field(default="", description="What was left out of the scan.")
    relaxed: tuple[CalculationDocument, ...] = Field(description="Relaxed starts at the scan thickness.")
    best: CalculationDocument = Field(description="The lowest of them.")


def matched(
    match: MatchSpec,
    substrate: MaterialSpec,
    substrate_plane: str,
    substrate_bulk: BulkReference,
    film: MaterialSpec,
    film_plane: str,
    film_bulk: BulkReference,
) -> Match:
    """Return a stored integer match on the relaxed lattices of one engine."""
    from liface.structures.matching import describe_match

    return describe_match(
        match.substrate_supercell,
        match.film_supercell,
        _in_plane(substrate, substrate_plane, substrate_bulk),
        _in_plane(film, film_plane, film_bulk),
    )


def actual_match(spec: InterfaceSpec, substrate: BulkReference, film: BulkReference) -> Match:
    """Return the match of an interface on the relaxed lattices."""
    return matched(spec.match, spec.substrate, spec.substrate_plane, substrate, spec.film, spec.film_plane, film)


def strained_film_request(
    case: Case, spec: InterfaceSpec, substrate: BulkReference, film: BulkReference
) -> CalculationRequest:
    """Ask for bulk Li strained in the plane like the film, its height free."""
    structure = _strained_bulk(spec, substrate, film)
    return case.request(structure, case.protocol.relaxation("c_axis"), "strained-film")


def interface_setup(
    spec: InterfaceSpec, substrate: BulkReference, film: BulkReference, outcome: CalculationDocument
) -> InterfaceSetup:
    """Take strain energy and plane spacing from the strained bulk film."""
    strained = energy_of(outcome)
    scale = strained.final.cell[2][2] / strained.initial.cell[2][2]
    first, second = (1 + percent / 100 for percent in actual_match(spec, substrate, film).principal_percent)
    return unstrained_setup(spec, substrate, film).model_copy(
        update={
            "strain_energy_ev_per_li": strained.energy_ev / strained.final.n_atoms - film.energy_ev_per_atom,
            "film_spacing_scale": scale,
            "film_c_over_a": scale / (first * second) ** 0.5,
            "converged": substrate.converged and film.converged and strained.status == "converged",
            "calc_ids": (*substrate.calc_ids, *film.calc_ids, outcome.calc_id),
        }
    )


def unstrained_setup(spec: InterfaceSpec, substrate: BulkReference, film: BulkReference) -> InterfaceSetup:
    """Return the set-up before the strained film is known: its planes stand as in the bulk."""
    return InterfaceSetup(
        spec=spec,
        substrate=substrate,
        film=film,
        strain_energy_ev_per_li=0.0,
        film_spacing_scale=1.0,
        film_c_over_a=1.0,
        converged=False,
        calc_ids=(*substrate.calc_ids, *film.calc_ids),
    )


def stack(
    case: Case, setup: InterfaceSetup, film_planes: int, gap_a: float, shift: tuple[float, float]
) -> InterfaceCell:
    """Build one cell of the series."""
    builder = _builder(case, setup, film_planes)
    if setup.spec.method == "vacuum":
        return builder.with_vacuum(gap_a, shift, vacuum_a=case.protocol.vacuum_a)
    return builder.sandwich(gap_a, shift)


def sizes(case: Case, setup: InterfaceSetup) -> tuple[tuple[int, ...], int]:
    """Return the numbers of atoms of the cells of the series, thinnest film first, and how many shifts are tried.

    The slabs are cut and checked as for a run; that they are put on each other can only fail where the gap is too
    narrow, and only then it is done.
    """
    planes, gap = case.protocol.film_planes(setup.spec.film_plane), case.protocol.gaps_a[0]
    first = _builder(case, setup, planes[0])
    atoms = tuple(builder.count_atoms(gap) for builder in (first, *(first.with_film_planes(n) for n in planes[1:])))
    return atoms, len(all_shifts(case, first.match))


def gap_requests(case: Case, setup: InterfaceSetup) -> tuple[CalculationRequest, ...]:
    """Ask for single points of all gaps, film unshifted, at the thinnest film."""
    planes = case.protocol.film_planes(setup.spec.film_plane)[0]
    return tuple(
        case.request(
            stack(case, setup, planes, gap, (0.0, 0.0)).structure, CalculationSettings.static(), f"gap-{gap:g}"
        )
        for gap in case.protocol.gaps_a
    )


def registry_requests(
    case: Case,
    setup: InterfaceSetup,
    gaps: Sequence[CalculationDocument],
    done: Sequence[Sequence[CalculationDocument]] = (),
) -> tuple[CalculationRequest, ...]:
    """Ask for single points of the next batch of lateral shifts at the best gap; of those equal by symmetry for one."""
    gap = best_gap(case, gaps)
    planes = case.protocol.film_planes(setup.spec.film_plane)[0]
    return tuple(
        case.request(
            stack(case, setup, planes, gap, shift).structure,
            CalculationSettings.static(),
            f"shift-{shift[0]:.3f}-{shift[1]:.3f}",
        )
        for shift in _registries(case, setup, gaps, done).asked
    )


def best_gap(case: Case, gaps: Sequence[CalculationDocument]) -> float:
    """Return the gap of lowest energy."""
    usable = with_energy(gaps, f"{case.name}: gap scan")
    return case.protocol.gaps_a[list(gaps).index(lowest(usable))]


def _registries(
    case: Case,
    setup: InterfaceSetup,
    gaps: Sequence[CalculationDocument],
    done: Sequence[Sequence[CalculationDocument]],
) -> RegistryScan:
    """Return the registry scan after some batches."""
    from liface.structures.registry import equal_shifts

    builder = _builder(case, setup, case.protocol.film_planes(setup.spec.film_plane)[0])
    shifts = all_shifts(case, builder.match)
    unshifted = gaps[case.protocol.gaps_a.index(best_gap(case, gaps))]
    tolerance = case.protocol.registry_tolerance_mev_per_a2
    same_as = equal_shifts(builder.parts, shifts)
    return RegistryScan(shifts, same_as, tolerance, lambda outcome: gamma_of(setup, outcome), unshifted, done)


def all_shifts(case: Case, match: Match) -> tuple[tuple[float, float], ...]:
    """Return the lateral shifts worth trying, (0, 0) first; more where the registry matters."""
    from liface.structures.registry import registry_cell_edge, registry_shifts

    commensurate = registry_cell_edge(match) > COMMENSURATE_EDGE_A
    n = case.protocol.registry_grid_commensurate if commensurate else case.protocol.registry_grid
    return registry_shifts(match, n)


def scanned(
    case: Case,
    setup: InterfaceSetup,
    gaps: Sequence[CalculationDocument],
    done: Sequence[Sequence[CalculationDocument]],
) -> Scan:
    """Return the whole scan, unrelaxed, gaps first, and what was left out of it."""
    asked = [("gap", gap, (0.0, 0.0), outcome) for gap, outcome in zip(case.protocol.gaps_a, gaps, strict=True)]
    gap = best_gap(case, gaps)
    registries = _registries(case, setup, gaps, done)
    asked += [("registry", gap, shift, outcome) for shift, outcome in registries.outcomes]
    points = tuple(
        ScanPoint(kind=kind, gap_a=gap, shift=shift, gamma_mev_per_a2=gamma_of(setup, outcome), calc_id=outcome.calc_id)
        for kind, gap, shift, outcome in asked
        if outcome.status != "failed"
    )
    return Scan(points=points, note=registries.note)


def ranked_starts(case: Case, scan: Sequence[ScanPoint]) -> tuple[ScanPoint, ...]:
    """Return the starts worth relaxing, best first.

    The best registry at the best gap; the same one gap closer, since from too far away a film may leave a substrate
    that it would have stuck to; and further registries where they differ by more than noise. Of registries that are
    equal by symmetry, and share a calculation, the first stands for all.
    """
    gaps = [p for p in scan if p.kind == "gap"]
    best_gap_point = min(gaps, key=lambda p: round(p.gamma_mev_per_a2, 4))
    alike = {point.calc_id: point for point in reversed(scan) if point.gap_a == best_gap_point.gap_a}
    pool = [point for point in scan if alike.get(point.calc_id) is point]
    ranked = sorted(pool, key=lambda p: round(p.gamma_mev_per_a2, 4))
    starts = [ranked[0]]
    closer = max((p.gap_a for p in gaps if p.gap_a < best_gap_point.gap_a), default=None)
    if closer is not None:
        starts.append(ranked[0].model_copy(update={"gap_a": closer}))
    if ranked[-1].gamma_mev_per_a2 - ranked[0].gamma_mev_per_a2 > REGISTRY_MATTERS_MEV_PER_A2:
        starts += ranked[1 : case.protocol.registry_candidates]
    return tuple(starts)


def start_requests(case: Case, setup: InterfaceSetup, scan: Sequence[ScanPoint]) -> tuple[CalculationRequest, ...]:
    """Ask for relaxations of the best starts, thinnest film."""
    planes = case.protocol.film_planes(setup.spec.film_plane)[0]
    return tuple(
        _relaxation(case, setup, planes, point.gap_a, point.shift, f"n{planes}-start{i}")
        for i, point in enumerate(ranked_starts(case, scan))
    )


def chosen_start(case: Case, setup: InterfaceSetup, scan: Scan, starts: Sequence[CalculationDocument]) -> Start:
    """Return gap and registry of the lowest relaxed start that still touches the substrate, if any does."""
    usable = with_energy(starts, f"{case.name}: relaxed starts")
    best = lowest([outcome for outcome in usable if is_bonded(outcome.final, setup.spec.method)] or usable)
    point = ranked_starts(case, scan.points)[list(starts).index(best)]
    return Start(
        gap_a=point.gap_a,
        shift=point.shift,
        scan=scan.points,
        scan_note=scan.note,
        relaxed=tuple(starts),
        best=best,
    )


def given_start_request(case: Case, setup: InterfaceSetup, given: InterfaceStart) -> CalculationRequest:
    """Ask for the relaxation of the start that another engine chose for the same integer cells, thinnest film."""
    planes = case.protocol.film_planes(setup.spec.film_plane)[0]
    return _relaxation(case, setup, planes, given.gap_a, given.shift, f"n{planes}-start0")


def given_start(given: InterfaceStart, outcome: CalculationDocument) -> Start:
    """Return a start that another engine chose, relaxed by this one.

    Raises
    ------
    CalculationError
        The relaxation failed.
    """
    return Start(gap_a=given.gap_a, shift=given.shift, scan=(), relaxed=(outcome,), best=energy_of(outcome))


def is_bonded(cell: Geometry, method: Literal["sandwich", "vacuum"] = "sandwich") -> bool:
    """Tell whether film and substrate still touch: on both sides of the film, or on the lower one below vacuum."""
    z = cell.position_array[:, 2]
    film = np.array([role == "film" for role in cell.roles])
    gaps = [z[film].min() - z[~film].max()]
    if method == "sandwich":
        gaps.append(cell.cell[2][2] + z[~film].min() - z[film].max())
    return bool(max(gaps) < DEBONDED_GAP_A)


def series_requests(case: Case, setup: InterfaceSetup, start: Start) -> tuple[CalculationRequest, ...]:
    """Ask for the thicker films from the chosen start; the vacuum route adds its two free slabs."""
    planes = case.protocol.film_planes(setup.spec.film_plane)
    requests = [_thicker(case, setup, start, n) for n in planes[1:]]
    if setup.spec.method == "vacuum":
        settings = case.protocol.relaxation(move=setup.spec.move)
        for side, structure in _free_slabs(case, setup, planes[-1]).items():
            requests.append(case.request(structure, settings, f"free-{side}", as_built=True))
    return tuple(requests)


def _thicker(case: Case, setup: InterfaceSetup, start: Start, planes: int) -> CalculationRequest:
    """Ask for a thicker film, its planes where those of the relaxed start went, if that holds together."""
    from liface.structures.thickening import moves_of_thicker

    asked = _relaxation(case, setup, planes, start.gap_a, start.shift, f"n{planes}")
    thinnest = case.protocol.film_planes(setup.spec.film_plane)[0]
    held = start.best.status == "converged" and is_bonded(start.best.final, setup.spec.method)
    if not (case.protocol.thicker_from_thinner and setup.spec.relaxation == "coherent" and held):
        return asked
    relaxed = energy_of(start.best).final
    before = Geometry.from_structure(stack(case, setup, thinnest, start.gap_a, start.shift).structure)
    moves = (relaxed.position_array - before.position_array)[:, 2]
    moves -= moves[[role == "substrate" for role in before.roles]].mean()
    film = [_builder(case, setup, n).parts.film.planes for n in (thinnest, planes)]
    positions, cell = asked.geometry.position_array, asked.geometry.cell_array
    moves, less = moves_of_thicker(moves, *film)
    positions[:, 2] += moves
    if setup.spec.method == "sandwich":
        cell[2, 2] += relaxed.cell[2][2] - before.cell[2][2] - less
    moved = asked.geometry.with_positions(positions, cell)
    return asked.model_copy(update={"geometry": moved, "as_built": False})


def release_request(case: Case, setup: InterfaceSetup, start: Start) -> tuple[CalculationRequest, ...]:
    """Ask for the thinnest coherent film, relaxed once more with the plane free, to see whether it stays what it is."""
    if setup.spec.relaxation == "free" or not case.protocol.release:
        return ()
    settings = case.protocol.relaxation(_cell_mode(setup.spec))
    settings = settings.model_copy(update={"max_force_calls": case.protocol.release_force_calls})
    coherent = energy_of(start.best)
    cell = coherent.final
    in_plane = np.array(coherent.forces_ev_per_a)[:, :2]
    if np.linalg.norm(in_plane, axis=1).max() < settings.fmax_ev_per_a:
        # Symmetry alone may hold the film on a saddle.
        moves = np.random.default_rng(case.protocol.seed).normal(0.0, RELEASE_RATTLE_A, in_plane.shape)
        moves[[role != "film" for role in cell.roles]] = 0.0
        cell = cell.with_positions(cell.position_array + np.column_stack([moves, np.zeros(len(moves))]))
    return (case.request(cell, settings, "released"),)


def gamma_of(setup: InterfaceSetup, outcome: EnergyCalculation) -> float:
    """Return the excess energy per interface area with unstrained references, meV/Å²."""
    cell = outcome.final
    return energies.interfacial_gamma(
        outcome.energy_ev,
        cell.count(role="substrate") * setup.substrate.energy_ev_per_atom,
        cell.count(role="film"),
        setup.film.energy_ev_per_atom,
        cell.in_plane_area,
        n_interfaces(setup.spec),
    )


def n_interfaces(spec: InterfaceSpec) -> int:
    """Return the number of interfaces in one cell."""
    return 2 if spec.method == "sandwich" else 1


def _free_slabs(case: Case, setup: InterfaceSetup, film_planes: int) -> dict[str, Structure]:
    """Return substrate and strained film alone, with vacuum, in the cell of the interface."""
    builder = _builder(case, setup, film_planes)
    parts: tuple[Literal["substrate", "film"], ...] = ("substrate", "film")
    return {part: builder.slab(part, vacuum_a=case.protocol.vacuum_a) for part in parts}


def _builder(case: Case, setup: InterfaceSetup, film_planes: int) -> InterfaceBuilder:
    from liface.structures.interfaces import InterfaceBuilder

    spec = setup.spec
    return InterfaceBuilder(
        crystal_of(setup.substrate.geometry),
        spec.substrate_plane,
        crystal_of(setup.film.geometry),
        spec.film_plane,
        actual_match(spec, setup.substrate, setup.film),
        film_planes=film_planes,
        termination=spec.substrate_termination,
        substrate_min_thickness_a=case.protocol.substrate_thickness_a,
        film_spacing_scale=setup.film_spacing_scale,
        substrate_reference=crystal_of(spec.substrate.reference),
        film_reference=crystal_of(spec.film.reference),
        anion_bonds=spec.substrate.anion_bonds,
        keep_cell=spec.substrate.broken_symmetry,
    )


def _strained_bulk(spec: InterfaceSpec, substrate: BulkReference, film: BulkReference) -> Structure:
    from liface.structures.interfaces import strained_film_bulk

    return strained_film_bulk(
        film.geometry.to_structure(),
        spec.film_plane,
        actual_match(spec, substrate, film),
        _in_plane(spec.substrate, spec.substrate_plane, substrate),
        _in_plane(spec.film, spec.film_plane, film),
        film_reference=spec.film.structure(),
    )


def _in_plane(material: MaterialSpec, plane: str, bulk: BulkReference) -> np.ndarray:
    """Return the in-plane vectors of a relaxed bulk as rows, Å."""
    from liface.structures.matching import in_plane_vectors

    return in_plane_vectors(
        crystal_of(bulk.geometry), plane, crystal_of(material.reference), keep_cell=material.broken_symmetry
    )


def _relaxation(
    case: Case, setup: InterfaceSetup, planes: int, gap_a: float, shift: tuple[float, float], step: str
) -> CalculationRequest:
    cell = stack(case, setup, planes, gap_a, shift)
    settings = case.protocol.relaxation(_cell_mode(setup.spec), setup.spec.move)
    return case.request(cell.structure, settings, step, as_built=True)


def _cell_mode(spec: InterfaceSpec) -> Literal["fixed", "c_axis"]:
    return "c_axis" if spec.method == "sandwich" else "fixed"
