"""Growth runs of a substrate from what the database knows of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from liface.analysis.comparison import beside
from liface.analysis.computed import computed_values
from liface.database import Database
from liface.database.filters import quoted
from liface.dispatch.literature import in_house, literature_of
from liface.dispatch.surfaces import (
    named_surface,
    newest,
    of_engine,
    of_first_termination,
    one_engine,
    the_plane,
)
from liface.documents import BindingResult, EngineInfo
from liface.errors import InputError
from liface.mesoscale.records import BY_HAND, Origin
from liface.mesoscale.spec import GrowthSpec
from liface.mesoscale.substrate import (
    MOST_HOPS,
    ClusterEnergies,
    Known,
    SubstrateEnergies,
    SubstrateGrowth,
    substrate_growth,
)
from liface.structures.library import MaterialsLibrary
from liface.workflows.case_specs import canonical_surface

FILM, FILM_PLANE = "Li", "110"
"""The Li that Li grows on: its closest-packed plane."""


@dataclass(frozen=True)
class StoredGrowth:
    """A growth run of a substrate, with the records that it rests on."""

    substrate: str
    plane: str
    growth: SubstrateGrowth
    engine: EngineInfo
    converged: bool
    calc_ids: tuple[str, ...]
    flags: tuple[str, ...]
    published: tuple[str, ...] = ()
    """What is published of the records that it rests on."""

    def origin(self, growth: SubstrateGrowth, campaign: str, case: str) -> Origin:
        """Return what a stored result says of where it comes from; ``growth`` may differ by what was given by hand."""
        return Origin(
            case=case,
            campaign=campaign,
            engine=self.engine,
            inputs=growth.inputs,
            flags=tuple(dict.fromkeys((*growth.flags, *self.flags))),
            converged=self.converged,
            calc_ids=self.calc_ids,
        )


def stored_growth(
    database: Database,
    surface: str,
    base: GrowthSpec,
    *,
    engine: str | None = None,
    campaign: str | None = None,
    label: str | None = None,
    given: Mapping[str, float] | None = None,
    most_hops: float | None = None,
    library: MaterialsLibrary | None = None,
) -> StoredGrowth:
    """Return the growth run of a substrate with ratio, bonds, barriers and preference from the database.

    Parameters
    ----------
    surface
        Material, with its plane where several are stored: ``Cu(111)``.
    base
        Lattice, temperature, arrival on Li and step edge.
    campaign
        Only records of this campaign.
    label
        What messages call the engine.
    given
        Fields of the spec by hand, instead of stored ones: barriers, bonds, preference, desorption, prefactor.
    most_hops
        Hops of a lone atom per direction and 1/k_Li-Li beyond which all are slowed.
    library
        Where names are looked up; the one of the package by default.

    Raises
    ------
    InputError
        Something that is needed is not stored; the message says what computes it.
    """
    substrate, plane = canonical_surface(library or MaterialsLibrary(), *named_surface(surface))
    where = f"substrate={quoted(substrate)}" + (f" AND campaign={quoted(campaign)}" if campaign else "")
    bindings = of_engine(database.results("binding", where=where), engine)
    bindings = [
        b
        for b in bindings
        if plane in (None, b.substrate_plane)
        and b.substrate_termination == 0
        and (not b.monolayers or b.film_plane == FILM_PLANE)
    ]
    if not bindings:
        raise InputError(_missing_binding(surface, substrate, plane, label or engine))
    info = one_engine(bindings, f"binding energies on {surface}")
    plane = the_plane(bindings, substrate, plane)
    records = _Records(database, info, campaign)
    by_layers = {
        layers: found
        for layers in sorted({b.monolayers for b in bindings})
        if (found := records.clusters([b for b in bindings if b.monolayers == layers])) is not None
    }
    if 0 not in by_layers:
        raise InputError(_missing_binding(f"{substrate}({plane})", substrate, plane, info.label))
    given = given or {}
    energies = SubstrateEnergies(
        by_layers=by_layers,
        on_li=records.on_li(),
        barrier=records.barrier(substrate, plane, given.get("diffusion_substrate_ev"), "--diffusion-substrate"),
        barrier_li=records.barrier(FILM, FILM_PLANE, given.get("diffusion_li_ev"), "--diffusion-li"),
        spreading=records.spreading(substrate, plane),
        attempt=records.attempt(substrate, plane),
    )
    return StoredGrowth(
        substrate,
        plane,
        substrate_growth(energies, base, MOST_HOPS if most_hops is None else most_hops, given),
        info,
        records.converged,
        records.calc_ids,
        records.flags,
        records.published,
    )


class _Records:
    """Reads records of one engine and remembers which ones were used."""

    def __init__(self, database: Database, engine: EngineInfo, campaign: str | None):
        self._database, self._engine = database, engine
        self._only = f" AND campaign={quoted(campaign)}" if campaign else ""
        self._used: dict[str, Any] = {}

    @property
    def converged(self) -> bool:
        return all(record.converged for record in self._used.values())

    @property
    def calc_ids(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(i for record in self._used.values() for i in record.provenance.calc_ids))

    @property
    def flags(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(flag for record in self._used.values() for flag in record.flags))

    @property
    def published(self) -> tuple[str, ...]:
        """Return what is published of the records that were used, one line each."""
        known = literature_of(self._database)
        lines = [
            f"{computed.quantity} of {computed.system}: {computed.value:+.4g}; published {in_house(value)}"
            for record in self._used.values()
            for computed in computed_values(record)
            for value in beside(computed, known, closest=True)
        ]
        return tuple(dict.fromkeys(lines))

    def clusters(self, bindings: Sequence[BindingResult]) -> ClusterEnergies | None:
        """Return the energies of the smallest size that has both clusters and dispersed atoms; None without any."""
        sizes: dict[int, dict[str, BindingResult]] = {}
        for binding in sorted(bindings, key=lambda b: (b.provenance.created_at, b.record_id)):
            if binding.n_li > 1:
                sizes.setdefault(binding.n_li, {})[binding.arrangement] = binding
        whole = {n: pair for n, pair in sizes.items() if len(pair) == 2}
        if not whole:
            return None
        n_li = min(whole, key=lambda n: (n < 4, n))  # four is the smallest that can be three-dimensional
        cluster, dispersed = whole[n_li]["cluster"], whole[n_li]["dispersed"]
        solid = cluster.e_bind_lowest_3d_ev_per_li
        return ClusterEnergies(
            n_li=n_li,
            dispersed=self._known(dispersed, dispersed.e_bind_ev_per_li),
            cluster=self._known(cluster, cluster.e_bind_ev_per_li),
            solid=None if solid is None else self._known(cluster, solid),
            flat=self._flat(cluster),
        )

    def _flat(self, cluster: BindingResult) -> Known | None:
        """Return the lowest candidate that ended as a flat island."""
        rafts = [c.e_bind_ev_per_li for c in cluster.candidates if c.shape == "raft"]
        return self._known(cluster, min(rafts)) if rafts else None

    def on_li(self) -> ClusterEnergies:
        where = f"substrate={quoted(FILM)} AND substrate_plane={quoted(FILM_PLANE)} AND monolayers=0"
        where += " AND substrate_termination=0"
        found = self.clusters(self._mine("binding", where))
        if found is None:
            raise InputError(_missing_binding(f"{FILM}({FILM_PLANE})", FILM, FILM_PLANE, self._engine.label))
        return found

    def barrier(self, substrate: str, plane: str, by_hand: float | None, option: str) -> Known:
        if by_hand is not None:
            return Known(by_hand, BY_HAND)
        record = self._barrier(substrate, plane)
        if record is None:
            raise InputError(
                f"no diffusion barrier of Li on {substrate}({plane}) of {self._engine.label} is stored; "
                f"'barriers: [{{substrate: {substrate}, plane: \"{plane}\"}}]' in a campaign computes it, or give one "
                f"with {option}"
            )
        return self._known(record, record.barrier_ev)

    def attempt(self, substrate: str, plane: str) -> Known | None:
        record = self._barrier(substrate, plane)
        return None if record is None or record.attempt_hz is None else self._known(record, record.attempt_hz)

    def spreading(self, substrate: str, plane: str) -> Known | None:
        """Return γ_A - γ_Li - γ_A|Li of the closest-packed Li plane, from the wetting of the substrate."""
        if substrate == FILM:
            return Known(0.0, "Li on itself")
        where = f"substrate={quoted(substrate)} AND substrate_plane={quoted(plane)} AND film_plane={quoted(FILM_PLANE)}"
        wetting = newest(of_first_termination(self._mine("wetting", where)))
        if wetting is None:
            return None
        gain = wetting.gamma_substrate_mev_per_a2 - wetting.gamma_li_mev_per_a2 - wetting.gamma_interface_mev_per_a2
        return self._known(wetting, gain)

    def _barrier(self, substrate: str, plane: str) -> Any | None:
        where = f"substrate={quoted(substrate)} AND substrate_plane={quoted(plane)} AND monolayers=0"
        return newest(self._mine("barrier", f"{where} AND substrate_termination=0"))

    def _mine(self, kind: str, where: str) -> list[Any]:
        results = self._database.results(kind, where=where + self._only)
        return [r for r in results if r.engine.fingerprint == self._engine.fingerprint]

    def _known(self, record: Any, value: float) -> Known:
        self._used[record.record_id] = record
        return Known(value, f"{record.kind} of {record.provenance.case}, {record.engine.label}", record.record_id)


def _missing_binding(surface: str, substrate: str, plane: str | None, engine: str | None) -> str:
    of = f" of {engine}" if engine else ""
    return (
        f"no binding energies of a Li cluster and as many dispersed atoms on {surface}{of} are stored; 'bindings: "
        f'[{{substrate: {substrate}, plane: "{plane or "HKL"}", n_li: [1, 4], monolayers: [0, 1]}}]\' in a campaign '
        "computes them"
    )
