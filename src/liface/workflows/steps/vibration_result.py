"""From vibrations to binding and interfacial energies at a temperature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from liface.documents import (
    BindingResult,
    CalculationDocument,
    InterfaceResult,
    PhononResult,
    VibrationPoint,
    VibrationResult,
)
from liface.errors import CalculationError
from liface.units import MEV
from liface.workflows.specs import VibrationSpec
from liface.workflows.steps import binding_result, interface, interface_result
from liface.workflows.steps.binding import BindingSetup, Starts, winners
from liface.workflows.steps.common import Case, CaseOutput, all_converged, energy_of
from liface.workflows.steps.interface import InterfaceSetup
from liface.workflows.steps.vibration import (
    ROOM_K,
    WARM_K,
    LocalModes,
    film_multiples,
    local_modes,
    n_displacements,
    require_same_model,
    vibration_flags,
)

DOI = ("10.1016/j.scriptamat.2015.07.021",)
ADSORBATE = (
    "E_b(T) = E_b + [F_vib(adsorbed Li) - n F_vib(bulk Li)] / n; harmonic, the slab stands still (its change of F_vib "
    "is left out); delta E(T) = E_b(T) of the lowest cluster minus that of the dispersed atoms"
)
FILM = (
    "gamma(T) = gamma_0 + [F_vib(film) - n F_vib(strained bulk Li)] / (interfaces A); harmonic, thinnest film of the "
    "series repeated in the plane, the substrate stands still (its change of F_vib is left out); the reference is bulk "
    "Li strained like the film, its height relaxed, as in the fit of the series"
)
TEMPERATURES = {"0": 0.0, "298": ROOM_K, "333": WARM_K}
EMPTY = {
    f"{name}{tail}": None
    for name, unit in (("e_bind", "ev_per_li"), ("delta_e", "ev_per_li"), ("gamma", "mev_per_a2"))
    for tail in (f"_{unit}", *(f"_{t}_{unit}" for t in TEMPERATURES))
}


def adsorbate_results(
    case: Case,
    spec: VibrationSpec,
    setup: BindingSetup,
    starts: Starts,
    relaxed: Sequence[CalculationDocument],
    removed: Sequence[CalculationDocument],
    lithium: PhononResult,
    displaced: Sequence[CalculationDocument],
) -> CaseOutput:
    """Return the vibrations of the lowest arrangement of every size, clusters with the difference to dispersed atoms.

    Raises
    ------
    CalculationError
        Of every arrangement a displaced cell failed.
    """
    require_same_model(case, lithium)
    results = binding_result.binding_results(case, setup, starts, relaxed, removed).results
    energies = [result for result in results if isinstance(result, BindingResult)]
    found: list[VibrationResult] = []
    problems: list[str] = []
    left = list(displaced)
    for (_, outcome), energy in zip(winners(starts, relaxed), energies, strict=True):
        best = energy_of(outcome)
        n = n_displacements(best.final, "adsorbate")
        mine, left = left[:n], left[n:]
        try:
            modes = local_modes(spec, best, "adsorbate", mine)
        except CalculationError as error:  # of this arrangement alone
            problems.append(str(error))
            continue
        found.append(_adsorbate(case, spec, energy, modes, lithium, mine))
    if not found:
        raise CalculationError(f"{case.name}: no vibrations: {'; '.join(problems)}")
    atoms = {result.n_li: result for result in found if result.arrangement == "dispersed"}
    return CaseOutput(results=tuple(_against(result, atoms.get(result.n_li)) for result in found))


def film_result(
    case: Case,
    spec: VibrationSpec,
    setup: InterfaceSetup,
    start: interface.Start,
    series: Sequence[CalculationDocument],
    released: Sequence[CalculationDocument],
    lithium: PhononResult,
    displaced: Sequence[CalculationDocument],
) -> VibrationResult:
    """Return the vibrations of the thinnest film and the interfacial energy at a temperature.

    Raises
    ------
    CalculationError
        A displaced cell failed.
    """
    require_same_model(case, lithium)
    energy = interface_result.interface_result(case, setup, start, series, released)
    best = energy_of(start.best)
    modes = local_modes(spec, best, "film", displaced, film_multiples(spec, best.final))
    per_li = MEV * modes.n_moved / (energy.n_interfaces * modes.geometry.in_plane_area)
    values = EMPTY | {"gamma_mev_per_a2": energy.gamma_mev_per_a2}
    for name, t in TEMPERATURES.items():
        values[f"gamma_{name}_mev_per_a2"] = energy.gamma_mev_per_a2 + per_li * _correction(modes, lithium, t)
    common = _common(case, spec, energy, modes, lithium, displaced)
    return VibrationResult(
        **common, **values, definition=FILM, monolayers=0, arrangement="film", n_interfaces=energy.n_interfaces
    )


def _adsorbate(
    case: Case,
    spec: VibrationSpec,
    energy: BindingResult,
    modes: LocalModes,
    lithium: PhononResult,
    displaced: Sequence[CalculationDocument],
) -> VibrationResult:
    values = EMPTY | {"e_bind_ev_per_li": energy.e_bind_ev_per_li}
    for name, t in TEMPERATURES.items():
        values[f"e_bind_{name}_ev_per_li"] = energy.e_bind_ev_per_li + _correction(modes, lithium, t)
    return VibrationResult(
        **_common(case, spec, energy, modes, lithium, displaced),
        **values,
        definition=ADSORBATE,
        monolayers=energy.monolayers,
        arrangement=energy.arrangement,
        n_interfaces=0,
    )


def _against(cluster: VibrationResult, atoms: VibrationResult | None) -> VibrationResult:
    """Return a cluster with its energies minus those of as many dispersed atoms; others as they are."""
    if cluster.arrangement != "cluster" or atoms is None:
        return cluster
    tails = ("_ev_per_li", *(f"_{name}_ev_per_li" for name in TEMPERATURES))
    delta = {f"delta_e{tail}": getattr(cluster, f"e_bind{tail}") - getattr(atoms, f"e_bind{tail}") for tail in tails}
    return cluster.model_copy(update=delta)


def _common(
    case: Case,
    spec: VibrationSpec,
    energy: BindingResult | InterfaceResult,
    modes: LocalModes,
    lithium: PhononResult,
    displaced: Sequence[CalculationDocument],
) -> dict[str, Any]:
    """Return the fields that adsorbates and films share."""
    calc_ids = (*energy.provenance.calc_ids, *lithium.provenance.calc_ids, *(o.calc_id for o in displaced))
    corrections = {f"correction_{name}_ev_per_li": _correction(modes, lithium, t) for name, t in TEMPERATURES.items()}
    soft = modes.soft_share(ROOM_K) if len(modes.soft) else 0.0
    return corrections | {
        "engine": case.engine,
        "converged": energy.converged and lithium.converged and all_converged(displaced),
        "flags": tuple(dict.fromkeys((*energy.flags, *vibration_flags(modes, lithium, case.protocol.fmax_ev_per_a)))),
        "provenance": case.provenance(calc_ids, (*energy.provenance.doi, *DOI)),
        "substrate": energy.substrate,
        "substrate_plane": energy.substrate_plane,
        "substrate_termination": energy.substrate_termination,
        "film_plane": energy.film_plane,
        "n_li": modes.n_moved,
        "zpe_ev_per_li": modes.free_energy(0.0),
        "lowest_thz": float(modes.frequencies_thz[0]),
        "n_imaginary": len(modes.imaginary),
        "n_soft": len(modes.soft),
        "soft_298_ev_per_li": soft,
        "frequencies_thz": tuple(round(float(f), 6) for f in modes.frequencies_thz),
        "points": tuple(_point(modes, lithium, p.temperature_k) for p in lithium.points),
        "displacement_a": spec.displacement_a,
        "n_displacements": modes.n_displacements,
        "multiples": modes.multiples,
        "residual_ev_per_a": modes.residual_ev_per_a,
        "area_a2": modes.geometry.in_plane_area,
        "structure": modes.geometry,
    }


def _point(modes: LocalModes, lithium: PhononResult, temperature_k: float) -> VibrationPoint:
    mine, bulk = modes.free_energy(temperature_k), _bulk(lithium, temperature_k)
    return VibrationPoint(
        temperature_k=temperature_k,
        f_vib_ev_per_li=mine,
        f_vib_bulk_ev_per_li=bulk,
        correction_ev_per_li=mine - bulk,
    )


def _correction(modes: LocalModes, lithium: PhononResult, temperature_k: float) -> float:
    return modes.free_energy(temperature_k) - _bulk(lithium, temperature_k)


def _bulk(lithium: PhononResult, temperature_k: float) -> float:
    named = {0.0: lithium.zpe_ev_per_atom, ROOM_K: lithium.f_vib_298_ev_per_atom, WARM_K: lithium.f_vib_333_ev_per_atom}
    points = {point.temperature_k: point.f_vib_ev_per_atom for point in lithium.points}
    return (points | named)[temperature_k]
