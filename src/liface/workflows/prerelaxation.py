"""Relaxations begun by a cheaper engine: which may be, and which end of one is of use as a start.

Only structures as built are relaxed by the cheaper engine first. What starts from a geometry of the costly engine, or
is displaced on purpose to leave a symmetric state (rattled bulks, released films), is a question about the costly
engine's own energy surface, which another engine would answer in its place. Reference bulks gain nothing either: of
their relaxation the cell is what matters, and the lattice of one engine is not that of another.

A sandwich whose height may relax begins with the height the cheaper engine found: its change is mostly that of the
gaps, and to squeeze relaxed gaps into the height as built would strain both crystals (LiF|Li with CHGNet before
SevenNet: 15 force calls then, 8 so, 17 without). Where the k-point mesh would be another one at that height, the
costly relaxation begins at the height asked for: equal requests must give equal numbers. The start keeps the symmetry
of what was built, which the numbers of a potential in single precision would break.
"""

from __future__ import annotations

import numpy as np

from liface.documents import (
    CalculationDocument,
    CalculationRequest,
    EnergyCalculation,
    EngineInfo,
    Geometry,
    UnconvergedCalculation,
)
from liface.engines.base import EngineSpec
from liface.engines.kpoints import gamma_mesh, vacuum_directions
from liface.engines.moments import magnetic_order
from liface.engines.registry import engine_info
from liface.engines.vasp.inputs import needs_dipole
from liface.structures.kept_symmetry import keeping_symmetry

