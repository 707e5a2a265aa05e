"""Li atoms and clusters on a slab: the clean slab, its sites, and every start that is relaxed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from liface.documents import (
    CalculationDocument,
    CalculationRequest,
    CalculationSettings,
    Document,
    Geometry,
    quantity,
)
from liface.errors import OverlapError, StructureError
from liface.workflows.specs import BindingSpec
from liface.workflows.steps.common import BulkReference, Case, energy_of, lowest, with_energy
from liface.workflows.steps.interface import all_shifts, matched

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from liface.structures.matching import Match
    from liface.structures.sites import Site
    from liface.structures.slabs import Slab

MONOLAYER_GAP_A = 2.3
LI_BOND_A = 3.0


class BindingSetup(Document):
    """The relaxed clean slab and what it stands on."""

    spec: BindingSpec
    substrate: BulkReference
    film: BulkReference
    clean: CalculationDocument
    strain_percent: float = quantity("%", "Largest principal strain of the monolayers.")
    calc_ids: tuple[str, ...]


class Start(Document):
    """One arrangement of Li on the slab."""

    n_li: int = quantity("1", "Adsorbed Li atoms.")
    arrangement: Literal["dispersed", "cluster"]
    name: str
    dimension: str = Field(description="adatoms, 1d, 2d or 3d; the best start of each is relaxed.")
    geometry: Geometry


class Starts(Document):
    """Arrangements in a fixed order."""

    starts: tuple[Start, ...]


# --- the clean slab ------------------------------------------------------------------------------------------


def registry_requests(
    case: Case, spec: BindingSpec, substrate: BulkReference, film: BulkReference
) -> tuple[CalculationRequest, ...]:
    """Ask for single points of the lateral shifts of the monolayers; none on the bare substrate."""
    if not spec.monolayers:
        return ()
    return tuple(
        case.request(
            _monolayer_cell(case, spec, substrate, film, shift),
            CalculationSettings.static(),
            f"monolayer-{shift[0]:.3f}-{shift[1]:.3f}",
        )
        for shift in _shifts(case, spec, substrate, film)
    )


def clean_request(
    case: Case,
    spec: BindingSpec,
    substrate: BulkReference,
    film: BulkReference,
    registries: Sequence[CalculationDocument],
) -> CalculationRequest:
    """Ask for the relaxed clean slab at the best registry of its monolayers."""
    shift = (0.0, 0.0)
    if spec.monolayers:
        best = lowest(with_energy(registries, f"{case.name}: monolayer registry"))
        shift = _shifts(case, spec, substrate, film)[list(registries).index(best)]
    slab = clean_slab(case, spec, substrate, film, shift)
    return case.request(slab, case.protocol.relaxation(), "clean", as_built=True)


def clean_slab(
    case: Case, spec: BindingSpec, substrate: BulkReference, film: BulkReference, shift: tuple[float, float]
) -> Structure:
    """Build the slab, bare or under monolayers, wide enough that adsorbates do not meet their images."""
    covered = spec.monolayers > 0
    cell = _monolayer_cell(case, spec, substrate, film, shift) if covered else _bare_cell(case, spec, substrate)
    edges = np.linalg.norm(cell.lattice.matrix[:2], axis=1)
    repeats = np.ceil(np.round(case.protocol.binding_edge_a / edges, 3)).astype(int)
    return cell.make_supercell(np.diag([*repeats, 1]), in_place=False)


def binding_setup(
    case: Case,
    spec: BindingSpec,
    substrate: BulkReference,
    film: BulkReference,
    registries: Sequence[CalculationDocument],
    clean: CalculationDocument,
) -> BindingSetup:
    """Gather what all starts share."""
    energy_of(clean)
    strain = _match(spec, substrate, film).strain_percent if spec.monolayers else 0.0
    return BindingSetup(
        spec=spec,
        substrate=substrate,
        film=film,
        clean=clean,
        strain_percent=strain,
        calc_ids=(*substrate.calc_ids, *film.calc_ids, *(r.calc_id for r in registries), clean.calc_id),
    )


def _bare_cell(case: Case, spec: BindingSpec, substrate: BulkReference) -> Structure:
    from liface.structures.slabs import build_slab

    def build(frozen_planes: int) -> Slab:
        return build_slab(
            substrate.geometry.to_structure(),
            spec.substrate_plane,
            termination=spec.substrate_termination,
            min_thickness_a=case.protocol.binding_thickness_a,
            vacuum_a=case.protocol.vacuum_a,
            frozen_planes=frozen_planes,
            anion_bonds=spec.substrate.anion_bonds,
            reference=spec.substrate.structure(),
            keep_cell=spec.substrate.broken_symmetry,
        )

    return build(frozen_planes=build(frozen_planes=0).n_planes // 2).structure


def _monolayer_cell(
    case: Case, spec: BindingSpec, substrate: BulkReference, film: BulkReference, shift: tuple[float, float]
) -> Structure:
    from liface.structures.interfaces import InterfaceBuilder

    builder = InterfaceBuilder(
        substrate.geometry.to_structure(),
        spec.substrate_plane,
        film.geometry.to_structure(),
        spec.film_plane,
        _match(spec, substrate, film),
        termination=spec.substrate_termination,
        substrate_min_thickness_a=case.protocol.binding_thickness_a,
        film_planes=spec.monolayers,
        substrate_reference=spec.substrate.structure(),
        film_reference=spec.film.structure(),
        anion_bonds=spec.substrate.anion_bonds,
        keep_cell=spec.substrate.broken_symmetry,
    )
    cell = builder.with_vacuum(MONOLAYER_GAP_A, shift, vacuum_a=case.protocol.vacuum_a)
    return _freeze_lower_half(cell.structure)


def _freeze_lower_half(structure: Structure) -> Structure:
    """Hold the lower half of the substrate, by height; the film is free."""
    roles = structure.site_properties["role"]
    heights = structure.cart_coords[:, 2]
    substrate = [z for z, role in zip(heights, roles, strict=True) if role == "substrate"]
    middle = (min(substrate) + max(substrate)) / 2 - 1e-3
    frozen = [role == "substrate" and z < middle for z, role in zip(heights, roles, strict=True)]
    copy = structure.copy()
    copy.add_site_property("selective_dynamics", [[not f] * 3 for f in frozen])
    return copy


def _shifts(
    case: Case, spec: BindingSpec, substrate: BulkReference, film: BulkReference
) -> tuple[tuple[float, float], ...]:
    return all_shifts(case, _match(spec, substrate, film))


def _match(spec: BindingSpec, substrate: BulkReference, film: BulkReference) -> Match:
    if spec.match is None:
        raise StructureError(f"{spec.name}: {spec.monolayers} monolayers need a coherent cell; give a match")
    return matched(spec.match, spec.substrate, spec.substrate_plane, substrate, spec.film, spec.film_plane, film)


# --- arrangements of Li --------------------------------------------------------------------------------------


def sites_of(setup: BindingSetup) -> tuple[Site, ...]:
    """Return the symmetry-distinct sites of the relaxed clean slab."""
    from liface.structures.sites import adsorption_sites

    return adsorption_sites(energy_of(setup.clean).final.to_structure())


def site_requests(case: Case, setup: BindingSetup) -> tuple[CalculationRequest, ...]:
    """Ask for single points of one Li on every site."""
    return tuple(
        case.request(start.geometry, CalculationSettings.static(), f"1Li-{start.name}") for start in single_atoms(setup)
    )


def ranked_sites(setup: BindingSetup, singles: Sequence[CalculationDocument]) -> tuple[Site, ...]:
    """Return the sites from the lowest single-point energy up."""
    with_energy(singles, "adsorption sites")
    pairs = [
        (round(outcome.energy_ev, 4), i, site)
        for i, (site, outcome) in enumerate(zip(sites_of(setup), singles, strict=True))
        if outcome.status != "failed"
    ]
    return tuple(site for _, _, site in sorted(pairs, key=lambda pair: pair[:2]))


def candidate_starts(case: Case, setup: BindingSetup, singles: Sequence[CalculationDocument]) -> Starts:
    """Return every start beyond single atoms: dispersed atoms and clusters of each size on the best sites."""
    ranked = ranked_sites(setup, singles)
    sites = ranked[: case.protocol.site_candidates]
    slab = energy_of(setup.clean).final.to_structure()
    by_name = {start.name: start for start in single_atoms(setup)}
    starts: list[Start] = []
    for n in sorted(set(setup.spec.n_li)):
        if n == 1:
            starts += [by_name[site.name] for site in sites]
        else:
            starts += _apart(slab, ranked, n, len(sites))
            starts += _clusters(slab, sites[0], n)
    return Starts(starts=tuple(starts))


def screening_requests(case: Case, starts: Starts) -> tuple[CalculationRequest, ...]:
    """Ask for single points of all clusters; the best of each dimension will be relaxed."""
    return tuple(
        case.request(start.geometry, CalculationSettings.static(), _label(start))
        for start in starts.starts
        if start.arrangement == "cluster"
    )


def chosen_starts(case: Case, starts: Starts, screened: Sequence[CalculationDocument]) -> Starts:
    """Keep all atoms, and per cluster size the best starts, with every dimension among them."""
    energies = iter(screened)
    kept: list[Start] = []
    clusters: dict[int, list[tuple[float, int, Start]]] = {}
    for i, start in enumerate(starts.starts):
        if start.arrangement == "dispersed":
            kept.append(start)
            continue
        outcome = next(energies)
        if outcome.status != "failed":
            clusters.setdefault(start.n_li, []).append((round(outcome.energy_ev, 4), i, start))
    for group in clusters.values():
        kept += _best_of_each(sorted(group, key=lambda row: row[:2]), case.protocol.cluster_candidates)
    return Starts(starts=tuple(kept))


def start_requests(case: Case, starts: Starts) -> tuple[CalculationRequest, ...]:
    """Ask for the relaxation of every chosen start."""
    settings = case.protocol.relaxation()
    return tuple(case.request(start.geometry, settings, _label(start), as_built=True) for start in starts.starts)


def removal_requests(
    case: Case, starts: Starts, relaxed: Sequence[CalculationDocument]
) -> tuple[CalculationRequest, ...]:
    """Ask for the slab of every winner, relaxed again without its Li.

    Adsorbates push slabs over barriers; the lower of both is the reference.
    """
    from liface.structures.deposition import remove_adsorbates

    settings = case.protocol.relaxation()
    return tuple(
        case.request(
            remove_adsorbates(energy_of(outcome).final.to_structure()),
            settings,
            f"removed-{start.n_li}Li-{start.arrangement}",
        )
        for start, outcome in winners(starts, relaxed)
    )


def winners(starts: Starts, relaxed: Sequence[CalculationDocument]) -> list[tuple[Start, CalculationDocument]]:
    """Return the lowest outcome of every size and arrangement, in the order of the starts."""
    best: dict[tuple[int, str], tuple[Start, CalculationDocument]] = {}
    for start, outcome in zip(starts.starts, relaxed, strict=True):
        if outcome.status == "failed":
            continue
        key = (start.n_li, start.arrangement)
        if key not in best or outcome.energy_ev < energy_of(best[key][1]).energy_ev - 1e-6:
            best[key] = (start, outcome)
    return list(best.values())


def single_atoms(setup: BindingSetup) -> tuple[Start, ...]:
    """Return one Li on every distinct site of the relaxed clean slab."""
    from liface.structures.deposition import add_adsorbates

    slab = energy_of(setup.clean).final.to_structure()
    return tuple(
        _start(add_adsorbates(slab, np.array([site.position])), 1, "dispersed", site.name, "adatoms")
        for site in sites_of(setup)
    )


def _apart(slab: Structure, ranked: Sequence[Site], n: int, n_starts: int) -> list[Start]:
    """Return starts of n dispersed atoms: each on one of the lowest ``n_starts`` sites, as far as those have room.

    Where they have not, the atoms sit on the lowest sites together, and on the next single site that has room.

    Raises
    ------
    StructureError
        There is no start: all sites together have too few positions.
    """
    starts = {start.geometry.identity: start for start in _dispersed(slab, ranked[:n_starts], n)}
    together: list[Start] = []
    problem = None
    if len(starts) < n_starts:
        try:
            together = [_dispersed_over(slab, ranked, n)]
        except StructureError as error:
            problem = error
        for start in chain(together, _dispersed(slab, ranked[n_starts:], n)):
            starts.setdefault(start.geometry.identity, start)
            if len(starts) == n_starts:
                break
    if problem is not None and not starts:
        raise problem
    return list(starts.values())


def _dispersed(slab: Structure, sites: Sequence[Site], n: int) -> Iterator[Start]:
    """Yield n atoms on equivalent positions of each site that has room for them."""
    from liface.structures.deposition import dispersed
    from liface.structures.sites import equivalent_positions

    for site in sites:
        if len(equivalent_positions(slab, site)) < n:
            continue
        try:
            placed = dispersed(slab, site, n)
        except OverlapError:  # equivalent positions may come in pairs, closer than two atoms can be
            continue
        yield _start(placed, n, "dispersed", site.name, "adatoms")


def _dispersed_over(slab: Structure, ranked: Sequence[Site], n: int) -> Start:
    """Return n atoms as far apart as the lowest sites of a slab without symmetry allow.

    The pool is filled from the lowest site up until it holds twice as many positions as are needed.

    Raises
    ------
    StructureError
        All sites together have too few positions.
    """
    from liface.structures.deposition import add_adsorbates
    from liface.structures.maximin import farthest_subset
    from liface.structures.sites import equivalent_positions

    pool = np.empty((0, 3))
    for site in ranked:
        pool = np.vstack([pool, equivalent_positions(slab, site)])
        if len(pool) >= 2 * n:
            break
    if len(pool) < n:
        raise StructureError(
            f"{n} dispersed Li do not fit on {len(pool)} sites of this cell; raise binding_edge_a in the protocol"
        )
    chosen = pool[list(farthest_subset(pool[:, :2], slab.lattice.matrix[:2, :2], n))]
    return _start(add_adsorbates(slab, chosen), n, "dispersed", "lowest-sites", "adatoms")


def _clusters(slab: Structure, site: Site, n: int) -> list[Start]:
    from liface.structures.clusters import isomers
    from liface.structures.deposition import place_cluster
    from liface.structures.orientations import orientations

    found, problems = [], []
    for cluster in isomers(n, bond_a=LI_BOND_A):
        for way, _ in orientations(cluster):
            try:
                placed = place_cluster(slab, cluster, site, orientation=way)
            except StructureError as error:  # too wide for this cell in this orientation
                problems.append(str(error))
            else:
                found.append(_start(placed, n, "cluster", f"{cluster.name}/{way}", cluster.dimension))
    if not found:
        raise StructureError(f"no cluster of {n} Li fits: {problems[0]}")
    return found


def _best_of_each(ranked: list[tuple[float, int, Start]], n: int) -> Iterator[Start]:
    """Yield the best start of every dimension, then the next best, ``n`` in all (more only for dimensions)."""
    first = {start.dimension: i for i, (_, _, start) in reversed(list(enumerate(ranked)))}
    order = sorted(first.values()) + [i for i in range(len(ranked)) if i not in first.values()]
    for i in sorted(order[: max(n, len(first))]):
        yield ranked[i][2]


def _start(structure: Structure, n: int, arrangement: Literal["dispersed", "cluster"], name: str, dim: str) -> Start:
    return Start(n_li=n, arrangement=arrangement, name=name, dimension=dim, geometry=Geometry.from_structure(structure))


def _label(start: Start) -> str:
    return f"{start.n_li}Li-{start.arrangement}-{start.name.replace('/', '-')}"
