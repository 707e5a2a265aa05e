"""What a campaign will cost before anything runs: slabs are really cut, on the canonical lattices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from liface.documents import Geometry
from liface.errors import StructureError
from liface.workflows.campaign import PlannedCase
from liface.workflows.convergence_specs import ConvergenceSpec, SeriesPoint
from liface.workflows.specs import (
    AdhesionSpec,
    BarrierSpec,
    BindingSpec,
    BulkSpec,
    InterfaceSpec,
    MaterialSpec,
    PhononSpec,
    SurfaceSpec,
    VibrationSpec,
)
from liface.workflows.steps import adhesion, binding, interface, phonon, surface, vibration
from liface.workflows.steps.common import BulkReference, Case

SECONDS_PER_ATOM_AND_CALL = {
    "sevennet": 0.0015, "chgnet": 0.0045, "emt": 0.0001, "morse": 0.0005, "gpaw": 3.0, "vasp": 3.0,
}  # fmt: skip
"""Wall time of one force call per atom on one core, where the database has no calculations to learn from. That of DFT
is of cells of about ten atoms with plane waves; it grows with the square of the number of atoms."""
UNKNOWN_ENGINE_S = 0.02
CALLS_PER_RELAXATION = 35
CALLS_PER_COHERENT_RELAXATION = 10
SITES_PER_SLAB = 6
CLUSTER_STARTS = 15
"""Typical numbers of distinct sites, and of cluster starts that are screened per size."""


TYPICAL_HOPS = 3
CALLS_PER_IMAGE = 25
"""Typical numbers of distinct hops, and of force calls per image of a path."""


@dataclass(frozen=True)
class Estimate:
    """Structures and atoms of one case; the cost is an estimate in atoms times force calls."""

    structures: int
    atoms: int
    atom_calls: float

    def core_seconds(self, per_atom_call_s: float) -> float:
        """Return the time on one core at a given speed."""
        return self.atom_calls * per_atom_call_s


def estimate(planned: PlannedCase) -> Estimate:
    """Estimate a case without its shared bulk references.

    Raises
    ------
    LifaceError
        A cell of the case cannot be built.
    """
    spec = planned.spec
    if isinstance(spec, BulkSpec):
        n_starts = 2 if len(spec.material.elements) > 1 else 1
        return _total([(spec.material.reference.n_atoms, CALLS_PER_RELAXATION)] * n_starts)
    if isinstance(spec, SurfaceSpec):
        slabs = surface.slabs(planned.case, spec, _as_is(planned.case, spec.material))
        return _total([(len(slab.structure), CALLS_PER_RELAXATION) for slab in slabs])
    if isinstance(spec, InterfaceSpec):
        return _total(_interface(planned.case, spec, is_scanned=planned.start is None))
    if isinstance(spec, AdhesionSpec):
        return _total(_adhesion(planned.case, spec))
    if isinstance(spec, BarrierSpec):
        return _total(_barrier(planned.case, spec))
    if isinstance(spec, PhononSpec):
        asked = phonon.phonon_requests(planned.case, spec, _as_is(planned.case, spec.material))
        return _total([(request.geometry.n_atoms, 1) for request in asked])
    if isinstance(spec, VibrationSpec):
        return _total(_vibration(planned.case, spec))
    if isinstance(spec, ConvergenceSpec):
        return _sum([estimate(_as_case(planned, point)) for point in spec.points])
    return _total(_binding(planned.case, spec))


def assumed_speed(engine: str) -> float:
    """Return the assumed seconds per atom and force call of an engine."""
    return SECONDS_PER_ATOM_AND_CALL.get(engine, UNKNOWN_ENGINE_S)


def _interface(case: Case, spec: InterfaceSpec, is_scanned: bool) -> list[tuple[int, int]]:
    protocol = case.protocol
    setup = interface.unstrained_setup(spec, _as_is(case, spec.substrate), _as_is(case, spec.film))
    atoms, n_shifts = interface.sizes(case, setup)
    singles = len(protocol.gaps_a) + n_shifts - 1 if is_scanned else 0
    work = [(atoms[0], 1)] * singles
    if spec.relaxation == "free":
        calls = protocol.max_force_calls
    else:
        calls = CALLS_PER_COHERENT_RELAXATION
        work += [(atoms[0], protocol.release_force_calls)] * protocol.release
    work += [(atoms[0], calls)] * (protocol.registry_candidates if is_scanned else 1)
    return work + [(n, calls) for n in atoms[1:]]


def _binding(case: Case, spec: BindingSpec) -> list[tuple[int, int]]:
    substrate, film = _as_is(case, spec.substrate), _as_is(case, spec.film)
    n = binding.clean_slab(case, spec, substrate, film, (0.0, 0.0)).num_sites
    sizes = [size for size in spec.n_li if size > 1]
    relaxations = case.protocol.site_candidates * len(spec.n_li) + case.protocol.cluster_candidates * len(sizes)
    removals = len(spec.n_li) + len(sizes)
    work = [(n, 1)] * (SITES_PER_SLAB + CLUSTER_STARTS * len(sizes))
    return work + [(n, CALLS_PER_RELAXATION)] * (1 + relaxations + removals)


def _adhesion(case: Case, spec: AdhesionSpec) -> list[tuple[int, int]]:
    setup = adhesion.AdhesionSetup(
        spec=spec, held=_as_is(case, spec.held.material), taut=_as_is(case, spec.taut.material)
    )
    build = adhesion.builder(case, setup)
    held, taut = len(build.parts.substrate.species), len(build.parts.film.species)
    gaps = adhesion.gaps_of(case, spec)
    singles = len(gaps) + len(adhesion.other_shifts(case, setup))
    starts = case.protocol.registry_candidates + (len(gaps) > 1)
    calls = CALLS_PER_COHERENT_RELAXATION if spec.move == "normal" else CALLS_PER_RELAXATION
    return [(held + taut, 1)] * singles + [(held + taut, calls)] * starts + [(held, calls), (taut, calls)]


def _barrier(case: Case, spec: BarrierSpec) -> list[tuple[int, int]]:
    substrate, film = _as_is(case, spec.substrate), _as_is(case, spec.film)
    n = binding.clean_slab(case, spec.binding, substrate, film, (0.0, 0.0)).num_sites + 1
    hops = min(spec.most_hops, TYPICAL_HOPS)
    relaxations = 1 + SITES_PER_SLAB + hops
    path = (n, 2 + CALLS_PER_IMAGE * spec.path.images)
    return [(n, CALLS_PER_RELAXATION)] * relaxations + [(n, 1)] * (6 * (SITES_PER_SLAB + 1)) + [path] * hops


def _vibration(case: Case, spec: VibrationSpec) -> list[tuple[int, int]]:
    """Return the displaced cells alone; what they are displaced from is most often a case of its own."""
    if isinstance(spec.of, InterfaceSpec):
        setup = interface.unstrained_setup(spec.of, _as_is(case, spec.substrate), _as_is(case, spec.film))
        planes = case.protocol.film_planes(spec.of.film_plane)[0]
        cell = interface.stack(case, setup, planes, case.protocol.gaps_a[0], (0.0, 0.0)).structure
        geometry = Geometry.from_structure(cell)
        first, second = vibration.film_multiples(spec, geometry)
        return [(first * second * geometry.n_atoms, 1)] * (6 * geometry.count(role="film"))
    slab = binding.clean_slab(case, spec.of, _as_is(case, spec.substrate), _as_is(case, spec.film), (0.0, 0.0))
    arrangements = [n for n in spec.of.n_li for _ in range(1 if n == 1 else 2)]
    return [(slab.num_sites + n, 1) for n in arrangements for _ in range(6 * n)]


def _as_is(case: Case, material: MaterialSpec) -> BulkReference:
    """Take the canonical cell as if it were relaxed."""
    return BulkReference(
        material=material.name,
        geometry=material.reference,
        energy_ev_per_atom=0.0,
        engine=case.engine,
        converged=False,
        broken_symmetry=False,
        calc_ids=(),
    )


def _as_case(planned: PlannedCase, point: SeriesPoint) -> PlannedCase:
    """Return one point of a series as if it were a case of its own."""
    case = planned.case.model_copy(update={"protocol": point.protocol_on(planned.case.protocol)})
    return replace(planned, case=case, spec=point.of, engine=point.engine_on(planned.engine))


def _sum(parts: Sequence[Estimate]) -> Estimate:
    return Estimate(
        structures=sum(part.structures for part in parts),
        atoms=max(part.atoms for part in parts),
        atom_calls=sum(part.atom_calls for part in parts),
    )


def _total(work: Sequence[tuple[int, int]]) -> Estimate:
    if not work:
        raise StructureError("a case without structures cannot be planned")
    return Estimate(
        structures=len(work), atoms=max(n for n, _ in work), atom_calls=float(sum(n * calls for n, calls in work))
    )
