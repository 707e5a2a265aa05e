"""The growth of one substrate from its computed energies: which number becomes which rate, and what was assumed.

**Ratio of arrival rates.** Li that arrives can stay on the substrate or join Li that is there. What favours one over
the other is ΔE = E_b(three-dimensional cluster) - E_b(as many dispersed atoms) per Li (10.1002/adma.202206762,
Table 1): k_Li-substrate / k_Li-Li = exp(ΔE/kT). It is taken on the bare substrate and on Li monolayers where they are
known, and the least of them counts: Li spreads over the layer on which spreading is hardest. The published values
give 0.16 for Li(110), 1.5 for Cu(111) and 40 for Li2Te(110), the order that experiment shows; binding energies of
single atoms (:func:`~liface.mesoscale.binding.rates_from_binding`) give the opposite.

**Bond energies** come from the lowest flat island against as many dispersed atoms, on the substrate and on Li. A
three-dimensional cluster says nothing of them: without a flat island on the substrate its bonds are taken to be those
on Li, and without one on Li the lowest cluster there stands in.

**Preference.** Covering the substrate with Li from a large crystal gains the spreading coefficient
S = γ_A - γ_Li - γ_A|Li per area; in the lattice gas it gains Δ + 2 ε_s - 2 ε_Li per column of area a. So
Δ = S a + 2 (ε_Li - ε_s).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from liface.documents import Input
from liface.documents.mesoscale import RatioRule
from liface.errors import AnalysisError
from liface.mesoscale.binding import LARGEST_RATIO, bond_energy, with_hops_slowed
from liface.mesoscale.spec import GrowthSpec
from liface.mesoscale.stack import AREA_PER_LI_A2
from liface.units import MEV

MOST_HOPS = 300.0
"""Hops of a lone atom per direction while one atom arrives per column, beyond which all hops are slowed."""


@dataclass(frozen=True)
class Known:
    """A number with its origin."""

    value: float
    source: str
    record_id: str | None = None

    def as_input(self, name: str, unit: str) -> Input:
        """Return it as a document."""
        return Input(name=name, value=self.value, unit=unit, source=self.source, record_id=self.record_id)


@dataclass(frozen=True)
class ClusterEnergies:
    """Binding energies of n dispersed Li and of their clusters on one surface, eV per Li."""

    n_li: int
    dispersed: Known
    cluster: Known
    """The lowest cluster, whatever its shape."""
    solid: Known | None
    """The lowest that stayed three-dimensional; None where every one flattened."""
    flat: Known | None = None
    """The lowest flat island; None where none is known."""

    @property
    def bond_ev(self) -> float | None:
        """Energy per lateral bond of the flat island, eV; None where none is known."""
        return None if self.flat is None else bond_energy(self.flat.value, self.dispersed.value, self.n_li)

    @property
    def delta_e_ev(self) -> float:
        """E_b(three-dimensional cluster) - E_b(dispersed) per Li; infinite where there is no such cluster."""
        return self.solid.value - self.dispersed.value if self.solid is not None else math.inf


@dataclass(frozen=True)
class SubstrateEnergies:
    """What is known of Li on one surface and on Li."""

    by_layers: Mapping[int, ClusterEnergies]
    """Clusters and dispersed atoms by the number of Li monolayers under them; 0 is there."""
    on_li: ClusterEnergies
    barrier: Known
    barrier_li: Known
    spreading: Known | None = None
    """γ_A - γ_Li - γ_A|Li, meV/Å²; positive spreads."""
    attempt: Known | None = None


@dataclass(frozen=True)
class SubstrateGrowth:
    """A growth run for one substrate and what it rests on."""

    spec: GrowthSpec
    rule: RatioRule
    inputs: tuple[Input, ...]
    flags: tuple[str, ...] = field(default=())

    @property
    def ratio(self) -> float:
        """k_Li-substrate / k_Li-Li."""
        return self.spec.ratio

    def at_ratio(self, ratio: float) -> SubstrateGrowth:
        """Return it at a ratio given by hand."""
        by_hand = Input(name="ratio of arrival rates", value=ratio, unit="1", source="by hand")
        flags = tuple(flag for flag in self.flags if not flag.startswith("ratio_cut"))
        return replace(
            self, spec=self.spec.at_ratio(ratio), rule="by hand", inputs=(*self.inputs, by_hand), flags=flags
        )


def substrate_growth(
    known: SubstrateEnergies, base: GrowthSpec, most_hops: float = MOST_HOPS, given: Mapping[str, float] | None = None
) -> SubstrateGrowth:
    """Return the growth run that the energies imply; lattice, temperature, arrival on Li and step edge are of ``base``.

    ``given`` are fields of the spec by hand: bonds and the prefactor before anything follows from them.

    Raises
    ------
    AnalysisError
        The bare substrate is not among the layers, or a barrier is negative.
    """
    if 0 not in known.by_layers:
        raise AnalysisError("no clusters and dispersed atoms on the bare substrate; they decide the first layer")
    ratio, ratio_inputs, flags = _ratio(known, base.kt_ev)
    given = dict(given or {})
    bonds = _bonds(known, flags, given)
    barriers = {"bond_substrate_ev": known.barrier.value, "bond_li_ev": known.barrier_li.value}
    for name, bond in bonds.items():
        weakest = -barriers[name] / 4
        if bond < weakest:
            flags.append(f"repulsion_cut: {name} {bond:+.3f} to {weakest:+.3f} eV")
            bonds[name] = weakest
    preference, preference_inputs = 0.0, []
    if "substrate_preference_ev" in given:
        preference = given["substrate_preference_ev"]
    elif known.spreading is None:
        flags.append("preference_assumed")
    else:
        gain = known.spreading.value * AREA_PER_LI_A2 / MEV
        preference = gain + 2 * (bonds["bond_li_ev"] - bonds["bond_substrate_ev"])
        preference_inputs = [known.spreading.as_input("spreading coefficient", "meV/Å²")]
    attempt = known.attempt.value if known.attempt is not None else base.attempt_hz
    attempt = given.get("attempt_hz", attempt)
    others = {name: given[name] for name in ("desorption_li_ev",) if name in given}
    spec = GrowthSpec(
        **(
            base.model_dump()
            | bonds
            | {
                "diffusion_substrate_ev": known.barrier.value,
                "diffusion_li_ev": known.barrier_li.value,
                "substrate_preference_ev": preference,
                "attempt_hz": attempt,
                **others,
            }
        )
    ).at_ratio(ratio)
    slowed = with_hops_slowed(spec, most_hops)
    if slowed.attempt_hz < spec.attempt_hz:
        flags.append(f"hops_slowed: by {spec.attempt_hz / slowed.attempt_hz:.2g}")
    inputs = (
        *ratio_inputs,
        *_bond_inputs(known),
        known.barrier.as_input("diffusion barrier, substrate", "eV"),
        known.barrier_li.as_input("diffusion barrier, Li", "eV"),
        *preference_inputs,
        *((known.attempt.as_input("attempt frequency", "1/s"),) if known.attempt is not None else ()),
        *_by_hand(given),
    )
    return SubstrateGrowth(slowed, "clusters", inputs, tuple(flags))


def _by_hand(given: Mapping[str, float]) -> list[Input]:
    """Return what was given by hand; barriers say so themselves."""
    units = GrowthSpec.units()
    told = {name: value for name, value in given.items() if not name.startswith("diffusion")}
    return [Input(name=name, value=value, unit=units[name], source="by hand") for name, value in told.items()]


def _bonds(known: SubstrateEnergies, flags: list[str], given: Mapping[str, float]) -> dict[str, float]:
    """Return the bond energies, and add to the flags what was assumed."""
    on_li, bare = known.on_li.bond_ev, known.by_layers[0].bond_ev
    on_li = given.get("bond_li_ev", on_li)
    bare = given.get("bond_substrate_ev", bare)
    if on_li is None:
        on_li = bond_energy(known.on_li.cluster.value, known.on_li.dispersed.value, known.on_li.n_li)
        flags.append("bonds_assumed: on Li, from a cluster that is not flat")
    if bare is None:
        flags.append("bonds_assumed: on the substrate as on Li")
    return {"bond_substrate_ev": on_li if bare is None else bare, "bond_li_ev": on_li}


def _ratio(known: SubstrateEnergies, kt_ev: float) -> tuple[float, list[Input], list[str]]:
    """Return the ratio, what it rests on, and whether it was cut."""
    layers, hardest = min(known.by_layers.items(), key=lambda item: (item[1].delta_e_ev, item[0]))
    inputs, flags = [], []
    for number, energies in sorted(known.by_layers.items()):
        place = f"{energies.n_li} Li on {number} ML" if number else f"{energies.n_li} Li, bare"
        inputs.append(energies.dispersed.as_input(f"E_b of {place}, dispersed", "eV"))
        if energies.solid is not None:
            inputs.append(energies.solid.as_input(f"E_b of {place}, three-dimensional cluster", "eV"))
    limit = math.log(LARGEST_RATIO)
    asked = hardest.delta_e_ev / kt_ev
    used = min(max(asked, -limit), limit)
    if used != asked:
        why = "no cluster stays three-dimensional" if math.isinf(asked) else f"exp({asked:.1f})"
        flags.append(f"ratio_cut: {why} on {layers} ML")
    return math.exp(used), inputs, flags


def _bond_inputs(known: SubstrateEnergies) -> list[Input]:
    bare, on_li = known.by_layers[0], known.on_li
    island = on_li.flat or on_li.cluster
    shape = "flat island" if on_li.flat is not None else "lowest cluster"
    on_substrate = [bare.flat.as_input(f"E_b of {bare.n_li} Li, flat island", "eV")] if bare.flat is not None else []
    return [
        *on_substrate,
        on_li.dispersed.as_input(f"E_b of {on_li.n_li} Li on Li, dispersed", "eV"),
        island.as_input(f"E_b of {on_li.n_li} Li on Li, {shape}", "eV"),
    ]