LARGEST_FORCE_EV_PER_A = 1.0
"""A relaxation cut off with a larger force than this is nowhere near a minimum."""
ENERGY_NOISE_EV = 1e-6
LARGEST_STRETCH = 0.05
"""Change of the cell height beyond which fractional coordinates mean something else in the cell asked for."""
SPACINGS = ("kspacing_per_a", "kspacing")
"""Options of engines that hold the largest spacing of k-points, Å⁻¹."""
CONTACT_A = 3.5
"""Parts of a cell that were closer than this and no longer are have left each other."""
BOND, BROKEN = 1.2, 1.4
"""Distances over the sum of covalent radii: a bond between non-metals, and one that is no more."""
NON_METALS = frozenset(("H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "Ge", "As", "Se", "Br", "Te", "I"))


def can_be_prerelaxed(request: CalculationRequest, stored: CalculationDocument | None = None) -> bool:
    """Tell whether a cheaper engine may begin a relaxation; not one whose stored outcome is carried on from its end."""
    is_built = request.as_built and request.settings.task == "relax"
    return is_built and not isinstance(stored, UnconvergedCalculation)


def prerelaxation(request: CalculationRequest, engine: EngineSpec) -> CalculationRequest:
    """Return the same request for a cheaper engine; it has an identity of its own and is shared like any other."""
    update = {"engine": engine_info(engine), "label": f"{request.label}-prerelaxed", "as_built": False}
    return request.model_copy(update=update)


def start_from(request: CalculationRequest, prerelaxed: CalculationDocument) -> Geometry | None:
    """Return where a relaxation begins after a cheaper engine; None if what that left is of no use.

    It is of none if it failed, ended above its own start or far from a minimum, stretched the cell too far,
    separated what touched, broke a molecular anion, or changed what the set-up of a DFT calculation follows from
    (vacuum, magnetic order, a dipole to correct).
    """
    from liface.workflows.executor import adopt

    outcome = adopt(prerelaxed, request)
    if outcome.status == "failed" or not _went_down(outcome):
        return None
    asked, relaxed = request.geometry, outcome.final
    if not (keeps_contact(asked, relaxed) and keeps_molecules(asked, relaxed)):
        return None
    start = relaxed
    if not same_mesh(asked, start, request.engine):
        lengths = (np.linalg.norm(cell.cell_array, axis=1) for cell in (relaxed, asked))
        if np.abs(np.divide(*lengths) - 1).max() > LARGEST_STRETCH:
            return None
        start = in_cell_of(asked, relaxed)
    start = _with_frozen_of(asked, keeping_symmetry(asked, start))
    return start if same_set_up(asked, start, request.engine) else None


def keeps_contact(before: Geometry, after: Geometry) -> bool:
    """Tell whether film and adsorbates still touch what they touched: each side of a film, each adsorbed group."""
    return all(new < CONTACT_A for old, new in zip(_gaps(before), _gaps(after), strict=True) if old < CONTACT_A)


def keeps_molecules(before: Geometry, after: Geometry) -> bool:
    """Tell whether all bonds between non-metals, as inside molecular anions, are still there."""
    from ase.data import atomic_numbers, covalent_radii

    chosen = [i for i, species in enumerate(before.species) if species in NON_METALS]
    if len(chosen) < 2:
        return True
    radii = np.array([covalent_radii[atomic_numbers[before.species[i]]] for i in chosen])
    reach = radii[:, None] + radii[None, :]
    bonded = _distances(before, chosen) < BOND * reach
    np.fill_diagonal(bonded, False)
    return not bool((bonded & (_distances(after, chosen) > BROKEN * reach)).any())


def _went_down(outcome: EnergyCalculation) -> bool:
    fell = outcome.energy_ev <= outcome.energies_ev[0] + ENERGY_NOISE_EV
    return fell and outcome.fmax_ev_per_a < LARGEST_FORCE_EV_PER_A


def same_set_up(asked: Geometry, start: Geometry, engine: EngineInfo) -> bool:
    """Tell whether two geometries of one request are computed with the same vacuum, moments and dipole correction."""
    if vacuum_directions(asked) != vacuum_directions(start) or magnetic_order(asked) != magnetic_order(start):
        return False
    # VASP corrects slabs whose faces differ; GPAW all that have vacuum along one direction.
    return engine.name != "vasp" or engine.options.get("dipole") != "auto" or needs_dipole(asked) == needs_dipole(start)


def same_mesh(asked: Geometry, start: Geometry, engine: EngineInfo) -> bool:
    """Tell whether an engine would lay the same mesh of k-points over two geometries of one request."""
    spacing = next((engine.options[key] for key in SPACINGS if key in engine.options), None)
    if not isinstance(spacing, float | int):
        return True
    return gamma_mesh(asked, spacing) == gamma_mesh(start, spacing)


def in_cell_of(asked: Geometry, relaxed: Geometry) -> Geometry:
    """Return the relaxed fractional coordinates in the cell asked for."""
    return asked.with_positions(
        np.linalg.solve(relaxed.cell_array.T, relaxed.position_array.T).T @ asked.cell_array, asked.cell_array
    )


def _with_frozen_of(asked: Geometry, relaxed: Geometry) -> Geometry:
    """Return the relaxed geometry; in an unchanged cell frozen atoms stand exactly where they were asked to."""
    if relaxed.cell != asked.cell:
        return relaxed
    frozen = np.array(asked.frozen, dtype=bool)
    return relaxed.with_positions(np.where(frozen[:, None], asked.position_array, relaxed.position_array))


def _gaps(cell: Geometry) -> tuple[float, ...]:
    return _film_gaps(cell) + _adsorbate_gap(cell)


def _film_gaps(cell: Geometry) -> tuple[float, ...]:
    """Return the gaps below and above the film of an interface, along z; none where there is no film on a substrate."""
    z, roles = cell.position_array[:, 2], np.array(cell.roles)
    film, substrate = z[roles == "film"], z[roles == "substrate"]
    if not len(film) or not len(substrate):
        return ()
    return float(film.min() - substrate.max()), float(cell.cell[2][2] + substrate.min() - film.max())


def _adsorbate_gap(cell: Geometry) -> tuple[float, ...]:
    """Return the shortest distance of an adsorbate to what it stands on; none without both."""
    adsorbed = np.array(cell.roles) == "adsorbate"
    if not adsorbed.any() or adsorbed.all():
        return ()
    return (float(_distances(cell)[adsorbed][:, ~adsorbed].min()),)


def _distances(cell: Geometry, chosen: list[int] | None = None) -> np.ndarray:
    """Return the shortest distances between atoms over all periodic images, Å."""
    atoms = cell.to_ase()
    return (atoms if chosen is None else atoms[chosen]).get_all_distances(mic=True)
