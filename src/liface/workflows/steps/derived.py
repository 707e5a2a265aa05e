"""Quantities that follow from stored results: wetting from surfaces and interfaces, growth from bindings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from liface import __version__
from liface.analysis import energies, growth
from liface.analysis.references import require_same_engine
from liface.documents import (
    BindingResult,
    GrowthResult,
    InterfaceResult,
    Provenance,
    SurfaceResult,
    WettingResult,
)
from liface.units import MEV, j_per_m2

YOUNG_DUPRE_DOI = ("10.1039/d4ee03130j", "10.1002/adma.202206762")


def wetting_results(
    surfaces: Iterable[SurfaceResult], interfaces: Iterable[InterfaceResult]
) -> tuple[WettingResult, ...]:
    """Return adhesion and contact angle wherever both free surfaces of an interface are known."""
    known = {(s.material, s.plane, s.termination, s.engine.fingerprint): s for s in surfaces}
    found = []
    for interface in interfaces:
        if interface.method != "sandwich":
            continue  # the vacuum route is a cross-check of the same quantity
        engine = interface.engine.fingerprint
        substrate = known.get((interface.substrate, interface.substrate_plane, interface.substrate_termination, engine))
        film = known.get((interface.film, interface.film_plane, 0, engine))
        if substrate is not None and film is not None:
            found.append(_wetting(substrate, film, interface))
    return tuple(found)


def growth_results(bindings: Iterable[BindingResult]) -> tuple[GrowthResult, ...]:
    """Return the growth mode of every slab with clusters and dispersed atoms of equal size."""
    groups: dict[tuple[str, str, int, str], list[BindingResult]] = {}
    for binding in bindings:
        key = (
            binding.substrate,
            binding.substrate_plane,
            binding.substrate_termination,
            binding.engine.fingerprint,
        )
        groups.setdefault(key, []).append(binding)
    return tuple(result for group in groups.values() if (result := _growth(group)) is not None)


def _wetting(substrate: SurfaceResult, film: SurfaceResult, interface: InterfaceResult) -> WettingResult:
    engine = require_same_engine(substrate.engine, film.engine, interface.engine)
    adhesion = energies.work_of_adhesion(substrate.gamma_mev_per_a2, film.gamma_mev_per_a2, interface.gamma_mev_per_a2)
    cos_theta, angle = energies.contact_angle(
        substrate.gamma_mev_per_a2, interface.gamma_mev_per_a2, film.gamma_mev_per_a2
    )
    return WettingResult(
        definition=(
            "W_ad = gamma_A + gamma_Li - gamma_A|Li; cos(theta) = (gamma_A - gamma_A|Li) / gamma_Li, "
            "theta = 0 where it is 1 or more, 180 where it is -1 or less"
        ),
        engine=engine,
        converged=substrate.converged and film.converged and interface.converged,
        flags=_merged(substrate.flags, film.flags, interface.flags),
        provenance=_provenance((substrate, film, interface), f"wetting/{interface.provenance.case}", YOUNG_DUPRE_DOI),
        substrate=interface.substrate,
        substrate_plane=interface.substrate_plane,
        film_plane=interface.film_plane,
        gamma_substrate_mev_per_a2=substrate.gamma_mev_per_a2,
        gamma_li_mev_per_a2=film.gamma_mev_per_a2,
        gamma_interface_mev_per_a2=interface.gamma_mev_per_a2,
        work_of_adhesion_mev_per_a2=adhesion,
        work_of_adhesion_j_per_m2=j_per_m2(adhesion),
        cos_theta=cos_theta,
        contact_angle_deg=angle,
    )


def _growth(bindings: Sequence[BindingResult]) -> GrowthResult | None:
    energy = {(b.monolayers, b.n_li, b.arrangement): b for b in bindings}
    pairs = {
        (layers, n): (cluster, energy[layers, n, "dispersed"])
        for (layers, n, arrangement), cluster in sorted(energy.items())
        if arrangement == "cluster" and (layers, n, "dispersed") in energy
    }
    if not pairs:
        return None
    used = [binding for pair in pairs.values() for binding in pair]
    delta, wetted = {}, []
    for key, (cluster, atoms) in pairs.items():
        if cluster.e_bind_lowest_3d_ev_per_li is None:
            wetted.append(key)
        else:
            delta[key] = cluster.e_bind_lowest_3d_ev_per_li - atoms.e_bind_ev_per_li
    mode, evidence = growth.growth_mode(delta, tolerance_ev=growth.GROWTH_TOLERANCE_EV, wetted=wetted)
    first = used[0]
    return GrowthResult(
        definition="dE = E_b(lowest three-dimensional cluster) - E_b(dispersed) per Li; positive: atoms win",
        engine=require_same_engine(*(b.engine for b in used)),
        converged=all(b.converged for b in used),
        flags=_merged(_lone_starts(delta, pairs), *(b.flags for b in used)),
        provenance=_provenance(used, f"growth/{first.substrate}-{first.substrate_plane}", ("10.1002/adma.202206762",)),
        substrate=first.substrate,
        substrate_plane=first.substrate_plane,
        mode=mode,
        delta_e_ev_per_li={f"{layers}/{n}": value for (layers, n), value in delta.items()},
        evidence=evidence,
    )


def _lone_starts(
    delta: dict[tuple[int, int], float], pairs: dict[tuple[int, int], tuple[BindingResult, BindingResult]]
) -> tuple[str, ...]:
    """Flag every energy difference that would turn without the lowest start of the winner."""
    flags = []
    for (layers, n), value in delta.items():
        cluster, atoms = pairs[layers, n]
        solid = [c.e_bind_ev_per_li for c in cluster.candidates if c.shape == "3d"]
        gap = growth.turns_without_lowest(value, solid, [c.e_bind_ev_per_li for c in atoms.candidates])
        if gap is not None:
            flags.append(
                f"one_start_decides: Li{n} on {growth.name_of(layers)}: dE {value * MEV:+.0f} meV/Li, "
                f"the next start of the {'atoms' if value > 0 else 'cluster'} is {gap * MEV:.0f} meV/Li higher"
            )
    return tuple(flags)


def _provenance(
    results: Sequence[SurfaceResult | InterfaceResult | BindingResult], case: str, doi: tuple[str, ...]
) -> Provenance:
    return Provenance(
        campaign=results[0].provenance.campaign,
        case=case,
        calc_ids=tuple(dict.fromkeys(i for result in results for i in result.provenance.calc_ids)),
        liface_version=__version__,
        doi=doi,
    )


def _merged(*flags: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(flag for group in flags for flag in group))
