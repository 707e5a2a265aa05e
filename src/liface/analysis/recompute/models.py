"""What follows from other results once more: wetting, growth, stability, and the numbers a model was given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from liface.analysis.growth import GROWTH_TOLERANCE_EV, growth_mode
from liface.analysis.recompute.evidence import ABSOLUTE, Check, composition_of
from liface.documents import (
    BindingResult,
    BulkResult,
    DepositionResult,
    GrowthResult,
    InterfaceResult,
    ModelResult,
    StabilityResult,
    SurfaceResult,
    WettingResult,
)
from liface.errors import AnalysisError

EV, PER_AREA = ABSOLUTE["eV"], ABSOLUTE["meV/Å²"]


def wetting(result: WettingResult, behind: Sequence[Any]) -> Iterator[list[Check]]:
    """Look for the three energies per area among stored results whose calculations are all behind this one."""
    substrates = [
        each.gamma_mev_per_a2
        for each in behind
        if isinstance(each, SurfaceResult) and (each.material, each.plane) == (result.substrate, result.substrate_plane)
    ]
    films = [
        each.gamma_mev_per_a2
        for each in behind
        if isinstance(each, SurfaceResult) and (each.material, each.plane) == ("Li", result.film_plane)
    ]
    interfaces = [
        each.gamma_mev_per_a2
        for each in behind
        if isinstance(each, InterfaceResult)
        and (each.substrate, each.substrate_plane, each.film_plane, each.method)
        == (result.substrate, result.substrate_plane, result.film_plane, "sandwich")
    ]
    if not (substrates and films and interfaces):
        raise AnalysisError("the surfaces and the interface that it follows from are not stored")
    yield [
        Check(name, stored, _nearest(stored, found), PER_AREA)
        for name, stored, found in (
            ("gamma_substrate_mev_per_a2", result.gamma_substrate_mev_per_a2, substrates),
            ("gamma_li_mev_per_a2", result.gamma_li_mev_per_a2, films),
            ("gamma_interface_mev_per_a2", result.gamma_interface_mev_per_a2, interfaces),
        )
    ]


def growth(result: GrowthResult, behind: Sequence[Any]) -> Iterator[list[Check]]:
    """ΔE = E_b(lowest three-dimensional cluster) - E_b(dispersed), and the mode that follows."""
    energies = {
        (each.monolayers, each.n_li, each.arrangement): each
        for each in behind
        if isinstance(each, BindingResult)
        and (each.substrate, each.substrate_plane) == (result.substrate, result.substrate_plane)
    }
    delta: dict[tuple[int, int], float] = {}
    wetted: list[tuple[int, int]] = []
    for (layers, n, arrangement), cluster in sorted(energies.items()):
        atoms = energies.get((layers, n, "dispersed"))
        if arrangement != "cluster" or atoms is None:
            continue
        if cluster.e_bind_lowest_3d_ev_per_li is None:
            wetted.append((layers, n))
        else:
            delta[layers, n] = cluster.e_bind_lowest_3d_ev_per_li - atoms.e_bind_ev_per_li
    if not (delta or wetted):
        raise AnalysisError("the bindings that it follows from are not stored")
    mode, _ = growth_mode(delta, tolerance_ev=GROWTH_TOLERANCE_EV, wetted=wetted)
    found = {f"{layers}/{n}": value for (layers, n), value in delta.items()}
    yield [
        Check("delta_e_ev_per_li (keys)", sorted(result.delta_e_ev_per_li), sorted(found)),
        *(
            Check(f"delta_e_ev_per_li.{key}", value, found.get(key), EV)
            for key, value in result.delta_e_ev_per_li.items()
        ),
        Check("mode", result.mode, mode),
    ]


def stability(result: StabilityResult, records: Mapping[str, Any]) -> Iterator[list[Check]]:
    """Balance the reaction, take its energy from its phases, and find the hull by a linear programme of its own."""
    bulks = {
        record.material: record
        for each in result.inputs
        if isinstance(record := records.get(each.record_id or ""), BulkResult)
    }
    if not {result.material, "Li"} <= set(bulks) or any(p.name not in bulks for p in result.products):
        raise AnalysisError("the bulks that it rests on are not all stored")
    amounts = {name: dict(composition_of(bulk.structure)) for name, bulk in bulks.items()}
    energies = {name: bulk.energy_ev_per_atom * sum(amounts[name].values()) for name, bulk in bulks.items()}
    own = amounts[result.material]
    made: dict[str, float] = {}
    for product in result.products:
        for element, number in amounts[product.name].items():
            made[element] = made.get(element, 0.0) + product.amount * number
    checks = [
        Check(f"products ({element})", made.get(element, 0.0), number + result.li_taken_up * (element == "Li"), 1e-5)
        for element, number in sorted({**dict.fromkeys(made, 0), **own}.items())
    ]
    reaction = sum(p.amount * energies[p.name] for p in result.products) - energies[result.material]
    reaction -= result.li_taken_up * energies["Li"]
    above = _above_hull(result.material, amounts, energies) / sum(own.values())
    yield [
        *checks,
        Check("reaction_energy_ev", result.reaction_energy_ev, reaction, 1e-5),
        Check("energy_above_hull_ev_per_atom", result.energy_above_hull_ev_per_atom, above, 1e-5),
    ]


def _above_hull(material: str, amounts: Mapping[str, Mapping[str, int]], energies: Mapping[str, float]) -> float:
    """Energy of a material over the lowest mixture of phases of its composition, itself among them; eV per unit."""
    from scipy.optimize import linprog

    own = amounts[material]
    phases = [name for name in amounts if set(amounts[name]) <= set(own)]
    found = linprog(
        [energies[name] for name in phases],
        A_eq=[[amounts[name].get(element, 0) for name in phases] for element in own],
        b_eq=list(own.values()),
    )
    if not found.success:
        raise AnalysisError(f"no mixture of the stored phases has the composition of {material}")
    return energies[material] - float(found.fun)


def deposition(result: DepositionResult) -> Iterator[list[Check]]:
    """W of a place from the works of adhesion among its inputs, and the pressure term from the pressures."""
    given = {each.name: each.value for each in result.inputs}
    li_surface = given.get("surface energy of Li", 0.0)

    def work(a: str, b: str) -> float:
        for pair in (f"{a}|{b}", f"{b}|{a}"):
            if f"adhesion {pair}" in given:
                return given[f"adhesion {pair}"]
        raise AnalysisError(f"its inputs hold no adhesion of {a} and {b}")

    checks: list[Check] = []
    for place in result.places:
        if place.place == "pores":
            continue
        side = result.electrolyte if place.place == "electrolyte" else result.collector
        contact = result.contact if place.place == "electrolyte" else 1.0
        lost = contact * work(side, result.interlayer)
        expected = lost - work("Li", side) - work("Li", result.interlayer) + 2 * li_surface
        name = f"adhesion_mev_per_a2 of the {place.place}"
        checks.append(Check(name, place.adhesion_mev_per_a2, expected, PER_AREA))
    yield checks


def inputs(result: ModelResult, records: Mapping[str, Any]) -> Iterator[Check]:
    """Every number that names a record is one of that record, in its unit."""
    for i, each in enumerate(result.inputs):
        if each.record_id is None or each.record_id not in records:
            continue
        held = list(_quantities(records[each.record_id]))
        same_unit = [value for value, unit in held if unit == each.unit]
        yield Check(f"inputs.{i} ({each.name})", each.value, _nearest(each.value, same_unit))


def _quantities(document: Any) -> Iterator[tuple[float, str]]:
    """Every number of a document with its unit, also of the documents inside it."""
    units = type(document).units()
    for name in type(document).model_fields:
        value = getattr(document, name)
        if isinstance(value, float | int) and not isinstance(value, bool) and name in units:
            yield float(value), units[name]
        elif isinstance(value, tuple):
            for each in value:
                if hasattr(type(each), "units"):
                    yield from _quantities(each)


def _nearest(stored: float, found: Iterable[float]) -> float | None:
    return min(found, key=lambda value: abs(value - stored), default=None)
