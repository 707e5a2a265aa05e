"""From the relaxed cells of one pair to its work of adhesion, with every doubt as a flag."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from liface.analysis import domain, energies
from liface.documents import AdhesionResult, CalculationDocument, EnergyCalculation, Geometry
from liface.structures.coherent import Body
from liface.structures.interfaces import anion_bond_count
from liface.structures.matching import PREFERRED_STRAIN_PERCENT
from liface.units import j_per_m2
from liface.workflows.specs import AdhesionSpec, Side
from liface.workflows.steps.adhesion import AdhesionSetup, AdhesionStart, builder, layered_sides, pair_match
from liface.workflows.steps.common import Case, all_converged, energy_of, magnetic_flags, unconverged_flags
from liface.workflows.steps.interface import is_bonded

DOI = ("10.1039/d2ta06466a",)


def adhesion_result(
    case: Case, setup: AdhesionSetup, start: AdhesionStart, slabs: Sequence[CalculationDocument]
) -> AdhesionResult:
    """Subtract the cell of both from the two free slabs.

    Raises
    ------
    CalculationError
        A free slab, or every start, failed.
    """
    spec = setup.spec
    both, held, taut = (energy_of(outcome) for outcome in (start.best, *slabs))
    a, b = (held, taut) if spec.strained == "b" else (taut, held)
    area = both.final.in_plane_area
    work = energies.work_of_adhesion_from_slabs(a.energy_ev, b.energy_ev, both.energy_ev, area)
    used = (*start.relaxed, *slabs)
    scanned = [point.calc_id for point in start.scan]
    lost = _anion_bonds_lost(spec, both)
    return AdhesionResult(
        **_identity(spec),
        **_geometry(case, setup),
        definition=_definition(spec) + start.scan_note,
        engine=case.engine,
        converged=setup.held.converged and setup.taut.converged and all_converged((both, held, taut)),
        flags=_flags(case, setup, both, (held, taut), lost),
        provenance=case.provenance(
            (*setup.held.calc_ids, *setup.taut.calc_ids, *scanned, *(o.calc_id for o in used)), DOI
        ),
        work_of_adhesion_mev_per_a2=work,
        work_of_adhesion_j_per_m2=j_per_m2(work),
        energy_a_ev=a.energy_ev,
        energy_b_ev=b.energy_ev,
        energy_ab_ev=both.energy_ev,
        area_a2=area,
        n_atoms=both.final.n_atoms,
        gap_a=gap_between(both.final),
        start_gap_a=start.gap_a,
        shift=start.shift,
        scan=start.scan,
        anion_bonds_lost=lost,
        structure=both.final,
    )


def gap_between(cell: Geometry) -> float:
    """Return the distance between the highest atom of the held side and the lowest of the strained one, Å."""
    z = cell.position_array[:, 2]
    film = np.array([role == "film" for role in cell.roles])
    return float(z[film].min() - z[~film].max())


def _identity(spec: AdhesionSpec) -> dict[str, Any]:
    """Return the fields that say which pair it is."""
    cells = (spec.match.substrate_supercell, spec.match.film_supercell)
    cell_a, cell_b = cells if spec.strained == "b" else cells[::-1]
    sides = {"a": spec.a, "b": spec.b}
    return {
        **{f"material_{key}": side.material.name for key, side in sides.items()},
        **{f"plane_{key}": side.plane for key, side in sides.items()},
        **{f"termination_{key}": side.termination for key, side in sides.items()},
        "strained": spec.strained,
        "supercell_a": cell_a,
        "supercell_b": cell_b,
    }


def _geometry(case: Case, setup: AdhesionSetup) -> dict[str, Any]:
    """Return the fields that say how both slabs are built and how one is strained."""
    match, parts = pair_match(setup), builder(case, setup).parts
    held, taut = ("a", "b") if setup.spec.strained == "b" else ("b", "a")
    lower, upper = parts.substrate, parts.film
    return {
        "strain_percent": match.strain_percent,
        "von_mises_percent": match.von_mises_percent,
        "strain_tensor": tuple(tuple(float(x) for x in row) for row in match.strain_tensor),
        f"face_{held}": _species_of(lower, lower.n_planes - 1),
        f"face_{taut}": _species_of(upper, 0),
        f"n_planes_{held}": lower.n_planes,
        f"n_planes_{taut}": upper.n_planes,
        f"thickness_{held}_a": lower.thickness_a,
        f"thickness_{taut}_a": upper.thickness_a,
    }


def _species_of(slab: Body, plane: int) -> str:
    """Return the composition of one plane, reduced, elements in alphabetical order."""
    counts = Counter(symbol for symbol, index in zip(slab.species, slab.planes, strict=True) if index == plane)
    divisor = int(np.gcd.reduce(list(counts.values())))
    return "".join(f"{s}{n // divisor if n > divisor else ''}" for s, n in sorted(counts.items()))


def _flags(
    case: Case,
    setup: AdhesionSetup,
    both: EnergyCalculation,
    slabs: Sequence[EnergyCalculation],
    lost: float,
) -> tuple[str, ...]:
    spec = setup.spec
    strain = pair_match(setup).strain_percent
    materials = (spec.a.material, spec.b.material)
    flags = [*unconverged_flags((both, *slabs))]
    flags += magnetic_flags(case.engine, (o.initial for o in (both, *slabs)))
    if strain > PREFERRED_STRAIN_PERCENT:
        flags.append(f"high_strain: {strain:.1f} % is over the preferred {PREFERRED_STRAIN_PERCENT:g} %")
    if not is_bonded(both.final, "vacuum"):
        flags.append(f"debonded: the slabs are {gap_between(both.final):.1f} Å apart")
    if lost > 0:
        flags.append(f"reactive: {lost:.0%} of the bonds inside molecular anions are lost")
    if polar := [f"{side.material.name}({side.plane})" for side in (spec.a, spec.b) if _is_polar(side)]:
        flags.append(f"polar: {' and '.join(polar)}")
    elements = {element for material in materials for element in material.elements}
    salt = any(material.closed_shell_salt for material in materials)
    flags += domain.domain_flags("adhesion", elements, salt, case.engine.trained_on)
    flags += domain.dispersion_flags([side.material.name for side in layered_sides(spec)], case.engine)
    return tuple(dict.fromkeys(flags))


def _is_polar(side: Side) -> bool:
    from liface.structures.slabs import terminations

    found = terminations(
        side.material.structure(),
        side.plane,
        anion_bonds=side.material.anion_bonds,
        keep_cell=side.material.broken_symmetry,
    )
    return found[side.termination].polar


def _anion_bonds_lost(spec: AdhesionSpec, both: EnergyCalculation) -> float:
    bonds = tuple(dict.fromkeys((*spec.a.material.anion_bonds, *spec.b.material.anion_bonds)))
    if not bonds:
        return 0.0
    before = anion_bond_count(both.initial.to_structure(), bonds)
    after = anion_bond_count(both.final.to_structure(), bonds)
    return max(0.0, 1 - after / before) if before else 0.0


def _definition(spec: AdhesionSpec) -> str:
    held, taut = (f"{side.material.name}({side.plane})" for side in (spec.held, spec.taut))
    relaxed = "relaxed along the normal" if spec.move == "normal" else "relaxed freely"
    return (
        f"W_ad = (E_A + E_B - E_AB) / area, slab on slab with vacuum, one interface: lower face of {taut}, strained "
        f"onto {held} at its own lattice, on the upper face of {held}; free slabs of equal thickness and strain in "
        f"the same in-plane cell; all {relaxed}"
    )
