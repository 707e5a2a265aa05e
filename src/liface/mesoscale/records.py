"""From what a model answered to what is stored of it: the answer, the numbers it rests on, and where they come from."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np

from liface import __version__
from liface.documents import (
    CreepResult,
    DepositionResult,
    Document,
    EngineInfo,
    Input,
    MorphologyResult,
    Provenance,
    content_hash,
)
from liface.documents.mesoscale import RatioPoint, RatioRule
from liface.errors import AnalysisError
from liface.mesoscale.creep import creep_rates
from liface.mesoscale.creep_parameters import DEFAULT, CreepParameters, Parameter
from liface.mesoscale.deposition import Deposition
from liface.mesoscale.hosts import HostCurrent, host_capacity
from liface.mesoscale.spec import GrowthSpec
from liface.mesoscale.stack import Stack
from liface.mesoscale.sweep import GrowthSweep, SweepSpec

BY_HAND = "by hand"
WHAT_IF = "what-if"
"""Campaign of results that were saved by hand."""

GROWTH = (
    "rejection-free kinetic Monte Carlo of a solid-on-solid lattice gas: arrivals k_Li-substrate and k_Li-Li per "
    "column, hops with nu exp(-E/kT), desorption where given; means over seeds"
)
DEPOSITION = "dG = dG_r - e Phi + W_overall a + (P_external - sigma_m) Omega_Li per Li; the lowest of the open places"
CREEP = (
    "de/dt = sum of Coble, Nabarro-Herring and dislocation creep; largest current: the lower of creep over one pore "
    "diameter and of diffusion along the pore walls; capacity = porosity x thickness x 2062 mAh/cm3"
)


class Origin(Document):
    """Whose result it is, and what it rests on."""

    case: str
    campaign: str = WHAT_IF
    engine: EngineInfo | None = None
    inputs: tuple[Input, ...] = ()
    flags: tuple[str, ...] = ()
    converged: bool = True
    calc_ids: tuple[str, ...] = ()

    def provenance(self, doi: Iterable[str]) -> Provenance:
        """Name what a number rests on."""
        return Provenance(
            campaign=self.campaign,
            case=self.case,
            calc_ids=tuple(dict.fromkeys(self.calc_ids)),
            liface_version=__version__,
            doi=tuple(dict.fromkeys(doi)),
        )


def inputs_by_hand(values: Mapping[str, float | None], units: Mapping[str, str]) -> tuple[Input, ...]:
    """Return the numbers that a person gave, those that are None left out."""
    return tuple(
        Input(name=name, value=value, unit=units[name], source=BY_HAND)
        for name, value in values.items()
        if value is not None
    )


def growth_inputs(spec: GrowthSpec) -> tuple[Input, ...]:
    """Return the numbers of a growth run that was given by hand."""
    units = GrowthSpec.units()
    return inputs_by_hand({name: getattr(spec, name) for name in units}, units)


def sweep_id(spec: SweepSpec) -> str:
    """Return the content hash of all that decides the numbers of a sweep."""
    return content_hash(spec.model_dump(mode="json"))


def morphology_result(
    sweep: GrowthSweep,
    pictures: Mapping[float, np.ndarray],
    substrate: str,
    plane: str,
    ratio: float,
    rule: RatioRule,
    origin: Origin,
) -> MorphologyResult:
    """Describe how Li grows on a substrate; ``ratio`` is its own among those of the sweep.

    Raises
    ------
    AnalysisError
        The sweep was not done at this ratio.
    """
    own = _point_at(sweep.points, ratio)
    spec = sweep.spec.growth
    return MorphologyResult(
        definition=GROWTH,
        engine=origin.engine,
        converged=origin.converged,
        flags=origin.flags,
        inputs=origin.inputs,
        provenance=origin.provenance((sweep.doi,)),
        substrate=substrate,
        substrate_plane=plane,
        ratio=own.ratio,
        ratio_rule=rule,
        coverage=own.coverage.mean,
        tip_height=own.tip_height.mean,
        roughness=own.roughness.mean,
        n_nuclei=own.n_nuclei.mean,
        temperature_k=spec.temperature_k,
        atoms=sweep.spec.atoms,
        size=spec.size,
        n_seeds=len(sweep.spec.seeds),
        coverage_rises=sweep.coverage_rises,
        tip_height_falls=sweep.tip_height_falls,
        points=sweep.points,
        heights=tuple(tuple(int(h) for h in row) for row in pictures[own.ratio]),
        sweep_id=sweep_id(sweep.spec),
        generator=sweep.generator,
    )


def _point_at(points: Sequence[RatioPoint], ratio: float) -> RatioPoint:
    for point in points:
        if math.isclose(point.ratio, ratio, rel_tol=1e-9):
            return point
    raise AnalysisError(
        f"the sweep holds no ratio {ratio:g} but {', '.join(f'{p.ratio:g}' for p in points)}; run it at this ratio too"
    )


def deposition_result(found: Deposition, stack: Stack, origin: Origin) -> DepositionResult:
    """Describe where Li goes in a stack; adhesions join the inputs of ``origin``, and their notes its flags."""
    notes = (note for used in found.adhesions for note in used.notes)
    return DepositionResult(
        definition=DEPOSITION,
        engine=origin.engine,
        converged=origin.converged,
        flags=tuple(dict.fromkeys((*origin.flags, *notes))),
        inputs=(*_adhesion_inputs(found), *_stack_inputs(stack), *origin.inputs),
        provenance=origin.provenance(found.doi),
        electrolyte=found.electrolyte,
        interlayer=found.interlayer,
        collector=found.collector,
        answer=found.answer,
        margin_ev=found.margin_ev if math.isfinite(found.margin_ev) else None,
        pressure_mpa=found.pressure_mpa,
        contact=found.contact,
        area_per_li_a2=found.area_per_li_a2,
        places=found.places,
        boundaries=found.boundaries,
    )


def _adhesion_inputs(found: Deposition) -> list[Input]:
    return [
        Input(
            name=f"adhesion {used.pair}",
            value=used.adhesion_mev_per_a2,
            unit="meV/Å²",
            source=used.source,
            record_id=used.record_id,
        )
        for used in found.adhesions
    ]


def _stack_inputs(stack: Stack) -> tuple[Input, ...]:
    """Return what a person said about the stack beyond its materials."""
    values: dict[str, float | None] = {
        "external pressure": stack.pressure_mpa,
        "stress in the Li": stack.li_stress_mpa or None,
        "surface energy of Li": stack.li_surface_mev_per_a2 or None,
        "contact": stack.contact,
    }
    units = {
        "external pressure": "MPa", "stress in the Li": "MPa", "surface energy of Li": "meV/Å²", "contact": "1"
    }  # fmt: skip
    for what, unit, by_place in (("reaction energy", "eV", stack.reaction_ev), ("potential", "V", stack.potential_v)):
        for place, value in by_place.items():
            values[f"{what}, {place}"] = value
            units[f"{what}, {place}"] = unit
    if stack.pores is not None:
        values["current"], units["current"] = stack.pores.current_ma_per_cm2, "mA/cm²"
        values["pores filled"], units["pores filled"] = stack.pores.filled, "1"
    return inputs_by_hand(values, units)


def creep_result(
    host: str,
    passed: HostCurrent,
    origin: Origin,
    asked_ma_per_cm2: float | None = None,
    parameters: CreepParameters = DEFAULT,
) -> CreepResult:
    """Describe what a porous host holds and passes; the creep parameters are added to the inputs of ``origin``."""
    rates = creep_rates([passed.pore_nm], passed.temperature_k, passed.stress_mpa, parameters)
    single = [rate for rate in rates if rate.mechanism != "sum"]
    fastest = max(single, key=lambda rate: rate.strain_rate)
    most = passed.bottleneck
    return CreepResult(
        definition=CREEP,
        engine=origin.engine,
        converged=origin.converged,
        flags=origin.flags,
        inputs=(*_parameter_inputs(parameters), *origin.inputs),
        provenance=origin.provenance((*passed.doi, *(doi for rate in rates for doi in rate.doi))),
        host=host,
        pore_nm=passed.pore_nm,
        porosity=passed.porosity,
        thickness_um=passed.thickness_um,
        temperature_k=passed.temperature_k,
        stress_mpa=passed.stress_mpa,
        overpotential_mv=passed.overpotential_mv,
        capacity_mah_per_cm2=host_capacity(passed.porosity, passed.thickness_um).capacity_mah_per_cm2,
        mechanism=fastest.mechanism,
        strain_rate=next(rate.strain_rate for rate in rates if rate.mechanism == "sum"),
        current_ma_per_cm2=most.current_ma_per_cm2,
        current_lower_ma_per_cm2=most.lower,
        current_upper_ma_per_cm2=most.upper,
        asked_ma_per_cm2=asked_ma_per_cm2,
        passes=passes(asked_ma_per_cm2, most.lower, most.upper),
        rates=rates,
        limits=passed.limits,
    )


def passes(asked: float | None, lower: float, upper: float) -> Literal["yes", "no", "within the band", "not asked"]:
    """Say whether a host passes a current in mA/cm²: yes below the band of its limit, no above it."""
    if asked is None:
        return "not asked"
    if asked <= lower:
        return "yes"
    return "no" if asked > upper else "within the band"


def _parameter_inputs(parameters: CreepParameters) -> list[Input]:
    found = []
    for name in type(parameters).model_fields:
        parameter: Parameter = getattr(parameters, name)
        told = f"{parameter.basis} {parameter.doi}".strip()
        source = f"{told}: {parameter.note}" if parameter.note else told
        found.append(Input(name=name, value=parameter.value, unit=parameter.unit, source=source))
    return found
