"""From the relaxed series of one interface to its result, with every doubt as a flag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from liface.analysis import domain, energies, film_series
from liface.documents import CalculationDocument, EnergyCalculation, FilmPoint, Geometry, InterfaceResult
from liface.structures.interfaces import anion_bond_count
from liface.units import MEV, j_per_m2
from liface.workflows.specs import InterfaceSpec
from liface.workflows.steps.common import Case, all_converged, energy_of, magnetic_flags, unconverged_flags, with_energy
from liface.workflows.steps.interface import (
    InterfaceSetup,
    Start,
    actual_match,
    gamma_of,
    is_bonded,
    n_interfaces,
    stack,
)

if TYPE_CHECKING:
    from liface.structures.matching import Match

DOI = ("10.1039/d4ee03130j", "10.1103/PhysRevB.92.214201")
PREFERRED_STRAIN_PERCENT = 4.0
BCC_RANGE = (0.85, 1.2)
"""Height over width of the strained film relative to bcc; fcc lies at 1.41 on the Bain path."""
PLANE_TOLERANCE_A = 0.3
SLIDE_MEV_PER_A2 = 5.0
FALLING_MEV_PER_A2 = 1.0
"""An unconverged cell that fell more than this over its last fifth is still reacting."""
GIVEN_START = "; gap and registry as found by another engine, not scanned by this one"


def interface_result(
    case: Case,
    setup: InterfaceSetup,
    start: Start,
    series: Sequence[CalculationDocument],
    released: Sequence[CalculationDocument],
) -> InterfaceResult:
    """Fit the series and describe the interface.

    Raises
    ------
    CalculationError, TooFewPointsError
        Too few thicknesses have an energy.
    """
    spec = setup.spec
    planes = case.protocol.film_planes(spec.film_plane)
    stacks = (start.best, *series[: len(planes) - 1])
    free_slabs = series[len(planes) - 1 :]
    offset = _free_surfaces(setup, free_slabs) if spec.method == "vacuum" else 0.0
    points = tuple(
        _point(setup, n, outcome, offset)
        for n, outcome in zip(planes, stacks, strict=True)
        if outcome.status != "failed"
    )
    thickest = with_energy(stacks, f"{case.name}: thickness series")[-1]
    area = thickest.final.in_plane_area
    fit = film_series.fit_bulk_like(
        points,
        setup.strain_energy_ev_per_li,
        area,
        n_interfaces(spec),
        min_planes=film_series.LEAST_PLANES.get(spec.film_plane, 4),
    )
    match = actual_match(spec, setup.substrate, setup.film)
    cell = stack(case, setup, planes[0], start.gap_a, start.shift)
    lost = _anion_bonds_lost(spec, stacks)
    scanned = [point.calc_id for point in start.scan]
    used = (*start.relaxed, *series, *released)
    gain, kept = _release(setup, start.best, released)
    flags = (
        *fit.flags,
        *unconverged_flags(free_slabs),
        *magnetic_flags(case.engine, (setup.substrate.geometry, *(o.initial for o in (*stacks, *free_slabs)))),
        *_geometry_flags(setup, match.strain_percent, cell.equivalent_interfaces),
        *_reaction_flags(stacks, lost, area * n_interfaces(spec)),
        *_bond_flags(spec, stacks),
        *domain.domain_flags(
            "interface", spec.substrate.elements, spec.substrate.closed_shell_salt, case.engine.trained_on
        ),
        *_release_flags(gain, kept),
        *(("partial: some film thicknesses failed",) if len(points) < len(planes) else ()),
    )
    return InterfaceResult(
        **_identity(spec),
        **_energies(fit),
        **_strain(match),
        definition=_definition(spec, cell.equivalent_interfaces) + (start.scan_note if start.scan else GIVEN_START),
        engine=case.engine,
        converged=setup.converged and all_converged((*stacks, *free_slabs)),
        flags=tuple(dict.fromkeys(flags)),
        provenance=case.provenance((*setup.calc_ids, *scanned, *(o.calc_id for o in used)), DOI),
        equivalent_interfaces=cell.equivalent_interfaces,
        release_gain_mev_per_a2=gain,
        strain_energy_mev_per_li=setup.strain_energy_ev_per_li * MEV,
        area_a2=area,
        points=points,
        scan=start.scan,
        shift=start.shift,
        gap_a=start.gap_a,
        anion_bonds_lost=lost,
        substrate_planes=cell.n_substrate_planes,
        structure=thickest.final,
    )


def _identity(spec: InterfaceSpec) -> dict[str, Any]:
    """Return the fields that say which interface it is."""
    return {
        "substrate": spec.substrate.name,
        "substrate_plane": spec.substrate_plane,
        "substrate_termination": spec.substrate_termination,
        "film": spec.film.name,
        "film_plane": spec.film_plane,
        "method": spec.method,
        "relaxation": spec.relaxation,
        "n_interfaces": n_interfaces(spec),
        "substrate_supercell": spec.match.substrate_supercell,
        "film_supercell": spec.match.film_supercell,
    }


def _energies(fit: film_series.SeriesFit) -> dict[str, Any]:
    """Return the fields that come from the fit of the series."""
    return {
        "gamma_mev_per_a2": fit.headline,
        "gamma_j_per_m2": j_per_m2(fit.headline),
        "gamma_stderr_mev_per_a2": fit.stderr,
        "gamma_free_mev_per_a2": fit.free.intercept_mev_per_a2,
        "gamma_plateau_mev_per_a2": fit.plateau,
        "max_residual_mev_per_a2": fit.max_residual,
        "free_fit": fit.free,
        "fixed_fit": fit.fixed,
        "n_points": fit.n_points,
    }


def _strain(match: Match) -> dict[str, Any]:
    """Return the fields that say how the film is strained."""
    return {
        "strain_percent": match.strain_percent,
        "von_mises_percent": match.von_mises_percent,
        "strain_tensor": tuple(tuple(float(x) for x in row) for row in match.strain_tensor),
    }


def _point(setup: InterfaceSetup, n: int, outcome: EnergyCalculation, offset: float) -> FilmPoint:
    return FilmPoint(
        n_planes=n,
        n_li=outcome.final.count(role="film"),
        n_atoms=outcome.final.n_atoms,
        energy_ev=outcome.energy_ev,
        gamma_mev_per_a2=gamma_of(setup, outcome) - offset,
        converged=outcome.status == "converged",
        calc_id=outcome.calc_id,
    )


def _free_surfaces(setup: InterfaceSetup, slabs: Sequence[CalculationDocument]) -> float:
    """Return gamma_substrate + gamma_film of slabs in the same in-plane cell, meV/Å²."""
    substrate, film = (energy_of(slab) for slab in slabs)
    strained = setup.film.energy_ev_per_atom + setup.strain_energy_ev_per_li
    return energies.surface_energy(
        substrate.energy_ev, substrate.final.n_atoms, setup.substrate.energy_ev_per_atom, substrate.final.in_plane_area
    ) + energies.surface_energy(film.energy_ev, film.final.n_atoms, strained, film.final.in_plane_area)


def _geometry_flags(setup: InterfaceSetup, strain_percent: float, equivalent: bool) -> tuple[str, ...]:
    flags = []
    if setup.spec.method == "sandwich" and not equivalent:
        flags.append("inequivalent_interfaces")
    if strain_percent > PREFERRED_STRAIN_PERCENT:
        flags.append(f"high_strain: {strain_percent:.1f} % is over the preferred {PREFERRED_STRAIN_PERCENT:g} %")
    if not BCC_RANGE[0] < setup.film_c_over_a < BCC_RANGE[1]:
        flags.append(f"bain_path: c/a of the strained film is {setup.film_c_over_a:.2f} relative to bcc")
    return tuple(flags)


def _reaction_flags(stacks: Sequence[CalculationDocument], lost: float, area: float) -> tuple[str, ...]:
    flags = []
    if lost > 0:
        flags.append(f"reactive: {lost:.0%} of the bonds inside molecular anions are lost")
    for outcome in stacks:
        if outcome.status == "unconverged" and len(outcome.energies_ev) >= 5:
            history = outcome.energies_ev
            fall = (history[-1 - len(history) // 5] - history[-1]) * MEV / area
            if fall > FALLING_MEV_PER_A2:
                flags.append(f"reactive: still falling by {fall:.1f} meV/Å² over the last fifth of the steps")
                break
    return tuple(flags)


def _release(
    setup: InterfaceSetup, coherent: CalculationDocument, released: Sequence[CalculationDocument]
) -> tuple[float | None, bool]:
    """Return what releasing the thinnest film gains, meV/Å², and whether the film kept its planes."""
    usable = [outcome for outcome in released if outcome.status != "failed"]
    if not usable:
        return None, True
    before = energy_of(coherent)
    gain = gamma_of(setup, before) - gamma_of(setup, usable[0])
    return gain, keeps_planes(before.initial, usable[0].final)


def keeps_planes(before: Geometry, after: Geometry) -> bool:
    """Tell whether the atoms of every film plane are still below all atoms of the next plane but one.

    Planes are told apart in ``before``, the film as built. Neighbouring planes closer than 1.2 Å may overlap.
    """
    film = [i for i, role in enumerate(before.roles) if role == "film"]
    start, end = before.position_array[film, 2], after.position_array[film, 2]
    levels = np.unique(np.round(start, 2))
    levels = levels[np.concatenate([[True], np.diff(levels) > PLANE_TOLERANCE_A])]
    if len(levels) < 2:
        return True
    plane = np.abs(start[:, None] - levels[None]).argmin(axis=1)
    step = int(np.ceil(1.2 / np.diff(levels).mean()))
    tops = [end[plane == i].max() for i in range(len(levels))]
    bottoms = [end[plane == i].min() for i in range(len(levels))]
    return all(tops[i] < bottoms[i + step] for i in range(len(levels) - step))


def _bond_flags(spec: InterfaceSpec, stacks: Sequence[CalculationDocument]) -> tuple[str, ...]:
    loose = sum(outcome.status != "failed" and not is_bonded(outcome.final, spec.method) for outcome in stacks)
    return (f"debonded: {loose} of {len(stacks)} films left the substrate",) if loose else ()


def _release_flags(gain: float | None, kept: bool) -> tuple[str, ...]:
    if not kept:
        return (f"reconstructs: free in the plane the film leaves it, by {gain:.1f} meV/Å² or more",)
    if gain is not None and gain > SLIDE_MEV_PER_A2:
        return (f"slides: free in the plane the film keeps its planes and gains {gain:.1f} meV/Å² or more",)
    return ()


def _anion_bonds_lost(spec: InterfaceSpec, stacks: Sequence[CalculationDocument]) -> float:
    """Return the largest share of intra-anion bonds that any cell of the series lost."""
    if not spec.substrate.anion_bonds:
        return 0.0
    shares = []
    for outcome in stacks:
        if outcome.status == "failed":
            continue
        before = anion_bond_count(outcome.initial.to_structure(), spec.substrate.anion_bonds)
        after = anion_bond_count(outcome.final.to_structure(), spec.substrate.anion_bonds)
        shares.append(max(0.0, 1 - after / before) if before else 0.0)
    return max(shares, default=0.0)


def _definition(spec: InterfaceSpec, equivalent: bool) -> str:
    film = f"{spec.film.name}({spec.film_plane})"
    relaxed = "relaxed along the normal" if spec.relaxation == "coherent" else "relaxed freely"
    if spec.method == "sandwich":
        which = "two equivalent interfaces" if equivalent else "the average of two different interfaces"
        return (
            f"gamma(n) = [E(substrate + n Li) - N_s e_bulk - n mu_Li] / (2 A), periodic, no vacuum, {which}; "
            f"{film} strained onto the substrate at its own lattice and {relaxed}; intercept at n = 0 with the slope "
            "fixed to the strain energy of bulk Li in the same cell"
        )
    return (
        f"gamma(n) = [E(substrate + n Li) - N_s e_bulk - n mu_Li] / A - gamma_substrate - gamma_film, vacuum, one "
        f"interface, free surfaces from relaxed slabs of the same in-plane cell; {film} strained onto the substrate "
        f"and {relaxed}; intercept at n = 0 with the slope fixed to the strain energy of bulk Li in the same cell"
    )
